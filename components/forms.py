"""The forms of leaves: how names, ARNs, durations and the like are written, each with its message.

Types for the declarations of arguments; no resources.
"""

import ipaddress
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import urlsplit

import pulumi

from . import arns, durations, names, policy_documents
from .declared import Default, Form, Secret, matches

_IAM_NAME = r"[\w+=,.@-]"
_IAM_ARN = r"arn:aws[a-z-]*:iam::[0-9]{12}:"
_DURATION = r"[0-9]{1,10}|(?=.)(\d+d)?(\d+h)?(\d+m)?(\d+s)?"
_SERVICE_ACCOUNT = r"[a-z0-9.-]+/[a-z0-9.-]+"
_SERVICE_SUFFIXES = "|".join(sorted(set(arns.DNS_SUFFIXES.values()))).replace(".", r"\.")
VAULT_ROLE_PATTERN = r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?"
KEY_VERIFICATION = 24 * 60 * 60
"""Seconds for which the key verifies that signs Vault's identity tokens; no identity token lives longer."""


def is_wild(service_account: str) -> bool:
    """Whether it matches service accounts that may not exist yet."""
    return "*" in service_account or "?" in service_account


def split_service_account(account: str) -> tuple[str, str]:
    """Namespace and name of `NAMESPACE/NAME`."""
    namespace, _, name = account.partition("/")
    return namespace, name


# Vault


# A user name would be shown with the URL, and a path, a query or a fragment would not be asked for.
_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_URL = rf"[hH][tT][tT][pP][sS]?://({_LABEL}(\.{_LABEL})*\.?|\[[0-9A-Fa-f:.]+\])(:[0-9]{{1,5}})?/?"


def _check_url(value: str) -> None:
    try:
        good = bool(re.fullmatch(_URL, value)) and urlsplit(value).port != 0
    except ValueError:  # a port above 65535, or no IPv6 address
        good = False
    if good:
        if "[" not in value:
            names.check_host((urlsplit(value).hostname or "").removesuffix("."))
        return
    if re.match(r"https?://[^\s/?#]", value, re.IGNORECASE):
        raise ValueError(
            "is more than a URL of scheme, host and port, or has a wrong one; write e.g. "
            "https://vault.example.com:8200"
        )
    raise ValueError("is not a URL; write e.g. https://vault.example.com:8200")


def _check_server_id_header(value: str) -> None:
    if "://" in value:
        raise ValueError("has a scheme; write the host name alone, e.g. vault.example.com")
    if len(value) > 255 or not re.fullmatch(r"[\w.:-]*", value, re.ASCII):
        raise ValueError("is not a header value of up to 255 characters; write e.g. vault.example.com")


def _check_vault_namespace(value: str) -> None:
    if value:
        names.check_vault_namespace(value)


def _check_issuer(url: str) -> None:
    if not url.lower().startswith("https://"):
        raise ValueError("is not https, and AWS trusts no other issuer; write e.g. https://vault.example.com")
    host, colon, _ = url[len("https://") :].removesuffix("/").partition(":")
    if not re.fullmatch(r"[A-Za-z0-9.-]+", host):
        raise ValueError("is not the URL of a host; write e.g. https://vault.example.com")
    names.check_host(host)
    if colon:
        raise ValueError(
            f"has a port, and AWS trusts no such issuer; serve it at port 443 and write https://{host}"
        )


def _normal_url(url: str) -> str:
    scheme, _, rest = url.rstrip("/").partition("://")
    return f"{scheme.lower()}://{rest}"


Url = Annotated[str, Form(_check_url, "https://vault.example.com:8200", _URL, normal=_normal_url)]
"""With the scheme in lower case, which those who read it compare as text."""

