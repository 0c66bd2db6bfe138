"""The order of the site's pages names pages that there are."""

from fnmatch import fnmatchcase

import pytest

from tools.docs.site import GENERATED, ROOT, SECTIONS, pages

NAMED = [pattern for patterns in SECTIONS.values() for pattern in patterns]


@pytest.mark.parametrize("pattern", NAMED)
def test_what_the_navigation_names_is_there(pattern: str) -> None:
    there = [page.relative_to(ROOT).as_posix() for page in pages()]
    assert any(fnmatchcase(page, pattern) for page in (*there, *GENERATED))
