"""Vault's own words for tokens and instances: each has a key, or a line that says what to write instead."""

from typing import Any

import pytest

from components import Ec2InstanceLogin, PrincipalLogin
from stack.reading import StackFileError
from tests.unit.recording import Recording, providers, record, refused
from tests.unit.test_lookups import CONFIG, POD, parsed, run
from tests.unit.test_lookups import _vault as _vault

VAULT_ROLE = "vault:aws/authBackendRole:AuthBackendRole"
ARN = "arn:aws:iam::111111111111:role/web"
PLAIN = {
    "backend": "aws",
    "role": "login",
    "authType": "iam",
    "boundIamPrincipalArns": [ARN],
    "resolveAwsUniqueIds": True,
    "tokenPolicies": ["dev"],
    "tokenTtl": 3600,
    "tokenMaxTtl": 3600,
}


def principal(**changes: Any) -> PrincipalLogin:
    args: Any = {"connection": {"path": "aws"}, "principals": [ARN], "policies": ["dev"], **changes}
    return PrincipalLogin("login", args, providers())


def instance(**changes: Any) -> Ec2InstanceLogin:
    args: Any = {
        "connection": {"path": "aws"},
        "region": "us-east-1",
        "role_arns": [ARN],
        "policies": ["dev"],
        **changes,
    }
    return Ec2InstanceLogin("login", args, providers())


def inputs(recording: Recording) -> Any:
    return recording.one(VAULT_ROLE, "login-vault-role").inputs


# Tokens


@pytest.mark.parametrize(
    ("written", "got"),
    [
        ({}, {}),
        # A periodic token ends at max_ttl as any other; Vault's max TTL alone would not end it.
        ({"period": "30m"}, {"tokenTtl": 1800, "tokenPeriod": 1800, "tokenExplicitMaxTtl": 3600}),
        (
            {"period": "30m", "max_ttl": "24h", "explicit_max_ttl": "12h"},
            {"tokenTtl": 1800, "tokenPeriod": 1800, "tokenMaxTtl": 86400, "tokenExplicitMaxTtl": 43200},
        ),
        ({"explicit_max_ttl": "30m"}, {"tokenTtl": 1800, "tokenExplicitMaxTtl": 1800}),
        ({"token_type": "batch"}, {"tokenType": "batch"}),
        ({"token_type": "service"}, {"tokenType": "service"}),
        ({"token_bound_cidrs": ["10.0.0.0/8"]}, {"tokenBoundCidrs": ["10.0.0.0/8"]}),
        ({"token_num_uses": 5}, {"tokenNumUses": 5}),
        ({"token_no_default_policy": True}, {"tokenNoDefaultPolicy": True}),
        ({"token_no_default_policy": False}, {}),
    ],
)
def test_a_field_is_that_of_vaults_role(written: dict[str, Any], got: dict[str, Any]) -> None:
    assert inputs(record(lambda: principal(**written))) == {**PLAIN, **got}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"period": "2h"}, "period: '2h' is longer than max_ttl, 1h"),
        ({"explicit_max_ttl": "2h"}, "explicit_max_ttl: '2h' is longer than max_ttl, 1h"),
        ({"explicit_max_ttl": "30m", "ttl": "45m"}, "ttl: '45m' is longer than explicit_max_ttl, 30m"),
        ({"explicit_max_ttl": "30m", "period": "45m"}, "period: '45m' is longer than explicit_max_ttl"),
        ({"period": "30m", "ttl": "15m"}, "ttl: is not used beside period"),
        ({"token_type": "batch", "period": "30m"}, "period: is not for batch tokens"),
        ({"token_type": "batch", "token_num_uses": 1}, "token_num_uses: is not for batch tokens"),
        ({"token_type": "batch", "explicit_max_ttl": "30m"}, "explicit_max_ttl: is not for batch tokens"),
        ({"token_type": "root"}, "token_type: 'root' is not one of service, batch"),
        ({"token_bound_cidrs": ["10.0.0.1/8"]}, "is not the range itself; write 10.0.0.0/8"),
        ({"token_bound_cidrs": ["10.0.0.1"]}, "is not an address range"),
        ({"token_num_uses": 0}, "token_num_uses: 0 is out of range"),
    ],
)
def test_what_vault_would_refuse_or_not_use_is_refused(written: dict[str, Any], said: str) -> None:
    assert said in refused(lambda: principal(**written))


