# mypy: disable-error-code="no-untyped-call,misc"
"""Runs a program against a recording engine: what it registered, called and exported.

Everything has been registered when `record` returns, so that absence can be asserted as well as presence.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pytest
from google.protobuf import json_format
from pulumi.runtime import mocks
from pulumi.runtime.config import set_all_config
from pulumi.runtime.proto import resource_pb2

from components import ArgumentError, arns
from sandbox.plugins import wire
from stack.deployer import engine

ACCOUNT = "111111111111"
ISSUER = "oidc.eks.us-east-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
KUBECONFIG = '{"apiVersion": "v1"}'
CLUSTER = {
    "name": "eks1",
    "arn": f"arn:aws:eks:us-east-1:{ACCOUNT}:cluster/eks1",
    "oidc_provider_arn": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}",
    "oidc_issuer": f"https://{ISSUER}",
}
"""A cluster as `EksCluster.ref` has it."""


@dataclass(frozen=True)
class Registered:
    """One registration, as the engine got it."""

    urn: str
    type: str
    name: str
    inputs: dict[str, Any]
    secrets: set[str]
    """Inputs that are secret."""
    parent: str
    """Name of the parent; empty for the stack."""
    provider: str
    """Name of the explicit provider; empty for the default one."""
    providers: dict[str, str]
    """For a component from a plugin: names of the providers handed to it, by package."""
    depends_on: set[str]
    """Names of the resources that it waits for."""
    delete_before_replace: bool
    replace_on_changes: set[str]
    """Inputs whose change replaces it, whatever the provider says."""
    replacement_trigger: Any
    """The value whose change replaces it; None where it has none."""
    alias_types: set[str]
    """Types that a resource of its name may have had before."""
    alias_parents: set[str]
    """Names of the parents that it may have had before; empty for the stack."""
    ignore_changes: set[str]
    """Inputs whose changes are left alone."""
    protect: bool
    """Whether it cannot be deleted."""
    retain_on_delete: bool
    """Whether it is forgotten instead of deleted."""
    aliases: set[str]
    """The URNs that it may have had before, where they are given whole."""


@dataclass
class Recording:
    """What happened."""

    resources: list[Registered] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any], str]] = field(default_factory=list)
    """Functions called: token, arguments, name of the provider."""
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Outputs registered by components and the stack, by URN; secrets are unwrapped."""
    secret_outputs: dict[str, set[str]] = field(default_factory=dict)

    def one(self, type_: str, name: str) -> Registered:
        """The resource of a type and name; there is exactly one."""
        (found,) = [r for r in self.resources if (r.type, r.name) == (type_, name)]
        return found

    def named(self, name: str) -> list[Registered]:
        """All resources of a name."""
        return [r for r in self.resources if r.name == name]

    def of_type(self, type_: str) -> list[Registered]:
        """All resources of a type."""
        return [r for r in self.resources if r.type == type_]

    def children(self, parent: str) -> set[tuple[str, str]]:
        """Type and name of the resources below a component."""
        return {(r.type, r.name) for r in self.resources if r.parent == parent}

    def exports(self) -> dict[str, Any]:
        """The stack's outputs."""
        return next(outputs for urn, outputs in self.outputs.items() if "pulumi:pulumi:Stack" in urn)

    def outputs_of(self, name: str, kind: str = "") -> dict[str, Any]:
        """The outputs of a component, of a kind where several have the name."""
        return next(outputs for urn, outputs in self.outputs.items() if urn.endswith(f"{kind}::{name}"))


def _name(reference: str) -> str:
    """The resource name in a URN, or in a provider reference, which is `<urn>::<id>`."""
    parts = reference.split("::")
    return "" if not reference or "pulumi:pulumi:Stack" in parts[2] else parts[3]


def _secrets(struct: Any) -> set[str]:
    return {key for key, value in wire.decode(struct).items() if wire.is_secret(value)}


def _plain(struct: Any) -> dict[str, Any]:
    """The properties, with secrets unwrapped."""
    return {key: wire.plain(value) for key, value in wire.decode(struct).items()}


