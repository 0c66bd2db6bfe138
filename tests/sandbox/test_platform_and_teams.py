"""A platform's stack, and two teams' stacks beside it that read its outputs and declare their own logins."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hvac
import pytest

from pipeline import guardrails
from stack.deployer import elsewhere, in_kubernetes
from tests.sandbox.callers import assume_with_token, log_in
from tests.sandbox.granted import Evidence
from tests.sandbox.kit import REPOSITORY, Sandbox
from tests.sandbox.team_project import EXAMPLE, TeamProject

TEAMS = ("payments", "search")

pytestmark = [pytest.mark.timeout(900), pytest.mark.xdist_group("platform and teams")]


class Teams(TeamProject):
    """What both teams' first updates printed is kept."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        super().__init__(sandbox, folder)
        self.first_ups: dict[str, str] = {}

    def vault_of(self, team: str) -> hvac.Client:
        """Vault as what deploys a team."""
        operator = self.sandbox.vault
        made = operator.auth.token.create(policies=[f"{team}-deploy"], ttl="1h")
        ca = self.sandbox.env["VAULT_CACERT"]
        return hvac.Client(url=operator.url, token=made["auth"]["client_token"], verify=ca)

    def deploy(self, team: str, *words: str, **variables: str) -> str:
        """Pulumi with the team's own Vault token, or with other credentials."""
        operators = self.variables
        self.variables = {**operators, **(variables or {"VAULT_TOKEN": self.vault_of(team).token})}
        try:
            return self.pulumi(*words, "--stack", team)
        finally:
            self.variables = operators

    def printed(self, kind: str, team: str) -> str:
        """What `deployer` prints for the stack of a team, from its state."""
        state = self.project.parent / f"{team}.json"
        state.write_text(self.pulumi("stack", "export", "--stack", team))
        words = ("deployer", "--format", kind, "--resources", str(state), "--project", str(REPOSITORY))
        return self.run("vault-aws-auth", *words)

    def deployer(self, team: str) -> dict[str, str]:
        """The credentials of one with exactly the permissions that are printed for the team's stack."""
        sandbox, name = self.sandbox, f"deployer-of-{team}"
        iam, vault = sandbox.aws("iam"), sandbox.vault
        user = iam.create_user(UserName=name)["User"]["Arn"]
        policy = iam.create_policy(PolicyName=name, PolicyDocument=self.printed("aws", team))["Policy"]["Arn"]
        iam.attach_user_policy(UserName=name, PolicyArn=policy)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        vault.sys.create_or_update_policy(name, self.printed("vault", team))
        token = vault.auth.token.create(policies=[name], no_default_policy=True, ttl="1h", no_parent=True)
        roles = self.project.parent / "roles.yaml"
        roles.write_text(self.printed("kubernetes", team))
        applied = sandbox.shell(f"kubectl apply -f {roles}")
        assert applied.returncode == 0, applied.stderr
        (cluster,) = sandbox.aws("eks").list_clusters()["clusters"]
        groups = [in_kubernetes.GROUP]
        sandbox.aws("eks").create_access_entry(
            clusterName=cluster, principalArn=user, kubernetesGroups=groups
        )
        return {
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
            "VAULT_TOKEN": token["auth"]["client_token"],
        }


@pytest.fixture(scope="module")
def teams(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Teams]:
    """The platform, and on it both teams, brought up from nothing as the example's README says."""
    folder = tmp_path_factory.mktemp("teams")
    sandbox = Sandbox(folder / "sandbox")
    try:
        sandbox.up_as_on_aws("--stack", "platform", "--config", str(EXAMPLE / "Pulumi.platform.yaml"))
        made = Teams(sandbox, folder)
        made.copy_example()
        for team in TEAMS:
            rule = f'path "{team}/*" {{ capabilities = ["read"] }}'
            sandbox.vault.sys.create_or_update_policy(f"{team}-readers", rule)
            own = (EXAMPLE / f"{team}-deploy.hcl").read_text()
            sandbox.vault.sys.create_or_update_policy(f"{team}-deploy", own)
            made.pulumi("stack", "init", team, "--no-select")
            made.first_ups[team] = made.deploy(
                team, "up", "--yes", "--skip-preview", *guardrails.engine_options(guardrails.PACK, None)
            )
        yield made
    finally:
        sandbox.run("down", "--force")  # the teams' stacks are of a project that `down` does not know


def policies_of(teams: Teams, team: str, vault_role: str) -> list[str]:
    role = f"arn:aws:iam::111111111111:role/{team}-api"
    credentials = assume_with_token(teams.sandbox, teams.sandbox.token("api", team), role)
    found: list[str] = log_in(teams.sandbox, credentials, vault_role)["token_policies"]
    return found


def test_each_teams_login_is_proved_and_everybody_else_is_refused(teams: Teams) -> None:
    for team in TEAMS:
        answer = json.loads(teams.run("vault-aws-auth", "verify", "--stack", team, "--json"))
        assert answer["ok"]
        assert [found["got"] for found in answer["results"]].count(f"a token (default, {team}-readers)") == 1
        role = teams.sandbox.vault.read(f"auth/aws/role/{team}-api")["data"]
        assert role["bound_iam_principal_arn"] == [f"arn:aws:iam::111111111111:role/{team}-api"]


def test_what_a_team_brings_up_has_passed_the_guardrails(teams: Teams) -> None:
    for team in TEAMS:
        assert "✅ vault-aws-auth@v" in teams.first_ups[team]


