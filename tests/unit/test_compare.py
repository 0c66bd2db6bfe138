"""What changes between two stack files: who can log in, what they reach, what becomes as good as root."""

import copy
import json
from typing import Any

import pytest

from cli.compare.changes import Comparison, Group, compare
from cli.compare.declared import Tree, table
from cli.compare.show import field_words, path_words, who_words
from cli.compare.table import Source, Table
from cli.errors import Refused

P = "vault-aws-auth"
ARN = "arn:aws:iam::222222222222:role"
CONFIG: dict[str, Any] = {
    "aws:region": "us-east-1",
    f"{P}:accountId": "111111111111",
    f"{P}:cluster": {"name": "eks1", "nodeGroups": {"default": {}}},
    f"{P}:vault": {"externalPolicies": ["theirs"]},
    f"{P}:logins": {
        "pod": {"kind": "service-account", "serviceAccounts": ["default/app"], "policies": ["dev"]},
    },
}
POLICIES = {
    "dev": 'path "dev/*" { capabilities = ["read", "list"] }',
    "admin": 'path "sys/policies/acl/*" { capabilities = ["update"] }',
    "other": 'path "other" { capabilities = ["read"] }',
}


def side(
    policies: dict[str, str] | None = None, config: dict[str, Any] | None = None, **logins: Any
) -> Table:
    """A side whose logins, policies and other keys are replaced; a login that is None is taken out. The other
    account is there if a login has principals of it."""
    made = copy.deepcopy(CONFIG) | {f"{P}:{key}": value for key, value in (config or {}).items()}
    if any("222222222222" in str(login) for login in logins.values()):
        made.setdefault(f"{P}:accounts", {"222222222222": {"trustedServices": ["ec2.amazonaws.com"]}})
    given = {**made[f"{P}:logins"], **logins}
    made[f"{P}:logins"] = {name: login for name, login in given.items() if login is not None}
    return table(Tree(Source("side", "file"), made, POLICIES | (policies or {})))


def pod(*policies: str, **others: Any) -> dict[str, Any]:
    return {**CONFIG[f"{P}:logins"]["pod"], **({"policies": list(policies)} if policies else {}), **others}


def principal(*principals: str, policies: tuple[str, ...] = ("dev",), **others: Any) -> dict[str, Any]:
    named = [f"{ARN}/{each}" for each in principals]
    return {"kind": "principal", "principals": named, "policies": list(policies), **others}


def who(groups: tuple[Group, ...]) -> list[str]:
    return sorted(str(each.caller) for group in groups for each in group.who)


def of_callers(found: Comparison) -> tuple[Group, ...]:
    """All that is said of callers."""
    return (*found.can, *found.cannot, *found.differ)


def paths(found: Comparison) -> list[str]:
    """What is said of paths, of the only group of callers."""
    (group,) = of_callers(found)
    return [line for each in group.reach.paths for line in path_words(each)]


def fields(found: Comparison) -> dict[str, list[str]]:
    return {each.after or each.before: [field_words(field) for field in each.fields] for each in found.logins}


def test_a_new_login_is_who_can_newly_log_in_and_what_it_reaches() -> None:
    found = compare(side(), side(ci=principal("ci")))
    assert who(found.can) == ["role ci of 222222222222"]
    assert paths(found) == ["+ dev/*  read, list"]
    assert [(each.before, each.after) for each in found.logins] == [("", "ci")]
    assert not found.cannot
    assert not found.differ
    back = compare(side(ci=principal("ci")), side())
    assert who(back.cannot) == ["role ci of 222222222222"]
    assert paths(back) == ["- dev/*  read, list"]


def test_a_renamed_login_is_a_rename_and_neither_gain_nor_loss() -> None:
    found = compare(side(), side(pod=None, pods=pod()))
    assert not of_callers(found)
    assert [(each.before, each.after) for each in found.logins] == [("pod", "pods")]
    assert fields(found)["pods"][0] == "vaultRole: pod → pods"
    assert not found.gains_or_losses
    assert not found.is_empty


def test_two_logins_that_swap_names_are_two_renames() -> None:
    found = compare(
        side(a=principal("a"), b=principal("b", policies=("admin",))),
        side(b=principal("a"), a=principal("b", policies=("admin",))),
    )
    assert not of_callers(found)
    assert [(each.before, each.after) for each in found.logins] == [("b", "a"), ("a", "b")]


