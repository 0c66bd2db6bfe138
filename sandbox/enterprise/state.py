"""The stand-in's own state: federation settings, namespaces, the issuer."""

import json
import secrets
import threading
from pathlib import Path
from typing import Any

from sandbox.home import write_private

ROOT_ID = "root"


class State:
    """The state file, read at every access and rewritten at every change."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "state.json"
        self._lock = threading.RLock()

    def mount(self, path: str) -> dict[str, Any] | None:
        """The federation of a mount (`auth/aws`, `aws`); None if it has none."""
        found: dict[str, Any] | None = self._read()["mounts"].get(path)
        return found

    def mount_of_key(self, access_key: str) -> str | None:
        """The mount that signs its AWS requests with this key of the stand-in."""
        mounts = self._read()["mounts"]
        return next((path for path, mount in mounts.items() if mount["access_key"] == access_key), None)

    def set_mount(self, path: str, namespace: str, given: dict[str, Any]) -> dict[str, Any]:
        """Stores a mount's written AWS configuration; keeps the mount's key pair."""
        with self._lock:
            document = self._read()
            known = document["mounts"].get(path) or {
                "access_key": "AKIASTANDIN" + secrets.token_hex(5)[:9].upper(),
                "secret_key": secrets.token_urlsafe(30),
            }
            kept = {**known, "namespace": namespace, "given": given}
            document["mounts"][path] = kept
            self._write(document)
            return kept

    def forget_mount(self, path: str) -> None:
        with self._lock:
            document = self._read()
            if document["mounts"].pop(path, None):
                self._write(document)

    def namespaces(self) -> dict[str, str]:
        """The ID of each namespace, by path with a trailing slash."""
        found: dict[str, str] = self._read()["namespaces"]
        return found

    def namespace_id(self, path: str) -> str:
        return self.namespaces()[f"{path}/"] if path else ROOT_ID

    def ensure_namespace(self, path: str) -> None:
        """Creates a namespace and its parents."""
        with self._lock:
            document = self._read()
            before = dict(document["namespaces"])
            above = ""
            for part in filter(None, path.split("/")):
                above += f"{part}/"
                document["namespaces"].setdefault(above, secrets.token_hex(3)[:5])
            # `sandbox start` creates existing ones again, while the stand-in may be writing.
            if document["namespaces"] != before:
                self._write(document)

    def forget_namespace(self, path: str) -> None:
        with self._lock:
            document = self._read()
            document["namespaces"].pop(f"{path}/", None)
            self._write(document)

    def issuer(self, namespace: str) -> str | None:
        """The issuer written to a namespace's `identity/oidc/config`."""
        found: str | None = self._read()["issuers"].get(namespace)
        return found

    def set_issuer(self, namespace: str, issuer: str) -> None:
        with self._lock:
            document = self._read()
            document["issuers"][namespace] = issuer
            self._write(document)

    def _read(self) -> dict[str, Any]:
        document: dict[str, Any] = {"mounts": {}, "namespaces": {}, "issuers": {}}
        if self._file.exists():
            document |= json.loads(self._file.read_text(encoding="utf-8"))
        return document

    def _write(self, document: dict[str, Any]) -> None:
        write_private(self._file, json.dumps(document, indent=2))
