"""Builds an AWS resource type's entry: all that is the same for every type."""

import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.plugins.aws.client import PROPAGATION, Aws, Transient, absent, explain, retried
from sandbox.plugins.aws.fields import back, document, unpaired
from sandbox.plugins.patience import propagation_seconds
from sandbox.plugins.resource import (
    Function,
    Inputs,
    NotFound,
    ProviderError,
    Resource,
    State,
    Unfinished,
    words,
)

Taggers = tuple[Callable[[dict[str, str]], Any], Callable[[list[str]], Any]]
"""Adds tags to an object, and removes tags by key."""


def resource(
    token: str,
    *,
    names: Mapping[str, str] | None = None,
    outputs: Mapping[str, str] | None = None,
    inputs: str = "",
    create: Callable[[Aws, Inputs], str | tuple[str, State]],
    finish: Callable[[Aws, str, Inputs], Any] | None = None,
    live: Callable[[Aws, str, State], Mapping[str, Any] | None],
    also: Callable[[Aws, Mapping[str, Any], State], State] | None = None,
    change: Callable[[Aws, str, State, Inputs], Any] | None = None,
    tags: Callable[[Aws, str, State], Taggers] | None = None,
    settle: Callable[[Aws, str], Any] | None = None,
    delete: Callable[[Aws, str, State], Any],
    required: str = "",
    replace_on: str = "",
    unsupported: str = "",
    json_inputs: str = "",
    transient: Transient = (),
    computed: frozenset[str] = frozenset(),
    **options: Any,
) -> Resource:
    """An entry.

    `names` maps inputs to the names in AWS's description, `outputs` does so for outputs; `inputs` are the
    other inputs. `create` returns the ID, with outputs that AWS shows only once. `finish` follows it, and
    `settle` waits until AWS has finished a creation or a change. `live` is AWS's description, `also` adds
    outputs that need more than a name. `change` updates an object to its new inputs, except tags.
    `transient` are the refusals after which the official provider tries again, for as long as IAM may need.
    """
    live_names = {**(names or {}), **(outputs or {})}
    documents = words(json_inputs)
    regional = not token.startswith("iam/")
    known = words(inputs) | {*(names or ())} | ({"region"} if regional else set())
    known |= {"tags"} if tags else set()

    def here(aws: Aws, values: Mapping[str, Any]) -> Aws:
        return aws.at(values.get("region")) if regional else aws

    def read(aws: Aws, id_: str, state: State) -> State | None:
        aws = here(aws, state)
        described = live(aws, id_, state)
        if not described:
            return None
        shown = back(described, live_names)
        shown |= {key: document(shown[key]) for key in documents & shown.keys()}
        shown |= also(aws, described, state) if also else {}
        shown |= _tag_state(aws, described, state.get("tags") or {}) if tags else {}
        return {**shown, "region": aws.region} if regional else shown

    def present(aws: Aws, id_: str, state: State) -> State:
        deadline, pause = time.monotonic() + (0 if regional else propagation_seconds(PROPAGATION)), 0.1
        while (shown := read(aws, id_, state)) is None:  # IAM: not everywhere yet
            if time.monotonic() >= deadline:
                raise NotFound(f"{token} {id_} is gone right after AWS accepted it")
            time.sleep(pause)
            pause = min(pause * 1.5, 2)
        return shown

    def new(aws: Aws, values: Inputs) -> tuple[str, State]:
        aws = here(aws, values)
        made = retried(create, transient, aws, values)
        id_, once = made if isinstance(made, tuple) else (made, {})
        try:
            if finish:
                retried(finish, transient, aws, id_, values)
            if settle:
                settle(aws, id_)
            return id_, {**present(aws, id_, values), **once}
        except (ClientError, BotoCoreError, ProviderError) as error:
            seen: State | None = None
            with suppress(ClientError, BotoCoreError):
                seen = read(aws, id_, values)
            raise Unfinished(id_, {**(seen or {}), **once}, explain(error) or str(error)) from error

    def update(aws: Aws, id_: str, state: State, values: Inputs) -> State:
        aws = here(aws, state)
        if change:
            retried(change, transient, aws, id_, state, values)
        if settle:
            settle(aws, id_)
        if tags:
            _retag(aws, state, values, *tags(aws, id_, {**state, **values}))
        kept = {key: value for key, value in state.items() if key not in known}
        return present(aws, id_, {**kept, **values})

    def gone(aws: Aws, id_: str, state: State) -> None:
        try:
            retried(delete, transient, here(aws, state), id_, state)
        except ClientError as error:
            if not absent(error):
                raise

    return Resource(
        token=f"aws:{token}",
        sdk=f"pulumi_aws.{token.partition('/')[0]}.{token.rpartition(':')[2]}",
        inputs=known,
        create=new,
        read=read,
        update=update if change or tags else None,
        delete=gone,
        required=words(required),
        replace_on=words(replace_on) | ({"region"} if regional else set()),
        computed=computed | ({"region"} if regional else set()),
        unsupported=words(unsupported),
        json_inputs=documents,
        **options,
    )


def _tag_state(aws: Aws, live: Mapping[str, Any], declared: Mapping[str, str]) -> State:
    """`tags` (the resource's own) and `tagsAll`, from the object's tags."""
    everything = {
        key: value
        for key, value in (live.get("tags") or unpaired(live.get("Tags"))).items()
        if not key.startswith("aws:") and not aws.ignored_tags(key)
    }
    own = {k: v for k, v in everything.items() if k in declared or aws.default_tags.get(k) != v}
    return {"tags": own or None, "tagsAll": everything}


def _retag(aws: Aws, old: State, new: Inputs, add: Any, remove: Any) -> None:
    """Updates an object's tags from the old state to the new inputs."""
    before, after = old.get("tagsAll") or {}, aws.tags(new)
    if gone := [key for key in before if key not in after]:
        remove(gone)
    if differing := {key: value for key, value in after.items() if before.get(key) != value}:
        add(differing)


def changed(old: State, new: Inputs, *names: str) -> bool:
    """Whether any of these inputs changed."""
    return any(old.get(name) != new.get(name) for name in names)


def given(old: State, new: Inputs, *names: str) -> list[str]:
    """Inputs that are set and differ. One no longer set keeps AWS's value."""
    return [name for name in names if name in new and old.get(name) != new[name]]


def function(
    token: str,
    *,
    inputs: str,
    invoke: Callable[[Aws, Inputs], dict[str, Any]],
    required: str = "",
    unsupported: str = "",
) -> Function:
    """An entry for a function; `invoke` runs in the region that the call names."""
    module, _, name = token.partition("/")
    snake = re.sub("([A-Z])", r"_\1", name.partition(":")[2]).lower()
    names = words(inputs)

    def answer(aws: Aws, values: Inputs) -> dict[str, Any]:
        aws = aws.at(values.get("region"))
        shown = invoke(aws, values)
        return {"region": aws.region, **shown} if "region" in names else shown

    return Function(
        token=f"aws:{token}",
        sdk=f"pulumi_aws.{snake}" if module == "index" else f"pulumi_aws.{module}.{snake}",
        inputs=names,
        invoke=answer,
        required=words(required),
        unsupported=words(unsupported),
    )
