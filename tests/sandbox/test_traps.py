"""What users of Vault's AWS auth, of its providers and of EKS have tripped over, each by the issue's number.

Here are those that only a real Vault, a real engine or a real Kubernetes API can show. What the program alone
decides is in `tests/unit/test_traps.py`; what an example is about, in the example's own tests.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hvac
import pytest
import yaml
from botocore.exceptions import ClientError
from kubernetes import client as kubernetes

from tests.sandbox.callers import assume_with_token, log_in, session, trust
from tests.sandbox.kit import ADVISORY, REPOSITORY, Sandbox, commands_of
from tests.sandbox.lease import Pool

pytestmark = pytest.mark.xdist_group("traps")

IAM = "arn:aws:iam::111111111111"
APP, SECOND = f"{IAM}:role/team/app", f"{IAM}:role/second"
ANNOTATION = "eks.amazonaws.com/role-arn"
OTHERS = ("existing", "ci-1", "cd-1")
"""Service accounts that somebody else made."""

# Small, so that each change of it is quick: no nodes, and nothing that another account has to make.
STACK_FILE = """\
config:
  aws:region: us-east-1
  vault-aws-auth:accountId: "111111111111"
  vault-aws-auth:cluster: { name: eks1 }
  vault-aws-auth:vault: { serverIdHeader: vault.example.com }
  vault-aws-auth:vaultIdentity: { kind: user, accessKey: rotatable }
  vault-aws-auth:secretsEngine:
    kind: user
    roles:
      my-role:
        credentialType: iam_user
        policyArns: [arn:aws:iam::aws:policy/ReadOnlyAccess]
  vault-aws-auth:logins:
    pod:
      kind: service-account
      serviceAccounts: [default/api]
      policies: [dev]
    runners:
      kind: service-account
      serviceAccounts: [default/ci-*]
      serviceAccountMode: none
      allowWildcards: true
      policies: [dev]
    existing:
      kind: service-account
      serviceAccounts: [default/existing]
      serviceAccountMode: patch
      policies: [dev]
    people:
      kind: principal
      principals: [arn:aws:iam::111111111111:role/team/app, arn:aws:iam::111111111111:role/second]
      policies: [dev]
    machines:
      kind: principal
      principals: [arn:aws:iam::111111111111:role/second]
      policies: [dev]
    staff:
      kind: principal
      principals: [arn:aws:iam::111111111111:role/second]
      policies: [dev]
"""


@pytest.fixture(scope="module")
def traps(pool: Pool) -> Iterator[Sandbox]:
    """That stack, with what it expects to be there: two roles, and service accounts."""
    with pool.lease() as made:
        for name, path in (("app", "/team/"), ("second", "/")):
            made.aws("iam").create_role(
                RoleName=name, Path=path, AssumeRolePolicyDocument=trust("111111111111")
            )
        for name in OTHERS:
            account = kubernetes.V1ObjectMeta(name=name, annotations={"team": "payments"})
            made.kubernetes.create_namespaced_service_account(
                "default", kubernetes.V1ServiceAccount(metadata=account)
            )
        stack_file(made).write_text(STACK_FILE)
        made.up("--stack", "traps", "--config", str(stack_file(made)), "--no-logins", *ADVISORY)
        yield made
        leave_what_vault_makes_itself(made)


def leave_what_vault_makes_itself(sandbox: Sandbox) -> None:
    """The user of a living lease, and the key of a Vault that has rotated it: `down`, with which every lease
    ends, takes them along."""
    sandbox.vault.secrets.aws.generate_credentials("my-role")
    assert sandbox.shell("vault write -f auth/aws/config/rotate-root").returncode == 0
    iam = sandbox.aws("iam")
    names = [each["UserName"] for each in iam.list_users()["Users"]]
    assert [name for name in names if name.startswith("vault-token-my-role-")]
    for role in ("app", "second"):
        iam.delete_role(RoleName=role)
    for account in OTHERS:
        sandbox.kubernetes.delete_namespaced_service_account(account, "default")


def stack_file(sandbox: Sandbox) -> Path:
    return sandbox.home.parent / "Pulumi.traps.yaml"


_VARIABLE = "PULUMI_OPTION_POLICY_PACK"
ADVISED = f"{_VARIABLE}={REPOSITORY}/policies/guardrails {_VARIABLE}_CONFIG={ADVISORY[1]}"
"""As the sandbox brought the stack up: the guardrails warn only."""


def pulumi(sandbox: Sandbox, *words: str) -> tuple[int, str]:
    """The engine, by hand in the sandbox's shell: it reads the stack file as that is now."""
    answer = sandbox.shell(f"{ADVISED} pulumi {' '.join(words)} --stack traps --non-interactive")
    return answer.returncode, answer.stdout + answer.stderr


