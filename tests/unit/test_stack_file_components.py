# ruff: noqa: E501 - messages are long
"""What components refuse is told before anything is made: by the settings' keys, in the settings' words."""

import copy
from typing import Any

import pytest

from components import consumers
from stack.file import parse
from stack.reading import StackFileError
from tests.unit.test_stack_file_scenarios import (
    CLUSTER,
    ENGINE,
    FEDERATED,
    GLOO,
    POD,
    POLICIES,
    SECONDARY,
    changed,
    problems,
)

AWS_POLICY = "arn:aws:iam::aws:policy/ReadOnly"
HCP = {"accountId": "333333333333", "principalArn": "arn:aws:iam::333333333333:role/HCP-Vault-*"}
ISSUER = ("federation", {"issuer": "https://vault.example.com"})
PODS = [("cluster", CLUSTER), ("logins/pod", POD)]
NODES = (
    "logins/node",
    {"kind": "ec2-instance", "roleArns": ["arn:aws:iam::111111111111:role/n"], "policies": ["dev"]},
)


def consumer(kind: str, login: str | None = "pod", **options: Any) -> tuple[str, Any]:
    return "consumers/app", {"kind": kind, **({"login": login} if login else {}), **options}


def pods(**changes: Any) -> list[tuple[str, Any]]:
    return [("cluster", CLUSTER), ("logins/pod", {**POD, **changes})]


def engine(**role: Any) -> tuple[str, Any]:
    return "secretsEngine", {"kind": "user", "roles": {"my_role": role}}


REFUSED: list[tuple[list[tuple[str, Any]], str]] = [
    # Consumers
    (
        [*pods(method="pod-identity"), consumer("vault-secrets-operator")],
        'logins.pod.method: is pod-identity, but a VaultAuth of method aws takes a service account only with irsa; write irsa (for vault-aws-auth:consumers.app)',
    ),
    (
        [*pods(method="pod-identity"), consumer("vault-agent")],
        'logins.pod.method: is pod-identity, whose credentials the Vault Agent Injector does not pass to the agent; write irsa, or form: file (for vault-aws-auth:consumers.app)',
    ),
    (
        [("cluster", CLUSTER), ("logins/pod", {**GLOO, "serviceAccountMode": "create"}), consumer("gloo")],
        "logins.pod.serviceAccountMode: is create, but Gloo's chart makes its service accounts itself, and Helm takes over none that exist; write none (for vault-aws-auth:consumers.app)",
    ),
    (
        [*PODS, consumer("gloo")],
        "logins.pod.serviceAccounts: has app/api, and not Gloo's two of one namespace; write e.g. gloo-system/gloo and gloo-system/discovery (for vault-aws-auth:consumers.app)",
    ),
    (
        [consumer("external-secrets", "other")],
        'consumers.app.login: has no service accounts; use a login that has',
    ),
    (
        [*PODS, consumer("external-secrets", serviceAccount="app/other")],
        'consumers.app.serviceAccount: "app/other" is not one of the login\'s: app/api',
    ),
    (
        [*PODS, consumer("external-secrets", caSecretKey="ca")],
        'consumers.app.caSecretKey: is unused without caSecretName; write that as well, or remove this',
    ),
    (
        [*PODS, ("vault/namespace", "team/a"), consumer("vault-access-operator")],
        'vault.namespace: "team/a" is a Vault namespace, and this kind of consumer has no setting for it; use the root namespace or another kind (for vault-aws-auth:consumers.app)',
    ),
    (
        [*PODS, ("consumers/a_b", {"kind": "external-secrets", "login": "pod"})],
        'consumers.a_b: "a_b" is not a Kubernetes name; write lower-case letters, digits, - and . (not first or last)',
    ),
    (
        [*PODS, consumer("vault-agent", secrets=["config"])],
        'consumers.app.secrets[0]: "config" is not NAME=PATH; write e.g. config=dev/data/app, the name of up to 43 '
        "letters, digits, -, _ and .",
    ),
    (
        [("cluster", CLUSTER), ("logins/pod", GLOO), consumer("gloo", release={"version": ""})],
        'consumers.app.release.version: "" is not the version of a chart; write e.g. 1.18.0',
    ),
    (
        [consumer("vault-server", None, replicas=2, plaintext=True)],
        'consumers.app.replicas: 2 is not an odd number, 3 or more; write 3, 5 or 7',
    ),
    (
        [consumer("vault-server", None, plaintext=True, release={"version": "1"})],
        'vaultIdentity.serviceAccount: is missing; release installs into the namespace of Vault\'s service account (for vault-aws-auth:consumers.app)',
    ),
    # The secrets engine
    (
        [engine(credentialType="iam_user", policyArns=[AWS_POLICY], roleArns=[f"{SECONDARY}/a"])],
        'secretsEngine.roles.my_role.roleArns: is not used by iam_user; remove it',
    ),
    (
        [("secretsEngine", {**ENGINE, "defaultLeaseTtl": "48h"})],
        'secretsEngine.defaultLeaseTtl: "48h" is longer than maxLeaseTtl, 24h; write a shorter one',
    ),
    (
        [
            ISSUER,
            ("secretsEngine", {"kind": "federation", "roles": {"a": {"credentialType": "federation_token", "policyArns": [AWS_POLICY]}}}),
        ],
        'secretsEngine.roles.a.credentialType: "federation_token" is not for a federated engine: AWS gives federation tokens to IAM users alone; write assumed_role, or give the engine a user',
    ),
    # Federation
    (
        [ISSUER, ("vaultIdentity", {"kind": "federation", "tokenTtl": "48h"})],
        'vaultIdentity.tokenTtl: "48h" is out of range; write 1s to 24h: the signing key is good for no longer',
    ),
    (
        [ISSUER, ("secretsEngine", {**ENGINE, "kind": "federation", "tokenTtl": "48h"})],
        'secretsEngine.tokenTtl: "48h" is out of range; write 1s to 24h: the signing key is good for no longer',
    ),
    (
        [ISSUER],
        'federation: is unused: neither vaultIdentity nor secretsEngine has kind federation; remove it',
    ),
    # Other accounts
    (
        [("accounts/222222222222", {"hcp": {**HCP, "principalArn": "arn:aws:iam::333333333333:role/*"}})],
        'accounts.222222222222.hcp.principalArn: "arn:aws:iam::333333333333:role/*" is every role of HCP\'s account, of other customers too; write how the role of your cluster\'s nodes begins',
    ),
    (
        [("accounts/222222222222", {"hcp": {**HCP, "principalArn": "arn:aws:iam::444444444444:role/a"}})],
        'accounts.222222222222.hcp.principalArn: "arn:aws:iam::444444444444:role/a" is not of the account 333333333333; write the role of the HCP cluster\'s nodes, which HCP shows beside the account',
    ),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), REFUSED, ids=[m.split(":")[0] for _, m in REFUSED])
