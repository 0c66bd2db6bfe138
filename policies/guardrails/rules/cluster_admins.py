"""A cluster is administered by those who are named."""

import re
from collections.abc import Iterator
from typing import Any

from .base import Resource, Rule, Settings, Topic, list_setting
from .documents import is_account, is_pattern
from .values import UNKNOWN, listed

CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
ENGINE_ROLE = "vault:kubernetes/secretBackendRole:SecretBackendRole"

CLUSTER_ADMIN = "cluster-admin"
ADMINS = (CLUSTER_ADMIN, "admin", "edit")
"""Kubernetes' own roles that may read secrets, or ask for a service account's token."""

_EVERYONE = re.compile(r"system:(?:authenticated|unauthenticated|anonymous|serviceaccounts(?::.*)?)")
"""Groups, and a user, that hold all who reach the API server, or all service accounts."""

_MAPPED = re.compile(r"(?:role|user)arn[\"']?\s*:\s*[\"']?([^\s\"',}]+)", re.IGNORECASE)


def check(resource: Resource, settings: Settings) -> Iterator[str]:
    if resource.type == CONFIG_MAP:
        found = _of_aws_auth(resource) if resource.get("metadata.name") == "aws-auth" else iter(())
    elif resource.type == ENGINE_ROLE:
        found = _of_vault(resource)
    else:
        found = _of_eks(resource) if resource.type.startswith("aws:") else _of_kubernetes(resource)
    for where, who in found:
        if who not in settings["allowed"]:
            yield f"{where}: {who} is more than a caller who is named"


def _of_eks(resource: Resource) -> Iterator[tuple[str, str]]:
    principal = resource.get("principalArn")
    if isinstance(principal, str) and _is_many(principal):
        yield "principalArn", principal
    groups = [each for each in listed(resource.get("kubernetesGroups")) if isinstance(each, str)]
    yield from (("kubernetesGroups", each) for each in groups if each.strip().startswith("system:"))


def _of_kubernetes(resource: Resource) -> Iterator[tuple[str, str]]:
    role = resource.get("roleRef.name")
    for number, each in enumerate(listed(resource.get("subjects"))):
        subject: dict[str, Any] = each if isinstance(each, dict) else {}
        name, account = str(subject.get("name")), subject.get("kind") == "ServiceAccount"
        if role in ADMINS and not account and _EVERYONE.fullmatch(name):
            yield f"subjects[{number}]", name
        if role == CLUSTER_ADMIN and account and name == "default":  # of each pod that names none
            yield f"subjects[{number}]", name


def _of_aws_auth(resource: Resource) -> Iterator[tuple[str, str]]:
    for field in ("mapRoles", "mapUsers"):
        arns = _MAPPED.findall(str(resource.get(f"data.{field}")))
        yield from ((f"data.{field}", arn) for arn in arns if _is_many(arn))
    accounts = resource.get("data.mapAccounts")
    if accounts is not UNKNOWN:
        yield from (("data.mapAccounts", account) for account in re.findall(r"(?a)\d{12}", str(accounts)))


def _of_vault(resource: Resource) -> Iterator[tuple[str, str]]:
    """Vault's Kubernetes engine gives a service account of its role to all who may read it."""
    if resource.get("kubernetesRoleName") == CLUSTER_ADMIN:
        yield "kubernetesRoleName", CLUSTER_ADMIN
    rules = resource.get("generatedRoleRules")
    if isinstance(rules, str) and all(_is_any(field, rules) for field in ("resources", "verbs")):
        yield "generatedRoleRules", "all verbs on all resources"


def _is_many(principal: str) -> bool:
    return is_pattern(principal) or is_account(principal)


def _is_any(field: str, rules: str) -> bool:
    """Whether a field of rules, in YAML or JSON, begins with `*`."""
    return re.search(rf"(?a)\b{field}[\"']?\s*:[\s\[\"'-]*\*", rules) is not None


RULE = Rule(
    name="cluster-admins",
    topic=Topic.CLUSTER,
    requires="Access to a cluster is given to those who are named: no whole account, no group of everyone, "
    "no default service account, no cluster-admin that Vault hands out",
    why="who administers a cluster can be any of its service accounts, and log in to Vault as each.",
    fix="name the role, user, group of your own or service account that needs it. List another one that the "
    "stack needs under `allowed` in its configuration of this rule, as written here.",
    types=(
        "aws:eks/accessEntry:AccessEntry",
        "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
        "kubernetes:rbac.authorization.k8s.io/*:*RoleBinding*",
        CONFIG_MAP,
        ENGINE_ROLE,
    ),
    check=check,
    settings={"allowed": list_setting("Who may have access all the same, as the message names them.")},
)
