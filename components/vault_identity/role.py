"""An IAM role that Vault finds around it: no stored credential at all."""

import json
from collections.abc import Sequence

import pulumi
from typing_extensions import NotRequired, TypedDict

from .. import iam, instance_profile, pod_role, trust
from ..pod_role import PodIdentitySource, ServiceAccountRef
from .credentials import VaultCredentials
from .granted import granted_role, iam_name, once


class IamRoleVaultIdentityArgs(TypedDict):
    """An IAM role for the hosts or pods that Vault runs on; name at least one way to get it."""

    permissions: iam.VaultPermissions
    """What the stack's logins need of Vault; the role is granted this and nothing else."""

    trusted_services: NotRequired[Sequence[str]]
    """AWS services whose Vault hosts run with the role, for example `ec2.amazonaws.com`, for which an
    instance profile of the role's name is made. Default: none."""

    service_account: NotRequired[ServiceAccountRef]
    """Service account of a Vault that runs in a cluster. It is not made here: Vault's Helm chart does that.
    Default: none."""

    pod: NotRequired[PodIdentitySource]
    """The cluster of `service_account`, and how its pods get the role. Default: none."""

    role_name: NotRequired[str]
    """Name of the IAM role. Default: `vault-identity`."""

    policy_name: NotRequired[str]
    """Name of the IAM policy. Default: `<role_name>-policy`."""

    permissions_boundary: NotRequired[pulumi.Input[str]]
    """ARN of the policy that bounds the role's permissions. Default: none."""


class IamRoleVaultIdentity(pulumi.ComponentResource):
    """An IAM role and its derived policy, for a Vault that runs on AWS."""

    principal_arn: pulumi.Output[str]
    """ARN of the role."""

    policy_arn: pulumi.Output[str]
    """ARN of the policy."""

    instance_profile: pulumi.Output[str]
    """Name of the instance profile for Vault's EC2 instances; empty when the role is not for EC2."""

    ready: pulumi.Output[str]
    """Known once Vault's hosts or pods can get the role and the role may do what it is for."""

    def __init__(
        self, name: str, args: IamRoleVaultIdentityArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("vault-aws-auth:index:IamRoleVaultIdentity", name, {}, opts)
        services = list(args.get("trusted_services", []))
        accounts = [args["service_account"]] if "service_account" in args else []
        source = args.get("pod", PodIdentitySource())
        _validate(services, accounts, source)
        role_name = iam_name("role_name", args.get("role_name", "vault-identity"))

        role, policy, attachment = granted_role(
            name,
            self,
            role_name=role_name,
            name_of_policy=args.get("policy_name", f"{role_name}-policy"),
            trust=_trust(services, accounts, source),
            permissions=args["permissions"],
            permissions_boundary=args.get("permissions_boundary"),
        )
        usable: list[pulumi.Resource] = [attachment]
        self.instance_profile = pulumi.Output.from_input("")
        if profile := instance_profile.for_services(name, role_name, role, services, self):
            usable.append(profile)
            self.instance_profile = profile.name
        if accounts:
            usable += pod_role.associate(name, source, accounts, role.arn, self)

        self.principal_arn = role.arn
        self.policy_arn = policy.arn
        self.ready = once(*usable)
        self.register_outputs(
            {
                "principal_arn": self.principal_arn,
                "policy_arn": self.policy_arn,
                "instance_profile": self.instance_profile,
                "ready": self.ready,
            }
        )

    @property
    def credentials(self) -> VaultCredentials:
        """For `VaultAwsAuth`: none, but what it has to wait for."""
        return {"ready": self.ready}


def _validate(
    services: Sequence[str], accounts: Sequence[ServiceAccountRef], source: PodIdentitySource
) -> None:
    if not services and not accounts:
        raise ValueError("trusted_services, service_account: name at least one, or nobody can use the role")
    for service in services:
        trust.check_service(service)
    if bool(accounts) != bool(source):
        raise ValueError("pod: goes together with service_account; give both or none")


def _trust(
    services: Sequence[str], accounts: Sequence[ServiceAccountRef], source: PodIdentitySource
) -> pulumi.Input[str]:
    """The role's trust policy: the services and the service account, and nobody else."""
    of_services = [trust.service_trust(service) for service in services]
    if not accounts:
        return iam.to_json(iam.combine(of_services))
    return pod_role.role_trust(source, accounts).apply(
        lambda of_pods: iam.to_json(iam.combine([*of_services, json.loads(of_pods)]))
    )
