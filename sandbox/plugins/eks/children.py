"""Resources of other packages by token: registered as children, or passed by the program."""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import Any

import pulumi
from pulumi.runtime import invoke_output, rpc

OUTPUTS = {
    "aws:ec2/securityGroup:SecurityGroup": (),
    "aws:ec2/securityGroupRule:SecurityGroupRule": ("securityGroupRuleId",),
    "aws:eks/addon:Addon": (),
    "aws:eks/cluster:Cluster": (
        "arn",
        "certificateAuthority",
        "endpoint",
        "identities",
        "name",
        "version",
        "vpcConfig",
    ),
    "aws:eks/nodeGroup:NodeGroup": (),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": ("arn",),
    "aws:iam/role:Role": ("arn", "name"),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": (),
    "eks:index:Cluster": ("core",),
}
"""The outputs that this package reads, by type; `id` has every one."""

_GIVEN = (
    "aws:ec2/securityGroup:SecurityGroup",
    "aws:eks/cluster:Cluster",
    "aws:iam/role:Role",
    "eks:index:Cluster",
)


class Child(pulumi.CustomResource):
    """A resource; its outputs are attributes, under Pulumi's own names."""

    def __init__(
        self, token: str, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions
    ) -> None:
        versioned = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(version=_version(token)), opts)
        super().__init__(token, name, {**dict.fromkeys(OUTPUTS[token]), **inputs}, versioned)

    def __getattr__(self, name: str) -> pulumi.Output[Any]:
        """Only for the type checker: outputs are ordinary attributes."""
        raise AttributeError(name)


def ask(token: str, args: Mapping[str, Any], parent: pulumi.Resource) -> pulumi.Output[Any]:
    """The result of a function."""
    return invoke_output(token, args, pulumi.InvokeOptions(parent=parent, version=_version(token)))


@cache
def _version(token: str) -> str:
    return version(f"pulumi-{token.partition(':')[0]}")


class _Given(rpc.ResourceModule):
    """Turns a resource reference from the program into a child."""

    def version(self) -> None:
        return None

    def construct(self, name: str, typ: str, urn: str) -> pulumi.Resource:
        return Child(typ, name, {}, pulumi.ResourceOptions(urn=urn))


def accept_given() -> None:
    """Makes resources that a program passes arrive as children, with their outputs."""
    for token in _GIVEN:
        package, module, _ = token.split(":")
        # Instead of the SDKs' own classes, which a fork of the fork server has registered.
        rpc._RESOURCE_MODULES[f"{package}:{module}"] = [_Given()]