def test_a_caller_that_moves_to_another_login_with_the_same_policies_gains_nothing() -> None:
    old = side(a=principal("x", "y"), b=principal("z"))
    new = side(a=principal("x"), b=principal("z", "y"))
    found = compare(old, new)
    assert not of_callers(found)


def test_a_policy_that_changes_is_told_once_for_all_that_have_it() -> None:
    more = {"dev": POLICIES["dev"] + '\npath "more" { capabilities = ["update"] }'}
    found = compare(side(ci=principal("ci")), side(more, ci=principal("ci")))
    (group,) = found.differ
    assert [str(each.caller) for each in group.who] == [
        "role ci of 222222222222",
        "service account default/app of cluster eks1",
    ]
    assert paths(found) == ["+ more  update"]


def test_a_narrower_rule_that_takes_something_away_is_a_loss() -> None:
    deny = {"dev": POLICIES["dev"] + '\npath "dev/secret/*" { capabilities = ["deny"] }'}
    assert paths(compare(side(), side(deny))) == ["- dev/secret/*  read, list"]
    less = {"dev": POLICIES["dev"] + '\npath "dev/app" { capabilities = ["list"] }'}
    assert paths(compare(side(), side(less))) == ["- dev/app  read"]


def test_a_rule_with_a_plus_that_wins_where_it_meets_another_is_told_there() -> None:
    plus = {"dev": 'path "dev/+/x" { capabilities = ["read"] }'}
    with_prefix = {"dev": plus["dev"] + '\npath "dev/a/*" { capabilities = ["deny"] }'}
    assert paths(compare(side(plus), side(with_prefix))) == ["- dev/a/x  read"]


def test_a_rule_that_is_in_a_wider_one_already_is_no_gain() -> None:
    more = {"dev": POLICIES["dev"] + '\npath "dev/app/*" { capabilities = ["read", "list"] }'}
    assert compare(side(), side(more)).is_empty
    narrower = {"dev": 'path "dev/app/*" { capabilities = ["read", "list"] }'}
    assert paths(compare(side(), side(narrower))) == ["- dev/*  read, list; unchanged at dev/app/*"]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("", 'required_parameters = ["a"]', '~ x  (always) → (if required_parameters ["a"])'),
        (
            'allowed_parameters = { "p" = ["dev"] }',
            'allowed_parameters = { "p" = ["admin"] }',
            '~ x  (if allowed_parameters {"p": ["dev"]}) → (if allowed_parameters {"p": ["admin"]})',
        ),
        ('denied_parameters = { "p" = [] }', "", '~ x  (if denied_parameters {"p": []}) → (always)'),
        ('min_wrapping_ttl = "1s"', 'min_wrapping_ttl = "2s"', None),
    ],
)
def test_conditions_of_a_path_that_change_are_told(old: str, new: str, line: str | None) -> None:
    texts = [{"dev": f'path "x" {{\n capabilities = ["update"]\n {each}\n}}'} for each in (old, new)]
    found = paths(compare(side(texts[0]), side(texts[1])))
    assert found == [line or '~ x  (if min_wrapping_ttl "1s") → (if min_wrapping_ttl "2s")']


def test_templated_paths_are_told_as_they_are_written() -> None:
    own = {"dev": 'path "kv/data/{{identity.entity.name}}/*" { capabilities = ["read"] }'}
    assert "+ kv/data/{{identity.entity.name}}/*  read" in paths(compare(side(), side(own)))


def test_what_becomes_as_good_as_root_is_told_with_the_reason() -> None:
    found = compare(side(), side(pod=pod("dev", "admin")))
    (group,) = found.differ
    assert [str(each.caller) for each in found.become_root] == ["service account default/app of cluster eks1"]
    assert group.reach.root_gained == ("sys/policies/acl/* can write policies, which is root in two steps",)
    back = compare(side(pod=pod("dev", "admin")), side())
    assert not back.become_root
    assert back.differ[0].reach.no_longer_root
    more = {"dev": 'path "x" { capabilities = ["sudo"] }'}
    again = compare(side(pod=pod("dev", "admin")), side(more, pod=pod("dev", "admin")))
    assert not again.become_root
    assert again.differ[0].reach.root_gained == ("x has the capability sudo",)


