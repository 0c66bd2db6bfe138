"""The real engine refuses a stack that breaks a rule before anything is made, and says what, why and how."""

import json
import re
import subprocess

import pytest

from policies.guardrails.rules import RULES
from policies.guardrails.rules.base import Rule
from tests.policies.conftest import Previews

CONFIG = json.dumps({"keyless": {"keyless": True, "reason": "As an example."}})


@pytest.mark.parametrize("rule", RULES, ids=[rule.name for rule in RULES])
def test_a_stack_that_breaks_a_rule_is_refused_at_preview(previews: Previews, rule: Rule) -> None:
    answer = previews.refused(rule.name, CONFIG)
    assert answer.returncode != 0, answer.stdout
    # This rule and no other; and the message has all that is needed to mend it.
    assert reported(answer) == [("mandatory", rule.name)], answer.stdout
    for part in (rule.says, f"Why: {rule.why}", f"Mend: {rule.mend}"):
        assert part in answer.stdout
    # The values that are secret there are not in it.
    policies = answer.stdout[answer.stdout.index("Policies:") :]
    assert "0123456789abcdef" not in policies
    assert "x" * 40 not in policies


def test_a_stack_that_keeps_the_rules_passes(previews: Previews) -> None:
    answer = previews.passing(CONFIG)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "vault-aws-auth@v" in answer.stdout  # the guardrails did run
    assert reported(answer) == []


def test_a_stack_declares_its_exceptions(previews: Previews) -> None:
    longer = json.dumps({"token-ttl": {"roles": {"app": "48h"}, "reason": "It works at weekends."}})
    answer = previews.refused("token-ttl", longer)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_advisory_rules_tell_and_let_through(previews: Previews) -> None:
    answer = previews.refused("token-ttl", json.dumps({"all": "advisory"}))
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert reported(answer) == [("advisory", "token-ttl")]


def test_a_setting_of_the_wrong_type_stops_the_engine(previews: Previews) -> None:
    answer = previews.passing(json.dumps({"token-ttl": {"limit": 24}}))
    assert answer.returncode != 0
    assert "token-ttl: limit: Invalid type. Expected: string, given: integer" in answer.stdout + answer.stderr


def test_a_setting_that_is_none_is_told(previews: Previews) -> None:
    answer = previews.passing(json.dumps({"token-ttl": {"limits": "48h"}}))
    assert answer.returncode != 0
    assert "limits is not a setting; did you mean limit?" in answer.stdout


def reported(answer: subprocess.CompletedProcess[str]) -> list[tuple[str, str]]:
    """Level and rule of each violation, once for each resource."""
    return re.findall(r"- \[(\w+)\]  ([\w-]+) ", answer.stdout)
