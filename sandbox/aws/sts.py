"""STS: who may assume which role, and the credentials for it."""

import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from xml.sax.saxutils import escape

from moto.iam.models import iam_backends
from moto.iam.utils import generate_access_key_id_from_account_id
from werkzeug.wrappers import Response

from sandbox.aws import policy, sts_parameters, tokens
from sandbox.aws.calls import Call
from sandbox.aws.errors import AwsError, sts_response
from sandbox.aws.identity import Caller, caller_of_session
from sandbox.aws.policy import ContextValue, Effect
from sandbox.aws.sessions import Sessions
from sandbox.aws.state import Session, State
from sandbox.aws.sts_parameters import SessionTags
from sandbox.aws.trust import Trust, find_role, split_role_arn, tag_context

ANONYMOUS_ACTIONS = ("AssumeRoleWithWebIdentity", "AssumeRoleWithSAML")


class Sts:
    """The actions of STS, as methods with the action's name in snake case."""

    def __init__(self, state: State, sessions: Sessions) -> None:
        self._sessions = sessions
        self._roles = Trust(state)

    def accepted_audiences(self, call: Call) -> tuple[str, ...]:
        """AssumeRoleWithWebIdentity, step 1: the audiences that the token's provider accepts."""
        sts_parameters.refuse_unsupported(call)
        account, partition = split_role_arn(call.text("RoleArn"))
        sts_parameters.session_name(call)
        issuer = tokens.unverified_issuer(call.text("WebIdentityToken"))
        provider_arn = _provider_arn(account, partition, issuer)
        provider = (
            iam_backends[account][partition].open_id_providers.get(provider_arn)
            if account in iam_backends
            else None
        )
        if provider is None or not issuer.startswith("https://"):
            raise AwsError(
                "InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {issuer}", 400
            )
        return tuple(provider.client_id_list)

    def web_identity(
        self, call: Call, identity: tokens.WebIdentity, request: dict[str, ContextValue], now: datetime
    ) -> Response:
        """AssumeRoleWithWebIdentity, step 2: the credentials for the verified caller."""
        arn = call.text("RoleArn")
        account, partition = split_role_arn(arn)
        name = sts_parameters.session_name(call)
        url = identity.issuer.removeprefix("https://")
        provider_arn = _provider_arn(account, partition, identity.issuer)
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
        role = find_role(arn)
        for action in _actions("sts:AssumeRoleWithWebIdentity", tags):
            trust = self._roles.effect(role, action, principal, context | _tag_context(tags))
            if trust is not Effect.ALLOW:
                raise AwsError("AccessDenied", f"Not authorized to perform {action}")
        session = self.issue(
            role,
            name,
            sts_parameters.duration(call, role, chained=False),
            now,
            tags=tags,
            session_policy=sts_parameters.session_policy(call),
            policy_arns=sts_parameters.session_policy_arns(call, account, partition),
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
        """AssumeRole: the role must trust the caller, and if needed the caller's policies must allow it."""
        sts_parameters.refuse_unsupported(call)
        arn = call.text("RoleArn")
        account, partition = split_role_arn(arn)
        name = sts_parameters.session_name(call)
        tags = sts_parameters.session_tags(call, caller)
        if external_id := sts_parameters.external_id(call):
            context = context | {"sts:ExternalId": external_id}
        role = self.check_assume_role(caller, arn, name, tags, context)
        session = self.issue(
            role,
            name,
            sts_parameters.duration(call, role, chained=caller.session_kind == "role"),
            now,
            tags=tags,
            session_policy=sts_parameters.session_policy(call),
            policy_arns=sts_parameters.session_policy_arns(call, account, partition),
        )
        return sts_response(call.action, _credentials(session) + _assumed_role_user(session))

    def check_assume_role(
        self, caller: Caller, arn: str, name: str, tags: SessionTags, context: Mapping[str, ContextValue]
    ) -> Any:
        """The role, if the caller may assume it with these tags; else raises AccessDenied."""
        role = find_role(arn)
        context = {**context, "sts:RoleSessionName": name, **_tag_context(tags)}
        # Inherited tags need sts:TagSession, as those in the request do.
        for action in _actions("sts:AssumeRole", tags):
            if not self._roles.may_assume(caller, role, action, arn, context):
                raise AwsError(
                    "AccessDenied",
                    f"User: {caller.arn} is not authorized to perform: {action} on resource: {arn}",
                )
        return role

    def get_caller_identity(self, call: Call, caller: Caller) -> Response:
        """GetCallerIdentity: allowed to every caller, regardless of policies."""
        return sts_response(
            call.action,
            f"<Arn>{escape(caller.arn)}</Arn><UserId>{escape(caller.user_id)}</UserId>"
            f"<Account>{caller.account}</Account>",
        )

    def get_session_token(self, call: Call, caller: Caller, now: datetime) -> Response:
        """GetSessionToken: temporary credentials for the calling user itself."""
        sts_parameters.refuse_unsupported(call)
        if not caller.is_user:
            raise AwsError("AccessDenied", "Cannot call GetSessionToken with session credentials")
        session = self._user_session(call, caller, "user", caller.owner.name, now)
        return sts_response(call.action, _credentials(session))

    def get_federation_token(self, call: Call, caller: Caller, now: datetime) -> Response:
        """GetFederationToken: credentials for another person, limited by the user's and the given policy."""
        sts_parameters.refuse_unsupported(call)
        if not caller.is_user:
            raise AwsError("AccessDenied", "Cannot call GetFederationToken with session credentials")
        name = call.text("Name")
        if not re.fullmatch(r"[\w+=,.@-]{2,32}", name, re.ASCII):
            raise sts_parameters.constraint(
                name, "name", r"Member must satisfy regular expression pattern: [\w+=,.@-]*"
            )
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
        tags: SessionTags | None = None,
        session_policy: str | None = None,
        policy_arns: tuple[str, ...] = (),
        provider: str = "",
    ) -> Session:
        """Credentials of a role session. Does not check whether it is allowed."""
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
                tags=tags.tags if tags else {},
                transitive=tags.transitive if tags else (),
                policy=session_policy,
                policy_arns=policy_arns,
                provider=provider,
            )
        )

    def _user_session(self, call: Call, caller: Caller, kind: str, name: str, now: datetime) -> Session:
        hour = sts_parameters.HOUR
        seconds = sts_parameters.seconds(call, default=12 * hour, maximum=36 * hour)
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
                policy=sts_parameters.session_policy(call),
                policy_arns=sts_parameters.session_policy_arns(call, caller.account, caller.partition),
            )
        )

    def _store(self, session: Session) -> Session:
        self._sessions.add(session)
        return session


