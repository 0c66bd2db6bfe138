"""The logins: IAM side and Vault role together."""

import json
from typing import Any

import pulumi
import pytest

from components import (
    ArgumentError,
    Ec2InstanceLogin,
    EcsTaskLogin,
    PrincipalLogin,
    ServiceAccountLogin,
    ServiceAccountMode,
    VaultAwsAuth,
)
from components.logins import KINDS
from tests.unit.recording import CLUSTER, ISSUER, Recording, providers, record, refused

ROLE, VAULT_ROLE = "aws:iam/role:Role", "vault:aws/authBackendRole:AuthBackendRole"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
ENDPOINT = "vault:generic/endpoint:Endpoint"
ACCOUNT = "kubernetes:core/v1:ServiceAccount"
PATCH = "kubernetes:core/v1:ServiceAccountPatch"
NODE_ROLE = "arn:aws:iam::111111111111:role/node"


LEFT_ALONE = ServiceAccountMode.NONE
POD_IDENTITY: Any = {"method": "pod-identity"}


def pod_login(**changes: Any) -> ServiceAccountLogin:
    args: Any = {
        "connection": {"path": "aws"},
        "cluster": CLUSTER,
        "service_accounts": ["app/api"],
        "policies": ["dev"],
        "max_ttl": "768h",
        **changes,
    }
    return ServiceAccountLogin("pod", args, providers())


def node_login(**changes: Any) -> Ec2InstanceLogin:
    args: Any = {
        "connection": {"path": "aws"},
        "region": "us-east-1",
        "role_arns": [NODE_ROLE],
        "policies": ["dev"],
        **changes,
    }
    return Ec2InstanceLogin("node", args, providers())


def pod(**changes: Any) -> Recording:
    return record(lambda: pod_login(**changes))


def node(answers: Any = None, **changes: Any) -> Recording:
    return record(lambda: node_login(**changes), answers=answers)


def task(**changes: Any) -> Recording:
    args: Any = {"connection": {"path": "aws"}, "region": "us-east-1", "policies": ["dev"], **changes}
    return record(lambda: EcsTaskLogin("task", args, providers()))


def people() -> Recording:
    args: Any = {"connection": {"path": "aws"}, "principals": [NODE_ROLE], "policies": ["dev"]}
    return record(lambda: PrincipalLogin("people", args, providers()))


def found(arn: str) -> Any:
    """IAM's answer, whatever role it is asked for by name."""
    return {"aws:iam/getRole:getRole": lambda _: {"arn": arn, "uniqueId": "AROA-found"}}


def trust(recording: Recording, name: str = "pod") -> Any:
    return json.loads(recording.one(ROLE, f"{name}-iam-role").inputs["assumeRolePolicy"])


# Service accounts


