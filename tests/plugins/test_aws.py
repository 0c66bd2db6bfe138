"""The local aws plugin, spoken to as the engine does, over the provider protocol, against moto."""

import json
from collections.abc import Iterator
from typing import Any, NoReturn

import boto3
import pytest
from moto import mock_aws
from pulumi.runtime.proto import provider_pb2

from sandbox.plugins import wire
from sandbox.plugins.aws import PLUGIN
from sandbox.plugins.server import Provider
from sandbox.plugins.wire import UNKNOWN, Secret

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)
READ = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:GetRole", "Resource": "*"}]}
)
LIST = READ.replace("iam:GetRole", "iam:ListRoles")


class Refused(Exception):
    """What the engine shows the user when a call fails."""


class _Context:
    def abort(self, _code: Any, message: str) -> NoReturn:
        raise Refused(message)


class Engine:
    """The engine's side of the protocol, one resource at a time."""

    def __init__(self, **config: Any) -> None:
        self.provider = Provider(PLUGIN)
        self._call("Configure", provider_pb2.ConfigureRequest(args=wire.encode(config)))

    def _call(self, method: str, request: Any) -> Any:
        return getattr(self.provider, method)(request, _Context())

    def check(self, token: str, inputs: dict[str, Any], old: dict[str, Any] | None = None) -> dict[str, Any]:
        request = provider_pb2.CheckRequest(
            urn=urn(token), news=wire.encode(inputs), olds=wire.encode(old or {}), randomSeed=b"seed"
        )
        answer = self._call("Check", request)
        if answer.failures:
            raise Refused("; ".join(failure.reason for failure in answer.failures))
        return wire.decode(answer.inputs)

    def up(self, token: str, inputs: dict[str, Any], preview: bool = False) -> "Live":
        checked = self.check(token, inputs)
        request = provider_pb2.CreateRequest(urn=urn(token), properties=wire.encode(checked), preview=preview)
        answer = self._call("Create", request)
        return Live(self, token, answer.id, checked, wire.decode(answer.properties))

    def invoke(self, token: str, **args: Any) -> dict[str, Any]:
        answer = self._call("Invoke", provider_pb2.InvokeRequest(tok=token, args=wire.encode(args)))
        if answer.failures:
            raise Refused("; ".join(failure.reason for failure in answer.failures))
        return wire.decode(getattr(answer, "return"))


class Live:
    """A resource as the engine remembers it."""

    def __init__(self, engine: Engine, token: str, id_: str, inputs: dict[str, Any], state: dict[str, Any]):
        self.engine, self.token, self.id, self.inputs, self.state = engine, token, id_, inputs, state

    def diff(self, inputs: dict[str, Any]) -> tuple[list[str], list[str]]:
        """(what changes, what of it replaces) were these the inputs."""
        checked = self.engine.check(self.token, inputs, self.inputs)
        answer = self.engine._call(
            "Diff",
            provider_pb2.DiffRequest(
                id=self.id,
                urn=urn(self.token),
                old_inputs=wire.encode(self.inputs),
                olds=wire.encode(self.state),
                news=wire.encode(checked),
            ),
        )
        return list(answer.diffs), list(answer.replaces)

    def update(self, inputs: dict[str, Any], preview: bool = False) -> "Live":
        checked = self.engine.check(self.token, inputs, self.inputs)
        answer = self.engine._call(
            "Update",
            provider_pb2.UpdateRequest(
                id=self.id,
                urn=urn(self.token),
                old_inputs=wire.encode(self.inputs),
                olds=wire.encode(self.state),
                news=wire.encode(checked),
                preview=preview,
            ),
        )
        return Live(self.engine, self.token, self.id, checked, wire.decode(answer.properties))

    def refresh(self) -> "Live | None":
        answer = self.engine._call(
            "Read",
            provider_pb2.ReadRequest(
                id=self.id,
                urn=urn(self.token),
                inputs=wire.encode(self.inputs),
                properties=wire.encode(self.state),
            ),
        )
        if not answer.id:
            return None
        inputs, state = wire.decode(answer.inputs), wire.decode(answer.properties)
        return Live(self.engine, self.token, self.id, inputs, state)

    def delete(self) -> None:
        self.engine._call(
            "Delete",
            provider_pb2.DeleteRequest(id=self.id, urn=urn(self.token), properties=wire.encode(self.state)),
        )


