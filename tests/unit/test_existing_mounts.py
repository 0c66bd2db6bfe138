"""Mounts of Vault that exist: what the stack reads of them, what could not work there, and what is made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pytest
import yaml

from stack import edition, file, handover, providers
from stack.file import StackFile
from stack.preflight import in_use, leaving, objects, report
from stack.preflight.objects import Made, thing
from stack.reading import StackFileError
from tests.unit.recording import Recording, record
from tests.unit.test_preflight import Vault, registered
from tests.unit.test_program import nothing_is_there, run

ACCOUNT, OTHER, THIRD = "111111111111", "222222222222", "333333333333"
MOUNT = {"type": "aws", "accessor": "auth_aws_1", "config": {"max_lease_ttl": 0}}
WEB = {"kind": "principal", "principals": [f"arn:aws:iam::{ACCOUNT}:role/web"], "policies": ["dev"]}
CLIENT = {
    "iam_server_id_header_value": "vault.payments.example.com",
    "sts_endpoint": "https://sts.eu-west-1.amazonaws.com",
    "sts_region": "eu-west-1",
}
IS_THERE: dict[str, tuple[int, Any]] = {
    "sys/auth": (200, {"aws/": MOUNT}),
    "auth/aws/config/client": (200, CLIENT),
    "auth/aws/config/sts?list=true": (200, {"keys": [OTHER]}),
}
Answers = Mapping[str, tuple[int, Any]]


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "t")
    monkeypatch.setattr(edition, "ask", lambda _: edition.Vault((1, 21), False, "Vault Community 1.21.0"))


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lines.append)
    return lines


def config(address: str, **changed: Any) -> dict[str, Any]:
    """A stack file that uses the mount of another; `vault` is added to what it says of Vault."""
    vault = {"address": address, "mount": "existing", **changed.pop("vault", {})}
    whole = {
        "accountId": ACCOUNT,
        "vault": {key: value for key, value in vault.items() if value is not None},
        "logins": {"web": WEB},
        **changed,
    }
    return {"aws:region": "us-east-1", **{f"vault-aws-auth:{key}": value for key, value in whole.items()}}


def parsed(address: str = "https://vault.example.com", **changed: Any) -> StackFile:
    return file.parse(config(address, **changed), {"dev": 'path "dev/*" {}'})


def problems(**changed: Any) -> list[str]:
    with pytest.raises(StackFileError) as error:
        parsed(**changed)
    return error.value.problems


def settled(stack: StackFile) -> StackFile:
    """The stack file with what its Vault says."""
    found: list[StackFile] = []

    async def main() -> None:
        found.append(await in_use.settle(stack))

    record(lambda: pulumi.run(main))
    return found[0]


def settle(answers: Answers, **changed: Any) -> StackFile:
    """A stack file with what Vault says."""
    with Vault(answers).serving() as address:
        return settled(parsed(address, **changed))


def refused(answers: Answers, **changed: Any) -> list[str]:
    """What is wrong with the stack file, by what Vault says."""
    with pytest.raises(StackFileError) as error:
        settle(answers, **changed)
    return error.value.problems


def program(answers: Answers, **changed: Any) -> Recording:
    """What the whole program registers."""
    with Vault(answers).serving() as address:
        settings = {
            f"vault-aws-auth:{key}": None for key in ("cluster", "vaultIdentity", "consumers", "tags")
        }
        return run("dev", **{**settings, **config(address, **changed)})


# What is taken from the mount


def test_what_is_not_written_is_as_the_mount_has_it(warned: list[str]) -> None:
    vault = settle(IS_THERE).vault
    assert (vault["server_id_header"], vault["sts_region"]) == ("vault.payments.example.com", "eu-west-1")
    assert warned == []


def test_what_is_written_as_the_mount_has_it_is_right() -> None:
    written = {"serverIdHeader": "vault.payments.example.com", "stsRegion": "eu-west-1"}
    assert settle(IS_THERE, vault=written).sts_region == "eu-west-1"


@pytest.mark.parametrize(
    ("client", "region"),
    [
        ({}, "us-east-1"),  # the global endpoint
        ({"sts_endpoint": "https://sts.amazonaws.com"}, "us-east-1"),
        ({"sts_endpoint": "https://sts.eu-west-1.amazonaws.com"}, "eu-west-1"),
        ({"sts_endpoint": "sts.eu-west-1.amazonaws.com"}, "eu-west-1"),
        ({"sts_endpoint": "https://proxy.example.com", "sts_region": "eu-west-1"}, "eu-west-1"),
        ({"sts_endpoint": "https://proxy.example.com"}, None),
        ({"sts_endpoint": "https://sts.eu-west-1.amazonaws.com", "use_sts_region_from_client": True}, None),
    ],
)
def test_the_region_that_a_mount_takes_logins_of(client: dict[str, Any], region: str | None) -> None:
    assert in_use.region_of(client) == region


def test_a_mount_without_a_client_config_has_vaults_defaults(warned: list[str]) -> None:
    vault = settle({"sys/auth": IS_THERE["sys/auth"]}).vault
    assert (vault["server_id_header"], vault["sts_region"]) == ("", "us-east-1")
    (line,) = warned
    assert "the mount aws demands no server-id header" in line


def test_a_header_that_the_mount_does_not_demand_is_not_signed(warned: list[str]) -> None:
    """A login without it is good there, so one with it is no safer; `verify` would find that."""
    settled = settle({"sys/auth": IS_THERE["sys/auth"]}, vault={"serverIdHeader": "a.example.com"})
    assert settled.vault["server_id_header"] == ""
    (line,) = warned
    assert line.endswith("iam_server_id_header_value=NAME; until then, serverIdHeader is not signed")


def test_what_may_not_be_read_is_said_and_taken_as_it_is_written(warned: list[str]) -> None:
    forbidden: dict[str, tuple[int, Any]] = {
        path: (403, {}) for path in ("auth/aws/config/client", "auth/aws/config/sts?list=true")
    }
    settled = settle({**IS_THERE, **forbidden}, vault={"serverIdHeader": "a.example.com"})
    assert settled.vault["server_id_header"] == "a.example.com"
    assert settled.accounts_of_mount is None
    assert len(warned) == 2
    assert "auth/aws/config/client: the token may not read it" in warned[0]


def test_a_table_that_may_not_be_read_is_no_hindrance(warned: list[str]) -> None:
    """Each token may see the mounts below which it may do anything."""
    answers = {**IS_THERE, "sys/auth": (403, {}), "sys/internal/ui/mounts/auth/aws": (200, MOUNT)}
    assert settle(answers).vault["sts_region"] == "eu-west-1"
    assert warned == []
    for other in ({"type": "oidc"}, {"path": "auth/"}):  # of another type, and one above it
        answers["sys/internal/ui/mounts/auth/aws"] = (200, {**MOUNT, **other})
        assert len(refused(answers)) == 1


def test_a_vault_that_is_not_there_is_said_once(warned: list[str]) -> None:
    settled(parsed("http://127.0.0.1:1"))
    (line,) = warned
    assert "http://127.0.0.1:1 cannot be reached" in line


def test_nothing_is_asked_of_vault_where_the_stack_mounts_all_itself() -> None:
    vault = Vault({})
    with vault.serving() as address:
        settled(parsed(address, vault={"mount": "create", "kv": {"dev": {}}}))
    assert vault.asked == []


# What could not work there


KEY = "vault-aws-auth:vault"
ROLES = {"deploy": {"credentialType": "assumed_role", "roleArns": [f"arn:aws:iam::{ACCOUNT}:role/deploy"]}}
FAR = {**WEB, "principals": [f"arn:aws:iam::{THIRD}:role/far"]}


@pytest.mark.parametrize(
    ("answers", "changed", "message"),
    [
        ({"sys/auth": (200, {})}, {}, f'{KEY}.mountPath: "aws" is no mount: Vault has nothing at auth/aws'),
        (
            {"sys/auth": (200, {"aws/": {"type": "userpass"}})},
            {"vault": {"serverIdHeader": "a.example.com"}},
            f'{KEY}.mountPath: "aws" is a mount of the type userpass, and not of the AWS auth method',
        ),
        (
            {},
            {"vault": {"serverIdHeader": "vault.example.com"}},
            f'{KEY}.serverIdHeader: "vault.example.com" is not what the mount aws demands, which refuses '
            "every login with another value; write vault.payments.example.com, or leave it out",
        ),
        (
            {},
            {"vault": {"serverIdHeader": ""}},
            f'{KEY}.serverIdHeader: "" is not what the mount aws demands',
        ),
        (
            {},
            {"vault": {"stsRegion": "us-east-1"}},
            f'{KEY}.stsRegion: "us-east-1" is not the region of the mount aws, which sends logins to '
            "https://sts.eu-west-1.amazonaws.com: AWS takes only those there that are signed for eu-west-1",
        ),
        (
            {"auth/aws/config/client": (404, {})},
            {"vault": {"stsRegion": "eu-west-1"}},
            f'{KEY}.stsRegion: "eu-west-1" is not the region of the mount aws, which sends logins to '
            "https://sts.amazonaws.com, for it has none of its own",
        ),
        (
            {},
            {"vault": {"callersStsEndpoint": "https://sts.us-east-1.amazonaws.com"}},
            f'{KEY}.callersStsEndpoint: "https://sts.us-east-1.amazonaws.com" is of us-east-1, and logins '
            "are signed for eu-west-1",
        ),
        (
            {},
            {"logins": {"far": FAR}},
            f'vault-aws-auth:logins.far.principals[0]: "arn:aws:iam::{THIRD}:role/far" is of the account '
            f"{THIRD}, into which Vault cannot look",
        ),
        (
            {"auth/aws/config/sts?list=true": (404, {})},
            {
                "vaultIdentity": {
                    "roleArn": f"arn:aws:iam::{THIRD}:role/vault",
                    "attachPolicy": False,
                },
                "logins": {"task": {"kind": "ecs-task", "policies": ["dev"]}},
            },
            f"vault-aws-auth:logins.task: is of the account {ACCOUNT}, and Vault runs in {THIRD}",
        ),
        (
            {"sys/mounts": (200, {})},
            {"vault": {"kv": {"dev": {"mount": "existing"}}}},
            f'{KEY}.kv.dev: "dev" is no mount: Vault has nothing at dev',
        ),
        (
            {"sys/mounts": (200, {"dev/": {"type": "transit"}})},
            {"vault": {"kv": {"dev": {"mount": "existing"}}}},
            f'{KEY}.kv.dev: "dev" is a mount of the type transit',
        ),
        (
            {"sys/mounts": (200, {"dev/": {"type": "kv", "options": None}})},
            {"vault": {"kv": {"dev": {"mount": "existing"}}}},
            f"{KEY}.kv.dev: is a KV engine of version 1",
        ),
        (
            {"sys/mounts": (200, {})},
            {"secretsEngine": {"mount": "existing", "path": "cloud", "roles": ROLES}},
            'vault-aws-auth:secretsEngine.path: "cloud" is no mount: Vault has nothing at cloud',
        ),
        (
            {
                "sys/mounts": (200, {"cloud/": {"type": "aws"}}),
                "cloud/config/root": (200, {"role_arn": f"arn:aws:iam::{ACCOUNT}:role/engine"}),
            },
            {
                "secretsEngine": {
                    "mount": "existing",
                    "path": "cloud",
                    "roles": {"deploy": {**ROLES["deploy"], "defaultStsTtl": "8h"}},
                }
            },
            'vault-aws-auth:secretsEngine.roles.deploy.defaultStsTtl: "8h" is more than STS gives',
        ),
    ],
)
def test_a_login_that_could_not_work_there_is_refused(
    answers: Answers, changed: dict[str, Any], message: str
) -> None:
    (problem,) = refused({**IS_THERE, **answers}, **changed)
    assert problem.startswith(message)


def test_what_is_secret_in_the_stack_file_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_use, "hidden_keys", lambda: frozenset({KEY}))
    (problem,) = refused(IS_THERE, vault={"serverIdHeader": "a.example.com"})
    assert problem.startswith(f"{KEY}.serverIdHeader: the value is not what the mount aws demands")


def test_a_mount_of_another_partition_is_refused() -> None:
    web = {**WEB, "principals": [f"arn:aws-cn:iam::{ACCOUNT}:role/web"]}
    with Vault(IS_THERE).serving() as address:
        whole = {**config(address, logins={"web": web}), "aws:region": "cn-north-1"}
        with pytest.raises(StackFileError, match="no identity of aws:region cn-north-1 is known"):
            settled(file.parse(whole, {"dev": ""}))


def test_all_that_is_wrong_is_said_at_once() -> None:
    wrong = {"serverIdHeader": "a.example.com", "stsRegion": "us-east-1"}
    assert len(refused(IS_THERE, vault=wrong, logins={"far": FAR})) == 3


def test_accounts_that_the_mount_looks_into_already_need_not_be_declared() -> None:
    other = {**WEB, "principals": [f"arn:aws:iam::{OTHER}:role/partner-*"]}
    assert settle(IS_THERE, logins={"partner": other}).accounts_of_mount == frozenset({OTHER})


def test_a_token_that_lives_longer_than_the_mount_allows_is_told(warned: list[str]) -> None:
    short = {**MOUNT, "config": {"max_lease_ttl": 1800}}
    settle({**IS_THERE, "sys/auth": (200, {"aws/": short})})
    (line,) = warned
    assert line.startswith("vault-aws-auth:logins.web.maxTtl: 1h is longer than the mount aws allows")


# What the stack file has no say in


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"vault": {"identityAlias": "unique_id"}}, "vault.identityAlias"),
        ({"vault": {"endpoints": {"sts": "https://sts.us-east-1.amazonaws.com"}}}, "vault.endpoints"),
        ({"vault": {"protect": False}}, "vault.protect"),
        ({"vaultIdentity": {"kind": "user"}}, "vaultIdentity.kind"),
        ({"vaultIdentity": {"kind": "role", "trustedServices": ["ec2.amazonaws.com"]}}, "vaultIdentity.kind"),
        ({"vault": {"kv": {"dev": {"mount": "existing", "protect": False}}}}, "vault.kv.dev.protect"),
        ({"vault": {"mount": "adopt"}}, "vault.mount"),
    ],
)
def test_what_the_mounts_owner_says_is_refused_with_the_mend(changed: dict[str, Any], path: str) -> None:
    (problem,) = problems(**changed)
    assert problem.startswith(f"vault-aws-auth:{path}: ")
    assert (
        "remove it" in problem or "write existing" in problem or "is not one of create, existing" in problem
    )


def test_endpoints_and_protection_are_those_of_an_engine_that_the_stack_mounts() -> None:
    vault = {"endpoints": {"sts": "https://sts.us-east-1.amazonaws.com"}, "protect": False}
    assert parsed(vault=vault, secretsEngine={"roles": ROLES})
    assert len(problems(vault=vault, secretsEngine={"mount": "existing", "roles": ROLES})) == 2


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("userName", "engine"),
        ("policyName", "engine"),
        ("roleArn", f"arn:aws:iam::{ACCOUNT}:role/vault"),
        ("maxLeaseTtl", "2h"),
        ("tags", {"a": "b"}),
    ],
)
def test_an_engine_that_exists_has_its_roles_alone_from_the_stack(field: str, value: Any) -> None:
    (problem,) = problems(secretsEngine={"mount": "existing", "roles": ROLES, field: value})
    assert problem.startswith(f"vault-aws-auth:secretsEngine.{field}: is not used: the mount is existing")


def test_an_engine_that_exists_has_no_identity_from_the_stack() -> None:
    (problem,) = problems(secretsEngine={"mount": "existing", "kind": "user", "roles": ROLES})
    assert problem.startswith('vault-aws-auth:secretsEngine.kind: "user" is not for an engine whose mount is')


# What is made


def test_the_mount_is_found_and_only_logins_are_made() -> None:
    recording = program(IS_THERE)
    made = {(it.type, it.name) for it in recording.resources if it.type.startswith("vault:")}
    assert made == {
        ("vault:index/policy:Policy", "dev"),
        ("vault:aws/authBackendRole:AuthBackendRole", "web-vault-role"),
        ("vault:aws/authBackendRole:AuthBackendRole", "web-principal-ids"),
    }
    assert not [it for it in recording.resources if it.type.startswith("aws:")]
    (found,) = recording.of_type("vault-aws-auth:index:ExistingVaultAwsAuth")
    assert found.name == "vault-aws-auth"
    assert recording.exports()["vault"] | {"address": ""} == {
        "address": "",
        "namespace": "",
        "mountPath": "aws",
        "serverIdHeader": "vault.payments.example.com",
        "stsEndpoint": "https://sts.eu-west-1.amazonaws.com",
        "stsRegion": "eu-west-1",
    }


def test_sts_roles_are_added_to_the_mount() -> None:
    far = {THIRD: {"roleArn": f"arn:aws:iam::{THIRD}:role/lookup"}}
    recording = program(IS_THERE, accounts=far, logins={"far": FAR, "web": WEB})
    (role,) = recording.of_type("vault:aws/authBackendStsRole:AuthBackendStsRole")
    assert (role.inputs["backend"], role.inputs["accountId"]) == ("aws", THIRD)
    (mount,) = recording.of_type("vault-aws-auth:index:ExistingVaultAwsAuth")
    assert mount.alias_types == {"vault-aws-auth:index:VaultAwsAuth"}  # once it is adopted, they stay


def test_principals_of_an_account_that_the_mount_looks_into_are_not_looked_up() -> None:
    """The stack has no provider of that account."""
    other = {**WEB, "principals": [f"arn:aws:iam::{OTHER}:role/partner"]}
    recording = program(IS_THERE, logins={"partner": other})
    assert not [token for token, _, _ in recording.calls if token == "aws:iam/getRole:getRole"]


def test_engines_that_exist_are_not_mounted() -> None:
    answers = {
        **IS_THERE,
        "sys/mounts": (200, {"kv/": {"type": "kv", "options": {"version": "2"}}, "cloud/": {"type": "aws"}}),
    }
    recording = program(
        answers,
        vault={"kv": {"kv": {"mount": "existing"}}},
        secretsEngine={"mount": "existing", "path": "cloud", "roles": ROLES},
    )
    assert not recording.of_type("vault:index/mount:Mount")
    assert not recording.of_type("vault:aws/secretBackend:SecretBackend")
    (role,) = recording.of_type("vault:aws/secretBackendRole:SecretBackendRole")
    assert (role.inputs["backend"], role.inputs["name"]) == ("cloud", "deploy")
    assert recording.exports()["secretsEngine"] == {"path": "cloud", "roles": ["deploy"]}


# The engine's identity, where Vault finds it around it


VAULT_NODE = f"arn:aws:iam::{ACCOUNT}:role/vault-node"


def engine_of(**changed: Any) -> Recording:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stack.preflight.check", nothing_is_there)
        return program(
            {}, vault={"mount": "create"}, secretsEngine={"kind": "existing", "roles": ROLES}, **changed
        )


@pytest.mark.parametrize(
    ("identity", "role"),
    [
        ({"kind": "existing", "roleArn": VAULT_NODE}, "vault-node"),
        ({"kind": "role", "trustedServices": ["ec2.amazonaws.com"]}, "vault-identity"),
    ],
)
def test_an_engine_works_with_the_role_that_vault_finds_around_it(
    identity: dict[str, Any], role: str
) -> None:
    recording = engine_of(vaultIdentity=identity)
    assert not recording.of_type("aws:iam/user:User")
    assert not recording.of_type("aws:iam/accessKey:AccessKey")
    mount = recording.one("vault:aws/secretBackend:SecretBackend", "secrets-engine-mount")
    assert not {"accessKey", "secretKey", "roleArn"} & mount.inputs.keys()
    policy = recording.one("aws:iam/policy:Policy", "secrets-engine-policy")
    assert policy.inputs["name"] == f"{role}-aws-secrets-engine-policy"
    (statement,) = json.loads(policy.inputs["policy"])["Statement"]
    assert (statement["Action"], statement["Resource"]) == (["sts:AssumeRole"], ROLES["deploy"]["roleArns"])
    attached = recording.one(
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment", "secrets-engine-policy-attachment"
    )
    assert attached.inputs["role"] == role
    handed_out = recording.one("vault:aws/secretBackendRole:SecretBackendRole", "secrets-engine-role-deploy")
    assert {"secrets-engine-policy-attachment", "secrets-engine-no-access-key"} <= handed_out.depends_on


@pytest.mark.parametrize(
    "identity",
    [
        {"kind": "user"},
        {"kind": "existing"},
        {"kind": "existing", "roleArn": VAULT_NODE, "attachPolicy": False},
    ],
)
def test_an_engine_with_a_role_that_is_not_to_be_granted_anything_makes_nothing_in_iam(
    identity: dict[str, Any],
) -> None:
    assert not engine_of(vaultIdentity=identity).named("secrets-engine-policy")


def test_what_an_engine_can_not_do_as_a_role_is_refused() -> None:
    identity = {"kind": "existing", "roleArn": VAULT_NODE}
    roles = {
        "long": {**ROLES["deploy"], "defaultStsTtl": "8h"},
        "token": {
            "credentialType": "federation_token",
            "policyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
        },
    }
    vault = {"mount": "create"}
    engine = {"kind": "existing", "roles": roles}
    found = problems(vault=vault, vaultIdentity=identity, secretsEngine=engine)
    assert [line.split(": ")[0] for line in found] == [
        "vault-aws-auth:secretsEngine.roles.long.defaultStsTtl",
        "vault-aws-auth:secretsEngine.roles.token.credentialType",
    ]
    # Vault may find the key of a user around it, which can do both.
    assert parsed(vault=vault, vaultIdentity={"kind": "user"}, secretsEngine=engine)


def test_an_engine_makes_no_role_for_vault_to_find() -> None:
    engine = {"kind": "role", "trustedServices": ["ec2.amazonaws.com"], "roles": ROLES}
    (problem,) = problems(vault={"mount": "create"}, secretsEngine=engine)
    assert problem.startswith(
        'vault-aws-auth:secretsEngine.kind: "role" is not a kind of its own: Vault finds'
    )


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"roleArn": f"arn:aws:iam::{OTHER}:role/vault"}, "roleArn"),
        ({"attachPolicy": False}, "attachPolicy"),
        ({"policyName": "mine"}, "policyName"),
        ({"permissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/x"}, "permissionsBoundary"),
        ({"userName": "mine"}, "userName"),
    ],
)
def test_what_an_engine_without_a_key_has_no_use_for_is_refused(changed: dict[str, Any], key: str) -> None:
    engine = {"kind": "existing", "roles": ROLES, **changed}
    (problem,) = problems(vault={"mount": "create"}, secretsEngine=engine)
    assert problem.startswith(f"vault-aws-auth:secretsEngine.{key}: ")


# What is there already


@pytest.mark.parametrize("kind", ["create", "existing"])
def test_everything_that_is_made_is_looked_up(kind: str) -> None:
    """The engine's policy, too, on a role that Vault has."""
    far = {THIRD: {"roleArn": f"arn:aws:iam::{THIRD}:role/lookup"}}
    changed: dict[str, Any] = {
        "vault": {"mount": kind, "kv": {"kv": {}}},
        "vaultIdentity": {"kind": "existing", "roleArn": VAULT_NODE},
        "secretsEngine": {"kind": "existing", "roles": ROLES},
        "accounts": far,
        "logins": {"far": FAR, "web": WEB},
    }
    made = {it for it in map(registered, program(IS_THERE, **changed).resources) if it}
    assert made == {made.thing for made in objects.of(parsed(**changed))}
    assert thing("IAM policy", "vault-node-aws-secrets-engine-policy") in made