def test_another_component_name_leaves_alone_what_can_exist_only_once() -> None:
    """Vault role and IAM role of a login can change one by one, and its service accounts stay."""

    def named(name: str) -> Recording:
        args: Any = {
            "connection": {"path": "aws"},
            "cluster": CLUSTER,
            "service_accounts": ["app/api"],
            "method": "pod-identity",
            "policies": ["dev"],
            "iam_role_name": "shop",
            "policy_arns": {"read": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
            "vault_lookups": True,
            "named_after_objects": True,
        }
        return record(lambda: ServiceAccountLogin(name, args, providers()))

    def objects(recording: Recording) -> set[str]:
        return {r.urn for r in recording.resources if r.type.startswith(("aws:", "kubernetes:"))}

    before, after = named("pod"), named("pod2")
    assert objects(before) == objects(after)
    assert len(objects(after)) == 6
    assert before.one(VAULT_ROLE, "pod-vault-role").urn != after.one(VAULT_ROLE, "pod2-vault-role").urn


def test_only_the_service_account_may_assume_the_role() -> None:
    recording = pod()
    role = recording.one(ROLE, "pod-iam-role")
    assert role.inputs["name"] == "pod"
    assert (role.parent, role.provider, role.delete_before_replace) == ("pod", "aws", True)
    assert trust(recording)["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"Federated": CLUSTER["oidc_provider_arn"]},
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
    irsa, recording = pod(), pod(**POD_IDENTITY)
    assert recording.one(ROLE, "pod-iam-role").urn == irsa.one(ROLE, "pod-iam-role").urn
    (statement,) = trust(recording)["Statement"]
    assert statement["Condition"]["StringEquals"] == {
        "aws:RequestTag/eks-cluster-arn": CLUSTER["arn"],
        "aws:RequestTag/kubernetes-namespace": "app",
        "aws:RequestTag/kubernetes-service-account": "api",
    }
    association = recording.one(ASSOCIATION, "pod-app.api-pod-identity")
    assert association.inputs == {
        "clusterName": "eks1",
        "namespace": "app",
        "serviceAccount": "api",
        "roleArn": "arn:aws:iam::111111111111:role/pod",
        # Without the tags the trust policy would refuse the role.
        "disableSessionTags": False,
    }
    assert (association.parent, association.provider) == ("pod", "aws")
    # A cluster that is made again under its name has none any more, and another issuer.
    assert association.replacement_trigger == CLUSTER["oidc_issuer"]
    assert recording.children("pod") - irsa.children("pod") == {(ASSOCIATION, "pod-app.api-pod-identity")}
    assert recording.outputs_of("pod") == irsa.outputs_of("pod")


def test_with_pod_identity_each_service_account_of_each_namespace_has_an_association() -> None:
    recording = pod(**POD_IDENTITY, service_accounts=["app/api", "other/api", "app/worker"])
    assert len(trust(recording)["Statement"]) == 2
    assert {r.name for r in recording.of_type(ASSOCIATION)} == {
        f"pod-{account}-pod-identity" for account in ("app.api", "other.api", "app.worker")
    }


def test_with_pod_identity_the_service_account_has_no_annotation() -> None:
    account = pod(**POD_IDENTITY).one(ACCOUNT, "pod-app.api-service-account")
    assert account.inputs["metadata"] == {"name": "api", "namespace": "app"}


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
    recording = pod(service_accounts=["gloo-system/gloo", "gloo-system/discovery"])
    assert trust(recording)["Statement"][0]["Condition"]["StringEquals"][f"{ISSUER}:sub"] == [
        "system:serviceaccount:gloo-system:gloo",
        "system:serviceaccount:gloo-system:discovery",
    ]
    assert {account.name for account in recording.of_type(ACCOUNT)} == {
        "pod-gloo-system.gloo-service-account",
        "pod-gloo-system.discovery-service-account",
    }


def test_service_accounts_whose_joined_names_are_the_same_are_told_apart() -> None:
    made = pod(service_accounts=["a-b/c", "a/b-c"]).of_type(ACCOUNT)
    assert len({account.urn for account in made}) == 2


def test_wildcards_are_patterns_of_the_service_account_alone() -> None:
    recording = pod(service_accounts=["ci-*/runner"], allow_wildcards=True, service_account_mode=LEFT_ALONE)
    assert trust(recording)["Statement"][0]["Condition"] == {
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


def looked_up(recording: Recording, login: str) -> Any:
    return recording.one(VAULT_ROLE, f"{login}-principal-ids").replacement_trigger


def test_the_vault_role_follows_an_iam_role_that_is_made_anew() -> None:
    """Vault keeps the principal's unique ID: an IAM role of the same ARN is another principal to it."""
    recording = pod(vault_role="dev-role")
    role = recording.one(VAULT_ROLE, "pod-vault-role")
    assert role.replacement_trigger == "AROA-pod"
    assert "pod-iam-role" in role.depends_on
    assert len(recording.of_type(VAULT_ROLE)) == 1, "another resource would write the same Vault role"


def test_a_vault_role_of_principals_that_others_make_is_never_away() -> None:
    """It binds several: when one of them was made anew, the others log in all the while."""
    recording = node()
    assert recording.one(VAULT_ROLE, "node-vault-role").replacement_trigger == ""  # always the same
    again = recording.one(VAULT_ROLE, "node-principal-ids")
    assert again.inputs == recording.one(VAULT_ROLE, "node-vault-role").inputs
    assert (again.parent, again.provider) == ("node", "vault")
    assert "node-vault-role" in again.depends_on, "what is written anew exists"
    assert again.replacement_trigger == ["AROA-node"]
    assert not again.delete_before_replace


def test_the_vault_role_is_shared_by_two_resources_and_deleted_by_one() -> None:
    recording = node()
    assert recording.one(VAULT_ROLE, "node-principal-ids").retain_on_delete
    assert not recording.one(VAULT_ROLE, "node-vault-role").retain_on_delete


def test_what_looks_a_principal_up_waits_for_aws() -> None:
    """The provider waits with a Vault role, and not with a generic endpoint: after a first success, Vault's
    own permission, or the principal, may be missing at the next replica of IAM."""
    for recording in (pod(), node(), people()):
        assert not [each for each in recording.resources if each.type.startswith("vault:generic/")]


def test_a_vault_role_that_is_replaced_does_not_take_its_successor_along() -> None:
    assert pod().one(VAULT_ROLE, "pod-vault-role").delete_before_replace
    assert node().one(VAULT_ROLE, "node-vault-role").delete_before_replace


LOGINS = "vault-aws-auth:index:"


@pytest.mark.parametrize("login", [pod, node, task, people])
def test_a_login_that_changes_its_kind_does_not_delete_its_new_vault_role(login: Any) -> None:
    recording = login()
    component = next(r for r in recording.resources if r.type.startswith(LOGINS))
    kinds = {f"{LOGINS}{kind.__name__}" for kind in KINDS.values()}
    assert component.alias_types == kinds - {component.type}
    assert len(kinds) > 2
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
                "policies": ["dev"],
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
        "iam_role_name": "pod",
        "iam_role_unique_id": "AROA-pod",
    }


# ECS tasks


def test_only_ecs_may_assume_the_role_for_a_task_of_this_account_and_region() -> None:
    recording = task()
    role = recording.one(ROLE, "task-iam-role")
    assert role.inputs["name"] == "task"
    assert (role.parent, role.provider, role.delete_before_replace) == ("task", "aws", True)
    assert trust(recording, "task")["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"Service": "ecs-tasks.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {
                "StringEquals": {"aws:SourceAccount": "111111111111"},
                "ArnLike": {"aws:SourceArn": "arn:aws:ecs:us-east-1:111111111111:*"},
            },
        }
    ]
    assert recording.calls == [("aws:index/getCallerIdentity:getCallerIdentity", {}, "aws")]


def test_a_task_role_has_no_permissions_and_its_vault_role_follows_it() -> None:
    recording = task(vault_role="dev-role", max_ttl="2h", ttl="15m")
    assert recording.children("task") == {(ROLE, "task-iam-role"), (VAULT_ROLE, "task-vault-role")}
    arn = "arn:aws:iam::111111111111:role/task"
    role = recording.one(VAULT_ROLE, "task-vault-role")
    assert role.inputs == {
        "backend": "aws",
        "role": "dev-role",
        "authType": "iam",
        "boundIamPrincipalArns": [arn],
        "resolveAwsUniqueIds": True,
        "tokenPolicies": ["dev"],
        "tokenTtl": 900,
        "tokenMaxTtl": 7200,
    }
    assert (role.provider, role.replacement_trigger) == ("vault", "AROA-task")
    assert recording.outputs_of("task") == {
        "vault_role": "dev-role",
        "iam_role_arn": arn,
        "iam_role_name": "task",
        "iam_role_unique_id": "AROA-task",
        "service_accounts": [],
        "principals": [arn],
    }


def test_a_task_role_can_be_named_bounded_tagged_and_given_policies() -> None:
    boundary, read = (f"arn:aws:iam::111111111111:policy/{name}" for name in ("boundary", "read"))
    recording = task(
        iam_role_name="api-task",
        permissions_boundary=boundary,
        tags={"team": "a"},
        policy_arns={"read": read},
    )
    inputs = recording.one(ROLE, "task-iam-role").inputs
    assert (inputs["name"], inputs["permissionsBoundary"], inputs["tags"]) == (
        "api-task",
        boundary,
        {"team": "a"},
    )
    attachment = recording.one(ATTACHMENT, "task-read-policy")
    assert attachment.inputs == {"role": "api-task", "policyArn": read}
    assert (attachment.parent, attachment.provider) == ("task", "aws")


def test_a_task_of_another_partition_has_that_partitions_arn() -> None:
    recording = task(region="cn-north-1")
    (statement,) = trust(recording, "task")["Statement"]
    assert statement["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
    assert statement["Condition"]["ArnLike"] == {"aws:SourceArn": "arn:aws-cn:ecs:cn-north-1:111111111111:*"}


# EC2 instances


def test_an_instance_login_binds_profile_role_and_caller() -> None:
    recording = node(max_ttl="2h", ttl="15m")
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
    assert recording.children("node") == {(VAULT_ROLE, "node-vault-role"), (VAULT_ROLE, "node-principal-ids")}
    assert role.provider == "vault"
    assert looked_up(recording, "node") == ["AROA-node"]
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
    assert looked_up(asked, "node") == ["AROA-found"]
    with pytest.raises(ValueError, match=r"role_arns: .* was looked for in the account 1+; hand"):
        node(connection=BOTH, role_arns=[OTHER], look_up=True)


def test_the_role_of_instances_is_named_with_its_path() -> None:
    """Vault resolves the name alone, and then no profile would hold the role that is bound."""
    real = "arn:aws:iam::111111111111:role/team/node"
    with pytest.raises(ValueError, match=f"role_arns: .* write it as IAM has it, with its path: {real}"):
        node(found(real))


def test_instances_of_an_account_that_vault_cannot_look_into_are_refused_when_they_are_known() -> None:
    connection = {"path": "aws", "accounts": ["111111111111"]}
    with pytest.raises(ValueError, match=r"role_arns: is of the account 2+, and Vault looks only into 1+"):
        record(lambda: node_login(connection=connection, role_arns=[pulumi.Output.from_input(OTHER)]))


def test_nodes_of_the_clusters_groups_may_log_in() -> None:
    cluster = {**CLUSTER, "node_role_arns": {"blue": NODE_ROLE, "green": f"{NODE_ROLE}-green"}}
    role = node(role_arns=[], node_groups=["blue"], cluster=cluster).one(VAULT_ROLE, "node-vault-role")
    assert role.inputs["boundIamRoleArns"] == [NODE_ROLE]
    with pytest.raises(
        ValueError, match="node_groups: 'red' is not a node group of the cluster; known: blue, g"
    ):
        node(role_arns=[], node_groups=["red"], cluster=cluster)


def test_node_roles_that_are_made_with_the_cluster_are_not_looked_up() -> None:
    """IAM may not find them yet, and then there would be no program to go on with."""
    cluster = {
        **CLUSTER,
        "node_role_arns": {"blue": NODE_ROLE, "green": f"{NODE_ROLE}-green"},
        "node_role_ids": {"blue": "AROA-made"},
    }
    recording = node(role_arns=[], node_groups=["blue"], cluster=cluster)
    assert looked_up(recording, "node") == ["AROA-made"]
    assert recording.calls == []
    recording = node(role_arns=[NODE_ROLE], node_groups=["blue"], cluster=cluster)
    assert looked_up(recording, "node") == ["AROA-made", "AROA-node"]


def test_outputs_of_an_instance_login() -> None:
    assert node().outputs_of("node") == {
        "vault_role": "node",
        "iam_role_arn": NODE_ROLE,
        "iam_role_name": "",
        "iam_role_unique_id": "",
        "service_accounts": [],
        "principals": [NODE_ROLE],
    }


# All of them


def test_what_is_told_of_a_login_may_be_known_only_later() -> None:
    def program(**changes: Any) -> Any:
        later = pulumi.Output.from_input
        token = {"policies": [later("dev")], "ttl": later("15m"), "max_ttl": later("1h")}
        wired = {
            "connection": later({"path": "aws", "accounts": ["111111111111"]}),
            "cluster": later(CLUSTER),
        }
        return pod_login(**{**token, **wired, **{name: [later(value)] for name, value in changes.items()}})

    recording = record(program)
    role = recording.one(VAULT_ROLE, "pod-vault-role")
    assert (role.inputs["backend"], role.inputs["tokenPolicies"]) == ("aws", ["dev"])
    assert (role.inputs["tokenTtl"], role.inputs["tokenMaxTtl"]) == (900, 3600)
    assert trust(recording) == trust(pod())
    with pytest.raises(ValueError, match=r"cluster\.oidc_provider_arn: is missing; the method irsa needs it"):
        record(lambda: pod_login(cluster=pulumi.Output.from_input({"name": "eks1"})))
    with pytest.raises(ArgumentError, match=r"^policies\[0\]: 'root' is not the name of a Vault policy"):
        record(lambda: program(policies="root"))


def test_the_issuer_is_that_of_the_provider_unless_it_is_given() -> None:
    provider = {"oidc_provider_arn": CLUSTER["oidc_provider_arn"]}
    assert trust(pod(cluster=provider)) == trust(pod())
    with pytest.raises(ValueError, match="is not the OIDC provider of the issuer 'https://other'"):
        pod(cluster={**CLUSTER, "oidc_issuer": "https://other"})


def test_aws_resources_of_a_login_have_its_tags() -> None:
    recording = pod(**POD_IDENTITY, vault_lookups=True, tags={"team": "a"})
    tagged = {r.type for r in recording.resources if r.inputs.get("tags") == {"team": "a"}}
    assert tagged == {ROLE, ASSOCIATION, "aws:iam/policy:Policy"}


def test_the_iam_roles_sessions_can_be_longer_than_an_hour() -> None:
    def longest(recording: Recording) -> Any:
        return recording.one(ROLE, "pod-iam-role").inputs.get("maxSessionDuration")

    assert longest(pod()) is None
    assert longest(pod(max_session_duration="4h")) == 14_400
    assert refused(lambda: pod_login(max_session_duration="13h")) == (
        "max_session_duration: '13h' is out of range; write 1h to 12h: IAM allows no other"
    )


def test_the_lookups_that_vault_makes_can_be_granted_to_a_pod_too() -> None:
    recording = pod(vault_lookups=True, lookups={"resolve_users": True})
    policy = recording.one("aws:iam/policy:Policy", "pod-lookups")
    assert (policy.inputs["name"], policy.parent, policy.alias_parents) == ("pod-lookups", "pod", {""})
    (statement,) = json.loads(policy.inputs["policy"])["Statement"]
    assert statement["Action"] == ["iam:GetUser"]
    assert recording.one(ATTACHMENT, "pod-vault-lookups-policy").inputs["role"] == "pod"


WILD = {"service_accounts": ["ci-*/runner"]}
ALLOWED = {**WILD, "allow_wildcards": True}
ACCOUNTS = ["111111111111", "333333333333"]


@pytest.mark.parametrize(
    ("login", "changes", "message"),
    [
        (pod_login, {"service_accounts": []}, "service_accounts: is empty; write at least one entry: a serv"),
        (pod_login, {"service_accounts": ["a/b", "c/d", "a/b"]}, "service_accounts: contains duplicates"),
        (pod_login, {"service_accounts": ["A/b"]}, "service_accounts[0]: 'A/b' is not a Kubernetes namespac"),
        (pod_login, {"service_accounts": ["*/b"]}, "service_accounts[0]: '*/b' matches every namespace; wri"),
        (pod_login, {"service_accounts": [{"name": "b"}]}, "service_accounts[0]: is not text; write it in q"),
        (pod_login, WILD, "service_accounts: 'ci-*/runner' has a wildcard; write it in full, or allow_wildc"),
        (pod_login, ALLOWED, "service_accounts: 'ci-*/runner' has a wildcard, so it cannot be made or patch"),
        (
            pod_login,
            {**ALLOWED, **POD_IDENTITY, "service_account_mode": "none"},
            "service_accounts: 'ci-*/runner' has a wildcard, and an association of EKS Pod Identity is for",
        ),
        (
            pod_login,
            {**POD_IDENTITY, "service_account_mode": "patch"},
            "service_account_mode: is patch, and EKS Pod Identity needs no annotation; write none if",
        ),
        (pod_login, {**POD_IDENTITY, "audience": "vault"}, "audience: is not used by the method pod-identit"),
        (pod_login, {"method": "magic"}, "method: 'magic' is not one of irsa, pod-identity"),
        (pod_login, {"cluster": {}}, "cluster.oidc_provider_arn: is missing; the method irsa needs it: writ"),
        (
            pod_login,
            {**POD_IDENTITY, "cluster": {"oidc_provider_arn": CLUSTER["oidc_provider_arn"]}},
            "cluster.name: is missing; the method pod-identity needs it: write EksCluster.ref\n"
            "cluster.arn: is missing; the method pod-identity needs it: write EksCluster.ref",
        ),
        (
            pod_login,
            {"policy_arns": {"a": "arn:aws:iam::aws:role/a"}},
            "policy_arns.a: 'arn:aws:iam::aws:role/a' is not the ARN of an IAM policy",
        ),
        (pod_login, {"policy_arns": {"a": "ReadOnly"}}, "policy_arns.a: 'ReadOnly' is not an ARN"),
        (pod_login, {"permissions_boundry": "x"}, "permissions_boundry: is not a known key; did you mean pe"),
        (pod_login, {"token": {"policies": ["a"]}}, "token: is gone: since 0.2 policies, ttl and max_ttl st"),
        (pod_login, {"policies": []}, "policies: is empty; write at least one entry: a token without polici"),
        (pod_login, {"policies": "dev"}, "policies: 'dev' is not a list"),
        (pod_login, {"max_ttl": "1y"}, "max_ttl: '1y' is not a duration"),
        (pod_login, {"max_ttl": "1h", "ttl": "2h"}, "ttl: '2h' is longer than max_ttl, 1h; write a shorter"),
        (pod_login, {"vault_role": "Dev"}, "vault_role: 'Dev' has upper case, which Vault does not keep; wr"),
        (pod_login, {"iam_role_name": "a b"}, "iam_role_name: 'a b' is not an IAM name"),
        (node_login, {"vault_role": "a/b"}, "vault_role: 'a/b' is not the name of a Vault role"),
        (node_login, {"region": "moon"}, "region: 'moon' is not an AWS region"),
        (node_login, {"role_arns": []}, "has neither node_groups nor role_arns: any role of the account cou"),
        (
            node_login,
            {"role_arns": ["arn:aws:iam::111111111111:role/n*"]},
            "role_arns[0]: 'arn:aws:iam::111111111111:role/n*' has a wildcard, which is not accepted here",
        ),
        (node_login, {"role_arns": [NODE_ROLE, OTHER]}, "role_arns: are of the accounts 111111111111, 22222"),
        (
            node_login,
            {"role_arns": [OTHER], "connection": {"path": "aws", "accounts": ACCOUNTS}},
            f"role_arns: '{OTHER}' is of the account 222222222222, and Vault looks only into 11111",
        ),
        (node_login, {"node_groups": ["a"]}, "cluster: is missing; node_groups needs it: write EksCluster.r"),
        (node_login, {"instance_profile_names": ["a*b"]}, "instance_profile_names[0]: 'a*b' is not the name"),
    ],
)
def test_wrong_arguments_name_the_field(login: Any, changes: dict[str, Any], message: str) -> None:
    assert refused(lambda: login(**changes)).startswith(message)
