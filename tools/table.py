"""The sandbox's tools: the versions that are taken from PATH, the vendor's release, what builds it.

Three things of each tool are declared here and nowhere else. `accepted` is the range of versions that the
sandbox was run with. `release` is the vendor's own archive. `source` is the Go package; the `go.mod` of its
folder pins it and all that it needs. Those two may differ in the last number of a version.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Literal

Range = tuple[tuple[int, int], tuple[int, int]]
"""Versions (major, minor): the first inclusive, the second exclusive."""

Need = Literal["every stack", "federation", "tests", "test-official"]
"""What a tool is for. The last is a target of `make`, whose build is too heavy for all the others."""

MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True)
class Release:
    """A vendor's archive. `{version}`, `{os}` and `{arch}` in its texts are filled in."""

    name: str
    version: str
    url: str
    """Without `https://`: a mirror has the same path below its own address."""
    published: str
    """Where the vendor publishes the checksum: a list of them, or a file with this one alone."""
    folder: str = ""
    """The archive's folder that holds the binaries; every file in it is kept."""
    systems: tuple[str, ...] = ("linux", "darwin")
    x64: str = "amd64"
    """The vendor's word for amd64."""

    @property
    def host(self) -> str:
        """The vendor's host."""
        return self.url.partition("/")[0]

    def address(self) -> str | None:
        """Host and path of this machine's archive; None when the vendor has none for it."""
        return self._filled(self.url)

    def checksums(self) -> str:
        """Host and path of what the vendor publishes about it."""
        return self._filled(self.published) or ""

    def _filled(self, text: str) -> str | None:
        arch = MACHINES.get(os.uname().machine)
        if sys.platform not in self.systems or not arch:
            return None
        words = {"version": self.version, "os": sys.platform, "arch": self.x64 if arch == "amd64" else arch}
        return text.format(**words)


@dataclass(frozen=True)
class Source:
    """A Go package, built in the folder beside this file whose go.mod pins it.

    Files of the folder may go into other modules: those of `_overlay/PACKAGE/` are laid over the package's,
    those of `_instead/PACKAGE/` are all that the package has.
    """

    folder: str
    package: str
    ldflags: str = ""
    tags: str = ""


@dataclass(frozen=True)
class Tool:
    """One binary, in the order in which it is looked for."""

    name: str
    accepted: Range
    version_args: tuple[str, ...]
    """Without any, it cannot tell its version: then none is taken from PATH."""
    source: Source
    release: Release
    needed_by: Need = "every stack"
    """Made ready when the first of them comes."""


_ENVTEST = Release(
    # kube-apiserver, etcd and kubectl, as the Kubernetes project packs them for tests.
    name="envtest",
    version="1.36.2",
    url="github.com/kubernetes-sigs/controller-tools/releases/download/envtest-v{version}/"
    "envtest-v{version}-{os}-{arch}.tar.gz",
    published="raw.githubusercontent.com/kubernetes-sigs/controller-tools/HEAD/envtest-releases.yaml",
    folder="controller-tools/envtest/",
)

_PULUMI = Release(
    name="pulumi",
    version="3.274.1",
    url="get.pulumi.com/releases/sdk/pulumi-v{version}-{os}-{arch}.tar.gz",
    published="get.pulumi.com/releases/sdk/pulumi-{version}-checksums.txt",
    folder="pulumi/",
    x64="x64",
)


def _kubernetes(
    name: str, release: Release, accepted: Range, *version_args: str, folder: str = "k8s.io/kubernetes/cmd"
) -> Tool:
    flags = "-X k8s.io/component-base/version.gitVersion=v1.36.3"
    source = Source("kubernetes", f"{folder}/{name}", flags)
    return Tool(name, accepted, version_args, source, release)


