"""What Vault's refusals mean: a name for the reason, and the fix.

Vault answers nearly every refused login with status 400 (and some lookups with 500), so only the words tell.
They are those of Vault's AWS auth method, stable since 1.0, and `verify` checks them against the real one.
"""

import re
from dataclasses import dataclass

NO_CREDENTIALS = "no-credentials"
SERVER_ID_HEADER = "server-id-header"
NO_ROLE = "no-role"
NOT_BOUND = "not-bound"
NOT_AN_INSTANCE = "not-an-instance"
OTHER_INSTANCE = "other-instance"
LOOKUP_DENIED = "lookup-denied"
LOOKUP_CREDENTIALS = "lookup-credentials"
LOOKUP_NOT_FOUND = "lookup-not-found"
FOREIGN_ACCOUNT = "foreign-account"
STS_REFUSED = "sts-refused"
STS_REGION = "sts-region"
STS_UNREACHABLE = "sts-unreachable"
AUTH_TYPE = "auth-type"
THROTTLED = "throttled"
SEALED = "sealed"
NO_MOUNT = "no-mount"
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Meaning:
    """One known refusal: its words as a regular expression, the name of its reason, and the fix."""

    words: str
    code: str
    hint: str


# The first match counts: a missing permission comes before what it prevented.
_VAULT = (
    Meaning(
        r"Throttling|Rate exceeded|RequestLimitExceeded|TooManyRequests",
        THROTTLED,
        "AWS limits the rate of Vault's requests, which says nothing about this login: try again later",
    ),
    Meaning(
        r"(?P<identity>arn:\S+) is not authorized to perform:? (?P<action>[\w-]+:\w+)",
        LOOKUP_DENIED,
        "Vault's own AWS identity, {identity}, lacks {action}. The stack grants what its logins need: "
        "`pulumi up --refresh` restores it. If the stack does not manage this identity, allow it {action}",
    ),
    Meaning(
        r"(?s)^(?!.*upstream request).*"
        r"(?:InvalidClientTokenId|UnrecognizedClientException|AuthFailure|ExpiredToken"
        r"|SignatureDoesNotMatch)",
        LOOKUP_CREDENTIALS,
        "AWS does not know the credentials with which Vault looks the caller up. New ones take AWS a moment; "
        "else Vault's own access key is deleted or inactive, or its STS role in the caller's account is: "
        "`pulumi up --refresh` restores what the stack made",
    ),
    Meaning(
        r"(?s)^(?!.*upstream request).*NoSuchEntity",
        LOOKUP_NOT_FOUND,
        "IAM does not know the caller's role or user, which Vault looks up. One that was just made takes a "
        "moment; one that was deleted and made again needs new credentials",
    ),
    Meaning(
        r"UnauthorizedOperation",  # EC2's code, without names; Vault asks EC2 for nothing else
        LOOKUP_DENIED,
        "Vault's own AWS identity lacks ec2:DescribeInstances. The stack grants it if it has an EC2 login: "
        "`pulumi up --refresh` restores it",
    ),
    Meaning(
        r"X-Vault-AWS-IAM-Server-ID",
        SERVER_ID_HEADER,
        "a login signs the stack's output vault.serverIdHeader, and no other server's value: with that, the "
        "other server could use it. If it did, Vault requires something else (`vault read "
        "auth/{mount}/config/client`): `pulumi up --refresh` restores it",
    ),
    Meaning(
        r"didn't supply required authentication values|supplied some of the auth values|missing iam_",
        NO_CREDENTIALS,
        "the login contained no signed sts:GetCallerIdentity request",
    ),
    Meaning(
        r"entry for role .* not found",
        NO_ROLE,
        "the mount has no such Vault role: `vault list auth/{mount}/role` lists them; `pulumi up` creates "
        "the stack's",
    ),
    Meaning(
        r"does not belong to the role",
        NOT_BOUND,
        "the Vault role is not bound to this caller (`vault read auth/{mount}/role/{role}`). If the ARN is "
        "the same, the IAM role was recreated and Vault still has its old internal ID: `pulumi up --refresh` "
        "fixes that. Where the stack cannot look the ID up (an account with roleArn), let Vault do it: "
        "`vault write auth/{mount}/role/{role} bound_iam_principal_arn=…` with the ARNs that it already has",
    ),
    Meaning(
        r"unable to fetch client for account ID|no STS configuration found",
        FOREIGN_ACCOUNT,
        "the caller is in another AWS account than Vault's identity: that account needs an STS role "
        "(`auth/{mount}/config/sts/<account>`)",
    ),
    Meaning(
        r"failed to verify .* as a valid EC2 instance",
        NOT_AN_INSTANCE,
        "the caller's session is not named after a running instance in the Vault role's region: log in from "
        "the instance itself",
    ),
    Meaning(
        r"error validating instance|does not satisfy the constraint",
        OTHER_INSTANCE,
        "the Vault role is not bound to this instance (`vault read auth/{mount}/role/{role}`)",
    ),
    Meaning(
        r"auth method iam not allowed",
        AUTH_TYPE,
        "the Vault role has auth_type=ec2; this command logs in with auth_type=iam",
    ),
    Meaning(
        r"body of GetCallerIdentity is invalid",
        STS_UNREACHABLE,
        "something other than STS answered Vault, such as a proxy: check sts_endpoint in its client config "
        "(`vault read auth/{mount}/config/client`) and the network between Vault and it",
    ),
    Meaning(
        r"error making upstream request: error making request",
        STS_UNREACHABLE,
        "Vault cannot reach the STS endpoint in its client config (`vault read auth/{mount}/config/client`)",
    ),
    Meaning(
        r"scoped to a valid region",
        STS_REGION,
        "the login is signed for {region}, but Vault sends it to an STS endpoint of another region. "
        "sts_region in Vault's client config (`vault read auth/{mount}/config/client`) must be {region}, and "
        "sts_endpoint one of that region, such as {endpoint}: `pulumi up --refresh`",
    ),
    Meaning(
        r"error making upstream request",
        STS_REFUSED,
        "AWS refused the signed request that Vault forwarded: credentials expired or forged, clocks differ, "
        "or signed for another region than Vault's sts_region (`vault read auth/{mount}/config/client`)",
    ),
    Meaning(r"HTTP request to an HTTPS server", UNKNOWN, "Vault's address must start with https://"),
    Meaning(r"Vault is sealed|is not initialized", SEALED, "unseal Vault (`vault status`), then try again"),
    Meaning(
        r"permission denied|no handler for route|unsupported path",
        NO_MOUNT,
        "is the AWS auth method mounted at auth/{mount}/ in this namespace (`vault auth list`)? The words "
        "are the same if token_bound_cidrs of the Vault role excludes this address",
    ),
)


def vault_meaning(words: str, *, mount: str, role: str, region: str, endpoint: str) -> tuple[str, str]:
    """The name of the reason and the fix, from Vault's words."""
    for meaning in _VAULT:
        if found := re.search(meaning.words, words):
            named = {"mount": mount, "role": role, "region": region, "endpoint": endpoint}
            return meaning.code, meaning.hint.format(**named, **found.groupdict())
    return UNKNOWN, "see Vault's server log"
