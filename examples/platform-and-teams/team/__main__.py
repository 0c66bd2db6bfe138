"""A team's logins, and the software that uses them, on the platform's cluster and mount.

They are written as in the platform's own stack file, and become the same resources under the same names: so
a login can be handed from there to here, with `python -m stack split`, and nothing of it changes.
"""

import re

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
import pulumi_vault as vault
from pulumi_vault_aws_auth import (
    PrincipalLogin,
    PrincipalLoginArgs,
    ServiceAccountLogin,
    ServiceAccountLoginArgs,
    arns,
    consumers,
)

KINDS = {
    "service-account": (ServiceAccountLogin, ServiceAccountLoginArgs),
    "principal": (PrincipalLogin, PrincipalLoginArgs),
}

config, region = pulumi.Config(), pulumi.Config("aws").require("region")
declared_logins = config.get_object("logins") or {}
declared_consumers = config.get_object("consumers") or {}

platform = pulumi.StackReference(config.require("platform"))
mount, cluster = platform.require_output("vault"), platform.get_output("cluster")
connection = {
    "path": mount["mountPath"],
    "address": mount["address"],
    "namespace": mount["namespace"],
    "sts_endpoint": mount["stsEndpoint"],
    "sts_region": mount["stsRegion"],
    "server_id_header": mount["serverIdHeader"],
}

account = config.get("accountId")
own_tags = {
    "managed-by": "pulumi",
    "pulumi-project": pulumi.get_project(),
    "pulumi-stack": pulumi.get_stack(),
}
providers = [
    aws.Provider(
        "aws",
        region=region,
        allowed_account_ids=[account] if account else None,
        default_tags={"tags": {**own_tags, **(config.get_object("tags") or {})}},
    ),
    vault.Provider(
        "vault",
        address=mount["address"],
        namespace=mount["namespace"].apply(lambda path: path or None),
        max_lease_ttl_seconds=2 * 60 * 60,
    ),
]
if any(
    declared.get("kind") == "service-account" and declared.get("serviceAccountMode") != "none"
    for declared in declared_logins.values()
) or any({"apply", "release"} & declared.keys() for declared in declared_consumers.values()):
    providers.append(kubernetes.Provider("kubernetes", kubeconfig=platform.require_output("kubeconfig")))
options = pulumi.ResourceOptions(providers=providers)


def arguments(section):
    """A section with the library's names: `serviceAccounts` is `service_accounts`."""
    if not isinstance(section, dict):
        return section
    named = {re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", key): key for key in section}
    return {name: arguments(section[key]) for name, key in named.items()}


def login(name, section):
    """The component of a login, its entry in the output `logins`, and that in `callers`."""
    args = arguments(section)
    kind = args.pop("kind", None)
    if kind not in KINDS:
        raise pulumi.RunError(f"logins.{name}.kind: {kind!r} is not a kind; known: {', '.join(KINDS)}")
    component, known = KINDS[kind]
    policies, max_ttl = args.pop("policies", []), str(args.pop("max_ttl", "1h"))
    token = {"policies": policies, "max_ttl": max_ttl, "ttl": str(args.pop("ttl", max_ttl))}
    args = {"vault_role": name, **args, "connection": connection, "token": token}
    if kind == "service-account":
        caller = {"method": args.get("method", "irsa")}
        args |= {
            "iam_role_name": args.get("iam_role_name", name),
            "service_accounts": [account_ref(written) for written in args.get("service_accounts", [])],
            "oidc_issuer": cluster["oidcIssuer"],
            "oidc_provider_arn": cluster["oidcProviderArn"],
            "cluster_name": cluster["name"],
            "cluster_arn": cluster.apply(cluster_arn),
        }
    else:
        caller = {"verifyAs": args.pop("verify_as", []), "verifyNotAs": args.pop("verify_not_as", [])}
    if unknown := args.keys() - known.__annotations__.keys():
        raise pulumi.RunError(f"logins.{name}: has {', '.join(sorted(unknown))}, not known to kind {kind}")
    # Named by what it owns in Vault, as in the platform's stack.
    made = component(args["vault_role"], args, options)
    output = {
        "kind": kind,
        "vaultRole": made.vault_role,
        "iamRoleArn": made.iam_role_arn,
        "serviceAccounts": made.service_accounts,
        "principals": made.principals,
        "policies": policies,
        "maxTtl": max_ttl,
    }
    return made, output, caller


def account_ref(written):
    """The service account that is written as NAMESPACE/NAME."""
    namespace, _, name = written.partition("/")
    return {"namespace": namespace, "name": name}


def cluster_arn(of):
    """The ARN of the platform's cluster, whose account is that of its OIDC provider."""
    return arns.eks_cluster_arn(region, arns.parse(of["oidcProviderArn"]).account, of["name"])


def consumer(name, section):
    """The component of a consumer: the configuration of the software that uses a login."""
    args = arguments(section)
    kind, used = consumers.KINDS[args.pop("kind")], args.pop("login")
    component, declared = logins[used][0], arguments(declared_logins[used])
    about = {"service_accounts": declared.get("service_accounts", [])}
    if declared["kind"] == "service-account":
        about["method"] = declared.get("method", "irsa")
        about["service_account_mode"] = declared.get("service_account_mode", "create")
    args["connection"] = connection
    args["login"] = {
        "vault_role": component.vault_role,
        "iam_role_arn": component.iam_role_arn,
        **about,
    }
    return kind(name, args, options)


logins = {name: login(name, section) for name, section in declared_logins.items()}
configured = {name: consumer(name, section) for name, section in declared_consumers.items()}

# The same outputs as the platform's, so that `vault-aws-auth` works with this stack too.
pulumi.export("vault", mount)
pulumi.export("cluster", cluster)
pulumi.export("logins", {name: output for name, (_, output, _) in logins.items()})
pulumi.export("callers", {name: caller for name, (_, _, caller) in logins.items()})
pulumi.export("consumers", {name: made.output for name, made in configured.items()})
