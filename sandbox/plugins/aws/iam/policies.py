"""Managed policies."""

from typing import Any

from sandbox.plugins.aws.client import Aws, found
from sandbox.plugins.aws.entry import changed, resource
from sandbox.plugins.aws.fields import capital
from sandbox.plugins.aws.iam.common import make, tagged
from sandbox.plugins.resource import Inputs, State

_NAMES = {**capital("description path"), "name": "PolicyName", "policy": "PolicyDocument"}
_VERSIONS = 5  # IAM's limit of versions


def _create(aws: Aws, inputs: Inputs) -> str:
    return str(make(aws, "policy", inputs, _NAMES)["Policy"]["Arn"])


def _live(aws: Aws, id_: str, _: State) -> Any:
    iam = aws.client("iam")
    if not (answer := found(iam.get_policy, PolicyArn=id_)):
        return None
    live = answer["Policy"]
    version = found(iam.get_policy_version, PolicyArn=id_, VersionId=live["DefaultVersionId"])
    return version and {**live, "PolicyDocument": version["PolicyVersion"]["Document"]}


def _change(aws: Aws, id_: str, old: State, new: Inputs) -> None:
    if not changed(old, new, "policy"):
        return
    iam = aws.client("iam")
    versions = iam.list_policy_versions(PolicyArn=id_)["Versions"]
    if len(versions) >= _VERSIONS:
        oldest = min((v for v in versions if not v["IsDefaultVersion"]), key=lambda v: v["CreateDate"])
        iam.delete_policy_version(PolicyArn=id_, VersionId=oldest["VersionId"])
    iam.create_policy_version(PolicyArn=id_, PolicyDocument=new["policy"], SetAsDefault=True)


def _delete(aws: Aws, id_: str, _: State) -> None:
    iam = aws.client("iam")
    for version in (found(iam.list_policy_versions, PolicyArn=id_) or {"Versions": []})["Versions"]:
        if not version["IsDefaultVersion"]:
            found(iam.delete_policy_version, PolicyArn=id_, VersionId=version["VersionId"])
    iam.delete_policy(PolicyArn=id_)


POLICY = resource(
    "iam/policy:Policy",
    names=_NAMES,
    outputs=capital("arn policyId attachmentCount"),
    unsupported="delayAfterPolicyCreationInMs namePrefix",
    required="policy",
    autoname="name",
    defaults={"path": "/"},
    json_inputs="policy",
    replace_on="description name path",
    create=_create,
    live=_live,
    also=lambda _, live, __: {"description": live.get("Description") or None},
    change=_change,
    tags=tagged("policy", lambda id_, _: {"PolicyArn": id_}),
    delete=_delete,
)
