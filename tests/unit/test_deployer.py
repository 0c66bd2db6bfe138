"""What the deployer of a stack needs, told from its stack file: all of it, and nothing beside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from cli.__main__ import app
from components import quotas
from stack import file
from stack.deployer import in_aws, in_kubernetes, in_vault, needs, report
from stack.deployer.needs import Need
from stack.deployer.program import Declared, Program, run
from tests.unit.test_program import LOCAL_VAULT, ROOT, STACK_FILES

NOWHERE = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "VAULT_"))}
"""No credentials and no server."""

ON_EVERYTHING = {
    "ec2:DescribeLaunchTemplateVersions",
    "ec2:DescribeLaunchTemplates",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroupRules",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcAttribute",
    "ec2:DescribeVpcs",
    "eks:DescribeAddonVersions",
    "iam:ListOpenIDConnectProviders",
    "iam:ListPolicies",
    "iam:ListVirtualMFADevices",
}
"""Actions for which AWS knows no resource (AWS's service authorization reference)."""


def program(name: str = "", **sections: Any) -> Program:
    """What a stack file of this repository declares, with other sections."""
    name = name or "local"
    config = yaml.safe_load(STACK_FILES[name].read_text())["config"]
    config |= LOCAL_VAULT if name == "local" else {}
    config |= {f"vault-aws-auth:{key}" if ":" not in key else key: value for key, value in sections.items()}
    config = {key: value for key, value in config.items() if value is not None}
    return run(file.parse(config, file.read_policies(ROOT)), "vault-aws-auth", name)


def granted(name: str = "", **sections: Any) -> list[Need]:
    return in_aws.needs(program(name, **sections))


def resources(found: list[Need], action: str) -> set[str]:
    return {need.resource for need in found if need.action == action}


@pytest.fixture(params=sorted(STACK_FILES), scope="module")
def each(request: pytest.FixtureRequest) -> Program:
    return program(request.param)


def of_all(each: Program) -> Iterator[Need]:
    for account in ("", *each.place.accounts):
        yield from in_aws.needs(each, account)


def test_only_what_aws_grants_no_other_way_is_granted_on_everything(each: Program) -> None:
    wide = {need for need in of_all(each) if need.resource == "*"}
    assert {need.action for need in wide if not need.conditions} <= ON_EVERYTHING
    # EC2 asks for each of an instance's resources; it is started from the stack's own template.
    assert {need.action for need in wide if need.conditions} <= {"ec2:RunInstances"}


def test_roles_are_passed_to_one_service_and_policies_attached_by_name(each: Program) -> None:
    keys = {"iam:PassRole": "iam:PassedToService", "iam:CreateServiceLinkedRole": "iam:AWSServiceName"}
    keys |= dict.fromkeys((f"iam:{verb}RolePolicy" for verb in ("Attach", "Detach")), "iam:PolicyARN")
    keys |= dict.fromkeys((f"iam:{verb}UserPolicy" for verb in ("Attach", "Detach")), "iam:PolicyARN")
    for need in of_all(each):
        if key := keys.get(need.action):
            assert [it[1] for it in need.conditions] == [key]
            assert all(value != "*" for _, _, values in need.conditions for value in values)


def test_a_role_of_the_secrets_engine_has_its_path() -> None:
    arn = "arn:aws:iam::111111111111:role/apps/vault"
    roles = {"a": {"credentialType": "assumed_role", "roleArns": ["arn:aws:iam::111111111111:role/x"]}}
    made = program(secretsEngine={"kind": "existing", "path": "aws-creds", "roleArn": arn, "roles": roles})
    attached = [need.resource for need in in_aws.needs(made) if need.action == "iam:AttachRolePolicy"]
    assert arn in attached


def test_a_preview_changes_nothing(each: Program) -> None:
    reading = {need.action for need in of_all(each) if need.reading}
    assert reading
    others = {it for it in reading if not it.split(":")[1].startswith(("Get", "List", "Describe"))}
    assert others <= {"sts:AssumeRole"}
    for rule in in_vault.policy(each).rules:
        changing = rule.reading & {"create", "update", "delete", "sudo"}
        assert not changing or rule.path == "auth/token/create"


def test_every_policy_is_short_enough_for_aws_and_together_they_say_all(each: Program) -> None:
    found = in_aws.needs(each)
    made = needs.policies(found)
    assert all(quotas.size(document) <= quotas.MANAGED_POLICY for document in made)
    said = {
        (action, resource)
        for document in made
        for statement in document["Statement"]
        for action in statement["Action"]
        for resource in statement["Resource"]
    }
    assert said == {(need.action, need.resource) for need in found}


def test_a_stack_of_many_logins_gets_several_policies() -> None:
    before = program("eks")
    logins = (Declared("aws:iam/role:Role", f"app-{it}", {"name": f"app-{it}"}) for it in range(200))
    found = in_aws.needs(Program(before.place, (*before.declared, *logins)))
    made = needs.policies(found)
    assert len(made) > len(needs.policies(in_aws.needs(before)))
    assert all(quotas.size(document) <= quotas.MANAGED_POLICY for document in made)
    assert len(resources(found, "iam:CreateRole")) == 203  # and those of cluster, nodes and login


def test_names_are_those_of_the_stack_file() -> None:
    found = granted("eks")
    iam = "arn:aws:iam::111111111111"
    assert resources(found, "iam:CreateRole") == {
        f"{iam}:role/eks1-default-node",
        f"{iam}:role/vault-auth",
        f"{iam}:role/eks1-cluster-eksRole-role-*",
    }
    assert resources(found, "iam:CreateUser") == {f"{iam}:user/vault-auth"}
    assert resources(found, "eks:CreateCluster") == {"arn:aws:eks:us-east-1:111111111111:cluster/eks1"}
    assert resources(found, "iam:CreateOpenIDConnectProvider") == {
        f"{iam}:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/*"
    }


def test_without_an_account_the_arns_have_any_and_the_reader_is_told() -> None:
    found = program("ecs", accountId=None)
    assert resources(in_aws.needs(found), "iam:CreateUser") == {"arn:aws:iam::*:user/vault-auth"}
    assert any("accountId" in note for note in report.aws(found).notes)


ROLE = "arn:aws:iam::111111111111:role/ci/runner"


def test_a_principal_is_looked_up_by_the_arn_that_is_written() -> None:
    logins = {"ci": {"kind": "principal", "principals": [ROLE], "policies": ["dev"]}}
    found = [need for need in granted("ecs", logins=logins) if need.action == "iam:GetRole"]
    assert {need.resource for need in found} == {ROLE}
    assert all(need.reading for need in found)


def test_a_permissions_boundary_that_is_declared_is_demanded() -> None:
    boundary = "arn:aws:iam::111111111111:policy/boundary"
    found = granted("ecs", vaultIdentity={"kind": "user", "permissionsBoundary": boundary})
    (made,) = (need for need in found if need.action == "iam:CreateUser")
    assert made.conditions == {("ArnLike", "iam:PermissionsBoundary", (boundary,))}
    assert not [need for need in found if need.action == "iam:DeleteUserPermissionsBoundary"]


def test_another_account_has_its_own_policy_and_a_role_to_assume() -> None:
    found = program("cross-account")
    (assumed,) = resources(in_aws.needs(found), "sts:AssumeRole")
    assert assumed == "arn:aws:iam::222222222222:role/OrganizationAccountAccessRole"
    there = in_aws.needs(found, "222222222222")
    assert {need.resource.split(":")[4] for need in there} == {"222222222222"}
    assert "iam:CreateRole" in {need.action for need in there}
    with pytest.raises(report.DeployerError, match="makes nothing in the account 333333333333; it has 1111"):
        report.aws(found, account="333333333333")


def test_partitions_have_their_own_arns() -> None:
    found = granted("ecs", **{"aws:region": "us-gov-west-1"})
    assert {need.resource.split(":")[1] for need in found if need.resource != "*"} == {"aws-us-gov"}


def test_sudo_is_for_auth_mounts_alone(each: Program) -> None:
    # sys/auth/PATH is protected by Vault; an engine's mount is not.
    paths = {rule.path for rule in in_vault.policy(each).rules if "sudo" in rule.capabilities}
    assert paths == {"sys/auth/aws"}


def test_nothing_in_vault_is_granted_by_a_pattern(each: Program) -> None:
    assert not [rule for rule in in_vault.policy(each).rules if "*" in rule.path or "+" in rule.path]


def test_the_policy_is_written_to_the_namespace_and_where_it_is_looked_up_to_the_one_above() -> None:
    vault = {"address": "https://vault.example.com", "namespace": "admin/team"}
    own = in_vault.policy(program("ecs", vault=vault))
    assert own.namespace == "admin/team"
    assert "sys/auth/aws" in {rule.path for rule in own.rules}
    above = in_vault.policy(program("federation", vault=vault))
    assert above.namespace == "admin"
    paths = {rule.path for rule in above.rules}
    assert {"team/sys/auth/aws", "sys/namespaces/team", "auth/token/create"} <= paths


def test_a_cluster_that_is_there_is_only_read_and_its_objects_have_roles() -> None:
    cluster = {"name": "eks1", "existing": True, "namespaces": ["team"]}
    logins = {
        name: {"kind": "service-account", "serviceAccounts": [f"{where}/{name}"], "policies": ["dev"], **more}
        for name, where, more in (
            ("api", "default", {}),
            ("web", "team", {}),
            ("job", "jobs", {"serviceAccountMode": "patch"}),
        )
    }
    found = program("eks", cluster=cluster, logins=logins)
    eks = {need.action for need in in_aws.needs(found) if need.action.startswith("eks:")}
    assert eks == {"eks:DescribeCluster"}
    assert set(in_kubernetes.rules(found)) == {
        in_kubernetes.Rule("", "", "namespaces", ("get", "patch", "delete"), "team"),
        in_kubernetes.Rule("", "", "namespaces", ("create", "list", "watch")),
        in_kubernetes.Rule("", "", "namespaces", ("get",), "default"),
        in_kubernetes.Rule("default", "", "serviceaccounts", ("get", "patch", "delete"), "api"),
        # In a namespace that the stack makes there cannot be a role before it.
        in_kubernetes.Rule("", "", "serviceaccounts", ("get", "patch", "delete"), "web"),
        in_kubernetes.Rule("", "", "serviceaccounts", ("create", "list", "watch")),
        in_kubernetes.Rule("jobs", "", "serviceaccounts", ("get", "patch"), "job"),
    }
    reading = {rule.verbs for rule in in_kubernetes.rules(found, reading=True)}
    assert reading == {("get", "patch"), ("get",)}


def test_each_of_several_clusters_has_roles_of_its_own_and_its_region() -> None:
    clusters = {
        "one": {"existing": True, "namespaces": ["team"]},
        "far": {"existing": True, "name": "one", "region": "eu-west-1"},
        "new": {"region": "eu-west-1", "nodeGroups": {"default": {}}},
    }
    pod = {"kind": "service-account", "policies": ["dev"]}
    logins = {
        "api": {**pod, "serviceAccounts": ["default/api"], "clusters": ["one"]},
        "job": {**pod, "serviceAccounts": ["default/job"], "clusters": ["far"], "method": "pod-identity"},
    }
    found = program("eks", cluster=None, clusters=clusters, logins=logins)
    assert in_kubernetes.clusters(found) == [
        "one/kubernetes",
        "one_eu-west-1/kubernetes",
        "new_eu-west-1/kubernetes",
    ]
    accounts = {
        cluster: {rule.name for rule in in_kubernetes.rules(found, cluster=cluster) if rule.name}
        for cluster in in_kubernetes.clusters(found)
    }
    assert accounts == {
        "one/kubernetes": {"api", "default", "team"},
        "one_eu-west-1/kubernetes": {"job", "default"},
        "new_eu-west-1/kubernetes": set(),
    }
    made = report.kubernetes(found)
    assert [text.splitlines()[1] for text in made.documents] == [
        "# In the cluster one.",
        "# In the cluster one_eu-west-1.",
    ]
    together = "".join(made.documents)  # on standard output
    assert len([*yaml.safe_load_all(together)]) == together.count("\nmetadata:")
    assert "one for each cluster, which has its own access entry" in made.notes[-1]
    wanted = in_aws.needs(found)
    assert resources(wanted, "eks:DescribeCluster") == {
        f"arn:aws:eks:{region}:111111111111:cluster/{name}"
        for region, name in (("us-east-1", "one"), ("eu-west-1", "one"), ("eu-west-1", "new"))
    }
    assert resources(wanted, "eks:CreatePodIdentityAssociation") == {
        "arn:aws:eks:eu-west-1:111111111111:cluster/one"
    }
    assert resources(wanted, "eks:ListPodIdentityAssociations") == {
        "arn:aws:eks:eu-west-1:111111111111:cluster/one"
    }
    groups = resources(wanted, "eks:CreateNodegroup")
    assert groups == {"arn:aws:eks:eu-west-1:111111111111:cluster/new"}
    assert resources(wanted, "ec2:DeleteLaunchTemplate") == {
        "arn:aws:ec2:eu-west-1:111111111111:launch-template/*"
    }
    providers = resources(wanted, "iam:CreateOpenIDConnectProvider")
    assert {arn.split("oidc.eks.")[1].split(".")[0] for arn in providers} == {"us-east-1", "eu-west-1"}


def test_custom_resources_and_their_definitions_have_rules_and_charts_are_told() -> None:
    definition = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"
    declared = (
        Declared(definition, "it", {"id": "things.example.com"}, is_read=True),
        Declared("kubernetes:example.com/v1:Policy", "wide", {"metadata": {"name": "a"}}),
        Declared("kubernetes:example.com/v1:Box", "own", {"metadata": {"name": "b", "namespace": "team"}}),
        Declared("kubernetes:helm.sh/v3:Release", "chart", {}),
    )
    found = Program(program("ecs").place, declared)
    group, named = "example.com", ("get", "patch", "delete")
    assert set(in_kubernetes.rules(found)) == {
        in_kubernetes.Rule(
            "", "apiextensions.k8s.io", "customresourcedefinitions", ("get",), "things.example.com"
        ),
        in_kubernetes.Rule("", group, "policies", named, "a"),
        in_kubernetes.Rule("", group, "policies", ("create", "list", "watch")),
        in_kubernetes.Rule("team", group, "boxes", named, "b"),
        in_kubernetes.Rule("team", group, "boxes", ("create", "list", "watch")),
    }
    assert "the release chart installs a chart" in report.kubernetes(found).notes[0]


@pytest.mark.parametrize(
    ("kind", "ask", "told"),
    [
        ("aws:s3/bucket:Bucket", report.aws, "in_aws.py"),
        ("vault:index/token:Token", report.vault, "in_vault.py"),
    ],
)
def test_a_type_without_an_entry_is_told(kind: str, ask: Any, told: str) -> None:
    found = Program(program("ecs").place, (Declared(kind, "new", {}),))
    with pytest.raises(report.DeployerError, match=f"{kind} has no .* in stack/deployer/{told}; add its"):
        ask(found)


# The command


@pytest.fixture
def deployer(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """The command in the checkout, without credentials and without a server."""
    for name in {*os.environ} - {*NOWHERE}:
        monkeypatch.delenv(name)
    monkeypatch.chdir(ROOT)
    return lambda *words: CliRunner().invoke(app, ["deployer", *words])


def test_the_command_writes_a_file_for_each_policy_and_says_so(tmp_path: Path) -> None:
    output = tmp_path / "deployer.json"
    words = ["--format", "aws", "--config-file", str(STACK_FILES["eks"]), "--output", str(output)]
    answer = subprocess.run(
        [sys.executable, "-m", "cli", "deployer", *words],
        cwd=ROOT,
        env=NOWHERE,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout == ""
    assert "2 policies: AWS takes 6,144 characters in one" in answer.stderr
    for number in (1, 2):
        document = json.loads((tmp_path / f"deployer-{number}.json").read_text())
        assert quotas.size(document) <= quotas.MANAGED_POLICY


def test_a_secret_of_the_stack_file_is_neither_needed_nor_told(
    deployer: Callable[..., Result], tmp_path: Path
) -> None:
    document = yaml.safe_load(STACK_FILES["cross-account"].read_text())
    account = {"roleArn": "arn:aws:iam::222222222222:role/vault", "externalId": {"secure": "AAABAKnotread"}}
    document["config"]["vault-aws-auth:accounts"]["222222222222"] = account
    stack_file = tmp_path / "Pulumi.dev.yaml"
    stack_file.write_text(yaml.safe_dump(document))
    answer = deployer("--format", "vault", "--config-file", str(stack_file))
    assert answer.exit_code == 0, answer.stderr
    assert 'path "auth/aws/config/sts/222222222222"' in answer.stdout
    assert "AAABAKnotread" not in answer.stdout + answer.stderr


@pytest.mark.parametrize("kind", ["aws", "vault", "kubernetes"])
def test_where_vault_is_need_not_be_known(deployer: Callable[..., Result], kind: str, tmp_path: Path) -> None:
    """Only the sandbox knows it of `local`; a deployment may set it in another way."""
    alone = deployer("--format", kind, "--stack", "local")
    assert alone.exit_code == 0, alone.stderr
    document = yaml.safe_load((ROOT / "Pulumi.local.yaml").read_text())
    document["config"]["vault-aws-auth:vault"]["address"] = "https://vault.example.com:8200"
    stack_file = tmp_path / "Pulumi.local.yaml"
    stack_file.write_text(yaml.safe_dump(document))
    told = deployer("--format", kind, "--config-file", str(stack_file)).stdout
    # In any order, as the program declares what it may side by side.
    lines, others = ({line.strip(" ,") for line in text.splitlines()} for text in (alone.stdout, told))
    assert lines == others != set()


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--format", "aws"], 2, "name the stack with --stack"),
        (
            ["--format", "aws", "--stack", "none"],
            1,
            "Pulumi.none.yaml: cannot be read: there is no such file",
        ),
        (["--format", "gcp", "--stack", "dev"], 2, "gcp"),
    ],
)
def test_what_cannot_be_told_is_said(
    deployer: Callable[..., Result], words: list[str], status: int, said: str
) -> None:
    answer = deployer(*words)
    assert answer.exit_code == status, answer.stderr
    assert said in " ".join(answer.stderr.split())
    assert answer.stdout == ""
