"""The local aws plugin, spoken to as the engine does, over the provider protocol, against moto."""

import json
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from importlib import import_module
from typing import Any

import boto3
import pytest
from moto import mock_aws

from sandbox.plugins.aws import PLUGIN
from sandbox.plugins.wire import UNKNOWN, Secret
from tests.plugins.engine import Deployed, Engine, Refused, engine_for

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


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty AWS, and credentials for it."""
    for key, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }.items():
        monkeypatch.setenv(key, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield


@pytest.fixture
def engine(account: None) -> Iterator[Engine]:
    with configured() as engine:
        yield engine


def configured(**config: Any) -> AbstractContextManager[Engine]:
    """The plugin with that configuration; what is not text travels as JSON."""
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    return engine_for(PLUGIN, {"region": "us-east-1", **texts})


def diff(engine: Engine, was: Deployed, inputs: dict[str, Any]) -> tuple[list[str], list[str]]:
    """(what changes, what of it replaces) were these the inputs."""
    change = engine.diff(was, engine.check(was.token, inputs, was.name, was.inputs))
    return sorted({re.split(r"[.\[]", path)[0] for path in change.kinds}), change.replaces


def ask(engine: Engine, token: str, **args: Any) -> dict[str, Any]:
    """A function's answer."""
    return engine.invoke(token, args)


def live(engine: Engine, was: Deployed) -> Deployed:
    """What is there now."""
    now = engine.refresh(was)
    assert now is not None
    return now


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
    made: list[Deployed] = []
    for name, (token, inputs, change) in LIFE.items():
        inputs = fill(inputs, ids)
        was = engine.create(token, inputs)
        ids[name] = was.id
        assert was.outputs.keys() <= sdk_properties(token), name
        assert live(engine, was).inputs == was.inputs, f"{name}: drift right after creation"
        assert diff(engine, was, inputs) == ([], []), name
        if change:
            changed = {**inputs, **fill(change, ids)}
            assert diff(engine, was, changed) == (sorted(change), []), name
            was = engine.update(was, changed)
            assert diff(engine, was, changed) == ([], []), name
            again = live(engine, was)
            assert again.inputs == was.inputs, f"{name}: drift right after an update"
            assert again.outputs == was.outputs, name
        made.append(was)
    for was in reversed(made):
        engine.delete(was)
        assert engine.refresh(was) is None, was.token
        engine.delete(was)


def sdk_properties(token: str) -> set[str]:
    module, _, name = PLUGIN.resources[token].sdk.rpartition(".")
    return {
        getattr(member.fget, "_pulumi_name", key)
        for key, member in vars(getattr(import_module(module), name)).items()
        if isinstance(member, property)
    }


def test_an_input_that_the_sdk_lacks_is_refused_by_name(engine: Engine) -> None:
    with pytest.raises(Refused, match=r"'assumeRolPolicy' is not an input of aws\.iam\.Role"):
        engine.create(ROLE, {"assumeRolePolicy": TRUST, "assumeRolPolicy": TRUST})


def test_an_input_that_only_the_official_plugin_supports_is_refused_as_such(engine: Engine) -> None:
    with pytest.raises(Refused, match=r"'managedPolicyArns' is not supported by the sandbox's local plugin"):
        engine.create(ROLE, {"assumeRolePolicy": TRUST, "managedPolicyArns": []})


def test_a_type_that_is_not_in_the_tables_is_refused(engine: Engine) -> None:
    with pytest.raises(Refused, match=r"aws:s3/bucket:Bucket: .*not supported"):
        engine.create("aws:s3/bucket:Bucket", {})


def test_a_preview_makes_nothing_and_invents_no_outputs(engine: Engine) -> None:
    planned = engine.create(ROLE, {"assumeRolePolicy": UNKNOWN, "name": "planned"}, preview=True)
    assert "arn" not in planned.outputs
    assert planned.outputs["assumeRolePolicy"] is UNKNOWN
    assert boto3.client("iam", region_name="us-east-1").list_roles()["Roles"] == []


def test_an_update_s_preview_changes_nothing(engine: Engine) -> None:
    template = engine.create(TEMPLATE, {"instanceType": "t3.micro"})
    planned = engine.update(template, {"instanceType": "t3.small"}, preview=True)
    assert planned.outputs["latestVersion"] is UNKNOWN
    refreshed = live(engine, template)
    assert refreshed.outputs["latestVersion"] == 1


def test_a_generated_name_is_kept_and_a_given_one_is_used(engine: Engine) -> None:
    generated = engine.create(ROLE, {"assumeRolePolicy": TRUST})
    assert generated.id == generated.outputs["name"]
    assert generated.id.startswith("it-")
    assert diff(engine, generated, {"assumeRolePolicy": TRUST}) == ([], [])
    assert engine.create(ROLE, {"assumeRolePolicy": TRUST, "name": "given"}).id == "given"


