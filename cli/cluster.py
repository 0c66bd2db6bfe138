"""The cluster's part: tokens of service accounts, and temporary service accounts for refusals.

The Kubernetes client reads the kubeconfig and connects; requests are plain, because its classes of the API's
objects take several times as long to import as a whole login does.
"""

import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from .errors import Refused
from .outputs import Kubeconfig

LINK = "service-account token"
REACHED = "cluster"
OWNER_LABEL = "vault-aws-auth/verify"


class Forbidden(Exception):
    """You may not read it; Kubernetes' own words."""


class _Answered(Exception):
    """The API answered with an error: its status, and its own words."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class Cluster:
    """The Kubernetes API, reached the way kubectl reaches it, else with the stack's own kubeconfig."""

    def __init__(self, stacks_own: Kubeconfig, kubeconfig: str | None = None) -> None:
        """`kubeconfig` is a file, the word `stack` for the stack's own, or nothing for kubectl's order."""
        from kubernetes.client.rest import RESTClientObject

        with _words_of_the_client() as words:
            configuration, self.origin = _configuration(stacks_own, kubeconfig)
        if words:
            raise _unusable(
                f"{self.origin}: {'; '.join(words)}", "the kubeconfig's exec command must work in this shell"
            )
        # The default retries log a warning per attempt and only delay the message.
        configuration.retries = False
        self._configuration: Any = configuration
        client: Any = RESTClientObject
        self._connections = client(configuration).pool_manager

    def version(self) -> str:
        """The version of the Kubernetes API that answers."""
        with self._asked("its version", "", "", REACHED):
            return str(self._request("GET", "/version/")["gitVersion"])

    def has_namespace(self, namespace: str) -> bool:
        """Whether it is there."""
        return self._found("namespace", _path(namespace), namespace) is not None

    def annotations(self, account: str) -> dict[str, str] | None:
        """Those of the service account `namespace/name`; None if there is no such service account.

        Raises `Forbidden` if you may not read it; so does `has_namespace`.
        """
        namespace, name = account.split("/")
        path = _path(namespace, "serviceaccounts", name)
        found = self._found(f"service account {account}", path, namespace)
        return None if found is None else dict(found["metadata"].get("annotations") or {})

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
        """A token of the service account `namespace/name`, as the kubelet projects it into its pods."""
        namespace, name = account.split("/")
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            # 600 seconds is the least that Kubernetes gives.
            "spec": {"audiences": [audience], "expirationSeconds": 600},
        }
        with self._asked(f"token for {account}", "serviceaccounts/token", namespace):
            path = _path(namespace, "serviceaccounts", name, "token")
            return str(self._request("POST", path, request)["status"]["token"])

    @contextmanager
    def lent_service_account(self, account: str) -> Iterator[None]:
        """The service account `namespace/name`, created if absent and then removed again."""
        namespace, name = account.split("/")
        mark = secrets.token_hex(8)
        body = {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": name, "labels": {OWNER_LABEL: mark}},
            "automountServiceAccountToken": False,
        }
        # True while Kubernetes is asked, too: an interrupt may come between its creating it and its answer.
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
        """Remove what `lent_service_account` made, and by its mark nothing else."""
        path = _path(namespace, "serviceaccounts")
        with self._asked("remove the temporary service account", "serviceaccounts", namespace):
            mine = self._request("GET", f"{path}?{urlencode({'labelSelector': f'{OWNER_LABEL}={mark}'})}")
            for found in mine["items"]:
                uid = {"preconditions": {"uid": found["metadata"]["uid"]}}
                options = {"apiVersion": "v1", "kind": "DeleteOptions", **uid}
                self._request("DELETE", f"{path}/{found['metadata']['name']}", options)

    def _request(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The API's answer to one request; `_Answered` if that is an error."""
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
            raise _Answered(answer.status, "this is no Kubernetes API: its answer is not JSON") from None

    @contextmanager
    def _asked(self, what: str, resource: str, namespace: str, link: str = LINK) -> Iterator[None]:
        from urllib3.exceptions import HTTPError

        try:
            yield
        except _Answered as error:
            hints = {
                401: "the credentials of the kubeconfig were not accepted: `kubectl auth whoami` tells "
                "who you are",
                403: f"you need create (and, to verify, list and delete) on {resource} in namespace "
                f"{namespace}",
                404: "the service account or its namespace does not exist: is it the stack's cluster? "
                "`pulumi up` creates what the stack owns",
            }
            raise Refused(
                link,
                "Kubernetes",
                f"{what} ({self.origin}): {error}",
                str(error.status),
                hints.get(error.status, ""),
            ) from error
        except HTTPError as error:
            raise Refused(
                link,
                None,
                f"{what} ({self.origin}): {error}",
                "unreachable",
                "is the cluster's API reachable from here (VPN, private endpoint, the right kubectl "
                "context)?",
            ) from error


# Once for all of a stack's logins: a kubeconfig's exec command may take longer than a login.
connected = cache(Cluster)


def _configuration(stacks_own: Kubeconfig, kubeconfig: str | None) -> tuple[Any, str]:
    """The client configuration and where it came from."""
    import kubernetes.config
    from kubernetes.client import Configuration

    config: Any = kubernetes.config  # untyped

    configuration = Configuration()
    usual = os.environ.get("KUBECONFIG") or "~/.kube/config"
    found = [path for path in usual.split(os.pathsep) if Path(path).expanduser().exists()]
    try:
        if kubeconfig == "stack" or not (kubeconfig or found or os.environ.get("KUBERNETES_SERVICE_HOST")):
            origin = "the stack's kubeconfig"
            content = stacks_own()
            if content is None:
                raise _unusable(
                    "no kubeconfig: neither KUBECONFIG nor ~/.kube/config nor the stack's outputs have one",
                    "set KUBECONFIG; outputs handed over with --outputs hold it only when written with "
                    "--show-secrets",
                )
            config.load_kube_config_from_dict(
                content, client_configuration=configuration, persist_config=False
            )
        elif kubeconfig or found:
            path = kubeconfig or usual
            origin = f"kubeconfig {path}"
            config.load_kube_config(path, client_configuration=configuration, persist_config=False)
        else:
            origin = "this pod's service account"
            config.load_incluster_config(configuration)
    except (kubernetes.config.ConfigException, OSError) as error:
        raise _unusable(str(error), "is it a kubeconfig with a current context?") from error
    return configuration, origin


@contextmanager
def _words_of_the_client() -> Iterator[list[str]]:
    """The Kubernetes client logs a failed exec command and goes on as system:anonymous; keep its words."""
    words: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno >= logging.ERROR:
                words.append(record.getMessage())

    handler = Keep()
    logging.getLogger().addHandler(handler)
    try:
        yield words
    finally:
        logging.getLogger().removeHandler(handler)


def _path(namespace: str, *more: str) -> str:
    return "/api/v1/namespaces/" + "/".join(quote(part, safe="") for part in (namespace, *more))


def _message(answer: Any) -> str:
    try:
        return str(answer.json()["message"])
    except (TypeError, ValueError, KeyError):
        return str(answer.reason)


def _unusable(reason: str, hint: str) -> Refused:
    return Refused(LINK, None, reason, "no-kubeconfig", hint)
