"""Builds: what is told to Go, what becomes of its caches, and what is said when it fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tools.conftest import ROOT, Workshop
from tools.table import TOOLS

OFFLINE = {"SANDBOX_TOOLS": "build"}


def test_without_go_it_is_said_what_to_do(workshop: Workshop) -> None:
    error = workshop.run("vault", "etcd", **OFFLINE).error
    assert "vault, etcd: Go is missing" in error
    assert workshop.left() == []


def test_tools_of_one_module_are_built_at_once(workshop: Workshop, go: Path) -> None:
    done = workshop.run("kube-apiserver", "kube-controller-manager", "etcd", **OFFLINE)
    assert done.code == 0, done.said
    built = [line for line in go.read_text().splitlines() if line.startswith("build")]
    assert [line.count("/kube-") for line in built] == [2, 0]
    assert "v1.36.3" in built[0]
    assert "kube-apiserver, kube-controller-manager: built from tools/kubernetes/go.mod" in done.said
    before = go.read_text()
    assert workshop.run("kube-apiserver", "etcd", **OFFLINE).code == 0
    assert go.read_text() == before, "what is built once stays"


def test_vault_is_built_from_its_source_with_own_files_in_it(workshop: Workshop, go: Path) -> None:
    assert workshop.run("vault", **OFFLINE).code == 0
    source, own = Path(f"{go}.source"), ROOT / "tools" / "vault"
    module = "github.com/hashicorp/vault"
    added, login = Path("command/commands_min.go"), Path("command/agentproxyshared/auth/gcp/gcp.go")
    assert (source / added).read_text() == (own / "_overlay" / module / added).read_text()
    assert (source / "command" / "main.go").exists(), "what is laid over a package leaves its other files"
    assert (source / login).read_text() == (own / "_instead" / module / login).read_text()
    assert [path.name for path in (source / login).parent.iterdir()] == ["gcp.go"], (
        "a stand-in is the package"
    )
    assert not list(source.rglob("testdata")) + list(source.rglob("*_test.go"))
    built = next(line for line in go.read_text().splitlines() if line.startswith("build"))
    assert "-modfile=" in built
    assert "-tags minimal" in built
    assert [path for path in workshop.left() if "source" in path] == [], (
        "the copy goes, write-protected or not"
    )


def test_a_module_is_taken_from_its_copy_alone(workshop: Workshop, go: Path) -> None:
    """`k8s.io/apiserver` is replaced by a version already: Go refuses two replacements."""
    assert workshop.run("kubectl", **OFFLINE).code == 0
    lines = Path(f"{go}.go.mod").read_text().splitlines()
    (replaced,) = (line for line in lines if "k8s.io/apiserver =>" in line)
    assert replaced.endswith("/source/k8s.io/apiserver")
    assert any("k8s.io/api => k8s.io/api v0.36" in line for line in lines), "the others stay as they are"


def test_own_files_of_a_module_that_is_not_required_are_refused(workshop: Workshop, go: Path) -> None:
    stray = workshop.folder / "tools" / "etcd" / "_instead" / "example.com" / "stray" / "stray.go"
    stray.parent.mkdir(parents=True)
    stray.write_text("package stray\n")
    error = workshop.run("etcd", **OFFLINE).error
    assert "tools/etcd/go.mod requires no module with example.com/stray/stray.go" in error


@pytest.mark.parametrize(
    "file",
    [
        "go.mod",
        "go.sum",
        "_overlay/github.com/hashicorp/vault/command/commands_min.go",
        "_instead/github.com/hashicorp/vault/vault/hcp_link/link.go",
        "go-discover/discover.go",
    ],
)
def test_another_input_is_another_build(workshop: Workshop, go: Path, file: str) -> None:
    first = workshop.run("vault", **OFFLINE).paths["vault"]
    with (workshop.folder / "tools" / "vault" / file).open("a") as handle:
        handle.write("\n")
    assert workshop.run("--list", "vault", **OFFLINE).paths["vault"] == "not there"
    assert workshop.run("vault", **OFFLINE).paths["vault"] != first


def test_own_caches_of_go_stay_after_a_failure_and_go_after_success(workshop: Workshop, go: Path) -> None:
    caches = workshop.folder / "cache" / "vault-aws-auth" / "go"
    failed = workshop.run("etcd", GO_SAYS="server.go:1:2: syntax error", **OFFLINE)
    assert "`go` failed" in failed.error
    assert "syntax error" in failed.said
    assert (caches / "build" / "00" / "object").exists()
    assert workshop.left() == []
    assert workshop.run("etcd", **OFFLINE).code == 0
    assert not caches.exists(), "module caches are write-protected, and go all the same"
    assert not (workshop.folder / "home" / "go").exists()


def test_caches_that_the_user_has_are_used_and_kept(workshop: Workshop, go: Path) -> None:
    modules, objects = (
        workshop.folder / "home" / "go" / "pkg" / "mod",
        workshop.folder / "home" / ".cache" / "go-build",
    )
    for folder in (modules, objects):
        folder.mkdir(parents=True)
    done = workshop.run("etcd", GOMODCACHE=str(modules), GOCACHE=str(objects), **OFFLINE)
    assert (objects / "00" / "object").exists()
    assert "`go clean -cache -modcache` empties them" in done.said


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        ("go: dial tcp: lookup proxy: no such host", "the Go module proxy cannot be reached"),
        ("write x.a: no space left on device", "the disk is full"),
        ("go: go.mod requires go >= 1.26.6 (running go 1.24.0; GOTOOLCHAIN=local)", "`go` failed"),
    ],
)
def test_a_build_that_fails_says_why(workshop: Workshop, go: Path, says: str, reason: str) -> None:
    failed = workshop.run("etcd", GO_SAYS=says, **OFFLINE)
    assert f"etcd could not be built from tools/etcd/go.mod: {reason}" in failed.error
    assert says in failed.said


def test_a_cache_that_cannot_be_written_to_is_named(workshop: Workshop) -> None:
    (workshop.folder / "cache").write_text("a file")
    error = workshop.run("--download", "vault").error
    assert f"{workshop.cache} cannot be written to" in error
    assert "XDG_CACHE_HOME" in error


def test_a_cache_that_is_full_is_named(workshop: Workshop) -> None:
    error = workshop.run("--download", "vault", largest_file="100").error
    assert f"{workshop.cache} is full" in error
    assert workshop.left() == []
    assert workshop.run("--download", "vault").code == 0


def test_clean_removes_everything_of_the_project(workshop: Workshop, go: Path) -> None:
    assert workshop.run("--download", "vault").code == 0
    assert workshop.run("etcd", GO_SAYS="half-way", **OFFLINE).code == 1
    process = workshop.start("--clean")
    assert process.communicate(timeout=60)[0] == f"removed {workshop.cache.parent}\n"
    assert process.returncode == 0
    assert list((workshop.folder / "cache").iterdir()) == []
    assert workshop.start("--clean").wait(60) == 0


def test_go_takes_no_notice_of_files_for_other_modules() -> None:
    """`go build ./...` and `go vet ./...` go past folders that begin with `_`, and past other modules."""
    modules = {path.parent for path in (ROOT / "tools").glob("*/*/go.mod")}
    files = list((ROOT / "tools").rglob("*.go"))
    assert len(files) > 3
    own = [
        path for path in files if not {"_overlay", "_instead"} & set(path.parts) | modules & set(path.parents)
    ]
    packages = {f"vault-aws-auth/{path.parent.relative_to(ROOT)}" for path in own}
    assert packages <= {tool.source.package for tool in TOOLS.values()}
