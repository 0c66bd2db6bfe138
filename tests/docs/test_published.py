"""The version and the address of the project stand once; what cannot be made from them is the same."""

import json
import re
from pathlib import Path

import pytest
import yaml

from components.version import REPOSITORY, VERSION
from tools.docs.site import pages

ROOT = Path(__file__).parents[2]
HISTORY = {"CHANGELOG.md", *(f"docs/upgrades/{page.name}" for page in (ROOT / "docs/upgrades").glob("*.md"))}
"""Pages about other versions, too."""
ADDRESS = re.compile(r"(?:github\.com/|repo[ :])([\w-]+/vault-aws-auth)\b")


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_installs_this_version_from_this_repository(page: Path) -> None:
    text = page.read_text()
    owner = "/".join(REPOSITORY.rsplit("/", 2)[-2:])
    assert {*ADDRESS.findall(text)} <= {owner}
    if page.relative_to(ROOT).as_posix() not in HISTORY:
        assert {*re.findall(r"(?:@v|pulumi-vault-aws-auth==|_auth-)(\d+\.\d+\.\d+)", text)} <= {VERSION}


def test_pages_say_how_to_install_it() -> None:
    text = (ROOT / "docs" / "library.md").read_text()
    short = REPOSITORY.removeprefix("https://")
    for words in (
        f"pip install pulumi-vault-aws-auth=={VERSION}",
        f"pip install 'pulumi-vault-aws-auth @ git+{REPOSITORY}@v{VERSION}'",
        f"pulumi package add {short}/plugin@v{VERSION}",
    ):
        assert words in text


def test_the_metadata_have_the_same_address() -> None:
    urls = re.search(r"\[project.urls\]\n(.*?)\n\n", (ROOT / "pyproject.toml").read_text(), re.S)
    assert urls
    named = dict(line.split(" = ") for line in urls[1].splitlines())
    assert {"Homepage", "Repository", "Documentation", "Changelog", "Issues"} == {*named}
    assert [url for url in named.values() if not url.startswith(f'"{REPOSITORY}')] == []
    schema = json.loads((ROOT / "tests/schema/golden/schema.json").read_text())
    assert (schema["version"], schema["repository"]) == (VERSION, REPOSITORY)


def test_the_guardrails_have_the_projects_version() -> None:
    assert yaml.safe_load((ROOT / "policies/guardrails/PulumiPolicy.yaml").read_text())["version"] == VERSION
