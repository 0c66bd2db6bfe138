"""The logins: IAM side and Vault role together."""

import json
from typing import Any

import pulumi
import pytest

from components import Ec2InstanceLogin, ServiceAccountLogin, ServiceAccountMode, VaultAwsAuth
from components.logins.principal import PrincipalLogin
from tests.unit.recording import ISSUER, Recording, providers, record

ROLE, VAULT_ROLE = "aws:iam/role:Role", "vault:aws/authBackendRole:AuthBackendRole"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
ENDPOINT = "vault:generic/endpoint:Endpoint"
ACCOUNT = "kubernetes:core/v1:ServiceAccount"
PATCH = "kubernetes:core/v1:ServiceAccountPatch"
PROVIDER_ARN = f"arn:aws:iam::111111111111:oidc-provider/{ISSUER}"
NODE_ROLE = "arn:aws:iam::111111111111:role/node"


def pod(**changes: Any) -> Recording:
    args: Any = {
        "connection": {"path": "aws"},
        "oidc_issuer": f"https://{ISSUER}",
        "oidc_provider_arn": PROVIDER_ARN,
        "service_accounts": [{"namespace": "app", "name": "api"}],
        "token": {"policies": ["dev"], "max_ttl": "768h"},
        **changes,
    }
    return record(lambda: ServiceAccountLogin("pod", args, providers()))


def node(answers: Any = None, **changes: Any) -> Recording:
    args: Any = {
        "connection": {"path": "aws"},
        "region": "us-east-1",
        "role_arns": [NODE_ROLE],
        "token": {"policies": ["dev"]},
        **changes,
    }
    return record(lambda: Ec2InstanceLogin("node", args, providers()), answers=answers)


def found(arn: str) -> Any:
    """IAM's answer, whatever role it is asked for by name."""
    return {"aws:iam/getRole:getRole": lambda _: {"arn": arn, "uniqueId": "AROA-found"}}


CLUSTER: Any = {
    "method": "pod-identity",
    "cluster_name": "eks1",
    "cluster_arn": "arn:aws:eks:us-east-1:111111111111:cluster/eks1",
}


def people() -> Recording:
    args: Any = {"connection": {"path": "aws"}, "principals": [NODE_ROLE], "token": {"policies": ["dev"]}}
    return record(lambda: PrincipalLogin("people", args, providers()))


def trust(recording: Recording) -> Any:
    return json.loads(recording.one(ROLE, "pod-iam-role").inputs["assumeRolePolicy"])


# Service accounts


def test_only_the_service_account_may_assume_the_role() -> None:
    recording = pod()
    role = recording.one(ROLE, "pod-iam-role")
    assert role.inputs["name"] == "pod"
    assert (role.parent, role.provider, role.delete_before_replace) == ("pod", "aws", True)
    assert trust(recording)["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"Federated": PROVIDER_ARN},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                "StringEquals": {
                    f"{ISSUER}:aud": "sts.amazonaws.com",
                    f"{ISSUER}:sub": "system:serviceaccount:app:api",
                }
            },
        }
    ]


def test_the_role_has_no_permissions() -> None:
    recording = pod()
    assert recording.children("pod") == {
        (ROLE, "pod-iam-role"),
        (ACCOUNT, "pod-app.api-service-account"),
        (VAULT_ROLE, "pod-vault-role"),
    }


def test_the_service_account_is_made_with_its_annotation() -> None:
    account = pod().one(ACCOUNT, "pod-app.api-service-account")
    assert account.inputs["metadata"] == {
        "name": "api",
        "namespace": "app",
        "annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::111111111111:role/pod"},
    }
    assert (account.parent, account.provider) == ("pod", "kubernetes")


def test_an_existing_service_account_is_patched_instead() -> None:
    recording = pod(service_account_mode=ServiceAccountMode.PATCH)
    assert recording.of_type(ACCOUNT) == []
    patch = recording.one(PATCH, "pod-app.api-service-account")
    assert patch.inputs["metadata"]["annotations"] == {
        "eks.amazonaws.com/role-arn": "arn:aws:iam::111111111111:role/pod"
    }
    assert patch.provider == "kubernetes"


