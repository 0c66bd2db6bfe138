"""What an EC2 instance needs to run with an IAM role."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from .component import unique_name


def for_services(
    name: str,
    role_name: str,
    role: "aws.iam.Role",
    services: Sequence[str],
    parent: pulumi.Resource,
    tags: Mapping[str, pulumi.Input[str]],
) -> "aws.iam.InstanceProfile | None":
    """An instance profile of the role's name, if EC2 is among the services that may give the role."""
    if not is_needed(services):
        return None
    return aws.iam.InstanceProfile(
        f"{name}-instance-profile",
        name=role_name,
        role=role.name,
        tags=tags or None,
        opts=unique_name(parent),
    )


def is_needed(services: Sequence[str]) -> bool:
    """Whether EC2 is among the services that may give a role."""
    return any(service.startswith("ec2.") for service in services)