def test_a_policy_that_may_give_out_a_root_one_is_root_as_soon_as_that_is() -> None:
    writer = (
        'path "auth/aws/role/x" {\n capabilities = ["create", "update"]\n'
        ' allowed_parameters = { "token_policies" = ["other"], "bound_iam_principal_arn" = [] }\n}'
    )
    strong = {"dev": writer, "other": 'path "x" { capabilities = ["sudo"] }'}
    two = {"two": principal("two", policies=("other",))}
    found = compare(side({"dev": writer}, **two), side(strong, **two))
    assert "service account default/app of cluster eks1" in [str(each.caller) for each in found.become_root]


def test_a_wildcard_covers_what_it_matches() -> None:
    wide, narrow = side(ci=principal("ci*")), side(ci=principal("ci-main"))
    found = compare(wide, narrow)
    assert who(found.cannot) == ["role ci* of 222222222222"]
    assert found.cannot[0].who[0].others == ("role ci-main of 222222222222",)
    assert of_callers(found) == found.cannot
    back = compare(narrow, wide)
    assert who(back.can) == ["role ci* of 222222222222"]
    assert of_callers(back) == back.can


def test_wildcards_of_service_accounts_cover_as_the_trust_policy_does() -> None:
    some = {"allowWildcards": True, "serviceAccountMode": "none"}
    wide = side(pod=pod(**some, serviceAccounts=["default/*"]))
    one = side(pod=pod(**some, serviceAccounts=["default/a?p"]))
    assert who(compare(wide, one).cannot) == ["service account default/* of cluster eks1"]
    assert not compare(wide, one).can
    assert who(compare(one, side()).cannot) == ["service account default/a?p of cluster eks1"]


def test_policies_that_are_managed_elsewhere_are_said_to_be_unknown() -> None:
    found = compare(side(), side(pod=pod("dev", "theirs")))
    assert found.differ[0].reach.unknown_gained == ("theirs",)
    assert not found.differ[0].reach.paths
    assert any("theirs" in note for note in found.notes)
    assert not compare(side(pod=pod("dev", "theirs")), side(pod=pod("dev", "theirs"))).differ


def test_default_is_every_tokens_and_its_content_counts_where_the_stack_writes_it() -> None:
    assert not compare(side(), side(pod=pod("dev", "default"))).differ
    own = {"default": 'path "x" { capabilities = ["read"] }'}
    named = side(own, ops=principal("ops", policies=("default",)))
    found = compare(side(ops=principal("ops")), named)
    assert "service account default/app of cluster eks1" in who(found.differ)


def test_policies_for_the_logins_of_other_stacks_are_told() -> None:
    vault = {"vault": {"policies": ["other"]}}
    more = {"other": POLICIES["other"] + '\npath "y" { capabilities = ["read"] }'}
    found = compare(side(config=vault), side(more, config=vault))
    assert who(found.differ) == ["logins of other stacks with the policy other"]
    assert paths(found) == ["+ y  read"]
    assert who(compare(side(), side(config=vault)).can) == ["logins of other stacks with the policy other"]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"maxTtl": "2h"}, "maxTtl: 1h → 2h"),
        ({"ttl": "10m"}, "ttl: 1h → 10m"),
        ({"vaultRole": "x"}, "vaultRole: pod → x"),
        (
            {"iamRoleName": "x"},
            "iamRole: arn:aws:iam::111111111111:role/pod → arn:aws:iam::111111111111:role/x",
        ),
        ({"method": "pod-identity"}, "method: irsa → pod-identity"),
        ({"vaultLookups": True}, "vaultLookups: none → true"),
    ],
)
def test_settings_of_a_login_that_change_are_told(change: dict[str, Any], line: str) -> None:
    found = compare(side(), side(pod=pod(**change)))
    assert line in fields(found)["pod"]
    assert not of_callers(found)


def test_a_duration_that_is_written_otherwise_is_the_same() -> None:
    assert compare(side(), side(pod=pod(maxTtl="60m", ttl="3600s"))).is_empty


