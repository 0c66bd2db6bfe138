"""Which rule Vault applies to a path, and what is as good as root."""

import pytest

from cli import acl


def token(*policies: str) -> acl.Acl:
    return acl.Acl(acl.combined(map(acl.parse, policies)))


def rule(path: str, *capabilities: str, more: str = "") -> str:
    listed = ", ".join(f'"{each}"' for each in capabilities)
    return f'path "{path}" {{\n  capabilities = [{listed}]\n{more}\n}}\n'


@pytest.mark.parametrize(
    ("rules", "path", "applied"),
    [
        # Vault's documentation, "Priority matching", and its acl.go.
        (("a/*", "a/b"), "a/b", "a/b"),
        (("a/*", "a/b*"), "a/bc/d", "a/b*"),
        (("a/+/c", "a/b/*"), "a/b/c", "a/b/*"),
        (("a/+", "a/*"), "a/b", "a/+"),
        (("a/+/c/*", "a/+/c/d"), "a/b/c/d", "a/+/c/d"),
        (("a/+/+", "a/+/c"), "a/b/c", "a/+/c"),
        (("a/+/+/d", "a/+/c/+"), "a/b/c/d", "a/+/c/+"),
        (("a/+/c*", "a/+/cd*"), "a/b/cde", "a/+/cd*"),
        (("a/+",), "a/b/c", None),
        (("+/b",), "a/b", "+/b"),
        (("a+b",), "axb", None),
        (("/a/b",), "a/b", "/a/b"),
        (("*",), "a/b", "*"),
    ],
)
def test_vault_applies_the_most_specific_rule(rules: tuple[str, ...], path: str, applied: str | None) -> None:
    for order in (rules, rules[::-1]):
        found = token(*(rule(each, "read") for each in order)).at(path)
        assert (found["read"].path if found else None) == applied


def test_a_narrower_rule_takes_away_what_a_wider_one_gives() -> None:
    found = token(rule("dev/*", "read", "update"), rule("dev/app", "list"))
    assert set(found.at("dev/other")) == {"read", "update"}
    assert set(found.at("dev/app")) == {"list"}


def test_policies_add_up_for_the_same_path_and_deny_wins() -> None:
    assert set(token(rule("a", "read"), rule("a", "update")).at("a")) == {"read", "update"}
    assert not token(rule("a", "read"), rule("a", "deny"), rule("a", "update")).at("a")


def test_a_folder_is_listed_by_the_rule_without_its_slash() -> None:
    found = token(rule("dev/app", "read", "list"), rule("dev/*", "update", "list"))
    assert {each: of.path for each, of in found.at("dev/app/").items()} == {
        "update": "dev/*",
        "list": "dev/app",
    }


def test_former_words_of_policies_are_what_vault_takes_them_for() -> None:
    assert set(token('path "a" { policy = "write" }').at("a")) == {
        *("create", "read", "update", "delete", "list")
    }
    assert set(token('path "a" { policy = "read" }').at("a")) == {"read", "list"}


def test_what_vault_refuses_to_read_is_not_read() -> None:
    for text in (rule("a/+*", "read"), rule("a", "reed"), 'path "a" { capabilites = [] }', 'path "a" {'):
        with pytest.raises(acl.Unreadable):
            acl.parse(text)


def test_conditions_are_told_with_their_values() -> None:
    (found,) = acl.parse(
        rule(
            "a",
            "update",
            more='allowed_parameters = { "token_policies" = ["dev"] }\nmin_wrapping_ttl = "1s"\n'
            'required_parameters = ["b"]',
        )
    )
    assert acl.conditions(found) == (
        'allowed_parameters {"token_policies": ["dev"]}',
        'required_parameters ["b"]',
        'min_wrapping_ttl "1s"',
    )


@pytest.mark.parametrize(
    ("path", "capability", "why"),
    [
        ("sys/policies/acl/*", "update", "can write policies, which is root in two steps"),
        ("sys/policies/acl/team-a", "create", "can write policies, which is root in two steps"),
        ("auth/aws/role/*", "update", "can write the policies of logins, which is root in two steps"),
        ("secret/x", "sudo", "has the capability sudo"),
        ("*", "read", "matches every path"),
        ("sys/policies/acl/*", "read", ""),
        ("auth/token/create-orphan", "update", ""),  # refused, and not root
        ("*", "deny", ""),
    ],
)
def test_what_is_as_good_as_root_is_what_the_guardrails_refuse_for_that(
    path: str, capability: str, why: str
) -> None:
    (found,) = acl.parse(rule(path, capability))
    assert acl.as_root(found) == ([why] if why else [])


def test_who_may_give_a_login_a_policy_that_is_root_is_root() -> None:
    pins = 'allowed_parameters = { "token_policies" = ["%s"], "bound_iam_principal_arn" = [] }'
    writes = {
        name: acl.parse(rule("auth/aws/role/x", "create", "update", more=pins % given))
        for name, given in (("one", "admin"), ("two", "dev"), ("three", "one"))
    }
    known = {**writes, "admin": acl.parse(rule("sys/policies/acl/*", "update")), "dev": []}
    assert acl.root_policies(known) == {"root", "admin", "one", "three"}


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("a/*", "a/b", "a/b"),
        ("a/*", "a/+/c", "a/+/c"),
        ("a/b*", "a/+/c", "a/b*/c"),
        ("a/b*", "a/+", "a/b* (one segment)"),
        ("a/b*", "a/bc*", "a/bc*"),
        ("a/+/c", "a/b/*", "a/b/c"),
        ("+/b", "a/+", "a/b"),
        ("a", "b", None),
        ("a/b", "a", None),
        ("a/*", "b/*", None),
        ("a/+", "a/b/c", None),
    ],
)
def test_where_two_patterns_meet(one: str, other: str, both: str | None) -> None:
    patterns = acl.Region.of(one), acl.Region.of(other)
    for first, second in (patterns, patterns[::-1]):
        found = first.meet(second)
        assert (str(found) if found else None) == both
