"""Creates the service accounts that the Helm charts of a stack's consumers would create.

The sandbox installs no charts. A login with `serviceAccountMode: none` leaves its service accounts to the
workload's chart, so they are created here, with the annotations from the stack's values.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox import api, control_planes
from sandbox.control_planes import ControlPlane
from sandbox.home import Home

ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"
LABEL = "vault-aws-auth.sandbox/stack"
"""Label of everything created here. Its value is the stack, so that `down` removes only its own."""


@dataclass(frozen=True)
class Account:
    """A service account that a chart would create; `role_arn` is empty if the values set none."""

    namespace: str
    name: str
    role_arn: str
    cluster: str = ""
    """Key of its cluster in the stack's output `clusters`; empty where the stack has one."""

    @property
    def shown(self) -> str:
        """For people: `namespace/name`, with its cluster where there are several."""
        return f"{self} on {self.cluster}" if self.cluster else str(self)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def path(self) -> str:
        """Its path in the Kubernetes API."""
        return f"/api/v1/namespaces/{self.namespace}/serviceaccounts/{self.name}"


def accounts_of(outputs: Mapping[str, Any]) -> list[Account]:
    """The service accounts of the stack's pod logins, with the annotations from its consumers' values."""
    annotated = set(_annotations(outputs.get("consumers") or {}))
    several = len(outputs.get("clusters") or {}) > 1
    wanted = {}
    for login in (outputs.get("logins") or {}).values():
        for reference in login.get("serviceAccounts") or []:
            namespace, _, name = reference.partition("/")
            if "*" in reference or not name:
                continue  # a pattern, not a name
            role = login.get("iamRoleArn", "")
            for cluster in login.get("clusters") or [""] if several else [""]:
                known = Account(namespace, name, role if role in annotated else "", cluster)
                wanted[reference, cluster] = known
    return list(wanted.values())


def install(home: Home, stack: str, outputs: Mapping[str, Any]) -> list[Account]:
    """Creates, updates and removes a stack's service accounts to match its outputs; returns those kept."""
    wanted, kept = accounts_of(outputs), []
    for plane in control_planes.every(home):
        here = [account for account in wanted if _plane(home, account, outputs) == plane]
        kept += _install(api.kubernetes(home, plane), stack, here)
    return kept


def _plane(home: Home, account: Account, outputs: Mapping[str, Any]) -> ControlPlane:
    clusters = outputs.get("clusters") or {"": outputs.get("cluster") or {}}
    told = clusters.get(account.cluster) or next(iter(clusters.values()))
    return control_planes.of_cluster(home, told.get("name", ""), told.get("region") or home.region)


def _install(cluster: api.Api, stack: str, wanted: list[Account]) -> list[Account]:
    existing = {_reference(item): item for item in _accounts(cluster)}
    kept = []
    for account in wanted:
        found = existing.get(str(account))
        if found and (found["metadata"].get("labels") or {}).get(LABEL) != stack:
            continue  # created by this stack or another one
        kept.append(account)
        metadata: dict[str, Any] = {
            "name": account.name,
            "labels": {LABEL: stack},
            "annotations": {ROLE_ANNOTATION: account.role_arn or None},
        }
        if found:
            cluster.request("PATCH", account.path, {"metadata": metadata})
            continue
        if not account.role_arn:
            del metadata["annotations"]
        namespace = {"metadata": {"name": account.namespace, "labels": {LABEL: stack}}}
        cluster.request("POST", "/api/v1/namespaces", namespace, accepted=(409,))
        cluster.request("POST", account.path.rpartition("/")[0], {"metadata": metadata})
    _remove(cluster, stack, keep=kept)
    return kept


def remove(home: Home, stack: str) -> None:
    """Removes what `install` created for a stack, and nothing else."""
    for plane in control_planes.every(home):
        _remove(api.kubernetes(home, plane), stack, keep=[])


def _remove(cluster: api.Api, stack: str, keep: list[Account]) -> None:
    names = {str(account) for account in keep}
    namespaces = {account.namespace for account in keep}
    made = {"labelSelector": f"{LABEL}={stack}"}
    for item in _accounts(cluster, **made):
        if _reference(item) not in names:
            account = Account(item["metadata"]["namespace"], item["metadata"]["name"], "")
            cluster.request("DELETE", account.path, accepted=(404,))
    for item in cluster.get("/api/v1/namespaces", **made)["items"]:
        name = item["metadata"]["name"]
        if name not in namespaces and item["status"]["phase"] != "Terminating":
            cluster.request("DELETE", f"/api/v1/namespaces/{name}", accepted=(404,))


def _annotations(values: Any) -> Iterator[str]:
    """Every role ARN in service account annotations of values or manifests."""
    if isinstance(values, Mapping):
        for key, value in values.items():
            if key == ROLE_ANNOTATION:
                yield str(value)
            else:
                yield from _annotations(value)
    elif isinstance(values, list):
        for value in values:
            yield from _annotations(value)


def _accounts(cluster: api.Api, **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cluster.get("/api/v1/serviceaccounts", **query)["items"]
    return found


def _reference(item: Mapping[str, Any]) -> str:
    return f"{item['metadata']['namespace']}/{item['metadata']['name']}"
