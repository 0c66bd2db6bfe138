"""The role by which Vault looks into another account."""

import json
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from components import IamUserVaultIdentity, TrustedAccount, VaultAwsAuth
from tests.unit.recording import Recording, providers, record, refused

ROLE, POLICY = "aws:iam/role:Role", "aws:iam/policy:Policy"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
PROFILE = "aws:iam/instanceProfile:InstanceProfile"
PASSWORD = "random:index/randomPassword:RandomPassword"
STS_ROLE = "vault:aws/authBackendStsRole:AuthBackendStsRole"
VAULT = "arn:aws:iam::111111111111:user/vault-primary"
HCP: Any = {
    "account_id": "444444444444",
    "principal_arn": "arn:aws:iam::444444444444:role/HCP-Vault-5a6b-VaultNode",
}


def secondary() -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions(providers=[aws.Provider("aws-222222222222", region="us-east-1")])


def account(options: Any = secondary, **changes: Any) -> TrustedAccount:
    args: Any = {
        "account_id": "222222222222",
        "permissions": {"resolve_roles": True},
        "trusted_principals": [VAULT],
        **changes,
    }
    return TrustedAccount("account-2", args, options())


def trusted(**changes: Any) -> Recording:
    return record(lambda: account(**changes))


def statements(recording: Recording) -> Any:
    return json.loads(recording.one(ROLE, "account-2-role").inputs["assumeRolePolicy"])["Statement"]


def test_vault_may_assume_the_role_and_must_give_the_external_id() -> None:
    recording = trusted()
    role = recording.one(ROLE, "account-2-role")
    assert role.inputs["name"] == "trust-relationship-for-primary-aws-and-vault"
    assert (role.parent, role.provider) == ("account-2", "aws-222222222222")
    assert role.delete_before_replace
    assert statements(recording) == [
        {
            "Effect": "Allow",
            "Principal": {"AWS": VAULT},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": "the-random-password"}},
        }
    ]


def test_tags_are_allowed_without_the_external_id_which_aws_does_not_have_for_them() -> None:
    assumes, tags = statements(trusted(tagged_sessions=True))
    assert assumes["Condition"] == {"StringEquals": {"sts:ExternalId": "the-random-password"}}
    assert tags == {"Effect": "Allow", "Principal": {"AWS": VAULT}, "Action": "sts:TagSession"}


def test_the_external_id_is_made_and_stays_a_secret() -> None:
    recording = trusted()
    made = recording.one(PASSWORD, "account-2-external-id")
    assert made.inputs == {"length": 32, "special": False}
    assert made.parent == "account-2"
    assert "assumeRolePolicy" in recording.one(ROLE, "account-2-role").secrets
    (urn,) = [urn for urn in recording.outputs if urn.endswith("::account-2")]
    assert recording.secret_outputs[urn] == {"external_id"}


def test_an_external_id_can_be_given() -> None:
    recording = trusted(external_id="agreed-on")
    assert recording.of_type(PASSWORD) == []
    assert statements(recording)[0]["Condition"] == {"StringEquals": {"sts:ExternalId": "agreed-on"}}
    assert "assumeRolePolicy" in recording.one(ROLE, "account-2-role").secrets


def test_hcp_is_narrowed_to_the_nodes_of_the_cluster() -> None:
    (statement,) = statements(trusted(trusted_principals=[], hcp=HCP))
    assert statement == {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::444444444444:root"},
        "Action": "sts:AssumeRole",
        "Condition": {
            "ArnLike": {"aws:PrincipalArn": HCP["principal_arn"]},
            "StringEquals": {"sts:ExternalId": "the-random-password"},
        },
    }


