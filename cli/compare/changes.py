"""What changes between two tables: who gains and loses which login, paths and capabilities. Pure functions.

Changes are told by caller, not by login: of a service account that moves to another login with the same
policies, nothing changes.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from .reach import DEFAULT, Reach, Tokens, between, tokens
from .settings import NAMES, FieldChange, LoginChange, of_logins, of_settings
from .table import Caller, Source, Table

NO_DEFAULT = "tokenNoDefaultPolicy"
"""The setting of a login whose tokens are without the policy of every other one."""


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
            (not each.before or not each.after) or any(field.field not in NAMES for field in each.fields)
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
    known: dict[tuple[Tokens, Tokens], Reach] = {}
    for caller in sorted(old.callers | new.callers):
        before, after = old.of(caller), new.of(caller)
        both = tokens(before), tokens(after)
        if both not in known:
            known[both] = between(old, new, *both)
        reach = known[both]
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
        tuple(sorted(of_logins(old, new), key=lambda each: (each.after or each.before, each.before))),
        tuple(of_settings(old.settings, new.settings, old.complete and new.complete)),
        tuple(_notes(old, new)),
    )


def _with_default(table: Table) -> Table:
    """The same, with the policy that every token has."""
    logins = {
        name: replace(login, policies=tuple(sorted({*login.policies, DEFAULT})))
        for name, login in table.logins.items()
        if login.conditions.get(NO_DEFAULT) != "true"
    }
    return replace(table, logins={**table.logins, **logins}, policies={DEFAULT: None, **table.policies})


def _own_policies(table: Table) -> set[str]:
    return {
        name for login in table.logins.values() if not login.is_of_other_stacks for name in login.policies
    }


def _without_others(table: Table, policies: Collection[str]) -> Table:
    """The same without other stacks' logins that have these policies: a state does not tell whether a policy
    that the stack uses itself is for others, too."""
    logins = {
        name: login
        for name, login in table.logins.items()
        if not (login.is_of_other_stacks and set(login.policies) <= set(policies))
    }
    return replace(table, logins=logins)


def _covered(caller: Caller, other: Table) -> tuple[str, ...]:
    return tuple(str(each) for each in sorted(other.callers) if caller.covers(each))


def _grouped(found: Sequence[tuple[Who, Reach]]) -> tuple[Group, ...]:
    """Callers with the same changes together; those that become as good as root first."""
    groups: dict[Reach, list[Who]] = {}
    for who, reach in found:
        groups.setdefault(reach, []).append(who)
    made = [Group(tuple(who), reach) for reach, who in groups.items()]
    return tuple(sorted(made, key=lambda each: not (each.reach.root_gained or each.reach.root_lost)))


def _notes(old: Table, new: Table) -> Iterator[str]:
    unknown = sorted(
        {name for each in (old, new) for name, rules in each.policies.items() if rules is None} - {DEFAULT}
    )
    if unknown:
        yield (
            f"policies whose content is not known here: {', '.join(unknown)}. Rules of theirs may also come "
            "before those that are shown"
        )
    if any(each.policies.get(DEFAULT) for each in (old, new)):
        yield "the policy default of every token is one of the stack's, on one side at least"
    yield from sorted({*old.notes, *new.notes})
    if not (old.complete and new.complete):
        yield "of a deployed stack, only what its state says is compared"
