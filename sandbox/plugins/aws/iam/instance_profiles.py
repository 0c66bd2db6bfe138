"""Instance profiles."""

from collections.abc import Mapping
from typing import Any

from sandbox.plugins.aws.client import Aws, found
from sandbox.plugins.aws.entry import resource
from sandbox.plugins.aws.fields import capital
from sandbox.plugins.aws.iam.common import make, tagged
from sandbox.plugins.resource import Inputs, State

_NAMES = {"name": "InstanceProfileName", "path": "Path"}


def _create(aws: Aws, inputs: Inputs) -> str:
    make(aws, "instance_profile", inputs, _NAMES)
    return str(inputs["name"])


def _live(aws: Aws, id_: str, _: State) -> Any:
    answer = found(aws.client("iam").get_instance_profile, InstanceProfileName=id_)
    return (answer or {}).get("InstanceProfile")


def _role(live: Mapping[str, Any]) -> str | None:
    return live["Roles"][0]["RoleName"] if live["Roles"] else None


def _set_role(aws: Aws, profile: str, old: str | None, new: str | None) -> None:
    iam = aws.client("iam")
    if old and old != new:
        iam.remove_role_from_instance_profile(InstanceProfileName=profile, RoleName=old)
    if new and old != new:
        iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=new)


def _delete(aws: Aws, id_: str, state: State) -> None:
    iam, profile = aws.client("iam"), {"InstanceProfileName": id_}
    live = _live(aws, id_, state)
    for role in {state.get("role"), _role(live) if live else None} - {None}:
        found(iam.remove_role_from_instance_profile, **profile, RoleName=role)
    iam.delete_instance_profile(**profile)


INSTANCE_PROFILE = resource(
    "iam/instanceProfile:InstanceProfile",
    names=_NAMES,
    outputs={**capital("arn createDate"), "uniqueId": "InstanceProfileId"},
    inputs="role",
    unsupported="namePrefix",
    autoname="name",
    defaults={"path": "/"},
    replace_on="name path",
    create=_create,
    finish=lambda aws, id_, new: _set_role(aws, id_, None, new.get("role")),
    live=_live,
    also=lambda _, live, __: {"role": _role(live)},
    change=lambda aws, id_, old, new: _set_role(aws, id_, old.get("role"), new.get("role")),
    tags=tagged("instance_profile", lambda id_, _: {"InstanceProfileName": id_}),
    delete=_delete,
    transient=(("NoSuchEntity", "The role with name"),),
)
