"""What a Vault token may do by its policies: which rule Vault applies to a path, and what is as good as root.

The policies are read as the guardrails read them, so both say the same of a policy.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from . import checkout

if checkout.code():
    from policies.guardrails.rules import granting_paths, vault_policies
else:  # the wheel has the rules beside this command
    from .guardrails import granting_paths, vault_policies  # type: ignore[import-not-found, no-redef]

ALL = ("create", "read", "update", "patch", "delete", "list", "sudo", "subscribe", "recover", "deny")
"""Vault's capabilities, in the order to show them."""

ROOT_POLICIES = frozenset({"root"})
ANY = "\ue000"
"""Stands for a text that no policy spells out, in a path that stands for all that a pattern matches."""

Rule = vault_policies.Path
"""One path of a policy, what is allowed there and under which conditions. A templated path is as written."""


class Unreadable(ValueError):
    """The text is not a policy that Vault takes."""


def parse(text: str) -> list[Rule]:
    """The rules of a policy in HCL or JSON, one for each path. Raises Unreadable."""
    try:
        found = list(vault_policies.paths(text))
    except ValueError as error:
        raise Unreadable(str(error).removeprefix("policy: ")) from None
    for rule in found:
        if "+*" in rule.path:
            raise Unreadable(f'path "{rule.path}" has +*, which Vault does not take')
    return found


def combined(policies: Iterable[Iterable[Rule]]) -> dict[str, Rule]:
    """The rules of a token with these policies, by path: of one path, all that either allows, unless one
    denies."""
    rules: dict[str, Rule] = {}
    for rule in (rule for policy in policies for rule in policy):
        path = rule.path.removeprefix("/")
        rules[path] = vault_policies.together(rules[path], rule) if path in rules else rule
    return rules


def ordered(capabilities: Iterable[str]) -> tuple[str, ...]:
    """Capabilities in the order to show them."""
    return tuple(sorted(capabilities, key=lambda c: (ALL.index(c) if c in ALL else len(ALL), c)))


def conditions(rule: Rule) -> tuple[str, ...]:
    """The conditions of requests to a path, in words: `allowed_parameters {"token_policies": ["dev"]}`."""
    named: Mapping[str, Any] = {
        "allowed_parameters": rule.allowed,
        "denied_parameters": rule.denied,
        "required_parameters": sorted(rule.required),
        **rule.others,
    }
    return tuple(f"{name} {json.dumps(value, sort_keys=True)}" for name, value in named.items() if value)


def printable(text: str) -> str:
    """Without what would move the cursor or turn the order of letters round: a policy's author chooses it."""
    return "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in text)


def as_root(rule: Rule, more: frozenset[str] = ROOT_POLICIES) -> list[str]:
    """Why a path makes a token as good as root; empty if it does not. `more` are policies that do."""
    return list(granting_paths.as_root(rule, more))


def root_policies(policies: Mapping[str, Iterable[Rule]]) -> frozenset[str]:
    """The policies that are as good as root: those, too, that let a token have another one that is."""
    found = ROOT_POLICIES
    while True:
        more = {name for name, rules in policies.items() if any(as_root(rule, found) for rule in rules)}
        if more <= found:
            return found
        found |= more


# Which rule Vault applies


def _has_plus(path: str) -> bool:
    """Whether Vault takes a `+` in it for a wildcard."""
    return path == "+" or "/+" in path or path.startswith("+/")


@dataclass(frozen=True)
class _Wild:
    """A path with a wildcard, as Vault compares it with others that match the same request."""

    rule: Rule
    text: str
    """Without the `*` at its end."""
    glob: bool
    parts: tuple[str, ...]
    """Its segments; empty where it has no `+`."""

    @classmethod
    def of(cls, path: str, rule: Rule) -> "_Wild":
        glob = path.endswith("*")
        text = path[:-1] if glob else path
        return cls(rule, text, glob, tuple(text.split("/")) if _has_plus(path) else ())

    @property
    def rank(self) -> tuple[int, bool, int, int, str]:
        """The higher one is applied."""
        first = self.text.find("+") if self.parts else len(self.text)
        return first, not self.glob, -self.parts.count("+"), len(self.text), self.text

    def matches(self, path: str, segments: list[str]) -> bool:
        if not self.parts:
            return path.startswith(self.text)
        own = len(self.parts)
        if len(segments) < own or (not self.glob and len(segments) != own):
            return False
        last = own - 1
        return all(
            part in ("+", segment) or (self.glob and at == last and segment.startswith(part))
            for at, (part, segment) in enumerate(zip(self.parts, segments, strict=False))
        )


