"""IAM Identity Center: its portal gives users the credentials of their permission sets (GetRoleCredentials).

Nobody signs in here. The access token, which `aws sso login` would have put into its cache, says who asks and
what is assigned to them: `identity-center/USER/PERMISSION_SET,PERMISSION_SET`. A permission set is a role
below Identity Center's path, which trusts its SAML provider in the account, as AWS makes both.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from moto.iam.models import iam_backends
from werkzeug.serving import WSGIRequestHandler

from sandbox.aws import policy
from sandbox.aws.errors import AwsError
from sandbox.aws.policy import Effect
from sandbox.aws.state import Session, State
from sandbox.aws.sts import Sts
from sandbox.aws.sts_parameters import HOUR
from sandbox.aws.trust import Trust

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

PATH = "/federation/credentials"
TOKEN = "sandbox.access_token"  # noqa: S105 - a key of the request's environment
_TOKEN_HEADER = "x-amz-sso_bearer_token"  # noqa: S105 - a header's name
_TOKEN = re.compile(r"identity-center/(?P<user>[\w+=,.@-]{2,64})/(?P<sets>[\w+=,.@-]+)", re.ASCII)
_ROLE_PATH = re.compile(r"/aws-reserved/sso\.amazonaws\.com/(?:[a-z0-9-]+/)?")
_PROVIDER = re.compile(r"arn:[\w-]+:iam::\d{12}:saml-provider/AWSSSO_[0-9a-f]+_DO_NOT_DELETE")
_AUDIENCE = "https://signin.aws.amazon.com/saml"


class RequestHandler(WSGIRequestHandler):
    """werkzeug's, with the access token: it leaves out headers whose names have underscores."""

    def make_environ(self) -> WSGIEnvironment:
        return {**super().make_environ(), TOKEN: self.headers.get(_TOKEN_HEADER, "")}


class IdentityCenter:
    """The portal's one call."""

    def __init__(self, state: State, sts: Sts, partition: str) -> None:
        self._sts = sts
        self._roles = Trust(state)
        self._partition = partition

    def session(self, token: str, account: str, permission_set: str, now: datetime) -> Session:
        """The session of a permission set's role, named after the user."""
        match = _TOKEN.fullmatch(token)
        if match is None:
            raise AwsError("UnauthorizedException", "Session token not found or invalid", 401)
        no_access = AwsError("ForbiddenException", "No access", 403)
        # The backends make an account that they do not know.
        if permission_set not in match["sets"].split(",") or account not in iam_backends:
            raise no_access
        backend = iam_backends[account][self._partition]
        name = re.compile(rf"AWSReservedSSO_{re.escape(permission_set)}_[0-9a-f]{{16}}")
        role = next((r for r in backend.roles.values() if _is_permission_set(r, name)), None)
        provider = next((p.arn for p in backend.saml_providers.values() if _PROVIDER.fullmatch(p.arn)), "")
        context: dict[str, policy.ContextValue] = {
            "SAML:aud": _AUDIENCE,
            "aws:FederatedProvider": provider,
            "sts:RoleSessionName": match["user"],
        }
        principal = policy.Principal(federated=provider)
        action = "sts:AssumeRoleWithSAML"
        if self._roles.effect(role, action, principal, context) is not Effect.ALLOW:
            raise no_access
        return self._sts.issue(role, match["user"], HOUR, now, provider=provider)


def _is_permission_set(role: Any, name: re.Pattern[str]) -> bool:
    return bool(_ROLE_PATH.fullmatch(role.path) and name.fullmatch(role.name))


def answer(session: Session) -> dict[str, Any]:
    """The answer of GetRoleCredentials; its times are in milliseconds."""
    return {
        "roleCredentials": {
            "accessKeyId": session.access_key_id,
            "secretAccessKey": session.secret_access_key,
            "sessionToken": session.session_token,
            "expiration": int(session.expiration.timestamp() * 1000),
        }
    }
