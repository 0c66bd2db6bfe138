"""The reference of the settings as a page, from the schema of stack files."""

from collections.abc import Iterator
from typing import Any

from stack.sections import KEYS, PROJECT, REGION_KEY, ExistingCluster, Key
from tools.docs.docstrings import meaning_and_default, one_line, shown
from tools.docs.schema import REGION, Schema, definitions, name_of

INTRODUCTION = """# Settings

Every key of a stack file. A key without a default is optional, unless it is **required**. `Pulumi.dev.yaml`
shows all keys in a stack file.

Editors that support JSON Schema, such as those with the YAML language server, complete and check stack files:
the first line of each names `schema/stack.schema.json`.

Write a duration as `15m`, `1h30m`, `768h`, `30d`, or in seconds.

## Single keys

| key | form | meaning |
|---|---|---|
"""


def page() -> str:
    """The page, in Markdown."""
    return INTRODUCTION + "\n".join(_page()) + "\n"


def _page() -> Iterator[str]:
    known = definitions()
    yield f"| `{REGION_KEY}` | text, required | {REGION} |"
    for name, form in (
        ("accountId", "12 digits, in quotes"),
        ("tags", "mapping of text"),
        ("permissionsBoundary", "text"),
        ("iamRoleNamePrefix", "text"),
    ):
        yield f"| `{PROJECT}:{name}` | {form} | {known['Scalars']['properties'][name]['description']} |"
    for key, declared in KEYS.items():
        yield f"\n## {key}\n\n{declared.meaning}.\n"
        yield from _example(key, declared)
        if declared.own_name:
            own = f"`{declared.own_name}` is by default the one that it has here"
            yield f"Each has the keys of [`cluster`](#cluster); {own}."
            continue
        for kind, model in declared.kinds.items():
            if kind:
                yield f"\n### {key}: {kind}\n"
                said = "This is the default. " if kind == declared.default_kind else ""
                yield f"`kind: {kind}`. {said}{_about(model)}"
            yield from _table("", known[name_of(model)], known)
        if key == "cluster":
            yield f"\n### cluster: existing\n\n`existing: true`. {_about(ExistingCluster)}"
            yield from _table("", known[name_of(ExistingCluster)], known)


def _about(section: type) -> str:
    return one_line(section.__doc__ or "")


def _example(key: str, declared: Key) -> Iterator[str]:
    lines = [f"{PROJECT}:{key}:", *([f"  {declared.name}:"] if declared.name else [])]
    yield "```yaml\n" + "\n".join([*lines, "  " * len(lines) + "…"]) + "\n```\n"


def _table(prefix: str, section: Schema, known: dict[str, Schema]) -> Iterator[str]:
    yield "\n| key | form | default | meaning |\n|---|---|---|---|"
    yield from _rows(prefix, section, known)
    yield ""


def _rows(prefix: str, section: Schema, known: dict[str, Schema]) -> Iterator[str]:
    for key, field in section["properties"].items():
        if key == "kind":
            continue
        below, several = _below(field, known)
        meaning, default = _meaning(field)
        if key in section.get("required", ()):
            default = "**required**"
        form = ("mapping by name" if several else "mapping") if below else _form(field, known)
        yield f"| `{prefix}{key}` | {form} | {default} | {meaning} |"
        if below:
            yield from _rows(f"{prefix}{key}.{'NAME.' if several else ''}", below, known)


def _below(field: Schema, known: dict[str, Schema]) -> tuple[Schema | None, bool]:
    """The section below a field, if any; and whether there are several by name."""
    inner = [*field.get("patternProperties", {}).values(), field.get("additionalProperties", {})]
    for several, schema in ((False, field), *((True, each) for each in inner)):
        target = _resolved(schema, known)
        if target and "properties" in target:
            return target, several
    return None, False


def _resolved(schema: Any, known: dict[str, Schema]) -> Schema | None:
    if not isinstance(schema, dict):
        return None
    for one in (schema, *schema.get("allOf", [])):
        if "$ref" in one:
            return known[one["$ref"].rpartition("/")[2]]
    return None


def _form(field: Schema, known: dict[str, Schema]) -> str:
    field = {**field, **(_resolved(field, known) or {})}
    if "anyOf" in field:
        return _form(field["anyOf"][0], known)
    if "enum" in field:
        return ", ".join(f"`{word}`" for word in field["enum"])
    kind = field.get("type")
    if kind == "array":
        return f"list: {_form(field['items'], known)}"
    if kind == "object":
        return "mapping"
    if kind == ["string", "integer"]:
        kind = "string"
        if field.get("examples") == ["1h30m"]:
            return "duration"
    if kind is None:
        return "mapping, or JSON"
    words = {"string": "text", "boolean": "`true`, `false`", "integer": "number"}[str(kind)]
    return f"{words}, e.g. `{field['examples'][0]}`" if field.get("examples") else words


def _meaning(field: Schema) -> tuple[str, str]:
    """What a key means, and its default, which the schema or the description says."""
    meaning, default = meaning_and_default(field.get("description", ""))
    return meaning, shown(field["default"]) if "default" in field else default