def test_the_outputs_say_how_long_a_token_lives_at_most() -> None:
    assert parsed({"app": POD}).logins["app"].options["max_ttl"] == "1h"
    stack = run({"app": {**POD, "maxTtl": "24h", "explicitMaxTtl": "2h"}})
    assert stack.exports()["logins"]["app"]["maxTtl"] == "2h"


# Instances


def test_an_instance_can_be_bound_to_vpc_subnet_and_image() -> None:
    bounds = {
        "bound_vpc_ids": ["vpc-0123456789abcdef0"],
        "bound_subnet_ids": ["subnet-0123456789abcdef0"],
        "bound_ami_ids": ["ami-0123456789abcdef0"],
    }
    made = record(lambda: instance(**bounds)).one(VAULT_ROLE, "login-vault-role")
    assert made.inputs["boundVpcIds"] == ["vpc-0123456789abcdef0"]
    assert made.inputs["boundSubnetIds"] == ["subnet-0123456789abcdef0"]
    assert made.inputs["boundAmiIds"] == ["ami-0123456789abcdef0"]
    # The provider leaves a bound in Vault that is no longer declared.
    assert made.replacement_trigger == "bound_vpc_ids,bound_subnet_ids,bound_ami_ids"
    plain = record(instance).one(VAULT_ROLE, "login-vault-role")
    # The engine compares no trigger with none: the last bound that goes would stay in Vault.
    assert plain.replacement_trigger == ""
    assert not [key for key in plain.inputs if key in ("boundVpcIds", "boundSubnetIds", "boundAmiIds")]


@pytest.mark.parametrize(
    ("name", "bound"),
    [
        ("web", "instance-profile/web"),
        ("eks-*", "instance-profile/eks-*"),
        ("karpenter/us-east-1/c1/*", "instance-profile/karpenter/us-east-1/c1/*"),
        ("karpenter/us-east-1/c1/0123/c1_12345", "instance-profile/karpenter/us-east-1/c1/0123/c1_12345"),
    ],
)
def test_a_profile_is_named_with_its_path(name: str, bound: str) -> None:
    made = record(lambda: instance(instance_profile_names=[name]))
    assert inputs(made)["boundIamInstanceProfileArns"] == [f"arn:aws:iam::111111111111:{bound}"]


@pytest.mark.parametrize(
    "name", ["/karpenter/x", "karpenter/", "a//b", "karp*/x", "a/b*c", "", "a/" + 600 * "b", "a b"]
)
def test_what_is_no_profile_is_refused(name: str) -> None:
    assert "with its path before it" in refused(lambda: instance(instance_profile_names=[name]))


# In a stack file


