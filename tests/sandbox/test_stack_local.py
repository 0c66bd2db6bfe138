"""Stack `local` as an operator sees it: what AWS, Kubernetes, Vault and Pulumi say agrees."""

from __future__ import annotations

import json
import random
import re

from cli import acl
from tests.sandbox.kit import Sandbox

ROLE_ARN = "arn:aws:iam::111111111111:role/vault-auth"
MAX_TTL = 768 * 3600


def test_up_ends_with_one_table_of_the_logins_and_prints_no_outputs(sandbox: Sandbox) -> None:
    printed = sandbox.first_up
    table = printed.partition("\nLogins\n")[2].splitlines()
    assert table[0].split() == ["login", "caller", "token", "policies"]
    rows = [re.split(r"  +", line) for line in table if line.startswith("✓")]
    assert [row[0] for row in rows] == [
        "✓ batch",
        "✓ gloo",
        "✓ node",
        "✓ other-account",
        "✓ pod",
        "✓ vault-access-operator",
    ]
    assert rows[2][1:] == ["this EC2 instance", "hvs.CAES… 768h", "default, dev"]
    assert rows[4][1:] == ["default/vault-auth", "hvs.CAES… 768h", "default, dev"]
    assert table[-2:] == ["", f"Ready. A shell with everything set: source {sandbox.home}/env"]
    assert "Outputs:" not in printed
    assert not re.search(r"arn:aws:iam::\d+:role", printed)


def test_up_again_in_the_sandbox_shell_changes_nothing_and_takes_no_link_of_the_sandbox_for_a_tool(
    sandbox: Sandbox,
) -> None:
    answer = sandbox.shell("python -m sandbox up")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    printed = answer.stdout
    assert re.search(r"\d+ unchanged", printed)
    assert not re.search(r"\d+ (created|updated|replaced|deleted)|[+-] \d+ to", printed), printed
    folder = str(sandbox.home / "bin")
    assert folder not in (sandbox.home / "bin" / "pulumi").read_text()
    assert folder not in str((sandbox.home / "bin" / "vault").readlink())


def test_preview_by_hand_in_the_sandbox_shell_finds_no_change(sandbox: Sandbox) -> None:
    answer = sandbox.shell("pulumi preview --stack local --expect-no-changes --non-interactive")
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_refresh_finds_no_drift(sandbox: Sandbox) -> None:
    answer = sandbox.shell("pulumi refresh --stack local --yes --skip-preview --expect-no-changes")
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_pod_role_in_vault_is_bound_to_the_iam_role_alone(sandbox: Sandbox) -> None:
    role = sandbox.json("vault read -format=json auth/aws/role/dev-role-iam2")["data"]
    assert role["auth_type"] == "iam"
    assert role["bound_iam_principal_arn"] == [ROLE_ARN]
    assert role["bound_iam_principal_id"] == [
        sandbox.aws("iam").get_role(RoleName="vault-auth")["Role"]["RoleId"]
    ]
    assert role["token_policies"] == ["dev"]
    assert role["token_max_ttl"] == MAX_TTL


def test_node_role_in_vault_infers_instances_of_the_node_group(sandbox: Sandbox) -> None:
    role = sandbox.json("vault read -format=json auth/aws/role/dev-role-iam")["data"]
    assert role["auth_type"] == "iam"
    assert role["inferred_entity_type"] == "ec2_instance"
    assert role["inferred_aws_region"] == "us-east-1"
    assert role["bound_account_id"] == ["111111111111"]
    (profile,) = role["bound_iam_instance_profile_arn"]
    assert re.fullmatch(r"arn:aws:iam::111111111111:instance-profile/[^*]+\*", profile)
    assert role["token_policies"] == ["dev"]
    assert role["token_max_ttl"] == MAX_TTL


def test_client_config_shows_the_access_key_and_never_its_secret(sandbox: Sandbox) -> None:
    answer = sandbox.shell("vault read -format=json auth/aws/config/client")
    (key,) = sandbox.aws("iam").list_access_keys(UserName="vault-auth")["AccessKeyMetadata"]
    assert key["AccessKeyId"] in answer.stdout
    assert "secret_key" not in answer.stdout


def test_service_account_carries_the_role(sandbox: Sandbox) -> None:
    account = sandbox.json("kubectl get sa vault-auth -n default -o json")
    assert account["metadata"]["annotations"]["eks.amazonaws.com/role-arn"] == ROLE_ARN


def test_iam_role_trusts_one_service_account_of_one_cluster(sandbox: Sandbox) -> None:
    role = sandbox.json("aws iam get-role --role-name vault-auth --output json")["Role"]
    cluster = sandbox.json("pulumi stack output cluster --stack local --json")
    issuer = cluster["oidcIssuer"].removeprefix("https://")
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Effect"] == "Allow"
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert statement["Principal"] == {"Federated": cluster["oidcProviderArn"]}
    assert statement["Condition"] == {
        "StringEquals": {
            f"{issuer}:aud": "sts.amazonaws.com",
            f"{issuer}:sub": "system:serviceaccount:default:vault-auth",
        }
    }


