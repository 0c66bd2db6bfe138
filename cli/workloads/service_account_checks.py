"""What `doctor` looks at before a pod has its AWS identity: cluster, service account, annotation, token."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .. import cluster, pod_identity, web_identity
from ..errors import Refused
from .base import Check, NotChecked

if TYPE_CHECKING:
    from .service_account import ServiceAccountWorkload

ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"
AUDIENCE_ANNOTATION = "eks.amazonaws.com/audience"

CLUSTER = "cluster"
NAMESPACE = "namespace"
SERVICE_ACCOUNT = "service account"
ANNOTATION = "annotation"
ASSOCIATION = "association"
TOKEN = "token"  # noqa: S105  # a link's name


def checks_of(who: "ServiceAccountWorkload") -> Sequence[Check]:
    """The links of a service-account login, of the method that it has."""
    account = who.account
    namespace = account.split("/")[0]

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
                hint="is it the stack's cluster (`kubectl config current-context`, --kubeconfig stack)? Make "
                f"the namespace with `kubectl create namespace {namespace}`, or with what is installed there",
            )
        return namespace

    def has_account() -> str:
        if _annotations(who) is None:
            raise Refused(
                SERVICE_ACCOUNT,
                "Kubernetes",
                f"there is no service account {account}",
                hint="`pulumi up` makes it where the login's serviceAccountMode is create; with patch or "
                f"none, somebody else does{_bringers(who)}",
            )
        return account

    def annotated() -> str:
        found = _annotations(who) or {}
        role, wanted = found.get(ROLE_ANNOTATION), who.login.iam_role_arn
        if who.login.method == "pod-identity":
            if role:
                raise Refused(
                    ANNOTATION,
                    None,
                    f"{ROLE_ANNOTATION} is {role}, and the AWS SDKs take it before Pod Identity",
                    hint=f"`kubectl annotate serviceaccount -n {namespace} {account.split('/')[1]} "
                    f"{ROLE_ANNOTATION}-`, and restart the pods",
                )
            return "none, as Pod Identity wants it"
        if role != wanted:
            raise Refused(
                ANNOTATION,
                None,
                f"{ROLE_ANNOTATION} is {role}, the login's role is {wanted}"
                if role
                else f"no {ROLE_ANNOTATION}: a pod gets no token for AWS, its SDK finds no credentials",
                hint=f"`kubectl annotate --overwrite serviceaccount -n {namespace} {account.split('/')[1]} "
                f"{ROLE_ANNOTATION}={wanted}`, and restart the pods; or serviceAccountMode create or patch, "
                f"and `pulumi up`{_bringers(who)}",
            )
        audience = found.get(AUDIENCE_ANNOTATION, web_identity.AUDIENCE)
        if audience != web_identity.AUDIENCE:
            raise Refused(
                ANNOTATION,
                None,
                f"{AUDIENCE_ANNOTATION} is {audience}: the pods' tokens are for another audience than the "
                f"trust policy's, {web_identity.AUDIENCE}",
                hint=f"take the annotation {AUDIENCE_ANNOTATION} away, and restart the pods",
            )
        return f"{ROLE_ANNOTATION}={role}"

    def associated() -> str:
        from botocore.exceptions import BotoCoreError, ClientError

        here = who.stack.outputs.cluster
        assert here is not None, "the workload demands it"  # noqa: S101
        try:
            role = pod_identity.associated_role(here, account)
        except (BotoCoreError, ClientError) as error:
            raise NotChecked(f"your AWS credentials: {error}") from error
        if role != who.login.iam_role_arn:
            raise Refused(
                ASSOCIATION,
                "AWS",
                f"cluster {here.name} associates {account} with {role}, the login's role is "
                f"{who.login.iam_role_arn}"
                if role
                else f"cluster {here.name} has no association for {account}: its pods get no credentials",
                hint="`pulumi up --refresh` makes it again; then restart the pods",
            )
        return f"{account} has {role}"

    def token() -> str:
        claims = web_identity.claims_of(who.token())
        here = who.stack.outputs.cluster
        issuer = str(claims.get("iss", ""))
        if here and issuer.removeprefix("https://") != here.oidc_issuer.removeprefix("https://"):
            raise Refused(
                TOKEN,
                None,
                f"it comes from the issuer {issuer}, the stack's cluster is {here.oidc_issuer}",
                hint="this is another cluster: `kubectl config current-context`, or --kubeconfig stack",
            )
        return f"sub={claims.get('sub')} aud={who.exchange.audience}"

    has_identity = (
        Check(ASSOCIATION, associated, proved_by="AWS identity")
        if who.login.method == "pod-identity"
        else None
    )
    return [
        Check(CLUSTER, reached),
        Check(NAMESPACE, has_namespace, (CLUSTER,), proved_by=TOKEN),
        Check(SERVICE_ACCOUNT, has_account, (CLUSTER, NAMESPACE), proved_by=TOKEN),
        Check(ANNOTATION, annotated, (CLUSTER, NAMESPACE, SERVICE_ACCOUNT)),
        *([has_identity] if has_identity else []),
        Check(TOKEN, token, (CLUSTER, NAMESPACE, SERVICE_ACCOUNT)),
    ]


def _annotations(who: "ServiceAccountWorkload") -> dict[str, str] | None:
    try:
        return who.cluster.annotations(who.account)
    except cluster.Forbidden as error:
        raise NotChecked(f"you need get on serviceaccounts: {error}") from error


def _bringers(who: "ServiceAccountWorkload") -> str:
    """The stack's consumers whose values bring the annotation."""
    role = who.login.iam_role_arn or ""
    names = [
        name
        for name, consumer in who.stack.outputs.consumers.items()
        if role and role in json.dumps([consumer.values, consumer.manifests])
    ]
    if not names:
        return ""
    return "; or install the consumer with the values that the stack has for it: " + ", ".join(
        f"`vault-aws-auth values {name}`" for name in names
    )
