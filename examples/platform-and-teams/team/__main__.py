"""A team's logins on the platform's cluster and mount. Stack and namespace have the team's name."""

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
import pulumi_vault as vault
from pulumi_vault_aws_auth import ServiceAccountLogin

config = pulumi.Config()
team = pulumi.get_stack()
platform = pulumi.StackReference(config.require("platform"))
mount, cluster = platform.require_output("vault"), platform.require_output("cluster")

providers = pulumi.ResourceOptions(
    providers=[
        aws.Provider("aws", region=mount["stsRegion"], default_tags={"tags": {"team": team}}),
        vault.Provider("vault", address=mount["address"]),
        kubernetes.Provider("kubernetes", kubeconfig=platform.require_output("kubeconfig")),
    ]
)

logins, outputs = config.require_object("logins"), {}
for name, settings in logins.items():
    # The team's name is in every name that teams share: those of IAM and of the mount's Vault roles.
    login = ServiceAccountLogin(
        f"{team}-{name}",
        {
            "connection": {"path": mount["mountPath"]},
            "oidc_issuer": cluster["oidcIssuer"],
            "oidc_provider_arn": cluster["oidcProviderArn"],
            "service_accounts": [
                {"namespace": team, "name": account} for account in settings["serviceAccounts"]
            ],
            "token": {"policies": settings["policies"], "max_ttl": settings["maxTtl"]},
        },
        providers,
    )
    outputs[name] = {
        "kind": "service-account",
        "vaultRole": login.vault_role,
        "iamRoleArn": login.iam_role_arn,
        "serviceAccounts": login.service_accounts,
        "principals": login.principals,
        "policies": settings["policies"],
        "maxTtl": settings["maxTtl"],
    }

# As the platform exports them, so that `vault-aws-auth` works with this stack, too.
pulumi.export("vault", mount)
pulumi.export("cluster", cluster)
pulumi.export("logins", outputs)
