"""Login of Kubernetes service accounts: an IAM role for them, and the Vault role bound to it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, cast

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
from typing_extensions import NotRequired

from .. import arns, iam, pod_role, quotas, renames, trust, trust_reading
from ..component import Claim, unique_name
from ..declared import UNIQUE, Default, Refusal, between, checked, not_empty, rule
from ..forms import Audience, ServiceAccountPattern, is_wild, split_service_account
from ..pod_role import EksClusterRef, PodIdentityMethod
from . import lookup, used_role
from .base import Login, ServiceAccountMode
from .own_role import (
    OwnRoleArgs,
    OwnRoleOptions,
    own_role,
    owner,
    role_claims,
    role_name,
    too_many_policies,
)

ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"


class ServiceAccountLoginOptions(OwnRoleOptions):
    """Service accounts of a cluster that log in as one IAM role."""

    service_accounts: Annotated[
        Sequence[ServiceAccountPattern], not_empty("a service account, as NAMESPACE/NAME"), UNIQUE
    ]
    """The service accounts that may log in, each as `NAMESPACE/NAME`, at least one."""

    service_account_mode: NotRequired[Annotated[ServiceAccountMode, Default(ServiceAccountMode.CREATE)]]
    """Create the service accounts, patch existing ones, or leave them alone (`none`)."""

    allow_wildcards: NotRequired[Annotated[bool, Default(False)]]
    """Accept `*` and `?` in names and namespaces of `service_accounts`, which lets in service accounts that
    do not exist yet; `service_account_mode` must then be `none`, and `method` `irsa`."""

    method: NotRequired[Annotated[PodIdentityMethod, Default(PodIdentityMethod.IRSA)]]
    """How the pods get the IAM role: by the token of their service account (`irsa`), or by EKS Pod Identity
    (`pod-identity`). The role stays the same when this changes."""

    trust_policy_limit: NotRequired[
        Annotated[int, Default(quotas.TRUST_POLICY), between(quotas.TRUST_POLICY, quotas.TRUST_POLICY_RAISED)]
    ]
    """Characters that AWS takes in the IAM role's trust policy, 2048 to 4096: more than 2048 where AWS has
    raised the account's quota. Each service account needs some, and with `pod-identity` each namespace."""

    vault_lookups: NotRequired[Annotated[bool, Default(False)]]
    """Grant the IAM role the lookups that Vault makes, and nothing else of Vault's. No login needs it."""


class ServiceAccountLoginArgs(ServiceAccountLoginOptions, OwnRoleArgs):
    """Service accounts, their cluster, and the mount that they log in to."""

    cluster: pulumi.Input[EksClusterRef]
    """The cluster of the service accounts: `EksCluster.ref`."""

    lookups: NotRequired[iam.VaultPermissions]
    """What Vault looks up, for `vault_lookups`. Default: what this login needs of Vault."""

    audience: NotRequired[Annotated[Audience, Default(trust.AUDIENCE)]]
    """Audience of the tokens that AWS accepts for the role; only for the method `irsa`. EKS projects tokens
    with the default."""


@rule(ServiceAccountLoginOptions, "iam_role_arn", "vault_lookups", "method", "service_account_mode", "tags")
def _as_it_is(options: ServiceAccountLoginOptions) -> Iterator[Refusal]:
    # What has tags then is the association, where one is made.
    yield from used_role.unused(options, "vault_lookups", *([] if _associates(options) else ["tags"]))


def _associates(options: ServiceAccountLoginOptions) -> bool:
    """Whether it makes associations of EKS Pod Identity."""
    there = used_role.is_used(options) and options["service_account_mode"] is ServiceAccountMode.NONE
    return options["method"] is PodIdentityMethod.POD_IDENTITY and not there


@rule(ServiceAccountLoginOptions, "iam_role_arn", "method", "service_account_mode")
def _patched(options: ServiceAccountLoginOptions) -> Iterator[Refusal]:
    patch = options["service_account_mode"] is ServiceAccountMode.PATCH
    pod_identity = options["method"] is PodIdentityMethod.POD_IDENTITY
    if patch and pod_identity and not used_role.is_used(options):
        yield Refusal(
            "service_account_mode",
            "is patch, and EKS Pod Identity needs no annotation; write none if the service account exists, "
            "else create",
        )


@rule(ServiceAccountLoginOptions, "service_accounts", "allow_wildcards", "service_account_mode", "method")
def _wildcards(options: ServiceAccountLoginOptions) -> Iterator[Refusal]:
    wild = next(filter(is_wild, options["service_accounts"]), None)
    if wild is None:
        return
    if not options["allow_wildcards"]:
        yield Refusal(
            "service_accounts", "has a wildcard; write it in full, or {allow_wildcards}: true", wild
        )
    elif options["method"] is PodIdentityMethod.POD_IDENTITY:
        yield Refusal(
            "service_accounts",
            "has a wildcard, and an association of EKS Pod Identity is for one service account; write it in "
            "full, or {method}: irsa",
            wild,
        )
    elif options["service_account_mode"] is not ServiceAccountMode.NONE:
        yield Refusal(
            "service_accounts",
            "has a wildcard, so it cannot be made or patched; write {service_account_mode}: none",
            wild,
        )


