"""What changes between two tables: who gains and loses which login, paths and capabilities. Pure functions.

Changes are told by caller, not by login: of a service account that moves to another login with the same
policies, nothing changes.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from .. import acl
from ..console import duration
from .table import IAM_ROLE, Caller, Kind, Login, Source, Table

DEFAULT = "default"
"""The policy of every token."""

_NAMES = ("vaultRole", IAM_ROLE)
"""What follows the name of a login: with another one, nobody gains or loses anything."""


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


class Who(NamedTuple):
    """A caller, and the logins that it may use, or could use before."""

    caller: Caller
    logins: tuple[str, ...]
    others: tuple[str, ...] = ()
    """Of a pattern: the callers of the other side that it covers, which could log in before, or still can."""
    roles_of: tuple[str, ...] = ()
    """Of an IAM principal: the logins whose callers have such a role, and so may log in as it, too."""


@dataclass(frozen=True)
class Group:
    """Callers for which the same changes."""

    who: tuple[Who, ...]
    reach: Reach


@dataclass(frozen=True)
class FieldChange:
    """A setting; empty where there is none."""

    field: str
    before: str
    after: str


@dataclass(frozen=True)
class LoginChange:
    """A login that is new, gone, renamed or set otherwise. One of the names is empty if it is new or gone."""

    before: str
    after: str
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """All that changes."""

    old: Source
    new: Source
    can: tuple[Group, ...]
    """Who can newly log in."""
    cannot: tuple[Group, ...]
    """Who no longer can."""
    differ: tuple[Group, ...]
    """Who reaches something else than before."""
    logins: tuple[LoginChange, ...]
    settings: tuple[FieldChange, ...]
    notes: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes at all."""
        return not (self.can or self.cannot or self.differ or self.logins or self.settings)

    @property
    def gains_or_losses(self) -> bool:
        """Whether anything changes but names."""
        changed = any(
            (not each.before or not each.after) or any(field.field not in _NAMES for field in each.fields)
            for each in self.logins
        )
        return bool(self.can or self.cannot or self.differ or self.settings or changed)

    @property
    def become_root(self) -> tuple[Who, ...]:
        """Who is as good as root, and was not before."""
        return tuple(
            who for group in (*self.can, *self.differ) if group.reach.becomes_root for who in group.who
        )


def compare(old: Table, new: Table) -> Comparison:
    """The changes from one table to the other."""
    old, new = old.in_account(new.account), new.in_account(old.account)
    if not (old.complete and new.complete):
        used = _own_policies(old) | _own_policies(new)
        old, new = _without_others(old, used), _without_others(new, used)
    if DEFAULT in {name for each in (old, new) for name, rules in each.policies.items() if rules is not None}:
        old, new = _with_default(old), _with_default(new)
    can: list[tuple[Who, Reach]] = []
    cannot: list[tuple[Who, Reach]] = []
    differ: list[tuple[Who, Reach]] = []
    known: dict[tuple[_Tokens, _Tokens], Reach] = {}
    for caller in sorted(old.callers | new.callers):
        before, after = old.of(caller), new.of(caller)
        tokens = _tokens(before), _tokens(after)
        if tokens not in known:
            known[tokens] = _reach(old, new, *tokens)
        reach = known[tokens]
        names = tuple(sorted({login.name for login in (*before, *after)}))
        roles = tuple(sorted({*old.have_role(caller), *new.have_role(caller)} - {*names}))
        if not before:
            can.append((Who(caller, names, _covered(caller, old), roles), reach))
        elif not after:
            cannot.append((Who(caller, names, _covered(caller, new), roles), reach))
        elif reach != Reach():
            differ.append((Who(caller, names, (), roles), reach))
    return Comparison(
        old.source,
        new.source,
        _grouped(can),
        _grouped(cannot),
        _grouped(differ),
        tuple(sorted(_logins(old, new), key=lambda each: (each.after or each.before, each.before))),
        tuple(_settings(old.settings, new.settings, old.complete and new.complete)),
        tuple(_notes(old, new)),
    )


def _with_default(table: Table) -> Table:
    """The same, with the policy that every token has."""
    logins = {
        name: replace(login, policies=tuple(sorted({*login.policies, DEFAULT})))
        for name, login in table.logins.items()
    }
    return replace(table, logins=logins, policies={DEFAULT: None, **table.policies})


def _own_policies(table: Table) -> set[str]:
    return {name for login in table.logins.values() if not _is_others(login) for name in login.policies}


