"""Tokens for EKS clusters: presigned requests for sts:GetCallerIdentity that sign the cluster's name."""

import base64
import shutil
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError

from sandbox.plugins.aws.client import plain_session
from sandbox.plugins.resource import ProviderError

_ARGUMENTS = ("--region", "", "eks", "get-token", "--cluster-name", "", "--output", "json")
"""Of the kubeconfig that EKS's package makes; the region and the cluster are empty here."""


def made(sts: Any, cluster: str) -> str:
    """A token for a cluster, with the credentials of a client of STS."""

    def sign_name(request: Any, **_: Any) -> None:
        request.headers["x-k8s-aws-id"] = cluster

    event = "before-sign.sts.GetCallerIdentity"
    sts.meta.events.register_first(event, sign_name, unique_id="cluster")
    try:
        url = sts.generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
    finally:
        sts.meta.events.unregister(event, unique_id="cluster")
    return f"k8s-aws-v1.{base64.urlsafe_b64encode(url.encode()).decode().rstrip('=')}"


def of_command(command: Mapping[str, Any]) -> str | None:
    """The token that `aws eks get-token` would print, as a kubeconfig's `exec` names it; None for any other
    command.

    To start the AWS CLI takes as long as the rest of this plugin's work in a run.
    """
    words = command.get("args") or []
    variables = {each.get("name") for each in command.get("env") or []}
    as_known = len(words) == len(_ARGUMENTS) and all(
        known in ("", word) for known, word in zip(_ARGUMENTS, words, strict=True)
    )
    known = command.get("command") == "aws" and as_known and variables <= {"KUBERNETES_EXEC_INFO"}
    if not known or not shutil.which("aws"):
        return None
    try:
        return made(plain_session().create_client("sts", region_name=words[1]), words[5])
    except BotoCoreError as error:
        raise ProviderError(f"the kubeconfig's exec command gave no token: {error}") from error
