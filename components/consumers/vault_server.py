"""Vault itself, in the cluster: values of the official chart `hashicorp/vault`."""

from collections.abc import Iterator
from enum import Enum
from typing import Annotated, Any, cast

import pulumi
from typing_extensions import NotRequired, TypedDict

from ..declared import Default, Form, Refusal, checked, matches, rule
from ..forms import KubernetesName, RoleArn, ServiceAccount, split_service_account
from ..pod_role import PodIdentityMethod
from .base import Consumer, role_annotations, unused
from .release import Chart, HelmRelease, ObjectNames, install

CHART = Chart("vault", "https://helm.releases.hashicorp.com")
TLS_FOLDER = "/vault/tls"
FEWEST_REPLICAS = 3


class VaultServerMode(Enum):
    """How Vault keeps its data."""

    HA = "ha"
    """Several servers with integrated storage, which you initialize and unseal."""

    DEV = "dev"
    """One server that keeps everything in memory, unsealed, without TLS: to try things out, never for a
    secret."""


def _check_replicas(value: int) -> None:
    if value < FEWEST_REPLICAS or value % 2 == 0:
        raise ValueError(f"is not an odd number, {FEWEST_REPLICAS} or more; write 3, 5 or 7")


class VaultServerOptions(TypedDict):
    """How Vault runs."""

    mode: NotRequired[Annotated[VaultServerMode, Default(VaultServerMode.HA)]]
    """How Vault keeps its data: `ha` or `dev`."""

    tls_secret: NotRequired[KubernetesName]
    """With the mode `ha`: name of the secret, in Vault's namespace, with the keys `tls.crt`, `tls.key` and
    `ca.crt`. Needed, unless `plaintext` is true."""

    plaintext: NotRequired[Annotated[bool, Default(False)]]
    """With the mode `ha`: listen without TLS, which shows the secrets to anyone who sees the cluster's
    network."""

    replicas: NotRequired[Annotated[int, Form(_check_replicas)]]
    """With the mode `ha`: how many servers, an odd number, 3 or more. Default: 3 with the mode `ha`."""

    storage_size: NotRequired[
        Annotated[
            str,
            matches(
                r"[1-9]\d*(\.\d+)?([kMGTPE]|[KMGTPE]i)|[1-9]\d{6,}",
                "the size of a volume; write e.g. 10Gi",
                "10Gi",
            ),
        ]
    ]
    """With the mode `ha`: size of each server's volume. Default: the chart's own, `10Gi`."""

    injector: NotRequired[Annotated[bool, Default(False)]]
    """Install the Vault Agent Injector with it."""

    release: NotRequired[HelmRelease]
    """Install the chart with the values; needs `pod`. Default: nothing is installed."""


class VaultPod(TypedDict):
    """The service account of Vault's pods, and the AWS identity that it gives them."""

    service_account: ServiceAccount
    """The service account, as `NAMESPACE/NAME`. The chart makes it."""

    iam_role_arn: pulumi.Input[RoleArn]
    """ARN of the IAM role that Vault runs as. Source: `IamRoleVaultIdentity.principal_arn`."""

    method: NotRequired[Annotated[PodIdentityMethod, Default(PodIdentityMethod.IRSA)]]
    """How the service account gets the role: `irsa` or `pod-identity`, as the Vault identity has it."""


class VaultServerConsumerArgs(VaultServerOptions, ObjectNames):
    """Vault in the cluster, and the AWS identity of its pods."""

    pod: NotRequired[pulumi.Input[VaultPod]]
    """The service account whose IAM role is Vault's identity. Default: Vault's AWS identity does not come
    from its pods, and the chart names the service account."""


OF_HA = ("tls_secret", "plaintext", "replicas", "storage_size")
"""The options that only the mode `ha` has."""


@rule(VaultServerOptions, "mode", *OF_HA)
def _mode(options: VaultServerOptions) -> Iterator[Refusal]:
    if options["mode"] is VaultServerMode.DEV:
        text = "is unused: it is for {mode} ha; remove it"
        yield from unused(options, VaultServerOptions, *OF_HA, text=text)
    elif "tls_secret" not in options and not options["plaintext"]:
        yield Refusal(
            "tls_secret",
            "is missing; write the name of the secret with Vault's certificate, or {plaintext}: true",
        )
    elif "tls_secret" in options and options["plaintext"]:
        yield Refusal("tls_secret", "is unused: {plaintext} is true; remove one of them")


@rule(VaultServerConsumerArgs, "release", "pod")
def _installed(args: VaultServerConsumerArgs) -> Iterator[Refusal]:
    if "release" in args and "pod" not in args:
        yield Refusal("pod", "is missing; {release} installs into the namespace of Vault's service account")


class VaultServerConsumer(Consumer):
    """Helm values for Vault, whose pods have the Vault identity's role and no stored credential."""

    KIND = "vault-server"
    NEEDS_LOGIN = False
    OPTIONS = VaultServerOptions
    ARGS = VaultServerConsumerArgs

    values: pulumi.Output[dict[str, Any]]
    """Values of the chart."""

    def __init__(
        self, name: str, args: VaultServerConsumerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        args = checked(VaultServerConsumerArgs, args)
        super().__init__(name, args, opts)
        known = self._known(args)
        self.values = known.apply(_values)
        if "release" in args:
            namespace = known.apply(lambda known: _pod(known)["service_account"].partition("/")[0])
            install(name, args, CHART, namespace, self.values, self)
        self.register_outputs({"values": self.values})


def _pod(known: VaultServerConsumerArgs) -> VaultPod:
    return cast(VaultPod, known["pod"])


def _values(known: VaultServerConsumerArgs) -> dict[str, Any]:
    dev = known["mode"] is VaultServerMode.DEV
    server: dict[str, Any] = {"dev": {"enabled": True}} if dev else _ha(known)
    if "pod" in known:
        pod = _pod(known)
        annotations = role_annotations(pod["method"], str(pod["iam_role_arn"]))
        server["serviceAccount"] = {
            "create": True,
            "name": split_service_account(pod["service_account"])[1],
            **({"annotations": annotations} if annotations else {}),
        }
    tls = {"global": {"tlsDisable": False}} if "tls_secret" in known else {}
    return {**tls, "injector": {"enabled": known["injector"]}, "server": server}


def _ha(options: VaultServerOptions) -> dict[str, Any]:
    raft: dict[str, Any] = {"enabled": True, "setNodeId": True}
    replicas = options.get("replicas", FEWEST_REPLICAS)
    server: dict[str, Any] = {"ha": {"enabled": True, "replicas": replicas, "raft": raft}}
    if "storage_size" in options:
        server["dataStorage"] = {"size": options["storage_size"]}
    if "tls_secret" in options:
        raft["config"] = _CONFIG
        server["extraEnvironmentVars"] = {"VAULT_CACERT": f"{TLS_FOLDER}/ca.crt"}
        server["volumes"] = [{"name": "tls", "secret": {"secretName": options["tls_secret"]}}]
        server["volumeMounts"] = [{"name": "tls", "mountPath": TLS_FOLDER, "readOnly": True}]
    return server


# The chart's own, but for TLS.
_CONFIG = f"""\
ui = true

listener "tcp" {{
  address         = "[::]:8200"
  cluster_address = "[::]:8201"
  tls_cert_file   = "{TLS_FOLDER}/tls.crt"
  tls_key_file    = "{TLS_FOLDER}/tls.key"
}}

storage "raft" {{
  path = "/vault/data"
}}

service_registration "kubernetes" {{}}
"""
