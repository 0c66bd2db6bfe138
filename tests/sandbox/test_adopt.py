"""An estate that was made by hand comes under a stack, and no login fails on the way."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.emulator.world import allow, root, trust
from tests.sandbox.adopting import (
    STACK,
    logging_in,
    shows_no_change_but_those_that_were_named,
    takes_it_over,
)
from tests.sandbox.estate import ACCOUNT, EXTERNAL_ID, LEFT_ROLES, MOUNT, OTHER, Estate
from tests.sandbox.kit import ADVISORY, Sandbox

TO_MEND = (
    f"mend this before the first preview: vault-aws-auth:accounts.{OTHER}.externalId: is not an external ID; "
    "write 2 to 1224 letters, digits and _+=,.@:/-"
)
READS = ["iam:Get*", "iam:List*", "eks:List*", "eks:Describe*"]
VAULT_READS = "".join(
    f'path "{path}" {{ capabilities = ["read", "list"] }}\n'
    for path in (
        "sys/auth",
        f"sys/mounts/auth/{MOUNT}/tune",
        "sys/mounts",
        "sys/policies/acl",
        "sys/policies/acl/*",
        f"auth/{MOUNT}/config/*",
        f"auth/{MOUNT}/role",
        f"auth/{MOUNT}/role/*",
        "auth/aws/config/client",
        "cloud/aws/config/*",
        "cloud/aws/roles",
        "cloud/aws/roles/*",
        "cloud/aws/static-roles",
    )
)


class Reader:
    """Who may read what docs/adopting.md says, and nothing else."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._iam, self._far = sandbox.aws("iam"), sandbox.aws("iam", OTHER)

    def make(self) -> str:
        """Its variables."""
        self._iam.create_user(UserName="reader")
        own = allow([*READS, "sts:AssumeRole"])
        self._iam.put_user_policy(UserName="reader", PolicyName="reads", PolicyDocument=own)
        self._far.create_role(RoleName="reader", AssumeRolePolicyDocument=trust(root(ACCOUNT)))
        self._far.put_role_policy(RoleName="reader", PolicyName="reads", PolicyDocument=allow(READS))
        key = self._iam.create_access_key(UserName="reader")["AccessKey"]
        vault = self._sandbox.vault
        vault.sys.create_or_update_policy("reader", VAULT_READS)
        token = vault.auth.token.create(policies=["reader"])["auth"]["client_token"]
        variables = {
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
            "VAULT_TOKEN": token,
        }
        return " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())

    def remove(self) -> None:
        for key in self._iam.list_access_keys(UserName="reader")["AccessKeyMetadata"]:
            self._iam.delete_access_key(UserName="reader", AccessKeyId=key["AccessKeyId"])
        self._iam.delete_user_policy(UserName="reader", PolicyName="reads")
        self._iam.delete_user(UserName="reader")
        self._far.delete_role_policy(RoleName="reader", PolicyName="reads")
        self._far.delete_role(RoleName="reader")
        self._sandbox.vault.sys.delete_policy("reader")


@pytest.mark.timeout(900)
def test_an_estate_is_adopted_without_one_failed_login(leased: Sandbox, tmp_path: Path) -> None:
    sandbox, estate, reader = leased, Estate(leased), Reader(leased)
    estate.make()
    before, of_others = estate.seen(), estate.seen(mount=False)
    stack_file, project = tmp_path / "Pulumi.adopted.yaml", tmp_path / "project"
    project.mkdir()  # its policies/vault/ is written to
    with logging_in(estate.callers(), estate.log_in) as (failures, goes_on):
        found = sandbox.json(
            f"{reader.make()} vault-aws-auth adopt --json --project {project} --out {stack_file} "
            f"--mount {MOUNT} --use policies --role-arn arn:aws:iam::{OTHER}:role/reader"
        )
        reader.remove()
        assert found["unread"] == [{"about": "", "text": TO_MEND}]
        assert {it["about"] for it in found["left"]} == {
            *(f"auth/{MOUNT}/role/{name}" for name in LEFT_ROLES),
            *(f"sys/policies/acl/{name}" for name in ("not-there", "reader", "unused")),
            f"arn:aws:iam::{ACCOUNT}:policy/unused",
            "auth/aws",
            "cloud/aws/roles/admins",
            "estate",
        }
        assert EXTERNAL_ID not in stack_file.read_text()
        text = stack_file.read_text().replace("externalId: ''", f"externalId: {EXTERNAL_ID}")
        stack_file.write_text(text)
        takes_it_over(sandbox, stack_file, tmp_path)
        shows_no_change_but_those_that_were_named(
            sandbox, stack_file, found, {"Policy", "UserPolicyAttachment"}
        )
        sandbox.up("--stack", STACK, "--config", str(stack_file), *ADVISORY, "--no-logins")
        for policy in ("lookups", "assume"):  # the stack has granted what the logins need
            estate.iam.delete_user_policy(UserName="vault", PolicyName=policy)
        goes_on()
    assert failures == []
    assert estate.seen() == before
    answer = sandbox.run("down", "--keep")
    assert "The resources in the stack have been deleted" in answer.stdout, answer.stdout + answer.stderr
    assert estate.seen(mount=False) == of_others
    estate.unmake()
