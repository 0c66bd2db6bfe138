"""The sections of the stack's configuration: every key, with its default and meaning."""

from collections.abc import Iterator
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from settings.accounts import Account
from settings.consumers import ConsumerSettings
from settings.identities import IdentitySettings
from settings.logins import LoginSettings
from settings.secrets_engine import SecretsEngineSettings
from settings.section import Section, rule
from settings.values import (
    AnyArn,
    Cidr,
    ClusterName,
    ExternalPolicyName,
    GroupName,
    IamName,
    Issuer,
    KubernetesVersion,
    MountPath,
    Namespace,
    PolicyArn,
    PolicyName,
    Region,
    RoleArn,
    ServerIdHeader,
    SubnetId,
    Thumbprint,
    UniqueList,
    Url,
    VaultNamespace,
    VpcId,
)


class NodeGroup(Section):
    """A managed node group of the cluster."""

    role_name: IamName | None = Field(None, description="name of the node role; default CLUSTER-GROUP-node")
    permissions_boundary: PolicyArn | None = Field(None, description="policy that bounds the node role")
    instance_types: list[str] = Field(["t3.medium"], min_length=1, description="EC2 instance types")
    min_size: int = Field(1, ge=0, description="fewest nodes")
    desired_size: int | None = Field(None, ge=0, description="nodes to start with; default minSize")
    max_size: int | None = Field(
        None, ge=1, description="most nodes; default the larger of 2 and desiredSize"
    )
    metadata_hop_limit: int = Field(
        1, ge=1, le=64, description="hops to the instance metadata: 1 for the node alone, 2 for its pods, too"
    )

    @model_validator(mode="after")
    def _sizes(self) -> "NodeGroup":
        desired = self.min_size if self.desired_size is None else self.desired_size
        largest = max(2, desired) if self.max_size is None else self.max_size
        if not self.min_size <= desired <= largest:
            raise ValueError("has sizes out of order; write minSize <= desiredSize <= maxSize")
        return self


class Cluster(Section):
    """The EKS cluster whose workloads log in."""

    name: ClusterName = Field(description="name of the EKS cluster")
    existing: bool = Field(False, description="look the cluster up instead of creating it")
    kubernetes_version: KubernetesVersion | None = Field(
        None, description="Kubernetes version; default EKS's own at creation"
    )
    vpc_id: VpcId | None = Field(
        None, description="VPC of the cluster, given with subnetIds; default the account's default VPC"
    )
    subnet_ids: UniqueList[SubnetId] | None = Field(
        None,
        min_length=2,
        description="subnets of cluster and nodes, given with vpcId; default all those of the default VPC, "
        "which EKS refuses where one is in an availability zone without EKS (in us-east-1: use1-az3)",
    )
    endpoint_private_access: bool = Field(True, description="the API server answers inside the VPC")
    endpoint_public_access: bool = Field(False, description="the API server answers outside the VPC")
    public_access_cidrs: list[Cidr] | None = Field(None, description="who may reach the public endpoint")
    log_types: list[Literal["api", "audit", "authenticator", "controllerManager", "scheduler"]] = Field(
        ["api", "audit", "authenticator"], description="control-plane logs sent to CloudWatch"
    )
    encryption_key_arn: AnyArn | None = Field(
        None, description="KMS key that encrypts Kubernetes secrets; default the one that EKS owns"
    )
    node_groups: dict[GroupName, NodeGroup] = Field({}, description="managed node groups by name")
    node_role_arns: dict[GroupName, RoleArn] = Field(
        {}, description="node roles of an existing cluster, by node group"
    )

    namespaces: UniqueList[Namespace] = Field(
        [],
        description="list of Kubernetes namespaces that the stack makes, and deletes with all in them",
    )

    pod_identity_agent: bool = Field(
        False,
        description="install the EKS Pod Identity agent although nothing in this stack needs it: for the "
        "logins of other stacks",
    )

    def given(self) -> dict[str, Any]:
        """Without the namespaces, which are made through the cluster's own API."""
        return {key: value for key, value in super().given().items() if key != "namespaces"}

    @rule("existing")
    def _existing(self) -> Iterator[str]:
        extra = sorted(self.model_fields_set - {"name", "existing", "node_role_arns", "namespaces"})
        if self.existing and extra:
            keys = ", ".join(to_camel(field) for field in extra)
            yield f"is an existing cluster, used as it is; leave out {keys}"
        elif not self.existing and self.node_role_arns:
            yield "has nodeRoleArns, which are for an existing cluster; write nodeGroups"

    @rule("vpc_id", "subnet_ids")
    def _network(self) -> Iterator[str]:
        if self.vpc_id and not self.subnet_ids:
            yield "has a vpcId without subnetIds; write subnets of that VPC, or leave out both"
        elif self.subnet_ids and not self.vpc_id:
            yield "has subnetIds without a vpcId; write the VPC that they are in, or leave out both"

    @rule("endpoint_public_access", "endpoint_private_access", "public_access_cidrs")
    def _endpoints(self) -> Iterator[str]:
        if self.endpoint_public_access and not self.public_access_cidrs:
            yield "has a public endpoint; say in publicAccessCidrs who may reach it, e.g. 203.0.113.0/24"
        elif not self.endpoint_public_access and not self.endpoint_private_access:
            yield "has no endpoint; set endpointPrivateAccess or endpointPublicAccess to true"


