"""TypeScript declarations of the component package, made from its schema, for a type check."""

from __future__ import annotations

import json
from typing import Any

HEAD = 'import * as pulumi from "@pulumi/pulumi";\n'
_SIMPLE = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean"}


def declarations(schema: dict[str, Any]) -> str:
    """What the SDK that Pulumi generates would export: classes, their inputs and outputs, enums."""
    parts = [HEAD]
    for token, type_ in schema["types"].items():
        name = _name(token)
        if "enum" in type_:
            members = ", ".join(f"readonly {m['name']}: {json.dumps(m['value'])}" for m in type_["enum"])
            words = " | ".join(json.dumps(member["value"]) for member in type_["enum"])
            parts.append(f"export declare const {name}: {{ {members} }};\nexport type {name} = {words};\n")
        else:
            parts.append(f"export interface {name} {{\n{_fields(type_, 'properties', 'required')}}}\n")
    for token, resource in schema["resources"].items():
        name = _name(token)
        outputs = "".join(
            f"    readonly {field}: pulumi.Output<{_type({**each, 'plain': True}, outputs=True)}>;\n"
            for field, each in resource["properties"].items()
        )
        parts.append(
            f"export interface {name}Args {{\n{_fields(resource, 'inputProperties', 'requiredInputs')}}}\n"
            f"export declare class {name} extends pulumi.ComponentResource {{\n"
            f"    constructor(name: string, args: {name}Args, opts?: pulumi.ComponentResourceOptions);\n"
            f"{outputs}}}\n"
        )
    return "".join(parts)


def _fields(owner: dict[str, Any], properties: str, required: str) -> str:
    needed = owner.get(required, [])
    return "".join(
        f"    {name}{'' if name in needed else '?'}: {_type(each)};\n"
        for name, each in owner.get(properties, {}).items()
    )


def _type(declared: dict[str, Any], *, outputs: bool = False) -> str:
    reference = declared.get("$ref", "")
    if reference.startswith("#/types/"):
        found = _name(reference)
    elif reference:
        found = "any"
    elif declared["type"] == "array":
        found = f"({_type(_each(declared['items'], outputs), outputs=outputs)})[]"
    elif declared["type"] == "object":
        each = _type(_each(declared["additionalProperties"], outputs), outputs=outputs)
        found = f"{{ [key: string]: {each} }}"
    else:
        found = _SIMPLE[declared["type"]]
    return found if declared.get("plain") else f"pulumi.Input<{found}>"


def _each(declared: dict[str, Any], outputs: bool) -> dict[str, Any]:
    return {**declared, "plain": True} if outputs else declared


def _name(token: str) -> str:
    return token.rpartition(":")[2]
