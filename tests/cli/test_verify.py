"""`verify`: logins work, other callers are refused as expected, and nothing is left behind."""

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import JSONFileLoader

from tests.cli.conftest import Run
from tests.cli.world import World


def results(output: str) -> dict[str, dict[str, Any]]:
    """The findings by login and caller, without the random name of the temporary service account."""
    found = {}
    for result in json.loads(output)["results"]:
        caller = "default/verify" if "default/verify-" in result["caller"] else result["caller"]
        found[f"{result['login']}: {caller.removeprefix('service account ')}"] = result
    return found


def limited(world: World, max_ttl: str) -> dict[str, Any]:
    """The outputs with this limit on the pod's tokens."""
    outputs = world.outputs()
    outputs["logins"]["pod"]["maxTtl"] = max_ttl
    return outputs


def test_every_login_and_every_refusal_is_as_expected(run: Run, world: World) -> None:
    done = run("verify", "--json")
    assert done.exit_code == 0, done.output
    assert {caller: (r["got"], r["refusedBy"]) for caller, r in results(done.stdout).items()} == {
        "node: this EC2 instance": ("a token (default, dev)", ""),
        "node: this EC2 instance, a token that outlives 768h": ("capped", "Vault"),
        "node: this EC2 instance, as Vault role dev-role-iam2": ("refused", "Vault"),
        "node: this EC2 instance, no server-id header": ("refused", "Vault"),
        "node: this EC2 instance, a wrong server-id header": ("refused", "Vault"),
        "node: no credentials": ("refused", "Vault"),
        "pod: default/vault-auth": ("a token (default, dev)", ""),
        "pod: default/vault-auth, a token that outlives 768h": ("capped", "Vault"),
        "pod: default/verify": ("refused", "AWS"),
        "pod: kube-public/vault-auth": ("refused", "AWS"),
        "pod: default/default": ("refused", "AWS"),
        "pod: default/vault-auth, token for another audience": ("refused", "AWS"),
        "pod: default/vault-auth, token with a tampered signature": ("refused", "AWS"),
        "pod: default/vault-auth, as Vault role dev-role-iam": ("refused", "Vault"),
        "pod: default/vault-auth, no server-id header": ("refused", "Vault"),
        "pod: default/vault-auth, a wrong server-id header": ("refused", "Vault"),
        "pod: no credentials": ("refused", "Vault"),
    }


def test_nothing_is_left_behind(run: Run, world: World) -> None:
    world.accounts["default/default"] = {"metadata": {"name": "default"}}
    assert run("verify").exit_code == 0
    assert sorted(world.accounts) == ["default/default", "default/vault-auth"], "and no other's is removed"
    assert len(world.removed) == 2
    assert not world.tokens


