"""The cluster's part: tokens of service accounts, and temporary service accounts for refusals."""

import json
import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import Refused
from .outputs import Stack

LINK = "service-account token"
REACHED = "cluster"
OWNER_LABEL = "vault-aws-auth/verify"
_LIMITS = {"_request_timeout": (5, 20)}


class Forbidden(Exception):
    """You may not read it; Kubernetes' own words."""


class Cluster:
    """The Kubernetes API, reached the way kubectl reaches it, else with the stack's own kubeconfig."""

    def __init__(self, stack: Stack, kubeconfig: str | None = None) -> None:
        """`kubeconfig` is a file, the word `stack` for the stack's own, or nothing for kubectl's order."""
        from kubernetes.client import ApiClient, CoreV1Api

        with _words_of_the_client() as words:
            configuration, self.origin = _configuration(stack, kubeconfig)
        if words:
            raise _unusable(
                f"{self.origin}: {'; '.join(words)}", "the kubeconfig's exec command must work in this shell"
            )
        # The default retries log a warning per attempt and only delay the message.
        configuration.retries = False
        self._api: Any = CoreV1Api(ApiClient(configuration))

    def version(self) -> str:
        """The version of the Kubernetes API that answers."""
        from kubernetes.client import VersionApi

        with self._asked("its version", "", "", REACHED):
            api: Any = VersionApi(self._api.api_client)
            return str(api.get_code(**_LIMITS).git_version)

    def has_namespace(self, namespace: str) -> bool:
        """Whether it is there."""
        return self._found("namespace", self._api.read_namespace, namespace) is not None

    def annotations(self, account: str) -> dict[str, str] | None:
        """Those of the service account `namespace/name`; None if there is no such service account.

        Raises `Forbidden` if you may not read it; so does `has_namespace`.
        """
        namespace, name = account.split("/")
        found = self._found(
            f"service account {account}", self._api.read_namespaced_service_account, name, namespace
        )
        return None if found is None else dict(found.metadata.annotations or {})

    def _found(self, what: str, read: Any, *names: str) -> Any:
        from kubernetes.client import ApiException

        with self._asked(what, "serviceaccounts", names[-1]):
            try:
                return read(*names, **_LIMITS)
            except ApiException as error:
                if error.status == 404:
                    return None
                if error.status == 403:
                    raise Forbidden(_message(error)) from error
                raise

    def token(self, account: str, audience: str) -> str:
        """A token of the service account `namespace/name`, as the kubelet projects it into its pods."""
        from kubernetes.client import AuthenticationV1TokenRequest, V1TokenRequestSpec

        namespace, name = account.split("/")
        with self._asked(f"token for {account}", "serviceaccounts/token", namespace):
            answer = self._api.create_namespaced_service_account_token(
                name,
                namespace,
                # 600 seconds is the least that Kubernetes gives.
                AuthenticationV1TokenRequest(
                    spec=V1TokenRequestSpec(audiences=[audience], expiration_seconds=600)
                ),
                **_LIMITS,
            )
        return str(answer.status.token)

    @contextmanager
    def lent_service_account(self, account: str) -> Iterator[None]:
        """The service account `namespace/name`, created if absent and then removed again."""
        from kubernetes.client import ApiException, V1ObjectMeta, V1ServiceAccount

        namespace, name = account.split("/")
        mark = secrets.token_hex(8)
        body = V1ServiceAccount(
            metadata=V1ObjectMeta(name=name, labels={OWNER_LABEL: mark}),
            automount_service_account_token=False,
        )
        # True while Kubernetes is asked, too: an interrupt may come between its creating it and its answer.
        created = True
        try:
            with self._asked(f"create {account}", "serviceaccounts", namespace):
                try:
                    self._api.create_namespaced_service_account(namespace, body, **_LIMITS)
                except ApiException as error:
                    created = False
                    if error.status != 409:
                        raise
            yield
        finally:
            if created:
                self._remove_marked(namespace, mark)

    def _remove_marked(self, namespace: str, mark: str) -> None:
        """Remove what `lent_service_account` made, and by its mark nothing else."""
        from kubernetes.client import V1DeleteOptions, V1Preconditions

        with self._asked("remove the temporary service account", "serviceaccounts", namespace):
            mine = self._api.list_namespaced_service_account(
                namespace, label_selector=f"{OWNER_LABEL}={mark}", **_LIMITS
            )
            for found in mine.items:
                self._api.delete_namespaced_service_account(
                    found.metadata.name,
                    namespace,
                    body=V1DeleteOptions(preconditions=V1Preconditions(uid=found.metadata.uid)),
                    **_LIMITS,
                )

    @contextmanager
    def _asked(self, what: str, resource: str, namespace: str, link: str = LINK) -> Iterator[None]:
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        try:
            yield
        except ApiException as error:
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
                f"{what} ({self.origin}): {_message(error)}",
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


def _configuration(stack: Stack, kubeconfig: str | None) -> tuple[Any, str]:
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
            content = stack.kubeconfig()
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


def _message(error: Any) -> str:
    try:
        return str(json.loads(error.body)["message"])
    except (TypeError, ValueError, KeyError):
        return str(error.reason)


def _unusable(reason: str, hint: str) -> Refused:
    return Refused(LINK, None, reason, "no-kubeconfig", hint)
