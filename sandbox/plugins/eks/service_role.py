"""The IAM role of EKS itself."""

import hashlib
from typing import Any

import pulumi

from sandbox.plugins.eks.children import Child, ask
from sandbox.plugins.eks.component import Built

_POLICY = "AmazonEKSClusterPolicy"
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Effect": "Allow",
            "Principal": {"Service": ["eks.amazonaws.com"]},
        }
    ],
}


class ServiceRole(Built):
    """The role, usable once its policy is attached."""

    def __init__(self, name: str, tags: Any, opts: pulumi.ResourceOptions) -> None:
        super().__init__("eks:index:ServiceRole", name, opts)
        self.role = Child(
            "aws:iam/role:Role",
            f"{name}-role",
            {
                "description": "Allows EKS to manage clusters on your behalf.",
                "assumeRolePolicy": pulumi.Output.json_dumps(_TRUST),
                "tags": tags,
            },
            self.child,
        )
        partition = ask("aws:index/getPartition:getPartition", {}, self)["partition"]
        digest = hashlib.sha1(
            f"arn:aws:iam::aws:policy/{_POLICY}".encode(), usedforsecurity=False
        ).hexdigest()
        self.attachment = Child(
            "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
            f"{name}-{digest[:8]}",
            {
                "policyArn": pulumi.Output.concat("arn:", partition, f":iam::aws:policy/{_POLICY}"),
                "role": self.role.name,
            },
            self.child,
        )
        self.tell(role=self.role)
