"""The documentation as a site: it builds, every link in it leads somewhere, nothing is left undocumented."""

import logging
import re
import shutil
import subprocess
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


def test_a_page_loads_nothing_from_the_network(site: Path) -> None:
    """It opens from the disk, and there may be no network."""
    scripts = re.compile(
        r'<(?:script|img|iframe)[^>]* src="([^"]+)"|<link[^>]* rel="stylesheet"[^>]* href="([^"]+)"'
    )
    pages = [*site.rglob("*.html")]
    loaded = {(page.name, a or b) for page in pages for a, b in scripts.findall(page.read_text())}
    assert len(loaded) > len(pages)
    assert [each for each in loaded if re.match(r"[a-z]+:|//", each[1])] == []


BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def test_the_search_finds_in_pages_from_the_disk(site: Path, tmp_path: Path) -> None:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not browser:
        pytest.skip("no browser is here to open the site from the disk: one of " + ", ".join(BROWSERS))
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}"]
    options += ["--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=20000", "--dump-dom"]
    page = site / "docs" / "security.html"  # below the first one, where paths are longer
    answer = subprocess.run(
        [browser, *options, f"{page.as_uri()}?q=impostors"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    found = re.findall(r'<a href="([^"]+)" class="md-search-result__link"', answer.stdout)
    address = (site / "CONTRIBUTING.html").as_uri()
    assert [each.replace("?h=impostors", "").replace("?h=", "") for each in found] == [
        address,
        f"{address}#a-login",
    ]


def test_pages_are_light_or_dark_as_the_system_is_until_one_is_chosen(site: Path) -> None:
    """The theme keeps what it begins with: the first of these goes on following the system."""
    offered = re.findall(r'data-md-color-media="([^"]*)"', (site / "index.html").read_text())
    assert offered == [f"(prefers-color-scheme{rest})" for rest in ("", ": light", ": dark")]


SMALLEST = 8.5
"""Pixels of text that can still be read on a phone, whose screen of 390 has 358 for a page's pictures."""


@pytest.mark.parametrize("picture", sorted((ROOT / "docs").glob("*.svg")), ids=lambda path: str(path.name))
def test_a_picture_can_be_read_in_the_dark_and_on_a_phone(picture: Path) -> None:
    text = picture.read_text()
    style, drawn = text.partition("<style>")[2].split("</style>")
    light, dark = re.split(r"@media \(prefers-color-scheme: dark\)", style)
    colour = re.compile(r"#[0-9a-f]{3,6}\b")
    assert colour.findall(light)
    named = re.compile(r"\.([\w-]+)(?=[^{}]*\{[^{}]*#[0-9a-f]{3})")
    assert {*named.findall(light)} == {*named.findall(dark)}, (
        "each class that has a colour has one for the dark"
    )
    assert colour.findall(drawn) == [], "what is drawn has no colour but its class's"
    (width,) = re.findall(r'<svg[^>]* viewBox="0 0 (\d+) \d+"', text)
    sizes = [float(size) for size in re.findall(r"font-size: ([\d.]+)px", text)]
    assert min(sizes) * min(1, 358 / int(width)) > SMALLEST


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