def urn(token: str) -> str:
    return f"urn:pulumi:test::test::{token}::thing"


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    for key, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }.items():
        monkeypatch.setenv(key, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield Engine(region="us-east-1")


ROLE, USER, POLICY = "aws:iam/role:Role", "aws:iam/user:User", "aws:iam/policy:Policy"
KEY = "aws:iam/accessKey:AccessKey"
OIDC = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
GROUP, RULE = "aws:ec2/securityGroup:SecurityGroup", "aws:ec2/securityGroupRule:SecurityGroupRule"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
CLUSTER, NODES = "aws:eks/cluster:Cluster", "aws:eks/nodeGroup:NodeGroup"

# Every type that moto knows: inputs, and a change that is made in place (None: every change replaces).
# `{x}` in an input is the ID of the resource of that name, made before it.
LIFE: dict[str, tuple[str, dict[str, Any], dict[str, Any] | None]] = {
    "role": (ROLE, {"assumeRolePolicy": TRUST, "tags": {"a": "1"}}, {"description": "now with words"}),
    "boundary": (POLICY, {"policy": READ}, {"policy": LIST}),
    "rolePolicy": (
        "aws:iam/rolePolicy:RolePolicy",
        {"role": "{role}", "policy": READ},
        {"policy": LIST},
    ),
    "rolePolicyAttachment": (
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        {"role": "{role}", "policyArn": "{boundary}"},
        None,
    ),
    "user": (USER, {"tags": {"a": "1"}}, {"tags": {"b": "2"}}),
    "userPolicy": (
        "aws:iam/userPolicy:UserPolicy",
        {"user": "{user}", "policy": READ},
        {"policy": LIST},
    ),
    "userPolicyAttachment": (
        "aws:iam/userPolicyAttachment:UserPolicyAttachment",
        {"user": "{user}", "policyArn": "{boundary}"},
        None,
    ),
    "key": (KEY, {"user": "{user}"}, {"status": "Inactive"}),
    "oidc": (
        OIDC,
        {"url": "https://oidc.example.com/id/A", "clientIdLists": ["sts.amazonaws.com"]},
        {"thumbprintLists": ["9e99a48a9960b14926bb7f3b02e22da2b0ab7280"]},
    ),
    "profile": (
        "aws:iam/instanceProfile:InstanceProfile",
        {"role": "{role}"},
        {"tags": {"a": "1"}},
    ),
    "vpc": ("aws:ec2/vpc:Vpc", {"cidrBlock": "10.9.0.0/16"}, {"enableDnsHostnames": True}),
    "subnet": (
        "aws:ec2/subnet:Subnet",
        {"vpcId": "{vpc}", "cidrBlock": "10.9.1.0/24", "availabilityZone": "us-east-1a"},
        {"mapPublicIpOnLaunch": True},
    ),
    "group": (GROUP, {"vpcId": "{vpc}", "revokeRulesOnDelete": True}, {"tags": {"a": "1"}}),
    "rule": (
        RULE,
        {
            "securityGroupId": "{group}",
            "type": "ingress",
            "protocol": "tcp",
            "fromPort": 443,
            "toPort": 443,
            "cidrBlocks": ["10.0.0.0/8", "192.168.0.0/16"],
        },
        {"description": "now with words"},
    ),
    "peerRule": (
        RULE,
        {
            "securityGroupId": "{group}",
            "type": "ingress",
            "protocol": "tcp",
            "fromPort": 1025,
            "toPort": 65535,
            "sourceSecurityGroupId": "{group}",
            "description": "has words",
        },
        None,  # moto does not change the words about a group
    ),
    "selfRule": (
        RULE,
        {
            "securityGroupId": "{group}",
            "type": "ingress",
            "protocol": "-1",
            "fromPort": 0,
            "toPort": 0,
            "self": True,
        },
        None,
    ),
    "egressRule": (
        RULE,
        {
            "securityGroupId": "{group}",
            "type": "egress",
            "protocol": "-1",
            "fromPort": 0,
            "toPort": 0,
            "cidrBlocks": ["0.0.0.0/0"],
        },
        None,
    ),
    "template": (
        TEMPLATE,
        {
            "instanceType": "t3.micro",
            "iamInstanceProfile": {"name": "{profile}"},
            "networkInterfaces": [{"associatePublicIpAddress": "true", "securityGroups": ["{group}"]}],
            "blockDeviceMappings": [
                {"deviceName": "/dev/xvda", "ebs": {"encrypted": "true", "volumeSize": 20}}
            ],
            "tagSpecifications": [{"resourceType": "instance", "tags": {"a": "1"}}],
        },
        {"instanceType": "t3.small"},
    ),
    "asg": (
        "aws:autoscaling/group:Group",
        {
            "minSize": 0,
            "maxSize": 1,
            "desiredCapacity": 0,
            "launchTemplate": {"id": "{template}", "version": "1"},
            "vpcZoneIdentifiers": ["{subnet}"],
            "tags": [{"key": "a", "value": "1", "propagateAtLaunch": True}],
        },
        {"maxSize": 2},
    ),
    "cluster": (
        CLUSTER,
        {
            "roleArn": "arn:aws:iam::123456789012:role/eks",
            "vpcConfig": {"subnetIds": ["{subnet}"], "securityGroupIds": ["{group}"]},
        },
        {"tags": {"a": "1"}},
    ),
    "nodes": (
        NODES,
        {
            "clusterName": "{cluster}",
            "nodeRoleArn": "arn:aws:iam::123456789012:role/node",
            "subnetIds": ["{subnet}"],
            "scalingConfig": {"desiredSize": 1, "minSize": 1, "maxSize": 1},
            "labels": {"a": "1"},
        },
        {"scalingConfig": {"desiredSize": 2, "minSize": 1, "maxSize": 2}},
    ),
}


def fill(value: Any, ids: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: fill(item, ids) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, ids) for item in value]
    return ids[value[1:-1]] if isinstance(value, str) and value[:1] == "{" and value[1:-1] in ids else value


