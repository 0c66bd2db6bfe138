"""The real engine refuses a stack that breaks a rule before it makes anything."""

import json
import re
import subprocess

import pytest

from policies.guardrails.rules import RULES
from policies.guardrails.rules.base import Rule
from tests.policies.conftest import Previews

CONFIG = json.dumps({"keyless": {"keyless": True, "reason": "As an example."}})


@pytest.fixture(scope="module")
def refused(previews: Previews) -> subprocess.CompletedProcess[str]:
    """A preview of a stack that breaks every rule once, in a resource named after the rule."""
    return previews.refused("all", CONFIG)


def test_a_preview_shows_all_violations_at_once_and_the_resource_of_each(
    refused: subprocess.CompletedProcess[str],
) -> None:
    assert refused.returncode != 0, refused.stdout
    # Each rule refuses its own example only.
    assert sorted(reported(refused)) == sorted(("mandatory", rule.name) for rule in RULES), refused.stdout
    for level, rule, resource, _ in violations(refused):
        assert level == "mandatory"
        # Outputs are the stack's.
        assert resource == ("guarded-one" if rule == "secret-outputs" else rule)
    # The values that are secret there are not in it.
    policies = refused.stdout[refused.stdout.index("Policies:") :]
    assert "0123456789abcdef" not in policies
    assert "x" * 40 not in policies


@pytest.mark.parametrize("rule", RULES, ids=[rule.name for rule in RULES])
def test_a_violation_says_what_why_and_how_to_fix_it(
    refused: subprocess.CompletedProcess[str], rule: Rule
) -> None:
    (shown,) = (text for _, name, _, text in violations(refused) if name == rule.name)
    for part in (rule.requires, f"Why: {rule.why}", f"Fix: {rule.fix}"):
        assert part in shown


def test_a_stack_that_keeps_the_rules_passes(previews: Previews) -> None:
    answer = previews.passing(CONFIG)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "vault-aws-auth@v" in answer.stdout  # the guardrails did run
    assert reported(answer) == []


def test_a_stack_declares_its_exceptions(previews: Previews) -> None:
    longer = json.dumps({"token-ttl": {"roles": {"app": "48h"}, "reason": "It works at weekends."}})
    answer = previews.refused("token-ttl", longer)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_advisory_rules_warn_and_let_through(previews: Previews) -> None:
    answer = previews.refused("token-ttl", json.dumps({"all": "advisory"}))
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert reported(answer) == [("advisory", "token-ttl")]


def test_a_setting_of_the_wrong_type_stops_the_engine(previews: Previews) -> None:
    answer = previews.passing(json.dumps({"token-ttl": {"limit": 24}}))
    assert answer.returncode != 0
    assert "token-ttl: limit: Invalid type. Expected: string, given: integer" in answer.stdout + answer.stderr


def test_an_unknown_setting_is_refused(previews: Previews) -> None:
    answer = previews.passing(json.dumps({"token-ttl": {"limits": "48h"}}))
    assert answer.returncode != 0
    assert "limits is not a setting; did you mean limit?" in answer.stdout


def violations(answer: subprocess.CompletedProcess[str]) -> list[tuple[str, str, str, str]]:
    """Level, rule, resource name and text of each violation."""
    head = r"^ +- \[(\w+)\]  ([\w-]+)  \(\S+: ([\w-]+)\)$"
    _, *parts = re.split(head, answer.stdout, flags=re.MULTILINE)
    return [(*parts[i : i + 3], parts[i + 3]) for i in range(0, len(parts), 4)]  # type: ignore[misc]


def reported(answer: subprocess.CompletedProcess[str]) -> list[tuple[str, str]]:
    """Level and rule of each violation."""
    return re.findall(r"- \[(\w+)\]  ([\w-]+) ", answer.stdout)
