"""A team's logins, and the software that uses them, on the platform's cluster and mount.

They are written as in the platform's own stack file, and become the same resources under the same names: so
a login can be handed from there to here, with `python -m stack split`, and nothing of it changes.
"""

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
import pulumi_vault as vault
from pulumi_vault_aws_auth import arns, consumers, from_camel
from pulumi_vault_aws_auth.logins import KINDS

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
options_of_all = pulumi.ResourceOptions(providers=providers)


def cluster_arn(of):
    """The ARN of the platform's cluster, whose account is that of its OIDC provider."""
    return arns.eks_cluster_arn(region, arns.parse(of["oidcProviderArn"]).account, of["name"])


cluster_ref = {
    "name": cluster["name"],
    "arn": cluster.apply(cluster_arn),
    "oidc_provider_arn": cluster["oidcProviderArn"],
    "oidc_issuer": cluster["oidcIssuer"],
}


def called(known):
    """What the platform calls its cluster: by its key, if it has several."""
    name, clusters = known
    return next((key for key, each in (clusters or {}).items() if each["name"] == name), name)


def read(known, where, section, field="kind"):
    """The kind of a section, and its options as the library takes them."""
    kind = section.get(field)
    if kind not in known:
        raise pulumi.RunError(f"{where}.{field}: {kind!r} is not a kind; known: {', '.join(known)}")
    written = {key: value for key, value in section.items() if key not in (field, "login", "clusters")}
    try:
        return known[kind], from_camel(known[kind].OPTIONS, written)
    except ValueError as error:
        raise pulumi.RunError(f"{where}: {error}") from None


def login(name, kind, options):
    """The component of a login."""
    args = {**options, "connection": connection}
    if kind.needs_cluster(options):
        args = {**args, "cluster": cluster_ref, "named_after_objects": True}
        if "iam_role_arn" not in args:
            args.setdefault("iam_role_name", name)
    # Named by what it owns in Vault, as in the platform's stack.
    return kind(options.get("vault_role", name), args, options_of_all)


# Logins of instances and of other accounts stay with the platform.
of_teams = {word: KINDS[word] for word in ("service-account", "principal")}
read_logins = {name: read(of_teams, f"logins.{name}", section) for name, section in declared_logins.items()}
logins = {name: login(name, *found) for name, found in read_logins.items()}
read_consumers = {
    name: read(consumers.KINDS, f"consumers.{name}", section) for name, section in declared_consumers.items()
}
made_consumers = {
    name: kind(
        name,
        {
            **options,
            "connection": connection,
            "login": logins[declared_consumers[name]["login"]].ref,
        },
        options_of_all,
    )
    for name, (kind, options) in read_consumers.items()
}

# As the platform exports them, so that `vault-aws-auth` works with this stack, too.
pulumi.export("vault", mount)
pulumi.export("cluster", cluster)
pulumi.export("clusters", platform.get_output("clusters"))
of_cluster = {
    name: {"clusters": [pulumi.Output.all(cluster["name"], platform.get_output("clusters")).apply(called)]}
    for name, (kind, options) in read_logins.items()
    if kind.needs_cluster(options)
}
pulumi.export("logins", {name: {**made.output, **of_cluster.get(name, {})} for name, made in logins.items()})
pulumi.export("callers", {name: kind.caller(options) for name, (kind, options) in read_logins.items()})
pulumi.export("consumers", {name: made.output for name, made in made_consumers.items()})
