# ruff: noqa: E501 - messages are long
"""Settings of other accounts, federation, engines and consumers: safe defaults, and one message for each problem."""

import copy
import json
from typing import Any

import pytest

from components import FederatedVaultIdentity, IamRoleVaultIdentity, PrincipalLogin
from stack.file import parse
from stack.reading import StackFileError

POLICIES = {"dev": ""}
SECONDARY = "arn:aws:iam::222222222222:role"
VALID: dict[str, Any] = {
    "aws:region": "us-east-1",
    "vault-aws-auth:accountId": "111111111111",
    "vault-aws-auth:vault": {"address": "https://vault.example.com:8200", "kv": {"dev": {}}},
    "vault-aws-auth:accounts": {"222222222222": {}},
    "vault-aws-auth:logins": {
        "other": {"kind": "principal", "principals": [f"{SECONDARY}/app*"], "policies": ["dev"]}
    },
}
CLUSTER = {"name": "eks1"}
POD = {"kind": "service-account", "serviceAccounts": ["app/api"], "policies": ["dev"]}
GLOO = {**POD, "serviceAccounts": ["gloo-system/gloo", "gloo-system/discovery"], "serviceAccountMode": "none"}
FEDERATED = ("vaultIdentity", {"kind": "federation"})
ENGINE = {
    "kind": "user",
    "roles": {"my-role": {"credentialType": "iam_user", "policyArns": ["arn:aws:iam::aws:policy/ReadOnly"]}},
}


def document_of(resource: str) -> dict[str, Any]:
    """A policy for one resource."""
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": resource}
    return {"Version": "2012-10-17", "Statement": [statement]}


def changed(*changes: tuple[str, Any]) -> dict[str, Any]:
    """The valid configuration with values set. `/` goes into mappings."""
    config = copy.deepcopy(VALID)
    for path, value in changes:
        first, *rest = path.split("/")
        parts = [f"vault-aws-auth:{first}", *rest]
        target = config
        for part in parts[:-1]:
            target = target.setdefault(part, {})
        target[parts[-1]] = copy.deepcopy(value)
    return config


def problems(*changes: tuple[str, Any]) -> list[str]:
    with pytest.raises(StackFileError) as error:
        parse(changed(*changes), POLICIES)
    return error.value.problems


def test_what_is_not_written_is_the_safe_choice() -> None:
    settings = parse(VALID, POLICIES)
    account = settings.accounts["222222222222"]
    assert account["trust_vault_identity"]
    assert not account["trusted_services"]
    assert "hcp" not in account
    assert not account["all_lookups"]
    assert settings.vault["kv"]["dev"]["protect"]
    assert not settings.identity.options["all_lookups"]
    assert not settings.clusters
    other = settings.logins["other"]
    assert other.kind is PrincipalLogin
    assert other.options["max_ttl"] == "1h"


def test_the_name_of_a_policy_may_be_longer_than_that_of_a_role() -> None:
    long = ("accounts/222222222222/policyName", "p" * 128)
    assert parse(changed(long), POLICIES).accounts["222222222222"]["policy_name"] == "p" * 128
    (problem,) = problems(("accounts/222222222222/policyName", "p" * 129))
    assert problem.endswith("is not the name of an IAM policy; write up to 128 letters, digits and _+=,.@-")


@pytest.mark.parametrize("service", ["ec2.amazonaws.com", "ec2.amazonaws.com.cn", "ec2.c2s.ic.gov"])
def test_the_services_of_every_partition_are_known(service: str) -> None:
    found = parse(changed(("accounts/222222222222", {"trustedServices": [service]})), POLICIES)
    assert found.accounts["222222222222"]["trusted_services"] == [service]


def test_the_way_of_a_login_to_its_role_is_one_word() -> None:
    for word, used in (("irsa", False), ("pod-identity", True)):
        config = changed(("cluster", CLUSTER), ("logins/pod", {**POD, "method": word}))
        stack = parse(config, POLICIES)
        assert stack.alone
        assert stack.uses_pod_identity(stack.alone) is used


@pytest.mark.parametrize("asked", [True, False])
def test_the_pod_identity_agent_is_installed_for_the_logins_of_other_stacks(asked: bool) -> None:
    config = changed(("cluster", {**CLUSTER, "podIdentityAgent": asked}), ("logins/pod", POD))
    cluster = parse(config, POLICIES).alone
    assert cluster
    assert cluster.options["pod_identity_agent"] is asked


