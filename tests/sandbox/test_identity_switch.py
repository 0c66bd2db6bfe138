"""Vault's own AWS identity changes on a live stack, and every login in the meantime works."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.sandbox.callers import assume_with_token, log_in, session, trust
from tests.sandbox.grants import actions
from tests.sandbox.kit import ADVISORY, Sandbox
from tests.sandbox.lease import Pool

POD_ROLE = "arn:aws:iam::111111111111:role/api"
APP_ROLE = "arn:aws:iam::111111111111:role/app-1"
OTHER_ROLE = "arn:aws:iam::222222222222:role/vault-secondary-app"
USER = {"kind": "user"}
POD_IDENTITY = {"kind": "role", "serviceAccount": "vault/vault", "method": "pod-identity"}
FEDERATION = {"kind": "federation"}
EXISTING_ARN = "arn:aws:iam::111111111111:role/vault-of-others"
EXISTING = {"kind": "existing", "roleArn": EXISTING_ARN, "taggedSessions": True}
EXISTING_POLICY_ARN = "arn:aws:iam::111111111111:policy/vault-of-others-vault-auth-policy"
ISSUER = "https://vault-issuer.example.com"

PAUSE = 0.2
"""Seconds between two rounds of logins: without any, they would take as long as what they watch."""

STACK = ("--stack", "switch", "--no-logins", *ADVISORY, "--config")

# The identities that the stack makes.
ARNS = {
    "user": "arn:aws:iam::111111111111:user/vault-auth",
    "role": "arn:aws:iam::111111111111:role/vault-identity",
    "federation": "arn:aws:iam::111111111111:role/vault-identity-wif",
}

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
        }
    ],
}
"""Of the role of somebody else."""


def arn_of(identity: dict[str, Any]) -> str:
    return ARNS.get(identity["kind"], EXISTING_ARN)


def stack_file(folder: Path, identity: dict[str, Any], before: dict[str, Any] | None = None) -> str:
    # What Vault was stays trusted in the other account until Vault is something else.
    other_account = {"trustedPrincipals": [arn_of(before)]} if before else {}
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


def assert_vault_is(sandbox: Sandbox, identity: dict[str, Any]) -> None:
    """By Vault's client config; and IAM has what belongs to this identity and to no other."""
    client = sandbox.vault.read("auth/aws/config/client")["data"]
    assert bool(client["access_key"]) is (identity == USER)
    assert bool(client["role_arn"]) is (identity == FEDERATION)
    made = {user["UserName"] for user in sandbox.aws("iam").list_users()["Users"]}
    made |= {role["RoleName"] for role in sandbox.aws("iam").list_roles()["Roles"]}
    names = {kind: arn.rpartition("/")[2] for kind, arn in ARNS.items()}
    wanted = {names[identity["kind"]]} if identity["kind"] in names else set()
    assert made & set(names.values()) == wanted


@contextmanager
def logging_in_all_the_time(sandbox: Sandbox) -> Iterator[list[int]]:
    """Logins of every kind, one after the other, all the time; fails with the first that was refused."""
    attempts = callers(sandbox)
    done, count = threading.Event(), [0]
    refused: list[str] = []

    def work() -> None:
        while not done.wait(PAUSE) and not refused:
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