TOOLS: dict[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool(
            "vault",
            ((1, 21), (1, 22)),
            ("version",),
            # Vault's `minimal` build and three engines more: docs/sandbox-tools.md lists what it has.
            Source("vault", "github.com/hashicorp/vault", "", "minimal"),
            Release(
                name="vault",
                version="1.21.0",
                url="releases.hashicorp.com/vault/{version}/vault_{version}_{os}_{arch}.zip",
                published="releases.hashicorp.com/vault/{version}/vault_{version}_SHA256SUMS",
            ),
        ),
        Tool(
            "pulumi",
            ((3, 274), (3, 275)),
            ("version",),
            Source(
                "pulumi",
                "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
                # Without a version the engine cannot tell the SDKs what it supports.
                "-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v3.274.1",
            ),
            _PULUMI,
        ),
        _kubernetes("kube-apiserver", _ENVTEST, ((1, 36), (1, 37)), "--version"),
        _kubernetes(
            "kube-controller-manager",
            Release(
                name="kube-controller-manager",
                version="1.36.2",
                url="dl.k8s.io/release/v{version}/bin/{os}/{arch}/kube-controller-manager",
                published="dl.k8s.io/release/v{version}/bin/{os}/{arch}/kube-controller-manager.sha512",
                systems=("linux",),
            ),
            ((1, 36), (1, 37)),
            "--version",
            folder="vault-aws-auth/tools/kubernetes",  # with the controllers that are needed
        ),
        _kubernetes("kubectl", _ENVTEST, ((1, 36), (1, 37)), "version", "--client"),
        Tool("etcd", ((3, 6), (3, 8)), ("--version",), Source("etcd", "go.etcd.io/etcd/server/v3"), _ENVTEST),
        Tool(
            "caddy",
            ((2, 11), (2, 12)),
            ("version",),
            Source(
                "caddy",
                "github.com/caddyserver/caddy/v2/cmd/caddy",
                "-X github.com/caddyserver/caddy/v2.CustomVersion=v2.11.9",
            ),
            Release(
                name="caddy",
                version="2.11.9",
                url="github.com/caddyserver/caddy/releases/download/v{version}/"
                "caddy_{version}_{os}_{arch}.tar.gz",
                published="github.com/caddyserver/caddy/releases/download/v{version}/"
                "caddy_{version}_checksums.txt",
                systems=("linux",),
            ),
            needed_by="federation",
        ),
        Tool(
            "actionlint",
            ((1, 7), (1, 8)),
            ("--version",),
            Source(
                "actionlint",
                "github.com/rhysd/actionlint/cmd/actionlint",
                "-X github.com/rhysd/actionlint.version=v1.7.7",
            ),
            Release(
                name="actionlint",
                version="1.7.7",
                url="github.com/rhysd/actionlint/releases/download/v{version}/"
                "actionlint_{version}_{os}_{arch}.tar.gz",
                published="github.com/rhysd/actionlint/releases/download/v{version}/"
                "actionlint_{version}_checksums.txt",
            ),
            needed_by="tests",
        ),
        Tool(
            "pulumi-language-yaml",  # Pulumi's release comes with it
            ((1, 25), (1, 26)),
            (),
            Source(
                "pulumi-yaml",
                "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml",
                "-X github.com/pulumi/pulumi-yaml/pkg/version.Version=v1.25.0",
            ),
            _PULUMI,
            needed_by="tests",
        ),
        Tool(
            "pulumi-resource-kubernetes",
            ((4, 0), (5, 0)),
            (),
            Source(
                "pulumi-kubernetes",
                "github.com/pulumi/pulumi-kubernetes/provider/v4/cmd/pulumi-resource-kubernetes",
                "-X github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version.Version="
                "4.0.0-20260115033456-f47bc2d6f199",  # the newest that the module proxy has
            ),
            Release(
                name="pulumi-kubernetes",
                version="4.34.2",  # as the SDK in constraints.txt
                url="github.com/pulumi/pulumi-kubernetes/releases/download/v{version}/"
                "pulumi-resource-kubernetes-v{version}-{os}-{arch}.tar.gz",
                published="github.com/pulumi/pulumi-kubernetes/releases/download/v{version}/"
                "pulumi-kubernetes_{version}_checksums.txt",
            ),
            needed_by="test-official",
        ),
    )
}
