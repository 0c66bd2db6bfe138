"""The guardrails' configurations that the repository ships."""

import json
from pathlib import Path

import pytest
import yaml

from policies.guardrails.configuration import PACK, path_of
from policies.guardrails.rules import RULES
from sandbox import guardrails
from sandbox.home import REPOSITORY, SandboxError
from tests.policies.kit import POLICY, message
from tools.docs import rules_table

STACKS = sorted((PACK / "stacks").glob("*.json"))
TEAMS = sorted((REPOSITORY / "examples" / "platform-and-teams").glob("*-deploy.hcl"))
STACK_FILES = {
    path.stem.removeprefix("Pulumi."): path
    for pattern in ("Pulumi.*.yaml", "examples/**/Pulumi.*.yaml")
    for path in REPOSITORY.glob(pattern)
}


@pytest.mark.parametrize("path", STACKS, ids=[path.stem for path in STACKS])
def test_every_exception_is_a_known_setting_and_says_why(path: Path) -> None:
    assert guardrails.options(path)[-1] == str(path)
    assert path.stem in STACK_FILES
    known = {rule.name: set(rule.settings) for rule in RULES}
    for name, settings in json.loads(path.read_text()).items():
        assert set(settings) <= known[name] | {"reason"}
        assert settings["reason"].endswith(".")


@pytest.mark.parametrize(
    "path", sorted((REPOSITORY / "policies" / "vault").glob("*.hcl")), ids=lambda path: path.stem
)
def test_the_vault_policies_that_are_shipped_pass_as_the_sandboxs_stack_declares_them(path: Path) -> None:
    declared = json.loads((PACK / "stacks" / "local.json").read_text())["acl-policies"]
    assert not message("acl-policies", POLICY, {"name": path.stem, "policy": path.read_text()}, **declared)


@pytest.mark.parametrize("path", TEAMS, ids=[path.stem for path in TEAMS])
def test_a_teams_policy_passes_without_an_exception_and_not_without_its_parameters(path: Path) -> None:
    text = path.read_text()
    assert not message("acl-policies", POLICY, {"name": path.stem, "policy": text})
    for word in ("allowed_parameters", "denied_parameters"):
        other = text.replace(word, "required_parameters")
        assert "the policies of logins" in message(
            "acl-policies", POLICY, {"name": path.stem, "policy": other}
        )


def test_the_documentation_has_a_teams_policy_in_full() -> None:
    assert TEAMS[0].read_text() in (REPOSITORY / "docs" / "environments.md").read_text()


@pytest.mark.parametrize("name", STACK_FILES)
def test_a_stack_whose_vault_has_no_stored_credential_is_held_to_that(name: str) -> None:
    config = yaml.safe_load(STACK_FILES[name].read_text())["config"]
    identities = (config.get("vault-aws-auth:vaultIdentity"), config.get("vault-aws-auth:secretsEngine"))
    # A stack that names no identity has a user, which is the default; one of a team has none of its own.
    if "user" in {identity.get("kind", "user") for identity in identities if identity} or not identities[0]:
        return
    path = path_of(PACK, name)
    assert path
    assert json.loads(path.read_text())["keyless"]["keyless"] is True


def test_a_stack_without_a_configuration_uses_the_defaults() -> None:
    assert path_of(PACK, "no-such-stack") is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"token-tl": {}}', "token-tl is not a rule; write one of all, bound-vault-roles,"),
        ('{"all": "strict"}', "all: 'strict' is not a level; write one of advisory, mandatory, disabled"),
        ('{"keyless": {"enforcementLevel": "remediate"}}', "keyless: 'remediate' is not a level"),
        ("[]", "write an object with a key for each rule"),
        ("{", "is not JSON"),
    ],
)
def test_what_the_engine_would_ignore_is_refused(tmp_path: Path, text: str, shown: str) -> None:
    path = tmp_path / "stack.json"
    path.write_text(text)
    with pytest.raises(SandboxError) as stopped:
        guardrails.options(path)
    assert shown in str(stopped.value)
    assert str(path) in str(stopped.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="there is no guardrails' configuration"):
        guardrails.options(tmp_path / "none.json")


def test_the_documentations_tables_are_current() -> None:
    text = rules_table.PAGE.read_text()
    assert rules_table.with_tables(text) == text, "run: make schema"
