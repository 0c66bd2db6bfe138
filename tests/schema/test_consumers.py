"""The examples in other languages, against the schema of the component package."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.package.declarations import HEAD, declarations
from tests.sandbox.kit import REPOSITORY
from tools import build

EXAMPLES = REPOSITORY / "examples"
PREFIX = "vault-aws-auth:index:"
SIMPLE: dict[str, Any] = {"string": str, "integer": int, "number": (int, float), "boolean": bool}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(__file__).parent / "golden" / "schema.json").read_text())
    return found


def problems(schema: dict[str, Any], program: dict[str, Any]) -> list[str]:
    """What the schema has against a YAML program: types, inputs, outputs."""
    found: list[str] = []
    components = {name: r for name, r in program["resources"].items() if r["type"].startswith(PREFIX)}
    for name, resource in components.items():
        declared = schema["resources"].get(resource["type"])
        if not declared:
            found.append(f"{name}: there is no {resource['type']}")
            continue
        owner = {"properties": declared["inputProperties"], "required": declared.get("requiredInputs", [])}
        found += _object(schema, owner, resource.get("properties", {}), name)
        if not isinstance(resource.get("options", {}).get("providers", []), list):
            found.append(f"{name}.options.providers: is no list")
    for name, output in re.findall(r"\$\{([\w-]+)\.(\w+)", yaml.safe_dump(program)):
        declared = schema["resources"].get(components[name]["type"]) if name in components else None
        if declared and output not in declared["properties"]:
            found.append(f"{name}: has no output {output}")
        elif declared and _has_enum(schema, declared["properties"][output]):
            found.append(f"{name}: the YAML host takes {output} as no input, for it has an enum")
    return found


def _has_enum(schema: dict[str, Any], declared: dict[str, Any]) -> bool:
    named = schema["types"].get(declared.get("$ref", "").removeprefix("#/types/"), {})
    return "enum" in named or any(_has_enum(schema, each) for each in named.get("properties", {}).values())


def _object(schema: dict[str, Any], owner: dict[str, Any], given: Any, where: str) -> list[str]:
    if not isinstance(given, dict):
        return [f"{where}: is no object"]
    found = [f"{where}.{name}: is missing" for name in owner.get("required", []) if name not in given]
    for name, value in given.items():
        declared = owner["properties"].get(name)
        found += (
            _value(schema, declared, value, f"{where}.{name}") if declared else [f"{where}.{name}: unknown"]
        )
    return found


def _value(schema: dict[str, Any], declared: dict[str, Any], value: Any, where: str) -> list[str]:
    if isinstance(value, str) and value.startswith("${"):
        settings = "region|cluster|vaultAddress|mountPath|endpoints|callersStsEndpoint"
        computed = not re.fullmatch(rf"\$\{{({settings})\}}", value)
        return [f"{where}: must be plain"] if declared.get("plain") and computed else []
    if "$ref" in declared:
        named = schema["types"][declared["$ref"].removeprefix("#/types/")]
        words = [member["value"] for member in named.get("enum", [])]
        if words:
            return [] if value in words else [f"{where}: is not one of {words}"]
        return _object(schema, named, value, where)
    if declared["type"] == "array":
        return [
            p
            for i, item in enumerate(value)
            for p in _value(schema, declared["items"], item, f"{where}[{i}]")
        ]
    if declared["type"] == "object":
        each = declared["additionalProperties"]
        return [p for key, item in value.items() for p in _value(schema, each, item, f"{where}.{key}")]
    return [] if isinstance(value, SIMPLE[declared["type"]]) else [f"{where}: is no {declared['type']}"]


def test_the_yaml_program_uses_what_there_is(schema: dict[str, Any]) -> None:
    program = yaml.safe_load((EXAMPLES / "consumer-yaml" / "Pulumi.yaml").read_text())
    assert sum(r["type"].startswith(PREFIX) for r in program["resources"].values()) == 5
    assert problems(schema, program) == []


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("serverIdHeader: vault.example.com", "serverIdHeadr: v", "vault-auth.serverIdHeadr: unknown"),
        ("policies:", "polices:", "payments.policies: is missing"),
        ('["${in-vault}"]', "{vault: '${in-vault}'}", "vault-auth.options.providers: is no list"),
        ("maxTtl: 1h", "maxTtl: 3600", "payments.maxTtl: is no string"),
        ("${eks-cluster.ref}", "${eks-cluster.cluster}", "eks-cluster: has no output cluster"),
        (
            "vaultRole: ${payments.vaultRole}",
            "vaultRole: ${payments.ref}",
            "payments: the YAML host takes ref",
        ),
        ("name: ${cluster}", "name: ${policy.name}", "eks-cluster.name: must be plain"),
        (
            "index:ServiceAccountLogin",
            "index:PodLogin",
            "there is no vault-aws-auth:index:PodLogin",
        ),
    ],
)
def test_the_check_of_the_yaml_program_finds(
    schema: dict[str, Any], before: str, after: str, problem: str
) -> None:
    text = (EXAMPLES / "consumer-yaml" / "Pulumi.yaml").read_text()
    assert before in text
    assert problem in "\n".join(problems(schema, yaml.safe_load(text.replace(before, after))))


@pytest.fixture(scope="module")
def typescript(schema: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The TypeScript example with the compiler, Pulumi's SDK and the package's declarations."""
    if not shutil.which("npm"):
        pytest.skip("Node.js is not here: the TypeScript example is not type-checked")
    folder = tmp_path_factory.mktemp("typescript") / "program"
    shutil.copytree(EXAMPLES / "consumer-typescript", folder, ignore=shutil.ignore_patterns("node_modules"))
    package = json.loads((folder / "package.json").read_text())
    wanted = {**package["dependencies"], **package["devDependencies"]}
    # The package's own SDK is made by `pulumi install`; the other SDKs are large, and their own affair.
    kept = {name: wanted[name] for name in ("@pulumi/pulumi", "@types/node", "typescript")}
    package = json.dumps({"dependencies": kept})

    def install(target: Path) -> None:
        (target / "package.json").write_text(package)
        npm = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"]
        _run(target, *npm, "--cache", str(target / "downloads"))
        shutil.rmtree(target / "downloads")

    # Beside the program: what is not in its own node_modules is looked for there.
    (folder.parent / "node_modules").symlink_to(build.kept("npm", package, install) / "node_modules")
    any_provider = HEAD + "export declare class Provider extends pulumi.ProviderResource {\n"
    any_provider += "    constructor(name: string, args: any, opts?: pulumi.ResourceOptions);\n}\n"
    policy = "export declare class Policy extends pulumi.CustomResource {\n"
    policy += "    constructor(name: string, args: any, opts?: pulumi.CustomResourceOptions);\n"
    policy += "    readonly name: pulumi.Output<string>;\n}\n"
    for name, text in {
        "vault-aws-auth": declarations(schema),
        "vault": any_provider + policy,
        "kubernetes": any_provider,
    }.items():
        target = folder / "node_modules" / "@pulumi" / name
        target.mkdir(parents=True)
        (target / "index.d.ts").write_text(text)
        (target / "package.json").write_text(json.dumps({"name": f"@pulumi/{name}", "types": "index.d.ts"}))
    return folder


