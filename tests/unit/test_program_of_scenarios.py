"""The whole program with other accounts, federation, engines and consumers, under a recording engine."""

import json
from typing import Any

import pulumi
import pytest

from stack import edition
from tests.unit.recording import Recording
from tests.unit.test_program import _enterprise, run, stack_config, whole  # noqa: F401 - a fixture

GOV = {"aws:region": "us-gov-west-1"}
CN = {"aws:region": "cn-north-1"}


@pytest.fixture(scope="module")
def together() -> Recording:
    return whole()


def test_every_scenario_is_in_the_outputs(together: Recording) -> None:
    exports = together.exports()
    kinds = {name: login["kind"] for name, login in exports["logins"].items()}
    assert kinds == {
        "pod": "service-account",
        "node": "ec2-instance",
        "gloo": "service-account",
        "vault-access-operator": "service-account",
        "other-account": "principal",
        "batch": "service-account",
    }
    assert exports["callers"]["batch"] == {"method": "pod-identity"}
    assert exports["callers"]["node"] == {}
    assert exports["callers"]["other-account"]["verifyNotAs"][1].startswith("arn:aws:iam::333333333333:")
    keys = {"kind", "vaultRole", "iamRoleArn", "serviceAccounts", "principals", "policies", "maxTtl"}
    of_pods = {name for name, kind in kinds.items() if kind in ("service-account", "ec2-instance")}
    for name, login in exports["logins"].items():
        assert set(login) == keys | ({"clusters"} if name in of_pods else set())
    assert exports["secretsEngine"] == {"path": "aws", "roles": ["my-role"]}
    for consumer in exports["consumers"].values():
        assert set(consumer) & {"values", "manifests"}


def test_what_all_must_agree_on_stands_once_in_the_stack_file() -> None:
    """STS region, mount path and header: from one place to the mount, every login and every consumer."""
    vault = {
        "vault-aws-auth:vault": {
            "address": "https://127.0.0.1:8200",
            "serverIdHeader": "header.example.com",
            "mountPath": "team/aws",
            "stsRegion": "eu-west-1",
            "kv": {"dev": {"protect": False}},
        }
    }
    recording = whole(**vault)
    exports = recording.exports()
    gloo = exports["consumers"]["gloo"]["values"]["settings"]["secretOptions"]["sources"][0]["vault"]["aws"]
    assert gloo["mountPath"] == "team/aws"
    assert gloo["region"] == "eu-west-1"
    assert gloo["iamServerIdHeader"] == "header.example.com"
    text = json.dumps(exports["consumers"])
    assert "us-east-1" not in text
    client = recording.one("vault:aws/authBackendClient:AuthBackendClient", "vault-aws-auth-client")
    assert client.inputs["stsRegion"] == "eu-west-1"
    assert client.inputs["stsEndpoint"] == "https://sts.eu-west-1.amazonaws.com"


def test_the_endpoints_that_vault_calls_from_its_network_reach_nothing_but_vault() -> None:
    hosts = {"sts": "vpce-1-x.sts.us-east-1.vpce", "ec2": "vpce-2-x.ec2.us-east-1.vpce", "iam": "iam"}
    endpoints = {service: f"https://{host}.amazonaws.com" for service, host in hosts.items()}
    settings = {
        "address": "https://127.0.0.1:8200",
        "endpoints": endpoints,
        "kv": {"dev": {"protect": False}},
    }
    recording = whole(**{"vault-aws-auth:vault": settings})
    inputs = recording.one("vault:aws/authBackendClient:AuthBackendClient", "vault-aws-auth-client").inputs
    assert {service: inputs[f"{service}Endpoint"] for service in endpoints} == endpoints
    text = json.dumps(recording.exports())
    assert [url for url in endpoints.values() if url in text] == []


def test_no_secret_is_in_an_output_but_kubeconfigs(together: Recording) -> None:
    (stack,) = [urn for urn in together.secret_outputs if "pulumi:pulumi:Stack" in urn]
    assert together.secret_outputs[stack] == {"kubeconfig", "kubeconfigs"}


