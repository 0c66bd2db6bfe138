"""vault-access-operator: the object that connects it to Vault, and its chart's values."""

from collections.abc import Iterator
from typing import Annotated, Any

import pulumi
import pulumi_kubernetes as kubernetes
from typing_extensions import NotRequired, TypedDict

from ..declared import Default, Refusal, checked, matches, rule
from ..forms import KubernetesName, Namespace, SecretKey, ServiceAccount
from ..logins.base import ServiceAccountMode
from .base import (
    Consumer,
    ConsumerArgs,
    ConsumerFacts,
    drop_empty,
    one_service_account,
    role_annotations,
    root_namespace,
    unused,
)
from .release import Chart, HelmRelease, ObjectNames, install

API_VERSION = "vault.platform.io/v1alpha1"
DEFINITION = "vaultconnections.vault.platform.io"
CHART = Chart("vault-access-operator", "https://panteparak.github.io/vault-access-operator/charts")


class VaultAccessOperatorOptions(TypedDict):
    """Settings of the operator, beside Vault and its login."""

    service_account: NotRequired[ServiceAccount]
    """The operator's service account, as `NAMESPACE/NAME`. Default: the login's only one."""

    default_auth_path: NotRequired[
        Annotated[
            str,
            matches(
                r"auth(/(?!\.{1,2}(/|$))[\w.-]+)+",
                "the path of an auth method; write it with auth/, e.g. auth/kubernetes",
                "auth/kubernetes",
            ),
        ]
    ]
    """Path of the auth method in which the operator keeps the roles that it writes, with `auth/`.
    Default: the operator's own, `auth/kubernetes`."""

    ca_secret_name: NotRequired[KubernetesName]
    """Name of the secret with the CA certificate that Vault's is checked with. Default: none, the CAs of the
    operator's image."""

    ca_secret_namespace: NotRequired[Namespace]
    """Namespace of that secret. Default: that of the operator's service account."""

    ca_secret_key: NotRequired[Annotated[SecretKey, Default("ca.crt")]]
    """Key in that secret."""

    apply: NotRequired[Annotated[bool, Default(False)]]
    """Make the object in the cluster, whose CustomResourceDefinition must be there. If not, it is in
    `manifests` only."""

    release: NotRequired[HelmRelease]
    """Install the operator's chart with the values. Default: nothing is installed."""


class VaultAccessOperatorConsumerArgs(VaultAccessOperatorOptions, ConsumerArgs, ObjectNames):
    """The operator, and the login of its service account."""


@rule(VaultAccessOperatorOptions, "ca_secret_name", "ca_secret_namespace", "ca_secret_key")
def _ca_secret(options: VaultAccessOperatorOptions) -> Iterator[Refusal]:
    if "ca_secret_name" not in options:
        yield from unused(
            options,
            VaultAccessOperatorOptions,
            "ca_secret_namespace",
            "ca_secret_key",
            text="is unused without {ca_secret_name}; write that as well, or remove this",
        )


rule(VaultAccessOperatorConsumerArgs, "connection")(root_namespace)
rule(VaultAccessOperatorConsumerArgs, "login", "service_account")(one_service_account)


class VaultAccessOperatorConsumer(Consumer):
    """The `VaultConnection` by which the operator logs in, and Helm values for its service account. The login
    is that of this service account."""

    KIND = "vault-access-operator"
    OPTIONS = VaultAccessOperatorOptions
    ARGS = VaultAccessOperatorConsumerArgs

    values: pulumi.Output[dict[str, Any]]
    """Values of the operator's chart."""

    manifests: pulumi.Output[list[dict[str, Any]]]
    """The `VaultConnection`, which is named like the consumer."""

    def __init__(
        self,
        name: str,
        args: VaultAccessOperatorConsumerArgs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        args = checked(VaultAccessOperatorConsumerArgs, args)
        super().__init__(name, args, opts)
        spec = self._render(args, lambda facts: _spec(facts, args))
        self.values = self._render(args, lambda facts: _values(facts, args))
        object_name = args.get("object_name", name)
        self.manifests = spec.apply(
            lambda known: [
                {
                    "apiVersion": API_VERSION,
                    "kind": "VaultConnection",
                    "metadata": {"name": object_name},
                    "spec": known,
                }
            ]
        )
        waits_for: list[pulumi.Resource] = []
        if "release" in args:
            namespace = self._render(args, lambda facts: facts.service_account(args)[0])
            waits_for.append(install(name, args, CHART, namespace, self.values, self))
        if args["apply"]:
            # Read, not made: it is the operator's. Where it is missing, already the preview says so, and not
            # the API server after half of the update.
            waits_for.append(
                kubernetes.apiextensions.v1.CustomResourceDefinition.get(
                    f"{name}-definition", DEFINITION, opts=pulumi.ResourceOptions(parent=self)
                )
            )
            kubernetes.apiextensions.CustomResource(
                f"{name}-vault-connection",
                api_version=API_VERSION,
                kind="VaultConnection",
                metadata=kubernetes.meta.v1.ObjectMetaArgs(name=object_name),
                spec=spec,
                opts=pulumi.ResourceOptions(parent=self, depends_on=waits_for),
            )
        self.register_outputs({"values": self.values, "manifests": self.manifests})

    @classmethod
    def names_objects(cls, options: Any) -> bool:
        return True


def _values(facts: ConsumerFacts, options: VaultAccessOperatorOptions) -> dict[str, Any]:
    chart_makes_it = facts.service_account_mode is ServiceAccountMode.NONE
    annotations = role_annotations(facts.method, facts.iam_role_arn) if chart_makes_it else {}
    return {
        "serviceAccount": {
            "create": chart_makes_it,
            "name": facts.service_account(options)[1],
            **({"annotations": annotations} if annotations else {}),
        }
    }


def _spec(facts: ConsumerFacts, options: VaultAccessOperatorOptions) -> dict[str, Any]:
    aws = {
        "role": facts.vault_role,
        "authPath": facts.mount_path,
        "authType": "iam",
        "region": facts.sts_region,
        "stsEndpoint": facts.sts_endpoint,
        "iamServerIdHeaderValue": facts.server_id_header,
    }
    ca_secret = {
        "name": options.get("ca_secret_name"),
        # The VaultConnection has no namespace of its own in which the secret could be looked for.
        "namespace": options.get("ca_secret_namespace", facts.service_account(options)[0]),
        "key": options["ca_secret_key"],
    }
    default_path = options.get("default_auth_path")
    return drop_empty(
        {
            "address": facts.address,
            "tls": {"caSecretRef": ca_secret} if ca_secret["name"] else None,
            "auth": {"aws": drop_empty(aws)},
            "defaults": {"authPath": default_path} if default_path else None,
        }
    )
