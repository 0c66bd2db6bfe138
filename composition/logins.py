"""The logins, each of the kind that the settings name."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pulumi

from components import (
    Ec2InstanceLogin,
    Ec2InstanceLoginArgs,
    EksCluster,
    PodIdentityMethod,
    PrincipalLogin,
    PrincipalLoginArgs,
    ServiceAccountLogin,
    ServiceAccountLoginArgs,
    ServiceAccountMode,
    ServiceAccountRef,
    VaultConnection,
)
from settings import LoginSettings, Settings
from settings import PrincipalLogin as PrincipalSettings
from settings import ServiceAccountLogin as ServiceAccountSettings

Login = ServiceAccountLogin | Ec2InstanceLogin | PrincipalLogin


def login(
    config: Settings,
    name: str,
    connection: VaultConnection,
    cluster: EksCluster | None,
    policies: Mapping[str, pulumi.Output[str]],
    vault_policy_arn: pulumi.Output[str],
    options: pulumi.ResourceOptions,
) -> Login:
    """The component of the login that the settings have under a name."""
    declared = config.logins[name]
    # Named by what it owns in Vault: by the login's key, a login with a new key would write the same Vault
    # role, which the old one, deleted afterwards, would take along.
    component = declared.vault_role or name
    common: dict[str, Any] = {
        "connection": connection,
        "vault_role": component,
        "token": {
            "policies": [policies.get(policy, policy) for policy in declared.policies],
            "max_ttl": declared.max_ttl,
            "ttl": declared.ttl or declared.max_ttl,
        },
    }
    if isinstance(declared, ServiceAccountSettings):
        assert cluster  # noqa: S101 - the settings see to it
        args = {
            **common,
            "oidc_issuer": cluster.oidc_issuer,
            "oidc_provider_arn": cluster.oidc_provider_arn,
            "cluster_name": cluster.name,
            "cluster_arn": cluster.arn,
            "service_accounts": [service_account_ref(account) for account in declared.service_accounts],
            "service_account_mode": ServiceAccountMode(declared.service_account_mode),
            "method": PodIdentityMethod(declared.method),
            "allow_wildcards": declared.allow_wildcards,
            "iam_role_name": declared.iam_role_name or name,
            "permissions_boundary": declared.permissions_boundary,
            "policy_arns": {"vault-lookups": vault_policy_arn} if declared.vault_lookups else {},
        }
        return ServiceAccountLogin(component, cast(ServiceAccountLoginArgs, args), options)
    if isinstance(declared, PrincipalSettings):
        args = {**common, "principals": declared.principals}
        return PrincipalLogin(component, cast(PrincipalLoginArgs, args), options)
    args = {
        **common,
        "region": config.region,
        "role_arns": [*_node_roles(cluster, declared.node_groups), *declared.role_arns],
        "instance_profile_names": declared.instance_profile_names,
    }
    return Ec2InstanceLogin(component, cast(Ec2InstanceLoginArgs, args), options)


def _node_roles(cluster: EksCluster | None, groups: Sequence[str]) -> list[pulumi.Output[str]]:
    return [cluster.node_role_arns[group] for group in groups] if cluster else []


def output(declared: LoginSettings, component: Login) -> dict[str, Any]:
    """What the stack's output `logins` says of a login."""
    return {
        "kind": declared.kind,
        "vaultRole": component.vault_role,
        "iamRoleArn": component.iam_role_arn,
        "serviceAccounts": component.service_accounts,
        "principals": component.principals,
        "policies": declared.policies,
        "maxTtl": declared.max_ttl,
    }


def caller(declared: LoginSettings) -> dict[str, Any]:
    """What the stack's output `callers` says of a login: how the command can be its caller."""
    if isinstance(declared, ServiceAccountSettings):
        return {"method": declared.method}
    if isinstance(declared, PrincipalSettings):
        return {"verifyAs": declared.verify_as, "verifyNotAs": declared.verify_not_as}
    return {}


def service_account_ref(account: str) -> ServiceAccountRef:
    """The service account that the settings write as NAMESPACE/NAME."""
    namespace, name = account.split("/")
    return {"namespace": namespace, "name": name}
