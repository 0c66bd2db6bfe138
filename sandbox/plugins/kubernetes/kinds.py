"""The resource types of Kubernetes' kinds, created on demand.

The inputs of a built-in kind are read from the installed SDK's source, because importing the SDK would take
longer than everything else. Nested fields are validated by the API server, strictly.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path

from sandbox.plugins.kubernetes import objects
from sandbox.plugins.kubernetes.cluster import is_custom
from sandbox.plugins.resource import Inputs, Resource, words

_TOKEN = re.compile(r"kubernetes:(?P<group>[\w.-]+)/(?P<version>v\w+):(?P<kind>\w+)")
_GETTER = re.compile(r'@pulumi\.getter(?:\(name="(\w+)"\))?\n\s+def (\w+)\(self\)')
_REQUIRED = re.compile(r"Missing required property '(\w+)'")

# The official provider replaces on these, although the API could change some in place.
_REPLACED = {
    "apps/DaemonSet": "spec.selector",
    "apps/Deployment": "spec.selector",
    "apps/StatefulSet": "spec.podManagementPolicy spec.revisionHistoryLimit spec.selector spec.serviceName"
    " spec.volumeClaimTemplates",
    "batch/Job": "spec.completions spec.parallelism spec.selector spec.template",
    "core/ConfigMap": "binaryData data",
    "core/PersistentVolumeClaim": "spec.accessModes spec.selector spec.storageClassName spec.volumeName",
    "core/ResourceQuota": "spec.scopes",
    "core/Secret": "data stringData type",
    "core/Service": "spec.clusterIP",
    "rbac.authorization.k8s.io/ClusterRoleBinding": "roleRef",
    "rbac.authorization.k8s.io/RoleBinding": "roleRef",
    "storage.k8s.io/StorageClass": "parameters provisioner",
}


class Kinds(Mapping[str, Resource]):
    """Every kind by token: the built-in ones, and any of a custom group."""

    def __getitem__(self, token: str) -> Resource:
        entry = _resource(token)
        if entry is None:
            raise KeyError(token)
        return entry

    def __iter__(self) -> Iterator[str]:
        """The tokens of the built-in kinds."""
        for file in sorted(_sdk().glob("*/v*/[A-Z]*.py")):
            found = _TOKEN.search(file.read_text())
            if found and _resource(found[0]):
                yield found[0]

    def __len__(self) -> int:
        return sum(1 for _ in self)


@cache
def _resource(token: str) -> Resource | None:
    match = _TOKEN.fullmatch(token)
    if match is None or match["kind"].endswith("List") or match["group"] == "helm.sh":
        return None
    group, version, name = match.groups()
    kind = name.removesuffix("Patch")
    is_patch = kind != name
    module = group.split(".")[0]
    source = _sdk() / module / version / f"{name}.py"
    built_in = source.is_file() and f"'{token}'" in source.read_text()
    if not built_in and not is_custom(group):
        return None
    inputs, required = _inputs(source.read_text()) if built_in else (_OBJECT, frozenset[str]())
    api_version = version if group == "core" else f"{group}/{version}"
    return Resource(
        token=token,
        sdk=f"pulumi_kubernetes.{module}.{version}.{name}"
        if built_in
        else "pulumi_kubernetes.apiextensions.CustomResource",
        inputs=inputs,
        open=not built_in,
        required=required,
        defaults={"apiVersion": api_version, "kind": kind},
        # A patch needs a name.
        autoname=None if is_patch else "metadata.name",
        keeps_chosen_name=False,
        validate=_check_patch if is_patch else _check,
        replace_on=frozenset({"apiVersion", "kind", "metadata.name", "metadata.namespace"})
        | (frozenset() if is_patch else words(_REPLACED.get(f"{group}/{kind}", ""))),
        partial=inputs,
        adds={"metadata": _ADDED},
        secret_outputs=frozenset({"data", "stringData"} if (group, kind) == ("core", "Secret") else ()),
        create=objects.patch if is_patch else objects.create,
        read=partial(objects.read, api_version, kind),
        update=objects.update,
        delete=objects.release if is_patch else objects.delete,
        dry_run=objects.dry_run_patch if is_patch else objects.dry_run,
    )


_ADDED = frozenset({"creationTimestamp", "generation", "namespace", "resourceVersion", "uid"})
_OBJECT = frozenset({"apiVersion", "kind", "metadata"})


def _inputs(source: str) -> tuple[frozenset[str], frozenset[str]]:
    """The inputs of an SDK class, and the required ones, from its source."""
    arguments = source.partition("(pulumi.CustomResource):")[0]
    names = {snake: camel or snake for camel, snake in _GETTER.findall(arguments)}
    return frozenset(names.values()), frozenset(names[snake] for snake in _REQUIRED.findall(source))


@cache
def _sdk() -> Path:
    found = find_spec("pulumi_kubernetes")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("pulumi_kubernetes is not installed")
    return Path(found.origin).parent


def _check(inputs: Inputs) -> dict[str, str]:
    if "generateName" in inputs.get("metadata", {}):
        return {"metadata.generateName": "not supported by the sandbox's local plugin; leave the name out"}
    return {}


def _check_patch(inputs: Inputs) -> dict[str, str]:
    if "metadata" in inputs and "name" not in inputs["metadata"]:
        return {"metadata.name": "a patch needs the name of the object to patch"}
    return {}
