# mypy: disable-error-code="no-untyped-call,misc"
"""Everything that a stack declares: the program, run against an engine that makes nothing.

It needs no credentials, and neither Vault nor a cluster nor AWS.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import json_format
from pulumi.runtime import mocks, rpc
from pulumi.runtime.proto import resource_pb2

from components import arns
from stack import compose, lookups, providers
from stack.deployer import engine
from stack.file import StackFile
from stack.preflight import needed, objects
from stack.preflight.in_cluster import NOUNS

UNKNOWN_ACCOUNT = "000000000000"
"""Where the stack file does not say the account: becomes `*` in a policy."""

UNKNOWN_ID = "0" * 32
"""The part of an issuer that EKS makes up: becomes `*` in a policy."""


@dataclass(frozen=True)
class Declared:
    """A resource, or a function that is called."""

    type: str
    """Type token, `aws:iam/role:Role`; of a function, its token."""

    name: str
    """Its name in the program; empty for a function."""

    inputs: Mapping[str, Any]
    """Inputs as the engine gets them, secrets as plain text; of a function, its arguments."""

    account: str = ""
    """The AWS account, where it is not the stack's own."""

    region: str = ""
    """The AWS region, where it is not the stack's."""

    provider: str = ""
    """Name of its provider."""

    is_read: bool = False
    """Whether it is only read."""


@dataclass(frozen=True)
class Place:
    """Where a stack is deployed: what ARNs and paths begin with."""

    region: str
    account: str
    """`*` where the stack file does not say it."""
    namespace: str
    """Vault's; empty for the root."""
    project: str
    stack: str
    accounts: frozenset[str]
    """The other accounts in which the stack makes something."""
    named: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """ARNs of the roles and users that the stack file names, by kind and name: with their paths."""

    @property
    def partition(self) -> str:
        """`aws`, `aws-cn`, …"""
        return arns.partition_of(self.region)

    def arn(self, service: str, resource: str, account: str = "") -> str:
        """An ARN in the stack's region, or of IAM, which has none."""
        region = "" if service == "iam" else self.region
        return f"arn:{self.partition}:{service}:{region}:{account or self.account}:{resource}"


@dataclass(frozen=True)
class Program:
    """What a stack declares, in order, and where."""

    place: Place
    declared: tuple[Declared, ...]

    def of(self, account: str) -> list[Declared]:
        """What is declared in an account; of the stack's own, as empty text."""
        return [each for each in self.declared if each.account == account]


def run(stack: StackFile, project: str, name: str) -> Program:
    """The stack's program, run to its end as the stack of this name."""
    account = stack.account_id or UNKNOWN_ACCOUNT
    named = {(arns.parse(arn).kind, arns.parse(arn).name): arn for _, arn in lookups.principals(stack)}
    elsewhere = frozenset(
        number for number, it in stack.accounts.items() if "role_arn" not in it and number != stack.account_id
    )
    heard: list[Declared] = []
    monitor = _Monitor(_Cloud(stack, account, named), heard, elsewhere)

    def declare() -> None:
        compose.declare(stack, providers.declare(stack))

    engine.run(declare, monitor, project=project, stack=name)
    place = Place(
        stack.region, stack.account_id or "*", stack.vault["namespace"], project, name, elsewhere, named
    )
    return Program(place, (*heard, *_looked_up(stack)))


LOOKED_UP = "looked up:"
"""How the type of what the stack looks for before its first change begins; its noun follows."""


def _looked_up(stack: StackFile) -> Iterator[Declared]:
    """What has to be there, or must not be (stack/preflight)."""
    clusters = {it.place: it for it in stack.clusters.values()}
    for made in (*objects.of(stack), *(need.made for need in needed.of(stack))):
        cluster = clusters.get(made.thing.cluster)
        of_cluster = cluster if made.thing.noun in NOUNS else None
        yield Declared(
            f"{LOOKED_UP}{made.thing.noun}",
            "",
            {"name": made.name},
            made.thing.account,
            cluster.region
            if cluster and cluster.elsewhere and made.thing.noun in objects.OF_CLUSTERS
            else "",
            of_cluster.resource("kubernetes") if of_cluster else "",
            is_read=True,
        )