def test_bounds_of_instances_are_told() -> None:
    node = {"kind": "ec2-instance", "nodeGroups": ["default"], "policies": ["dev"]}
    assert who(compare(side(), side(node=node)).can) == [
        "EC2 instances of role eks1-default-node of 111111111111"
    ]
    found = compare(side(node=node), side(node={**node, "instanceProfileNames": ["x"]}))
    assert fields(found) == {"node": ["instanceProfileNames: eks-* → x"]}


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ({"vault": {"mountPath": "aws2"}}, "vault.mountPath: aws → aws2"),
        ({"vault": {"namespace": "team"}}, "vault.namespace: none → team"),
        (
            {"vault": {"serverIdHeader": "vault.example.com"}},
            "vault.serverIdHeader: none → vault.example.com",
        ),
        (
            {"accounts": {"222222222222": {"roleArn": f"{ARN}/other"}}},
            f"accounts.222222222222.role: {ARN}/trust-relationship-for-primary-aws-and-vault → {ARN}/other",
        ),
        (
            {"accounts": {"222222222222": {"trustVaultIdentity": True}}},
            "accounts.222222222222.trustedServices: ec2.amazonaws.com → none",
        ),
    ],
)
def test_what_all_logins_have_in_common_is_told(config: dict[str, Any], line: str) -> None:
    with_account = {"ci": principal("ci")}
    found = compare(side(**with_account), side(config=config, **with_account))
    assert line in [field_words(each) for each in found.settings]
    assert found.gains_or_losses


def test_a_role_that_the_callers_of_another_login_have_is_said_to_be_theirs() -> None:
    own = {"kind": "principal", "principals": ["arn:aws:iam::111111111111:role/po*"], "policies": ["admin"]}
    (who,) = compare(side(), side(own=own)).can[0].who
    assert who.roles_of == ("pod",)
    assert who_words(who, "+") == "role po* of 111111111111, by login own, with the role of login pod"


def test_more_pods_that_can_act_as_the_node_are_told() -> None:
    node = {"kind": "ec2-instance", "nodeGroups": ["default"], "policies": ["dev"]}
    hops = {"cluster": {"name": "eks1", "nodeGroups": {"default": {"metadataHopLimit": 2}}}}
    found = compare(side(node=node), side(config=hops, node=node))
    assert fields(found) == {"node": ["nodeGroups.default.metadataHopLimit: 1 → 2"]}
    assert found.gains_or_losses


def test_what_a_policy_names_cannot_move_the_cursor_or_turn_letters_round() -> None:
    text = json.dumps({"path": {"a\x1b[2J\u202eb": {"capabilities": ["sudo"]}}})
    found = compare(side(), side({"dev": text}))
    assert "\x1b" not in repr(found)
    assert "+ a\\u001b[2J\\u202eb  sudo" in paths(found)


def test_the_logins_of_a_team_are_compared_without_the_platforms_policies() -> None:
    config = {"aws:region": "us-east-1", f"{P}:logins": {"a": pod("theirs")}}
    changed = {**config, f"{P}:logins": {"a": pod("theirs", "more")}}
    found = compare(
        *(table(Tree(Source("side", "file"), each, {}, whole=False)) for each in (config, changed))
    )
    assert who(found.differ) == ["service account default/app"]
    assert found.differ[0].reach.unknown_gained == ("more",)


def test_an_external_id_is_not_shown() -> None:
    config = {"accounts": {"222222222222": {"externalId": "very-secret-id", "roleArn": f"{ARN}/x"}}}
    found = compare(side(), side(config=config, ci=principal("ci")))
    assert "very-secret-id" not in repr(found)
    assert "accounts.222222222222.externalId: none → set (not shown)" in [
        field_words(each) for each in found.settings
    ]


def test_another_cluster_has_other_service_accounts() -> None:
    found = compare(side(), side(config={"cluster": {"name": "eks2", "nodeGroups": {"default": {}}}}))
    assert who(found.can) == ["service account default/app of cluster eks2"]
    assert who(found.cannot) == ["service account default/app of cluster eks1"]


