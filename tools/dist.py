"""Makes what a release publishes, in `dist/`: the wheel, the component package's schema, the release's notes.

  python -m tools.dist [--tag TAG] [--repository URL]

All of it is made from what is committed. `make dist` calls this; so does the workflow of a release, with the
tag and the address of its repository, which have to be those of `components/version.py`.
"""

from __future__ import annotations

import argparse
import email
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from components.version import REPOSITORY, VERSION
from tools.links import absolute

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
TAG = f"v{VERSION}"

_ENTRY = re.compile(
    r"^## \[(?P<name>[^\]]+)\](?: - \d{4}-\d{2}-\d{2})?\n(?P<text>.*?)(?=^## |^\[[^\]]+\]: |\Z)", re.M | re.S
)


class Refused(Exception):
    """What is committed cannot be released; says what is wrong, one problem a line."""


def problems(changelog: str, tag: str | None, repository: str | None) -> list[str]:
    """Why this version must not be released from here; nothing if it may."""
    found = []
    if tag and tag != TAG:
        found.append(
            f"the tag is {tag}, but components/version.py has {VERSION}; tag {TAG}, or change VERSION"
        )
    if repository and repository.rstrip("/") != REPOSITORY:
        found.append(
            f"this is a release of {repository}, but components/version.py has {REPOSITORY}; "
            "change REPOSITORY there, and the same in pyproject.toml"
        )
    if entry(changelog, VERSION) is None:
        found.append(
            f"CHANGELOG.md has no entry for this version; begin one with: ## [{VERSION}] - YYYY-MM-DD"
        )
    if (entry(changelog, "Unreleased") or "").strip():
        found.append(f"CHANGELOG.md still has changes under [Unreleased]; move them to [{VERSION}]")
    return found


def entry(changelog: str, version: str) -> str | None:
    """What the changelog says of a version, without its heading. None if it has no entry."""
    return next((m["text"].strip() for m in _ENTRY.finditer(changelog) if m["name"] == version), None)


def unreadable(wheel: Path) -> list[str]:
    """What a package index would not show of the wheel's description as it is meant."""
    from readme_renderer import markdown

    metadata = email.message_from_bytes(_metadata(wheel))
    text = str(metadata.get_payload())
    said = io.StringIO()
    found = [f"the link ({link}) leads nowhere" for link in re.findall(r"\]\((?!https://)([^)]*)\)", text)]
    if metadata["Description-Content-Type"] != "text/markdown" or not markdown.render(text, stream=said):
        found.append(
            f"it cannot be rendered: {said.getvalue().strip() or metadata['Description-Content-Type']}"
        )
    return [f"the description of {wheel.name}: {each}" for each in found]


def make(source: Path, target: Path, epoch: str) -> Path:
    """The wheel and the schema of a tree of files. The same tree and time make the same bytes."""
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    _run([*pip, "--wheel-dir", str(target), str(source)], source, SOURCE_DATE_EPOCH=epoch)
    script = "from plugin.provider import Provider; print(Provider().schema)"
    schema = json.loads(_run([sys.executable, "-c", script], source))
    (target / "schema.json").write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n")
    (wheel,) = target.glob("*.whl")
    return wheel


def release(tag: str | None, repository: str | None) -> list[Path]:
    """Fills `dist/`, all or nothing; returns its files. Raises Refused."""
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder, "source"), Path(folder, "dist")
        archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True).stdout
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(source, filter="data")
        made.mkdir()
        changelog = (source / "CHANGELOG.md").read_text()
        if found := problems(changelog, tag, repository):
            raise Refused("\n".join(found))
        epoch = subprocess.run(
            ["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        wheel = make(source, made, epoch.stdout.strip())
        if found := unreadable(wheel):
            raise Refused("\n".join(found))
        notes = absolute(entry(changelog, VERSION) or "", "CHANGELOG.md", REPOSITORY, TAG)
        (made / "notes.md").write_text(notes + "\n")
        shutil.rmtree(DIST, ignore_errors=True)
        shutil.copytree(made, DIST)
    return sorted(DIST.iterdir())


def _metadata(wheel: Path) -> bytes:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return archive.read(name)


def _run(words: list[str], folder: Path, **variables: str) -> str:
    answer = subprocess.run(
        words, cwd=folder, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    if answer.returncode:
        raise Refused(f"{' '.join(words[1:4])} failed:\n{answer.stdout}{answer.stderr}".rstrip())
    return answer.stdout


def main(words: list[str]) -> int:
    """Makes the release, and lists it; 1 if it is refused."""
    parser = argparse.ArgumentParser(prog="python -m tools.dist", description=__doc__.partition("\n")[0])
    parser.add_argument("--tag", metavar="TAG", help=f"the tag that is released; refused unless it is {TAG}")
    parser.add_argument("--repository", metavar="URL", help="the address of the repository that releases it")
    options = parser.parse_args(words)
    try:
        files = release(options.tag or None, options.repository or None)
    except Refused as error:
        print("\n".join(f"error: {line}" for line in str(error).splitlines()), file=sys.stderr)
        return 1
    print("\n".join(str(file.relative_to(ROOT)) for file in files))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
