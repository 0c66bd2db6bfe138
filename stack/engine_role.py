"""The role that the AWS secrets engine finds around it. Vault is one process, so that is the one that its
auth method finds, too."""

from collections.abc import Mapping
from typing import Any

from components import arns
from components.pod_role import PodIdentityMethod

OF_IDENTITY = ("existing", "role")
"""Kinds of `vaultIdentity` whose role Vault finds around it."""


def found(
    engine: Mapping[str, Any], kind: str, identity: Mapping[str, Any], region: str, account: str | None
) -> dict[str, Any]:
    """Options of an engine of the kind existing: its own, and without a role of its own, that of
    `vaultIdentity`, of which `kind` and options are given."""
    if "role_arn" in engine:
        return {**engine}
    if kind == "existing" and identity.get("role_arn"):
        granted = {"attach_policy": identity.get("attach_policy", True)}
        tagged = {"tagged_sessions": identity["tagged_sessions"]}
        return {**granted, **engine, **tagged, "role_arn": identity["role_arn"]}
    if kind == "role" and identity.get("role_name"):
        arn = arns.role_arn(arns.partition_of(region), account or "0" * 12, identity["role_name"])
        tagged = {"tagged_sessions": identity["method"] is PodIdentityMethod.POD_IDENTITY}
        return {**engine, **tagged, "role_arn": arn}
    return {**engine}