def up(sandbox: Sandbox, *words: str) -> str:
    status, said = pulumi(sandbox, "up --yes --skip-preview", *words)
    assert status == 0, said
    return said


@contextmanager
def changed(sandbox: Sandbox, change: Callable[[dict[str, Any]], None]) -> Iterator[None]:
    """The stack file is changed, and then as it was. The stack follows with the next `up`."""
    document = yaml.safe_load(STACK_FILE)
    change({key.removeprefix("vault-aws-auth:"): value for key, value in document["config"].items()})
    stack_file(sandbox).write_text(yaml.safe_dump(document))
    try:
        yield
    finally:
        stack_file(sandbox).write_text(STACK_FILE)


def vault_role(sandbox: Sandbox, name: str) -> dict[str, Any]:
    found: dict[str, Any] = sandbox.vault.read(f"auth/aws/role/{name}")["data"]
    return found


def role_id(sandbox: Sandbox, name: str) -> str:
    return str(sandbox.aws("iam").get_role(RoleName=name)["Role"]["RoleId"])


def role_logs_in(sandbox: Sandbox, arn: str, login: str = "people") -> dict[str, Any]:
    return log_in(sandbox, session(sandbox, arn, "test"), login)


def pod_logs_in(sandbox: Sandbox, account: str, login: str, audience: str = "sts.amazonaws.com") -> Any:
    token = sandbox.token(account, audience=audience)
    return log_in(sandbox, assume_with_token(sandbox, token, f"{IAM}:role/{login}"), login)


def annotations_of(sandbox: Sandbox, name: str) -> dict[str, str]:
    account: Any = sandbox.kubernetes.read_namespaced_service_account(name, "default")
    return dict(account.metadata.annotations or {})


def bounds(sandbox: Sandbox, name: str) -> dict[str, Any]:
    """What is bound, and to what."""
    return {
        key: value
        for key, value in vault_role(sandbox, name).items()
        if value and key.startswith(("bound_", "inferred_")) and key != "bound_iam_principal_id"
    }


# The stack as it was brought up


def test_preview_by_hand_sees_what_was_edited(traps: Sandbox) -> None:
    def shorter(config: dict[str, Any]) -> None:
        for name in ("pod", "people"):
            config["logins"][name]["maxTtl"] = "5h"

    with changed(traps, shorter):
        status, said = pulumi(traps, "preview --diff")
    assert status == 0, said
    # That of people is declared once more, as people-principal-ids.
    assert said.count("tokenMaxTtl: 3600 => 18000") == 3, said


def test_vault_2729_a_role_with_a_path_logs_in(traps: Sandbox) -> None:
    """hashicorp/vault 2729: Vault looks up the name alone, and the caller's ARN has no path. It goes by the
    unique ID: so the ARN in full is right."""
    bound = vault_role(traps, "people")
    assert bound["bound_iam_principal_arn"] == [APP, SECOND]
    assert bound["bound_iam_principal_id"] == [role_id(traps, "app"), role_id(traps, "second")]
    assert role_logs_in(traps, APP)["metadata"]["account_id"] == "111111111111"