def test_with_pod_identity_the_same_role_is_given_by_an_association() -> None:
    irsa, recording = pod(), pod(**CLUSTER)
    assert recording.one(ROLE, "pod-iam-role").urn == irsa.one(ROLE, "pod-iam-role").urn
    assert {statement["Principal"]["Service"] for statement in trust(recording)["Statement"]} == {
        "pods.eks.amazonaws.com"
    }
    association = recording.one(ASSOCIATION, "pod-app.api-pod-identity")
    assert association.inputs["roleArn"] == "arn:aws:iam::111111111111:role/pod"
    assert (association.parent, association.provider) == ("pod", "aws")
    assert recording.children("pod") - irsa.children("pod") == {(ASSOCIATION, "pod-app.api-pod-identity")}
    assert recording.outputs_of("pod") == irsa.outputs_of("pod")


def test_with_pod_identity_the_service_account_has_no_annotation() -> None:
    account = pod(**CLUSTER).one(ACCOUNT, "pod-app.api-service-account")
    assert account.inputs["metadata"] == {"name": "api", "namespace": "app"}
    with pytest.raises(
        ValueError, match="service_account_mode: patch has nothing to add with the method pod"
    ):
        pod(**CLUSTER, service_account_mode=ServiceAccountMode.PATCH)


def test_policies_can_be_attached_to_the_role() -> None:
    managed, own = "arn:aws:iam::aws:policy/service-role/Logs", "arn:aws:iam::111111111111:policy/Logs"
    recording = pod(policy_arns={"logs": managed, "own": own})
    assert {(r.name, r.inputs["policyArn"]) for r in recording.of_type(ATTACHMENT)} == {
        ("pod-logs-policy", managed),
        ("pod-own-policy", own),
    }
    attachment = recording.of_type(ATTACHMENT)[0]
    assert (attachment.inputs["role"], attachment.parent, attachment.provider) == ("pod", "pod", "aws")


def test_service_accounts_can_be_left_to_others() -> None:
    recording = pod(service_account_mode=ServiceAccountMode.NONE)
    assert not recording.of_type(ACCOUNT) + recording.of_type(PATCH)


def test_several_service_accounts_share_one_login() -> None:
    accounts = [{"namespace": "gloo-system", "name": name} for name in ("gloo", "discovery")]
    recording = pod(service_accounts=accounts)
    assert trust(recording)["Statement"][0]["Condition"]["StringEquals"][f"{ISSUER}:sub"] == [
        "system:serviceaccount:gloo-system:gloo",
        "system:serviceaccount:gloo-system:discovery",
    ]
    assert {account.name for account in recording.of_type(ACCOUNT)} == {
        "pod-gloo-system.gloo-service-account",
        "pod-gloo-system.discovery-service-account",
    }


def test_service_accounts_whose_joined_names_are_the_same_are_told_apart() -> None:
    accounts = [{"namespace": "a-b", "name": "c"}, {"namespace": "a", "name": "b-c"}]
    made = pod(service_accounts=accounts).of_type(ACCOUNT)
    assert len({account.urn for account in made}) == 2


def test_wildcards_are_taken_only_when_allowed() -> None:
    accounts = [{"namespace": "ci-*", "name": "runner"}]
    with pytest.raises(ValueError, match=r"service_accounts: ci-\*/runner has a wildcard"):
        pod(service_accounts=accounts)
    with pytest.raises(ValueError, match="set service_account_mode to none"):
        pod(service_accounts=accounts, allow_wildcards=True)
    condition = trust(
        pod(service_accounts=accounts, allow_wildcards=True, service_account_mode=ServiceAccountMode.NONE)
    )["Statement"][0]["Condition"]
    assert condition == {
        "StringEquals": {f"{ISSUER}:aud": "sts.amazonaws.com"},
        "StringLike": {f"{ISSUER}:sub": "system:serviceaccount:ci-*:runner"},
    }


def test_only_the_iam_role_may_use_the_vault_role() -> None:
    role = pod(vault_role="dev-role").one(VAULT_ROLE, "pod-vault-role")
    assert role.inputs == {
        "backend": "aws",
        "role": "dev-role",
        "authType": "iam",
        "boundIamPrincipalArns": ["arn:aws:iam::111111111111:role/pod"],
        "resolveAwsUniqueIds": True,
        "tokenPolicies": ["dev"],
        "tokenTtl": 768 * 3600,
        "tokenMaxTtl": 768 * 3600,
    }
    assert (role.parent, role.provider) == ("pod", "vault")


def pinned(recording: Recording, login: str) -> Any:
    return json.loads(recording.one(ENDPOINT, f"{login}-principal-ids").inputs["dataJson"])


def test_the_vault_role_follows_an_iam_role_that_is_made_anew() -> None:
    """Vault keeps the principal's unique ID: an IAM role of the same ARN is another principal to it."""
    recording = pod(vault_role="dev-role")
    role = recording.one(VAULT_ROLE, "pod-vault-role")
    assert role.replacement_trigger == "AROA-pod"
    assert "pod-iam-role" in role.depends_on
    assert not recording.of_type(ENDPOINT), "another resource would write the same Vault role"


