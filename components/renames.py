"""What had another name, or another place in the tree, in an earlier release: dated, and applied by the base
classes. A stack that is updated keeps its resources. An entry can go two minor releases after its own.

A new name without an entry here replaces what it names: tests/sandbox/test_upgrade.py shows it.
"""

from collections.abc import Mapping

import pulumi

TYPES: Mapping[str, tuple[str, ...]] = {
    # 0.2.0, 2026-11-27: to create a cluster and to find one are two components.
    "ExistingEksCluster": ("EksCluster",),
}
"""Types that a component had, by its class."""

_CLUSTER = "since 0.2 {cluster} takes EksCluster.ref whole; write that"
_ENDPOINT = "since 0.2 it is a key of {endpoints}; write it there"
_EXISTING = "since 0.2 ExistingEksCluster finds a cluster that exists; use that"

ARGUMENTS: Mapping[str, Mapping[str, str]] = {
    # 0.2.0, 2026-11-27
    "VaultToken": {"token": "since 0.2 {policies}, {ttl} and {max_ttl} stand beside it; write these"},
    "ServiceAccountLoginArgs": dict.fromkeys(
        ("oidc_issuer", "oidc_provider_arn", "cluster_name", "cluster_arn"), _CLUSTER
    ),
    "IamRoleVaultIdentityArgs": {"pod": _CLUSTER},
    "FederatedVaultIdentityArgs": {
        "mount_accessor": "since 0.2 {mount} takes VaultAuthMount.ref; write that"
    },
    "EksClusterArgs": dict.fromkeys(("existing", "node_role_arns"), _EXISTING),
    "VaultAwsAuthArgs": dict.fromkeys(("sts_endpoint", "iam_endpoint", "ec2_endpoint"), _ENDPOINT),
    "AwsSecretsEngineArgs": dict.fromkeys(("sts_endpoint", "iam_endpoint"), _ENDPOINT),
}
"""Arguments that went, by the TypedDict that had them, and what replaced them."""


def type_token(kind: str) -> str:
    """The type of a component by its class."""
    return f"vault-aws-auth:index:{kind}"


def of_component(kind: str) -> list[pulumi.Alias]:
    """What a component of a class was before."""
    return [pulumi.Alias(type_=type_token(earlier)) for earlier in TYPES.get(kind, ())]


def of_siblings(base: type[pulumi.Resource], own: type[pulumi.Resource]) -> list[pulumi.Alias]:
    """The other kinds of `base` that a component may have been before it became one of its own."""
    return [pulumi.Alias(type_=type_token(it.__name__)) for it in base.__subclasses__() if it is not own]


def mount(name: str, opts: pulumi.ResourceOptions | None) -> list[pulumi.Alias]:
    """Where the AWS auth mount was, 0.2.0, 2026-11-27: beside the `VaultAwsAuth` of its name, or below it."""
    if opts and opts.parent:
        return [pulumi.Alias(parent=opts.parent), pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)]
    return [
        pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE),
        pulumi.Alias(parent=pulumi.create_urn(name, type_token("VaultAwsAuth"))),
    ]


def lookups_policy(login: str) -> list[pulumi.Alias]:
    """Where the policy of `vault_lookups` was, 0.2.0, 2026-11-27: in the stack, beside its login."""
    return [pulumi.Alias(name=f"{login}-lookups", parent=pulumi.ROOT_STACK_RESOURCE)]


def of_login(login: str, owner: str, rest: str) -> list[pulumi.Alias]:
    """What is named after the object that it is or belongs to, 0.2.0, 2026-11-27: it had its login's name."""
    return [pulumi.Alias(name=f"{login}-{rest}")] if owner != login else []
