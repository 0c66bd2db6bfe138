"""A Kubernetes API server from a kubeconfig: plain requests, and the kinds that it serves."""

import contextlib
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import urllib3
import yaml
from kubernetes import config as kubeconfig
from kubernetes.client import ApiClient, Configuration
from kubernetes.client.exceptions import ApiException

from sandbox.plugins import eks_token
from sandbox.plugins.resource import Inputs, NotFound, ProviderError

TIMEOUT = (5, 60)
"""Seconds to connect, and to answer."""

_APPLY = "application/apply-patch+yaml"  # a superset of JSON


def is_custom(group: str) -> bool:
    """Whether an API group can have custom resources; the others have built-in kinds."""
    return "." in group and not group.endswith(".k8s.io")


class NotServed(NotFound):
    """The API server has no such kind, because its definition is not installed."""

    def __init__(self, api_version: str, kind: str) -> None:
        self.api_version, self.kind = api_version, kind
        super().__init__(
            f"the Kubernetes API does not serve {api_version} {kind}: install its CustomResourceDefinition"
            " first, which comes with the operator that serves it (or, where the stack itself declares the"
            " definition, let this depend on it)"
            if is_custom(api_version.partition("/")[0])
            else f"the Kubernetes API does not serve {api_version} {kind}"
        )


class Cluster:
    """An API server and an identity. Runs the kubeconfig's `exec` as usual, or does what it would do."""

    def __init__(self, config: Inputs) -> None:
        if config.get("enableServerSideApply") is False:
            raise ProviderError("enableServerSideApply=false is not supported by the sandbox's local plugin")
        self.force = bool(config.get("enablePatchForce"))
        unreachable = config.get("deleteUnreachable", os.environ.get("PULUMI_K8S_DELETE_UNREACHABLE"))
        self.delete_unreachable = unreachable in (True, "true")
        self.namespace: str = config.get("namespace") or "default"
        self._kinds: dict[str, dict[str, tuple[str, bool]]] = {}
        self._planned: set[tuple[str, str]] = set()
        self._discovering = threading.Lock()
        settings = Configuration()
        document = _load(config.get("kubeconfig") or os.environ.get("KUBECONFIG") or "~/.kube/config")
        if "cluster" in config:
            document = _with_cluster(document, config.get("context"), config["cluster"])
        user = _user(document, config.get("context"))
        if token := eks_token.of_command(user.get("exec") or {}):
            document = _with_token(document, user, token)
        try:
            kubeconfig.load_kube_config_from_dict(
                document, config.get("context"), client_configuration=settings, persist_config=False
            )
        except kubeconfig.ConfigException as error:
            raise ProviderError(f"the kubeconfig cannot be used: {error}") from error
        if not settings.api_key and user.get("exec"):
            # The client library has printed the reason, and would continue without credentials.
            raise ProviderError("the kubeconfig's exec command gave no token")
        settings.retries = False  # else a server that hangs is waited for four times
        self._client = ApiClient(settings)

    def path(self, api_version: str, kind: str, namespace: str | None, name: str) -> tuple[str, str]:
        """An object's path and ID, with the namespace if the kind has one."""
        root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        with self._discovering:
            if kind not in self._kinds.get(api_version, {}):
                self._kinds[api_version] = self._discover(root)
            if kind not in self._kinds[api_version]:
                raise NotServed(api_version, kind)
            plural, namespaced = self._kinds[api_version][kind]
        if not namespaced:
            return f"{root}/{plural}/{name}", name
        where = namespace or self.namespace
        return f"{root}/namespaces/{where}/{plural}/{name}", f"{where}/{name}"

    def plan(self, definition: dict[str, Any]) -> None:
        """Records, during a preview, the kinds that this CustomResourceDefinition will define."""
        spec = definition.get("spec", {})
        kind = spec.get("names", {}).get("kind", "")
        self._planned |= {(f"{spec.get('group')}/{v.get('name')}", kind) for v in spec.get("versions", [])}

    def is_planned(self, api_version: str, kind: str) -> bool:
        """Whether the previewed update defines the kind."""
        return (api_version, kind) in self._planned

    @contextlib.contextmanager
    def deleting(self) -> Iterator[None]:
        """What is deleted in a cluster that does not answer, as the official provider does it: an error, or
        with `deleteUnreachable` nothing, so that the stack forgets it."""
        try:
            yield
        except (ApiException, urllib3.exceptions.HTTPError) as error:
            if isinstance(error, ApiException) and error.status:
                raise
            if not self.delete_unreachable:
                raise ProviderError(
                    f"the configured Kubernetes cluster is unreachable: {error}. If the cluster was deleted, "
                    "this is removed from the state by the same with the environment variable "
                    'PULUMI_K8S_DELETE_UNREACHABLE set to "true"'
                ) from error

    def _discover(self, root: str) -> dict[str, tuple[str, bool]]:
        try:
            served = self.request("GET", root)["resources"]
        except NotFound:
            return {}
        return {
            each["kind"]: (each["name"], each["namespaced"]) for each in served if "/" not in each["name"]
        }

    def get(self, path: str) -> dict[str, Any] | None:
        """The object at a path; None if there is none."""
        try:
            found: dict[str, Any] = self.request("GET", path)
        except NotFound:
            return None
        found["metadata"].pop("managedFields", None)
        return found

    def apply(
        self, path: str, body: dict[str, Any], manager: str, force: bool = False, dry_run: bool = False
    ) -> None:
        """Server-side apply; unknown fields are an error."""
        query = {"fieldManager": manager, "force": str(force).lower(), "fieldValidation": "Strict"}
        if dry_run:
            query["dryRun"] = "All"
        self.request("PATCH", path, body, query)

    def request(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        query: dict[str, str] | None = None,
    ) -> Any:
        """Sends a request; returns the answer."""
        headers = {"Accept": "application/json"}
        headers["Content-Type"] = _APPLY if method == "PATCH" else "application/json"
        request = self._client.param_serialize(
            method,
            path,
            query_params=list((query or {}).items()),
            header_params=headers,
            # Sent as text, because the client does not know apply patches.
            body=json.dumps(body) if method == "PATCH" else body,
            auth_settings=["BearerToken"],
        )
        response = self._client.call_api(*request, _request_timeout=TIMEOUT)
        text = response.read()
        if response.status == 404:
            raise NotFound(_message(text))
        if not 200 <= response.status <= 299:
            raise ApiException(status=response.status, reason=_message(text))
        return json.loads(text)


