"""The forms of single values, each with a message that says how to write it."""

import ipaddress
import re
from collections.abc import Callable
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, ValidationInfo

from components import arns, durations, names

BUILT_IN_POLICIES = ("default",)
"""Vault policies that need no file: every Vault has them."""


def is_wild(service_account: str) -> bool:
    """Whether it stands for service accounts that may not exist yet."""
    return "*" in service_account or "?" in service_account


def _form(check: Callable[[Any], object]) -> AfterValidator:
    """A validator from a function that raises ValueError for what has not the form."""

    def validate(value: Any) -> Any:
        check(value)
        return value

    return AfterValidator(validate)


def _matches(pattern: str, form: str) -> AfterValidator:
    def check(value: str) -> None:
        if not re.fullmatch(pattern, value, re.ASCII):
            raise ValueError(f"is not {form}")

    return _form(check)


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


def _check_service_principal(value: str) -> None:
    if not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.(amazonaws\.com(\.cn)?|amazon\.com)", value):
        raise ValueError("is not an AWS service; write e.g. ec2.amazonaws.com")


def _check_issuer(value: str) -> None:
    _check_url(value)
    if not value.startswith("https://"):
        raise ValueError("is not https, and AWS trusts no other issuer; write e.g. https://vault.example.com")


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
UniqueList = Annotated[list[_Item], _form(_check_unique)]

# Vault
Url = Annotated[str, _form(_check_url), AfterValidator(lambda url: url.rstrip("/"))]
VaultNamespace = Annotated[str, _matches(r"[\w./-]*", "a namespace; write e.g. team/dev")]
MountPath = Annotated[str, _form(names.check_mount_path)]
ServerIdHeader = Annotated[str, _form(_check_header)]
VaultRoleName = Annotated[str, _form(names.check_vault_role)]
PolicyName = Annotated[str, AfterValidator(_check_policy)]
# Vault keeps policy names in lower case; `root` cannot be had by a login.
ExternalPolicyName = Annotated[
    str, _matches(r"(?!root$)[^\sA-Z]+", "the name of a Vault policy, in lower case, and not root")
]
Audience = Annotated[str, _matches(r"[\w.:/-]{1,255}", "an audience; write e.g. vault-aws-auth")]
Issuer = Annotated[str, _form(_check_issuer), AfterValidator(lambda url: url.rstrip("/"))]
Thumbprint = Annotated[
    str, _matches(r"[0-9a-fA-F]{40}", "a thumbprint; write the 40 hexadecimal digits of SHA-1")
]
Duration = Annotated[str, BeforeValidator(_number_to_text), _form(durations.to_seconds)]

# AWS
Region = Annotated[str, _matches(arns.REGION_FORM.pattern, "an AWS region; write e.g. us-east-1")]
RoleArn = Annotated[str, _form(lambda arn: arns.parse_iam(arn, "role"))]
PolicyArn = Annotated[str, _form(lambda arn: arns.parse_iam(arn, "policy"))]
AccountId = Annotated[
    str,
    BeforeValidator(_number_to_text),
    _matches(arns.ACCOUNT_FORM.pattern, "an account ID; write its 12 digits, in quotes"),
]
PrincipalPattern = Annotated[str, _form(_check_principal)]
ServicePrincipal = Annotated[str, _form(_check_service_principal)]
AnyArn = Annotated[str, _form(arns.parse)]
IamName = Annotated[str, _form(names.check_iam_name)]
ProfileName = Annotated[
    str, _matches(r"[\w+=,.@-]+\*?|\*", "the name of an instance profile; a * may only end it")
]
ExternalId = Annotated[str, _matches(r"[\w+=,.@:/-]{2,1224}", "an external ID; write 2 characters or more")]
VpcId = Annotated[str, _matches(r"vpc-[0-9a-f]{8,17}", "a VPC; write e.g. vpc-0123456789abcdef0")]
SubnetId = Annotated[str, _matches(r"subnet-[0-9a-f]{8,17}", "a subnet; write e.g. subnet-0123456789abcdef0")]
Cidr = Annotated[str, _form(_check_cidr)]

# EKS and Kubernetes
ClusterName = Annotated[
    str, _matches(r"[A-Za-z0-9][\w-]{0,99}", "a cluster name; write up to 100 letters, digits, - and _")
]
KubernetesVersion = Annotated[
    str, _matches(r"1\.\d{2}", 'a Kubernetes version; write e.g. "1.33", in quotes')
]
GroupName = Annotated[
    str, _matches(r"[a-z0-9][a-z0-9-]{0,39}", "a name; write up to 40 lower-case letters, digits and -")
]
ServiceAccount = Annotated[str, _form(_check_service_account)]
ServiceAccountInFull = Annotated[str, _form(_check_service_account_in_full)]
Namespace = Annotated[str, _form(names.check_namespace)]