VaultNamespace = Annotated[str, Form(_check_vault_namespace, "team/dev", r"([\w.-]+(/[\w.-]+)*)?")]
MountPath = Annotated[
    str,
    Form(
        names.check_mount_path,
        "aws",
        rf"(?!({'|'.join(names.VAULTS_OWN_PATHS)})(/|$))[\w.-]+(/[\w.-]+)*",
    ),
]
ServerIdHeader = Annotated[str, Form(_check_server_id_header, "vault.example.com", r"[\w.:-]*")]
VaultRoleName = Annotated[str, Form(names.check_vault_role, "dev-role-iam", VAULT_ROLE_PATTERN)]
# Vault keeps policy names in lower case; `root` cannot be had by a login.
PolicyName = Annotated[str, Form(names.check_vault_policy, "team-readers", r"(?!root$)[^\sA-Z,*?]+")]
VaultPath = Annotated[str, Form(names.check_vault_path, "team/app", r"[^\s/]+(/[^\s/]+)*")]
Audience = Annotated[
    str, matches(r"[\w.:/-]{1,255}", "an audience; write e.g. vault-aws-auth", "vault-aws-auth")
]
Issuer = Annotated[
    str,
    Form(
        _check_issuer,
        "https://vault-issuer.example.com",
        r"[hH][tT][tT][pP][sS]://[A-Za-z0-9.-]+/?",
        normal=_normal_url,
    ),
]
Thumbprint = Annotated[
    str,
    replace(
        matches(r"[0-9a-fA-F]{40}", "a thumbprint; write the 40 hexadecimal digits of SHA-1"),
        normal=str.lower,
    ),
]
VaultKeyName = Annotated[
    str,
    matches(
        r"\w([\w.-]*\w)?",
        "the name of a key; write letters, digits, _, - and . (not first or last)",
        "vault-aws-auth",
    ),
]
NamespaceId = Annotated[
    str,
    matches(
        r"\w+", "the ID of a namespace; write root, or what `vault namespace lookup` shows as id", "root"
    ),
]
Duration = Annotated[str, Form(durations.to_seconds, "1h30m", _DURATION, numbers=True)]


def lasts(shortest: str, longest: str, why: str) -> Form:
    """The form of a duration with limits; `why` ends the message about one that is out of range."""

    def check(value: str) -> None:
        if not durations.to_seconds(shortest) <= durations.to_seconds(value) <= durations.to_seconds(longest):
            raise ValueError(f"is out of range; write {shortest} to {longest}: {why}")

    return Form(check, longest, _DURATION, numbers=True)


IdentityTokenTtl = Annotated[str, lasts("1s", "24h", "the signing key is good for no longer")]


# AWS


def _check_cidr(value: str) -> None:
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        network = None
    if network is None or "/" not in value or "%" in value:
        raise ValueError("is not an address range; write e.g. 203.0.113.0/24")
    if str(network) != value:  # AWS keeps it in this form: in another one it would change at every update
        raise ValueError(f"is not the range itself; write {network}")


def _as_json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _check_key_arn(value: str) -> None:
    arn = arns.parse(value)
    of_region = arns.REGION_FORM.fullmatch(arn.region) and arns.ACCOUNT_FORM.fullmatch(arn.account)
    named = re.fullmatch(r"key/[A-Za-z0-9-]{1,64}|alias/[\w/-]{1,250}", arn.resource, re.ASCII)
    if arn.service != "kms" or not of_region or not named:
        raise ValueError(
            "is not the ARN of a KMS key; write "
            f"arn:{arn.partition}:kms:REGION:ACCOUNT:key/ID, as `aws kms describe-key` shows it"
        )


def _iam_arn(pattern: str, *kinds: str, wildcard: bool = False) -> Form:
    return Form(
        lambda arn: arns.parse_iam(arn, *kinds, wildcard=wildcard),
        f"arn:aws:iam::111111111111:{kinds[0]}/NAME",
        pattern,
    )


