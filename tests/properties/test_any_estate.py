"""Of any estate, everything is declared or told, and what is declared is right."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from cli.adopt import stack_file
from cli.adopt.estate import Estate
from cli.adopt.plan import Kind
from tests.unit.test_adopt import (
    ACCOUNT,
    GREEN,
    OTHER,
    POD_IDENTITY,
    adopted,
    arn,
    estate,
    iam_role,
    irsa,
    logins,
    of_green,
    vault_role,
)

NO_ONE: dict[str, Any] = {"Version": "2012-10-17", "Statement": []}
TRUSTS = [irsa("a/a"), irsa("a/a", "a/b"), of_green(irsa("a/a")), POD_IDENTITY, NO_ONE]
NAMES = ["r0", "team/r1", "r2"]
PRINCIPALS = [
    *map(arn, [*NAMES, "gone", "x*", "*"]),
    arn("x*", OTHER),
    arn("z", "444444444444"),
    "AROA1",
    "*",
]
CLIENTS: list[dict[str, Any]] = [{}, {"max_retries": 2}, {"iam_server_id_header_value": ""}]
PROFILE = f"arn:aws:iam::{ACCOUNT}:instance-profile/p"

iam_roles = st.tuples(
    *(
        st.builds(
            iam_role,
            st.just(name),
            st.sampled_from(TRUSTS),
            inline=st.sampled_from([[], ["p"]]),
            tags=st.sampled_from([{}, {"ManagedBy": "Terraform"}]),
        )
        for name in NAMES
    )
)
tokens = st.fixed_dictionaries(
    {
        "token_ttl": st.sampled_from([0, 60, 900]),
        "token_max_ttl": st.sampled_from([0, 900, 10**8]),
        "token_period": st.sampled_from([0, 1800]),
        "token_explicit_max_ttl": st.sampled_from([0, 600]),
        "token_num_uses": st.sampled_from([0, 3]),
        "token_type": st.sampled_from(["default", "batch"]),
        "token_bound_cidrs": st.sampled_from([[], ["10.0.0.0/8"], ["10.0.0.1"]]),
        "token_policies": st.sampled_from([["dev"], ["a/b", "default"], ["root"], []]),
        "resolve_aws_unique_ids": st.booleans(),
    }
)
instances = st.fixed_dictionaries(
    {
        "inferred_entity_type": st.just("ec2_instance"),
        "inferred_aws_region": st.sampled_from(["us-east-1", "eu-west-1"]),
        "bound_account_id": st.sampled_from([[], [ACCOUNT]]),
        "bound_iam_instance_profile_arn": st.sampled_from([[], [f"{PROFILE}*"]]),
        "bound_iam_role_arn": st.sampled_from([[], [arn("r*")], [arn("gone")]]),
    }
)
# Mostly what a login can be: then it is the others that it may clash with.
bound = st.sampled_from([[arn(name)] for name in NAMES]) | st.lists(
    st.sampled_from(PRINCIPALS), max_size=2, unique=True
)
vault_roles = st.builds(
    lambda principals, token, inferred, kind: vault_role(*principals, **token, **inferred, auth_type=kind),
    bound,
    st.just({}) | tokens,
    st.just({}) | st.just({}) | instances,
    st.sampled_from(["iam", "iam", "iam", "ec2"]),
)


@st.composite
def estates(draw: st.DrawFn) -> Estate:
    found = estate(
        draw(st.dictionaries(st.sampled_from("abcdef"), vault_roles, min_size=1)),
        *draw(iam_roles),
        client=draw(st.sampled_from(CLIENTS)),
        profiles={PROFILE: arn("r0")},
        sts=draw(st.sampled_from([{}, {OTHER: {"sts_role": arn("lookup", OTHER)}}])),
    )
    associated = draw(st.dictionaries(st.sampled_from(["a/a", "c/c"]), st.sampled_from([*map(arn, NAMES)])))
    (own,) = found.clusters
    clusters = [replace(own, associations=associated), *draw(st.sampled_from([[], [GREEN]]))]
    return replace(
        found, clusters=clusters, annotated={own.name: draw(st.just({}) | st.just({"a/a": arn("x")}))}
    )


@given(estates())
def test_every_vault_role_is_a_login_or_told_and_the_file_has_no_problem(found: Estate) -> None:
    plan = adopted(found)
    told = {it.about for it in plan.of(Kind.LEFT)}
    for name in found.vault.mount.roles:
        assert (name in logins(plan)) is not (f"auth/aws/role/{name}" in told)
    assert [it.text for it in plan.of(Kind.UNREAD) if logins(plan)] == []
    assert yaml.safe_load(stack_file(plan)) == {"config": plan.config}
