"""The engine's import file, filled in: which resources, under which IDs."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from stack import import_file, import_ids
from stack.import_file import ImportFileError, filled
from stack.import_ids import Home, Made, identifiers, of_preview, without_id
from stack.preflight import noted
from stack.preflight.objects import TYPES, Thing, thing

HOME = Home("111111111111", "aws")
STACK = "urn:pulumi:dev::vault-aws-auth::"
ROLE = "aws:iam/role:Role"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
VAULT_ROLE = "vault:aws/authBackendRole:AuthBackendRole"
LOGIN = "vault-aws-auth:index:ServiceAccountLogin"
ARN = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def provider(name: str) -> str:
    return f"{STACK}pulumi:providers:{name.partition('-')[0]}::{name}"


def step(
    kind: str,
    name: str,
    inputs: dict[str, Any] | None = None,
    parent: str = "",
    of: str = "",
    op: str = "create",
) -> dict[str, Any]:
    state = {"urn": f"{STACK}{kind}::{name}", "type": kind, "parent": parent, "inputs": inputs or {}}
    return {
        "op": op,
        "newState": {**state, "provider": f"{provider(of)}::{import_ids.UNKNOWN}" if of else ""},
    }


def entry(each: dict[str, Any], name: str = "", **more: Any) -> dict[str, Any]:
    """The same in the engine's file."""
    state = each["newState"]
    real = state["urn"].rsplit("::", 1)[-1]
    custom = {"id": "<PLACEHOLDER>"} if state["provider"] else {}
    return {
        "type": state["type"],
        "name": name or real,
        **({"logicalName": real} if name else {}),
        **custom,
        **more,
    }


LOGIN_STEP = step(LOGIN, "api")
BELOW = LOGIN_STEP["newState"]["urn"]
STEPS = [
    step("pulumi:providers:aws", "aws"),
    step("pulumi:providers:aws", "aws-222222222222"),
    step("pulumi:providers:vault", "vault"),
    LOGIN_STEP,
    step(ROLE, "api-iam-role", {"name": "api"}, BELOW, "aws"),
    step(ATTACHMENT, "api-read-policy", {"role": "api", "policyArn": ARN}, BELOW, "aws"),
    step(ATTACHMENT, "api-own-policy", {"role": "api", "policyArn": import_ids.UNKNOWN}, BELOW, "aws"),
    step(VAULT_ROLE, "api-vault-role", {"backend": "team/aws", "role": "Api"}, BELOW, "vault"),
    step(VAULT_ROLE, "api-principal-ids", {"backend": "team/aws", "role": "Api"}, BELOW, "vault"),
    step(ROLE, "elsewhere", {"name": "api"}, "", "aws-222222222222"),
    step("vault:index/policy:Policy", "dev", {"name": "dev"}, "", "vault"),
    step("aws:iam/accessKey:AccessKey", "key", {"user": "vault-auth"}, "", "aws"),
    step("vault:index/policy:Policy", "same", {"name": "same"}, "", "vault", op="same"),
]
FILE = {
    "resources": [
        entry(each, name) for each, name in zip(STEPS[:-1], ["", "", "", "apiLogin", *[""] * 8], strict=True)
    ]
}
MADE = of_preview({"steps": STEPS})
THERE = [thing("IAM role", "api"), thing("Vault role", "team/aws", "api"), thing("Vault policy", "same")]


class Look:
    """What AWS says: one policy is attached, and one service account has an association."""

    def __init__(self, *attached: str) -> None:
        self._attached = attached

    def attached(self, made: Made, identifier: str) -> bool:
        return identifier in self._attached

    def association(self, made: Made, region: str) -> str:
        found: str = {"app": f"a-of-{region}"}.get(str(made.inputs["serviceAccount"]), "")
        return found


LOOK = Look(f"api/{ARN}")


def by_name(ids: dict[str, str]) -> dict[str, str]:
    return {urn.rsplit("::", 1)[-1]: identifier for urn, identifier in ids.items()}


def test_what_is_there_has_its_id_and_nothing_else_has_one() -> None:
    assert by_name(identifiers(MADE, THERE, HOME, LOOK)) == {
        "api-iam-role": "api",
        "api-read-policy": f"api/{ARN}",
        "api-vault-role": "auth/team/aws/role/Api",
        "api-principal-ids": "auth/team/aws/role/Api",
    }


def test_a_role_of_another_account_is_another_role() -> None:
    there = [Thing("IAM role", "api", "222222222222")]
    assert by_name(identifiers(MADE, there, HOME, LOOK)) == {"elsewhere": "api"}


def test_what_is_not_attached_is_not_taken_over() -> None:
    assert "api-read-policy" not in by_name(identifiers(MADE, THERE, HOME, Look()))


ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"