def _without_others(table: Table, policies: Collection[str]) -> Table:
    """The same without other stacks' logins that have these policies: a state does not tell whether a policy
    that the stack uses itself is for others, too."""
    logins = {
        name: login
        for name, login in table.logins.items()
        if not (_is_others(login) and set(login.policies) <= set(policies))
    }
    return replace(table, logins=logins)


def _is_others(login: Login) -> bool:
    return any(caller.kind == Kind.OTHER_STACK.value for caller in login.callers)


def _covered(caller: Caller, other: Table) -> tuple[str, ...]:
    return tuple(str(each) for each in sorted(other.callers) if caller.covers(each))


def _grouped(found: Sequence[tuple[Who, Reach]]) -> tuple[Group, ...]:
    """Callers with the same changes together; those that become as good as root first."""
    groups: dict[Reach, list[Who]] = {}
    for who, reach in found:
        groups.setdefault(reach, []).append(who)
    made = [Group(tuple(who), reach) for reach, who in groups.items()]
    return tuple(sorted(made, key=lambda each: not (each.reach.root_gained or each.reach.root_lost)))


# Paths and capabilities

_Tokens = frozenset[tuple[str, ...]]
"""The policies of each token that a caller can have."""


def _tokens(logins: Collection[Login]) -> _Tokens:
    return frozenset(login.policies for login in logins)


def _reach(old: Table, new: Table, before: _Tokens, after: _Tokens) -> Reach:
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
    def of(cls, table: Table, tokens: _Tokens) -> "_Side":
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


# Logins and settings


def _logins(old: Table, new: Table) -> Iterator[LoginChange]:
    complete = old.complete and new.complete
    for before, after in _paired(_own(old), _own(new)):
        fields = tuple(_fields(before or _NONE, after or _NONE, complete or not (before and after)))
        names = before.name if before else "", after.name if after else ""
        if fields or names[0] != names[1]:
            yield LoginChange(*names, fields)


_NONE = Login("", frozenset(), (), "")


def _own(table: Table) -> dict[str, Login]:
    return {name: login for name, login in table.logins.items() if not _is_others(login)}


def _paired(
    old: Mapping[str, Login], new: Mapping[str, Login]
) -> Iterator[tuple[Login | None, Login | None]]:
    """Each login with what becomes of it. One with the same callers and policies under another name is the
    same, renamed."""
    pairs = {name: name for name in old if name in new and old[name].identity == new[name].identity}
    left = [name for name in sorted(new) if name not in pairs]
    for name in sorted(set(old) - set(pairs)):
        same = next((each for each in left if new[each].identity == old[name].identity), None)
        if same is not None:
            pairs[name] = same
            left.remove(same)
    for name in sorted(set(old) - set(pairs)):
        if name in left:
            pairs[name] = name
            left.remove(name)
    for name in sorted(old):
        yield old[name], new[pairs[name]] if name in pairs else None
    for name in left:
        yield None, new[name]


def _fields(before: Login, after: Login, complete: bool) -> Iterator[FieldChange]:
    for field, one, two in (
        ("policies", ", ".join(before.policies), ", ".join(after.policies)),
        ("vaultRole", before.vault_role, after.vault_role),
        ("maxTtl", _time(before.max_ttl), _time(after.max_ttl)),
        ("ttl", _time(before.ttl), _time(after.ttl)),
    ):
        if one != two and (complete or (one and two)):
            yield FieldChange(field, one, two)
    yield from _settings(before.conditions, after.conditions, complete)


def _time(seconds: int | None) -> str:
    return "" if seconds is None else duration(seconds)


def _settings(before: Mapping[str, str], after: Mapping[str, str], complete: bool) -> Iterator[FieldChange]:
    """Settings that differ. Of sides that do not say all, those that both have."""
    for field in sorted({*before, *after}):
        both = field in before and field in after
        role = field.startswith("accounts.") and field.endswith(".role")  # every side says those
        if (both or complete or role) and before.get(field, "") != after.get(field, ""):
            yield FieldChange(field, before.get(field, ""), after.get(field, ""))


def _notes(old: Table, new: Table) -> Iterator[str]:
    unknown = sorted(
        {name for each in (old, new) for name, rules in each.policies.items() if rules is None} - {DEFAULT}
    )
    if unknown:
        yield (
            f"managed elsewhere, so what they allow is not known here: {', '.join(unknown)}. Rules of theirs "
            "may also come before those that are shown"
        )
    if any(each.policies.get(DEFAULT) for each in (old, new)):
        yield "the policy default of every token is one of the stack's, on one side at least"
    yield from sorted({*old.notes, *new.notes})
    if not (old.complete and new.complete):
        yield "of a deployed stack, only what its state says is compared"
