"""The forms of names in Kubernetes, IAM and Vault. Pure functions; no resources."""

import re

# Texts, not compiled: an import should not pay for the forms that a stack does not use.
_DNS_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DNS_SUBDOMAIN = rf"{_DNS_LABEL}(?:\.{_DNS_LABEL})*"
_IAM_NAME = r"(?a)[\w+=,.@-]{1,64}"
_POLICY_NAME = r"(?a)[\w+=,.@-]{1,128}"
_VAULT_ROLE = r"(?a)\w(?:[\w.-]*\w)?"
_MOUNT_PATH = r"(?a)[\w.-]+(?:/[\w.-]+)*"
_VAULT_NAMESPACE = r"(?a)[\w.-]+(?:/[\w.-]+)*"


def check_namespace(name: str) -> None:
    """Raise ValueError unless it can name a Kubernetes namespace."""
    if not re.fullmatch(_DNS_LABEL, name):
        raise ValueError(
            "is not a Kubernetes namespace; write up to 63 lower-case letters, digits and - "
            "(not first or last)"
        )


def check_service_account(name: str) -> None:
    """Raise ValueError unless it can name a Kubernetes service account."""
    if len(name) > 253 or not re.fullmatch(_DNS_SUBDOMAIN, name):
        raise ValueError(
            "is not a Kubernetes name; write lower-case letters, digits, - and . (not first or last)"
        )


def check_iam_name(name: str) -> None:
    """Raise ValueError unless it can name an IAM role or user."""
    if not re.fullmatch(_IAM_NAME, name):
        raise ValueError("is not an IAM name; write up to 64 letters, digits and _+=,.@-")


def check_policy_name(name: str) -> None:
    """Raise ValueError unless it can name an IAM policy, which may be longer than that of a role."""
    if not re.fullmatch(_POLICY_NAME, name):
        raise ValueError("is not the name of an IAM policy; write up to 128 letters, digits and _+=,.@-")


def check_vault_role(name: str) -> None:
    """Raise ValueError unless Vault's AWS auth method takes it as the name of a role."""
    if not re.fullmatch(_VAULT_ROLE, name):
        raise ValueError(
            "is not the name of a Vault role; write letters, digits, _, - and . (not first or last)"
        )
    if name != name.lower():
        raise ValueError(f"has upper case, which Vault does not keep; write {name.lower()}")


def check_mount_path(path: str) -> None:
    """Raise ValueError unless an auth method can be mounted there."""
    if path.startswith("auth/") or not re.fullmatch(_MOUNT_PATH, path):
        raise ValueError(
            "is not a mount path; write it without auth/ and outer slashes, e.g. aws or team/aws"
        )


def check_vault_namespace(path: str) -> None:
    """Raise ValueError unless it is the path of a Vault namespace that is not the root one."""
    if not re.fullmatch(_VAULT_NAMESPACE, path):
        raise ValueError(
            "is not the path of a namespace; write it without outer slashes, e.g. team/a, or nothing for "
            "the root namespace"
        )
