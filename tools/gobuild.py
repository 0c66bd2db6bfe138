"""Builds tools from the Go modules that the `go.mod` files beside this file pin."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools import report
from tools.errors import BuildError
from tools.table import Source, Tool

HERE = Path(__file__).resolve().parent
FLAGS = ("-trimpath", "-gcflags=all=-dwarf=false")
"""Without debug information, which the linker would drop anyway: a quarter less of Go's build cache."""


def require_go(names: str) -> None:
    """Raises BuildError where there is no Go."""
    if not shutil.which("go"):
        raise BuildError(
            f"{names}: Go is missing, by which they would be built. Install Go 1.24 or newer (it fetches the "
            f"toolchain that it needs by itself), or put these tools on PATH: "
            f"python tools/build.py --help says in which versions"
        )


def build(tools: Sequence[Tool], scratch: Path, caches: Path) -> dict[str, Path]:
    """Builds tools of one module at once, below `scratch`: name -> binary. Raises BuildError.

    `caches` is where Go's caches go when the user has none.
    """
    source = tools[0].source
    names = ", ".join(tool.name for tool in tools)
    with report.job(names) as job, _module_file(source, scratch, caches, job) as module_file:
        words = [*module_file, *(["-tags", source.tags] if source.tags else [])]
        packages = [tool.source.package for tool in tools]
        job.text = "fetching modules"
        listed = _go(["list", *words, "-deps", *packages], source, caches, job)
        total = len(listed.split())
        target = scratch / "built"
        target.mkdir()
        flags = " ".join(dict.fromkeys(f"-s -w {tool.source.ldflags}".strip() for tool in tools))
        _go(
            ["build", "-v", *words, *FLAGS, "-ldflags", flags, "-o", f"{target}{os.sep}", *packages],
            source,
            caches,
            job,
            total,
        )
        report.say(f"{names}: built from tools/{source.folder}/go.mod in {job.took()}")
    return {tool.name: target / _binary(tool.source.package) for tool in tools}


def _binary(package: str) -> str:
    """The name that Go gives the binary of a package: the last part of its path that is no major version."""
    return [part for part in package.split("/") if not re.fullmatch(r"v\d+", part)][-1]


@contextlib.contextmanager
def _module_file(source: Source, scratch: Path, caches: Path, job: report.Job) -> Iterator[list[str]]:
    """For a module with own files laid over it: a go.mod that takes the module from a copy with these files.

    Go's own `-overlay` does not reach into the module cache.
    """
    if not source.overlaid:
        yield []
        return
    folder, module_file, copy = HERE / source.folder, scratch / "go.mod", scratch / "source"
    for name in ("go.mod", "go.sum"):
        shutil.copyfile(folder / name, scratch / name)
    text = module_file.read_text()
    version = re.search(rf"^\s*{re.escape(source.overlaid)} (v\S+)", text, re.MULTILINE)
    if not version:
        raise BuildError(f"tools/{source.folder}/go.mod does not require {source.overlaid}")
    module = f"{source.overlaid}@{version[1]}"
    chosen = f"-modfile={module_file}"
    answer = _go(["mod", "download", "-json", chosen, module], source, caches, job)
    job.text = "copying the source"
    _copy(Path(json.loads(answer)["Dir"]), copy)
    _copy(folder / "_overlay", copy)
    module_file.write_text(f"{text}\nreplace {source.overlaid} => {copy}\n")
    yield [chosen]


def _copy(source: Path, target: Path) -> None:
    """Copies files, not their modes: what is in the module cache may not be written to, nor removed."""
    for folder, _, files in os.walk(source):
        here = target / Path(folder).relative_to(source)
        here.mkdir(parents=True, exist_ok=True)
        for name in files:
            shutil.copyfile(Path(folder) / name, here / name)


def fetch(groups: Sequence[Sequence[Tool]], caches: Path, stop: threading.Event) -> None:
    """Fetches the modules of builds that come later, while another one compiles; they say what failed."""
    quiet = subprocess.DEVNULL
    for tools in groups:
        source = tools[0].source
        words = ["go", "list", "-tags", source.tags, "-deps", *(tool.source.package for tool in tools)]
        folder, variables = HERE / source.folder, environment(caches)
        process = subprocess.Popen(words, cwd=folder, env=variables, stdout=quiet, stderr=quiet)
        while process.poll() is None:
            if stop.wait(0.2):
                process.terminate()
                process.wait()
                return


@functools.cache
def missing_caches() -> dict[str, str]:
    """Which of Go's caches the user has not: the build has its own there, which go when it has succeeded."""
    names = {"GOMODCACHE": "mod", "GOCACHE": "build"}
    answer = subprocess.run(["go", "env", "-json", *names], capture_output=True, text=True, check=False)
    found = json.loads(answer.stdout) if answer.returncode == 0 else {}
    return {name: short for name, short in names.items() if not Path(found.get(name) or "/none").is_dir()}


def environment(caches: Path) -> dict[str, str]:
    """The variables of a build. No C compiler is needed."""
    own = {name: str(caches / short) for name, short in missing_caches().items()}
    return {**os.environ, **own, "GOFLAGS": "-buildvcs=false", "GOWORK": "off", "CGO_ENABLED": "0"}


def _go(words: list[str], source: Source, caches: Path, job: report.Job, total: int = 0) -> str:
    """Runs `go`, shows what it is at, returns what it prints; its last lines become the error."""
    last: deque[str] = deque(maxlen=12)
    fetched = compiled = 0
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            ["go", *words],
            cwd=HERE / source.folder,
            env=environment(caches),
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            for line in process.stderr or ():
                last.append(line.rstrip())
                if line.startswith("go: downloading"):
                    fetched += 1
                    job.text = f"{fetched} modules fetched"
                elif total and not line.startswith("go: "):
                    compiled += 1
                    job.text = f"{compiled} of {total} packages compiled"
            failed = process.wait()
        except BaseException:
            process.terminate()
            process.wait()
            raise
        if failed:
            raise BuildError(_explained(job.name, source, [line for line in last if line]))
        output.seek(0)
        return output.read()


def _explained(names: str, source: Source, last: list[str]) -> str:
    text = "\n  ".join(last)
    if "no space left" in text:
        reason = "the disk is full; a build needs about 6 GB for Go's caches"
    elif re.search(r"dial tcp|no such host|i/o timeout|connection refused|proxyconnect|TLS handshake", text):
        reason = "the Go module proxy cannot be reached (`go env GOPROXY` says which)"
    else:
        reason = "`go` failed"
    return (
        f"{names} could not be built from tools/{source.folder}/go.mod: {reason}. What is compiled so far is "
        f"kept, the same command goes on from there. The end of what `go` said:\n  {text}"
    )
