"""The clusters of a stack: what each is called, where it is, and the names of what is declared in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


def cluster_id(name: str, elsewhere: str) -> str:
    """`StackCluster.id` of a cluster, by its name in EKS and its region, which is empty for the stack's.

    Names in AWS are made of it, so it has no other characters than EKS takes in the name of a node group.
    """
    return f"{name}_{elsewhere}" if elsewhere else name


@dataclass(frozen=True)
class StackCluster:
    """A cluster of a stack file."""

    key: str
    """What the stack file calls it: its key below `clusters`, or the name of `cluster`."""

    path: str
    """Where it is written: `vault-aws-auth:clusters.blue`."""

    options: Mapping[str, Any]
    """Checked options of `Cluster` or `ExistingCluster`."""

    region: str
    """Its AWS region."""

    elsewhere: bool
    """Whether that is another region than the stack's."""

    alone: bool
    """Whether it is that of the key `cluster`, whose resources have no prefix."""

    @property
    def name(self) -> str:
        """Its name in EKS."""
        return str(self.options["name"])

    @property
    def existing(self) -> bool:
        """Whether it is found instead of made."""
        return bool(self.options["existing"])

    @property
    def id(self) -> str:
        """What tells it from every other cluster of the stack, whatever the stack file calls it."""
        return cluster_id(self.name, self.region if self.elsewhere else "")

    @property
    def place(self) -> str:
        """Where its things are, as `Thing.cluster` has it."""
        return "" if self.alone else self.id

    def resource(self, name: str) -> str:
        """The name of a resource that is declared in it."""
        return name if self.alone else f"{self.id}/{name}"
