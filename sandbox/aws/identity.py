"""The caller of a request, and what its identity policies allow."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from moto.iam.models import iam_backends

from sandbox.aws import policy, sigv4
from sandbox.aws.errors import AwsError
from sandbox.aws.policy import ContextValue, Effect, Policy
from sandbox.aws.sessions import Sessions
from sandbox.aws.state import Session


@dataclass(frozen=True)
class Caller:
    """The authenticated sender of a request."""

    account: str
    partition: str
    arn: str  # as GetCallerIdentity shows it
    user_id: str
    owner: Any  # moto's User or Role; None if a session's role is gone
    owner_arn: str  # ARN of that user or role
    access_key_id: str
    session: Session | None = None

    @property
    def is_user(self) -> bool:
        """Whether it uses a user's long-term key."""
        return self.session is None

    @property
    def principal(self) -> policy.Principal:
        if self.owner is None:
            return policy.Principal()
        return policy.Principal(
            account=self.account,
            arns=(self.arn,) if self.session_kind == "federated-user" else (self.arn, self.owner_arn),
            unique_ids=(self.owner.id, self.user_id),
            role=(self.owner_arn, self.owner.id) if self.session_kind == "role" else (),
        )

    @property
    def session_kind(self) -> str:
        return self.session.kind if self.session else ""

    @property
    def context(self) -> dict[str, ContextValue]:
        """The condition keys that describe the caller."""
        role = self.session_kind == "role"
        keys: dict[str, ContextValue] = {
            "aws:PrincipalArn": self.owner_arn,
            "aws:PrincipalAccount": self.account,
            "aws:PrincipalType": "AssumedRole" if role else "User",
            "aws:PrincipalIsAWSService": "false",
            "aws:userid": self.user_id,
        }
        if not role and self.owner is not None:
            keys["aws:username"] = self.owner.name
        if self.session:
            keys["aws:TokenIssueTime"] = self.session.issued.isoformat()
            keys["aws:MultiFactorAuthPresent"] = "false"
            if self.session.provider:
                keys["aws:FederatedProvider"] = self.session.provider
        tags = {**_tags(self), **(self.session.tags if self.session else {})}
        return keys | {f"aws:PrincipalTag/{key}": value for key, value in tags.items()}

    def decide(self, action: str, resource: str, context: Mapping[str, ContextValue]) -> Decision:
        """The decision of the caller's identity policies, permissions boundary and session policy."""
        request = policy.Request(action, resource, context={**self.context, **context})
        identity = "identity-based policy"
        effects = {identity: policy.evaluate(self._identity_policies(), request)}
        boundary = getattr(self.owner, "permissions_boundary_arn", None)
        if boundary:
            effects["permissions boundary"] = policy.evaluate(self._managed_policies([boundary]), request)
        session = self.session
        if session and (session.policy or session.policy_arns or session.kind == "federated-user"):
            own = [policy.parse(session.policy)] if session.policy else []
            own += self._managed_policies(session.policy_arns)
            effects["session policy"] = policy.evaluate(own, request)
        for kind, effect in effects.items():
            if effect is Effect.DENY:
                return Decision(Effect.DENY, f"with an explicit deny in {_article(kind)} {kind}")
        for kind, effect in effects.items():
            if effect is not Effect.ALLOW:
                within = all(e is Effect.ALLOW for k, e in effects.items() if k != identity)
                return Decision(Effect.NONE, f"because no {kind} allows the {action} action", within)
        return Decision(Effect.ALLOW, "")

    def _managed_policies(self, arns: Iterable[str]) -> list[Policy]:
        """The managed policies with these ARNs, in the caller's account."""
        known = iam_backends[self.account][self.partition].managed_policies
        return [_managed(known[arn]) for arn in arns if arn in known]

    def _identity_policies(self) -> Iterator[Policy]:
        if self.owner is None:
            return
        yield from _attached(self.owner)
        if self.session_kind != "role":
            backend = iam_backends[self.account][self.partition]
            for group in backend.get_groups_for_user(self.owner.name):
                yield from _attached(group)