def test_a_vault_role_of_principals_that_others_make_is_never_away() -> None:
    """It binds several: when one of them was made anew, the others log in all the while."""
    recording = node()
    assert recording.one(VAULT_ROLE, "node-vault-role").replacement_trigger is None
    endpoint = recording.one(ENDPOINT, "node-principal-ids")
    assert endpoint.inputs["path"] == "node-vault-role-id"
    assert (endpoint.parent, endpoint.provider) == ("node", "vault")
    assert "node-vault-role" in endpoint.depends_on, "what is written anew exists"


def test_the_vault_role_is_shared_by_two_resources_and_deleted_by_one() -> None:
    inputs = node().one(ENDPOINT, "node-principal-ids").inputs
    assert inputs["disableDelete"] is True
    assert inputs["ignoreAbsentFields"] is True


def test_a_vault_role_that_is_replaced_does_not_take_its_successor_along() -> None:
    assert pod().one(VAULT_ROLE, "pod-vault-role").delete_before_replace
    assert node().one(VAULT_ROLE, "node-vault-role").delete_before_replace


LOGINS = "vault-aws-auth:index:"


@pytest.mark.parametrize(
    ("login", "others"),
    [
        (pod, {"Ec2InstanceLogin", "PrincipalLogin"}),
        (node, {"PrincipalLogin", "ServiceAccountLogin"}),
        (people, {"Ec2InstanceLogin", "ServiceAccountLogin"}),
    ],
)
def test_a_login_that_changes_its_kind_does_not_delete_its_new_vault_role(
    login: Any, others: set[str]
) -> None:
    recording = login()
    component = next(r for r in recording.resources if r.type.startswith(LOGINS))
    assert component.alias_types == {f"{LOGINS}{other}" for other in others}
    # The bounds of instances would stay in Vault if they were only left out.
    assert recording.of_type(VAULT_ROLE)[0].replace_on_changes == {"inferredEntityType"}


def test_the_vault_role_waits_for_the_client_config() -> None:
    def program() -> None:
        options = providers()
        auth = VaultAwsAuth("auth", {"region": "us-east-1", "server_id_header": ""}, options)
        Ec2InstanceLogin(
            "node",
            {
                "connection": auth.connection,
                "region": "us-east-1",
                "role_arns": [NODE_ROLE],
                "token": {"policies": ["dev"]},
            },
            options,
        )

    assert "auth-client" in record(program).one(VAULT_ROLE, "node-vault-role").depends_on


def test_outputs_of_a_service_account_login() -> None:
    assert pod().outputs_of("pod") == {
        "vault_role": "pod",
        "iam_role_arn": "arn:aws:iam::111111111111:role/pod",
        "service_accounts": ["app/api"],
        "principals": ["arn:aws:iam::111111111111:role/pod"],
    }


# EC2 instances


def test_an_instance_login_binds_profile_role_and_caller() -> None:
    recording = node(token={"policies": ["dev"], "max_ttl": "2h", "ttl": "15m"})
    role = recording.one(VAULT_ROLE, "node-vault-role")
    assert role.inputs == {
        "backend": "aws",
        "role": "node",
        "authType": "iam",
        "inferredEntityType": "ec2_instance",
        "inferredAwsRegion": "us-east-1",
        "boundAccountIds": ["111111111111"],
        "boundIamInstanceProfileArns": ["arn:aws:iam::111111111111:instance-profile/eks-*"],
        "boundIamRoleArns": [NODE_ROLE],
        "boundIamPrincipalArns": [NODE_ROLE],
        "resolveAwsUniqueIds": True,
        "tokenPolicies": ["dev"],
        "tokenTtl": 900,
        "tokenMaxTtl": 7200,
    }
    assert recording.children("node") == {(VAULT_ROLE, "node-vault-role"), (ENDPOINT, "node-principal-ids")}
    assert role.provider == "vault"
    assert pinned(recording, "node") == {
        "bound_iam_principal_arn": [NODE_ROLE],
        "bound_iam_principal_id": ["AROA-node"],
    }
    assert recording.calls == [("aws:iam/getRole:getRole", {"name": "node"}, "aws")]


