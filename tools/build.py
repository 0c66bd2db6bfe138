"""Provides the sandbox's tools, each from the first available of these:

1. PATH, in a version that the sandbox was tested with
2. the vendor's release, checked against tools/checksums.txt or, if that does not list it, against the
   vendor's published checksums
3. a build from pinned Go modules (tools/*/go.mod), which needs Go 1.24 or newer and no C compiler

What is fetched or built is kept in $XDG_CACHE_HOME/vault-aws-auth (default ~/.cache/vault-aws-auth), in
folders named by a hash of all that decides the result: each machine makes each version once, whoever asks. A
build uses your own Go caches where you have some (`go clean -cache -modcache` empties them); where you have
none it has its own, which go once everything is built. An interrupted build goes on where it was.
"""

from __future__ import annotations

if __name__ == "__main__":  # run as a file, before anything is installed
    import sys

    sys.path[0] = __file__.rsplit("/", 2)[0]
    from cli import interrupts

    interrupts.end_at_once()  # the other imports take longest

import argparse
import os
import signal
import sys
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cli import interrupts
from tools import cache, command, gobuild, release, report, versions
from tools.cache import cache_dir, kept
from tools.errors import BuildError, Unavailable, cache_errors
from tools.table import TOOLS, Need, Release, Tool

__all__ = ["TOOLS", "BuildError", "cache_dir", "ensure", "ensure_all", "kept", "needed_by", "resolve"]

HERE = Path(__file__).resolve().parent
ORDER = {"": ("path", "download", "build"), "build": ("build",), "download": ("download",)}


def needed_by(*needs: Need) -> list[str]:
    """The tools that are needed for one of these."""
    return [name for name, tool in TOOLS.items() if tool.needed_by in needs]


def resolve(name: str) -> Path | None:
    """The tool's path when it is on PATH in a good version or in the cache, else None."""
    tool = TOOLS[name]
    for where in _order():
        found = versions.on_path(tool) if where == "path" else _in_cache(tool, where)
        if found:
            return found
    return None


def ensure(name: str) -> Path:
    """The tool's path, made ready first where it is missing. Raises BuildError."""
    return resolve(name) or ensure_all([name])[name]


def ensure_all(names: Iterable[str]) -> dict[str, Path]:
    """The tools' paths, by name; what is missing is fetched side by side, or built. Raises BuildError."""
    wanted = list(dict.fromkeys(names))
    missing = [TOOLS[name] for name in wanted if not resolve(name)]
    if "path" in _order():
        for why in filter(None, map(versions.unsuitable, missing)):
            report.say(f"{why}. It is not used")
    if missing and "download" in _order():
        _download(missing)
        missing = [tool for tool in missing if not resolve(tool.name)]
    if missing:
        _build(missing)
    found = {name: resolve(name) for name in wanted}
    return {name: path for name, path in found.items() if path}


def _order() -> tuple[str, ...]:
    chosen = os.environ.get("SANDBOX_TOOLS", "")
    if chosen not in ORDER:
        raise BuildError(f"SANDBOX_TOOLS is {chosen!r}; it can be build, download, or empty")
    return ORDER[chosen]


# The cache


def _in_cache(tool: Tool, where: str) -> Path | None:
    folder = _release_folder(tool.release) if where == "download" else _build_folder(tool)
    path = folder / tool.name
    return path if path.exists() else None


def _release_folder(chosen: Release) -> Path:
    pinned = release.pinned(chosen.address()) or ""
    return cache.folder(f"{chosen.name}-{chosen.version}", repr(chosen).encode(), pinned.encode())


def _build_folder(tool: Tool) -> Path:
    module = HERE / tool.source.folder
    files = sorted(path for path in module.rglob("*") if path.is_file())
    parts = [part for path in files for part in (str(path.relative_to(module)).encode(), path.read_bytes())]
    return cache.folder(tool.name, repr((tool.source, gobuild.FLAGS)).encode(), *parts)


# Vendors' releases


def _download(tools: list[Tool]) -> None:
    """Fetches what the vendors have, side by side; the rest is said in a line, and left to be built."""
    forced = _order() == ("download",)
    wanted = {tool.release.name: tool.release for tool in tools if tool.release.address()}
    hosts = {each.host for each in wanted.values()}
    silent = {host: why for host, why in release.unreachable().items() if host in hosts}
    if silent:
        text = "; ".join(f"{host}: {reason}" for host, reason in silent.items())
        mirror = os.environ.get(release.MIRROR)
        text = f"not reachable{f' at {mirror}' if mirror else ''}: {text}"
        if forced:
            raise BuildError(text)
        report.say(f"{text}. Building from Go modules")
    release.stopped.clear()
    with ThreadPoolExecutor(4) as pool:
        tasks = [pool.submit(_fetch, each, forced) for each in wanted.values() if each.host not in silent]
        try:
            for task in tasks:
                task.result()
        except BaseException:  # Ctrl-C, or one that cannot be taken: the others end as well
            release.stopped.set()
            raise
    if forced and (absent := [tool for tool in tools if not _in_cache(tool, "download")]):
        names = ", ".join(tool.name for tool in absent)
        raise BuildError(f"{names}: the vendor has no release for this kind of machine; use --build")