@rule(
    ServiceAccountLoginArgs,
    "cluster",
    "method",
    "service_accounts",
    "audience",
    "allow_wildcards",
    "trust_policy_limit",
)
def _trust_size(args: ServiceAccountLoginArgs) -> Iterator[Refusal]:
    if used_role.is_used(args):
        return
    yield from pod_role.trust_refusals(
        args["cluster"],
        args["method"],
        args["service_accounts"],
        args["audience"],
        args["allow_wildcards"],
        args["trust_policy_limit"],
    )


def of_another_account(options: Mapping[str, Any], account: str | None) -> Iterator[Refusal]:
    """What is wrong with a role that exists, where the cluster is of `account`."""
    arn = options.get("iam_role_arn")
    if options["method"] is not PodIdentityMethod.POD_IDENTITY or not isinstance(arn, str) or not account:
        return
    if (its := arns.parse(arn).account) != account:
        yield Refusal(
            "iam_role_arn",
            f"is of the account {its}, and EKS Pod Identity gives roles of the cluster's own, {account}; "
            "write one of that, or {method}: irsa",
            arn,
        )


@rule(ServiceAccountLoginArgs, "iam_role_arn", "method", "cluster")
def _account(args: ServiceAccountLoginArgs) -> Iterator[Refusal]:
    cluster = args["cluster"]
    arn = cluster.get("arn") if isinstance(cluster, dict) else None
    yield from of_another_account(args, arns.parse(arn).account if isinstance(arn, str) else None)


@rule(ServiceAccountLoginOptions, "policy_arns", "vault_lookups")
def _attached(options: ServiceAccountLoginOptions) -> Iterator[Refusal]:
    attached = len(options["policy_arns"]) + options["vault_lookups"]
    yield from too_many_policies(attached, "and {vault_lookups} are")


@rule(ServiceAccountLoginArgs, "cluster", "method", "audience")
def _cluster(args: ServiceAccountLoginArgs) -> Iterator[Refusal]:
    yield from pod_role.refusals(args["cluster"], args["method"])
    if args["method"] is PodIdentityMethod.POD_IDENTITY and args["audience"] != trust.AUDIENCE:
        yield Refusal(
            "audience", "is not used by the method pod-identity; remove it, or write {method}: irsa"
        )


