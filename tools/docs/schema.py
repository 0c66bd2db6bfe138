"""The JSON Schema of stack files, by which editors complete and check them. `make schema` writes it.

It is made from the declarations of the sections. It says of single values what a schema can say; what must
hold between them only the program checks.
"""

import json
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

from components.declared import Shape, fields_of, meanings, required_of, shape, to_camel
from components.forms import Region
from stack.draft import PROVIDERS
from stack.sections import (
    KEYS,
    NAME_PATTERNS,
    PROJECT,
    REGION_KEY,
    Cluster,
    ExistingCluster,
    Key,
    Scalars,
    known_keys,
)

Schema = dict[str, Any]
FILE = "schema/stack.schema.json"
REGION = "AWS region of the cluster, and of everything else that has one."

_TYPES: Mapping[Any, str] = {str: "string", int: "integer", bool: "boolean", list: "array", dict: "object"}


def stack_schema() -> Schema:
    """The schema of a whole stack file."""
    single = definitions()
    config = {REGION_KEY: {**_of(shape(Region)), "description": REGION}}
    config |= {f"{PROJECT}:{key}": field for key, field in single.pop("Scalars")["properties"].items()}
    config |= {f"{PROJECT}:{key}": _of_key(declared) for key, declared in KEYS.items()}
    # The sandbox adds the address to stack files.
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A stack file of vault-aws-auth",
        "type": "object",
        "properties": {
            "config": {
                "type": "object",
                "required": [REGION_KEY, f"{PROJECT}:vault"],
                # A platform's logins are declared by other stacks, which it cannot know.
                "if": {
                    "properties": {
                        f"{PROJECT}:vaultIdentity": {
                            "properties": {"allLookups": {"const": True}},
                            "required": ["allLookups"],
                        }
                    },
                    "required": [f"{PROJECT}:vaultIdentity"],
                },
                "else": {"required": [f"{PROJECT}:logins"]},
                "properties": config,
                "patternProperties": {
                    f"^{PROJECT}:(?!({'|'.join(known_keys())})$)": False,
                    f"^(?!{REGION_KEY}$)({'|'.join(PROVIDERS)}):": False,
                },
            }
        },
        "definitions": single,
    }


def definitions() -> dict[str, Schema]:
    """The schema of each section, by its name."""
    found: dict[str, Schema] = {}
    waiting = [
        Scalars,
        ExistingCluster,
        *(section for key in KEYS.values() for section in key.kinds.values()),
    ]
    while waiting:
        section = waiting.pop(0)
        if name_of(section) not in found:
            found[name_of(section)] = _section(section)
            waiting += [inner for it in fields_of(section).values() if (inner := _inner(it))]
    for key in KEYS.values():
        for kind, section in key.kinds.items():
            if kind:
                properties = found[name_of(section)]["properties"]
                found[name_of(section)]["properties"] = {"kind": {"const": kind}, **properties}
        if key.own_name:
            for section in (*key.kinds.values(), ExistingCluster):
                found[f"Named{name_of(section)}"] = _without_need(found[name_of(section)], key.own_name)
    return found


def _without_need(schema: Schema, field: str) -> Schema:
    """The schema of a section one field of which has the section's own name by default."""
    needed = [name for name in schema["required"] if name != to_camel(field)]
    return {
        **{key: it for key, it in schema.items() if key != "required"},
        **({"required": needed} if needed else {}),
    }


def _inner(field: Shape) -> type | None:
    """The section that is below a field, if any."""
    if field.is_fields:
        return field.kind  # type: ignore[no-any-return]
    return _inner(field.item) if field.item else None


def _section(section: type) -> Schema:
    shapes, texts = fields_of(section), meanings(section)
    required = sorted(required_of(section))
    properties = {
        to_camel(name): {**_of(field), "description": spelled(texts[name], shapes)}
        for name, field in shapes.items()
    }
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**schema, "required": list(map(to_camel, required))} if required else schema


def spelled(text: str, shapes: Mapping[str, Shape]) -> str:
    """A docstring with the keys of stack files for the names of fields."""
    return re.sub(r"`(\w+)`", lambda it: f"`{to_camel(it[1])}`" if it[1] in shapes else it[0], text)


def _of(field: Shape) -> Schema:
    schema = _value(field)
    if field.has_default and field.default not in ((), {}, ""):
        schema["default"] = default_of(field)
    if field.secret:
        # Pulumi writes a value so that `pulumi config set --secret` has encrypted.
        secure = {"type": "object", "required": ["secure"], "properties": {"secure": {"type": "string"}}}
        return {"anyOf": [schema, secure]}
    return schema


def _value(field: Shape) -> Schema:
    if field.is_fields:
        return {"allOf": [{"$ref": f"#/definitions/{name_of(field.kind)}"}]}
    if isinstance(field.kind, type) and issubclass(field.kind, Enum):
        return {"enum": [member.value for member in field.kind]}
    schema: Schema = {"type": _TYPES[field.kind]} if field.kind in _TYPES else {}
    if field.kind is list and field.item:
        schema["items"] = _of(field.item)
    if field.kind is dict and field.item and field.key:
        schema["additionalProperties"] = _of(field.item)
        schema["propertyNames"] = {key: it for key, it in _value(field.key).items() if key == "pattern"}
    for form in field.forms:
        if form.not_empty:
            schema["minProperties" if field.kind is dict else "minItems"] = 1
        if form.numbers:
            schema["type"] = ["string", "integer"]
        if form.limits:
            schema["minimum"], schema["maximum"] = form.limits
        if form.pattern:
            schema["pattern"] = f"^(?:{form.pattern})$"
        if form.example:
            schema["examples"] = [form.example]
    return schema


def default_of(field: Shape) -> Any:
    """The default of a field as a stack file has it; None where there is none."""
    return _plain(field.default) if field.has_default else None


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return [_plain(item) for item in value] if isinstance(value, (tuple, list)) else value


def _of_key(key: Key) -> Schema:
    one = _of_kinds(key)
    if not key.name:
        return {"description": f"{key.meaning}.", **one}
    return {
        "description": f"{key.meaning}.",
        "type": "object",
        "propertyNames": {"pattern": f"^({NAME_PATTERNS[key.name]})$"},
        "additionalProperties": one,
    }


def _of_kinds(key: Key) -> Schema:
    if key.kinds.get("") is Cluster:
        named = "Named" if key.own_name else ""
        return {
            "if": {"properties": {"existing": {"const": True}}, "required": ["existing"]},
            "then": _reference(ExistingCluster, named),
            "else": _reference(Cluster, named),
        }
    if "" in key.kinds:
        return {"allOf": [_reference(key.kinds[""])]}
    branches = [
        {
            "if": {
                "properties": {"kind": {"const": kind}},
                **({} if kind == key.default_kind else {"required": ["kind"]}),
            },
            "then": _reference(section),
        }
        for kind, section in key.kinds.items()
    ]
    kind = {"description": "Which of the kinds it is.", "enum": list(key.kinds)}
    required = {} if key.default_kind else {"required": ["kind"]}
    return {"type": "object", "properties": {"kind": kind}, **required, "allOf": branches}


def _reference(section: type, before: str = "") -> Schema:
    return {"$ref": f"#/definitions/{before}{name_of(section)}"}


def name_of(section: type) -> str:
    """The name of a section among the definitions."""
    return section.__name__.removesuffix("Options").removesuffix("Section")


def text() -> str:
    """The schema as a file."""
    return json.dumps(stack_schema(), indent=2, ensure_ascii=False) + "\n"
