"""EKS Auth (Pod Identity): exchanges a pod's service-account token for its role's credentials."""

import re
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import jwt
from werkzeug.wrappers import Request

from sandbox.aws import policy, tokens
from sandbox.aws.eks.base import PODS_SERVICE
from sandbox.aws.errors import AwsError
from sandbox.aws.identity import caller_of_session
from sandbox.aws.policy import ContextValue, Effect
from sandbox.aws.state import Cluster, Session, State
from sandbox.aws.sts import Sts
from sandbox.aws.sts_parameters import HOUR, SessionTags
from sandbox.aws.trust import Trust, find_role, tag_context

AGENT_ADDON = "eks-pod-identity-agent"
_SECONDS = 6 * HOUR
_SUBJECT = re.compile(r"system:serviceaccount:(?P<namespace>[^:]+):(?P<name>[^:]+)")
_NOT_ASSUMED = "Unauthorized Exception! EKS does not have permissions to assume the associated role."
_UNAVAILABLE = "ServiceUnavailableException"
# STS's error codes for tokens, and those of EKS Auth.
_CODES = {"ExpiredTokenException": "ExpiredTokenException", "IDPCommunicationError": _UNAVAILABLE}


@dataclass(frozen=True)
class Pod:
    """The owner of a token. A token that is not bound to a pod has a service account only."""

    namespace: str
    service_account: str
    name: str = ""
    uid: str = ""


@dataclass(frozen=True)
class PodCredentials:
    """The credentials for a pod, and their association."""

    pod: Pod
    association: dict[str, Any]
    session: Session

    def answer(self) -> dict[str, Any]:
        """The answer of AssumeRoleForPodIdentity."""
        session, caller = self.session, caller_of_session(self.session)
        return {
            "subject": {"namespace": self.pod.namespace, "serviceAccount": self.pod.service_account},
            "audience": PODS_SERVICE,
            "podIdentityAssociation": {
                key: self.association[key] for key in ("associationArn", "associationId")
            },
            "assumedRoleUser": {"arn": caller.arn, "assumeRoleId": caller.user_id},
            "credentials": {
                "accessKeyId": session.access_key_id,
                "secretAccessKey": session.secret_access_key,
                "sessionToken": session.session_token,
                "expiration": session.expiration.timestamp(),
            },
        }


