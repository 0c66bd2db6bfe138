"""Records every write to Vault as one line of JSON, without secrets."""

import json
import os
import re
import threading
from pathlib import Path
from typing import Any

MASK = "[secret]"

# Only configuration is recorded; other writes (secrets, logins, tokens) may have secrets anywhere.
_CONFIGURATION = re.compile(
    r"sys/(auth|mounts|namespaces|policies|policy)/.+|identity/oidc/(config|key/.+|role/.+)|"
    r"auth/.+/(config|role)/.+|.+/config/root"
)
_SECRET = re.compile(r"secret|password|external_id|private|(^|_)token$", re.IGNORECASE)


class Records:
    """The file of the recorded writes."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "writes.jsonl"
        self._lock = threading.Lock()

    def add(self, method: str, namespace: str, path: str, body: Any, status: int) -> None:
        """`body` is the written JSON; recorded as null if it may contain secrets."""
        line = {
            "method": method,
            "namespace": namespace,
            "path": path,
            "body": masked(body) if _shown(path, body) else None,
            "status": status,
        }
        with self._lock:
            opened = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(opened, "a") as file:
                file.write(json.dumps(line) + "\n")


def masked(value: Any) -> Any:
    """The value, with its secrets replaced."""
    if isinstance(value, dict):
        return {
            name: MASK if item and _SECRET.search(name) and isinstance(item, str) else masked(item)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [masked(item) for item in value]
    return value


def _shown(path: str, body: Any) -> bool:
    of_the_aws_engine = isinstance(body, dict) and "credential_type" in body and "/roles/" in path
    return of_the_aws_engine or bool(_CONFIGURATION.fullmatch(path))
