"""The forms of single values, each with a message that says how to write it."""

import ipaddress
import re
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, ValidationInfo

from components import arns, durations, federation, names
from settings.form import Form, matches

BUILT_IN_POLICIES = ("default",)
"""Vault policies that need no file: every Vault has them."""


def is_wild(service_account: str) -> bool:
    """Whether it stands for service accounts that may not exist yet."""
    return "*" in service_account or "?" in service_account


def _check_url(value: str) -> None:
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username
        good = good and not parts.path.strip("/") and not parts.query and parts.port != 0
    except ValueError:
        good = False
    if not good or re.search(r"\s", value):
        raise ValueError("is not a URL; write e.g. https://vault.example.com:8200")


def _check_header(value: str) -> None:
    if "://" in value:
        raise ValueError("has a scheme; write the host name alone, e.g. vault.example.com")
    if not re.fullmatch(r"[\w.:-]*", value, re.ASCII):
        raise ValueError("is not a header value; write e.g. vault.example.com")


def _check_service_account(value: str) -> None:
    if value.count("/") != 1 or not all(value.split("/")):
        raise ValueError("is not a service account; write NAMESPACE/NAME")
    namespace, name = value.split("/")
    if not namespace.strip("*?"):
        raise ValueError("is of every namespace; name it, or write how it begins, e.g. team-*/NAME")
    if not is_wild(value):
        names.check_namespace(namespace)
        names.check_service_account(name)


def _check_service_account_in_full(value: str) -> None:
    _check_service_account(value)
    if is_wild(value):
        raise ValueError("has a wildcard; write the service account in full")


def _check_principal(value: str) -> None:
    arns.parse_iam(value, "role", "user", wildcard=True)


def _check_namespace(value: str) -> None:
    if value:
        names.check_vault_namespace(value)


def _check_policy(value: str, info: ValidationInfo) -> str:
    known = sorted({*(info.context or {}).get("policies", ()), *BUILT_IN_POLICIES})
    if value not in known:
        file = f"{value}.hcl" if re.fullmatch(r"[a-z0-9-]+", value) else "NAME.hcl"
        raise ValueError(
            f"is not a Vault policy of this project; known: {', '.join(known)}. Write one of these, "
            f"add policies/vault/{file}, or list it in vault.externalPolicies if somebody else manages it"
        )
    return value


def _check_cidr(value: str) -> None:
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        network = None
    if network is None or "/" not in value:
        raise ValueError("is not an address range; write e.g. 203.0.113.0/24")
    if str(network) != value:  # AWS keeps it in this form: in another one it would change at every update
        raise ValueError(f"is not the range itself; write {network}")


def _check_unique(values: list[Any]) -> None:
    if any(value in values[:index] for index, value in enumerate(values)):
        raise ValueError("has the same twice; write each once")


def _number_to_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


_Item = TypeVar("_Item")
UniqueList = Annotated[list[_Item], Form(_check_unique)]

_URL = r"https?://[^/\s@?#]+/?"
_SERVICE_ACCOUNT = r"[a-z0-9*?.-]+/[a-z0-9*?.-]+"
_IAM_NAME = r"[\w+=,.@-]"
VAULT_ROLE = r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?"
_DURATION = r"[0-9]{1,10}|(?=.)(\d+d)?(\d+h)?(\d+m)?(\d+s)?"
_SERVICE_SUFFIXES = "|".join(sorted(set(arns.DNS_SUFFIXES.values()))).replace(".", r"\.")
_IAM_ARN = r"arn:aws[a-z-]*:iam::\d{12}:"

# Vault
Url = Annotated[
    str, Form(_check_url, "https://vault.example.com:8200", _URL), AfterValidator(lambda url: url.rstrip("/"))
]
VaultNamespace = Annotated[str, Form(_check_namespace, "team/dev", r"([\w.-]+(/[\w.-]+)*)?")]
MountPath = Annotated[str, Form(names.check_mount_path, "aws", r"(?!auth/)[\w.-]+(/[\w.-]+)*")]
ServerIdHeader = Annotated[str, Form(_check_header, "vault.example.com", r"[\w.:-]*")]
VaultRoleName = Annotated[str, Form(names.check_vault_role, "dev-role-iam", VAULT_ROLE)]
PolicyName = Annotated[str, AfterValidator(_check_policy)]
# Vault keeps policy names in lower case; `root` cannot be had by a login.
ExternalPolicyName = Annotated[
    str,
    matches(r"(?!root$)[^\sA-Z]+", "the name of a Vault policy, in lower case, and not root", "team-readers"),
]
Audience = Annotated[
    str, matches(r"[\w.:/-]{1,255}", "an audience; write e.g. vault-aws-auth", "vault-aws-auth")
]
Issuer = Annotated[
    str,
    Form(federation.check_issuer, "https://vault-issuer.example.com", r"https://[A-Za-z0-9.-]+/?"),
    AfterValidator(lambda url: url.rstrip("/")),
]
Thumbprint = Annotated[
    str, matches(r"[0-9a-fA-F]{40}", "a thumbprint; write the 40 hexadecimal digits of SHA-1")
]
Duration = Annotated[
    str, BeforeValidator(_number_to_text), Form(durations.to_seconds, "1h30m", _DURATION, numbers=True)
]
IdentityTokenTtl = Annotated[
    str, BeforeValidator(_number_to_text), Form(federation.check_token_ttl, "1h", _DURATION, numbers=True)
]

