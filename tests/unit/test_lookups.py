"""A look-up that fails names the setting that it comes from. What the stack makes itself is not looked up."""

import runpy
from typing import Any, NoReturn

import pulumi
import pytest
import yaml

from stack import file, lookups, preflight
from tests.unit.recording import ISSUER, Recording, record
from tests.unit.test_program import ROOT, nothing_is_there, stack_config, vault_is_enterprise

ROLE = "arn:aws:iam::111111111111:role/"
CONFIG: dict[str, Any] = {
    "aws:region": "us-east-1",
    "vault-aws-auth:accountId": "111111111111",
    "vault-aws-auth:cluster": {"name": "c1"},
    "vault-aws-auth:vault": {"address": "https://vault.example.com"},
}
POD = {"kind": "service-account", "serviceAccounts": ["default/app"], "policies": ["dev"]}


@pytest.fixture(autouse=True)
def _vault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither Vault nor AWS is there: stacks come up without a look at them."""
    vault_is_enterprise(monkeypatch)
    monkeypatch.setattr(preflight, "check", nothing_is_there)


def run(logins: dict[str, Any], answers: dict[str, Any] | None = None, **sections: Any) -> Recording:
    changes = {f"vault-aws-auth:{key}": value for key, value in {"logins": logins, **sections}.items()}
    others = dict.fromkeys(f"vault-aws-auth:{key}" for key in ("accounts", "consumers", "secretsEngine"))
    program = str(ROOT / "__main__.py")
    return record(
        lambda: runpy.run_path(program, run_name="__main__"),
        config=stack_config("local", **{**others, **CONFIG, **changes}),
        stack="local",
        answers=answers,
    )


def parsed(logins: dict[str, Any], **sections: Any) -> file.StackFile:
    given = {f"vault-aws-auth:{key}": value for key, value in {"logins": logins, **sections}.items()}
    raw = {key: value for key, value in {**CONFIG, **given}.items() if value is not None}
    return file.parse(raw, {"dev": ""})


def principals(*names: str) -> dict[str, Any]:
    return {"kind": "principal", "principals": [f"{ROLE}{name}" for name in names], "policies": ["dev"]}


def refusing(text: str) -> Any:
    def refuse(_: dict[str, Any]) -> NoReturn:
        raise RuntimeError(text)

    return refuse


def test_a_principal_that_is_not_there_is_one_line_with_the_settings_key() -> None:
    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        if asked["name"] == "gone":
            raise RuntimeError(
                "invoking aws:iam/getRole:getRole: reading IAM Role (gone): couldn't find resource"
            )
        return {"uniqueId": "AROA", "arn": f"{ROLE}{asked['name']}"}

    with pytest.raises(pulumi.RunError) as refusal:
        run({"app": principals("there", "gone")}, {"aws:iam/getRole:getRole": answer})
    assert str(refusal.value) == (
        "vault-aws-auth:logins.app.principals[1]: there is no IAM role gone in the account 111111111111; "
        "make the role first, or write the ARN of one that is there. The provider says: reading IAM Role "
        "(gone): couldn't find resource"
    )


def test_a_principal_below_another_path_is_told_with_its_login() -> None:
    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        return {"uniqueId": "AROA", "arn": f"{ROLE}team/{asked['name']}"}

    with pytest.raises(
        pulumi.RunError,
        match=r"^vault-aws-auth:logins\.app\.principals\[0\]: .* write it as IAM has it, with its path",
    ):
        run({"app": principals("ci")}, {"aws:iam/getRole:getRole": answer})


def test_a_role_that_the_stack_makes_may_be_the_principal_of_another_login() -> None:
    """One service account with two Vault roles: the second waits for the IAM role, and looks nothing up."""
    logins = {"app-rw": {**principals("app-ro"), "vaultRole": "rw"}, "app-ro": POD}
    made = run(logins, {"aws:iam/getRole:getRole": refusing("there is no IAM role")})
    role = made.one("vault:aws/authBackendRole:AuthBackendRole", "rw-vault-role")
    assert role.inputs["boundIamPrincipalArns"] == [f"{ROLE}app-ro"]
    assert "app-ro-iam-role" in role.depends_on
    assert role.replacement_trigger == "AROA-app-ro"  # Vault goes by it, and no input shows another one
    assert made.exports()["logins"]["app-rw"]["iamRoleArn"] == f"{ROLE}app-ro"
    assert made.exports()["logins"]["app-rw"]["principals"] == [f"{ROLE}app-ro"]


KEY = "vault-aws-auth:logins.app.principals[0]: "


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "reading IAM Role (ci): couldn't find resource",
            "there is no IAM role ci in the account 111111111111",
        ),
        ("NoSuchEntity: The role with name ci cannot be found.", "there is no IAM role ci"),
        ("there is no IAM role 'ci'", "there is no IAM role ci"),
        ("AccessDenied: User: x is not authorized to perform: iam:GetRole", "it needs iam:GetRole"),
        (
            "AccessDenied: User: x is not authorized to perform: sts:AssumeRole on resource: y",
            "deployRoleArn",
        ),
        ("IAM Role (arn:aws:iam::222222222222:role/x) cannot be assumed.", "deployRoleArn"),
        ("ExpiredToken: The security token included in the request is expired", "log in to AWS again"),
        (
            "InvalidClientTokenId: The security token included in the request is invalid",
            "log in to AWS again",
        ),
        ("No valid credential sources found", "log in to AWS again"),
        ("dial tcp: lookup iam.amazonaws.com: no such host", "cannot be looked up"),
    ],
)
def test_each_kind_of_failure_says_what_to_do(said: str, told: str) -> None:
    stack = parsed({"app": principals("ci")})
    text = lookups.explanation(stack, lookups.GET_ROLE, {"name": "ci"}, said)
    assert text.startswith(KEY)
    assert told in text
    assert said in text
    assert "\n" not in text


def test_every_setting_that_asks_for_it_is_named() -> None:
    stack = parsed(
        {
            "app": principals("ci"),
            "ci": {"kind": "ec2-instance", "roleArns": [f"{ROLE}ci"], "policies": ["dev"]},
        }
    )
    text = lookups.explanation(stack, lookups.GET_ROLE, {"name": "ci"}, "NoSuchEntity")
    assert "logins.app.principals[0] (also vault-aws-auth:logins.ci.roleArns[0])" in text


@pytest.mark.parametrize(
    ("sections", "function", "asked", "told"),
    [
        (
            {"cluster": {"name": "c1", "existing": True}},
            lookups.GET_CLUSTER,
            {"name": "c1"},
            "vault-aws-auth:cluster.name: there is no EKS cluster c1 in us-east-1; write the name",
        ),
        (
            {"vaultIdentity": {"kind": "existing", "roleArn": f"{ROLE}vault"}},
            lookups.GET_ROLE,
            {"name": "vault"},
            "vault-aws-auth:vaultIdentity.roleArn: there is no IAM role vault in the account 111111111111",
        ),
        (
            {"cluster": {"name": "c1", "existing": True, "nodeRoleArns": {"g": f"{ROLE}node"}}},
            lookups.GET_ROLE,
            {"name": "node"},
            "vault-aws-auth:cluster.nodeRoleArns.g: there is no IAM role node in the account 111111111111",
        ),
        (
            {"vault": {"address": "https://vault.example.com", "namespace": "team"}},
            lookups.GET_NAMESPACE,
            {"path": "team"},
            "vault-aws-auth:vault.namespace: there is no namespace team in Vault; make it first",
        ),
    ],
)
def test_clusters_identities_and_namespaces(
    sections: dict[str, Any], function: str, asked: dict[str, str], told: str
) -> None:
    assert lookups.explanation(parsed({"app": POD}, **sections), function, asked, "not found").startswith(
        told
    )


def test_a_role_that_was_looked_for_in_another_account_is_told() -> None:
    role = "arn:aws:iam::222222222222:role/vault"
    stack = parsed({"app": POD}, vaultIdentity={"kind": "existing", "roleArn": role}, accountId=None)
    told = lookups.another(stack, lookups.GET_ROLE, {"name": "vault"}, f"{ROLE}vault")
    assert told.startswith(f"vault-aws-auth:vaultIdentity.roleArn: {role} was looked for in the account 1111")
    assert "log in to AWS with the account 222222222222" in told


def test_what_comes_from_no_setting_is_left_as_it_is() -> None:
    assert not lookups.explanation(parsed({"app": POD}), "aws:ec2/getVpc:getVpc", {}, "not found")


def test_a_cluster_that_the_stack_makes_may_be_missing() -> None:
    """The preflight looks whether its name is taken."""
    stack = parsed({"app": POD}, cluster={"name": "c1"})
    assert not lookups.explanation(stack, lookups.GET_CLUSTER, {"name": "c1"}, "not found")


def test_an_oidc_provider_without_the_audience_is_one_line_with_the_settings_key() -> None:
    described = {
        "name": "c1",
        "endpoint": "https://c1.example.com",
        "certificateAuthorities": [{"data": "YSBDQQ=="}],
        "identities": [{"oidcs": [{"issuer": f"https://{ISSUER}"}]}],
    }
    answers = {
        lookups.GET_CLUSTER: lambda _: described,
        "aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider": lambda _: {
            "arn": "arn:aws:iam::111111111111:oidc-provider/x",
            "clientIdLists": ["another"],
            "tags": {},
        },
    }
    with pytest.raises(
        pulumi.RunError, match=r"^vault-aws-auth:cluster\.name: the OIDC provider .* aws iam add-"
    ):
        run({"app": POD}, answers, cluster={"name": "c1", "existing": True})


def test_the_sample_of_two_vault_roles_in_the_documentation_comes_up() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    sample = page.split("## Two Vault roles for one workload")[1].split("```yaml\n")[1].split("```")[0]
    logins = yaml.safe_load(sample.replace("app-read", "dev").replace("[app-write]", "[dev]"))
    made = run(logins["vault-aws-auth:logins"], {lookups.GET_ROLE: refusing("there is no IAM role")})
    assert {each.name for each in made.of_type("vault:aws/authBackendRole:AuthBackendRole")} == {
        "app-vault-role",
        "app-write-vault-role",
    }
