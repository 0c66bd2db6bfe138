"""The providers: one for each place that the stack declares something in."""

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws
import pulumi_vault as vault

from components import arns
from settings import Settings

ORGANIZATION_ROLE = "OrganizationAccountAccessRole"
"""The role that AWS Organizations makes in an account, for the administrators of the organization."""


def aws_provider(config: Settings) -> aws.Provider:
    """AWS, in the stack's own account and region."""
    return aws.Provider(
        "aws",
        region=config.region,
        allowed_account_ids=[config.account_id] if config.account_id else None,
        default_tags={"tags": _tags(config)},
    )


def account_provider(config: Settings, account: str) -> aws.Provider:
    """AWS in an account, through a role there that the stack may assume. Its own it need not assume into."""
    deploy_role = config.accounts[account].deploy_role_arn
    if not deploy_role and account != config.account_id:
        deploy_role = arns.role_arn(arns.partition_of(config.region), account, ORGANIZATION_ROLE)
    return aws.Provider(
        f"aws-{account}",
        region=config.region,
        allowed_account_ids=[account],
        assume_roles=[aws.ProviderAssumeRoleArgs(role_arn=deploy_role, session_name="pulumi")]
        if deploy_role
        else None,
        default_tags={"tags": _tags(config)},
    )


def vault_provider(config: Settings) -> vault.Provider:
    """Vault. The token comes from the environment (VAULT_TOKEN), which keeps it out of the state."""
    return vault.Provider(
        "vault",
        address=config.vault.address,
        namespace=config.vault.namespace or None,
        # The provider works with a child of that token, which by default lives 20 minutes: less than it can
        # take to create a cluster and its nodes.
        max_lease_ttl_seconds=2 * 60 * 60,
    )


def _tags(config: Settings) -> Mapping[str, str]:
    return {
        "managed-by": "pulumi",
        "pulumi-project": pulumi.get_project(),
        "pulumi-stack": pulumi.get_stack(),
        **config.tags,
    }
