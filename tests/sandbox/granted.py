"""What a deployer was granted, compared with what AWS and Vault were asked from up to down.

Each action that is taken away makes a request fail that is on record, or is called by the official provider
alone, whose source says where.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.aws import policy
from sandbox.aws.front import AUTHORIZATIONS
from stack.deployer import in_aws, in_vault, needs
from stack.deployer.needs import Need
from stack.deployer.program import Program
from tests.sandbox.kit import Sandbox

_IAM = "terraform-provider-aws, internal/service/iam"
_EC2 = "terraform-provider-aws, internal/service/ec2"
_EKS = "terraform-provider-aws, internal/service/eks"
_CHANGE = "tests/plugins/test_deployer.py"

OFFICIAL: Mapping[str, str] = {
    # To read
    "iam:ListRolePolicies": f"{_IAM}/role.go: resourceRoleRead",
    "iam:GetRole": f"{_IAM}/instance_profile.go: resourceInstanceProfileRead; EKS for the caller of "
    "CreateNodegroup and CreatePodIdentityAssociation (Amazon EKS user guide, security-iam)",
    "iam:ListAttachedRolePolicies": f"{_IAM}/role.go: resourceRoleRead; EKS, as above",
    "eks:DescribeCluster": f"{_EKS}/cluster_data_source.go",
    # To delete what was added to a user by hand, and to find what holds a security group
    "iam:ListUserPolicies": f"{_IAM}/user.go: resourceUserDelete, force_destroy",
    "iam:ListAttachedUserPolicies": f"{_IAM}/user.go: resourceUserDelete, force_destroy",
    "iam:ListMFADevices": f"{_IAM}/user.go: resourceUserDelete, force_destroy",
    "iam:ListVirtualMFADevices": f"{_IAM}/user.go: resourceUserDelete, force_destroy",
    "iam:ListSSHPublicKeys": f"{_IAM}/user.go: resourceUserDelete, force_destroy",
    "iam:ListServiceSpecificCredentials": f"{_IAM}/user.go: resourceUserDelete, force_destroy",
    "iam:ListSigningCertificates": f"{_IAM}/user.go: resourceUserDelete, force_destroy",
    "ec2:DescribeNetworkInterfaces": f"{_EC2}/vpc_security_group.go: resourceSecurityGroupDelete",
    # What AWS asks of the caller and the emulated one does not
    "eks:TagResource": "Amazon EKS, tagging on creation (service authorization reference, eks:CreateCluster)",
    "iam:CreateServiceLinkedRole": "Amazon EKS, the first cluster and node group of an account",
    "ec2:RunInstances": "Amazon EKS, a node group with a launch template is tried as its caller",
    "kms:CreateGrant": "Amazon EKS, a cluster with encryptionKeyArn",
    "kms:DescribeKey": "Amazon EKS, a cluster with encryptionKeyArn",
    # While IAM is not consistent yet, the emulated one does not know the role that it would ask for
    "iam:PassRole": "tests/emulator/test_passed_roles.py, each call that passes one",
    # Updates in place
    "iam:UpdateRoleDescription": f"{_IAM}/role.go: resourceRoleUpdate",
    "iam:UpdateAccessKey": f"{_IAM}/access_key.go: resourceAccessKeyUpdate",
    "ec2:ModifyLaunchTemplate": f"{_EC2}/ec2_launch_template.go: resourceLaunchTemplateUpdate",
    "ec2:CreateLaunchTemplateVersion": f"{_EC2}/ec2_launch_template.go: resourceLaunchTemplateUpdate",
    "ec2:CreateTags": f"{_EC2}/tags_gen.go: updateTags",
    "ec2:DeleteTags": f"{_EC2}/tags_gen.go: updateTags",
    "eks:UntagResource": f"{_EKS}/tags_gen.go: updateTags",
    "eks:AssociateEncryptionConfig": f"{_EKS}/cluster.go: resourceClusterUpdate",
    "eks:DescribeUpdate": f"{_EKS}/cluster.go: waitClusterUpdateSuccessful; add-ons, node groups",
    "eks:UpdateAddon": f"{_EKS}/addon.go: resourceAddonUpdate",
    "eks:UpdateClusterConfig": f"{_EKS}/cluster.go: resourceClusterUpdate",
    "eks:UpdateClusterVersion": f"{_EKS}/cluster.go: resourceClusterUpdate",
    "eks:UpdateNodegroupConfig": f"{_EKS}/node_group.go: resourceNodeGroupUpdate",
    "eks:UpdateNodegroupVersion": f"{_EKS}/node_group.go: resourceNodeGroupUpdate",
    "eks:UpdatePodIdentityAssociation": f"{_EKS}/pod_identity_association.go: Update",
    **dict.fromkeys(
        (
            "iam:AddClientIDToOpenIDConnectProvider",
            "iam:CreatePolicyVersion",
            "iam:DeletePolicyVersion",
            "iam:RemoveClientIDFromOpenIDConnectProvider",
            "iam:UntagInstanceProfile",
            "iam:UntagOpenIDConnectProvider",
            "iam:UntagPolicy",
            "iam:UntagRole",
            "iam:UntagUser",
            "iam:UpdateAssumeRolePolicy",
            "iam:UpdateOpenIDConnectProviderThumbprint",
            "iam:UpdateRole",
        ),
        _CHANGE,
    ),
}
"""Actions that no creation and no deletion here needs, with the place that needs them."""

VAULT_OFFICIAL = ("auth/token/create", "auth/token/lookup-self")
"""Paths of the official provider alone: terraform-provider-vault, internal/provider/meta.go. What each
capability is for: tests/plugins/test_deployer_in_vault.py."""


class Evidence:
    """What AWS and Vault were asked in a sandbox, from its start on."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._aws = sandbox.home / "aws" / AUTHORIZATIONS
        self._vault = sandbox.home / "audit.log"
        self._aws.touch()
        if "file/" not in sandbox.vault.sys.list_enabled_audit_devices()["data"]:
            options = {"file_path": str(self._vault)}
            sandbox.vault.sys.enable_audit_device("file", options=options)

    def check(self, program: Program) -> None:
        """Asserts that nothing was refused to the deployer of a stack, and that it needs all that it has."""
        deployer = f"deployer-of-{program.place.stack}"
        asked = [*self._asked_of_aws(deployer)]
        refused = {(it["action"], it["arn"]) for it in asked if not it["allowed"]}
        assert not refused, f"needed, and not granted: {sorted(refused)}"
        unused = {
            need.action
            for account in ("", *program.place.accounts)
            for need in in_aws.needs(program, account)
            if not any(_grants(need, it) for it in asked)
        }
        assert unused <= {*OFFICIAL}, f"granted, and nobody needs it: {sorted(unused - {*OFFICIAL})}"
        requests = {path for path, _ in self._asked_of_vault(deployer)}
        idle = {
            rule.path for rule in in_vault.policy(program).rules if not rule.path.endswith("/tune")
        } - requests
        assert idle <= {*VAULT_OFFICIAL}, f"granted, and nobody asks for it: {sorted(idle)}"

    def _asked_of_aws(self, deployer: str) -> Iterator[dict[str, Any]]:
        for line in self._aws.read_text().splitlines():
            entry = json.loads(line)
            if entry["caller"].endswith((f"user/{deployer}", "role/OrganizationAccountAccessRole")):
                yield entry

    def _asked_of_vault(self, deployer: str) -> Iterator[tuple[str, str]]:
        for line in self._vault.read_text().splitlines():
            entry = json.loads(line)
            policies = (entry.get("auth") or {}).get("token_policies") or ()
            if entry["type"] == "request" and deployer in policies:
                request = entry["request"]
                yield str(request["path"]).rstrip("/"), str(request["operation"])


def _grants(need: Need, demand: Mapping[str, Any]) -> bool:
    if need.action != demand["action"]:
        return False
    (document,) = needs.policies([need])
    request = policy.Request(demand["action"], demand["arn"], context=demand["context"])
    return policy.evaluate([policy.parse(json.dumps(document))], request) is policy.Effect.ALLOW
