"""Values of the right shape that AWS, Vault or Kubernetes would refuse, or read as something else."""

import re
from typing import Any

import pytest

from stack import file
from stack.reading import StackFileError

ROLE = "arn:aws:iam::111111111111:role/"
POD = {"kind": "service-account", "serviceAccounts": ["default/app"], "policies": ["dev"]}
CONFIG: dict[str, Any] = {
    "aws:region": "us-east-1",
    "vault-aws-auth:accountId": "111111111111",
    "vault-aws-auth:cluster": {"name": "eks1"},
    "vault-aws-auth:vault": {"address": "https://vault.example.com:8200"},
    "vault-aws-auth:logins": {"pod": POD},
}
OTHER_REGION = "arn:aws:kms:eu-west-1:111111111111:key/12345678-1234-1234-1234-123456789012"


def problems(section: str, **fields: Any) -> list[str]:
    key = f"vault-aws-auth:{section}"
    return problems_of({key: {**CONFIG.get(key, {}), **fields}})


def problems_of(changed: dict[str, Any]) -> list[str]:
    try:
        file.parse({**CONFIG, **changed}, {"dev": ""})
    except StackFileError as error:
        return error.problems
    return []


def ci(*principals: str) -> dict[str, Any]:
    return {"kind": "principal", "principals": list(principals), "policies": ["dev"]}


@pytest.mark.parametrize(
    ("section", "fields", "told"),
    [
        (
            "logins",
            {"ci": ci(f"{ROLE}{'a' * 65}")},
            r"logins.ci.principals\[0\]: .* a name of 65 characters; IAM takes up to 64",
        ),
        ("vault", {"address": "https://vault..example.com"}, "vault.address: .* write e.g. https://vault"),
        ("vault", {"address": "https://-vault.example.com"}, "vault.address: .* write e.g. https://vault"),
        ("vault", {"address": f"https://{'a' * 64}.com"}, "vault.address: .* write e.g. https://vault"),
        (
            "vault",
            {"callersStsEndpoint": "https://sts.eu-west-1.amazonaws.com"},
            "vault.callersStsEndpoint: .* logins are signed for us-east-1, .* https://sts.us-east-1",
        ),
        (
            "vault",
            {"externalPolicies": ["a,b"]},
            "vault.externalPolicies.*: .* is not the name of a Vault policy",
        ),
        (
            "vault",
            {"externalPolicies": ["*"]},
            "vault.externalPolicies.*: .* is not the name of a Vault policy",
        ),
        ("cluster", {"encryptionKeyArn": OTHER_REGION}, "cluster.encryptionKeyArn: .* a key of that region"),
        ("cluster", {"namespaces": ["team-a", "default"]}, r"cluster.namespaces\[1\]: .* in every cluster"),
        (
            "logins",
            {"pod": {**POD, "tags": {f"k{i}": "v" for i in range(47)}}},
            "pod.tags: .* write at most 46",
        ),
    ],
)
def test_it_is_refused_with_what_to_write(section: str, fields: dict[str, Any], told: str) -> None:
    (problem,) = problems(section, **fields)
    assert re.search(told, problem), problem


@pytest.mark.parametrize(
    ("section", "fields"),
    [
        ("logins", {"ci": ci(f"{ROLE}{'a' * 64}", f"{ROLE}{'b' * 64}*")}),
        ("vault", {"address": "https://vault.example.com."}),
        ("vault", {"address": "http://vault_1:8200/"}),
        ("vault", {"address": "https://[::1]:8200"}),
        ("vault", {"address": "https://10.0.0.1"}),
        ("vault", {"callersStsEndpoint": "https://sts.us-east-1.amazonaws.com"}),
        ("vault", {"callersStsEndpoint": "https://vpce-1-x.sts.us-east-1.vpce.amazonaws.com"}),
        ("vault", {"externalPolicies": ["team/readers"]}),
        ("cluster", {"encryptionKeyArn": OTHER_REGION.replace("eu-west", "us-east")}),
        ("cluster", {"namespaces": ["team-a"]}),
        ("logins", {"pod": {**POD, "tags": {f"k{i}": "v" for i in range(46)}}}),
    ],
)
def test_what_they_take_is_accepted(section: str, fields: dict[str, Any]) -> None:
    assert problems(section, **fields) == []


GLOO = {"kind": "gloo", "login": "gloo"}
AGENT = {"kind": "vault-agent", "login": "pod"}


@pytest.mark.parametrize(
    ("consumer", "told"),
    [
        *(
            ({**GLOO, "release": {"version": "1.18.0", field: value}}, f"gloo.release.{field}: ")
            for field, value in (
                ("version", "1.18.0\x00"),
                ("version", "1.18.0\x07"),
                ("version", "\u202e1"),
                ("version", "1.18.\u0660"),
                ("chart", "gloo\u200b"),
                ("chart", "gloo;rm"),
                ("repository", "https://charts.example.com\x85"),
                ("repository", "https://user:word@charts.example.com"),
            )
        ),
        *(
            ({**AGENT, "secrets": [secret]}, r"gloo.secrets\[0\]: .* write e.g. config=dev/data/app")
            for secret in ("a\x00=b", "a b=c", "a=b\x07", "a=", "=b", "a/b=c", "é=a", "a" * 44 + "=b", "-=b")
        ),
        ({**AGENT, "login": ""}, 'gloo.login: "" is not a login'),
        (
            {"kind": "vault-access-operator", "login": "pod", "defaultAuthPath": "auth/../sys"},
            "gloo.defaultAuthPath: .* write it with auth/",
        ),
        (
            {"kind": "vault-server", "tlsSecret": "tls", "storageSize": "10"},
            "gloo.storageSize: .* write e.g. 10Gi",
        ),
    ],
)
def test_what_a_consumer_would_hand_on_is_refused(consumer: dict[str, Any], told: str) -> None:
    assert any(re.search(told, problem) for problem in problems("consumers", gloo=consumer))


@pytest.mark.parametrize("text", ["\x07", "\x7f", "\x85", "\u202e", "\u200b", "\u2028", "\ud800"])
def test_what_a_terminal_would_not_show_is_said_in_escapes(text: str) -> None:
    """It could hide or rewrite what else is on the screen."""
    told = problems("vault", address=f"https://{text}", **{f"key{text}": 1})
    assert len(told) == 2
    assert all(problem.isprintable() for problem in told)


@pytest.mark.parametrize("value", [[], {}, 0, False])
def test_what_is_no_account_is_not_taken_for_none(value: Any) -> None:
    (problem,) = problems_of({"vault-aws-auth:accountId": value})
    assert problem.startswith("vault-aws-auth:accountId: ")
