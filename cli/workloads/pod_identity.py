"""EKS Pod Identity: the association of a service account gives its pods an IAM role's credentials.

A pod sends its token to the agent on its node. Off a node there is no agent, so the API behind it, EKS Auth,
is asked with the user's own credentials instead of the node's.
"""

import os
import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, cast
from urllib.parse import urlsplit

from ..aws import LINK, Credentials, busy, caller_identity, own_session
from ..errors import Refused
from ..outputs import ClusterOutput, VaultOutput
from ..principals import principal_of, same
from .web_identity import EXPIRED, describe_token

AUDIENCE = "pods.eks.amazonaws.com"
"""Audience of the tokens, and the service that the IAM role trusts; the same in every partition."""
AGENT = "http://169.254.170.23/v1/credentials"
"""Where the agent of every EKS node answers its pods; over IPv6 at [fd00:ec2::23]."""
OTHER_ROLE = "OtherRole"
_AGENT_ADDRESSES = ("169.254.170.23", "fd00:ec2::23")

_FIXES = {
    "ResourceNotFoundException": "cluster {cluster} has no Pod Identity association for this token: {token}. "
    "The stack creates those of {allowed}: `pulumi up --refresh`",
    "AccessDeniedException": "the trust policy of {role} does not let {audience} assume and tag it for "
    "this service account: {token}; `pulumi up --refresh`. Without an agent, you may lack "
    "eks-auth:AssumeRoleForPodIdentity on cluster {cluster} yourself",
    "InvalidTokenException": "the token must come from cluster {cluster} and have audience {audience}; it "
    "has: {token}",
    "ExpiredTokenException": EXPIRED,
    "ServiceUnavailableException": "no agent runs there: cluster {cluster} needs the add-on "
    "eks-pod-identity-agent: `aws eks create-addon --cluster-name {cluster} --addon-name "
    "eks-pod-identity-agent`",
    OTHER_ROLE: "this service account was associated with another role: `pulumi up --refresh`, or `aws eks "
    "list-pod-identity-associations --cluster-name {cluster}`",
}


@dataclass(frozen=True)
class PodIdentity:
    """Exchanges the tokens of one login, by the Pod Identity agent or the API behind it."""

    vault: VaultOutput
    role_arn: str
    cluster: ClusterOutput
    allowed: str
    """The service accounts that the stack lets in, for messages."""

    audience = AUDIENCE
    # Not found without an association, denied if its role does not trust the account, or another role.
    not_trusted = frozenset({"ResourceNotFoundException", "AccessDeniedException", OTHER_ROLE})
    not_valid = frozenset({"InvalidTokenException"})
    # Where no agent runs, no pod gets a role.
    not_there = frozenset({"ServiceUnavailableException"})

    def credentials(self, token: str, session: str) -> Credentials:
        """The IAM role's credentials; raises `Refused` if AWS refuses the token or gives another role."""
        found = self._from_agent(token) or self._from_api(token)
        role = principal_of(caller_identity(self.vault, found).arn)
        if not same(role, self.role_arn):
            raise self._refused(f"the association gives {role}, not {self.role_arn}", OTHER_ROLE, token)
        return found

    def _from_agent(self, token: str) -> Credentials | None:
        """None if no agent answers."""
        import requests

        with requests.Session() as web:
            web.trust_env = False  # the agent is on this machine: use no proxy
            try:
                answer = web.get(
                    agent_uri(), headers={"Authorization": token}, timeout=(1, 10), allow_redirects=False
                )
            except requests.RequestException:
                return None
        if answer.status_code != 200:
            raise self._refused(*_agents_reason(answer.status_code, answer.text), token)
        try:
            found = answer.json()
            return Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["Token"])
        except (ValueError, KeyError, TypeError):
            raise Refused(
                LINK,
                None,
                f"{agent_uri()} gave no credentials",
                "no-agent",
                "is it the Pod Identity agent? Unset AWS_CONTAINER_CREDENTIALS_FULL_URI to do without it",
            ) from None

    def _from_api(self, token: str) -> Credentials:
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError

        limits = Config(connect_timeout=5, read_timeout=20, retries={"max_attempts": 2})
        try:
            client: Any = own_session().create_client(
                "eks-auth", region_name=self.cluster.region, config=limits
            )
            answer = client.assume_role_for_pod_identity(clusterName=self.cluster.name, token=token)
        except ClientError as error:
            if failure := busy(error, LINK):
                raise failure from error
            raise self._refused(str(error), error.response.get("Error", {}).get("Code", ""), token) from error
        except BotoCoreError as error:
            raise Refused(
                LINK,
                None,
                f"no Pod Identity agent at {agent_uri()}, and the EKS Auth API cannot be asked: {error}",
                "no-agent",
                "run this in a pod or on a node of the cluster that has the add-on eks-pod-identity-agent, "
                "or with AWS credentials that are allowed eks-auth:AssumeRoleForPodIdentity on the cluster",
            ) from error
        keys = answer["credentials"]
        return Credentials(keys["accessKeyId"], keys["secretAccessKey"], keys["sessionToken"])

    def _refused(self, reason: str, code: str, token: str) -> Refused:
        fix = _FIXES.get(code, "see the log of the Pod Identity agent (in kube-system)").format(
            role=self.role_arn,
            token=describe_token(token),
            allowed=self.allowed,
            cluster=self.cluster.name,
            audience=AUDIENCE,
        )
        return Refused(LINK, "AWS", reason, code, fix)


def agent_uri() -> str:
    """Where the agent is: AWS_CONTAINER_CREDENTIALS_FULL_URI if set, else its address on every node.

    As in the AWS SDKs, tokens are only sent to this machine or over TLS.
    """
    given = os.environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
    if not given:
        return AGENT
    url = urlsplit(given)
    host = url.hostname or ""
    try:
        local = ip_address(host).is_loopback or host in _AGENT_ADDRESSES
    except ValueError:
        local = host == "localhost"
    if url.scheme == "https" or (url.scheme == "http" and local):
        return given
    raise Refused(
        LINK,
        None,
        f"AWS_CONTAINER_CREDENTIALS_FULL_URI={given} is neither this machine nor https",
        "no-agent",
        "a service-account token is not sent there: unset the variable",
    )


def associated_role(cluster: ClusterOutput, account: str) -> str | None:
    """The role that the association of `namespace/name` names. None if there is no association.

    Asks with the user's own credentials; raises botocore's errors.
    """
    namespace, name = account.split("/")
    eks = own_session().create_client("eks", region_name=cluster.region)
    found = eks.list_pod_identity_associations(
        clusterName=cluster.name, namespace=namespace, serviceAccount=name
    )["associations"]
    if not found:
        return None
    described = eks.describe_pod_identity_association(
        clusterName=cluster.name, associationId=found[0]["associationId"]
    )
    return cast(str, described["association"]["roleArn"])


def _agents_reason(status: int, text: str) -> tuple[str, str]:
    """The agent's words, and its error code. For what the agent checks itself, it sends a status only."""
    if found := re.search(r"(?a)\b(\w+Exception)\b", text):
        return text.strip(), found[1]
    codes = {400: "InvalidTokenException", 403: "AccessDeniedException"}
    return text.strip() or f"HTTP status {status}", codes.get(status, f"HTTP {status}")
