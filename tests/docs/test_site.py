"""The documentation as a site: it builds, every link in it leads somewhere, nothing is left undocumented."""

import logging
import re
import sys
from logging.handlers import BufferingHandler
from pathlib import Path
from typing import Any

import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config

from tools.docs import command_page, components_page, settings_page
from tools.docs.site import pages

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built. Anything that mkdocs warns of fails."""
    folder = tmp_path_factory.mktemp("site")
    handler = BufferingHandler(capacity=sys.maxsize)
    handler.setLevel(logging.WARNING)
    logging.getLogger("mkdocs").addHandler(handler)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        build(load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder)))
    logging.getLogger("mkdocs").removeHandler(handler)
    assert [record.getMessage() for record in handler.buffer] == []
    return folder


def test_every_page_of_the_repository_is_in_the_site(site: Path) -> None:
    built = [page.relative_to(ROOT).with_suffix(".html") for page in pages()]
    built = [page.with_name("index.html") if page.stem == "README" else page for page in built]
    assert len(built) > 15
    assert [page for page in built if not (site / page).exists()] == []


def test_every_page_can_be_found_from_the_first_one(site: Path) -> None:
    first = (site / "index.html").read_text()
    for page in (*components_page_paths(), "docs/commands.html", "docs/architecture.html"):
        assert f'href="{page}"' in first, page


def components_page_paths() -> list[str]:
    return [f"docs/reference/{name}.html" for name in ("settings", "components", "command")]


def test_every_link_and_picture_leads_somewhere(site: Path) -> None:
    broken = []
    for page in site.rglob("*.html"):
        if page.name == "404.html":
            continue
        for target in re.findall(r'(?:href|src)="([^"]+)"', page.read_text()):
            if re.match(r"[a-z]+:", target):
                continue  # other sites are not asked
            path, _, anchor = target.partition("#")
            file = (page.parent / path).resolve() if path else page
            if not file.exists() or (anchor and file.suffix == ".html" and not has_anchor(file, anchor)):
                broken.append(f"{page.relative_to(site)}: {target}")
    assert broken == []


def has_anchor(page: Path, anchor: str) -> bool:
    return (
        anchor.startswith("__")
        or re.search(rf'(?:id|name)="{re.escape(anchor)}"', page.read_text()) is not None
    )


def test_every_numbered_step_is_an_item_of_a_list(site: Path) -> None:
    """Markdown for the site ends a list at a block that is indented by less than four spaces."""
    paragraphs = [
        (page.relative_to(site).as_posix(), text)
        for page in site.rglob("*.html")
        for text in re.findall(r"<p>(.*?)</p>", page.read_text(), re.S)
    ]
    assert len(paragraphs) > 400
    assert [page for page, text in paragraphs if re.search(r"^(\d+\.|-) ", text, re.M)] == []


def test_a_file_that_a_page_names_is_shown(site: Path) -> None:
    assert "serverIdHeader: vault.gloo" in plain(site / "examples/gloo/Pulumi.gloo.yaml.html")


def plain(page: Path) -> str:
    return re.sub(r"<[^>]+>", "", page.read_text())


@pytest.mark.parametrize("page", [settings_page, components_page, command_page])
def test_the_references_say_something_of_everything(page: Any) -> None:
    text = page.page()
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert len(rows) > 40
    assert [row for row in rows if not re.split(r"(?<!\\)\|", row)[-2].strip()] == []
    headings = [line.lstrip("# ") for line in text.splitlines() if line.startswith("## ")]
    assert len(headings) > 4
    assert re.findall(r"^#{2,3} .*\n\n\n", text, re.M) == [], "something has no docstring"


def test_the_references_have_what_they_are_of() -> None:
    settings, components = settings_page.page(), components_page.page()
    for key in (
        "serviceAccounts",
        "nodeGroups.NAME.minSize",
        "roles.NAME.policyDocument",
        "hcp.principalArn",
    ):
        assert f"| `{key}` |" in settings
    assert "| `rootKey` | text, e.g. `team/app` | Gloo's own, `gloo` |" in settings
    for name in ("VaultAwsAuth", "ServiceAccountLogin", "GlooConsumer", "VaultPluginIssuer"):
        assert f"\n## {name}\n" in components
    assert "## login" in command_page.page()
    assert "`--token-file`" in command_page.page()
