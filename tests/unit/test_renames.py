"""What had another name or place in an earlier release: an alias, or a refusal that names the new one."""

import re
from pathlib import Path
from typing import Any

import pytest

import components
from components import ExistingEksCluster, VaultAuthMount, VaultAwsAuth, renames
from components.component import Component
from components.declared import bases_of, fields_of
from plugin.provider import all_components
from tests.unit.recording import CLUSTER, ISSUER, Recording, providers, record

MOUNT = "vault:index/authBackend:AuthBackend"
AUTH: Any = {"region": "us-east-1", "server_id_header": ""}


def test_a_cluster_that_is_found_was_an_eks_cluster() -> None:
    answer: dict[str, Any] = {
        "name": "eks1",
        "endpoint": "https://eks.example.com",
        "certificateAuthorities": [{"data": "Y2E="}],
        "identities": [{"oidcs": [{"issuer": f"https://{ISSUER}"}]}],
    }
    answers: Any = {
        "aws:eks/getCluster:getCluster": lambda _: answer,
        "aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider": lambda _: {
            "arn": CLUSTER["oidc_provider_arn"],
            "clientIdLists": ["sts.amazonaws.com"],
        },
    }
    args: Any = {"name": "eks1", "region": "us-east-1"}
    recording = record(lambda: ExistingEksCluster("main", args, providers()), answers=answers)
    assert recording.named("main")[0].alias_types == {"vault-aws-auth:index:EksCluster"}


def mounts(recording: Recording) -> list[tuple[str, set[str]]]:
    return [(each.parent, each.alias_parents) for each in recording.of_type(MOUNT)]


def test_a_mount_was_in_the_stack_or_below_vault_aws_auth() -> None:
    def alone() -> None:
        mount = VaultAuthMount("auth", {}, providers())
        args: Any = {**AUTH, "mount": mount.ref}
        VaultAwsAuth("auth", args, providers())

    for program in (alone, lambda: VaultAwsAuth("auth", AUTH, providers())):
        recording = record(program)
        assert mounts(recording) == [("auth", {"", "auth"})]


def test_every_type_is_that_of_a_component_and_has_its_earlier_names() -> None:
    known = {component.__name__ for component in all_components()}
    assert {*renames.TYPES} <= known
    for kind in known:
        assert issubclass(getattr(components, kind, None) or getattr(components.consumers, kind), Component)


@pytest.mark.parametrize("of", renames.ARGUMENTS)
def test_an_argument_that_went_is_none_any_more_and_names_those_that_are(of: str) -> None:
    declared = {
        base.__name__: base
        for component in all_components()
        for base in bases_of(component.__init__.__annotations__["args"])
    }
    fields = fields_of(declared[of])
    for name, why in renames.ARGUMENTS[of].items():
        assert name not in fields
        assert {*re.findall(r"\{(\w+)\}", why)} <= {*fields}


def test_every_entry_is_dated() -> None:
    source = Path(renames.__file__).read_text()
    assert source.count("0.2.0, 2026-11-27") == len(
        ["TYPES", "ARGUMENTS", "mount", "lookups_policy", "of_login"]
    )
