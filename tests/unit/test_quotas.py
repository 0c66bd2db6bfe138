"""What AWS takes at most is told before anything is made."""

import json
from typing import Any

import pulumi
import pytest

from components import ArgumentError, AwsSecretsEngine, ServiceAccountLogin, quotas
from stack.file import parse
from tests.unit.recording import ACCOUNT, CLUSTER, providers, record, refused
from tests.unit.test_stack_file_scenarios import POLICIES, changed, problems

MANY = [f"team-{number}/backend-service-{number}" for number in range(1, 121)]
SIXTY = MANY[:60]


def login(count: int, **changes: Any) -> ServiceAccountLogin:
    args: Any = {
        "connection": {"path": "aws"},
        "cluster": CLUSTER,
        "service_accounts": MANY[:count],
        "service_account_mode": "none",
        "policies": ["dev"],
        **changes,
    }
    return ServiceAccountLogin("pod", args, providers())


def trust_size(count: int, **changes: Any) -> int:
    recording = record(lambda: login(count, **changes))
    return quotas.size(recording.one("aws:iam/role:Role", "pod-iam-role").inputs["assumeRolePolicy"])


@pytest.mark.parametrize("method", ["irsa", "pod-identity"])
@pytest.mark.parametrize("limit", [2048, 4096])
def test_a_trust_policy_that_is_too_long_is_refused_with_how_many_fit(method: str, limit: int) -> None:
    given: Any = {"method": method, "trust_policy_limit": limit}
    message = refused(lambda: login(120, **given))
    words = message.split()
    assert "service_accounts: are 120, which make a trust policy of" in message
    fit = int(words[words.index("first") + 1])
    assert trust_size(fit, **given) <= limit
    assert "service_accounts: are" in refused(lambda: login(fit + 1, **given))


def test_pod_identity_needs_a_statement_for_each_namespace_so_few_fit() -> None:
    message = refused(lambda: login(60, method="pod-identity"))
    assert "the first 5 fit; declare the others as further logins" in message
    assert "trust_policy_limit" not in message, "they do not fit into 4,096 either"
    with_limit = refused(lambda: login(9, method="pod-identity"))
    assert with_limit.endswith("where AWS has raised the account's quota, write trust_policy_limit: 4096")


def test_a_cluster_that_is_known_later_is_measured_then() -> None:
    def program() -> None:
        cluster: Any = {name: pulumi.Output.from_input(value) for name, value in CLUSTER.items()}
        login(60, cluster=cluster)

    with pytest.raises(ArgumentError, match="service_accounts: are 60"):
        record(program)


def test_a_stack_file_s_trust_policy_that_is_too_long_is_told_with_its_key() -> None:
    """Before the cluster, whose issuer is not known yet, is made."""
    pod = {
        "kind": "service-account",
        "serviceAccounts": SIXTY,
        "serviceAccountMode": "none",
        "policies": ["dev"],
    }
    (problem,) = problems(("cluster", {"name": "c1"}), ("logins/app", pod))
    assert problem.startswith(
        "vault-aws-auth:logins.app.serviceAccounts: are 60, which make a trust policy of 3,"
    )
    assert "AWS takes 2,048: the first" in problem
    assert problem.endswith("write trustPolicyLimit: 4096")
    parse(changed(("cluster", {"name": "c1"}), ("logins/app", {**pod, "trustPolicyLimit": 4096})), POLICIES)


def test_a_role_has_ten_policies_at_most() -> None:
    policies = {f"p{number}": f"arn:aws:iam::{ACCOUNT}:policy/p{number}" for number in range(10)}
    record(lambda: login(1, policy_arns=policies))
    message = refused(lambda: login(1, policy_arns=policies, vault_lookups=True))
    assert message.startswith("policy_arns: and vault_lookups are 11 policies of one role")


