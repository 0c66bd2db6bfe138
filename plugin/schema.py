"""The package's schema, completed: what the SDK's analysis of the components leaves out.

Descriptions of inherited fields, as running text with the names that other languages use; which values are
secret, as their docstrings say; and what the package is.
"""

import inspect
import re
from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.provider.experimental.analyzer import Analyzer, ComponentDefinition, TypeDefinition
from typing_extensions import get_original_bases

DESCRIPTION = (
    "Workloads on AWS read secrets from HashiCorp Vault without a stored credential: the components of the "
    "EKS cluster, the IAM roles, Vault's AWS auth method and its logins."
)
_SECRET = re.compile(r"\b[Aa] secret\b")
"""A docstring says so of a value that is one."""

_WORDS_OF_VAULT = {"identityAlias", "identityMetadata"}
"""Inputs whose descriptions quote words of Vault's API, which look like names of inputs."""

Defs = Mapping[str, ComponentDefinition]
Types = Mapping[str, TypeDefinition]


def names(components: Defs, types: Types) -> dict[str, str]:
    """The names of all inputs and outputs: in other languages, by the one in Python."""
    found: dict[str, str] = {}
    for component in components.values():
        found |= {python: name for name, python in component.inputs_mapping.items()}
        found |= {python: name for name, python in component.outputs_mapping.items()}
    for each in types.values():
        found |= {python: name for name, python in each.properties_mapping.items()}
    return found


def renamed_fields(message: str, camel: Mapping[str, str]) -> str:
    """A component's message, with the field that it begins with as other languages have it."""
    fields, colon, reason = message.partition(": ")
    if not colon or " " in fields.replace(", ", ""):
        return message
    words = re.sub(r"\w+", lambda word: camel.get(word[0], word[0]), fields)
    return f"{words}: {reason}"


def complete(
    schema: dict[str, Any],
    hosted: list[type[pulumi.ComponentResource]],
    components: Defs,
    types: Types,
    camel: Mapping[str, str],
) -> dict[str, Any]:
    """The schema that the SDK inferred, with what it lacks."""
    analyzer = Analyzer(schema["name"])
    for component in hosted:
        found = components[component.__name__]
        resource = schema["resources"][f"{schema['name']}:index:{component.__name__}"]
        args = inspect.get_annotations(component.__init__)["args"]
        _describe(resource["inputProperties"], args, found.inputs_mapping, analyzer, camel)
        _describe(resource["properties"], component, found.outputs_mapping, analyzer, camel)
        resource["description"] = _text(component.__doc__, camel)
    for each in types.values():
        declared = schema["types"][f"{schema['name']}:index:{each.name}"]
        _describe(
            declared.get("properties") or {}, each.python_type, each.properties_mapping, analyzer, camel
        )
        declared["description"] = _text(each.python_type.__doc__, camel)
        for member in declared.get("enum") or []:
            member["description"] = _text(member.get("description"), camel)
            member["name"] = member["name"].title().replace("_", "")
    schema |= {
        "displayName": "Vault AWS auth",
        "description": DESCRIPTION,
        "license": "Apache-2.0",
        "keywords": ["category/infrastructure", "kind/component", "vault", "aws", "eks", "iam"],
    }
    return {key: _without_nothing(value) for key, value in schema.items() if value is not None}


def _describe(
    properties: dict[str, Any],
    owner: type,
    mapping: Mapping[str, str],
    analyzer: Analyzer,
    camel: Mapping[str, str],
) -> None:
    for name, declared in properties.items():
        found = _docstring(owner, mapping[name], analyzer)
        declared["description"] = _text(found, {} if name in _WORDS_OF_VAULT else camel)
        _say_once(declared)
        if found and _SECRET.search(found):
            declared["secret"] = True


def _say_once(declared: dict[str, Any]) -> None:
    """Without the description that the host repeats for each of several values."""
    for inner in ("items", "additionalProperties"):
        if declared.get(inner):
            declared[inner].pop("description", None)
            _say_once(declared[inner])


def _docstring(owner: type, field: str, analyzer: Analyzer) -> str | None:
    """A field's docstring, where it is declared: in the class or in one that it extends."""
    found = analyzer.get_docstring(owner, field)
    bases = get_original_bases(owner)
    inherited = (_docstring(base, field, analyzer) for base in bases if isinstance(base, type))
    return found or next((text for text in inherited if text), None)


def _text(docstring: str | None, camel: Mapping[str, str]) -> str:
    """A docstring as text: one line for each paragraph, with the names of other languages."""
    paragraphs = re.split(r"\n\s*\n", inspect.cleandoc(docstring or ""))
    text = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    return re.sub(r"`[^`]+`", lambda quoted: _renamed(quoted[0], camel), text)


def _renamed(quoted: str, camel: Mapping[str, str]) -> str:
    return re.sub(r"(?<![\w/-])[a-z]\w*(?![\w/-])", lambda word: camel.get(word[0], word[0]), quoted)


def _without_nothing(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nothing(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nothing(item) for item in value]
    return value
