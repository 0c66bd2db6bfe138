"""STS: who may become whom, and the credentials for it."""

from __future__ import annotations

import re
import secrets
from datetime import datetime, timedelta
from typing import Any
from xml.sax.saxutils import escape

from moto.iam.models import iam_backends
from moto.iam.utils import generate_access_key_id_from_account_id
from werkzeug.wrappers import Response

from sandbox.aws import policy, tokens
from sandbox.aws.calls import Call
from sandbox.aws.errors import AwsError, sts_response
from sandbox.aws.identity import Caller, caller_of_session
from sandbox.aws.policy import ContextValue, Effect
from sandbox.aws.state import Session, State

ANONYMOUS_ACTIONS = ("AssumeRoleWithWebIdentity", "AssumeRoleWithSAML")
_ROLE_ARN = re.compile(r"arn:(?P<partition>[\w-]+):iam::(?P<account>\d{12}):role/.+")
_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_HOUR = 3600
# What a caller would rely on must not be dropped in silence: these parameters are refused.
_UNSUPPORTED = {
    "PolicyArns",
    "ProvidedContexts",
    "ProviderId",
    "SerialNumber",
    "SourceIdentity",
    "TokenCode",
    "TransitiveTagKeys",
}


class Sts:
    """The actions of STS; the name of a method is that of its action in Python's spelling."""

    def __init__(self, state: State, issuers: tokens.Issuers) -> None:
        self._state = state
        self._issuers = issuers

    def web_identity(self, call: Call, request: dict[str, ContextValue], now: datetime) -> Response:
        """AssumeRoleWithWebIdentity: the caller proves itself with a token of a registered issuer."""
        _refuse_unsupported(call)
        arn, account, partition = _role_arn(call)
        name = _session_name(call)
        token = call.text("WebIdentityToken")
        issuer = tokens.unverified_issuer(token)
        url = issuer.removeprefix("https://")
        provider_arn = f"arn:{partition}:iam::{account}:oidc-provider/{url}"
        provider = (
            iam_backends[account][partition].open_id_providers.get(provider_arn)
            if account in iam_backends
            else None
        )
        if provider is None or not issuer.startswith("https://"):
            raise AwsError(
                "InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {issuer}", 400
            )
        identity = tokens.verify(token, provider.client_id_list, self._issuers, now)

        context: dict[str, ContextValue] = {
            **request,
            f"{url}:sub": identity.subject,
            f"{url}:aud": identity.audience,
            "aws:FederatedProvider": provider_arn,
            "sts:RoleSessionName": name,
        }
        amr = identity.claims.get("amr")
        if isinstance(amr, list):
            context[f"{url}:amr"] = [str(v) for v in amr]
        tags = _token_tags(identity.claims)
        principal = policy.Principal(federated=provider_arn)
        role = _find_role(arn, account, partition)
        actions = ["sts:AssumeRoleWithWebIdentity", *(["sts:TagSession"] if tags else [])]
        for action in actions:
            if self._trust(role, action, principal, context | _tag_context(tags)) is not Effect.ALLOW:
                raise AwsError("AccessDenied", f"Not authorized to perform {action}")
        session = self.issue(
            role,
            name,
            _duration(call, role, chained=False),
            now,
            tags=tags,
            session_policy=_session_policy(call),
            provider=provider_arn,
        )
        return sts_response(
            call.action,
            _credentials(session)
            + _assumed_role_user(session)
            + f"<SubjectFromWebIdentityToken>{escape(identity.subject)}</SubjectFromWebIdentityToken>"
            + f"<Audience>{escape(identity.audience)}</Audience><Provider>{escape(provider_arn)}</Provider>",
        )

    def assume_role(
        self, call: Call, caller: Caller, context: dict[str, ContextValue], now: datetime
    ) -> Response:
        """AssumeRole: the role must trust the caller, and the caller's policies must let it where needed."""
        _refuse_unsupported(call)
        arn, account, partition = _role_arn(call)
        name = _session_name(call)
        tags = call.tags()
        context = context | {"sts:RoleSessionName": name} | _tag_context(tags)
        if external_id := call.text("ExternalId"):
            context["sts:ExternalId"] = external_id
        role = _find_role(arn, account, partition)
        actions = ["sts:AssumeRole", *(["sts:TagSession"] if tags else [])]
        for action in actions:
            if not self._may_assume(caller, role, action, arn, account, context):
                raise AwsError(
                    "AccessDenied",
                    f"User: {caller.arn} is not authorized to perform: {action} on resource: {arn}",
                )
        session = self.issue(
            role,
            name,
            _duration(call, role, chained=caller.session_kind == "role"),
            now,
            tags=tags,
            session_policy=_session_policy(call),
        )
        return sts_response(call.action, _credentials(session) + _assumed_role_user(session))

    def get_caller_identity(self, call: Call, caller: Caller) -> Response:
        """GetCallerIdentity: allowed to every caller, whatever its policies say."""
        return sts_response(
            call.action,
            f"<Arn>{escape(caller.arn)}</Arn><UserId>{escape(caller.user_id)}</UserId>"
            f"<Account>{caller.account}</Account>",
        )

    def get_session_token(self, call: Call, caller: Caller, now: datetime) -> Response:
        """GetSessionToken: temporary credentials for the calling user itself."""
        _refuse_unsupported(call)
        if not caller.is_user:
            raise AwsError("AccessDenied", "Cannot call GetSessionToken with session credentials")
        session = self._user_session(call, caller, "user", caller.owner.name, now)
        return sts_response(call.action, _credentials(session))

    def get_federation_token(self, call: Call, caller: Caller, now: datetime) -> Response:
        """GetFederationToken: credentials for somebody else, within the user's and the given policy."""
        _refuse_unsupported(call)
        if not caller.is_user:
            raise AwsError("AccessDenied", "Cannot call GetFederationToken with session credentials")
        name = call.text("Name")
        if not re.fullmatch(r"[\w+=,.@-]{2,32}", name, re.ASCII):
            raise _constraint(name, "name", r"Member must satisfy regular expression pattern: [\w+=,.@-]*")
        session = self._user_session(call, caller, "federated-user", name, now)
        federated = caller_of_session(session)
        return sts_response(
            call.action,
            _credentials(session)
            + f"<FederatedUser><FederatedUserId>{escape(federated.user_id)}</FederatedUserId>"
            f"<Arn>{escape(federated.arn)}</Arn></FederatedUser>",
        )

    def issue(
        self,
        role: Any,
        name: str,
        seconds: int,
        now: datetime,
        *,
        tags: dict[str, str] | None = None,
        session_policy: str | None = None,
        provider: str = "",
    ) -> Session:
        """Credentials of a role session. The caller of this method has decided that it may be."""
        return self._store(
            Session(
                **_new_credentials(role.account_id),
                issued=now,
                expiration=now + timedelta(seconds=seconds),
                account=role.account_id,
                partition=role.partition,
                kind="role",
                owner_id=role.id,
                owner_arn=role.arn,
                name=name,
                tags=tags or {},
                policy=session_policy,
                provider=provider,
            )
        )

    def _user_session(self, call: Call, caller: Caller, kind: str, name: str, now: datetime) -> Session:
        seconds = _seconds(call, default=12 * _HOUR, maximum=36 * _HOUR)
        return self._store(
            Session(
                **_new_credentials(caller.account),
                issued=now,
                expiration=now + timedelta(seconds=seconds),
                account=caller.account,
                partition=caller.partition,
                kind=kind,
                owner_id=caller.owner.id,
                owner_arn=caller.owner_arn,
                name=name,
                tags=call.tags(),
                policy=_session_policy(call),
            )
        )

    def _store(self, session: Session) -> Session:
        self._state.forget_expired(session.issued)
        self._state.sessions[session.access_key_id] = session
        return session

    def _may_assume(
        self,
        caller: Caller,
        role: Any,
        action: str,
        arn: str,
        account: str,
        context: dict[str, ContextValue],
    ) -> bool:
        trust = self._trust(role, action, caller.principal, {**caller.context, **context})
        own = caller.decide(action, arn, context)
        if trust in (Effect.NONE, Effect.DENY) or own.effect is Effect.DENY:
            return False
        if own.effect is Effect.ALLOW:
            return True
        # In its own account a role that trusts the caller by name needs nothing more; when it names the role
        # of the caller's session, that role's boundary and the session policy still limit it. Trust in the
        # account as a whole leaves the decision to that account's identity policies, as does another account.
        named = trust is Effect.ALLOW or (trust is Effect.ROLE and own.within_limits)
        return named and caller.account == account

    def _trust(
        self, role: Any, action: str, principal: policy.Principal, context: dict[str, ContextValue]
    ) -> Effect:
        if role is None:
            return Effect.NONE
        document = policy.parse(role.assume_role_policy_document, trust=True)
        pinned = self._state.pinned.get(role.id, {})
        request = policy.Request(action, role.arn, principal, context, pinned)
        return policy.evaluate([document], request)