def test_every_type_is_created_left_alone_changed_and_deleted(engine: Engine) -> None:
    ids: dict[str, str] = {}
    made: list[Live] = []
    for name, (token, inputs, change) in LIFE.items():
        inputs = fill(inputs, ids)
        live = engine.up(token, inputs)
        ids[name] = live.id
        known = set(sdk_properties(token))
        assert live.state.keys() <= known, name
        again = live.refresh()
        assert again is not None
        assert again.inputs == live.inputs, f"{name}: a refresh right after creation finds drift"
        assert live.diff(inputs) == ([], []), name
        if change:
            changed = {**inputs, **fill(change, ids)}
            assert live.diff(changed) == (sorted(change), []), name
            live = live.update(changed)
            assert live.diff(changed) == ([], []), name
            again = live.refresh()
            assert again is not None
            assert again.inputs == live.inputs, f"{name}: a refresh right after an update finds drift"
            assert again.state == live.state, name
        made.append(live)
    for live in reversed(made):
        live.delete()
        assert live.refresh() is None, live.token
        live.delete()


def sdk_properties(token: str) -> set[str]:
    import importlib

    module, _, name = PLUGIN.resources[token].sdk.rpartition(".")
    cls = getattr(importlib.import_module(module), name)
    return {
        getattr(member.fget, "_pulumi_name", key)
        for key, member in vars(cls).items()
        if isinstance(member, property)
    }


def test_an_input_that_the_sdk_lacks_is_refused_by_name(engine: Engine) -> None:
    with pytest.raises(Refused, match=r"'assumeRolPolicy' is not an input of aws\.iam\.Role"):
        engine.up(ROLE, {"assumeRolePolicy": TRUST, "assumeRolPolicy": TRUST})


