"""A vendor's release: fetched, verified and unpacked into the cache, or nothing."""

from __future__ import annotations

import functools
import hashlib
import http.client
import os
import re
import tarfile
import threading
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

from tools import report
from tools.errors import BuildError, Unavailable
from tools.table import TOOLS, Release

CHECKSUMS = Path(__file__).resolve().parent / "checksums.txt"
MIRROR = "SANDBOX_TOOLS_MIRROR"
PROBE_SECONDS = 4.0
STALL_SECONDS = 15.0
"""Seconds without data after which a download is aborted."""
_CHUNK = 1 << 18

stopped = threading.Event()
"""Set on Ctrl-C: every download ends at its next piece."""


def url(address: str) -> str:
    """The URL of a vendor's host and path, at the vendor or at the user's mirror."""
    mirror = os.environ.get(MIRROR, "").rstrip("/")
    return f"{mirror}/{address}" if mirror else f"https://{address}"


@functools.cache
def unreachable() -> dict[str, str]:
    """The vendors' hosts that do not answer, with the reasons. Takes at most `PROBE_SECONDS`, once a run."""
    hosts = sorted({tool.release.host for tool in TOOLS.values()})
    answers: dict[str, str] = {}

    def ask(host: str) -> None:
        request = urllib.request.Request(url(f"{host}/"), method="HEAD")
        try:
            urllib.request.urlopen(request, timeout=PROBE_SECONDS).close()
            answers[host] = ""
        except urllib.error.HTTPError:
            answers[host] = ""  # any answer means that it is reachable
        except (OSError, ValueError, http.client.HTTPException) as error:
            answers[host] = _reason(error)

    threads = [threading.Thread(target=ask, args=(host,), daemon=True) for host in hosts]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + PROBE_SECONDS
    for thread in threads:  # resolving a name can take longer than any socket timeout
        thread.join(max(0.0, deadline - time.monotonic()))
    silent = f"no answer within {PROBE_SECONDS:.0f} s"
    return {host: reason for host in hosts if (reason := answers.get(host, silent))}


def fetch(release: Release, scratch: Path, job: report.Job) -> tuple[Path, str]:
    """The archive's files in a folder below `scratch`, and the source of the checksum.

    Raises Unavailable if the vendor does not have it or sends only a part, BuildError if the checksum is
    wrong, OSError for the disk.
    """
    address = release.address()
    if not address:
        raise Unavailable(f"there is none for {os.uname().sysname} on {os.uname().machine}")
    expected, voucher = _expected(address, release)
    archive = scratch / PurePosixPath(address).name
    for last in (False, True):
        try:
            actual = _download(address, archive, "sha512" if len(expected) == 128 else "sha256", job)
            break
        except _CutOff as error:
            if last:
                raise Unavailable(str(error)) from error
            report.say(f"{release.name}: {error}; trying once more")
    if actual != expected:
        raise BuildError(
            f"{release.name}: {url(address)} has the checksum {actual[:16]}…, and {voucher} says "
            f"{expected[:16]}…: it was not installed. A proxy or mirror may have sent something else; "
            f"to build from Go modules instead: SANDBOX_TOOLS=build"
        )
    folder = scratch / "unpacked"
    folder.mkdir()
    job.text = "unpacking"
    try:
        for name, content in _members(archive, release.folder):
            with content, (folder / name).open("wb") as target:
                while piece := content.read(_CHUNK):
                    target.write(piece)
            (folder / name).chmod(0o755)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise BuildError(f"{release.name}: {url(address)} is no archive: {error}") from error
    archive.unlink()
    return folder, voucher


def pinned(address: str | None) -> str | None:
    """The archive's checksum in this repository."""
    lines = [line.split() for line in CHECKSUMS.read_text().splitlines() if not line.startswith("#")]
    return next((line[0] for line in lines if line[1:] == [address]), None)


def _expected(address: str, release: Release) -> tuple[str, str]:
    """The archive's expected checksum, and its source."""
    if known := pinned(address):
        return known, f"tools/{CHECKSUMS.name}"
    published = release.checksums()
    text = _read(published).decode(errors="replace")
    name = re.escape(PurePosixPath(address).name)
    forms = (
        rf"^([0-9a-fA-F]{{64,128}}) [ *]?{name}$",  # what sha256sum prints
        rf"^\s*{name}:\s*hash: *['\"]?([0-9a-fA-F]{{64,128}})",  # envtest's index
        r"\A\s*([0-9a-fA-F]{64,128})\s*\Z",  # a file with nothing else
    )
    for form in forms:
        if found := re.search(form, text, re.MULTILINE):
            return found[1].lower(), url(published)
    raise BuildError(
        f"{release.name}: {url(published)} has no checksum of {PurePosixPath(address).name}: it was not "
        f"installed. To build from Go modules instead: SANDBOX_TOOLS=build"
    )


class _CutOff(Exception):
    """A download that ended too early."""


def _download(address: str, target: Path, algorithm: str, job: report.Job) -> str:
    """Downloads to a file; returns its checksum."""
    digest = hashlib.new(algorithm)
    done = 0
    with _open(address) as answer, target.open("wb") as file:
        total = int(answer.headers.get("Content-Length") or 0)
        while True:
            if stopped.is_set():
                raise KeyboardInterrupt
            try:
                piece = answer.read1(_CHUNK)
            except (OSError, http.client.HTTPException) as error:
                raise _CutOff(f"{url(address)} was cut off after {done} bytes: {_reason(error)}") from error
            if not piece:
                break
            file.write(piece)
            digest.update(piece)
            done += len(piece)
            of_all = f" of {total / 1e6:.0f} MB ({100 * done // total} %)" if total else " MB"
            job.text = f"{done / 1e6:.0f}{of_all} fetched"
    if done < total:
        raise _CutOff(f"{url(address)} was cut off: {done} of {total} bytes came")
    return digest.hexdigest()


def _read(address: str) -> bytes:
    with _open(address) as answer:
        try:
            content: bytes = answer.read(1 << 22)
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"{url(address)} was cut off: {_reason(error)}") from error
    return content


@contextmanager
def _open(address: str) -> Iterator[Any]:
    try:
        answer = urllib.request.urlopen(url(address), timeout=STALL_SECONDS)
    except urllib.error.HTTPError as error:
        raise Unavailable(f"{url(address)} answers {error.code} {error.reason}") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Unavailable(f"{url(address)}: {_reason(error)}") from error
    with answer:
        yield answer


def _reason(error: Exception) -> str:
    inner = getattr(error, "reason", error)
    return str(getattr(inner, "strerror", None) or inner or type(error).__name__)


def _members(archive: Path, folder: str) -> Iterator[tuple[str, IO[bytes]]]:
    """The files of one folder of an archive; a file that is not an archive is the binary itself."""
    if archive.name.endswith(".zip"):
        with zipfile.ZipFile(archive) as opened:
            for entry in opened.infolist():
                if name := _directly_in(entry.filename, folder):
                    yield name, opened.open(entry)
    elif archive.name.endswith(".tar.gz"):
        with tarfile.open(archive) as packed:
            for member in packed:
                content = packed.extractfile(member) if member.isreg() else None
                name = _directly_in(member.name, folder)
                if name and content:
                    yield name, content
    else:
        yield archive.name, archive.open("rb")


def _directly_in(path: str, folder: str) -> str:
    """The name of a file directly in the folder, else "": no file is written outside of the cache."""
    name = path.removeprefix("./").removeprefix(folder)
    return name if f"{folder}{name}" == path.removeprefix("./") and re.fullmatch(r"\w[\w.-]*", name) else ""
