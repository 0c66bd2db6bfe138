"""What a plugin was creating when it was killed, or got no answer, is known to the next run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import urllib3
from botocore.exceptions import ClientError, ConnectionClosedError
from hvac import exceptions as vault_exceptions
from kubernetes.client.exceptions import ApiException

from sandbox import interrupted
from sandbox.home import REPOSITORY, Home
from sandbox.plugins.aws import PLUGIN as AWS
from sandbox.plugins.kubernetes import PLUGIN as KUBERNETES
from sandbox.plugins.vault import PLUGIN as VAULT

URN = "urn:pulumi:dev::vault-aws-auth::aws:iam/role:Role::api"
OTHER = "urn:pulumi:dev-2::vault-aws-auth::aws:iam/role:Role::api"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("SANDBOX_HOME", str(tmp_path / "sandbox"))
    made = Home.from_environment()
    made.create()
    return made


def test_what_has_an_answer_is_not_noted(home: Home) -> None:
    with interrupted.creating(URN, lambda _: True):
        assert interrupted.creations(home, "dev") == [URN]
    assert interrupted.creations(home, "dev") == []
    with pytest.raises(ValueError, match="refused"), interrupted.creating(URN, lambda _: True):
        raise ValueError("refused")
    assert interrupted.creations(home, "dev") == []


def test_what_has_no_answer_is_noted_until_it_has_one_or_is_forgotten(home: Home) -> None:
    for urn in (URN, OTHER):
        with pytest.raises(OSError, match="reset"), interrupted.creating(urn, lambda _: False):
            raise OSError("reset")
    assert interrupted.creations(home, "dev") == [URN]
    interrupted.forget_creations(home, "dev")
    assert interrupted.creations(home, "dev") == []
    with interrupted.creating(OTHER, lambda _: True):
        pass
    assert interrupted.creations(home, "dev-2") == []


def test_a_plugin_that_is_killed_leaves_its_note(home: Home) -> None:
    program = (
        "import os, signal\nfrom sandbox import interrupted\n"
        f"with interrupted.creating({URN!r}, lambda _: True):\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, env=dict(os.environ), check=False)
    assert interrupted.creations(home, "dev") == [URN]


def test_without_a_sandbox_there_is_no_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("", str(tmp_path / "none")):
        monkeypatch.setenv("SANDBOX_HOME", folder)
        with interrupted.creating(URN, lambda _: True):
            pass
    assert list(tmp_path.iterdir()) == []


def refusal(status: int, retries: int = 0) -> ClientError:
    meta = {"HTTPStatusCode": status, "RetryAttempts": retries}
    return ClientError({"Error": {"Code": "X"}, "ResponseMetadata": meta}, "CreateRole")  # type: ignore[typeddict-item]


def test_each_plugin_knows_an_answer_of_its_api() -> None:
    assert AWS.answered(refusal(409))
    assert not AWS.answered(refusal(500))
    # It was asked before, and may have done it: AWS then says that the name is taken.
    assert not AWS.answered(refusal(409, retries=1))
    assert not AWS.answered(ConnectionClosedError(endpoint_url="http://x"))
    assert KUBERNETES.answered(ApiException(status=409))
    assert not KUBERNETES.answered(ApiException(status=500))
    assert not KUBERNETES.answered(urllib3.exceptions.ProtocolError("reset"))
    assert VAULT.answered(vault_exceptions.VaultDown("sealed"))
    assert VAULT.answered(vault_exceptions.InvalidRequest("no"))
    assert not VAULT.answered(vault_exceptions.InternalServerError("?"))
