"""What another program declares, in whatever language: from its stack's state, or from a preview of it.

A team's program that imports the components, one in YAML or TypeScript that has them from the package, and
the objects of a chart (`helm.v4.Chart`) are there as the engine knows them.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from components import arns
from stack.deployer import in_aws, in_kubernetes, in_vault
from stack.deployer.program import Declared, Place, Program, parsed

_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What the engine writes where a preview does not know a value: becomes `*`."""

_OPAQUE = ("eks:index:Cluster", "eks:index:ManagedNodeGroup")
"""Components whose parts are told with them."""

_CLUSTER = "vault-aws-auth:index:ExistingEksCluster"


class NoResources(ValueError):
    """The text has no resources of a stack; the message says what to give."""


def read(text: str) -> tuple[Program, list[str]]:
    """The program, and what of it is not covered: notes, a line each. Raises NoResources."""
    found = [*_resources(text)]
    if not found:
        raise NoResources(
            "is neither what `pulumi stack export` writes nor what `pulumi preview --json` prints, or the "
            "stack has no resources"
        )
    _, stack, project, *_ = found[0]["urn"].removeprefix("urn:pulumi").replace("::", ":").split(":")
    accounts = {it["urn"]: _account(it) for it in found if it["type"] == "pulumi:providers:aws"}
    own = next((number for number in map(_allowed, found) if number), "") or _seen(found)
    accounts = {urn: "" if number == own else number for urn, number in accounts.items()}
    hidden = _inside(found)
    region = _of_provider(found, "aws", "region")
    regions = {it["urn"]: str(it["inputs"].get("region") or "") for it in found if it["urn"] in accounts}
    regions = {urn: "" if its == region else its for urn, its in regions.items()}
    declared = [
        _declared(it, accounts, regions)
        for it in found
        if it["urn"] not in hidden and (it.get("custom") or it["type"] in _OPAQUE)
    ]
    declared += _looked_up(found, declared, {own: "", **{it: it for it in accounts.values() if it}})
    covered = [each for each in declared if not _uncovered(each)]
    place = Place(
        region or "*",
        own or "*",
        _of_provider(found, "vault", "namespace"),
        project,
        stack,
        frozenset(filter(None, accounts.values())),
    )
    left = Counter(each.type for each in declared if _uncovered(each))
    notes = [
        f"not covered: {count} of the type {kind}; give the deployer what its provider needs for it"
        for kind, count in sorted(left.items())
    ]
    return Program(place, tuple(covered)), notes


def _resources(text: str) -> Iterator[dict[str, Any]]:
    """The resources that stay, as the state has them."""
    try:
        document = json.loads(text.replace(_UNKNOWN, "*"))
    except ValueError:
        return
    if not isinstance(document, Mapping):
        return
    if isinstance(steps := document.get("steps"), list):
        found = [step.get("newState") or {} for step in steps]
    else:
        found = (document.get("deployment") or {}).get("resources") or []
    for each in found:
        if each.get("urn") and not each.get("delete") and each["type"] != "pulumi:pulumi:Stack":
            yield {"inputs": {}, "outputs": {}, **each}


def _inside(found: list[dict[str, Any]]) -> set[str]:
    """The parts of components that are told with them."""
    hidden: set[str] = set()
    for each in found:  # parents come first
        if each.get("parent") in hidden or any(
            it["urn"] == each.get("parent") and it["type"] in _OPAQUE for it in found
        ):
            hidden.add(each["urn"])
    return hidden


def _declared(
    resource: Mapping[str, Any], accounts: Mapping[str, str], regions: Mapping[str, str]
) -> Declared:
    provider = str(resource.get("provider") or "").rpartition("::")[0]
    inputs = {key: value for key, value in resource["inputs"].items() if not key.startswith("__")}
    if resource["type"].startswith("pulumi:providers:"):
        inputs = {key: value for key, value in inputs.items() if value != "*"}
    if resource.get("external"):
        inputs["id"] = resource.get("id")
    return Declared(
        resource["type"],
        resource["urn"].rpartition("::")[2],
        inputs,
        accounts.get(provider, ""),
        regions.get(provider, ""),
        provider.rpartition("::")[2],
        bool(resource.get("external")),
    )


def _looked_up(
    found: list[dict[str, Any]], declared: list[Declared], accounts: Mapping[str, str]
) -> Iterator[Declared]:
    """What the components have asked AWS for, which no state has: the principals of logins, and clusters.

    `accounts` are those that the stack works in, as `Declared` has them.
    """
    made = {
        (each.account, kind, str(each.inputs.get("name")))
        for each in declared
        for kind in ("role", "user")
        if each.type == f"aws:iam/{kind}:{kind.capitalize()}"
    }
    asked: set[tuple[str, str, str]] = set()
    for each in declared:
        if each.type == "vault:aws/authBackendRole:AuthBackendRole":
            for arn in each.inputs.get("boundIamPrincipalArns") or ():
                if not arn.endswith("*") and (it := arns.parse(arn)).account in accounts:
                    asked.add((accounts[it.account], it.kind, it.name))
    for account, kind, name in sorted(asked - made):
        if kind == "role":
            yield Declared("aws:iam/getRole:getRole", "", {"name": name}, account, is_read=True)
        elif kind == "user":
            yield Declared("aws:iam/getUser:getUser", "", {"userName": name}, account, is_read=True)
    for cluster in (it for it in found if it["type"] == _CLUSTER):
        ref = cluster["outputs"].get("ref") or {}
        name, issuer = ref.get("name") or "*", ref.get("oidc_issuer") or ref.get("oidcIssuer") or "*"
        yield Declared("aws:eks/getCluster:getCluster", "", {"name": name}, is_read=True)
        look_up = "aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider"
        yield Declared(look_up, "", {"url": f"https://{issuer}"}, is_read=True)


def _uncovered(declared: Declared) -> bool:
    kind = declared.type
    if kind.startswith(("aws:", "eks:")):
        return kind not in in_aws.TYPES
    if kind.startswith("vault:"):
        return kind not in in_vault.TYPES
    if kind.startswith(("pulumi:", "kubernetes:", "random:", "vault-aws-auth:")):
        return kind.startswith("kubernetes:") and not in_kubernetes.is_object(kind)
    return True


def _account(provider: Mapping[str, Any]) -> str:
    """The account in which a provider of AWS works by a role that it assumes; empty for its own."""
    roles = _list(provider, "assumeRoles")
    return arns.parse(roles[0]["roleArn"]).account if roles else ""


def _allowed(resource: Mapping[str, Any]) -> str:
    if resource["type"] != "pulumi:providers:aws" or _account(resource):
        return ""
    allowed = _list(resource, "allowedAccountIds")
    return str(allowed[0]) if len(allowed) == 1 else ""


def _list(provider: Mapping[str, Any], name: str) -> list[Any]:
    """An input that is a list, of which a preview may know nothing."""
    given = provider["inputs"].get(name)
    return list(parsed(given)) if given and given != "*" else []


def _seen(found: list[dict[str, Any]]) -> str:
    """The account of the first role or user that is there."""
    for each in found:
        if each["type"] in ("aws:iam/role:Role", "aws:iam/user:User") and "*" not in (
            arn := str(each["outputs"].get("arn") or "*")
        ):
            return arns.parse(arn).account
    return ""


def _of_provider(found: list[dict[str, Any]], package: str, name: str) -> str:
    kind = f"pulumi:providers:{package}"
    return next((str(it["inputs"].get(name) or "") for it in found if it["type"] == kind), "")