def test_policy_documents_are_compared_as_documents(engine: Engine) -> None:
    role = engine.create(ROLE, {"assumeRolePolicy": TRUST})
    spaced = json.dumps(json.loads(TRUST), indent=4, sort_keys=True)
    assert diff(engine, role, {"assumeRolePolicy": spaced}) == ([], [])
    other = TRUST.replace("eks.amazonaws.com", "ec2.amazonaws.com")
    assert diff(engine, role, {"assumeRolePolicy": other}) == (["assumeRolePolicy"], [])


def test_drift_is_seen_and_mended(engine: Engine) -> None:
    inputs = {"assumeRolePolicy": TRUST, "description": "ours", "tags": {"a": "1"}}
    role = engine.create(ROLE, inputs)
    iam = boto3.client("iam", region_name="us-east-1")
    iam.update_role(RoleName=role.id, Description="theirs")
    iam.tag_role(RoleName=role.id, Tags=[{"Key": "b", "Value": "2"}])
    seen = live(engine, role)
    assert diff(engine, seen, inputs) == (["description", "tags"], [])
    mended = live(engine, engine.update(seen, inputs))
    assert diff(engine, mended, inputs) == ([], [])
    there = iam.get_role(RoleName=role.id)["Role"]
    assert (there["Description"], there["Tags"]) == ("ours", [{"Key": "a", "Value": "1"}])


