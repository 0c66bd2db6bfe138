"""IRSA: a service-account token becomes an IAM role's credentials, as the AWS SDKs do it in a pod."""

import base64
import json
from dataclasses import dataclass

from ..aws import Credentials, asking, session_name, sts
from ..outputs import VaultOutput

AUDIENCE = "sts.amazonaws.com"

EXPIRED = "the token has expired: get a new one (check the clocks of this machine and of the cluster)"
_FIXES = {
    "AccessDenied": "the trust policy of {role} does not match this token: {token}. The stack lets in "
    "{allowed} with audience {audience}. If the token is one of these, the trust policy was changed or the "
    "role does not exist: `pulumi up --refresh`",
    "InvalidIdentityToken": "AWS does not accept this token: {token}. The account needs an IAM OIDC provider "
    "for exactly that issuer, with audience {audience}; the stack's cluster has issuer {issuer}",
    "ExpiredTokenException": EXPIRED,
    "IDPCommunicationError": "AWS could not fetch the issuer's keys: it must be reachable from the internet; "
    "try again",
    "RegionDisabledException": "this STS region is not enabled in the account: use another region's endpoint",
}


@dataclass(frozen=True)
class WebIdentity:
    """Exchanges the tokens of one login by sts:AssumeRoleWithWebIdentity."""

    vault: VaultOutput
    role_arn: str
    issuer: str
    allowed: str
    """The service accounts that the stack lets in, for messages."""

    audience = AUDIENCE
    not_trusted = frozenset({"AccessDenied"})
    """AWS's error codes for another service account."""
    not_valid = frozenset({"InvalidIdentityToken"})
    """AWS's error codes for a token that is forged or for another audience."""
    not_there = frozenset[str]()
    """AWS's error codes for a cluster none of whose pods gets a role."""

    def credentials(self, token: str, session: str) -> Credentials:
        """The IAM role's credentials; raises `Refused` if AWS does not accept the token."""

        def explain(code: str) -> str:
            return _FIXES.get(code, "").format(
                role=self.role_arn,
                token=describe_token(token),
                allowed=self.allowed,
                issuer=self.issuer,
                audience=AUDIENCE,
            )

        with asking(self.vault, explain):
            # Unsigned, as in a pod, which has no other credentials.
            answer = sts(self.vault, None).assume_role_with_web_identity(
                RoleArn=self.role_arn,
                RoleSessionName=session_name(session),
                WebIdentityToken=token,
                DurationSeconds=900,  # AWS's minimum: the login takes less than a second
            )["Credentials"]
        return Credentials(answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"])


def claims_of(token: str) -> dict[str, object]:
    """A token's claims, without verifying it. Empty if it is not a JSON web token."""
    try:
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


def describe_token(token: str) -> str:
    """The claims that a trust policy checks; never the token."""
    claims = claims_of(token)
    if not claims:
        return "not a JSON web token"
    audience = claims.get("aud")
    claims["aud"] = ",".join(audience) if isinstance(audience, list) else audience
    return " ".join(f"{claim}={claims.get(claim)}" for claim in ("iss", "sub", "aud"))