def test_a_team_cannot_log_in_as_another(teams: Teams) -> None:
    assert policies_of(teams, "payments", "payments-api") == ["default", "payments-readers"]
    with pytest.raises(Exception, match='does not belong to the role "search-api"'):
        policies_of(teams, "payments", "search-api")


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("auth/aws/role/payments-x", {"token_policies": "admin"}),
        ("auth/aws/role/payments-x", {"token_policies": ["admin"]}),
        ("auth/aws/role/payments-x", {"token_policies": ["payments-readers", "admin"]}),
        ("auth/aws/role/payments-x", {"token_policies": "payments-readers,admin"}),
        ("auth/aws/role/payments-x", {"token_policies": "payments-deploy"}),
        ("auth/aws/role/payments-x", {"token_policies": ["search-readers"]}),
        ("auth/aws/role/payments-x", {"token_policies": ["payments-readers,admin"]}),
        ("auth/aws/role/payments-x", {"token_policies": None}),
        ("auth/aws/role/payments-x", {"token_policies": {"admin": ""}}),
        ("auth/aws/role/payments-x", {"TOKEN_POLICIES": ["admin"]}),
        ("auth/aws/role/payments-x", {"policies": "admin"}),
        ("auth/aws/role/payments-x", {"policies": ["admin"]}),
        ("auth/aws/role/payments-x", {"policies": "payments-readers"}),
        ("auth/aws/role/payments-x", {"Policies": ["admin"]}),
        ("auth/aws/role/payments-x", {"token_policies": ["payments-readers"], "policies": ["admin"]}),
        ("auth/aws/role/payments-api", {"token_policies": ["admin"]}),
        ("auth/aws/role/payments-api", {"policies": ["admin"]}),
        ("auth/aws/role/payments-api/tag", {"policies": ["admin"]}),
        ("auth/aws/role/search-x", {"token_policies": ["payments-readers"]}),
        (
            "auth/aws/role/search-api",
            {"bound_iam_principal_arn": ["arn:aws:iam::111111111111:role/payments-api"]},
        ),
        ("auth/aws/config/client", {"sts_endpoint": "https://sts.example.com"}),
        ("auth/token/create", {"policies": ["admin"]}),
        ("auth/token/create-orphan", {"policies": ["payments-readers"]}),
        ("auth/token/roles/payments", {"allowed_policies": ["admin"]}),
        ("sys/policies/acl/payments-readers", {"policy": 'path "*" { capabilities = ["sudo"] }'}),
        ("identity/group", {"policies": ["admin"]}),
    ],
)
def test_a_team_cannot_give_itself_another_policy(teams: Teams, path: str, given: dict[str, Any]) -> None:
    bound = {"auth_type": "iam", "bound_iam_principal_arn": ["arn:aws:iam::111111111111:role/payments-api"]}
    whole = {**bound, **given} if path.startswith("auth/aws/role/payments-") else given
    with pytest.raises((hvac.exceptions.Forbidden, hvac.exceptions.InvalidRequest)):
        teams.vault_of("payments").write_data(path, data=whole)
    assert teams.sandbox.vault.read("auth/aws/role/payments-x") is None
    role = teams.sandbox.vault.read("auth/aws/role/payments-api")["data"]
    assert (role["token_policies"], role.get("policies", [])) == (["payments-readers"], [])


def test_a_team_writes_vault_roles_with_its_policy(teams: Teams) -> None:
    own = teams.vault_of("payments")
    bound = {"auth_type": "iam", "bound_iam_principal_arn": ["arn:aws:iam::111111111111:role/payments-api"]}
    for policies in ("payments-readers", ["payments-readers"]):
        own.write_data("auth/aws/role/payments-y", data={**bound, "token_policies": policies})
        found = own.read("auth/aws/role/payments-y")["data"]["token_policies"]
        own.delete("auth/aws/role/payments-y")
        assert found == ["payments-readers"]


def test_the_kubeconfig_that_a_team_reads_stays_a_secret(teams: Teams) -> None:
    state = json.loads(teams.pulumi("stack", "export", "--stack", "payments"))
    providers = [r for r in state["deployment"]["resources"] if r["type"] == "pulumi:providers:kubernetes"]
    assert "ciphertext" in json.dumps(providers[0]["inputs"]["kubeconfig"])
    assert "certificate-authority-data" not in json.dumps(state)


def test_a_team_that_comes_or_goes_leaves_the_others_as_they_are(teams: Teams) -> None:
    """Nobody declares what is another's: a second update of any stack changes nothing."""
    teams.deploy("search", "destroy", "--yes", "--skip-preview")
    assert teams.sandbox.vault.read("auth/aws/role/search-api") is None
    teams.pulumi("preview", "--refresh", "--expect-no-changes", "--stack", "payments")
    teams.pulumi("-C", str(REPOSITORY), "preview", "--refresh", "--expect-no-changes", "--stack", "platform")
    assert policies_of(teams, "payments", "payments-api") == ["default", "payments-readers"]
    teams.deploy("search", "up", "--yes", "--skip-preview")
    teams.pulumi("preview", "--refresh", "--expect-no-changes", "--stack", "search")
    assert policies_of(teams, "search", "search-api") == ["default", "search-readers"]


def test_a_team_goes_and_comes_with_the_permissions_that_are_printed_for_its_program_and_needs_all_of_them(
    teams: Teams,
) -> None:
    evidence = Evidence(teams.sandbox)
    state = teams.pulumi("stack", "export", "--stack", "search")
    program, left = elsewhere.read(state)
    assert left == []
    own = teams.deployer("search")
    for command in ("destroy", "up"):
        teams.deploy("search", command, "--yes", "--skip-preview", **own)
    assert policies_of(teams, "search", "search-api") == ["default", "search-readers"]
    evidence.check(program)
