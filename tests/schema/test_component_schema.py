"""The schema of the component package: what programs in every language see of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plugin.provider import Provider, all_components
from tests import golden
from tests.package.kit import PLUGIN, pulumi, write_plugin, write_plugin_host
from tests.sandbox.kit import REPOSITORY

GOLDEN = Path(__file__).parent / "golden" / "schema.json"
ADVICE = """\
Programs in other languages are compiled against this. A line that is gone or changed breaks them: keep the
old name and mark it deprecated, or write what users must change in docs/upgrades/. A new optional input or
output breaks nothing."""


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Provider().schema or "")
    return found


def properties(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every input, output and field, by where it is."""
    for token, resource in schema["resources"].items():
        for part in ("inputProperties", "properties"):
            yield from ((f"{token}.{name}", each) for name, each in resource[part].items())
    for token, type_ in schema["types"].items():
        yield from ((f"{token}.{name}", each) for name, each in type_.get("properties", {}).items())


def read_by_pulumi(source: str, folder: Path) -> str:
    """What `pulumi package get-schema` prints, with the plugins in that folder."""
    home = str(folder / "home")
    answer = pulumi("package", "get-schema", source, folder=folder, tools=folder, PULUMI_HOME=home)
    assert answer.returncode == 0, answer.stderr
    return json.dumps(json.loads(answer.stdout), indent=2, ensure_ascii=False) + "\n"


def test_the_schema_that_pulumi_reads_is_a_contract(tmp_path: Path) -> None:
    write_plugin(tmp_path, Path(sys.executable), REPOSITORY / "plugin")
    golden.check(read_by_pulumi(f"./{PLUGIN}", tmp_path), GOLDEN, ADVICE)


def test_pulumi_reads_the_same_from_the_folder_of_the_plugin(tmp_path: Path) -> None:
    """How `pulumi package add ./plugin` begins: the engine reads PulumiPlugin.yaml and starts the folder.

    With the sandbox's language host, which runs this project's plugin in this environment, whether Pulumi
    has made `plugin/venv` or not; and makes nothing.
    """
    write_plugin_host(tmp_path)
    before = {*(REPOSITORY / "plugin").iterdir()}
    assert read_by_pulumi(str(REPOSITORY / "plugin"), tmp_path) == GOLDEN.read_text()
    assert {*(REPOSITORY / "plugin").iterdir()} - before <= {REPOSITORY / "plugin" / "__pycache__"}


def test_every_component_is_in_it(schema: dict[str, Any]) -> None:
    found = {token.rpartition(":")[2] for token in schema["resources"]}
    assert found == {component.__name__ for component in all_components()}
    assert {"EksCluster", "VaultAwsAuth", "PrincipalLogin", "GlooConsumer", "VaultServerConsumer"} <= found


def test_nothing_is_without_a_description(schema: dict[str, Any]) -> None:
    described = dict(properties(schema)) | schema["resources"] | schema["types"]
    for token, type_ in schema["types"].items():
        described |= {f"{token}.{member['name']}": member for member in type_.get("enum", [])}
    assert [where for where, each in described.items() if not each.get("description")] == []


def test_descriptions_are_running_text_with_the_names_of_other_languages(schema: dict[str, Any]) -> None:
    inputs = schema["resources"]["vault-aws-auth:index:EksCluster"]["inputProperties"]
    assert inputs["vpcId"]["description"] == (
        "VPC of the cluster, given together with `subnetIds`. Default: the account's default VPC."
    )
    # These are words of Vault's API, no names of inputs.
    auth = schema["resources"]["vault-aws-auth:index:VaultAwsAuth"]["inputProperties"]
    assert "`client_arn` or `inferred_entity_id`" in auth["identityMetadata"]["description"]


def test_inherited_fields_keep_their_descriptions(schema: dict[str, Any]) -> None:
    inputs = schema["resources"]["vault-aws-auth:index:VaultAgentConsumer"]["inputProperties"]
    assert inputs["sinkPath"]["description"].startswith("With the form `file`: where the agent writes")


