"""The sections of Vault's own AWS identity, one for each kind."""

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field

from settings.section import Section, rule
from settings.values import (
    Audience,
    IamName,
    IamPolicyName,
    IdentityTokenTtl,
    PolicyArn,
    RoleArn,
    ServiceAccountInFull,
    ServicePrincipal,
    UniqueList,
)


class Identity(Section):
    """What every kind of identity has."""

    policy_name: IamPolicyName | None = Field(
        None, description="name of the IAM policy; default that of the role, and -policy"
    )
    all_lookups: bool = Field(
        False,
        description="grant every lookup that Vault can make, whatever the logins need: "
        "for Vault roles that are written by hand",
    )
    assume_role_arns: UniqueList[RoleArn] = Field(
        [], description="list of further roles that Vault may assume, beside those of accounts"
    )

    def given(self) -> dict[str, Any]:
        """Without what the permissions are derived from."""
        derived = {"all_lookups", "assume_role_arns"}
        return {key: value for key, value in super().given().items() if key not in derived}


class MadeIdentity(Identity):
    """What every kind has that this stack makes."""

    permissions_boundary: PolicyArn | None = Field(None, description="policy that bounds the permissions")


class UserIdentity(MadeIdentity):
    """Vault runs with the access key of an IAM user."""

    kind: Literal["user"] = Field("user", description="kind of identity")
    user_name: IamName = Field("vault-auth", description="name of the IAM user")
    policy_name: IamPolicyName = Field("vault-auth-policy", description="name of the IAM policy")
    access_key: Literal["managed", "rotatable", "rotated"] = Field(
        "managed",
        description="who renews the access key: this stack (managed); this stack, and Vault may rotate it "
        "(rotatable); Vault, which has rotated it (rotated)",
    )


class RoleIdentity(MadeIdentity):
    """Vault runs with an IAM role that it finds around it: no stored credential at all."""

    kind: Literal["role"] = Field("role", description="kind of identity")
    role_name: IamName = Field("vault-identity", description="name of the IAM role")
    trusted_services: UniqueList[ServicePrincipal] = Field(
        [], description="list of AWS services whose Vault hosts run with the role, e.g. ec2.amazonaws.com"
    )
    service_account: ServiceAccountInFull | None = Field(
        None, description="service account of a Vault in the cluster, as NAMESPACE/NAME"
    )
    method: Literal["irsa", "pod-identity"] = Field(
        "irsa", description="how that service account gets the role"
    )

    @rule("trusted_services", "service_account")
    def _somebody(self) -> Iterator[str]:
        if not self.trusted_services and not self.service_account:
            yield "lets nobody run with the role; write serviceAccount or trustedServices"


class FederatedIdentity(MadeIdentity):
    """Vault Enterprise runs with a role that trusts its own identity tokens: no stored credential at all."""

    kind: Literal["federation"] = Field("federation", description="kind of identity")
    role_name: IamName = Field("vault-identity-wif", description="name of the IAM role")
    audience: Audience = Field(
        "vault-aws-auth", description="audience of Vault's identity tokens, which AWS demands"
    )
    token_ttl: IdentityTokenTtl = Field("1h", description="life of an identity token")


class ExistingIdentity(Identity):
    """Vault runs with an IAM role that somebody else made: no stored credential at all."""

    kind: Literal["existing"] = Field("existing", description="kind of identity")
    role_arn: RoleArn | None = Field(
        None,
        description="ARN of the role that Vault has; none where it is not yours to name, as with a Vault of "
        "the HashiCorp Cloud Platform",
    )
    attach_policy: bool = Field(
        True, description="grant that role what the logins need; false: its owner does"
    )
    policy_name: IamPolicyName | None = Field(
        None, description="name of the IAM policy; default that of the role, and -vault-auth-policy"
    )
    tagged_sessions: bool = Field(
        False,
        description="Vault has the role by EKS Pod Identity, whose sessions bring tags into every role that "
        "they assume",
    )

    def given(self) -> dict[str, Any]:
        given = super().given()
        given.pop("tagged_sessions", None)
        return given

    @rule("role_arn", "attach_policy", "policy_name", "assume_role_arns")
    def _policy(self) -> Iterator[str]:
        if self.role_arn and self.attach_policy:
            return
        why = "attachPolicy: false" if self.role_arn else "no roleArn"
        for key, value in (("policyName", self.policy_name), ("assumeRoleArns", self.assume_role_arns)):
            if value:
                yield f"has {why}, so no policy is made; leave out {key}"


IdentitySettings = UserIdentity | RoleIdentity | FederatedIdentity | ExistingIdentity
IDENTITY_KINDS: dict[str, type[IdentitySettings]] = {
    "user": UserIdentity,
    "role": RoleIdentity,
    "federation": FederatedIdentity,
    "existing": ExistingIdentity,
}
