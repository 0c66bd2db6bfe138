"""A vendor's release is taken only as the vendor made it; else it is said why, and nothing is left behind."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tools.conftest import VERSIONS, Vendors, Workshop, releases, script, tarball, zipped
from tools.table import TOOLS


def test_every_tool_comes_from_its_vendor(workshop: Workshop, vendors: Vendors) -> None:
    workshop.pin(vendors, "vault", "envtest")
    here = [name for name, tool in TOOLS.items() if tool.release.address()]  # macOS: not all of them
    done = workshop.run("--download", *here)
    assert done.code == 0, done.said
    assert {name: done.says(name) for name in done.paths} == {name: VERSIONS[name] for name in here}
    assert "vault 1.21.0: fetched" in done.said
    assert "checked against tools/checksums.txt" in done.said
    assert (
        f"checked against {vendors.url}/get.pulumi.com/releases/sdk/pulumi-3.274.1-checksums.txt" in done.said
    )
    folder = Path(done.paths["pulumi"]).parent
    assert (folder / "pulumi-language-python").exists(), "what comes with the engine stays beside it"
    assert vendors.downloads(str(releases()["envtest"].address())) == 1, "three tools, one archive"
    before = list(vendors.asked)
    assert workshop.run(*here).paths == done.paths
    assert vendors.asked == before, "the second time nobody is asked"


def test_the_servers_of_one_archive_are_in_one_folder(workshop: Workshop) -> None:
    done = workshop.run("--download", "kube-apiserver", "etcd", "kubectl")
    assert len({Path(path).parent for path in done.paths.values()}) == 1


@pytest.mark.parametrize("pinned", [True, False])
def test_another_archive_than_the_vendors_is_refused(
    workshop: Workshop, vendors: Vendors, pinned: bool, go: Path
) -> None:
    address = str(releases()["vault"].address())
    if pinned:
        workshop.pin(vendors, "vault")
    genuine, vendors.files[address] = vendors.files[address], zipped({"vault": script("v1.21.0 and more")})
    done = workshop.run("vault")
    assert "has the checksum" in done.error
    assert ("tools/checksums.txt says" in done.error) is pinned
    assert workshop.left() == []
    assert "build" not in (go.read_text() if go.exists() else ""), "no way around it but by choice"
    vendors.files[address] = genuine
    assert workshop.run("vault").says("vault") == VERSIONS["vault"]


def test_a_release_without_a_checksum_is_refused(workshop: Workshop, vendors: Vendors) -> None:
    vendors.files[releases()["pulumi"].checksums()] = f"{'0' * 64}  another.tar.gz\n".encode()
    assert "has no checksum of pulumi-v3.274.1" in workshop.run("pulumi").error
    assert workshop.left() == []


def test_a_download_that_is_cut_off_is_tried_once_more(workshop: Workshop, vendors: Vendors) -> None:
    vendors.cut_off = 1
    done = workshop.run("--download", "vault")
    assert "was cut off" in done.said
    assert done.says("vault") == VERSIONS["vault"]


def test_a_download_that_is_cut_off_twice_is_an_error(workshop: Workshop, vendors: Vendors) -> None:
    vendors.cut_off = 2
    assert "was cut off" in workshop.run("--download", "vault").error
    assert workshop.left() == []
    assert workshop.run("--download", "vault").says("vault") == VERSIONS["vault"]


def test_what_the_vendor_has_not_is_built(workshop: Workshop, vendors: Vendors, go: Path) -> None:
    del vendors.files[str(releases()["envtest"].address())]
    assert "answers 404" in workshop.run("--download", "etcd").error
    done = workshop.run("etcd")
    assert "answers 404" in done.said
    assert "Building it from Go modules" in done.said
    assert "go.etcd.io/etcd/server/v3" in done.says("etcd")


def test_a_program_that_does_not_run_here_is_built(workshop: Workshop, vendors: Vendors, go: Path) -> None:
    address = str(releases()["vault"].address())
    vendors.files[address] = zipped({"vault": b"\x7fELF of another machine"})
    workshop.pin(vendors, "vault")
    done = workshop.run("vault")
    assert "its vault does not run on this machine" in done.said
    assert done.says("vault").startswith("built")


def test_no_file_gets_out_of_the_cache(workshop: Workshop, vendors: Vendors) -> None:
    address = str(releases()["pulumi"].address())
    evil = {
        "pulumi/../../../evil": b"1",
        "/evil": b"2",
        "pulumi/sub/deep": b"3",
        "pulumi/..": b"4",
        "evil": b"5",
    }
    vendors.files[address] = tarball({"pulumi/pulumi": script(VERSIONS["pulumi"]), **evil})
    workshop.pin(vendors, "pulumi")
    done = workshop.run("--download", "pulumi")
    assert [path.name for path in Path(done.paths["pulumi"]).parent.iterdir()] == ["pulumi"]
    assert list(workshop.folder.rglob("evil")) == []


def test_what_is_no_archive_is_said(workshop: Workshop, vendors: Vendors) -> None:
    vendors.files[str(releases()["vault"].address())] = b"<html>Please log in to the hotel's network</html>"
    workshop.pin(vendors, "vault")
    assert "is no archive" in workshop.run("vault").error
    assert workshop.left() == []


def test_vendors_that_cannot_be_reached_are_said_once_and_everything_is_built(
    workshop: Workshop, go: Path
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        done = workshop.run("vault", "pulumi", "etcd", SANDBOX_TOOLS_MIRROR=url)
        assert "not reachable" in workshop.run("--download", "caddy", SANDBOX_TOOLS_MIRROR=url).error
    assert done.code == 0
    line = [line for line in done.said.splitlines() if "not reachable" in line]
    assert len(line) == 1
    assert f"not reachable at {url}: get.pulumi.com: Connection refused; github.com" in line[0], line
    assert {name: done.says(name).split()[0] for name in done.paths} == dict.fromkeys(done.paths, "built")


def test_a_network_that_swallows_everything_is_given_up(workshop: Workshop, go: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        done = workshop.run("vault", "pulumi", SANDBOX_TOOLS_MIRROR=url)
    assert [line for line in done.said.splitlines() if "not reachable" in line and "get.pulumi.com: " in line]
    assert done.says("pulumi").startswith("built")


def test_a_proxy_that_refuses_is_named_with_its_answer(
    workshop: Workshop, vendors: Vendors, go: Path
) -> None:
    proxy = {"SANDBOX_TOOLS_MIRROR": "", "https_proxy": vendors.url}
    error = workshop.run("--download", "vault", **proxy).error
    assert "releases.hashicorp.com: Tunnel connection failed: 403 Forbidden" in error
    hosts = ("dl.k8s.io", "get.pulumi.com", "github.com", "releases.hashicorp.com")
    assert sorted(vendors.asked) == [f"CONNECT {host}:443" for host in hosts], "each is asked once"
    assert workshop.run("vault", **proxy).says("vault").startswith("built")


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_download_that_is_stopped_leaves_nothing_and_can_be_repeated(
    workshop: Workshop, vendors: Vendors, stop: signal.Signals
) -> None:
    vendors.trickle = 0.02
    process = workshop.start("--download", "vault")
    while not list(workshop.cache.rglob("*.zip")):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(stop)
    _, said = process.communicate(timeout=60)
    if stop == signal.SIGKILL:
        assert list(workshop.cache.rglob("*.zip")), "the test stopped it too late"
    else:
        assert process.returncode == 130
        assert "interrupted" in said
        assert "Traceback" not in said
        assert workshop.left() == []
    vendors.trickle = 0.0
    assert workshop.run("--download", "vault").says("vault") == VERSIONS["vault"]
    assert list(workshop.cache.rglob("*.zip")) == []


def test_two_that_want_the_same_fetch_it_once(workshop: Workshop, vendors: Vendors) -> None:
    vendors.trickle = 0.002
    both = [workshop.start("--download", "vault") for _ in range(2)]
    said = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert said[0][0] == said[1][0]
    assert vendors.downloads(".zip") == 1


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ("Vault v1.21.4 (abc)", ""),
        ("Vault v1.15.0 (abc)", "has version 1.15"),
        ("Vault v2.0.0 (abc)", "has version 2.0"),
        ("Vault v1.21.4+ent (abc)", "shows no version, or needs a license"),
        ("no such library", "shows no version, or needs a license"),
    ],
)
def test_from_path_come_versions_that_were_tried_and_others_are_told_once(
    workshop: Workshop, put_on_path: Callable[[str, bytes], None], says: str, told: str
) -> None:
    put_on_path("vault", script(says))
    mine = workshop.folder / "bin" / "vault"
    done = workshop.run("vault")
    assert (done.paths["vault"] == str(mine)) is not bool(told)
    assert done.says("vault") == (VERSIONS["vault"] if told else says)
    line = f"{mine} {told}; the sandbox is tested with vault 1.21. It is not used"
    assert (line in done.said) is bool(told)
    assert "not used" not in workshop.run("vault").said, "once another one is there, it is of no interest"
    assert (line in workshop.run("--list", "vault").said) is bool(told)


def test_a_sandbox_s_own_folder_on_path_is_passed_over(
    workshop: Workshop, put_on_path: Callable[[str, bytes], None]
) -> None:
    """Where a shell has sourced an `env`, whose `pulumi` is for that sandbox."""
    put_on_path("vault", script("Vault v1.21.4"))
    assert workshop.run("vault").says("vault") == "Vault v1.21.4"
    (workshop.folder / ".sandbox").touch()
    assert workshop.run("vault").says("vault") == VERSIONS["vault"]


def test_download_and_build_are_stronger_than_path(
    workshop: Workshop, put_on_path: Callable[[str, bytes], None], go: Path
) -> None:
    put_on_path("vault", script("Vault v1.21.4"))
    assert workshop.run("--download", "vault").says("vault") == VERSIONS["vault"]
    assert workshop.run("--build", "vault").says("vault").startswith("built")
    assert workshop.run("vault").says("vault") == "Vault v1.21.4"
    assert workshop.run("vault", SANDBOX_TOOLS="download").says("vault") == VERSIONS["vault"]
    assert "can be build, download, or empty" in workshop.run("vault", SANDBOX_TOOLS="both").error


def test_the_help_says_where_things_are(workshop: Workshop) -> None:
    process = workshop.start("--help")
    text = " ".join(process.communicate(timeout=60)[0].split())
    assert process.returncode == 0
    for word in (
        "SANDBOX_TOOLS_MIRROR",
        "make clean-cache",
        "releases.hashicorp.com/vault",
        "kubectl 1.36",
        "etcd 3.6 to 3.7",
        "--build",
    ):
        assert word in text
