"""What `doctor` checks before a pod has its AWS identity: cluster, service account, annotation, token."""

import json
from collections.abc import Sequence
from typing import Protocol

from .. import cluster
from ..errors import Refused
from ..outputs import ClusterOutput, LoginOutput, Stack
from . import pod_identity, web_identity
from .base import Check, NotChecked

ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"
AUDIENCE_ANNOTATION = "eks.amazonaws.com/audience"

CLUSTER = "cluster"
NAMESPACE = "namespace"
SERVICE_ACCOUNT = "service account"
ANNOTATION = "annotation"
ASSOCIATION = "association"
TOKEN = "token"  # noqa: S105  # a link's name


class Pod(Protocol):
    """What the checks look at of a service account's workload."""

    login: LoginOutput
    stack: Stack

    @property
    def eks(self) -> ClusterOutput | None: ...

    @property
    def account(self) -> str: ...

    @property
    def cluster(self) -> cluster.Cluster: ...

    @property
    def exchange(self) -> web_identity.WebIdentity | pod_identity.PodIdentity: ...

    def token(self) -> str: ...


def checks_of(who: Pod) -> Sequence[Check]:
    """The links of a service-account login, for its method."""
    namespace, name = who.account.split("/")
    wanted = who.login.iam_role_arn
    by_association = who.login.method == "pod-identity"
    on_account = f"serviceaccount -n {namespace} {name} {ROLE_ANNOTATION}"

    def reached() -> str:
        return f"Kubernetes {who.cluster.version()}, {who.cluster.origin}"

    def has_namespace() -> str:
        try:
            found = who.cluster.has_namespace(namespace)
        except cluster.Forbidden as error:
            raise NotChecked(str(error)) from error
        if not found:
            raise Refused(
                NAMESPACE,
                "Kubernetes",
                f"there is no namespace {namespace}",
                hint="is this the stack's cluster (`kubectl config current-context`, --kubeconfig stack)? If "
                f"so, create it: `kubectl create namespace {namespace}`, or install what belongs there",
            )
        return namespace

    def has_account() -> str:
        if _annotations(who) is None:
            raise Refused(
                SERVICE_ACCOUNT,
                "Kubernetes",
                f"there is no service account {who.account}",
                hint="with serviceAccountMode create, `pulumi up` creates it; with patch or none, its owner "
                f"must{_consumers_with_role(who)}",
            )
        return who.account

    def annotated() -> str:
        found = _annotations(who) or {}
        role = found.get(ROLE_ANNOTATION)
        if by_association:
            if role:
                raise Refused(
                    ANNOTATION,
                    None,
                    f"{ROLE_ANNOTATION} is {role}, which the AWS SDKs prefer to Pod Identity",
                    hint=f"`kubectl annotate {on_account}-`, then restart the pods",
                )
            return "none, as Pod Identity requires"
        if role != wanted:
            raise Refused(
                ANNOTATION,
                None,
                f"{ROLE_ANNOTATION} is {role}, the login's role is {wanted}"
                if role
                else f"no {ROLE_ANNOTATION}: pods get no token for AWS, so their SDK finds no credentials",
                hint=f"with serviceAccountMode create or patch: `kubectl annotate {on_account}-`, then "
                f"`pulumi up --refresh`; with none: `kubectl annotate --overwrite {on_account}={wanted}`"
                f"{_consumers_with_role(who)}. Then restart the pods",
            )
        audience = found.get(AUDIENCE_ANNOTATION, web_identity.AUDIENCE)
        if audience != web_identity.AUDIENCE:
            raise Refused(
                ANNOTATION,
                None,
                f"{AUDIENCE_ANNOTATION} is {audience}, but the trust policy requires tokens for "
                f"{web_identity.AUDIENCE}",
                hint=f"remove the annotation {AUDIENCE_ANNOTATION}, then restart the pods",
            )
        return f"{ROLE_ANNOTATION}={role}"

    def associated() -> str:
        from botocore.exceptions import BotoCoreError, ClientError

        here = who.eks
        if here is None:
            raise NotChecked("the stack has no output `clusters`")
        try:
            role = pod_identity.associated_role(here, who.account)
        except (BotoCoreError, ClientError) as error:
            raise NotChecked(f"your AWS credentials: {error}") from error
        if role != wanted:
            raise Refused(
                ASSOCIATION,
                "AWS",
                f"cluster {here.name} associates {who.account} with {role}, the login's role is {wanted}"
                if role
                else f"cluster {here.name} has no association for {who.account}: its pods get no credentials",
                hint="`pulumi up --refresh` restores it; then restart the pods",
            )
        return f"{who.account} has {role}"

    def token() -> str:
        claims = web_identity.claims_of(who.token())
        here = who.eks
        issuer = str(claims.get("iss", ""))
        if here and not here.has_issuer(issuer):
            raise Refused(
                TOKEN,
                None,
                f"its issuer is {issuer}, but the issuer of cluster {here.name} is {here.oidc_issuer}",
                hint="this is another cluster: see `kubectl config current-context`; --kubeconfig stack",
            )
        return f"sub={claims.get('sub')} aud={who.exchange.audience}"

    return [
        Check(CLUSTER, reached),
        Check(NAMESPACE, has_namespace, (CLUSTER,), proved_by=TOKEN),
        Check(SERVICE_ACCOUNT, has_account, (CLUSTER, NAMESPACE), proved_by=TOKEN),
        Check(ANNOTATION, annotated, (CLUSTER, NAMESPACE, SERVICE_ACCOUNT)),
        *([Check(ASSOCIATION, associated, proved_by="AWS identity")] if by_association else []),
        Check(TOKEN, token, (CLUSTER, NAMESPACE, SERVICE_ACCOUNT)),
    ]


def _annotations(who: Pod) -> dict[str, str] | None:
    try:
        return who.cluster.annotations(who.account)
    except cluster.Forbidden as error:
        raise NotChecked(f"you need get on serviceaccounts: {error}") from error


def _consumers_with_role(who: Pod) -> str:
    """The way by the stack's consumers whose values contain the annotation. Empty if there are none."""
    role = who.login.iam_role_arn or ""
    names = [
        name
        for name, consumer in who.stack.outputs.consumers.items()
        if role and role in json.dumps([consumer.values, consumer.manifests])
    ]
    if not names:
        return ""
    commands = ", ".join(f"`vault-aws-auth values {name}`" for name in names)
    return f"; or install the consumer with the values that the stack has for it: {commands}"
