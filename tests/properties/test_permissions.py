"""Properties of permission documents: what is needed, and nothing else."""

import fnmatch
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import arns, iam
from components.secrets_engine.permissions import USER_LENGTH, EngineRole, engine_permissions
from components.secrets_engine.roles import USERNAME_TEMPLATE, AwsCredentialType, shared_prefixes

ACCOUNT = "111111111111"
LOOKUPS = {"iam:GetRole", "iam:GetUser", "iam:GetInstanceProfile", "ec2:DescribeInstances"}
names = st.from_regex(r"\A[a-z][a-z0-9-]{0,60}\Z")
partitions = st.sampled_from(sorted(arns.DNS_SUFFIXES))
policies = st.builds("arn:aws:iam::111111111111:policy/{}".format, names)
assumable = st.builds("arn:aws:iam::111111111111:role/{}".format, names)
needs = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(
            ("resolve_roles", "resolve_users", "infer_ec2_instances", "manage_own_key", "all_lookups"),
            st.booleans(),
        ),
        "assume_role_arns": st.lists(assumable, max_size=2, unique=True),
    },
)


def actions(document: iam.Document) -> set[str]:
    return {
        action
        for statement in document["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }


def may(document: iam.Document, action: str, resource: str, **context: str) -> bool:
    """What AWS decides, for the conditions that these documents use."""
    return any(
        action in statement["Action"]
        and any(fnmatch.fnmatchcase(resource, pattern) for pattern in statement["Resource"])
        and all(
            context.get(key.partition(":")[2]) in ([wanted] if isinstance(wanted, str) else wanted)
            for test in statement.get("Condition", {}).values()
            for key, wanted in test.items()
        )
        for statement in document["Statement"]
    )


@given(st.lists(needs, min_size=1, max_size=3))
def test_merged_logins_ask_for_what_one_of_them_needs(declared: list[Any]) -> None:
    merged = iam.merge_permissions(declared)
    own = f"arn:aws:iam::{ACCOUNT}:user/vault-auth"
    looks = any(value for need in declared for key, value in need.items() if key != "manage_own_key")
    if not looks:
        with pytest.raises(ValueError, match="no login needs anything"):
            iam.vault_permissions(merged, own_arn=own)
        return
    document = iam.vault_permissions(merged, own_arn=own)
    granted = actions(document)
    assert "*" not in "".join(granted)
    if any(need.get("all_lookups") for need in declared):
        assert granted >= LOOKUPS
    keys = [s for s in document["Statement"] if "iam:CreateAccessKey" in s["Action"]]
    assert bool(keys) == any(need.get("manage_own_key") for need in declared)
    assert all(statement["Resource"] == own for statement in keys)


@given(needs)
def test_lookups_alone_make_nobody_into_vault(declared: Any) -> None:
    looks = any(declared.get(key) for key in declared if key not in ("manage_own_key", "assume_role_arns"))
    if not looks:
        with pytest.raises(ValueError, match="no login needs anything"):
            iam.vault_lookups(declared)
        return
    whole = iam.vault_permissions(declared, own_arn=f"arn:aws:iam::{ACCOUNT}:user/vault-auth")
    assert actions(iam.vault_lookups(declared)) == actions(iam.document(whole["Statement"][:1]))
    assert actions(iam.vault_lookups(declared)) <= LOOKUPS


def test_a_role_cannot_manage_a_key() -> None:
    with pytest.raises(ValueError, match="manage_own_key: only an IAM user"):
        iam.vault_permissions({"resolve_roles": True, "manage_own_key": True})


@given(st.lists(st.sampled_from(["role", "user"]), min_size=1, max_size=4), names, st.booleans(), partitions)
def test_principals_ask_for_the_lookup_of_their_kind(
    kinds: list[str], name: str, wild: bool, partition: str
) -> None:
    bound = [f"arn:{partition}:iam::{ACCOUNT}:{kind}/{name}{'*' if wild else ''}" for kind in kinds]
    needed = iam.permissions_of_principals(bound)
    assert needed == {"resolve_roles": "role" in kinds, "resolve_users": "user" in kinds}


def test_every_user_of_an_account_asks_for_the_lookup_of_users() -> None:
    needed = iam.permissions_of_principals([f"arn:aws:iam::{ACCOUNT}:user/*"])
    assert actions(iam.vault_permissions(needed)) == {"iam:GetUser"}


@pytest.mark.parametrize("arn", ["*", f"arn:aws:iam::{ACCOUNT}:*", f"arn:aws:iam::{ACCOUNT}:group/g"])
def test_what_is_no_principal_is_refused_by_name(arn: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"principals: {arn!r}")):
        iam.permissions_of_principals([arn])


makers = st.builds(
    EngineRole,
    credential_type=st.just("iam_user"),
    policy_arns=st.lists(policies, max_size=2, unique=True),
    inline_policy=st.booleans(),
    permissions_boundary=st.none() | policies,
    tagged=st.booleans(),
)
assumers = st.builds(
    EngineRole,
    credential_type=st.just("assumed_role"),
    role_arns=st.lists(assumable, min_size=1, max_size=2, unique=True),
)
federators = st.builds(EngineRole, credential_type=st.just("federation_token"))
engines = st.dictionaries(names, makers | assumers | federators, min_size=1, max_size=4)


def told_apart(roles: dict[str, EngineRole], partition: str = "aws") -> iam.Document | None:
    """The engine's policy; None where one role's users could escape another's boundary, which is refused."""
    declared: Any = {
        name: {
            "credential_type": AwsCredentialType(role.credential_type),
            **({"permissions_boundary": role.permissions_boundary} if role.permissions_boundary else {}),
        }
        for name, role in roles.items()
    }
    if any("escape" in refusal.text for refusal in shared_prefixes(declared)):
        return None
    return engine_permissions(roles, partition=partition, account=ACCOUNT)


@given(engines, partitions)
def test_an_engine_touches_nothing_but_its_own(roles: dict[str, EngineRole], partition: str) -> None:
    document = told_apart(roles, partition)
    if document is None:
        return
    allowed = {arn for role in roles.values() for arn in role.role_arns}
    prefix = f"arn:{partition}:iam::{ACCOUNT}:user/vault-token-"
    sessions = f"arn:{partition}:sts::{ACCOUNT}:federated-user/vault-*"
    for statement in document["Statement"]:
        assert "*" not in "".join(statement["Action"])
        for resource in statement["Resource"]:
            assert resource.startswith(prefix) or resource in allowed | {sessions}
    sids = [statement["Sid"] for statement in document["Statement"]]
    assert len(sids) == len(set(sids))
    kinds = {role.credential_type for role in roles.values()}
    granted = actions(document)
    assert any(action.startswith("iam:") for action in granted) == ("iam_user" in kinds)
    assert ("sts:AssumeRole" in granted) == ("assumed_role" in kinds)
    assert ("sts:GetFederationToken" in granted) == ("federation_token" in kinds)


@given(names, makers, policies, partitions)
def test_users_of_a_role_get_what_it_declares(
    name: str, role: EngineRole, other: str, partition: str
) -> None:
    document = engine_permissions({name: role}, partition=partition, account=ACCOUNT)
    user = f"arn:{partition}:iam::{ACCOUNT}:user/{generated(name)}"
    assert len(user.rpartition("/")[2]) <= 64
    for action in ("iam:CreateAccessKey", "iam:DeleteUser", "iam:DeleteAccessKey", "iam:DetachUserPolicy"):
        assert may(document, action, user)
        assert not may(document, action, f"arn:{partition}:iam::{ACCOUNT}:user/vault-auth")
    bound = {"PermissionsBoundary": role.permissions_boundary} if role.permissions_boundary else {}
    free = role.permissions_boundary is None
    assert may(document, "iam:CreateUser", user, **bound)
    assert may(document, "iam:CreateUser", user) == free
    assert may(document, "iam:PutUserPolicy", user, **bound) == role.inline_policy
    assert may(document, "iam:PutUserPolicy", user) == (role.inline_policy and free)
    assert may(document, "iam:TagUser", user) == role.tagged
    for policy in [*role.policy_arns, other]:
        declared = policy in role.policy_arns
        assert may(document, "iam:AttachUserPolicy", user, PolicyARN=policy, **bound) == declared
        assert may(document, "iam:AttachUserPolicy", user, PolicyARN=policy) == (declared and free)


def alike(name: str) -> st.SearchStrategy[str]:
    """Names that begin alike, some of them longer than what IAM is shown of a name."""
    return st.sampled_from(["", "-", "-1700000000", "-role", "x", "-" + "y" * 40, "y" * 40]).map(
        lambda more: f"{name}{more}"
    )


@given(names.flatmap(alike), names.flatmap(alike), names.flatmap(alike), makers, makers)
def test_no_role_is_a_way_around_the_boundary_of_another(
    one: str, more: str, other: str, bounded: EngineRole, free: EngineRole
) -> None:
    bounded = bounded._replace(permissions_boundary=f"arn:aws:iam::{ACCOUNT}:policy/boundary")
    free = free._replace(permissions_boundary=None, inline_policy=True)
    for first, second in ((one, f"{one}{more}"), (f"{one}{more}", one), (one, f"{one}-{more}"), (one, other)):
        if first == second:
            continue
        document = told_apart({first: bounded, second: free})
        if document is None:
            continue
        user = f"arn:aws:iam::{ACCOUNT}:user/{generated(first)}"
        for action in ("iam:CreateUser", "iam:PutUserPolicy", "iam:AttachUserPolicy"):
            for policy in (*free.policy_arns, *bounded.policy_arns):
                assert not may(document, action, user, PolicyARN=policy)
            assert not may(document, action, user)


def generated(role: str) -> str:
    """A name as Vault makes it of the template."""
    assert f"truncate {USER_LENGTH} }}}}-{{{{ unix_time }}}}-{{{{ random 8 }}}}" in USERNAME_TEMPLATE
    return f"{f'vault-token-{role}'[:USER_LENGTH]}-1700000000-AbCdEf12"
