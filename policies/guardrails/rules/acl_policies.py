"""No Vault policy of the stack amounts to root."""

import re
from collections.abc import Iterator
from typing import Any

from .base import Resource, Rule, Settings, Topic, list_setting
from .granting_paths import too_much
from .values import UNKNOWN
from .vault_policies import GENERIC, names, paths, written

POLICY = "vault:index/policy:Policy"


def check(resource: Resource, settings: Settings) -> Iterator[str]:
    name, text = _policy(resource)
    if names(name) == ["root"]:
        yield "name: is root"
    if text is UNKNOWN or not text:
        return
    writers = frozenset(names(settings["policyWriters"]))
    declared = not writers.isdisjoint(names(name))
    for each in paths(text):
        for what in too_much(each, writers | {"root"}, writer=declared):
            yield f'policy: path "{each.path}" {what}'


def _policy(resource: Resource) -> tuple[Any, Any]:
    """Name and text of the policy that a resource writes."""
    if resource.type == POLICY:
        return resource.get("name"), resource.get("policy")
    path = resource.get("path")
    found = re.search(r"(?:^|/)sys/+polic(?:y|ies/+acl)/+([^/]+)/*$", path) if isinstance(path, str) else None
    data = written(resource) if found else {}
    return (found[1], data.get("policy") or data.get("rules")) if found else (None, None)


RULE = Rule(
    name="acl-policies",
    topic=Topic.PERMISSIONS,
    requires="No Vault policy has `sudo`, matches every path, or can write what gives a token its policies, "
    "or tokens that outlive it",
    why="these permissions let a token grant itself any other, or live on after it was revoked.",
    fix="name the paths and capabilities that are needed. Who writes Vault roles must not choose their "
    "policies: fix token_policies with allowed_parameters, without *, and deny policies with "
    "denied_parameters. For software that manages policies, such as the "
    "vault-access-operator, list its Vault policy under `policyWriters` in the stack's configuration of this "
    "rule. There is no exception for sudo or for every path.",
    types=(POLICY, *GENERIC),
    check=check,
    settings={
        "policyWriters": list_setting(
            "Names of the Vault policies that may write policies, logins and auth methods."
        )
    },
)