@dataclass(frozen=True)
class Decision:
    effect: Effect
    reason: str  # the end of AWS's AccessDenied message
    within_limits: bool = True  # permissions boundary and session policy, if any, allow it


def _article(kind: str) -> str:
    return "an" if kind[0] in "aeiou" else "a"


def _attached(holder: Any) -> Iterable[Policy]:
    """The inline and managed policies of a moto user, role or group."""
    for document in holder.policies.values():
        yield policy.parse(document)
    for managed in holder.managed_policies.values():
        yield _managed(managed)


def _managed(managed: Any) -> Policy:
    return policy.parse(next(v.document for v in managed.versions if v.is_default))


def _tags(caller: Caller) -> dict[str, str]:
    if caller.owner is None:
        return {}
    if caller.session_kind == "role":
        tags = caller.owner.tags or []
        entries = tags.values() if isinstance(tags, dict) else tags
    else:
        entries = iam_backends[caller.account][caller.partition].list_user_tags(caller.owner.name)
    return {tag["Key"]: tag["Value"] for tag in entries}


# -------------------------------------------------------------------------------------------- authentication


def authenticate(
    request: sigv4.HttpRequest, sessions: Sessions, now: datetime
) -> tuple[Caller, sigv4.Signature] | None:
    """The caller that signed the request; None if it is unsigned. Raises AwsError for a bad signature."""
    signature = sigv4.read(request)
    if signature is None:
        return None
    session = sessions.get(signature.access_key_id)
    if session:
        if not hmac.compare_digest(session.session_token.encode(), signature.session_token.encode()):
            raise _invalid_token()
        if session.expiration <= now:
            raise AwsError("ExpiredToken", "The security token included in the request is expired")
        sigv4.verify(request, signature, session.secret_access_key, now)
        return caller_of_session(session), signature
    for backend in _iam_backends():
        key = backend.access_keys.get(signature.access_key_id)
        if key and key.user_name:
            if signature.session_token or key.status != "Active":
                raise _invalid_token()
            sigv4.verify(request, signature, key.secret_access_key, now)
            user = backend.get_user(key.user_name)
            return _caller_of_user(user, backend.partition, key.access_key_id), signature
    raise _invalid_token()


def caller_of_session(session: Session) -> Caller:
    """The caller with these temporary credentials."""
    backend = iam_backends[session.account][session.partition]
    owner: Any
    if session.kind == "role":
        owner = backend.roles.get(session.owner_id)
        name = session.owner_arn.rsplit("/", 1)[1]
        arn = f"arn:{session.partition}:sts::{session.account}:assumed-role/{name}/{session.name}"
        user_id = f"{session.owner_id}:{session.name}"
    else:
        owner = next((u for u in backend.users.values() if u.id == session.owner_id), None)
        arn, user_id = session.owner_arn, session.owner_id
        if session.kind == "federated-user":
            arn = f"arn:{session.partition}:sts::{session.account}:federated-user/{session.name}"
            user_id = f"{session.account}:{session.name}"
    return Caller(
        account=session.account,
        partition=session.partition,
        arn=arn,
        user_id=user_id,
        owner=owner,
        owner_arn=session.owner_arn,
        access_key_id=session.access_key_id,
        session=session,
    )


def _caller_of_user(user: Any, partition: str, access_key_id: str) -> Caller:
    return Caller(
        account=user.account_id,
        partition=partition,
        arn=user.arn,
        user_id=user.id,
        owner=user,
        owner_arn=user.arn,
        access_key_id=access_key_id,
    )


def _iam_backends() -> list[Any]:
    return [backend for account in list(iam_backends.values()) for backend in list(account.values())]


def _invalid_token() -> AwsError:
    return AwsError("InvalidClientTokenId", "The security token included in the request is invalid.")
