"""What a login's IAM role may do beside logging in, and what is written once for all roles of a stack."""

import json
from functools import partial
from typing import Any

import pulumi
import pytest

from components import ArgumentError, EcsTaskLogin, ServiceAccountLogin, cluster
from stack.reading import StackFileError
from tests.unit.recording import CLUSTER, Recording, providers, record, refused
from tests.unit.test_lookups import POD, parsed, run
from tests.unit.test_lookups import _vault as _vault

ROLE, INLINE = "aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
VAULT_ROLE = "vault:aws/authBackendRole:AuthBackendRole"
READ = "arn:aws:iam::111111111111:policy/read"
STATEMENT = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::api/*"}
BOUNDARY = "arn:aws:iam::111111111111:policy/boundary"


def login(kind: str, **changes: Any) -> Any:
    args: Any = {"connection": {"path": "aws"}, "policies": ["dev"], **changes}
    if kind == "pod":
        args |= {"cluster": CLUSTER, "service_accounts": ["app/api"]}
        return ServiceAccountLogin("app", args, providers())
    args["region"] = "us-east-1"
    return EcsTaskLogin("app", args, providers())


KINDS = pytest.mark.parametrize("kind", ["pod", "task"])


def made(kind: str, **changes: Any) -> Recording:
    return record(lambda: login(kind, **changes))


@KINDS
def test_without_policies_the_role_has_no_permissions(kind: str) -> None:
    assert [r.type for r in made(kind).resources if r.type in (INLINE, ATTACHMENT)] == []


@KINDS
def test_managed_policies_are_attached_by_name(kind: str) -> None:
    attached = made(kind, policy_arns={"read": READ}).one(ATTACHMENT, "app-read-policy")
    assert attached.inputs == {"role": "app", "policyArn": READ}


@KINDS
def test_statements_are_an_inline_policy_of_the_role(kind: str) -> None:
    policy = made(kind, policy_statements=[STATEMENT]).one(INLINE, "app-inline-policy")
    assert (policy.inputs["role"], policy.parent, policy.provider) == ("app", "app", "aws")
    assert json.loads(policy.inputs["policy"]) == {"Version": "2012-10-17", "Statement": [STATEMENT]}


@KINDS
@pytest.mark.parametrize(
    ("statements", "why"),
    [
        ([{**STATEMENT, "Action": "GetObject"}], "Statement[0].Action: 'GetObject' is not an action"),
        ([{**STATEMENT, "Principal": "*"}], "only the policy of a resource has one"),
        ([{"Effect": "Allow", "Action": "s3:GetObject"}], "neither Resource nor NotResource"),
        (STATEMENT, "is not a list"),
        ([{**STATEMENT, "Resource": [f"arn:aws:s3:::{n:0100}" for n in range(99)]}], "AWS takes 10,240"),
    ],
)
def test_what_iam_would_refuse_is_refused(kind: str, statements: Any, why: str) -> None:
    message = refused(lambda: login(kind, policy_statements=statements))
    assert message.startswith("policy_statements: ")
    assert why in message


@KINDS
def test_statements_may_be_known_later(kind: str) -> None:
    def later(action: str) -> Recording:
        def program() -> None:
            login(kind, policy_statements=pulumi.Output.from_input([{**STATEMENT, "Action": action}]))

        return record(program)

    policy = later("s3:GetObject").one(INLINE, "app-inline-policy")
    assert json.loads(policy.inputs["policy"])["Statement"] == [STATEMENT]
    with pytest.raises(ArgumentError, match="is not an action"):
        later("GetObject")


@KINDS
def test_the_role_can_have_a_path(kind: str) -> None:
    assert made(kind, iam_role_path="/team/a/").one(ROLE, "app-iam-role").inputs["path"] == "/team/a/"
    assert "path" not in made(kind).one(ROLE, "app-iam-role").inputs
    for wrong in ("team", "/team", "team/", "/te am/", "/*/", "/" + 600 * "x" + "/"):
        assert "is not the path" in refused(partial(login, kind, iam_role_path=wrong))


