"""What AWS's and Vault's refusals mean: the words they use, a name for the reason, and the fix.

Vault answers nearly every refused login with status 400 (and some lookups with 500), so the words decide.
They are those of Vault's AWS auth method, stable since 1.0 and checked by `verify` against the real one.
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
FOREIGN_ACCOUNT = "foreign-account"
STS_REFUSED = "sts-refused"
STS_REGION = "sts-region"
STS_UNREACHABLE = "sts-unreachable"
AUTH_TYPE = "auth-type"
SEALED = "sealed"
NO_MOUNT = "no-mount"
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Meaning:
    """One known refusal: how to recognise it, its name, and what to do about it."""

    words: str
    code: str
    hint: str


# The first that matches counts: the missing permission is named before what it prevented.
_VAULT = (
    Meaning(
        r"(?P<identity>arn:\S+) is not authorized to perform:? (?P<action>[\w-]+:\w+)",
        LOOKUP_DENIED,
        "Vault's own AWS identity, {identity}, lacks {action}. The stack grants what its logins need: "
        "`pulumi up --refresh` restores it; when the identity is not the stack's, allow it {action}",
    ),
    Meaning(
        r"UnauthorizedOperation",  # EC2's own code, without names; Vault asks EC2 for nothing else
        LOOKUP_DENIED,
        "Vault's own AWS identity lacks ec2:DescribeInstances. The stack grants it when it has an EC2 "
        "login: `pulumi up --refresh` restores it",
    ),
    Meaning(
        r"X-Vault-AWS-IAM-Server-ID",
        SERVER_ID_HEADER,
        "sign the login with the server-id header that the mount demands (the stack's output "
        "vault.serverIdHeader; --header overrides it)",
    ),
    Meaning(
        r"didn't supply required authentication values|supplied some of the auth values|missing iam_",
        NO_CREDENTIALS,
        "the login carried no signed sts:GetCallerIdentity request",
    ),
    Meaning(
        r"entry for role .* not found",
        NO_ROLE,
        "the mount has no such Vault role: `vault list auth/{mount}/role` shows those it has; `pulumi up` "
        "makes the stack's",
    ),
    Meaning(
        r"does not belong to the role",
        NOT_BOUND,
        "this caller is not among the Vault role's bound principals (`vault read "
        "auth/{mount}/role/{role}`). If it looks the same, the IAM role was made anew, and Vault still has "
        "its old internal ID: `pulumi up --refresh` repairs it. Where the stack cannot look the ID up (an "
        "account with roleArn), have Vault do it: `vault write auth/{mount}/role/{role} "
        "bound_iam_principal_arn=…` with the ARNs that it has",
    ),
    Meaning(
        r"unable to fetch client for account ID|no STS configuration found",
        FOREIGN_ACCOUNT,
        "the caller is of another AWS account than Vault's identity: that account needs an STS role "
        "(`auth/{mount}/config/sts/<account>`)",
    ),
    Meaning(
        r"failed to verify .* as a valid EC2 instance",
        NOT_AN_INSTANCE,
        "the caller's session is not named after a running instance of the Vault role's region: log in "
        "from the instance itself",
    ),
    Meaning(
        r"error validating instance|does not satisfy the constraint",
        OTHER_INSTANCE,
        "the instance is real but not of those the Vault role is bound to (`vault read "
        "auth/{mount}/role/{role}`)",
    ),
    Meaning(
        r"auth method iam not allowed",
        AUTH_TYPE,
        "the Vault role has auth_type=ec2; this command logs in with auth_type=iam",
    ),
    Meaning(
        r"body of GetCallerIdentity is invalid",
        STS_UNREACHABLE,
        "something other than STS answered Vault, such as a proxy: check sts_endpoint of its client config "
        "(`vault read auth/{mount}/config/client`) and the way from Vault to it",
    ),
    Meaning(
        r"error making upstream request: error making request",
        STS_UNREACHABLE,
        "Vault cannot reach the STS endpoint of its client config (`vault read auth/{mount}/config/client`)",
    ),
    Meaning(
        r"scoped to a valid region",
        STS_REGION,
        "the login is signed for {region}, and Vault sends it to an STS endpoint of another region: "
        "sts_region and sts_endpoint of Vault's client config (`vault read auth/{mount}/config/client`) must "
        "be those of the stack, {region} and {endpoint}: `pulumi up --refresh`",
    ),
    Meaning(
        r"error making upstream request",
        STS_REFUSED,
        "AWS did not accept the signed request from Vault: credentials expired or forged, clocks apart, or "
        "signed for another region than Vault's sts_region (`vault read auth/{mount}/config/client`)",
    ),
    Meaning(r"HTTP request to an HTTPS server", UNKNOWN, "Vault's address must start with https://"),
    Meaning(r"Vault is sealed|is not initialized", SEALED, "unseal Vault (`vault status`), then try again"),
    Meaning(
        r"permission denied|no handler for route|unsupported path",
        NO_MOUNT,
        "is the AWS auth method mounted at auth/{mount}/ in this namespace (`vault auth list`)? A "
        "token_bound_cidrs of the Vault role that excludes this address reads the same",
    ),
)


def vault_meaning(words: str, *, mount: str, role: str, region: str, endpoint: str) -> tuple[str, str]:
    """The name of Vault's reason and the fix for it, from Vault's own words."""
    for meaning in _VAULT:
        if found := re.search(meaning.words, words):
            named = {"mount": mount, "role": role, "region": region, "endpoint": endpoint}
            return meaning.code, meaning.hint.format(**named, **found.groupdict())
    return UNKNOWN, "Vault's server log has the details"


_WEB_IDENTITY = {
    "AccessDenied": "the trust policy of {role} does not match this token: {token}. The stack lets in "
    "{allowed}; if the token is one of these, the trust policy was changed or the role does not exist: "
    "`pulumi up --refresh`",
    "InvalidIdentityToken": "AWS does not accept this token: {token}. The account needs an IAM OIDC "
    "provider for exactly that issuer, with audience sts.amazonaws.com; the stack's cluster has issuer "
    "{issuer}",
    "ExpiredTokenException": "the token has expired: ask for a new one (check this machine's clock and "
    "the cluster's)",
    "IDPCommunicationError": "AWS could not fetch the issuer's keys: it must be reachable from the "
    "internet; try again",
    "RegionDisabledException": "the STS endpoint's region is not enabled in this account: use another "
    "sts endpoint",
}


def web_identity_hint(code: str, *, role: str, token: str, allowed: str, issuer: str) -> str:
    """The fix for a refused sts:AssumeRoleWithWebIdentity."""
    return _WEB_IDENTITY.get(code, "").format(role=role, token=token, allowed=allowed, issuer=issuer)


_POD_IDENTITY = {
    "ResourceNotFoundException": "cluster {cluster} has no Pod Identity association for this token: {token}. "
    "The stack makes those of {allowed}: `pulumi up --refresh`",
    "AccessDeniedException": "the trust policy of {role} does not let pods.eks.amazonaws.com assume and tag "
    "it for this service account: {token}; `pulumi up --refresh`. Without an agent, it may be you who lacks "
    "eks-auth:AssumeRoleForPodIdentity on cluster {cluster}",
    "InvalidTokenException": "the token must be of cluster {cluster} and of audience pods.eks.amazonaws.com; "
    "it says: {token}",
    "ExpiredTokenException": "the token has expired: ask for a new one (check this machine's clock and "
    "the cluster's)",
    "ServiceUnavailableException": "no agent works there: cluster {cluster} needs the add-on "
    "eks-pod-identity-agent: `aws eks create-addon --cluster-name {cluster} --addon-name "
    "eks-pod-identity-agent`",
    "OtherRole": "somebody associated this service account with another role: `pulumi up --refresh`, or "
    "`aws eks list-pod-identity-associations --cluster-name {cluster}`",
}


def pod_identity_hint(code: str, *, role: str, token: str, allowed: str, cluster: str) -> str:
    """The fix when Pod Identity does not give the role."""
    hint = _POD_IDENTITY.get(code, "the Pod Identity agent's log (kube-system) has the details")
    return hint.format(role=role, token=token, allowed=allowed, cluster=cluster)


def sts_region_of(host: str) -> str | None:
    """The region of an STS endpoint of AWS; None for an endpoint of another form, such as a VPC's."""
    if host == "sts.amazonaws.com":
        return "us-east-1"
    found = re.fullmatch(r"sts(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?", host)
    return found[1] if found else None