Region = Annotated[str, matches(arns.REGION_FORM.pattern, "an AWS region; write e.g. us-east-1", "us-east-1")]
AccountId = Annotated[
    str,
    matches(
        arns.ACCOUNT_FORM.pattern,
        "an account ID; write its 12 digits, in quotes",
        "111111111111",
        numbers=True,
    ),
]
RoleArn = Annotated[str, _iam_arn(_IAM_ARN + r"role/[^\s*?]+", "role")]
RolePattern = Annotated[str, _iam_arn(_IAM_ARN + r"role/[^\s*?]*\*?", "role", wildcard=True)]
PrincipalArn = Annotated[str, _iam_arn(_IAM_ARN + r"(role|user)/[^\s*?]+", "role", "user")]
PrincipalPattern = Annotated[
    str, _iam_arn(_IAM_ARN + r"(role|user)/[^\s*?]*\*?", "role", "user", wildcard=True)
]
PolicyArn = Annotated[str, _iam_arn(r"arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[^\s*?]+", "policy")]
KeyArn = Annotated[
    str,
    Form(
        _check_key_arn,
        "arn:aws:kms:us-east-1:111111111111:key/11111111-2222-3333-4444-555555555555",
        r"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(key|alias)/[\w/-]+",
    ),
]
ServicePrincipal = Annotated[
    str, Form(arns.check_service, "ec2.amazonaws.com", rf"(?!pods\.eks\.)[a-z0-9.-]+\.({_SERVICE_SUFFIXES})")
]
IamName = Annotated[str, Form(names.check_iam_name, pattern=_IAM_NAME + "{1,64}")]
IamPolicyName = Annotated[str, Form(names.check_policy_name, pattern=_IAM_NAME + "{1,128}")]
ProfileName = Annotated[
    str,
    matches(
        r"(?!.{513})([!-)+-.0->@-~]+/)*([\w+=,.@-]{1,128}\*?|\*)",
        "the name of an instance profile, of up to 128 characters, with its path before it if it has one: "
        "PATH/NAME, without a / before that; a * may only end it",
        "eks-*",
    ),
]
IamNamePrefix = Annotated[
    str,
    matches(
        _IAM_NAME + "{1,40}", "how an IAM name begins; write up to 40 letters, digits and _+=,.@-", "prod-"
    ),
]
IamPath = Annotated[
    str,
    matches(
        r"/([!-)+->@-~]{1,510}/)?",
        "the path of an IAM role; write up to 512 characters, the first and the last a /, without * and ?",
        "/team-a/",
    ),
]
ExternalId = Annotated[
    str,
    matches(r"[\w+=,.@:/-]{2,1224}", "an external ID; write 2 to 1224 letters, digits and _+=,.@:/-"),
    Secret,
]
PolicyDocument = Annotated[Any, Form(policy_documents.parse, normal=_as_json)]
"""An IAM policy, as JSON or as a mapping."""

PolicyStatements = Form(policy_documents.check_statements)
"""The form of a list of an IAM policy's statements."""

VpcId = Annotated[
    str,
    matches(r"vpc-[0-9a-f]{8,17}", "a VPC; write e.g. vpc-0123456789abcdef0", "vpc-0123456789abcdef0"),
]
AmiId = Annotated[
    str,
    matches(r"ami-[0-9a-f]{8,17}", "an AMI; write e.g. ami-0123456789abcdef0", "ami-0123456789abcdef0"),
]
SubnetId = Annotated[
    str,
    matches(
        r"subnet-[0-9a-f]{8,17}", "a subnet; write e.g. subnet-0123456789abcdef0", "subnet-0123456789abcdef0"
    ),
]
Cidr = Annotated[str, Form(_check_cidr, "203.0.113.0/24", r"[0-9a-fA-F.:]+/\d{1,3}")]


# EKS and Kubernetes


def _check_service_account(value: str) -> None:
    if value.count("/") != 1 or not all(split_service_account(value)):
        raise ValueError("is not a service account; write NAMESPACE/NAME")
    if is_wild(value):
        raise ValueError("has a wildcard; write the service account in full")
    namespace, name = split_service_account(value)
    names.check_namespace(namespace)
    names.check_service_account(name)


def _check_service_account_pattern(value: str) -> None:
    if not is_wild(value):
        return _check_service_account(value)
    if value.count("/") != 1 or not all(split_service_account(value)):
        raise ValueError("is not a service account; write NAMESPACE/NAME")
    # It goes into a trust policy as it is, where ${…} would be a variable.
    if not re.fullmatch(r"[a-z0-9*?-]+/[a-z0-9.*?-]+", value):
        raise ValueError(
            "is not a pattern of service accounts; write lower-case letters, digits, -, . and the wildcards "
            "* and ?, e.g. team-a/*"
        )
    if not split_service_account(value)[0].strip("*?"):
        raise ValueError("matches every namespace; write one, or how it begins, e.g. team-*/NAME")
    return None


