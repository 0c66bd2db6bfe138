"""The stack's outputs, as far as this command needs them."""

import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any, TypeGuard, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from . import pulumi
from .errors import Refused

LINK = "stack outputs"
MASKED = "[secret]"  # what Pulumi prints for a secret without --show-secrets


ServiceAccount = Annotated[str, Field(pattern=r"^[^/]+/[^/]+$")]
"""`NAMESPACE/NAME`."""
PrincipalArn = Annotated[str, Field(pattern=r"^arn:[^:]+:iam::[^:]*:.+")]


class _Output(BaseModel):
    # Deferred: build the schema of all models once, when the outputs are read.
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, defer_build=True)


class VaultOutput(_Output):
    """Where Vault is, and how to sign a login."""

    address: str
    namespace: str | None = None
    mount_path: str
    server_id_header: str | None = None
    sts_endpoint: str
    sts_region: str


class ClusterOutput(_Output):
    """A cluster whose service accounts log in."""

    name: str
    oidc_issuer: str
    oidc_provider_arn: str
    region: str | None = None
    """None if neither the stack tells it nor the issuer, which then is not EKS's."""

    def has_issuer(self, issuer: str) -> bool:
        """Whether tokens of this issuer are the cluster's."""
        return issuer.removeprefix("https://") == self.oidc_issuer.removeprefix("https://")

    @model_validator(mode="before")
    @classmethod
    def _in_region(cls, cluster: Any) -> Any:
        if not _is_map(cluster) or cluster.get("region"):
            return cluster
        found = re.match(r"(?:https://)?oidc[.-]eks\.([a-z0-9-]+)\.", str(cluster.get("oidcIssuer")))
        return {**cluster, "region": found[1] if found else None}


class LoginOutput(_Output):
    """One way for one caller to get a Vault token."""

    kind: str
    method: str = "irsa"
    """How service accounts get their IAM role: `irsa` or `pod-identity`."""
    vault_role: str
    iam_role_arn: str | None = None
    service_accounts: list[ServiceAccount] = []
    clusters: list[str] = []
    """Keys of the clusters that these are in. Empty: all of the stack's."""
    principals: list[PrincipalArn] = []
    verify_as: list[str] | None = None
    """IAM roles to assume to log in as a caller of this login. None: those among the principals; empty: none
    can be assumed."""
    verify_not_as: list[str] = []
    """IAM roles to assume that Vault must refuse."""
    policies: list[str] = []
    max_ttl: str | int | None = None


class ConsumerOutput(_Output):
    """What to install a consumer of secrets with: Helm values, manifests, or both."""

    kind: str
    values: dict[str, Any] | None = None
    manifests: list[dict[str, Any]] | None = None


class StackOutputs(_Output):
    """The outputs that this command reads. Others are ignored."""

    vault: VaultOutput
    cluster: ClusterOutput | None = None
    clusters: dict[str, ClusterOutput] = {}
    """All of them by key, that of `cluster` as well."""
    logins: dict[str, LoginOutput]
    consumers: dict[str, ConsumerOutput] = {}

    @model_validator(mode="before")
    @classmethod
    def _with_clusters(cls, outputs: Any) -> Any:
        """A stack of an older version tells of one cluster only."""
        if not _is_map(outputs) or outputs.get("clusters") or not _is_map(outputs.get("cluster")):
            return outputs
        return {**outputs, "clusters": {str(outputs["cluster"].get("name")): outputs["cluster"]}}

    def clusters_of(self, login: LoginOutput) -> dict[str, ClusterOutput]:
        """The clusters of a login by key."""
        wanted = login.clusters or [*self.clusters]
        return {key: self.clusters[key] for key in wanted if key in self.clusters}

    @model_validator(mode="before")
    @classmethod
    def _with_callers(cls, outputs: Any) -> Any:
        """Merges the output `callers`, which says how to log in as each login's caller."""
        if not isinstance(outputs, dict) or not isinstance(outputs.get("logins"), dict):
            return outputs
        callers = outputs.get("callers")
        known = {name: it for name, it in callers.items() if isinstance(it, dict)} if _is_map(callers) else {}
        merged = {
            name: {**known.get(name, {}), **login} if isinstance(login, dict) else login
            for name, login in outputs["logins"].items()
        }
        return {**outputs, "logins": merged}


def _is_map(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


Kubeconfig = Callable[[str], dict[str, Any] | None]
"""Reads the stack's own kubeconfig of the cluster with a key. None if it has none."""


@dataclass(frozen=True)
class Stack:
    """The outputs, and a way to read the secret ones when they are needed."""

    outputs: StackOutputs
    kubeconfig: Kubeconfig


def from_pulumi(project: Path, stack: str | None) -> Stack:
    """The outputs from the `pulumi` command, run in `project`, of `stack` or the selected one."""

    def read(*arguments: str) -> Any:
        try:
            done = pulumi.run(project, stack, "stack", "output", *arguments, "--json")
        except NotADirectoryError:
            raise _unreadable(f"{project} is not a folder", "name the project's with --project") from None
        except OSError as error:
            raise _unreadable(
                "there is no `pulumi` on PATH that can be run",
                "install Pulumi, or pass the outputs with --outputs FILE (or - for standard input)",
            ) from error
        if done.returncode:
            raise _unreadable(
                done.stderr.strip() or f"pulumi exited with {done.returncode}",
                "name the stack with --stack and its project's folder with --project; `pulumi stack ls` "
                "lists the stacks",
                by="Pulumi",
            )
        return _json(done.stdout)

    # Without --show-secrets, so that no kubeconfig enters this process unless it is needed.
    outputs = read()

    @cache
    def secret(name: str) -> Any:
        return read(name, "--show-secrets") if name in outputs else None

    return Stack(parse(outputs), partial(_kubeconfig_of, secret))


def from_file(path: str) -> Stack:
    """The outputs from a file written by `pulumi stack output --json`; `-` is standard input."""
    if path == "-" and sys.stdin is None:
        raise _unreadable("standard input is closed", "pass the outputs as a file: --outputs FILE")
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(str(error), "create it with: pulumi stack output --json > FILE") from error
    outputs = _json(text)
    return Stack(parse(outputs), partial(_kubeconfig_of, outputs.get))


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        # Do not repeat the text: it may contain a secret.
        why = error if isinstance(error, ValueError) else "it is nested too deeply"
        raise _unreadable(f"not JSON: {why}", "pass the output of `pulumi stack output --json`") from None


def parse(outputs: object) -> StackOutputs:
    try:
        return StackOutputs.model_validate(outputs)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'the document'}: {problem['msg']}"
            for problem in error.errors(include_input=False, include_url=False)
        )
        raise _unreadable(problems, "run `pulumi up` first, or name another stack with --stack") from None


def _kubeconfig_of(output: Callable[[str], Any], key: str) -> dict[str, Any] | None:
    """That of a cluster, by the stack's outputs. A stack that has one cluster may tell of it alone."""
    every = output("kubeconfigs")
    return _kubeconfig(every[key] if _is_map(every) and key in every else output("kubeconfig"))


def _kubeconfig(value: object) -> dict[str, Any] | None:
    """The kubeconfig as a mapping, whether the stack exports an object or text."""
    if isinstance(value, str) and value != MASKED:
        import yaml  # comes with the Kubernetes client, which is about to be used

        try:
            value = yaml.safe_load(value)
        except (yaml.YAMLError, RecursionError):
            raise _unreadable("its kubeconfig is not YAML", "--kubeconfig takes another one") from None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def _unreadable(reason: str, hint: str, by: str | None = None) -> Refused:
    return Refused(LINK, by, reason, hint=hint)
