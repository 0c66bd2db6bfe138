"""What the tokens of a caller reach more or less than before: paths and capabilities, and what is root."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from .. import acl
from .table import Login, Table

DEFAULT = "default"
"""The policy of every token."""


@dataclass(frozen=True)
class PathChange:
    """What a token may do more, or less, at the paths of a pattern."""

    path: str
    gained: tuple[str, ...]
    lost: tuple[str, ...]
    before: tuple[str, ...] = ()
    """The conditions of what changes, before; none if one could do it without any."""
    after: tuple[str, ...] = ()
    """The conditions now."""
    unchanged: tuple[str, ...] = ()
    """Paths of this pattern where nothing changes, for another rule is applied."""


@dataclass(frozen=True)
class Reach:
    """What the tokens of a caller reach more, or less, than before."""

    paths: tuple[PathChange, ...] = ()
    unknown_gained: tuple[str, ...] = ()
    """Policies whose content is not known here."""
    unknown_lost: tuple[str, ...] = ()
    root_gained: tuple[str, ...] = ()
    """Why a token is as good as root, and was not by that before."""
    root_lost: tuple[str, ...] = ()
    becomes_root: bool = False
    """Nothing made it as good as root before."""
    no_longer_root: bool = False


Tokens = frozenset[tuple[str, ...]]
"""The policies of each token that a caller can have."""


def tokens(logins: Collection[Login]) -> Tokens:
    """The tokens that these logins give, by their policies."""
    return frozenset(login.policies for login in logins)


def between(old: Table, new: Table, before: Tokens, after: Tokens) -> Reach:
    """What a caller reaches more and less that had these tokens before, and has those now."""
    had, has = _Side.of(old, before), _Side.of(new, after)
    root_gained = tuple(sorted(has.root - had.root))
    root_lost = tuple(sorted(had.root - has.root))
    return Reach(
        tuple(_paths(had, has)),
        tuple(sorted(has.unknown - had.unknown)),
        tuple(sorted(had.unknown - has.unknown)),
        root_gained,
        root_lost,
        bool(root_gained and not had.root),
        bool(root_lost and not has.root),
    )


@dataclass(frozen=True)
class _Side:
    """All tokens of a caller, on one side."""

    acls: tuple[acl.Acl, ...]
    unknown: frozenset[str]
    root: frozenset[str]

    @classmethod
    def of(cls, table: Table, tokens: Tokens) -> "_Side":
        acls = tuple(
            acl.Acl(acl.combined(table.policies.get(name) or () for name in token))
            for token in sorted(tokens)
        )
        names = {name for token in tokens for name in token}
        root = {
            f"{acl.printable(path)} {why}"
            for each in acls
            for path, rule in each.rules.items()
            for why in acl.as_root(rule, table.root_policies)
        }
        return cls(
            acls,
            frozenset(name for name in names - {"root", DEFAULT} if table.policies.get(name) is None),
            frozenset({*root, *({"the policy root"} & {f"the policy {name}" for name in names})}),
        )

    @property
    def every_rule(self) -> acl.Acl:
        """The rules of all tokens, for their paths."""
        return acl.Acl({path: rule for each in self.acls for path, rule in each.rules.items()})

    def at(self, point: str) -> Mapping[str, frozenset[tuple[str, ...]]]:
        """By capability at a path: its conditions, those of each token that has it; none if one has none."""
        found: dict[str, set[tuple[str, ...]]] = {}
        for each in self.acls:
            for capability, rule in each.at(point).items():
                found.setdefault(capability, set()).add(acl.conditions(rule))
        return {capability: frozenset({()} if () in each else each) for capability, each in found.items()}


def _paths(had: _Side, has: _Side) -> Iterator[PathChange]:
    written, points = acl.regions(had.every_rule, has.every_rule)
    changes = {place: _change(str(place), had.at(point), has.at(point)) for place, point in points.items()}
    # A place inside of a pattern is told if something else changes there.
    for place, change in sorted(changes.items(), key=lambda each: each[1].path):
        if _same(change, _NO_CHANGE):
            continue
        around = [each for each in written if each != place and place.within(each)]
        nearest = [each for each in around if not any(o != each and o.within(each) for o in around)]
        if nearest and all(_same(changes[each], change) for each in nearest):
            continue
        unchanged = [each for each in written if each.within(place) and _same(changes[each], _NO_CHANGE)]
        yield replace(change, unchanged=tuple(sorted(map(str, unchanged))))


_NO_CHANGE = PathChange("", (), ())


def _same(one: PathChange, other: PathChange) -> bool:
    return replace(one, path="") == replace(other, path="")


def _change(
    path: str,
    had: Mapping[str, frozenset[tuple[str, ...]]],
    has: Mapping[str, frozenset[tuple[str, ...]]],
) -> PathChange:
    gained, lost = acl.ordered(set(has) - set(had)), acl.ordered(set(had) - set(has))
    other = [capability for capability in had if capability in has and had[capability] != has[capability]]
    before = _words(had[capability] for capability in (*lost, *other))
    after = _words(has[capability] for capability in (*gained, *other))
    if not (gained or lost) and before == after:
        return replace(_NO_CHANGE, path=path)
    return PathChange(path, gained, lost, before, after)


def _words(conditions: Iterable[frozenset[tuple[str, ...]]]) -> tuple[str, ...]:
    return tuple(sorted({" and ".join(words) for each in conditions for words in each if words}))
