"""Control planes of clusters: who starts and stops their processes, and what is left when one is killed."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from cryptography import x509

from sandbox import api, vault_pod
from sandbox.aws.eks.running_planes import RunningPlanes
from sandbox.aws.state import FIRST_PLANE, Cluster, State
from sandbox.control_planes import ControlPlane, every, of_cluster, others, write_admin_kubeconfig
from sandbox.home import Home, SandboxError
from sandbox.processes import STARTS_OTHERS, Processes, Service

ACCOUNT, REGION = "111111111111", "us-east-1"
SLEEP = ("/bin/sleep", "600")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path / "home")
    made.create()
    yield made
    Processes(made).stop(at_once=True)


def service(name: str, *words: str, healthy: bool = True) -> Service:
    return Service(name, words or SLEEP, [], lambda: healthy)


def made(home: Home, name: str, cluster: str = "green", region: str = REGION) -> ControlPlane:
    plane = ControlPlane(home, name)
    plane.make(ACCOUNT, region, cluster)
    return plane


# Processes


def test_with_the_emulator_goes_what_it_has_started_and_nothing_else(home: Home) -> None:
    command, emulator = Processes(home), Processes(home, STARTS_OTHERS)
    for name in (STARTS_OTHERS, "vault"):
        command.start(service(name))
    emulator.start(service("kube-apiserver-green"))
    assert command.stop([STARTS_OTHERS], at_once=True) == ["kube-apiserver-green", STARTS_OTHERS]
    assert [*command.running()] == ["vault"]


@pytest.mark.parametrize("at_once", [True, False])
def test_what_the_emulator_starts_until_it_is_ended_is_stopped_with_everything(
    home: Home, monkeypatch: pytest.MonkeyPatch, at_once: bool
) -> None:
    processes, end = Processes(home), Processes._end
    for name in (STARTS_OTHERS, "vault"):
        processes.start(service(name))
    late = iter([service("kube-apiserver-green")])

    def ended(here: Processes, *words: Any) -> list[psutil.Process]:
        for each in late:
            Processes(home, STARTS_OTHERS).start(each)
        return end(here, *words)

    monkeypatch.setattr(Processes, "_end", ended)
    assert "kube-apiserver-green" in processes.stop(at_once=at_once)
    assert processes.running() == {}


def test_two_that_start_the_same_service_start_it_once(home: Home) -> None:
    starters = [Processes(home), Processes(home, STARTS_OTHERS)] * 4
    threads = [threading.Thread(target=it.start, args=(service("one"),)) for it in starters]
    before = len(psutil.Process().children(recursive=True))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(psutil.Process().children(recursive=True)) - before == 1


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


# What a control plane has of its own


def test_each_has_an_address_an_authority_an_issuer_and_a_key_of_its_own(home: Home) -> None:
    one, other = made(home, "one", "same"), made(home, "other", "same", "eu-west-1")
    assert others(home) == [one, other]
    assert every(home)[0] == ControlPlane(home)
    assert len({one.port, other.port, *home.ports.values()}) == len(home.ports) + 2
    assert one.issuer.startswith("https://oidc.eks.us-east-1.amazonaws.com/id/")
    assert other.issuer.startswith("https://oidc.eks.eu-west-1.amazonaws.com/id/")
    for name in ("ca.crt", "service-account.key", "kube-apiserver.key"):
        assert (one.folder / name).read_bytes() != (other.folder / name).read_bytes()
        assert (one.folder / name).stat().st_mode & 0o077 == 0
    told = base64.b64decode(one.described["certificateAuthority"]["data"])
    server = x509.load_pem_x509_certificate((one.folder / "kube-apiserver.crt").read_bytes())
    server.verify_directly_issued_by(x509.load_pem_x509_certificate(told))
    assert of_cluster(home, "same", "eu-west-1") == other
    assert of_cluster(home, "another", REGION) == ControlPlane(home)


def test_one_that_was_killed_while_it_was_made_is_made_anew(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sandbox.control_planes.write_private", killed)
    with pytest.raises(KeyboardInterrupt):
        made(home, "half")
    monkeypatch.undo()
    assert others(home) == []
    assert made(home, "half").is_made


def test_the_administrators_kubeconfig_has_a_context_for_each(home: Home) -> None:
    made(home, "green-1")
    made(home, "same-1", "same")
    made(home, "same-2", "same", "eu-west-1")
    write_admin_kubeconfig(home, "green-1", "blue")
    written = yaml.safe_load(home.admin_kubeconfig.read_text())
    assert [it["name"] for it in written["contexts"]] == ["blue", "green", "same-1", "same-2"]
    assert written["current-context"] == "green"


# Their clusters


class Store:
    """What the emulator keeps, as far as clusters need it."""

    def __init__(self) -> None:
        self.state = State()
        self.lock = threading.RLock()
        self.saved: list[str] = []

    def save(self, account: str) -> None:
        self.saved.append(account)


class Issuers:
    """Those whose keys the emulated STS knows."""

    def __init__(self) -> None:
        self.served: dict[str, Any] = {}

    def serve(self, issuer: str, location: dict[str, str]) -> None:
        self.served[issuer] = location

    def forget(self, issuer: str) -> None:
        self.served.pop(issuer, None)


KEY = (ACCOUNT, REGION, "green")


class World:
    """A sandbox whose control planes run no Kubernetes."""

    def __init__(self, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home, self.store, self.issuers = home, Store(), Issuers()
        self.words: tuple[str, ...] = SLEEP
        self.pods: list[str] = []
        self.planes = RunningPlanes(home, self.store, self.issuers)  # type: ignore[arg-type]
        self.healthy = True
        monkeypatch.setattr(
            ControlPlane,
            "api_server",
            lambda it: service(it.service_names[0], *self.words, healthy=self.healthy),
        )
        monkeypatch.setattr(ControlPlane, "controllers", lambda it: service(it.service_names[1], *self.words))
        monkeypatch.setattr(ControlPlane, "publish_signing_keys", lambda _: None)
        monkeypatch.setattr(RunningPlanes, "_wait_for_etcd", lambda _: None)
        monkeypatch.setattr(api, "etcd", self._no_etcd)
        monkeypatch.setattr(vault_pod, "run_in", lambda _, plane: self.pods.append(plane.name))

    def _no_etcd(self, _: Home) -> Any:
        raise SandboxError("it does not run")

    def cluster(self, plane: str = "green-1", key: tuple[str, str, str] = KEY, **more: Any) -> Cluster:
        found = Cluster({"name": key[2], "status": "CREATING", **more}, plane, "arn")
        self.store.state.clusters[key] = found
        return found

    @property
    def running(self) -> set[str]:
        return {*Processes(self.home).running()}


@pytest.fixture
def world(home: Home, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(home, monkeypatch)


PROCESSES = {"kube-apiserver-green-1", "kube-controller-manager-green-1"}


def test_a_cluster_is_active_once_its_control_plane_runs_and_takes_it_along(world: World) -> None:
    cluster = world.cluster()
    world.planes.begin(KEY)
    until(lambda: cluster.is_active)
    assert cluster.description["endpoint"] == ControlPlane(world.home, "green-1").url
    assert [*world.issuers.served] == [cluster.description["identity"]["oidc"]["issuer"]]
    assert world.running == PROCESSES
    assert world.store.saved == [ACCOUNT]
    del world.store.state.clusters[KEY]
    world.planes.end("green-1")
    assert world.running == set()
    assert (others(world.home), world.issuers.served) == ([], {})


def test_a_cluster_whose_control_plane_does_not_start_has_failed_and_says_why(world: World) -> None:
    world.words, world.healthy = ("/bin/sh", "-c", "echo no etcd here; exit 1"), False
    cluster = world.cluster()
    world.planes.begin(KEY)
    until(lambda: bool(cluster.description["status"] == "FAILED"))
    (issue,) = cluster.description["health"]["issues"]
    assert "kube-apiserver-green-1 stopped by itself" in issue["message"]
    assert "no etcd here" in issue["message"]


def test_of_a_cluster_that_is_deleted_while_it_is_created_nothing_stays(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived, goes_on = threading.Event(), threading.Event()

    def wait(_: RunningPlanes) -> None:
        arrived.set()
        goes_on.wait()

    monkeypatch.setattr(RunningPlanes, "_wait_for_etcd", wait)
    world.cluster()
    world.planes.begin(KEY)
    arrived.wait()
    with world.store.lock:
        del world.store.state.clusters[KEY]
        world.planes.end("green-1")
    # One of the same name is another one.
    other = world.cluster("green-2")
    goes_on.set()
    until(lambda: threading.active_count() == 1 or not any("_run" in t.name for t in threading.enumerate()))
    assert world.running == set()
    assert others(world.home) == []
    assert other.description["status"] == "CREATING"


def test_the_next_emulator_goes_on_with_its_clusters_and_removes_what_has_none(world: World) -> None:
    orphan, there = made(world.home, "orphan-1", "orphan"), made(world.home, "there-1", "there")
    Processes(world.home).start(service(orphan.service_names[0]))
    world.cluster("there-1", (ACCOUNT, REGION, "there"), status="ACTIVE")
    half = world.cluster()
    world.planes.resume()
    until(lambda: half.is_active)
    assert {plane.name for plane in others(world.home)} == {"there-1", "green-1"}
    assert there.issuer in world.issuers.served
    assert orphan.service_names[0] not in world.running


def test_vaults_pod_runs_in_the_cluster_that_gave_it_a_role_last(world: World) -> None:
    def gives(cluster: Cluster, at: float) -> None:
        wanted = {"namespace": "vault", "serviceAccount": "vault", "createdAt": at}
        cluster.associations["a"] = wanted

    blue = world.cluster(FIRST_PLANE, (ACCOUNT, REGION, "blue"), status="ACTIVE")
    green = world.cluster(status="ACTIVE")
    gives(blue, 1)
    world.planes.place_vault()
    assert world.pods == [], "it is there already"
    gives(green, 2)
    world.planes.place_vault()
    assert world.pods == ["green-1"]


def test_the_state_of_an_older_emulator_has_its_cluster_on_the_first_one() -> None:
    older = Cluster.__new__(Cluster)
    older.__setstate__({"description": {"status": "ACTIVE"}, "backed": True, "creator": "arn"})
    assert older.plane == FIRST_PLANE
    assert older.is_active
