"""The whole program under a recording engine, with the stack files of this repository."""

import json
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from components.logins import KINDS
from stack import edition, preflight
from tests import golden
from tests.unit.recording import ISSUER, Recording, record

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden"
ADVICE = """\
A line that is gone is a resource that users' stacks would delete, and a new line one that they would make.
If it is the same resource under another URN, give it an alias (ResourceOptions(aliases=[pulumi.Alias(…)])).
If users must do something, or lose something, write it down in docs/upgrades/."""


STACK_FILES = {
    file.stem.removeprefix("Pulumi."): file
    for file in sorted([*ROOT.glob("Pulumi.*.yaml"), *ROOT.glob("examples/*/Pulumi.*.yaml")])
}


def vault_is_enterprise(patch: pytest.MonkeyPatch) -> None:
    """No Vault runs here; this is what it would say of itself."""
    answer = edition.Vault((1, 21), True, "Vault Enterprise 1.21.0+ent")
    patch.setattr(edition, "ask", lambda _address: answer)


@pytest.fixture(autouse=True, scope="module")
def _enterprise() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        vault_is_enterprise(patch)
        yield


def stack_config(name: str, **changes: Any) -> dict[str, str]:
    """A stack file's configuration as the engine hands it over; `None` takes a key out."""
    config = yaml.safe_load(STACK_FILES[name].read_text())["config"]
    config = {key: value for key, value in {**config, **changes}.items() if value is not None}
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}


async def nothing_is_there(*_: Any) -> None:
    """The look at what is there already, where there is neither Vault nor AWS."""


def run(name: str, **changes: Any) -> Recording:
    program = ROOT / "__main__.py"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preflight, "check", nothing_is_there)
        return record(
            lambda: runpy.run_path(str(program), run_name="__main__"),
            config=stack_config(name, **changes),
            stack=name,
        )


LOCAL_VAULT = {
    "vault-aws-auth:vault": {
        "serverIdHeader": "vault.example.com",
        "address": "https://127.0.0.1:8200",
        "endpoints": dict.fromkeys(("sts", "iam", "ec2"), "http://127.0.0.1:5000"),
        "callersStsEndpoint": "http://127.0.0.1:5000",
    }
}


def whole(**changes: Any) -> Recording:
    """Stack `local`, every scenario together."""
    return run("local", **{**LOCAL_VAULT, **changes})


def logins_of_the_cluster() -> dict[str, Any]:
    """A pod and a node."""
    logins = json.loads(stack_config("local")["vault-aws-auth:logins"])
    return {name: logins[name] for name in ("pod", "node")}


def local(**changes: Any) -> Recording:
    """Of stack `local` the cluster, its pods and its nodes, and nothing else."""
    others = dict.fromkeys(f"vault-aws-auth:{key}" for key in ("accounts", "consumers", "secretsEngine"))
    return whole(**{**others, "vault-aws-auth:logins": logins_of_the_cluster(), **changes})


@pytest.mark.parametrize("name", STACK_FILES)
def test_urns_are_a_contract(name: str) -> None:
    """A changed URN replaces what users have. Renames need an alias; then the golden file may change."""
    changes = LOCAL_VAULT if name == "local" else {}
    urns = sorted(resource.urn for resource in run(name, **changes).resources)
    golden.check("".join(f"{urn}\n" for urn in urns), GOLDEN / f"{name}.urns", ADVICE)


def test_a_login_under_another_key_keeps_its_urns(scenario: Recording) -> None:
    """Else what the new URN writes to its Vault role's path goes with the deletion of the old URN."""
    logins = logins_of_the_cluster()
    renamed = local(**{"vault-aws-auth:logins": {f"my-{name}": login for name, login in logins.items()}})
    assert {r.urn for r in renamed.resources} == {r.urn for r in scenario.resources}
    assert set(renamed.exports()["logins"]) == {"my-pod", "my-node"}


@pytest.fixture(scope="module")
def scenario() -> Recording:
    return local()


def test_outputs_have_the_shape_that_scripts_rely_on(scenario: Recording) -> None:
    exports = scenario.exports()
    assert exports["vault"] == {
        "address": "https://127.0.0.1:8200",
        "namespace": "",
        "mountPath": "aws",
        "serverIdHeader": "vault.example.com",
        "stsEndpoint": "http://127.0.0.1:5000",
        "stsRegion": "us-east-1",
    }
    assert exports["cluster"] == {
        "name": "eks1",
        "oidcIssuer": f"https://{ISSUER}",
        "oidcProviderArn": f"arn:aws:iam::111111111111:oidc-provider/{ISSUER}",
    }
    region = {"region": "us-east-1"}
    assert exports["clusters"] == {"eks1": {**exports["cluster"], **region}}
    assert exports["kubeconfigs"] == {"eks1": exports["kubeconfig"]}
    assert exports["logins"] == {
        "pod": {
            "kind": "service-account",
            "vaultRole": "dev-role-iam2",
            "iamRoleArn": "arn:aws:iam::111111111111:role/vault-auth",
            "serviceAccounts": ["default/vault-auth"],
            "principals": ["arn:aws:iam::111111111111:role/vault-auth"],
            "policies": ["dev"],
            "maxTtl": "768h",
            "clusters": ["eks1"],
        },
        "node": {
            "kind": "ec2-instance",
            "vaultRole": "dev-role-iam",
            "iamRoleArn": "arn:aws:iam::111111111111:role/eks1-node",
            "serviceAccounts": [],
            "principals": ["arn:aws:iam::111111111111:role/eks1-node"],
            "policies": ["dev"],
            "maxTtl": "768h",
            "clusters": ["eks1"],
        },
    }
    assert exports["consumers"] == {}