def test_vaults_identity_is_one_word_and_no_login_changes() -> None:
    pod = ("logins/pod", POD)
    role = {"kind": "role", "serviceAccount": "vault/vault", "method": "pod-identity"}
    user = parse(changed(("cluster", CLUSTER), pod), POLICIES)
    of_role = parse(changed(("cluster", CLUSTER), pod, ("vaultIdentity", role)), POLICIES)
    issuer = ("federation", {"issuer": "https://vault.example.com"})
    federated = parse(
        changed(("cluster", CLUSTER), pod, ("vaultIdentity", {"kind": "federation"}), issuer), POLICIES
    )
    assert user.logins == of_role.logins == federated.logins
    assert of_role.identity.kind is IamRoleVaultIdentity
    assert federated.identity.kind is FederatedVaultIdentity


def test_the_options_of_a_consumer_are_those_of_its_component() -> None:
    config = changed(
        ("cluster", CLUSTER),
        ("logins/gloo", GLOO),
        ("consumers/gloo", {"kind": "gloo", "login": "gloo", "pathPrefix": "team", "edition": "enterprise"}),
    )
    options = parse(config, POLICIES).consumers["gloo"].options
    assert options["path_prefix"] == "team"
    assert options["edition"].value == "enterprise"
    assert "login" not in options


def test_an_engine_has_its_policy_document_as_json() -> None:
    engine = copy.deepcopy(ENGINE)
    engine["roles"]["my-role"]["policyDocument"] = document_of("*")  # type: ignore[index]
    found = parse(changed(("secretsEngine", engine)), POLICIES).secrets_engine
    assert found
    document = found.options["roles"]["my-role"]["policy_document"]
    assert document == json.dumps(document_of("*"))


def test_a_federated_engine_needs_no_key() -> None:
    config = changed(
        ("secretsEngine", {**ENGINE, "kind": "federation"}),
        ("federation", {"issuer": "https://vault.example.com/"}),
    )
    settings = parse(config, POLICIES)
    assert settings.secrets_engine
    assert settings.secrets_engine.kind == "federation"
    assert settings.federation
    assert settings.federation["issuer"] == "https://vault.example.com"


