"""The IAM role of pods: one that the stack can take over, or one that is used as it is. Pure functions."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from components import arns

from ..console import duration
from . import trusts
from .estate import Estate, Role
from .plan import Remark, Use, changes


def why_used(role: Role, pods: trusts.Pods, estate: Estate, used: Collection[Use]) -> str:
    """Why the role is used as it is; empty where the stack can have it."""
    if Use.IAM_ROLES in used:
        return "was to be left"
    if arns.parse(role.arn).account != estate.account_id:
        return "is of another account"
    if owner := maker(role.tags):
        return f"is made by {owner}, which would change it back"
    if role.inline:
        return f"has inline policies ({', '.join(role.inline)})"
    if not pods.exact:
        return "has a trust policy that is not that of these service accounts alone, each with sub and aud"
    return ""


def maker(tags: Mapping[str, str]) -> str:
    """What else manages something, by its tags; empty if they do not say."""
    if stack := tags.get("aws:cloudformation:stack-name"):
        return f"the CloudFormation stack {stack}"
    if "pulumi-stack" in tags:
        return f"the Pulumi stack {tags.get('pulumi-project', '?')}/{tags['pulumi-stack']}"
    for key, value in tags.items():
        if key.startswith(("alpha.eksctl.io/", "eksctl.cluster.k8s.io/")):
            return "eksctl"
        if re.sub("[^a-z]", "", key.lower()) in ("managedby", "terraform"):
            return f"what its tag {key}={value} says"
    return ""


def own_role(name: str, role: Role, pods: trusts.Pods) -> tuple[dict[str, Any], list[Remark]]:
    """The options of an IAM role that the stack takes over, and what of it changes."""
    arn = arns.parse(role.arn)
    options: dict[str, Any] = {}
    if arn.name != name:
        options["iamRoleName"] = arn.name
    if arn.path != "/":
        options["iamRolePath"] = arn.path
    if role.attached:
        options["policyArns"] = _keyed(role.attached)
    if role.boundary:
        options["permissionsBoundary"] = role.boundary
    if role.max_session != 3600:
        options["maxSessionDuration"] = duration(role.max_session)
    if tags := {key: value for key, value in role.tags.items() if not key.startswith("aws:")}:
        options["tags"] = tags
    said = [changes(role.arn, "gets the description and the tags of this stack")]
    if not trusts.same_policy(role.trust, pods.ours):
        said.append(changes(role.arn, "has its trust policy written anew, which means the same"))
    if pods.method == "pod-identity":
        for cluster in pods.names:
            for account in pods.accounts:
                about = f"{cluster}: service account {account}"
                said.append(changes(about, "the association gets the tags of this stack"))
    return options, said


def _keyed(policies: Collection[str]) -> dict[str, str]:
    """Policies by a name for each."""
    keyed: dict[str, str] = {}
    for arn in policies:
        key = stem = re.sub(r"[^a-z0-9-]+", "-", arn.rpartition("/")[2].lower())[:36].strip("-") or "policy"
        number = 1
        while key in keyed:
            number += 1
            key = f"{stem}-{number}"
        keyed[key] = arn
    return keyed
