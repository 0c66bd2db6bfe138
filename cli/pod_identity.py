"""EKS Pod Identity: the association of a service account gives its pods an IAM role's credentials.

A pod hands its token to the agent of its node. Off a node there is no agent; then the API behind it, EKS
Auth, is asked with the credentials of whoever runs this command, in the place of the node's.
"""

import os
import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, cast
from urllib.parse import urlsplit

from .arns import principal_of
from .aws import LINK, Credentials, caller_identity, own_session
from .errors import Refused
from .outputs import ClusterOutput, VaultOutput
from .refusals import pod_identity_hint
from .web_identity import describe_token

AUDIENCE = "pods.eks.amazonaws.com"
AGENT = "http://169.254.170.23/v1/credentials"
"""Where every EKS node that runs the agent answers its pods; over IPv6 at [fd00:ec2::23]."""
OTHER_ROLE = "OtherRole"
_AGENT_ADDRESSES = ("169.254.170.23", "fd00:ec2::23")


@dataclass(frozen=True)
class PodIdentity:
    """The exchange of the tokens of one login, by the Pod Identity agent or by the API behind it."""

    vault: VaultOutput
    role_arn: str
    cluster: ClusterOutput
    allowed: str
    """Whom the stack lets in, in words."""

    audience = AUDIENCE
    # A service account without an association is not found; one whose role does not trust it is denied; one
    # with an association of its own gets a role, but another one.
    not_trusted = frozenset({"ResourceNotFoundException", "AccessDeniedException", OTHER_ROLE})
    not_valid = frozenset({"InvalidTokenException"})

    def credentials(self, token: str, session: str) -> Credentials:
        """The IAM role's credentials; `Refused` if AWS does not take the token, or gives another role."""
        answer = self._from_agent(token)
        if answer is None:
            answer = self._from_api(token)
        got = principal_of(caller_identity(self.vault, answer).arn)
        if got.rpartition("/")[2] != self.role_arn.rpartition("/")[2]:
            raise self._refused(f"the association gives {got}, not {self.role_arn}", OTHER_ROLE, token)
        return answer

    def _from_agent(self, token: str) -> Credentials | None:
        """None where no agent answers."""
        import requests

        with requests.Session() as web:
            web.trust_env = False  # the agent is on the machine: no proxy stands in between
            try:
                answer = web.get(
                    agent_uri(), headers={"Authorization": token}, timeout=(1, 10), allow_redirects=False
                )
            except requests.RequestException:
                return None
        if answer.status_code != 200:
            raise self._refused(*_agents_reason(answer.status_code, answer.text), token)
        try:
            got = answer.json()
            return Credentials(got["AccessKeyId"], got["SecretAccessKey"], got["Token"])
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
            got = client.assume_role_for_pod_identity(clusterName=self.cluster.name, token=token)
        except ClientError as error:
            raise self._refused(str(error), error.response.get("Error", {}).get("Code", ""), token) from error
        except BotoCoreError as error:
            raise Refused(
                LINK,
                None,
                f"no Pod Identity agent at {agent_uri()}, and the EKS Auth API cannot be asked: {error}",
                "no-agent",
                "run this in a pod or on a node of the cluster that runs the add-on eks-pod-identity-agent, "
                "or with AWS credentials that are allowed eks-auth:AssumeRoleForPodIdentity on the cluster",
            ) from error
        keys = got["credentials"]
        return Credentials(keys["accessKeyId"], keys["secretAccessKey"], keys["sessionToken"])

    def _refused(self, reason: str, code: str, token: str) -> Refused:
        hint = pod_identity_hint(
            code,
            role=self.role_arn,
            token=describe_token(token),
            allowed=self.allowed,
            cluster=self.cluster.name,
        )
        return Refused(LINK, "AWS", reason, code, hint)


def agent_uri() -> str:
    """Where the agent is: as the pod's environment says, else where every node has it.

    A token is only sent to the machine itself, as in the AWS SDKs, or over TLS.
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
    """The role that the association of `namespace/name` names, None if there is none.

    Asked with the credentials of whoever runs this; botocore's errors are the caller's to explain.
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
    """The agent's words and the error code in them; for what it checks by itself it writes no code."""
    if found := re.search(r"\b(\w+Exception)\b", text):
        return text.strip(), found[1]
    codes = {400: "InvalidTokenException", 403: "AccessDeniedException"}
    return text.strip() or f"HTTP status {status}", codes.get(status, f"HTTP {status}")