ONE_PROBLEM: list[tuple[list[tuple[str, Any]], str]] = [
    (
        [("accounts", {})],
        'vault-aws-auth:logins.other.principals[0]: "arn:aws:iam::222222222222:role/app*" is of the account 222222222222, into which Vault cannot look; write the role that Vault assumes there, vault-aws-auth:accounts: {"222222222222": {roleArn: "arn:aws:iam::222222222222:role/NAME"}}, or, if it is the stack\'s own account, vault-aws-auth:accountId: "222222222222"',
    ),
    (
        [("logins/other/principals", [f"{SECONDARY}/a", "arn:aws:iam::111111111111:role/b"])],
        "vault-aws-auth:logins.other: binds principals of several accounts; write one login for each account",
    ),
    (
        [("logins/other/principals", [f"{SECONDARY}/a*b"])],
        f'vault-aws-auth:logins.other.principals[0]: "{SECONDARY}/a*b" has a wildcard that is not its last character',
    ),
    (
        [("logins/other/principals", [f"{SECONDARY}/AWSReservedSSO_Admin_*"])],
        f'vault-aws-auth:logins.other.principals[0]: "{SECONDARY}/AWSReservedSSO_Admin_*" matches nothing, for roles of IAM Identity Center have a path',
    ),
    (
        [("logins/other/verifyAs", [f"{SECONDARY}/zebra"])],
        'vault-aws-auth:logins.other.verifyAs: "arn:aws:iam::222222222222:role/zebra" is none of the login\'s principals',
    ),
    (
        [("logins/other/verifyNotAs", [f"{SECONDARY}/app1"])],
        'vault-aws-auth:logins.other.verifyNotAs: "arn:aws:iam::222222222222:role/app1" is one of the login\'s principals',
    ),
    (
        [("logins/pod", POD)],
        'vault-aws-auth:cluster: is missing, and vault-aws-auth:logins.pod needs it; write at least {name: NAME}',
    ),
    (
        [("cluster", CLUSTER), ("logins/pod", {**POD, "method": "pods"})],
        'vault-aws-auth:logins.pod.method: "pods" is not one of irsa, pod-identity',
    ),
    (
        [
            ("cluster", CLUSTER),
            ("logins/pod", {**POD, "method": "pod-identity", "serviceAccountMode": "patch"}),
        ],
        'vault-aws-auth:logins.pod.serviceAccountMode: is patch, and EKS Pod Identity needs no annotation; write none if the service account exists, else create',
    ),
    (
        [("vaultIdentity", {"kind": "role"})],
        'vault-aws-auth:vaultIdentity: has a role that nothing can assume; write serviceAccount or trustedServices',
    ),
    (
        [("vaultIdentity", {"kind": "role", "serviceAccount": "vault/vault"})],
        'vault-aws-auth:cluster: is missing, and vault-aws-auth:vaultIdentity.serviceAccount needs it; write at least {name: NAME}',
    ),
    (
        [("vaultIdentity", {"kind": "role", "serviceAccount": "vault/*"}), ("cluster", CLUSTER)],
        'vault-aws-auth:vaultIdentity.serviceAccount: "vault/*" has a wildcard; write the service account in full',
    ),
    (
        [("vaultIdentity", {"kind": "federation"})],
        "vault-aws-auth:federation: is missing, and vault-aws-auth:vaultIdentity needs it; write at least {issuer: https://vault.example.com}",
    ),
    (
        [FEDERATED, ("federation", {"issuer": "http://vault.example.com"})],
        'vault-aws-auth:federation.issuer: "http://vault.example.com" is not https, and AWS trusts no other issuer',
    ),
    (
        [FEDERATED, ("federation", {"issuer": "https://vault.example.com:8443"})],
        'vault-aws-auth:federation.issuer: "https://vault.example.com:8443" has a port, and AWS trusts no such issuer; serve it at port 443 and write https://vault.example.com',
    ),
    (
        [("accounts/333333333333", {})],
        'vault-aws-auth:accounts.333333333333: has a role that is unused: no login has principals of this account; add one, or write allLookups: true if its Vault roles are written elsewhere',
    ),
    (
        [("accounts/222222222222", {"roleArn": f"{SECONDARY}/v", "roleName": "v"})],
        'vault-aws-auth:accounts.222222222222.roleName: is not used: roleArn is used as it is; remove one',
    ),
    (
        [("accounts/222222222222", {"trustVaultIdentity": False})],
        'vault-aws-auth:accounts.222222222222: has a role that nothing can assume; write trustVaultIdentity: true, trustedPrincipals, trustedServices or hcp',
    ),
    (
        [("accounts/222222222222", {"deployRoleArn": "arn:aws:iam::333333333333:role/deploy"})],
        'vault-aws-auth:accounts.222222222222.deployRoleArn: "arn:aws:iam::333333333333:role/deploy" is of another account; write a role of 222222222222',
    ),
    (
        [("accounts/222222222222", {"trustedServices": ["ec2"]})],
        'vault-aws-auth:accounts.222222222222.trustedServices[0]: "ec2" is not an AWS service; write e.g. ec2.amazonaws.com',
    ),
    (
        [("accounts/222222222222", {"trustedServices": ["ec2.amazon.com"]})],
        'vault-aws-auth:accounts.222222222222.trustedServices[0]: "ec2.amazon.com" is not an AWS service; write e.g. ec2.amazonaws.com',
    ),
    (
        [("secretsEngine", {**ENGINE, "path": "dev"})],
        'vault-aws-auth:secretsEngine.path: "dev" is in vault.kv, too; write another',
    ),
    (
        [("secretsEngine", {"kind": "user", "roles": {"a": {"credentialType": "iam_user"}}})],
        'vault-aws-auth:secretsEngine.roles.a: gives credentials without permissions; write policyDocument or policyArns',
    ),
    (
        [("secretsEngine", {"kind": "user", "roles": {"a": {"credentialType": "assumed_role"}}})],
        'vault-aws-auth:secretsEngine.roles.a.roleArns: is empty; write at least one role for assumed_role',
    ),
    (
        [("secretsEngine", {**ENGINE, "userName": "vault-auth"})],
        'vault-aws-auth:secretsEngine.userName: "vault-auth" is the IAM user of vault-aws-auth:vaultIdentity.userName already; write another',
    ),
    (
        [("secretsEngine", {**ENGINE, "policyName": "vault-auth-policy"})],
        'vault-aws-auth:secretsEngine.policyName: "vault-auth-policy" is the IAM policy of vault-aws-auth:vaultIdentity.policyName already; write another',
    ),
    (
        [("secretsEngine", ENGINE), ("vaultIdentity/policyName", "vault-aws-secrets-engine-policy")],
        'vault-aws-auth:secretsEngine.userName: "vault-aws-secrets-engine-policy" is the IAM policy of vault-aws-auth:vaultIdentity.policyName already',
    ),
    (
        [("secretsEngine", {**ENGINE, "roles": {"policy": {"credentialType": "federation_token", "policyDocument": document_of("*")}}})],
        'vault-aws-auth:secretsEngine.roles.policy: "vault-aws-secrets-engine-policy" is the IAM policy of vault-aws-auth:secretsEngine.userName already',
    ),
    (
        [("cluster", CLUSTER), ("logins/pod", {**POD, "vaultLookups": True}), ("vaultIdentity/policyName", "pod-lookups")],
        'vault-aws-auth:logins.pod.vaultLookups: "pod-lookups" is the IAM policy of vault-aws-auth:vaultIdentity.policyName already',
    ),
    (
        [("cluster", CLUSTER), ("logins/pod", POD), ("vaultIdentity", {"kind": "role", "serviceAccount": "app/api"})],
        'vault-aws-auth:logins.pod.serviceAccounts[0]: "app/api" is the service account of vault-aws-auth:vaultIdentity.serviceAccount already; write another',
    ),
    (
        [("consumers/gloo", {"kind": "gloo", "login": "othr"})],
        'vault-aws-auth:consumers.gloo.login: "othr" is not a login; did you mean other?',
    ),
    (
        [("consumers/gloo", {"kind": "gloo"})],
        'vault-aws-auth:consumers.gloo.login: is missing; write it (Name of the login that it uses)',
    ),
    (
        [("consumers/gloo", {"kind": "glo", "login": "other"})],
        'vault-aws-auth:consumers.gloo.kind: "glo" is not a kind; did you mean gloo?',
    ),
    (
        [("consumers/gloo", {"kind": "gloo", "login": "other", "prefix": "dev"})],
        "vault-aws-auth:consumers.gloo.prefix: is not a known key; did you mean pathPrefix?",
    ),
    (
        [("consumers/gloo", {"kind": "gloo", "login": "other", "edition": "gold"})],
        'vault-aws-auth:consumers.gloo.edition: "gold" is not one of edge, enterprise',
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ([("accounts/222222222222", {"roleArn": "arn:aws-cn:iam::222222222222:role/v"})], "accounts.222222222222.roleArn"),
        ([("vaultIdentity/assumeRoleArns", ["arn:aws-cn:iam::222222222222:role/v"])], "vaultIdentity.assumeRoleArns[0]"),
        ([("vaultIdentity/permissionsBoundary", "arn:aws-cn:iam::aws:policy/B")], "vaultIdentity.permissionsBoundary"),
        ([("logins/other/principals", ["arn:aws-cn:iam::222222222222:role/app"])], "logins.other.principals[0]"),
        ([("secretsEngine", ENGINE), ("secretsEngine/roles/my-role/policyArns", ["arn:aws-cn:iam::aws:policy/P"])], "secretsEngine.roles.my-role.policyArns[0]"),
        ([("secretsEngine", ENGINE), ("secretsEngine/roles/my-role/policyDocument", document_of("arn:aws-cn:s3:::b"))], "secretsEngine.roles.my-role.policyDocument.Statement[0].Resource"),
    ],
)  # fmt: skip
def test_an_arn_of_another_partition_than_the_regions_is_told(
    changes: list[tuple[str, Any]], path: str
) -> None:
    assert problems(*changes) == [
        f"vault-aws-auth:{path}: is an ARN of the partition aws-cn, and aws:region us-east-1 is of aws; "
        "write arn:aws:…"
    ]


