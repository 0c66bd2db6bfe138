"""From what an estate holds to a stack file: what is declared, and what is told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml
from botocore.stub import Stubber
from typer.testing import CliRunner

from cli.__main__ import app
from cli.adopt import bounds, judge, read_aws, save, stack_file
from cli.adopt.decide import decide
from cli.adopt.estate import Account, Cluster, Estate, Mount, Role, User, Vault
from cli.adopt.plan import Kind, Plan, Use
from cli.errors import Refused, UsageProblem
from components import trust

ACCOUNT, OTHER = "111111111111", "222222222222"
ISSUER = "https://oidc.eks.us-east-1.amazonaws.com/id/EXAMPLE"
HOST = ISSUER.removeprefix("https://")
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST}"
DEV = 'path "dev/*" { capabilities = ["read"] }\n'
PROFILE = f"arn:aws:iam::{ACCOUNT}:instance-profile/"
IDS = {"resolve_aws_unique_ids": True, "bound_iam_principal_id": ["AROA1"]}


def arn(name: str, account: str = ACCOUNT, kind: str = "role") -> str:
    return f"arn:aws:iam::{account}:{kind}/{name}"


def irsa(*accounts: str) -> dict[str, Any]:
    """The trust policy of a role, as AWS's own pages write it."""
    subjects = [trust.service_account_subject(account) for account in accounts]
    return trust.web_identity_trust(PROVIDER, ISSUER, subjects)


POD_IDENTITY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
        }
    ],
}
"""The trust policy of a role for pods with an association, as EKS's pages write it."""


def iam_role(name: str, trusted: dict[str, Any] | None = None, account: str = ACCOUNT, **more: Any) -> Role:
    whole = {"Version": "2012-10-17", "Statement": []}
    return Role(arn(name, account), "AROA1", trusted or whole, **more)


def vault_role(*principals: str, **fields: Any) -> dict[str, Any]:
    """A Vault role, as `vault write auth/aws/role/…` leaves it."""
    life = {"token_ttl": 900, "token_max_ttl": 900}
    bound = {"bound_iam_principal_arn": [*principals]} if principals else {}
    return {
        "auth_type": "iam",
        "token_policies": ["dev"],
        "token_type": "default",
        **IDS,
        **life,
        **bound,
        **fields,
    }


def estate(
    vault_roles: dict[str, dict[str, Any]],
    *iam_roles: Role,
    client: dict[str, Any] | None = None,
    users: tuple[User, ...] = (),
    profiles: dict[str, str] | None = None,
    key_owner: str = "",
    sts: dict[str, dict[str, Any]] | None = None,
    **more: Any,
) -> Estate:
    keyless = {"max_retries": -1, "iam_server_id_header_value": "vault.example.com"}
    accounts = {}
    for account in (ACCOUNT, OTHER):
        accounts[account] = Account(
            {role.arn: role for role in iam_roles if f":{account}:" in role.arn},
            {user.arn: user for user in users if f":{account}:" in user.arn},
            {key: it for key, it in (profiles or {}).items() if f":{account}:" in key},
            key_owners={"AKIA1": key_owner} if key_owner and account == ACCOUNT else {},
        )
    mount = Mount(
        "aws",
        2764800,
        2764800,
        {**keyless, **(client or {})},
        {"iam_alias": "role_id"},
        sts or {},
        vault_roles,
    )
    named = {name for role in vault_roles.values() for name in role["token_policies"]}
    vault = Vault("https://vault.example.com:8200", "", mount, dict.fromkeys(named, DEV))
    whole = Estate(
        vault,
        "us-east-1",
        ACCOUNT,
        accounts,
        [Cluster("eks1", "arn:aws:eks:us-east-1:111111111111:cluster/eks1", ISSUER)],
    )
    return replace(whole, **more)


def adopted(found: Estate, files: dict[str, str] | None = None, *used: Use) -> Plan:
    return decide(found, files or {}, judge(), used)


def logins(plan: Plan) -> dict[str, Any]:
    found: dict[str, Any] = plan.config["vault-aws-auth:logins"]
    return found


def said(plan: Plan, kind: Kind) -> str:
    return "\n".join(f"{it.about}: {it.text}" for it in plan.of(kind))