def test_an_instance_login_in_another_partition() -> None:
    arn = "arn:aws-us-gov:iam::111111111111:role/team/node"
    recording = node(found(arn), role_arns=[arn], instance_profile_names=["web"])
    inputs = recording.one(VAULT_ROLE, "node-vault-role").inputs
    assert inputs["boundIamInstanceProfileArns"] == ["arn:aws-us-gov:iam::111111111111:instance-profile/web"]


OTHER = "arn:aws:iam::222222222222:role/node"
BOTH = {"path": "aws", "accounts": ["111111111111", "222222222222"]}


def test_the_roles_of_instances_of_another_account_are_not_looked_for_in_this_one() -> None:
    recording = node(connection=BOTH, role_arns=[OTHER])
    assert recording.calls == []
    assert recording.children("node") == {(VAULT_ROLE, "node-vault-role")}
    assert recording.one(VAULT_ROLE, "node-vault-role").inputs["boundAccountIds"] == ["222222222222"]
    # A provider of that account can be handed over; one of another account is told.
    asked = node(found(OTHER), connection=BOTH, role_arns=[OTHER], look_up=True)
    assert pinned(asked, "node")["bound_iam_principal_id"] == ["AROA-found"]
    with pytest.raises(ValueError, match=r"role_arns: .* was looked for in the account 1+; hand"):
        node(connection=BOTH, role_arns=[OTHER], look_up=True)


def test_the_role_of_instances_is_named_with_its_path() -> None:
    """Vault resolves the name alone, and then no profile would hold the role that is bound."""
    real = "arn:aws:iam::111111111111:role/team/node"
    with pytest.raises(ValueError, match=f"role_arns: .* write it as IAM has it, with its path: {real}"):
        node(found(real))


@pytest.mark.parametrize("known", [True, False])
def test_instances_of_an_account_that_vault_cannot_look_into_are_told_at_preview(known: bool) -> None:
    def program() -> None:
        args: Any = {
            "connection": {"path": "aws", "accounts": ["111111111111", "333333333333"]},
            "region": "us-east-1",
            "role_arns": [OTHER if known else pulumi.Output.from_input(OTHER)],
            "token": {"policies": ["dev"]},
        }
        Ec2InstanceLogin("node", args, providers())

    with pytest.raises(ValueError, match=r"role_arns: .* is of the account 2+, and Vault looks only into 1+"):
        record(program)


def test_outputs_of_an_instance_login() -> None:
    assert node().outputs_of("node") == {
        "vault_role": "node",
        "iam_role_arn": NODE_ROLE,
        "service_accounts": [],
        "principals": [NODE_ROLE],
    }


@pytest.mark.parametrize(
    ("login", "changes", "message"),
    [
        (pod, {"service_accounts": []}, "service_accounts: name at least one"),
        (pod, {"service_accounts": [{"namespace": "A", "name": "b"}]}, "service_accounts: A/b is not a Kube"),
        (
            pod,
            {"service_accounts": [{"namespace": "*", "name": "b"}], "allow_wildcards": True},
            r"service_accounts: \*/b is of every namespace",
        ),
        (
            pod,
            {"policy_arns": {"a": "arn:aws:iam::aws:role/a"}},
            "policy_arns.a: .* is not the ARN of an IAM policy",
        ),
        (pod, {"policy_arns": {"a": "ReadOnly"}}, "policy_arns.a: 'ReadOnly' is not an ARN"),
        (pod, {"token": {"policies": []}}, r"token.policies: name at least one"),
        (pod, {"token": {"policies": ["a"], "max_ttl": "1y"}}, "token.max_ttl: '1y' is not a duration"),
        (pod, {"token": {"policies": ["a"], "ttl": "2h"}}, "token.ttl: 2h is longer than max_ttl, 1h"),
        (pod, {"oidc_issuer": "https://other"}, "is not the OIDC provider of the issuer"),
        (
            pod,
            {"vault_role": "Dev"},
            "vault_role: 'Dev' has upper case, which Vault does not keep; write dev",
        ),
        (node, {"vault_role": "a/b"}, "vault_role: 'a/b' is not the name of a Vault role"),
        (node, {"region": "moon"}, "region: 'moon' is not an AWS region"),
        (node, {"role_arns": []}, "role_arns: name at least one"),
        (node, {"role_arns": ["arn:aws:iam::111111111111:role/n*"]}, "has a wildcard"),
        (node, {"role_arns": [NODE_ROLE, NODE_ROLE.replace("1", "2")]}, "declare one login for each"),
        (node, {"instance_profile_names": ["a*b"]}, r"instance_profile_names: 'a\*b' is not a name"),
    ],
)
def test_wrong_arguments_name_the_field(login: Any, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        login(**changes)
