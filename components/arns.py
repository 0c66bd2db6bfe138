"""Amazon Resource Names and the facts of each partition. Pure functions; no resources."""

import re
from typing import NamedTuple

DNS_SUFFIXES = {
    "aws": "amazonaws.com",
    "aws-cn": "amazonaws.com.cn",
    "aws-us-gov": "amazonaws.com",
    "aws-iso": "c2s.ic.gov",
    "aws-iso-b": "sc2s.sgov.gov",
    "aws-iso-e": "cloud.adc-e.uk",
    "aws-iso-f": "csp.hci.ic.gov",
    "aws-eusc": "amazonaws.eu",
}
"""The suffix of service host names and service principals, by partition."""

WITHOUT_POD_IDENTITY = ("aws-cn",)
"""The partitions in which EKS has no Pod Identity."""

_PARTITION_BY_REGION_PREFIX = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
    "eusc-": "aws-eusc",
}

REGION_FORM = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}")
_STS_HOST = re.compile(
    rf"(?P<vpce>vpce-[a-z0-9-]+\.)?sts(-fips)?\.(?P<region>{REGION_FORM.pattern})(?(vpce)\.vpce)\.(?P<suffix>[a-z0-9.-]+)"
)
_DUAL_STACK = {
    "aws": "api.aws",
    "aws-cn": "api.amazonwebservices.com.cn",
    "aws-us-gov": "api.aws",
    "aws-eusc": "api.amazonwebservices.eu",
}
_SERVICE_FORM = r"(?a)[a-z0-9-]+(\.[a-z0-9-]+)*"
ACCOUNT_FORM = re.compile(r"[0-9]{12}")
# Names have no slash, paths begin and end with one. IAM takes `*` and `?` in a path, too, but a policy reads
# them as wildcards.
_IAM_RESOURCE_FORM = (
    r"(?a)(?P<kind>role|user|instance-profile|oidc-provider|policy)"
    r"(?P<path>/(?:[!-)+->@-~]+/)?)(?P<name>[\w+=,.@-]*\*?)"
)


LONGEST_NAMES = {"role": 64, "user": 64, "oidc-provider": 255}
"""Characters of a name in IAM; 128 for any other kind."""

LONGEST_PATH = 512
"""Characters of the path of anything in IAM."""