def test_the_other_account_has_a_provider_of_its_own(together: Recording) -> None:
    provider = together.one("pulumi:providers:aws", "aws-222222222222")
    assert json.loads(provider.inputs["allowedAccountIds"]) == ["222222222222"]
    (assumed,) = json.loads(provider.inputs["assumeRoles"])
    assert assumed["roleArn"] == "arn:aws:iam::222222222222:role/OrganizationAccountAccessRole"
    role = together.one("aws:iam/role:Role", "account-222222222222-role")
    assert role.provider == "aws-222222222222"


def test_secrets_engines_are_protected_unless_the_stack_file_says_otherwise() -> None:
    vault = json.loads(stack_config("gloo")["vault-aws-auth:vault"])
    vault["kv"] = {"dev": {}, "try": {"protect": False}}
    recording = run("gloo", **{"vault-aws-auth:vault": vault})
    protect = {r.inputs["path"]: r.protect for r in recording.of_type("vault:index/mount:Mount")}
    assert protect == {"dev": True, "try": False}


@pytest.mark.parametrize("protect", [None, True, False])
def test_what_others_may_use_too_is_protected_unless_the_stack_file_says_otherwise(
    protect: bool | None,
) -> None:
    """The mount, its client config and the AWS engine: with them would go what other teams have in them."""
    vault = json.loads(stack_config("federation")["vault-aws-auth:vault"])
    vault |= {} if protect is None else {"protect": protect}
    recording = run("federation", **{"vault-aws-auth:vault": vault})
    protected = {resource.type for resource in recording.resources if resource.protect}
    assert protected == (
        set()
        if protect is False
        else {
            "vault:index/authBackend:AuthBackend",
            "vault:aws/authBackendClient:AuthBackendClient",
            "vault:aws/secretBackend:SecretBackend",
        }
    )


def logins(recording: Recording) -> list[Any]:
    types = ("vault:aws/authBackendRole:AuthBackendRole", "aws:iam/role:Role")
    found = [r for kind in types for r in recording.of_type(kind) if "vault-identity" not in r.urn]
    return sorted((r.urn, json.dumps(r.inputs, sort_keys=True, default=str)) for r in found)


@pytest.mark.parametrize(
    "identity",
    [
        {"kind": "role", "serviceAccount": "vault/vault"},
        {"kind": "role", "serviceAccount": "vault/vault", "method": "pod-identity"},
        {"kind": "role", "trustedServices": ["ec2.amazonaws.com"]},
        {"kind": "federation"},
    ],
)
def test_no_login_changes_with_the_kind_of_vaults_identity(identity: dict[str, Any]) -> None:
    other = run(
        "eks",
        **{
            "vault-aws-auth:vaultIdentity": identity,
            "vault-aws-auth:federation": {"issuer": "https://vault.example.com"}
            if identity["kind"] == "federation"
            else None,
        },
    )
    assert logins(other) == logins(run("eks"))
    client = other.one("vault:aws/authBackendClient:AuthBackendClient", "vault-aws-auth-client")
    assert "accessKey" not in client.inputs


def test_a_session_with_tags_may_bring_them_into_the_role_of_the_other_account() -> None:
    identity = {"kind": "role", "serviceAccount": "vault/vault", "method": "pod-identity"}
    for method, wanted, trusted in (
        ("irsa", "sts:AssumeRole", ["sts:AssumeRole"]),
        ("pod-identity", ["sts:AssumeRole", "sts:TagSession"], ["sts:AssumeRole", "sts:TagSession"]),
    ):
        recording = whole(**{"vault-aws-auth:vaultIdentity": {**identity, "method": method}})
        policy = json.loads(recording.one("aws:iam/policy:Policy", "vault-identity-policy").inputs["policy"])
        assert policy["Statement"][1]["Action"] == wanted
        trust = recording.one("aws:iam/role:Role", "account-222222222222-role").inputs["assumeRolePolicy"]
        statements = json.loads(trust)["Statement"]
        assert [each["Action"] for each in statements if "AWS" in each["Principal"]] == trusted


def test_what_a_consumer_cannot_be_told_is_one_message_with_its_key() -> None:
    with pytest.raises(pulumi.RunError) as stopped:
        run("gloo", **{"vault-aws-auth:consumers": {"vault": {"kind": "vault-server"}}})
    assert str(stopped.value).splitlines() == [
        "1 problem in the stack's configuration; nothing was changed:",
        "  1. vault-aws-auth:consumers.vault.tlsSecret: is missing; write the name of the secret with "
        "Vault's certificate, or plaintext: true",
    ]


