"""Stack files of a wrong shape: each is told in one message, and none ends in a traceback."""

import json
from typing import Any

import pytest

from components import consumers, logins, vault_identity
from components.declared import fields_of, to_camel
from stack.file import parse
from stack.sections import KEYS
from tests.unit.test_stack_file import POLICIES, VALID, changed, problems

WRONG: list[Any] = ["text", 5, 1.5, True, ["a"], [["a"]], "5", '"text"', "[1]", "{", "\x00"]


def nested(levels: int) -> Any:
    value: Any = {}
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize("value", WRONG, ids=repr)
@pytest.mark.parametrize("key", KEYS)
def test_a_section_that_is_no_mapping_is_told(key: str, value: Any) -> None:
    found = problems(changed(key, value))
    assert any(problem.startswith(f"vault-aws-auth:{key}: ") and "mapping" in problem for problem in found)


@pytest.mark.parametrize("value", WRONG, ids=repr)
def test_a_consumer_of_logins_that_are_no_mapping_is_no_traceback(value: Any) -> None:
    config = changed("consumers.eso", {"kind": "external-secrets", "login": "pod"})
    assert problems({**config, "vault-aws-auth:logins": value})


def _kinds() -> list[Any]:
    """The place of each kind of section, and its fields."""
    places = (("vaultIdentity", vault_identity), ("logins.x", logins), ("consumers.x", consumers))
    return [
        pytest.param(
            place, word, [to_camel(field) for field in fields_of(kind.OPTIONS)], id=f"{place} {word}"
        )
        for place, of in places
        for word, kind in of.KINDS.items()
    ]


@pytest.mark.parametrize(("place", "kind", "fields"), _kinds())
def test_a_field_that_is_wrong_is_no_traceback_in_the_rules_between_fields(
    place: str, kind: str, fields: list[str]
) -> None:
    wrong: list[Any] = ["?", ["?"], {"?": "?"}, [None], [["?"]], 5]
    for value in wrong:
        for field in fields:
            assert problems(changed(place, {"kind": kind, field: value})), (field, value)
        assert problems(changed(place, {"kind": kind, **dict.fromkeys(fields, value)})), value


@pytest.mark.parametrize("levels", [40, 900, 20_000])
@pytest.mark.parametrize("key", KEYS)
def test_what_is_nested_too_deeply_is_one_message(key: str, levels: int) -> None:
    written = "[" * levels + "]" * levels
    for value in (written, '{"a":' * levels + "1" + "}" * levels, nested(levels)):
        (problem,) = problems({**VALID, f"vault-aws-auth:{key}": value})
        assert problem == f"vault-aws-auth:{key}: is nested too deeply; write at most 32 levels"


def test_a_policy_document_is_not_nested_too_deeply() -> None:
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "s3:*",
                "Resource": "*",
                "Condition": {"StringLike": {"aws:PrincipalTag/team": ["a"]}},
            }
        ],
    }
    engine = {
        "kind": "user",
        "roles": {"app": {"credentialType": "iam_user", "policyDocument": document}},
    }
    for written in (engine, json.dumps(engine)):
        assert parse({**VALID, "vault-aws-auth:secretsEngine": written}, POLICIES).secrets_engine


@pytest.mark.parametrize(
    ("paths", "engine", "message"),
    [
        (["kv", "kv/team"], "aws", "vault.kv.kv/team: is inside of kv, and Vault mounts nothing there"),
        (["a/b/c", "a/b"], "aws", "vault.kv.a/b/c: is inside of a/b, and Vault mounts nothing there"),
        (["kv"], "kv/aws", 'secretsEngine.path: "kv/aws" and kv of vault.kv are one inside the other'),
        (["aws/kv"], "aws", 'secretsEngine.path: "aws" and aws/kv of vault.kv are one inside the other'),
        (["kv"], "kv", 'secretsEngine.path: "kv" is in vault.kv, too; write another path'),
        (["sys"], "aws", "vault.kv.sys: its name is Vault's own; write a path that does not begin with"),
        (["a/.."], "aws", "vault.kv.a/..: its name has . or .. as a part, which Vault refuses"),
    ],
)
def test_no_mount_is_inside_of_another(paths: list[str], engine: str, message: str) -> None:
    config = changed("vault.kv", {path: {} for path in paths})
    roles = {"app": {"credentialType": "assumed_role", "roleArns": ["arn:aws:iam::111111111111:role/app"]}}
    config["vault-aws-auth:secretsEngine"] = {"kind": "user", "path": engine, "roles": roles}
    (problem,) = problems(config)
    assert problem.startswith(f"vault-aws-auth:{message}")


def test_mounts_side_by_side_are_no_problem() -> None:
    stack = parse(changed("vault.kv", {"kv": {}, "kv-team": {}, "team/kv": {}}), POLICIES)
    assert [*stack.vault["kv"]] == ["kv", "kv-team", "team/kv"]
