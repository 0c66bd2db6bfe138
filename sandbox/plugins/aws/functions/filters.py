"""Lookups of EC2 objects by inputs, `filters` and `tags`, which all become EC2 filters."""

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.plugins.aws.client import Aws
from sandbox.plugins.aws.entry import function
from sandbox.plugins.aws.fields import back, unpaired
from sandbox.plugins.resource import Function, Inputs, NotFound, ProviderError, State


def filters(inputs: Inputs, own: Mapping[str, str]) -> list[dict[str, Any]]:
    """EC2's filters; `own` maps inputs to filters."""
    asked = {
        **{api: [text(inputs[key])] for key, api in own.items() if key in inputs},
        **{f["name"]: f["values"] for f in inputs.get("filters", [])},
        **{f"tag:{key}": [value] for key, value in inputs.get("tags", {}).items()},
    }
    return [{"Name": name, "Values": values} for name, values in asked.items()]


def text(value: Any) -> str:
    """A value as in EC2's filters and plain maps."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def the_one(matches: list[Any], what: str) -> Any:
    """The only match."""
    if len(matches) != 1:
        how = "no" if not matches else f"{len(matches)}, not one,"
        raise (ProviderError if matches else NotFound)(f"{how} matching EC2 {what} found")
    return matches[0]


def one(
    token: str,
    what: str,
    operation: str,
    key: str,
    own: Mapping[str, str],
    outputs: Mapping[str, str],
    arn: str = "",
    also: Callable[[Aws, Mapping[str, Any]], State] = lambda _, __: {},
    unsupported: str = "",
) -> Function:
    """A function that looks up one object."""

    def invoke(aws: Aws, inputs: Inputs) -> State:
        live = the_one(_all(aws, operation, key, filters(inputs, own)), what)
        known = {**back(live, outputs), **also(aws, live), "tags": unpaired(live.get("Tags"))}
        return {**known, "arn": aws.arn("ec2", f"{arn}/{known['id']}")} if arn else known

    names = f"{' '.join(own)} filters region tags"
    return function(token, inputs=names, unsupported=unsupported, invoke=invoke)


def many(token: str, operation: str, key: str, id_: str, own: Mapping[str, str]) -> Function:
    """A function that lists the IDs of matching objects."""

    def invoke(aws: Aws, inputs: Inputs) -> State:
        matches = _all(aws, operation, key, filters(inputs, own))
        return {"id": aws.region, "ids": [live[id_] for live in matches]}

    return function(token, inputs=f"{' '.join(own)} filters region tags", invoke=invoke)


def _all(aws: Aws, operation: str, key: str, asked: list[dict[str, Any]]) -> list[Any]:
    pages = aws.client("ec2").get_paginator(operation).paginate(Filters=asked)
    return [item for page in pages for item in page[key]]