def _run(folder: Path, *words: str) -> None:
    answer = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=280, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr


WRONG = {
    "maxTTL": ("maxTtl:", "maxTTL:", "'maxTTL' does not exist in type 'ServiceAccountLoginArgs'"),
    "self": (
        "cluster.ref",
        "cluster.self",
        "Property 'self' does not exist on type 'ExistingEksCluster'",
    ),
    "name": ('name: config.require("cluster")', "name: policy.name", "is not assignable to type 'string'"),
}
"""What a mistake in the example is told as, by a name for it."""


def test_the_typescript_program_has_the_types_of_the_package(typescript: Path) -> None:
    """As it is, and with one mistake each: the compiler reads all at once, because that takes seconds."""
    text = (typescript / "index.ts").read_text()
    for name, (before, after, _) in WRONG.items():
        assert before in text
        (typescript / f"{name}.ts").write_text(text.replace(before, after))
    options = json.loads((typescript / "tsconfig.json").read_text())
    files = ["index.ts", *(f"{name}.ts" for name in WRONG)]
    (typescript / "tsconfig.json").write_text(json.dumps({**options, "files": files}))
    compiler = [
        str(typescript.parent / "node_modules" / ".bin" / "tsc"),
        "--project",
        ".",
        "--pretty",
        "false",
    ]
    answer = subprocess.run(
        compiler, cwd=typescript, capture_output=True, text=True, timeout=200, check=False
    )
    said = answer.stdout + answer.stderr
    told = [line for line in said.splitlines() if not line.startswith(" ")]
    assert {line.partition("(")[0] for line in told} == {f"{name}.ts" for name in WRONG}, said
    for name, (_, _, error) in WRONG.items():
        assert any(line.startswith(f"{name}.ts(") and error in line for line in told), said