def test_text_that_looks_like_an_arn_of_another_partition_is_only_text() -> None:
    external = ("accounts/222222222222/externalId", "arn:aws-cn:iam::222222222222:role/v")
    document = document_of("*")
    document["Statement"][0]["Condition"] = {"ArnLike": {"aws:PrincipalArn": "arn:aws-cn:iam::*:role/x"}}
    engine = copy.deepcopy(ENGINE)
    engine["roles"]["my-role"]["policyDocument"] = document  # type: ignore[index]
    assert parse(changed(external, ("secretsEngine", engine)), POLICIES)


def test_logins_are_verified_by_an_sts_of_the_regions_partition() -> None:
    assert problems(("vault/stsRegion", "cn-north-1")) == [
        'vault-aws-auth:vault.stsRegion: "cn-north-1" is of the partition aws-cn, and aws:region us-east-1 '
        "is of aws; write a region of that, e.g. us-east-1"
    ]
    assert parse(changed(("vault/stsRegion", "eu-west-1")), POLICIES).sts_region == "eu-west-1"


@pytest.mark.parametrize(
    ("changes", "message"), ONE_PROBLEM, ids=[m.split(":", 2)[1] for _, m in ONE_PROBLEM]
)
def test_one_problem_is_one_message_that_says_how_to_mend_it(
    changes: list[tuple[str, Any]], message: str
) -> None:
    found = problems(*changes)
    assert len(found) == 1, found
    assert found[0].startswith(message)


def test_an_sts_endpoint_of_another_region_than_the_callers_is_refused() -> None:

    endpoint = ("vault/endpoints", {"sts": "https://sts.us-east-1.amazonaws.com"})
    assert problems(("vault/stsRegion", "eu-west-1"), endpoint) == [
        'vault-aws-auth:vault.endpoints.sts: "https://sts.us-east-1.amazonaws.com" is of us-east-1, and logins are signed for eu-west-1, which AWS refuses there; write https://sts.eu-west-1.amazonaws.com'
    ]
    parse(changed(endpoint), POLICIES)
