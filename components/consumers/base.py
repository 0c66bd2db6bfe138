"""What consumers of every kind have in common: what they are told of Vault, and of the login they use."""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple, TypeVar, cast

import pulumi
from typing_extensions import NotRequired, TypedDict

from .. import names
from ..logins.service_account import ROLE_ANNOTATION, ServiceAccountMode
from ..pod_role import PodIdentityMethod
from ..vault_auth import VaultConnection

_E = TypeVar("_E", bound=Enum)
_T = TypeVar("_T")


class ConsumerLogin(TypedDict):
    """The login that a consumer uses."""

    vault_role: pulumi.Input[str]
    """Name of the Vault role. Source: the login's `vault_role`."""

    iam_role_arn: pulumi.Input[str]
    """ARN of the IAM role that the consumer's pods get. Source: the login's `iam_role_arn`."""

    service_accounts: Sequence[str]
    """The service accounts that may log in, each as `NAMESPACE/NAME`; none for a login of instances or
    other principals."""

    method: NotRequired[PodIdentityMethod]
    """How the service accounts get the IAM role: `irsa` or `pod-identity`, as the login has it.
    Default: `irsa`."""

    service_account_mode: NotRequired[ServiceAccountMode]
    """Who makes the service accounts, as the login has it: it tells whether a chart may make its own.
    Default: `none`, the consumer's chart makes them."""


class Facts(NamedTuple):
    """What is known of Vault and the login when values are written."""

    address: str
    namespace: str
    mount_path: str
    sts_endpoint: str
    sts_region: str
    server_id_header: str
    vault_role: str
    iam_role_arn: str

    @property
    def auth_path(self) -> str:
        """The mount as Vault's API has it: `auth/aws`."""
        return f"auth/{self.mount_path}"


class Consumer(pulumi.ComponentResource):
    """The base of all kinds. A kind names itself, says which options it has, and sets `values` (of a Helm
    chart), `manifests` (of Kubernetes) or both before it registers its outputs."""

    KIND = ""
    """The word for the kind in settings and outputs."""

    NEEDS_LOGIN = True
    """Whether `login` must be given."""

    # Not annotated: annotations of a component are its outputs.
    OPTIONS = cast(type, dict)
    """The kind's own arguments: those beside `connection`, `login` and `release`."""

    HAS_RELEASE = False
    """Whether the kind has a chart that this stack can install, with the argument `release`."""

    @classmethod
    def check(cls, name: str, args: Any) -> object:
        """What the kind makes of its arguments; those known only when the stack is up may be any text.
        Nothing is registered. Raises ValueError, naming the field, for what the kind cannot take."""
        raise NotImplementedError

    @property
    def output(self) -> dict[str, Any]:
        """The kind with its values, manifests or both: an entry of the stack's output `consumers`."""
        parts = {part: getattr(self, part, None) for part in ("values", "manifests")}
        return {"kind": self.KIND, **{part: value for part, value in parts.items() if value is not None}}


def check_connection(kind: str, connection: VaultConnection, *, namespaces: bool = True) -> None:
    """Raise ValueError, naming the field, for what consumers of a kind cannot be told of Vault.

    `namespaces` says whether they can be told a Vault namespace.
    """
    for field in ("address", "sts_region"):
        if not connection.get(field):
            raise ValueError(f"connection.{field}: is missing; consumers of kind {kind} are told it")
    namespace = connection.get("namespace") or ""
    if namespace and isinstance(namespace, str) and not namespaces:
        raise ValueError(
            f"connection.namespace: {namespace!r} cannot be told to consumers of kind {kind}, which have "
            "no setting for it; use a Vault without namespaces, or another kind"
        )


def told(
    kind: str,
    connection: VaultConnection,
    login: ConsumerLogin,
    build: Callable[[Facts], _T],
    *,
    namespaces: bool = True,
) -> pulumi.Output[_T]:
    """What `build` makes of the facts, once all of them are known. The connection is a checked one, of which
    the namespace is looked at once more, as it may not have been known."""
    inputs: dict[str, Any] = {
        "address": connection["address"],
        "namespace": connection.get("namespace") or "",
        "mount_path": connection["path"],
        "sts_endpoint": connection.get("sts_endpoint") or "",
        "sts_region": connection["sts_region"],
        "server_id_header": connection.get("server_id_header") or "",
        "vault_role": login["vault_role"],
        "iam_role_arn": login["iam_role_arn"],
    }

    def written(facts: Mapping[str, Any]) -> _T:
        known: VaultConnection = {**connection, "namespace": facts["namespace"]}
        check_connection(kind, known, namespaces=namespaces)
        return build(Facts(**{field: value or "" for field, value in facts.items()}))

    return pulumi.Output.all(**inputs).apply(written)


def choice(field: str, value: Any, kind: type[_E]) -> _E:
    """One of an enum's members, given as itself or as its word. Raises ValueError that names the field."""
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(str(member.value) for member in kind)
        raise ValueError(f"{field}: {value!r} is not one of {known}") from None


def method_of(login: Mapping[str, Any]) -> PodIdentityMethod:
    """How the login's service accounts get their IAM role."""
    return choice("login.method", login.get("method", PodIdentityMethod.IRSA), PodIdentityMethod)


def mode_of(login: Mapping[str, Any]) -> ServiceAccountMode:
    """Who makes the login's service accounts."""
    return choice(
        "login.service_account_mode",
        login.get("service_account_mode", ServiceAccountMode.NONE),
        ServiceAccountMode,
    )


def role_annotations(method: PodIdentityMethod, iam_role_arn: str) -> dict[str, str]:
    """The annotations by which a service account gets its role; none for Pod Identity, where EKS knows it."""
    return {ROLE_ANNOTATION: iam_role_arn} if method is PodIdentityMethod.IRSA else {}


def split_account(field: str, account: str) -> tuple[str, str]:
    """Namespace and name of `NAMESPACE/NAME`. Raises ValueError that names the field."""
    namespace, _, name = account.partition("/")
    try:
        names.check_namespace(namespace)
        names.check_service_account(name)
    except ValueError:
        raise ValueError(
            f"{field}: {account!r} is not a service account in full; write NAMESPACE/NAME, without wildcards"
        ) from None
    return namespace, name


def one_account(login: ConsumerLogin, chosen: str = "") -> tuple[str, str]:
    """The login's only service account, or the chosen one of it: namespace and name.

    Raises ValueError that names the field.
    """
    accounts = list(login["service_accounts"])
    if chosen:
        if chosen not in accounts:
            raise ValueError(f"service_account: {chosen!r} is not one of the login's: {', '.join(accounts)}")
        return split_account("service_account", chosen)
    if not accounts:
        raise ValueError("login.service_accounts: has none; use a login of service accounts")
    if len(accounts) > 1:
        raise ValueError(f"service_account: is missing; write one of the login's: {', '.join(accounts)}")
    return split_account("login.service_accounts", accounts[0])


def object_name(name: str) -> str:
    """The consumer's name, if Kubernetes can name an object so. Raises ValueError that says how."""
    try:
        names.check_service_account(name)
    except ValueError as error:
        raise ValueError(f"name: {name!r} {error}") from None
    return name


def without_empty(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that have a value; an empty text or None is what a chart or an operator takes as unset."""
    return {key: value for key, value in fields.items() if value not in ("", None)}