def test_the_guides_policy_on_the_workloads_role_is_an_explicit_setting() -> None:
    declared = json.loads(stack_config("gloo")["vault-aws-auth:logins"])
    assert not run("gloo").named("dev-role-iam-eks1-vault-lookups-policy")
    declared["gloo"]["vaultLookups"] = True
    recording = run("gloo", **{"vault-aws-auth:logins": declared})
    (attachment,) = recording.named("dev-role-iam-eks1-vault-lookups-policy")
    (policy,) = recording.named("dev-role-iam-eks1-lookups")
    assert attachment.inputs["policyArn"].endswith(f":policy/{policy.inputs['name']}")


@pytest.mark.parametrize(("region", "partition"), [(GOV, "aws-us-gov"), (CN, "aws-cn")])
def test_no_arn_and_no_endpoint_is_of_another_partition(region: dict[str, str], partition: str) -> None:
    in_china = partition == "aws-cn"  # which has no Pod Identity
    for name in ("eks",) if in_china else ("eks", "gloo", "vault-access-operator", "pod-identity"):
        changes: dict[str, Any] = {**region}
        if name == "gloo":
            identity = json.loads(stack_config("gloo")["vault-aws-auth:vaultIdentity"])
            del identity["assumeRoleArns"]
            changes["vault-aws-auth:vaultIdentity"] = identity
        recording = run(name, **changes)
        told = json.dumps([r.inputs for r in recording.resources], default=str)
        told += json.dumps(recording.exports()["consumers"])
        assert f"arn:{partition}:" in told
        foreign = [word for word in told.replace("\\", "").split('"') if word.startswith("arn:aws:")]
        assert not foreign, (name, foreign)
        suffix = "amazonaws.com.cn" if in_china else "amazonaws.com"
        assert f"https://sts.{region['aws:region']}.{suffix}" in told


def test_a_vault_that_cannot_federate_is_refused_before_anything_is_registered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    community = edition.Vault((1, 21), False, "Vault Community 1.21.0")
    monkeypatch.setattr(edition, "ask", lambda _address: community)
    with pytest.raises(pulumi.RunError) as stopped:
        run("federation")
    assert str(stopped.value).splitlines() == [
        "https://vault.example.com:8200 is Vault Community 1.21.0, which cannot do what the stack's "
        "configuration asks for; nothing was changed:",
        "  1. vault-aws-auth:vaultIdentity: needs Vault Enterprise 1.17 or newer; write kind: role (no "
        "stored credential either), or kind: user",
        "  2. vault-aws-auth:secretsEngine: needs Vault Enterprise 1.16 or newer; write kind: user",
    ]


@pytest.mark.parametrize(
    ("version", "lacking"),
    [
        ((1, 15), ["vaultIdentity", "secretsEngine"]),
        ((1, 16), ["vaultIdentity"]),
        ((1, 17), []),
    ],
)
def test_an_older_enterprise_is_told_what_it_cannot_do_yet(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, int], lacking: list[str]
) -> None:
    monkeypatch.setattr(edition, "ask", lambda _address: edition.Vault(version, True, "Vault Enterprise"))
    if not lacking:
        run("federation")
        return
    with pytest.raises(pulumi.RunError) as stopped:
        run("federation")
    told = str(stopped.value)
    assert [key for key in ("vaultIdentity", "secretsEngine") if key in told] == lacking


def test_vault_27765_an_external_id_needs_a_vault_that_knows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """hashicorp/vault 27765: external IDs came with Vault 1.17."""
    monkeypatch.setattr(edition, "ask", lambda _address: edition.Vault((1, 16), False, "Vault"))
    with pytest.raises(pulumi.RunError, match=r"accounts\.222222222222: needs Vault 1\.17 or newer"):
        run("cross-account")
    own = {"222222222222": {"roleArn": "arn:aws:iam::222222222222:role/lookup"}}
    run("cross-account", **{"vault-aws-auth:accounts": own})
