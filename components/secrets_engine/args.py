"""What the AWS secrets engine is told: its place, its identity, its roles."""

from collections.abc import Mapping

import pulumi
from typing_extensions import NotRequired, TypedDict

from .. import arns, names
from ..federation import PluginIssuer, check_audience, check_namespace_id, token_seconds
from ..vault_identity.granted import iam_name, policy_name
from .permissions import EngineRole
from .roles import AwsSecretsRole, check_roles, role_inputs, seconds

DEFAULT_USER = "vault-aws-secrets-engine"
DEFAULT_ROLE = "vault-aws-secrets-engine-wif"
DEFAULT_LEASE = "1h"
DEFAULT_MAX_LEASE = "24h"


class EngineUser(TypedDict):
    """The engine works with the access key of an IAM user."""

    user_name: NotRequired[str]
    """Name of the IAM user. Default: `vault-aws-secrets-engine`."""


class EngineFederation(TypedDict):
    """The engine works with a role that trusts its identity tokens (Vault Enterprise 1.16 and later)."""

    issuer: PluginIssuer
    """Who signs the engine's identity tokens. Source: `VaultPluginIssuer`."""

    audience: str
    """Audience of the engine's identity tokens, one of the issuer's `audiences`."""

    token_ttl: NotRequired[str]
    """Life of an identity token: `15m`, `1h`. Default: `1h`."""

    namespace_id: NotRequired[pulumi.Input[str]]
    """ID (not path) of the engine's Vault namespace, as `vault namespace lookup` shows it.
    Default: `root`."""

    role_name: NotRequired[str]
    """Name of the IAM role. Default: `vault-aws-secrets-engine-wif`."""


class AwsSecretsEngineArgs(TypedDict):
    """An AWS secrets engine, its identity (`user` or `federation`) and its roles."""

    region: str
    """AWS region of the STS and the IAM that the engine talks to, for example `us-east-1`."""

    roles: Mapping[str, AwsSecretsRole]
    """By name: the roles of the engine, one at least."""

    path: NotRequired[str]
    """Path of the engine's mount. Default: `aws`."""

    user: NotRequired[EngineUser]
    """The engine's identity is an IAM user. Default: it is, with its defaults, without `federation`."""

    federation: NotRequired[EngineFederation]
    """The engine's identity is a role that trusts its tokens. Default: none."""

    identity_token_key: NotRequired[pulumi.Input[str]]
    """Name of the key that signs the engine's identity tokens. Source: `VaultPluginIssuer`. Default: Vault's
    own, which serves every audience."""

    policy_name: NotRequired[str]
    """Name of the policy of the engine's identity. Default: `<user_name or role_name>-policy`."""

    permissions_boundary: NotRequired[pulumi.Input[str]]
    """ARN of the policy that bounds the engine's identity. Default: none."""

    iam_endpoint: NotRequired[str]
    """URL of IAM. Default: AWS's own."""

    sts_endpoint: NotRequired[str]
    """URL of STS. Default: the regional one of `region`."""

    default_lease_ttl: NotRequired[str]
    """Life of a user's credentials until they must be renewed: `30m`, `1h`. Default: `1h`."""

    max_lease_ttl: NotRequired[str]
    """Longest life of a user's credentials, renewals included. Default: `24h`."""


def check(args: AwsSecretsEngineArgs) -> dict[str, EngineRole]:
    """What the engine's roles ask of its identity. Raises ValueError that names the field."""
    if not arns.REGION_FORM.fullmatch(args["region"]):
        raise ValueError(f"region: {args['region']!r} is not an AWS region; write e.g. us-east-1")
    try:
        names.check_mount_path(args.get("path", "aws"))
    except ValueError as error:
        raise ValueError(f"path: {args.get('path')!r} {error}") from None
    default = seconds("default_lease_ttl", args.get("default_lease_ttl", DEFAULT_LEASE))
    longest = seconds("max_lease_ttl", args.get("max_lease_ttl", DEFAULT_MAX_LEASE))
    if default > longest:
        raise ValueError("default_lease_ttl: is longer than max_lease_ttl; write a shorter one")
    federation = args.get("federation")
    if federation is None:
        if "identity_token_key" in args:
            raise ValueError("identity_token_key: has no meaning without federation; leave it out")
        iam_name("user.user_name", args.get("user", EngineUser()).get("user_name", DEFAULT_USER))
    else:
        if "user" in args:
            raise ValueError("user, federation: the engine has one identity; leave one out")
        iam_name("federation.role_name", federation.get("role_name", DEFAULT_ROLE))
        check_audience("federation.audience", federation["audience"])
        token_seconds(federation.get("token_ttl", "1h"))
        check_namespace_id(federation.get("namespace_id", "root"))
    policy_name(args.get("policy_name", "policy"))
    roles = check_roles(args["roles"], federated=federation is not None)
    for role, declared in args["roles"].items():
        role_inputs(f"roles.{role}", declared)
    return roles
