"""Links of a page for where its repository is not: on a package index, in the notes of a release."""

import re
from posixpath import normpath

_LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?![a-z]+:)(?P<target>[^)\s]+)\)")


def absolute(text: str, page: str, repository: str, revision: str) -> str:
    """A page's text with links that lead into the repository, at a revision.

    `page` is the page's path, such as `docs/security.md`: links are relative to its folder.
    """
    folder = page.rpartition("/")[0]

    def link(match: re.Match[str]) -> str:
        path, hash_, anchor = match["target"].partition("#")
        found = normpath(f"{folder}/{path}").lstrip("/") if path else page
        kind = "raw" if match["image"] else "blob"
        return f"{match['image']}[{match['text']}]({repository}/{kind}/{revision}/{found}{hash_}{anchor})"

    return _LINK.sub(link, text)
