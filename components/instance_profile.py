"""What an EC2 instance needs to run with an IAM role."""

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws


def for_services(
    name: str, role_name: str, role: "aws.iam.Role", services: Sequence[str], parent: pulumi.Resource
) -> "aws.iam.InstanceProfile | None":
    """An instance profile of the role's name, if EC2 is among the services that may give the role."""
    if not any(service.startswith("ec2.") for service in services):
        return None
    return aws.iam.InstanceProfile(
        f"{name}-instance-profile",
        name=role_name,
        role=role.name,
        # Two of one name cannot exist, so a replacement has to wait until the old one is gone.
        opts=pulumi.ResourceOptions(parent=parent, delete_before_replace=True),
    )
