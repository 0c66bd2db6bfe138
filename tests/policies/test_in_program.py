"""The program asks the rules itself where the engine has no policy pack, as in a plain `pulumi up`."""

import json
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime import settings

from components import EcsTaskLogin
from policies.guardrails.configuration import PACK, Configuration, ConfigurationError
from policies.guardrails.rules import RULES
from stack import guardrails
from tests.policies.conftest import EXAMPLES
from tests.policies.kit import CLUSTER, secret
from tests.unit.recording import Recording, providers, record

KEYLESS = {"keyless": {"keyless": True}}


def declaring(given: dict[str, Any], *resources: tuple[str, str, dict[str, Any]]) -> Callable[[], None]:
    """A program of raw resources, each with type, name and inputs, in a stack of this configuration."""

    def program() -> None:
        guardrails.install(Configuration(given))
        for kind, name, inputs in resources:
            if kind == "pulumi:pulumi:Stack":
                for output, value in inputs.items():
                    pulumi.export(output, value)
            else:
                pulumi.CustomResource(kind, name, inputs)

    return program


def refused(program: Callable[[], None], *, preview: bool = True) -> tuple[str, Recording]:
    made = Recording()
    with pytest.raises(pulumi.RunError) as refusal:
        record(program, stack="one", preview=preview, into=made)
    return str(refusal.value), made


def plain(inputs: dict[str, Any]) -> dict[str, Any]:
    """An example's inputs as a program writes them."""
    return {
        key: pulumi.Output.secret(value.value) if hasattr(value, "value") else value
        for key, value in inputs.items()
    }


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
def test_what_the_policy_pack_refuses_is_refused_and_the_same_fixed_is_not(rule: str) -> None:
    example = EXAMPLES[rule]
    said, _ = refused(lambda: declaring(KEYLESS, (example.kind, "app", plain(example.refused)))())
    assert f": {rule}: " in said
    assert "nothing was changed" in said
    record(
        lambda: declaring(KEYLESS, (example.kind, "app", plain(example.fixed)))(), stack="one", preview=True
    )


@pytest.mark.parametrize(
    ("rule", "path", "data"),
    [
        ("token-ttl", "auth/aws/role/app", {"token_max_ttl": "768h"}),
        ("wildcard-trust", "auth/aws/role/app", {"bound_iam_principal_arn": "*"}),
        ("bound-vault-roles", "auth/jwt/role/app", {"user_claim": "sub", "token_policies": "dev"}),
        ("encrypted-endpoints", "auth/aws/config/client", {"sts_endpoint": "http://sts.example.com"}),
        ("server-id-header", "auth/aws/config/client", {"iam_server_id_header_value": ""}),
        ("reachable-identities", "aws/roles/app", {"role_arns": "*"}),
        ("acl-policies", "sys/policies/acl/app", {"policy": 'path "*" { capabilities = ["read"] }'}),
        ("root-tokens", "auth/token/create", {"ttl": "1h"}),
    ],
)
def test_what_is_written_to_a_path_is_held_to_every_rule(rule: str, path: str, data: dict[str, Any]) -> None:
    inputs = {"path": path, "dataJson": secret(json.dumps(data))}
    said, _ = refused(lambda: declaring({}, ("vault:generic/endpoint:Endpoint", "app", plain(inputs)))())
    assert f": {rule}: " in said


def bad(rule: str, name: str) -> tuple[str, str, dict[str, Any]]:
    return EXAMPLES[rule].kind, name, EXAMPLES[rule].refused


def test_a_preview_tells_all_at_once() -> None:
    said, _ = refused(
        declaring({}, bad("token-ttl", "one"), bad("token-ttl", "two"), bad("permissions", "it"))
    )
    assert said.startswith("3 refusals by the stack's guardrails; nothing was changed")


