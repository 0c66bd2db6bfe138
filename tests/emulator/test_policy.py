"""The policy evaluator, against what AWS documents."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.aws.policy import Effect, MalformedPolicy, Principal, Request, evaluate, parse

ACCOUNT = "111111111111"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/app"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/app/me"
CALLER = Principal(ACCOUNT, (SESSION, ROLE), ("AROAEXAMPLEEXAMPLE",))


def statement(effect: str = "Allow", **fields: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": "*", **fields}


def effect_of(
    *statements: dict[str, Any],
    action: str = "iam:GetRole",
    resource: str = "*",
    trust: bool = False,
    version: str = "2012-10-17",
    principal: Principal = CALLER,
    pinned: dict[str, str] | None = None,
    **context: Any,
) -> Effect:
    document = json.dumps({"Version": version, "Statement": list(statements)})
    keys = {name.replace("__", ":"): value for name, value in context.items()}
    request = Request(action, resource, principal, keys, pinned or {})
    return evaluate([parse(document, trust)], request)


def holds(operator: str, wanted: Any, **context: Any) -> bool:
    """Whether a condition on the key `aws:key` holds."""
    condition = {operator: {"aws:Key": wanted}}
    return effect_of(statement(Resource="*", Condition=condition), **context) is Effect.ALLOW


@pytest.mark.parametrize(
    ("pattern", "allowed"),
    [
        ("iam:GetRole", True),
        ("IAM:getrole", True),
        ("iam:Get*", True),
        ("iam:Get????", True),
        ("*", True),
        (["sts:*", "iam:*"], True),
        ("iam:Get", False),
        ("sts:*", False),
        ("iam:GetRol", False),
    ],
)
def test_actions_match_without_case_and_with_wildcards(pattern: Any, allowed: bool) -> None:
    given_effect = effect_of({"Effect": "Allow", "Action": pattern, "Resource": "*"})
    assert (given_effect is Effect.ALLOW) == allowed


def test_not_action_allows_everything_else() -> None:
    rule = {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}
    assert effect_of(rule) is Effect.NONE
    assert effect_of(rule, action="sts:AssumeRole") is Effect.ALLOW


@pytest.mark.parametrize(
    ("fields", "allowed"),
    [
        ({"Resource": ROLE}, True),
        ({"Resource": ROLE.upper()}, False),
        ({"Resource": "arn:aws:iam::*:role/a*"}, True),
        ({"Resource": "arn:aws:iam::*:role/b*"}, False),
        ({"NotResource": ROLE}, False),
        ({"NotResource": "arn:aws:s3:::*"}, True),
    ],
)
def test_resources_match_with_case_and_wildcards(fields: dict[str, str], allowed: bool) -> None:
    assert (effect_of(statement(**fields), resource=ROLE) is Effect.ALLOW) == allowed


def test_deny_wins_in_either_order() -> None:
    allow, deny = statement(Resource="*"), statement("Deny", Resource="*")
    assert effect_of(allow, deny) is effect_of(deny, allow) is Effect.DENY


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        ({"AWS": ROLE}, Effect.ALLOW),
        ({"AWS": SESSION}, Effect.ALLOW),
        ({"AWS": "AROAEXAMPLEEXAMPLE"}, Effect.ALLOW),
        ({"AWS": ["arn:aws:iam::222222222222:root", ROLE]}, Effect.ALLOW),
        ({"AWS": "*"}, Effect.ALLOW),
        ("*", Effect.ALLOW),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, Effect.ACCOUNT),
        ({"AWS": ACCOUNT}, Effect.ACCOUNT),
        ({"AWS": "arn:aws:iam::222222222222:root"}, Effect.NONE),
        ({"AWS": ROLE + "x"}, Effect.NONE),
        ({"Service": "ec2.amazonaws.com"}, Effect.NONE),
        ({"Federated": "arn:aws:iam::111111111111:oidc-provider/x"}, Effect.NONE),
    ],
)
def test_trust_names_principals(principal: Any, expected: Effect) -> None:
    assert effect_of(statement(Principal=principal), trust=True) is expected


def test_not_principal_denies_everybody_else() -> None:
    rules = [statement(Principal="*"), statement("Deny", NotPrincipal={"AWS": ROLE})]
    assert effect_of(*rules, trust=True) is Effect.ALLOW
    assert effect_of(*rules, trust=True, principal=Principal(ACCOUNT, ("arn:other",))) is Effect.DENY


def test_trust_in_an_arn_means_the_principal_that_had_it_then() -> None:
    rule = statement(Principal={"AWS": ROLE})
    assert effect_of(rule, trust=True, pinned={ROLE: "AROAEXAMPLEEXAMPLE"}) is Effect.ALLOW
    assert effect_of(rule, trust=True, pinned={ROLE: "AROATHEOLDONE"}) is Effect.NONE


@pytest.mark.parametrize(
    ("operator", "wanted", "value", "expected"),
    [
        ("StringEquals", "a", "a", True),
        ("StringEquals", "a", "A", False),
        ("StringEquals", "a*", "ab", False),
        ("StringEquals", ["b", "a"], "a", True),
        ("StringNotEquals", "a", "b", True),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringEqualsIgnoreCase", "a", "A", True),
        ("StringNotEqualsIgnoreCase", "a", "A", False),
        ("StringLike", "a*c?", "abbcd", True),
        ("StringLike", "a.c", "abc", False),
        ("StringNotLike", "a*", "b", True),
        ("ArnLike", "arn:aws:iam::*:role/*", ROLE, True),
        ("ArnLike", "arn:aws:*:role/app", ROLE, False),
        ("ArnEquals", "arn:aws:iam::111111111111:role/a*", ROLE, True),
        ("ArnNotLike", "arn:aws:iam::*:role/*", ROLE, False),
        ("Bool", "true", "True", True),
        ("Bool", True, "true", True),
        ("Bool", "true", "false", False),
        ("NumericEquals", "3", "3.0", True),
        ("NumericLessThan", 5, "3", True),
        ("NumericGreaterThanEquals", "5", "3", False),
        ("NumericEquals", "3", "three", False),
        ("DateLessThan", "2030-01-01T00:00:00Z", "2029-12-31T23:59:59Z", True),
        ("DateGreaterThan", "2030-01-01T00:00:00Z", "1893456001", True),
        ("IpAddress", "10.0.0.0/8", "10.1.2.3", True),
        ("IpAddress", "10.0.0.0/8", "11.1.2.3", False),
        ("NotIpAddress", "10.0.0.0/8", "11.1.2.3", True),
    ],
)
def test_condition_operators(operator: str, wanted: Any, value: str, expected: bool) -> None:
    assert holds(operator, wanted, aws__key=value) == expected


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("StringEquals", False),
        ("StringLike", False),
        ("StringEqualsIfExists", True),
        ("StringNotEquals", True),
        ("ArnNotLike", True),
        ("ForAnyValue:StringEquals", False),
        ("ForAllValues:StringEquals", True),
    ],
)
def test_a_key_that_the_request_does_not_have(operator: str, expected: bool) -> None:
    assert holds(operator, "a") == expected


def test_null_asks_whether_the_key_is_there() -> None:
    assert holds("Null", "true")
    assert not holds("Null", "false")
    assert holds("Null", "false", aws__key="x")
    assert not holds("Null", True, aws__key="x")


@pytest.mark.parametrize(
    ("operator", "values", "expected"),
    [
        ("ForAnyValue:StringEquals", ["a", "z"], True),
        ("ForAnyValue:StringEquals", ["z"], False),
        ("ForAllValues:StringEquals", ["a", "b"], True),
        ("ForAllValues:StringEquals", ["a", "z"], False),
        ("ForAllValues:StringNotEquals", ["y", "z"], True),
        ("ForAllValues:StringNotEquals", ["a", "z"], False),
        ("ForAnyValue:StringLike", ["bar", "z"], True),
    ],
)
def test_quantifiers_over_the_values_of_a_key(operator: str, values: list[str], expected: bool) -> None:
    assert holds(operator, ["a", "b*"] if "Like" in operator else ["a", "b"], aws__key=values) == expected


def test_all_keys_and_operators_of_a_condition_must_hold() -> None:
    condition = {"StringEquals": {"aws:a": "1", "aws:b": "2"}, "Bool": {"aws:c": "true"}}
    rule = statement(Resource="*", Condition=condition)
    assert effect_of(rule, aws__a="1", aws__b="2", aws__c="true") is Effect.ALLOW
    assert effect_of(rule, aws__a="1", aws__b="3", aws__c="true") is Effect.NONE
    assert effect_of(rule, aws__a="1", aws__b="2") is Effect.NONE


def test_policy_variables_are_filled_in() -> None:
    rule = statement(Resource="arn:aws:iam::111111111111:user/${aws:username}")
    user = "arn:aws:iam::111111111111:user/bob"
    assert effect_of(rule, resource=user, aws__username="bob") is Effect.ALLOW
    assert effect_of(rule, resource=user, aws__username="eve") is Effect.NONE
    assert effect_of(rule, resource=user) is Effect.NONE
    assert effect_of(rule, resource=user, aws__username="bob", version="2008-10-17") is Effect.NONE


def test_a_variable_with_a_default_uses_it_only_when_there_is_no_value() -> None:
    rule = statement(Resource="t-${aws:team, 'none'}")
    assert effect_of(rule, resource="t-none") is Effect.ALLOW
    assert effect_of(rule, resource="t-none", aws__team="a") is Effect.NONE


@given(st.text(alphabet="ab*?.[]$\\{}:", max_size=8), st.text(alphabet="ab*?.x:", max_size=8))
def test_a_value_in_a_variable_is_never_a_wildcard(value: str, other: str) -> None:
    rule = statement(Resource="${aws:Key}")
    assert (effect_of(rule, resource=other, aws__key=value) is Effect.ALLOW) == (value == other)


@given(st.text(max_size=20))
def test_every_text_is_equal_to_itself_and_like_a_star(text: str) -> None:
    assert holds("StringLike", "*", aws__key=text)
    assert holds("StringEqualsIgnoreCase", text, aws__key=text)


@given(st.sampled_from(["StringEquals", "StringLike", "ArnLike", "StringEqualsIgnoreCase"]), st.data())
def test_a_negated_operator_is_the_opposite(operator: str, data: st.DataObject) -> None:
    texts = st.text(alphabet="aB*?:", max_size=6)
    wanted, value = data.draw(st.lists(texts, min_size=1, max_size=3)), data.draw(texts)
    negated = operator.replace("String", "StringNot").replace("Arn", "ArnNot")
    assert holds(operator, wanted, aws__key=value) != holds(negated, wanted, aws__key=value)


@given(st.permutations([statement(Resource="*"), statement("Deny", Resource="a*"), statement(Resource="b")]))
def test_the_order_of_statements_does_not_matter(statements: list[dict[str, Any]]) -> None:
    assert effect_of(*statements, resource="ab") is Effect.DENY
    assert effect_of(*statements, resource="b") is Effect.ALLOW


@pytest.mark.parametrize(
    ("document", "trust"),
    [
        ("not json", False),
        ("[]", False),
        ('{"Version": "2012-10-17"}', False),
        ('{"Version": "2099-01-01", "Statement": []}', False),
        (json.dumps({"Statement": [{"Effect": "Maybe", "Action": "*", "Resource": "*"}]}), False),
        (json.dumps({"Statement": [{"Effect": "Allow", "Resource": "*"}]}), False),
        (json.dumps({"Statement": [{"Effect": "Allow", "Action": "*"}]}), False),
        (json.dumps({"Statement": [statement(Resource="*", Principal="*")]}), False),
        (json.dumps({"Statement": [statement(Resource="*", Principal="*")]}), True),
        (json.dumps({"Statement": [statement()]}), True),
        (json.dumps({"Statement": [statement(Principal={"AWS": "arn:aws:iam::1:role/x"})]}), True),
        (json.dumps({"Statement": [statement(Principal={"AWS": ROLE + "*"})]}), True),
        (json.dumps({"Statement": [statement(Principal={"Aws": ROLE})]}), True),
        (json.dumps({"Statement": [statement(Resource="*", Extra=1)]}), False),
        (
            json.dumps({"Statement": [statement(Resource="*", Condition={"StringMatches": {"a": "b"}})]}),
            False,
        ),
        (
            json.dumps({"Statement": [statement(Resource="*", Condition={"AnyValue:Bool": {"a": "b"}})]}),
            False,
        ),
    ],
)
def test_what_aws_would_not_accept_is_malformed(document: str, trust: bool) -> None:
    with pytest.raises(MalformedPolicy):
        parse(document, trust)


def test_every_aws_managed_policy_parses() -> None:
    from moto.iam.aws_managed_policies import aws_managed_policies_data

    policies = json.loads(aws_managed_policies_data)
    for name, managed in policies.items():
        assert parse(json.dumps(managed["Document"])).statements, name
