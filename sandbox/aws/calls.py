"""An AWS API call, independent of its protocol."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from sandbox.aws.errors import AwsError
from sandbox.aws.sigv4 import HttpRequest

READ_ONLY = ("Describe", "Get", "List", "Simulate")


@dataclass(frozen=True)
class Call:
    """Service, action and parameters of a request."""

    service: str
    action: str  # as in policies: "GetRole"
    params: Mapping[str, Any]  # flat in query protocols: "Tags.member.1.Key"
    region: str

    @property
    def name(self) -> str:
        """The action as in policies."""
        return f"{self.service}:{self.action}"

    @property
    def read_only(self) -> bool:
        return self.action.startswith(READ_ONLY)

    def text(self, name: str, default: str = "") -> str:
        """A parameter as text."""
        return str(self.params.get(name) or default)

    def members(self, name: str) -> list[str]:
        """A list parameter of a query protocol: IAM's and STS's `Keys.member`, EC2's `Key`."""
        prefix = f"{name}."
        return [
            str(v) for k, v in self.params.items() if k.startswith(prefix) and "." not in k[len(prefix) :]
        ]

    def tags(self, name: str = "Tags.member") -> dict[str, str]:
        """A tag list of a query protocol, by a name as `members` takes it."""
        prefix = f"{name}."
        return {
            str(key): str(self.params.get(f"{field[: -len('.Key')]}.Value", ""))
            for field, key in self.params.items()
            if field.startswith(prefix) and field.endswith(".Key")
        }


def query_call(service: str, region: str, request: HttpRequest) -> Call:
    """A call of the query and EC2 protocols: form fields in the body, or in the query of a GET."""
    fields = dict(request.query_pairs)
    if request.body:
        try:
            fields |= dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        except UnicodeDecodeError:
            raise AwsError("MalformedInput", "The request is not valid UTF-8.", 400) from None
    if not fields.get("Action"):
        raise AwsError("MissingAction", "The request must contain the parameter Action.", 400)
    return Call(service, fields.pop("Action"), fields, region)


def json_call(service: str, region: str, request: HttpRequest) -> Call:
    """A call of the JSON protocol: the action in a header, the parameters in the body."""
    action = request.headers.get("x-amz-target", "").rpartition(".")[2]
    return Call(service, action, json_body(request), region)


def json_body(request: HttpRequest) -> dict[str, Any]:
    """The JSON object in the body; an empty body is an empty object."""
    try:
        body = json.loads(request.body or b"{}")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise AwsError("SerializationException", "The request body is not a JSON object.", 400)
    return body
