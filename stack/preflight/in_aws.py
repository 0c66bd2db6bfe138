"""What is in AWS: looked up by the providers, so with their credentials, in the account of each."""

import asyncio
import re
from collections.abc import Iterable, Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from components import arns
from stack.preflight.found import Findings
from stack.preflight.objects import Made

_FUNCTIONS: Mapping[str, tuple[str, str]] = {
    "IAM role": ("aws:iam/getRole:getRole", "name"),
    "IAM user": ("aws:iam/getUser:getUser", "userName"),
    "instance profile": ("aws:iam/getInstanceProfile:getInstanceProfile", "name"),
    "IAM policy": ("aws:iam/getPolicy:getPolicy", "arn"),
    "managed policy": ("aws:iam/getPolicy:getPolicy", "arn"),
    "OIDC provider": ("aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider", "arn"),
    "EKS cluster": ("aws:eks/getCluster:getCluster", "name"),
    "EKS add-on": ("aws:eks/getAddon:getAddon", "addonName"),
    "VPC": ("aws:ec2/getVpc:getVpc", "id"),
    "subnet": ("aws:ec2/getSubnet:getSubnet", "id"),
    "KMS key": ("aws:kms/getKey:getKey", "keyId"),
}
"""The function that finds a thing, and its argument."""

NOUNS = frozenset(_FUNCTIONS)

_BY_ARN: Mapping[str, str] = {"IAM policy": "policy", "OIDC provider": "oidc-provider"}
"""Things whose ARN is made of their name: what stands before that."""

_FEW = 10
"""Roles that are asked for one by one."""

_ABSENT = re.compile(
    r"couldn't find resource|NoSuchEntity|NotFoundException|empty result|no matching|: not found"
    r"|there is no "
)
"""What the provider says of what is not there. Anything else (no permission, no network) must not be taken
for it."""


async def look(
    stack_account: str | None, region: str, providers: Mapping[str, aws.Provider], wanted: Iterable[Made]
) -> Findings:
    """Looks the things up; `providers` by account, the stack's own as empty text."""
    findings, wanted = Findings(), list(wanted)
    accounts: dict[str, str] = {"": stack_account or ""}
    for made in wanted:
        accounts.setdefault(made.thing.account, made.thing.account)
    by_arn = {made.thing.account for made in wanted if made.thing.noun in _BY_ARN}
    if "" in by_arn and not accounts[""]:
        answer, _ = await call("aws:index/getCallerIdentity:getCallerIdentity", {}, providers[""])
        accounts[""] = str(answer.get("accountId") or "")
    asked = [made for account in accounts for made in await _listed(account, providers[account], wanted)]
    answers = await asyncio.gather(
        *(
            call(*_question(made, region, accounts[made.thing.account]), providers[made.thing.account])
            for made in asked
        )
    )
    findings.absent.update(made.thing for made in wanted)
    for made, (answer, error) in zip(asked, answers, strict=True):
        if answer:
            findings.there[made.thing] = _seen(answer)
        elif error:
            findings.miss(made, error)
        if answer or error:
            findings.absent.discard(made.thing)
    return findings


async def _listed(account: str, provider: aws.Provider, wanted: Iterable[Made]) -> list[Made]:
    """The things of an account, without the roles that it does not have: of many, by one list of them."""
    here = [made for made in wanted if made.thing.account == account]
    roles = [made.name for made in here if made.thing.noun == "IAM role"]
    if len(roles) <= _FEW:
        return here
    pattern = f"(?i)^({'|'.join(map(re.escape, roles))})$"
    answer, error = await call("aws:iam/getRoles:getRoles", {"nameRegex": pattern}, provider)
    there = {str(name).lower() for name in answer.get("names") or []}
    return [made for made in here if error or made.thing.noun != "IAM role" or made.thing.name in there]


async def call(
    function: str, arguments: Mapping[str, str], provider: aws.Provider
) -> tuple[dict[str, Any], str]:
    """The provider's answer, empty of what is not there; where it gives none, empty, and why."""
    options = pulumi.InvokeOptions(provider=provider)
    try:
        return await pulumi.runtime.invoke_async(function, dict(arguments), options) or {}, ""
    except Exception as error:
        return {}, "" if _ABSENT.search(str(error)) else _line(str(error))


def _question(made: Made, region: str, account: str) -> tuple[str, dict[str, str]]:
    noun, name = made.thing.noun, made.name
    function, argument = _FUNCTIONS[noun]
    if resource := _BY_ARN.get(noun):
        return function, {argument: f"arn:{arns.partition_of(region)}:iam::{account}:{resource}/{name}"}
    if noun == "EKS add-on":
        cluster, _, name = name.partition("/")
        return function, {argument: name, "clusterName": cluster}
    return function, {argument: name}


def _seen(answer: Mapping[str, Any]) -> str:
    """Who made it, as far as its tags and its description say."""
    tags = answer.get("tags") or {}
    parts = [str(answer["arn"])] if answer.get("arn") else []
    if tags.get("pulumi-stack"):
        parts.append(f"of the Pulumi stack {tags.get('pulumi-project', '?')}/{tags['pulumi-stack']}")
    elif tags:
        parts.append("tags " + ", ".join(f"{key}={value}" for key, value in sorted(tags.items())[:5]))
    if answer.get("description"):
        parts.append(f'described as "{answer["description"]}"')
    if made := answer.get("createDate") or answer.get("createdAt"):
        parts.append(f"made {made}")
    return ", ".join(parts)


def _line(error: str) -> str:
    """The first line of an error, without what every one of them begins with."""
    text = re.sub(r"^invoke of \S+ failed: (invocation of \S+ returned an error: )?", "", error)
    return next(iter(text.strip().splitlines()), "no answer")[:300]
