"""External Secrets Operator: the store that reads from Vault."""

from enum import Enum
from typing import Any

import pulumi
from typing_extensions import NotRequired, TypedDict

from .. import names
from ..pod_role import PodIdentityMethod
from ..vault_auth import VaultConnection
from .base import (
    Consumer,
    ConsumerLogin,
    Facts,
    check_connection,
    choice,
    method_of,
    object_name,
    one_account,
    told,
    without_empty,
)

API_VERSION = "external-secrets.io/v1"


class StoreScope(Enum):
    """Whose secrets a store is for."""

    NAMESPACE = "namespace"
    """Those of one namespace: a `SecretStore`."""

    CLUSTER = "cluster"
    """Those of every namespace: a `ClusterSecretStore`."""


class ExternalSecretsOptions(TypedDict):
    """What the store must be told beside Vault and the login."""

    scope: NotRequired[StoreScope]
    """Whose secrets it is for: `namespace` or `cluster`. Default: `namespace`."""

    service_account: NotRequired[str]
    """The service account that the operator logs in as, as `NAMESPACE/NAME`. Default: the login's only one.
    With the method `pod-identity` it must be the operator's own."""

    namespace: NotRequired[str]
    """Namespace of a store of scope `namespace`. Default: that of the service account; with the method `irsa`
    it cannot be another."""

    path: NotRequired[str]
    """Path of the KV version 2 engine that it reads from. Default: `dev`."""

    ca_secret_name: NotRequired[str]
    """Name of the secret, in the service account's namespace, with the CA certificate that Vault's is checked
    with. Default: none, the CAs of the operator's image."""

    ca_secret_key: NotRequired[str]
    """Key in that secret. Default: `ca.crt`."""


class ExternalSecretsConsumerArgs(ExternalSecretsOptions):
    """A store, and the login that it reads with."""

    connection: VaultConnection
    """The mount: `VaultAwsAuth.connection`, or its outputs; `address` is needed."""

    login: ConsumerLogin
    """The login, of a service account."""


class ExternalSecretsConsumer(Consumer):
    """A `SecretStore` or `ClusterSecretStore` with Vault's iam auth, named like the consumer."""

    KIND = "external-secrets"
    OPTIONS = ExternalSecretsOptions

    manifests: pulumi.Output[list[dict[str, Any]]]
    """The store."""

    def __init__(
        self, name: str, args: ExternalSecretsConsumerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        (namespace, account), store_namespace = self.check(name, args)
        super().__init__("vault-aws-auth:index:ExternalSecretsConsumer", name, {}, opts)
        login = args["login"]
        whole_cluster = not store_namespace
        # A store of the cluster has no namespace in which its references could be looked for.
        where = {"namespace": namespace} if whole_cluster else {}
        irsa = method_of(login) is PodIdentityMethod.IRSA
        # Without a reference the operator logs in as itself, which is all that Pod Identity lets it do.
        jwt = {"serviceAccountRef": {"name": account, **where}} if irsa else None
        ca_provider = _ca_provider(args, where)
        path = args.get("path", "dev")

        def build(facts: Facts) -> list[dict[str, Any]]:
            iam = {
                "path": facts.mount_path,
                "region": facts.sts_region,
                "vaultRole": facts.vault_role,
                "vaultAwsIamServerID": facts.server_id_header,
                "jwt": jwt,
            }
            vault = {
                "server": facts.address,
                "namespace": facts.namespace,
                "path": path,
                "version": "v2",
                "caProvider": ca_provider,
                "auth": {"iam": without_empty(iam)},
            }
            return [
                {
                    "apiVersion": API_VERSION,
                    "kind": "ClusterSecretStore" if whole_cluster else "SecretStore",
                    "metadata": without_empty({"name": name, "namespace": store_namespace}),
                    "spec": {"provider": {"vault": without_empty(vault)}},
                }
            ]

        self.manifests = told(self.KIND, args["connection"], login, build)
        self.register_outputs({"manifests": self.manifests})

    @classmethod
    def check(cls, name: str, args: ExternalSecretsConsumerArgs) -> tuple[tuple[str, str], str]:
        """The service account, and the store's namespace; empty for a store of the cluster."""
        check_connection(cls.KIND, args["connection"])
        object_name(name)
        scope = choice("scope", args.get("scope", StoreScope.NAMESPACE), StoreScope)
        account = one_account(args["login"], args.get("service_account", ""))
        _ca_provider(args, {})
        return account, _namespace(args, scope, method_of(args["login"]), account[0])


def _namespace(
    args: ExternalSecretsOptions, scope: StoreScope, method: PodIdentityMethod, account_namespace: str
) -> str:
    """The store's namespace; empty for one of the cluster."""
    given = args.get("namespace", "")
    if scope is StoreScope.CLUSTER:
        if given:
            raise ValueError(f"namespace: {given!r} has no meaning for the scope cluster; leave it out")
        return ""
    if not given:
        return account_namespace
    try:
        names.check_namespace(given)
    except ValueError as error:
        raise ValueError(f"namespace: {given!r} {error}") from None
    if method is PodIdentityMethod.IRSA and given != account_namespace:
        raise ValueError(
            f"namespace: {given!r} is not that of the service account, {account_namespace!r}, and a "
            "SecretStore refers to none of another namespace; use a login of that namespace, or the scope "
            "cluster"
        )
    return given


def _ca_provider(args: ExternalSecretsOptions, where: dict[str, str]) -> dict[str, str] | None:
    if not args.get("ca_secret_name"):
        if "ca_secret_key" in args:
            raise ValueError("ca_secret_key: is given without ca_secret_name; write the secret's name, too")
        return None
    return {
        "type": "Secret",
        "name": args["ca_secret_name"],
        "key": args.get("ca_secret_key", "ca.crt"),
        **where,
    }
