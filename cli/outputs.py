"""The stack's outputs: what `pulumi up` made, as this command needs it."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from .errors import Refused

LINK = "stack outputs"
MASKED = "[secret]"  # what Pulumi prints for a secret unless asked with --show-secrets


class _Output(BaseModel):
    # Deferred: the whole is built once, when it is read, and not each part besides.
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, defer_build=True)


class VaultOutput(_Output):
    """Where Vault is, and how a login to it has to be signed."""

    address: str
    namespace: str | None = None
    mount_path: str
    server_id_header: str | None = None
    sts_endpoint: str
    sts_region: str


class ClusterOutput(_Output):
    """The cluster whose service accounts log in."""

    name: str
    oidc_issuer: str
    oidc_provider_arn: str

    @property
    def region(self) -> str | None:
        """The cluster's region, as its issuer tells it; None where the issuer is of another form."""
        found = re.match(r"(?:https://)?oidc[.-]eks\.([a-z0-9-]+)\.", self.oidc_issuer)
        return found[1] if found else None


class LoginOutput(_Output):
    """One way for one caller to get a Vault token."""

    kind: str
    method: str = "irsa"
    """How service accounts get their IAM role: `irsa` or `pod-identity`."""
    vault_role: str
    iam_role_arn: str | None = None
    service_accounts: list[str] = []
    principals: list[str] = []
    verify_as: list[str] = []
    """IAM roles that whoever verifies may assume to be such a caller."""
    verify_not_as: list[str] = []
    """IAM roles that he may assume and Vault must refuse."""
    policies: list[str] = []
    max_ttl: str | int | None = None


class ConsumerOutput(_Output):
    """What a consumer of secrets is installed with: Helm values, or manifests."""

    kind: str
    values: dict[str, Any] | None = None
    manifests: list[dict[str, Any]] | None = None


class StackOutputs(_Output):
    """The outputs that this command reads; others are ignored."""

    vault: VaultOutput
    cluster: ClusterOutput | None = None
    logins: dict[str, LoginOutput]
    consumers: dict[str, ConsumerOutput] = {}

    @model_validator(mode="before")
    @classmethod
    def _with_callers(cls, outputs: Any) -> Any:
        """How to be the caller of a login is an output of its own, `callers`, also by the login's name."""
        if not isinstance(outputs, dict) or not isinstance(outputs.get("logins"), dict):
            return outputs
        callers = outputs.get("callers") or {}
        logins = outputs["logins"].items()
        return {**outputs, "logins": {name: {**callers.get(name, {}), **login} for name, login in logins}}


Kubeconfig = Callable[[], dict[str, Any] | None]
"""Gets the stack's own kubeconfig; None if it has none."""


@dataclass(frozen=True)
class Stack:
    """The outputs, and the way to the one that is secret, taken only when it is needed."""

    outputs: StackOutputs
    kubeconfig: Kubeconfig


def from_pulumi(project: Path, stack: str | None) -> Stack:
    """The outputs as the `pulumi` command tells them, in `project`, of `stack` or the selected one."""

    def read(*arguments: str) -> Any:
        command = ["pulumi", "stack", "output", *arguments, "--json", "--non-interactive"]
        if stack:
            command += ["--stack", stack]
        try:
            done = subprocess.run(
                command, cwd=project, capture_output=True, text=True, stdin=subprocess.DEVNULL
            )
        except FileNotFoundError as error:
            raise _unreadable(
                "there is no `pulumi` on PATH",
                "install Pulumi, or hand the outputs over: --outputs FILE (or - for stdin)",
            ) from error
        if done.returncode:
            raise _unreadable(
                done.stderr.strip() or f"pulumi exited with {done.returncode}",
                "name the stack with --stack and its project's folder with --project; `pulumi stack ls` "
                "lists them",
                by="Pulumi",
            )
        return _json(done.stdout)

    # Asked without --show-secrets, so that the kubeconfig never enters this process unless it is needed.
    outputs = read()
    return Stack(
        _parse(outputs),
        lambda: _kubeconfig(read("kubeconfig", "--show-secrets") if "kubeconfig" in outputs else None),
    )


def from_file(path: str) -> Stack:
    """The outputs from a file that `pulumi stack output --json` wrote; `-` is standard input."""
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(str(error), "write it with: pulumi stack output --json > FILE") from error
    outputs = _json(text)
    return Stack(_parse(outputs), lambda: _kubeconfig(outputs.get("kubeconfig")))


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        # The text itself is not repeated: it may hold a secret.
        raise _unreadable(
            f"not JSON: {error}", "expected is what `pulumi stack output --json` prints"
        ) from None


def _parse(outputs: object) -> StackOutputs:
    try:
        return StackOutputs.model_validate(outputs)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'the document'}: {problem['msg']}"
            for problem in error.errors(include_input=False, include_url=False)
        )
        raise _unreadable(
            problems, "bring the stack up first (`pulumi up`), or name another one with --stack"
        ) from None


def _kubeconfig(value: object) -> dict[str, Any] | None:
    """The kubeconfig as a mapping, whether it was exported as an object or as text."""
    if isinstance(value, str) and value != MASKED:
        import yaml  # comes with the Kubernetes client, which is about to be used

        value = yaml.safe_load(value)
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def _unreadable(reason: str, hint: str, by: str | None = None) -> Refused:
    return Refused(LINK, by, reason, hint=hint)
