"""What may be wrong with the address of a service."""

import difflib
import ipaddress
import re
from enum import Enum
from urllib.parse import urlsplit

SERVICES = ("sts", "iam", "ec2")
"""The services that say who a caller is, as the AWS provider's `endpoints` call them."""

_SUFFIX = (
    r"(?:amazonaws\.com|amazonaws\.com\.cn|amazonaws\.eu|api\.aws|api\.amazonwebservices\.com\.cn"
    r"|c2s\.ic\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov|sc2s\.sgov\.gov)"
)
_OF_SERVICES = re.compile(
    rf"(?:vpce-[a-z0-9-]+\.)?(?:{'|'.join(SERVICES)})(?:-fips)?"
    rf"(?:\.[a-z]+(?:-[a-z]+)+-[0-9]|\.us-gov|\.global)?(?:\.vpce)?\.{_SUFFIX}"
)
"""A service's own host, and an interface endpoint's, `vpce-1.sts.us-east-1.vpce.amazonaws.com`."""

_OF_AWS = re.compile(rf"[a-z0-9.-]+\.(?:{_SUFFIX}|on\.aws)")
_NETLOC = re.compile(r"(?:\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::[0-9]+)?", re.IGNORECASE)

_AWS = ("amazonaws", "amazonwebservices")
_NEAR = 0.82
"""From this ratio on (`difflib`), a word is read for another."""


class Of(Enum):
    """Whose an endpoint is."""

    SERVICES = "STS, IAM or EC2"
    AWS = "AWS's"
    """Or of others: an issuer may be EKS, and it may be anyone's."""
    ANY = "anyone's"
    """Vault may be behind one of AWS's load balancers, and have a name that looks like them."""


def fault(endpoint: str, of: Of) -> str | None:
    """What is wrong with an endpoint."""
    given = endpoint if "://" in endpoint else f"https://{endpoint}"
    try:
        url = urlsplit(given)
        host, port = url.hostname or "", url.port
    except ValueError:
        return "is not a URL"
    if not host or not re.fullmatch(r"[a-z0-9.:-]+", host) or re.search(r"[\s\\]", endpoint):
        return "has no host, or one with foreign characters"
    if url.username is not None or url.query or url.fragment:
        return "is more than a scheme, a host, a port and a path"
    if port == 0 or not _NETLOC.fullmatch(url.netloc):
        return "is not a URL"
    if url.scheme != "https" and not (url.scheme == "http" and _is_local(host)):
        return "does not use TLS; write https://"
    if host.endswith(".") or ".." in host or host.startswith("."):
        return "has a dot too many, so it is not the host that it looks like"
    if of is Of.SERVICES and _looks_like_aws(f"{host}{url.path}") and not _OF_SERVICES.fullmatch(host):
        return f"looks like AWS's, and is not {of.value}"
    if of is Of.AWS and _looks_like_aws(host) and not _OF_AWS.fullmatch(host):
        return "looks like AWS's, and is not"
    return None


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _looks_like_aws(host: str) -> bool:
    """Whether a part of the host is AWS's name, or one that is read for it, as `arnazonaws` is."""
    if any(name in host.replace("-", "") for name in _AWS) or host.endswith(".aws") or "xn--" in host:
        return True
    if host.split(".")[-2:-1] in (["aws"], ["amazon"], ["awsapi"]):  # sts.us-east-1.aws.com
        return True
    return any(difflib.get_close_matches(word, _AWS, 1, _NEAR) for word in re.split(r"[./-]", host))
