"""IRSA: a service-account token becomes an IAM role's credentials, as the AWS SDKs do it in a pod."""

import base64
import json
from dataclasses import dataclass

from .aws import Credentials, asking, session_name, sts
from .outputs import VaultOutput
from .refusals import web_identity_hint

AUDIENCE = "sts.amazonaws.com"


@dataclass(frozen=True)
class WebIdentity:
    """The exchange of the tokens of one login, by sts:AssumeRoleWithWebIdentity."""

    vault: VaultOutput
    role_arn: str
    issuer: str
    allowed: str
    """Whom the stack lets in, in words."""

    audience = AUDIENCE
    not_trusted = frozenset({"AccessDenied"})
    not_valid = frozenset({"InvalidIdentityToken"})

    def credentials(self, token: str, session: str) -> Credentials:
        """The IAM role's credentials; `Refused` if AWS does not take the token."""

        def explain(code: str) -> str:
            return web_identity_hint(
                code,
                role=self.role_arn,
                token=describe_token(token),
                allowed=f"{self.allowed} with audience {AUDIENCE}",
                issuer=self.issuer,
            )

        with asking(self.vault, explain):
            # Not signed, as in a pod that has nothing else.
            answer = sts(self.vault, None).assume_role_with_web_identity(
                RoleArn=self.role_arn,
                RoleSessionName=session_name(session),
                WebIdentityToken=token,
                DurationSeconds=900,  # the least that AWS gives: the login takes less than a second
            )["Credentials"]
        return Credentials(answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"])


def claims_of(token: str) -> dict[str, object]:
    """What a token says, without asking whether it is true; empty if it is no JSON web token."""
    try:
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


def describe_token(token: str) -> str:
    """The claims of a token that a trust policy is about; never the token."""
    claims = claims_of(token)
    if not claims:
        return "not a JSON web token"
    audience = claims.get("aud")
    claims["aud"] = ",".join(audience) if isinstance(audience, list) else audience
    return " ".join(f"{claim}={claims.get(claim)}" for claim in ("iss", "sub", "aud"))
