"""IAM: roles, users, policies and what ties them together, access keys, OIDC providers, instance profiles."""

from typing import Any

from sandbox.plugins.aws.client import (
    Aws,
    back,
    changed,
    document,
    found,
    moment,
    pairs,
    rename,
    resource,
    retag,
    unpaired,
)
from sandbox.plugins.resource import Inputs, State, table

_JSON = frozenset({"policy"})


def _retag(aws: Aws, kind: str, owner: dict[str, str], old: State, new: Inputs) -> None:
    iam = aws.client("iam")
    retag(
        aws,
        old,
        new,
        lambda tags: getattr(iam, f"tag_{kind}")(**owner, Tags=pairs(tags)),
        lambda keys: getattr(iam, f"untag_{kind}")(**owner, TagKeys=keys),
    )


def _boundary(aws: Aws, kind: str, owner: dict[str, str], old: State, new: Inputs) -> None:
    if not changed(old, new, "permissionsBoundary"):
        return
    iam = aws.client("iam")
    if "permissionsBoundary" in new:
        put = getattr(iam, f"put_{kind}_permissions_boundary")
        put(**owner, PermissionsBoundary=new["permissionsBoundary"])
    else:
        getattr(iam, f"delete_{kind}_permissions_boundary")(**owner)


def _boundary_of(live: dict[str, Any]) -> str | None:
    arn: str | None = live.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    return arn


# Roles

_ROLE = {
    "assumeRolePolicy": "AssumeRolePolicyDocument",
    "description": "Description",
    "maxSessionDuration": "MaxSessionDuration",
    "name": "RoleName",
    "path": "Path",
}


def _create_role(aws: Aws, inputs: Inputs) -> str:
    names = {**_ROLE, "permissionsBoundary": "PermissionsBoundary"}
    aws.client("iam").create_role(**rename(inputs, names), Tags=pairs(aws.tags(inputs)))
    return str(inputs["name"])


def _read_role(aws: Aws, id_: str, _: State) -> State | None:
    if not (answer := found(aws.client("iam").get_role, RoleName=id_)):
        return None
    live = answer["Role"]
    return {
        **back(live, {**_ROLE, "arn": "Arn", "createDate": "CreateDate", "uniqueId": "RoleId"}),
        "assumeRolePolicy": document(live["AssumeRolePolicyDocument"]),
        "description": live.get("Description") or None,
        "permissionsBoundary": _boundary_of(live),
        "tagsAll": unpaired(live.get("Tags")),
    }


def _update_role(aws: Aws, id_: str, old: State, new: Inputs) -> None:
    iam, owner = aws.client("iam"), {"RoleName": id_}
    if changed(old, new, "assumeRolePolicy"):
        iam.update_assume_role_policy(**owner, PolicyDocument=new["assumeRolePolicy"])
    if changed(old, new, "description", "maxSessionDuration"):
        iam.update_role(
            **owner,
            Description=new.get("description", ""),
            MaxSessionDuration=new.get("maxSessionDuration", 3600),
        )
    _boundary(aws, "role", owner, old, new)
    _retag(aws, "role", owner, old, new)


def _delete_role(aws: Aws, id_: str, state: State) -> None:
    iam, owner = aws.client("iam"), {"RoleName": id_}
    for profile in _all(iam, "list_instance_profiles_for_role", "InstanceProfiles", **owner):
        iam.remove_role_from_instance_profile(**owner, InstanceProfileName=profile["InstanceProfileName"])
    if state.get("forceDetachPolicies"):
        for policy in _all(iam, "list_attached_role_policies", "AttachedPolicies", **owner):
            iam.detach_role_policy(**owner, PolicyArn=policy["PolicyArn"])
        for name in _all(iam, "list_role_policies", "PolicyNames", **owner):
            iam.delete_role_policy(**owner, PolicyName=name)
    iam.delete_role(**owner)


def _all(client: Any, operation: str, key: str, **params: Any) -> list[Any]:
    return [item for page in client.get_paginator(operation).paginate(**params) for item in page[key]]


ROLE = resource(
    "iam/role:Role",
    inputs="assumeRolePolicy description forceDetachPolicies maxSessionDuration name path"
    " permissionsBoundary tags",
    unsupported="inlinePolicies managedPolicyArns namePrefix",
    required="assumeRolePolicy",
    autoname="name",
    defaults={"forceDetachPolicies": False, "maxSessionDuration": 3600, "path": "/"},
    json_inputs=frozenset({"assumeRolePolicy"}),
    replace_on="name path",
    create=_create_role,
    read=_read_role,
    update=_update_role,
    delete=_delete_role,
)

# Users

_USER = {"name": "UserName", "path": "Path"}


