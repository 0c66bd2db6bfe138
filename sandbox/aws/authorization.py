"""Authorizes calls: which resource a call concerns, and AWS's message for a refusal."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from moto.iam.models import iam_backends

from sandbox.aws import concerned
from sandbox.aws.calls import Call
from sandbox.aws.concerned import Demand
from sandbox.aws.errors import AwsError
from sandbox.aws.identity import Caller
from sandbox.aws.passing import passed_roles
from sandbox.aws.policy import ContextValue, Effect
from sandbox.aws.state import State
from sandbox.aws.trust import tag_context

# The resource of an IAM action: its first parameter of these. (parameter, ARN type, moto's table)
_IAM_RESOURCES = (
    ("InstanceProfileName", "instance-profile", "instance_profiles"),
    ("GroupName", "group", "groups"),
    ("RoleName", "role", "roles"),
    ("UserName", "user", "users"),
)
# Without a user name, these concern the calling user.
SELF_SERVICE = ("GetUser", "CreateAccessKey", "DeleteAccessKey", "ListAccessKeys", "UpdateAccessKey")


_TAGGING = {
    "iam:CreateInstanceProfile": "iam:TagInstanceProfile",
    "iam:CreateOpenIDConnectProvider": "iam:TagOpenIDConnectProvider",
    "iam:CreatePolicy": "iam:TagPolicy",
    "iam:CreateRole": "iam:TagRole",
    "iam:CreateUser": "iam:TagUser",
}


Note = Callable[[Demand, bool], None]
"""Told of each demand, and whether the caller's policies allow it."""


def authorize(
    call: Call, caller: Caller, context: dict[str, ContextValue], state: State, note: Note | None = None
) -> None:
    """Raises AccessDenied with AWS's message unless the caller's policies allow the call."""
    for demand, shown in _demands(call, caller, context, state):
        whole = {**context, **demand.context}
        decision = caller.decide(demand.action, demand.arn, whole)
        allowed = decision.effect is Effect.ALLOW
        if note:
            note(demand._replace(context=whole), allowed)
        if not allowed:
            about = f" on resource: {shown}" if shown else ""
            message = f"User: {caller.arn} is not authorized to perform: {demand.action}{about} "
            message += decision.reason
            if call.service == "ec2":
                message = f"You are not authorized to perform this operation. {message}"
            raise AwsError("AccessDenied", message)


def _demands(
    call: Call, caller: Caller, context: dict[str, ContextValue], state: State
) -> Iterator[tuple[Demand, str]]:
    """What the call needs, with the resource as AWS shows it."""
    if call.service == "ec2":
        for demand in concerned.in_ec2(call, caller):
            yield demand, "" if demand.arn == "*" else demand.arn
    else:
        own = _boundary(call, caller) if call.service == "iam" else {}
        arn, shown = _resource(call, caller, state)
        yield Demand(call.name, arn, own), shown
        if call.name in _TAGGING and call.tags():
            # Tagging a new entity is an action of its own.
            yield Demand(_TAGGING[call.name], arn, own), arn
    for role, service in passed_roles(call, caller):
        yield Demand("iam:PassRole", role, {"iam:PassedToService": service}), role


def request_context(call: Call, now: datetime) -> dict[str, ContextValue]:
    """The condition keys of every request, and of its tags."""
    context: dict[str, ContextValue] = {
        "aws:CurrentTime": now.isoformat(),
        "aws:EpochTime": str(int(now.timestamp())),
        "aws:RequestedRegion": call.region,
        # The sandbox uses plain HTTP on loopback, but AWS accepts TLS only.
        "aws:SecureTransport": "true",
        "aws:SourceIp": "127.0.0.1",
    }
    if call.service == "iam":
        context |= tag_context(call.tags())
        if call.text("PolicyArn"):
            context["iam:PolicyARN"] = call.text("PolicyArn")
        if call.text("AWSServiceName"):
            context["iam:AWSServiceName"] = call.text("AWSServiceName")
    if call.service == "eks" and isinstance(tags := call.params.get("tags"), dict):
        context |= tag_context({str(key): str(value) for key, value in tags.items()})
    return context


def _boundary(call: Call, caller: Caller) -> dict[str, ContextValue]:
    """The boundary in the request, else that of the user or role that the call concerns."""
    iam = iam_backends[caller.account][caller.partition]
    names = (("UserName", iam.users), ("RoleName", iam.roles))
    about = (e for parameter, table in names for e in table.values() if e.name == call.text(parameter))
    arn = call.text("PermissionsBoundary") or getattr(next(about, None), "permissions_boundary_arn", None)
    return {"iam:PermissionsBoundary": arn} if arn else {}


def _resource(call: Call, caller: Caller, state: State) -> tuple[str, str]:
    """The ARN to match policies with, and as AWS shows it; `*` for calls without one resource."""
    if call.service == "iam":
        return _iam_resource(call, caller)
    if call.name == "sts:GetFederationToken":
        arn = f"arn:{caller.partition}:sts::{caller.account}:federated-user/{call.text('Name')}"
        return arn, arn
    if call.service in ("eks", "eks-auth"):
        arn = concerned.in_eks(call, caller, state)
        return arn, "" if arn == "*" else arn
    return "*", ""


def _iam_resource(call: Call, caller: Caller) -> tuple[str, str]:
    backend = iam_backends[caller.account][caller.partition]
    prefix = f"arn:{caller.partition}:iam::{caller.account}"
    if call.action in SELF_SERVICE and not call.text("UserName") and caller.is_user:
        return caller.owner_arn, f"user {caller.owner.name}"
    if call.action == "GetAccessKeyLastUsed":
        key = backend.access_keys.get(call.text("AccessKeyId"))
        name = (key and key.user_name) or "*"
        return _existing(backend, "users", name) or f"{prefix}:user/{name}", f"user {name}"
    for parameter, kind, table in _IAM_RESOURCES:
        name = call.text(parameter)
        if name:
            arn = _existing(backend, table, name) or f"{prefix}:{kind}{call.text('Path', '/')}{name}"
            new = call.action == f"Create{parameter.removesuffix('Name')}"
            return arn, arn if new else f"{kind.replace('-', ' ')} {name}"
    if provider := call.text("OpenIDConnectProviderArn"):
        return provider, provider
    if url := call.text("Url"):
        arn = f"{prefix}:oidc-provider/{url.removeprefix('https://')}"
        return arn, arn
    if policy_arn := call.text("PolicyArn"):
        return policy_arn, f"policy {policy_arn}"
    if name := call.text("PolicyName"):
        arn = f"{prefix}:policy{call.text('Path', '/')}{name}"
        return arn, f"policy {name}"
    return "*", ""


def _existing(backend: Any, table: str, name: str) -> str | None:
    return next((str(entity.arn) for entity in getattr(backend, table).values() if entity.name == name), None)
