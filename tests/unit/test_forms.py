"""Forms of leaves: for each, values that are accepted, and values that are refused."""

from collections.abc import Sequence
from typing import Annotated, Any

import pytest

from components import forms
from components.declared import UNIQUE, Reader, shape

ROLE = "arn:aws:iam::111111111111:role"
EASTERN = "\u0661" * 12
"""Twelve digits, but none of ASCII."""

KEY = "arn:aws:kms:us-east-1:111111111111:key/11111111-2222-3333-4444-555555555555"

ACCEPTED: dict[str, list[Any]] = {
    "AccountId": ["111111111111"],
    "Region": ["us-east-1", "us-gov-west-1", "eusc-de-east-1"],
    "RoleArn": [
        f"{ROLE}/app",
        f"{ROLE}/team/app",
        f"{ROLE}/team$/a,b=c@d.e-f_g+h",
        f"{ROLE}/{'a' * 510}/{'b' * 64}",
    ],
    "RolePattern": [f"{ROLE}/app", f"{ROLE}/app*", f"{ROLE}/team/*", f"{ROLE}/*"],
    "PrincipalArn": [f"{ROLE}/app", "arn:aws:iam::111111111111:user/team/app"],
    "PrincipalPattern": [f"{ROLE}/app*", "arn:aws:iam::111111111111:user/*"],
    "PolicyArn": ["arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:iam::111111111111:policy/team/app"],
    "KeyArn": [
        KEY,
        KEY.replace("key/", "key/mrk-"),
        KEY.replace("aws:kms:us-east-1", "aws-cn:kms:cn-north-1"),
        "arn:aws:kms:us-east-1:111111111111:alias/eks",
    ],
    "ServicePrincipal": ["ec2.amazonaws.com", "ec2.amazonaws.com.cn", "ecs-tasks.amazonaws.com"],
    "ExternalId": ["ab", "a" * 1224, "team:app/1"],
    "Url": [
        "https://vault.example.com",
        "https://vault.example.com:8200/",
        "http://127.0.0.1:8200",
        "https://[::1]:8200",
        "HTTPS://vault.example.com",
        "https://my_vault:8200",
        "https://vault.example.com.",
    ],
    "Issuer": ["https://vault.example.com", "https://vault.example.com/", "HTTPS://vault.example.com"],
    "MountPath": ["aws", "team/aws", "system", "team/sys", "authors/aws", "my.token", "..."],
    "VaultNamespace": ["", "team", "team/a", "rooted"],
    "VaultPath": ["team/app", "a..b", "équipe/app"],
    "IamName": ["app", "a" * 64],
    "PolicyName": ["dev", "team-readers", "team/readers", "équipe", "a.b_c", "root-ca"],
    "VaultKeyName": ["vault-aws-auth", "a", "_a.b_"],
    "SecretKey": ["ca.crt", ".hidden", "a..b"],
    "HostName": ["vault.example.com", "my_vault", "10.0.0.1", "1.example.com", "a" * 63],
    "FilePath": ["/etc/ssl/ca.pem", "my files/ca.pem", "équipe"],
    "ProfileName": ["eks-*", "*", "a" * 128],
    "VaultRoleName": ["app-1", "a" * 255],
    "ServerIdHeader": ["", "vault.example.com:8200", "a" * 255],
    "InstanceType": ["t3.medium", "m7g.metal-48xl", "u-6tb1.112xlarge"],
    "NewNamespace": ["team-a", "defaults", "kubernetes"],
    "ServiceAccountPattern": ["app/api", "ci-*/web", "app/*", "app/a?i.b", "team-?/*"],
    "Thumbprint": ["a" * 40, "A" * 40],
    "Cidr": ["203.0.113.0/24", "2001:db8::/32"],
    "Duration": ["1h30m", "900"],
    "KubernetesVersion": ["1.33"],
    "Tags": [{"cost-center": "platform"}, {"équipe": "Zahlung 1"}, {"a": ""}, {"a": "1", "b": "1"}],
}

