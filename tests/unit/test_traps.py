"""What users of Vault's AWS auth, of its providers and of EKS have tripped over, each by the issue's number.

Here are those that the program alone decides. Where Vault, the engine or Kubernetes must be asked:
`tests/sandbox/test_traps.py`.
"""

import json
from typing import Any

import pulumi
import pytest

from tests.unit.recording import ISSUER, Recording
from tests.unit.test_program import (  # noqa: F401 - a fixture
    STACK_FILES,
    _enterprise,
    local,
    logins_of_the_cluster,
    run,
    stack_config,
    whole,
)

ROLE = "vault:aws/authBackendRole:AuthBackendRole"
CLIENT = "vault:aws/authBackendClient:AuthBackendClient"
STS_ROLE = "vault:aws/authBackendStsRole:AuthBackendStsRole"
ENDPOINT = "vault:generic/endpoint:Endpoint"
KEY = "aws:iam/accessKey:AccessKey"
OTHER = "arn:aws:iam::222222222222:role"


@pytest.fixture(scope="module")
def together() -> Recording:
    return whole()


def with_login(**login: Any) -> Recording:
    """Stack `local` with one login."""
    return local(**{"vault-aws-auth:logins": {"app": {"policies": ["dev"], **login}}})


def refused(message: str, **changes: Any) -> None:
    """The program ends with this message before anything is registered."""
    with pytest.raises(pulumi.RunError, match=message) as stopped:
        whole(**changes)
    assert "nothing was changed" in str(stopped.value)


def test_vault_8209_every_vault_role_with_an_arn_in_full_follows_its_principal(together: Recording) -> None:
    """hashicorp/vault 8209: Vault goes by the unique ID, and an IAM role made anew has another."""
    in_full = [
        role
        for role in together.of_type(ROLE)
        if not any(arn.endswith("*") for arn in role.inputs["boundIamPrincipalArns"])
        and not role.name.endswith("-principal-ids")
    ]
    assert len(in_full) == 5
    for role in in_full:
        arns = role.inputs["boundIamPrincipalArns"]
        if role.replacement_trigger:  # of the one role that the stack makes for the login
            assert [f"AROA-{arn.rpartition('/')[2]}" for arn in arns] == [role.replacement_trigger]
            continue
        again = together.one(ROLE, f"{role.parent}-principal-ids")
        assert again.inputs == role.inputs
        assert len(again.replacement_trigger) == len(arns)


def test_terraform_provider_vault_2439_vault_looks_no_caller_up_before_its_key_may(
    together: Recording,
) -> None:
    """terraform-provider-vault 2439: a key that has just been made, or has no permission yet."""
    key = together.one(KEY, "vault-identity-access-key")
    assert "vault-identity-policy-attachment" in key.depends_on
    client = together.one(CLIENT, "vault-aws-auth-client")
    assert "vault-identity-access-key" in client.depends_on
    for role in together.of_type(ROLE):
        assert "vault-aws-auth-client" in role.depends_on, role.name
    for sts_role in together.of_type(STS_ROLE):
        assert "vault-aws-auth-client" in sts_role.depends_on, sts_role.name


def test_terraform_provider_vault_2439_there_need_not_be_a_key() -> None:
    identity = {"kind": "role", "serviceAccount": "vault/vault", "method": "pod-identity"}
    recording = local(**{"vault-aws-auth:vaultIdentity": identity})
    assert recording.of_type(KEY) == []
    assert "accessKey" not in recording.one(CLIENT, "vault-aws-auth-client").inputs


def test_terraform_provider_vault_1773_2323_a_bound_is_never_only_left_out(together: Recording) -> None:
    """terraform-provider-vault 1773, 2323: Vault keeps what an update does not name. Either a Vault role has
    a bound always, of which it can only be told another, or what comes and goes replaces the Vault role."""
    bounds = {
        role.parent: {key for key in role.inputs if key.startswith(("bound", "inferred"))}
        for role in together.of_type(ROLE)
    }
    always = {"boundIamPrincipalArns"}
    for login, found in bounds.items():
        assert found == always or "inferredEntityType" in found, login
    for role in together.of_type(ROLE):
        assert role.replace_on_changes == {"inferredEntityType"}
        # What is never deleted takes no successor along.
        assert role.delete_before_replace is not role.retain_on_delete


