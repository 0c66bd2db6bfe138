"""The program with an identity that Vault has already: a role of its hosts, or one that is not known."""

import json
from collections.abc import Iterator
from typing import Any

import pulumi
import pytest

from stack import edition
from tests.unit.recording import ACCOUNT, Recording
from tests.unit.test_program import run

POLICY, ROLE = "aws:iam/policy:Policy", "aws:iam/role:Role"
PROVIDER = "pulumi:providers:aws"
OTHER = "222222222222"
NODE = f"arn:aws:iam::{ACCOUNT}:role/node"
HCP: dict[str, Any] = {
    "hcp": {
        "accountId": "444444444444",
        "principalArn": "arn:aws:iam::444444444444:role/HCP-Vault-1",
    }
}


@pytest.fixture(autouse=True, scope="module")
def _vault() -> Iterator[None]:
    """No Vault runs here; this is what it would say of itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(edition, "ask", lambda _: edition.Vault((1, 21), False, "Vault Community 1.21.0"))
        yield


def stack(identity: dict[str, Any], accounts: dict[str, Any] | None = None) -> Recording:
    other = {"kind": "principal", "principals": [f"arn:aws:iam::{OTHER}:role/app*"], "policies": ["dev"]}
    pod = {"kind": "service-account", "serviceAccounts": ["default/api"], "policies": ["dev"]}
    return run(
        "eks",
        **{
            "vault-aws-auth:accountId": ACCOUNT,
            "vault-aws-auth:vaultIdentity": {"kind": "existing", **identity},
            "vault-aws-auth:accounts": accounts or {OTHER: {}},
            "vault-aws-auth:logins": {"api": pod, "other": other},
            "vault-aws-auth:consumers": None,
        },
    )


def statements(recording: Recording, name: str) -> list[dict[str, Any]]:
    return list(json.loads(recording.one(POLICY, name).inputs["policy"])["Statement"])


def trust(recording: Recording, account: str) -> list[dict[str, Any]]:
    role = recording.one(ROLE, f"account-{account}-role")
    return list(json.loads(role.inputs["assumeRolePolicy"])["Statement"])


def test_the_role_that_vault_has_is_granted_what_the_logins_need_and_trusted_by_other_accounts() -> None:
    recording = stack({"roleArn": NODE})
    lookups, assumed = statements(recording, "vault-identity-policy")
    assert (lookups["Action"], assumed["Action"]) == (["iam:GetRole"], "sts:AssumeRole")
    (trusted,) = trust(recording, OTHER)
    assert trusted["Principal"] == {"AWS": NODE}


def test_sessions_of_pod_identity_may_bring_their_tags_into_other_accounts() -> None:
    recording = stack({"roleArn": NODE, "taggedSessions": True})
    wanted = ["sts:AssumeRole", "sts:TagSession"]
    assert statements(recording, "vault-identity-policy")[1]["Action"] == wanted
    assert [each["Action"] for each in trust(recording, OTHER)] == wanted


def test_a_vault_of_hcp_looks_into_every_account_with_a_role_there_the_stacks_own_too() -> None:
    recording = stack({}, {ACCOUNT: HCP, OTHER: HCP})
    for account in (ACCOUNT, OTHER):
        (trusted,) = trust(recording, account)
        assert trusted["Principal"] == {"AWS": "arn:aws:iam::444444444444:root"}
        (looks,) = statements(recording, f"account-{account}-policy")
        assert looks["Action"] == ["iam:GetRole"]
    assert not recording.named("vault-identity-policy")
    # The stack is in its own account already; it needs no role there to make one.
    assumes = {r.name: "assumeRoles" in r.inputs for r in recording.of_type(PROVIDER)}
    assert (assumes[f"aws-{ACCOUNT}"], assumes[f"aws-{OTHER}"]) == (False, True)
    client = recording.one("vault:aws/authBackendClient:AuthBackendClient", "vault-aws-auth-client")
    assert not {"accessKey", "roleArn"} & set(client.inputs)


@pytest.mark.parametrize(
    ("identity", "accounts", "message"),
    [
        ({}, {OTHER: {}}, f"accounts.{OTHER}: has a role that nothing can assume, because vault-aws-auth:va"),
        (
            {"roleArn": f"arn:aws:iam::{OTHER}:role/node"},
            {OTHER: {}},
            "vaultIdentity.roleArn: .* is not of the stack's own account 1+; write attachPolicy: false",
        ),
        ({"assumeRoleArns": [NODE]}, {OTHER: HCP}, "vaultIdentity.assumeRoleArns: is not used: no policy is"),
        (
            {"roleArn": NODE, "attachPolicy": False, "policyName": "mine"},
            {OTHER: HCP},
            "vaultIdentity.policyName: is not used: no policy is made, because attachPolicy is false",
        ),
        ({"attachPolicy": True}, {OTHER: HCP}, "vaultIdentity.attachPolicy: is not used: there is no roleAr"),
        ({"permissionsBoundary": NODE}, {OTHER: HCP}, "vaultIdentity.permissionsBoundary: is not a known ke"),
    ],
)
def test_what_an_existing_identity_has_no_use_for_is_refused_before_anything_is_made(
    identity: dict[str, Any], accounts: dict[str, Any], message: str
) -> None:
    with pytest.raises(pulumi.RunError, match=message):
        stack(identity, accounts)