# AWS
Region = Annotated[str, matches(arns.REGION_FORM.pattern, "an AWS region; write e.g. us-east-1", "us-east-1")]
RoleArn = Annotated[
    str,
    Form(
        lambda arn: arns.parse_iam(arn, "role"), "arn:aws:iam::111111111111:role/NAME", _IAM_ARN + r"role/\S+"
    ),
]
PrincipalArn = Annotated[
    str,
    Form(
        lambda arn: arns.parse_iam(arn, "role", "user"),
        "arn:aws:iam::111111111111:role/NAME",
        _IAM_ARN + r"(role|user)/\S+",
    ),
]
PolicyArn = Annotated[
    str,
    Form(
        lambda arn: arns.parse_iam(arn, "policy"),
        "arn:aws:iam::111111111111:policy/NAME",
        r"arn:aws[a-z-]*:iam::(\d{12}|aws):policy/\S+",
    ),
]
AccountId = Annotated[
    str,
    BeforeValidator(_number_to_text),
    matches(
        arns.ACCOUNT_FORM.pattern,
        "an account ID; write its 12 digits, in quotes",
        "111111111111",
        numbers=True,
    ),
]
PrincipalPattern = Annotated[
    str, Form(_check_principal, "arn:aws:iam::111111111111:role/NAME", _IAM_ARN + r"(role|user)/\S+")
]
ServicePrincipal = Annotated[
    str,
    Form(arns.check_service, "ec2.amazonaws.com", rf"[a-z0-9.-]+\.({_SERVICE_SUFFIXES})"),
]
AnyArn = Annotated[str, Form(arns.parse, pattern=r"arn:aws[a-z-]*:\S+")]
IamName = Annotated[str, Form(names.check_iam_name, pattern=_IAM_NAME + "{1,64}")]
IamPolicyName = Annotated[str, Form(names.check_policy_name, pattern=_IAM_NAME + "{1,128}")]
ProfileName = Annotated[
    str, matches(r"[\w+=,.@-]+\*?|\*", "the name of an instance profile; a * may only end it", "eks-*")
]
ExternalId = Annotated[str, matches(r"[\w+=,.@:/-]{2,1224}", "an external ID; write 2 characters or more")]
VpcId = Annotated[
    str,
    matches(r"vpc-[0-9a-f]{8,17}", "a VPC; write e.g. vpc-0123456789abcdef0", "vpc-0123456789abcdef0"),
]
SubnetId = Annotated[
    str,
    matches(
        r"subnet-[0-9a-f]{8,17}", "a subnet; write e.g. subnet-0123456789abcdef0", "subnet-0123456789abcdef0"
    ),
]
Cidr = Annotated[str, Form(_check_cidr, "203.0.113.0/24", r"[0-9a-fA-F.:]+/\d{1,3}")]

# EKS and Kubernetes
ClusterName = Annotated[
    str, matches(r"[A-Za-z0-9][\w-]{0,99}", "a cluster name; write up to 100 letters, digits, - and _")
]
KubernetesVersion = Annotated[
    str, matches(r"1\.\d{2}", 'a Kubernetes version; write e.g. "1.33", in quotes', "1.33")
]
GroupName = Annotated[
    str, matches(r"[a-z0-9][a-z0-9-]{0,39}", "a name; write up to 40 lower-case letters, digits and -")
]
ServiceAccount = Annotated[str, Form(_check_service_account, "default/api", _SERVICE_ACCOUNT)]
ServiceAccountInFull = Annotated[
    str, Form(_check_service_account_in_full, "vault/vault", _SERVICE_ACCOUNT.replace("*?", ""))
]
Namespace = Annotated[str, Form(names.check_namespace, "team-a", r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")]
