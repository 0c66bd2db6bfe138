"""What consumers of every kind have in common: what they know of Vault, and of the login that they use."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar, cast

import pulumi
from typing_extensions import TypedDict

from .. import arns, names
from ..component import Kind
from ..declared import Refusal, checked, fields_of, refuse, rule
from ..forms import is_wild, split_service_account
from ..logins.base import LoginRef, ServiceAccountMode
from ..logins.in_cluster import ROLE_ANNOTATION
from ..pod_role import PodIdentityMethod
from ..vault_auth import VaultConnection

_Args = TypeVar("_Args", bound=Mapping[str, Any])
_T = TypeVar("_T")


class ConsumerArgs(TypedDict):
    """What a program wires into every consumer that logs in."""

    connection: pulumi.Input[VaultConnection]
    """The mount: `VaultAwsAuth.connection`, with an `address`."""

    login: pulumi.Input[LoginRef]
    """The login: its `ref`."""


@rule(ConsumerArgs, "connection")
def _reachable(args: ConsumerArgs) -> Iterator[Refusal]:
    connection = args["connection"]
    if isinstance(connection, Mapping):
        if not connection.get("address"):
            text = "is missing; consumers need it: write Vault's URL, e.g. https://vault.example.com:8200"
            yield Refusal(("connection", "address"), text)
        if not connection.get("sts_region"):
            text = "is missing; consumers need it: write VaultAwsAuth.connection whole"
            yield Refusal(("connection", "sts_region"), text)


# Rules that only some kinds have: each registers what it needs.


def root_namespace(args: ConsumerArgs) -> Iterator[Refusal]:
    """Refuse a namespace of Vault, for kinds that have no setting for it."""
    connection = args["connection"]
    namespace = connection.get("namespace") if isinstance(connection, Mapping) else None
    if namespace and isinstance(namespace, str):
        yield Refusal(
            ("connection", "namespace"),
            "is a Vault namespace, and this kind of consumer has no setting for it; use the root namespace "
            "or another kind",
            namespace,
        )


def one_service_account(args: Mapping[str, Any]) -> Iterator[Refusal]:
    """Refuse a login without the one service account that the consumer logs in as: `service_account`, or the
    login's only one."""
    login = known_login(args)
    if login is None:
        return
    accounts, chosen = cast(Sequence[str], login["service_accounts"]), args.get("service_account")
    if not accounts:
        yield Refusal("login", "has no service accounts; use a login that has")
    elif chosen and chosen not in accounts:
        yield Refusal("service_account", f"is not one of the login's: {', '.join(accounts)}", chosen)
    elif not chosen and len(accounts) > 1:
        yield Refusal("service_account", f"is missing; write one of the login's: {', '.join(accounts)}")
    elif not chosen and is_wild(accounts[0]):
        yield Refusal(
            ("login", "service_accounts"),
            "has a wildcard, but a consumer logs in as one service account; use a login of it alone",
            accounts[0],
        )


def known_login(args: Mapping[str, Any]) -> LoginRef | None:
    """The login, if what rules look at is known now; if not, they are applied again when it is."""
    login = args["login"]
    known = isinstance(login, Mapping) and isinstance(login["service_accounts"], Sequence)
    return cast(LoginRef, login) if known else None


def unused(options: Mapping[str, Any], of: type, *fields: str, text: str) -> Iterator[Refusal]:
    """Refuse fields of `of` that say something other than their default, where nothing reads them."""
    for field in fields:
        if field in options and options[field] not in (fields_of(of)[field].default, []):
            yield Refusal(field, text)


# What is rendered


class ConsumerFacts(NamedTuple):
    """What is known of Vault and of the login when values and manifests are rendered."""

    address: str
    namespace: str
    mount_path: str
    sts_endpoint: str
    """Empty for the regional one, which the region says already."""
    sts_region: str
    server_id_header: str
    vault_role: str
    iam_role_arn: str
    service_accounts: Sequence[str]
    method: PodIdentityMethod
    service_account_mode: ServiceAccountMode

    @property
    def auth_path(self) -> str:
        """The mount as Vault's API has it: `auth/aws`."""
        return f"auth/{self.mount_path}"

    def service_account(self, options: Mapping[str, Any]) -> tuple[str, str]:
        """Namespace and name of the service account that logs in; empty if the login has none."""
        return split_service_account(options.get("service_account") or next(iter(self.service_accounts), ""))


class Consumer(Kind):
    """The base of all kinds. A kind sets `values` (of a Helm chart), `manifests` (of Kubernetes) or both
    before it registers its outputs."""

    NEEDS_LOGIN = True  # not annotated: annotations of a component are its outputs
    """Whether it logs in, and so has the arguments `connection` and `login`."""

    def __init__(self, name: str, args: Any, opts: pulumi.ResourceOptions | None) -> None:
        """`args` are checked ones."""
        refuse(self.refusals_of_name(args.get("object_name", name), args))
        super().__init__(name, opts)

    @classmethod
    def names_objects(cls, options: Any) -> bool:
        """Whether the consumer's name is that of objects in Kubernetes, such as the release."""
        return bool(options.get("release"))

    @classmethod
    def namespace(cls, options: Any, service_accounts: Sequence[str]) -> str:
        """The namespace that the consumer's chart is installed into; `service_accounts` are of its login."""
        account = options.get("service_account") or next(iter(service_accounts), "")
        return split_service_account(account)[0]

    @classmethod
    def refusals_of_name(cls, name: str, options: Any) -> Iterator[Refusal]:
        """What is wrong with a consumer's name; `options` are of the kind's OPTIONS, those that are right."""
        if cls.names_objects(options):
            try:
                names.check_service_account(name)
            except ValueError as error:
                yield Refusal("name", str(error), name)

    def _known(self, args: _Args) -> pulumi.Output[_Args]:
        """The arguments once they are all known, checked again: of an output, nothing was."""
        known = pulumi.Output.from_input(dict(args))
        return known.apply(lambda known: cast(_Args, checked(self.ARGS, known)))

    def _render(self, args: ConsumerArgs, build: Callable[[ConsumerFacts], _T]) -> pulumi.Output[_T]:
        """What `build` makes of the facts once they are all known."""
        return self._known(args).apply(lambda known: build(_facts(known)))

    @property
    def output(self) -> dict[str, Any]:
        """The kind with its values, manifests or both: an entry of the stack's output `consumers`."""
        parts = {part: getattr(self, part, None) for part in ("values", "manifests")}
        return {"kind": self.KIND, **{part: value for part, value in parts.items() if value is not None}}


def _facts(known: Mapping[str, Any]) -> ConsumerFacts:
    connection, login = known["connection"], known["login"]
    endpoint, region = connection.get("sts_endpoint", ""), connection["sts_region"]
    return ConsumerFacts(
        address=connection["address"],
        namespace=connection.get("namespace", ""),
        mount_path=connection["path"],
        sts_endpoint="" if endpoint == arns.sts_endpoint(region) else endpoint,
        sts_region=region,
        server_id_header=connection.get("server_id_header", ""),
        **login,
    )


def role_annotations(method: PodIdentityMethod, iam_role_arn: str) -> dict[str, str]:
    """The annotations by which a service account gets its role; none for Pod Identity, where EKS knows it."""
    return {ROLE_ANNOTATION: iam_role_arn} if method is PodIdentityMethod.IRSA else {}


def drop_empty(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that have a value; charts and operators take an empty text or None as unset."""
    return {key: value for key, value in fields.items() if value not in ("", None)}
