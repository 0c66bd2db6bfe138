"""Roles that a call passes to a service: the caller needs iam:PassRole for each."""

from collections.abc import Iterator
from typing import Any

from moto.iam.models import iam_backends

from sandbox.aws.calls import Call
from sandbox.aws.eks.base import PODS_SERVICE
from sandbox.aws.identity import Caller

_EKS, _EC2 = "eks.amazonaws.com", "ec2.amazonaws.com"
# EKS: (parameter, service that gets the role)
_PARAMETERS = {
    "eks:CreateAddon": ("serviceAccountRoleArn", _EKS),
    "eks:CreateCluster": ("roleArn", _EKS),
    "eks:CreateNodegroup": ("nodeRole", _EKS),
    "eks:CreatePodIdentityAssociation": ("roleArn", PODS_SERVICE),
    "eks:UpdateAddon": ("serviceAccountRoleArn", _EKS),
    "eks:UpdatePodIdentityAssociation": ("roleArn", PODS_SERVICE),
}
# These pass the role in an instance profile.
_WITH_PROFILE = (
    "autoscaling:CreateLaunchConfiguration",
    "ec2:AssociateIamInstanceProfile",
    "ec2:ReplaceIamInstanceProfileAssociation",
    "ec2:RunInstances",
)


def passed_roles(call: Call, caller: Caller) -> Iterator[tuple[str, str]]:
    """Yields the ARN of each role that the call passes, and the service that gets it."""
    iam = iam_backends[caller.account][caller.partition]
    if call.name in _PARAMETERS:
        parameter, service = _PARAMETERS[call.name]
        if arn := call.text(parameter):
            yield arn, service
    elif call.name in _WITH_PROFILE:
        yield from ((role, _EC2) for role in _roles_of_profile(call, iam))
    elif call.name == "iam:AddRoleToInstanceProfile":
        yield from ((r.arn, _EC2) for r in iam.roles.values() if r.name == call.text("RoleName"))
    if call.service == "eks" and call.action in ("CreateAddon", "UpdateAddon"):
        for association in call.params.get("podIdentityAssociations") or []:
            yield str(association.get("roleArn", "")), PODS_SERVICE


def _roles_of_profile(call: Call, iam: Any) -> Iterator[str]:
    given = {
        call.text(name)
        for name in ("IamInstanceProfile", "IamInstanceProfile.Arn", "IamInstanceProfile.Name")
    }
    for profile in iam.instance_profiles.values():
        if given & {profile.name, profile.arn}:
            yield from (role.arn for role in profile.roles)