def test_a_pods_role_whose_trust_is_the_projects_own_is_taken_over() -> None:
    role = iam_role(
        "team/vault-auth",
        irsa("default/vault-auth"),
        attached=[arn("Read Only", kind="policy").replace(" ", "")],
        boundary=arn("boundary", kind="policy"),
        tags={"team": "a"},
        max_session=7200,
    )
    plan = adopted(estate({"dev-role-iam2": vault_role(role.arn)}, role))
    assert logins(plan) == {
        "dev-role-iam2": {
            "kind": "service-account",
            "serviceAccounts": ["default/vault-auth"],
            "serviceAccountMode": "none",
            "iamRoleName": "vault-auth",
            "iamRolePath": "/team/",
            "policyArns": {"readonly": arn("ReadOnly", kind="policy")},
            "permissionsBoundary": arn("boundary", kind="policy"),
            "maxSessionDuration": "2h",
            "tags": {"team": "a"},
            "policies": ["dev"],
            "maxTtl": "15m",
        }
    }
    assert plan.config["vault-aws-auth:cluster"] == {"name": "eks1", "existing": True}
    assert plan.policies == {"dev": DEV}
    assert not plan.of(Kind.UNREAD)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"inline": ["s3"]}, "inline policies (s3)"),
        ({"tags": {"alpha.eksctl.io/cluster-name": "eks1"}}, "made by eksctl"),
        ({"tags": {"aws:cloudformation:stack-name": "eksctl"}}, "made by the CloudFormation stack eksctl"),
        ({"tags": {"ManagedBy": "Terraform"}}, "what its tag ManagedBy=Terraform says"),
        ({"tags": {"pulumi-stack": "prod", "pulumi-project": "apps"}}, "the Pulumi stack apps/prod"),
        ({"trust": {**irsa("default/app"), "Version": "2008-10-17"}}, "trust policy"),
        ({"trust": {"Version": "2012-10-17", "Statement": [
            {**irsa("default/app")["Statement"][0], "Condition": {"StringEqualsIfExists": {
                f"{HOST}:sub": "system:serviceaccount:default:app"}}}]}}, "trust policy"),
        ({"trust": {**irsa("default/app"), "Statement": [
            *irsa("default/app")["Statement"],
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}},
         "trust policy"),
    ],
)  # fmt: skip
def test_a_pods_role_that_is_more_than_a_login_is_used_as_it_is(changed: dict[str, Any], words: str) -> None:
    role = replace(iam_role("app", irsa("default/app")), **changed)
    plan = adopted(estate({"app": vault_role(role.arn)}, role))
    login = logins(plan)["app"]
    assert (login["kind"], login["iamRoleArn"]) == ("service-account", role.arn)
    assert words in said(plan, Kind.CHOSEN)


def test_roles_are_used_as_they_are_if_they_are_to_be_left() -> None:
    role = iam_role("app", irsa("default/app"))
    plan = adopted(estate({"app": vault_role(role.arn)}, role), {}, Use.IAM_ROLES, Use.MOUNT, Use.POLICIES)
    assert logins(plan)["app"]["iamRoleArn"] == role.arn
    assert plan.config["vault-aws-auth:vault"]["mount"] == "existing"
    assert plan.config["vault-aws-auth:vault"]["externalPolicies"] == ["dev"]
    assert plan.policies == {}


def test_a_second_vault_role_of_the_same_iam_role_uses_it() -> None:
    role = iam_role("app", irsa("default/app"))
    plan = adopted(estate({"app": vault_role(role.arn), "app-write": vault_role(role.arn)}, role))
    assert "iamRoleArn" not in logins(plan)["app"]
    assert logins(plan)["app-write"] == {
        "kind": "principal",
        "principals": [role.arn],
        "policies": ["dev"],
        "maxTtl": "15m",
    }


def test_a_second_vault_role_of_an_iam_role_that_is_used_binds_it() -> None:
    """One service account has one login."""
    role = replace(iam_role("app", irsa("default/app")), inline=["more"])
    plan = adopted(estate({"app": vault_role(role.arn), "app-write": vault_role(role.arn)}, role))
    assert [login["kind"] for login in logins(plan).values()] == ["service-account", "principal"]
    assert not plan.of(Kind.UNREAD)


