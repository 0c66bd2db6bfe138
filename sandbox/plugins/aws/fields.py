"""Renames fields between Pulumi and AWS."""

import json
from collections.abc import Iterable, Mapping
from typing import Any


def as_is(text: str) -> dict[str, str]:
    """Names that both sides use, for `rename` and `back`."""
    return {name: name for name in text.split()}


def capital(text: str) -> dict[str, str]:
    """Names that differ in their first letter only, for `rename` and `back`."""
    return {name: name[0].upper() + name[1:] for name in text.split()}


def rename(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The existing values, under the other side's names."""
    return {theirs: values[ours] for ours, theirs in names.items() if values.get(ours) is not None}


def back(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The reverse of `rename`; dates become strings."""
    return {ours: moment(values[theirs]) for ours, theirs in names.items() if values.get(theirs) is not None}


def moment(value: Any) -> Any:
    """Dates as AWS's APIs write them; other values unchanged."""
    return value.strftime("%Y-%m-%dT%H:%M:%SZ") if hasattr(value, "strftime") else value


def document(text: str | Mapping[str, Any]) -> str:
    """A policy document as text, because boto3 decodes IAM's."""
    return text if isinstance(text, str) else json.dumps(text)


def pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags in the form of most APIs."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def unpaired(tags: Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    """The reverse of `pairs`."""
    return {tag["Key"]: tag["Value"] for tag in tags or []}