# ------------------------------------------------------------------------------------------------- parameters


def _refuse_unsupported(call: Call) -> None:
    given = {name.partition(".")[0] for name, value in call.params.items() if value} & _UNSUPPORTED
    if given:
        raise _not_supported(", ".join(sorted(given)))


def _not_supported(what: str) -> AwsError:
    return AwsError("ValidationError", f"The sandbox's STS does not support {what}.", 400)


def _role_arn(call: Call) -> tuple[str, str, str]:
    arn = call.text("RoleArn")
    match = _ROLE_ARN.fullmatch(arn)
    if not match:
        raise AwsError("ValidationError", f"{arn} is invalid", 400)
    return arn, match["account"], match["partition"]


def _find_role(arn: str, account: str, partition: str) -> Any:
    """The role, or None: a caller must not learn from the answer whether a role exists."""
    if account not in iam_backends:  # looking it up would create the account
        return None
    return next((r for r in iam_backends[account][partition].roles.values() if r.arn == arn), None)


def _session_name(call: Call) -> str:
    name = call.text("RoleSessionName")
    if not _SESSION_NAME.fullmatch(name):
        raise _constraint(
            name, "roleSessionName", r"Member must satisfy regular expression pattern: [\w+=,.@-]{2,64}"
        )
    return name