def test_terraform_provider_vault_1455_an_sts_role_is_known_by_its_account() -> None:
    """terraform-provider-vault 1455: another account, written to the path of the old one."""

    def urns(account: str) -> set[str]:
        declared = {account: {"roleArn": f"arn:aws:iam::{account}:role/lookup"}}
        return {r.urn for r in local(**{"vault-aws-auth:accounts": declared}).of_type(STS_ROLE)}

    assert len(urns("222222222222")) == len(urns("333333333333")) == 1
    assert urns("222222222222").isdisjoint(urns("333333333333"))


def test_vault_27765_each_account_has_an_external_id_of_its_own() -> None:
    """hashicorp/vault 27765: a role of another account that any Vault could assume."""
    accounts = {account: {"allLookups": True} for account in ("222222222222", "333333333333")}
    recording = local(**{"vault-aws-auth:accounts": accounts})
    for account in accounts:
        made = f"account-{account}-external-id"
        assert recording.one("random:index/randomPassword:RandomPassword", made)
        role = recording.one(STS_ROLE, f"vault-aws-auth-sts-role-{account}")
        assert made in role.depends_on
        assert "externalId" in role.secrets
        trusting = recording.one("aws:iam/role:Role", f"account-{account}-role")
        assert made in trusting.depends_on
        (statement,) = json.loads(trusting.inputs["assumeRolePolicy"])["Statement"]
        assert statement["Condition"] == {"StringEquals": {"sts:ExternalId": "the-random-password"}}


def test_vault_3681_10013_an_account_that_vault_cannot_look_into_is_told() -> None:
    """hashicorp/vault 3681, 10013: "unable to fetch client for account ID", at each login."""
    refused(
        r"logins\.other-account\.principals\[0\]: \"arn:aws:iam::222222222222:role/vault-secondary\*\" is of "
        "the account 222222222222, into which Vault cannot look; write the role that Vault assumes there",
        **{"vault-aws-auth:accounts": None},
    )


def test_vault_16229_a_login_over_two_accounts_is_told() -> None:
    """hashicorp/vault 16229: Vault resolves one Vault role over several accounts wrongly."""
    login = {"kind": "principal", "principals": [f"{OTHER}/app", "arn:aws:iam::111111111111:role/app"]}
    refused(
        r"logins\.app: binds principals of several accounts; write one login for each",
        **{
            "vault-aws-auth:logins": {"app": {**login, "policies": ["dev"]}},
            "vault-aws-auth:consumers": None,
        },
    )


@pytest.mark.parametrize(
    ("region", "other"), [("eu-west-1", "us-east-1"), ("us-east-1", "eu-west-1"), (None, "eu-west-1")]
)
def test_vault_15088_11067_6234_one_setting_of_sts_is_for_vault_and_all_who_log_in(
    region: str | None, other: str
) -> None:
    """hashicorp/vault 15088, 11067, 6234: the caller signs for one region, and Vault asks another's STS."""
    vault = {"address": "https://vault.example.com", "kv": {"dev": {"protect": False}}}
    wanted = region or "us-east-1"  # that of the stack
    recording = whole(**{"vault-aws-auth:vault": {**vault, **({"stsRegion": region} if region else {})}})
    client = recording.one(CLIENT, "vault-aws-auth-client").inputs
    endpoint = f"https://sts.{wanted}.amazonaws.com"
    assert (client["stsRegion"], client["stsEndpoint"]) == (wanted, endpoint)
    exports = recording.exports()
    assert (exports["vault"]["stsRegion"], exports["vault"]["stsEndpoint"]) == (wanted, endpoint)
    assert len(exports["consumers"]) == 5
    for name, told in exports["consumers"].items():
        assert wanted in json.dumps(told), name
        assert other not in json.dumps(told), name


@pytest.mark.parametrize(
    ("login", "actions"),
    [
        ({"kind": "service-account", "serviceAccounts": ["default/app"]}, {"iam:GetRole"}),
        ({"kind": "principal", "principals": ["arn:aws:iam::111111111111:role/app"]}, {"iam:GetRole"}),
        ({"kind": "principal", "principals": ["arn:aws:iam::111111111111:user/ci"]}, {"iam:GetUser"}),
        (
            {"kind": "ec2-instance", "nodeGroups": ["default"]},
            {"iam:GetRole", "iam:GetInstanceProfile", "ec2:DescribeInstances"},
        ),
    ],
)
def test_vault_2852_vault_is_granted_what_each_kind_of_login_needs(login: Any, actions: set[str]) -> None:
    """hashicorp/vault 2852: a login fails for an action that no page says is needed."""
    policy = with_login(**login).one("aws:iam/policy:Policy", "vault-identity-policy")
    (statement,) = json.loads(policy.inputs["policy"])["Statement"]
    assert set(statement["Action"]) == actions


