"""What is refused as a release, and what its notes and its description say."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from components.version import REPOSITORY, VERSION
from tools import dist
from tools.links import absolute

ROOT = Path(__file__).parents[2]
CHANGELOG = f"""# Changelog

## [Unreleased]

## [{VERSION}] - 2026-01-02

Text, and a [link](docs/a.md).

### Added

- One.

## [0.0.1] - 2026-01-01

Older.

[{VERSION}]: https://example.com
"""


def test_this_version_may_be_released_from_its_own_repository() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    assert dist.problems(text, f"v{VERSION}", REPOSITORY) == []
    assert dist.problems(text, None, None) == [], "nor is anything asked of a try without a tag"


@pytest.mark.parametrize(
    ("changelog", "tag", "repository", "said"),
    [
        (CHANGELOG, "v9.9.9", REPOSITORY, f"the tag is v9.9.9, but components/version.py has {VERSION}"),
        (CHANGELOG, VERSION, REPOSITORY, f"the tag is {VERSION}, but"),
        (CHANGELOG, f"v{VERSION}", "https://github.com/another/fork", "change REPOSITORY there"),
        (CHANGELOG.replace(f"## [{VERSION}]", "## [7.7.7]"), f"v{VERSION}", REPOSITORY, "has no entry"),
        (
            CHANGELOG.replace("## [Unreleased]\n", "## [Unreleased]\n\n- Forgotten.\n"),
            f"v{VERSION}",
            REPOSITORY,
            "still has changes under [Unreleased]",
        ),
    ],
)
def test_what_does_not_fit_together_is_not_released(
    changelog: str, tag: str, repository: str, said: str
) -> None:
    (problem,) = dist.problems(changelog, tag, repository)
    assert said in problem


def test_an_entry_is_what_stands_between_two_versions() -> None:
    assert dist.entry(CHANGELOG, VERSION) == "Text, and a [link](docs/a.md).\n\n### Added\n\n- One."
    assert dist.entry(CHANGELOG, "0.0.1") == "Older."
    assert dist.entry(CHANGELOG, "Unreleased") == ""
    assert dist.entry(CHANGELOG, "5.5.5") is None


def test_links_lead_into_the_repository_at_a_revision() -> None:
    text = "[a](b.md#c) ![d](../e.svg) [f](#g) [h](https://i.example)"
    assert absolute(text, "docs/page.md", "https://host/o/r", "v1") == (
        "[a](https://host/o/r/blob/v1/docs/b.md#c) ![d](https://host/o/r/raw/v1/e.svg) "
        "[f](https://host/o/r/blob/v1/docs/page.md#g) [h](https://i.example)"
    )


@pytest.mark.parametrize(
    ("description", "kind", "said"),
    [
        ("# A\n\n[b](https://example.com)\n", "text/markdown", None),
        ("# A\n\n![b](docs/chain.svg)\n", "text/markdown", "the link (docs/chain.svg) leads nowhere"),
        ("# A\n", "text/plain", "it cannot be rendered: text/plain"),
    ],
)
def test_a_description_that_an_index_would_not_show_is_refused(
    tmp_path: Path, description: str, kind: str, said: str | None
) -> None:
    wheel = tmp_path / "it.whl"
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        head = f"Metadata-Version: 2.4\nName: it\nDescription-Content-Type: {kind}\n\n"
        archive.writestr("it-1.dist-info/METADATA", head + description)
    wheel.write_bytes(content.getvalue())
    found = dist.unreadable(wheel)
    assert found == ([f"the description of it.whl: {said}"] if said else [])
