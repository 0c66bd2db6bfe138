"""Shared by IAM's objects: tags; and by roles and users: permissions boundaries."""

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.plugins.aws.client import Aws, found
from sandbox.plugins.aws.entry import Taggers, changed
from sandbox.plugins.aws.fields import pairs, rename
from sandbox.plugins.resource import Inputs, State


def make(aws: Aws, kind: str, inputs: Inputs, names: Mapping[str, str]) -> Any:
    """Creates an object, with its tags."""
    call = getattr(aws.client("iam"), f"create_{kind}")
    return call(**rename(inputs, names), Tags=pairs(aws.tags(inputs)))


def tagged(kind: str, owner: Callable[[str, State], dict[str, str]]) -> Callable[[Aws, str, State], Taggers]:
    """Tags an object of that kind; `owner` is the parameter that identifies it."""

    def taggers(aws: Aws, id_: str, state: State) -> Taggers:
        iam, which = aws.client("iam"), owner(id_, state)
        return (
            lambda tags: getattr(iam, f"tag_{kind}")(**which, Tags=pairs(tags)),
            lambda keys: getattr(iam, f"untag_{kind}")(**which, TagKeys=keys),
        )

    return taggers


def listed(aws: Aws, operation: str, key: str, **params: Any) -> list[Any]:
    """All items of a paginated list; none of an object that is not there."""
    pages = found(lambda: list(aws.client("iam").get_paginator(operation).paginate(**params))) or []
    return [item for page in pages for item in page[key]]


def bound(aws: Aws, kind: str, owner: Mapping[str, str], old: State, new: Inputs) -> None:
    """Updates a permissions boundary to the new inputs."""
    if not changed(old, new, "permissionsBoundary"):
        return
    iam = aws.client("iam")
    if "permissionsBoundary" in new:
        put = getattr(iam, f"put_{kind}_permissions_boundary")
        put(**owner, PermissionsBoundary=new["permissionsBoundary"])
    else:
        getattr(iam, f"delete_{kind}_permissions_boundary")(**owner)


def boundary(live: Mapping[str, Any]) -> str | None:
    """The permissions boundary in IAM's description."""
    arn: str | None = live.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    return arn