def test_what_no_login_can_be_is_told_with_the_reason() -> None:
    gone = arn("gone")
    plan = adopted(
        estate(
            {
                "old": {"auth_type": "ec2", "token_policies": ["dev"], "bound_ami_id": ["ami-1"]},
                "gone": vault_role(gone),
                "both": vault_role(arn("a"), arn("b", OTHER)),
                "wide": vault_role(arn("a*b")),
                "unbound": vault_role(),
                "whole": vault_role(bound_account_id=[ACCOUNT]),
                "every": vault_role(inferred_entity_type="ec2_instance", bound_account_id=[ACCOUNT]),
                "rich": vault_role(arn("a"), token_policies=["root"]),
                "poor": vault_role(arn("a"), token_policies=[]),
                "far": vault_role(arn("x*", "333333333333")),
                "by-id": vault_role("AROAEXAMPLE", resolve_aws_unique_ids=False),
                "noting": vault_role(arn("a"), alias_metadata={"team": "a"}),
                "everybody": vault_role("*", resolve_aws_unique_ids=False),
                "new": vault_role(arn("a"), token_auth_metadata={"team": "a"}),
                "good": vault_role(arn("a")),
            },
            iam_role("a"),
            iam_role("b", account=OTHER),
        )
    )
    assert {*logins(plan)} == {"good"}
    assert (
        "`pulumi destroy` would delete what is left in it, too: both, by-id, every, everybody, far"
        in said(plan, Kind.CHOSEN)
    )
    told = {it.about: it.text for it in plan.of(Kind.LEFT)}
    for name, words in {
        "old": "auth type ec2",
        "gone": f"binds {gone}, which is not there",
        "both": "accounts 111111111111, 222222222222",
        "wide": "a*b",
        "unbound": "binds no role and no user",
        "whole": "bound_account_id",
        "every": "lets in every instance by bound_account_id",
        "rich": "root",
        "poor": "policies",
        "far": "333333333333",
        "by-id": "AROAEXAMPLE",
        "noting": "alias_metadata",
        "everybody": "principals[0]",
        "new": "token_auth_metadata",
    }.items():
        assert words in told[f"auth/aws/role/{name}"], told


def test_one_of_several_principals_that_is_gone_is_a_change_that_is_told() -> None:
    plan = adopted(estate({"ci": vault_role(arn("ci"), arn("gone"))}, iam_role("ci")))
    assert logins(plan)["ci"]["principals"] == [arn("ci")]
    assert f"no longer binds {arn('gone')}" in said(plan, Kind.CHANGES)


def test_an_arn_without_the_path_is_that_of_the_same_role() -> None:
    """Vault has its ID, so its callers log in today: they must not lose that."""
    role = iam_role("team/Ci")
    plan = adopted(estate({"ci": vault_role(arn("ci"))}, role))
    assert logins(plan)["ci"]["principals"] == [role.arn]
    assert f"binds {role.arn}, as IAM has it; it was {arn('ci')}" in said(plan, Kind.CHANGES)
    by_text = vault_role(arn("ci"), resolve_aws_unique_ids=False)
    told = adopted(estate({"ci": by_text}, role))
    assert "which is not there" in said(told, Kind.LEFT)


def test_a_principal_of_an_account_that_was_not_read_is_kept_and_told() -> None:
    far = arn("far", "444444444444")
    sts = {"444444444444": {"sts_role": arn("lookup", "444444444444")}}
    plan = adopted(estate({"far": vault_role(far)}, sts=sts))
    assert logins(plan)["far"]["principals"] == [far]
    assert f"{far}: was not looked up" in said(plan, Kind.CHOSEN)


def test_a_principal_that_was_made_again_since_is_told() -> None:
    plan = adopted(estate({"ci": vault_role(arn("ci"), bound_iam_principal_id=["AROAOLD"])}, iam_role("ci")))
    assert "was made again" in said(plan, Kind.CHANGES)


def test_instances_are_bound_by_their_roles_too() -> None:
    profile = f"arn:aws:iam::{ACCOUNT}:instance-profile/eks-1"
    role = vault_role(
        inferred_entity_type="ec2_instance",
        inferred_aws_region="us-west-2",
        bound_account_id=[ACCOUNT],
        bound_iam_instance_profile_arn=[profile[:-1] + "*"],
        token_max_ttl=2764800,
        token_ttl=0,
    )
    plan = adopted(estate({"dev-role-iam": role}, iam_role("node"), profiles={profile: arn("node")}))
    assert logins(plan)["dev-role-iam"] == {
        "kind": "ec2-instance",
        "roleArns": [arn("node")],
        "instanceProfileNames": ["eks-*"],
        "region": "us-west-2",
        "policies": ["dev"],
        "maxTtl": "768h",
    }
    assert "binds also the roles of its instances" in said(plan, Kind.CHANGES)


def test_every_role_that_goes_by_texts_is_told_that_it_will_go_by_ids() -> None:
    by_text = {"resolve_aws_unique_ids": False}
    inferred = {"inferred_entity_type": "ec2_instance", "inferred_aws_region": "us-east-1"}
    found = {
        "pattern": vault_role(arn("c*"), **by_text),
        "node": vault_role(bound_iam_role_arn=[arn("ci")], **inferred, **by_text),
    }
    told = {
        it.about for it in adopted(estate(found, iam_role("ci"))).of(Kind.CHANGES) if "resolve_" in it.text
    }
    assert told == {"auth/aws/role/pattern", "auth/aws/role/node"}


