"""Hosts and regions: a request that AWS would refuse at the endpoint that it was sent to is refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from components import arns
from sandbox.aws import botocore_data, endpoints
from sandbox.aws.errors import AwsError
from tests.emulator.test_enforcement import send, signed
from tests.emulator.world import Emulator

REGIONS = ["us-east-1", "eu-west-1", "us-gov-west-1", "cn-north-1", "us-iso-east-1", "eusc-de-east-1"]


@pytest.fixture(scope="module")
def in_europe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    running = Emulator(tmp_path_factory.mktemp("aws"))
    running.start("--region", "eu-west-1")
    yield running
    running.stop()


def test_hosts_are_those_of_the_regions_partition() -> None:
    regions = [each["outputs"]["implicitGlobalRegion"] for each in botocore_data.partitions()]
    assert {arns.partition_of(region) for region in regions} == set(arns.DNS_SUFFIXES)
    for region in [*regions, *REGIONS]:
        suffix = arns.dns_suffix(region)
        assert botocore_data.dns_suffix(region) == suffix
        assert botocore_data.partition_of(region) == arns.partition_of(region)
        for host in (
            f"sts.{region}.{suffix}",
            f"sts-fips.{region}.{suffix}",
            f"vpce-0a1b-cd2e.sts.{region}.vpce.{suffix}",
            f"vpce-0a1b-cd2e-{region}a.sts.{region}.vpce.{suffix}",
        ):
            assert endpoints.sts_region(host) == arns.sts_region(host) == region
            assert endpoints.sts_region(host.upper()) == region
    assert (
        endpoints.sts_region("sts.us-east-1.api.aws")
        == arns.sts_region("sts.us-east-1.api.aws")
        == "us-east-1"
    )
    for host in (
        "sts.cn-north-1.amazonaws.com",
        "sts.us-east-1.amazonaws.com.cn",
        "sts.us-east-1.vpce.amazonaws.com",
        "vpce-1.sts.us-east-1.amazonaws.com",
        "sts.us-east-1.amazonaws.com.example.com",
        "iam.amazonaws.com",
        "sts.nowhere.amazonaws.com",
    ):
        assert endpoints.sts_region(host) is arns.sts_region(host) is None, host
    # As a setting, the name is that of the endpoint; in a signature it is another host.
    assert endpoints.sts_region("sts.us-east-1.amazonaws.com.") is None


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("sts.us-east-1.amazonaws.com", "us-east-1"),
        ("sts-fips.us-east-1.amazonaws.com", "us-east-1"),
        ("vpce-0a1b-cd2e.sts.us-east-1.vpce.amazonaws.com", "us-east-1"),
        ("sts.us-east-1.api.aws", "us-east-1"),
        ("sts.amazonaws.com", "us-east-1"),
        ("localhost", "us-east-1"),
    ],
)
def test_every_name_of_the_regions_endpoint_is_taken(emulator: Emulator, host: str, region: str) -> None:
    assert send(emulator, signed(emulator, f"https://{host}/", region))[0] == 200


@pytest.mark.parametrize(
    ("host", "region"),
    [
        # A scope that is not that of the host, or of another partition.
        ("sts.us-east-1.amazonaws.com", "eu-west-1"),
        ("sts.us-east-1.amazonaws.com", "cn-north-1"),
        ("sts.us-east-1.amazonaws.com", "us-east-2"),
        ("sts.us-east-1.amazonaws.com", "aws-global"),
        ("sts.us-east-1.amazonaws.com", "US-EAST-1"),
        ("sts.amazonaws.com", "eu-west-1"),
        ("sts.amazonaws.com", "us-gov-west-1"),
        ("127.0.0.1", "eu-west-1"),
        ("127.0.0.1", "cn-north-1"),
        ("localhost", "us-gov-west-1"),
        # A host that is another region's, in its own scope and in that of here.
        ("sts.eu-west-1.amazonaws.com", "eu-west-1"),
        ("sts.eu-west-1.amazonaws.com", "us-east-1"),
        ("sts.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("sts.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("sts-fips.us-west-2.amazonaws.com", "us-west-2"),
        ("vpce-0a1b-cd2e.sts.eu-west-1.vpce.amazonaws.com", "eu-west-1"),
    ],
)
def test_another_region_or_partition_is_refused_in_the_words_of_aws(
    emulator: Emulator, host: str, region: str
) -> None:
    status, body = send(emulator, signed(emulator, f"https://{host}/", region))
    assert status == 403
    assert "<Code>SignatureDoesNotMatch</Code>" in body
    assert "Credential should be scoped to a valid region, not " in body


@pytest.mark.parametrize(
    "host",
    [
        "sts.example.com",
        "sts.us-east-1.amazonaws.com.example.com",
        "sts.us-east-1.amazonaws.com.",
        "sts.us-east-1.amazonaws.com.cn",
        "iam.amazonaws.com",
        "ec2.us-east-1.amazonaws.com",
        "vault.example.com",
        "127.0.0.1.example.com",
        "vpce-0a1b.example.com",
    ],
)
def test_a_host_that_is_not_sts_is_refused(emulator: Emulator, host: str) -> None:
    status, body = send(emulator, signed(emulator, f"https://{host}/"))
    assert (status, "SignatureDoesNotMatch" in body) == (403, True)


def test_the_endpoint_of_another_region_takes_that_one(in_europe: Emulator) -> None:
    """`vault login` signs for the global host in its region's scope; Vault asks the regional endpoint."""
    for host in ("sts.eu-west-1.amazonaws.com", "sts.amazonaws.com", "127.0.0.1"):
        assert send(in_europe, signed(in_europe, f"https://{host}/", "eu-west-1"))[0] == 200
        assert send(in_europe, signed(in_europe, f"https://{host}/", "us-east-1"))[0] == 403


@pytest.mark.parametrize(
    ("host", "region", "here", "taken"),
    [
        ("iam.amazonaws.com", "us-east-1", "eu-west-1", True),
        ("iam.amazonaws.com", "eu-west-1", "eu-west-1", False),
        ("iam.cn-north-1.amazonaws.com.cn", "cn-north-1", "cn-northwest-1", True),
        ("iam.cn-north-1.amazonaws.com.cn", "cn-northwest-1", "cn-northwest-1", False),
        ("iam.us-gov.amazonaws.com", "us-gov-west-1", "us-gov-east-1", True),
        ("iam.us-gov.amazonaws.com", "us-gov-east-1", "us-gov-east-1", False),
        # With an endpoint of its own, an SDK signs for the region that it has.
        ("127.0.0.1:4566", "us-east-1", "eu-west-1", True),
        ("127.0.0.1:4566", "cn-north-1", "eu-west-1", False),
        ("iam.example.com", "us-east-1", "us-east-1", False),
    ],
)
def test_iam_has_one_region_in_a_partition(host: str, region: str, here: str, taken: bool) -> None:
    if taken:
        endpoints.check("iam", host, region, here)
        return
    with pytest.raises(AwsError) as refused:
        endpoints.check("iam", host, region, here)
    assert refused.value.code == "SignatureDoesNotMatch"