def test_what_a_component_refuses_is_a_problem_of_the_settings(
    changes: list[tuple[str, Any]], message: str
) -> None:
    assert problems(*changes) == [f"vault-aws-auth:{message}"]


def test_an_issuer_is_of_use_while_anything_is_federated() -> None:
    assert parse(changed(ISSUER, FEDERATED), POLICIES)
    assert parse(changed(ISSUER, ("secretsEngine", {**ENGINE, "kind": "federation"})), POLICIES)


@pytest.mark.parametrize(
    ("key", "value"), [("secretsEngine", {"kind": "federatoin"}), ("vaultIdentity", "x")]
)
def test_an_issuer_is_not_called_useless_while_that_cannot_be_told(key: str, value: object) -> None:
    (problem,) = problems(ISSUER, (key, value))
    assert problem.startswith(f"vault-aws-auth:{key}")


def test_components_are_not_asked_about_what_is_wrong_already() -> None:
    (problem,) = problems(*pods(method="pods"), consumer("vault-secrets-operator"))
    assert problem.startswith("vault-aws-auth:logins.pod.method: ")
    (problem,) = problems(*PODS, consumer("gloo", typo=1))
    assert problem.startswith("vault-aws-auth:consumers.app.typo: ")


def test_a_component_does_not_repeat_what_is_secret() -> None:
    config = changed(*PODS, consumer("external-secrets", serviceAccount="app/s3cr3t"))
    with pytest.raises(StackFileError) as error:
        parse(config, POLICIES, frozenset({"vault-aws-auth:consumers"}))
    assert error.value.problems == [
        "vault-aws-auth:consumers.app.serviceAccount: the value is not one of the login's: app/api"
    ]


@pytest.mark.parametrize("kind", consumers.KINDS)
def test_every_kind_of_consumer_can_be_asked(kind: str) -> None:
    login: dict[str, Any] = {**GLOO, "serviceAccountMode": "none"}
    options: dict[str, Any] = {}
    if kind == "vault-server":
        options = {"plaintext": True}
    elif kind != "gloo":
        options = {"serviceAccount": "gloo-system/gloo"}
    uses = "pod" if consumers.KINDS[kind].NEEDS_LOGIN else None
    config = changed(("cluster", CLUSTER), ("logins/pod", login), consumer(kind, uses, **options))
    assert parse(copy.deepcopy(config), POLICIES)