def test_ten_managed_policies_are_the_most_with_the_lookups_among_them() -> None:
    many = {f"p{n}": f"{READ}{n}" for n in range(10)}
    assert "AWS attaches 10" in refused(lambda: login("pod", policy_arns=many, vault_lookups=True))
    assert len(made("pod", policy_arns=many).of_type(ATTACHMENT)) == 10


# In a stack file


def problems(**sections: Any) -> list[str]:
    with pytest.raises(StackFileError) as refusal:
        parsed(**{"logins": {"app": POD}, **sections})
    return refusal.value.problems


def test_a_stack_file_has_them() -> None:
    app = {**POD, "policyArns": {"read": READ}, "policyStatements": [STATEMENT], "iamRolePath": "/a/"}
    stack = run({"app": app})
    assert stack.one(ATTACHMENT, "app-read-policy").inputs["policyArn"] == READ
    assert json.loads(stack.one(INLINE, "app-inline-policy").inputs["policy"])["Statement"] == [STATEMENT]
    assert stack.one(ROLE, "app-iam-role").inputs["path"] == "/a/"


def test_a_role_with_a_path_may_be_the_principal_of_another_login() -> None:
    second = {
        "kind": "principal",
        "principals": ["arn:aws:iam::111111111111:role/a/app"],
        "policies": ["dev"],
    }
    stack = run({"app": {**POD, "iamRolePath": "/a/"}, "second": second})
    assert "app-iam-role" in stack.one(VAULT_ROLE, "second-vault-role").depends_on


def test_a_statements_partition_is_that_of_the_stack() -> None:
    wrong = {**STATEMENT, "Resource": "arn:aws-cn:s3:::api/*"}
    (problem,) = problems(logins={"app": {**POD, "policyStatements": [wrong]}})
    assert problem.startswith(
        "vault-aws-auth:logins.app.policyStatements[0].Resource: is an ARN of the partition"
    )


def test_a_prefix_is_that_of_every_derived_role_name() -> None:
    logins = {"app": POD, "own": {**POD, "serviceAccounts": ["default/own"], "iamRoleName": "mine"}}
    stack = run(logins, iamRoleNamePrefix="prod-")
    assert {r.inputs["name"] for r in stack.of_type(ROLE)} == {"prod-app", "mine"}
    assert stack.exports()["logins"]["app"]["vaultRole"] == "app"
    second = {
        "kind": "principal",
        "principals": ["arn:aws:iam::111111111111:role/prod-app"],
        "policies": ["dev"],
    }
    both = run({"app": POD, "second": second}, iamRoleNamePrefix="prod-")
    assert "prod-app-iam-role" in both.one(VAULT_ROLE, "second-vault-role").depends_on


def test_a_prefix_that_makes_a_name_too_long_is_refused_and_so_is_a_name_that_is_taken() -> None:
    (problem,) = problems(logins={"x" * 60: POD}, iamRoleNamePrefix="prod-")
    assert "of 65 characters, and AWS takes 64; write a shorter vault-aws-auth:iamRoleNamePrefix" in problem
    taken = {**POD, "serviceAccounts": ["default/b"], "iamRoleName": "PROD-app"}
    (problem,) = problems(logins={"app": POD, "b": taken}, iamRoleNamePrefix="prod-")
    assert "is the IAM role of" in problem
    (problem,) = problems(iamRoleNamePrefix="a b")
    assert problem.startswith('vault-aws-auth:iamRoleNamePrefix: "a b" is not how an IAM name begins')


