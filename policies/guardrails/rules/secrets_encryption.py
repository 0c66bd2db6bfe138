"""Kubernetes secrets are encrypted before they reach the disk."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .base import Resource, Rule, Settings
from .values import UNKNOWN

ENCRYPTS_BY_DEFAULT = (1, 28)
"""From this Kubernetes version on EKS encrypts with a key of its own."""


def check(resource: Resource, settings: Settings) -> Iterator[str]:
    if resource.get("encryptionConfig"):
        return
    if settings["ownKey"]:
        yield "encryptionConfig: is not set, and this stack is to have a KMS key of its own"
    elif (version := _version(resource.get("version"))) and version < ENCRYPTS_BY_DEFAULT:
        yield f"encryptionConfig: is not set, and EKS does not encrypt Kubernetes {version[0]}.{version[1]}"


def _version(text: object) -> tuple[int, int] | None:
    """The version; none where EKS chooses it, which then is one that encrypts."""
    if text is None or text is UNKNOWN:
        return None
    found = re.fullmatch(r"(\d+)\.(\d+)", str(text))
    if not found:
        raise ValueError(f"version: {text!r} is not a Kubernetes version")
    return int(found[1]), int(found[2])


RULE = Rule(
    name="secrets-encryption",
    says="A cluster's Kubernetes secrets are encrypted",
    why="whoever reads a disk or a backup of etcd would read every secret of the cluster.",
    mend="set encryptionConfig.provider.keyArn (in this project's settings cluster.encryptionKeyArn) to a "
    "KMS key, or run Kubernetes 1.28 or later where the stack needs no key of its own.",
    types=("aws:eks/cluster:Cluster",),
    check=check,
    settings={
        "ownKey": {
            "type": "boolean",
            "default": False,
            "description": "Whether EKS's own key is not enough: this stack names a KMS key.",
        }
    },
)