def _duration(call: Call, role: Any, *, chained: bool) -> int:
    seconds = _seconds(call, default=_HOUR, maximum=12 * _HOUR)
    if seconds > int(role.max_session_duration or _HOUR):
        raise AwsError(
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            400,
        )
    if chained and seconds > _HOUR:
        raise AwsError(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role "
            "chaining.",
            400,
        )
    return seconds


def _seconds(call: Call, default: int, maximum: int) -> int:
    text = call.text("DurationSeconds", str(default))
    if not re.fullmatch(r"\d{1,9}", text):
        raise AwsError("ValidationError", f"{text} is not a number of seconds", 400)
    seconds = int(text)
    if seconds < 900:
        raise _constraint(text, "durationSeconds", "Member must have value greater than or equal to 900")
    if seconds > maximum:
        raise _constraint(text, "durationSeconds", f"Member must have value less than or equal to {maximum}")
    return seconds


def _session_policy(call: Call) -> str | None:
    document = call.text("Policy") or None
    if document:
        try:
            policy.parse(document)
        except policy.MalformedPolicy as error:
            raise AwsError("MalformedPolicyDocument", str(error), 400) from None
    return document


def _constraint(value: str, name: str, rule: str) -> AwsError:
    return AwsError(
        "ValidationError",
        f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: {rule}",
        400,
    )


def _tag_context(tags: dict[str, str]) -> dict[str, ContextValue]:
    if not tags:
        return {}
    context: dict[str, ContextValue] = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    context["aws:TagKeys"] = list(tags)
    return context


def _token_tags(claims: Any) -> dict[str, str]:
    """Session tags that the issuer puts into its token."""
    wanted = claims.get("https://aws.amazon.com/tags")
    if claims.get("https://aws.amazon.com/source_identity"):
        raise _not_supported("a source identity in a token")
    if isinstance(wanted, dict) and wanted.get("transitive_tag_keys"):
        raise _not_supported("transitive tag keys in a token")
    tags = wanted.get("principal_tags") if isinstance(wanted, dict) else None
    if not isinstance(tags, dict):
        return {}
    return {str(key): str(values[0]) for key, values in tags.items() if isinstance(values, list) and values}


# -------------------------------------------------------------------------------------------------- responses


def _new_credentials(account: str) -> dict[str, str]:
    return {
        "access_key_id": generate_access_key_id_from_account_id(account, prefix="ASIA"),
        "secret_access_key": secrets.token_urlsafe(30),
        "session_token": secrets.token_urlsafe(120),
    }


def _credentials(session: Session) -> str:
    return (
        f"<Credentials><AccessKeyId>{session.access_key_id}</AccessKeyId>"
        f"<SecretAccessKey>{session.secret_access_key}</SecretAccessKey>"
        f"<SessionToken>{session.session_token}</SessionToken>"
        f"<Expiration>{session.expiration:%Y-%m-%dT%H:%M:%SZ}</Expiration></Credentials>"
    )


def _assumed_role_user(session: Session) -> str:
    caller = caller_of_session(session)
    return (
        f"<AssumedRoleUser><AssumedRoleId>{escape(caller.user_id)}</AssumedRoleId>"
        f"<Arn>{escape(caller.arn)}</Arn></AssumedRoleUser>"
    )
