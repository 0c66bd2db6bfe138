"""What was meant by a word that is not known: found by its meaning, not by its spelling alone."""

import pytest

from components.cluster import EksClusterArgs
from components.declared import fields_of
from components.logins import KINDS
from components.node_group import NodeGroup
from components.suggestions import suggestion
from components.vault_auth import VaultAwsAuthArgs

POD = KINDS["service-account"].ARGS


@pytest.mark.parametrize(
    ("of", "word", "meant"),
    [
        # number, case and hyphens
        (POD, "service_account", "service_accounts"),
        (POD, "serviceAccounts", "service_accounts"),
        (POD, "service-accounts", "service_accounts"),
        (POD, "policy", "policies"),
        (POD, "tag", "tags"),
        # letters
        (POD, "permissions_boundry", "permissions_boundary"),
        (POD, "polices", "policies"),
        (EksClusterArgs, "kubernetes_verison", "kubernetes_version"),
        # a word of several, and its order
        (POD, "boundary", "permissions_boundary"),
        (POD, "role_name", "iam_role_name"),
        (POD, "account_mode", "service_account_mode"),
        (NodeGroup, "size_max", "max_size"),
        # other words for the same
        (NodeGroup, "maximum_size", "max_size"),
        (POD, "max_lifetime", "max_ttl"),
        (EksClusterArgs, "k8s_version", "kubernetes_version"),
        (POD, "labels", "tags"),
    ],
)
def test_a_word_that_means_a_field_is_answered_with_it(of: type, word: str, meant: str) -> None:
    assert suggestion(word, fields_of(of)) == f"; did you mean {meant}?"


@pytest.mark.parametrize(
    ("known", "word"),
    [
        (["max_size"], "min_size"),
        (["min_size", "desired_size"], "max_size"),
        (["endpoint_private_access"], "endpoint_public_access"),
        (["user_name"], "role_name"),
        (["max_lease_ttl"], "default_lease_ttl"),
        (["policies"], "policyArns"),
        (["iam_role_name"], "iamRoleArn"),
        (list(fields_of(VaultAwsAuthArgs)), "banana"),
        (["a", "b"], ""),
        (["a", "b"], "***"),
    ],
)
def test_what_is_spelled_alike_and_means_another_thing_is_never_suggested(
    known: list[str], word: str
) -> None:
    assert suggestion(word, known) == f"; known: {', '.join(known)}"


def test_of_two_that_fit_equally_none_is_chosen() -> None:
    assert suggestion("size", ["max_size", "min_size"]) == "; known: max_size, min_size"


def test_where_nothing_is_known_nothing_is_suggested() -> None:
    assert suggestion("a", []) == ""