class Endpoints(Section):
    """AWS endpoints that Vault calls, where they are not AWS's public ones (VPC endpoints, test doubles)."""

    sts: Url | None = Field(None, description="STS; default the region's own")
    iam: Url | None = Field(None, description="IAM; default AWS's own")
    ec2: Url | None = Field(None, description="EC2; default AWS's own")


class KvMount(Section):
    """A KV version 2 secrets engine."""

    protect: bool = Field(
        True, description="refuse to delete the engine, and every secret in it, until this is false"
    )


class Vault(Section):
    """Vault, and its AWS auth mount."""

    address: Url = Field(description="URL of Vault, e.g. https://vault.example.com:8200")
    namespace: VaultNamespace = Field("", description="Vault Enterprise namespace; empty is the root one")
    mount_path: MountPath = Field("aws", description="path of the mount, without auth/")
    server_id_header: ServerIdHeader | None = Field(
        None,
        description="value that each login must sign in X-Vault-AWS-IAM-Server-ID; "
        "default the host of address; empty demands none",
    )
    sts_region: Region | None = Field(
        None, description="region whose STS verifies logins; default aws:region"
    )
    endpoints: Endpoints = Field(
        default_factory=lambda: Endpoints.model_validate({}), description="AWS endpoints that Vault calls"
    )
    identity_alias: Literal["role_id", "unique_id", "canonical_arn", "full_arn"] = Field(
        "role_id", description="what makes two logins the same Vault entity; role_id is the Vault role"
    )

    kv: dict[MountPath, KvMount] = Field(
        {}, description="mapping of KV version 2 secrets engines that the stack mounts, by path"
    )
    external_policies: UniqueList[ExternalPolicyName] = Field(
        [],
        description="list of Vault policies that somebody else manages and logins may name; the others are "
        "this stack's own: written from policies/vault/, and deleted with it",
    )
    policies: UniqueList[PolicyName] = Field(
        [],
        description="list of Vault policies that the stack writes from policies/vault/ although no login of "
        "its own names them: for the logins of other stacks",
    )

    @rule("policies", "external_policies")
    def _owners(self) -> Iterator[str]:
        if both := sorted({*self.policies} & {*self.external_policies}):
            yield f"has {both[0]} in policies and in externalPolicies; leave it out of one"

    @property
    def header(self) -> str:
        """The server-id header's value in force; empty when none is demanded."""
        if self.server_id_header is None:
            return urlsplit(self.address).hostname or ""
        return self.server_id_header


class Federation(Section):
    """Vault as an OIDC issuer that AWS trusts (Vault Enterprise)."""

    issuer: Issuer = Field(
        description="URL under which AWS reaches Vault's discovery documents, e.g. https://vault.example.com"
    )
    thumbprints: UniqueList[Thumbprint] = Field(
        [], description="list of SHA-1 thumbprints of the issuer's CA; only for a private one"
    )


class Settings(BaseModel):
    """The whole configuration, valid."""

    model_config = ConfigDict(frozen=True)

    region: str
    """`aws:region`: where the cluster is."""

    account_id: str | None
    """The account that the stack deploys into, if it is pinned."""

    cluster: Cluster | None
    vault: Vault
    vault_identity: IdentitySettings
    logins: dict[str, LoginSettings]
    consumers: dict[str, ConsumerSettings]
    federation: Federation | None
    secrets_engine: SecretsEngineSettings | None
    accounts: dict[str, Account]
    tags: dict[str, str]

    policies: dict[str, str]
    """Text of the Vault policies that the logins use, by name."""

    @property
    def uses_pod_identity(self) -> bool:
        """Whether the cluster's nodes need the EKS Pod Identity agent."""
        asked = self.cluster is not None and self.cluster.pod_identity_agent
        return asked or any(
            getattr(it, "method", "") == "pod-identity" for it in (self.vault_identity, *self.logins.values())
        )

    @property
    def installs_pod_identity_agent(self) -> bool:
        """Whether this stack does that: an existing cluster is used as it is."""
        return self.uses_pod_identity and self.cluster is not None and not self.cluster.existing

    @property
    def sts_region(self) -> str:
        """The region whose STS verifies logins."""
        return self.vault.sts_region or self.region


KEYS = (
    "accountId",
    "accounts",
    "cluster",
    "consumers",
    "federation",
    "logins",
    "secretsEngine",
    "tags",
    "vault",
    "vaultIdentity",
)
"""The keys of the configuration."""
