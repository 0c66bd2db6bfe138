"""Vault Secrets Operator: the objects by which it logs in for secrets of a namespace."""

from collections.abc import Sequence
from typing import Any

import pulumi
from typing_extensions import NotRequired, TypedDict

from ..pod_role import PodIdentityMethod
from ..vault_auth import VaultConnection
from .base import (
    Consumer,
    ConsumerLogin,
    Facts,
    check_connection,
    method_of,
    object_name,
    one_account,
    told,
    without_empty,
)

API_VERSION = "secrets.hashicorp.com/v1beta1"


class VaultSecretsOperatorOptions(TypedDict):
    """What the operator must be told beside Vault and the login."""

    service_account: NotRequired[str]
    """The service account that the operator logs in as, as `NAMESPACE/NAME`. Default: the login's only one.
    The objects are for its namespace."""

    allowed_namespaces: NotRequired[Sequence[str]]
    """Other namespaces whose secrets may refer to the `VaultAuth`; the operator looks for a service account
    of the same name in each. Default: none."""

    ca_cert_secret: NotRequired[str]
    """Name of the secret, in the service account's namespace, whose key `ca.crt` has the CA certificate that
    Vault's is checked with. Default: none, the CAs of the operator's image."""

    tls_server_name: NotRequired[str]
    """Name that Vault's certificate is for, where it is not the address's. Default: the address's."""


class VaultSecretsOperatorConsumerArgs(VaultSecretsOperatorOptions):
    """Secrets of a namespace, and the login that they are read with."""

    connection: VaultConnection
    """The mount: `VaultAwsAuth.connection`, or its outputs; `address` is needed."""

    login: ConsumerLogin
    """The login, of a service account of the namespace; its method is `irsa`."""


class VaultSecretsOperatorConsumer(Consumer):
    """A `VaultConnection` and a `VaultAuth` of method aws, both named like the consumer."""

    KIND = "vault-secrets-operator"
    OPTIONS = VaultSecretsOperatorOptions

    manifests: pulumi.Output[list[dict[str, Any]]]
    """The `VaultConnection` and the `VaultAuth`."""

    def __init__(
        self,
        name: str,
        args: VaultSecretsOperatorConsumerArgs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        namespace, account = self.check(name, args)
        super().__init__("vault-aws-auth:index:VaultSecretsOperatorConsumer", name, {}, opts)
        metadata = {"name": name, "namespace": namespace}
        allowed = list(args.get("allowed_namespaces", []))
        tls = without_empty(
            {"caCertSecretRef": args.get("ca_cert_secret"), "tlsServerName": args.get("tls_server_name")}
        )

        def build(facts: Facts) -> list[dict[str, Any]]:
            aws = {
                "role": facts.vault_role,
                "region": facts.sts_region,
                "headerValue": facts.server_id_header,
                "stsEndpoint": facts.sts_endpoint,
                "irsaServiceAccount": account,
            }
            auth = {
                "vaultConnectionRef": name,
                "namespace": facts.namespace,
                "allowedNamespaces": allowed or None,
                "method": "aws",
                "mount": facts.mount_path,
                "aws": without_empty(aws),
            }
            return [
                _object("VaultConnection", metadata, {"address": facts.address, **tls}),
                _object("VaultAuth", metadata, without_empty(auth)),
            ]

        self.manifests = told(self.KIND, args["connection"], args["login"], build)
        self.register_outputs({"manifests": self.manifests})

    @classmethod
    def check(cls, name: str, args: VaultSecretsOperatorConsumerArgs) -> tuple[str, str]:
        """Namespace and name of the service account."""
        check_connection(cls.KIND, args["connection"])
        object_name(name)
        if method_of(args["login"]) is not PodIdentityMethod.IRSA:
            raise ValueError(
                "login.method: is pod-identity, but a VaultAuth of method aws names its service account for "
                "irsa only; set the login's method to irsa"
            )
        return one_account(args["login"], args.get("service_account", ""))


def _object(kind: str, metadata: dict[str, str], spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": dict(metadata), "spec": spec}
