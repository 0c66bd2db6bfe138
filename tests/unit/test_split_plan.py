"""A split, thought through: who gets what, what stays, and what the platform needs for its teams' logins."""

import copy
import json
import runpy
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from stack.split import SplitError, plan, teams
from tests.unit.recording import Recording, Registered, record
from tests.unit.test_program import LOCAL_VAULT, _enterprise, whole  # noqa: F401 - a fixture

ROOT = Path(__file__).parents[2]
POLICIES = {file.stem: file.read_text() for file in ROOT.glob("policies/vault/*.hcl")}
TEAM_PROGRAM = ROOT / "examples" / "platform-and-teams" / "team" / "__main__.py"
LOCAL: dict[str, Any] = {**yaml.safe_load((ROOT / "Pulumi.local.yaml").read_text())["config"], **LOCAL_VAULT}
PLATFORM = "organization/vault-aws-auth/local"


def split(config: dict[str, Any] = LOCAL, patterns: teams.Patterns | None = None) -> plan.Plan:
    settings = plan.read(config, POLICIES)
    assignment = (
        teams.by_namespace(settings) if patterns is None else teams.by_patterns(settings, patterns, {})
    )
    return plan.make(
        config, settings, POLICIES, assignment, stack="local", platform=PLATFORM, project="vault-aws-auth"
    )


def problems(patterns: teams.Patterns) -> list[str]:
    with pytest.raises(SplitError) as error:
        split(patterns=patterns)
    return error.value.problems


def local_with(login: str, **changes: Any) -> dict[str, Any]:
    config = copy.deepcopy(LOCAL)
    config["vault-aws-auth:logins"][login] |= changes
    return config


def test_each_login_goes_to_the_namespace_of_its_service_accounts() -> None:
    found = split()
    assert {team.name: team.logins for team in found.teams} == {
        "default": ["pod", "batch"],
        "gloo-system": ["gloo"],
        "vault-access-operator-system": ["vault-access-operator"],
    }
    assert {team.name: team.consumers for team in found.teams} == {
        "default": ["vault-secrets-operator", "external-secrets", "vault-agent"],
        "gloo-system": ["gloo"],
        "vault-access-operator-system": ["vault-access-operator"],
    }
    assert found.staying == {
        "node": "it is of instances, which are the platform's",
        "other-account": "its principals are of the account 222222222222, into which only the platform can "
        "look",
    }


def test_a_login_of_several_namespaces_stays_and_can_be_named() -> None:
    config = local_with("pod", serviceAccounts=["default/vault-auth", "other/vault-auth"])
    del config["vault-aws-auth:consumers"]
    found = split(config)
    assert found.staying["pod"] == "its service accounts are of default, other; a file of --teams can name it"
    (team,) = split(config, {"both": ["pod"]}).teams
    assert team.logins == ["pod"]


def test_a_pattern_is_of_names_or_of_service_accounts_all_of_which_it_has_to_meet() -> None:
    config = local_with("pod", serviceAccounts=["default/vault-auth", "other/vault-auth"])
    del config["vault-aws-auth:consumers"]
    found = split(config, {"one": ["default/*"], "two": ["vault-*", "gloo*/*"]})
    assert {team.name: team.logins for team in found.teams} == {
        "one": ["batch"],
        "two": ["gloo", "vault-access-operator"],
    }
    assert found.staying["pod"] == "no team names it"


@pytest.mark.parametrize(
    ("patterns", "problem"),
    [
        ({"a": ["pod"], "b": ["p*"]}, "logins.pod: goes to a and to b; make the patterns narrower"),
        ({"a": ["node"]}, "logins.node: cannot go to a: it is of instances, which are the platform's"),
        (
            {"a": ["other-*"]},
            "logins.other-account: cannot go to a: its principals are of the account 222222222222, into "
            "which only the platform can look",
        ),
        (
            {"a": ["pd"]},
            "a: 'pd' meets no login; known: pod, node, gloo, vault-access-operator, other-account, batch",
        ),
    ],
)
def test_what_cannot_be_is_refused(patterns: dict[str, list[str]], problem: str) -> None:
    assert problems(patterns) == [problem]


def test_a_login_with_vaults_own_permissions_stays() -> None:
    assert split(local_with("pod", vaultLookups=True)).staying["pod"] == (
        "it has vaultLookups, Vault's own permissions"
    )


def test_what_the_program_would_refuse_is_refused() -> None:
    with pytest.raises(SplitError, match=r"logins.pod.policies\[0\]: \"nobodys\" is not a Vault policy"):
        split(local_with("pod", policies=["nobodys"]))


def test_the_platform_keeps_what_it_derived_from_the_logins() -> None:
    found = split()
    assert found.added == {
        ("vaultIdentity", "allLookups"): True,
        ("vault", "policies"): ["dev", "vault-access-operator"],
        ("cluster", "podIdentityAgent"): True,
    }
    left = plan.read(found.platform, POLICIES)
    assert {*left.logins} == {"node", "other-account"}
    assert not left.consumers
    before = plan.read(LOCAL, POLICIES)
    assert left.policies == before.policies
    assert left.alone
    assert left.alone.options["pod_identity_agent"]