@pytest.mark.parametrize(
    ("kind", "of"),
    [
        ("iam_user", "an inline policy of a user"),
        ("assumed_role", "the policy of a session"),
        ("federation_token", "the policy of a session"),
    ],
)
def test_a_policy_that_vault_hands_to_aws_has_up_to_2048_characters(kind: str, of: str) -> None:
    def document(size: int) -> str:
        policy: Any = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject"}]}
        policy["Statement"][0]["Resource"] = "arn:aws:s3:::"
        short = quotas.size(policy)
        policy["Statement"][0]["Resource"] += "a" * (size - short)
        return json.dumps(policy, indent=4)

    def engine(size: int) -> None:
        role: Any = {"credential_type": kind, "policy_document": document(size)}
        if kind == "assumed_role":
            role["role_arns"] = [f"arn:aws:iam::{ACCOUNT}:role/r"]
        args: Any = {"region": "us-east-1", "roles": {"r": role}}
        AwsSecretsEngine("engine", args, providers())

    record(lambda: engine(2048))
    message = refused(lambda: engine(2049))
    assert message.startswith(
        f"roles.r.policy_document: has 2,049 characters without white space, and AWS takes 2,048 as {of};"
    )


def test_credentials_have_ten_managed_policies_at_most() -> None:
    policies = [f"arn:aws:iam::{ACCOUNT}:policy/p{number}" for number in range(11)]
    args: Any = {
        "region": "us-east-1",
        "roles": {"r": {"credential_type": "iam_user", "policy_arns": policies}},
    }
    message = refused(lambda: AwsSecretsEngine("engine", args, providers()))
    assert message.startswith("roles.r.policy_arns: are 11, and AWS takes 10;")


@pytest.mark.parametrize(
    ("kind", "ttl", "right"),
    [
        ("assumed_role", "899s", False),
        ("assumed_role", "15m", True),
        ("assumed_role", "12h", True),
        ("assumed_role", "43201s", False),
        ("federation_token", "899s", False),
        ("federation_token", "36h", True),
        ("federation_token", "37h", False),
    ],
)
def test_credentials_of_sts_live_as_long_as_sts_lets_them(kind: str, ttl: str, right: bool) -> None:
    role: Any = {"credential_type": kind, "default_sts_ttl": ttl}
    role |= (
        {"role_arns": [f"arn:aws:iam::{ACCOUNT}:role/r"]}
        if kind == "assumed_role"
        else {"policy_arns": [f"arn:aws:iam::{ACCOUNT}:policy/p"]}
    )
    args: Any = {"region": "us-east-1", "roles": {"r": role}}
    if right:
        record(lambda: AwsSecretsEngine("engine", args, providers()))
    else:
        message = refused(lambda: AwsSecretsEngine("engine", args, providers()))
        assert message.startswith(f"roles.r.default_sts_ttl: {ttl!r} is outside of what STS gives for {kind}")


def engine_of(kind: str, ttl: str, role: str = "deploy") -> tuple[str, Any]:
    assumed = {
        "credentialType": "assumed_role",
        "roleArns": [f"arn:aws:iam::{ACCOUNT}:role/{role}"],
        "defaultStsTtl": ttl,
    }
    return ("secretsEngine", {"kind": kind, "roles": {"deploy": assumed}})


def test_a_federated_engine_chains_roles_so_its_sessions_last_an_hour() -> None:

    issuer = ("federation", {"issuer": "https://vault-issuer.example.com"})
    (problem,) = problems(issuer, engine_of("federation", "8h"))
    assert problem.startswith(
        'vault-aws-auth:secretsEngine.roles.deploy.defaultStsTtl: "8h" is more than STS gives when one role '
        "assumes another"
    )
    parse(changed(issuer, engine_of("federation", "1h")), POLICIES)
    parse(changed(engine_of("user", "8h")), POLICIES)


def test_a_session_is_no_longer_than_the_role_of_this_stack_allows() -> None:
    pod = {"kind": "service-account", "serviceAccounts": ["app/api"], "policies": ["dev"]}
    stack = (("cluster", {"name": "c1"}), engine_of("user", "8h", "app"))
    (problem,) = problems(*stack, ("logins/app", pod))
    assert problem.endswith("write less, or more into vault-aws-auth:logins.app.maxSessionDuration")
    parse(changed(*stack, ("logins/app", {**pod, "maxSessionDuration": "8h"})), POLICIES)