REFUSED: dict[str, list[Any]] = {
    "AccountId": [EASTERN, "1" * 11, "111111111111\n"],
    "Region": ["us-east-\u0661", "us-east-1\n", "US-EAST-1", "us-east-*"],
    "RoleArn": [
        f"{ROLE}/app*",
        f"{ROLE}/a?p",
        f"{ROLE}/te?m/app",
        f"{ROLE}/te*m/app",
        f"{ROLE}/${{aws:username}}/app",
        f"{ROLE}/${{aws:PrincipalTag/team}}",
        f"{ROLE}/\u0661",
        f"{ROLE}/app\n",
        f"{ROLE}/{'a' * 65}",
        f"{ROLE}/{'a' * 511}/app",
        f"arn:aws:iam::{EASTERN}:role/app",
        "arn:aws:iam::*:role/app",
        "arn:aws:iam::11111111111?:role/app",
        "arn:*:iam::111111111111:role/app",
    ],
    "RolePattern": [
        f"{ROLE}/app**",
        f"{ROLE}/ap?*",
        f"{ROLE}/te*m/app*",
        f"{ROLE}/te?m/app*",
        f"{ROLE}/${{aws:username}}/*",
        f"{ROLE}/${{*",
        "arn:aws:iam::111111111111:role*",
        "arn:aws:iam::111111111111:*",
    ],
    "PrincipalArn": ["arn:aws:iam::111111111111:user/a?p", "arn:aws:iam::111111111111:user/*"],
    "PrincipalPattern": ["arn:aws:iam::111111111111:user/?", "arn:aws:iam::111111111111:*/app"],
    "PolicyArn": ["arn:aws:iam::aws:policy/Read*", "arn:aws:iam::aws:policy/job-function/?"],
    "KeyArn": [
        f"{ROLE}/app",
        "arn:aws:s3:::bucket",
        KEY.replace("us-east-1", ""),
        KEY.replace("111111111111", EASTERN),
        KEY.replace("key/", "key:"),
        "arn:aws:kms:us-east-1:111111111111:key/*",
        "arn:aws:kms:us-east-1:111111111111:key/a/b",
        "arn:aws:kms:us-east-1:111111111111:key//",
        "arn:aws:kms:us-east-1:111111111111:key/" + "a" * 65,
    ],
    "ServicePrincipal": [
        "pods.eks.amazonaws.com",
        "pods.eks.amazonaws.com.cn",
        "*.amazonaws.com",
        "amazonaws.com",
        "ec2.amazonaws.com.evil.example",
    ],
    "ExternalId": ["a", "", "a" * 1225, "a b", "a\x00b", "\u0661\u0661"],
    "Url": [
        "https://user@vault.example.com",
        "https://user:word@vault.example.com",
        "https://@vault.example.com",
        "https://vault.example.com/v1",
        "https://vault.example.com//",
        "https://vault.example.com?",
        "https://vault.example.com/?a=b",
        "https://vault.example.com#",
        "https://vault.example.com/#a",
        "https://vault.example.com:",
        "https://vault.example.com:/",
        "https://vault.example.com:0",
        "https://vault.example.com:99999",
        "https://vault.example.com:\u0668",
        "https://vault.example.com\x00",
        "https://vault.example.com\n",
        "https://vault\\@evil.example",
        "https://[::1",
        "https://[abc]:8200",
        "https://",
        "ftp://vault.example.com",
        "https://.vault.example.com",
        "https://vault..example.com",
        "https://vault.example.com..",
        "https://-vault.example.com",
        "https://vault-.example.com",
        "https://" + "a" * 64,
        "https://" + "a." * 127 + "a",
        "https://256.1.1.1",
        "https://1.2.3",
        "https://0x7f.1",
        "https://vault.0x7f",
        "vault.example.com:8200",
    ],
    "Issuer": [
        "http://vault.example.com",
        "HTTP://vault.example.com",
        "https://vault.example.com:",
        "https://user@vault.example.com",
        "https://vault.example.com//",
        "https://vault..example.com",
        "https://-vault.example.com",
        "https://vault.example.com#a",
    ],
    "MountPath": [
        "..",
        ".",
        "../sys",
        "team/../sys",
        "aws/.",
        "sys",
        "sys/aws",
        "auth",
        "auth/aws",
        "token",
        "token/aws",
        "identity",
        "cubbyhole",
        "audit",
        "aws/",
        "/aws",
        "\u0661",
        "a b",
        "a/" * 127 + "ab",
        "",
    ],
    "ServerIdHeader": ["https://vault.example.com", "a b", "a" * 256, "\u0661"],
    "InstanceType": ["t3", "t3.medium\n", "t3." + "a" * 31],
    "VaultNamespace": ["..", "team/..", "root", "team/sys", "auth", "team/", "identity"],
    "VaultPath": ["..", "team/../sys", "./app", "/app", "app/", "a\x00b", ""],
    "IamName": ["a*", "a?", "${aws:username}", "\u0661", "a" * 65],
    "PolicyName": [
        "root",
        "Dev",
        "dev,root",
        "a b",
        "team-*",
        "a?",
        "a\x00",
        "a\u200bb",
        "..",
        "a/../b",
        "/a",
        "a/",
        "a//b",
        'a"b',
        "",
    ],
    "VaultKeyName": ["..", ".", "-a", "a-", "a.", "\u0661", "a/b"],
    "SecretKey": ["..", ".", "..a", "a/b", "a" * 254],
    "HostName": [
        "a..b",
        ".a",
        "a.",
        "-a",
        "a-.b",
        "a" * 64,
        "a." * 127 + "a",
        "256.1.1.1",
        "1.2.3",
        "\u0661",
    ],
    "FilePath": ["a\x00", "a\nb", "a\u2028b", " a", "a ", ""],
    "ProfileName": ["a" * 129, "a**", "a*b"],
    "VaultRoleName": ["a*", "A", "\u0661", "a" * 256],
    "NewNamespace": ["default", "kube-system", "kube-public", "kube-node-lease", "kube-x", "A", "a.b", ""],
    "ServiceAccountPattern": [
        "app/${aws:username}*",
        "${aws:PrincipalTag/team}/*",
        "app/A*",
        "app/a *",
        "app/*/b",
        "app/\u0661*",
        "a.b/*",
        "app/[ab]*",
        "*/api",
    ],
    "Thumbprint": ["\u0661" * 40, "a" * 39],
    "Cidr": ["203.0.113.\u0661/32", "203.0.113.1/24", "fe80::%eth0/64"],
    "Duration": ["\u0661h", "\u0661"],
    "KubernetesVersion": ["1.\u0663\u0663"],
    "Tags": [
        {"a": "nul\x00"},
        {"a": "line\nend"},
        {"a\x07": "b"},
        {"": "b"},
        {"AWS:a": "b"},
        {"a": "b" * 257},
        {"Team": "a", "team": "a"},
        {f"tag{number}": "a" for number in range(51)},
        {"a": "b?"},
    ],
}