def test_vault_2729_a_path_that_the_role_has_not_is_told_at_preview(traps: Sandbox) -> None:
    """Vault itself takes the one ARN for the other: the role is there, under that name."""
    arn = f"{IAM}:role/crew/app"
    traps.vault.write("auth/aws/role/probe", auth_type="iam", bound_iam_principal_arn=arn)
    assert vault_role(traps, "probe")["bound_iam_principal_id"] == [role_id(traps, "app")]
    traps.vault.delete("auth/aws/role/probe")

    def path(config: dict[str, Any]) -> None:
        config["logins"]["people"]["principals"] = [arn]

    with changed(traps, path):
        status, said = pulumi(traps, "preview")
    assert status != 0
    problem = f"{arn} is not its ARN; write it as IAM has it, with its path: {APP}"
    assert f"vault-aws-auth:logins.people.principals[0]: {problem}" in said


def test_terraform_aws_iam_200_424_486_a_wildcard_lets_in_what_it_covers_and_no_other_audience(
    traps: Sandbox,
) -> None:
    """terraform-aws-iam 200, 424, 486: names by pattern, but the audience never."""
    assert pod_logs_in(traps, "ci-1", "runners")["token_policies"] == ["default", "dev"]
    with pytest.raises(ClientError, match="AccessDenied"):
        pod_logs_in(traps, "cd-1", "runners")
    # The provider in IAM knows the audience: it is the role's own trust policy that refuses it.
    iam = traps.aws("iam")
    provider = str(traps.json("pulumi stack output cluster --stack traps --json")["oidcProviderArn"])
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=provider, ClientID="other")
    try:
        with pytest.raises(ClientError, match="AccessDenied"):
            pod_logs_in(traps, "ci-1", "runners", audience="other")
    finally:
        iam.remove_client_id_from_open_id_connect_provider(
            OpenIDConnectProviderArn=provider, ClientID="other"
        )


def test_eksctl_2665_7887_an_existing_service_account_is_annotated_and_stays_what_it_was(
    traps: Sandbox,
) -> None:
    """eksctl 2665, 7887: an existing service account was left without its annotation, or taken over."""
    assert annotations_of(traps, "existing") == {"team": "payments", ANNOTATION: f"{IAM}:role/existing"}
    pod_logs_in(traps, "existing", "existing")


@pytest.mark.parametrize(("account", "login"), [("existing", "existing"), ("api", "pod")])
def test_an_annotation_that_another_field_manager_has_taken_is_told_and_comes_back_as_the_page_says(
    traps: Sandbox, account: str, login: str
) -> None:
    """Both kinds of service account: one that the stack made, and one that it only annotates."""
    before = annotations_of(traps, account)
    taken = f"kubectl annotate --overwrite serviceaccount {account} {ANNOTATION}={IAM}:role/second"
    assert traps.shell(taken).returncode == 0
    status, said = pulumi(traps, "up --refresh --yes --skip-preview")
    assert status != 0
    assert re.search(rf'conflict with "kubectl-annotate".*{ANNOTATION}', said), said
    assert annotations_of(traps, account)[ANNOTATION] == f"{IAM}:role/second", "nothing is taken from others"
    for command in commands_of("operations.md", "A service account's annotation is another's"):
        command = command.replace("NAMESPACE", "default").replace("NAME", account)
        if command.startswith("pulumi"):
            command = f"{ADVISED} {command} --yes --skip-preview --stack traps --non-interactive"
        answer = traps.shell(command)
        assert answer.returncode == 0, answer.stdout + answer.stderr
    assert annotations_of(traps, account) == before
    pod_logs_in(traps, account, login)
    assert not re.search(r"\d+ (created|updated|replaced|deleted)", up(traps))


