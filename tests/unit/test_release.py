"""What the test of upgrades goes by: the last release, and the notes about what an upgrade takes away."""

import subprocess
from pathlib import Path

import pytest

from tests.package import release

FIRST = release.Release((0, 1, 0), "abc")


def git(folder: Path, *words: str) -> str:
    named = ("-c", "user.name=test", "-c", "user.email=test@example.com")
    command = ["git", *named, *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / release.NOTES).mkdir(parents=True)
    git(tmp_path, "init", "--quiet")
    (tmp_path / release.RECORD).write_text("0.1.0 abc\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "first")
    return tmp_path


def test_a_clone_without_tags_knows_the_release_that_is_recorded(repository: Path) -> None:
    assert release.last(repository) == FIRST


def test_the_newest_version_is_the_last_release_tagged_or_recorded(repository: Path) -> None:
    for tag in ("v0.9.0", "v0.10.0", "v1-beta"):
        git(repository, "tag", tag)
    assert release.last(repository) == ((0, 10, 0), "v0.10.0")
    (repository / release.RECORD).write_text("0.11.0 def\n")
    assert release.last(repository) == ((0, 11, 0), "def")


def test_the_files_of_a_release_are_those_of_its_commit(repository: Path, tmp_path: Path) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    (repository / release.RECORD).write_text("changed since")
    release.unpack(repository, release.Release((0, 1, 0), commit), tmp_path / "old")
    assert (tmp_path / "old" / release.RECORD).read_text() == "0.1.0 abc\n"


def test_a_shallow_clone_is_told_how_to_get_the_release(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(release.NoRelease, match=r"release 0\.1\.0 \(abc\) is not in this clone.*--unshallow"):
        release.unpack(repository, FIRST, tmp_path / "old")


def test_replacements_and_deletions_are_what_an_upgrade_takes_away() -> None:
    login = "urn:pulumi:local::vault-aws-auth::vault-aws-auth:index:PrincipalLogin"
    steps = [
        {"op": "same", "urn": f"{login}::team"},
        {"op": "update", "urn": f"{login}$vault:aws/authBackendRole:AuthBackendRole::a"},
        {"op": "create", "urn": f"{login}$vault:aws/authBackendRole:AuthBackendRole::b"},
        {"op": "replace", "urn": f"{login}$vault:aws/authBackendRole:AuthBackendRole::c"},
        {"op": "delete", "urn": f"{login}::d"},
    ]
    assert release.taken_away(steps) == {
        "vault:aws/authBackendRole:AuthBackendRole::c",
        "vault-aws-auth:index:PrincipalLogin::d",
    }


def test_only_a_line_in_the_notes_of_a_later_version_allows_it(repository: Path) -> None:
    line = "- `aws:iam/role:Role::pod` is replaced: it has to be.\n"
    for page in ("0.1.0.md", "README.md"):
        (repository / release.NOTES / page).write_text(line)
    assert release.noted(repository, FIRST) == set()
    (repository / release.NOTES / "0.2.0.md").write_text(line)
    assert release.noted(repository, FIRST) == {"aws:iam/role:Role::pod"}