def test_stack_outputs_follow_the_contract(sandbox: Sandbox) -> None:
    outputs = sandbox.json("pulumi stack output --stack local --json")
    assert {"vault", "cluster", "logins", "callers", "consumers", "secretsEngine"} <= outputs.keys()
    assert outputs["vault"].keys() == {
        "address", "namespace", "mountPath", "serverIdHeader", "stsEndpoint", "stsRegion",
    }  # fmt: skip
    assert outputs["cluster"].keys() == {"name", "oidcIssuer", "oidcProviderArn"}
    assert outputs["clusters"] == {"eks1": {**outputs["cluster"], "region": "us-east-1"}}
    for login in outputs["logins"].values():
        of_cluster = {"clusters"} if login["kind"] in ("service-account", "ec2-instance") else set()
        assert login.keys() == {
            "kind", "vaultRole", "iamRoleArn", "serviceAccounts", "principals", "policies", "maxTtl",
        } | of_cluster  # fmt: skip
    assert outputs["logins"]["pod"]["serviceAccounts"] == ["default/vault-auth"]
    assert outputs["logins"]["pod"]["iamRoleArn"] == ROLE_ARN
    assert outputs["kubeconfig"] == outputs["kubeconfigs"] == "[secret]"


def test_kubeconfig_of_the_stack_opens_the_cluster_through_aws(sandbox: Sandbox) -> None:
    command = (
        "pulumi stack output kubeconfig --stack local --show-secrets > $PULUMI_HOME/kubeconfig && "
        "kubectl --kubeconfig $PULUMI_HOME/kubeconfig auth can-i create namespaces; "
        "rm -f $PULUMI_HOME/kubeconfig"
    )
    assert sandbox.shell(command).stdout.strip() == "yes"


def test_verify_proves_every_login_and_every_refusal(sandbox: Sandbox) -> None:
    answer = sandbox.shell("vault-aws-auth verify --stack local")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "not tried" not in answer.stdout


def test_login_gives_a_token_that_reads_what_its_policy_allows(sandbox: Sandbox) -> None:
    """The point of it all: a pod's identity, and nothing stored, opens a secret."""
    kv = sandbox.vault.secrets.kv.v2
    kv.create_or_update_secret("app", {"color": "blue"}, mount_point="dev")
    answer = sandbox.shell(
        "vault-aws-auth login pod --stack local --token-file $PULUMI_HOME/pod-token > /dev/null && "
        "VAULT_TOKEN=$(cat $PULUMI_HOME/pod-token) vault kv get -mount=dev -field=color app; "
        "rm -f $PULUMI_HOME/pod-token"
    )
    kv.delete_metadata_and_all_versions("app", mount_point="dev")
    assert answer.stdout.strip() == "blue", answer.stderr


def test_access_finds_nothing_between_what_is_deployed_and_what_is_declared(sandbox: Sandbox) -> None:
    answer = sandbox.shell("vault-aws-auth access --compare stack:local Pulumi.local.yaml --exit-code --json")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    found = json.loads(answer.stdout)
    assert found["changed"] is False, answer.stdout
    assert not any("not known here" in note for note in found["notes"])  # the policies are in the state


def test_the_report_of_access_says_of_which_stack_and_update_it_is(sandbox: Sandbox) -> None:
    report = sandbox.json("vault-aws-auth access --stack local --format json")
    origin = report["origin"]
    assert origin["stack"] == "local"
    assert re.fullmatch(r"20\d\d-\d\d-\d\d \d\d:\d\d UTC", origin["deployed"])
    assert {each["login"] for each in report["logins"] if each["asRoot"]} == {
        "other-account",
        "vault-access-operator",
    }
    page = sandbox.shell("vault-aws-auth access --stack local --format html").stdout
    assert "<dd>local</dd>" in page
    assert origin["deployed"] in page


def test_vault_applies_the_rule_to_a_path_that_the_comparison_takes(sandbox: Sandbox) -> None:
    """Policies at random, and what Vault itself says of the paths that they are about."""
    chance = random.Random(12)  # noqa: S311 - the same policies in every run
    for _ in range(10):
        texts = {f"compared-{number}": json.dumps({"path": _rules(chance)}) for number in range(3)}
        for name, text in texts.items():
            sandbox.vault.sys.create_or_update_policy(name, text)
        token = sandbox.vault.auth.token.create(policies=[*texts], no_default_policy=True)
        client = token["auth"]["client_token"]
        paths = sorted({_path(chance, ("a", "ab", "b", "c")) for _ in range(60)})
        said = sandbox.vault.adapter.post("v1/sys/capabilities", json={"token": client, "paths": paths})
        decided = acl.Acl(acl.combined(map(acl.parse, texts.values())))
        found = {path: {*decided.at(path)} or {"deny"} for path in paths}
        sandbox.vault.auth.token.revoke(client)
        for name in texts:
            sandbox.vault.sys.delete_policy(name)
        assert found == {path: {*said["data"][path]} for path in paths}, texts


def _rules(chance: random.Random) -> dict[str, dict[str, list[str]]]:
    capabilities = ("create", "read", "update", "delete", "list", "sudo")
    found = {}
    for _ in range(chance.randint(1, 5)):
        end = chance.choice(("", "/*", "*"))
        path = _path(chance, ("a", "ab", "b", "+", "+"))
        allowed = ["deny"] if chance.random() < 0.15 else chance.sample(capabilities, chance.randint(1, 3))
        found[path + ("" if path.endswith("+") and end == "*" else end)] = {"capabilities": allowed}
    return found


def _path(chance: random.Random, segments: tuple[str, ...]) -> str:
    return "/".join(chance.choice(segments) for _ in range(chance.randint(1, 3)))
