"""What becomes of logins and of their settings."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..console import duration
from .table import IAM_ROLE, Login, Table

NAMES = ("vaultRole", IAM_ROLE)
"""What follows the name of a login: with another one, nobody gains or loses anything."""


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


def of_logins(old: Table, new: Table) -> Iterator[LoginChange]:
    """What becomes of each login, unless it stays as it is."""
    complete = old.complete and new.complete
    for before, after in _paired(_declared(old), _declared(new)):
        fields = tuple(_fields(before or _NONE, after or _NONE, complete or not (before and after)))
        names = before.name if before else "", after.name if after else ""
        if fields or names[0] != names[1]:
            yield LoginChange(*names, fields)


_NONE = Login("", frozenset(), (), "")


def _declared(table: Table) -> dict[str, Login]:
    return {name: login for name, login in table.logins.items() if not login.is_of_other_stacks}


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
    yield from of_settings(before.conditions, after.conditions, complete)


def _time(seconds: int | None) -> str:
    return "" if seconds is None else duration(seconds)


def of_settings(before: Mapping[str, str], after: Mapping[str, str], complete: bool) -> Iterator[FieldChange]:
    """Settings that differ. Of sides that do not say all, those that both have."""
    for field in sorted({*before, *after}):
        both = field in before and field in after
        role = field.startswith("accounts.") and field.endswith(".role")  # every side says those
        if (both or complete or role) and before.get(field, "") != after.get(field, ""):
            yield FieldChange(field, before.get(field, ""), after.get(field, ""))
