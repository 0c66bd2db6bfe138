"""What else there is in an estate, and of which nothing is in the stack file: told, never lost."""

from collections.abc import Collection

from components.arns import issuer_host
from components.federation import plugin_issuer_url
from components.trust import AUDIENCE
from stack.sections import PROJECT

from . import bounds
from .estate import Cluster, Estate
from .plan import Kind, Plan


def tell(plan: Plan, estate: Estate, clusters: Collection[str]) -> None:
    """Adds it to the plan. `clusters` are those of the stack file, by name in EKS."""
    bound = {
        str(arn)
        for role in estate.vault.mount.roles.values()
        for arn in role.get("bound_iam_principal_arn") or []
    }
    for cluster in estate.clusters:
        if cluster.name in clusters:
            _provider(plan, cluster, estate)
        else:
            plan.say(Kind.LEFT, cluster.arn, "no login of the stack file is of this cluster")
        annotated = estate.annotated.get(cluster.name, {})
        for pod, arn in {**annotated, **cluster.associations, **cluster.chained}.items():
            about = f"{cluster.name}: service account {pod}"
            parts = arn.split(":")
            if len(parts) > 4 and parts[4] in estate.accounts and arn not in estate.roles:
                plan.say(Kind.LEFT, about, f"has the role {arn}, which is gone")
            elif not any(bounds.matches(arn, each) for each in bound):
                plan.say(Kind.LEFT, about, f"has the role {arn}, which no Vault role binds by its name")
    issuers = {cluster.issuer.removeprefix("https://") for cluster in estate.clusters}
    if f"{PROJECT}:federation" in plan.config:
        issuers.add(issuer_host(plugin_issuer_url(estate.vault.issuer, estate.vault.namespace)))
    for account in estate.accounts.values():
        for provider in account.oidc_providers:
            if provider.partition(":oidc-provider/")[2] not in issuers:
                plan.say(Kind.LEFT, provider, "is not the issuer of a cluster that was read")
        for policy in account.unused_policies:
            plan.say(Kind.LEFT, policy, "is attached to nothing")
    for policy in estate.vault.other_policies:
        plan.say(Kind.LEFT, f"sys/policies/acl/{policy}", "no role of the mount names it")
    for path, kind in sorted(estate.vault.other_mounts.items()):
        plan.say(Kind.LEFT, path, _of_mount(path, kind))


def _provider(plan: Plan, cluster: Cluster, estate: Estate) -> None:
    """The OIDC provider in IAM of a cluster that the stack file names: it is found, or made."""
    host = cluster.issuer.removeprefix("https://")
    for account in estate.accounts.values():
        for arn, audiences in account.oidc_providers.items():
            if arn.partition(":oidc-provider/")[2] == host:
                if AUDIENCE not in audiences:
                    text = (
                        f"does not accept the audience {AUDIENCE}: `aws iam "
                        f"add-client-id-to-open-id-connect-provider --client-id {AUDIENCE} "
                        f"--open-id-connect-provider-arn {arn}`"
                    )
                    plan.say(Kind.UNREAD, arn, text)
                return
    plan.say(Kind.CHANGES, cluster.arn, "gets an OIDC provider in IAM, for its issuer has none")


def _of_mount(path: str, kind: str) -> str:
    if path.startswith("auth/"):
        more = "; docs/from-kubernetes-auth.md has the way from there" if kind == "kubernetes" else ""
        return f"is an auth mount of the type {kind}{more}"
    return f"is a secrets engine of the type {kind}; for consumers, write vault.kv.{path}.mount: existing"
