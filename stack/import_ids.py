"""The IDs under which providers import what is there, made of what a preview would write.

As the providers' pages write them: `tests/unit/test_import_ids.py` compares them with those.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from stack.preflight.objects import TYPES, Thing, thing
from stack.preflight.state import in_its_cluster

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""The engine's word for a text that a preview does not know."""


@dataclass(frozen=True)
class Home:
    """The stack's own account."""

    account: str
    partition: str


@dataclass(frozen=True)
class Made:
    """A resource that a preview would make."""

    urn: str
    type: str
    parent: str
    provider: str
    inputs: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The resource's name in the program."""
        return self.urn.rsplit("::", 1)[-1]


def _field(name: str) -> Callable[[Mapping[str, str]], str]:
    return lambda inputs: inputs[name]


IDS: Mapping[str, Callable[[Mapping[str, str]], str]] = {
    "vault:index/authBackend:AuthBackend": _field("path"),
    "vault:aws/authBackendClient:AuthBackendClient": lambda it: f"auth/{it['backend']}/config/client",
    "vault:aws/authBackendConfigIdentity:AuthBackendConfigIdentity": (
        lambda it: f"auth/{it['backend']}/config/identity"
    ),
    "vault:aws/authBackendStsRole:AuthBackendStsRole": (
        lambda it: f"auth/{it['backend']}/config/sts/{it['accountId']}"
    ),
    "vault:aws/authBackendRole:AuthBackendRole": lambda it: f"auth/{it['backend']}/role/{it['role']}",
    "vault:index/mount:Mount": _field("path"),
    "vault:aws/secretBackend:SecretBackend": _field("path"),
    "vault:aws/secretBackendRole:SecretBackendRole": lambda it: f"{it['backend']}/roles/{it['name']}",
    "vault:index/policy:Policy": _field("name"),
    "vault:identity/oidcKey:OidcKey": _field("name"),
    "aws:iam/role:Role": _field("name"),
    "aws:iam/user:User": _field("name"),
    "aws:iam/policy:Policy": _field("arn"),
    "aws:iam/instanceProfile:InstanceProfile": _field("name"),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": _field("arn"),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": lambda it: f"{it['role']}/{it['policyArn']}",
    "aws:iam/userPolicyAttachment:UserPolicyAttachment": lambda it: f"{it['user']}/{it['policyArn']}",
    "aws:iam/rolePolicy:RolePolicy": lambda it: f"{it['role']}:{it['name']}",
    "aws:eks/cluster:Cluster": _field("name"),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": (
        lambda it: f"{it['clusterName']},{it['associationId']}"
    ),
    "aws:eks/addon:Addon": lambda it: f"{it['clusterName']}:{it['addonName']}",
    "kubernetes:core/v1:Namespace": _field("metadata.name"),
    "kubernetes:core/v1:ServiceAccount": lambda it: f"{it['metadata.namespace']}/{it['metadata.name']}",
}
"""How the ID of a resource is made of its inputs, by type. What is not here is never taken over: access keys,
whose secret is told once, and what only writes something once more."""

ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"

ATTACHED = {
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": "role",
    "aws:iam/userPolicyAttachment:UserPolicyAttachment": "user",
    "aws:iam/rolePolicy:RolePolicy": "role",
}
"""Types of what is attached to something, and the input that names it: looked up only where that is there."""


def of_preview(preview: Mapping[str, Any]) -> list[Made]:
    """What a preview, as `--json` prints it, would make."""
    found = []
    for step in preview.get("steps") or []:
        state = step.get("newState") or {}
        if step.get("op") == "create" and state:
            found.append(
                Made(
                    state["urn"],
                    state["type"],
                    state.get("parent") or "",
                    state.get("provider") or "",
                    state.get("inputs") or {},
                )
            )
    return found


class Look(Protocol):
    """Looks up, where it is, what a preview cannot tell."""

    def attached(self, made: Made, identifier: str) -> bool:
        """Whether something is attached to what has it, by its ID."""

    def association(self, made: Made, region: str) -> str:
        """The ID that EKS has given to an association of Pod Identity; empty if it is not found."""


def identifiers(made: Iterable[Made], there: Iterable[Thing], home: Home, look: Look) -> dict[str, str]:
    """The ID of each resource that is there, by URN."""
    found = dict[str, str]()
    made = list(made)
    there = list(there)
    existing = {*there, *_of_mounts(there)}
    for each in made:
        if each.type in IDS and existing & _things(each, home):
            texts = _texts(each, home)
            if each.type == ASSOCIATION:
                texts["associationId"] = look.association(each, _region(each, made))
                if not texts["associationId"]:
                    continue
            found[each.urn] = IDS[each.type](texts)
    here = {
        (each.type, str(each.inputs.get("name")))
        for each in made
        if each.urn in found and not _account(each, home)
    }
    for each in made:
        if each.type in ATTACHED and not _account(each, home):
            owner, texts = ATTACHED[each.type], _texts(each, home)
            known = UNKNOWN not in (texts.get(owner), texts.get("policyArn"))
            if known and (f"aws:iam/{owner}:{owner.capitalize()}", texts.get(owner, "")) in here:
                identifier = IDS[each.type](texts)
                if look.attached(each, identifier):
                    found[each.urn] = identifier
    return found


def _of_mounts(there: Iterable[Thing]) -> Iterator[Thing]:
    """What every auth mount has from the beginning, and what therefore is in nobody's way."""
    mounts = {it.name for it in there if it.noun == "auth mount"}
    yield from (thing("identity config", mount) for mount in mounts)


def _region(each: Made, made: Iterable[Made]) -> str:
    """The region of a resource: that of its provider."""
    of = each.provider.rpartition("::")[0]
    return next((str(it.inputs.get("region") or "") for it in made if it.urn == of), "")


def without_id(
    made: Iterable[Made], there: Iterable[Thing], ids: Mapping[str, str], home: Home
) -> list[Thing]:
    """What is there and no resource of which has an ID here."""
    taken = {thing for each in made if each.urn in ids for thing in _things(each, home)}
    return [thing for thing in there if thing not in taken]


def _things(made: Made, home: Home) -> set[Thing]:
    """What a resource is; of a cluster, or in one, with its `StackCluster.place`: both, where the name of the
    resource does not tell which. Empty for what has no name of its own."""
    read = TYPES.get(made.type)
    if read is None or (found := read(made.inputs)) is None:
        return set()
    placed = in_its_cluster(found._replace(account=_account(made, home)), made.urn)
    return {placed} if "/" in made.name else {placed, placed._replace(cluster="")}


def _account(made: Made, home: Home) -> str:
    """The account of what is made, as a Thing has it: empty is the stack's own."""
    provider = made.provider.rpartition("::")[0].rsplit("::", 1)[-1]
    elsewhere = provider.removeprefix("aws-") if provider.startswith("aws-") else ""
    return "" if elsewhere == home.account else elsewhere


def _texts(made: Made, home: Home) -> dict[str, str]:
    """The texts among the inputs, with the ARN that IAM gives."""
    texts = dict(_flat(made.inputs))
    above = f"arn:{home.partition}:iam::{_account(made, home) or home.account}"
    if made.type == "aws:iam/policy:Policy":
        texts["arn"] = f"{above}:policy{texts.get('path', '/')}{texts['name']}"
    if made.type == "aws:iam/openIdConnectProvider:OpenIdConnectProvider":
        texts["arn"] = f"{above}:oidc-provider/{texts['url'].removeprefix('https://')}"
    return texts


def _flat(inputs: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for key, value in inputs.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")
        elif isinstance(value, str):
            yield f"{above}{key}", value