def is_another(old: Inputs, new: Inputs) -> bool:
    """Whether a provider is for another cluster now: its address or its CA is another, as the official
    provider sees it. A kubeconfig that is not known yet may be for any."""
    unknown = "kubeconfig" in old and "kubeconfig" not in new
    return unknown or _active(old) != _active(new)


def _active(config: Inputs) -> Any:
    """What the kubeconfig says of the cluster that is used; None if that cannot be read."""
    try:
        document = _load(config["kubeconfig"])
    except (KeyError, ProviderError, OSError, yaml.YAMLError):
        return None
    name = config.get("cluster") or _chosen(document, config.get("context")).get("cluster")
    return next((each["cluster"] for each in document["clusters"] if each["name"] == name), None)


def explain(error: Exception) -> str | None:
    """The API server's message."""
    if isinstance(error, ApiException) and error.status:
        return f"the Kubernetes API refused ({error.status}): {error.reason}"
    if isinstance(error, (ApiException, urllib3.exceptions.HTTPError)):
        return f"the Kubernetes API does not answer: {error}"
    return None


def answered(error: Exception) -> bool:
    """Whether the API server has refused."""
    if isinstance(error, ApiException):
        return bool(error.status) and error.status < 500
    return not isinstance(error, urllib3.exceptions.HTTPError)


def _message(text: bytes) -> str:
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text.decode(errors="replace")[:500]


def _load(given: str) -> dict[str, Any]:
    """A kubeconfig, given as its contents or its path."""
    text = given
    if "\n" not in given and not given.lstrip().startswith("{"):
        path = Path(given).expanduser()
        if not path.is_file():
            raise ProviderError(f"there is no kubeconfig at {given}")
        text = path.read_text()
    document = yaml.safe_load(text)
    if not isinstance(document, dict) or "clusters" not in document:
        raise ProviderError("the kubeconfig is invalid: it has no clusters")
    return document


def _chosen(document: dict[str, Any], context: str | None) -> dict[str, Any]:
    """The context that is used."""
    name = context or document.get("current-context")
    return next((each["context"] for each in document.get("contexts", []) if each["name"] == name), {})


def _user(document: dict[str, Any], context: str | None) -> dict[str, Any]:
    name = _chosen(document, context).get("user")
    return next((each["user"] for each in document.get("users", []) if each["name"] == name), {})


def _with_token(document: dict[str, Any], user: dict[str, Any], token: str) -> dict[str, Any]:
    users = [
        {**each, "user": {"token": token}} if each["user"] is user else each for each in document["users"]
    ]
    return {**document, "users": users}


def _with_cluster(document: dict[str, Any], context: str | None, cluster: str) -> dict[str, Any]:
    chosen = context or document.get("current-context")
    contexts = [
        {**each, "context": {**each["context"], "cluster": cluster}} if each["name"] == chosen else each
        for each in document.get("contexts", [])
    ]
    return {**document, "contexts": contexts}
