"""A service account in a namespace that nothing makes is told at preview, where the cluster is new."""

import runpy
from typing import Any

import pulumi
import pytest

from stack import preflight
from tests.unit.recording import Recording, record
from tests.unit.test_program import (
    LOCAL_VAULT,
    ROOT,
    logins_of_the_cluster,
    nothing_is_there,
    stack_config,
    vault_is_enterprise,
)


@pytest.fixture(autouse=True)
def _vault(monkeypatch: pytest.MonkeyPatch) -> None:
    vault_is_enterprise(monkeypatch)
    monkeypatch.setattr(preflight, "check", nothing_is_there)


def run(login: dict[str, Any], *, preview: bool = True, **cluster: Any) -> Recording:
    """The pod of stack `local` with a service account `team-a/app`, and what else is given."""
    pod = {**logins_of_the_cluster()["pod"], "serviceAccounts": ["team-a/app"], **login}
    changes: dict[str, Any] = {
        **LOCAL_VAULT,
        "vault-aws-auth:cluster": {"name": "eks1", **cluster},
        "vault-aws-auth:logins": {"pod": pod},
        **dict.fromkeys(f"vault-aws-auth:{key}" for key in ("accounts", "consumers", "secretsEngine")),
    }
    program = str(ROOT / "__main__.py")
    return record(
        lambda: runpy.run_path(program, run_name="__main__"),
        config=stack_config("local", **changes),
        stack="local",
        preview=preview,
    )


def test_a_namespace_that_nothing_makes_is_told_with_the_settings_and_what_to_write() -> None:
    with pytest.raises(pulumi.RunError) as refusal:
        run({})
    said = str(refusal.value)
    assert 'vault-aws-auth:logins.pod.serviceAccounts[0]: "team-a/app" is in a namespace that nothing' in said
    assert "add team-a to vault-aws-auth:cluster.namespaces" in said
    assert "nothing was changed" in said


@pytest.mark.parametrize(
    ("login", "cluster"),
    [
        ({}, {"namespaces": ["team-a"]}),
        ({"serviceAccounts": ["default/app", "kube-system/app"]}, {}),
        ({"serviceAccountMode": "none"}, {}),
        ({"serviceAccountMode": "patch"}, {}),
        ({"serviceAccounts": ["team-*/app"], "allowWildcards": True, "serviceAccountMode": "none"}, {}),
    ],
)
def test_what_is_there_or_is_made_elsewhere_is_not(login: dict[str, Any], cluster: dict[str, Any]) -> None:
    assert run(login, **cluster).resources


def test_a_cluster_that_is_up_may_have_any_namespace() -> None:
    """What it has been given since, by a chart or by hand, is none of the stack's settings."""
    assert run({}, preview=False).resources
