"""A project as a revision has it, read from git's own storage: the checkout is neither used nor changed."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..errors import Refused
from ..origin import minute

LINK = "compare"
_SHALLOW = (
    "the clone is shallow: give actions/checkout `fetch-depth: 0`, or run `git fetch --unshallow`; in GitLab "
    'set GIT_DEPTH: "0"'
)


@dataclass(frozen=True)
class Revision:
    """A commit, and the project's folder in it."""

    folder: Path
    """The project's folder in the checkout."""
    given: str
    commit: str
    date: str

    def names(self, folder: str) -> list[str]:
        """The names in a folder of the project; none if the commit has no such folder."""
        done = _git(self.folder, "ls-tree", "-z", "--name-only", self.commit, "--", f"{folder}/")
        return sorted(
            PurePosixPath(each.decode("utf-8", "replace")).name for each in done.split(b"\0") if each
        )


def find(folder: Path, given: str) -> Revision | None:
    """A revision by any name that git knows; None if it is none. Raises Refused where git cannot look."""
    if not given or given.startswith("-"):
        return None
    said = _git(
        folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{given}^{{commit}}", may_fail=True
    )
    commit = said.decode().strip()
    if not commit:
        return None
    stamp = _git(folder, "show", "--no-patch", "--no-notes", "--format=%cI", commit, "--").decode().strip()
    return Revision(folder, given, commit, minute(stamp))


def why_unknown(folder: Path) -> str:
    """What to do about a revision that git does not know."""
    if _git(folder, "rev-parse", "--is-shallow-repository").strip() == b"true":
        return _SHALLOW
    return "name a commit, branch or tag that `git rev-parse` knows, or a stack file, or stack:NAME"


def read_all(revision: Revision, paths: list[str]) -> dict[str, bytes | None]:
    """The content of files of the project, by their paths from there; None where the commit has none. One
    process reads all; links are followed."""
    prefix = _git(revision.folder, "rev-parse", "--show-prefix").decode().rstrip("\n")
    wanted = [os.path.normpath(f"{prefix}{path}") for path in paths]
    asked = "".join(f"{revision.commit}:{path}\n" for path in wanted).encode()
    answer = _git(revision.folder, "cat-file", "--batch", "--follow-symlinks", given=asked)
    found: dict[str, bytes | None] = {}
    for path in paths:
        head, _, answer = answer.partition(b"\n")
        words = head.split()
        if len(words) == 3 and words[1] in (b"blob", b"tree"):
            size = int(words[2])
            found[path] = answer[:size] if words[1] == b"blob" else None
            answer = answer[size + 1 :]
            continue
        found[path] = None
        if words and words[0] in (b"symlink", b"dangling", b"loop", b"notdir"):  # what follows is the link
            answer = answer[int(words[1]) + 1 :]
    return found


def _git(folder: Path, *words: str, given: bytes | None = None, may_fail: bool = False) -> bytes:
    try:
        done = subprocess.run(
            ["git", *words],
            cwd=folder,
            input=given if given is not None else b"",
            capture_output=True,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
        )
    except FileNotFoundError:
        raise Refused(
            LINK, None, "there is no `git` on PATH", hint="install it, or compare two files"
        ) from None
    if done.returncode and not (may_fail and not done.stderr.strip()):
        reason = done.stderr.decode("utf-8", "replace").strip() or f"git exited with {done.returncode}"
        raise Refused(
            LINK,
            "git",
            reason,
            hint="run it in the project's git checkout, or name its folder with --project",
        )
    return done.stdout