def test_an_account_that_is_pinned_later_is_the_same_account() -> None:
    node = {"kind": "ec2-instance", "nodeGroups": ["default"], "policies": ["dev"]}
    found = compare(side(config={"accountId": ""}, node=node), side(node=node))
    assert not of_callers(found)
    assert not found.logins
    assert [field_words(each) for each in found.settings] == ["accountId: none → 111111111111"]


def test_values_that_are_encrypted_are_passed_over_unless_they_say_who_logs_in() -> None:
    secret = {"secure": "v1:abc:def"}
    account = {"accounts": {"222222222222": {"roleArn": f"{ARN}/x", "externalId": secret}}}
    assert compare(
        side(config=account, ci=principal("ci")), side(config=account, ci=principal("ci"))
    ).is_empty
    with pytest.raises(Refused, match=r"logins\.pod\.serviceAccounts\[0\] is encrypted"):
        side(pod=pod(serviceAccounts=[secret]))


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda: side(pod=pod("nowhere")), "is not a Vault policy of this project"),
        (lambda: side({"dev": 'path "x" {'}), "policies/vault/dev.hcl cannot be read: is not HCL"),
        (lambda: side({"dev": 'path "x" { capabilities = ["reed"] }'}), "reed, which Vault does not know"),
        (lambda: side(pod=pod(serviceAccounts=["app"])), "the stack file has 1 problem"),
    ],
)
def test_a_side_that_cannot_be_read_is_refused_with_its_name(made: Any, words: str) -> None:
    with pytest.raises(Refused) as refused:
        made()
    assert words in refused.value.reason
    assert refused.value.reason.startswith("side: ")


def test_a_problem_that_has_nothing_to_do_with_logins_is_a_note() -> None:
    wrong = side(
        config={"consumers": {"x": {"kind": "nothing"}}, "accounts": {"222222222222": {"roleName": "/"}}}
    )
    found = compare(side(), wrong)
    assert not of_callers(found)
    assert any("side: the stack file has 2 problems elsewhere: " in note for note in found.notes)


def test_a_policy_that_no_login_has_need_not_be_readable() -> None:
    assert compare(side(), side({"unused": "{"})).is_empty


def clusters(**named: Any) -> dict[str, Any]:
    """The keys of a stack file with these clusters."""
    return {"cluster": None, "clusters": named}


def test_callers_are_told_from_which_cluster_they_log_in() -> None:
    blue = side(config=clusters(blue={}))
    named = clusters(blue={}, green={"name": "eks2", "region": "eu-west-1"})
    both = side(config=named)
    found = compare(blue, both)
    assert who(found.can) == ["service account default/app of cluster green"]
    assert not found.cannot
    moved = side(config=named, pod=pod(clusters=["green"]))
    back = compare(both, moved)
    assert who(back.cannot) == ["service account default/app of cluster blue"]
    assert not back.can
    assert not back.logins, "where a login is, is said of its callers"


def test_a_cluster_that_is_written_below_clusters_now_is_the_same() -> None:
    config = clusters(eks1={"nodeGroups": {"default": {}}})
    found = compare(side(), side(config=config))
    assert found.is_empty


def test_nodes_are_those_of_the_groups_that_each_cluster_has() -> None:
    nodes = {"kind": "ec2-instance", "nodeGroups": ["default"], "policies": ["dev"]}
    group = {"nodeGroups": {"default": {"metadataHopLimit": 2}}}
    theirs = {"existing": True, "nodeRoleArns": {"default": "arn:aws:iam::111111111111:role/theirs"}}
    one = side(config=clusters(blue=group), nodes=nodes)
    three = side(config=clusters(blue=group, green=theirs, red={}), nodes=nodes)
    assert {str(caller) for caller in one.logins["nodes"].callers} == {
        "EC2 instances of role blue-default-node of 111111111111"
    }
    assert {str(caller) for caller in three.logins["nodes"].callers} == {
        "EC2 instances of role blue-default-node of 111111111111",
        "EC2 instances of role theirs of 111111111111",
    }
    assert three.logins["nodes"].conditions["clusters.blue.nodeGroups.default.metadataHopLimit"] == "2"
    elsewhere = side(config=clusters(blue={**group, "region": "eu-west-1"}), nodes=nodes)
    assert elsewhere.logins["nodes"].conditions["region"] == "eu-west-1"