def test_secrets_are_marked(schema: dict[str, Any]) -> None:
    secret = {
        f"{where.rpartition(':')[2]}: {part}"
        for token, resource in schema["resources"].items()
        for part, found in (("input", resource["inputProperties"]), ("output", resource["properties"]))
        for where in [f"{token}.{name}" for name, each in found.items() if each.get("secret")]
    }
    assert secret == {
        "EksCluster.kubeconfig: output",
        "ExistingEksCluster.kubeconfig: output",
        "IamUserVaultIdentity.secretKey: output",
        "TrustedAccount.externalId: input",
        "TrustedAccount.externalId: output",
    }
    fields = {
        f"{token.rpartition(':')[2]}.{name}"
        for token, type_ in schema["types"].items()
        for name, each in type_.get("properties", {}).items()
        if each.get("secret")
    }
    assert fields == {"StsRole.externalId", "VaultCredentials.secretKey"}


def test_every_choice_is_an_enum_with_its_words(schema: dict[str, Any]) -> None:
    enums = {
        token.rpartition(":")[2]: {member["name"]: member["value"] for member in type_["enum"]}
        for token, type_ in schema["types"].items()
        if "enum" in type_
    }
    assert enums["PodIdentityMethod"] == {"Irsa": "irsa", "PodIdentity": "pod-identity"}
    assert set(enums) == {
        "AccessKeyMode",
        "AgentForm",
        "AwsCredentialType",
        "ClusterLog",
        "GlooEdition",
        "IdentityAlias",
        "IdentityMetadata",
        "PodIdentityMethod",
        "ServiceAccountMode",
        "TokenType",
        "StoreScope",
        "VaultServerMode",
    }


def test_what_must_be_given_is_required_and_nothing_else(schema: dict[str, Any]) -> None:
    required = {
        token.rpartition(":")[2]: resource.get("requiredInputs", [])
        for token, resource in schema["resources"].items()
    }
    assert required["EksCluster"] == ["name", "region"]
    assert required["ServiceAccountLogin"] == ["connection", "policies", "serviceAccounts"]
    assert required["VaultServerConsumer"] == []


def test_defaults_can_be_read_by_a_machine(schema: dict[str, Any]) -> None:
    def defaults(component: str) -> dict[str, Any]:
        inputs = schema["resources"][f"vault-aws-auth:index:{component}"]["inputProperties"]
        return {name: each["default"] for name, each in inputs.items() if "default" in each}

    assert defaults("ServiceAccountLogin") == {
        "maxTtl": "1h",
        "tokenNoDefaultPolicy": False,
        "iamRolePath": "/",
        "serviceAccountMode": "create",
        "allowWildcards": False,
        "method": "irsa",
        "vaultLookups": False,
        "trustPolicyLimit": 2048,
        "namedAfterObjects": False,
        "audience": "sts.amazonaws.com",
    }
    assert defaults("PrincipalLogin") == {"maxTtl": "1h", "tokenNoDefaultPolicy": False}


def test_what_other_components_give_can_be_handed_on_as_one_output(schema: dict[str, Any]) -> None:
    """`connection: ${auth.connection}`: an input that is not plain, of the type that the output has."""
    resources = schema["resources"]
    for component, output, consumer, name in (
        ("VaultAwsAuth", "connection", "ServiceAccountLogin", "connection"),
        ("EksCluster", "ref", "ServiceAccountLogin", "cluster"),
        ("EksCluster", "ref", "LoginInCluster", "cluster"),
        ("ExistingEksCluster", "ref", "IamRoleVaultIdentity", "cluster"),
        ("PrincipalLogin", "ref", "VaultAgentConsumer", "login"),
        ("VaultAuthMount", "ref", "VaultAwsAuth", "mount"),
        ("VaultAuthMount", "ref", "FederatedVaultIdentity", "mount"),
        ("VaultPluginIssuer", "issuer", "FederatedVaultIdentity", "issuer"),
    ):
        given = resources[f"vault-aws-auth:index:{component}"]["properties"][output]
        taken = resources[f"vault-aws-auth:index:{consumer}"]["inputProperties"][name]
        assert given["$ref"] == taken["$ref"]
        assert not taken.get("plain")
