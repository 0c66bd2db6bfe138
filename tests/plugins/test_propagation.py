"""The local plugins wait where the official providers do: IAM does not know everywhere what was just made."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hvac import exceptions

from sandbox.plugins.aws import PLUGIN as AWS
from sandbox.plugins.aws import client
from sandbox.plugins.vault import PLUGIN as VAULT
from sandbox.plugins.vault import aws_auth
from tests.emulator.world import PRIMARY, Emulator, root, trust
from tests.plugins.conftest import VaultServer
from tests.plugins.engine import Engine, Refused, engine_for

SECONDS = 3.0


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An emulated AWS in which what was just changed is not everywhere for three seconds."""
    running = Emulator(tmp_path_factory.mktemp("behind"))
    running.start("--eventual-consistency", str(SECONDS))
    yield running
    running.stop()


@pytest.fixture
def engine(behind: Emulator) -> Iterator[Engine]:
    keys = behind.keys()
    config = {
        "region": "us-east-1",
        "accessKey": keys["aws_access_key_id"],
        "secretKey": keys["aws_secret_access_key"],
        "endpoints": json.dumps([dict.fromkeys(("iam", "sts", "eks", "ec2"), behind.url)]),
    }
    with engine_for(AWS, config) as engine:
        yield engine


def document(action: str) -> str:
    return json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}
    )


ROLE = "aws:iam/role:Role"


@pytest.mark.parametrize("number", range(4))
def test_all_that_a_first_deployment_makes_is_there_when_it_is_made_and_gone_when_it_is_deleted(
    engine: Engine, behind: Emulator, number: int
) -> None:
    """One after the other and at once, as the engine does; each time other answers are old."""
    first = engine.create(ROLE, {"name": f"a-{number}", "assumeRolePolicy": trust(root(PRIMARY))})
    second = engine.create(
        ROLE, {"name": f"b-{number}", "assumeRolePolicy": trust({"AWS": first.values["arn"]})}
    )
    policy = engine.create(
        "aws:iam/policy:Policy", {"name": f"p-{number}", "policy": document("iam:GetRole")}
    )
    made = [first, second, policy]
    for token, inputs in (
        (
            "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
            {"role": second.values["name"], "policyArn": policy.values["arn"]},
        ),
        (
            "aws:iam/rolePolicy:RolePolicy",
            {"role": first.values["name"], "name": "own", "policy": document("iam:GetUser")},
        ),
        (
            "aws:iam/instanceProfile:InstanceProfile",
            {"name": f"i-{number}", "role": second.values["name"]},
        ),
        (
            "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
            {"url": f"https://issuer-{number}.example.com", "clientIdLists": ["sts.amazonaws.com"]},
        ),
        ("aws:iam/user:User", {"name": f"u-{number}"}),
    ):
        made.append(engine.create(token, inputs))
    changed = engine.update(first, {**first.inputs, "assumeRolePolicy": trust(root("222222222222"))})
    assert changed.values["uniqueId"] == first.values["uniqueId"]
    for each in reversed(made):
        engine.delete(each)
    time.sleep(SECONDS)
    iam = behind.client("iam")
    assert not {f"{kind}-{number}" for kind in "ab"} & {r["RoleName"] for r in iam.list_roles()["Roles"]}
    assert not [p for p in iam.list_policies(Scope="Local")["Policies"] if p["PolicyName"] == f"p-{number}"]
    assert iam.list_instance_profiles()["InstanceProfiles"] == []
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []
    assert [user["UserName"] for user in iam.list_users()["Users"]] == ["sandbox-admin"]


def refusal(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "CreateRole")


def refusing(*errors: ClientError) -> Callable[[], str]:
    """Refuses so often, and then does it."""
    left = list(errors)

    def call() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return call


NEW = (("MalformedPolicyDocument", "Invalid principal in policy"),)


def test_only_what_may_be_new_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.plugins.aws.client.time.sleep", lambda _: None)
    new = refusal("MalformedPolicyDocument", 'Invalid principal in policy: "AWS":"arn"')
    assert client.retried(refusing(new, new, new), NEW) == "done"
    for other in (
        refusal("MalformedPolicyDocument", "Syntax errors in policy."),
        refusal("AccessDenied", "Invalid principal in policy"),
        refusal("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048"),
    ):
        with pytest.raises(ClientError):
            client.retried(refusing(other), NEW)


