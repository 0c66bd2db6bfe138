"""Policies that AWS manages: which of them let their holder become another identity."""

import json
import re
from typing import Any

import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data

from policies.guardrails.rules import RULES
from policies.guardrails.rules.documents import Statement, allowing
from policies.guardrails.rules.managed_policies import TAKE_OVER
from policies.guardrails.rules.permissions import TOO_MUCH
from policies.guardrails.rules.reachable_identities import TAKES_OVER
from tests.policies.kit import APP, IAM_ROLE, document, message

ENGINE_ROLE = "vault:aws/secretBackendRole:SecretBackendRole"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"

DOES_WHAT_ITS_USER_SAYS = frozenset(
    (
        *("apprunner", "bedrock-agentcore", "codebuild", "codecatalyst", "codepipeline", "ec2", "ecs-tasks"),
        *("elasticmapreduce", "emr-serverless", "glue", "greengrass", "lambda", "pods.eks", "robomaker"),
        *("sagemaker", "rolesanywhere"),  # runs its user's code, or gives its user the role's keys
        *("appsync", "budgets", "cloudformation", "events", "pipes", "scheduler", "servicecatalog", "ssm"),
        "states",  # makes the calls to AWS that its user writes down
    )
)
"""The services to which a passed role is as good as assumed. Others, such as DAX or Kafka, use a role for
their own work only: AmazonDynamoDBFullAccess passes."""

GIVEN_TO_A_SERVICE = {
    "AmazonEKSComputePolicy": "the role of a cluster in EKS Auto Mode, which makes its nodes",
    "AWSCodeDeployRoleForECS": "the role of CodeDeploy, which starts tasks",
    "AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy": "the role of Elastic Beanstalk",
    "AWSRoboMakerServiceRolePolicy": "the role of RoboMaker",
    "EC2ImageBuilderExecutionPolicy": "the role of Image Builder",
}
"""These pass, with those below service-role/ (the roles of AWS Backup, Batch, …) and aws-service-role/, which
AWS alone attaches. No attachment says whom its role trusts."""


_OF_IDENTITIES = re.compile(r"(?:iam|sts|eks):|[^:]*[*?]", re.IGNORECASE)


def _takes_over(given: Statement) -> bool:
    """Whether a statement reaches any identity, whatever its name."""
    wide = [arn for arn in given.resources if not re.sub(r"[*?/]", "", re.split(r":(?:role|user)", arn)[-1])]
    by_tag = any(test.pins and "resourcetag/" in test.key.lower() for test in given.conditions)
    if not (wide or given.all_resources_but) or by_tag or given.pins("iam:PolicyARN"):
        return False
    if not given.all_actions_but and not any(map(_OF_IDENTITIES.match, given.actions)):
        return False  # most, and asking each action of each statement takes long
    actions = {action for action in TAKES_OVER if given.may(action)}
    passed = [test for test in given.conditions if test.pins and test.key.lower() == "iam:passedtoservice"]
    services = {value.partition(".amazonaws")[0] for test in passed for value in test.values}
    acts = not passed or bool(services & DOES_WHAT_ITS_USER_SAYS)
    return bool(actions - {"iam:PassRole"}) or ("iam:PassRole" in actions and acts)


def test_the_table_is_what_the_policies_say() -> None:
    taking = set()
    for name, policy in json.loads(aws_managed_policies_data).items():
        path = policy.get("Path", "/").strip("/")
        if path in ("service-role", "aws-service-role") or name in GIVEN_TO_A_SERVICE:
            continue
        if any(map(_takes_over, allowing(policy["Document"], name))):
            taking.add(f"{path}/{name}".lstrip("/"))
    assert taking - set(TOO_MUCH) == set(TAKE_OVER)


@pytest.mark.parametrize("name", TAKE_OVER)
def test_a_managed_policy_that_takes_identities_over_is_refused(name: str) -> None:
    for arn in (f"arn:aws:iam::aws:policy/{name}", f"arn:aws-cn:iam::aws:policy/{name.upper()} "):
        said = message("reachable-identities", ATTACHMENT, {"role": "app", "policyArn": arn})
        assert f"policyArn: {arn} lets its holder become another identity." in said


@pytest.mark.parametrize(
    ("kind", "field", "listed"),
    [
        (IAM_ROLE, "managedPolicyArns", True),
        ("aws:iam/policyAttachment:PolicyAttachment", "policyArn", False),
        ("aws:iam/userPolicyAttachment:UserPolicyAttachment", "policyArn", False),
        ("aws:iam/groupPolicyAttachment:GroupPolicyAttachment", "policyArn", False),
        ("aws:iam/userPolicyAttachmentsExclusive:UserPolicyAttachmentsExclusive", "policyArns", True),
        ("aws:ssoadmin/managedPolicyAttachment:ManagedPolicyAttachment", "managedPolicyArn", False),
        (ENGINE_ROLE, "policyArns", True),
    ],
)
def test_however_it_is_attached_unless_it_is_declared(kind: str, field: str, listed: bool) -> None:
    arn = "arn:aws:iam::aws:policy/AWSLambda_FullAccess"
    given = {field: [arn] if listed else arn}
    assert f"{field}: {arn} lets" in message("reachable-identities", kind, given)
    assert not message("reachable-identities", kind, given, allowed=[arn])


