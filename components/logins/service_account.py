"""Login of Kubernetes service accounts: an IAM role for them, and the Vault role bound to it."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import cast

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
import pulumi_vault as vault
from typing_extensions import NotRequired, TypedDict

from .. import iam, pod_role, trust
from ..pod_role import PodIdentityMethod, PodIdentitySource, ServiceAccountRef
from ..vault_auth import VaultConnection
from ..vault_role import VaultToken, role_name, token_inputs
from .kinds import component_options, vault_role_options

__all__ = [
    "ROLE_ANNOTATION",
    "PodIdentityMethod",
    "ServiceAccountLogin",
    "ServiceAccountLoginArgs",
    "ServiceAccountMode",
    "ServiceAccountRef",
]

ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"


class ServiceAccountMode(Enum):
    """Who makes the service account and its annotation."""

    CREATE = "create"
    """This stack makes the service account; with the method `pod-identity` it has no annotation."""

    PATCH = "patch"
    """It exists; this stack adds the annotation and takes it away again. Only for the method `irsa`."""

    NONE = "none"
    """Somebody else does both, for example a Helm chart."""


class ServiceAccountLoginArgs(TypedDict):
    """One or several service accounts that log in as one IAM role."""

    connection: VaultConnection
    """The mount: `VaultAwsAuth.connection`, or its outputs."""

    service_accounts: Sequence[ServiceAccountRef]
    """Who may log in, one service account at least."""

    token: VaultToken
    """The token that a login gets."""

    method: NotRequired[PodIdentityMethod]
    """How the pods get the IAM role: with `irsa`, or with `pod-identity`. The role stays the same when this
    changes. Default: `irsa`."""

    oidc_issuer: NotRequired[pulumi.Input[str]]
    """Issuer of the cluster's service-account tokens, needed for `irsa`. Default: none.
    Source: `EksCluster.oidc_issuer`."""

    oidc_provider_arn: NotRequired[pulumi.Input[str]]
    """ARN of the issuer's OIDC provider in IAM, needed for `irsa`. Default: none.
    Source: `EksCluster.oidc_provider_arn`."""

    cluster_name: NotRequired[pulumi.Input[str]]
    """Name of the cluster in EKS, needed for `pod-identity`. Default: none. Source: `EksCluster.name`."""

    cluster_arn: NotRequired[pulumi.Input[str]]
    """ARN of the cluster, needed for `pod-identity`. Default: none. Source: `EksCluster.arn`."""

    service_account_mode: NotRequired[ServiceAccountMode]
    """Who makes the service accounts and their annotation. Default: `create`."""

    allow_wildcards: NotRequired[bool]
    """Take `*` and `?` in names and namespaces of `service_accounts`, which lets in service accounts that do
    not exist yet; `service_account_mode` must then be `none`, and `method` `irsa`. Default: false."""

    iam_role_name: NotRequired[str]
    """Name of the IAM role. Default: the login's name."""

    policy_arns: NotRequired[Mapping[str, pulumi.Input[str]]]
    """ARNs of managed policies of the IAM role, each by a name of your choice.
    Default: none; the role says who the pod is, nothing else."""

    permissions_boundary: NotRequired[pulumi.Input[str]]
    """ARN of the policy that bounds the IAM role's permissions. Default: none."""

    audience: NotRequired[str]
    """Audience of the tokens that AWS accepts for the role; only for the method `irsa`.
    Default: `sts.amazonaws.com`, which EKS projects."""

    vault_role: NotRequired[str]
    """Name of the Vault role, in lower case, as Vault keeps it. Default: the login's name."""