def resource_of(state: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = (each for each in state["resources"] if each["urn"].endswith(f"::{name}"))
    return dict(found)


def test_a_run_that_was_killed_continues_as_the_page_says(traps: Sandbox, tmp_path: Path) -> None:
    """It was creating three things: two of them are there."""
    folder = traps.home / "pulumi" / "state" / ".pulumi"
    file = folder / "stacks" / "vault-aws-auth" / "traps.json"
    checkpoint = json.loads(file.read_text())
    state = checkpoint["checkpoint"]["latest"]
    names = ("pod-vault-role", "cluster-default.api-service-account", "machines-vault-role")
    begun = [resource_of(state, name) for name in names]
    gone = {each["urn"] for each in begun}
    gone |= {each["urn"] for each in state["resources"] if gone & {*(each.get("dependencies") or ())}}
    state["resources"] = [each for each in state["resources"] if each["urn"] not in gone]
    created = [{key: each[key] for key in each if key not in ("id", "outputs")} for each in begun]
    state["pending_operations"] = [{"type": "creating", "resource": each} for each in created]
    file.write_text(json.dumps(checkpoint))
    traps.vault.delete("auth/aws/role/machines")
    lock = folder / "locks" / "organization" / "vault-aws-auth" / "traps" / "of-the-killed.json"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text(
        '{"pid": 999999, "username": "ci", "hostname": "runner", "timestamp": "2026-11-27T00:00:00Z"}'
    )
    status, said = pulumi(traps, "up --yes --skip-preview")
    assert status != 0
    assert "the stack is currently locked by 1 lock(s)" in said

    there = [f"--exists '{each['urn']}={each['id']}'" for each in begun[:2]]
    for command in commands_of("operations.md", "A run that was killed"):
        command = command.replace("--exists 'URN=ID'", " ".join(there)).replace(" --yes", "")
        command = re.sub(r"(killed|mended)\.json", rf"{tmp_path}/\g<0>", command)
        if command.startswith("pulumi"):
            command = f"{ADVISED} {command} --stack traps --non-interactive"
            command += (
                " --yes" if "cancel" in command else " --yes --skip-preview" if " up" in command else ""
            )
        answer = traps.shell(command)
        assert answer.returncode == 0, f"{command}\n{answer.stdout}{answer.stderr}"
        if command.endswith("killed.json"):
            assert all(each["urn"] in answer.stdout for each in begun)
    assert not re.search(r"\d+ (created|updated|replaced|deleted)", up(traps))
    after = json.loads(traps.shell("pulumi stack export --stack traps").stdout)["deployment"]
    assert not after.get("pending_operations")
    assert [resource_of(after, name)["id"] for name in names] == [each["id"] for each in begun]
    pod_logs_in(traps, "api", "pod")
    role_logs_in(traps, SECOND, "machines")


# The stack after one change of several logins


class TestChanged:
    """In one `up`, as each takes a while; and afterwards everything is as it was."""

    @pytest.fixture(scope="class", autouse=True)
    @staticmethod
    def moved(traps: Sandbox) -> Iterator[None]:
        assert bounds(traps, "machines") == {"bound_iam_principal_arn": [SECOND]}
        for login in ("people", "machines", "staff"):
            role_logs_in(traps, SECOND, login)
        of_pod = role_id(traps, "pod")

        def change(config: dict[str, Any]) -> None:
            logins = config["logins"]
            logins["people"]["principals"].remove(SECOND)
            logins["machines"] = {"kind": "ec2-instance", "roleArns": [SECOND], "policies": ["dev"]}
            logins["staff"]["vaultRole"] = "team"
            logins["pod"]["vaultRole"] = "api"
            del logins["existing"]

        with changed(traps, change):
            up(traps)
            yield
        up(traps)
        assert role_id(traps, "pod") == of_pod
        assert bounds(traps, "machines") == {"bound_iam_principal_arn": [SECOND]}
        for login in ("people", "machines", "staff"):
            role_logs_in(traps, SECOND, login)
        pod_logs_in(traps, "existing", "existing")
        pod_logs_in(traps, "api", "pod")
        assert not {"team", "api"} & {*traps.vault.list("auth/aws/role")["data"]["keys"]}

    def test_terraform_provider_vault_1773_2323_a_bound_taken_out_of_a_login_is_gone_in_vault(
        self, traps: Sandbox
    ) -> None:
        """terraform-provider-vault 1773, 2323: what is not declared any more stays in Vault."""
        left = vault_role(traps, "people")
        assert left["bound_iam_principal_arn"] == [APP]
        assert left["bound_iam_principal_id"] == [role_id(traps, "app")]
        role_logs_in(traps, APP)
        with pytest.raises(hvac.exceptions.VaultError, match="does not belong to the role"):
            role_logs_in(traps, SECOND)

    def test_terraform_provider_vault_1773_2323_a_login_of_another_kind_has_the_new_bounds_alone(
        self, traps: Sandbox
    ) -> None:
        """The Vault role keeps its name, and is not lost when the login that was there goes."""
        assert bounds(traps, "machines") == {
            "bound_account_id": ["111111111111"],
            "bound_iam_instance_profile_arn": [f"{IAM}:instance-profile/eks-*"],
            "bound_iam_principal_arn": [SECOND],
            "bound_iam_role_arn": [SECOND],
            "inferred_aws_region": "us-east-1",
            "inferred_entity_type": "ec2_instance",
        }
        with pytest.raises(hvac.exceptions.VaultError):
            role_logs_in(traps, SECOND, "machines")

    def test_a_login_of_principals_moves_to_another_vault_role(self, traps: Sandbox) -> None:
        role_logs_in(traps, SECOND, "team")
        assert "staff" not in traps.vault.list("auth/aws/role")["data"]["keys"]

    def test_a_login_of_service_accounts_moves_to_another_vault_role(self, traps: Sandbox) -> None:
        """Its IAM role and its service account are what they were: both can exist only once."""
        assert annotations_of(traps, "api") == {ANNOTATION: f"{IAM}:role/pod"}
        credentials = assume_with_token(traps, traps.token("api"), f"{IAM}:role/pod")
        log_in(traps, credentials, "api")
        with pytest.raises(hvac.exceptions.VaultError):
            log_in(traps, credentials, "pod")

    def test_eksctl_2665_7887_the_annotation_goes_with_the_login_and_the_service_account_stays(
        self, traps: Sandbox
    ) -> None:
        assert annotations_of(traps, "existing") == {"team": "payments"}


# Vault's own access key


def key_of_vault(sandbox: Sandbox, beside: str = "") -> str:
    """The access key that Vault says it has; and IAM knows no other of its user."""
    found = str(sandbox.vault.read("auth/aws/config/client")["data"]["access_key"])
    keys = sandbox.aws("iam").list_access_keys(UserName="vault-auth")["AccessKeyMetadata"]
    assert {key["AccessKeyId"] for key in keys} - {beside} == {found}
    return found


def vault_can_look_up(sandbox: Sandbox) -> None:
    """Vault asks AWS for the role with that key."""
    sandbox.vault.write("auth/aws/role/probe", auth_type="iam", bound_iam_principal_arn=SECOND)
    sandbox.vault.delete("auth/aws/role/probe")


def test_terraform_provider_vault_1684_a_key_that_vault_has_rotated_is_left_alone(traps: Sandbox) -> None:
    """terraform-provider-vault 1684: the next run wrote the old key, which does not exist any more."""
    before = key_of_vault(traps)
    answer = traps.shell("vault write -f auth/aws/config/rotate-root")
    assert answer.returncode == 0, answer.stderr
    rotated = key_of_vault(traps)
    assert rotated != before

    def by_vault(config: dict[str, Any]) -> None:
        config["vaultIdentity"]["accessKey"] = "rotated"

    with changed(traps, by_vault):
        for words in ((), ("--refresh",)):
            up(traps, *words)
            assert key_of_vault(traps) == rotated
            vault_can_look_up(traps)
            pod_logs_in(traps, "api", "pod")
    # Back again: the stack has a key of its own; the one that Vault made is not the stack's to delete.
    up(traps)
    assert key_of_vault(traps, beside=rotated) != rotated
    traps.aws("iam").delete_access_key(UserName="vault-auth", AccessKeyId=rotated)
    vault_can_look_up(traps)


def test_terraform_provider_vault_2439_a_new_access_key_is_never_missed(traps: Sandbox) -> None:
    """terraform-provider-vault 2439: Vault is given a new key when that may be used, and before the old one
    is deleted."""
    before = key_of_vault(traps)
    state = json.loads(traps.shell("pulumi stack export --stack traps").stdout)
    (urn,) = (
        resource["urn"]
        for resource in state["deployment"]["resources"]
        if resource["urn"].endswith("::vault-identity-access-key")
    )
    up(traps, f"--replace '{urn}'")
    assert key_of_vault(traps) != before
    vault_can_look_up(traps)
    role_logs_in(traps, APP)