def test_a_wrong_principal_is_refused_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_IAM_PATIENCE", "0")
    with pytest.raises(ClientError, match="Invalid principal"):
        client.retried(refusing(refusal("MalformedPolicyDocument", "Invalid principal in policy")), NEW)


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    pauses: list[float] = []
    monkeypatch.setattr("sandbox.plugins.vault.aws_auth.time.sleep", pauses.append)
    return pauses


def test_a_vault_role_is_written_sixty_times_in_half_a_minute(
    attempts: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SANDBOX_IAM_PATIENCE")

    def write() -> None:
        raise exceptions.InvalidRequest("unable to resolve ARN to internal ID: NoSuchEntity")

    with pytest.raises(exceptions.InvalidRequest):
        aws_auth._looked_up(write)
    assert (len(attempts), sum(attempts)) == (59, 29.5)


def test_what_waiting_does_not_change_is_refused_at_once(attempts: list[float]) -> None:
    def write() -> None:
        raise exceptions.InvalidRequest("bound_iam_principal_arn may not be an empty string")

    with pytest.raises(exceptions.InvalidRequest):
        aws_auth._looked_up(write)
    assert attempts == []


CLIENT = "vault:aws/authBackendClient:AuthBackendClient"
VAULT_ROLE = "vault:aws/authBackendRole:AuthBackendRole"


@pytest.fixture
def mounted(vault_server: VaultServer, behind: Emulator) -> Iterator[tuple[Engine, dict[str, Any]]]:
    """A mount whose Vault asks that AWS as a user who may not look up anything yet."""
    iam = behind.client("iam")
    iam.create_user(UserName="vault")
    key = iam.create_access_key(UserName="vault")["AccessKey"]
    time.sleep(SECONDS)
    with engine_for(VAULT, {"address": vault_server.address, "token": vault_server.token}) as engine:
        mount = engine.create("vault:index/authBackend:AuthBackend", {"type": "aws", "path": "behind"})
        sts = {"iamEndpoint": behind.url, "stsEndpoint": behind.url, "stsRegion": "us-east-1"}
        keys = {"accessKey": key["AccessKeyId"], "secretKey": key["SecretAccessKey"]}
        engine.create(CLIENT, {"backend": mount.id, **keys, **sts})
        yield engine, {"backend": mount.id, "role": "r"}
        engine.delete(mount)
    iam.delete_access_key(UserName="vault", AccessKeyId=key["AccessKeyId"])
    for name in iam.list_user_policies(UserName="vault")["PolicyNames"]:
        iam.delete_user_policy(UserName="vault", PolicyName=name)
    iam.delete_user(UserName="vault")


def test_a_vault_role_waits_for_its_principal_and_for_vaults_permission(
    mounted: tuple[Engine, dict[str, Any]], behind: Emulator
) -> None:
    engine, role = mounted
    iam = behind.client("iam")

    def catch_up() -> None:
        iam.create_role(RoleName="late", AssumeRolePolicyDocument=trust(root(PRIMARY)))
        iam.put_user_policy(UserName="vault", PolicyName="own", PolicyDocument=document("iam:GetRole"))

    later = threading.Timer(2, catch_up)
    later.start()
    arn = f"arn:aws:iam::{PRIMARY}:role/late"
    made = engine.create(VAULT_ROLE, {**role, "boundIamPrincipalArns": [arn]})
    later.join()
    assert made.values["boundIamPrincipalArns"] == [arn]
    # Written once more, as the stack does: it waits again, for another replica may be asked.
    engine.update(made, {**made.inputs, "tokenTtl": 900})
    iam.delete_role(RoleName="late")


def test_a_generic_endpoint_does_not_wait(
    mounted: tuple[Engine, dict[str, Any]],
) -> None:
    engine, role = mounted
    data = json.dumps({"auth_type": "iam", "bound_iam_principal_arn": f"arn:aws:iam::{PRIMARY}:role/none"})
    with pytest.raises(Refused, match=r"unable to resolve ARN|lacks iam:GetRole"):
        engine.create(
            "vault:generic/endpoint:Endpoint", {"path": f"auth/{role['backend']}/role/r", "dataJson": data}
        )
