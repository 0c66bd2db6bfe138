"""Installs a consumer's Helm chart with the values that the stack wrote for it."""

from typing import Any, NamedTuple

import pulumi
import pulumi_kubernetes as kubernetes
from typing_extensions import NotRequired, TypedDict


class HelmRelease(TypedDict):
    """The chart that this stack installs. Its namespace is that of the consumer's service accounts, and has
    to exist; its release name is the consumer's."""

    version: str
    """Version of the chart."""

    chart: NotRequired[str]
    """Name of the chart, or where it is (`oci://…`). Default: the kind's own."""

    repository: NotRequired[str]
    """URL of the chart's repository, or empty if `chart` says where it is. Default: the kind's own."""


class Chart(NamedTuple):
    """A chart, and the repository that its makers publish it in."""

    name: str
    repository: str


def check_release(release: HelmRelease) -> None:
    """Raise ValueError, naming the field, for one that cannot be installed."""
    if not release.get("version"):
        raise ValueError(
            "release.version: is missing; write the chart's version, so that it is yours to change"
        )


def install(
    name: str,
    release: HelmRelease,
    default: Chart,
    namespace: str,
    values: pulumi.Input[dict[str, Any]],
    parent: pulumi.Resource,
) -> "kubernetes.helm.v3.Release":
    """Declare the release, a checked one."""
    chart = release.get("chart") or default.name
    repository = release.get("repository", "" if "/" in chart else default.repository)
    return kubernetes.helm.v3.Release(
        f"{name}-release",
        # Charts derive the names of what they make from the release's, so it has to be a known one.
        name=name,
        chart=chart,
        version=release["version"],
        repository_opts=kubernetes.helm.v3.RepositoryOptsArgs(repo=repository) if repository else None,
        namespace=namespace,
        values=values,
        opts=pulumi.ResourceOptions(parent=parent),
    )
