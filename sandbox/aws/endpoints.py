"""Which endpoint of AWS a request was sent to, and the region that it must be signed for there.

The sandbox has one address for all of AWS. For STS, that is the regional endpoint of the sandbox's region, to
which a stack's Vault sends its callers' requests: it takes no other region, whatever host the caller signed
for. (`vault login` signs for the global host, in the scope of its region: the regional endpoint takes that.)
For the other services, it is every endpoint of the partition.
"""

import re

from sandbox.aws.botocore_data import partition_of, partitions
from sandbox.aws.errors import AwsError

_STS = re.compile(
    r"(?P<private>vpce-[a-z0-9-]+\.)?sts(-fips)?\.(?P<region>[a-z0-9-]+)(?(private)\.vpce)\.(?P<suffix>[a-z0-9.-]+)"
)
_GLOBAL_STS = "sts.amazonaws.com"
# IAM has one endpoint in each partition, and takes one region there.
_IAM = {
    "iam.amazonaws.com": "us-east-1",
    "iam-fips.amazonaws.com": "us-east-1",
    "iam.global.api.aws": "us-east-1",
    "iam.cn-north-1.amazonaws.com.cn": "cn-north-1",
    "iam.us-gov.amazonaws.com": "us-gov-west-1",
}
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_NOT_OURS = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
    "Access Key and signing method. Consult the service documentation for details."
)


def sts_region(host: str) -> str | None:
    """The region of an STS host name of AWS: regional, FIPS, dual-stack or of a VPC endpoint; us-east-1 for
    the global `sts.amazonaws.com`; None for other hosts."""
    host = host.lower()
    if host == _GLOBAL_STS:
        return "us-east-1"
    found = _STS.fullmatch(host)
    if found is None:
        return None
    for partition in partitions():
        if re.fullmatch(partition["regionRegex"], found["region"]):
            names = partition["outputs"]
            known = {names["dnsSuffix"], *(() if found["private"] else (names["dualStackDnsSuffix"],))}
            return found["region"] if found["suffix"] in known else None
    return None


def check(service: str, host: str, signed_for: str, here: str) -> None:
    """Refuses a request to this address that AWS would refuse for its host or its region.

    `signed_for` is the region in the signature's scope, `here` the sandbox's region.
    """
    name = _name(host)
    if service == "sts":
        if name not in _LOOPBACK:
            _known_sts(name, here)
        _scoped(signed_for, signed_for == here)
    elif service == "iam" and name in _IAM:
        _scoped(signed_for, signed_for == _IAM[name])
    else:
        if name not in _LOOPBACK:
            raise AwsError("SignatureDoesNotMatch", _NOT_OURS)
        _scoped(signed_for, partition_of(signed_for) == partition_of(here))


def check_presigned(host: str, signed_for: str, here: str) -> None:
    """Refuses a presigned STS request, such as EKS's token, that the endpoint in its own URL would refuse."""
    name = _name(host)
    region = here if name in _LOOPBACK else sts_region(name)
    if region is None or partition_of(region) != partition_of(here):
        raise AwsError("SignatureDoesNotMatch", _NOT_OURS)
    _scoped(signed_for, signed_for == region)


def _known_sts(name: str, here: str) -> None:
    """The host is part of what is signed: one that is not AWS's own is not the one that was asked."""
    region = sts_region(name)
    if region is None:
        raise AwsError("SignatureDoesNotMatch", _NOT_OURS)
    if name != _GLOBAL_STS:
        _scoped(region, region == here)


def _scoped(region: str, right: bool) -> None:
    if not right:
        raise AwsError(
            "SignatureDoesNotMatch", f"Credential should be scoped to a valid region, not '{region}'. "
        )


def _name(host: str) -> str:
    """The host without its port, in lower case."""
    return re.sub(r":\d+$", "", host.lower())