def test_bounds_that_a_login_of_instances_adds_are_told() -> None:
    inferred = {"inferred_entity_type": "ec2_instance", "inferred_aws_region": "us-east-1"}
    bound = {"bound_iam_role_arn": [arn("ci")]}
    found = {"node": vault_role(arn("ci"), **inferred, **bound)}
    told = said(adopted(estate(found, iam_role("ci"))), Kind.CHANGES)
    assert f"binds also the account {ACCOUNT}, and the instance profiles of the account" in told
    whole = {"bound_account_id": [ACCOUNT], "bound_iam_instance_profile_arn": [f"{PROFILE}*"]}
    same = {"node": vault_role(arn("ci"), **inferred, **bound, **whole)}
    profiles = {f"{PROFILE}eks": arn("ci")}
    assert "binds also" not in said(adopted(estate(same, iam_role("ci"), profiles=profiles)), Kind.CHANGES)


def test_instances_are_bound_by_the_roles_that_meet_every_bound() -> None:
    """What one bound leaves open, another does not: no role is let in that was not."""
    profile = f"arn:aws:iam::{ACCOUNT}:instance-profile/"
    roles = [iam_role(name) for name in ("node", "other", "no-profile")]

    def bound(**bounds: list[str]) -> Any:
        role = vault_role(inferred_entity_type="ec2_instance", inferred_aws_region="us-east-1", **bounds)
        profiles = {f"{profile}eks-1": arn("node"), f"{profile}eks-2": arn("other"), f"{profile}x": arn("x")}
        return logins(adopted(estate({"node": role}, *roles, profiles=profiles)))["node"]["roleArns"]

    everybody = [arn("*")]
    assert bound(bound_iam_principal_arn=everybody, bound_iam_role_arn=[arn("node")]) == [arn("node")]
    assert bound(bound_iam_role_arn=everybody, bound_iam_instance_profile_arn=[f"{profile}eks-*"]) == [
        arn("node"),
        arn("other"),
    ]


def test_what_a_mount_gives_by_default_is_written_out() -> None:
    found = estate(
        {"ci": vault_role(arn("ci"), token_ttl=0, token_max_ttl=0, token_period=1800)}, iam_role("ci")
    )
    plan = adopted(found)
    login = logins(plan)["ci"]
    assert (login["maxTtl"], login["period"]) == ("768h", "30m")
    assert "could be renewed for ever" in said(plan, Kind.CHANGES)


@pytest.mark.parametrize(
    ("lives", "options", "words"),
    [
        (
            {"ttl": 3600, "max_ttl": 7200, "period": 600},
            {"period": "10m"},
            "token_ttl is 10m, as Vault gives it today",
        ),
        (
            {"ttl": 3600, "max_ttl": 28800, "explicit_max_ttl": 1800},
            {"explicitMaxTtl": "30m"},
            "token_ttl is 30m",
        ),
        ({"ttl": 3600, "max_ttl": 7200}, {"ttl": "1h"}, ""),
        ({"ttl": 7200, "max_ttl": 7200}, {}, ""),
        (
            {"ttl": 600, "max_ttl": 600, "explicit_max_ttl": 1200},
            {"explicitMaxTtl": "20m", "ttl": "10m"},
            "token_max_ttl is 20m",
        ),
    ],
)
def test_each_life_that_is_written_otherwise_is_told(
    lives: dict[str, int], options: dict[str, str], words: str
) -> None:
    fields = {f"token_{name}": seconds for name, seconds in lives.items()}
    plan = adopted(estate({"ci": vault_role(arn("ci"), **fields)}, iam_role("ci")))
    assert {
        key: it for key, it in logins(plan)["ci"].items() if key in ("ttl", "period", "explicitMaxTtl")
    } == options
    told = said(plan, Kind.CHANGES)
    assert words in told
    if not words:
        assert "token_" not in told


def test_the_access_key_of_a_mount_stays_in_it() -> None:
    user = User(arn("vault-auth", kind="user"), "AIDA1", attached=[arn("vault-auth-policy", kind="policy")])
    plan = adopted(
        estate(
            {"ci": vault_role(arn("ci"))},
            iam_role("ci"),
            client={"access_key": "AKIA1"},
            users=(user,),
            key_owner="vault-auth",
        )
    )
    assert plan.config["vault-aws-auth:vaultIdentity"] == {
        "kind": "user",
        "userName": "vault-auth",
        "accessKey": "rotated",
        "policyName": "vault-auth-vault-aws-auth",
    }
    assert plan.config["vault-aws-auth:vault"] == {
        "address": "https://vault.example.com:8200",
        "serverIdHeader": "vault.example.com",
    }


