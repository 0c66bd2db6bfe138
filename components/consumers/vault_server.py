"""Vault itself, in the cluster: values of the official chart `hashicorp/vault`."""

from enum import Enum
from typing import Any

import pulumi
from typing_extensions import NotRequired, TypedDict

from ..pod_role import PodIdentityMethod
from .base import Consumer, choice, method_of, role_annotations, split_account
from .release import Chart, HelmRelease, check_release, install

CHART = Chart("vault", "https://helm.releases.hashicorp.com")
TLS_FOLDER = "/vault/tls"
FEWEST_REPLICAS = 3


class VaultServerMode(Enum):
    """How Vault keeps its data."""

    HA = "ha"
    """Several servers with integrated storage, which somebody initializes and unseals."""

    DEV = "dev"
    """One server that keeps everything in memory, unsealed, without TLS: to try things out, never for a
    secret."""


class VaultServerOptions(TypedDict):
    """How Vault runs."""

    mode: NotRequired[VaultServerMode]
    """How Vault keeps its data: `ha` or `dev`. Default: `ha`."""

    tls_secret: NotRequired[str]
    """With the mode `ha`: name of the secret, in Vault's namespace, with the keys `tls.crt`, `tls.key` and
    `ca.crt`. Needed, unless `plaintext` is true."""

    plaintext: NotRequired[bool]
    """With the mode `ha`: listen without TLS, so that whoever sees the cluster's network sees the secrets.
    Default: false."""

    replicas: NotRequired[int]
    """With the mode `ha`: how many servers, an odd number from 3 on. Default: 3."""

    storage_size: NotRequired[str]
    """With the mode `ha`: size of each server's volume. Default: the chart's own, `10Gi`."""

    injector: NotRequired[bool]
    """Install the Vault Agent Injector with it. Default: false."""


class VaultPod(TypedDict):
    """The service account that Vault's pods have, and the AWS identity that it gives them."""

    service_account: str
    """The service account, as `NAMESPACE/NAME`. The chart makes it."""

    iam_role_arn: pulumi.Input[str]
    """ARN of the IAM role that Vault runs as. Source: `IamRoleVaultIdentity.principal_arn`."""

    method: NotRequired[PodIdentityMethod]
    """How the service account gets the role: `irsa` or `pod-identity`, as the Vault identity has it.
    Default: `irsa`."""


class VaultServerConsumerArgs(VaultServerOptions):
    """Vault in the cluster, and the AWS identity of its pods."""

    pod: NotRequired[VaultPod]
    """The service account whose IAM role is Vault's identity. Default: Vault's AWS identity does not come
    from its pods, and the chart names the service account."""

    release: NotRequired[HelmRelease]
    """Install the chart with the values; needs `pod`. Default: it is installed by somebody else."""


OF_HA = ("tls_secret", "plaintext", "replicas", "storage_size")
"""The options that only the mode `ha` has."""


class VaultServerConsumer(Consumer):
    """Helm values for Vault, whose pods have the Vault identity's role and no stored credential."""

    KIND = "vault-server"
    NEEDS_LOGIN = False
    OPTIONS = VaultServerOptions
    HAS_RELEASE = True

    values: pulumi.Output[dict[str, Any]]
    """Values of the chart."""

    def __init__(
        self, name: str, args: VaultServerConsumerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        server, (namespace, account) = self.check(name, args)
        super().__init__("vault-aws-auth:index:VaultServerConsumer", name, {}, opts)
        values: dict[str, Any] = {
            "injector": {"enabled": bool(args.get("injector", False))},
            "server": server,
        }
        if args.get("tls_secret"):
            values = {"global": {"tlsDisable": False}, **values}

        pod, release = args.get("pod"), args.get("release")
        if pod:
            method = method_of(pod)
            self.values = pulumi.Output.from_input(pod["iam_role_arn"]).apply(
                lambda arn: _with_account(values, account, role_annotations(method, arn))
            )
            if release is not None:
                install(name, release, CHART, namespace, self.values, self)
        else:
            self.values = pulumi.Output.from_input(values)
        self.register_outputs({"values": self.values})

    @classmethod
    def check(cls, name: str, args: VaultServerConsumerArgs) -> tuple[dict[str, Any], tuple[str, str]]:
        """How the server runs, and the service account of its pods; empty names where there is no `pod`."""
        mode = choice("mode", args.get("mode", VaultServerMode.HA), VaultServerMode)
        if mode is VaultServerMode.DEV:
            for field in OF_HA:
                if field in args:
                    raise ValueError(f"{field}: is for the mode ha; leave it out")
        server = {"dev": {"enabled": True}} if mode is VaultServerMode.DEV else _ha(args)
        pod, release = args.get("pod"), args.get("release")
        if release is not None:
            check_release(release)
            if not pod:
                raise ValueError("release: needs pod, whose service account says the namespace")
        if not pod:
            return server, ("", "")
        method_of(pod)
        return server, split_account("pod.service_account", pod["service_account"])


def _with_account(values: dict[str, Any], account: str, annotations: dict[str, str]) -> dict[str, Any]:
    service_account = {
        "create": True,
        "name": account,
        **({"annotations": annotations} if annotations else {}),
    }
    return {**values, "server": {**values["server"], "serviceAccount": service_account}}


def _ha(args: VaultServerOptions) -> dict[str, Any]:
    replicas = int(args.get("replicas", FEWEST_REPLICAS))
    if replicas < FEWEST_REPLICAS or replicas % 2 == 0:
        raise ValueError(
            f"replicas: {replicas} is not an odd number from {FEWEST_REPLICAS} on; write 3, 5 or 7"
        )
    secret = args.get("tls_secret", "")
    if bool(secret) == bool(args.get("plaintext", False)):
        raise ValueError(
            "tls_secret: and plaintext exclude each other; leave one out"
            if secret
            else "tls_secret: is missing; name the secret with Vault's certificate, or set plaintext to true"
        )
    raft: dict[str, Any] = {"enabled": True, "setNodeId": True}
    server: dict[str, Any] = {"ha": {"enabled": True, "replicas": replicas, "raft": raft}}
    if args.get("storage_size"):
        server["dataStorage"] = {"size": args["storage_size"]}
    if secret:
        raft["config"] = _CONFIG
        server["extraEnvironmentVars"] = {"VAULT_CACERT": f"{TLS_FOLDER}/ca.crt"}
        server["volumes"] = [{"name": "tls", "secret": {"secretName": secret}}]
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
