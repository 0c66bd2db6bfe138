"""The Kubernetes API: tokens of service accounts, and temporary service accounts that must be refused.

The Kubernetes client reads the kubeconfig and connects. Requests are plain HTTP, because importing the
client's API classes takes several times as long as a login.
"""

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

from .errors import Refused
from .kubeconfigs import LINK, THE_ONLY_ONE, Wanted, configuration, unusable
from .outputs import Kubeconfig

REACHED = "cluster"
OWNER_LABEL = "vault-aws-auth/verify"


class Forbidden(Exception):
    """You may not read it; the text is Kubernetes'."""


class _Answered(Exception):
    """The API's error: its status and its words."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class Cluster:
    """The Kubernetes API, reached like kubectl does, else with the stack's own kubeconfig."""

    def __init__(self, stacks_own: Kubeconfig, kubeconfig: str | None, wanted: Wanted = THE_ONLY_ONE) -> None:
        """`kubeconfig` is a file, the word `stack` for the stack's own, or None for kubectl's order."""
        from kubernetes.client.rest import RESTClientObject

        with _logged_errors() as errors:
            configured, self.origin = configuration(stacks_own, kubeconfig, wanted)
        if errors:
            raise unusable(
                f"{self.origin}: {'; '.join(errors)}", "the kubeconfig's exec command must work in this shell"
            )
        # Retries would log a warning per attempt and delay the message.
        configured.retries = False
        self._configuration: Any = configured
        client: Any = RESTClientObject
        self._connections = client(configured).pool_manager

    def version(self) -> str:
        """The version of the Kubernetes API."""
        with self._asked("its version", "", "", REACHED):
            return str(self._request("GET", "/version/")["gitVersion"])

    def has_namespace(self, namespace: str) -> bool:
        """Whether the namespace exists; raises `Forbidden` if you may not read it."""
        return self._found("namespace", _path(namespace), namespace) is not None

    def annotations(self, account: str) -> dict[str, str] | None:
        """The annotations of the service account `namespace/name`. None if it does not exist.

        Raises `Forbidden` if you may not read it.
        """
        namespace, name = account.split("/")
        path = _path(namespace, "serviceaccounts", name)
        found = self._found(f"service account {account}", path, namespace)
        return None if found is None else dict(found["metadata"].get("annotations") or {})

    def service_accounts(self) -> Iterator[dict[str, Any]]:
        """Every service account of the cluster; raises `Refused`."""
        after = ""
        while True:
            page = urlencode({"limit": 500, **({"continue": after} if after else {})})
            with self._asked("the service accounts", "serviceaccounts (list)", "every namespace"):
                found = self._request("GET", f"/api/v1/serviceaccounts?{page}")
                yield from found["items"]
                after = found["metadata"].get("continue") or ""
            if not after:
                return

    def _found(self, what: str, path: str, namespace: str) -> Any:
        with self._asked(what, "serviceaccounts", namespace):
            try:
                return self._request("GET", path)
            except _Answered as error:
                if error.status == 404:
                    return None
                if error.status == 403:
                    raise Forbidden(str(error)) from error
                raise

    def token(self, account: str, audience: str) -> str:
        """A token of the service account `namespace/name`, like the one that its pods get."""
        namespace, name = account.split("/")
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            # 600 seconds is Kubernetes' minimum.
            "spec": {"audiences": [audience], "expirationSeconds": 600},
        }
        with self._asked(f"token for {account}", "serviceaccounts/token", namespace):
            path = _path(namespace, "serviceaccounts", name, "token")
            return str(self._request("POST", path, request)["status"]["token"])

    @contextmanager
    def temporary_service_account(self, account: str) -> Iterator[None]:
        """The service account `namespace/name`; if it does not exist, it is created and then deleted."""
        namespace, name = account.split("/")
        mark = secrets.token_hex(8)
        body = {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": name, "labels": {OWNER_LABEL: mark}},
            "automountServiceAccountToken": False,
        }
        # True from the start: an interrupt may come after Kubernetes creates it and before it answers.
        created = True
        try:
            with self._asked(f"create {account}", "serviceaccounts", namespace):
                try:
                    self._request("POST", _path(namespace, "serviceaccounts"), body)
                except _Answered as error:
                    created = False
                    if error.status != 409:
                        raise
            yield
        finally:
            if created:
                self._remove_marked(namespace, mark)

    def _remove_marked(self, namespace: str, mark: str) -> None:
        """Delete what `temporary_service_account` created, found by its mark, and nothing else."""
        path = _path(namespace, "serviceaccounts")
        with self._asked("remove the temporary service account", "serviceaccounts", namespace):
            mine = self._request("GET", f"{path}?{urlencode({'labelSelector': f'{OWNER_LABEL}={mark}'})}")
            for found in mine["items"]:
                uid = {"preconditions": {"uid": found["metadata"]["uid"]}}
                options = {"apiVersion": "v1", "kind": "DeleteOptions", **uid}
                self._request("DELETE", f"{path}/{found['metadata']['name']}", options)

    def _request(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The API's answer to one request; raises `_Answered` if it is an error."""
        from urllib3 import Timeout

        headers = {"Accept": "application/json", "User-Agent": "vault-aws-auth"}
        for credential in self._configuration.auth_settings().values():
            headers[credential["key"]] = credential["value"]
        answer = self._connections.request(
            method,
            self._configuration.host + path,
            headers=headers,
            timeout=Timeout(connect=5, read=20),
            **({} if body is None else {"json": body}),
        )
        if not 200 <= answer.status < 300:
            raise _Answered(answer.status, _message(answer))
        try:
            return answer.json()
        except ValueError:
            raise _Answered(answer.status, "not a Kubernetes API: its answer is not JSON") from None

    @contextmanager
    def _asked(self, what: str, resource: str, namespace: str, link: str = LINK) -> Iterator[None]:
        from urllib3.exceptions import HTTPError

        try:
            yield
        except _Answered as error:
            hints = {
                401: "Kubernetes did not accept the kubeconfig's credentials: `kubectl auth whoami` shows "
                "who you are",
                403: f"you need create (for verify also list and delete) on {resource} in namespace "
                f"{namespace}",
                404: "the service account or its namespace does not exist: is this the stack's cluster? "
                "`pulumi up` creates what the stack owns",
            }
            raise Refused(
                link,
                "Kubernetes",
                f"{what} ({self.origin}): {error}",
                str(error.status),
                hints.get(error.status, ""),
            ) from error
        except (KeyError, TypeError, AttributeError) as error:
            words = f"{what} ({self.origin}): its answer is not that of a Kubernetes API"
            hint = "something else answers there, such as a proxy: check `server` in the kubeconfig"
            raise Refused(link, None, words, "not-kubernetes", hint) from error
        except HTTPError as error:
            raise Refused(
                link,
                None,
                f"{what} ({self.origin}): {error}",
                "unreachable",
                "is the cluster's API reachable from here (VPN, private endpoint, the right kubectl "
                "context)?",
            ) from error


# Shared by all logins in a cluster: a kubeconfig's exec command may take longer than a login.
connected = cache(Cluster)


@contextmanager
def _logged_errors() -> Iterator[list[str]]:
    """The Kubernetes client only logs a failed exec command and goes on as system:anonymous."""
    errors: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno >= logging.ERROR:
                errors.append(record.getMessage())

    handler = Keep()
    logging.getLogger().addHandler(handler)
    try:
        yield errors
    finally:
        logging.getLogger().removeHandler(handler)


def _path(namespace: str, *more: str) -> str:
    return "/api/v1/namespaces/" + "/".join(quote(part, safe="") for part in (namespace, *more))


def _message(answer: Any) -> str:
    try:
        return str(answer.json()["message"])
    except (TypeError, ValueError, KeyError):
        return str(answer.reason)