def test_a_user_whose_key_another_mount_has_stays_its_owners() -> None:
    user = User(arn("vault-auth", kind="user"), "AIDA1")
    found = estate(
        {"ci": vault_role(arn("ci"))},
        iam_role("ci"),
        client={"access_key": "AKIA1"},
        users=(user,),
        key_owner="vault-auth",
    )
    plan = adopted(replace(found, vault=replace(found.vault, other_keys={"auth/aws2": "AKIA1"})))
    assert plan.config["vault-aws-auth:vault"]["mount"] == "existing"
    assert "user/vault-auth, is that of auth/aws2, too" in said(plan, Kind.CHOSEN)


@pytest.mark.parametrize(
    ("client", "words"),
    [
        ({"access_key": "AKIA1"}, "owner of its access key"),
        ({"use_sts_region_from_client": True}, "use_sts_region_from_client"),
        ({"role_arn": arn("wif"), "identity_token_audience": "vault"}, "is federated"),
        ({"role_arn": arn("wif")}, "role_arn without an audience"),
        (
            {"iam_server_id_header_value": "https://vault.example.com"},
            "has a scheme; write the host name alone",
        ),
        ({"endpoint": "https://example.com/path"}, "is more than a URL of scheme"),
        ({"max_retries": 7}, "max_retries"),
        (
            {"sts_endpoint": "https://sts.eu-west-1.amazonaws.com", "sts_region": "us-east-1"},
            "not its sts_region",
        ),
    ],
)
def test_a_mount_that_callers_would_see_changed_is_used_as_it_is(client: dict[str, Any], words: str) -> None:
    plan = adopted(estate({"ci": vault_role(arn("ci"))}, iam_role("ci"), client=client))
    vault = plan.config["vault-aws-auth:vault"]
    assert vault["mount"] == "existing"
    assert words in said(plan, Kind.CHOSEN)


@pytest.mark.parametrize(
    ("identity", "words"),
    [
        ({"iam_alias": "role_id", "ec2_alias": "image_id"}, "ec2_alias is image_id"),
        (
            {"iam_alias": "role_id", "iam_metadata": ["default", "client_arn"]},
            "notes more of a caller (client_arn)",
        ),
    ],
)
def test_what_policies_may_refer_to_stays_as_it_is(identity: dict[str, Any], words: str) -> None:
    found = estate({"ci": vault_role(arn("ci"))}, iam_role("ci"))
    mount = replace(found.vault.mount, identity=identity)
    plan = adopted(replace(found, vault=replace(found.vault, mount=mount)))
    assert plan.config["vault-aws-auth:vault"]["mount"] == "existing"
    assert words in said(plan, Kind.CHOSEN)


def test_service_accounts_by_pattern_are_opted_into_and_told() -> None:
    statement = irsa("a/b")["Statement"][0]
    subject = {f"{HOST}:sub": "system:serviceaccount:team-*:app"}
    wild = {
        **statement,
        "Condition": {"StringLike": subject, "StringEquals": {f"{HOST}:aud": "sts.amazonaws.com"}},
    }
    role = iam_role("app", {"Version": "2012-10-17", "Statement": [wild]})
    plan = adopted(estate({"app": vault_role(role.arn)}, role))
    login = logins(plan)["app"]
    assert (login["allowWildcards"], login["serviceAccounts"]) == (True, ["team-*/app"])
    assert "service accounts that do not exist yet" in said(plan, Kind.CHOSEN)


def test_pods_by_an_association_use_their_role() -> None:
    role = iam_role("batch", POD_IDENTITY)
    found = estate({"batch": vault_role(role.arn)}, role)
    cluster = replace(found.clusters[0], associations={"jobs/batch": role.arn})
    login = logins(adopted(replace(found, clusters=[cluster])))["batch"]
    assert login["method"] == "pod-identity"
    assert (login["serviceAccounts"], login["iamRoleArn"]) == (["jobs/batch"], role.arn)


GREEN = Cluster("green", "arn:aws:eks:us-east-1:111111111111:cluster/green", ISSUER + "2")


def of_green(document: dict[str, Any]) -> dict[str, Any]:
    """A trust policy of eks1, for green."""
    found: dict[str, Any] = json.loads(json.dumps(document).replace(HOST, HOST + "2"))
    return found