class _Cloud(mocks.Mocks):
    """Outputs as AWS, Vault and Kubernetes would give them, as far as other resources need them."""

    def __init__(self, stack: StackFile, account: str, named: Mapping[tuple[str, str], str]) -> None:
        self.region, self.named = stack.region, named
        self.partition, self.account = arns.partition_of(stack.region), account
        self.regions: dict[str, str] = {}
        """By name of a resource: its region, where it is not the stack's."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        name = args.inputs.get("name", args.name)
        path = args.inputs.get("path") or "/"
        iam = f"arn:{self.partition}:iam::{_account(args.provider) or self.account}"
        made: dict[str, dict[str, Any]] = {
            "aws:iam/role:Role": {"arn": f"{iam}:role{path}{name}", "uniqueId": "AROA", "name": name},
            "aws:iam/user:User": {"arn": f"{iam}:user{path}{name}", "uniqueId": "AIDA", "name": name},
            "aws:iam/policy:Policy": {"arn": f"{iam}:policy{path}{name}"},
            "aws:iam/accessKey:AccessKey": {"secret": ""},
            "aws:iam/openIdConnectProvider:OpenIdConnectProvider": {
                "arn": f"{iam}:oidc-provider/{str(args.inputs.get('url')).removeprefix('https://')}"
            },
            "aws:ec2/launchTemplate:LaunchTemplate": {"latestVersion": 1},
            "eks:index:Cluster": {
                "kubeconfigJson": "{}",
                "oidcIssuer": self._issuer(self.regions.get(args.name, "")),
            },
            "random:index/randomPassword:RandomPassword": {"result": "0" * 32},
            "vault:index/authBackend:AuthBackend": {"accessor": "auth_aws_0"},
            "vault:aws/secretBackend:SecretBackend": {"accessor": "aws_0"},
        }
        return f"{args.name}-id", {**args.inputs, **made.get(args.typ, {})}

    def call(self, args: mocks.MockCallArgs) -> dict[str, Any]:  # type: ignore[override]
        iam = f"arn:{self.partition}:iam::{_account(args.provider) or self.account}"
        asked = args.args
        answers: dict[str, dict[str, Any]] = {
            "aws:iam/getRole:getRole": {"uniqueId": "AROA", "arn": self._found(iam, "role", asked, "name")},
            "aws:iam/getUser:getUser": {
                "userId": "AIDA",
                "arn": self._found(iam, "user", asked, "userName"),
            },
            "aws:index/getCallerIdentity:getCallerIdentity": {"accountId": self.account},
            "aws:eks/getCluster:getCluster": {
                "name": asked.get("name"),
                "endpoint": "https://example.com",
                "certificateAuthorities": [{"data": ""}],
                "identities": [{"oidcs": [{"issuer": f"https://{self._issuer(_region(args.provider))}"}]}],
            },
            "vault:index/getNamespace:getNamespace": {"namespaceId": "root"},
        }
        if args.token == "aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider":  # noqa: S105 (a token of a function)
            # As if there were none, so that the stack makes it.
            raise RuntimeError(f"finding IAM OIDC Provider by url ({asked.get('url')}): not found")
        return answers.get(args.token, {})

    def _issuer(self, region: str) -> str:
        region = region or self.region
        return f"oidc.eks.{region}.{arns.dns_suffix(region)}/id/{UNKNOWN_ID}"

    def _found(self, iam: str, kind: str, asked: Mapping[str, Any], field: str) -> str:
        """The ARN of what is looked up by its name: as the stack file has it, with its path."""
        name = str(asked.get(field))
        return self.named.get((kind, name), f"{iam}:{kind}/{name}")


def _account(provider: str | None) -> str:
    """The account in a provider's name; empty for the stack's own."""
    found = re.search(r"(?a)::aws-(\d{12})(?:::|$)", provider or "")
    return found[1] if found else ""


def _region(provider: str | None) -> str:
    """The region in a provider's name; empty for the stack's."""
    found = re.search(r"(?a)::([a-z0-9-]+)/aws(?:::|$)", provider or "")
    return found[1] if found else ""


@dataclass
class _Monitor(mocks.MockMonitor):
    """The engine's resource monitor, which notes what it hears."""

    cloud: _Cloud
    heard: list[Declared]
    elsewhere: frozenset[str]

    def __post_init__(self) -> None:
        super().__init__(self.cloud)

    def GetDeploymentInfo(self, request: Any) -> Any:
        # A resource given as an input arrives as its URN. The SDK's mocks would look the resource up in
        # another event loop.
        info = super().GetDeploymentInfo(request)
        info.supportedFeatures.remove(resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES)
        return info

    def RegisterResource(self, request: Any) -> Any:
        # A component of another package has no provider of its own.
        provider = request.provider or request.providers.get("aws", "")
        self.cloud.regions[request.name] = _region(provider)
        if request.type != "pulumi:pulumi:Stack":
            self._note(request.type, request.name, request.object, provider)
        return super().RegisterResource(request)

    def ReadResource(self, request: Any) -> Any:
        properties = json_format.MessageToDict(request.properties)
        self._note(
            request.type, request.name, {**properties, "id": request.id}, request.provider, is_read=True
        )
        return super().ReadResource(request)

    def Invoke(self, request: Any) -> Any:
        if request.tok != "pulumi:pulumi:getResource":
            self._note(request.tok, "", request.args, request.provider)
        try:
            return super().Invoke(request)
        except RuntimeError as refusal:
            raise engine.Refusal(str(refusal)) from None

    def _note(self, kind: str, name: str, values: Any, provider: str, is_read: bool = False) -> None:
        given = values if isinstance(values, dict) else json_format.MessageToDict(values)
        account = _account(provider)
        self.heard.append(
            Declared(
                kind,
                name,
                {key: _plain(value) for key, value in given.items()},
                account if account in self.elsewhere else "",
                _region(provider),
                provider.split("::")[3] if provider else "",
                is_read,
            )
        )


def _plain(value: Any) -> Any:
    """A value without the marks of secrets."""
    if isinstance(value, dict):
        if rpc._special_sig_key in value:
            return _plain(value.get("value"))
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def parsed(text: Any) -> Any:
    """An input that a provider takes as JSON."""
    return json.loads(text) if isinstance(text, str) else text
