"""The HTTPS front of Vault: answers Enterprise's requests itself and forwards all others to Vault."""

import json
import re
import threading
from collections.abc import Callable, Iterable
from typing import Any

import requests
from werkzeug.wrappers import Request, Response

from sandbox.enterprise import federation, issuer
from sandbox.enterprise.aws import FederatedAws
from sandbox.enterprise.records import Records
from sandbox.enterprise.state import State
from sandbox.home import Home

_WRITES = ("POST", "PUT", "PATCH", "DELETE")
_HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "content-encoding", "date", "host"}
_CONFIG = re.compile(r"(?P<mount>auth/.+)/config/client|(?P<engine>.+)/config/root")
_MOUNT = re.compile(r"sys/(?P<kind>auth|mounts)/(?P<path>.+?)/?")


class Front:
    """The WSGI application."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._state = State(home.enterprise)
        self._signer = issuer.Signer(home.enterprise)
        self._records = Records(home.enterprise)
        self._configuring = threading.Lock()  # the state here and in the real Vault must change together
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = str(home.ca_certificate)
        self.aws = FederatedAws(home, self._state, self._signer, self._accessor)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = Request(environ)
        namespace, path = self._place(request)
        try:
            response = self._answer(request, namespace, path)
        except federation.Refused as error:
            response = _json({"errors": [str(error)]}, error.status)
        if request.method in _WRITES:
            body = request.get_json(force=True, silent=True)
            self._records.add(request.method, namespace, path, body, response.status_code)
        return response(environ, start_response)

    def _place(self, request: Request) -> tuple[str, str]:
        """The namespace, from header and path, and the path below it."""
        namespace = (request.headers.get("X-Vault-Namespace") or "").strip("/")
        namespace = "" if namespace == "root" else namespace
        path = request.path.removeprefix("/v1/")
        if request.method not in ("GET", "HEAD", "LIST"):
            path = path.rstrip("/")
        above = f"{namespace}/" if namespace else ""
        for known in sorted(self._state.namespaces(), key=len, reverse=True):
            below = known.removeprefix(above)
            if known.startswith(above) and below and path.startswith(below):
                return known.rstrip("/"), path.removeprefix(below)
        return namespace, path

    def _answer(self, request: Request, namespace: str, path: str) -> Response:
        if namespace and f"{namespace}/" not in self._state.namespaces():
            raise federation.Refused(f"namespace not found: {namespace}", 404)
        if path in (issuer.DISCOVERY, issuer.KEYS):
            return self._documents(request, namespace, path)
        if path in ("sys/health", "sys/seal-status"):
            if namespace:  # only the root namespace has them
                raise federation.Refused("unsupported path", 404)
            return self._edition(request, path)
        if path == "sys/namespaces" or path.startswith("sys/namespaces/"):
            return self._namespaces(request, namespace, path.removeprefix("sys/namespaces").strip("/"))
        if found := _CONFIG.fullmatch(path):
            with self._configuring:
                return self._configuration(request, namespace, path, found["mount"] or found["engine"])
        answer = self._forward(request, path)
        if path == "identity/oidc/config" and request.method in ("POST", "PUT") and answer.ok:
            given = request.get_json(force=True, silent=True) or {}
            self._state.set_issuer(namespace, str(given.get("issuer") or ""))
        found = _MOUNT.fullmatch(path)
        if found and request.method == "DELETE" and answer.ok:
            self._state.forget_mount(("auth/" if found["kind"] == "auth" else "") + found["path"])
        return _passed(answer)

    def _documents(self, request: Request, namespace: str, path: str) -> Response:
        if request.method not in ("GET", "HEAD"):
            raise federation.Refused("unsupported operation", 405)
        if path == issuer.KEYS:
            return _json(self._signer.public_keys())
        own = self._state.issuer(namespace) or self._home.vault_address
        return _json(issuer.discovery(own, namespace))

    def _edition(self, request: Request, path: str) -> Response:
        answer = self._forward(request, path)
        if not answer.content:
            return _passed(answer)
        document = answer.json()
        document["version"] = f"{document['version']}+ent"
        if path == "sys/health":
            document["enterprise"] = True
        return _json(document, answer.status_code)

    def _namespaces(self, request: Request, namespace: str, name: str) -> Response:
        if not self._forward_get("auth/token/lookup-self", request.headers.get("X-Vault-Token")).ok:
            raise federation.Refused("permission denied", 403)
        above = f"{namespace}/" if namespace else ""
        known = self._state.namespaces()
        full = above + name
        if not name:
            below = [path.removeprefix(above) for path in known if path.startswith(above) and path != above]
            keys = [path for path in below if path.count("/") == 1]
            if not keys:
                raise federation.Refused("", 404)
            return _json({"data": {"keys": keys}})
        if request.method in ("POST", "PUT", "PATCH"):
            self._state.ensure_namespace(full)
        elif request.method == "DELETE":
            self._state.forget_namespace(full)
            return Response(status=204)
        found = self._state.namespaces().get(f"{full}/")
        if not found:
            raise federation.Refused("", 404)
        return _json({"data": {"id": found, "path": f"{full}/", "custom_metadata": {}}})

    def _configuration(self, request: Request, namespace: str, path: str, mount: str) -> Response:
        """A mount's AWS configuration; federated ones are stored here."""
        known = self._state.mount(mount)
        if request.method == "GET":
            answer = self._forward(request, path)
            if not answer.ok or not known:
                return _passed(answer)
            document = answer.json()
            document["data"] |= federation.shown(known["given"])
            return _json(document)
        if request.method in ("POST", "PUT"):
            given = request.get_json(force=True, silent=True) or {}
            before = self._forward_get(path, request.headers.get("X-Vault-Token"))
            stored = before.json()["data"] if before.ok else {}
            change = federation.change(given, known, stored)
            local = f"http://127.0.0.1:{self._home.ports['enterprise-aws']}"
            if change.federated:
                kept = self._state.set_mount(mount, namespace, change.given)
                body = change.for_vault(mount, local, kept["access_key"], kept["secret_key"])
            else:
                body = change.for_vault(mount, local, "", "")
            answer = self._forward(request, path, json.dumps(body).encode())
            if known and answer.ok and not change.federated:
                self._state.forget_mount(mount)
            self.aws.forget(mount)
            return _passed(answer)
        answer = self._forward(request, path)
        if request.method == "DELETE" and answer.ok:
            self._state.forget_mount(mount)
        return _passed(answer)

    def _accessor(self, mount: str) -> str:
        table, name = (
            ("sys/auth", mount.removeprefix("auth/")) if mount.startswith("auth/") else ("sys/mounts", mount)
        )
        answer = self._forward_get(table, self._home.vault_keys()["root_token"])
        return str(answer.json()["data"][f"{name}/"]["accessor"])

    def _forward(self, request: Request, path: str, body: bytes | None = None) -> requests.Response:
        """Forwards the request unchanged to the real Vault, which has the root namespace only."""
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in _HOP_BY_HOP and name.lower() != "x-vault-namespace"
        }
        raw = str(request.environ.get("RAW_URI") or request.path)
        query = raw.partition("?")[2]
        return self._session.request(
            request.method,
            f"{self._home.vault_url}/v1/{path}" + (f"?{query}" if query else ""),
            data=request.get_data() if body is None else body,
            headers=headers,
            allow_redirects=False,
            timeout=120,
        )

    def _forward_get(self, path: str, token: str | None) -> requests.Response:
        headers = {"X-Vault-Token": token} if token else {}
        return self._session.get(f"{self._home.vault_url}/v1/{path}", headers=headers, timeout=30)


def _passed(answer: requests.Response) -> Response:
    headers = [(name, value) for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP]
    return Response(answer.content, answer.status_code, headers)


def _json(document: Any, status: int = 200) -> Response:
    return Response(json.dumps(document), status, mimetype="application/json")
