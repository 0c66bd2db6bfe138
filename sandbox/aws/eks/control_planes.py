"""What is behind the clusters: the sandbox's control planes, which come and go with them.

The first cluster in the sandbox's own region gets the one that runs already, and is active at once. Any other
gets a control plane of its own, and is CREATING until that answers: one that is made after the first was
deleted as well, for it must have another issuer. An emulator without a sandbox has no control planes: there,
clusters have fictitious addresses.
"""

import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.aws.botocore_data import dns_suffix
from sandbox.aws.state import FIRST_PLANE, Cluster
from sandbox.aws.store import Store
from sandbox.aws.tokens import Issuers

if TYPE_CHECKING:
    from sandbox.aws.eks.running_planes import RunningPlanes

Key = tuple[str, str, str]
"""A cluster's account, region and name."""


class ControlPlanes:
    """The control planes of the clusters in a store. Hold its lock around every use."""

    def __init__(self, home: Path, store: Store, issuers: Issuers, first_in: tuple[str, str]) -> None:
        """`home` is the emulator's folder, whose `cluster.json` tells of the first control plane; `first_in`
        is the account and region of the cluster that gets it."""
        self._described = home / "cluster.json"
        self._store = store
        self._issuers = issuers
        self._first_in = first_in
        self._sandbox: Path | None = None

    def use_sandbox(self, folder: Path) -> None:
        """Lets clusters have control planes in this sandbox; goes on where an earlier emulator was ended."""
        self._sandbox = folder
        if self._has_others or any(path.is_dir() for path in (folder / "kubernetes").iterdir()):
            self._running.resume()

    def back(self, key: Key) -> tuple[str, dict[str, Any]]:
        """The control plane of a new cluster, and what DescribeCluster tells of it."""
        if key[:2] == self._first_in and self._described.exists() and not self._first_is_used:
            self._store.state.first_plane_used = True
            first = json.loads(self._described.read_text())
            return FIRST_PLANE, {
                "status": "ACTIVE",
                "endpoint": first["endpoint"],
                "certificateAuthority": {"data": first["certificate_authority"]},
                "identity": {"oidc": {"issuer": first["issuer"]}},
            }
        if self._sandbox is None:
            return "", _fictitious(key[1])
        return f"{key[2]}-{secrets.token_hex(4)}", {"status": "CREATING", "certificateAuthority": {}}

    def begin(self, key: Key) -> None:
        """Starts the control plane of a cluster that was just created, unless it has the first one."""
        if self._sandbox:
            self._running.begin(key)

    def end(self, cluster: Cluster) -> None:
        """Ends and deletes the control plane of a cluster that was just deleted."""
        if self._sandbox:
            self._running.end(cluster.plane)

    def as_new(self) -> None:
        """Lets the next cluster have the first control plane, if none has it now."""
        self._store.state.first_plane_used = False

    def associated(self, association: dict[str, Any]) -> None:
        """A service account was given a role, or it was taken from it: Vault's pod may be meant."""
        if self._sandbox and association["serviceAccount"] == "vault":
            self._running.place_vault()

    @property
    def _first_is_used(self) -> bool:
        state = self._store.state
        return state.first_plane_used or any(it.plane == FIRST_PLANE for it in state.clusters.values())

    @property
    def _has_others(self) -> bool:
        return any(it.plane not in ("", FIRST_PLANE) for it in self._store.state.clusters.values())

    @property
    def _running(self) -> "RunningPlanes":
        """Imported with the first cluster: a sandbox starts without."""
        from sandbox.aws.eks.running_planes import RunningPlanes
        from sandbox.home import Home

        if self._sandbox is None:
            raise RuntimeError("there is no sandbox")
        return RunningPlanes(Home(self._sandbox), self._store, self._issuers)


def _fictitious(region: str) -> dict[str, Any]:
    """Addresses as of EKS, which nothing serves."""
    name, suffix = secrets.token_hex(16).upper(), dns_suffix(region)
    return {
        "status": "ACTIVE",
        "endpoint": f"https://{name}.gr7.{region}.eks.{suffix}",
        "certificateAuthority": {"data": "Tm90aGluZyBpcyBoZXJl"},
        "identity": {"oidc": {"issuer": f"https://oidc.eks.{region}.{suffix}/id/{name}"}},
    }