def test_kubeconfigs_are_the_only_secret_outputs(scenario: Recording) -> None:
    (stack,) = [urn for urn in scenario.secret_outputs if "pulumi:pulumi:Stack" in urn]
    assert scenario.secret_outputs[stack] == {"kubeconfig", "kubeconfigs"}
    assert "the-secret" not in json.dumps(scenario.exports())


def test_every_resource_uses_an_explicit_provider(scenario: Recording) -> None:
    expected = {"aws": "aws", "vault": "vault", "kubernetes": "kubernetes"}
    for resource in scenario.resources:
        package = resource.type.split(":")[0]
        if package in expected:
            assert resource.provider == expected[package], resource.urn
    for remote in (*scenario.of_type("eks:index:Cluster"), *scenario.of_type("eks:index:ManagedNodeGroup")):
        assert remote.providers["aws"] == "aws"
    assert {provider for _, _, provider in scenario.calls} <= {"aws"}


def test_vaults_identity_is_granted_what_both_logins_need_and_nothing_else(scenario: Recording) -> None:
    policy = scenario.one("aws:iam/policy:Policy", "vault-identity-policy")
    (statement,) = json.loads(policy.inputs["policy"])["Statement"]
    assert set(statement["Action"]) == {"iam:GetRole", "iam:GetInstanceProfile", "ec2:DescribeInstances"}


def test_the_actions_for_instances_are_granted_only_with_an_instance_login() -> None:
    logins = logins_of_the_cluster()
    del logins["node"]
    policy = local(**{"vault-aws-auth:logins": logins}).one("aws:iam/policy:Policy", "vault-identity-policy")
    (statement,) = json.loads(policy.inputs["policy"])["Statement"]
    assert statement["Action"] == ["iam:GetRole"]


def test_another_account_adds_its_sts_role_and_the_right_to_assume_it() -> None:
    role = "arn:aws:iam::222222222222:role/lookup"
    recording = local(**{"vault-aws-auth:accounts": {"222222222222": {"roleArn": role, "externalId": "x-1"}}})
    policy = recording.one("aws:iam/policy:Policy", "vault-identity-policy")
    assert json.loads(policy.inputs["policy"])["Statement"][1] == {
        "Sid": "LookUpCallersOfOtherAccounts",
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Resource": [role],
    }
    sts_role = recording.one(
        "vault:aws/authBackendStsRole:AuthBackendStsRole", "vault-aws-auth-sts-role-222222222222"
    )
    assert sts_role.inputs["stsRole"] == role


def test_only_policies_in_use_are_written_to_vault(scenario: Recording) -> None:
    (policy,) = scenario.of_type("vault:index/policy:Policy")
    assert policy.inputs == {
        "name": "dev",
        "policy": (ROOT / "policies" / "vault" / "dev.hcl").read_text(),
    }


def test_the_vault_token_is_not_an_input_and_its_child_outlives_a_long_update(scenario: Recording) -> None:
    provider = scenario.one("pulumi:providers:vault", "vault")
    assert "token" not in provider.inputs
    assert int(provider.inputs["maxLeaseTtlSeconds"]) >= 3600


def test_aws_resources_are_tagged_with_their_stack() -> None:
    provider = local(**{"vault-aws-auth:tags": {"team": "platform"}}).one("pulumi:providers:aws", "aws")
    assert json.loads(provider.inputs["defaultTags"])["tags"] == {
        "managed-by": "pulumi",
        "pulumi-project": "vault-aws-auth",
        "pulumi-stack": "local",
        "team": "platform",
    }


def test_a_pinned_account_is_enforced_by_the_provider() -> None:
    provider = local(**{"vault-aws-auth:accountId": "111111111111"}).one("pulumi:providers:aws", "aws")
    assert json.loads(provider.inputs["allowedAccountIds"]) == ["111111111111"]


def test_wrong_settings_end_the_program_cleanly_before_anything_is_registered() -> None:
    with pytest.raises(pulumi.RunError) as stopped:
        local(**{"aws:region": None, "vault-aws-auth:logins": {"pod": {"kind": "pod"}}})
    assert str(stopped.value).splitlines() == [
        "2 problems in the stack's configuration; nothing was changed:",
        "  1. aws:region: is missing; run: pulumi config set aws:region us-east-1",
        f'  2. vault-aws-auth:logins.pod.kind: "pod" is not a kind; known: {", ".join(KINDS)}',
    ]