def test_what_is_known_of_aws_is_read_once(run: Run, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some of it is megabytes: by every client on its own, it was more than half of the work."""
    read: list[str] = []
    load_file = JSONFileLoader.load_file

    def noted(self: JSONFileLoader, path: str) -> Any:
        read.append(path)
        return load_file(self, path)

    monkeypatch.setattr(JSONFileLoader, "load_file", noted)
    assert run("verify").exit_code == 0
    assert any("/sts/" in path for path in read)
    assert len(read) == len(set(read))


def test_an_accepted_impostor_fails_it(run: Run, world: World) -> None:
    world.trusted = "*"
    done = run("verify", "pod", "--json")
    assert done.exit_code == 1
    accepted = {caller for caller, r in results(done.stdout).items() if r["got"] == "ACCEPTED"}
    assert accepted == {"pod: default/verify", "pod: kube-public/vault-auth", "pod: default/default"}


def test_an_open_vault_role_fails_it_and_its_token_is_revoked(run: Run, world: World) -> None:
    world.bound["dev-role-iam"] = "*"
    done = run("verify", "pod", "--json")
    assert done.exit_code == 1
    assert results(done.stdout)["pod: default/vault-auth, as Vault role dev-role-iam"]["got"] == "ACCEPTED"
    assert not world.tokens


def test_a_refusal_for_another_reason_proves_nothing(run: Run, world: World) -> None:
    del world.bound["dev-role-iam"]  # Vault refuses the pod there, but only because the role is gone
    done = run("verify", "pod", "--json")
    assert done.exit_code == 1
    result = results(done.stdout)["pod: default/vault-auth, as Vault role dev-role-iam"]
    assert (result["got"], result["refusedBy"], result["ok"]) == ("not proved", "Vault", False)


def test_a_missing_right_of_the_verifier_proves_nothing(run: Run, world: World) -> None:
    world.forbidden = {"create"}
    done = run("verify", "pod", "--json")
    assert done.exit_code == 1
    result = results(done.stdout)["pod: kube-public/vault-auth"]
    assert (result["got"], result["refusedBy"]) == ("not proved", "Kubernetes")


def test_a_service_account_that_cannot_be_removed_is_said(run: Run, world: World) -> None:
    world.forbidden = {"list"}
    done = run("verify", "pod")
    assert done.exit_code == 1
    assert "remove the temporary service account" in done.stdout


def test_refusals_are_not_tried_when_the_login_itself_fails(run: Run, world: World) -> None:
    world.trusted = "system:serviceaccount:other:other"
    done = run("verify", "pod", "--json")
    assert done.exit_code == 1
    (result,) = results(done.stdout).values()
    assert (result["got"], result["refusedBy"]) == ("refused", "AWS")


def test_off_a_node_its_login_is_not_tried_and_fails_nothing(run: Run, world: World) -> None:
    world.is_instance = False
    done = run("verify", "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert (document["ok"], document["notTried"]) == (True, 1)
    node = results(done.stdout)["node: this EC2 instance"]
    assert (node["got"], node["ok"]) == ("not tried", None)
    assert "instance metadata service" in node["reason"]
    assert run("login", "node").exit_code == 1


@pytest.mark.parametrize(
    ("policies", "of_identity", "max_ttl", "problem"),
    [
        (["default"], [], "768h", "the token lacks the policies dev"),
        (["default"], ["dev"], "768h", "the token lacks the policies dev"),
        (["admin", "default", "dev"], [], "768h", "policies that the login does not: admin"),
        (["default", "dev"], ["team-a"], "768h", ""),
        (["default", "dev"], [], "15m", "lives for 768h, the login's maxTtl is 15m"),
    ],
    ids=["lacks", "lacks, whatever its identity adds", "too many", "identity adds", "lives too long"],
)
def test_a_token_is_what_the_login_declares(
    run: Run, world: World, policies: list[str], of_identity: list[str], max_ttl: str, problem: str
) -> None:
    world.policies, world.identity_policies = policies, of_identity
    done = run("verify", "pod", "--no-refusals", "--json", outputs=limited(world, max_ttl))
    (result,) = results(done.stdout).values()
    assert (done.exit_code, result["ok"]) == ((1, False) if problem else (0, True))
    assert problem in result["reason"]
    assert ("pulumi up --refresh" in result["hint"]) == bool(problem)
    assert not world.tokens


@pytest.mark.parametrize(
    ("conditions", "got", "reason"),
    [
        ({"ttl": 900}, "ACCEPTED", "lives for 768h"),
        ({"period": 900}, "ACCEPTED", "for ever, by 15m each time"),
        ({"ttl": 900, "renewal_error": (403, "1 error:\n\t* permission denied\n\n")}, "capped", ""),
        ({"ttl": 900, "renewal_error": (400, "failed to verify instance ID")}, "not proved", "instance ID"),
    ],
    ids=["renewed beyond the limit", "renewed for ever", "may not renew itself", "renewal fails"],
)
def test_a_token_that_starts_within_its_limit_is_renewed_to_see_how_long_it_lives(
    run: Run, world: World, conditions: dict[str, Any], got: str, reason: str
) -> None:
    vars(world).update(conditions)
    done = run("verify", "pod", "--json", outputs=limited(world, "15m"))
    result = results(done.stdout)["pod: default/vault-auth, a token that outlives 15m"]
    assert (result["expected"], result["got"], result["ok"]) == ("capped at 15m", got, got == "capped")
    assert done.exit_code == (0 if got == "capped" else 1)
    assert reason in result["reason"]
    assert not world.tokens


def test_without_refusals_nothing_is_created(run: Run, world: World) -> None:
    done = run("verify", "--no-refusals", "--json")
    assert done.exit_code == 0
    assert len(results(done.stdout)) == 2
    assert not world.removed


def test_callers_that_a_login_lets_in_on_purpose_are_not_tried(run: Run, world: World) -> None:
    world.trusted = "*"
    outputs = world.outputs()
    outputs["logins"]["pod"]["serviceAccounts"] += ["default/*", "kube-public/vault-auth"]
    done = run("verify", "pod", "--json", outputs=outputs)
    assert done.exit_code == 1, "the same name in a third namespace is still an impostor"
    callers = {caller for caller, r in results(done.stdout).items() if r["got"] == "ACCEPTED"}
    assert callers == {"pod: kube-node-lease/vault-auth"}


def test_a_login_of_a_pattern_is_verified_as_the_service_account_that_is_named(
    run: Run, world: World
) -> None:
    world.accounts["apps/api"] = {"metadata": {"name": "api"}}
    world.trusted = "system:serviceaccount:apps:api"
    outputs = world.outputs()
    outputs["logins"]["pod"]["serviceAccounts"] = ["apps/*"]
    done = run("verify", "pod", outputs=outputs)
    assert done.exit_code == 0
    assert "not tried" in done.stdout
    assert "--service-account" in done.stdout
    assert run("verify", "pod", "--service-account", "apps/api", outputs=outputs).exit_code == 0


def test_vault_roles_that_admit_the_caller_on_purpose_are_not_tried(run: Run, world: World) -> None:
    world.bound["dev-role-iam"] = "*"
    outputs = world.outputs()
    outputs["logins"]["node"]["principals"] = ["arn:aws:iam::111111111111:role/vault-*"]
    assert run("verify", "pod", outputs=outputs).exit_code == 0


def test_the_table_has_a_row_per_attempt_and_breaks_no_line(run: Run) -> None:
    done = run("verify")
    rows = [line for line in done.stdout.splitlines() if line.startswith("✓")]
    assert len(rows) == 17
    assert "all 17 as expected" in done.stdout
    assert "\x1b[" not in done.stdout


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_an_interrupt_removes_what_was_created(
    world: World, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    reached, proceed = threading.Event(), threading.Event()

    def pause(account: str) -> None:
        if account == "kube-public/vault-auth":
            reached.set()
            proceed.wait(30)

    world.on_token = pause
    (tmp_path / "outputs").write_text(json.dumps(world.outputs()))
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", "verify", "pod", "--outputs", str(tmp_path / "outputs")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert reached.wait(60)
        assert "kube-public/vault-auth" in world.accounts
        process.send_signal(number)
        _, stderr = process.communicate(timeout=60)
    finally:
        proceed.set()
        process.kill()
    assert process.returncode == code, stderr
    assert sorted(world.accounts) == ["default/vault-auth"]
    assert "Traceback" not in stderr
