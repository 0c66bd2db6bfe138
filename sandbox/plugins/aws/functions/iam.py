"""Functions of IAM: roles, users, policies, instance profiles, OIDC providers."""

import re

from sandbox.plugins.aws.client import Aws, found
from sandbox.plugins.aws.entry import function
from sandbox.plugins.aws.fields import back, capital, document, moment, unpaired
from sandbox.plugins.aws.iam.common import boundary
from sandbox.plugins.resource import Inputs, NotFound, ProviderError, State


def _oidc(aws: Aws, inputs: Inputs) -> State:
    iam = aws.client("iam")
    if "arn" not in inputs and "url" not in inputs:
        raise ProviderError("one of arn and url is needed")
    arn = inputs.get("arn")
    if arn is None:  # only then the official provider lists them
        wanted = inputs["url"].removeprefix("https://")
        listed = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
        arns = (str(entry["Arn"]) for entry in listed)
        arn = next((it for it in arns if it.partition(":oidc-provider/")[2] == wanted), None)
    live = found(iam.get_open_id_connect_provider, OpenIDConnectProviderArn=arn) if arn else None
    if live is None:
        # The official provider's message: programs recognise by it that there is none.
        by = "arn" if "arn" in inputs else "url"
        raise NotFound(f"finding IAM OIDC Provider by {by} ({inputs[by]}): not found")
    names = {"clientIdLists": "ClientIDList", "thumbprintLists": "ThumbprintList"}
    return {
        **back(live, names),
        "id": arn,
        "arn": arn,
        "url": live["Url"].removeprefix("https://"),
        "tags": unpaired(live.get("Tags")),
    }


def _role(aws: Aws, inputs: Inputs) -> State:
    if not (answer := found(aws.client("iam").get_role, RoleName=inputs["name"])):
        raise NotFound(f"there is no IAM role {inputs['name']!r}")
    live = answer["Role"]
    names = capital("arn createDate maxSessionDuration path")
    used = live.get("RoleLastUsed", {})
    return {
        **back(live, {**names, "name": "RoleName", "uniqueId": "RoleId"}),
        "id": live["RoleName"],
        "assumeRolePolicy": document(live["AssumeRolePolicyDocument"]),
        "description": live.get("Description", ""),
        "permissionsBoundary": boundary(live) or "",
        "roleLastUseds": [{"lastUsedDate": moment(used["LastUsedDate"]), "region": used.get("Region", "")}]
        if used.get("LastUsedDate")
        else [],
        "tags": unpaired(live.get("Tags")),
    }


def _roles(aws: Aws, inputs: Inputs) -> State:
    pages = aws.client("iam").get_paginator("list_roles").paginate(PathPrefix=inputs.get("pathPrefix", "/"))
    wanted = re.compile(inputs.get("nameRegex", ""))
    found = [role for page in pages for role in page["Roles"] if wanted.search(role["RoleName"])]
    return {
        "id": aws.region,
        "arns": [role["Arn"] for role in found],
        "names": [role["RoleName"] for role in found],
    }


def _user(aws: Aws, inputs: Inputs) -> State:
    if not (answer := found(aws.client("iam").get_user, UserName=inputs["userName"])):
        raise NotFound(f"there is no IAM user {inputs['userName']!r}")
    live = answer["User"]
    return {
        **back(live, {**capital("arn path userId"), "userName": "UserName", "id": "UserId"}),
        "permissionsBoundary": boundary(live) or "",
        "tags": unpaired(live.get("Tags")),
    }


def _policy(aws: Aws, inputs: Inputs) -> State:
    iam = aws.client("iam")
    if not (answer := found(iam.get_policy, PolicyArn=inputs["arn"])):
        raise NotFound(f"reading IAM Policy ({inputs['arn']}): couldn't find resource")
    live = answer["Policy"]
    version = iam.get_policy_version(PolicyArn=inputs["arn"], VersionId=live["DefaultVersionId"])
    return {
        **back(live, {**capital("arn path policyId attachmentCount"), "name": "PolicyName"}),
        "id": live["Arn"],
        "description": live.get("Description", ""),
        "policy": document(version["PolicyVersion"]["Document"]),
        "tags": unpaired(live.get("Tags")),
    }


def _instance_profile(aws: Aws, inputs: Inputs) -> State:
    name = inputs["name"]
    if not (answer := found(aws.client("iam").get_instance_profile, InstanceProfileName=name)):
        raise NotFound(f"reading IAM Instance Profile ({name}): couldn't find resource")
    live = answer["InstanceProfile"]
    role = live["Roles"][0] if live["Roles"] else {}
    return {
        **back(live, capital("arn path createDate")),
        "id": live["InstanceProfileId"],
        "name": name,
        "roleArn": role.get("Arn", ""),
        "roleId": role.get("RoleId", ""),
        "roleName": role.get("RoleName", ""),
    }


IAM = (
    function(
        "iam/getOpenIdConnectProvider:getOpenIdConnectProvider",
        inputs="arn url",
        unsupported="tags",
        invoke=_oidc,
    ),
    function("iam/getRole:getRole", inputs="name", unsupported="tags", required="name", invoke=_role),
    function("iam/getRoles:getRoles", inputs="nameRegex pathPrefix", invoke=_roles),
    function("iam/getPolicy:getPolicy", inputs="arn", unsupported="name pathPrefix tags", invoke=_policy),
    function(
        "iam/getInstanceProfile:getInstanceProfile", inputs="name", required="name", invoke=_instance_profile
    ),
    function("iam/getUser:getUser", inputs="userName", unsupported="tags", required="userName", invoke=_user),
)
