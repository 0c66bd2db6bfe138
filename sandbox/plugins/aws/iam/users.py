"""Users and their access keys."""

from typing import Any

from sandbox.plugins.aws.client import Aws, found
from sandbox.plugins.aws.entry import changed, resource
from sandbox.plugins.aws.fields import capital
from sandbox.plugins.aws.iam.common import bound, boundary, listed, make, tagged
from sandbox.plugins.resource import Inputs, State

_USER = {**capital("path permissionsBoundary"), "name": "UserName"}


def _owner(id_: str, state: State) -> dict[str, str]:
    # Renaming a user keeps its ID in Pulumi, the first name.
    return {"UserName": state.get("name", id_)}


def _create(aws: Aws, inputs: Inputs) -> str:
    make(aws, "user", inputs, _USER)
    return str(inputs["name"])


def _change(aws: Aws, _: str, old: State, new: Inputs) -> None:
    if changed(old, new, "name", "path"):
        aws.client("iam").update_user(
            UserName=old["name"], NewUserName=new["name"], NewPath=new.get("path", "/")
        )
    bound(aws, "user", {"UserName": new["name"]}, old, new)


def _delete(aws: Aws, id_: str, state: State) -> None:
    iam, owner = aws.client("iam"), _owner(id_, state)
    for group in listed(aws, "list_groups_for_user", "Groups", **owner):
        found(iam.remove_user_from_group, **owner, GroupName=group["GroupName"])
    if state.get("forceDestroy"):
        for key in listed(aws, "list_access_keys", "AccessKeyMetadata", **owner):
            found(iam.delete_access_key, **owner, AccessKeyId=key["AccessKeyId"])
        found(iam.delete_login_profile, **owner)
    iam.delete_user(**owner)


USER = resource(
    "iam/user:User",
    names=_USER,
    outputs={"arn": "Arn", "uniqueId": "UserId"},
    inputs="forceDestroy",
    autoname="name",
    defaults={"forceDestroy": False, "path": "/"},
    create=_create,
    live=lambda aws, id_, state: (found(aws.client("iam").get_user, **_owner(id_, state)) or {}).get("User"),
    also=lambda _, live, __: {"permissionsBoundary": boundary(live)},
    change=_change,
    tags=tagged("user", _owner),
    delete=_delete,
)


def _create_key(aws: Aws, inputs: Inputs) -> tuple[str, State]:
    key = aws.client("iam").create_access_key(UserName=inputs["user"])["AccessKey"]
    return key["AccessKeyId"], {"secret": key["SecretAccessKey"]}


def _switch_key(aws: Aws, id_: str, old: State, new: Inputs) -> None:
    if changed(old, new, "status"):
        aws.client("iam").update_access_key(UserName=new["user"], AccessKeyId=id_, Status=new["status"])


def _live_key(aws: Aws, id_: str, state: State) -> Any:
    iam = aws.client("iam")
    if not (user := state.get("user")):
        user = iam.get_access_key_last_used(AccessKeyId=id_).get("UserName")
    answer = found(iam.list_access_keys, UserName=user) or {"AccessKeyMetadata": []}
    return next((key for key in answer["AccessKeyMetadata"] if key["AccessKeyId"] == id_), None)


ACCESS_KEY = resource(
    "iam/accessKey:AccessKey",
    names={"user": "UserName", "status": "Status"},
    outputs={"createDate": "CreateDate"},
    unsupported="pgpKey",
    required="user",
    defaults={"status": "Active"},
    replace_on="user",
    secret_outputs=frozenset({"secret"}),
    create=_create_key,
    finish=lambda aws, id_, new: _switch_key(aws, id_, {"status": "Active"}, new),
    live=_live_key,
    change=_switch_key,
    delete=lambda aws, id_, state: aws.client("iam").delete_access_key(
        UserName=state["user"], AccessKeyId=id_
    ),
)
