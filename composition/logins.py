"""The logins, each of the kind that the settings name."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pulumi
import pulumi_aws as aws

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
from composition import permissions
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
    account_providers: Mapping[str, aws.Provider],
    options: pulumi.ResourceOptions,
) -> Login:
    """The component of the login that the settings have under a name.

    `account_providers` are those of other accounts, where the stack has one.
    """
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
        }
        if declared.vault_lookups:
            policy = _lookups(config, component, args["iam_role_name"], options)
            args["policy_arns"] = {"vault-lookups": policy.arn}
        return ServiceAccountLogin(component, cast(ServiceAccountLoginArgs, args), options)
    # Of a role that somebody else made in another account, the stack has nobody there who could look.
    account = permissions.account_of(declared)
    provider = account_providers.get(account or "")
    common["look_up"] = provider is not None or account not in config.accounts
    if provider:
        options = pulumi.ResourceOptions.merge(options, pulumi.ResourceOptions(providers=[provider]))
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


def _lookups(
    config: Settings, component: str, role_name: str, options: pulumi.ResourceOptions
) -> aws.iam.Policy:
    """A policy with what Vault looks up, and nothing else of what Vault's own identity may do."""
    # Two of one name cannot exist, so a replacement has to wait until the old one is gone.
    named = pulumi.ResourceOptions(delete_before_replace=True)
    return aws.iam.Policy(
        f"{component}-lookups",
        name=f"{role_name}-lookups",
        description=f"What HashiCorp Vault looks up, for login {component} too",
        policy=permissions.lookups_alone(config),
        opts=pulumi.ResourceOptions.merge(options, named),
    )


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
