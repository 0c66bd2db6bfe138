"""A cluster logs who did what."""

from collections.abc import Iterator

from .base import Resource, Rule, Settings, Topic
from .values import UNKNOWN, listed

FIELD = "enabledClusterLogTypes"


def check(resource: Resource, settings: Settings) -> Iterator[str]:
    enabled = resource.get(FIELD)
    if enabled is UNKNOWN or UNKNOWN in listed(enabled):
        return
    missing = [kind for kind in settings["logTypes"] if kind not in listed(enabled)]
    if missing:
        yield f"{FIELD}: lacks {', '.join(missing)}"


RULE = Rule(
    name="audit-logs",
    topic=Topic.CLUSTER,
    requires="A cluster's audit logs are on",
    why="without them, an incident leaves no record of the calls to the API server.",
    fix=f"add it to {FIELD} (in this project's settings: cluster.logTypes).",
    types=("aws:eks/cluster:Cluster",),
    check=check,
    settings={
        "logTypes": {
            "type": "array",
            "items": {"enum": ["api", "audit", "authenticator", "controllerManager", "scheduler"]},
            "default": ["audit"],
            "description": "The control-plane logs that must be on.",
        }
    },
)