class Switching:
    """The stack, whose identity changes while workloads log in all the time."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox, self.folder = sandbox, folder
        self.was = USER
        sandbox.up(*STACK, stack_file(folder, USER))
        sandbox.aws("iam").create_role(RoleName="app-1", AssumeRolePolicyDocument=trust("111111111111"))
        assert_vault_is(sandbox, USER)

    def to(self, identity: dict[str, Any]) -> None:
        sandbox = self.sandbox
        with logging_in_all_the_time(sandbox) as count:
            before = count[0]
            sandbox.up(*STACK, stack_file(self.folder, identity, self.was))
            assert count[0] > before
        self.was = identity
        assert_vault_is(sandbox, identity)
        for attempt in callers(sandbox):
            attempt()
        # Not with something that Vault kept: it looks up who is bound by a new Vault role.
        sandbox.vault.write(
            "auth/aws/role/probe", auth_type="iam", bound_iam_principal_arn=APP_ROLE, policies="default"
        )
        sandbox.vault.delete("auth/aws/role/probe")

    def end(self) -> None:
        self.sandbox.aws("iam").delete_role(RoleName="app-1")


@contextmanager
def role_of_others(sandbox: Sandbox) -> Iterator[None]:
    """A role that its owner has given to the pod of Vault, by hand."""
    iam, eks = sandbox.aws("iam"), sandbox.aws("eks")
    iam.create_role(RoleName="vault-of-others", AssumeRolePolicyDocument=json.dumps(TRUST))
    eks.create_addon(clusterName="eks1", addonName="eks-pod-identity-agent")
    made = eks.create_pod_identity_association(
        clusterName="eks1", namespace="vault", serviceAccount="vault", roleArn=EXISTING_ARN
    )
    yield
    # What the stack has not made stayed as it was, with another identity, too.
    assert iam.get_role(RoleName="vault-of-others")
    assert iam.list_attached_role_policies(RoleName="vault-of-others")["AttachedPolicies"] == []
    eks.delete_pod_identity_association(
        clusterName="eks1", associationId=made["association"]["associationId"]
    )
    eks.delete_addon(clusterName="eks1", addonName="eks-pod-identity-agent")
    iam.delete_role(RoleName="vault-of-others")


@pytest.mark.timeout(900)
@pytest.mark.xdist_group("vault's identity")
def test_no_login_fails_while_vaults_identity_becomes_another_kind(leased: Sandbox, tmp_path: Path) -> None:
    switching = Switching(leased, tmp_path)
    with role_of_others(leased):
        switching.to(EXISTING)
        granted = {"iam:GetRole", "sts:AssumeRole", "sts:TagSession"}
        assert actions(leased, EXISTING_POLICY_ARN) == granted
        switching.to(USER)
    switching.to(POD_IDENTITY)
    switching.to(USER)
    switching.end()


@pytest.mark.timeout(900)
@pytest.mark.xdist_group("enterprise")
def test_no_login_fails_while_vault_enterprise_becomes_federated_and_a_pod(
    enterprise_pool: Pool, tmp_path: Path
) -> None:
    with enterprise_pool.lease() as sandbox:
        sandbox.start_with_issuer(ISSUER)
        switching = Switching(sandbox, tmp_path)
        switching.to(FEDERATION)
        switching.to(POD_IDENTITY)
        switching.end()


def test_the_way_of_a_login_to_its_role_changes_with_one_word(leased: Sandbox, tmp_path: Path) -> None:
    sandbox = leased
    path = Path(stack_file(tmp_path, USER))
    document = yaml.safe_load(path.read_text())
    del document["config"]["vault-aws-auth:accounts"]
    logins = document["config"]["vault-aws-auth:logins"]
    document["config"]["vault-aws-auth:logins"] = {"api": logins["api"]}
    ids = set()
    for word in ("irsa", "pod-identity", "irsa"):
        document["config"]["vault-aws-auth:logins"]["api"]["method"] = word
        path.write_text(yaml.safe_dump(document))
        sandbox.up("--stack", "word", "--config", str(path))
        assert sandbox.caller_of("api", "word").startswith("arn:aws:sts::111111111111:assumed-role/api/")
        ids.add(sandbox.aws("iam").get_role(RoleName="api")["Role"]["RoleId"])
        account: Any = sandbox.kubernetes.read_namespaced_service_account("api", "default")
        annotated = "eks.amazonaws.com/role-arn" in (account.metadata.annotations or {})
        assert annotated is (word == "irsa")
        associations = sandbox.aws("eks").list_pod_identity_associations(clusterName="eks1")["associations"]
        assert bool(associations) is (word == "pod-identity")
        with pytest.raises(Exception, match="AccessDenied" if word == "irsa" else "AccessDenied|not auth"):
            assume_with_token(sandbox, sandbox.token("default"), POD_ROLE)
    assert len(ids) == 1  # the same IAM role all the time: Vault need not learn another one