class Cloud(mocks.Mocks):
    """Answers as AWS, Vault and Kubernetes would.

    `answers` are further ones, by function token; one refuses by raising RuntimeError. In a preview
    nothing is made, so no ID is known.
    """

    def __init__(
        self, answers: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]], preview: bool = False
    ) -> None:
        self.answers = answers
        self.preview = preview

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        if self.preview:
            return None, args.inputs
        name = args.inputs.get("name", args.name)
        arn = self._arn(args.provider)
        made: dict[str, dict[str, Any]] = {
            "aws:iam/role:Role": {"arn": f"{arn}:role/{name}", "uniqueId": f"AROA-{name}", "name": name},
            "aws:iam/user:User": {"arn": f"{arn}:user/{name}", "name": name},
            "aws:iam/policy:Policy": {"arn": f"{arn}:policy/{name}"},
            "aws:iam/accessKey:AccessKey": {"secret": "the-secret"},
            "aws:iam/openIdConnectProvider:OpenIdConnectProvider": {
                "arn": f"{arn}:oidc-provider/{args.inputs.get('url', ISSUER).removeprefix('https://')}"
            },
            "aws:ec2/launchTemplate:LaunchTemplate": {"latestVersion": 1},
            "eks:index:Cluster": {"kubeconfigJson": KUBECONFIG, "oidcIssuer": ISSUER},
            "random:index/randomPassword:RandomPassword": {"result": "the-random-password"},
            "vault:index/authBackend:AuthBackend": {"accessor": "auth_aws_1234"},
            "vault:aws/secretBackend:SecretBackend": {"accessor": "aws_1234"},
        }
        return f"{args.name}-id", {**args.inputs, **made.get(args.typ, {})}

    def call(self, args: mocks.MockCallArgs) -> dict[str, Any]:  # type: ignore[override]
        if args.token in self.answers:
            return self.answers[args.token](args.args)
        arn = self._arn(args.provider)
        if args.token == "aws:iam/getRole:getRole":
            name = args.args["name"]
            return {"uniqueId": f"AROA-{name}", "arn": f"{arn}:role/{name}"}
        if args.token == "aws:iam/getUser:getUser":
            name = args.args["userName"]
            return {"userId": f"AIDA-{name}", "arn": f"{arn}:user/{name}"}
        if args.token == "vault:index/getAuthBackend:getAuthBackend":
            return {"path": args.args["path"], "type": "aws", "accessor": "auth_aws_1234"}
        if args.token == "aws:index/getCallerIdentity:getCallerIdentity":
            return {"accountId": arn.split(":")[4]}
        raise AssertionError(f"unexpected call of {args.token}")

    @staticmethod
    def _arn(provider: str | None) -> str:
        """How IAM's ARNs begin; a provider of another account has the account in its name."""
        account = re.search(r"\d{12}", provider or "")
        partition = arns.partition_of(pulumi.Config("aws").get("region") or "")
        return f"arn:{partition}:iam::{account[0] if account else ACCOUNT}"


class _Monitor(mocks.MockMonitor):
    def __init__(self, cloud: Cloud, recording: Recording) -> None:
        super().__init__(cloud)
        self.recording = recording

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        # As the engine makes it; the SDK's own leaves out all but the nearest parent.
        below = "" if not _name(parent) else parent.split("::")[2] + "$"
        return "::".join([f"urn:pulumi:{pulumi.get_stack()}", pulumi.get_project(), below + type_, name])

    def GetDeploymentInfo(self, request: Any) -> Any:
        # A resource given as an input arrives as its URN, which can be asserted.
        info = super().GetDeploymentInfo(request)
        info.supportedFeatures.remove(resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES)
        return info

    def RegisterResource(self, request: Any) -> Any:
        answer = super().RegisterResource(request)
        if request.type != "pulumi:pulumi:Stack":
            self.recording.resources.append(
                Registered(
                    urn=answer.urn,
                    type=request.type,
                    name=request.name,
                    inputs=_plain(request.object),
                    secrets=_secrets(request.object),
                    parent=_name(request.parent),
                    provider=_name(request.provider),
                    providers={package: _name(ref) for package, ref in request.providers.items()},
                    depends_on={_name(urn) for urn in request.dependencies},
                    delete_before_replace=request.deleteBeforeReplace,
                    replace_on_changes=set(request.replaceOnChanges),
                    replacement_trigger=json_format.MessageToDict(request.replacement_trigger)
                    if request.HasField("replacement_trigger")
                    else None,
                    alias_types={alias.spec.type for alias in request.aliases},
                    alias_parents={_name(alias.spec.parentUrn) for alias in request.aliases},
                    ignore_changes=set(request.ignoreChanges),
                    protect=request.protect,
                    retain_on_delete=request.retainOnDelete,
                    aliases={alias.urn for alias in request.aliases if alias.urn},
                )
            )
        return answer

    def RegisterResourceOutputs(self, request: Any) -> Any:
        self.recording.outputs[request.urn] = _plain(request.outputs)
        self.recording.secret_outputs[request.urn] = _secrets(request.outputs)
        return super().RegisterResourceOutputs(request)

    def Invoke(self, request: Any) -> Any:
        if request.tok != "pulumi:pulumi:getResource":
            arguments = _plain(request.args)
            self.recording.calls.append((request.tok, arguments, _name(request.provider)))
        try:
            return super().Invoke(request)
        except RuntimeError as refusal:
            raise engine.Refusal(str(refusal)) from None


def record(
    program: Callable[[], object],
    *,
    config: Mapping[str, str] | None = None,
    stack: str = "test",
    answers: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] | None = None,
    preview: bool = False,
    into: Recording | None = None,
) -> Recording:
    """Run a program to its end, as stack `stack` of this project. `into` has what was registered even if it
    fails."""
    recording = into or Recording()
    cloud = Cloud(answers or {}, preview)

    def main() -> None:
        set_all_config(dict(config or {}), [])
        program()

    engine.run(main, _Monitor(cloud, recording), project="vault-aws-auth", stack=stack, preview=preview)
    return recording


def refused(program: Callable[[], object]) -> str:
    """The message of a program whose arguments are wrong, which is refused before anything is registered."""
    recording = Recording()
    with pytest.raises(ArgumentError) as refusal:
        record(program, into=recording)
    made = [each.type for each in recording.resources if not each.type.startswith("pulumi:providers:")]
    assert made == []
    return str(refusal.value)


def providers() -> pulumi.ResourceOptions:
    """Explicit aws, vault and kubernetes providers, as a caller hands them to components."""
    import pulumi_aws as aws
    import pulumi_kubernetes as kubernetes
    import pulumi_vault as vault

    return pulumi.ResourceOptions(
        providers=[
            aws.Provider("aws", region="us-east-1"),
            vault.Provider("vault", address="https://vault.example.com"),
            kubernetes.Provider("kubernetes", kubeconfig=KUBECONFIG),
        ]
    )
