"""Kubernetes secrets are encrypted at rest."""

import re
from collections.abc import Iterator

from .base import Resource, Rule, Settings, Topic
from .values import UNKNOWN

ENCRYPTS_BY_DEFAULT = (1, 28)
"""Since this Kubernetes version, EKS encrypts with a key of its own."""


def check(resource: Resource, settings: Settings) -> Iterator[str]:
    if resource.get("encryptionConfig"):
        return
    if settings["ownKey"]:
        yield "encryptionConfig: is not set, but this stack requires its own KMS key"
    elif (version := _version(resource.get("version"))) and version < ENCRYPTS_BY_DEFAULT:
        yield f"encryptionConfig: is not set, and EKS does not encrypt Kubernetes {version[0]}.{version[1]}"


def _version(text: object) -> tuple[int, int] | None:
    """The version; None if EKS chooses it, because those encrypt."""
    if text is None or text is UNKNOWN:
        return None
    found = re.fullmatch(r"(?a)(\d+)\.(\d+)", str(text))
    if not found:
        raise ValueError(f"version: {text!r} is not a Kubernetes version")
    return int(found[1]), int(found[2])


RULE = Rule(
    name="secrets-encryption",
    topic=Topic.CLUSTER,
    requires="A cluster's Kubernetes secrets are encrypted: by EKS since 1.28, before that with a KMS key",
    why="a copy of etcd's disk or backup would reveal every secret of the cluster.",
    fix="set encryptionConfig.provider.keyArn (in this project's settings: cluster.encryptionKeyArn) to a "
    "KMS key, or run Kubernetes 1.28 or later if the stack does not require its own key.",
    types=("aws:eks/cluster:Cluster",),
    check=check,
    settings={
        "ownKey": {
            "type": "boolean",
            "default": False,
            "description": "Whether this stack requires its own KMS key.",
        }
    },
)