InstanceType = Annotated[
    str,
    matches(r"[a-z0-9-]{2,30}\.[a-z0-9-]{2,30}", "an EC2 instance type; write e.g. t3.medium", "t3.medium"),
]
ClusterName = Annotated[
    str, matches(r"[A-Za-z0-9][\w-]{0,99}", "a cluster name; write up to 100 letters, digits, - and _")
]
KubernetesVersion = Annotated[
    str, matches(r"1\.\d{2}", 'a Kubernetes version; write e.g. "1.35", in quotes', "1.35")
]
GroupName = Annotated[
    str,
    matches(
        r"[a-z0-9][a-z0-9-]{0,39}",
        "the name of a node group; write up to 40 lower-case letters, digits and -",
    ),
]
Namespace = Annotated[str, Form(names.check_namespace, "team-a", r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")]
NewNamespace = Annotated[
    str, Form(names.check_new_namespace, "team-a", r"(?!default$|kube-)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
]
"""A namespace that the stack makes."""

KubernetesName = Annotated[
    str, Form(names.check_service_account, "vault-ca", r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
]
SecretKey = Annotated[
    str,
    matches(
        r"(?!\.$|\.\.)[\w.-]{1,253}",
        "a key of a secret; write letters, digits, _, - and ., and not .. at its beginning",
        "ca.crt",
    ),
]
ServiceAccount = Annotated[str, Form(_check_service_account, "default/api", _SERVICE_ACCOUNT)]
ServiceAccountPattern = Annotated[
    str, Form(_check_service_account_pattern, "default/api", r"[a-z0-9*?-]+/[a-z0-9*?.-]+")
]


# Tags


def _is_of_tags(text: str) -> bool:
    """Whether it has only what AWS takes in tags: letters, digits and blanks of all languages, and a few."""
    return all(char in "_.:/=+-@" or unicodedata.category(char)[0] in "LNZ" for char in text)


_MOST_TAGS = 46
"""AWS takes 50, and a stack has three of its own, an OIDC provider four."""


def _check_tag_name(name: str) -> None:
    if not 0 < len(name) <= 128 or not _is_of_tags(name) or name.lower().startswith("aws:"):
        raise ValueError(
            "is not the name of a tag; write 1 to 128 letters, digits, blanks and _.:/=+-@, and not aws:…"
        )


def _check_tag_value(value: str) -> None:
    if len(value) > 256 or not _is_of_tags(value):
        raise ValueError("is not the value of a tag; write up to 256 letters, digits, blanks and _.:/=+-@")


def _check_tag_names(tags: Mapping[str, Any]) -> None:
    if len(tags) > _MOST_TAGS:
        raise ValueError(
            f"has {len(tags)} tags, and AWS takes 50, with those of this stack; write at most {_MOST_TAGS}"
        )
    lower: dict[str, str] = {}
    for name in tags:
        other = lower.setdefault(name.lower(), name)
        if other != name:
            raise ValueError(f"has {other} and {name}, which are one tag to IAM; write one of them")


Tags = Annotated[
    Mapping[
        Annotated[str, Form(_check_tag_name, "cost-center")],
        pulumi.Input[Annotated[str, Form(_check_tag_value, "platform")]],
    ],
    Form(_check_tag_names),
    Default({}),
]
"""Tags of AWS resources, beside the provider's default tags."""


# Hosts and files


HostName = Annotated[
    str, Form(names.check_host, "vault.example.com", r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?")
]


def _check_file_path(path: str) -> None:
    if not path or path != path.strip() or not path.isprintable():
        raise ValueError("is not the path of a file; write e.g. /etc/ssl/ca.pem")


FilePath = Annotated[str, Form(_check_file_path, "/etc/ssl/ca.pem", r"\S(.*\S)?")]
