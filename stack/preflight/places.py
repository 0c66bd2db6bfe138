"""In which cluster each thing is that a state has, and under which name the stack would declare it now.

A cluster can be written below `cluster` or below `clusters`: what is in it has another name then
(`StackCluster.resource`), and is the same nevertheless. A state says neither; the names of its resources and
its outputs do.
"""

from collections.abc import Mapping

from stack.clusters import StackCluster, cluster_id
from stack.file import StackFile
from stack.preflight.leaving import PREFIX
from stack.preflight.objects import ASSOCIATION, OF_CLUSTERS, Thing
from stack.preflight.state import State, type_of

_PODS = (
    "kubernetes:core/v1:ServiceAccount",
    "kubernetes:core/v1:ServiceAccountPatch",
    "aws:eks/podIdentityAssociation:PodIdentityAssociation",
)
_PROVIDER = "pulumi:providers:kubernetes"
_CLUSTERS = ("vault-aws-auth:index:EksCluster", "vault-aws-auth:index:ExistingEksCluster")
_IN_CLUSTER = ("kubernetes:", "vault-aws-auth:index:LoginInCluster", *_PODS)
_COMPONENT = "LoginInCluster$"


def formerly_alone(known: State, stack: StackFile) -> str:
    """The `StackCluster.id` of the cluster that was below `cluster` at the last update; empty: none, or it is
    not known."""
    name = (known.outputs.get("cluster") or {}).get("name")
    if not isinstance(name, str) or not name:
        return _without_provider(known)
    region = ((known.outputs.get("clusters") or {}).get(name) or {}).get("region") or stack.region
    return cluster_id(name, "" if region == stack.region else region)


def _without_provider(known: State) -> str:
    """The cluster that has no provider of its own name, where there is one without a name; for a stack whose
    outputs a run that failed has taken away."""
    by_type: dict[str, list[str]] = {}
    for urn in known.urns:
        by_type.setdefault(type_of(urn), []).append(urn.rpartition("::")[2])
    providers = by_type.get(_PROVIDER, [])
    if "kubernetes" not in providers:
        return ""
    named = {name.partition("/")[0] for name in providers if "/" in name}
    clusters = (name for type_ in _CLUSTERS for name in by_type.get(type_, []) if name not in named)
    return next(clusters, "")


def placed(known: State, stack: StackFile) -> State:
    """The state with its things where the stack file has their clusters now."""
    before = formerly_alone(known, stack)
    by_id = {it.id: it for it in stack.clusters.values()}

    def place(thing: Thing) -> Thing:
        if thing.noun not in OF_CLUSTERS:
            return thing
        its = thing.cluster or before
        if thing.noun == ASSOCIATION and not thing.cluster:  # Vault's own, whose name tells no cluster
            eks = thing.name.partition("/")[0]
            its = next((it.id for it in stack.clusters.values() if it.name == eks), its)
        return thing._replace(cluster=by_id[its].place if its in by_id else its)

    def placed_all(things: Mapping[Thing, str]) -> dict[Thing, str]:
        return {place(thing): urn for thing, urn in things.items()}

    return known._replace(owned=placed_all(known.owned), begun=placed_all(known.begun))


def moved(known: State, stack: StackFile) -> dict[tuple[str, str], str]:
    """The URNs of what is in clusters, by the types and names under which it is declared now, where these are
    others: for aliases."""
    before = formerly_alone(known, stack)
    by_id = {it.id: it for it in stack.clusters.values()}
    several = any(not it.alone for it in stack.clusters.values())
    found = {}
    for urn in known.urns:
        type_, name = type_of(urn), urn.rpartition("::")[2]
        if not _is_in_cluster(type_, name) or name.startswith(PREFIX):
            continue
        its, slash, rest = name.partition("/")
        cluster: StackCluster | None = by_id.get(its if slash else before)
        if cluster is None:
            continue
        now = cluster.resource(rest if slash else name)
        # What a login has in a cluster is in the login itself, or in a component of its own.
        if now != name or (type_ in _PODS and (several or _COMPONENT in urn)):
            found[type_, now] = urn
    return found


def _is_in_cluster(type_: str, name: str) -> bool:
    if type_ == _PROVIDER:  # pulumi-eks has more of them
        return name.rpartition("/")[2] == "kubernetes"
    return type_.startswith(_IN_CLUSTER) or (
        type_.startswith("vault-aws-auth:index:") and type_.endswith("Consumer")
    )