def _fetch(wanted: Release, forced: bool) -> None:
    target = _release_folder(wanted)
    tools = [tool for tool in TOOLS.values() if tool.release == wanted]
    with cache.scratch(target.name) as scratch, report.job(wanted.name) as job:
        if target.exists():  # another process fetched it while this one waited
            return
        try:
            folder, voucher = release.fetch(wanted, scratch, job)
            for tool in tools:
                if tool.version_args and not versions.version_of(str(folder / tool.name), tool.version_args):
                    raise Unavailable(f"its {tool.name} does not run on this machine")
        except Unavailable as error:
            if forced:
                raise BuildError(f"{wanted.name} {wanted.version}: {error}") from error
            report.say(f"{wanted.name}: {error}. Building it from Go modules")
            return
        folder.replace(target)
        report.say(f"{wanted.name} {wanted.version}: fetched in {job.took()}, checked against {voucher}")


# Builds


def _build(tools: list[Tool]) -> None:
    """Builds what is missing, module by module: one `go build` has every core busy."""
    gobuild.require_go(", ".join(tool.name for tool in tools))
    modules: dict[str, list[Tool]] = {}
    for tool in tools:
        modules.setdefault(tool.source.folder, []).append(tool)
    caches = cache_dir().parent / "go"
    later = list(modules.values())[1:]
    stop = threading.Event()
    fetching = threading.Thread(target=gobuild.fetch, args=(later, caches, stop), daemon=True)
    fetching.start()
    try:
        for module, group in modules.items():
            with cache.scratch(module) as scratch:
                _build_module([tool for tool in group if not _in_cache(tool, "build")], scratch, caches)
    finally:
        stop.set()
        fetching.join()
    if caches.exists():
        cache.remove(caches)
    if len(gobuild.missing_caches()) < 2:
        report.say("Go's caches are yours and were added to: `go clean -cache -modcache` empties them")


def _build_module(tools: list[Tool], scratch: Path, caches: Path) -> None:
    if not tools:  # another process built them while this one waited
        return
    for name, path in gobuild.build(tools, scratch, caches).items():
        target = _build_folder(TOOLS[name])
        fresh = scratch / target.name
        fresh.mkdir()
        path.replace(fresh / name)
        fresh.replace(target)


# The command


def _arguments() -> argparse.ArgumentParser:
    needed = needed_by("every stack")
    others = needed_by("federation", "tests")
    hosts = sorted({tool.release.host for tool in TOOLS.values()})
    told = {name: tool for name, tool in TOOLS.items() if tool.version_args}
    ranges = "\n".join(f"  {name:<24} {versions.described(tool)}" for name, tool in told.items())
    parser = command.parser(
        "python tools/build.py",
        __doc__,
        epilog=f"""{release.MIRROR}=URL names a mirror of the vendors' sites: the same paths below it, in a
folder for each host, for example URL/releases.hashicorp.com/vault/1.21.0/vault_1.21.0_linux_amd64.zip.
The hosts are {", ".join(hosts)}. HTTPS_PROXY is used.

Versions that are taken from PATH:
{ranges}
""",
    )
    parser.add_argument(
        "tools",
        nargs="*",
        metavar="TOOL",
        help=f"what to make ready; without: {', '.join(needed)}",
    )
    parser.add_argument("--all", action="store_true", help=f"{', '.join(others)} as well")
    parser.add_argument("--list", action="store_true", help="only say where each one is")
    way = parser.add_mutually_exclusive_group()
    way.add_argument(
        "--build",
        dest="way",
        action="store_const",
        const="build",
        help="build from Go modules, whatever else there is; also SANDBOX_TOOLS=build",
    )
    way.add_argument(
        "--download",
        dest="way",
        action="store_const",
        const="download",
        help="take the vendors' releases, or fail; also SANDBOX_TOOLS=download",
    )
    parser.add_argument(
        "--clean",
        action="store_true",
        help="remove everything that this project keeps in your caches; `make clean-cache` does so",
    )
    return parser


def main(words: list[str]) -> int:
    """The command; prints `name<TAB>path` a line."""
    parser = _arguments()
    given = parser.parse_args(words)
    unknown = [name for name in given.tools if name not in TOOLS]
    if unknown:
        parser.error(f"unknown tool {', '.join(unknown)}; there are: {', '.join(TOOLS)}")
    if given.way:
        os.environ["SANDBOX_TOOLS"] = given.way
    names = given.tools or needed_by("every stack", *(("federation", "tests") if given.all else ()))
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        if given.clean:
            _clean()
        elif given.list:
            for name in names:
                print(f"{name}\t{resolve(name) or 'not there'}")
                if why := versions.unsuitable(TOOLS[name]):
                    report.say(f"{why}. It is not used")
        else:
            for name, path in ensure_all(names).items():
                print(f"{name}\t{path}")
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        interrupts.say("\ninterrupted; what was compiled is kept for the next run")
        return interrupts.EXIT_CODE
    return 0


def _clean() -> None:
    folder = cache_dir().parent
    if folder.exists():
        with cache_errors(folder):
            cache.remove(folder)
        print(f"removed {folder}")
    else:
        print(f"{folder} is not there")


if __name__ == "__main__":
    interrupts.told(lambda: sys.exit(main(sys.argv[1:])))