def test_a_security_group_rule_that_someone_removed_is_gone(engine: Engine) -> None:
    group = engine.create(GROUP, {})
    rule = engine.create(
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
    assert str(rule.outputs["securityGroupRuleId"]).startswith("sgr-")
    engine.delete(rule)
    assert engine.refresh(rule) is None


def test_a_new_security_group_has_no_rules_of_its_own(engine: Engine) -> None:
    group = engine.create(GROUP, {})
    ec2 = boto3.client("ec2", region_name="us-east-1")
    there = ec2.describe_security_groups(GroupIds=[group.id])["SecurityGroups"][0]
    assert there["IpPermissions"] == there["IpPermissionsEgress"] == []


def test_the_access_key_s_secret_is_secret_and_survives_a_refresh(engine: Engine) -> None:
    user = engine.create(USER, {"name": "vault-auth"})
    key = engine.create(KEY, {"user": user.id})
    secret = key.outputs["secret"]
    assert isinstance(secret, Secret)
    seen = live(engine, key)
    assert seen.outputs["secret"] == secret
    assert engine.update(key, {"user": user.id, "status": "Inactive"}).outputs["secret"] == secret


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
    assert diff(engine, engine.create(token, inputs), {**inputs, **change}) == (list(change), list(change))


def test_a_policy_keeps_its_newest_versions_and_goes_with_all_of_them(engine: Engine) -> None:
    policy = engine.create(POLICY, {"policy": READ})
    for action in "abcdef":
        policy = engine.update(policy, {"policy": READ.replace("GetRole", action)})
    iam = boto3.client("iam", region_name="us-east-1")
    assert len(iam.list_policy_versions(PolicyArn=policy.id)["Versions"]) == 5
    engine.delete(policy)
    assert engine.refresh(policy) is None


def test_a_role_that_still_has_policies_goes_only_when_told_to_detach_them(engine: Engine) -> None:
    managed = engine.create(POLICY, {"policy": READ})
    iam = boto3.client("iam", region_name="us-east-1")
    for force in (False, True):
        role = engine.create(
            ROLE, {"assumeRolePolicy": TRUST, "forceDetachPolicies": force, "name": f"r{force}"}
        )
        iam.attach_role_policy(RoleName=role.id, PolicyArn=managed.id)
        iam.put_role_policy(RoleName=role.id, PolicyName="inline", PolicyDocument=READ)
        if force:
            engine.delete(role)
            assert engine.refresh(role) is None
        else:
            with pytest.raises(Refused, match="AWS refused DeleteRole: DeleteConflict"):
                engine.delete(role)


def test_a_refusal_is_awss_own_words(engine: Engine) -> None:
    engine.create(ROLE, {"assumeRolePolicy": TRUST, "name": "taken"})
    with pytest.raises(Refused, match=r"iam/role:Role: AWS refused CreateRole: EntityAlreadyExists: .*taken"):
        engine.create(ROLE, {"assumeRolePolicy": TRUST, "name": "taken"})


def test_default_tags_are_on_the_object_and_apart_from_its_own(account: None) -> None:
    with configured(defaultTags={"tags": {"team": "a", "env": "b"}}) as engine:
        role = engine.create(ROLE, {"assumeRolePolicy": TRUST, "tags": {"env": "mine"}})
        assert role.outputs["tags"] == {"env": "mine"}
        assert role.outputs["tagsAll"] == {"env": "mine", "team": "a"}
        seen = live(engine, role)
        assert seen.inputs == role.inputs
        untagged = engine.update(seen, {"assumeRolePolicy": TRUST})
        assert untagged.outputs["tagsAll"] == {"env": "b", "team": "a"}


def test_ignored_tags_are_neither_seen_nor_removed(account: None) -> None:
    with configured(ignoreTags={"keyPrefixes": ["kubernetes.io/"]}) as engine:
        vpc = engine.create("aws:ec2/vpc:Vpc", {"cidrBlock": "10.9.0.0/16"})
        ec2 = boto3.client("ec2", region_name="us-east-1")
        ec2.create_tags(Resources=[vpc.id], Tags=[{"Key": "kubernetes.io/x", "Value": "1"}])
        seen = live(engine, vpc)
        assert seen.outputs.get("tagsAll") == {}
        engine.update(seen, {"cidrBlock": "10.9.0.0/16", "tags": {"a": "1"}})
        tags = ec2.describe_vpcs(VpcIds=[vpc.id])["Vpcs"][0]["Tags"]
        assert {tag["Key"] for tag in tags} == {"kubernetes.io/x", "a"}


def test_a_user_is_found_with_its_unique_id(engine: Engine) -> None:
    made = engine.create(USER, {"name": "vault-primary", "path": "/of/us/", "tags": {"team": "x"}})
    found = ask(engine, "aws:iam/getUser:getUser", userName="vault-primary")
    assert found["userId"] == made.outputs["uniqueId"] == found["id"]
    assert (found["arn"], found["path"]) == (made.outputs["arn"], "/of/us/")
    assert (found["userName"], found["tags"]) == ("vault-primary", {"team": "x"})
    with pytest.raises(Refused, match="there is no IAM user 'nobody'"):
        ask(engine, "aws:iam/getUser:getUser", userName="nobody")


def test_an_assumed_role_acts_in_its_own_account(account: None) -> None:
    role_arn = "arn:aws:iam::222222222222:role/deploy"
    assumed = [{"roleArn": role_arn, "sessionName": "us", "externalId": "ours"}]
    with configured(assumeRoles=assumed, allowedAccountIds=["222222222222"]) as there:
        assert ask(there, "aws:index/getCallerIdentity:getCallerIdentity")["accountId"] == "222222222222"
        role = there.create(ROLE, {"assumeRolePolicy": TRUST, "name": "there"})
        assert role.outputs["arn"] == "arn:aws:iam::222222222222:role/there"


def test_a_wrong_account_is_refused_before_anything_is_made(account: None) -> None:
    with (
        configured(allowedAccountIds=["999999999999"]) as engine,
        pytest.raises(Refused, match="account 123456789012 is not allowed here"),
    ):
        engine.create(ROLE, {"assumeRolePolicy": TRUST, "name": "nowhere"})
    assert boto3.client("iam", region_name="us-east-1").list_roles()["Roles"] == []


def test_a_resource_can_live_in_another_region_than_the_provider_s(engine: Engine) -> None:
    vpc = engine.create("aws:ec2/vpc:Vpc", {"cidrBlock": "10.9.0.0/16", "region": "eu-west-1"})
    assert vpc.outputs["region"] == "eu-west-1"
    assert ":eu-west-1:" in vpc.outputs["arn"]
    assert engine.refresh(vpc) is not None
    assert diff(engine, vpc, {"cidrBlock": "10.9.0.0/16", "region": "eu-west-2"}) == (["region"], ["region"])


def test_the_cluster_tells_what_identity_needs(engine: Engine) -> None:
    cluster = engine.create(
        CLUSTER,
        {
            "name": "eks1",
            "roleArn": "arn:aws:iam::123456789012:role/eks",
            "vpcConfig": {"subnetIds": []},
            "tags": {"Name": "x"},
        },
    )
    assert cluster.id == "eks1"
    assert cluster.outputs["identities"][0]["oidcs"][0]["issuer"].startswith("https://oidc.eks.us-east-1.")
    assert cluster.outputs["certificateAuthority"]["data"]
    nodes = engine.create(
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
    assert nodes.outputs["resources"][0]["autoscalingGroups"][0]["name"].startswith("eks-")


def test_the_functions_that_say_where_and_who_we_are(engine: Engine) -> None:
    assert ask(engine, "aws:index/getPartition:getPartition") == {
        "id": "aws",
        "partition": "aws",
        "dnsSuffix": "amazonaws.com",
        "reverseDnsPrefix": "com.amazonaws",
    }
    region = ask(engine, "aws:index/getRegion:getRegion")
    assert (region["name"], region["region"]) == ("us-east-1", "us-east-1")
    assert region["endpoint"] == "ec2.us-east-1.amazonaws.com"
    zones = ask(engine, "aws:index/getAvailabilityZones:getAvailabilityZones", state="available")
    assert zones["names"][:2] == ["us-east-1a", "us-east-1b"]


def test_the_default_network_is_found_as_a_cluster_without_one_needs_it(engine: Engine) -> None:
    vpc = ask(engine, "aws:ec2/getVpc:getVpc", default=True)
    asked = [{"name": "vpc-id", "values": [vpc["id"]]}]
    subnets = ask(engine, "aws:ec2/getSubnets:getSubnets", filters=asked)["ids"]
    assert len(subnets) >= 2
    subnet = ask(engine, "aws:ec2/getSubnet:getSubnet", id=subnets[0])
    assert subnet["vpcId"] == vpc["id"]
    with pytest.raises(Refused, match="no matching EC2 route table found"):
        ask(engine, "aws:ec2/getRouteTable:getRouteTable", subnetId=subnets[0])
    main = [{"name": "association.main", "values": ["true"]}]
    tables = ask(engine, "aws:ec2/getRouteTables:getRouteTables", vpcId=vpc["id"], filters=main)["ids"]
    table = ask(engine, "aws:ec2/getRouteTable:getRouteTable", routeTableId=tables[0])
    assert all(route["gatewayId"] != "local" for route in table["routes"])
    group = ask(engine, "aws:ec2/getSecurityGroup:getSecurityGroup", name="default", vpcId=vpc["id"])
    assert group["id"].startswith("sg-")


def test_roles_clusters_and_oidc_providers_are_looked_up(engine: Engine) -> None:
    engine.create(ROLE, {"assumeRolePolicy": TRUST, "name": "eks"})
    role = ask(engine, "aws:iam/getRole:getRole", name="eks")
    assert json.loads(role["assumeRolePolicy"]) == json.loads(TRUST)
    assert ask(engine, "aws:iam/getRoles:getRoles", nameRegex="(?i)^(EKS|nope)$")["names"] == ["eks"]
    url = "https://oidc.example.com/id/A"
    oidc = engine.create(OIDC, {"url": url, "clientIdLists": ["sts.amazonaws.com"]})
    for asked in ({"url": url}, {"arn": oidc.id}):
        found = ask(engine, "aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider", **asked)
        assert (found["arn"], found["url"]) == (oidc.id, "oidc.example.com/id/A")
    with pytest.raises(Refused, match=r"finding IAM OIDC Provider by url \(https://other\): not found"):
        ask(engine, "aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider", url="https://other")
    engine.create(CLUSTER, {"name": "c", "roleArn": role["arn"], "vpcConfig": {"subnetIds": []}})
    cluster = ask(engine, "aws:eks/getCluster:getCluster", name="c")
    assert cluster["identities"][0]["oidcs"][0]["issuer"]
    with pytest.raises(Refused, match="there is no EKS cluster 'nope' in us-east-1"):
        ask(engine, "aws:eks/getCluster:getCluster", name="nope")


def test_policies_and_instance_profiles_are_looked_up_in_the_official_providers_words(engine: Engine) -> None:
    """Its words for what is not there are what programs recognise it by."""
    policy = engine.create(POLICY, {"policy": READ, "name": "p", "description": "of payments"})
    found = ask(engine, "aws:iam/getPolicy:getPolicy", arn=policy.id)
    assert (found["name"], found["description"]) == ("p", "of payments")
    assert json.loads(found["policy"]) == json.loads(READ)
    with pytest.raises(Refused, match=r"reading IAM Policy \(.*nope\): couldn't find resource"):
        ask(engine, "aws:iam/getPolicy:getPolicy", arn=f"{policy.id}nope")
    profile = engine.create("aws:iam/instanceProfile:InstanceProfile", {"name": "i"})
    found = ask(engine, "aws:iam/getInstanceProfile:getInstanceProfile", name="i")
    assert (found["arn"], found["roleName"]) == (profile.outputs["arn"], "")
    with pytest.raises(Refused, match=r"reading IAM Instance Profile \(nope\): couldn't find resource"):
        ask(engine, "aws:iam/getInstanceProfile:getInstanceProfile", name="nope")


def test_a_policy_document_is_built_from_statements(engine: Engine) -> None:
    answer = ask(
        engine,
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
    assert ask(engine, "aws:ssm/getParameter:getParameter", name="/ami")["value"] == image
    asked = [{"name": "image-id", "values": [image]}]
    ami = ask(engine, "aws:ec2/getAmi:getAmi", owners=["self", "amazon"], filters=asked)
    assert ami["id"] == image
    assert ami["blockDeviceMappings"][0]["deviceName"]