class Arn(NamedTuple):
    """The parts of `arn:partition:service:region:account:resource`."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    def __str__(self) -> str:
        return ":".join(("arn", *self))

    @property
    def kind(self) -> str:
        """`role` of `role/team/app`."""
        return self.resource.partition("/")[0]

    @property
    def name(self) -> str:
        """`app` of `role/team/app`: what IAM's API calls the role's name."""
        return self.resource.rpartition("/")[2]

    @property
    def path(self) -> str:
        """`/team/` of `role/team/app`, `/` of `role/app`."""
        return self.resource[len(self.kind) : len(self.resource) - len(self.name)]


def partition_of(region: str) -> str:
    """The partition that a region belongs to: `aws-cn` for `cn-north-1`."""
    for prefix, partition in _PARTITION_BY_REGION_PREFIX.items():
        if region.startswith(prefix):
            return partition
    return "aws"


def dns_suffix(region: str) -> str:
    """The suffix of service host names in a region: `amazonaws.com.cn` for `cn-north-1`."""
    return DNS_SUFFIXES[partition_of(region)]


def sts_endpoint(region: str) -> str:
    """The regional STS endpoint."""
    return f"https://sts.{region}.{dns_suffix(region)}"


def sts_region(host: str) -> str | None:
    """The region of an STS host name of AWS: `cn-north-1` for `sts.cn-north-1.amazonaws.com.cn`.

    A VPC endpoint's own name tells its region, too. The global `sts.amazonaws.com` is in `us-east-1`. None
    for any other host.
    """
    host = host.lower().removesuffix(".")
    if host == "sts.amazonaws.com":
        return "us-east-1"
    found = _STS_HOST.fullmatch(host)
    if found is None:
        return None
    region, suffix = found["region"], found["suffix"]
    partition = partition_of(region)
    whole = suffix == DNS_SUFFIXES[partition] or (suffix == _DUAL_STACK.get(partition) and not found["vpce"])
    return region if whole else None


def parse(arn: str) -> Arn:
    """Split an ARN.

    Raises ValueError, with the accepted form, for anything that is not one.
    """
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or not parts[2] or not parts[5]:
        raise ValueError("is not an ARN; write arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE")
    result = Arn(*parts[1:])
    if result.partition not in DNS_SUFFIXES:
        raise ValueError(
            f"has the unknown partition {result.partition!r}; write one of {', '.join(DNS_SUFFIXES)}"
        )
    return result


def parse_iam(arn: str, *kinds: str, wildcard: bool = False) -> Arn:
    """Split the ARN of an IAM entity of one of `kinds`, such as `role` or `user`.

    With `wildcard`, one `*` may end it, which is the only place where Vault understands it.
    Raises ValueError, with the accepted form and how to mend it, otherwise.
    """
    example = f"arn:aws:iam::111111111111:{kinds[0]}/{'NAME*' if wildcard else 'NAME'}"
    result = parse(arn)
    if result.service == "sts" and result.resource.startswith("assumed-role/") and "role" in kinds:
        role = result.resource.split("/")[1]
        raise ValueError(
            "is the session of a role; write the role itself: "
            f"arn:{result.partition}:iam::{result.account}:role/{role}"
        )
    if result.service != "iam" or result.region:
        raise ValueError(f"is not the ARN of an IAM {' or '.join(kinds)}; write e.g. {example}")
    # The policies that AWS itself manages are of the account `aws`.
    if not ACCOUNT_FORM.fullmatch(result.account) and (kinds, result.account) != (("policy",), "aws"):
        raise ValueError(f"has the malformed account ID {result.account!r}; write its 12 digits")
    if "${" in result.resource:
        raise ValueError(f"has a policy variable, ${{…}}; write the ARN in full, e.g. {example}")
    if "*" in result.resource[:-1]:
        raise ValueError("has a wildcard that is not its last character; Vault takes a * only at the end")
    if "?" in result.resource or (result.resource.endswith("*") and not wildcard):
        raise ValueError(f"has a wildcard, which is not accepted here; write e.g. {example}")
    match = re.fullmatch(_IAM_RESOURCE_FORM, result.resource)
    if match is None or match["kind"] not in kinds or not match["name"]:
        raise ValueError(f"is not the ARN of an IAM {' or '.join(kinds)}; write e.g. {example}")
    for part, longest in (("name", LONGEST_NAMES.get(match["kind"], 128)), ("path", LONGEST_PATH)):
        if len(match[part].removesuffix("*")) > longest:
            raise ValueError(f"has a {part} of {len(match[part])} characters; IAM takes up to {longest}")
    return result


def check_service(service: str) -> None:
    """Raise ValueError unless it can be a service principal, of whatever partition."""
    suffixes = tuple(f".{suffix}" for suffix in DNS_SUFFIXES.values())
    if not service.endswith(suffixes) or not re.fullmatch(_SERVICE_FORM, service):
        raise ValueError("is not an AWS service; write e.g. ec2.amazonaws.com")
    if service.startswith("pods.eks."):
        raise ValueError(
            "is EKS Pod Identity, which gives the role to any pod that has an association; leave it out, and "
            "name the service account instead, with the method pod-identity"
        )


def oidc_provider_arn(partition: str, account: str, issuer: str) -> str:
    """The ARN that IAM gives the OIDC provider of an issuer."""
    return f"arn:{partition}:iam::{account}:oidc-provider/{issuer_host(issuer)}"


def role_arn(partition: str, account: str, name: str, path: str = "/") -> str:
    """The ARN of an IAM role: what it will be, before the role is there."""
    return f"arn:{partition}:iam::{account}:role{path}{name}"


def eks_cluster_arn(region: str, account: str, name: str) -> str:
    """The ARN of an EKS cluster."""
    return f"arn:{partition_of(region)}:eks:{region}:{account}:cluster/{name}"


def issuer_host(issuer: str) -> str:
    """An issuer as IAM writes it in ARNs and condition keys: without the scheme."""
    return issuer.removeprefix("https://").rstrip("/")


def issuer_url(issuer: str) -> str:
    """An issuer as tokens carry it: with the scheme, whichever way it was given."""
    return f"https://{issuer_host(issuer)}"
