"""The resources of a stack of service-account logins, declared one by one: what components are measured by.

It takes the stack file of the project's own program, as far as `tests.bench.components` writes one, and
declares the same resources with the same inputs: no component, no check, no shared code.
"""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_eks as eks
import pulumi_kubernetes as kubernetes
import pulumi_vault as vault

ROOT = Path(__file__).resolve().parents[3]

config = pulumi.Config()
region = pulumi.Config("aws").require("region")
settings: dict[str, Any] = config.require_object("vault")
cluster_name: str = config.require_object("cluster")["name"]

aws_provider = aws.Provider(
    "aws",
    region=region,
    allowed_account_ids=[config.require("accountId")],
    default_tags={"tags": {"managed-by": "pulumi"}},
)
vault_provider = vault.Provider("vault", address=settings["address"], max_lease_ttl_seconds=7200)
in_aws = pulumi.ResourceOptions(provider=aws_provider)
in_vault = pulumi.ResourceOptions(provider=vault_provider)

cluster = eks.Cluster(
    f"{cluster_name}-cluster",
    name=cluster_name,
    endpoint_private_access=True,
    endpoint_public_access=False,
    enabled_cluster_log_types=["api", "audit", "authenticator"],
    authentication_mode=eks.AuthenticationMode.API,
    skip_default_node_group=True,
    opts=pulumi.ResourceOptions(providers=[aws_provider]),
)
issuer = cluster.oidc_issuer.apply(lambda url: url.removeprefix("https://"))
oidc_provider = aws.iam.OpenIdConnectProvider(
    f"{cluster_name}-oidc-provider",
    url=issuer.apply(lambda host: f"https://{host}"),
    client_id_lists=["sts.amazonaws.com"],
    opts=in_aws,
)
kubeconfig: pulumi.Output[str] = pulumi.Output.secret(cluster.kubeconfig_json)
in_cluster = pulumi.ResourceOptions(provider=kubernetes.Provider("kubernetes", kubeconfig=kubeconfig))

user = aws.iam.User("vault-identity-user", name="vault-auth", force_destroy=True, opts=in_aws)
lookups = aws.iam.Policy(
    "vault-identity-policy",
    name="vault-auth-policy",
    policy=json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": ["iam:GetRole"], "Resource": "*"}],
        }
    ),
    opts=in_aws,
)
attached = aws.iam.UserPolicyAttachment(
    "vault-identity-policy-attachment", user=user.name, policy_arn=lookups.arn, opts=in_aws
)
key = aws.iam.AccessKey(
    "vault-identity-access-key",
    user=user.name,
    opts=pulumi.ResourceOptions(provider=aws_provider, depends_on=[attached]),
)
mount = vault.AuthBackend("vault-aws-auth-mount", type="aws", path="aws", opts=in_vault)
vault.aws.AuthBackendConfigIdentity(
    "vault-aws-auth-identity",
    backend=mount.path,
    iam_alias="role_id",
    iam_metadatas=["account_id", "auth_type", "canonical_arn"],
    opts=in_vault,
)
client = vault.aws.AuthBackendClient(
    "vault-aws-auth-client",
    backend=mount.path,
    access_key=key.id,
    secret_key=key.secret,
    iam_server_id_header_value=settings["serverIdHeader"],
    sts_region=region,
    sts_endpoint=settings["endpoints"]["sts"],
    iam_endpoint=settings["endpoints"]["iam"],
    ec2_endpoint=settings["endpoints"]["ec2"],
    opts=in_vault,
)
policies = {
    "dev": vault.Policy(
        "dev",
        name="dev",
        policy=(ROOT / "policies" / "vault" / "dev.hcl").read_text(),
        opts=in_vault,
    )
}


def trust(subject: str, values: list[Any]) -> str:
    """The trust policy of a service account's role; `values` are the OIDC provider's ARN and its host."""
    provider_arn, host = values
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Federated": provider_arn},
                    "Action": "sts:AssumeRoleWithWebIdentity",
                    "Condition": {
                        "StringEquals": {f"{host}:aud": "sts.amazonaws.com", f"{host}:sub": subject}
                    },
                }
            ],
        }
    )


roles = {}
for name, login in config.require_object("logins").items():
    (account,) = login["serviceAccounts"]
    namespace, account_name = account.split("/")
    subject = f"system:serviceaccount:{namespace}:{account_name}"
    role = aws.iam.Role(
        f"{name}-iam-role",
        name=name,
        description=f"Login {name} to HashiCorp Vault, for {subject}",
        assume_role_policy=pulumi.Output.all(oidc_provider.arn, issuer).apply(partial(trust, subject)),
        opts=pulumi.ResourceOptions(provider=aws_provider, delete_before_replace=True),
    )
    kubernetes.core.v1.ServiceAccount(
        f"{name}-{namespace}.{account_name}-service-account",
        metadata=kubernetes.meta.v1.ObjectMetaArgs(
            name=account_name,
            namespace=namespace,
            annotations={"eks.amazonaws.com/role-arn": role.arn},
        ),
        opts=in_cluster,
    )
    vault_role = vault.aws.AuthBackendRole(
        f"{name}-vault-role",
        backend=mount.path,
        role=name,
        auth_type="iam",
        bound_iam_principal_arns=[role.arn],
        resolve_aws_unique_ids=True,
        token_policies=[policies[policy].name for policy in login["policies"]],
        token_ttl=3600,
        token_max_ttl=3600,
        opts=pulumi.ResourceOptions(
            provider=vault_provider,
            depends_on=[client],
            delete_before_replace=True,
            replacement_trigger=role.unique_id,
        ),
    )
    roles[name] = {"vaultRole": vault_role.role, "iamRoleArn": role.arn}

pulumi.export("logins", roles)
