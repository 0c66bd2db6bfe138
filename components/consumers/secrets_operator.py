"""Vault Secrets Operator: the objects by which it logs in for secrets of a namespace."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import pulumi
from typing_extensions import NotRequired, TypedDict

from .. import names
from ..declared import UNIQUE, Default, Form, Refusal, checked, rule
from ..forms import HostName, KubernetesName, ServiceAccount
from ..pod_role import PodIdentityMethod
from .base import Consumer, ConsumerArgs, ConsumerFacts, drop_empty, known_login, one_service_account

API_VERSION = "secrets.hashicorp.com/v1beta1"


def _check_allowed_namespace(value: str) -> None:
    if value != "*":
        names.check_namespace(value)


AllowedNamespace = Annotated[
    str, Form(_check_allowed_namespace, "team-a", r"\*|[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
]


class VaultSecretsOperatorOptions(TypedDict):
    """Settings of the objects, beside Vault and the login."""

    service_account: NotRequired[ServiceAccount]
    """The service account that the operator logs in as, as `NAMESPACE/NAME`. The objects are for its
    namespace. Default: the login's only one."""

    allowed_namespaces: NotRequired[Annotated[Sequence[AllowedNamespace], Default(()), UNIQUE]]
    """Other namespaces whose secrets may refer to the `VaultAuth`, or `*` alone for all; the operator looks
    for a service account of the same name in each."""

    ca_cert_secret: NotRequired[KubernetesName]
    """Name of the secret, in the service account's namespace, whose key `ca.crt` has the CA certificate that
    Vault's is checked with. Default: none, the CAs of the operator's image."""

    tls_server_name: NotRequired[HostName]
    """Name that Vault's certificate is for, where it is not the address's. Default: the address's."""


class VaultSecretsOperatorConsumerArgs(VaultSecretsOperatorOptions, ConsumerArgs):
    """Secrets of a namespace, and the login that they are read with."""


@rule(VaultSecretsOperatorOptions, "allowed_namespaces")
def _allowed(options: VaultSecretsOperatorOptions) -> Iterator[Refusal]:
    allowed = options["allowed_namespaces"]
    if "*" in allowed and len(allowed) > 1:
        yield Refusal("allowed_namespaces", "has * beside others; write * alone, or each namespace")


@rule(VaultSecretsOperatorConsumerArgs, "login")
def _method(args: VaultSecretsOperatorConsumerArgs) -> Iterator[Refusal]:
    login = known_login(args)
    if login and login["method"] is not PodIdentityMethod.IRSA:
        yield Refusal(
            ("login", "method"),
            f"is {login['method'].value}, but a VaultAuth of method aws takes a service account only with "
            "irsa; write irsa",
        )


rule(VaultSecretsOperatorConsumerArgs, "login", "service_account")(one_service_account)


class VaultSecretsOperatorConsumer(Consumer):
    """A `VaultConnection` and a `VaultAuth` of method aws, both named like the consumer. The login is that of
    a service account, with the method `irsa`."""

    KIND = "vault-secrets-operator"
    OPTIONS = VaultSecretsOperatorOptions
    ARGS = VaultSecretsOperatorConsumerArgs

    manifests: pulumi.Output[list[dict[str, Any]]]
    """The `VaultConnection` and the `VaultAuth`."""

    def __init__(
        self,
        name: str,
        args: VaultSecretsOperatorConsumerArgs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        args = checked(VaultSecretsOperatorConsumerArgs, args)
        super().__init__(name, args, opts)
        self.manifests = self._render(args, lambda facts: _manifests(name, facts, args))
        self.register_outputs({"manifests": self.manifests})

    @classmethod
    def names_objects(cls, options: Any) -> bool:
        return True


def _manifests(name: str, facts: ConsumerFacts, options: VaultSecretsOperatorOptions) -> list[dict[str, Any]]:
    namespace, account = facts.service_account(options)
    aws = {
        "role": facts.vault_role,
        "region": facts.sts_region,
        "headerValue": facts.server_id_header,
        "stsEndpoint": facts.sts_endpoint,
        "irsaServiceAccount": account,
    }
    connection = {
        "address": facts.address,
        "caCertSecretRef": options.get("ca_cert_secret"),
        "tlsServerName": options.get("tls_server_name"),
    }
    auth = {
        "vaultConnectionRef": name,
        "namespace": facts.namespace,
        "allowedNamespaces": list(options["allowed_namespaces"]) or None,
        "method": "aws",
        "mount": facts.mount_path,
        "aws": drop_empty(aws),
    }
    return [
        {
            "apiVersion": API_VERSION,
            "kind": kind,
            "metadata": {"name": name, "namespace": namespace},
            "spec": drop_empty(spec),
        }
        for kind, spec in (("VaultConnection", connection), ("VaultAuth", auth))
    ]