def test_an_input_that_only_the_official_plugin_supports_is_refused_as_such(engine: Engine) -> None:
    with pytest.raises(Refused, match=r"'managedPolicyArns' is not supported by the sandbox's local plugin"):
        engine.up(ROLE, {"assumeRolePolicy": TRUST, "managedPolicyArns": []})


def test_a_type_that_is_not_in_the_tables_is_refused(engine: Engine) -> None:
    with pytest.raises(Refused, match=r"aws:s3/bucket:Bucket: .*not supported"):
        engine.up("aws:s3/bucket:Bucket", {})


def test_a_preview_makes_nothing_and_invents_no_outputs(engine: Engine) -> None:
    planned = engine.up(ROLE, {"assumeRolePolicy": UNKNOWN, "name": "planned"}, preview=True)
    assert "arn" not in planned.state
    assert planned.state["assumeRolePolicy"] is UNKNOWN
    assert boto3.client("iam", region_name="us-east-1").list_roles()["Roles"] == []


def test_an_update_s_preview_changes_nothing(engine: Engine) -> None:
    template = engine.up(TEMPLATE, {"instanceType": "t3.micro"})
    planned = template.update({"instanceType": "t3.small"}, preview=True)
    assert planned.state["latestVersion"] is UNKNOWN
    refreshed = template.refresh()
    assert refreshed is not None
    assert refreshed.state["latestVersion"] == 1


def test_a_generated_name_is_kept_and_a_given_one_is_used(engine: Engine) -> None:
    generated = engine.up(ROLE, {"assumeRolePolicy": TRUST})
    assert generated.id == generated.state["name"]
    assert generated.id.startswith("thing-")
    assert generated.diff({"assumeRolePolicy": TRUST}) == ([], [])
    assert engine.up(ROLE, {"assumeRolePolicy": TRUST, "name": "given"}).id == "given"


def test_policy_documents_are_compared_as_documents(engine: Engine) -> None:
    role = engine.up(ROLE, {"assumeRolePolicy": TRUST})
    spaced = json.dumps(json.loads(TRUST), indent=4, sort_keys=True)
    assert role.diff({"assumeRolePolicy": spaced}) == ([], [])
    other = TRUST.replace("eks.amazonaws.com", "ec2.amazonaws.com")
    assert role.diff({"assumeRolePolicy": other}) == (["assumeRolePolicy"], [])


def test_drift_is_seen_and_mended(engine: Engine) -> None:
    inputs = {"assumeRolePolicy": TRUST, "description": "ours", "tags": {"a": "1"}}
    role = engine.up(ROLE, inputs)
    iam = boto3.client("iam", region_name="us-east-1")
    iam.update_role(RoleName=role.id, Description="theirs")
    iam.tag_role(RoleName=role.id, Tags=[{"Key": "b", "Value": "2"}])
    seen = role.refresh()
    assert seen is not None
    assert seen.diff(inputs) == (["description", "tags"], [])
    mended = seen.update(inputs).refresh()
    assert mended is not None
    assert mended.diff(inputs) == ([], [])
    live = iam.get_role(RoleName=role.id)["Role"]
    assert (live["Description"], live["Tags"]) == ("ours", [{"Key": "a", "Value": "1"}])


def test_a_security_group_rule_that_someone_removed_is_gone(engine: Engine) -> None:
    group = engine.up(GROUP, {})
    rule = engine.up(
        RULE,
        {
            "securityGroupId": group.id,
            "type": "ingress",
            "protocol": "tcp",
            "fromPort": 443,
            "toPort": 443,
            "cidrBlocks": ["10.0.0.0/8"],
        },
    )
    assert str(rule.state["securityGroupRuleId"]).startswith("sgr-")
    rule.delete()
    assert rule.refresh() is None


def test_a_new_security_group_has_no_rules_of_its_own(engine: Engine) -> None:
    group = engine.up(GROUP, {})
    ec2 = boto3.client("ec2", region_name="us-east-1")
    live = ec2.describe_security_groups(GroupIds=[group.id])["SecurityGroups"][0]
    assert live["IpPermissions"] == live["IpPermissionsEgress"] == []


