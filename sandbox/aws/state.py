"""The emulator's state beside moto's."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

FIRST_PLANE = "first"
"""The control plane that runs as long as the sandbox."""


class UnusableState(Exception):
    """A saved file cannot be used; the message says which and why."""

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(f"{file} cannot be used: {reason}")


@dataclass(frozen=True)
class Session:
    """Temporary credentials and their owner."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    issued: datetime
    expiration: datetime
    account: str
    partition: str
    kind: str  # "role", "user" (GetSessionToken) or "federated-user" (GetFederationToken)
    owner_id: str  # unique ID of the role or user; a recreated one has another
    owner_arn: str
    name: str  # of the session
    tags: dict[str, str] = field(default_factory=dict)
    policy: str | None = None  # session policy, which limits the owner's permissions
    policy_arns: tuple[str, ...] = ()  # managed session policies
    transitive: tuple[str, ...] = ()  # keys of the tags that a chained session inherits
    provider: str = ""  # ARN of a web identity's OIDC provider


@dataclass
class NodeGroup:
    """A managed node group and what EKS created for it."""

    description: dict[str, Any]  # as the API shows it
    instance_profile: str
    instances: list[str] = field(default_factory=list)


@dataclass
class Cluster:
    """An EKS cluster and its parts, in the API's own form."""

    description: dict[str, Any]
    plane: str  # the control plane behind it; empty: none, its address is fictitious
    creator: str  # ARN of the principal that created it
    node_groups: dict[str, NodeGroup] = field(default_factory=dict)
    addons: dict[str, dict[str, Any]] = field(default_factory=dict)
    access_entries: dict[str, dict[str, Any]] = field(default_factory=dict)  # by principal ARN
    access_policies: dict[str, dict[str, dict[str, Any]]] = field(
        default_factory=dict
    )  # by principal, policy
    associations: dict[str, dict[str, Any]] = field(default_factory=dict)  # Pod Identity, by ID
    updates: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "backed" in state:  # of an older version, which had one control plane
            state["plane"] = FIRST_PLANE if state.pop("backed") else ""
        vars(self).update(state)

    @property
    def is_active(self) -> bool:
        return bool(self.description["status"] == "ACTIVE")

    @property
    def authentication_mode(self) -> str:
        return str(self.description["accessConfig"]["authenticationMode"])


@dataclass
class State:
    """All of this package's state that must survive a restart, except sessions."""

    # Trust policies name principals by ARN but pin their unique IDs: role ID -> {ARN: ID when written}.
    pinned: dict[str, dict[str, str]] = field(default_factory=dict)
    clusters: dict[tuple[str, str, str], Cluster] = field(default_factory=dict)  # account, region, name
    first_plane_used: bool = False  # by a cluster: another one, even of the same name, has another issuer