def role_arns(count: int, account: str = ACCOUNT) -> list[str]:
    return [f"arn:aws:iam::{account}:role/some-long-role-name-{number:04}" for number in range(count)]


def numbered(count: int, of: dict[str, Any]) -> dict[str, Any]:
    return {f"r{number}": of for number in range(count)}


FEDERATED = {
    "credentialType": "federation_token",
    "policyDocument": {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
    },
}


@pytest.mark.parametrize(
    ("change", "most", "key", "told"),
    [
        pytest.param(
            lambda count: ("vaultIdentity", {"kind": "user", "assumeRoleArns": role_arns(count)}),
            100,  # and the one of the stack's account
            "vaultIdentity.assumeRoleArns",
            "make Vault's policy 6,150 characters long, and AWS takes 6,144: of 102 roles to assume,",
            id="what Vault may assume",
        ),
        pytest.param(
            lambda count: (
                "secretsEngine",
                {
                    "kind": "user",
                    "roles": {"r": {"credentialType": "assumed_role", "roleArns": role_arns(count)}},
                },
            ),
            103,
            "secretsEngine.roles",
            "make the policy of the engine's identity 6,150 characters long, and AWS takes 6,144",
            id="what the engine may assume",
        ),
        pytest.param(
            lambda count: ("secretsEngine", {"kind": "user", "roles": numbered(count, FEDERATED)}),
            9,
            "secretsEngine.roles",
            "attach 11 policies to the engine's user, its own and those of every federation_token",
            id="what the engine federates",
        ),
        pytest.param(
            lambda count: ("tags", {f"tag-{number}": "x" for number in range(count)}),
            46,
            "tags",
            "has 47 tags, and AWS takes 50, with those of this stack",
            id="tags",
        ),
        pytest.param(
            lambda count: ("cluster", {"name": "c" * (count - len("-g-node")), "nodeGroups": {"g": {}}}),
            64,
            "cluster.nodeGroups.g",
            f"would have the node role {'c' * 58}-g-node, of 65 characters, and AWS takes 64;",
            id="the name of a node role",
        ),
    ],
)
def test_as_much_as_aws_takes_is_taken_and_one_more_is_told_with_its_key(
    change: Any, most: int, key: str, told: str
) -> None:
    parse(changed(change(most)), POLICIES)
    (problem,) = problems(change(most + 1))
    assert problem.startswith(f"vault-aws-auth:{key}: ")
    assert told in problem


def test_the_roles_of_many_accounts_are_what_vault_may_assume() -> None:
    accounts = {
        str(number): {"roleArn": f"arn:aws:iam::{number}:role/vault-lookups-of-this-organisation"}
        for number in (222222222222, *range(200000000000, 200000000120))
    }
    (problem,) = problems(("accounts", accounts))
    assert problem.startswith("vault-aws-auth:accounts: make Vault's policy 8,")
    # Nothing is written for an identity without a policy of the stack.
    parse(changed(("accounts", accounts), ("vaultIdentity", {"kind": "existing"})), POLICIES)


def test_the_trust_policy_of_an_account_s_role_is_measured() -> None:
    login = {"kind": "principal", "principals": ["arn:aws:iam::222222222222:role/x"], "policies": ["dev"]}

    def account(count: int) -> tuple[str, Any]:
        return ("accounts", {"222222222222": {"trustedPrincipals": role_arns(count)}})

    parse(changed(("logins/x", login), account(32)), POLICIES)
    (problem,) = problems(("logins/x", login), account(40))
    assert problem.startswith(
        "vault-aws-auth:accounts.222222222222.trustedPrincipals: are 40, which make a trust policy of 2,"
    )
    assert "AWS takes 2,048: the first 32 fit" in problem
