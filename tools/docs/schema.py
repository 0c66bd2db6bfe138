"""The JSON Schema of stack files, with which editors complete and check them. `make schema` writes it.

It is made from the settings' models. It covers single values; only the program checks rules between them.
"""

import json
import sys
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import models_json_schema

from components import arns
from settings.catalogue import SECTIONS, Key
from settings.consumers import CONSUMER_KINDS, ConsumerSettings
from settings.parser import PROJECT, PROVIDERS
from settings.section import Section
from settings.values import VAULT_ROLE, AccountId, Region
from tools.docs.docstrings import members

Schema = dict[str, Any]
FILE = "schema/stack.schema.json"
SCALARS: Mapping[str, tuple[Any, str]] = {
    "aws:region": (Region, "AWS region of the cluster, and of all that has one"),
    f"{PROJECT}:accountId": (
        AccountId,
        "The only account that the stack may be deployed into; strongly recommended",
    ),
    f"{PROJECT}:tags": (dict[str, str], "Tags of every AWS resource, beside the stack's own"),
}


def stack_schema() -> Schema:
    """The schema of a whole stack file."""
    config = {
        key: {**TypeAdapter(type_).json_schema(), "description": text}
        for key, (type_, text) in SCALARS.items()
    }
    config |= {f"{PROJECT}:{key}": _of_key(declared) for key, declared in SECTIONS.items()}
    known = "|".join(sorted(key.removeprefix(f"{PROJECT}:") for key in config if key.startswith(PROJECT)))
    sections = definitions()
    # The sandbox adds it to stack files.
    sections["Vault"]["required"].remove("address")
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A stack file of vault-aws-auth",
        "type": "object",
        "properties": {
            "config": {
                "type": "object",
                "required": ["aws:region", f"{PROJECT}:vault"],
                # A platform's logins are in other stacks, unknown here.
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
                    f"^{PROJECT}:(?!({known})$)": False,
                    f"^(?!aws:region$)({'|'.join(PROVIDERS)}):": False,
                },
            }
        },
        "definitions": sections,
    }


def definitions() -> dict[str, Schema]:
    """The schema of each section, by the name of its model."""
    models = [(model, "validation") for key in SECTIONS.values() for model in key.kinds.values()]
    _, all_of_them = models_json_schema(models, ref_template="#/definitions/{model}")  # type: ignore[arg-type]
    found = {name: _plain(schema) for name, schema in all_of_them["$defs"].items()}
    for key in SECTIONS.values():
        for model in key.kinds.values():
            _own_first(model, found[name_of(model)])
    for kind, model in CONSUMER_KINDS.items():
        _tell_consumer(kind, model, found[name_of(model)])
    # The form of values encrypted by `pulumi config set --secret`.
    secure = {"type": "object", "required": ["secure"], "properties": {"secure": {"type": "string"}}}
    external_id = found["Account"]["properties"]["externalId"]
    text = {key: external_id.pop(key) for key in ("type", "pattern")}
    external_id["anyOf"] = [text, secure]
    return found


def _of_key(key: Key) -> Schema:
    one = _of_kinds(key)
    if not key.name:
        return {"description": f"{key.meaning}.", **one}
    name = arns.ACCOUNT_FORM.pattern if key.name == "ACCOUNT" else VAULT_ROLE
    return {
        "description": f"{key.meaning}.",
        "type": "object",
        "propertyNames": {"pattern": f"^({name})$"},
        "additionalProperties": one,
    }


def _of_kinds(key: Key) -> Schema:
    if "" in key.kinds:
        return {"allOf": [_reference(key.kinds[""])]}
    branches = [
        {
            "if": {
                "properties": {"kind": {"const": kind}},
                **({} if kind == key.default_kind else {"required": ["kind"]}),
            },
            "then": _reference(model),
        }
        for kind, model in key.kinds.items()
    ]
    kind = {"description": "Which of the kinds it is.", "enum": list(key.kinds)}
    required = {} if key.default_kind else {"required": ["kind"]}
    return {"type": "object", "properties": {"kind": kind}, **required, "allOf": branches}


def _own_first(model: type[Section], schema: Schema) -> None:
    """Puts the keys of this kind before those of every kind."""
    own = {
        model.model_fields[name].alias
        for name in vars(model).get("__annotations__", {})
        if name in model.model_fields
    }
    schema["properties"] = dict(sorted(schema["properties"].items(), key=lambda it: it[0] not in own))


def _tell_consumer(kind: str, model: type[ConsumerSettings], schema: Schema) -> None:
    """Describes a consumer's options with their own docstrings."""
    schema["properties"]["kind"] = {"const": kind, "type": "string"}
    for option in members(model.component.OPTIONS):
        key = str(model.model_fields[option.name].alias)
        schema["properties"][key]["description"] = option.text
    if model.needs_login:
        schema["required"].append("login")
    else:
        del schema["properties"]["login"]


def _plain(schema: Any) -> Any:
    """Removes what pydantic adds: titles, and null as another way to omit a key."""
    if isinstance(schema, list):
        return [_plain(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: _plain(value) for key, value in schema.items() if key != "title" or isinstance(value, dict)}
    if plain.get("default", "") is None:
        del plain["default"]
    if "patternProperties" in plain:  # a mapping's names must have their form
        plain["additionalProperties"] = False
        plain.pop("propertyNames", None)
    choices = [choice for choice in plain.get("anyOf", []) if choice != {"type": "null"}]
    if len(choices) == 1:
        del plain["anyOf"]
        only = choices[0]
        plain |= {"allOf": [only]} if "$ref" in only else only
    return plain


def _reference(model: type[Section]) -> Schema:
    return {"$ref": f"#/definitions/{name_of(model)}"}


def name_of(model: type[Section]) -> str:
    """The name of a section among the definitions."""
    return model.__name__.replace(" ", "_")


if __name__ == "__main__":
    json.dump(stack_schema(), sys.stdout, indent=2, ensure_ascii=False)
    print()