@pytest.mark.parametrize("statement", [{"Action": "s3:*"}, {"Resource": "*"}, {"Action": "iam:PassRole"}])
def test_the_statements_of_a_login_are_read(statement: dict[str, str]) -> None:
    """An inline policy that stands in a stack file is judged as one that is written by hand."""
    fine = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:iam::111111111111:role/*"}

    def program(of: dict[str, Any]) -> None:
        guardrails.install(Configuration({}))
        args: Any = {
            "connection": {"path": "aws"},
            "region": "us-east-1",
            "policies": ["dev"],
            "policy_statements": [of],
        }
        EcsTaskLogin("app", args, providers())

    said, _ = refused(lambda: program({**fine, **statement}), preview=False)
    assert "app-inline-policy" in said
    record(lambda: program(fine), stack="one")


def test_an_update_ends_before_what_is_refused_is_made() -> None:
    said, made = refused(declaring({}, bad("token-ttl", "one")), preview=False)
    assert "what was made before stays" in said
    assert made.resources == []


def test_a_stack_declares_its_exceptions_and_their_level(monkeypatch: pytest.MonkeyPatch) -> None:
    warned: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warned.append)
    record(declaring({"token-ttl": {"roles": {"app": "48h"}}}, bad("token-ttl", "app")), preview=True)
    record(declaring({"all": "disabled"}, bad("token-ttl", "app")), preview=True)
    assert not warned
    record(declaring({"all": "advisory"}, bad("token-ttl", "app")), preview=True)
    assert "AuthBackendRole app: token-ttl: " in warned[0]
    said, _ = refused(declaring({"all": "advisory", "token-ttl": "mandatory"}, bad("token-ttl", "app")))
    assert "token-ttl" in said


def test_the_cluster_that_a_component_of_another_process_makes_is_checked() -> None:
    inputs = {"endpointPublicAccess": True, "endpointPrivateAccess": False, "enabledClusterLogTypes": ["api"]}

    def program() -> None:
        guardrails.install(Configuration())
        pulumi.ComponentResource("eks:index:Cluster", "eks1", inputs, remote=True)

    said, _ = refused(program)
    assert f"{CLUSTER} eks1: audit-logs: " in said
    assert f"{CLUSTER} eks1: cluster-endpoint: " in said


class Engine:
    """A monitor that is no recording of a test."""


@pytest.mark.parametrize(
    ("variable", "here"),
    [
        ("", True),
        ("policies/other", True),
        (str(PACK), False),
        (f"policies/other,{PACK}", False),
        ("policies/guardrails", False),
    ],
)
def test_what_the_engine_checks_is_not_checked_once_more(
    variable: str, here: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_OPTION_POLICY_PACK", variable)
    monkeypatch.chdir(PACK.parents[1])
    engine = Engine()
    monkeypatch.setattr(settings.SETTINGS, "monitor", engine)
    guardrails.enforce("no-such-stack")
    assert (settings.get_monitor() is not engine) is here


def test_the_stacks_own_configuration_is_found_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "one.json").write_text(json.dumps({"all": "advisory"}))
    assert Configuration.of("one", tmp_path).level(RULES[0]) == "advisory"
    assert Configuration.of("two", tmp_path).level(RULES[0]) == "mandatory"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"token-ttl": {"limit": 24}}', 'token-ttl: limit: 24 is not of the form {"type": "string"'),
        ('{"token-ttl": {"limit": "long"}}', 'token-ttl: limit: "long" is not of the form'),
        ('{"token-ttl": {"roles": {"a": 1}}}', 'token-ttl: roles: {"a": 1} is not of the form'),
        ('{"keyless": {"keyless": "yes"}}', 'keyless: keyless: "yes" is not of the form {"type": "boolean"}'),
        ('{"audit-logs": {"logTypes": ["all"]}}', 'audit-logs: logTypes: ["all"] is not of the form'),
        ('{"keyless": {"reason": 1}}', "keyless: reason: 1 is not of the form"),
        ('{"token-tl": {}}', "token-tl is not a rule"),
        ('{"all": "off"}', "all: 'off' is not a level"),
        ('{"all": null}', "all: None is not a level"),
        ("[]", "write an object with a key for each rule"),
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_a_configuration_that_cannot_be_applied_is_refused(tmp_path: Path, text: str, shown: str) -> None:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "one.json").write_text(text)
    with pytest.raises(ConfigurationError) as stopped:
        Configuration.of("one", tmp_path)
    assert shown in str(stopped.value)


def test_the_program_enforces_them_before_it_declares_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording is left alone, so it is the call that is looked at."""

    def stop(stack: str) -> None:
        raise guardrails.ConfigurationError(f"asked for {stack}")

    monkeypatch.setattr(guardrails, "enforce", stop)
    program, made = str(PACK.parents[1] / "__main__.py"), Recording()
    with pytest.raises(pulumi.RunError, match="asked for local"):
        record(lambda: runpy.run_path(program, run_name="__main__"), stack="local", into=made)
    assert made.resources == []