def _create_user(aws: Aws, inputs: Inputs) -> str:
    names = {**_USER, "permissionsBoundary": "PermissionsBoundary"}
    aws.client("iam").create_user(**rename(inputs, names), Tags=pairs(aws.tags(inputs)))
    return str(inputs["name"])


def _read_user(aws: Aws, id_: str, state: State) -> State | None:
    # A user can be renamed; its ID in Pulumi stays the name it was created with.
    if not (answer := found(aws.client("iam").get_user, UserName=state.get("name", id_))):
        return None
    live = answer["User"]
    return {
        **back(live, {**_USER, "arn": "Arn", "uniqueId": "UserId"}),
        "permissionsBoundary": _boundary_of(live),
        "tagsAll": unpaired(live.get("Tags")),
    }


def _update_user(aws: Aws, _: str, old: State, new: Inputs) -> None:
    if changed(old, new, "name", "path"):
        aws.client("iam").update_user(
            UserName=old["name"], NewUserName=new["name"], NewPath=new.get("path", "/")
        )
    owner = {"UserName": new["name"]}
    _boundary(aws, "user", owner, old, new)
    _retag(aws, "user", owner, old, new)


def _delete_user(aws: Aws, id_: str, state: State) -> None:
    iam, owner = aws.client("iam"), {"UserName": state.get("name", id_)}
    for group in _all(iam, "list_groups_for_user", "Groups", **owner):
        iam.remove_user_from_group(**owner, GroupName=group["GroupName"])
    if state.get("forceDestroy"):
        for key in _all(iam, "list_access_keys", "AccessKeyMetadata", **owner):
            iam.delete_access_key(**owner, AccessKeyId=key["AccessKeyId"])
        if found(iam.get_login_profile, **owner):
            iam.delete_login_profile(**owner)
    iam.delete_user(**owner)


USER = resource(
    "iam/user:User",
    inputs="forceDestroy name path permissionsBoundary tags",
    autoname="name",
    defaults={"forceDestroy": False, "path": "/"},
    create=_create_user,
    read=_read_user,
    update=_update_user,
    delete=_delete_user,
)

# Access keys

_KEY = {"user": "UserName", "status": "Status", "createDate": "CreateDate"}


def _create_key(aws: Aws, inputs: Inputs) -> tuple[str, State]:
    key = aws.client("iam").create_access_key(UserName=inputs["user"])["AccessKey"]
    if inputs["status"] != key["Status"]:
        _update_key(aws, key["AccessKeyId"], {}, inputs)
    return key["AccessKeyId"], {"secret": key["SecretAccessKey"]}


def _read_key(aws: Aws, id_: str, state: State) -> State | None:
    iam = aws.client("iam")
    if not (user := state.get("user")):
        user = iam.get_access_key_last_used(AccessKeyId=id_).get("UserName")
    answer = found(iam.list_access_keys, UserName=user) or {"AccessKeyMetadata": []}
    return next((back(key, _KEY) for key in answer["AccessKeyMetadata"] if key["AccessKeyId"] == id_), None)


def _update_key(aws: Aws, id_: str, _: State, new: Inputs) -> None:
    aws.client("iam").update_access_key(UserName=new["user"], AccessKeyId=id_, Status=new["status"])


ACCESS_KEY = resource(
    "iam/accessKey:AccessKey",
    inputs="status user",
    unsupported="pgpKey",
    required="user",
    defaults={"status": "Active"},
    replace_on="user",
    secret_outputs=frozenset({"secret"}),
    create=_create_key,
    read=_read_key,
    update=_update_key,
    delete=lambda aws, id_, state: aws.client("iam").delete_access_key(
        UserName=state["user"], AccessKeyId=id_
    ),
)

# Managed policies

_POLICY = {"description": "Description", "name": "PolicyName", "path": "Path"}
_VERSIONS = 5  # IAM keeps no more of one policy


def _create_policy(aws: Aws, inputs: Inputs) -> str:
    names = {**_POLICY, "policy": "PolicyDocument"}
    made = aws.client("iam").create_policy(**rename(inputs, names), Tags=pairs(aws.tags(inputs)))
    return str(made["Policy"]["Arn"])


def _read_policy(aws: Aws, id_: str, _: State) -> State | None:
    iam = aws.client("iam")
    if not (answer := found(iam.get_policy, PolicyArn=id_)):
        return None
    live = answer["Policy"]
    version = iam.get_policy_version(PolicyArn=id_, VersionId=live["DefaultVersionId"])
    outputs = {"arn": "Arn", "policyId": "PolicyId", "attachmentCount": "AttachmentCount"}
    return {
        **back(live, {**_POLICY, **outputs}),
        "description": live.get("Description") or None,
        "policy": document(version["PolicyVersion"]["Document"]),
        "tagsAll": unpaired(live.get("Tags")),
    }


