"""Gloo Edge and Gloo Gateway: values of the chart that make it read secrets from Vault."""

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Annotated, Any, cast

import pulumi
from typing_extensions import NotRequired, TypedDict

from ..declared import Default, Refusal, checked, rule
from ..forms import MountPath, VaultPath
from ..logins.base import ServiceAccountMode
from .base import (
    Consumer,
    ConsumerArgs,
    ConsumerFacts,
    drop_empty,
    known_login,
    role_annotations,
    root_namespace,
)
from .release import Chart, HelmRelease, ObjectNames, install

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
    """Settings of Gloo, beside Vault and its login."""

    edition: NotRequired[Annotated[GlooEdition, Default(GlooEdition.EDGE)]]
    """Chart that the values are for: `edge` or `enterprise`."""

    path_prefix: NotRequired[Annotated[MountPath, Default("dev")]]
    """Path of the KV version 2 engine that Gloo keeps its secrets in."""

    root_key: NotRequired[VaultPath]
    """First part of the path of Gloo's secrets within that engine, which lets several Gloos share it.
    Default: Gloo's own, `gloo`."""

    release: NotRequired[HelmRelease]
    """Install the chart with the values. Default: nothing is installed."""


class GlooConsumerArgs(GlooOptions, ConsumerArgs, ObjectNames):
    """Gloo, and the login of its two service accounts."""


@rule(GlooOptions, "edition", "release")
def _installed(options: GlooOptions) -> Iterator[Refusal]:
    if "release" in options and options["edition"] is GlooEdition.ENTERPRISE:
        yield Refusal(
            "release",
            "cannot install {edition} enterprise, whose chart needs a license key, and values are no place "
            "for it; remove it, and pass the values and the key to helm install",
        )


@rule(GlooConsumerArgs, "login")
def _service_accounts(args: GlooConsumerArgs) -> Iterator[Refusal]:
    login = known_login(args)
    if login is None:
        return
    accounts = cast(Sequence[str], login["service_accounts"])
    if not _namespace(accounts):
        yield Refusal(
            ("login", "service_accounts"),
            f"has {', '.join(accounts) or 'none'}, and not Gloo's two of one namespace; write e.g. "
            "gloo-system/gloo and gloo-system/discovery",
        )
    elif login["service_account_mode"] is ServiceAccountMode.CREATE:
        yield Refusal(
            ("login", "service_account_mode"),
            "is create, but Gloo's chart makes its service accounts itself, and Helm takes over none that "
            "exist; write none",
        )


rule(GlooConsumerArgs, "connection")(root_namespace)


class GlooConsumer(Consumer):
    """Helm values for Gloo, ready for `helm install`: Vault before Kubernetes as the source of secrets, and
    the role's annotation on the service accounts, which Gloo's chart makes itself. The login is that of the
    service accounts `gloo` and `discovery` of one namespace."""

    KIND = "gloo"
    OPTIONS = GlooOptions
    ARGS = GlooConsumerArgs

    values: pulumi.Output[dict[str, Any]]
    """Values of the chart."""

    def __init__(self, name: str, args: GlooConsumerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = checked(GlooConsumerArgs, args)
        super().__init__(name, args, opts)
        self.values = self._render(args, lambda facts: _values(facts, args))
        if "release" in args:
            namespace = self._render(args, lambda facts: _namespace(facts.service_accounts))
            install(name, args, CHART, namespace, self.values, self)
        self.register_outputs({"values": self.values})

    @classmethod
    def namespace(cls, options: Any, service_accounts: Sequence[str]) -> str:
        return _namespace(service_accounts)


def _values(facts: ConsumerFacts, options: GlooOptions) -> dict[str, Any]:
    aws = {
        "iamServerIdHeader": facts.server_id_header,
        "mountPath": facts.mount_path,
        "region": facts.sts_region,
        "vaultRole": facts.vault_role,
    }
    vault = {
        "address": facts.address,
        "aws": drop_empty(aws),
        "pathPrefix": options["path_prefix"],
        "rootKey": options.get("root_key"),
    }
    # Gloo asks the sources in this order.
    values: dict[str, Any] = {
        "settings": {"secretOptions": {"sources": [{"vault": drop_empty(vault)}, {"kubernetes": {}}]}}
    }
    annotations = role_annotations(facts.method, facts.iam_role_arn)
    if annotations:
        for account in SERVICE_ACCOUNTS:
            values[account] = {"serviceAccount": {"extraAnnotations": dict(annotations)}}
    return {"gloo": values} if options["edition"] is GlooEdition.ENTERPRISE else values


def _namespace(accounts: Sequence[str]) -> str:
    """The namespace that Gloo is installed in: the one that has both its service accounts; empty for none or
    several."""
    found = [
        namespace
        for namespace in {account.partition("/")[0] for account in accounts}
        if all(f"{namespace}/{account}" in accounts for account in SERVICE_ACCOUNTS)
    ]
    return found[0] if len(found) == 1 else ""
