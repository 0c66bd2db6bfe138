"""Login of Kubernetes service accounts: an IAM role for them, and the Vault role bound to it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import pulumi
import pulumi_aws as aws
from typing_extensions import NotRequired

from .. import arns, iam, pod_role, quotas, renames, trust, trust_reading
from ..component import Claim, unique_name
from ..declared import UNIQUE, Default, Refusal, between, checked, not_empty, rule
from ..forms import Audience, ServiceAccountPattern, is_wild
from ..pod_role import EksClusterRef, PodIdentityMethod
from . import lookup, used_role
from .base import Login, ServiceAccountMode
from .in_cluster import declare_pods
from .own_role import (
    OwnRoleArgs,
    OwnRoleOptions,
    own_role,
    owner,
    role_claims,
    role_name,
    too_many_policies,
)


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

    cluster: NotRequired[pulumi.Input[EksClusterRef]]
    """The cluster of the service accounts: `EksCluster.ref`. Either this or `clusters` must be given."""

    clusters: NotRequired[Annotated[Sequence[pulumi.Input[EksClusterRef]], not_empty("EksCluster.ref")]]
    """The clusters of which each has the service accounts: `EksCluster.ref` of each. The login is then the
    IAM role and the Vault role alone: what it has in a cluster is a `LoginInCluster` of its own, which needs
    that cluster's providers."""

    lookups: NotRequired[iam.VaultPermissions]
    """What Vault looks up, for `vault_lookups`. Default: what this login needs of Vault."""

    audience: NotRequired[Annotated[Audience, Default(trust.AUDIENCE)]]
    """Audience of the tokens that AWS accepts for the role; only for the method `irsa`. EKS projects tokens
    with the default."""


@rule(ServiceAccountLoginOptions, "iam_role_arn", "vault_lookups", "method", "service_account_mode", "tags")
def _as_it_is(options: ServiceAccountLoginOptions) -> Iterator[Refusal]:
    # What has tags then is the association, where one is made.
    yield from used_role.unused(options, "vault_lookups", *([] if associates(options) else ["tags"]))


def associates(options: ServiceAccountLoginOptions) -> bool:
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


@rule(ServiceAccountLoginArgs, "cluster", "clusters")
def _one_or_several(args: ServiceAccountLoginArgs) -> Iterator[Refusal]:
    if "cluster" in args and "clusters" in args:
        yield Refusal("clusters", "is given beside {cluster}; write one of them")
    elif "cluster" not in args and "clusters" not in args:
        yield Refusal("cluster", "is missing; write EksCluster.ref, or {clusters}")


def _clusters(
    args: ServiceAccountLoginArgs,
) -> "list[tuple[tuple[str | int, ...], pulumi.Input[EksClusterRef]]]":
    """Each cluster, with the place of its argument."""
    if "cluster" in args:
        return [(("cluster",), args["cluster"])]
    return [(("clusters", index), ref) for index, ref in enumerate(args.get("clusters", ()))]


@rule(
    ServiceAccountLoginArgs,
    "cluster",
    "clusters",
    "method",
    "service_accounts",
    "audience",
    "allow_wildcards",
    "trust_policy_limit",
)
def _trust_size(args: ServiceAccountLoginArgs) -> Iterator[Refusal]:
    clusters = [ref for _, ref in _clusters(args)]
    if used_role.is_used(args) or not clusters:
        return
    yield from pod_role.trust_refusals(
        clusters,
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


@rule(ServiceAccountLoginArgs, "iam_role_arn", "method", "cluster", "clusters")
def _account(args: ServiceAccountLoginArgs) -> Iterator[Refusal]:
    for _, cluster in _clusters(args):
        arn = cluster.get("arn") if isinstance(cluster, dict) else None
        refused = [*of_another_account(args, arns.parse(arn).account if isinstance(arn, str) else None)]
        yield from refused
        if refused:
            return  # of the others the same would be said


@rule(ServiceAccountLoginOptions, "policy_arns", "vault_lookups")
def _attached(options: ServiceAccountLoginOptions) -> Iterator[Refusal]:
    attached = len(options["policy_arns"]) + options["vault_lookups"]
    yield from too_many_policies(attached, "and {vault_lookups} are")


@rule(ServiceAccountLoginArgs, "cluster", "clusters", "method", "audience")
def _cluster(args: ServiceAccountLoginArgs) -> Iterator[Refusal]:
    for place, cluster in _clusters(args):
        yield from pod_role.refusals(cluster, args["method"], place)
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
        accounts, method = args["service_accounts"], args["method"]
        clusters = [pod_role.usable(ref, method, place) for place, ref in _clusters(args)]
        self._owner = owner(name, args)
        used = used_role.is_used(args)
        role = None if used else self._role(name, args, clusters)
        role_arn = pulumi.Output.from_input(role.arn if role else args["iam_role_arn"])
        if "cluster" in args:
            prefix = "cluster" if args["named_after_objects"] else name
            declare_pods(
                f"{prefix}-",
                clusters[0],
                args,
                role_arn,
                associated=associates(args),
                parent=self,
                aliases=lambda rest: renames.of_login(name, prefix, rest),
            )
        vault_role = self._vault_role(
            name, role.unique_id if role else None, bound_iam_principal_arns=[role_arn]
        )
        known = lookup.known_accounts(args)
        if used and args.get("look_up", lookup.in_own_account([args["iam_role_arn"]], known)):
            callers = _callers(args, clusters, role_arn)
            self._look_up_again(name, vault_role, [used_role.unique_id(role_arn, callers, self)])
        self._finish(
            vault_role,
            iam_role_arn=role.arn if role else args["iam_role_arn"],
            service_accounts=accounts,
            principals=[role_arn],
            role=role,
            role_name=role_name(name, args) if role else "",
        )

    def _role(
        self, name: str, args: ServiceAccountLoginArgs, clusters: Sequence[EksClusterRef]
    ) -> "aws.iam.Role":
        accounts = args["service_accounts"]
        trust_policy = pod_role.role_trust(
            clusters,
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
    args: ServiceAccountLoginArgs, clusters: Sequence[EksClusterRef], role_arn: pulumi.Output[str]
) -> pulumi.Output[list[trust_reading.Caller]]:
    """The login's pods, as the trust policy of a role sees them."""
    refs = pod_role.known_refs(clusters, args["method"])
    return pulumi.Output.all(role_arn, refs).apply(
        lambda known: [
            caller for ref in known[1] for caller in callers(args, ref, arns.parse(known[0]).account)
        ]
    )


def callers(options: Mapping[str, Any], cluster: EksClusterRef, account: str) -> list[trust_reading.Caller]:
    """The pods of a login with these options, as the trust policy of a role in an account sees them, of a
    cluster that is known."""
    accounts = options["service_accounts"]
    if options["method"] is PodIdentityMethod.POD_IDENTITY:
        return [trust_reading.pod_identity(str(cluster["arn"]), each) for each in accounts]
    provider, issuer = pod_role.issuer_of(cluster)
    audience = options.get("audience", trust.AUDIENCE)
    return [trust_reading.web_identity(account, provider, issuer, each, audience) for each in accounts]
