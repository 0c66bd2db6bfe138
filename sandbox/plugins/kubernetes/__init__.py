"""The kubernetes plugin: any kind of object, by server-side apply, as the official provider's tokens have it.

It does not wait for workloads to become ready.
"""

from sandbox.plugins.kubernetes.cluster import Cluster, explain
from sandbox.plugins.kubernetes.kinds import Kinds
from sandbox.plugins.resource import Plugin

# These only choose which warnings the official provider shows.
_WARNINGS = frozenset({"suppressDeprecationWarnings", "suppressHelmHookWarnings"})

PLUGIN = Plugin(
    name="kubernetes",
    distribution="pulumi-kubernetes",
    config=_WARNINGS
    | {"cluster", "context", "enablePatchForce", "enableServerSideApply", "kubeconfig", "namespace"},
    json_config=_WARNINGS | {"enablePatchForce", "enableServerSideApply"},
    connect=Cluster,
    explain=explain,
    functions={},
    resources=Kinds(),
)