def claimed(**changed: Any) -> set[str]:
    return {report.describe(made.thing) for made in objects.of(parsed(**changed))}


def test_what_exists_is_not_about_to_be_made() -> None:
    engine = {"mount": "existing", "path": "cloud", "roles": ROLES}
    far = {THIRD: {"roleArn": f"arn:aws:iam::{THIRD}:role/lookup"}}
    changed = {"accounts": far, "logins": {"far": FAR, "web": WEB}}
    assert claimed(vault={"kv": {"kv": {"mount": "existing"}}}, secretsEngine=engine, **changed) == {
        f"the STS role aws/{THIRD}",
        "the Vault policy dev",
        "the Vault role aws/far",
        "the Vault role aws/web",
        "the secrets engine role cloud/deploy",
    }


@pytest.mark.parametrize(
    ("made", "seen", "way"),
    [
        (
            Made(thing("auth mount", "team/aws"), f"{KEY}.mountPath"),
            "type aws, accessor auth_aws_1",
            "write vault-aws-auth:vault: {mountPath: team/aws, mount: existing}",
        ),
        (
            Made(thing("secrets engine", "dev"), f"{KEY}.kv.dev"),
            "type kv, accessor kv_1",
            "write vault-aws-auth:vault: {kv: {dev: {mount: existing}}}",
        ),
        (
            Made(thing("secrets engine", "aws"), "vault-aws-auth:secretsEngine.path"),
            "type aws, accessor aws_1",
            "write vault-aws-auth:secretsEngine: {mount: existing, path: aws, roles: …}",
        ),
    ],
)
def test_a_mount_that_is_taken_is_said_with_the_lines_that_use_it(made: Made, seen: str, way: str) -> None:
    text = report.taken({made.thing: made}, {made.thing: seen})
    assert way in text
    lines = yaml.safe_load(way.removeprefix("write ").replace("…", "{}"))
    assert "existing" in json.dumps(lines)
    assert "import it into this stack first" in text
    other = report.taken({made.thing: made}, {made.thing: "type transit, accessor x"})
    assert "existing" not in other


