"""The service account default/payments of an existing cluster logs in to Vault as `payments`."""

import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_vault as vault
import pulumi_vault_aws_auth as auth

config = pulumi.Config()
region = config.require("region")
endpoint = config.get("endpoint")
path = config.require("mountPath")

cluster = auth.ExistingEksCluster("cluster", {"name": config.require("cluster"), "region": region})
identity = auth.IamUserVaultIdentity(
    "vault-identity",
    {
        "user_name": f"vault-{path}",
        "policy_name": f"vault-{path}-policy",
        "permissions": {"resolve_roles": True},
    },
)

mount: auth.VaultAwsAuthArgs = {
    "region": region,
    "path": path,
    "server_id_header": "vault.example.com",
    "credentials": identity.credentials,
}
if endpoint:
    mount["endpoints"] = {"sts": endpoint, "iam": endpoint, "ec2": endpoint}
    mount["callers_sts_endpoint"] = endpoint
in_vault = vault.Provider("vault", address=config.require("vaultAddress"))
vault_auth = auth.VaultAwsAuth("vault-aws-auth", mount, pulumi.ResourceOptions(providers=[in_vault]))

policy = vault.Policy(
    "payments",
    name="payments",
    policy='path "dev/data/payments/*" { capabilities = ["read"] }',
    opts=pulumi.ResourceOptions(provider=in_vault),
)
in_cluster = kubernetes.Provider("kubernetes", kubeconfig=cluster.kubeconfig)
login = auth.ServiceAccountLogin(
    "payments",
    {
        "connection": vault_auth.connection,
        "cluster": cluster.ref,
        "service_accounts": ["default/payments"],
        "policies": [policy.name],
        "max_ttl": "1h",
    },
    pulumi.ResourceOptions(providers=[in_vault, in_cluster]),
)

pulumi.export("vaultRole", login.vault_role)
pulumi.export("iamRoleArn", login.iam_role_arn)