@pytest.mark.parametrize(
    ("mode", "left_alone"), [("managed", False), ("rotatable", False), ("rotated", True)]
)
def test_terraform_provider_vault_1684_a_key_that_vault_has_rotated_is_not_written(
    mode: str, left_alone: bool
) -> None:
    """terraform-provider-vault 1684: the next run wrote the old key, which does not exist any more."""
    recording = local(**{"vault-aws-auth:vaultIdentity": {"kind": "user", "accessKey": mode}})
    client = recording.one(CLIENT, "vault-aws-auth-client")
    assert client.ignore_changes == ({"accessKey", "secretKey"} if left_alone else set())
    assert len(recording.of_type(KEY)) == (0 if left_alone else 1)
    assert recording.named("vault-aws-auth-no-access-key") == [], "nor is it taken away"


def test_terraform_aws_iam_200_424_486_a_wildcard_is_asked_for_and_never_for_the_audience() -> None:
    """terraform-aws-iam 200, 424, 486: who wants names by pattern gets all by pattern."""
    wild = {"kind": "service-account", "serviceAccounts": ["ci/runner-*"], "serviceAccountMode": "none"}
    login = {**wild, "policies": ["dev"]}
    refused(
        r"logins\.app\.serviceAccounts: .ci/runner-\*. has a wildcard; write it in full, or allowWildcards",
        **{"vault-aws-auth:logins": {"app": login}, "vault-aws-auth:consumers": None},
    )

    def condition(**changes: Any) -> Any:
        role = with_login(**{**wild, **changes}).one("aws:iam/role:Role", "app-iam-role")
        (statement,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
        return statement["Condition"]

    audience = {f"{ISSUER}:aud": "sts.amazonaws.com"}
    assert condition(allowWildcards=True) == {
        "StringEquals": audience,
        "StringLike": {f"{ISSUER}:sub": "system:serviceaccount:ci:runner-*"},
    }
    # Allowed, and not used: then as strict as ever.
    assert condition(serviceAccounts=["ci/runner"], allowWildcards=True) == {
        "StringEquals": {**audience, f"{ISSUER}:sub": "system:serviceaccount:ci:runner"}
    }


@pytest.mark.parametrize(("mode", "made"), [("create", "ServiceAccount"), ("patch", "ServiceAccountPatch")])
def test_eksctl_2665_7887_one_setting_says_who_makes_the_service_account(mode: str, made: str) -> None:
    """eksctl 2665, 7887: an existing service account was left without its annotation."""
    logins = logins_of_the_cluster()
    logins["pod"]["serviceAccountMode"] = mode
    recording = local(**{"vault-aws-auth:logins": logins})
    found = [r for r in recording.resources if r.type.startswith("kubernetes:core/v1:ServiceAccount")]
    assert [r.type.rpartition(":")[2] for r in found] == [made]
    assert found[0].inputs["metadata"]["annotations"] == {
        "eks.amazonaws.com/role-arn": "arn:aws:iam::111111111111:role/vault-auth"
    }


@pytest.mark.parametrize("name", STACK_FILES)
def test_pulumi_vault_130_823_everything_in_vault_goes_through_one_provider_without_token(name: str) -> None:
    """pulumi-vault 130, 823: a default provider that somewhere still wants a token of its own."""
    recording = whole() if name == "local" else run(name)
    in_vault = [r for r in recording.resources if r.type.startswith("vault:")]
    assert in_vault
    assert {r.provider for r in in_vault} == {"vault"}
    assert {provider for token, _, provider in recording.calls if token.startswith("vault:")} <= {"vault"}
    (provider,) = recording.of_type("pulumi:providers:vault")
    assert not {"token", "authLogin", "authLoginAws"} & set(provider.inputs)


def test_pulumi_vault_130_823_a_token_in_the_stack_file_is_refused() -> None:
    refused(r"vault:token", **{"vault:token": "hvs.secret"})
    assert "hvs." not in json.dumps(stack_config("local"))