def test_an_association_has_the_id_that_eks_has_given_it_in_its_region() -> None:
    of_pod = {"clusterName": "c1", "namespace": "team", "serviceAccount": "app", "roleArn": "arn"}
    steps = [
        {**step("pulumi:providers:aws", "aws", {"region": "eu-west-1"})},
        step(ASSOCIATION, "app", of_pod, "", "aws"),
        step(ASSOCIATION, "other", {**of_pod, "serviceAccount": "other"}, "", "aws"),
    ]
    there = [thing("Pod Identity association", "c1", "team", name) for name in ("app", "other")]
    found = identifiers(of_preview({"steps": steps}), there, HOME, LOOK)
    assert by_name(found) == {"app": "c1,a-of-eu-west-1"}


def test_the_identity_config_of_a_mount_that_is_there_is_there_too() -> None:
    config = "vault:aws/authBackendConfigIdentity:AuthBackendConfigIdentity"
    made = of_preview({"steps": [step(config, "x", {"backend": "aws"}, "", "vault")]})
    assert not identifiers(made, [], HOME, LOOK)
    there = [thing("auth mount", "aws")]
    assert [*identifiers(made, there, HOME, LOOK).values()] == ["auth/aws/config/identity"]


def test_the_file_has_what_is_there_and_what_that_is_below() -> None:
    ids = identifiers(MADE, THERE, HOME, LOOK)
    resources = filled(FILE, MADE, ids)["resources"]
    assert [each["name"] for each in resources] == [
        "aws", "vault", "apiLogin", "api-iam-role", "api-read-policy", "api-vault-role", "api-principal-ids",
    ]  # fmt: skip
    assert "<PLACEHOLDER>" not in json.dumps(resources)


NEVER = {
    # This one has no import; a patch is no object; the IDs of these are of a run of their chart.
    "vault:identity/oidc:Oidc",
    "kubernetes:core/v1:ServiceAccountPatch",
    "kubernetes:helm.sh/v3:Release",
    "kubernetes:vault.platform.io/v1alpha1:VaultConnection",
}


def test_every_type_that_the_look_up_knows_has_an_id() -> None:
    assert TYPES.keys() - NEVER <= import_ids.IDS.keys()


def test_what_is_there_and_has_no_id_is_told() -> None:
    there = [*THERE, Thing("release", "gloo")]
    ids = identifiers(MADE, there, HOME, LOOK)
    assert without_id(MADE, there, ids, HOME) == [
        thing("Vault policy", "same"),
        Thing("release", "gloo"),
    ]


@pytest.mark.parametrize(
    ("kind", "inputs", "identifier"),
    [
        ("aws:iam/policy:Policy", {"name": "p", "path": "/team/"}, "arn:aws:iam::111111111111:policy/team/p"),
        (
            "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
            {"url": "https://oidc.example.com/id/A"},
            "arn:aws:iam::111111111111:oidc-provider/oidc.example.com/id/A",
        ),
        ("aws:eks/addon:Addon", {"clusterName": "c", "addonName": "a"}, "c:a"),
        ("kubernetes:core/v1:ServiceAccount", {"metadata": {"namespace": "n", "name": "s"}}, "n/s"),
        ("vault:aws/authBackendStsRole:AuthBackendStsRole", {"backend": "aws", "accountId": "222222222222"},
         "auth/aws/config/sts/222222222222"),
    ],
)  # fmt: skip
def test_ids_are_as_the_providers_write_them(kind: str, inputs: dict[str, Any], identifier: str) -> None:
    made = of_preview({"steps": [step(kind, "x", inputs, "", "aws")]})
    found = TYPES[kind](inputs)
    assert found
    assert [*identifiers(made, [found], HOME, LOOK).values()] == [identifier]


def test_an_update_heeds_no_request_to_note(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(noted.VARIABLE, str(tmp_path / "found.json"))
    monkeypatch.setattr("pulumi.runtime.is_dry_run", lambda: False)
    assert not noted.asked()
    monkeypatch.setattr("pulumi.runtime.is_dry_run", lambda: True)
    assert noted.asked()
    noted.note(THERE)
    assert noted.read(tmp_path / "found.json") == THERE


def test_a_preview_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {
        "diagnostics": [
            {"severity": "error", "message": "logins.api: is wrong\n"},
            {"severity": "warning", "message": "so"},
        ]
    }

    def run(*_: Any, **__: Any) -> Any:
        return subprocess.CompletedProcess([], 255, json.dumps(answer), "")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(ImportFileError) as failed:
        import_file.of_stack([])
    assert str(failed.value) == "pulumi preview failed:\nlogins.api: is wrong"
    assert noted.VARIABLE not in os.environ