@pytest.mark.parametrize(
    "name",
    [
        *GIVEN_TO_A_SERVICE,
        "AmazonEKSWorkerNodePolicy",
        "AmazonEKSWorkerNodeMinimalPolicy",
        "AmazonEKS_CNI_Policy",
        "AmazonEC2ContainerRegistryReadOnly",
        "AmazonEC2ContainerRegistryPullOnly",
        "AmazonEKSClusterPolicy",
        "AmazonEKSVPCResourceController",
        "AmazonEKSBlockStoragePolicy",
        "AmazonEKSLoadBalancingPolicy",
        "AmazonEKSNetworkingPolicy",
        "AmazonEKSFargatePodExecutionRolePolicy",
        "AmazonSSMManagedInstanceCore",
        "CloudWatchAgentServerPolicy",
        "service-role/AmazonEBSCSIDriverPolicy",
        "service-role/AmazonEFSCSIDriverPolicy",
        "service-role/AmazonECSTaskExecutionRolePolicy",
        "service-role/AWSLambdaBasicExecutionRole",
        "service-role/AWSBackupServiceRolePolicyForRestores",
        "AmazonS3FullAccess",
        "AmazonS3ReadOnlyAccess",
        "AmazonDynamoDBFullAccess",
        "AmazonBedrockFullAccess",
        "AmazonMSKFullAccess",
        "AmazonSQSFullAccess",
        "CloudWatchFullAccessV2",
        "ReadOnlyAccess",
        "SecurityAudit",
        "IAMReadOnlyAccess",
    ],
)
def test_what_clusters_and_ordinary_workloads_have_passes(name: str) -> None:
    arn = f"arn:aws:iam::aws:policy/{name}"
    trust = document(Principal={"Service": "ec2.amazonaws.com"}, Action="sts:AssumeRole")
    for kind, given in (
        (ATTACHMENT, {"role": "node", "policyArn": arn}),
        (IAM_ROLE, {"assumeRolePolicy": trust, "managedPolicyArns": [arn]}),
        (ENGINE_ROLE, {"credentialType": "iam_user", "policyArns": [arn]}),
    ):
        for rule in RULES:
            assert not message(rule.name, kind, given), rule.name


def test_a_boundary_gives_nothing_so_any_that_bounds_passes() -> None:
    for name in ("AWSLambda_FullAccess", "PowerUserAccess", "IAMFullAccess"):
        boundary = {"permissionsBoundary": f"arn:aws:iam::aws:policy/{name}"}
        for rule in ("permissions", "reachable-identities"):
            assert not message(rule, IAM_ROLE, boundary)
            assert not message(rule, "aws:iam/user:User", boundary)


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("iamGroups", "Administrators"),
        ("iamGroups", "admins"),
        ("iamGroups", " ADMIN "),
        ("roleArns", "arn:aws:iam::222222222222:role/OrganizationAccountAccessRole"),
        ("roleArns", "arn:aws:iam::222222222222:role/AWSControlTowerExecution"),
        ("roleArns", "arn:aws:iam::222222222222:role/ops/Admin"),
    ],
)
def test_the_secrets_engine_hands_out_no_administrator_unless_it_is_declared(field: str, given: str) -> None:
    inputs = {"credentialType": "iam_user", field: [given]}
    said = message("reachable-identities", ENGINE_ROLE, inputs)
    assert f"{field}: {given} is an account's administrator by its name." in said
    assert not message("reachable-identities", ENGINE_ROLE, inputs, allowed=[given])


def test_no_user_is_put_among_the_administrators_unless_it_is_declared() -> None:
    for kind, field, given in (
        ("aws:iam/groupMembership:GroupMembership", "group", "Administrators"),
        ("aws:iam/userGroupMembership:UserGroupMembership", "groups", ["readers", "Administrators"]),
    ):
        inputs = {"user": "vault", field: given}
        assert f"{field}: Administrators is" in message("reachable-identities", kind, inputs)
        assert not message("reachable-identities", kind, inputs, allowed=["Administrators"])
        assert not message("reachable-identities", kind, {field: "readers"})


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"iamGroups": ["s3-readers"]}, "it is named in full, and the stack that makes it says what it may"),
        ({"iamGroups": ["sysadmin-readers"]}, "the name does not say that it is an administrator"),
        ({"roleArns": [APP]}, "it is named in full, as a group is"),
        ({"roleArns": ["arn:aws:iam::222222222222:role/admin-readers"]}, "it only begins like one"),
    ],
)
def test_a_group_or_role_that_is_named_in_full_may_be_handed_out(given: dict[str, Any], why: str) -> None:
    """Vault puts its users into groups that its own policy names: `iam:AddUserToGroup` on any is refused."""
    assert not message("reachable-identities", ENGINE_ROLE, given), why
    text = document(Action="iam:AddUserToGroup", Resource="arn:aws:iam::111111111111:group/*")
    assert message("reachable-identities", "aws:iam/policy:Policy", {"policy": text})
