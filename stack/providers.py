"""The providers: one for each place in which the stack declares something."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws
import pulumi_vault as vault

from components import arns
from stack.clusters import StackCluster
from stack.file import StackFile

ORGANIZATION_ROLE = "OrganizationAccountAccessRole"
"""The role that AWS Organizations makes in an account, for the administrators of the organization."""


@dataclass(frozen=True)
class Providers:
    """The providers of a stack that are known before anything is made."""

    aws_provider: aws.Provider
    vault_provider: vault.Provider
    of_accounts: Mapping[str, aws.Provider]
    """By account: AWS there, if this stack makes the role; for that role and for the account's logins."""

    of_regions: Mapping[str, aws.Provider] = field(default_factory=dict)
    """By region: AWS in the stack's own account, in regions of clusters other than the stack's."""

    def in_region_of(self, cluster: StackCluster) -> aws.Provider:
        """AWS in the stack's own account, in the region of a cluster."""
        return self.of_regions.get(cluster.region, self.aws_provider)


def declare(stack: StackFile) -> Providers:
    """Declare them."""
    regions = dict.fromkeys(it.region for it in stack.clusters.values() if it.elsewhere)
    of_regions = {region: _aws_provider(stack, region, f"{region}/aws") for region in regions}
    own = _aws_provider(stack, stack.region, "aws")
    return Providers(own, _vault_provider(stack), _account_providers(stack), of_regions)


def _aws_provider(stack: StackFile, region: str, name: str) -> aws.Provider:
    """AWS, in the stack's own account."""
    return aws.Provider(
        name,
        region=region,
        # Who it works as, it asks in the stack's own region.
        sts_region=stack.region if region != stack.region else None,
        allowed_account_ids=[stack.account_id] if stack.account_id else None,
        default_tags={"tags": _tags(stack)},
    )


def _account_providers(stack: StackFile) -> dict[str, aws.Provider]:
    return {
        account: _account_provider(stack, account)
        for account, declared in stack.accounts.items()
        if "role_arn" not in declared
    }


def _account_provider(stack: StackFile, account: str) -> aws.Provider:
    """AWS in an account, through a role there that the stack may assume. In its own it needs none."""
    deploy_role = stack.accounts[account].get("deploy_role_arn")
    if not deploy_role and account != stack.account_id:
        deploy_role = arns.role_arn(arns.partition_of(stack.region), account, ORGANIZATION_ROLE)
    return aws.Provider(
        f"aws-{account}",
        region=stack.region,
        allowed_account_ids=[account],
        assume_roles=[aws.ProviderAssumeRoleArgs(role_arn=deploy_role, session_name="pulumi")]
        if deploy_role
        else None,
        default_tags={"tags": _tags(stack)},
    )


def _vault_provider(stack: StackFile) -> vault.Provider:
    """Vault. The token comes from the environment (VAULT_TOKEN), which keeps it out of the state."""
    return vault.Provider(
        "vault",
        address=stack.vault["address"],
        namespace=stack.vault["namespace"] or None,
        # The provider works with a child of that token, which by default lives 20 minutes: less than it can
        # take to create a cluster and its nodes.
        max_lease_ttl_seconds=2 * 60 * 60,
    )


def _tags(stack: StackFile) -> Mapping[str, str]:
    return {
        "managed-by": "pulumi",
        "pulumi-project": pulumi.get_project(),
        "pulumi-stack": pulumi.get_stack(),
        **stack.tags,
    }
