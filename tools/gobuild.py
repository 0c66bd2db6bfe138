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
    with report.job(names) as job:
        job.text = "fetching modules"
        module_file = _module_file(source, scratch, caches, job)
        total = len(_go(_listing(tools, module_file), source, caches, job).split())
        target = scratch / "built"
        target.mkdir()
        flags = " ".join(dict.fromkeys(f"-s -w {tool.source.ldflags}".strip() for tool in tools))
        words = ["build", "-v", *module_file, "-tags", source.tags, *FLAGS, "-ldflags", flags]
        packages = [tool.source.package for tool in tools]
        _go([*words, "-o", f"{target}{os.sep}", *packages], source, caches, job, total)
        report.say(f"{names}: built from tools/{source.folder}/go.mod in {job.took()}")
    return {tool.name: target / _binary(tool.source.package) for tool in tools}


def _listing(tools: Sequence[Tool], module_file: list[str]) -> list[str]:
    """How `go` is asked for all packages of a build; it fetches what it has not."""
    tags = tools[0].source.tags
    return ["list", *module_file, "-tags", tags, "-deps", *(tool.source.package for tool in tools)]


def _binary(package: str) -> str:
    """The name that Go gives the binary of a package: the last part of its path that is no major version."""
    return [part for part in package.split("/") if not re.fullmatch(r"v\d+", part)][-1]


def _module_file(source: Source, scratch: Path, caches: Path, job: report.Job) -> list[str]:
    """The flag for a go.mod that takes modules from copies, where the folder has own files for them.

    A file of `_overlay/PACKAGE/` is laid over the package's own ones, `_instead/PACKAGE/` is the package.
    Go's own `-overlay` does not reach into the module cache.
    """
    folder, module_file = HERE / source.folder, scratch / "go.mod"
    own = {path.relative_to(kind): path for kind in folder.glob("_*") for path in kind.rglob("*.go")}
    if not own:
        return []
    for name in ("go.mod", "go.sum"):
        shutil.copyfile(folder / name, scratch / name)
    text = module_file.read_text()
    modules = sorted(re.findall(r"^\t(\S+) v\d", text, re.MULTILINE), key=len, reverse=True)
    wanted: dict[str, list[Path]] = {}
    for file in own:
        module = next((module for module in modules if file.is_relative_to(module)), "")
        if not module:
            raise BuildError(f"tools/{source.folder}/go.mod requires no module with {file}")
        wanted.setdefault(module, []).append(file)
    chosen = f"-modfile={module_file}"
    answer = _go(["mod", "download", "-json", chosen, *wanted], source, caches, job)
    job.text = "copying the source"
    for found in _documents(answer):
        module, copy = found["Path"], scratch / "source" / found["Path"]
        _copy(Path(found["Dir"]), copy)
        for file in wanted[module]:
            if "_instead" in own[file].parts:
                for original in (copy / file.parent.relative_to(module)).glob("*.go"):
                    original.unlink()
        for file in wanted[module]:
            target = copy / file.relative_to(module)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(own[file], target)
        text = re.sub(rf"^(?:replace |\t){re.escape(module)} => .*\n", "", text, flags=re.MULTILINE)
        text += f"\nreplace {module} => {copy}\n"
    module_file.write_text(text)
    return [chosen]


def _documents(text: str) -> Iterator[dict[str, str]]:
    """The JSON objects that Go prints one after the other."""
    decoder = json.JSONDecoder()
    while text := text.lstrip():
        found, end = decoder.raw_decode(text)
        yield found
        text = text[end:]


def _copy(source: Path, target: Path) -> None:
    """Copies files, not their modes: what is in the module cache may not be written to, nor removed.

    Without tests and their data, which are most of some modules.
    """
    for folder, below, files in os.walk(source):
        if "testdata" in below:
            below.remove("testdata")
        here = target / Path(folder).relative_to(source)
        here.mkdir(parents=True, exist_ok=True)
        for name in files:
            if not name.endswith("_test.go"):
                shutil.copyfile(Path(folder) / name, here / name)


def fetch(groups: Sequence[Sequence[Tool]], caches: Path, stop: threading.Event) -> None:
    """Fetches the modules of builds that come later, while another one compiles; they say what failed."""
    quiet = subprocess.DEVNULL
    for tools in groups:
        source = tools[0].source
        with contextlib.suppress(BuildError), tempfile.TemporaryDirectory() as made:
            module_file = _module_file(source, Path(made), caches, report.Job(source.folder))
            words, folder = ["go", *_listing(tools, module_file)], HERE / source.folder
            process = subprocess.Popen(words, cwd=folder, env=environment(caches), stdout=quiet, stderr=quiet)
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