def test_each_login_says_of_which_cluster_it_is_where_there_are_several() -> None:
    here, there = iam_role("here", irsa("a/b")), iam_role("there", of_green(irsa("a/b")))
    found = estate({"a": vault_role(here.arn), "b": vault_role(there.arn)}, here, there)
    plan = adopted(replace(found, clusters=[*found.clusters, GREEN]))
    assert plan.config["vault-aws-auth:clusters"] == {"eks1": {"existing": True}, "green": {"existing": True}}
    assert "vault-aws-auth:cluster" not in plan.config
    assert [login["clusters"] for login in logins(plan).values()] == [["eks1"], ["green"]]
    assert not plan.of(Kind.UNREAD)


def test_a_cluster_of_no_login_is_not_in_the_stack_file() -> None:
    here = iam_role("here", irsa("a/b"))
    found = estate({"a": vault_role(here.arn)}, here)
    plan = adopted(replace(found, clusters=[*found.clusters, GREEN]))
    assert plan.config["vault-aws-auth:cluster"] == {"name": "eks1", "existing": True}
    assert "clusters" not in logins(plan)["a"]
    assert f"{GREEN.arn}: no login of the stack file is of this cluster" in said(plan, Kind.LEFT)


def test_one_role_of_the_same_pods_in_two_clusters_is_one_login() -> None:
    both = irsa("a/b")
    both["Statement"] += of_green(both)["Statement"]
    role = iam_role("app", both)
    found = estate({"app": vault_role(role.arn)}, role)
    login = logins(adopted(replace(found, clusters=[*found.clusters, GREEN])))["app"]
    assert (login["serviceAccounts"], login.get("iamRoleArn")) == (["a/b"], None)
    assert "clusters" not in login  # all of them


@pytest.mark.parametrize(
    "other",
    [of_green(irsa("a/c")), of_green(irsa("a/b", "a/c")), POD_IDENTITY],
    ids=["else", "more", "method"],
)
def test_one_role_of_other_pods_in_another_cluster_is_a_principal(other: dict[str, Any]) -> None:
    both = irsa("a/b")
    both["Statement"] += other["Statement"]
    role = iam_role("app", both)
    found = estate({"app": vault_role(role.arn)}, role)
    green = replace(GREEN, associations={"a/b": role.arn} if other is POD_IDENTITY else {})
    plan = adopted(replace(found, clusters=[*found.clusters, green]))
    assert logins(plan)["app"]["kind"] == "principal"
    assert "the same service accounts" in said(plan, Kind.CHOSEN)


def test_the_association_of_a_role_that_only_its_pods_can_have_comes_under_the_stack() -> None:
    cluster_arn = "arn:aws:eks:us-east-1:111111111111:cluster/eks1"
    role = iam_role("batch", trust.pod_identity_trust([cluster_arn], ["jobs/batch"]))
    found = estate({"batch": vault_role(role.arn)}, role)
    cluster = replace(found.clusters[0], associations={"jobs/batch": role.arn})
    login = logins(adopted(replace(found, clusters=[cluster])))["batch"]
    assert login["method"] == "pod-identity"
    assert "iamRoleArn" not in login
    told = said(adopted(replace(found, clusters=[cluster])), Kind.CHANGES)
    assert "eks1: service account jobs/batch: the association gets the tags of this stack" in told


def test_pods_that_get_a_role_by_way_of_another_log_in_as_a_principal() -> None:
    role = iam_role("target")
    found = estate({"app": vault_role(role.arn)}, role)
    cluster = replace(found.clusters[0], chained={"jobs/batch": role.arn})
    plan = adopted(replace(found, clusters=[cluster]))
    assert logins(plan)["app"]["kind"] == "principal"
    assert "jobs/batch" not in said(plan, Kind.LEFT)


def test_a_service_account_that_is_annotated_with_another_role_does_not_use_this_one() -> None:
    role = replace(iam_role("app", irsa("a/b", "a/c")), inline=["more"])
    found = estate({"app": vault_role(role.arn)}, role)
    plan = adopted(replace(found, annotated={"eks1": {"a/c": arn("else")}}))
    assert logins(plan)["app"]["serviceAccounts"] == ["a/b"]
    assert "lets in a/c, which is annotated with" in said(plan, Kind.CHOSEN)
    both = adopted(replace(found, annotated={"eks1": {"a/b": arn("else"), "a/c": arn("else")}}))
    assert logins(both)["app"]["kind"] == "principal"


def test_a_trust_policy_that_means_the_same_and_is_written_otherwise_is_told() -> None:
    statement = {**irsa("a/b")["Statement"][0], "Sid": "Terraform"}
    role = iam_role("app", {"Version": "2012-10-17", "Statement": [statement]})
    plan = adopted(estate({"app": vault_role(role.arn)}, role))
    assert "iamRoleArn" not in logins(plan)["app"]
    assert f"{role.arn}: has its trust policy written anew" in said(plan, Kind.CHANGES)


