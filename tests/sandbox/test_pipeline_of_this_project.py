"""This project's environments in the pipeline: their settings are checked first, and their logins proved."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.environments import (
    ENVIRONMENTS,
    POLICY,
    Environments,
    config_of_this_project,
    make_what_is_there_already,
)
from tests.sandbox.kit import REPOSITORY, Sandbox


@pytest.fixture
def environments(another_sandbox: Sandbox, tmp_path: Path) -> Iterator[Environments]:
    """Three environments that were never brought up. The sandbox goes with them."""
    try:
        another_sandbox.start()
        make_what_is_there_already(another_sandbox)
        made = Environments(another_sandbox, REPOSITORY, tmp_path / "stacks")
        made.prepare(config_of_this_project)
        yield made
    finally:
        another_sandbox.run("down", "--force")


def vault_role(environments: Environments, name: str) -> dict[str, Any]:
    """The Vault role of an environment's login, empty where there is none."""
    answer = environments.sandbox.vault.read(f"auth/aws-{name}/role/api")
    return dict(answer["data"]) if answer else {}


def add_login(environments: Environments, name: str, login: str, **settings: Any) -> None:
    config = environments.config(name)
    config["vault-aws-auth:logins"][login] = {
        "kind": "service-account",
        "serviceAccounts": [f"{name}/{login}"],
        "policies": [POLICY],
        "iamRoleName": f"{name}-{login}",
        **settings,
    }
    environments.write(name, config)


@pytest.mark.timeout(900)
@pytest.mark.xdist_group("pipeline of this project")
def test_a_promotion_stops_where_settings_are_refused_or_a_login_does_not_work(
    environments: Environments, subtests: pytest.Subtests
) -> None:
    staging = environments.stack_file("staging").read_text()

    with subtests.test("settings that are refused stop it before anything is changed"):
        add_login(environments, "staging", "worker", policies=["no-such-policy"])
        status, result, printed = environments.promote()
        assert status == 1
        assert (result["dev"]["step"], result["dev"]["ok"]) == ("verify", True)
        assert "api-vault-role" in [each["name"] for each in result["dev"]["report"]["changes"]]
        assert (result["staging"]["step"], result["staging"]["touched"]) == ("preview", False)
        reason = 'logins.worker.policies[0]: "no-such-policy" is not a Vault policy'
        assert reason in result["staging"]["reason"]
        assert (result["prod"]["step"], result["prod"]["touched"]) == ("none", False)
        assert result["prod"]["reason"] == "not touched, as staging failed"
        assert [bool(vault_role(environments, name)) for name in ENVIRONMENTS] == [True, False, False]
        assert "Traceback" not in printed

    with subtests.test("what Pulumi calls a success is not one yet: a login must work"):
        # No chart has made this service account.
        environments.stack_file("staging").write_text(staging)
        add_login(environments, "staging", "late", serviceAccountMode="none")
        status, result, printed = environments.promote("staging", "prod")
        assert status == 1
        assert (result["staging"]["step"], result["staging"]["ok"]) == ("verify", False), printed
        assert "a login does not work" in result["staging"]["reason"]
        assert "service account staging/late" in printed
        assert result["prod"]["step"] == "none"
        assert not vault_role(environments, "prod")

    with subtests.test("fixed, all environments are proved, and each is its own"):
        environments.stack_file("staging").write_text(staging)
        status, result, _ = environments.promote("staging", "prod")
        assert status == 0
        assert [each["step"] for each in result.values()] == ["verify", "verify"]
        for name in ENVIRONMENTS:
            bound = vault_role(environments, name)["bound_iam_principal_arn"]
            assert bound == [f"arn:aws:iam::111111111111:role/{name}-api"]
            client = environments.sandbox.vault.read(f"auth/aws-{name}/config/client")["data"]
            assert client["iam_server_id_header_value"] == f"{name}.vault.example.com"