def _provider_arn(account: str, partition: str, issuer: str) -> str:
    return f"arn:{partition}:iam::{account}:oidc-provider/{issuer.removeprefix('https://')}"


# ------------------------------------------------------------------------------------------------------- tags


def _actions(action: str, tags: SessionTags) -> list[str]:
    """The actions that a role must allow; tagging the session is one of its own."""
    return [action, "sts:TagSession"] if tags.tags else [action]


def _tag_context(tags: SessionTags) -> dict[str, ContextValue]:
    transitive: dict[str, ContextValue] = (
        {"sts:TransitiveTagKeys": list(tags.transitive)} if tags.transitive else {}
    )
    return {**tag_context(tags.tags), **transitive}


def _token_tags(claims: Mapping[str, Any]) -> SessionTags:
    """The session tags in a web-identity token."""
    if claims.get("https://aws.amazon.com/source_identity"):
        raise sts_parameters.not_supported("a source identity in a token")
    wanted = claims.get("https://aws.amazon.com/tags")
    if not isinstance(wanted, dict):
        return SessionTags()
    given, transitive = wanted.get("principal_tags"), wanted.get("transitive_tag_keys")
    pairs = given.items() if isinstance(given, dict) else ()
    tags = {str(key): str(values[0]) for key, values in pairs if isinstance(values, list) and values}
    keys = [str(key) for key in transitive] if isinstance(transitive, list) else []
    return SessionTags(tags, tuple(key for key in keys if key in tags))


# -------------------------------------------------------------------------------------------------- responses


def _new_credentials(account: str) -> dict[str, Any]:
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
