"""Before the first change: is anything that the stack is about to make there already, as another owner's?
And is all there that it needs and does not make?

Pulumi knows what its stack owns, and nothing of what else there is. A provider then stops in the middle at
the first name that is taken, or writes over it. So everything is looked up at once, at each preview and
update; what the state owns is not, so that a stack that is up costs a look into its state.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

import pulumi

from stack.file import StackFile
from stack.preflight import (
    in_aws,
    in_cluster,
    in_lists,
    in_vault,
    leaving,
    needed,
    noted,
    objects,
    place,
    places,
    report,
    state,
)
from stack.preflight.found import Findings
from stack.preflight.objects import Made, Thing
from stack.preflight.state import State, StateError
from stack.providers import Providers


class PreflightError(Exception):
    """What would stop an update in its middle; a line for each thing."""


class HandedOver(NamedTuple):
    """What the stack owns, with the URN of each."""

    kept: Mapping[Thing, str]
    """What its stack file says is another's now."""

    back: Mapping[Thing, str]
    """What was another's, and is the stack's again."""

    moved: Mapping[tuple[str, str], str] = MappingProxyType({})
    """By type and name: what is in a cluster and had another name, or was in another component."""


async def check(stack: StackFile, providers: Providers) -> HandedOver:
    """Raises PreflightError with every name that is taken, and all that the stack needs and is not there.
    Warns of what could not be looked up. Only reads.

    Returns what the stack owns and has handed over.
    """
    elsewhere = frozenset(providers.of_accounts) - {stack.account_id or ""}
    foreign = {made.thing: made for made in leaving.of(stack)}
    known = await state.from_engine(elsewhere)
    exported: State | None = None
    if known is None and (foreign or any(not it.alone for it in stack.clusters.values())):
        with contextlib.suppress(StateError):
            known = exported = await state.from_export(elsewhere)
    if known and (lines := list(place.moved(stack, known))):
        raise PreflightError(report.moved(lines))
    moved = places.moved(known, stack) if known else {}
    known = known and places.placed(known, stack)
    owned = known.owned if known else {}
    made = {each.thing: each for each in objects.of(stack)}
    handed_over = {thing: owned[thing] for thing in foreign if thing in owned and thing not in made}
    if stuck := {foreign[it]: urn for it, urn in handed_over.items() if not leaving.is_kept(it, urn)}:
        raise PreflightError(report.stuck(stuck))
    wanted = {thing: each for thing, each in made.items() if thing not in owned}
    needs = [each for each in needed.of(stack) if each.by not in owned and each.made.thing not in made]
    asked = {**{each.made.thing: each.made for each in needs}, **wanted}
    try:
        findings = await _look(stack, providers, list(asked.values()))
    except in_vault.UnknownToken:
        raise PreflightError(report.unknown_token(stack.vault["address"])) from None
    for line in report.unseen(findings):
        pulumi.log.warn(line)
    said = []
    if there := {thing: seen for thing, seen in findings.there.items() if thing in wanted}:
        whole = exported or await _whole_state(elsewhere)
        whole = places.placed(whole._replace(outputs=known.outputs if known else {}), stack)
        if begun := [thing for thing in there if thing in whole.begun]:
            pulumi.log.warn(report.begun(begun))
        own = {*whole.owned, *whole.begun}
        if taken := {thing: seen for thing, seen in there.items() if thing not in own}:
            if noted.asked():
                noted.note(taken)
            else:
                said.append(report.taken(wanted, taken))
    if missing := report.missing(needs, findings):
        said.append(missing)
    if said:
        raise PreflightError("\n".join(said))
    back = {thing: urn for thing, urn in owned.items() if thing in made and f"::{leaving.PREFIX}" in urn}
    return HandedOver(handed_over, back, moved)


async def _whole_state(elsewhere: frozenset[str]) -> State:
    try:
        return await state.from_export(elsewhere)
    except StateError as error:
        pulumi.log.warn(f"what the state has could not be read: {error}")
        return State({}, {})


async def _look(stack: StackFile, providers: Providers, wanted: Iterable[Made]) -> Findings:
    """Looks up everything side by side: in Vault, in AWS, in the cluster."""
    wanted = list(wanted)
    of_aws = [made for made in wanted if made.thing.noun in in_aws.NOUNS]
    of_cluster = [made for made in wanted if made.thing.noun in in_cluster.NOUNS]
    listed = [made for made in wanted if made.thing.noun in in_lists.NOUNS and not made.thing.account]
    elsewhere = {*of_aws, *of_cluster, *listed}
    of_vault = [made for made in wanted if made not in elsewhere]
    parts = await asyncio.gather(
        asyncio.to_thread(
            in_vault.look,
            stack.vault["address"],
            stack.vault["namespace"],
            of_vault,
            stack.vault["identity_alias"].value,
        ),
        *_by_region(stack, of_aws, lambda region, of: _in_aws(stack, providers, region, of)),
        *_by_cluster(stack, providers, of_cluster),
        *_by_region(stack, listed, lambda region, of: asyncio.to_thread(in_lists.look, region, of)),
    )
    whole = Findings()
    for part in parts:
        whole.add(part)
    return whole


_Look = Awaitable[Findings]


def _by_region(
    stack: StackFile, wanted: Iterable[Made], look: Callable[[str, list[Made]], _Look]
) -> Iterator[_Look]:
    """Looks in the region of each thing: the stack's, but of what is of a cluster of another one."""
    regions = {it.place: it.region for it in stack.clusters.values()}
    by_region: dict[str, list[Made]] = {}
    for made in wanted:
        by_region.setdefault(regions.get(made.thing.cluster, stack.region), []).append(made)
    return (look(region, of) for region, of in by_region.items())


async def _in_aws(stack: StackFile, providers: Providers, region: str, wanted: list[Made]) -> Findings:
    own = providers.of_regions.get(region, providers.aws_provider)
    return await in_aws.look(stack.account_id, region, {"": own, **providers.of_accounts}, wanted)


def _by_cluster(stack: StackFile, providers: Providers, wanted: Iterable[Made]) -> Iterator[_Look]:
    by_place: dict[str, list[Made]] = {}
    for made in wanted:
        by_place.setdefault(made.thing.cluster, []).append(made)
    for cluster in stack.clusters.values():
        if of := by_place.get(cluster.place):
            yield in_cluster.look(cluster.name, providers.in_region_of(cluster), of)
