"""What was decided: a stack file, and what is said of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Kind(Enum):
    """What a remark is about."""

    LEFT = "left"
    """Cannot be written into the stack file: it stays as it is, and its owner's."""

    CHANGES = "changes"
    """Will be otherwise after the first `pulumi up`."""

    CHOSEN = "chosen"
    """Could be written in another way."""

    UNREAD = "unread"
    """Could not be read, so it is not in the stack file."""


@dataclass(frozen=True)
class Remark:
    """One thing that is said of the estate."""

    kind: Kind
    about: str
    """The thing, as its service names it: `auth/aws/role/dev`, an ARN."""

    text: str


def changes(about: str, text: str) -> Remark:
    """What is otherwise after the first update."""
    return Remark(Kind.CHANGES, about, text)


def chosen(about: str, text: str) -> Remark:
    """What could be written in another way."""
    return Remark(Kind.CHOSEN, about, text)


class Use(Enum):
    """What is left to its owner although it could be taken over."""

    MOUNT = "mount"
    """The mount, its client config, and Vault's AWS identity."""

    IAM_ROLES = "iam-roles"
    """The IAM roles of service accounts."""

    POLICIES = "policies"
    """Vault's ACL policies."""


@dataclass
class Plan:
    """A stack file in the making."""

    config: dict[str, Any] = field(default_factory=dict)
    """By full key, as `pulumi config` has it."""

    policies: dict[str, str] = field(default_factory=dict)
    """Text of the files to write below policies/vault/, by name."""

    remarks: list[Remark] = field(default_factory=list)

    comments: dict[tuple[str, ...], list[str]] = field(default_factory=dict)
    """What stands above a key of the file, by its path."""

    def say(self, kind: Kind, about: str, text: str, at: tuple[str, ...] = ()) -> None:
        """Add a remark, once; one that has a place is a comment there as well."""
        remark = Remark(kind, about, text)
        if remark not in self.remarks:
            self.remarks.append(remark)
        if at and (line := f"{about}: {text}") not in self.comments.setdefault(at, []):
            self.comments[at].append(line)

    def of(self, kind: Kind) -> list[Remark]:
        """The remarks of one kind."""
        return [remark for remark in self.remarks if remark.kind is kind]


@dataclass(frozen=True)
class Login:
    """One way to write a Vault role as a login, and what is to be said if it is written so."""

    options: Mapping[str, Any]
    remarks: tuple[Remark, ...] = ()

    clusters: tuple[str, ...] = ()
    """Names in EKS of the clusters that it is of."""

    takes: str = ""
    """ARN of the IAM role that it takes over; empty for none."""
