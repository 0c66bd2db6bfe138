"""The sections of the logins, one for each kind."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, Literal

from pydantic import Field
from pydantic.alias_generators import to_camel

from components import PodIdentityMethod, ServiceAccountMode, durations
from settings.section import Section, rule
from settings.values import (
    Duration,
    IamName,
    PolicyArn,
    PolicyName,
    PrincipalPattern,
    ProfileName,
    RoleArn,
    ServiceAccount,
    UniqueList,
    VaultRoleName,
    is_wild,
)


class Login(Section):
    """What every kind of login has."""

    vault_role: VaultRoleName | None = Field(
        None,
        description="name of the Vault role, by which the stack knows the login; default the login's name",
    )
    policies: UniqueList[PolicyName] = Field(min_length=1, description="list of the token's Vault policies")
    ttl: Duration | None = Field(None, description="life of the token until renewal; default maxTtl")
    max_ttl: Duration = Field("1h", description="longest life of the token, renewals included")

    def for_consumers(self) -> dict[str, Any]:
        """What a consumer that uses the login is told of it, as far as it is written."""
        return {"service_accounts": []}

    @rule("ttl", "max_ttl")
    def _ttls(self) -> Iterator[str]:
        if self.ttl and durations.to_seconds(str(self.ttl)) > durations.to_seconds(str(self.max_ttl)):
            yield (
                f"has ttl {self.ttl}, longer than maxTtl {self.max_ttl}; "
                "write a shorter ttl or a longer maxTtl"
            )


class ServiceAccountLogin(Login):
    """Service accounts of the cluster log in as one IAM role."""

    kind: Literal["service-account"] = Field(description="kind of login")
    service_accounts: list[ServiceAccount] = Field(
        min_length=1, description="list of who may log in, each as NAMESPACE/NAME"
    )
    service_account_mode: Literal["create", "patch", "none"] = Field(
        "create", description="create the service accounts, patch existing ones, or leave them alone"
    )
    allow_wildcards: bool = Field(False, description="take * and ? in serviceAccounts")
    iam_role_name: IamName | None = Field(None, description="name of the IAM role; default the login's name")
    permissions_boundary: PolicyArn | None = Field(None, description="policy that bounds the IAM role")
    method: Literal["irsa", "pod-identity"] = Field(
        "irsa", description="how the pods get the IAM role: by their token, or by EKS Pod Identity"
    )
    vault_lookups: bool = Field(
        False,
        description="grant the IAM role Vault's lookups, and nothing else of Vault's; no login needs it",
    )

    def for_consumers(self) -> dict[str, Any]:
        return {
            "service_accounts": self.service_accounts,
            "method": PodIdentityMethod(self.method),
            "service_account_mode": ServiceAccountMode(self.service_account_mode),
        }

    @rule("method", "service_account_mode")
    def _patched(self) -> Iterator[str]:
        if self.method == "pod-identity" and self.service_account_mode == "patch":
            yield "cannot patch, as EKS Pod Identity needs no annotation; write serviceAccountMode: none"

    @rule("service_accounts", "allow_wildcards", "service_account_mode", "method")
    def _wildcards(self) -> Iterator[str]:
        wild = [account for account in self.service_accounts if is_wild(account)]
        if wild and not self.allow_wildcards:
            yield f"has the wildcard {wild[0]!r}; write service accounts in full, or allowWildcards: true"
        elif wild and self.method == "pod-identity":
            yield f"has the wildcard {wild[0]!r}, which EKS Pod Identity does not know; write method: irsa"
        elif wild and self.service_account_mode != "none":
            yield f"cannot {self.service_account_mode} {wild[0]!r}; write serviceAccountMode: none"


class Ec2InstanceLogin(Login):
    """EC2 instances, such as a node group's nodes, log in with their instance role."""

    kind: Literal["ec2-instance"] = Field(description="kind of login")
    node_groups: UniqueList[str] = Field([], description="node groups of the cluster whose nodes may log in")
    role_arns: UniqueList[RoleArn] = Field([], description="roles of other instances that may log in")
    instance_profile_names: list[ProfileName] = Field(
        ["eks-*"], min_length=1, description="their instance profiles; each may end in *"
    )

    @rule("node_groups", "role_arns")
    def _somebody(self) -> Iterator[str]:
        if not self.node_groups and not self.role_arns:
            yield "binds nobody; write nodeGroups or roleArns"


class PrincipalLogin(Login):
    """IAM roles and users log in as themselves, in this account or another one."""

    kind: Literal["principal"] = Field(description="kind of login")
    principals: UniqueList[PrincipalPattern] = Field(
        min_length=1, description="list of ARNs of the roles or users that may log in; each may end in *"
    )
    verify_as: UniqueList[RoleArn] = Field(
        [],
        description="list of roles that `vault-aws-auth login` and `verify` assume to be such a caller; "
        "default: the principals that are roles without *",
    )
    verify_not_as: UniqueList[RoleArn] = Field(
        [], description="list of roles that `vault-aws-auth verify` assumes to see Vault refuse them"
    )

    @rule("principals", "verify_as", "verify_not_as")
    def _verified(self) -> Iterator[str]:
        for field, wanted in (("verify_as", True), ("verify_not_as", False)):
            for role in getattr(self, field):
                if any(fnmatchcase(role, pattern) for pattern in self.principals) is not wanted:
                    key = to_camel(field)
                    yield f"has {role} in {key}, which is {'none' if wanted else 'one'} of its principals"


LoginSettings = ServiceAccountLogin | Ec2InstanceLogin | PrincipalLogin
LOGIN_KINDS: dict[str, type[LoginSettings]] = {
    "service-account": ServiceAccountLogin,
    "ec2-instance": Ec2InstanceLogin,
    "principal": PrincipalLogin,
}
