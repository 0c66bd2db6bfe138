"""Properties of ARNs and durations."""

import contextlib

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from components import arns, durations

partitions = st.sampled_from(sorted(arns.DNS_SUFFIXES))
accounts = st.from_regex(r"\A[0-9]{12}\Z")
iam_names = st.from_regex(r"\A[A-Za-z0-9_+=,.@-]{1,64}\Z")
paths = st.lists(st.from_regex(r"\A[A-Za-z0-9_-]{1,20}\Z"), max_size=3).map(
    lambda parts: "/" + "".join(f"{part}/" for part in parts)
)


@given(partitions, accounts, st.sampled_from(["role", "user"]), paths, iam_names)
def test_iam_arns_are_parsed_into_what_they_were_built_from(
    partition: str, account: str, kind: str, path: str, name: str
) -> None:
    text = f"arn:{partition}:iam::{account}:{kind}{path}{name}"
    arn = arns.parse_iam(text, "role", "user")
    assert (arn.partition, arn.account, arn.kind, arn.path, arn.name) == (
        partition,
        account,
        kind,
        path,
        name,
    )
    assert str(arn) == text


@given(partitions, accounts, paths, iam_names)
def test_a_wildcard_is_taken_only_at_the_end_and_only_when_allowed(
    partition: str, account: str, path: str, name: str
) -> None:
    text = f"arn:{partition}:iam::{account}:role{path}{name}"
    assert arns.parse_iam(f"{text}*", "role", wildcard=True).name == f"{name}*"
    with pytest.raises(ValueError, match="wildcard"):
        arns.parse_iam(f"{text}*", "role")
    with pytest.raises(ValueError, match="last character"):
        arns.parse_iam(f"{text[:-1]}*{text[-1]}", "role", wildcard=True)


@given(st.text())
def test_whatever_is_no_arn_is_refused_and_never_crashes(text: str) -> None:
    assume(not text.startswith("arn:"))
    with pytest.raises(ValueError, match="is not an ARN"):
        arns.parse_iam(text, "role")


@given(st.lists(st.text(max_size=20), max_size=7).map(lambda parts: ":".join(["arn", *parts])))
def test_half_an_arn_is_parsed_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert str(arns.parse(text)) == text


@given(st.from_regex(r"\A(us|eu|ap|cn|us-gov|us-iso|us-isob|eusc)-(north|south|east|west)-[1-9]\Z"))
def test_hosts_and_partitions_of_a_region_belong_together(region: str) -> None:
    partition = arns.partition_of(region)
    assert arns.sts_endpoint(region) == f"https://sts.{region}.{arns.DNS_SUFFIXES[partition]}"
    assert (partition == "aws-cn") == region.startswith("cn-")
    assert (partition == "aws-us-gov") == region.startswith("us-gov-")
    host = arns.sts_endpoint(region).removeprefix("https://")
    private = f"vpce-1-x.sts.{region}.vpce.{arns.DNS_SUFFIXES[partition]}"
    for known in (host, host.replace("sts.", "sts-fips.", 1), private, host.upper(), f"{host}."):
        assert arns.sts_region(known) == region
    for other in (f"vpce-1.{host}", f"{host}.example.com", host.replace("sts.", "iam.", 1), "sts.internal"):
        assert arns.sts_region(other) is None
    assert arns.sts_region("sts.amazonaws.com") == "us-east-1"


@given(st.from_regex(r"\A[a-z0-9.-]{1,40}(/id/[0-9A-F]{32})?\Z"))
def test_an_issuer_is_the_same_with_and_without_its_scheme(host: str) -> None:
    for issuer in (host, f"https://{host}", f"https://{host}/"):
        assert arns.issuer_url(issuer) == f"https://{host}"
        assert arns.issuer_host(issuer) == host


parts = st.tuples(st.integers(0, 400), st.integers(0, 99), st.integers(0, 99), st.integers(0, 99))


@given(parts)
def test_the_parts_of_a_duration_add_up(numbers: tuple[int, int, int, int]) -> None:
    assume(any(numbers))
    text = "".join(f"{number}{unit}" for number, unit in zip(numbers, "dhms", strict=True) if number)
    days, hours, minutes, seconds = numbers
    assert durations.to_seconds(text) == ((days * 24 + hours) * 60 + minutes) * 60 + seconds


@given(st.integers(1, 2**31 - 1))
def test_plain_numbers_are_seconds(number: int) -> None:
    assert durations.to_seconds(str(number)) == durations.to_seconds(f"{number}s") == number


@given(st.text())
def test_a_text_is_a_positive_duration_or_refused(text: str) -> None:
    try:
        seconds = durations.to_seconds(text)
    except ValueError as error:
        message = str(error)
    else:
        assert seconds > 0
        assert text.isascii()
        return
    assert "is not a duration; write e.g." in message


@pytest.mark.parametrize(
    "text", ["", "0", "0s", "h", "1.5h", "-1h", "1h 30m", "1m1h", "1ms", "768x", "١h", "9" * 11]
)
def test_what_is_not_a_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        durations.to_seconds(text)
