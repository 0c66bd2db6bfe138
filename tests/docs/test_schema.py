"""The JSON Schema of stack files: it is that of the declarations, and it knows right from wrong."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from components.declared import fields_of, to_camel
from stack.sections import KEYS, ExistingCluster, known_keys
from tools.docs.schema import FILE, name_of, stack_schema

ROOT = Path(__file__).parents[2]
P = "vault-aws-auth"
SCHEMA = json.loads((ROOT / FILE).read_text())
STACK_FILES = [
    path
    for path in sorted([*ROOT.glob("Pulumi.*.yaml"), *(ROOT / "examples").rglob("Pulumi.*.yaml")])
    if f"{P}:vault" in path.read_text()
]
CONFIG: dict[str, Any] = yaml.safe_load((ROOT / "Pulumi.local.yaml").read_text())["config"]


def problems(config: dict[str, Any]) -> list[str]:
    validator = jsonschema.Draft7Validator(SCHEMA)
    return [error.message for error in validator.iter_errors({"config": config})]


def test_it_is_what_the_declarations_say() -> None:
    assert stack_schema() == SCHEMA, "run: make schema"


def test_it_is_a_schema() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", STACK_FILES, ids=lambda path: path.name)
def test_it_accepts_every_stack_file(path: Path) -> None:
    assert problems(yaml.safe_load(path.read_text())["config"]) == []


@pytest.mark.parametrize("path", STACK_FILES, ids=lambda path: path.name)
def test_every_stack_file_names_it(path: Path) -> None:
    named = re.match(r"# yaml-language-server: \$schema=(\S+)\n", path.read_text())
    assert named, "the first line names no schema"
    assert (path.parent / named[1]).resolve() == ROOT / FILE


def test_it_accepts_what_pulumi_has_encrypted() -> None:
    config = copy.deepcopy(CONFIG)
    config[f"{P}:accounts"]["222222222222"]["externalId"] = {"secure": "v1:0123:abcd"}
    assert problems(config) == []


@pytest.mark.parametrize(
    ("key", "path", "value"),
    [
        (f"{P}:clusters", [], {"name": "eks1"}),
        ("vault:address", [], "https://vault.example.com"),
        ("aws:profile", [], "dev"),
        ("aws:region", [], "Virginia"),
        (f"{P}:accountId", [], "12345"),
        (f"{P}:cluster", ["nodegroups"], {}),
        (f"{P}:cluster", ["nodeGroups", "default", "minSize"], "two"),
        (f"{P}:cluster", ["nodeGroups", "default", "maxSize"], 0),
        (f"{P}:cluster", ["nodeGroups", "default", "metadataHopLimit"], 65),
        (f"{P}:cluster", ["nodeGroups", "Default"], {}),
        (f"{P}:cluster", ["logTypes"], ["everything"]),
        (f"{P}:vault", ["address"], "vault.example.com"),
        (f"{P}:vault", ["identityAlias"], "role"),
        (f"{P}:vaultIdentity", [], {"kind": "iam"}),
        (f"{P}:vaultIdentity", [], {"kind": "role", "userName": "vault"}),
        (f"{P}:vaultIdentity", [], {"roleName": "vault"}),
        (f"{P}:accounts", ["2222"], {}),
        (f"{P}:accounts", ["222222222222", "roleArn"], "role/vault"),
        (f"{P}:logins", ["pod", "maxTtl"], "768x"),
        (f"{P}:logins", ["pod", "kind"], "serviceaccount"),
        (f"{P}:logins", ["pod", "serviceAccounts"], ["vault-auth"]),
        (f"{P}:logins", ["pod", "policies"], []),
        (f"{P}:logins", ["Pod"], {"kind": "principal", "principals": ["*"], "policies": ["dev"]}),
        (f"{P}:logins", ["node", "serviceAccounts"], ["default/api"]),
        (f"{P}:consumers", ["gloo", "prefix"], "dev"),
        (f"{P}:consumers", ["gloo"], {"kind": "gloo"}),
        (f"{P}:consumers", ["vault-agent", "form"], "sidecar"),
        (f"{P}:secretsEngine", ["roles", "my-role", "credentialType"], "user"),
    ],
)
def test_it_refuses_typical_mistakes(key: str, path: list[str], value: Any) -> None:
    config = copy.deepcopy(CONFIG)
    if path:
        target = config[key]
        for part in path[:-1]:
            target = target[part]
        target[path[-1]] = value
    else:
        config[key] = value
    assert problems(CONFIG) == []
    assert problems(config)


@pytest.mark.parametrize("key", ["aws:region", f"{P}:vault", f"{P}:logins"])
def test_it_demands_what_every_stack_needs(key: str) -> None:
    assert problems({name: value for name, value in CONFIG.items() if name != key})


def test_every_setting_has_a_description() -> None:
    undocumented = [
        f"{name}.{key}"
        for name, section in SCHEMA["definitions"].items()
        for key, field in section.get("properties", {}).items()
        if key != "kind" and not field.get("description")
    ]
    assert undocumented == []


def test_pulumi_knows_the_same_keys() -> None:
    """`pulumi config` shows those of Pulumi.yaml, each with what can be below it."""
    declared = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    assert {*declared} == {f"{P}:{key}" for key in known_keys()}
    for key, section in KEYS.items():
        words = set(re.findall(r"[A-Za-z][\w-]*", declared[f"{P}:{key}"]["description"]))
        required = [
            set(SCHEMA["definitions"][name_of(kind)].get("required", ())) for kind in section.kinds.values()
        ]
        assert set.intersection(*required) | {kind for kind in section.kinds if kind} <= words, key
        if "" in section.kinds and key != "accounts":
            sections = [section.kinds[""], *([ExistingCluster] if key == "cluster" else [])]
            keys = {to_camel(name) for each in sections for name in fields_of(each)}
            assert keys <= words, keys - words
