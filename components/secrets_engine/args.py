"""What the AWS secrets engine is told: its place, its identity, its roles."""

from collections.abc import Iterator, Mapping
from typing import Annotated

import pulumi
from typing_extensions import NotRequired, TypedDict

from .. import durations
from ..declared import Default, Key, Refusal, not_empty, rule
from ..federation import PluginIssuer
from ..forms import (
    Audience,
    Duration,
    IamName,
    IamPolicyName,
    IdentityTokenTtl,
    MountPath,
    NamespaceId,
    PolicyArn,
    Region,
    Tags,
    VaultRoleName,
)
from ..vault_auth import AwsEndpoints
from .roles import AwsCredentialType, AwsSecretsRole, chained, policy_refusals, shared_prefixes


class EngineUserOptions(TypedDict):
    """The engine works with the access key of an IAM user of its own."""

    user_name: NotRequired[Annotated[IamName, Default("vault-aws-secrets-engine")]]
    """Name of the IAM user."""


class EngineFederationOptions(TypedDict):
    """The engine works with a role that trusts its identity tokens (Vault Enterprise 1.16 and later)."""

    role_name: NotRequired[Annotated[IamName, Default("vault-aws-secrets-engine-wif")]]
    """Name of the IAM role."""

    audience: NotRequired[Annotated[Audience, Default("vault-aws-secrets-engine")]]
    """Audience of the engine's identity tokens, which AWS demands: one of the issuer's `audiences`."""

    token_ttl: NotRequired[Annotated[IdentityTokenTtl, Default("1h")]]
    """Life of an identity token: `15m`, `1h`."""


class EngineFederation(EngineFederationOptions):
    """The engine works with a role that trusts its identity tokens, and these are signed by an issuer."""

    issuer: pulumi.Input[PluginIssuer]
    """Who signs the engine's identity tokens: `VaultPluginIssuer.issuer`."""

    namespace_id: NotRequired[Annotated[pulumi.Input[NamespaceId], Default("root")]]
    """ID (not path) of the engine's Vault namespace, as `vault namespace lookup` shows it."""


class AwsSecretsEngineOptions(TypedDict):
    """Vault's AWS secrets engine: which AWS credentials it hands out."""

    path: NotRequired[Annotated[MountPath, Default("aws")]]
    """Path of the engine's mount."""

    roles: Annotated[
        Mapping[VaultRoleName, AwsSecretsRole], not_empty("an engine without roles has nothing to hand out")
    ]
    """The engine's roles by name."""

    policy_name: NotRequired[IamPolicyName]
    """Name of the policy of the engine's identity. Default: the name of its user or role, and `-policy`."""

    permissions_boundary: NotRequired[pulumi.Input[PolicyArn]]
    """ARN of the policy that bounds the engine's identity. Default: none."""

    default_lease_ttl: NotRequired[Annotated[Duration, Default("1h")]]
    """Life of a user's credentials until they must be renewed: `30m`, `1h`."""

    max_lease_ttl: NotRequired[Annotated[Duration, Default("24h")]]
    """Longest life of a user's credentials, renewals included."""

    tags: NotRequired[Tags]
    """Tags of the engine's identity."""


class AwsSecretsEngineArgs(AwsSecretsEngineOptions):
    """An AWS secrets engine, its roles, and its identity (`user` or `federation`)."""

    region: Region
    """AWS region of the STS and the IAM that the engine talks to, for example `us-east-1`."""

    user: NotRequired[EngineUserOptions]
    """The engine's identity is an IAM user. Default: it is, without `federation`."""

    federation: NotRequired[EngineFederation]
    """The engine's identity is a role that trusts its tokens. Default: none."""

    identity_token_key: NotRequired[pulumi.Input[str]]
    """Name of the key that signs the engine's identity tokens. Source: `VaultPluginIssuer`. Default: Vault's
    own, which serves every audience."""

    endpoints: NotRequired[Annotated[AwsEndpoints, Default({})]]
    """AWS endpoints that Vault calls: STS and IAM."""

    protect: NotRequired[Annotated[bool, Default(False)]]
    """Refuse to delete or to replace the engine, and every role in it, until this is false."""


@rule(AwsSecretsEngineOptions, "default_lease_ttl", "max_lease_ttl")
def _leases(options: AwsSecretsEngineOptions) -> Iterator[Refusal]:
    default, longest = options["default_lease_ttl"], options["max_lease_ttl"]
    if durations.to_seconds(default) > durations.to_seconds(longest):
        yield Refusal(
            "default_lease_ttl", f"is longer than {{max_lease_ttl}}, {longest}; write a shorter one", default
        )


@rule(AwsSecretsEngineOptions, "roles")
def _prefixes(options: AwsSecretsEngineOptions) -> Iterator[Refusal]:
    yield from shared_prefixes(options["roles"])


@rule(AwsSecretsEngineOptions, "roles")
def _policy(options: AwsSecretsEngineOptions) -> Iterator[Refusal]:
    yield from policy_refusals(options["roles"])


@rule(AwsSecretsEngineArgs, "roles", "user", "federation", "identity_token_key")
def _identity(args: AwsSecretsEngineArgs) -> Iterator[Refusal]:
    if "federation" not in args:
        if "identity_token_key" in args:
            yield Refusal("identity_token_key", "is not used without {federation}; remove it")
        return
    if "user" in args:
        yield Refusal("user", "and {federation} are both given, and the engine has one identity; remove one")
    yield from federation_tokens(args["roles"])


def federation_tokens(roles: Mapping[str, AwsSecretsRole]) -> Iterator[Refusal]:
    """What is wrong with the roles of a federated engine."""
    yield from chained(roles)
    for name, role in roles.items():
        if role["credential_type"] is AwsCredentialType.FEDERATION_TOKEN:
            yield Refusal(
                ("roles", Key(name), "credential_type"),
                "is not for a federated engine: AWS gives federation tokens to IAM users alone; write "
                "assumed_role, or give the engine a user",
                role["credential_type"].value,
            )
