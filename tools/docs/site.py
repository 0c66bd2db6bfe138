"""The mkdocs hook that builds the site from the repository: README and what is beside it, docs/, examples/.

Generated pages are not kept. Pages keep their paths, so that links work in the repository and on the site; a
linked file that is not a page, such as a stack file, becomes a page that shows it.
"""

import re
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from tools.docs import command_page, components_page, mermaid, settings_page

ROOT = Path(__file__).parents[2]
PAGES = ("*.md", "docs/**/*.md", "examples/**/*.md")
INSTALLED = {".venv", "node_modules"}
GENERATED = {
    "docs/reference/settings.md": settings_page.page,
    "docs/reference/components.md": components_page.page,
    "docs/reference/command.md": command_page.page,
}
SECTIONS = {
    "Start": [
        "README.md",
        "docs/architecture.md",
        "docs/deploying.md",
        "docs/sandbox-tools.md",
        "docs/library.md",
        "docs/environments.md",
        "docs/scale.md",
    ],
    "Scenarios": [
        "docs/who-can-log-in.md",
        "docs/pod-identity.md",
        "docs/many-clusters.md",
        "docs/ecs.md",
        "docs/cross-account.md",
        "docs/existing-mounts.md",
        "docs/gloo.md",
        "docs/vault-access-operator.md",
        "docs/consumers.md",
        "docs/federation.md",
    ],
    "Examples": ["examples/*/README.md"],
    "Security": ["docs/security.md", "docs/permissions.md", "docs/guardrails.md"],
    "Operations": [
        "docs/operations.md",
        "docs/adopting.md",
        "docs/from-kubernetes-auth.md",
        "docs/performance.md",
        "docs/troubleshooting.md",
    ],
    "Releases": ["CHANGELOG.md", "docs/upgrades/*.md", "SECURITY.md"],
    "Reference": ["docs/commands.md", *GENERATED],
    "Contributing": ["CONTRIBUTING.md"],
}
"""The order of pages. Missing pages are skipped, and unlisted ones come last."""

CSS = "assets/stylesheets/site.css"
WORKER = "assets/javascripts/iframe-worker.js"
MERMAID = "assets/javascripts/mermaid.min.js"
LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)#\s:]+)(#[^)\s]*)?\)")
LANGUAGES = {".yaml": "yaml", ".hcl": "hcl", ".py": "python", ".json": "json", ".toml": "toml"}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Draws the diagrams with the site's own script, if available."""
    config.extra_css.append(CSS)
    if mermaid.script():
        config.extra_javascript.append(MERMAID)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The pages, pictures and shown files of the site, instead of those of one folder."""
    kept = [_file(path, config) for path in (*pages(), *ROOT.glob("docs/*.svg"))]
    shown = {target for page in pages() for target in _shown_files(page)}
    made = [File.generated(config, f"{target}.md", content=_show(target)) for target in sorted(shown)] + [
        File.generated(config, path, content=page()) for path, page in GENERATED.items()
    ]
    theme = [file for file in files if not file.src_uri.endswith((".md", ".svg"))]
    found = {file.src_uri for file in (*kept, *made)}
    config.nav = _navigation(
        sorted(it for it in found if it.endswith(".md") and it.removesuffix(".md") not in shown)
    )
    for asset in (CSS, WORKER):
        own = Path(__file__).with_name(PurePosixPath(asset).name)
        made.append(File.generated(config, asset, content=own.read_text()))
    if script := mermaid.script():
        sizes = Path(__file__).with_name("diagrams.js").read_text()
        made.append(File.generated(config, MERMAID, content=f"{script.read_text()}\n{sizes}"))
    return Files([*theme, *kept, *made])


def pages() -> list[Path]:
    """The pages of the repository, without those of installed packages."""
    found = (path for pattern in PAGES for path in ROOT.glob(pattern))
    return sorted(path for path in found if not INSTALLED & {*path.relative_to(ROOT).parts})


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Turns links to files that are not pages into links to the pages that show them."""

    def target(match: re.Match[str]) -> str:
        shown = _is_shown(ROOT / page.file.src_uri, match[1])
        return match[0].replace(f"({match[1]}", f"({match[1]}.md") if shown else match[0]

    return LINK.sub(target, markdown)


def _file(path: Path, config: MkDocsConfig) -> File:
    return File(path.relative_to(ROOT).as_posix(), str(ROOT), config.site_dir, config.use_directory_urls)


def _shown_files(page: Path) -> set[str]:
    found = LINK.findall(page.read_text())
    return {
        normpath((page.parent.relative_to(ROOT) / link).as_posix())
        for link, _ in found
        if _is_shown(page, link)
    }


def _is_shown(page: Path, link: str) -> bool:
    target = page.parent / link
    return target.is_file() and target.suffix not in (".md", ".svg")


def _show(path: str) -> str:
    language = LANGUAGES.get(PurePosixPath(path).suffix, "text")
    return f"# {path}\n\n````{language}\n{(ROOT / path).read_text().rstrip()}\n````\n"


def _navigation(pages: list[str]) -> list[dict[str, list[str]]]:
    sections = {}
    left = list(pages)
    for title, patterns in SECTIONS.items():
        sections[title] = [page for pattern in patterns for page in left if fnmatchcase(page, pattern)]
        left = [page for page in left if page not in sections[title]]
    return [{title: found} for title, found in {**sections, "More": left}.items() if found]
