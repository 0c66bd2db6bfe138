"""Properties of comparisons: of two sides, whatever they are, every change is told, and nothing else."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from cli import acl
from cli.compare.changes import Comparison, Group, compare
from cli.compare.reach import PathChange
from cli.compare.table import Caller, Kind, Login, Source, Table

SEGMENTS = ("a", "ab", "b")
PATHS = [
    "/".join(segments) for length in (1, 2, 3, 4) for segments in product((*SEGMENTS, "abc"), repeat=length)
]
HERE, THERE = Source("here", "file"), Source("there", "file")

part = st.sampled_from((*SEGMENTS, "+"))
patterns = st.builds(
    lambda parts, end: "/".join(parts) + ("" if parts[-1] == "+" and end == "*" else end),
    st.lists(part, min_size=1, max_size=3),
    st.sampled_from(("", "*", "/*")),
)
capabilities = st.sets(st.sampled_from(("read", "update", "sudo"))) | st.just({"deny"})
rules = st.builds(
    lambda path, allowed, required: acl.Rule(path, frozenset(allowed), required=frozenset(required)),
    patterns,
    capabilities,
    st.sets(st.sampled_from(("x", "y")), max_size=1),
)
policies = st.lists(rules, max_size=5).map(lambda found: tuple(acl.combined([found]).values()))
names = st.sampled_from(("one", "two", "three"))
callers = st.builds(
    lambda of: Caller(*of),
    st.sampled_from(
        (
            *(
                (Kind.SERVICE_ACCOUNT.value, name, "c")
                for name in ("n/app", "n/*", "n/ap?", "m/app", "*/app")
            ),
            *((Kind.PRINCIPAL.value, f"arn:aws:iam::111111111111:role/{name}") for name in ("x", "x*", "y")),
        )
    ),
)
logins = st.builds(
    lambda callers, policies, ttl, method: (callers, policies, ttl, method),
    st.frozensets(callers, min_size=1, max_size=3),
    st.sets(names, min_size=1).map(lambda found: tuple(sorted(found))),
    st.sampled_from((900, 3600)),
    st.sampled_from(("irsa", "pod-identity")),
)


def table(
    source: Source, found: dict[str, tuple[Any, ...]], known: dict[str, tuple[acl.Rule, ...] | None]
) -> Table:
    return Table(
        source,
        {
            name: Login(name, who, which, name, ttl, ttl, {"method": how})
            for name, (who, which, ttl, how) in found.items()
        },
        known,
        {"vault.mountPath": "aws"} if len(found) % 2 else {},
    )


def tables(source: Source) -> st.SearchStrategy[Table]:
    return st.builds(
        lambda found, known: table(source, found, known),
        st.dictionaries(st.sampled_from("pqrs"), logins, max_size=3),
        st.fixed_dictionaries({name: policies | st.none() for name in ("one", "two", "three")}),
    )


@given(tables(HERE))
@settings(max_examples=100, deadline=None)
def test_a_side_does_not_differ_from_itself(side: Table) -> None:
    found = compare(side, side)
    assert found.is_empty
    assert not found.gains_or_losses
    assert not found.become_root


@given(tables(HERE), tables(THERE))
@settings(max_examples=100, deadline=None)
def test_what_one_direction_gains_the_other_loses(one: Table, other: Table) -> None:
    assert in_order(mirrored(compare(one, other))) == in_order(compare(other, one))


def in_order(found: Comparison) -> Comparison:
    return replace(found, logins=tuple(sorted(found.logins, key=lambda each: (each.before, each.after))))


def mirrored(found: Comparison) -> Comparison:
    return replace(
        found,
        old=found.new,
        new=found.old,
        can=tuple(map(of_group, found.cannot)),
        cannot=tuple(map(of_group, found.can)),
        differ=tuple(map(of_group, found.differ)),
        logins=tuple(
            replace(
                each,
                before=each.after,
                after=each.before,
                fields=tuple(replace(f, before=f.after, after=f.before) for f in each.fields),
            )
            for each in found.logins
        ),
        settings=tuple(replace(f, before=f.after, after=f.before) for f in found.settings),
    )


def of_group(group: Group) -> Group:
    reach = group.reach
    return Group(
        group.who,
        replace(
            reach,
            paths=tuple(
                replace(each, gained=each.lost, lost=each.gained, before=each.after, after=each.before)
                for each in reach.paths
            ),
            unknown_gained=reach.unknown_lost,
            unknown_lost=reach.unknown_gained,
            root_gained=reach.root_lost,
            root_lost=reach.root_gained,
            becomes_root=reach.no_longer_root,
            no_longer_root=reach.becomes_root,
        ),
    )


def one_login(source: Source, rules: tuple[acl.Rule, ...]) -> Table:
    caller = Caller(Kind.PRINCIPAL.value, "arn:aws:iam::111111111111:role/x")
    return Table(source, {"p": Login("p", frozenset({caller}), ("one",), "p")}, {"one": rules})


def told(found: Comparison, path: str) -> Iterator[PathChange]:
    """What the report says of a path."""
    for each in (each for group in found.differ for each in group.reach.paths):
        text = each.path.removesuffix(" (one segment)")
        pattern = "".join({"+": "[^/]+", "*": ".*" if text == each.path else "[^/]*"}.get(c, c) for c in text)
        if re.fullmatch(pattern, path):
            yield each


def written(**paths: str) -> tuple[acl.Rule, ...]:
    return tuple(acl.Rule(path, frozenset({allowed})) for path, allowed in paths.items())


@given(policies, policies)
@example(written(**{"a*": "read"}), written(**{"+/*": "read"}))  # they differ where there is one segment
@example(written(**{"+/b": "read"}), written(**{"+/b": "read", "a/*": "deny"}))  # where they meet
@settings(max_examples=200, deadline=None)
def test_every_path_where_a_token_may_do_something_else_is_told(
    old: tuple[acl.Rule, ...], new: tuple[acl.Rule, ...]
) -> None:
    before, after = acl.Acl(acl.combined([old])), acl.Acl(acl.combined([new]))
    found = compare(one_login(HERE, old), one_login(THERE, new))
    for path in PATHS:
        had, has = set(before.at(path)), set(after.at(path))
        if had != has:
            assert any(
                {*each.gained} >= has - had and {*each.lost} >= had - has for each in told(found, path)
            )
    if not found.differ:
        assert all(before.at(path).keys() == after.at(path).keys() for path in PATHS)
