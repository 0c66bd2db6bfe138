"""Gloo Edge and Gloo Gateway: secrets from Vault, as the chart's values say."""

from enum import Enum
from typing import Any

import pulumi
from typing_extensions import NotRequired, TypedDict

from ..logins.service_account import ServiceAccountMode
from ..pod_role import PodIdentityMethod
from ..vault_auth import VaultConnection
from .base import (
    Consumer,
    ConsumerLogin,
    Facts,
    check_connection,
    choice,
    method_of,
    mode_of,
    role_annotations,
    told,
    without_empty,
)
from .release import Chart, HelmRelease, check_release, install

SERVICE_ACCOUNTS = ("gloo", "discovery")
"""What the chart names the service accounts that read secrets."""

CHART = Chart("gloo", "https://storage.googleapis.com/solo-public-helm")


class GlooEdition(Enum):
    """Which of Gloo's charts the values are for."""

    EDGE = "edge"
    """The chart `gloo`: Gloo Edge and Gloo Gateway, open source."""

    ENTERPRISE = "enterprise"
    """The chart `gloo-ee`, which has the other's values below `gloo`."""


class GlooOptions(TypedDict):
    """What Gloo must be told beside Vault and its login."""

    edition: NotRequired[GlooEdition]
    """Chart that the values are for: `edge` or `enterprise`. Default: `edge`."""

    path_prefix: NotRequired[str]
    """Path of the KV version 2 engine that Gloo keeps its secrets in, without slashes around it.
    Default: `dev`."""

    root_key: NotRequired[str]
    """First part of the path of Gloo's secrets within that engine, which lets several Gloos share it.
    Default: Gloo's own, `gloo`."""


class GlooConsumerArgs(GlooOptions):
    """Gloo, and the login that its two service accounts use."""

    connection: VaultConnection
    """The mount: `VaultAwsAuth.connection`, or its outputs; `address` is needed."""

    login: ConsumerLogin
    """The login, of the service accounts `gloo` and `discovery` of one namespace."""

    release: NotRequired[HelmRelease]
    """Install the chart with the values. Default: it is installed by somebody else."""


class GlooConsumer(Consumer):
    """Helm values for Gloo, ready for `helm install`: Vault before Kubernetes as the source of secrets, and
    the role's annotation on the service accounts, which Gloo's chart makes itself."""

    KIND = "gloo"
    OPTIONS = GlooOptions
    HAS_RELEASE = True

    values: pulumi.Output[dict[str, Any]]
    """Values of the chart."""

    def __init__(self, name: str, args: GlooConsumerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        namespace, edition, path_prefix, method = self.check(name, args)
        super().__init__("vault-aws-auth:index:GlooConsumer", name, {}, opts)
        login, release, root_key = args["login"], args.get("release"), args.get("root_key", "")

        def build(facts: Facts) -> dict[str, Any]:
            values = _values(facts, path_prefix, root_key, role_annotations(method, facts.iam_role_arn))
            return {"gloo": values} if edition is GlooEdition.ENTERPRISE else values

        self.values = told(self.KIND, args["connection"], login, build, namespaces=False)
        if release is not None:
            install(name, release, CHART, namespace, self.values, self)
        self.register_outputs({"values": self.values})

    @classmethod
    def check(cls, name: str, args: GlooConsumerArgs) -> tuple[str, GlooEdition, str, PodIdentityMethod]:
        """Namespace, edition, path of the engine, and how the service accounts get their role."""
        check_connection(cls.KIND, args["connection"], namespaces=False)
        edition = choice("edition", args.get("edition", GlooEdition.EDGE), GlooEdition)
        namespace = _namespace(args["login"])
        release = args.get("release")
        if release is not None and edition is GlooEdition.ENTERPRISE:
            raise ValueError(
                "release: the chart of edition enterprise demands a license key, which does not belong into "
                "values; leave release out, and hand the values and the key to helm install"
            )
        if release is not None:
            check_release(release)
        path_prefix = args.get("path_prefix", "dev")
        if not path_prefix or path_prefix != path_prefix.strip("/"):
            raise ValueError(f"path_prefix: {path_prefix!r} is not a mount path; write e.g. dev")
        return namespace, edition, path_prefix, method_of(args["login"])


def _values(facts: Facts, path_prefix: str, root_key: str, annotations: dict[str, str]) -> dict[str, Any]:
    aws = {
        "iamServerIdHeader": facts.server_id_header,
        "mountPath": facts.mount_path,
        "region": facts.sts_region,
        "vaultRole": facts.vault_role,
    }
    vault = {
        "address": facts.address,
        "aws": without_empty(aws),
        "pathPrefix": path_prefix,
        "rootKey": root_key,
    }
    # Gloo asks the sources in this order.
    values: dict[str, Any] = {
        "settings": {"secretOptions": {"sources": [{"vault": without_empty(vault)}, {"kubernetes": {}}]}}
    }
    if annotations:
        for account in SERVICE_ACCOUNTS:
            values[account] = {"serviceAccount": {"extraAnnotations": dict(annotations)}}
    return values


def _namespace(login: ConsumerLogin) -> str:
    """The namespace that Gloo is installed in: the one whose two service accounts the login is for."""
    accounts = set(login["service_accounts"])
    found = [
        namespace
        for namespace in sorted({account.partition("/")[0] for account in accounts})
        if all(f"{namespace}/{account}" in accounts for account in SERVICE_ACCOUNTS)
    ]
    if len(found) != 1:
        raise ValueError(
            f"login.service_accounts: {', '.join(login['service_accounts']) or 'none'} are not Gloo's; "
            "write e.g. gloo-system/gloo and gloo-system/discovery"
        )
    if mode_of(login) is ServiceAccountMode.CREATE:
        raise ValueError(
            "login.service_account_mode: is create, but Gloo's chart makes its service accounts itself and "
            "Helm takes over none that exist; set it to none"
        )
    return found[0]