def test_a_boundary_is_that_of_every_role_and_user_of_the_stack() -> None:
    logins = {"app": POD, "task": {"kind": "ecs-task", "policies": ["dev"]}}
    engine = {"kind": "user", "roles": {"x": {"credentialType": "iam_user", "policyArns": [READ]}}}
    nodes = {"name": "c1", "nodeGroups": {"a": {}, "b": {"permissionsBoundary": f"{BOUNDARY}-b"}}}
    stack = run(logins, cluster=nodes, permissionsBoundary=BOUNDARY, secretsEngine=engine)
    found = {r.name: r.inputs.get("permissionsBoundary") for r in stack.resources if r.type in (ROLE, USER)}
    assert {name for name, bound in found.items() if bound != BOUNDARY} == {"c1-b-node-role"}
    assert found["c1-b-node-role"] == f"{BOUNDARY}-b"
    assert {"app-iam-role", "task-iam-role", "c1-a-node-role"} < {*found}
    assert len([name for name in found if "user" in name]) == 2


USER = "aws:iam/user:User"


def test_a_section_may_name_another_boundary() -> None:
    own = {**POD, "permissionsBoundary": f"{BOUNDARY}-own"}
    assert parsed({"app": own}, permissionsBoundary=BOUNDARY).logins["app"].options[
        "permissions_boundary"
    ] == (f"{BOUNDARY}-own")


def test_a_boundary_bounds_what_is_of_its_own_account() -> None:
    far = {"kind": "principal", "principals": ["arn:aws:iam::222222222222:role/x"], "policies": ["dev"]}
    logins = {"app": POD, "far": far}
    (problem,) = problems(logins=logins, accounts={"222222222222": {}}, permissionsBoundary=BOUNDARY)
    assert problem == (
        "vault-aws-auth:accounts.222222222222.permissionsBoundary: is missing: "
        "vault-aws-auth:permissionsBoundary is of the account 111111111111, and bounds nothing in "
        "222222222222; write a policy of that account"
    )
    accounts = {"222222222222": {"permissionsBoundary": BOUNDARY.replace("111111111111", "222222222222")}}
    assert parsed(logins, accounts=accounts, permissionsBoundary=BOUNDARY)
    (problem,) = problems(logins={"app": {**POD, "permissionsBoundary": BOUNDARY.replace("1111", "3333")}})
    assert "app.permissionsBoundary" in problem
    of_aws = "arn:aws:iam::aws:policy/PowerUserAccess"
    stack = parsed(logins, accounts={"222222222222": {}}, permissionsBoundary=of_aws)
    assert stack.accounts["222222222222"]["permissions_boundary"] == of_aws


def test_a_role_that_exists_and_an_existing_cluster_get_no_boundary() -> None:
    used = {**POD, "iamRoleArn": "arn:aws:iam::111111111111:role/x"}
    existing = {"name": "c1", "existing": True}
    stack = parsed({"app": used}, cluster=existing, permissionsBoundary=BOUNDARY, iamRoleNamePrefix="prod-")
    assert {"permissions_boundary", "iam_role_name"}.isdisjoint(stack.logins["app"].options)
    assert "permissions_boundary" not in (stack.alone.options if stack.alone else {})


def test_the_role_that_pulumi_eks_makes_for_a_cluster_gets_its_boundary() -> None:
    (transform,) = list(cluster.bounded(BOUNDARY).transforms or ())

    def transformed(type_: str) -> Any:
        found = pulumi.ResourceTransformArgs(True, type_, "c1", {"name": "x"}, pulumi.ResourceOptions())
        result: Any = transform(found)
        return result and result.props

    assert transformed(ROLE) == {"name": "x", "permissionsBoundary": BOUNDARY}
    assert transformed("aws:eks/cluster:Cluster") is None
    assert cluster.bounded(None).transforms is None


def test_a_stack_without_these_settings_is_as_it_was() -> None:
    role = run({"app": POD}).one(ROLE, "app-iam-role")
    assert {"permissionsBoundary", "path"}.isdisjoint(role.inputs)
    assert role.inputs["name"] == "app"
