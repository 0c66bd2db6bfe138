"""What Vault's AWS secrets engine hands out: its roles, and how it names what it makes."""

import json
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

import pulumi
from typing_extensions import NotRequired, TypedDict

from .. import arns, durations, names
from . import permissions
from .permissions import EngineRole

# Every user's name tells the role that it was made for, which is what the engine's permissions go by. The
# names of sessions are the shorter ones that STS takes.
USERNAME_TEMPLATE = (
    '{{ if (eq .Type "STS") }}'
    f'{{{{ printf "{permissions.SESSION}%s-%s" (unix_time) (random 15) | truncate 32 }}}}'
    "{{ else }}"
    f'{{{{ printf "{permissions.USER}%s" .PolicyName | truncate {permissions.USER_LENGTH} }}}}'
    "-{{ unix_time }}-{{ random 8 }}"
    "{{ end }}"
)


class AwsCredentialType(Enum):
    """What the engine makes for whoever reads a role's credentials."""

    IAM_USER = "iam_user"
    """An IAM user with an access key, both gone when the lease ends."""

    ASSUMED_ROLE = "assumed_role"
    """A session of an IAM role that trusts the engine's identity."""

    FEDERATION_TOKEN = "federation_token"  # noqa: S105
    """A session of the engine's own IAM user, within the role's policies. Not for a federated engine: AWS
    gives such sessions to users alone."""


class AwsSecretsRole(TypedDict):
    """One role of the engine: who reads `<path>/creds/<name>` gets these credentials."""

    credential_type: AwsCredentialType
    """What the engine makes."""

    policy_document: NotRequired[pulumi.Input[str]]
    """IAM policy of the credentials, as JSON; for an assumed role it only narrows. Default: none."""

    policy_arns: NotRequired[Sequence[str]]
    """ARNs of managed policies of the credentials; for an assumed role they only narrow. Default: none."""

    role_arns: NotRequired[Sequence[str]]
    """ARNs of the IAM roles that may be assumed; for `assumed_role` one at least. Default: none."""

    permissions_boundary: NotRequired[str]
    """ARN of the policy that bounds the users of `iam_user`; the engine can then make none without it.
    Default: none."""

    tags: NotRequired[Mapping[str, str]]
    """Tags of the users of `iam_user`. Default: none."""

    default_sts_ttl: NotRequired[str]
    """Life of the credentials that STS gives: `15m`, `1h`. Default: Vault's own, one hour."""


def check_roles(roles: Mapping[str, AwsSecretsRole], *, federated: bool) -> dict[str, EngineRole]:
    """What the roles ask of the engine's identity. Raises ValueError that names the field."""
    if not roles:
        raise ValueError("roles: declare at least one; an engine without any has nothing to hand out")
    asked = {name: _check(f"roles.{name}", name, role, federated) for name, role in roles.items()}
    permissions.check_boundaries(asked)
    return asked


def _check(where: str, name: str, role: AwsSecretsRole, federated: bool) -> EngineRole:
    try:
        names.check_vault_role(name)
    except ValueError as error:
        raise ValueError(f"{where}: {name!r} {error}") from None
    kind = AwsCredentialType(role["credential_type"])
    given = {field for field, value in role.items() if value}
    for field in sorted(given - {"credential_type"} - _TAKEN[kind]):
        raise ValueError(f"{where}.{field}: has no meaning for {kind.value}; leave it out")
    if kind is AwsCredentialType.ASSUMED_ROLE and "role_arns" not in given:
        raise ValueError(f"{where}.role_arns: name at least one for assumed_role")
    if kind is not AwsCredentialType.ASSUMED_ROLE and not given & {"policy_document", "policy_arns"}:
        raise ValueError(
            f"{where}: give policy_document or policy_arns; without, the credentials can do nothing"
        )
    if kind is AwsCredentialType.FEDERATION_TOKEN and federated:
        raise ValueError(
            f"{where}.credential_type: AWS gives federation tokens to IAM users alone, and the engine's "
            "identity is a role; use assumed_role, or give the engine a user"
        )
    _check_arns(where, role)
    document = role.get("policy_document")
    if isinstance(document, str) and document:
        try:
            json.loads(document)
        except ValueError as error:
            raise ValueError(f"{where}.policy_document: is not JSON: {error}") from None
    return EngineRole(
        credential_type=kind.value,
        policy_arns=list(role.get("policy_arns", [])),
        inline_policy="policy_document" in given,
        role_arns=list(role.get("role_arns", [])),
        permissions_boundary=role.get("permissions_boundary") or None,
        tagged="tags" in given,
    )


_TAKEN = {
    AwsCredentialType.IAM_USER: {"policy_document", "policy_arns", "permissions_boundary", "tags"},
    AwsCredentialType.ASSUMED_ROLE: {"policy_document", "policy_arns", "role_arns", "default_sts_ttl"},
    AwsCredentialType.FEDERATION_TOKEN: {"policy_document", "policy_arns", "default_sts_ttl"},
}


def _check_arns(where: str, role: AwsSecretsRole) -> None:
    for arn in role.get("role_arns", []):
        try:
            arns.parse_iam(arn, "role")
        except ValueError as error:
            raise ValueError(f"{where}.role_arns: {arn!r} {error}") from None
    boundary = role.get("permissions_boundary")
    for field, arn in [
        *(("policy_arns", arn) for arn in role.get("policy_arns", [])),
        *([("permissions_boundary", boundary)] if boundary else []),
    ]:
        # AWS's own policies have no account ID, so the form is not that of other IAM entities.
        parsed = _parsed(f"{where}.{field}", arn)
        if parsed.service != "iam" or parsed.kind != "policy" or set(arn) & set("*?"):
            raise ValueError(
                f"{where}.{field}: {arn!r} is not the ARN of a policy; write e.g. "
                "arn:aws:iam::111111111111:policy/NAME"
            )


def _parsed(field: str, arn: str) -> arns.Arn:
    try:
        return arns.parse(arn)
    except ValueError as error:
        raise ValueError(f"{field}: {arn!r} {error}") from None


def role_inputs(where: str, role: AwsSecretsRole) -> dict[str, Any]:
    """The role as inputs of `vault.aws.SecretBackendRole`. Raises ValueError that names the field."""
    ttl = role.get("default_sts_ttl")
    return {
        "credential_type": AwsCredentialType(role["credential_type"]).value,
        "policy_document": role.get("policy_document") or None,
        "policy_arns": list(role.get("policy_arns", [])) or None,
        "role_arns": list(role.get("role_arns", [])) or None,
        "permissions_boundary_arn": role.get("permissions_boundary") or None,
        "iam_tags": dict(role.get("tags", {})) or None,
        "default_sts_ttl": seconds(f"{where}.default_sts_ttl", ttl) if ttl else None,
    }


def seconds(field: str, duration: str) -> int:
    """A duration in seconds. Raises ValueError that names the field."""
    try:
        return durations.to_seconds(duration)
    except ValueError as error:
        raise ValueError(f"{field}: {duration!r} {error}") from None