class Acl:
    """What a token may do, by the combined rules of its policies."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self.rules = rules

    @cached_property
    def _wild(self) -> list[_Wild]:
        wild = [_Wild.of(path, rule) for path, rule in self.rules.items() if self._is_wild(path)]
        return sorted(wild, key=lambda each: each.rank, reverse=True)

    @cached_property
    def _exact(self) -> dict[str, Rule]:
        return {path: rule for path, rule in self.rules.items() if not self._is_wild(path)}

    @staticmethod
    def _is_wild(path: str) -> bool:
        return path.endswith("*") or _has_plus(path)

    def at(self, path: str) -> dict[str, Rule]:
        """By capability at a path: the rule that gives it. Vault's own precedence; `deny` gives none."""
        rule = self._exact.get(path) or self._matching(path)
        # To list a folder, rules without the slash at its end count first.
        bare = path.removesuffix("/")
        listing = self._exact.get(path) or self._exact.get(bare) or self._matching(bare) or rule
        found = {}
        for of, listed in ((rule, False), (listing, True)):
            if of:
                allowed = of.capabilities - {vault_policies.DENY}
                found.update({each: of for each in allowed if (each == "list") is listed})
        return found

    def _matching(self, path: str) -> Rule | None:
        segments = path.split("/")
        return next((each.rule for each in self._wild if each.matches(path, segments)), None)


# Where two sets of rules may differ


@dataclass(frozen=True)
class Region:
    """The paths that a pattern matches, or two patterns both."""

    segments: tuple[str, ...]
    """ANY in one is any text."""
    glob: bool
    """Whether any text may follow."""

    @classmethod
    def of(cls, path: str) -> "Region":
        glob = path.endswith("*")
        text = path[:-1] if glob else path
        parts = text.split("/")
        return cls(tuple(ANY if part == "+" and _has_plus(path) else part for part in parts), glob)

    def __str__(self) -> str:
        parts = ("+" if part == ANY else printable(part.replace(ANY, "*")) for part in self.segments)
        text = "/".join(parts)
        begun = not self.glob and self.segments[-1].endswith(ANY) and self.segments[-1] != ANY
        return f"{text}*" if self.glob else f"{text} (one segment)" if begun else text

    def within(self, other: "Region") -> bool:
        """Whether the other one matches all of it."""
        first = other.segments[0]
        if len(other.segments) > 1 and first not in (ANY, self.segments[0]):  # most are told apart by it
            return False
        return self.meet(other) == self

    def point(self, depth: int) -> str:
        """A path in it that is in no other pattern, unless that has all of this region; `depth` is more than
        any pattern has segments."""
        text = "/".join(self.segments)
        return f"{text}{ANY}{f'/{ANY}' * depth}" if self.glob else text

    def long(self, count: int) -> "Region":
        """Of one in which any text may follow: its paths of so many segments."""
        *before, last = self.segments
        return Region((*before, last + ANY, *[ANY] * (count - len(self.segments))), False)

    def meet(self, other: "Region") -> "Region | None":
        """What both patterns match; None if that is nothing."""
        short, long = sorted((self, other), key=lambda each: (len(each.segments), not each.glob))
        if not short.glob and len(short.segments) != len(long.segments):
            return None
        end = len(short.segments) - 1
        segments = []
        for at, (one, two) in enumerate(zip(short.segments, long.segments, strict=False)):
            if short.glob and at == end:
                both = _begun(one, two, long.glob and end == len(long.segments) - 1)
            else:
                both = two if one == ANY else one if two in (ANY, one) else None
            if both is None:
                return None
            segments.append(both)
        return Region((*segments, *long.segments[len(segments) :]), long.glob)


def _begun(prefix: str, segment: str, open_end: bool) -> str | None:
    """What a segment has in common with all that begin with a prefix; with an open end, it is one, too."""
    if segment.startswith(prefix):
        return segment
    if segment == ANY:
        return prefix + ANY
    return prefix if open_end and prefix.startswith(segment) else None


def regions(one: Acl, other: Acl) -> tuple[set[Region], dict[Region, str]]:
    """The patterns of two tokens, and with a path that stands for it each place where they may differ.

    Wherever Vault applies another rule for one token than for the other, both rules meet: so the patterns and
    where they meet are enough. Patterns with a `+` also ask for a number of segments, so what meets them is
    looked at for each number.
    """
    mine, theirs = ({Region.of(path) for path in each.rules} for each in (one, other))
    written = mine | theirs
    places = written | {both for a in mine for b in theirs if a != b and (both := a.meet(b))}
    counting = [each for each in written if ANY in each.segments]
    for place in [each for each in places if each.glob]:
        longest = max((len(each.segments) for each in counting if each.meet(place)), default=0)
        places.update(place.long(count) for count in range(len(place.segments), longest + 1))
    depth = 1 + max((len(each.segments) for each in written), default=0)
    return written, {each: each.point(depth) for each in places}
