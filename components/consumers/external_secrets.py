"""External Secrets Operator: the store that reads from Vault."""

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Annotated, Any, cast

import pulumi
from typing_extensions import NotRequired, TypedDict

from ..declared import Default, Refusal, checked, rule
from ..forms import KubernetesName, MountPath, Namespace, SecretKey, ServiceAccount, split_service_account
from ..pod_role import PodIdentityMethod
from .base import Consumer, ConsumerArgs, ConsumerFacts, drop_empty, known_login, one_service_account, unused

API_VERSION = "external-secrets.io/v1"


class StoreScope(Enum):
    """Whose secrets a store is for."""

    NAMESPACE = "namespace"
    """Those of one namespace: a `SecretStore`."""

    CLUSTER = "cluster"
    """Those of every namespace: a `ClusterSecretStore`."""


class ExternalSecretsOptions(TypedDict):
    """Settings of the store, beside Vault and the login."""

    scope: NotRequired[Annotated[StoreScope, Default(StoreScope.NAMESPACE)]]
    """Whose secrets it is for: `namespace` or `cluster`."""

    service_account: NotRequired[ServiceAccount]
    """The service account that the operator logs in as, as `NAMESPACE/NAME`; with the method `pod-identity`
    it must be the operator's own. Default: the login's only one."""

    namespace: NotRequired[Namespace]
    """Namespace of a store of scope `namespace`; with the method `irsa` it cannot be another than the service
    account's. Default: that of the service account."""

    path: NotRequired[Annotated[MountPath, Default("dev")]]
    """Path of the KV version 2 engine that it reads from."""

    ca_secret_name: NotRequired[KubernetesName]
    """Name of the secret, in the service account's namespace, with the CA certificate that Vault's is checked
    with. Default: none, the CAs of the operator's image."""

    ca_secret_key: NotRequired[Annotated[SecretKey, Default("ca.crt")]]
    """Key in that secret."""


class ExternalSecretsConsumerArgs(ExternalSecretsOptions, ConsumerArgs):
    """A store, and the login that it reads with."""


@rule(ExternalSecretsOptions, "ca_secret_name", "ca_secret_key")
def _ca_secret(options: ExternalSecretsOptions) -> Iterator[Refusal]:
    if "ca_secret_name" not in options:
        text = "is unused without {ca_secret_name}; write that as well, or remove this"
        yield from unused(options, ExternalSecretsOptions, "ca_secret_key", text=text)


@rule(ExternalSecretsOptions, "scope", "namespace")
def _scope(options: ExternalSecretsOptions) -> Iterator[Refusal]:
    if options["scope"] is StoreScope.CLUSTER:
        text = "is unused: a store of {scope} cluster has none; remove it"
        yield from unused(options, ExternalSecretsOptions, "namespace", text=text)


@rule(ExternalSecretsConsumerArgs, "scope", "namespace", "login", "service_account")
def _namespace(args: ExternalSecretsConsumerArgs) -> Iterator[Refusal]:
    login, namespace = known_login(args), args.get("namespace")
    if login is None or namespace is None or args["scope"] is StoreScope.CLUSTER:
        return
    accounts = cast(Sequence[str], login["service_accounts"])
    account = args.get("service_account") or (accounts[0] if len(accounts) == 1 else None)
    if account is None or login["method"] is not PodIdentityMethod.IRSA:
        return
    of_account, _ = split_service_account(account)
    if namespace != of_account:
        yield Refusal(
            "namespace",
            f"is not that of the service account, {of_account}, and a SecretStore refers to none of another "
            "namespace; use a login of that namespace, or write {scope}: cluster",
            namespace,
        )


rule(ExternalSecretsConsumerArgs, "login", "service_account")(one_service_account)


class ExternalSecretsConsumer(Consumer):
    """A `SecretStore` or `ClusterSecretStore` with Vault's iam auth, named like the consumer. The login is
    that of a service account."""

    KIND = "external-secrets"
    OPTIONS = ExternalSecretsOptions
    ARGS = ExternalSecretsConsumerArgs

    manifests: pulumi.Output[list[dict[str, Any]]]
    """The store."""

    def __init__(
        self, name: str, args: ExternalSecretsConsumerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        args = checked(ExternalSecretsConsumerArgs, args)
        super().__init__(name, args, opts)
        self.manifests = self._render(args, lambda facts: [_store(name, facts, args)])
        self.register_outputs({"manifests": self.manifests})

    @classmethod
    def names_objects(cls, options: Any) -> bool:
        return True


def _store(name: str, facts: ConsumerFacts, options: ExternalSecretsOptions) -> dict[str, Any]:
    namespace, account = facts.service_account(options)
    whole_cluster = options["scope"] is StoreScope.CLUSTER
    # A store of the cluster has no namespace in which its references could be looked for.
    where = {"namespace": namespace} if whole_cluster else {}
    irsa = facts.method is PodIdentityMethod.IRSA
    iam = {
        "path": facts.mount_path,
        "region": facts.sts_region,
        "vaultRole": facts.vault_role,
        "vaultAwsIamServerID": facts.server_id_header,
        # Without a reference the operator logs in as itself, which is all that Pod Identity lets it do.
        "jwt": {"serviceAccountRef": {"name": account, **where}} if irsa else None,
    }
    ca_secret = options.get("ca_secret_name")
    ca_provider = {"type": "Secret", "name": ca_secret, "key": options["ca_secret_key"], **where}
    vault = {
        "server": facts.address,
        "namespace": facts.namespace,
        "path": options["path"],
        "version": "v2",
        "caProvider": ca_provider if ca_secret else None,
        "auth": {"iam": drop_empty(iam)},
    }
    store_namespace = None if whole_cluster else options.get("namespace", namespace)
    return {
        "apiVersion": API_VERSION,
        "kind": "ClusterSecretStore" if whole_cluster else "SecretStore",
        "metadata": drop_empty({"name": name, "namespace": store_namespace}),
        "spec": {"provider": {"vault": drop_empty(vault)}},
    }
