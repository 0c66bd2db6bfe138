"""The last release: which commit it is, its files, and what its upgrade notes allow."""

from __future__ import annotations

import io
import re
import subprocess
import tarfile
from pathlib import Path
from typing import Any, NamedTuple

NOTES = Path("docs") / "upgrades"
RECORD = NOTES / "last-release.txt"

HARMLESS = {"same", "create", "update", "read", "refresh"}
"""Steps of a preview that take nothing away."""


class Release(NamedTuple):
    """A version and its commit."""

    version: tuple[int, ...]
    commit: str


class NoRelease(Exception):
    """The last release cannot be had; says how to get it."""


def last(repository: Path) -> Release:
    """The newest of the tags `vX.Y.Z` and of what is recorded for clones without tags."""
    version, commit = (repository / RECORD).read_text().split()
    releases = [Release(_version(version), commit)]
    tags = _git(repository, "tag", "--merged", "HEAD", "--list", "v*").stdout.decode().split()
    releases += [Release(_version(tag), tag) for tag in tags if re.fullmatch(r"v\d+\.\d+\.\d+", tag)]
    return max(releases)


def unpack(repository: Path, release: Release, target: Path) -> None:
    """Writes the release's files into a folder. Raises NoRelease for a clone that has not got them."""
    answer = _git(repository, "archive", release.commit)
    if answer.returncode != 0:
        version = ".".join(map(str, release.version))
        raise NoRelease(
            f"the release {version} ({release.commit}) is not in this clone, and the test upgrades from it; "
            "fetch it with: git fetch --tags --unshallow"
        )
    with tarfile.open(fileobj=io.BytesIO(answer.stdout)) as archive:
        archive.extractall(target, filter="data")


def taken_away(steps: list[dict[str, Any]]) -> set[str]:
    """Of a preview's steps: type and name of every resource that is replaced or deleted."""
    return {
        "::".join([step["urn"].split("::")[2].rpartition("$")[2], step["urn"].split("::")[3]])
        for step in steps
        if step["op"] not in HARMLESS
    }


def noted(repository: Path, since: Release) -> set[str]:
    """The resources that the upgrade notes of later versions have a line about."""
    pages = [
        page
        for page in (repository / NOTES).glob("*.md")
        if re.fullmatch(r"\d+\.\d+\.\d+", page.stem) and _version(page.stem) > since.version
    ]
    return {name for page in pages for name in re.findall(r"^- `([^`]+)`", page.read_text(), re.MULTILINE)}


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.removeprefix("v").split("."))


def _git(repository: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", *words], cwd=repository, capture_output=True, check=False)