def problems(form: str, value: Any) -> list[str]:
    reader = Reader()
    reader.value(value, shape(getattr(forms, form)), ("field",))
    return [reader.spelling.line(refusal) for refusal in reader.refusals]


def cases(table: dict[str, list[Any]]) -> list[Any]:
    return [
        pytest.param(form, value, id=f"{form}-{index}")
        for form, values in table.items()
        for index, value in enumerate(values)
    ]


@pytest.mark.parametrize(("form", "value"), cases(ACCEPTED))
def test_it_accepts(form: str, value: Any) -> None:
    assert problems(form, value) == []


@pytest.mark.parametrize(("form", "value"), cases(REFUSED))
def test_it_refuses_and_says_what_to_write(form: str, value: Any) -> None:
    (problem,) = problems(form, value)
    assert "; " in problem or "write" in problem, problem


@pytest.mark.parametrize("form", ["Url", "Issuer"])
def test_of_a_url_the_scheme_is_in_lower_case_for_those_who_compare_it(form: str) -> None:
    read = Reader().value("HTTPS://Vault.example.com/", shape(getattr(forms, form)), ("field",))
    assert read == "https://Vault.example.com"


def test_a_thumbprint_is_one_in_either_case() -> None:
    assert Reader().value("AB" * 20, shape(forms.Thumbprint), ("field",)) == "ab" * 20


def test_names_of_aws_that_differ_only_in_case_are_one() -> None:
    reader = Reader()
    written = Annotated[Sequence[forms.RoleArn], UNIQUE]
    reader.value([f"{ROLE}/app", f"{ROLE}/other", f"{ROLE}/App"], shape(written), ("roles",))
    assert [reader.spelling.line(refusal) for refusal in reader.refusals] == [
        f"roles: has {ROLE}/app and {ROLE}/App, and AWS has no two names that differ only in case; write the "
        "one that is there"
    ]
