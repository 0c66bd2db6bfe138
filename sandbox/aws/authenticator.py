"""The API server's TokenReview webhook, which authenticates tokens of `aws eks get-token` as EKS does.

Such a token is a presigned sts:GetCallerIdentity request that also signs the cluster's name. The cluster's
access entries map its AWS identity to a Kubernetes user.
"""

import base64
import binascii
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sandbox.aws import endpoints, identity, sigv4
from sandbox.aws.eks.access import CLUSTER_ADMIN_POLICY
from sandbox.aws.errors import AwsError
from sandbox.aws.identity import Caller
from sandbox.aws.sessions import Sessions
from sandbox.aws.state import Cluster

_PREFIX = "k8s-aws-v1."
_CLUSTER_HEADER = "x-k8s-aws-id"
_PARAMETERS = {
    "Action",
    "Version",
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
    "x-amz-user-agent",
}


def review(
    body: Any, cluster: Cluster | None, sessions: Sessions, region: str, now: datetime
) -> dict[str, Any]:
    """Answers a TokenReview of a cluster's API server; a bad token gets `authenticated: false` with the
    reason. `region` is the sandbox's."""
    token = body.get("spec", {}).get("token", "") if isinstance(body, dict) else ""
    status: dict[str, Any]
    try:
        status = {"authenticated": True, "user": _user(str(token), cluster, sessions, region, now)}
    except AwsError as error:
        status = {"authenticated": False, "error": f"{error.code}: {error.message}"}
    return {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status}


def _user(
    token: str, cluster: Cluster | None, sessions: Sessions, region: str, now: datetime
) -> dict[str, Any]:
    if cluster is None:
        raise _refused("there is no cluster behind this API server")
    request = _request(token, cluster.description["name"])
    signed = identity.authenticate(request, sessions, now)
    if signed is None or _CLUSTER_HEADER not in signed[1].signed_headers or signed[1].service != "sts":
        raise _refused("the token does not sign the cluster's name")
    caller, signature = signed
    # At the sandbox's one address, the STS of the cluster's region answers as well.
    own = str(cluster.description["arn"]).split(":")[3]
    here = own if signature.region == own else region
    endpoints.check_presigned(request.headers["host"], signature.region, here)
    username, groups = _mapped(cluster, caller)
    return {
        "username": username,
        "uid": f"aws-iam-authenticator:{caller.account}:{caller.user_id.partition(':')[0]}",
        "groups": sorted(groups),
        "extra": {
            "arn": [caller.arn],
            "canonicalArn": [caller.owner_arn],
            "accessKeyId": [caller.access_key_id],
            "principalId": [caller.user_id.partition(":")[0]],
            "sessionName": [caller.session.name if caller.session else ""],
        },
    }


def _request(token: str, cluster_name: str) -> sigv4.HttpRequest:
    """The presigned request in a token, with the header that its signature must cover."""
    if not token.startswith(_PREFIX):
        raise _refused(f"the token does not start with {_PREFIX}")
    encoded = token.removeprefix(_PREFIX)
    try:
        url = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True).decode()
        parts = urlsplit(url)
    except (binascii.Error, ValueError):
        raise _refused("the token is not a base64url-encoded URL") from None
    # The host is the client's STS endpoint, which EKS asks.
    request = sigv4.HttpRequest(
        "GET", parts.path or "/", parts.query, {"host": parts.netloc, _CLUSTER_HEADER: cluster_name}
    )
    parameters = dict(request.query_pairs)
    if parameters.get("Action") != "GetCallerIdentity" or not parameters.keys() <= _PARAMETERS:
        raise _refused("the token is not a presigned sts:GetCallerIdentity request")
    return request


def _mapped(cluster: Cluster, caller: Caller) -> tuple[str, Iterable[str]]:
    """A caller's Kubernetes user name and groups, from the cluster's access entries."""
    access = cluster.description["accessConfig"]
    # In CONFIG_MAP mode, the creator has access without an entry.
    hidden = cluster.authentication_mode == "CONFIG_MAP" and access["bootstrapClusterCreatorAdminPermissions"]
    if hidden and caller.owner_arn == cluster.creator:
        return "kubernetes-admin", ["system:masters"]
    entry = cluster.access_entries.get(caller.owner_arn)
    if entry is None or caller.session_kind == "federated-user":
        raise _refused(f"no access entry of cluster {cluster.description['name']} is for {caller.owner_arn}")
    groups = set(entry["kubernetesGroups"])
    policies = cluster.access_policies.get(caller.owner_arn, {})
    # EKS enforces access policies inside its API server. Here only the one that RBAC can express exactly has
    # an effect; with the others, an entry has its own groups only.
    if any(arn.endswith(f"/{CLUSTER_ADMIN_POLICY}") for arn in policies):
        groups.add("system:masters")
    session = caller.session.name if caller.session else ""
    username = entry["username"].replace("{{SessionName}}", session).replace("{{EC2PrivateDNSName}}", session)
    return username, groups


def _refused(reason: str) -> AwsError:
    return AwsError("Unauthorized", reason, 401)
