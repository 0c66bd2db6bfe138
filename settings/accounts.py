"""The sections of other accounts whose principals log in."""

from collections.abc import Iterator

from pydantic import Field
from pydantic.alias_generators import to_camel

from settings.section import Section, rule
from settings.values import (
    AccountId,
    ExternalId,
    IamName,
    IamPolicyName,
    PolicyArn,
    PrincipalArn,
    PrincipalPattern,
    RoleArn,
    ServicePrincipal,
    UniqueList,
)


class HcpVault(Section):
    """A Vault that runs in an account of the HashiCorp Cloud Platform."""

    account_id: AccountId = Field(description="account ID that HCP shows for the Vault cluster")
    principal_arn: PrincipalPattern = Field(
        description="ARN of the role there that Vault runs with; a * may only end it"
    )


class Account(Section):
    """Another account: the role in it that Vault assumes to look up who logs in from there."""

    role_arn: RoleArn | None = Field(
        None, description="ARN of that role if somebody else makes it; default: this stack makes it"
    )
    external_id: ExternalId | None = Field(
        None,
        repr=False,  # a message must not repeat it, not even a malformed one
        description="external ID that the role's trust policy demands; default for a role of this stack: "
        "a random one, kept secret",
    )
    deploy_role_arn: RoleArn | None = Field(
        None,
        description="role that this stack assumes in the account to make that role; "
        "default OrganizationAccountAccessRole",
    )
    role_name: IamName = Field(
        "trust-relationship-for-primary-aws-and-vault", description="name of the role that this stack makes"
    )
    policy_name: IamPolicyName = Field("secondary-account-role-policy", description="name of its policy")
    permissions_boundary: PolicyArn | None = Field(None, description="policy that bounds the role")
    trust_vault_identity: bool = Field(True, description="the role trusts Vault's own AWS identity")
    trusted_principals: UniqueList[PrincipalArn] = Field(
        [],
        description="list of ARNs of further roles and users that it trusts with the external ID, e.g. what "
        "Vault was before its identity is switched",
    )
    trusted_services: UniqueList[ServicePrincipal] = Field(
        [], description="list of AWS services that it trusts, e.g. ec2.amazonaws.com"
    )
    hcp: HcpVault | None = Field(None, description="Vault of the HashiCorp Cloud Platform that it trusts")
    all_lookups: bool = Field(
        False, description="grant every lookup that Vault can make, whatever the logins need"
    )

    @rule("role_arn")
    def _existing(self) -> Iterator[str]:
        extra = sorted(self.model_fields_set - {"role_arn", "external_id"})
        if self.role_arn and extra:
            keys = ", ".join(to_camel(field) for field in extra)
            yield f"has a roleArn, which is used as it is; leave out {keys}, or leave out roleArn"

    @rule("role_arn", "trust_vault_identity", "trusted_principals", "trusted_services", "hcp")
    def _somebody(self) -> Iterator[str]:
        trusted = self.trust_vault_identity or self.trusted_principals or self.trusted_services or self.hcp
        if not self.role_arn and not trusted:
            yield (
                "has a role that trusts nobody; write trustVaultIdentity: true, trustedPrincipals, "
                "trustedServices or hcp"
            )
