"""The sections of the logins, one for each kind."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from components import durations
from settings.section import Section, rule
from settings.values import (
    Duration,
    IamName,
    PolicyArn,
    PolicyName,
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

    @rule("service_accounts", "allow_wildcards", "service_account_mode")
    def _wildcards(self) -> Iterator[str]:
        wild = [account for account in self.service_accounts if is_wild(account)]
        if wild and not self.allow_wildcards:
            yield f"has the wildcard {wild[0]!r}; write service accounts in full, or allowWildcards: true"
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


LoginSettings = ServiceAccountLogin | Ec2InstanceLogin
LOGIN_KINDS: dict[str, type[LoginSettings]] = {
    "service-account": ServiceAccountLogin,
    "ec2-instance": Ec2InstanceLogin,
}