class EksAuth:
    """AssumeRoleForPodIdentity, in two steps; only the second uses the state."""

    def __init__(self, state: State, issuers: tokens.Issuers, sts: Sts) -> None:
        self._state = state
        self._issuers = issuers
        self._sts = sts
        self._roles = Trust(state)

    def cluster(self, account: str, region: str, name: str) -> Cluster:
        """The cluster of that name."""
        found = self._state.clusters.get((account, region, name))
        if found is None:
            raise AwsError("ResourceNotFoundException", f"No cluster found for name: {name}.", 404)
        return found

    def cluster_of_token(self, token: str) -> Cluster:
        """The agent's cluster: the one that signed the token, if it has the agent."""
        issuer = _issuer(token)
        for cluster in self._state.clusters.values():
            if _issuer_of(cluster) == issuer:
                if AGENT_ADDON not in cluster.addons:
                    name = cluster.description["name"]
                    message = f"No agent is here: cluster {name} does not have the addon {AGENT_ADDON}."
                    raise AwsError(_UNAVAILABLE, message, 503)
                return cluster
        raise AwsError("InvalidTokenException", "The token's issuer is not a cluster of this sandbox.", 400)

    def verify(self, cluster: Cluster, token: str, now: datetime) -> Pod:
        """The owner of a token. Fetches the cluster's keys: do not hold the lock."""
        if _issuer(token) != _issuer_of(cluster):
            raise AwsError("InvalidTokenException", "The token was issued by another cluster.", 400)
        try:
            identity = tokens.verify(token, (PODS_SERVICE,), self._issuers, now)
        except AwsError as error:
            code = _CODES.get(error.code, "InvalidTokenException")
            raise AwsError(code, error.message, 503 if code == _UNAVAILABLE else 400) from None
        match = _SUBJECT.fullmatch(identity.subject)
        if match is None:
            raise AwsError("InvalidTokenException", "The token is not one of a service account.", 400)
        bound = identity.claims.get("kubernetes.io")
        pod = bound.get("pod") if isinstance(bound, dict) else None
        pod = pod if isinstance(pod, dict) else {}
        return Pod(match["namespace"], match["name"], str(pod.get("name", "")), str(pod.get("uid", "")))

    def assume(self, cluster: Cluster, pod: Pod, now: datetime) -> PodCredentials:
        """The credentials of the role associated with the pod's service account."""
        association = next(
            (
                a
                for a in cluster.associations.values()
                if (a["namespace"], a["serviceAccount"]) == (pod.namespace, pod.service_account)
            ),
            None,
        )
        if association is None:
            raise AwsError(
                "ResourceNotFoundException",
                "The token included in the request has no service account role association for it.",
                404,
            )
        tags = SessionTags() if association["disableSessionTags"] else _tags(cluster, pod)
        name = _session_name(cluster, pod)
        role = self._assumable(cluster, association["roleArn"], name, tags)
        session_policy = association.get("policy")
        session = self._sts.issue(role, name, _SECONDS, now, tags=tags, session_policy=session_policy)
        if target := association.get("targetRoleArn"):
            session = self._chain(session, target, association, name, now)
        return PodCredentials(pod, association, session)

    def _assumable(self, cluster: Cluster, arn: str, name: str, tags: SessionTags) -> Any:
        cluster_arn = str(cluster.description["arn"])
        context: dict[str, ContextValue] = {
            "aws:PrincipalIsAWSService": "true",
            "aws:PrincipalServiceName": PODS_SERVICE,
            "aws:SourceAccount": cluster_arn.split(":")[4],
            "aws:SourceArn": cluster_arn,
            "sts:RoleSessionName": name,
            **tag_context(tags.tags),
        }
        if tags.transitive:
            context["sts:TransitiveTagKeys"] = list(tags.transitive)
        role = find_role(arn)
        service = policy.Principal(service=PODS_SERVICE)
        for action in ("sts:AssumeRole", *(["sts:TagSession"] if tags.tags else [])):
            if self._roles.effect(role, action, service, context) is not Effect.ALLOW:
                raise AwsError("AccessDeniedException", _NOT_ASSUMED, 400)
        return role

    def _chain(
        self, session: Session, target: str, association: dict[str, Any], name: str, now: datetime
    ) -> Session:
        """A session of the target role, assumed by the associated role for the pod."""
        tags = SessionTags({key: session.tags[key] for key in session.transitive}, session.transitive)
        external_id = {"sts:ExternalId": association["externalId"]}
        try:
            role = self._sts.check_assume_role(caller_of_session(session), target, name, tags, external_id)
        except AwsError as error:
            raise AwsError("AccessDeniedException", error.message, 400) from None
        return self._sts.issue(role, name, HOUR, now, tags=tags)


def bearer(request: Request) -> str:
    """The service-account token from an SDK's request to the agent."""
    token = request.headers.get("Authorization", "")
    if not token:
        raise AwsError("InvalidRequest", "Service account token cannot be empty", 400)
    return token


def _issuer(token: str) -> str:
    try:
        return tokens.unverified_issuer(token)
    except (AwsError, jwt.PyJWTError):
        raise AwsError("InvalidTokenException", "The token is not one of a service account.", 400) from None


def _issuer_of(cluster: Cluster) -> str:
    identity = cluster.description.get("identity")  # it has none before it is active
    return str(identity["oidc"]["issuer"]) if identity else ""


def _tags(cluster: Cluster, pod: Pod) -> SessionTags:
    """The session tags that EKS adds, all transitive."""
    tags = {
        "eks-cluster-arn": str(cluster.description["arn"]),
        "eks-cluster-name": str(cluster.description["name"]),
        "kubernetes-namespace": pod.namespace,
        "kubernetes-service-account": pod.service_account,
    }
    # EKS requires tokens bound to a pod; the sandbox has no pods.
    if pod.name:
        tags |= {"kubernetes-pod-name": pod.name, "kubernetes-pod-uid": pod.uid}
    return SessionTags(tags, tuple(tags))


def _session_name(cluster: Cluster, pod: Pod) -> str:
    """`eks-CLUSTER-POD-UUID`, with names shortened to fit into 64 characters."""
    name = str(cluster.description["name"])[:12]
    return f"eks-{name}-{(pod.name or pod.service_account)[:10].rstrip('.-')}-{uuid.uuid4()}"
