"""Finds the sandbox's binaries, or builds them once per machine from pinned Go modules.

`python tools/build.py` makes every tool ready and says where each one is; `--list` only looks. A tool
that is already on PATH in a good version is used as it is. The others are built from the `go.mod`
beside this file that pins them and kept in the user's cache, in a folder named by a hash of everything
that decides the result, so that each machine builds each version once, whoever asks for it.

Only the standard library: this runs before the virtual environment exists, too.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent


class BuildError(Exception):
    """A tool that can be neither found nor built; the message says why and what to do."""


@dataclass(frozen=True)
class Tool:
    """One binary: the Go package it is built from and the versions that are accepted from PATH."""

    name: str
    module: str
    """Folder beside this file whose go.mod pins it."""
    package: str
    accepted: tuple[tuple[int, int], tuple[int, int]]
    """Accepted (major, minor) from PATH: the first inclusive, the second exclusive."""
    version_args: tuple[str, ...]
    ldflags: str = ""
    on_demand: bool = False
    """Whether only some stacks need it: the sandbox then builds it when the first such stack comes."""


KUBERNETES_VERSION = "-X k8s.io/component-base/version.gitVersion=v1.36.3"
KUBERNETES_RANGE = ((1, 30), (2, 0))

TOOLS: dict[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool("etcd", "etcd", "go.etcd.io/etcd/server/v3", ((3, 5), (4, 0)), ("--version",)),
        Tool(
            "pulumi",
            "pulumi",
            "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
            ((3, 270), (3, 290)),
            ("version",),
            # Without a version the engine cannot tell the SDKs what it supports.
            "-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v3.274.1",
        ),
        Tool(
            "kube-apiserver",
            "kubernetes",
            "k8s.io/kubernetes/cmd/kube-apiserver",
            KUBERNETES_RANGE,
            ("--version",),
            KUBERNETES_VERSION,
        ),
        Tool(
            "kube-controller-manager",
            "kubernetes",
            "k8s.io/kubernetes/cmd/kube-controller-manager",
            KUBERNETES_RANGE,
            ("--version",),
            KUBERNETES_VERSION,
        ),
        Tool(
            "kubectl",
            "kubernetes",
            "k8s.io/kubernetes/cmd/kubectl",
            KUBERNETES_RANGE,
            ("version", "--client"),
            KUBERNETES_VERSION,
        ),
        Tool("vault", "vault", "github.com/hashicorp/vault", ((1, 16), (2, 0)), ("version",)),
        Tool(
            "caddy",
            "caddy",
            "github.com/caddyserver/caddy/v2/cmd/caddy",
            ((2, 8), (3, 0)),
            ("version",),
            "-X github.com/caddyserver/caddy/v2.CustomVersion=v2.11.9",
            on_demand=True,
        ),
    )
}


def resolve(name: str) -> Path | None:
    """The tool's path when it is on PATH in a good version or already built, else None."""
    tool = TOOLS[name]
    return _on_path(tool) or (_cached(tool) if _cached(tool).exists() else None)


def ensure(name: str) -> Path:
    """The tool's path, built first where it is missing. Raises BuildError."""
    found = resolve(name)
    return found or _build(TOOLS[name])