def _update_policy(aws: Aws, id_: str, old: State, new: Inputs) -> None:
    iam = aws.client("iam")
    if changed(old, new, "policy"):
        versions = iam.list_policy_versions(PolicyArn=id_)["Versions"]
        if len(versions) >= _VERSIONS:
            oldest = min((v for v in versions if not v["IsDefaultVersion"]), key=lambda v: v["CreateDate"])
            iam.delete_policy_version(PolicyArn=id_, VersionId=oldest["VersionId"])
        iam.create_policy_version(PolicyArn=id_, PolicyDocument=new["policy"], SetAsDefault=True)
    _retag(aws, "policy", {"PolicyArn": id_}, old, new)


def _delete_policy(aws: Aws, id_: str, _: State) -> None:
    iam = aws.client("iam")
    for version in iam.list_policy_versions(PolicyArn=id_)["Versions"]:
        if not version["IsDefaultVersion"]:
            iam.delete_policy_version(PolicyArn=id_, VersionId=version["VersionId"])
    iam.delete_policy(PolicyArn=id_)


POLICY = resource(
    "iam/policy:Policy",
    inputs="description name path policy tags",
    unsupported="delayAfterPolicyCreationInMs namePrefix",
    required="policy",
    autoname="name",
    defaults={"path": "/"},
    json_inputs=_JSON,
    replace_on="description name path",
    create=_create_policy,
    read=_read_policy,
    update=_update_policy,
    delete=_delete_policy,
)

# What belongs to a role or to a user: inline policies and attachments. The two differ only in that word.


def _inline(owner: str) -> Any:
    """The inline policy of a role or user; its ID is `<owner>:<policy name>`."""
    owner_key = f"{owner.capitalize()}Name"

    def put(aws: Aws, inputs: Inputs) -> str:
        getattr(aws.client("iam"), f"put_{owner}_policy")(
            **{owner_key: inputs[owner]}, PolicyName=inputs["name"], PolicyDocument=inputs["policy"]
        )
        return f"{inputs[owner]}:{inputs['name']}"

    def read(aws: Aws, id_: str, _: State) -> State | None:
        of, _sep, name = id_.partition(":")
        get = getattr(aws.client("iam"), f"get_{owner}_policy")
        if not (live := found(get, **{owner_key: of}, PolicyName=name)):
            return None
        return {owner: of, "name": name, "policy": document(live["PolicyDocument"])}

    def delete(aws: Aws, id_: str, _: State) -> None:
        of, _sep, name = id_.partition(":")
        getattr(aws.client("iam"), f"delete_{owner}_policy")(**{owner_key: of}, PolicyName=name)

    return resource(
        f"iam/{owner}Policy:{owner.capitalize()}Policy",
        inputs=f"name policy {owner}",
        unsupported="namePrefix",
        required=f"policy {owner}",
        autoname="name",
        json_inputs=_JSON,
        replace_on=f"name {owner}",
        create=put,
        read=read,
        update=lambda aws, _id, _old, new: put(aws, new),
        delete=delete,
    )


def _attachment(owner: str) -> Any:
    """A managed policy's attachment to a role or user; its ID is `<owner>/<policy ARN>`."""
    owner_key = f"{owner.capitalize()}Name"

    def attach(aws: Aws, inputs: Inputs) -> str:
        getattr(aws.client("iam"), f"attach_{owner}_policy")(
            **{owner_key: inputs[owner]}, PolicyArn=inputs["policyArn"]
        )
        return f"{inputs[owner]}/{inputs['policyArn']}"

    def read(aws: Aws, id_: str, _: State) -> State | None:
        of, _sep, arn = id_.partition("/")
        iam = aws.client("iam")
        if not found(getattr(iam, f"get_{owner}"), **{owner_key: of}):
            return None
        live = _all(iam, f"list_attached_{owner}_policies", "AttachedPolicies", **{owner_key: of})
        return {owner: of, "policyArn": arn} if any(p["PolicyArn"] == arn for p in live) else None

    def detach(aws: Aws, id_: str, _: State) -> None:
        of, _sep, arn = id_.partition("/")
        getattr(aws.client("iam"), f"detach_{owner}_policy")(**{owner_key: of}, PolicyArn=arn)

    return resource(
        f"iam/{owner}PolicyAttachment:{owner.capitalize()}PolicyAttachment",
        inputs=f"policyArn {owner}",
        required=f"policyArn {owner}",
        replace_on=f"policyArn {owner}",
        create=attach,
        read=read,
        delete=detach,
    )


# OIDC providers