def test_a_vault_that_looks_into_its_stacks_own_account_by_a_role_goes_on_to() -> None:
    config = local_with("pod")
    config["vault-aws-auth:accounts"]["111111111111"] = {"trustedServices": ["ec2.amazonaws.com"]}
    assert split(config).added["accounts.111111111111", "allLookups"] is True


def test_a_section_without_a_value_gets_what_the_platform_needs() -> None:
    found = split({**LOCAL, "vault-aws-auth:vaultIdentity": None})
    assert found.platform["vault-aws-auth:vaultIdentity"] == {"allLookups": True}


def test_a_second_split_leaves_what_the_platform_has_got() -> None:
    first = split(patterns={"one": ["batch"]})
    second = split(first.platform, {"two": ["vault-*"]})
    assert second.added == {("vault", "policies"): ["dev", "vault-access-operator"]}


def test_encrypted_values_are_carried_over_as_they_are() -> None:
    config = local_with("pod")
    config["vault-aws-auth:accounts"]["222222222222"]["externalId"] = {"secure": "v1:abc"}
    found = split(config)
    assert found.platform["vault-aws-auth:accounts"] == config["vault-aws-auth:accounts"]


class Reference:
    """The platform's outputs, as a team's program reads them."""

    outputs: dict[str, Any]

    def __init__(self, name: str) -> None:
        assert name == PLATFORM

    def require_output(self, name: str) -> pulumi.Output[Any]:
        value = self.outputs[name]
        return pulumi.Output.secret(value) if name == "kubeconfig" else pulumi.Output.from_input(value)

    def get_output(self, name: str) -> pulumi.Output[Any]:
        return pulumi.Output.from_input(self.outputs.get(name))


def run_team(team: plan.Team, platform: Recording, patch: pytest.MonkeyPatch) -> Recording:
    Reference.outputs = platform.exports()
    patch.setattr(pulumi, "StackReference", Reference)
    return record(
        lambda: runpy.run_path(str(TEAM_PROGRAM), run_name="__main__"),
        config={
            key: value if isinstance(value, str) else json.dumps(value) for key, value in team.config.items()
        },
        stack="local",
    )


def declared(resource: Registered) -> dict[str, Any]:
    """All that the engine compares, or acts upon when it makes or deletes the resource."""
    return {key: value for key, value in vars(resource).items() if key not in ("depends_on", "providers")}


@pytest.fixture(scope="module")
def before() -> Recording:
    return whole()


@pytest.mark.parametrize("team", split().teams, ids=lambda team: team.name)
def test_what_a_team_declares_is_what_the_whole_stack_declared(
    team: plan.Team, before: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a preview after the split has nothing to change: by every kind that a team can have."""
    after = run_team(team, before, monkeypatch)
    whole_stack = {resource.urn: declared(resource) for resource in before.resources}
    assert len(after.resources) > len(team.components)
    for resource in after.resources:
        assert declared(resource) == whole_stack[resource.urn]
    tops = {resource.urn.split("::", 2)[2] for resource in after.resources if not resource.parent}
    assert {top for top in tops if not top.startswith("pulumi:providers:")} == team.components
    for name in ("logins", "callers", "consumers"):
        said = before.exports()[name]
        assert after.exports()[name] == {key: said[key] for key in after.exports()[name]}
    assert after.exports()["logins"].keys() == {*team.logins}


def test_the_platform_takes_nothing_away_but_what_the_teams_got(before: Recording) -> None:
    found = split()
    changes = {key: found.platform.get(key) for key in {*LOCAL, *found.platform}}
    after = whole(**changes)
    components = {component for team in found.teams for component in team.components}
    urns = {r.urn for r in before.resources}
    got = {urn for urn in urns if urn.split("::", 2)[2] in components}
    names = {component.rpartition("::")[2] for component in components}
    got |= {r.urn for r in before.resources if r.parent in names and "$" in r.urn}
    assert urns - {r.urn for r in after.resources} == got
    kept = {r.urn: declared(r) for r in before.resources}
    changed = {r.urn for r in after.resources if declared(r) != kept[r.urn]}
    assert {urn.rpartition("::")[2] for urn in changed} == {"vault-identity-policy"}


def test_a_login_takes_along_what_is_written_once_for_the_whole_stack() -> None:
    """A team's stack file has no such keys, and another name would be another role."""
    boundary = "arn:aws:iam::111111111111:policy/boundary"
    config = copy.deepcopy(LOCAL)
    config["vault-aws-auth:accounts"] = {
        "222222222222": {
            "trustedServices": ["ec2.amazonaws.com"],
            "permissionsBoundary": boundary.replace("1" * 12, "2" * 12),
        }
    }
    del config["vault-aws-auth:logins"]["batch"]["iamRoleName"]
    config |= {"vault-aws-auth:permissionsBoundary": boundary, "vault-aws-auth:iamRoleNamePrefix": "prod-"}
    logins = {
        name: it for team in split(config).teams for name, it in team.config["vault-aws-auth:logins"].items()
    }
    assert {it["permissionsBoundary"] for it in logins.values()} == {boundary}
    assert logins["pod"]["iamRoleName"] == "vault-auth"  # as it is written
    assert logins["batch"]["iamRoleName"] == "prod-batch"