class ServiceAccountLogin(pulumi.ComponentResource):
    """An IAM role that only the named service accounts can assume, and a Vault role that only it can use.

    Unless policies are given, the IAM role has no permissions: it says who the pod is, nothing else.
    """

    VAULT_PERMISSIONS = iam.VaultPermissions(resolve_roles=True)

    vault_role: pulumi.Output[str]
    """Name of the Vault role to log in with."""

    iam_role_arn: pulumi.Output[str]
    """ARN of the IAM role that the service accounts assume."""

    service_accounts: pulumi.Output[Sequence[str]]
    """The service accounts, each as `namespace/name`."""

    principals: pulumi.Output[Sequence[str]]
    """ARNs that the Vault role is bound to."""

    def __init__(
        self, name: str, args: ServiceAccountLoginArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        opts = component_options("ServiceAccountLogin", opts)
        super().__init__("vault-aws-auth:index:ServiceAccountLogin", name, {}, opts)
        accounts = args["service_accounts"]
        source = _source(args)
        mode = ServiceAccountMode(args.get("service_account_mode", ServiceAccountMode.CREATE))
        role_trust = pod_role.role_trust(
            source,
            accounts,
            audience=args.get("audience", trust.AUDIENCE),
            allow_wildcards=args.get("allow_wildcards", False),
        )
        _check_mode(mode, source, accounts)
        policy_arns = _policy_arns(args.get("policy_arns", {}))
        token = token_inputs(args["token"])
        vault_role_name = role_name(args.get("vault_role", name))
        subjects = [
            trust.service_account_subject(account["namespace"], account["name"]) for account in accounts
        ]

        role = aws.iam.Role(
            f"{name}-iam-role",
            name=args.get("iam_role_name", name),
            description=f"Login {name} to HashiCorp Vault, for {', '.join(subjects)}"[:1000],
            assume_role_policy=role_trust,
            permissions_boundary=args.get("permissions_boundary"),
            # Two of one name cannot exist, so a replacement has to wait until the old one is gone.
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )
        for policy, policy_arn in policy_arns.items():
            aws.iam.RolePolicyAttachment(
                f"{name}-{policy}-policy",
                role=role.name,
                policy_arn=policy_arn,
                opts=pulumi.ResourceOptions(parent=self),
            )
        pod_role.associate(name, source, accounts, role.arn, self)
        if mode is not ServiceAccountMode.NONE:
            irsa = pod_role.method_of(source) is PodIdentityMethod.IRSA
            for account in accounts:
                self._service_account(name, account, mode, {ROLE_ANNOTATION: role.arn} if irsa else None)
        vault_role = vault.aws.AuthBackendRole(
            f"{name}-vault-role",
            backend=args["connection"]["path"],
            role=vault_role_name,
            auth_type="iam",
            bound_iam_principal_arns=[role.arn],
            resolve_aws_unique_ids=True,
            opts=vault_role_options(self, role.unique_id),
            **token,
        )

        self.vault_role = vault_role.role
        self.iam_role_arn = role.arn
        named = [f"{account['namespace']}/{account['name']}" for account in accounts]
        self.service_accounts = pulumi.Output.from_input(named)
        self.principals = role.arn.apply(lambda arn: [arn])
        self.register_outputs(
            {
                # What is known is registered as such: the engine writes the outputs as soon as it has them
                # all, and that costs less the fewer resources there are yet.
                "vault_role": vault_role_name,
                "iam_role_arn": role.arn,
                "service_accounts": named,
                "principals": [role.arn],
            }
        )

    def _service_account(
        self,
        name: str,
        account: ServiceAccountRef,
        mode: ServiceAccountMode,
        annotations: dict[str, pulumi.Input[str]] | None,
    ) -> None:
        # A namespace has no dot: so a-b/c and a/b-c have not the same name.
        resource_name = f"{name}-{account['namespace']}.{account['name']}-service-account"
        child = pulumi.ResourceOptions(parent=self)
        if mode is ServiceAccountMode.CREATE:
            kubernetes.core.v1.ServiceAccount(
                resource_name,
                metadata=kubernetes.meta.v1.ObjectMetaArgs(
                    name=account["name"], namespace=account["namespace"], annotations=annotations
                ),
                opts=child,
            )
        else:
            kubernetes.core.v1.ServiceAccountPatch(
                resource_name,
                metadata=kubernetes.meta.v1.ObjectMetaPatchArgs(
                    name=account["name"], namespace=account["namespace"], annotations=annotations
                ),
                opts=child,
            )


def _source(args: ServiceAccountLoginArgs) -> PodIdentitySource:
    """What of the arguments is about the cluster."""
    about = PodIdentitySource.__annotations__
    return cast(PodIdentitySource, {key: value for key, value in args.items() if key in about})


def _check_mode(
    mode: ServiceAccountMode, source: PodIdentitySource, accounts: Sequence[ServiceAccountRef]
) -> None:
    """Raise ValueError, naming the field, where the service accounts cannot be made or patched."""
    if mode is ServiceAccountMode.PATCH and pod_role.method_of(source) is PodIdentityMethod.POD_IDENTITY:
        raise ValueError(
            "service_account_mode: patch has nothing to add with the method pod-identity, which knows no "
            "annotation; write none if the service account exists, or create"
        )
    for account in accounts:
        where = f"service_accounts: {account['namespace']}/{account['name']}"
        if any(character in where for character in "*?") and mode is not ServiceAccountMode.NONE:
            raise ValueError(
                f"{where} has a wildcard, so it cannot be made here; set service_account_mode to none"
            )


def _policy_arns(policy_arns: Mapping[str, pulumi.Input[str]]) -> Mapping[str, pulumi.Input[str]]:
    """Raises ValueError that names the field."""
    for key, policy_arn in policy_arns.items():
        if isinstance(policy_arn, str):
            trust.check_iam(f"policy_arns.{key}", policy_arn, "policy")
    return policy_arns