def test_the_access_key_s_secret_is_secret_and_survives_a_refresh(engine: Engine) -> None:
    user = engine.up(USER, {"name": "vault-auth"})
    key = engine.up(KEY, {"user": user.id})
    secret = key.state["secret"]
    assert isinstance(secret, Secret)
    seen = key.refresh()
    assert seen is not None
    assert seen.state["secret"] == secret
    assert key.update({"user": user.id, "status": "Inactive"}).state["secret"] == secret


@pytest.mark.parametrize(
    ("token", "inputs", "change"),
    [
        (ROLE, {"assumeRolePolicy": TRUST}, {"name": "other"}),
        (ROLE, {"assumeRolePolicy": TRUST}, {"path": "/other/"}),
        (POLICY, {"policy": READ}, {"description": "other"}),
        (GROUP, {}, {"description": "other"}),
        (OIDC, {"url": "https://a", "clientIdLists": ["a"]}, {"url": "https://b"}),
        (CLUSTER, {"roleArn": "arn:aws:iam::123456789012:role/a", "vpcConfig": {"subnetIds": []}},
         {"roleArn": "arn:aws:iam::123456789012:role/b"}),
    ],
)  # fmt: skip
def test_what_aws_cannot_change_is_replaced(
    engine: Engine, token: str, inputs: dict[str, Any], change: dict[str, Any]
) -> None:
    assert engine.up(token, inputs).diff({**inputs, **change}) == (list(change), list(change))


def test_a_policy_keeps_its_newest_versions_and_goes_with_all_of_them(engine: Engine) -> None:
    policy = engine.up(POLICY, {"policy": READ})
    for action in "abcdef":
        policy = policy.update({"policy": READ.replace("GetRole", action)})
    iam = boto3.client("iam", region_name="us-east-1")
    assert len(iam.list_policy_versions(PolicyArn=policy.id)["Versions"]) == 5
    policy.delete()
    assert policy.refresh() is None


def test_a_role_that_still_has_policies_goes_only_when_told_to_detach_them(engine: Engine) -> None:
    managed = engine.up(POLICY, {"policy": READ})
    iam = boto3.client("iam", region_name="us-east-1")
    for force in (False, True):
        role = engine.up(ROLE, {"assumeRolePolicy": TRUST, "forceDetachPolicies": force, "name": f"r{force}"})
        iam.attach_role_policy(RoleName=role.id, PolicyArn=managed.id)
        iam.put_role_policy(RoleName=role.id, PolicyName="inline", PolicyDocument=READ)
        if force:
            role.delete()
            assert role.refresh() is None
        else:
            with pytest.raises(Refused, match="AWS refused DeleteRole: DeleteConflict"):
                role.delete()


def test_a_refusal_is_awss_own_words(engine: Engine) -> None:
    engine.up(ROLE, {"assumeRolePolicy": TRUST, "name": "taken"})
    with pytest.raises(Refused, match=r"iam/role:Role: AWS refused CreateRole: EntityAlreadyExists: .*taken"):
        engine.up(ROLE, {"assumeRolePolicy": TRUST, "name": "taken"})


def test_default_tags_are_on_the_object_and_apart_from_its_own(engine: Engine) -> None:
    tagged = Engine(region="us-east-1", defaultTags=json.dumps({"tags": {"team": "a", "env": "b"}}))
    role = tagged.up(ROLE, {"assumeRolePolicy": TRUST, "tags": {"env": "mine"}})
    assert role.state["tags"] == {"env": "mine"}
    assert role.state["tagsAll"] == {"env": "mine", "team": "a"}
    seen = role.refresh()
    assert seen is not None
    assert seen.inputs == role.inputs
    assert seen.update({"assumeRolePolicy": TRUST}).state["tagsAll"] == {"env": "b", "team": "a"}


