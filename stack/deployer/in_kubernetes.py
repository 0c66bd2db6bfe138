"""What each kind of object needs in Kubernetes, and the roles that grant exactly that."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from stack.deployer.program import LOOKED_UP, Declared, Program

GROUP = "vault-aws-auth-deployer"
"""The Kubernetes group that the roles are bound to."""

LOOK_UP = "aws:eks/getCluster:getCluster"
"""How a cluster is declared that is there already."""

_TOKEN = re.compile(r"(?a)kubernetes:(?P<group>[\w.-]+)/(?P<version>v\w+):(?P<kind>\w+)")
_CLUSTER_WIDE = ("Namespace", "CustomResourceDefinition")
_NAMED = ("get", "patch")
_READING = ("get", "patch")


class Rule(NamedTuple):
    """Verbs on a kind of object."""

    namespace: str
    """Empty for the whole cluster."""
    group: str
    resource: str
    verbs: tuple[str, ...]
    name: str = ""
    """The one object; empty for every one: Kubernetes tells no names apart for create, list and watch."""


class UnknownType(Exception):
    """The stack declares an object whose permissions cannot be told."""


def is_object(kind: str) -> bool:
    """Whether a resource type is one whose permissions can be told."""
    return _TOKEN.fullmatch(kind) is not None


def clusters(program: Program) -> list[str]:
    """The clusters in which the stack works, by the names of their providers."""
    return [each.name for each in program.declared if each.type == "pulumi:providers:kubernetes"]


def rules(program: Program, reading: bool = False, cluster: str | None = None) -> list[Rule]:
    """The rules for what a stack declares, or for previews and refreshes of it: in one of `clusters`, or in
    all together. Raises UnknownType."""
    found: list[Rule] = []
    here = [each for each in program.declared if cluster is None or each.provider == cluster]
    for declared in here:
        if declared.type.startswith("kubernetes:"):
            found += _rules(declared, reading)
        elif declared.type.startswith(LOOKED_UP):
            found += _looked_up(declared)
    made = {each.inputs["metadata"]["name"] for each in here if _is(each, "Namespace")}
    # A role in a namespace that the stack makes would have to be there before it.
    placed = dict.fromkeys(it._replace(namespace="") if it.namespace in made else it for it in found)
    of_own = {(it.resource, it.name) for it in placed if not it.namespace and it.verbs != ("get",)}
    placed = {it: None for it in placed if it.verbs != ("get",) or (it.resource, it.name) not in of_own}
    return [rule for rule in placed if not rule.namespace or rule._replace(namespace="") not in placed]


def releases(program: Program) -> list[str]:
    """The charts that the stack installs, whose objects only the charts know."""
    return [each.name for each in program.declared if each.type.startswith("kubernetes:helm.sh/")]


def makes_cluster(program: Program) -> bool:
    """Whether the stack makes the cluster, whose creator EKS makes its administrator."""
    return any(each.type == "eks:index:Cluster" for each in program.declared)


def _is(declared: Declared, kind: str) -> bool:
    return declared.type == f"kubernetes:core/v1:{kind}" and not declared.is_read


def _rules(declared: Declared, reading: bool) -> Iterator[Rule]:
    match = _TOKEN.fullmatch(declared.type)
    if match is None:
        raise UnknownType(declared.type)
    group, kind = match["group"], match["kind"]
    if group == "helm.sh":
        return
    patched = kind.endswith("Patch")
    kind = kind.removesuffix("Patch")
    metadata: Mapping[str, Any] = declared.inputs.get("metadata") or {}
    api = "" if group == "core" else group
    if kind == "CustomResourceDefinition":
        api = "apiextensions.k8s.io"
    # A custom resource without a namespace may be of a kind that has none.
    otherwise = "" if kind in _CLUSTER_WIDE or "." in group else "default"
    namespace = str(metadata.get("namespace") or otherwise)
    resource, name = _plural(kind), str(metadata.get("name") or declared.inputs.get("id", ""))
    if declared.is_read:
        yield Rule(namespace, api, resource, ("get",), name)
        return
    if reading:
        yield Rule(namespace, api, resource, _READING, name)
        return
    yield Rule(namespace, api, resource, _NAMED if patched else (*_NAMED, "delete"), name)
    if not patched:
        yield Rule(namespace, api, resource, ("create", "list", "watch"))


def _looked_up(declared: Declared) -> Iterator[Rule]:
    """What is looked for before the first change (stack/preflight/in_cluster.py)."""
    noun, name = declared.type.removeprefix(LOOKED_UP), str(declared.inputs["name"])
    if noun == "namespace":
        yield Rule("", "", "namespaces", ("get",), name)


def _plural(kind: str) -> str:
    word = kind.lower()
    if word.endswith("y"):
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith(("s", "x", "ch", "sh")) else f"{word}s"


def manifests(found: list[Rule]) -> list[dict[str, Any]]:
    """ClusterRole and Roles, each with its binding to the group."""
    made: list[dict[str, Any]] = []
    for namespace in sorted({rule.namespace for rule in found}):
        kind = "Role" if namespace else "ClusterRole"
        metadata = {"name": GROUP, **({"namespace": namespace} if namespace else {})}
        api = {"apiVersion": "rbac.authorization.k8s.io/v1"}
        made.append(
            {
                **api,
                "kind": kind,
                "metadata": metadata,
                "rules": [*_written(rule for rule in found if rule.namespace == namespace)],
            }
        )
        made.append(
            {
                **api,
                "kind": f"{kind}Binding",
                "metadata": metadata,
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": GROUP},
                "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": GROUP}],
            }
        )
    return made


def _written(found: Iterator[Rule]) -> Iterator[dict[str, Any]]:
    """One for all objects of a kind with the same verbs."""
    together: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for rule in found:
        together.setdefault((rule.group, rule.resource, rule.verbs), []).append(rule.name)
    for (group, resource, verbs), names in together.items():
        named = sorted(filter(None, names))
        yield {
            "apiGroups": [group],
            "resources": [resource],
            **({"resourceNames": named} if named else {}),
            "verbs": list(verbs),
        }
