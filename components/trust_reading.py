"""Whether the trust policy of a role that exists lets a caller in, as far as reading it can tell.

`trust.py` writes such policies for roles that are made here. Pure functions; no resources.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import arns, trust
from .iam import Document

_COMPARES: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, given: wanted == given,
    "StringEqualsIgnoreCase": lambda wanted, given: wanted.lower() == given.lower(),
    "StringLike": lambda wanted, given: _like(wanted, given),
    "ArnEquals": lambda wanted, given: _like_arn(wanted, given),
    "ArnLike": lambda wanted, given: _like_arn(wanted, given),
}
"""How an operator compares the value that a policy has with the request's."""

_OF_TOKENS = r"^(?!aws:|sts:).*:(aud|sub|amr|azp|oaud)$"
"""Condition keys of an issuer's tokens: a request with another issuer's token, or without one, has none."""


@dataclass(frozen=True)
class Caller:
    """A request for a role's credentials, as its trust policy sees it."""

    name: str
    """The caller in words: `default/api`."""

    kind: str
    """The kind of principal: `Federated`, `Service`."""

    principal: str
    """The OIDC provider's ARN, or the service."""

    actions: Sequence[str]
    """What the trust policy must allow."""

    request: Mapping[str, str]
    """What is known of the request, by condition key in lower case."""

    statement: Document
    """The statement that lets it in, for those who have to add it."""


def web_identity(
    account: str, provider_arn: str, issuer: str, service_account: str, audience: str = trust.AUDIENCE
) -> Caller:
    """A pod with the token of its service account; `account` is the role's, `provider_arn` the ARN of the
    cluster's OIDC provider in its own account."""
    host = arns.issuer_host(issuer)
    provider = arns.oidc_provider_arn(arns.parse(provider_arn).partition, account, host)
    subject = trust.service_account_subject(service_account)
    document = trust.web_identity_trust(provider, host, [subject], audience, allow_wildcards=True)
    return Caller(
        service_account,
        "Federated",
        provider,
        ("sts:AssumeRoleWithWebIdentity",),
        {f"{host}:aud".lower(): audience, f"{host}:sub".lower(): subject},
        document["Statement"][0],
    )


def pod_identity(cluster_arn: str, service_account: str) -> Caller:
    """A pod with an association of EKS Pod Identity."""
    namespace, _, name = service_account.partition("/")
    cluster = arns.parse(cluster_arn)
    return Caller(
        service_account,
        "Service",
        trust.POD_IDENTITY,
        ("sts:AssumeRole", "sts:TagSession"),
        {
            "aws:requesttag/eks-cluster-arn": cluster_arn,
            "aws:requesttag/eks-cluster-name": cluster.name,
            "aws:requesttag/kubernetes-namespace": namespace,
            "aws:requesttag/kubernetes-service-account": name,
            "aws:sourcearn": cluster_arn,
            "aws:sourceaccount": cluster.account,
        },
        trust.pod_identity_trust(cluster_arn, [service_account])["Statement"][0],
    )


def ecs_task(account: str, region: str) -> Caller:
    """A task of Amazon ECS."""
    return Caller(
        f"ECS tasks in {region}",
        "Service",
        trust.ECS_TASKS,
        ("sts:AssumeRole",),
        {
            "aws:sourceaccount": account,
            "aws:sourcearn": f"arn:{arns.partition_of(region)}:ecs:{region}:{account}:*",
        },
        trust.ecs_task_trust(account, region)["Statement"][0],
    )


def why_not(policy: str | Mapping[str, Any], caller: Caller) -> str:
    """Why a trust policy does not let a caller in; empty if it does, or if that depends on what only AWS
    knows, such as the caller's address. Raises ValueError for what is not a trust policy."""
    document = json.loads(policy) if isinstance(policy, str) else policy
    if not isinstance(document, Mapping):
        raise ValueError("is not a trust policy")
    statements = [each for each in _listed(document.get("Statement")) if isinstance(each, Mapping)]
    for action in caller.actions:
        denying = [each for each in statements if each.get("Effect") == "Deny"]
        if any(not list(_missing(each, caller, action, certain=True)) for each in denying):
            return f"a statement denies it {action}"
        missing = [list(_missing(each, caller, action)) for each in statements if each not in denying]
        if not missing or all(missing):
            # The statement that comes closest: reasons come in the order in which they are looked at.
            nearest = max((reasons[0] for reasons in missing), default=(0, f"nothing may {action}"))
            return nearest[1]
    return ""


def _missing(
    statement: Mapping[str, Any], caller: Caller, action: str, *, certain: bool = False
) -> Iterator[tuple[int, str]]:
    """What of a statement is not met: how far it was met before, and the reason. What only AWS knows counts
    as met, with `certain` as not met."""
    if not _names(statement, caller):
        yield 1, f"no statement names {caller.principal}"
    elif not any(_like(each.lower(), action.lower()) for each in _actions(statement)):
        yield 2, f"its statement for {caller.principal} does not allow {action}"
    else:
        for operator, tests in (statement.get("Condition") or {}).items():
            for key, values in tests.items():
                met = _met(str(operator), str(key), [str(each) for each in _listed(values)], caller)
                if met is False or (certain and met is None):
                    given = caller.request.get(key.lower(), "not in the request")
                    wanted = ", ".join(map(str, _listed(values)))
                    yield 3, f"its condition {operator} of {key} is {wanted}, and here it is {given}"


def _names(statement: Mapping[str, Any], caller: Caller) -> bool:
    principal = statement.get("Principal")
    if "NotPrincipal" in statement:
        excluded = statement["NotPrincipal"]
        return not isinstance(excluded, Mapping) or caller.principal not in _listed(excluded.get(caller.kind))
    if principal == "*":
        return True
    if not isinstance(principal, Mapping):
        return False
    named = [str(each).lower() for each in _listed(principal.get(caller.kind))]
    return caller.principal.lower() in named or "*" in named


def _actions(statement: Mapping[str, Any]) -> list[str]:
    return [str(each) for each in _listed(statement.get("Action"))]


def _met(operator: str, key: str, wanted: list[str], caller: Caller) -> bool | None:
    """Whether a condition holds; None if only AWS can tell."""
    given = caller.request.get(key.lower())
    optional = operator.endswith("IfExists") or operator.startswith("ForAllValues:")
    plain = operator.rpartition(":")[2].removesuffix("IfExists")
    positive = plain.replace("Not", "", 1)
    negated = positive != plain
    if given is None and not re.search(_OF_TOKENS, key):
        return None
    if plain == "Null":
        return (given is None) == (wanted[:1] == ["true"])
    if given is None:
        return optional or negated
    compare = _COMPARES.get(positive)
    if compare is None or any("${" in each for each in wanted):
        return None
    return any(compare(each, given) for each in wanted) != negated


def _like(pattern: str, text: str) -> bool:
    words = (".*" if char == "*" else "." if char == "?" else re.escape(char) for char in pattern)
    return re.fullmatch("".join(words), text, re.DOTALL) is not None


def _like_arn(pattern: str, text: str) -> bool:
    """Part by part, as IAM compares ARNs: a wildcard does not go beyond a colon, but in the last part."""
    ours, theirs = pattern.split(":", 5), text.split(":", 5)
    return len(ours) == len(theirs) and all(map(_like, ours, theirs))


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]