def test_ignored_tags_are_neither_seen_nor_removed(engine: Engine) -> None:
    careful = Engine(region="us-east-1", ignoreTags=json.dumps({"keyPrefixes": ["kubernetes.io/"]}))
    vpc = careful.up("aws:ec2/vpc:Vpc", {"cidrBlock": "10.9.0.0/16"})
    ec2 = boto3.client("ec2", region_name="us-east-1")
    ec2.create_tags(Resources=[vpc.id], Tags=[{"Key": "kubernetes.io/x", "Value": "1"}])
    seen = vpc.refresh()
    assert seen is not None
    assert seen.state.get("tagsAll") == {}
    seen.update({"cidrBlock": "10.9.0.0/16", "tags": {"a": "1"}})
    live = ec2.describe_vpcs(VpcIds=[vpc.id])["Vpcs"][0]["Tags"]
    assert {tag["Key"] for tag in live} == {"kubernetes.io/x", "a"}


def test_an_assumed_role_acts_in_its_own_account(engine: Engine) -> None:
    there = Engine(
        region="us-east-1",
        assumeRoles=json.dumps(
            [{"roleArn": "arn:aws:iam::222222222222:role/deploy", "sessionName": "us", "externalId": "ours"}]
        ),
        allowedAccountIds=json.dumps(["222222222222"]),
    )
    assert there.invoke("aws:index/getCallerIdentity:getCallerIdentity")["accountId"] == "222222222222"
    role = there.up(ROLE, {"assumeRolePolicy": TRUST, "name": "there"})
    assert role.state["arn"] == "arn:aws:iam::222222222222:role/there"


def test_a_wrong_account_is_refused_before_anything_is_made(engine: Engine) -> None:
    wrong = Engine(region="us-east-1", allowedAccountIds=json.dumps(["999999999999"]))
    with pytest.raises(Refused, match="account 123456789012 is not allowed here"):
        wrong.up(ROLE, {"assumeRolePolicy": TRUST, "name": "nowhere"})


def test_a_resource_can_live_in_another_region_than_the_provider_s(engine: Engine) -> None:
    vpc = engine.up("aws:ec2/vpc:Vpc", {"cidrBlock": "10.9.0.0/16", "region": "eu-west-1"})
    assert vpc.state["region"] == "eu-west-1"
    assert ":eu-west-1:" in vpc.state["arn"]
    assert vpc.refresh() is not None
    assert vpc.diff({"cidrBlock": "10.9.0.0/16", "region": "eu-west-2"}) == (["region"], ["region"])


def test_the_cluster_tells_what_identity_needs(engine: Engine) -> None:
    cluster = engine.up(
        CLUSTER,
        {
            "name": "eks1",
            "roleArn": "arn:aws:iam::123456789012:role/eks",
            "vpcConfig": {"subnetIds": []},
            "tags": {"Name": "x"},
        },
    )
    assert cluster.id == "eks1"
    assert cluster.state["identities"][0]["oidcs"][0]["issuer"].startswith("https://oidc.eks.us-east-1.")
    assert cluster.state["certificateAuthority"]["data"]
    nodes = engine.up(
        NODES,
        {
            "clusterName": "eks1",
            "nodeGroupName": "default",
            "nodeRoleArn": "arn:aws:iam::123456789012:role/node",
            "subnetIds": [],
            "scalingConfig": {"desiredSize": 1, "minSize": 1, "maxSize": 1},
        },
    )
    assert nodes.id == "eks1:default"
    assert nodes.state["resources"][0]["autoscalingGroups"][0]["name"].startswith("eks-")


def test_the_functions_that_say_where_and_who_we_are(engine: Engine) -> None:
    assert engine.invoke("aws:index/getPartition:getPartition") == {
        "id": "aws",
        "partition": "aws",
        "dnsSuffix": "amazonaws.com",
        "reverseDnsPrefix": "com.amazonaws",
    }
    region = engine.invoke("aws:index/getRegion:getRegion")
    assert (region["name"], region["region"]) == ("us-east-1", "us-east-1")
    assert region["endpoint"] == "ec2.us-east-1.amazonaws.com"
    zones = engine.invoke("aws:index/getAvailabilityZones:getAvailabilityZones", state="available")
    assert zones["names"][:2] == ["us-east-1a", "us-east-1b"]