def test_a_service_cannot_give_an_external_id() -> None:
    (statement,) = statements(trusted(trusted_principals=[], trusted_services=["ec2.amazonaws.com"]))
    assert statement == {
        "Effect": "Allow",
        "Principal": {"Service": "ec2.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }


def test_a_vault_on_ec2_instances_of_that_account_gets_the_role_by_an_instance_profile() -> None:
    recording = trusted(trusted_services=["ec2.amazonaws.com"], role_name="vault-lookups")
    profile = recording.one(PROFILE, "account-2-instance-profile")
    assert profile.inputs == {"name": "vault-lookups", "role": "vault-lookups"}
    assert (profile.parent, profile.provider) == ("account-2", "aws-222222222222")
    assert profile.delete_before_replace
    assert recording.outputs_of("account-2")["instance_profile"] == "vault-lookups"
    for services in ([], ["ecs-tasks.amazonaws.com"]):
        other = trusted(trusted_services=services)
        assert not other.of_type(PROFILE)
        assert other.outputs_of("account-2")["instance_profile"] == ""


def test_an_arn_that_is_vaults_identity_and_written_as_well_is_trusted_once() -> None:
    old = "arn:aws:iam::111111111111:user/vault-auth"
    recording = record(lambda: account(trusted_principals=[pulumi.Output.from_input(VAULT), old, VAULT]))
    (statement,) = statements(recording)
    assert statement["Principal"] == {"AWS": [VAULT, old]}


def test_all_three_kinds_of_trust_together() -> None:
    role = "arn:aws:iam::111111111111:role/vault"
    principals = [
        statement["Principal"]
        for statement in statements(
            trusted(trusted_principals=[VAULT, role], trusted_services=["ec2.amazonaws.com"], hcp=HCP)
        )
    ]
    assert principals == [
        {"AWS": [VAULT, role]},
        {"AWS": "arn:aws:iam::444444444444:root"},
        {"Service": "ec2.amazonaws.com"},
    ]


def test_the_role_may_do_what_the_logins_need_and_nothing_else() -> None:
    boundary = "arn:aws:iam::222222222222:policy/boundary"
    recording = trusted(
        permissions={"resolve_users": True}, policy_name="lookups", permissions_boundary=boundary
    )
    policy = recording.one(POLICY, "account-2-policy")
    assert policy.inputs["name"] == "lookups"
    (statement,) = json.loads(policy.inputs["policy"])["Statement"]
    assert statement["Action"] == ["iam:GetUser"]
    assert recording.one(ATTACHMENT, "account-2-policy-attachment").inputs == {
        "role": "trust-relationship-for-primary-aws-and-vault",
        "policyArn": "arn:aws:iam::222222222222:policy/lookups",
    }
    assert recording.one(ROLE, "account-2-role").inputs["permissionsBoundary"] == boundary
    assert recording.children("account-2") == {
        (ROLE, "account-2-role"),
        (POLICY, "account-2-policy"),
        (ATTACHMENT, "account-2-policy-attachment"),
        (PASSWORD, "account-2-external-id"),
    }
    assert {r.provider for r in recording.resources if r.type.startswith("aws:iam")} == {"aws-222222222222"}


def test_every_aws_resource_of_the_account_has_its_tags() -> None:
    recording = trusted(trusted_services=["ec2.amazonaws.com"], tags={"team": "a"})
    tagged = {r.type for r in recording.resources if r.inputs.get("tags") == {"team": "a"}}
    assert tagged == {ROLE, POLICY, PROFILE}


def test_sessions_with_tags_may_bring_them_along_and_more_lookups_can_be_granted() -> None:
    recording = trusted(tagged_sessions=True, permissions={}, all_lookups=True)
    assumes, tags = statements(recording)
    assert (assumes["Action"], tags["Action"]) == ("sts:AssumeRole", "sts:TagSession")
    (statement,) = json.loads(recording.one(POLICY, "account-2-policy").inputs["policy"])["Statement"]
    assert "iam:GetInstanceProfile" in statement["Action"]


def test_vault_is_told_role_and_external_id_once_the_role_may_look_up() -> None:
    def program() -> None:
        identity = IamUserVaultIdentity("identity", {"permissions": {"resolve_roles": True}}, providers())
        sts_role = account(trusted_principals=[identity.principal_arn]).sts_role
        args: Any = {"region": "us-east-1", "server_id_header": "", "sts_roles": {"222222222222": sts_role}}
        VaultAwsAuth("auth", args, providers())

    recording = record(program)
    sts_role = recording.one(STS_ROLE, "auth-sts-role-222222222222")
    assert sts_role.inputs["stsRole"] == (
        "arn:aws:iam::222222222222:role/trust-relationship-for-primary-aws-and-vault"
    )
    assert sts_role.inputs["externalId"] == "the-random-password"
    assert "externalId" in sts_role.secrets
    assert "account-2-policy-attachment" in sts_role.depends_on
    assert "identity-user" in recording.one(ROLE, "account-2-role").depends_on


def test_a_provider_of_the_wrong_account_is_told() -> None:
    with pytest.raises(
        ValueError, match="account_id: is 222222222222, but the role was made in 111111111111"
    ):
        trusted(options=providers)


def hcp(principal: str) -> dict[str, Any]:
    return {"hcp": {**HCP, "principal_arn": f"arn:aws:iam::{principal}"}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"account_id": "2222"}, "account_id: '2222' is not an account ID; write its 12 digits, in quotes"),
        ({"role_name": "a b"}, "role_name: 'a b' is not an IAM name"),
        ({"policy_name": "a b"}, "policy_name: 'a b' is not the name of an IAM policy"),
        ({"trusted_principals": []}, "has a role that nothing can assume; write trusted_principals, trusted"),
        ({"trusted_principals": ["arn:aws:iam::111111111111:root"]}, "trusted_principals[0]: 'arn:aws:iam::"),
        (
            {"trusted_principals": ["arn:aws:iam::111111111111:role/*"]},
            "trusted_principals[0]: 'arn:aws:iam::111111111111:role/*' has a wildcard",
        ),
        ({"trusted_services": ["ec2"]}, "trusted_services[0]: 'ec2' is not an AWS service; write e.g. ec2.a"),
        ({"trusted_services": ["*.amazonaws.com"]}, "trusted_services[0]: '*.amazonaws.com' is not an AWS s"),
        ({"hcp": {**HCP, "account_id": "4"}}, "hcp.account_id: '4' is not an account ID"),
        (hcp("444444444444:role/*"), "hcp.principal_arn: 'arn:aws:iam::444444444444:role/*' is every role o"),
        (hcp("555555555555:role/node"), "hcp.principal_arn: 'arn:aws:iam::555555555555:role/node' is not of"),
        ({"external_id": "the secret"}, "external_id: is not an external ID; write 2 to 1224 letters, digit"),
        ({"external_id": ["the secret"]}, "external_id: is not text; write it in quotes"),
        ({"permissions": {}}, "permissions: for the account 222222222222: no login needs anything of Vault'"),
    ],
)
def test_wrong_arguments_name_the_field(changes: Any, message: str) -> None:
    line = refused(lambda: account(**changes))
    assert line.startswith(message)
    assert "the secret" not in line