def test_the_oidc_provider_that_a_cluster_lacks_is_told() -> None:
    role = iam_role("app", irsa("a/b"))
    found = estate({"app": vault_role(role.arn)}, role)
    assert "gets an OIDC provider" in said(adopted(found), Kind.CHANGES)

    def with_audiences(*audiences: str) -> Plan:
        account = replace(found.accounts[ACCOUNT], oidc_providers={PROVIDER: audiences})
        return adopted(replace(found, accounts={**found.accounts, ACCOUNT: account}))

    assert "gets an OIDC provider" not in said(with_audiences("sts.amazonaws.com"), Kind.CHANGES)
    assert "--client-id sts.amazonaws.com" in said(with_audiences("other"), Kind.UNREAD)


def test_a_mount_that_replication_leaves_out_is_used_as_it_is() -> None:
    found = estate({"ci": vault_role(arn("ci"))}, iam_role("ci"))
    mount = replace(found.vault.mount, local=True)
    plan = adopted(replace(found, vault=replace(found.vault, mount=mount)))
    assert plan.config["vault-aws-auth:vault"]["mount"] == "existing"
    assert "it is local" in said(plan, Kind.CHOSEN)


def test_ecs_tasks_use_their_role() -> None:
    trusted = {
        "Effect": "Allow",
        "Principal": {"Service": "ecs-tasks.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    other = {**trusted, "Condition": {"StringEquals": {"aws:SourceAccount": OTHER}}}
    role = iam_role("task", {"Version": "2012-10-17", "Statement": [other]})
    assert logins(adopted(estate({"task": vault_role(role.arn)}, role)))["task"]["kind"] == "principal"
    role = iam_role("task", {"Version": "2012-10-17", "Statement": [trusted]})
    login = logins(adopted(estate({"task": vault_role(role.arn)}, role)))["task"]
    assert (login["kind"], login["iamRoleArn"]) == ("ecs-task", role.arn)


def test_the_region_of_the_global_endpoint_stays_that_of_the_logins() -> None:
    plan = adopted(replace(estate({"ci": vault_role(arn("ci"))}, iam_role("ci")), region="us-west-2"))
    assert plan.config["vault-aws-auth:vault"]["stsRegion"] == "us-east-1"


def test_an_endpoint_with_a_slash_at_its_end_is_told() -> None:
    client = {"sts_endpoint": "https://sts.us-east-1.amazonaws.com/", "sts_region": "us-east-1"}
    plan = adopted(estate({"ci": vault_role(arn("ci"))}, iam_role("ci"), client=client))
    assert "endpoints" not in plan.config["vault-aws-auth:vault"]  # it is the region's
    assert "sts_endpoint is written without the / at its end" in said(plan, Kind.CHANGES)


def test_an_external_id_is_asked_for_and_not_written() -> None:
    sts = {OTHER: {"sts_role": arn("lookup", OTHER), "external_id": "tops-3cret"}}
    plan = adopted(estate({"far": vault_role(arn("x*", OTHER))}, sts=sts))
    text = stack_file(plan)
    assert "tops-3cret" not in text
    assert "pulumi config set --secret --path 'vault-aws-auth:accounts.222222222222.externalId'" in text
    assert "accounts.222222222222.externalId" in said(plan, Kind.UNREAD)


def test_a_policy_that_a_file_has_with_another_text_is_used_as_it_is() -> None:
    found = estate(
        {"ci": vault_role(arn("ci"), token_policies=["dev", "same", "team/a", "default"])}, iam_role("ci")
    )
    plan = adopted(found, {"dev": "else", "same": DEV})
    assert plan.config["vault-aws-auth:vault"]["externalPolicies"] == ["default", "dev", "team/a"]
    assert plan.policies == {}


def test_a_policy_that_a_file_would_change_is_used_as_it_is() -> None:
    found = estate({"ci": vault_role(arn("ci"))}, iam_role("ci"))
    vault = replace(found.vault, policies={"dev": DEV.replace("\n", "\r\n")})
    plan = adopted(replace(found, vault=vault))
    assert plan.config["vault-aws-auth:vault"]["externalPolicies"] == ["dev"]
    assert "line ends" in said(plan, Kind.CHOSEN)


def test_what_is_beside_the_logins_is_told() -> None:
    found = estate({"ci": vault_role(arn("ci"))}, iam_role("ci"), iam_role("free", irsa("default/free")))
    account = replace(
        found.accounts[ACCOUNT],
        unused_policies=[arn("unused", kind="policy")],
        oidc_providers={PROVIDER: [], f"arn:aws:iam::{ACCOUNT}:oidc-provider/example.com": []},
    )
    vault = replace(
        found.vault, other_policies=["old"], other_mounts={"auth/kubernetes": "kubernetes", "kv": "kv"}
    )
    found = replace(
        found,
        vault=vault,
        accounts={**found.accounts, ACCOUNT: account},
        annotated={"eks1": {"default/free": arn("free"), "default/lost": arn("lost")}},
    )
    told = said(adopted(found), Kind.LEFT)
    for words in (
        "policy/unused: is attached to nothing",
        "oidc-provider/example.com: is not the issuer",
        "sys/policies/acl/old: no role",
        "auth/kubernetes: is an auth mount",
        "kv: is a secrets engine of the type kv",
        "service account default/free: has the role",
        "service account default/lost: has the role arn:aws:iam::111111111111:role/lost, which is gone",
    ):
        assert words in told
    assert PROVIDER not in told


def test_the_file_is_the_configuration_with_comments() -> None:
    plan = adopted(
        estate(
            {"ci": vault_role(arn("ci")), "old": {"auth_type": "ec2", "token_policies": ["dev"]}},
            iam_role("ci"),
        )
    )
    text = stack_file(plan)
    assert yaml.safe_load(text) == {"config": plan.config}
    assert max(map(len, text.splitlines())) <= 120
    assert "auth/aws/role/old: is of the auth type ec2" in text


@pytest.mark.parametrize(
    "value", ["1", "true", "null", "yes", "a: b", "*", "- x", "#", "a #b", "é", "", " x ", "@"]
)
def test_each_text_is_the_same_after_it_was_written(value: str) -> None:
    plan = Plan(config={"vault-aws-auth:tags": {value or "k": value}})
    assert yaml.safe_load(stack_file(plan)) == {"config": plan.config}


def test_nothing_is_written_over(tmp_path: Path) -> None:
    out = tmp_path / "Pulumi.prod.yaml"
    plan = adopted(estate({"ci": vault_role(arn("ci"))}, iam_role("ci")))
    assert save(plan, out, tmp_path, force=False) == [tmp_path / "policies" / "vault" / "dev.hcl", out]
    out.write_text("mine")
    with pytest.raises(UsageProblem, match="is there already"):
        save(plan, out, tmp_path, force=False)
    assert out.read_text() == "mine"


def test_aws_that_does_not_tell_whose_the_access_key_is_is_a_refusal() -> None:
    session = botocore.session.Session(session_vars={"profile": (None, None, None, None)})
    iam = session.create_client(
        "iam", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    stubbed = Stubber(iam)
    stubbed.add_response(
        "get_account_authorization_details",
        {"UserDetailList": [], "RoleDetailList": [], "GroupDetailList": [], "Policies": []},
    )
    stubbed.add_response("list_open_id_connect_providers", {"OpenIDConnectProviderList": []})
    stubbed.add_response("list_instance_profiles", {"InstanceProfiles": []})
    stubbed.add_client_error("get_access_key_last_used", "ServiceFailure")
    source = read_aws.Source(ACCOUNT, lambda _service: iam, "us-east-1")
    with stubbed, pytest.raises(Refused, match=f"IAM of the account {ACCOUNT}: .*ServiceFailure"):
        read_aws.account(source, {"AKIAEXAMPLE000000000"}, lambda _arn: False)
    stubbed.assert_no_pending_responses()


def test_a_pattern_matches_as_vault_compares_it() -> None:
    assert bounds.matches(arn("team/a/b"), arn("team/*"))
    assert not bounds.matches(arn("ab"), arn("a"))
    assert not bounds.matches(arn("aXb"), arn("a*b"))


@pytest.mark.parametrize(
    ("words", "said_of_it"),
    [
        (["--out", "there.yaml"], "is there already; --force writes over it"),
        (["--force"], "--force is for --out"),
        ([], "set VAULT_ADDR and VAULT_TOKEN"),
        (["--use", "everything"], "everything"),
    ],
)
def test_a_command_that_cannot_be_done_is_refused_before_anything_is_read(
    words: list[str], said_of_it: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("VAULT_ADDR", "VAULT_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "there.yaml").write_text("mine")
    answer = CliRunner().invoke(app, ["adopt", *words])
    assert answer.exit_code == 2
    assert said_of_it in " ".join(answer.output.split())
    assert (tmp_path / "there.yaml").read_text() == "mine"