def test_the_default_network_is_found_as_a_cluster_without_one_needs_it(engine: Engine) -> None:
    vpc = engine.invoke("aws:ec2/getVpc:getVpc", default=True)
    asked = [{"name": "vpc-id", "values": [vpc["id"]]}]
    subnets = engine.invoke("aws:ec2/getSubnets:getSubnets", filters=asked)["ids"]
    assert len(subnets) >= 2
    subnet = engine.invoke("aws:ec2/getSubnet:getSubnet", id=subnets[0])
    assert subnet["vpcId"] == vpc["id"]
    with pytest.raises(Refused, match="no matching EC2 route table found"):
        engine.invoke("aws:ec2/getRouteTable:getRouteTable", subnetId=subnets[0])
    main = [{"name": "association.main", "values": ["true"]}]
    tables = engine.invoke("aws:ec2/getRouteTables:getRouteTables", vpcId=vpc["id"], filters=main)["ids"]
    table = engine.invoke("aws:ec2/getRouteTable:getRouteTable", routeTableId=tables[0])
    assert all(route["gatewayId"] != "local" for route in table["routes"])
    group = engine.invoke("aws:ec2/getSecurityGroup:getSecurityGroup", name="default", vpcId=vpc["id"])
    assert group["id"].startswith("sg-")


def test_roles_clusters_and_oidc_providers_are_looked_up(engine: Engine) -> None:
    engine.up(ROLE, {"assumeRolePolicy": TRUST, "name": "eks"})
    role = engine.invoke("aws:iam/getRole:getRole", name="eks")
    assert json.loads(role["assumeRolePolicy"]) == json.loads(TRUST)
    url = "https://oidc.example.com/id/A"
    oidc = engine.up(OIDC, {"url": url, "clientIdLists": ["sts.amazonaws.com"]})
    for asked in ({"url": url}, {"arn": oidc.id}):
        found = engine.invoke("aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider", **asked)
        assert (found["arn"], found["url"]) == (oidc.id, "oidc.example.com/id/A")
    with pytest.raises(Refused, match=r"finding IAM OIDC Provider by url \(https://other\): not found"):
        engine.invoke("aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider", url="https://other")
    engine.up(CLUSTER, {"name": "c", "roleArn": role["arn"], "vpcConfig": {"subnetIds": []}})
    cluster = engine.invoke("aws:eks/getCluster:getCluster", name="c")
    assert cluster["identities"][0]["oidcs"][0]["issuer"]
    with pytest.raises(Refused, match="there is no EKS cluster 'nope' in us-east-1"):
        engine.invoke("aws:eks/getCluster:getCluster", name="nope")


def test_a_policy_document_is_built_from_statements(engine: Engine) -> None:
    answer = engine.invoke(
        "aws:iam/getPolicyDocument:getPolicyDocument",
        statements=[
            {
                "actions": ["sts:AssumeRoleWithWebIdentity"],
                "principals": [{"type": "Federated", "identifiers": ["arn"]}],
                "conditions": [{"test": "StringEquals", "variable": "o:aud", "values": ["sts"]}],
            }
        ],
    )
    assert json.loads(answer["json"])["Statement"] == [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": {"Federated": "arn"},
            "Condition": {"StringEquals": {"o:aud": "sts"}},
        }
    ]


def test_a_parameter_and_its_image_are_found(engine: Engine) -> None:
    images = boto3.client("ec2", region_name="us-east-1").describe_images(Owners=["amazon"])["Images"]
    image = images[0]["ImageId"]
    boto3.client("ssm", region_name="us-east-1").put_parameter(Name="/ami", Value=image, Type="String")
    assert engine.invoke("aws:ssm/getParameter:getParameter", name="/ami")["value"] == image
    asked = [{"name": "image-id", "values": [image]}]
    ami = engine.invoke("aws:ec2/getAmi:getAmi", owners=["self", "amazon"], filters=asked)
    assert ami["id"] == image
    assert ami["blockDeviceMappings"][0]["deviceName"]
