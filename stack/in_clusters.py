"""Declares the clusters of a stack file, each with its providers, and what logins have in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from components import EksCluster, ExistingEksCluster, LoginInCluster
from components.cluster import Cluster
from components.logins import Login
from components.logins.in_cluster import declares
from components.logins.service_account import associates
from stack.clusters import StackCluster
from stack.file import Declared, StackFile
from stack.providers import Providers


@dataclass(frozen=True)
class InCluster:
    """A cluster that is declared, and the options of what is declared in it."""

    stack_cluster: StackCluster
    cluster: Cluster

    opts: pulumi.ResourceOptions
    """With all providers, that of Kubernetes being the cluster's; and after its namespaces."""

    of_aws: pulumi.ResourceOptions
    """With the providers of AWS, in the cluster's region, and of Vault."""


def declare(stack: StackFile, providers: Providers) -> dict[str, InCluster]:
    """Declare the clusters, by their names in the stack file."""
    return {key: _declared(stack, it, providers) for key, it in stack.clusters.items()}


def _declared(stack: StackFile, it: StackCluster, providers: Providers) -> InCluster:
    aws_provider = providers.in_region_of(it)
    in_aws = pulumi.ResourceOptions(providers=[aws_provider])
    options: Any = {**it.options, "region": it.region}
    existing, namespaces = options.pop("existing"), options.pop("namespaces")
    cluster: Cluster
    if existing:
        try:
            cluster = ExistingEksCluster(it.id, options, in_aws)
        except ValueError as error:  # of what was found, when everything written is right
            raise pulumi.RunError(f"{it.path}.name: {error}") from None
    else:
        options["pod_identity_agent"] = options["pod_identity_agent"] or stack.uses_pod_identity(it)
        cluster = EksCluster(it.id, options, in_aws)
    kubernetes_provider = kubernetes.Provider(it.resource("kubernetes"), kubeconfig=cluster.kubeconfig)
    made = [
        kubernetes.core.v1.Namespace(
            it.resource(f"namespace-{name}"),
            metadata=kubernetes.meta.v1.ObjectMetaArgs(name=name),
            opts=pulumi.ResourceOptions(provider=kubernetes_provider),
        )
        for name in namespaces
    ]
    of_aws = [aws_provider, providers.vault_provider]
    return InCluster(
        it,
        cluster,
        pulumi.ResourceOptions(providers=[*of_aws, kubernetes_provider], depends_on=made),
        pulumi.ResourceOptions(providers=of_aws),
    )


def declare_login(component: str, declared: Declared, login: Login, of: Sequence[InCluster]) -> None:
    """Declare what a login of service accounts has in each of its clusters; of other logins, nothing is in
    them. `component` is the name of the login's."""
    if "service_accounts" not in declared.options:
        return
    options: Any = declared.options
    args: Any = {
        "iam_role_arn": login.iam_role_arn,
        "service_accounts": options["service_accounts"],
        "service_account_mode": options["service_account_mode"],
        "method": options["method"],
        "associations_exist": not associates(options),
        **({"tags": options["tags"]} if options.get("tags") else {}),
    }
    for it in of if declares(args) else ():
        # Named by what is in it, as in the login: no two logins of a cluster have the same service accounts.
        prefix = f"{it.stack_cluster.resource('cluster')}-"
        own: Any = {**args, "cluster": it.cluster.ref, "resource_prefix": prefix}
        LoginInCluster(it.stack_cluster.resource(component), own, it.opts)


def outputs(clusters: Mapping[str, InCluster]) -> dict[str, Any]:
    """What the stack says of its clusters."""
    if not clusters:
        return {}
    facts = {key: _facts(it.cluster) for key, it in clusters.items()}
    kubeconfigs = {key: it.cluster.kubeconfig for key, it in clusters.items()}
    alone = [key for key, it in clusters.items() if it.stack_cluster.alone or len(clusters) == 1]
    return {
        **{
            name: value
            for key in alone
            for name, value in (("cluster", facts[key]), ("kubeconfig", kubeconfigs[key]))
        },
        "clusters": {key: {**facts[key], "region": it.stack_cluster.region} for key, it in clusters.items()},
        # As a whole, so that none of it is shown.
        "kubeconfigs": pulumi.Output.secret(kubeconfigs),
    }


def _facts(cluster: Cluster) -> dict[str, Any]:
    return {
        "name": cluster.name,
        "oidcIssuer": cluster.oidc_issuer,
        "oidcProviderArn": cluster.oidc_provider_arn,
    }
