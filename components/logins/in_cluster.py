"""What a login of service accounts has in a cluster: these, and how their pods get its role."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any

import pulumi
import pulumi_kubernetes as kubernetes
from typing_extensions import NotRequired, TypedDict

from .. import pod_role
from ..component import Component
from ..declared import UNIQUE, Default, Refusal, checked, not_empty, rule
from ..forms import RoleArn, ServiceAccountPattern, Tags, is_wild, split_service_account
from ..pod_role import EksClusterRef, PodIdentityMethod
from .base import ServiceAccountMode

ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"


class LoginInClusterArgs(TypedDict):
    """A cluster, and what the login is there."""

    cluster: pulumi.Input[EksClusterRef]
    """The cluster: `EksCluster.ref`, which is one of the login's `clusters`."""

    iam_role_arn: pulumi.Input[RoleArn]
    """ARN of the login's IAM role: `ServiceAccountLogin.iam_role_arn`."""

    service_accounts: Annotated[
        Sequence[ServiceAccountPattern], not_empty("a service account, as NAMESPACE/NAME"), UNIQUE
    ]
    """The login's service accounts, each as `NAMESPACE/NAME`."""

    service_account_mode: NotRequired[Annotated[ServiceAccountMode, Default(ServiceAccountMode.CREATE)]]
    """Create the service accounts, patch existing ones, or leave them alone (`none`), as the login has it."""

    method: NotRequired[Annotated[PodIdentityMethod, Default(PodIdentityMethod.IRSA)]]
    """How the pods get the IAM role, as the login has it."""

    associations_exist: NotRequired[Annotated[bool, Default(False)]]
    """With the method `pod-identity`: EKS has the associations already, and none is made."""

    tags: NotRequired[Tags]
    """Tags of the associations."""

    resource_prefix: NotRequired[str]
    """How the names of the resources begin. Default: the component's name and `-`. Another one is for a
    program in which service accounts go from one login to another: an object that got another resource name
    would be made before it is deleted under the old one, and can exist only once."""


@rule(LoginInClusterArgs, "cluster", "method")
def _cluster(args: LoginInClusterArgs) -> Iterator[Refusal]:
    yield from pod_role.refusals(args["cluster"], args["method"])


@rule(LoginInClusterArgs, "service_accounts", "service_account_mode")
def _wildcards(args: LoginInClusterArgs) -> Iterator[Refusal]:
    wild = next(filter(is_wild, args["service_accounts"]), None)
    if wild and (args["service_account_mode"] is not ServiceAccountMode.NONE):
        yield Refusal(
            "service_accounts",
            "has a wildcard, so it cannot be made or patched; write {service_account_mode}: none",
            wild,
        )


class LoginInCluster(Component):
    """What a `ServiceAccountLogin` of several clusters has in one of them, by that cluster's providers: its
    service accounts, and their Pod Identity associations."""

    service_accounts: pulumi.Output[Sequence[str]]
    """The service accounts that the login has there, each as `NAMESPACE/NAME`."""

    def __init__(
        self, name: str, args: LoginInClusterArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        args = checked(LoginInClusterArgs, args)
        super().__init__(name, opts)
        declare_pods(
            args.get("resource_prefix", f"{name}-"),
            pod_role.usable(args["cluster"], args["method"]),
            args,
            pulumi.Output.from_input(args["iam_role_arn"]),
            associated=not args["associations_exist"],
            parent=self,
        )
        self.service_accounts = pulumi.Output.from_input(args["service_accounts"])
        self.register_outputs({"service_accounts": args["service_accounts"]})


def declare_pods(
    prefix: str,
    cluster: EksClusterRef,
    args: Mapping[str, Any],
    role_arn: pulumi.Output[str],
    *,
    associated: bool,
    parent: pulumi.Resource,
    aliases: Callable[[str], list[pulumi.Alias]] = lambda _: [],
) -> None:
    """Declare the service accounts of a login with the arguments `args` in a cluster, and with `associated`,
    for the method `pod-identity`, their associations.

    The names of the resources begin with `prefix`; `aliases` are the earlier ones of the rest of a name.
    """
    accounts, mode, method = args["service_accounts"], args["service_account_mode"], args["method"]
    if associated:
        pod_role.associations(prefix, cluster, method, accounts, role_arn, parent, args["tags"], aliases)
    annotations = {ROLE_ANNOTATION: role_arn} if method is PodIdentityMethod.IRSA else None
    for account in () if _left_alone(args) else accounts:
        rest = pod_role.resource_name(account, "service-account")
        child = pulumi.ResourceOptions(parent=parent, aliases=aliases(rest))
        namespace, name = split_service_account(account)
        metadata: dict[str, Any] = {"namespace": namespace, "name": name, "annotations": annotations}
        if mode is ServiceAccountMode.CREATE:
            kubernetes.core.v1.ServiceAccount(
                f"{prefix}{rest}", metadata=kubernetes.meta.v1.ObjectMetaArgs(**metadata), opts=child
            )
        else:
            kubernetes.core.v1.ServiceAccountPatch(
                f"{prefix}{rest}", metadata=kubernetes.meta.v1.ObjectMetaPatchArgs(**metadata), opts=child
            )


def _left_alone(args: Mapping[str, Any]) -> bool:
    """Whether the service accounts are neither made nor patched."""
    # A patch without an annotation would be none: with Pod Identity, the association is what is added.
    mode, irsa = args["service_account_mode"], args["method"] is PodIdentityMethod.IRSA
    return mode is ServiceAccountMode.NONE or (mode is ServiceAccountMode.PATCH and not irsa)


def declares(args: Mapping[str, Any]) -> bool:
    """Whether a `LoginInCluster` with these arguments has anything to declare."""
    associated = args["method"] is PodIdentityMethod.POD_IDENTITY and not args["associations_exist"]
    return associated or not _left_alone(args)
