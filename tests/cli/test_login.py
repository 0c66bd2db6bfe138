"""`login`: the chain from a workload to a token, and the one message when a link of it fails."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from cli.console import duration
from tests.cli.conftest import Run
from tests.cli.world import HEADER, World


def test_a_pod_sees_its_caller_identity_and_the_token_table(run: Run) -> None:
    done = run("login", "pod")
    assert done.exit_code == 0, done.stderr
    lines = [line.split(maxsplit=1) for line in done.stdout.splitlines() if line]
    assert ["Arn", "arn:aws:sts::111111111111:assumed-role/vault-auth/vault-aws-auth-pod"] in lines
    table = dict(line for line in lines if line[0].startswith(("token", "policies", "identity")))
    assert table == {
        "token": "hvs.CAES…",
        "token_accessor": "accessor-1",
        "token_duration": "768h",
        "token_renewable": "true",
        "token_policies": '["default" "dev"]',
        "identity_policies": "[]",
        "policies": '["default" "dev"]',
        "token_meta_account_id": "111111111111",
        "token_meta_auth_type": "iam",
        "token_meta_role_id": "role-1",
    }


def test_a_node_logs_in_with_its_instance_credentials(run: Run) -> None:
    done = run("login", "node", "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["caller"]["arn"].endswith("assumed-role/eks1-node/i-0123456789abcdef0")


def test_the_users_own_aws_profile_plays_no_part(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    for login in ("pod", "node"):
        done = run("login", login)
        assert done.exit_code == 0, done.stderr


def test_json_has_vaults_own_names_and_no_secret(run: Run, world: World) -> None:
    done = run("login", "pod", "--json")
    auth = json.loads(done.stdout)["auth"]
    assert (auth["client_token"], auth["lease_duration"], auth["metadata"]["auth_type"]) == (
        "hvs.CAES…",
        2764800,
        "iam",
    )
    for secret in [*world.tokens, "aws-secret", "aws-session", "kubernetes-secret"]:
        assert secret not in done.output


def test_the_token_is_shown_when_asked_for(run: Run, world: World) -> None:
    done = run("login", "pod", "--json", "--show-token")
    assert json.loads(done.stdout)["auth"]["client_token"] in world.tokens


def test_the_token_file_is_readable_by_its_owner_only(run: Run, world: World, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.touch(mode=0o644)
    done = run("login", "pod", "--token-file", str(path))
    assert done.exit_code == 0, done.stderr
    assert {path.read_text()} == world.tokens
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() not in done.output


@pytest.mark.parametrize("path", ["/dev/null", "no/such/folder/token"])
def test_no_token_is_made_that_has_nowhere_to_go(run: Run, world: World, path: str) -> None:
    done = run("login", "pod", "--token-file", path)
    assert done.exit_code == 2
    assert not world.tokens


@pytest.mark.parametrize(
    ("arguments", "link", "by", "code"),
    [
        (["--service-account", "default/absent"], "service-account token", "Kubernetes", "404"),
        (["--service-account", "kube-public/vault-auth"], "AWS identity", "AWS", "AccessDenied"),
        (["--vault-role", "absent"], "Vault login", "Vault", "no-role"),
        (["--vault-role", "dev-role-iam"], "Vault login", "Vault", "not-bound"),
        (["--header", ""], "Vault login", "Vault", "server-id-header"),
        (["--header", "other"], "Vault login", "Vault", "server-id-header"),
        (["--vault-address", "http://127.0.0.1:1"], "Vault login", None, "unreachable"),
    ],
)
def test_the_failed_link_is_named_with_who_refused_and_a_fix(
    run: Run, world: World, arguments: list[str], link: str, by: str | None, code: str
) -> None:
    world.accounts["kube-public/vault-auth"] = {"metadata": {"name": "vault-auth"}}
    done = run("login", "pod", *arguments, "--json")
    error = json.loads(done.stdout)["error"]
    assert (done.exit_code, error["link"], error["by"], error["code"]) == (1, link, by, code)
    assert error["reason"]
    assert error["hint"]


def test_a_trust_refusal_shows_what_the_token_says_and_whom_the_stack_lets_in(run: Run, world: World) -> None:
    world.accounts["kube-public/vault-auth"] = {"metadata": {"name": "vault-auth"}}
    done = run("login", "pod", "--service-account", "kube-public/vault-auth")
    assert done.stdout == ""
    assert "refused by AWS" in done.stderr
    assert "sub=system:serviceaccount:kube-public:vault-auth" in done.stderr
    assert "default/vault-auth with audience sts.amazonaws.com" in done.stderr


def test_an_unreachable_sts_is_not_a_refusal(run: Run, world: World) -> None:
    outputs = world.outputs()
    outputs["vault"]["stsEndpoint"] = "http://127.0.0.1:1"
    error = json.loads(run("login", "pod", "--json", outputs=outputs).stdout)["error"]
    assert (error["by"], error["code"]) == (None, "unreachable")


@pytest.mark.parametrize(
    ("status", "words", "code", "hint"),
    [
        (
            400,
            "error looking up full ARN of entity: AccessDenied: User: "
            "arn:aws:iam::111111111111:user/vault-auth is not authorized to perform: iam:GetRole",
            "lookup-denied",
            "arn:aws:iam::111111111111:user/vault-auth, lacks iam:GetRole",
        ),
        (
            400,
            "error looking up full ARN of entity &{aws 222222222222 assumed-role  app s}: error creating IAM "
            "client: InvalidClientTokenId: The security token included in the request is invalid.\n\tstatus "
            "code: 403",
            "lookup-credentials",
            "New ones take AWS a moment",
        ),
        (
            400,
            "IAM role ARN could not be fetched: InvalidClientTokenId: The security token included in the "
            "request is invalid.",
            "lookup-credentials",
            "New ones take AWS a moment",
        ),
        (
            400,
            "error looking up full ARN of entity: NoSuchEntity: The role with name app cannot be found.",
            "lookup-not-found",
            "takes a moment",
        ),
        (
            400,
            "failed to verify i-0 as a valid EC2 instance in region us-east-1: "
            "UnauthorizedOperation: You are not authorized to perform this operation.",
            "lookup-denied",
            "lacks ec2:DescribeInstances",
        ),
        (
            400,
            "failed to verify i-0 as a valid EC2 instance in region us-east-1: InvalidInstanceID.NotFound",
            "not-an-instance",
            "from the instance itself",
        ),
        (
            400,
            'error validating instance: IAM instance profile ARN "x" does not satisfy the constraint',
            "other-instance",
            "auth/aws/role/dev-role-iam2",
        ),
        (
            400,
            'unable to fetch client for account ID "222222222222" -- default client is for account "1"',
            "foreign-account",
            "auth/aws/config/sts/<account>",
        ),
        (
            400,
            "error making upstream request: received error code 403 from STS: "
            "<Code>SignatureDoesNotMatch</Code>",
            "sts-refused",
            "region",
        ),
        (
            400,
            "error making upstream request: error making request: dial tcp: connection refused",
            "sts-unreachable",
            "config/client",
        ),
        (
            400,
            "error making upstream request: body of GetCallerIdentity is invalid",
            "sts-unreachable",
            "something other than STS",
        ),
        (
            400,
            'IAM Principal "arn:aws:sts::222222222222:assumed-role/ci/x" does not belong to the role "dev"',
            "not-bound",
            "`vault write auth/aws/role/dev-role-iam2 bound_iam_principal_arn=…`",
        ),
        (400, "auth method iam not allowed for role x", "auth-type", "auth_type=ec2"),
        (403, "permission denied", "no-mount", "vault auth list"),
        (503, "Vault is sealed", "sealed", "unseal"),
        (500, "something new", "unknown", "log"),
    ],
)
def test_vaults_words_are_explained(
    run: Run, world: World, status: int, words: str, code: str, hint: str
) -> None:
    world.vault_error = (status, words)
    error = json.loads(run("login", "pod", "--json").stdout)["error"]
    assert (error["by"], error["reason"], error["code"]) == ("Vault", words, code)
    assert hint in error["hint"]


@pytest.mark.parametrize(
    ("disabled", "words"), [("false", "node group"), ("true", "AWS_EC2_METADATA_DISABLED is set")]
)
def test_off_an_instance_the_message_says_why_and_where_to_run_it(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch, disabled: str, words: str
) -> None:
    world.is_instance = False
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", disabled)
    done = run("login", "node")
    assert done.exit_code == 1
    assert words in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["login", "absent"],
        ["login", "pod", "absent"],
        ["login", "node", "--service-account", "default/vault-auth"],
        ["login", "pod", "--service-account", "vault-auth"],
        ["login", "pod", "--service-account", "default/*"],
        ["login", "pod", "--stack", "dev"],
        ["login", "pigeon"],
        ["login"],
        ["login", "pod", "--all"],
        ["login", "--all", "--service-account", "default/vault-auth"],
        ["login", "pod", "node", "--vault-role", "dev-role-iam"],
        ["login", "--all", "--token-file", "token"],
        ["verify", "pod", "absent"],
    ],
)
def test_what_cannot_be_done_is_a_usage_error_before_any_login(
    run: Run, world: World, arguments: list[str]
) -> None:
    outputs = world.outputs()
    outputs["logins"]["pigeon"] = {**outputs["logins"]["pod"], "kind": "carrier-pigeon"}
    assert run(*arguments, outputs=outputs).exit_code == 2
    assert not world.tokens


def test_all_logins_of_a_stack_without_any_is_a_usage_error(run: Run, world: World) -> None:
    assert run("login", "--all", outputs={**world.outputs(), "logins": {}}).exit_code == 2


def test_no_header_is_sent_when_the_stack_sets_none(run: Run, world: World) -> None:
    world.header = None
    assert run("login", "pod").exit_code == 0


def test_the_users_own_vault_token_is_not_used(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "root")  # the world refuses a login that brings a token
    assert run("login", "pod").exit_code == 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(2764800, "768h"), (900, "15m"), (3605, "1h0m5s"), (3660, "1h1m"), (59, "59s"), (0, "0s"), (61, "1m1s")],
)
def test_durations_read_as_vault_prints_them(seconds: int, text: str) -> None:
    assert duration(seconds) == text


def test_several_logins_are_one_table(run: Run) -> None:
    for arguments in (["--all"], ["node", "pod", "node"]):
        done = run("login", *arguments)
        assert done.exit_code == 0, done.output
        assert done.stdout.splitlines() == [
            f"  login  {'caller':<40}token           policies",
            f"✓ node   {'this EC2 instance':<40}hvs.CAES… 768h  default, dev",
            f"✓ pod    {'default/vault-auth':<40}hvs.CAES… 768h  default, dev",
        ]


def test_several_logins_as_json_are_one_object_by_name(run: Run, world: World) -> None:
    done = run("login", "--all", "--json")
    by_name = json.loads(done.stdout)
    assert list(by_name) == ["node", "pod"]
    assert by_name["pod"] == json.loads(run("login", "pod", "--json").stdout)
    for secret in [*world.tokens, "aws-secret", "aws-session", "kubernetes-secret"]:
        assert secret not in done.output


def test_all_of_a_stack_with_one_login_has_the_same_form(run: Run, world: World) -> None:
    outputs = world.outputs()
    del outputs["logins"]["node"]
    assert list(json.loads(run("login", "--all", "--json", outputs=outputs).stdout)) == ["pod"]


def test_a_login_that_fails_stops_no_other_and_is_named(run: Run, world: World) -> None:
    world.is_instance = False
    outputs = world.outputs()
    outputs["logins"]["pattern"] = {**outputs["logins"]["pod"], "serviceAccounts": ["apps/*"]}
    outputs["logins"]["wrong"] = {**outputs["logins"]["pod"], "serviceAccounts": ["apps/other"]}
    done = run("login", "--all", outputs=outputs)
    assert done.exit_code == 1
    rows = [line.split("  ")[0] for line in done.stdout.splitlines()[1:]]
    assert rows == ["– node", "– pattern", "✓ pod", "✗ wrong"]
    assert "name one with --service-account NAMESPACE" in done.stderr
    assert [line for line in done.stderr.splitlines() if line.startswith("these logins")] == [
        "these logins cannot be tried from here: node, pattern",
        "these logins failed: wrong",
    ]
    by_name = json.loads(run("login", "--all", "--json", outputs=outputs).stdout)
    assert by_name["pod"]["auth"]["policies"] == ["default", "dev"]
    assert {name: it["error"]["code"] for name, it in by_name.items() if "error" in it} == {
        "node": "no-instance",
        "pattern": "not-tried",
        "wrong": by_name["wrong"]["error"]["code"],
    }


def test_a_kubeconfigs_command_runs_once_for_all_logins(run: Run, world: World, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    token = {"apiVersion": "client.authentication.k8s.io/v1beta1", "kind": "ExecCredential"}
    outputs = world.outputs()
    outputs["kubeconfig"]["users"][0]["user"] = {
        "exec": {
            "apiVersion": token["apiVersion"],
            "command": "sh",
            "args": ["-c", f"echo x >> {ran}; echo '{json.dumps({**token, 'status': {'token': 't'}})}'"],
        }
    }
    outputs["logins"]["again"] = outputs["logins"]["pod"]
    assert run("login", "pod", "again", outputs=outputs).exit_code == 0
    assert ran.read_text() == "x\n"


def test_a_login_imports_neither_kubernetes_classes_nor_tables(world: World, tmp_path: Path) -> None:
    """These take longer to import than a login takes."""
    (tmp_path / "outputs").write_text(json.dumps(world.outputs()))
    code = (
        "import sys\nfrom cli.__main__ import app\n"
        f"app(['login', 'pod', '--outputs', {str(tmp_path / 'outputs')!r}], standalone_mode=False)\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "token_accessor" in done.stdout
    imported = set(done.stderr.split())
    assert {"kubernetes.client", "botocore.client", "hvac"} <= imported
    heavy = {"boto3", "rich", "jinja2", "hcl2", "kubernetes.client.api.core_v1_api"}
    assert heavy & imported == set()
    assert [name for name in imported if name.startswith("kubernetes.client.models.")] == []


def test_help_needs_none_of_the_clients() -> None:
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom cli.__main__ import app\n"
        "assert CliRunner().invoke(app, ['login', '--help']).exit_code == 0\n"
        "print({'boto3', 'botocore', 'hvac', 'kubernetes', 'requests'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_header_that_logs_in_is_the_stacks(run: Run) -> None:
    assert run("login", "pod", "--header", HEADER).exit_code == 0
