# ruff: noqa: E501 - messages are long
"""Stack files: one message for each problem, with the key's path, the accepted form, and all of them at once."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from components import AccessKeyMode, IamUserVaultIdentity, ServiceAccountLogin, ServiceAccountMode
from components.logins import KINDS
from components.vault_auth import server_id_header
from stack.file import StackFile, load, parse
from stack.reading import StackFileError
from stack.sections import known_keys

POLICIES = {"dev": 'path "dev/*" {}', "ops": ""}
VALID: dict[str, Any] = {
    "aws:region": "us-east-1",
    "vault-aws-auth:cluster": {"name": "eks1", "nodeGroups": {"default": {}}},
    "vault-aws-auth:vault": {"address": "https://vault.example.com:8200"},
    "vault-aws-auth:logins": {
        "pod": {"kind": "service-account", "serviceAccounts": ["app/api"], "policies": ["dev"]},
        "node": {"kind": "ec2-instance", "nodeGroups": ["default"], "policies": ["dev"]},
    },
}
MISSING = object()


def changed(path: str, value: object) -> dict[str, Any]:
    """The valid configuration with one value set, or taken out with MISSING. `.` goes into mappings."""
    config = copy.deepcopy(VALID)
    key, _, rest = path.partition(".")
    full = key if ":" in key else f"vault-aws-auth:{key}"
    parts = [full, *(rest.split(".") if rest else [])]
    target = config
    for part in parts[:-1]:
        target = target.setdefault(part, {})
    if value is MISSING:
        del target[parts[-1]]
    else:
        target[parts[-1]] = value
    return config


def problems(config: dict[str, Any], **options: Any) -> list[str]:
    with pytest.raises(StackFileError) as error:
        parse(config, POLICIES, **options)
    return error.value.problems


def test_a_minimal_configuration_has_safe_defaults() -> None:
    settings = parse(VALID, POLICIES)
    assert settings.alone
    assert settings.alone.options["endpoint_public_access"] is False
    vault: Any = settings.vault
    assert server_id_header(vault) == "vault.example.com"
    assert settings.vault["mount_path"] == "aws"
    assert settings.sts_region == "us-east-1"
    assert settings.identity.kind is IamUserVaultIdentity
    assert settings.identity.options["user_name"] == "vault-auth"
    assert settings.identity.options["access_key"] is AccessKeyMode.MANAGED
    pod = settings.logins["pod"]
    assert pod.kind is ServiceAccountLogin
    assert pod.options["max_ttl"] == "1h"
    assert pod.options["allow_wildcards"] is False
    assert pod.options["service_account_mode"] is ServiceAccountMode.CREATE
    assert settings.policies == {"dev": POLICIES["dev"]}


def test_objects_may_come_as_json_as_pulumi_hands_them_over() -> None:
    encoded = {key: value if isinstance(value, str) else json.dumps(value) for key, value in VALID.items()}
    assert parse(encoded, POLICIES) == parse(VALID, POLICIES)


def test_no_header_is_demanded_only_when_that_is_written() -> None:
    assert parse(changed("vault.serverIdHeader", ""), POLICIES).vault["server_id_header"] == ""


def test_policies_of_others_may_be_named_and_are_not_written() -> None:
    config = changed("vault.externalPolicies", ["ops", "team-readers"])
    config["vault-aws-auth:logins"]["pod"]["policies"] = ["dev", "ops", "team-readers"]
    assert set(parse(config, POLICIES).policies) == {"dev"}
    assert problems(changed("vault.externalPolicies", ["Root"])) == [
        'vault-aws-auth:vault.externalPolicies[0]: "Root" is not the name of a Vault policy, in lower case, '
        "and not root; it has no blank, comma, quote or wildcard"
    ]


def test_a_policy_is_written_for_the_logins_of_other_stacks() -> None:
    config = changed("vault.policies", ["ops"])
    assert set(parse(config, POLICIES).policies) == {"ops", "dev"}


def test_a_policy_for_other_stacks_is_one_that_this_stack_can_write() -> None:
    (problem,) = problems(changed("vault.policies", ["nobodys"]))
    assert problem.startswith(
        'vault-aws-auth:vault.policies[0]: "nobodys" is not a Vault policy of this project'
    )


def test_a_policy_is_of_this_stack_or_of_somebody_else() -> None:
    config = changed("vault.policies", ["ops"])
    config["vault-aws-auth:vault"]["externalPolicies"] = ["ops"]
    assert problems(config) == [
        "vault-aws-auth:vault: has ops in policies and in externalPolicies; remove it from one"
    ]


WRONG = [
    # Whole configuration
    ("aws:region", MISSING, "aws:region: is missing; run: pulumi config set aws:region us-east-1"),
    ("aws:region", "moon", 'aws:region: "moon" is not an AWS region; write e.g. us-east-1'),
    ("clutser", {}, "vault-aws-auth:clutser: is not a known key; did you mean vault-aws-auth:cluster?"),
    (
        "foo",
        1,
        "vault-aws-auth:foo: is not a known key; "
        "known: accountId, accounts, cluster, clusters, consumers, federation, iamRoleNamePrefix, logins, permissionsBoundary, secretsEngine, tags, vault, vaultIdentity",
    ),
    (
        "aws:profile",
        "dev",
        'aws:profile: is ignored: this project configures its own providers; set it in the environment, e.g. AWS_PROFILE',
    ),
    (
        "vault:token",
        "s.1",
        'vault:token: is ignored: this project configures its own providers; write vault-aws-auth:vault, and the token in the environment, VAULT_TOKEN',
    ),
    (
        "kubernetes:context",
        "dev",
        'kubernetes:context: is ignored: this project configures its own providers; the kubeconfig is that of vault-aws-auth:cluster',
    ),
    ("accountId", "1234", 'vault-aws-auth:accountId: "1234" is not an account ID; write its 12 digits, in quotes'),
    ("tags", {"a": 1}, "vault-aws-auth:tags.a: 1 is not text; write it in quotes"),
    ("logins", "pod", 'vault-aws-auth:logins: "pod" is not a mapping; write key: value pairs'),
    ("logins", {}, "vault-aws-auth:logins: has no login; write at least one, e.g. pod: {kind: service-account, …}, or, where other stacks declare them, vaultIdentity.allLookups: true"),
    # Cluster
    ("cluster.name", MISSING, 'vault-aws-auth:cluster.name: is missing; write it (Name of the cluster in EKS)'),
    (
        "cluster.name",
        "-eks",
        'vault-aws-auth:cluster.name: "-eks" is not a cluster name; write up to 100 letters, digits, - and _',
    ),
    (
        "cluster.kubernetesVersion",
        1.33,
        "vault-aws-auth:cluster.kubernetesVersion: 1.33 is not text; write it in quotes",
    ),
    ("cluster.vpcID", "v", "vault-aws-auth:cluster.vpcID: is not a known key; did you mean vpcId?"),
    (
        "cluster.nodeGroups.default.minSize",
        -1,
        'vault-aws-auth:cluster.nodeGroups.default.minSize: -1 is out of range; write 0 to 450',
    ),
    (
        "cluster.nodeGroups.default.instanceType",
        "m5.large",
        "vault-aws-auth:cluster.nodeGroups.default.instanceType: is not a known key; "
        "did you mean instanceTypes?",
    ),
    (
        "cluster.nodeGroups.default",
        {"minSize": 3, "maxSize": 2},
        "vault-aws-auth:cluster.nodeGroups.default: has sizes out of order; "
        "write minSize <= desiredSize <= maxSize",
    ),
    (
        "cluster.endpointPublicAccess",
        True,
        'vault-aws-auth:cluster.publicAccessCidrs: is missing; write the address ranges that may reach the public endpoint, e.g. 203.0.113.0/24',
    ),
    (
        "cluster.existing",
        True,
        'vault-aws-auth:cluster.nodeGroups: is not used: an existing cluster is used as it is; remove it',
    ),
    (
        "cluster.vpcId",
        "vpc-01234567",
        'vault-aws-auth:cluster.vpcId: is given without subnetIds; write both, or neither for the default VPC',
    ),
    (
        "cluster.subnetIds",
        ["subnet-01234567", "subnet-12345678"],
        'vault-aws-auth:cluster.subnetIds: is given without vpcId; write both, or neither for the default VPC',
    ),
    (
        "cluster.encryptionKeyArn",
        "key",
        'vault-aws-auth:cluster.encryptionKeyArn: "key" is not an ARN; '
        "write arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE",
    ),
    # Vault
    (
        "vault.address",
        MISSING,
        "vault-aws-auth:vault.address: is missing; it is the URL of Vault, e.g. https://vault.example.com:8200",
    ),
    (
        "vault.address",
        "vault.example.com",
        'vault-aws-auth:vault.address: "vault.example.com" is not a URL; '
        "write e.g. https://vault.example.com:8200",
    ),
    (
        "vault.mountPath",
        "auth/aws/",
        'vault-aws-auth:vault.mountPath: "auth/aws/" is not a mount path; '
        "write it without auth/ and outer slashes, e.g. aws or team/aws",
    ),
    (
        "vault.serverIdHeader",
        "https://vault",
        'vault-aws-auth:vault.serverIdHeader: "https://vault" has a scheme; '
        "write the host name alone, e.g. vault.example.com",
    ),
    (
        "vault.stsRegion",
        "us-east",
        'vault-aws-auth:vault.stsRegion: "us-east" is not an AWS region; write e.g. us-east-1',
    ),
    (
        "vault.namespace",
        "/team/a/",
        'vault-aws-auth:vault.namespace: "/team/a/" is not the path of a namespace; write it without outer '
        "slashes, e.g. team/a, or nothing for the root namespace",
    ),
    ("vault.endpoints.[key]", 1, "vault-aws-auth:vault.endpoints.[key]: is not a known key; known: sts, iam, ec2"),
    ("vault.endpoints.s3", "x", "vault-aws-auth:vault.endpoints.s3: is not a known key; known: sts, iam, ec2"),
    (
        "vault.identityAlias",
        "arn",
        'vault-aws-auth:vault.identityAlias: "arn" is not one of role_id, unique_id, canonical_arn, full_arn',
    ),
    ("vaultIdentity.kind", "users", 'vault-aws-auth:vaultIdentity.kind: "users" is not a kind; did you mean user?'),
    (
        "vaultIdentity.userName",
        "a b",
        'vault-aws-auth:vaultIdentity.userName: "a b" is not an IAM name; '
        "write up to 64 letters, digits and _+=,.@-",
    ),
    # Logins
    (
        "logins.pod.kind",
        MISSING,
        f"vault-aws-auth:logins.pod.kind: is missing; known: {', '.join(KINDS)}",
    ),
    (
        "logins.pod.kind",
        "service-acount",
        'vault-aws-auth:logins.pod.kind: "service-acount" is not a kind; did you mean service-account?',
    ),
    ("logins.pod", 5, 'vault-aws-auth:logins.pod: 5 is not a mapping; write key: value pairs'),
    (
        "logins.pod.maxTtl",
        "768x",
        'vault-aws-auth:logins.pod.maxTtl: "768x" is not a duration; write e.g. 15m, 1h30m, 768h, 30d',
    ),
    (
        "logins.pod.ttl",
        "2h",
        'vault-aws-auth:logins.pod.ttl: "2h" is longer than maxTtl, 1h; write a shorter ttl or a longer maxTtl',
    ),
    (
        "logins.pod.policies",
        ["dve"],
        'vault-aws-auth:logins.pod.policies[0]: "dve" is not a Vault policy of this project; known: default, dev, ops. Write one of these, add policies/vault/dve.hcl, or list it in vault.externalPolicies if it is managed elsewhere',
    ),
    ("logins.pod.policies", [], 'vault-aws-auth:logins.pod.policies: is empty; write at least one entry: a token without policies can do nothing'),
    (
        "logins.pod.policies",
        MISSING,
        "vault-aws-auth:logins.pod.policies: is missing; write it (Names of the token's Vault policies, at least one)",
    ),
    (
        "logins.pod.serviceAccounts",
        ["api"],
        'vault-aws-auth:logins.pod.serviceAccounts[0]: "api" is not a service account; write NAMESPACE/NAME',
    ),
    (
        "logins.pod.serviceAccounts",
        ["App/api"],
        'vault-aws-auth:logins.pod.serviceAccounts[0]: "App/api" is not a Kubernetes namespace; '
        "write up to 63 lower-case letters, digits and - (not first or last)",
    ),
    (
        "logins.pod.serviceAccounts",
        ["app/*"],
        'vault-aws-auth:logins.pod.serviceAccounts: "app/*" has a wildcard; write it in full, or allowWildcards: true',
    ),
    (
        "logins.pod.serviceAccounts",
        ["app/api", "app/api"],
        'vault-aws-auth:logins.pod.serviceAccounts: contains duplicates; write each entry once',
    ),
    (
        "logins.node.vaultRole",
        "pod",
        'vault-aws-auth:logins.node.vaultRole: "pod" is the Vault role of vault-aws-auth:logins.pod already; '
        "write another",
    ),
    (
        "logins.other",
        {"kind": "service-account", "serviceAccounts": ["a/b"], "policies": ["dev"], "iamRoleName": "pod"},
        'vault-aws-auth:logins.other.iamRoleName: "pod" is the IAM role of vault-aws-auth:logins.pod already; '
        "write another",
    ),
    (
        "logins.other",
        {"kind": "service-account", "serviceAccounts": ["a/b"], "policies": ["dev"], "iamRoleName": "Pod"},
        'vault-aws-auth:logins.other.iamRoleName: "Pod" is the IAM role of vault-aws-auth:logins.pod already; '
        "write another",
    ),
    (
        "logins.pod.iamRoleName",
        "EKS1-default-node",
        'vault-aws-auth:logins.pod.iamRoleName: "EKS1-default-node" is the IAM role of '
        "vault-aws-auth:cluster.nodeGroups.default already; write another",
    ),
    (
        "cluster.nodeGroups",
        {"default": {"roleName": "nodes"}, "other": {"roleName": "Nodes"}},
        'vault-aws-auth:cluster.nodeGroups.other.roleName: "Nodes" is the IAM role of vault-aws-auth:cluster.nodeGroups.default.roleName already; write another',
    ),
    (
        "logins.pod.policies",
        ["dev", "ops", "dev"],
        'vault-aws-auth:logins.pod.policies: contains duplicates; write each entry once',
    ),
    (
        "logins.node.nodeGroups",
        ["default", "default"],
        'vault-aws-auth:logins.node.nodeGroups: contains duplicates; write each entry once',
    ),
    (
        "logins.pod",
        {
            "kind": "service-account",
            "serviceAccounts": ["*/api"],
            "allowWildcards": True,
            "serviceAccountMode": "none",
            "policies": ["dev"],
        },
        'vault-aws-auth:logins.pod.serviceAccounts[0]: "*/api" matches every namespace; write one, or how it begins, e.g. team-*/NAME',
    ),
    (
        "cluster.publicAccessCidrs",
        ["203.0.113.0"],
        'vault-aws-auth:cluster.publicAccessCidrs[0]: "203.0.113.0" is not an address range; '
        "write e.g. 203.0.113.0/24",
    ),
    (
        "cluster.publicAccessCidrs",
        ["999.0.113.0/24"],
        'vault-aws-auth:cluster.publicAccessCidrs[0]: "999.0.113.0/24" is not an address range; '
        "write e.g. 203.0.113.0/24",
    ),
    (
        "cluster.publicAccessCidrs",
        ["203.0.113.7/24"],
        'vault-aws-auth:cluster.publicAccessCidrs[0]: "203.0.113.7/24" is not the range itself; '
        "write 203.0.113.0/24",
    ),
    (
        "logins.pod.vaultRole",
        "Dev-Role",
        'vault-aws-auth:logins.pod.vaultRole: "Dev-Role" has upper case, which Vault does not keep; '
        "write dev-role",
    ),
    (
        "logins.node.nodeGroups",
        ["defualt"],
        'vault-aws-auth:logins.node.nodeGroups[0]: "defualt" is not a node group of the cluster; '
        "did you mean default?",
    ),
    (
        "logins.node.nodeGroups",
        [],
        'vault-aws-auth:logins.node: has neither nodeGroups nor roleArns: any role of the account could log in; write one',
    ),
    (
        "logins.node.roleArns",
        ["arn:aws:iam::111111111111:role/a*b"],
        'vault-aws-auth:logins.node.roleArns[0]: "arn:aws:iam::111111111111:role/a*b" has a wildcard that is '
        "not its last character; Vault takes a * only at the end",
    ),
    (
        "logins.node.roleArns",
        ["arn:aws:iam::1111:role/a"],
        'vault-aws-auth:logins.node.roleArns[0]: "arn:aws:iam::1111:role/a" has the malformed account ID '
        "'1111'; write its 12 digits",
    ),
    (
        "logins.node.roleArns",
        ["arn:aws:sts::111111111111:assumed-role/a/session"],
        "vault-aws-auth:logins.node.roleArns[0]: \"arn:aws:sts::111111111111:assumed-role/a/session\" is the "
        "session of a role; write the role itself: arn:aws:iam::111111111111:role/a",
    ),
    (
        "logins.node.roleArns",
        ["arn:aws:iam::222222222222:role/a"],
        'vault-aws-auth:logins.node.roleArns[0]: "arn:aws:iam::222222222222:role/a" is of the account 222222222222, into which Vault cannot look; write the role that Vault assumes there, vault-aws-auth:accounts: {"222222222222": {roleArn: "arn:aws:iam::222222222222:role/NAME"}}, or, if it is the stack\'s own account, vault-aws-auth:accountId: "222222222222"',
    ),
    (
        "logins.a b",
        VALID["vault-aws-auth:logins"]["pod"] | {"vaultRole": "x", "iamRoleName": "y", "serviceAccounts": ["c/d"]},
        "vault-aws-auth:logins.a b: the login's name is not the name of a Vault role; "
        "write letters, digits, _, - and . (not first or last)",
    ),
    # Accounts
    (
        "accounts.22",
        {"roleArn": "arn:aws:iam::222222222222:role/a"},
        'vault-aws-auth:accounts.22: "22" is not an account ID; write its 12 digits, in quotes',
    ),
    (
        "accounts.333333333333",
        {"roleArn": "arn:aws:iam::222222222222:role/a"},
        'vault-aws-auth:accounts.333333333333.roleArn: "arn:aws:iam::222222222222:role/a" is of another '
        "account; write a role of 333333333333",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "message"), WRONG)
def test_one_problem_is_one_message(path: str, value: object, message: str) -> None:
    assert problems(changed(path, value)) == [message]


def test_all_problems_are_told_at_once() -> None:
    found = problems(
        {
            "vault-aws-auth:cluster": {"nodeGroups": {"a": {"minSize": "few"}}},
            "vault-aws-auth:vault": {"address": "x", "mountPath": "/"},
            "vault-aws-auth:logins": {"pod": {"kind": "ec2-instance", "policies": ["no"], "maxTtl": "x"}},
        }
    )
    assert [problem.split(": ")[0] for problem in found] == [
        "aws:region",
        "vault-aws-auth:cluster.name",
        "vault-aws-auth:cluster.nodeGroups.a.minSize",
        "vault-aws-auth:vault.address",
        "vault-aws-auth:vault.mountPath",
        "vault-aws-auth:logins.pod.maxTtl",
        "vault-aws-auth:logins.pod",
        "vault-aws-auth:logins.pod.policies[0]",
    ]


def test_problems_between_sections_are_told_with_those_inside_them() -> None:
    config = copy.deepcopy(VALID)
    config["vault-aws-auth:logins"] = {
        "pod": {"kind": "service-account", "serviceAccounts": ["a/b"], "policies": ["dev"], "maxTtl": "768x"},
        "pod2": {
            "kind": "service-account",
            "serviceAccounts": ["nonsense", "a/b"],
            "policies": ["dev"],
            "vaultRole": "pod",
            "iamRoleName": "pod",
        },
        "node": {
            "kind": "ec2-instance",
            "policies": ["no"],
            "roleArns": ["nonsense", "arn:aws:iam::222222222222:role/x"],
            "nodeGroups": ["defualt", 5],
        },
    }
    assert [
        problem.split(": ")[0].removeprefix("vault-aws-auth:logins.") for problem in problems(config)
    ] == [
        "pod.maxTtl",
        "pod2.serviceAccounts[0]",
        "node.nodeGroups[1]",
        "node.roleArns[0]",
        "node.policies[0]",
        "pod2.vaultRole",
        "pod2.iamRoleName",
        "pod2.serviceAccounts[1]",
        "node.nodeGroups[0]",
        "node.roleArns[1]",
    ]


def test_a_node_groups_role_is_compared_though_its_cluster_is_wrong_elsewhere() -> None:
    config = changed("logins.pod.iamRoleName", "nodes")
    config["vault-aws-auth:cluster"] = {
        "name": "eks1",
        "typo": 1,
        "nodeGroups": {"default": {"roleName": "nodes"}},
    }
    found = problems(config)
    assert len(found) == 2
    assert "is the IAM role of vault-aws-auth:cluster.nodeGroups.default.roleName already" in found[1]


def test_a_rule_of_a_section_is_told_with_its_wrong_fields() -> None:
    pod = VALID["vault-aws-auth:logins"]["pod"]
    found = problems(changed("logins.pod", {**pod, "policies": ["no"], "ttl": 7200, "maxTtl": "1h"}))
    assert [problem.split(": ")[0] for problem in found] == [
        "vault-aws-auth:logins.pod.ttl",
        "vault-aws-auth:logins.pod.policies[0]",
    ]
    assert '"7200" is longer than maxTtl, 1h' in found[0]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        # What the other section says cannot be told, so nothing is said against it.
        ("cluster.nodeGroups", ["default"]),
        ("cluster.nodeGroups", {"default": {"minSize": "few"}}),
        ("cluster", "eks1"),
        ("logins.node.roleArns", "arn:aws:iam::222222222222:role/x"),
        ("logins.node.nodeGroups", [5]),
        # Of a wrong name, not even that it is the default one.
        (
            "logins.pod2",
            {**VALID["vault-aws-auth:logins"]["pod"], "serviceAccounts": ["a/b"], "vaultRole": 5},
        ),
    ],
)
def test_what_is_wrong_has_no_consequences_elsewhere(path: str, value: object) -> None:
    assert len(problems(changed(path, value))) == 1


def test_whether_vault_can_look_into_an_account_is_left_open_while_the_accounts_are_wrong() -> None:
    login = {"kind": "ec2-instance", "roleArns": ["arn:aws:iam::222222222222:role/a"], "policies": ["dev"]}
    for key, value in {"accountId": "22222222222", "accounts": "x"}.items():
        (problem,) = problems({**changed("logins.other", login), f"vault-aws-auth:{key}": value})
        assert problem.startswith(f"vault-aws-auth:{key}: ")


def test_an_account_that_is_wrong_inside_is_still_one_that_vault_looks_into() -> None:
    login = {"kind": "ec2-instance", "roleArns": ["arn:aws:iam::222222222222:role/a"], "policies": ["dev"]}
    config = changed("logins.other", login)
    config["vault-aws-auth:accounts"] = {"222222222222": {"roleArn": "role/vault"}}
    assert problems(config) == [
        'vault-aws-auth:accounts.222222222222.roleArn: "role/vault" is not an ARN; write '
        "arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE"
    ]


def test_an_empty_account_id_is_none() -> None:
    """The default in Pulumi.yaml, where a scalar key cannot be left out otherwise."""
    assert parse({**VALID, "vault-aws-auth:accountId": ""}, POLICIES).account_id is None


def test_a_bound_account_is_fine_when_vault_can_look_into_it() -> None:
    arn = "arn:aws:iam::222222222222:role/a"
    login = {"kind": "ec2-instance", "roleArns": [arn], "policies": ["dev"]}
    config = changed("logins.other", login)
    assert parse({**config, "vault-aws-auth:accountId": "222222222222"}, POLICIES)
    accounts = {"222222222222": {"roleArn": "arn:aws:iam::222222222222:role/lookup"}}
    assert parse({**config, "vault-aws-auth:accounts": accounts}, POLICIES)


def test_one_login_binds_one_account() -> None:
    arns = [f"arn:aws:iam::{account}:role/a" for account in ("111111111111", "222222222222")]
    config = changed("logins.node", {"kind": "ec2-instance", "roleArns": arns, "policies": ["dev"]})
    config["vault-aws-auth:accountId"] = "111111111111"
    config["vault-aws-auth:accounts"] = {"222222222222": {"roleArn": "arn:aws:iam::222222222222:role/l"}}
    assert problems(config) == [
        "vault-aws-auth:logins.node: binds principals of several accounts; write one login for each account"
    ]


def test_values_of_secret_keys_are_not_repeated() -> None:
    config = changed("vault.address", "s3cr3t")
    (problem,) = problems(config, hidden=frozenset({"vault-aws-auth:vault"}))
    assert problem == (
        "vault-aws-auth:vault.address: the value is not a URL; write e.g. https://vault.example.com:8200"
    )


def test_the_value_of_an_unknown_key_is_not_repeated() -> None:
    assert "hunter2" not in str(problems(changed("vault.password", "hunter2")))


def test_settings_are_read_from_the_environment_as_the_engine_gives_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "policies" / "vault").mkdir(parents=True)
    (tmp_path / "policies" / "vault" / "dev.hcl").write_text("text")
    encoded = {key: value if isinstance(value, str) else json.dumps(value) for key, value in VALID.items()}
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps({**encoded, "other:key": "ignored"}))
    assert load(tmp_path).policies == {"dev": "text"}


def test_configuration_of_other_packages_reaches_the_checks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    encoded = {key: value if isinstance(value, str) else json.dumps(value) for key, value in VALID.items()}
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps({**encoded, "eks:x": "1", "pulumi:tags": "{}"}))
    with pytest.raises(StackFileError, match="eks:x: is ignored"):
        load(tmp_path)


ROOT = Path(__file__).parents[2]
STACK_FILES = sorted([*ROOT.glob("Pulumi.*.yaml"), *ROOT.glob("examples/*/Pulumi.*.yaml")])


@pytest.mark.parametrize("file", STACK_FILES, ids=lambda file: file.stem)
def test_the_stack_files_of_this_repository_are_valid(file: Path) -> None:
    config = yaml.safe_load(file.read_text())["config"]
    config["vault-aws-auth:vault"].setdefault("address", "https://127.0.0.1:8200")
    policies = {path.stem: "" for path in (ROOT / "policies" / "vault").glob("*.hcl")}
    settings = parse(config, policies)
    assert isinstance(settings, StackFile)


def test_the_project_declares_every_key_so_that_none_must_be_set_one_by_one() -> None:
    declared = yaml.safe_load((Path(__file__).parents[2] / "Pulumi.yaml").read_text())["config"]
    assert sorted(declared) == [f"vault-aws-auth:{key}" for key in known_keys()]
    # One without a default would be asked for by the engine, one at a time, before the program runs.
    assert all("default" in key and key["description"] for key in declared.values())
