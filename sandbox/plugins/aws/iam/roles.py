"""Roles."""

from sandbox.plugins.aws.client import Aws, found
from sandbox.plugins.aws.entry import changed, resource
from sandbox.plugins.aws.fields import capital
from sandbox.plugins.aws.iam.common import bound, boundary, listed, make, tagged
from sandbox.plugins.resource import Inputs, State

_NAMES = {
    **capital("description maxSessionDuration path permissionsBoundary"),
    "assumeRolePolicy": "AssumeRolePolicyDocument",
    "name": "RoleName",
}


def _create(aws: Aws, inputs: Inputs) -> str:
    make(aws, "role", inputs, _NAMES)
    return str(inputs["name"])


def _change(aws: Aws, id_: str, old: State, new: Inputs) -> None:
    iam, owner = aws.client("iam"), {"RoleName": id_}
    if changed(old, new, "assumeRolePolicy"):
        iam.update_assume_role_policy(**owner, PolicyDocument=new["assumeRolePolicy"])
    if changed(old, new, "description", "maxSessionDuration"):
        iam.update_role(
            **owner,
            Description=new.get("description", ""),
            MaxSessionDuration=new.get("maxSessionDuration", 3600),
        )
    bound(aws, "role", owner, old, new)


def _delete(aws: Aws, id_: str, state: State) -> None:
    iam, owner = aws.client("iam"), {"RoleName": id_}
    for profile in listed(aws, "list_instance_profiles_for_role", "InstanceProfiles", **owner):
        name = profile["InstanceProfileName"]
        found(iam.remove_role_from_instance_profile, **owner, InstanceProfileName=name)
    if state.get("forceDetachPolicies"):
        for policy in listed(aws, "list_attached_role_policies", "AttachedPolicies", **owner):
            found(iam.detach_role_policy, **owner, PolicyArn=policy["PolicyArn"])
        for name in listed(aws, "list_role_policies", "PolicyNames", **owner):
            found(iam.delete_role_policy, **owner, PolicyName=name)
    iam.delete_role(**owner)


ROLE = resource(
    "iam/role:Role",
    names=_NAMES,
    outputs={**capital("arn createDate"), "uniqueId": "RoleId"},
    inputs="forceDetachPolicies",
    unsupported="inlinePolicies managedPolicyArns namePrefix",
    required="assumeRolePolicy",
    autoname="name",
    defaults={"forceDetachPolicies": False, "maxSessionDuration": 3600, "path": "/"},
    json_inputs="assumeRolePolicy",
    transient=(("MalformedPolicyDocument", "Invalid principal in policy"), ("DeleteConflict", "")),
    replace_on="name path",
    create=_create,
    live=lambda aws, id_, _: (found(aws.client("iam").get_role, RoleName=id_) or {}).get("Role"),
    also=lambda _, live, __: {
        "description": live.get("Description") or None,
        "permissionsBoundary": boundary(live),
    },
    change=_change,
    tags=tagged("role", lambda id_, _: {"RoleName": id_}),
    delete=_delete,
)