def test_the_keys_of_the_case_are_keys() -> None:
    logins = {
        "concourse": {"kind": "principal", "principals": [ARN], "policies": ["dev"], "period": "30m"},
        "runners": {
            "kind": "principal",
            "principals": ["arn:aws:iam::111111111111:role/runner"],
            "policies": ["dev"],
            "tokenType": "batch",
            "tokenBoundCidrs": ["10.0.0.0/8"],
        },
        "web-eu": {
            "kind": "ec2-instance",
            "roleArns": [ARN],
            "instanceProfileNames": ["web"],
            "region": "eu-central-1",
            "boundVpcIds": ["vpc-0123456789abcdef0"],
            "policies": ["dev"],
        },
        "web": {"kind": "ec2-instance", "roleArns": [ARN], "policies": ["dev"]},
        "batch": {"kind": "ecs-task", "policies": ["dev"], "region": "eu-west-1"},
    }
    stack = run(logins)
    assert stack.one(VAULT_ROLE, "concourse-vault-role").inputs["tokenPeriod"] == 1800
    assert stack.one(VAULT_ROLE, "runners-vault-role").inputs["tokenType"] == "batch"
    assert stack.one(VAULT_ROLE, "web-eu-vault-role").inputs["inferredAwsRegion"] == "eu-central-1"
    assert stack.one(VAULT_ROLE, "web-vault-role").inputs["inferredAwsRegion"] == "us-east-1"
    trust = stack.one("aws:iam/role:Role", "batch-iam-role").inputs["assumeRolePolicy"]
    assert "arn:aws:ecs:eu-west-1:111111111111:*" in trust


def problems(key: str, value: Any, **sections: Any) -> str:
    with pytest.raises(StackFileError) as refusal:
        parsed(**{"logins": {"app": POD}, **sections, key: value})
    (problem,) = refusal.value.problems
    return problem


def test_a_region_of_another_partition_is_refused() -> None:
    login = {"kind": "ec2-instance", "roleArns": [ARN], "policies": ["dev"], "region": "cn-north-1"}
    assert "logins.web.region" in problems("logins", {"web": login})


PRINCIPAL = {"kind": "principal", "principals": [ARN], "policies": ["dev"]}
INSTANCE = {"kind": "ec2-instance", "roleArns": [ARN], "policies": ["dev"]}


@pytest.mark.parametrize(
    ("login", "word", "said"),
    [
        (POD, "token_period", "write period"),
        (POD, "tokenMaxTtl", "write maxTtl"),
        (POD, "token_policies", "write policies"),
        (POD, "bound_iam_principal_arn", "write iamRoleArn, or kind: principal"),
        (POD, "auth_type", "it is always iam"),
        (POD, "role_policy_arns", "write policyArns, each ARN by a name"),
        (POD, "path", "write iamRolePath"),
        (PRINCIPAL, "bound_iam_principal_arn", "write principals"),
        (PRINCIPAL, "iamRoleArn", "write principals, a list"),
        (PRINCIPAL, "policyArns", "Vault's policies are policies"),
        (PRINCIPAL, "resolve_aws_unique_ids", "write a * at the end"),
        (INSTANCE, "inferred_aws_region", "write region"),
        (INSTANCE, "bound_region", "write region"),
        (INSTANCE, "bound_iam_instance_profile_arn", "write instanceProfileNames"),
        (INSTANCE, "bound_vpc_id", "did you mean boundVpcIds?"),
        (INSTANCE, "role_tag", "only Vault's auth type ec2 has it"),
        (INSTANCE, "policyArns", "Vault's policies are policies"),
    ],
)
def test_a_word_of_vault_or_aws_is_answered_with_what_to_write(
    login: dict[str, Any], word: str, said: str
) -> None:
    problem = problems("logins", {"app": {**login, word: "x"}})
    assert problem.startswith(f"vault-aws-auth:logins.app.{word}: is not a known key; ")
    assert said in problem


def test_the_region_from_the_client_is_answered_with_the_stacks_region() -> None:
    vault = {**CONFIG["vault-aws-auth:vault"], "useStsRegionFromClient": True}
    problem = problems("vault", vault)
    assert problem.startswith("vault-aws-auth:vault.useStsRegionFromClient: is not a known key; every caller")
    assert "stsRegion" in problem


def test_a_service_account_in_two_logins_is_told_how_to_have_two_vault_roles() -> None:
    problem = problems("logins", {"app": POD, "second": POD})
    assert problem.startswith("vault-aws-auth:logins.second.serviceAccounts[0]: ")
    assert (
        "write another, or, to give it a second Vault role, a login of kind principal with its IAM" in problem
    )
