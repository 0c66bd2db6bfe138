"""An IAM role that Vault finds around it: no stored credential at all."""

import json
from collections.abc import Iterator, Sequence
from typing import Annotated

import pulumi
from typing_extensions import NotRequired

from .. import iam, instance_profile, pod_role, trust
from ..component import Claim, known_after
from ..declared import UNIQUE, Default, Refusal, checked, rule
from ..forms import IamName, ServiceAccount, ServicePrincipal
from ..pod_role import EksClusterRef, PodIdentityMethod
from .base import GrantedOptions, PermissionsArgs, VaultRole, permissions_refusals


class IamRoleVaultIdentityOptions(GrantedOptions):
    """An IAM role for the hosts or pods that Vault runs on."""

    role_name: NotRequired[Annotated[IamName, Default("vault-identity")]]
    """Name of the IAM role."""

    trusted_services: NotRequired[Annotated[Sequence[ServicePrincipal], Default(()), UNIQUE]]
    """AWS services whose Vault hosts run with the role, for example `ec2.amazonaws.com`, for which an
    instance profile of the role's name is made."""

    service_account: NotRequired[ServiceAccount]
    """Service account of a Vault in the cluster, as `NAMESPACE/NAME`. It is not made here: Vault's Helm chart
    makes it. Default: none."""

    method: NotRequired[Annotated[PodIdentityMethod, Default(PodIdentityMethod.IRSA)]]
    """How that service account gets the role."""


class IamRoleVaultIdentityArgs(IamRoleVaultIdentityOptions, PermissionsArgs):
    """An IAM role for the hosts or pods that Vault runs on, and the cluster of the pods."""

    cluster: NotRequired[pulumi.Input[EksClusterRef]]
    """The cluster of `service_account`: `EksCluster.ref`. Default: none."""


@rule(IamRoleVaultIdentityOptions, "trusted_services", "service_account")
def _trusted(options: IamRoleVaultIdentityOptions) -> Iterator[Refusal]:
    if not options["trusted_services"] and "service_account" not in options:
        yield Refusal("", "has a role that nothing can assume; write {service_account} or {trusted_services}")


@rule(IamRoleVaultIdentityArgs, "service_account", "cluster", "method")
def _cluster(args: IamRoleVaultIdentityArgs) -> Iterator[Refusal]:
    if ("service_account" in args) != ("cluster" in args):
        yield Refusal("cluster", "goes together with {service_account}; write both, or neither")
    elif "cluster" in args:
        yield from pod_role.refusals(args["cluster"], args["method"])


@rule(IamRoleVaultIdentityArgs, "permissions", "method", "all_lookups", "assume_role_arns")
def _permissions(args: IamRoleVaultIdentityArgs) -> Iterator[Refusal]:
    yield from permissions_refusals(IamRoleVaultIdentity.granted(args))


class IamRoleVaultIdentity(VaultRole):
    """An IAM role and its derived policy, for a Vault that runs on AWS."""

    KIND = "role"
    OPTIONS = IamRoleVaultIdentityOptions
    ARGS = IamRoleVaultIdentityArgs

    instance_profile: pulumi.Output[str]
    """Name of the instance profile for Vault's EC2 instances; empty when the role is not for EC2."""

    def __init__(
        self, name: str, args: IamRoleVaultIdentityArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        args = checked(IamRoleVaultIdentityArgs, args)
        super().__init__(name, opts)
        services, method = args["trusted_services"], args["method"]
        accounts = [args["service_account"]] if "service_account" in args else []
        cluster = pod_role.usable(args["cluster"], method) if "cluster" in args else {}
        role_name = args["role_name"]

        role, attachment = self._role(name, role_name, _trust(services, accounts, cluster, method), args)
        usable: list[pulumi.Resource] = [attachment]
        self.instance_profile = pulumi.Output.from_input("")
        if profile := instance_profile.for_services(name, role_name, role, services, self, args["tags"]):
            usable.append(profile)
            self.instance_profile = profile.name
        usable += pod_role.associations(f"{name}-", cluster, method, accounts, role.arn, self, args["tags"])
        self.ready = known_after(*usable)
        self._finish(instance_profile=self.instance_profile, ready=self.ready)

    @classmethod
    def tagged_sessions(cls, options: IamRoleVaultIdentityOptions) -> bool:
        return options["method"] is PodIdentityMethod.POD_IDENTITY

    @classmethod
    def claims(cls, options: IamRoleVaultIdentityOptions) -> Iterator[Claim]:
        yield from super().claims(options)
        services = filter(None, options.get("trusted_services") or ())  # None is a wrong one
        if "role_name" in options and instance_profile.is_needed([*services]):
            yield Claim("instance profile", options["role_name"], ("role_name",))
        if "service_account" in options:
            yield Claim("service account", options["service_account"], ("service_account",))


def _trust(
    services: Sequence[str], accounts: Sequence[str], cluster: EksClusterRef, method: PodIdentityMethod
) -> pulumi.Input[str]:
    """The role's trust policy: the services and the service account, and nothing else."""
    of_services = [trust.service_trust(service) for service in services]
    if not accounts:
        return iam.to_json(iam.combine(of_services))
    return pod_role.role_trust([cluster], method, accounts).apply(
        lambda of_pods: iam.to_json(iam.combine([*of_services, json.loads(of_pods)]))
    )
