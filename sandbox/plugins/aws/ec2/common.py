"""Shared by EC2's objects: lookup by ID, tags."""

from collections.abc import Callable
from typing import Any

from sandbox.plugins.aws.client import Aws, found
from sandbox.plugins.aws.entry import Taggers
from sandbox.plugins.aws.fields import pairs
from sandbox.plugins.resource import State


def first(answer: Any, key: str) -> Any:
    """The only object of a Describe answer, or None."""
    return answer[key][0] if answer and answer[key] else None


def living(operation: str, ids: str, key: str, arn: str = "") -> Callable[[Aws, str, State], Any]:
    """An object's description by ID, with the ARN that EC2 leaves out."""

    def live(aws: Aws, id_: str, _: State) -> Any:
        described = first(found(getattr(aws.client("ec2"), operation), **{ids: [id_]}), key)
        return described and {**described, **({"Arn": aws.arn("ec2", f"{arn}/{id_}")} if arn else {})}

    return live


def specification(kind: str, tags: dict[str, str]) -> dict[str, Any]:
    """The parameter for tags at creation; EC2 refuses an empty one."""
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": pairs(tags)}]} if tags else {}


def tagged(aws: Aws, id_: str, _: State) -> Taggers:
    """Tags an existing object."""
    ec2 = aws.client("ec2")
    return (
        lambda tags: ec2.create_tags(Resources=[id_], Tags=pairs(tags)),
        lambda keys: ec2.delete_tags(Resources=[id_], Tags=[{"Key": key} for key in keys]),
    )
