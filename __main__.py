"""The stack: settings in, components composed, outputs exported."""

from pathlib import Path
from typing import cast

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
import pulumi_vault as vault

import settings
from components import (
    Ec2InstanceLogin,
    Ec2InstanceLoginArgs,
    EksCluster,
    EksClusterArgs,
    IamUserVaultIdentity,
    IamUserVaultIdentityArgs,
    ServiceAccountLogin,
    ServiceAccountLoginArgs,
    ServiceAccountMode,
    VaultAwsAuth,
    VaultAwsAuthArgs,
    VaultPermissions,
    merge_permissions,
)

LOGINS: dict[str, type[ServiceAccountLogin] | type[Ec2InstanceLogin]] = {
    "service-account": ServiceAccountLogin,
    "ec2-instance": Ec2InstanceLogin,
}

try:
    config = settings.load(Path(__file__).parent)
except settings.SettingsError as error:
    raise pulumi.RunError(str(error)) from None

# Providers

aws_provider = aws.Provider(
    "aws",
    region=config.region,
    allowed_account_ids=[config.account_id] if config.account_id else None,
    default_tags={
        "tags": {
            "managed-by": "pulumi",
            "pulumi-project": pulumi.get_project(),
            "pulumi-stack": pulumi.get_stack(),
            **config.tags,
        }
    },
)
# The token comes from the environment (VAULT_TOKEN), which keeps it out of the state.
vault_provider = vault.Provider(
    "vault",
    address=config.vault.address,
    namespace=config.vault.namespace or None,
    # The provider works with a child of that token, which by default lives 20 minutes: less than it can
    # take to create a cluster and its nodes.
    max_lease_ttl_seconds=2 * 60 * 60,
)

# The cluster

cluster = EksCluster(
    config.cluster.name,
    cast(EksClusterArgs, {**config.cluster.given(), "region": config.region}),
    pulumi.ResourceOptions(providers=[aws_provider]),
)
kubernetes_provider = kubernetes.Provider("kubernetes", kubeconfig=cluster.kubeconfig)
options = pulumi.ResourceOptions(providers=[aws_provider, vault_provider, kubernetes_provider])

# Vault: its AWS identity, its AWS auth mount, its policies

needs = [LOGINS[login.kind].VAULT_PERMISSIONS for login in config.logins.values()]
lookups: VaultPermissions = {"assume_role_arns": [other.role_arn for other in config.accounts.values()]}
identity = IamUserVaultIdentity(
    "vault-identity",
    cast(
        IamUserVaultIdentityArgs,
        {**config.vault_identity.given(), "permissions": merge_permissions([*needs, lookups])},
    ),
    options,
)
auth = VaultAwsAuth(
    "vault-aws-auth",
    cast(
        VaultAwsAuthArgs,
        {
            "path": config.vault.mount_path,
            "region": config.sts_region,
            "server_id_header": config.vault.header,
            "credentials": identity.credentials,
            "sts_roles": {account: other.given() for account, other in config.accounts.items()},
            "identity_alias": config.vault.identity_alias,
            **{f"{service}_endpoint": url for service, url in config.vault.endpoints.given().items()},
        },
    ),
    options,
)
policies = {
    name: vault.Policy(
        name, name=name, policy=text, opts=pulumi.ResourceOptions(provider=vault_provider)
    ).name
    for name, text in config.policies.items()
}

# Logins


def login(name: str, declared: settings.LoginSettings) -> ServiceAccountLogin | Ec2InstanceLogin:
    """The component of a declared login."""
    # Named by what it owns in Vault: by the login's key, a login with a new key would write the same Vault
    # role, which the old one, deleted afterwards, would take along.
    component = declared.vault_role or name
    common = {
        "connection": auth.connection,
        "vault_role": component,
        "token": {
            "policies": [policies.get(policy, policy) for policy in declared.policies],
            "max_ttl": declared.max_ttl,
            "ttl": declared.ttl or declared.max_ttl,
        },
    }
    if isinstance(declared, settings.ServiceAccountLogin):
        return ServiceAccountLogin(
            component,
            cast(
                ServiceAccountLoginArgs,
                {
                    **common,
                    "oidc_issuer": cluster.oidc_issuer,
                    "oidc_provider_arn": cluster.oidc_provider_arn,
                    "service_accounts": [
                        dict(zip(("namespace", "name"), account.split("/"), strict=True))
                        for account in declared.service_accounts
                    ],
                    "service_account_mode": ServiceAccountMode(declared.service_account_mode),
                    "allow_wildcards": declared.allow_wildcards,
                    "iam_role_name": declared.iam_role_name or name,
                    "permissions_boundary": declared.permissions_boundary,
                },
            ),
            options,
        )
    return Ec2InstanceLogin(
        component,
        cast(
            Ec2InstanceLoginArgs,
            {
                **common,
                "region": config.region,
                "role_arns": [
                    *(cluster.node_role_arns[group] for group in declared.node_groups),
                    *declared.role_arns,
                ],
                "instance_profile_names": declared.instance_profile_names,
            },
        ),
        options,
    )


logins = {name: login(name, declared) for name, declared in config.logins.items()}

# Outputs

pulumi.export(
    "vault",
    {
        "address": config.vault.address,
        "namespace": config.vault.namespace,
        "mountPath": auth.path,
        "serverIdHeader": auth.server_id_header,
        "stsEndpoint": auth.sts_endpoint,
        "stsRegion": auth.sts_region,
    },
)
pulumi.export(
    "cluster",
    {
        "name": cluster.name,
        "oidcIssuer": cluster.oidc_issuer,
        "oidcProviderArn": cluster.oidc_provider_arn,
    },
)
pulumi.export(
    "logins",
    {
        name: {
            "kind": config.logins[name].kind,
            "vaultRole": component.vault_role,
            "iamRoleArn": component.iam_role_arn,
            "serviceAccounts": component.service_accounts,
            "principals": component.principals,
            "policies": config.logins[name].policies,
            "maxTtl": config.logins[name].max_ttl,
        }
        for name, component in logins.items()
    },
)
pulumi.export("consumers", {})
pulumi.export("kubeconfig", cluster.kubeconfig)
