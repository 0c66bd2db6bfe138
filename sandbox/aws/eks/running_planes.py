"""Starts and ends the control planes of clusters, in the sandbox that the emulator belongs to."""

import contextlib
import threading
import time
from typing import Any

from sandbox import api, vault_pod
from sandbox.aws.state import FIRST_PLANE, Cluster
from sandbox.aws.store import Store
from sandbox.aws.tokens import Issuers
from sandbox.control_planes import ControlPlane, others, write_admin_kubeconfig
from sandbox.home import Home, SandboxError
from sandbox.processes import STARTS_OTHERS, Processes

Key = tuple[str, str, str]
_ETCD_SECONDS = 60


class RunningPlanes:
    """The control planes of the clusters in a store. Hold its lock around every use."""

    def __init__(self, home: Home, store: Store, issuers: Issuers) -> None:
        self._home = home
        self._store = store
        self._issuers = issuers

    def resume(self) -> None:
        """Goes on where an earlier emulator was ended: with all of its clusters, and with no other."""
        known = {cluster.plane for cluster in self._clusters.values()}
        for plane in others(self._home):
            if plane.name in known:
                self._issuers.serve(plane.issuer, plane.signing_keys)
            else:
                plane.remove(Processes(self._home))
        for key in self._clusters:
            self._start(key)
        self._follow()

    def begin(self, key: Key) -> None:
        """Starts what a cluster that was just created needs."""
        self._start(key)
        self._follow()

    def end(self, name: str) -> None:
        """Ends and deletes the control plane of a cluster that was just deleted."""
        if name not in ("", FIRST_PLANE):
            plane = ControlPlane(self._home, name)
            if plane.is_made:
                self._issuers.forget(plane.issuer)
            plane.remove(Processes(self._home))
        self._follow()
        self.place_vault()

    def place_vault(self) -> None:
        """Runs Vault's pod in the cluster that gave its service account a role last, else in the first."""
        pod = (vault_pod.NAMESPACE, vault_pod.SERVICE_ACCOUNT)
        given = [
            (association["createdAt"], cluster.plane)
            for cluster in self._clusters.values()
            for association in cluster.associations.values()
            if (association["namespace"], association["serviceAccount"]) == pod
        ]
        wanted = max(given)[1] if given else FIRST_PLANE
        if wanted != vault_pod.plane_of(self._home):
            # If it does not answer now, it is asked again with the next change.
            with contextlib.suppress(SandboxError):
                vault_pod.run_in(self._home, ControlPlane(self._home, wanted))

    @property
    def _clusters(self) -> dict[Key, Cluster]:
        return self._store.state.clusters

    def _start(self, key: Key) -> None:
        """Starts the control plane of a cluster that is CREATING, in the background."""
        cluster = self._clusters[key]
        if cluster.description["status"] == "CREATING":
            plane = ControlPlane(self._home, cluster.plane)
            threading.Thread(target=self._run, args=(key, plane), daemon=True).start()

    def _run(self, key: Key, plane: ControlPlane) -> None:
        """Whatever happens here: the cluster is ACTIVE then, FAILED or deleted, and if so, this is too."""
        processes = Processes(plane.home, STARTS_OTHERS)
        try:
            plane.make(*key)
            self._wait_for_etcd()
            for service in (plane.api_server(), plane.controllers()):
                with self._store.lock:
                    if self._is_of(key, plane):
                        processes.start(service)
                processes.wait(service)
            plane.publish_signing_keys()
            told: dict[str, Any] = {"status": "ACTIVE", **plane.described}
        except Exception as error:
            told = {"status": "FAILED", "health": {"issues": [_issue(error)]}}
        with self._store.lock:
            if not self._is_of(key, plane):
                plane.remove(processes)
                return
            if told["status"] == "ACTIVE":
                self._issuers.serve(plane.issuer, plane.signing_keys)
            self._clusters[key].description.update(told)
            self._store.save(key[0])
            self._follow()

    def _wait_for_etcd(self) -> None:
        """An API server that finds no database gives up; when the sandbox starts, it may find none yet."""
        deadline = time.monotonic() + _ETCD_SECONDS
        while True:
            try:
                if api.etcd(self._home).get("/health")["health"] == "true":
                    return
            except SandboxError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.2)

    def _is_of(self, key: Key, plane: ControlPlane) -> bool:
        """Whether the cluster is still there, and is not another one of its name."""
        cluster = self._clusters.get(key)
        return cluster is not None and cluster.plane == plane.name

    def _follow(self) -> None:
        """Lets the administrator's kubeconfig follow what has come or gone."""
        active = {cluster.plane: key for key, cluster in self._clusters.items() if cluster.is_active}
        *_, of_first = active.get(FIRST_PLANE, ("sandbox",))
        write_admin_kubeconfig(self._home, next(iter(active), FIRST_PLANE), of_first)


def _issue(error: Exception) -> dict[str, Any]:
    """A failure as EKS tells it."""
    text = str(error) if isinstance(error, SandboxError | OSError) else type(error).__name__
    return {"code": "InternalFailure", "message": text, "resourceIds": []}
