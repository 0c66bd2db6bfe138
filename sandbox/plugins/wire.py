"""Encodes and decodes Pulumi's values.

On the wire, secrets and unknowns are ordinary values with well-known signatures; in Python they are `Secret`
and `UNKNOWN`. Whole numbers are doubles on the wire and ints in Python. The guardrails have a decoder of
their own (policies/guardrails/rules/values.py), because the engine runs their folder by itself.
"""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

from google.protobuf.struct_pb2 import ListValue, Struct, Value

from sandbox.plugins.resource import ProviderError

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 (a signature, not a secret)
_OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"

# One for each type that an unknown can have: string, bool, number, list, asset, archive, map.
_UNKNOWNS = (
    "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
    "030794c1-ac77-496b-92df-f27374a8bd58",
    "e48ece36-62e2-4504-bad9-02848725956a",
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
)


class Unknown:
    """A value that is unknown until the resource it comes from exists."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that the engine keeps encrypted."""

    value: Any

    def __repr__(self) -> str:
        return "Secret(…)"


def decode(struct: Struct) -> dict[str, Any]:
    """The properties, without nulls."""
    decoded = {key: _decode(value) for key, value in struct.fields.items()}
    return {key: value for key, value in decoded.items() if value is not None}


def decode_inputs(struct: Struct) -> dict[str, Any]:
    """The properties, without a provider's internal ones (`__defaults`)."""
    return {key: value for key, value in decode(struct).items() if not key.startswith("__")}


def _decode(value: Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return UNKNOWN if value.string_value in _UNKNOWNS else value.string_value
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "bool_value":
        return value.bool_value
    if kind == "list_value":
        return [_decode(item) for item in value.list_value.values]
    if kind == "struct_value":
        fields = value.struct_value.fields
        if _SIGNATURE not in fields:
            return decode(value.struct_value)
        return _decode_signed(fields[_SIGNATURE].string_value, fields)
    return None


def _decode_signed(signature: str, fields: Mapping[str, Value]) -> Any:
    if signature == _SECRET:
        return Secret(_decode(fields["value"]))
    if signature == _OUTPUT:
        inner = _decode(fields["value"]) if "value" in fields else UNKNOWN
        return Secret(inner) if "secret" in fields and fields["secret"].bool_value else inner
    if signature == _RESOURCE:
        return _decode(fields["id"]) if "id" in fields else fields["urn"].string_value
    raise ProviderError("assets and archives are not supported by the sandbox's local plugins")


def encode(properties: Mapping[str, Any]) -> Struct:
    """The properties as a message; nulls are left out."""
    return Struct(fields={k: _encode(v) for k, v in properties.items() if v is not None})


def _encode(value: Any) -> Value:
    if value is UNKNOWN:
        return Value(string_value=_UNKNOWNS[0])
    if isinstance(value, Secret):
        signature = Value(string_value=_SECRET)
        return Value(struct_value=Struct(fields={_SIGNATURE: signature, "value": _encode(value.value)}))
    if value is None:
        return Value(null_value=0)
    if isinstance(value, bool):
        return Value(bool_value=value)
    if isinstance(value, (int, float)):
        return Value(number_value=value)
    if isinstance(value, str):
        return Value(string_value=value)
    if isinstance(value, Mapping):
        return Value(struct_value=encode(value))
    if isinstance(value, (list, tuple, set, frozenset)):
        return Value(list_value=ListValue(values=[_encode(item) for item in value]))
    raise TypeError(f"{type(value).__name__} is not a Pulumi value")


def plain(value: Any) -> Any:
    """The value with its secrets unwrapped."""
    if isinstance(value, Secret):
        return plain(value.value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def hidden(properties: Mapping[str, Any], secret: Set[str]) -> dict[str, Any]:
    """The properties, with those in `secret` wrapped as secrets, each once."""
    return {
        key: Secret(plain(value)) if key in secret and value is not None else value
        for key, value in properties.items()
    }


def is_known(value: Any) -> bool:
    """Whether the value contains no unknown."""
    if isinstance(value, Secret):
        return is_known(value.value)
    if isinstance(value, dict):
        return all(is_known(item) for item in value.values())
    if isinstance(value, list):
        return all(is_known(item) for item in value)
    return value is not UNKNOWN


def is_secret(value: Any) -> bool:
    """Whether the value contains a secret."""
    return any(True for _ in secret_values(value))


def secret_values(value: Any) -> Iterator[Any]:
    """Every secret in the value, unwrapped."""
    if isinstance(value, Secret):
        yield plain(value)
    elif isinstance(value, dict):
        for item in value.values():
            yield from secret_values(item)
    elif isinstance(value, list):
        for item in value:
            yield from secret_values(item)


def known_only(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The fully known properties, with secrets unwrapped."""
    return {key: plain(value) for key, value in properties.items() if is_known(value)}
