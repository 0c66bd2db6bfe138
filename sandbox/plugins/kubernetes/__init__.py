"""The kubernetes plugin: any kind of object, by server-side apply, with the official provider's tokens.

It does not wait for workloads to become ready.
"""

from sandbox.plugins.kubernetes.cluster import Cluster, answered, explain, is_another
from sandbox.plugins.kubernetes.kinds import Kinds
from sandbox.plugins.resource import Plugin

# These only select the official provider's warnings.
_WARNINGS = frozenset({"suppressDeprecationWarnings", "suppressHelmHookWarnings"})

_SWITCHES = frozenset({"deleteUnreachable", "enablePatchForce", "enableServerSideApply"})

_CHARTS = "the sandbox installs no charts: leave the release out, and pass its values to helm yourself"

PLUGIN = Plugin(
    name="kubernetes",
    distribution="pulumi-kubernetes",
    config=_WARNINGS | _SWITCHES | {"cluster", "context", "kubeconfig", "namespace"},
    json_config=_WARNINGS | _SWITCHES,
    connect=Cluster,
    explain=explain,
    answered=answered,
    elsewhere=is_another,
    functions={},
    resources=Kinds(),
    refused={f"kubernetes:helm.sh/{release}": _CHARTS for release in ("v3:Release", "v4:Chart")},
)
