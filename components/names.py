"""The forms of names in Kubernetes, IAM and Vault. Pure functions; no resources."""

import re
from collections.abc import Iterator, Sequence

# Texts, not compiled: an import should not pay for the forms that a stack does not use.
_DNS_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DNS_SUBDOMAIN = rf"{_DNS_LABEL}(?:\.{_DNS_LABEL})*"
_IAM_NAME = r"(?a)[\w+=,.@-]{1,64}"
_POLICY_NAME = r"(?a)[\w+=,.@-]{1,128}"
_HOST_LABEL = r"(?a)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
# Vault splits a text of policies at commas, and takes a * for the end of any name in some lists.
_VAULT_POLICY = r"""[^\s/,*?"'\\]+(?:/[^\s/,*?"'\\]+)*"""
_VAULT_ROLE = r"(?a)\w(?:[\w.-]*\w)?"
_PATH = r"(?a)[\w.-]+(?:/[\w.-]+)*"

_LONGEST = 255
"""Characters of a name or path in Vault, which sets no limit itself: URLs and storages do."""

VAULTS_OWN_PATHS = ("audit", "auth", "cubbyhole", "identity", "sys", "token")
"""Where Vault has mounted something itself: nothing can be mounted there, or below."""

_VAULTS_OWN_NAMESPACES = ("audit", "auth", "cubbyhole", "identity", "root", "sys")


def check_namespace(name: str) -> None:
    """Raise ValueError unless it can name a Kubernetes namespace."""
    if not re.fullmatch(_DNS_LABEL, name):
        raise ValueError(
            "is not a Kubernetes namespace; write up to 63 lower-case letters, digits and - "
            "(not first or last)"
        )


def check_new_namespace(name: str) -> None:
    """Raise ValueError unless a stack can make a Kubernetes namespace of this name, and delete it."""
    check_namespace(name)
    if name == "default" or name.startswith("kube-"):
        raise ValueError("is Kubernetes' own and in every cluster from the start; remove it")


def check_service_account(name: str) -> None:
    """Raise ValueError unless it can name a Kubernetes service account."""
    if len(name) > 253 or not re.fullmatch(_DNS_SUBDOMAIN, name):
        raise ValueError(
            "is not a Kubernetes name; write lower-case letters, digits, - and . (not first or last)"
        )


def check_host(host: str) -> None:
    """Raise ValueError unless it can be a host name, or an address of IP version 4."""
    if len(host) > 253 or not all(re.fullmatch(_HOST_LABEL, label) for label in host.split(".")):
        raise ValueError(
            "is not a host name; write labels of up to 63 letters, digits and - (not first or last), with "
            "one dot between them, e.g. vault.example.com"
        )
    # What ends in a number is an address, to some in forms such as 0x7f.1, too.
    last = host.rpartition(".")[2]
    numeric = re.fullmatch(r"[0-9]+|0[xX][0-9A-Fa-f]*", last)
    if numeric and not re.fullmatch(rf"{_OCTET}(\.{_OCTET}){{3}}", host):
        raise ValueError("is neither a host name nor an IP address; write e.g. vault.example.com or 10.0.0.1")


def check_vault_policy(name: str) -> None:
    """Raise ValueError unless it can name a Vault policy that a login may have."""
    if (
        name == "root"
        or name != name.lower()
        or not re.fullmatch(_VAULT_POLICY, name)
        or not name.isprintable()
    ):
        raise ValueError(
            "is not the name of a Vault policy, in lower case, and not root; it has no blank, comma, quote "
            "or wildcard"
        )
    _check_parts(name)


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
    _check_length(name)
    if name != name.lower():
        raise ValueError(f"has upper case, which Vault does not keep; write {name.lower()}")


def check_mount_path(path: str) -> None:
    """Raise ValueError unless an auth method or a secrets engine can be mounted there."""
    if path.startswith("auth/") or not re.fullmatch(_PATH, path):
        raise ValueError(
            "is not a mount path; write it without auth/ and outer slashes, e.g. aws or team/aws"
        )
    _check_parts(path)
    if path.partition("/")[0] in VAULTS_OWN_PATHS:
        raise ValueError(
            f"is Vault's own; write a path that does not begin with {', '.join(VAULTS_OWN_PATHS)}, e.g. aws"
        )


def check_vault_namespace(path: str) -> None:
    """Raise ValueError unless it is the path of a Vault namespace that is not the root one."""
    if not re.fullmatch(_PATH, path):
        raise ValueError(
            "is not the path of a namespace; write it without outer slashes, e.g. team/a, or nothing for "
            "the root namespace"
        )
    _check_parts(path)
    for part in path.split("/"):
        if part in _VAULTS_OWN_NAMESPACES:
            raise ValueError(f"has {part}, which Vault keeps for itself; write another name, e.g. team/a")


def check_vault_path(path: str) -> None:
    """Raise ValueError unless it is a path in Vault, such as that of a secret."""
    if not re.fullmatch(r"[^\s/]+(?:/[^\s/]+)*", path) or not path.isprintable():
        raise ValueError("is not a path in Vault; write it without outer slashes")
    _check_parts(path)


def _check_length(path: str) -> None:
    if len(path) > _LONGEST:
        raise ValueError(f"has {len(path)} characters; write up to {_LONGEST}")


def _check_parts(path: str) -> None:
    _check_length(path)
    if {".", ".."} & {*path.split("/")}:
        raise ValueError("has . or .. as a part, which Vault refuses; write the path in full, e.g. team/aws")


def nested(paths: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Pairs of mount paths one of which is inside the other, the inner one first: Vault refuses those."""
    for inner in paths:
        for outer in paths:
            if inner.startswith(f"{outer}/"):
                yield inner, outer
