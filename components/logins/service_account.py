"""Login of Kubernetes service accounts: an IAM role for them (IRSA), and the Vault role bound to it."""

from collections.abc import Sequence
from enum import Enum

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
import pulumi_vault as vault
from typing_extensions import NotRequired, TypedDict

from .. import iam, names, trust
from ..vault_auth import VaultConnection
from ..vault_role import VaultToken, pin_principals, role_name, token_inputs

ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"


class ServiceAccountMode(Enum):
    """Who makes the service account and its annotation."""

    CREATE = "create"
    """This stack makes the service account."""

    PATCH = "patch"
    """It exists; this stack adds the annotation and takes it away again."""

    NONE = "none"
    """Somebody else does both, for example a Helm chart."""


class ServiceAccountRef(TypedDict):
    """A service account."""

    namespace: str
    """Its namespace."""

    name: str
    """Its name."""


class ServiceAccountLoginArgs(TypedDict):
    """One or several service accounts that log in as one IAM role."""

    connection: VaultConnection
    """`VaultAwsAuth.connection`."""

    oidc_issuer: pulumi.Input[str]
    """Issuer of the cluster's service-account tokens. Source: `EksCluster.oidc_issuer`."""

    oidc_provider_arn: pulumi.Input[str]
    """ARN of the issuer's OIDC provider in IAM. Source: `EksCluster.oidc_provider_arn`."""

    service_accounts: Sequence[ServiceAccountRef]
    """Who may log in, one service account at least."""

    token: VaultToken
    """The token that a login gets."""

    service_account_mode: NotRequired[ServiceAccountMode]
    """Who makes the service accounts and their annotation. Default: `create`."""

    allow_wildcards: NotRequired[bool]
    """Take `*` and `?` in names and namespaces of `service_accounts`, which lets in service accounts that do
    not exist yet; `service_account_mode` must then be `none`. Default: false."""

    iam_role_name: NotRequired[str]
    """Name of the IAM role. Default: the login's name."""

    permissions_boundary: NotRequired[pulumi.Input[str]]
    """ARN of the policy that bounds the IAM role's permissions. Default: none."""

    audience: NotRequired[str]
    """Audience of the tokens that AWS accepts for the role.
    Default: `sts.amazonaws.com`, which EKS projects."""

    vault_role: NotRequired[str]
    """Name of the Vault role, in lower case, as Vault keeps it. Default: the login's name."""


class ServiceAccountLogin(pulumi.ComponentResource):
    """An IAM role that only the named service accounts can assume, and a Vault role that only it can use.

    The IAM role has no permissions: it says who the pod is, nothing else.
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
        super().__init__("vault-aws-auth:index:ServiceAccountLogin", name, {}, opts)
        accounts = args["service_accounts"]
        allow_wildcards = args.get("allow_wildcards", False)
        mode = ServiceAccountMode(args.get("service_account_mode", ServiceAccountMode.CREATE))
        subjects = _subjects(accounts, allow_wildcards, mode)
        audience = args.get("audience", trust.AUDIENCE)
        token = token_inputs(args["token"])

        role = aws.iam.Role(
            f"{name}-iam-role",
            name=args.get("iam_role_name", name),
            description=f"Login {name} to HashiCorp Vault, for {', '.join(subjects)}"[:1000],
            assume_role_policy=pulumi.Output.all(args["oidc_provider_arn"], args["oidc_issuer"]).apply(
                lambda values: iam.to_json(
                    trust.web_identity_trust(
                        values[0], values[1], subjects, audience, allow_wildcards=allow_wildcards
                    )
                )
            ),
            permissions_boundary=args.get("permissions_boundary"),
            # Two of one name cannot exist, so a replacement has to wait until the old one is gone.
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )
        if mode is not ServiceAccountMode.NONE:
            for account in accounts:
                self._annotate(name, account, mode, role.arn)
        vault_role = vault.aws.AuthBackendRole(
            f"{name}-vault-role",
            backend=args["connection"]["path"],
            role=role_name(args.get("vault_role", name)),
            auth_type="iam",
            bound_iam_principal_arns=[role.arn],
            resolve_aws_unique_ids=True,
            # The new one has the old one's path: deleted afterwards, the old one would take it along.
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
            **token,
        )
        principals = role.arn.apply(lambda arn: [arn])
        pin_principals(
            name, vault_role, principals, role.unique_id.apply(lambda unique_id: [unique_id]), self
        )

        self.vault_role = vault_role.role
        self.iam_role_arn = role.arn
        self.service_accounts = pulumi.Output.from_input(
            [f"{account['namespace']}/{account['name']}" for account in accounts]
        )
        self.principals = principals
        self.register_outputs(
            {
                "vault_role": self.vault_role,
                "iam_role_arn": self.iam_role_arn,
                "service_accounts": self.service_accounts,
                "principals": self.principals,
            }
        )

    def _annotate(
        self, name: str, account: ServiceAccountRef, mode: ServiceAccountMode, role_arn: pulumi.Output[str]
    ) -> None:
        # A namespace has no dot: so a-b/c and a/b-c have not the same name.
        resource_name = f"{name}-{account['namespace']}.{account['name']}-service-account"
        annotations = {ROLE_ANNOTATION: role_arn}
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


def _subjects(
    accounts: Sequence[ServiceAccountRef], allow_wildcards: bool, mode: ServiceAccountMode
) -> list[str]:
    """The `sub` claims of the service accounts. Raises ValueError that names the field."""
    if not accounts:
        raise ValueError("service_accounts: name at least one")
    for account in accounts:
        where = f"service_accounts: {account['namespace']}/{account['name']}"
        wild = any(character in where for character in "*?")
        if wild and not allow_wildcards:
            raise ValueError(f"{where} has a wildcard; write it in full, or set allow_wildcards")
        if not account["namespace"].strip("*?"):
            raise ValueError(f"{where} is of every namespace; name it, or write how it begins, e.g. team-*")
        if wild and mode is not ServiceAccountMode.NONE:
            raise ValueError(
                f"{where} has a wildcard, so it cannot be made here; set service_account_mode to none"
            )
        if not wild:
            try:
                names.check_namespace(account["namespace"])
                names.check_service_account(account["name"])
            except ValueError as error:
                raise ValueError(f"{where} {error}") from None
    return [trust.service_account_subject(account["namespace"], account["name"]) for account in accounts]