class ServiceAccountLogin(Login):
    """An IAM role that only the named service accounts can assume, and a Vault role that only it can use.

    Unless policies are given, the IAM role has no permissions: it says which workload the pod is. With
    `iam_role_arn` the role exists, and is that of the workload anyway.
    """

    KIND = "service-account"
    OPTIONS = ServiceAccountLoginOptions
    ARGS = ServiceAccountLoginArgs
    VAULT_PERMISSIONS = iam.VaultPermissions(resolve_roles=True)

    def __init__(
        self, name: str, args: ServiceAccountLoginArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        args = checked(ServiceAccountLoginArgs, args)
        super().__init__(name, args, opts)
        accounts, method, mode = args["service_accounts"], args["method"], args["service_account_mode"]
        cluster = pod_role.usable(args["cluster"], method)
        self._owner = owner(name, args)
        self._cluster_prefix = "cluster" if args["named_after_objects"] else name
        used = used_role.is_used(args)
        role = None if used else self._role(name, args, cluster)
        role_arn = pulumi.Output.from_input(role.arn if role else args["iam_role_arn"])
        if _associates(args):
            pod_role.associations(
                name, cluster, method, accounts, role_arn, self, args["tags"], self._cluster_prefix
            )
        annotations = {ROLE_ANNOTATION: role_arn} if method is PodIdentityMethod.IRSA else None
        # A patch without an annotation would be none: with Pod Identity, the association is what is added.
        left_alone = mode is ServiceAccountMode.NONE or (mode is ServiceAccountMode.PATCH and not annotations)
        for account in () if left_alone else accounts:
            self._service_account(name, account, mode, annotations)
        vault_role = self._vault_role(
            name, role.unique_id if role else None, bound_iam_principal_arns=[role_arn]
        )
        known = lookup.known_accounts(args)
        if used and args.get("look_up", lookup.in_own_account([args["iam_role_arn"]], known)):
            callers = _callers(args, cluster, role_arn)
            self._look_up_again(name, vault_role, [used_role.unique_id(role_arn, callers, self)])
        self._finish(
            vault_role,
            iam_role_arn=role.arn if role else args["iam_role_arn"],
            service_accounts=accounts,
            principals=[role_arn],
            role=role,
            role_name=role_name(name, args) if role else "",
        )

    def _role(self, name: str, args: ServiceAccountLoginArgs, cluster: EksClusterRef) -> "aws.iam.Role":
        accounts = args["service_accounts"]
        trust_policy = pod_role.role_trust(
            cluster,
            args["method"],
            accounts,
            audience=args["audience"],
            allow_wildcards=args["allow_wildcards"],
            limit=int(args["trust_policy_limit"]),
        )
        subjects = ", ".join(map(trust.service_account_subject, accounts))
        return own_role(name, args, subjects, trust_policy, self, self._policies(name, args))

    def _policies(self, name: str, args: ServiceAccountLoginArgs) -> Mapping[str, pulumi.Input[str]]:
        if not args["vault_lookups"]:
            return args["policy_arns"]
        lookups = aws.iam.Policy(
            f"{self._owner}-lookups",
            name=f"{role_name(name, args)}-lookups",
            description=f"What HashiCorp Vault looks up, for login {name} too",
            policy=iam.to_json(iam.vault_lookups(args.get("lookups", self.VAULT_PERMISSIONS))),
            tags=args["tags"] or None,
            opts=unique_name(
                self, [*renames.lookups_policy(name), *renames.of_login(name, self._owner, "lookups")]
            ),
        )
        return {**args["policy_arns"], "vault-lookups": lookups.arn}

    def _service_account(
        self,
        name: str,
        account: str,
        mode: ServiceAccountMode,
        annotations: Mapping[str, pulumi.Input[str]] | None,
    ) -> None:
        # A namespace has no dot, so a-b/c and a/b-c have different names.
        rest = f"{account.replace('/', '.')}-service-account"
        resource_name = f"{self._cluster_prefix}-{rest}"
        namespace, account_name = split_service_account(account)
        metadata: dict[str, Any] = {"namespace": namespace, "name": account_name, "annotations": annotations}
        child = pulumi.ResourceOptions(
            parent=self, aliases=renames.of_login(name, self._cluster_prefix, rest)
        )
        if mode is ServiceAccountMode.CREATE:
            kubernetes.core.v1.ServiceAccount(
                resource_name, metadata=kubernetes.meta.v1.ObjectMetaArgs(**metadata), opts=child
            )
        else:
            kubernetes.core.v1.ServiceAccountPatch(
                resource_name, metadata=kubernetes.meta.v1.ObjectMetaPatchArgs(**metadata), opts=child
            )

    @classmethod
    def account(cls, options: ServiceAccountLoginOptions) -> str | None:
        return lookup.account_of([options.get("iam_role_arn")])

    @classmethod
    def permissions(cls, options: ServiceAccountLoginOptions) -> iam.VaultPermissions:
        return cls.VAULT_PERMISSIONS

    @classmethod
    def needs_cluster(cls, options: ServiceAccountLoginOptions) -> bool:
        return True

    @classmethod
    def claims(cls, name: str, options: ServiceAccountLoginOptions) -> Iterator[Claim]:
        yield from super().claims(name, options)
        yield from role_claims(name, options)
        if options.get("vault_lookups"):
            yield Claim("IAM policy", f"{role_name(name, options)}-lookups", ("vault_lookups",))
        for index, account in enumerate(options.get("service_accounts") or ()):
            yield Claim("service account", account, ("service_accounts", index))

    @classmethod
    def for_consumers(cls, options: ServiceAccountLoginOptions) -> Mapping[str, Any]:
        return {
            "service_accounts": options["service_accounts"],
            "method": options["method"],
            "service_account_mode": options["service_account_mode"],
        }

    @classmethod
    def caller(cls, options: ServiceAccountLoginOptions) -> Mapping[str, Any]:
        return {"method": options["method"].value}


def _callers(
    args: ServiceAccountLoginArgs, cluster: EksClusterRef, role_arn: pulumi.Output[str]
) -> pulumi.Output[list[trust_reading.Caller]]:
    """The login's pods, as the trust policy of a role sees them."""
    fields = ("arn", "oidc_provider_arn", "oidc_issuer")

    def known(values: list[Any]) -> list[trust_reading.Caller]:
        role, *of_cluster = values
        facts = cast(EksClusterRef, dict(zip(fields, of_cluster, strict=True)))
        return callers(args, facts, arns.parse(role).account)

    return pulumi.Output.all(role_arn, *map(cluster.get, fields)).apply(known)


def callers(options: Mapping[str, Any], cluster: EksClusterRef, account: str) -> list[trust_reading.Caller]:
    """The pods of a login with these options, as the trust policy of a role in an account sees them, of a
    cluster that is known."""
    accounts = options["service_accounts"]
    if options["method"] is PodIdentityMethod.POD_IDENTITY:
        return [trust_reading.pod_identity(str(cluster["arn"]), each) for each in accounts]
    provider, issuer = str(cluster["oidc_provider_arn"]), cluster.get("oidc_issuer")
    issuer = str(issuer) if issuer else trust.issuer_of(provider)
    audience = options.get("audience", trust.AUDIENCE)
    return [trust_reading.web_identity(account, provider, issuer, each, audience) for each in accounts]
