"""Vault's own AWS identity changes on a live stack, and nobody who logs in meanwhile is turned away."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.sandbox.callers import assume_with_token, log_in, session, trust
from tests.sandbox.kit import ADVISORY, Sandbox

POD_ROLE = "arn:aws:iam::111111111111:role/api"
APP_ROLE = "arn:aws:iam::111111111111:role/app-1"
OTHER_ROLE = "arn:aws:iam::222222222222:role/vault-secondary-app"
USER = {"kind": "user"}
POD_IDENTITY = {"kind": "role", "serviceAccount": "vault/vault", "method": "pod-identity"}
FEDERATION = {"kind": "federation"}
ISSUER = "https://vault-issuer.example.com"


ARNS = {
    "user": "arn:aws:iam::111111111111:user/vault-auth",
    "role": "arn:aws:iam::111111111111:role/vault-identity",
    "federation": "arn:aws:iam::111111111111:role/vault-identity-wif",
}


def stack_file(folder: Path, identity: dict[str, Any], before: dict[str, Any] | None = None) -> str:
    # What Vault was stays trusted in the other account until Vault is something else.
    other_account = {"trustedPrincipals": [ARNS[str(before["kind"])]]} if before else {}
    config = {
        "aws:region": "us-east-1",
        "vault-aws-auth:accountId": "111111111111",
        "vault-aws-auth:cluster": {"name": "eks1"},
        "vault-aws-auth:vault": {"serverIdHeader": "vault.example.com"},
        "vault-aws-auth:vaultIdentity": identity,
        "vault-aws-auth:accounts": {"222222222222": other_account},
        "vault-aws-auth:logins": {
            # Bound in full: Vault compares what it knows.
            "api": {"kind": "service-account", "serviceAccounts": ["default/api"], "policies": ["dev"]},
            # Bound by patterns: Vault looks the caller up at each login, with its own identity.
            "app": {
                "kind": "principal",
                "principals": ["arn:aws:iam::111111111111:role/app*"],
                "policies": ["dev"],
            },
            "other": {
                "kind": "principal",
                "principals": ["arn:aws:iam::222222222222:role/vault-secondary*"],
                "policies": ["dev"],
            },
        },
    }
    if identity == FEDERATION:
        config["vault-aws-auth:federation"] = {"issuer": ISSUER}
    path = folder / f"{identity['kind']}.yaml"
    path.write_text(yaml.safe_dump({"config": config}))
    return str(path)


def callers(sandbox: Sandbox) -> list[Callable[[], Any]]:
    """One login of each kind, with credentials that outlive the test."""
    pod = assume_with_token(sandbox, sandbox.token("api"), POD_ROLE)
    app = session(sandbox, APP_ROLE, "app")
    other = session(sandbox, OTHER_ROLE, "other")
    return [
        lambda: log_in(sandbox, pod, "api"),
        lambda: log_in(sandbox, app, "app"),
        lambda: log_in(sandbox, other, "other"),
    ]


def stands_for(sandbox: Sandbox) -> dict[str, Any]:
    """The identity that Vault's client config says, if IAM has what belongs to it and to no other."""
    client = sandbox.vault.read("auth/aws/config/client")["data"]
    said = USER if client["access_key"] else FEDERATION if client["role_arn"] else POD_IDENTITY
    made = {user["UserName"] for user in sandbox.aws("iam").list_users()["Users"]}
    made |= {role["RoleName"] for role in sandbox.aws("iam").list_roles()["Roles"]}
    names = {kind: arn.rpartition("/")[2] for kind, arn in ARNS.items()}
    assert made & set(names.values()) == {names[str(said["kind"])]}
    return said


@contextmanager
def logging_in_all_the_time(sandbox: Sandbox) -> Iterator[list[int]]:
    """Logins of every kind, one after the other without a pause; fails with the first that was refused."""
    attempts = callers(sandbox)
    done, count = threading.Event(), [0]
    refused: list[str] = []

    def work() -> None:
        while not done.is_set() and not refused:
            for number, attempt in enumerate(attempts):
                try:
                    attempt()
                    count[0] += 1
                except Exception as error:
                    refused.append(f"login {number} after {count[0]} logins: {error}")

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield count
    finally:
        done.set()
        thread.join()
    assert not refused, refused


@pytest.mark.timeout(900)  # four updates, while somebody logs in without a pause
@pytest.mark.parametrize(
    ("enterprise", "way"), [(False, [POD_IDENTITY, USER]), (True, [FEDERATION, POD_IDENTITY])]
)
def test_no_login_fails_while_vaults_identity_becomes_another_kind(
    another_sandbox: Sandbox, tmp_path: Path, enterprise: bool, way: list[dict[str, Any]]
) -> None:
    sandbox = another_sandbox
    if enterprise:
        sandbox.start_with_issuer(ISSUER)
    sandbox.up("--stack", "switch", "--no-logins", *ADVISORY, "--config", stack_file(tmp_path, USER))
    sandbox.aws("iam").create_role(RoleName="app-1", AssumeRolePolicyDocument=trust("111111111111"))
    assert stands_for(sandbox) == USER
    for was, identity in zip([USER, *way], way, strict=False):
        with logging_in_all_the_time(sandbox) as count:
            before = count[0]
            changed = stack_file(tmp_path, identity, was)
            sandbox.up("--stack", "switch", "--no-logins", *ADVISORY, "--config", changed)
            assert count[0] > before
        assert stands_for(sandbox) == identity
        for attempt in callers(sandbox):
            attempt()
        # Not with something that Vault kept: it looks up who is bound by a new Vault role.
        sandbox.vault.write(
            "auth/aws/role/probe", auth_type="iam", bound_iam_principal_arn=APP_ROLE, policies="default"
        )
        sandbox.vault.delete("auth/aws/role/probe")
    sandbox.aws("iam").delete_role(RoleName="app-1")
    assert sandbox.run("down").returncode == 0


def test_the_way_of_a_login_to_its_role_changes_with_one_word(
    another_sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox = another_sandbox
    path = Path(stack_file(tmp_path, USER))
    document = yaml.safe_load(path.read_text())
    del document["config"]["vault-aws-auth:accounts"]
    logins = document["config"]["vault-aws-auth:logins"]
    document["config"]["vault-aws-auth:logins"] = {"api": logins["api"]}
    ids = set()
    for word in ("irsa", "pod-identity", "irsa"):
        document["config"]["vault-aws-auth:logins"]["api"]["method"] = word
        path.write_text(yaml.safe_dump(document))
        printed = sandbox.up("--stack", "word", "--config", str(path))
        assert "Arn        arn:aws:sts::111111111111:assumed-role/api/" in printed
        ids.add(sandbox.aws("iam").get_role(RoleName="api")["Role"]["RoleId"])
        account: Any = sandbox.kubernetes.read_namespaced_service_account("api", "default")
        annotated = "eks.amazonaws.com/role-arn" in (account.metadata.annotations or {})
        assert annotated is (word == "irsa")
        associations = sandbox.aws("eks").list_pod_identity_associations(clusterName="eks1")["associations"]
        assert bool(associations) is (word == "pod-identity")
        with pytest.raises(Exception, match="AccessDenied" if word == "irsa" else "AccessDenied|not auth"):
            assume_with_token(sandbox, sandbox.token("default"), POD_ROLE)
    assert len(ids) == 1  # the same IAM role all the time: Vault need not learn another one
    assert sandbox.run("down").returncode == 0
