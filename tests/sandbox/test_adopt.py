"""An estate that was made by hand comes under a stack, and no login fails on the way."""

from __future__ import annotations

import json
import shlex
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sandbox import guardrails
from tests.emulator.world import allow, root, trust
from tests.sandbox.estate import ACCOUNT, EXTERNAL_ID, LEFT_ROLES, MOUNT, OTHER, Estate
from tests.sandbox.kit import ADVISORY, REPOSITORY, Sandbox

STACK = "adopted"
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


@contextmanager
def logging_in(estate: Estate) -> Iterator[tuple[list[str], Callable[[], None]]]:
    """All logins of the estate, in a loop: the failures, and a wait until each was tried once more."""
    failures: list[str] = []
    ended, again = threading.Event(), threading.Semaphore(0)
    callers = estate.callers()

    def goes_on() -> None:
        while again.acquire(blocking=False):
            pass
        for _ in range(2):  # the round that was begun, and a whole one
            assert again.acquire(timeout=60)

    def once() -> None:
        for role, credentials in callers.items():
            try:
                estate.log_in(role, credentials)
            except Exception as error:
                failures.append(f"{role}: {type(error).__name__}: {error}")

    def loop() -> None:
        while not ended.wait(0.2):
            once()
            again.release()

    once()
    assert failures == []
    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield failures, goes_on
    finally:
        ended.set()
        thread.join()


@pytest.mark.timeout(900)
def test_an_estate_is_adopted_without_one_failed_login(leased: Sandbox, tmp_path: Path) -> None:
    sandbox, estate, reader = leased, Estate(leased), Reader(leased)
    estate.make()
    before, of_others = estate.seen(), estate.seen(mount=False)
    stack_file, project = tmp_path / "Pulumi.adopted.yaml", tmp_path / "project"
    project.mkdir()  # its policies/vault/ is written to
    with logging_in(estate) as (failures, goes_on):
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
        refused = sandbox.run("preview", "--stack", STACK, "--config", str(stack_file), *ADVISORY)
        assert "names are taken already" in refused.stdout + refused.stderr
        takes_it_over(sandbox, tmp_path)
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


def takes_it_over(sandbox: Sandbox, folder: Path) -> None:
    config, adopt = sandbox.home / "pulumi" / "project" / f"Pulumi.{STACK}.yaml", folder / "adopt.json"
    rules = guardrails.variables(guardrails.options(Path(ADVISORY[1])))
    variables = " ".join(f"{name}={shlex.quote(value)}" for name, value in rules.items())
    stack = f"--stack {STACK} --config-file {config}"
    answer = sandbox.shell(f"{variables} python -m stack import-file {stack} --output {adopt}")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert adopt.stat().st_mode & 0o077 == 0
    assert "<PLACEHOLDER>" not in adopt.read_text()
    words = "--generate-code=false --protect=false --yes --skip-preview"
    for _ in range(2):  # a second time there is nothing left to do
        answer = sandbox.shell(f"pulumi import --file {adopt} {words} -C {REPOSITORY} {stack}")
        assert answer.returncode == 0, answer.stdout + answer.stderr


DEFAULTS = {"tokenType", "identityTokenKey", "allowOverwrite", "forceDestroy", "forceDetachPolicies"}
NAMED = {
    "AuthBackend": {"description": "description"},
    "AuthBackendConfigIdentity": {"iamMetadatas": "iam_metadata"},
    "Role": {"description": "description", "tags": "tags", "tagsAll": "tags", "assumeRolePolicy": "trust"},
    "User": {"tags": "tags", "tagsAll": "tags"},
    "SecretBackendRole": {"defaultStsTtl": "default_sts_ttl"},
    "AuthBackendRole": {
        "tokenTtl": "token_ttl",
        "tokenMaxTtl": "token_max_ttl",
        "tokenExplicitMaxTtl": "token_explicit_max_ttl",
        "boundIamRoleArns": "binds",
        "boundIamPrincipalArns": "binds",
    },
}
"""By type: the word by which the list names a change of a property."""


def about(kind: str, inputs: dict[str, Any]) -> str:
    """What the list calls a resource."""
    return {
        "AuthBackend": lambda it: f"auth/{it['path']}",
        "AuthBackendConfigIdentity": lambda it: f"auth/{it['backend']}/config/identity",
        "AuthBackendRole": lambda it: f"auth/{it['backend']}/role/{it['role']}",
        "SecretBackendRole": lambda it: f"{it['backend']}/roles/{it['name']}",
        "Role": lambda it: f"arn:aws:iam::{ACCOUNT}:role{it.get('path', '/')}{it['name']}",
        "User": lambda it: f"arn:aws:iam::{ACCOUNT}:user/{it['name']}",
    }[kind](inputs)  # fmt: skip


def shows_no_change_but_those_that_were_named(
    sandbox: Sandbox, stack_file: Path, found: dict[str, Any], made: set[str]
) -> None:
    answer = sandbox.run("preview", "--json", "--stack", STACK, "--config", str(stack_file), *ADVISORY)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    created = set()
    for step in json.loads(answer.stdout)["steps"]:
        kind = step["urn"].split("::")[2].rpartition(":")[2]
        assert step["op"] in ("same", "update", "create"), step
        if step["op"] == "update":
            properties = {
                it.partition("[")[0] for it in [*(step["detailedDiff"] or {}), *step["diffReasons"]]
            }
            for each in properties - DEFAULTS:
                assert each in NAMED.get(kind, {}), (step["urn"], each)
                which, word = about(kind, step["newState"]["inputs"]), NAMED[kind][each]
                said = [it["text"] for it in found["changes"] if it["about"] == which]
                assert any(word in text for text in said), (step["urn"], each, said)
        elif step["op"] == "create" and step["newState"]["custom"] and "::pulumi:prov" not in step["urn"]:
            created.add(kind)
    assert created == made