def _create_oidc(aws: Aws, inputs: Inputs) -> str:
    names = {"url": "Url", "clientIdLists": "ClientIDList", "thumbprintLists": "ThumbprintList"}
    made = aws.client("iam").create_open_id_connect_provider(
        **rename(inputs, names), Tags=pairs(aws.tags(inputs))
    )
    return str(made["OpenIDConnectProviderArn"])


def _read_oidc(aws: Aws, id_: str, state: State) -> State | None:
    if not (live := found(aws.client("iam").get_open_id_connect_provider, OpenIDConnectProviderArn=id_)):
        return None
    # IAM tells the URL without its scheme, and the official provider's output is what IAM tells. Told
    # again at a refresh it would be drift from the input, which has the scheme.
    url = live["Url"].removeprefix("https://")
    return {
        **({} if state.get("url") == url else {"url": url}),
        "arn": id_,
        "clientIdLists": live.get("ClientIDList", []),
        "thumbprintLists": live.get("ThumbprintList", []),
        "tagsAll": unpaired(live.get("Tags")),
    }


def _update_oidc(aws: Aws, id_: str, old: State, new: Inputs) -> None:
    iam, owner = aws.client("iam"), {"OpenIDConnectProviderArn": id_}
    before, after = set(old["clientIdLists"]), set(new["clientIdLists"])
    for client_id in sorted(after - before):
        iam.add_client_id_to_open_id_connect_provider(**owner, ClientID=client_id)
    for client_id in sorted(before - after):
        iam.remove_client_id_from_open_id_connect_provider(**owner, ClientID=client_id)
    if "thumbprintLists" in new and changed(old, new, "thumbprintLists"):
        iam.update_open_id_connect_provider_thumbprint(**owner, ThumbprintList=new["thumbprintLists"])
    _retag(aws, "open_id_connect_provider", owner, old, new)


OIDC_PROVIDER = resource(
    "iam/openIdConnectProvider:OpenIdConnectProvider",
    inputs="clientIdLists tags thumbprintLists url",
    required="clientIdLists url",
    unordered=frozenset({"clientIdLists"}),
    replace_on="url",
    create=_create_oidc,
    read=_read_oidc,
    update=_update_oidc,
    delete=lambda aws, id_, _: aws.client("iam").delete_open_id_connect_provider(
        OpenIDConnectProviderArn=id_
    ),
)

# Instance profiles


def _create_profile(aws: Aws, inputs: Inputs) -> str:
    names = {"name": "InstanceProfileName", "path": "Path"}
    aws.client("iam").create_instance_profile(**rename(inputs, names), Tags=pairs(aws.tags(inputs)))
    _set_role(aws, inputs["name"], None, inputs.get("role"))
    return str(inputs["name"])


def _set_role(aws: Aws, profile: str, old: str | None, new: str | None) -> None:
    iam = aws.client("iam")
    if old and old != new:
        iam.remove_role_from_instance_profile(InstanceProfileName=profile, RoleName=old)
    if new and old != new:
        iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=new)


def _read_profile(aws: Aws, id_: str, _: State) -> State | None:
    if not (answer := found(aws.client("iam").get_instance_profile, InstanceProfileName=id_)):
        return None
    live = answer["InstanceProfile"]
    return {
        "arn": live["Arn"],
        "createDate": moment(live["CreateDate"]),
        "name": live["InstanceProfileName"],
        "path": live["Path"],
        "role": live["Roles"][0]["RoleName"] if live["Roles"] else None,
        "uniqueId": live["InstanceProfileId"],
        "tagsAll": unpaired(live.get("Tags")),
    }


def _update_profile(aws: Aws, id_: str, old: State, new: Inputs) -> None:
    _set_role(aws, id_, old.get("role"), new.get("role"))
    _retag(aws, "instance_profile", {"InstanceProfileName": id_}, old, new)


def _delete_profile(aws: Aws, id_: str, _: State) -> None:
    if live := _read_profile(aws, id_, {}):
        _set_role(aws, id_, live["role"], None)
        aws.client("iam").delete_instance_profile(InstanceProfileName=id_)


INSTANCE_PROFILE = resource(
    "iam/instanceProfile:InstanceProfile",
    inputs="name path role tags",
    unsupported="namePrefix",
    autoname="name",
    defaults={"path": "/"},
    replace_on="name path",
    create=_create_profile,
    read=_read_profile,
    update=_update_profile,
    delete=_delete_profile,
)

RESOURCES = table(
    ROLE,
    USER,
    ACCESS_KEY,
    POLICY,
    _inline("role"),
    _inline("user"),
    _attachment("role"),
    _attachment("user"),
    OIDC_PROVIDER,
    INSTANCE_PROFILE,
)
