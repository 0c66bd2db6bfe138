"""The package's schema, completed: what the SDK's analysis of the components leaves out.

Descriptions of inherited fields, as running text with the names that other languages use; defaults and
secrets, from the declarations; and what the package is.
"""

import inspect
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

import pulumi
from pulumi.provider.experimental.analyzer import Analyzer, ComponentDefinition, TypeDefinition
from typing_extensions import is_typeddict

from components.declared import fields_of, meanings, shape, to_camel
from components.version import REPOSITORY

DESCRIPTION = (
    "Workloads on AWS read secrets from HashiCorp Vault without a stored credential: the components of the "
    "EKS cluster, the IAM roles, Vault's AWS auth method and its logins."
)

_WORDS_OF_VAULT = {"identityAlias", "identityMetadata"}
"""Inputs whose descriptions quote words of Vault's API, which look like names of inputs."""

Defs = Mapping[str, ComponentDefinition]
Types = Mapping[str, TypeDefinition]


def complete(
    schema: dict[str, Any], hosted: list[type[pulumi.ComponentResource]], components: Defs, types: Types
) -> dict[str, Any]:
    """The schema that the SDK inferred, with what it lacks."""
    names = _names(components, types)
    for component in hosted:
        found = components[component.__name__]
        resource = schema["resources"][f"{schema['name']}:index:{component.__name__}"]
        args = inspect.get_annotations(component.__init__)["args"]
        _complete(resource["inputProperties"], args, found.inputs_mapping, names)
        _complete(resource["properties"], component, found.outputs_mapping, names)
        resource["description"] = _text(component.__doc__, names)
    for each in types.values():
        declared = schema["types"][f"{schema['name']}:index:{each.name}"]
        declared["description"] = _text(each.python_type.__doc__, names)
        if is_typeddict(each.python_type):
            _complete(declared.get("properties") or {}, each.python_type, each.properties_mapping, names)
        for member in declared.get("enum") or []:
            # Not the SDK's: it loses the first one, now and then.
            member["description"] = _text(meanings(each.python_type).get(member["name"]), names)
            member["name"] = member["name"].title().replace("_", "")
    schema |= {
        "displayName": "Vault AWS auth",
        "description": DESCRIPTION,
        "license": "Apache-2.0",
        "homepage": REPOSITORY,
        "repository": REPOSITORY,
        "keywords": ["category/infrastructure", "kind/component", "vault", "aws", "eks", "iam"],
    }
    return {key: _without_nothing(value) for key, value in schema.items() if value is not None}


def _names(components: Defs, types: Types) -> set[str]:
    """The names of all inputs and outputs, in Python."""
    mappings = [it.inputs_mapping for it in components.values()]
    mappings += [it.outputs_mapping for it in components.values()]
    mappings += [it.properties_mapping for it in types.values()]
    return {python for mapping in mappings for python in mapping.values()}


def _complete(properties: dict[str, Any], owner: type, mapping: Mapping[str, str], names: set[str]) -> None:
    shapes = fields_of(owner) if is_typeddict(owner) else _outputs(owner)
    texts = meanings(owner) if is_typeddict(owner) else _docstrings(owner)
    for name, declared in properties.items():
        python = mapping[name]
        declared["description"] = _text(texts.get(python), set() if name in _WORDS_OF_VAULT else names)
        _describe_once(declared)
        found = shapes[python]
        if found.secret:
            declared["secret"] = True
        default = found.default.value if isinstance(found.default, Enum) else found.default
        if found.has_default and isinstance(default, (str, int)):
            declared["default"] = default


def _outputs(component: type) -> dict[str, Any]:
    return {
        name: shape(annotation)
        for base in reversed(component.__mro__)
        for name, annotation in inspect.get_annotations(base).items()
        if issubclass(base, pulumi.ComponentResource) and base is not pulumi.ComponentResource
    }


def _docstrings(component: type) -> dict[str, str]:
    """The docstring of each output, where it is declared: in the class or in one that it extends."""
    analyzer = Analyzer("docstrings")
    return {
        name: text
        for base in reversed(component.__mro__)
        for name in inspect.get_annotations(base)
        if (text := analyzer.get_docstring(base, name))
    }


def _describe_once(declared: dict[str, Any]) -> None:
    """Without the description that the host repeats for each of several values."""
    for inner in ("items", "additionalProperties"):
        if declared.get(inner):
            declared[inner].pop("description", None)
            _describe_once(declared[inner])


def _text(docstring: str | None, names: set[str]) -> str:
    """A docstring as text: one line for each paragraph, with the names of other languages."""
    paragraphs = re.split(r"\n\s*\n", inspect.cleandoc(docstring or ""))
    text = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    return re.sub(r"`[^`]+`", lambda quoted: _renamed(quoted[0], names), text)


def _renamed(quoted: str, names: set[str]) -> str:
    def rename(word: re.Match[str]) -> str:
        return to_camel(word[0]) if word[0] in names else word[0]

    return re.sub(r"(?a)(?<![\w/-])[a-z]\w*(?![\w/-])", rename, quoted)


def _without_nothing(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nothing(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nothing(item) for item in value]
    return value
