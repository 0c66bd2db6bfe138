"""Properties of IAM documents: nobody but the named caller, and nothing but the needed actions."""

import fnmatch
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import arns, iam, trust

labels = st.from_regex(r"\A[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?\Z")
subjects = st.builds(trust.service_account_subject, labels, labels)
hosts = st.from_regex(r"\Aoidc\.eks\.[a-z]{2}-[a-z]{4}-[1-9]\.amazonaws\.com/id/[0-9A-F]{32}\Z")
partitions = st.sampled_from(sorted(arns.DNS_SUFFIXES))


def admits(document: dict[str, Any], provider: str, claims: dict[str, str]) -> bool:
    """What AWS decides about a token of `provider`, for the conditions that these policies use."""
    (statement,) = document["Statement"]
    if statement["Principal"] != {"Federated": provider}:
        return False
    for operator, wanted in statement["Condition"].items():
        for key, values in wanted.items():
            claim = claims.get(key)
            allowed = [values] if isinstance(values, str) else values
            equal = fnmatch.fnmatchcase if operator == "StringLike" else str.__eq__
            if claim is None or not any(equal(claim, value) for value in allowed):
                return False
    return True


@given(hosts, partitions, st.lists(subjects, min_size=1, max_size=3, unique=True), subjects)
def test_exactly_the_named_service_accounts_are_admitted(
    host: str, partition: str, named: list[str], other: str
) -> None:
    provider = arns.oidc_provider_arn(partition, "111111111111", host)
    document = json.loads(iam.to_json(trust.web_identity_trust(provider, f"https://{host}", named)))

    def token(sub: str, aud: str = trust.AUDIENCE) -> dict[str, str]:
        return {f"{host}:sub": sub, f"{host}:aud": aud}

    assert all(admits(document, provider, token(subject)) for subject in named)
    assert admits(document, provider, token(other)) == (other in named)
    # Longer names, other audiences, missing claims, other issuers.
    assert not admits(document, provider, token(f"{named[0]}x"))
    assert not admits(document, provider, token(named[0], "vault"))
    assert not admits(document, provider, {f"{host}:aud": trust.AUDIENCE})
    assert not admits(document, provider, {f"{host}:sub": named[0]})
    assert not admits(document, f"{provider}0", token(named[0]))


@given(hosts, st.lists(subjects, min_size=1, max_size=3))
def test_conditions_are_exact_and_pin_subject_and_audience(host: str, named: list[str]) -> None:
    provider = arns.oidc_provider_arn("aws", "111111111111", host)
    (statement,) = trust.web_identity_trust(provider, host, named)["Statement"]
    assert set(statement["Condition"]) == {"StringEquals"}
    assert set(statement["Condition"]["StringEquals"]) == {f"{host}:sub", f"{host}:aud"}


@given(hosts, subjects, st.sampled_from("*?"), st.data())
def test_wildcards_must_be_allowed_and_then_stay_out_of_the_audience(
    host: str, subject: str, wild: str, data: st.DataObject
) -> None:
    position = data.draw(st.integers(len("system:serviceaccount:"), len(subject)))
    pattern = subject[:position] + wild + subject[position:]
    provider = arns.oidc_provider_arn("aws", "111111111111", host)
    with pytest.raises(ValueError, match="wildcard"):
        trust.web_identity_trust(provider, host, [pattern])
    (statement,) = trust.web_identity_trust(provider, host, [pattern], allow_wildcards=True)["Statement"]
    assert statement["Condition"] == {
        "StringEquals": {f"{host}:aud": trust.AUDIENCE},
        "StringLike": {f"{host}:sub": pattern},
    }


@given(hosts, hosts, subjects)
def test_the_provider_must_be_the_issuers(host: str, other: str, subject: str) -> None:
    provider = arns.oidc_provider_arn("aws", "111111111111", other)
    if host != other:
        with pytest.raises(ValueError, match="is not the OIDC provider"):
            trust.web_identity_trust(provider, host, [subject])


@pytest.mark.parametrize("named", [[], [""]])
def test_a_role_that_nobody_is_named_for_is_refused(named: list[str]) -> None:
    with pytest.raises(ValueError, match="name at least one"):
        trust.web_identity_trust("arn:aws:iam::111111111111:oidc-provider/host", "host", named)


needs = st.fixed_dictionaries(
    {},
    optional={
        "resolve_roles": st.booleans(),
        "resolve_users": st.booleans(),
        "infer_ec2_instances": st.booleans(),
        "assume_role_arns": st.lists(
            st.from_regex(r"\Aarn:aws:iam::[0-9]{12}:role/[a-z]{1,9}\Z"), max_size=3, unique=True
        ),
    },
)
ACTIONS = {
    "resolve_roles": {"iam:GetRole"},
    "resolve_users": {"iam:GetUser"},
    "infer_ec2_instances": {"ec2:DescribeInstances", "iam:GetInstanceProfile"},
    "assume_role_arns": {"sts:AssumeRole"},
}


@given(st.lists(needs, min_size=1, max_size=4))
def test_vault_is_granted_what_is_needed_and_nothing_else(declared: list[Any]) -> None:
    merged = iam.merge_permissions(declared)
    expected = {
        action for need in declared for key, value in need.items() if value for action in ACTIONS[key]
    }
    if not expected:
        with pytest.raises(ValueError, match="no login needs anything"):
            iam.vault_permissions(merged)
        return
    granted: set[str] = set()
    for statement in iam.vault_permissions(merged)["Statement"]:
        actions = statement["Action"]
        granted |= {actions} if isinstance(actions, str) else set(actions)
        if actions == "sts:AssumeRole":
            assert set(statement["Resource"]) == {a for n in declared for a in n.get("assume_role_arns", [])}
    assert granted == expected


def test_the_order_of_logins_does_not_change_the_policy() -> None:
    one, two = {"assume_role_arns": ["b"]}, {"assume_role_arns": ["a"], "resolve_roles": True}
    assert iam.merge_permissions([one, two]) == iam.merge_permissions([two, one])  # type: ignore[list-item]
