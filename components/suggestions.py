"""What was meant by a word that is not known: by its meaning first, and only then by its spelling.

Pure functions; no resources.
"""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher

_OPPOSITES = (
    {"min", "max"},
    {"public", "private"},
    {"allow", "deny"},
    {"user", "role"},
    {"default", "max"},
    {"key", "arn"},
)
"""Words that are spelled alike in their places but never meant for one another."""

_APART = ({"policyarns", "policies"}, {"rolearn", "rolename"}, {"iamrolearn", "iamrolename"})
"""Names that are spelled alike, of two things: policies of IAM and of Vault, a role that exists and one that
is made."""

_SYNONYMS = {
    "annotations": "tags",
    "arn": "arns",
    "audiences": "audience",
    "boundary": "boundary",
    "duration": "ttl",
    "expiry": "ttl",
    "k8s": "kubernetes",
    "labels": "tags",
    "lease": "ttl",
    "lifetime": "ttl",
    "maximum": "max",
    "minimum": "min",
    "permission": "permissions",
    "sa": "account",
    "sas": "accounts",
    "url": "address",
}


def suggestion(word: str, known: Iterable[str]) -> str:
    """The end of a message about a word that is none of the known ones: the one that was probably meant, or
    all there are."""
    names = list(known)
    likely = sorted(((_likeness(word, name), name) for name in names), reverse=True)
    if likely and likely[0][0] >= 0.6 and (len(likely) == 1 or likely[0][0] > likely[1][0]):
        return f"; did you mean {likely[0][1]}?"
    return f"; known: {', '.join(names)}" if names else ""


def _likeness(word: str, name: str) -> float:
    """From 0 (nothing in common) to 1 (the same but for case, number and hyphens)."""
    ours, theirs = _words(word), _words(name)
    if not ours or not theirs:
        return 0
    if {plain(word), plain(name)} in _APART:
        return 0
    if any(len(pair & (ours ^ theirs)) == 2 for pair in map(frozenset, _OPPOSITES)):
        return 0
    shared = sum(max(_alike(one, other) for other in theirs) for one in ours)
    # Words say more than letters: `mode` is closer to `service_account_mode` than to `method`.
    by_words = (2 * shared / (len(ours) + len(theirs))) * 0.9 + 0.1 * _letters(word, name)
    whole = len(ours) == 1 and ours < theirs  # one word of a longer name
    return max(by_words, 0.6 if whole else 0, _letters(word, name) - 0.15)


def _alike(one: str, other: str) -> float:
    if one == other:
        return 1
    ratio = SequenceMatcher(None, one, other).ratio()
    return ratio if ratio >= 0.75 else 0


def _letters(word: str, name: str) -> float:
    return SequenceMatcher(None, plain(word), plain(name)).ratio()


def plain(name: str) -> str:
    """Without hyphens, underscores and case."""
    return re.sub(r"(?a)[\W_]", "", name).lower()


def _words(name: str) -> frozenset[str]:
    """`permissionsBoundary` as {permission, boundary}."""
    parts = re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)
    found = (_SYNONYMS.get(part.lower(), part.lower()) for part in parts)
    return frozenset(word.removesuffix("s") if len(word) > 3 else word for word in found)