ISSUER = {
    "the identity issuer",
    "the signing key default",
    "the OIDC provider issuer.example.com/v1/identity/oidc/plugins",
}


def test_an_issuer_that_exists_is_not_about_to_be_made_and_may_not_be_the_stacks() -> None:
    issuer = {"existing": True, "issuer": "https://issuer.example.com", "keyName": "default"}
    changed: dict[str, Any] = {
        "vault": {"mount": "create"},
        "vaultIdentity": {"kind": "federation"},
        "federation": issuer,
    }
    assert not claimed(**changed) & ISSUER
    assert {report.describe(made.thing) for made in leaving.of(parsed(**changed))} >= ISSUER
    made = claimed(**{**changed, "federation": {**issuer, "existing": False, "keyName": "own"}})
    assert made >= {"the identity issuer", "the signing key own"}


def test_a_mount_that_the_stack_has_made_is_not_named_as_anothers() -> None:
    engine = {"mount": "existing", "path": "cloud", "roles": ROLES}
    stack = parsed(vault={"kv": {"kv": {"mount": "existing"}}}, secretsEngine=engine)
    foreign = {report.describe(made.thing): made for made in leaving.of(stack)}
    assert foreign.keys() >= {"the auth mount aws", "the secrets engine cloud", "the secrets engine kv"}
    urn = "urn:pulumi:dev::vault-aws-auth::{0}::x"
    text = report.stuck({foreign["the auth mount aws"]: urn.format("vault:index/authBackend:AuthBackend")})
    assert "which would delete it. Write mount: create" in text
    # Its secrets would be lost: it stays, and is forgotten.
    kv = thing("secrets engine", "kv")
    assert leaving.is_kept(kv, urn.format("vault:index/mount:Mount"))
    assert not leaving.is_kept(kv, urn.format("a:b:C$vault:aws/secretBackend:SecretBackend"))


def test_a_kv_engine_that_is_anothers_now_is_forgotten_and_not_deleted() -> None:
    urn = "urn:pulumi:dev::vault-aws-auth::vault:index/mount:Mount::kv-kv"
    stack = parsed(vault={"kv": {"kv": {"mount": "existing"}}})

    async def main() -> None:
        handover.declare({thing("secrets engine", "kv"): urn}, providers.declare(stack), {})

    (mount,) = record(lambda: pulumi.run(main)).of_type("vault:index/mount:Mount")
    assert (mount.name, mount.provider, mount.aliases) == ("handed-over-kv-kv", "vault", {urn})
    assert mount.retain_on_delete
    assert not mount.protect
