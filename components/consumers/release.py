"""Installs a consumer's Helm chart with the values that the stack rendered for it."""

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

import pulumi
import pulumi_kubernetes as kubernetes
from typing_extensions import NotRequired, TypedDict

from ..declared import matches
from ..forms import KubernetesName

_RANGE = r"[\w.+~^<>=!|*,-]+"


class HelmRelease(TypedDict):
    """A Helm chart to install. Its namespace is that of the consumer's service accounts, and must exist; its
    release name is the consumer's."""

    version: Annotated[
        str, matches(rf"{_RANGE}( {_RANGE})*", "the version of a chart; write e.g. 1.18.0", "1.18.0")
    ]
    """Version of the chart."""

    chart: NotRequired[
        Annotated[
            str,
            matches(
                r"[\w.~:/@+-]+",
                "a chart; write its name, or its URL (oci://…)",
                "oci://charts.example.com/app",
            ),
        ]
    ]
    """Name of the chart, or its URL (`oci://…`). Default: the kind's own."""

    repository: NotRequired[
        Annotated[
            str,
            matches(
                r"([a-z][a-z0-9+.-]*://[\w.~:/?%&=+\[\]-]+)?",
                "the URL of a chart repository; write e.g. https://charts.example.com",
                "https://charts.example.com",
            ),
        ]
    ]
    """URL of the chart's repository, or empty. Default: the kind's own; empty if `chart` is a URL."""


class ObjectNames(TypedDict):
    """What a program wires into a consumer that declares something in a cluster."""

    object_name: NotRequired[KubernetesName]
    """Name of the release and of other objects in Kubernetes, for a program that declares the consumer in
    several clusters. Default: the component's name."""


class Chart(NamedTuple):
    """A chart, and the repository that its makers publish it in."""

    name: str
    repository: str


def install(
    name: str,
    args: Mapping[str, Any],
    default: Chart,
    namespace: pulumi.Input[str],
    values: pulumi.Input[dict[str, Any]],
    parent: pulumi.Resource,
) -> "kubernetes.helm.v3.Release":
    """Declare the release of the consumer with the arguments `args`."""
    release: HelmRelease = args["release"]
    chart = release.get("chart", default.name)
    repository = release.get("repository", "" if "/" in chart else default.repository)
    return kubernetes.helm.v3.Release(
        f"{name}-release",
        # Charts derive the names of what they make from the release's, so it must be a known one.
        name=args.get("object_name", name),
        chart=chart,
        version=release["version"],
        repository_opts=kubernetes.helm.v3.RepositoryOptsArgs(repo=repository) if repository else None,
        namespace=namespace,
        values=values,
        opts=pulumi.ResourceOptions(parent=parent),
    )