def cache_dir() -> Path:
    """Where built binaries are kept: `$XDG_CACHE_HOME` (default `~/.cache`) `/vault-aws-auth/bin`."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "vault-aws-auth" / "bin"


@functools.cache  # asking for a version starts the tool; the answer holds as long as this process
def _on_path(tool: Tool) -> Path | None:
    found = shutil.which(tool.name)
    if not found:
        return None
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        answer = subprocess.run(
            [found, *tool.version_args],
            capture_output=True,
            text=True,
            timeout=30,
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
            check=False,
        )
        version = re.search(r"v?(\d+)\.(\d+)\.\d+", answer.stdout + answer.stderr)
        if version:
            low, high = tool.accepted
            if low <= (int(version[1]), int(version[2])) < high:
                return Path(found)
    return None


def _cached(tool: Tool) -> Path:
    digest = hashlib.sha256()
    for part in ("go.mod", "go.sum"):
        digest.update((HERE / tool.module / part).read_bytes())
    digest.update("\0".join((tool.package, tool.ldflags, sys.platform, os.uname().machine)).encode())
    return cache_dir() / f"{tool.name}-{digest.hexdigest()[:16]}" / tool.name


def _build(tool: Tool) -> Path:
    _require_go(tool)
    target = _cached(tool)
    target.parent.mkdir(parents=True, exist_ok=True)
    with _only_one(target.parent / "lock", tool):
        if target.exists():  # another process built it while this one waited
            return target
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            fresh = Path(scratch) / tool.name
            command = ["go", "build", "-v", "-trimpath", "-ldflags", f"-s -w {tool.ldflags}".strip()]
            _run_go([*command, "-o", str(fresh), tool.package], tool)
            fresh.replace(target)
    return target


def _require_go(tool: Tool) -> None:
    if not shutil.which("go"):
        raise BuildError(
            f"{tool.name} is not on PATH and cannot be built: Go is missing. Install Go 1.24 or newer "
            f"(any recent Go fetches the toolchain it needs), or put a {tool.name} "
            f"{_range(tool)} on PATH."
        )


def _range(tool: Tool) -> str:
    (low, high) = tool.accepted
    return f">= {low[0]}.{low[1]} and < {high[0]}.{high[1]}"


@contextlib.contextmanager
def _only_one(lock: Path, tool: Tool) -> Iterator[None]:
    with lock.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say(f"{tool.name}: another process is building it; waiting")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _run_go(command: list[str], tool: Tool) -> None:
    """Runs one `go build`, showing what it is at; its last lines become the error when it fails."""
    progress = _Progress(tool.name)
    environment: Mapping[str, str] = {**os.environ, "GOFLAGS": "-buildvcs=false", "GOWORK": "off"}
    process = subprocess.Popen(
        command,
        cwd=HERE / tool.module,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    last: deque[str] = deque(maxlen=15)
    try:
        assert process.stderr is not None  # noqa: S101 - a PIPE was asked for
        for line in process.stderr:
            progress.seen(line)
            last.append(line.rstrip())
        failed = process.wait() != 0
    except BaseException:
        process.terminate()
        process.wait()
        raise
    finally:
        progress.done()
    if failed:
        text = "\n  ".join(last)
        raise BuildError(
            f"{tool.name} could not be built from tools/{tool.module}/go.mod:\n  {text}\n"
            f"Check the network to the Go module proxy and the free disk space (about 16 GB for Go's "
            f"caches), then run the same command again: what is built so far is kept. Or put a "
            f"{tool.name} {_range(tool)} on PATH."
        )


class _Progress:
    """One line that says how far a build is: rewritten on a terminal, repeated now and then in a log."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.started = time.monotonic()
        self.compiled = 0
        self.fetched = 0
        self.terminal = sys.stderr.isatty()
        self.finished = threading.Event()
        self.thread = threading.Thread(target=self._show, daemon=True)
        _say(f"{name}: building (once on this machine)")
        self.thread.start()

    def seen(self, line: str) -> None:
        if line.startswith("go: downloading"):
            self.fetched += 1
        elif not line.startswith("go: "):
            self.compiled += 1

    def text(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self.started), 60)
        return (
            f"{self.name}: {self.fetched} modules fetched, {self.compiled} packages compiled, "
            f"{minutes}:{seconds:02d}"
        )

    def _show(self) -> None:
        while not self.finished.wait(1 if self.terminal else 20):
            if self.terminal:
                sys.stderr.write(f"\r\x1b[K  {self.text()}")
                sys.stderr.flush()
            else:
                _say(self.text())

    def done(self) -> None:
        self.finished.set()
        self.thread.join()
        if self.terminal:
            sys.stderr.write("\r\x1b[K")
        _say(self.text())


def _say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


def main(arguments: list[str]) -> int:
    """Command line: `build.py [--list] [TOOL …]`; prints `name<TAB>path` a line."""
    if arguments[:1] in (["-h"], ["--help"]):
        print(f"{__doc__}\nUsage: python tools/build.py [--list] [TOOL ...]\nTools: {', '.join(TOOLS)}")
        return 0
    look_only = "--list" in arguments
    names = [argument for argument in arguments if argument != "--list"] or list(TOOLS)
    unknown = [name for name in names if name not in TOOLS]
    if unknown:
        print(f"unknown tool {', '.join(unknown)}; there are: {', '.join(TOOLS)}", file=sys.stderr)
        return 2
    try:
        for name in names:
            print(f"{name}\t{(resolve(name) or 'not built') if look_only else ensure(name)}", flush=True)
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; what was compiled is kept for the next run", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
