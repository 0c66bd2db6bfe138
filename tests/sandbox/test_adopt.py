"""An estate that was made by hand comes under a stack, and no login fails on the way."""

from __future__ import annotations

import json
import shlex
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sandbox import guardrails
from tests.emulator.world import allow, root, trust
from tests.sandbox.callers import assume_with_token, log_in, session
from tests.sandbox.kit import ADVISORY, REPOSITORY, Sandbox

STACK = "adopted"
ACCOUNT, OTHER = "111111111111", "222222222222"
LOOKUP = "trust-relationship-for-primary-aws-and-vault"
LOOKUPS = allow(["iam:GetUser", "iam:GetRole", "iam:GetInstanceProfile", "ec2:DescribeInstances"])
ANNOTATION = "eks.amazonaws.com/role-arn"
POLICY = 'path "estate/*" { capabilities = ["read"] }\n'
PODS = {
    "vault-auth": ("default/estate", "pod", "StringEquals"),
    "gloo": ("estate/gloo", "gloo", "StringEqualsIfExists"),
    "operator": ("estate/operator", "operator", "StringEquals"),
}
"""By IAM role: its service account, its Vault role, and how its trust policy compares."""

EXTERNAL_ID = (
    f"mend this before the first preview: vault-aws-auth:accounts.{OTHER}.externalId: is not an external ID; "
    "write 2 to 1224 letters, digits and _+=,.@:/-"
)
OTHERS_ROLE = f"arn:aws:iam::{OTHER}:role/vault-secondary-app"
PATHS = {"operator": "/operators/"}
VAULT_ROLES = {
    "pod": ("vault-auth", "token_max_ttl=8h"),
    "gloo": ("gloo", "max_ttl=15m"),
    "operator": ("operator", "ttl=1h max_ttl=2h token_num_uses=9"),
}


READS = ["iam:Get*", "iam:List*", "eks:List*", "eks:Describe*"]
VAULT_READS = "".join(
    f'path "{path}" {{ capabilities = ["read", "list"] }}\n'
    for path in (
        "sys/auth",
        "sys/mounts/auth/aws/tune",
        "sys/mounts",
        "sys/policies/acl",
        "sys/policies/acl/*",
        "auth/aws/config/*",
        "auth/aws/role",
        "auth/aws/role/*",
    )
)


def arn(role: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role{PATHS.get(role, '/')}{role}"


def service_trust(service: str) -> str:
    return trust({"Service": service})


class Estate:
    """Scenarios A to D, as the published guides write them, and what a mount gathers over the years."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.iam, self.eks = sandbox.aws("iam"), sandbox.aws("eks")
        self.far = sandbox.aws("iam", OTHER)
        self.issuer = ""

    def make(self) -> None:
        self._cluster()
        self.iam.create_user(UserName="vault")
        self.iam.put_user_policy(UserName="vault", PolicyName="lookups", PolicyDocument=LOOKUPS)
        assume = allow("sts:AssumeRole", f"arn:aws:iam::{OTHER}:role/{LOOKUP}")
        self.iam.put_user_policy(UserName="vault", PolicyName="assume", PolicyDocument=assume)
        key = self.iam.create_access_key(UserName="vault")["AccessKey"]
        for role, (account, _, compares) in PODS.items():
            self._pod(role, account, compares)
        self.iam.create_role(RoleName="node", AssumeRolePolicyDocument=service_trust("ec2.amazonaws.com"))
        self.iam.create_instance_profile(InstanceProfileName="estate-node")
        self.iam.add_role_to_instance_profile(InstanceProfileName="estate-node", RoleName="node")
        external_id = {"StringEquals": {"sts:ExternalId": "of-the-estate"}}
        trusted = trust({"AWS": f"arn:aws:iam::{ACCOUNT}:user/vault"}, Condition=external_id)
        self.far.create_role(RoleName=LOOKUP, AssumeRolePolicyDocument=trusted)
        self.far.put_role_policy(RoleName=LOOKUP, PolicyName="lookups", PolicyDocument=LOOKUPS)
        self.iam.create_role(RoleName="gone", AssumeRolePolicyDocument=service_trust("ec2.amazonaws.com"))
        self._vault(key)
        self.iam.delete_role(RoleName="gone")

    def _cluster(self) -> None:
        self.iam.create_role(
            RoleName="estate-cluster", AssumeRolePolicyDocument=service_trust("eks.amazonaws.com")
        )
        subnets = [subnet["SubnetId"] for subnet in self.sandbox.aws("ec2").describe_subnets()["Subnets"]]
        made = self.eks.create_cluster(
            name="estate",
            roleArn=f"arn:aws:iam::{ACCOUNT}:role/estate-cluster",
            resourcesVpcConfig={"subnetIds": subnets[:2]},
            accessConfig={"authenticationMode": "API"},
        )
        self.issuer = made["cluster"]["identity"]["oidc"]["issuer"]
        self.iam.create_open_id_connect_provider(Url=self.issuer, ClientIDList=["sts.amazonaws.com"])

    @property
    def provider(self) -> str:
        return f"arn:aws:iam::{ACCOUNT}:oidc-provider/{self.issuer.removeprefix('https://')}"

    def _pod(self, role: str, account: str, compares: str) -> None:
        host = self.issuer.removeprefix("https://")
        subject = f"system:serviceaccount:{account.replace('/', ':')}"
        condition = {compares: {f"{host}:sub": subject, f"{host}:aud": "sts.amazonaws.com"}}
        trusted = trust({"Federated": self.provider}, "sts:AssumeRoleWithWebIdentity", Condition=condition)
        self.iam.create_role(RoleName=role, Path=PATHS.get(role, "/"), AssumeRolePolicyDocument=trusted)

    def _vault(self, key: dict[str, str]) -> None:
        """With Vault's own command and kubectl."""
        endpoint = self.sandbox.env["AWS_ENDPOINT_URL"]
        client = {
            "access_key": key["AccessKeyId"],
            "secret_key": key["SecretAccessKey"],
            **dict.fromkeys(("sts_endpoint", "iam_endpoint", "endpoint"), endpoint),
            "sts_region": "us-east-1",
            "iam_server_id_header_value": "vault.example.com",
        }
        lines = [
            "vault auth enable -description=payments aws",
            "vault write auth/aws/config/client "
            + " ".join(f"{key}={value}" for key, value in client.items()),
            f"vault write auth/aws/config/sts/{OTHER} sts_role=arn:aws:iam::{OTHER}:role/{LOOKUP} "
            "external_id=of-the-estate",
            *(
                f"printf %s {shlex.quote(POLICY)} | vault policy write {name} -"
                for name in ("estate", "unused")
            ),
            *(
                f"vault write auth/aws/role/{name} auth_type=iam bound_iam_principal_arn={arn(role)} "
                f"policies=estate {words}"
                for name, (role, words) in VAULT_ROLES.items()
            ),
            "vault write auth/aws/role/node auth_type=iam inferred_entity_type=ec2_instance "
            f"inferred_aws_region=us-east-1 bound_account_id={ACCOUNT} policies=estate max_ttl=1h "
            f"'bound_iam_instance_profile_arn=arn:aws:iam::{ACCOUNT}:instance-profile/estate-*'",
            f"vault write auth/aws/role/far auth_type=iam 'bound_iam_principal_arn={OTHERS_ROLE[:-3]}*' "
            "policies=estate max_ttl=1h",
            "vault write auth/aws/role/legacy auth_type=ec2 bound_ami_id=ami-12345678 policies=estate",
            "vault write auth/aws/role/gone auth_type=iam policies=estate "
            f"bound_iam_principal_arn={arn('gone')}",
            "kubectl create namespace estate",
        ]
        for role, (account, _, _) in PODS.items():
            namespace, _, name = account.partition("/")
            lines += [
                f"kubectl -n {namespace} create serviceaccount {name}",
                f"kubectl -n {namespace} annotate serviceaccount {name} {ANNOTATION}={arn(role)}",
            ]
        answer = self.sandbox.shell(" && ".join(lines))
        assert answer.returncode == 0, answer.stderr

    def reader(self) -> str:
        """The variables of who may read what docs/adopting.md says, and nothing else."""
        self.iam.create_user(UserName="reader")
        own = allow([*READS, "sts:AssumeRole"])
        self.iam.put_user_policy(UserName="reader", PolicyName="reads", PolicyDocument=own)
        self.far.create_role(RoleName="reader", AssumeRolePolicyDocument=trust(root(ACCOUNT)))
        self.far.put_role_policy(RoleName="reader", PolicyName="reads", PolicyDocument=allow(READS))
        key = self.iam.create_access_key(UserName="reader")["AccessKey"]
        vault = self.sandbox.vault
        vault.sys.create_or_update_policy("reader", VAULT_READS)
        token = vault.auth.token.create(policies=["reader"])["auth"]["client_token"]
        variables = {
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
            "VAULT_TOKEN": token,
        }
        return " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())

    def remove_reader(self) -> None:
        for key in self.iam.list_access_keys(UserName="reader")["AccessKeyMetadata"]:
            self.iam.delete_access_key(UserName="reader", AccessKeyId=key["AccessKeyId"])
        self.iam.delete_user_policy(UserName="reader", PolicyName="reads")
        self.iam.delete_user(UserName="reader")
        self.far.delete_role_policy(RoleName="reader", PolicyName="reads")
        self.far.delete_role(RoleName="reader")
        self.sandbox.vault.sys.delete_policy("reader")

    def seen(self) -> str:
        """What the stack does not take over, down to its version and its times."""
        vault = self.sandbox.vault
        gloo: Any = self.sandbox.kubernetes.read_namespaced_service_account("gloo", "estate")
        pod: Any = self.sandbox.kubernetes.read_namespaced_service_account("estate", "default")
        things = [
            *(vault.read(f"auth/aws/role/{name}")["data"] for name in ("legacy", "gone")),
            *(vault.read(f"sys/policies/acl/{name}")["data"] for name in ("estate", "unused")),
            self.iam.get_role(RoleName="gloo")["Role"],
            self.iam.get_role(RoleName="node")["Role"],
            self.far.get_role(RoleName=LOOKUP)["Role"],
            self.iam.list_access_keys(UserName="vault")["AccessKeyMetadata"],
            self.eks.describe_cluster(name="estate")["cluster"],
            *(it.metadata.resource_version for it in (gloo, pod)),
        ]
        return json.dumps(things, sort_keys=True, default=str)

    def unmake(self) -> None:
        """What the stack has left, and it deleted the rest."""
        for policy in ("estate", "unused"):
            self.sandbox.vault.sys.delete_policy(policy)
        self.sandbox.kubernetes.delete_namespace("estate")
        self.sandbox.kubernetes.delete_namespaced_service_account("estate", "default")
        self.far.delete_role_policy(RoleName=LOOKUP, PolicyName="lookups")
        self.far.delete_role(RoleName=LOOKUP)
        self.iam.remove_role_from_instance_profile(InstanceProfileName="estate-node", RoleName="node")
        self.iam.delete_instance_profile(InstanceProfileName="estate-node")
        self.eks.delete_cluster(name="estate")
        self.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=self.provider)
        for role in ("node", "gloo", "estate-cluster"):
            self.iam.delete_role(RoleName=role)


@contextmanager
def logging_in(sandbox: Sandbox) -> Iterator[tuple[list[str], Callable[[], None]]]:
    """All logins of the estate, in a loop: the failures, and a wait until each was tried once more."""
    failures: list[str] = []
    ended, again = threading.Event(), threading.Semaphore(0)

    def goes_on() -> None:
        while again.acquire(blocking=False):
            pass
        for _ in range(2):  # the round that was begun, and a whole one
            assert again.acquire(timeout=60)

    def once() -> None:
        for role, (account, vault_role, _) in PODS.items():
            namespace, _, name = account.partition("/")
            log_in(sandbox, assume_with_token(sandbox, sandbox.token(name, namespace), arn(role)), vault_role)
        log_in(sandbox, session(sandbox, OTHERS_ROLE, "loop"), "far")

    def loop() -> None:
        while not ended.wait(0.2):
            try:
                once()
            except Exception as error:
                failures.append(f"{type(error).__name__}: {error}")
            again.release()

    once()
    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield failures, goes_on
    finally:
        ended.set()
        thread.join()


@pytest.mark.timeout(900)
def test_an_estate_is_adopted_without_one_failed_login(leased: Sandbox, tmp_path: Path) -> None:
    sandbox, estate = leased, Estate(leased)
    estate.make()
    before = estate.seen()
    stack_file, project = tmp_path / "Pulumi.adopted.yaml", tmp_path / "project"
    project.mkdir()  # its policies/vault/ is written to
    with logging_in(sandbox) as (failures, goes_on):
        reader = estate.reader()
        found = sandbox.json(
            f"{reader} vault-aws-auth adopt --json --project {project} --out {stack_file} --use policies "
            f"--role-arn arn:aws:iam::{OTHER}:role/reader"
        )
        estate.remove_reader()
        assert found["unread"] == [{"about": "", "text": EXTERNAL_ID}]
        assert {it["about"] for it in found["left"]} == {
            "auth/aws/role/legacy",
            "auth/aws/role/gone",
            "sys/policies/acl/reader",
            "sys/policies/acl/unused",
        }
        assert "of-the-estate" not in stack_file.read_text()
        text = stack_file.read_text().replace("externalId: ''", "externalId: of-the-estate")
        stack_file.write_text(text)
        refused = sandbox.run("preview", "--stack", STACK, "--config", str(stack_file), *ADVISORY)
        assert "names are taken already" in refused.stdout + refused.stderr
        takes_it_over(sandbox, tmp_path)
        shows_no_change_but_those_that_were_named(sandbox, stack_file, found)
        sandbox.up("--stack", STACK, "--config", str(stack_file), *ADVISORY, "--no-logins")
        for policy in ("lookups", "assume"):  # the stack has granted what the logins need
            estate.iam.delete_user_policy(UserName="vault", PolicyName=policy)
        goes_on()
    assert failures == []
    assert estate.seen() == before
    answer = sandbox.run("down", "--keep")
    assert "The resources in the stack have been deleted" in answer.stdout, answer.stdout + answer.stderr
    estate.unmake()


def takes_it_over(sandbox: Sandbox, folder: Path) -> None:
    config, adopt = sandbox.home / "pulumi" / "project" / f"Pulumi.{STACK}.yaml", folder / "adopt.json"
    rules = guardrails.variables(guardrails.options(Path(ADVISORY[1])))
    variables = " ".join(f"{name}={shlex.quote(value)}" for name, value in rules.items())
    stack = f"--stack {STACK} --config-file {config}"
    answer = sandbox.shell(f"{variables} python -m stack import-file {stack} --output {adopt}")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert adopt.stat().st_mode & 0o077 == 0
    assert "<PLACEHOLDER>" not in adopt.read_text()
    words = "--generate-code=false --protect=false --yes --skip-preview"
    for _ in range(2):  # a second time there is nothing left to do
        answer = sandbox.shell(f"pulumi import --file {adopt} {words} -C {REPOSITORY} {stack}")
        assert answer.returncode == 0, answer.stdout + answer.stderr


DEFAULTS = {"tokenType", "identityTokenKey", "allowOverwrite", "forceDestroy", "forceDetachPolicies"}
NAMED = {
    "auth/aws: gets the description": ("AuthBackend", {"description"}),
    "config/identity: iam_metadata": ("AuthBackendConfigIdentity", set[str]()),
    "gets the description and the tags": ("Role", {"description", "tags", "tagsAll"}),
    "user/vault: gets the policy": ("User", {"tags", "tagsAll"}),
    "token_ttl is": ("AuthBackendRole", {"tokenTtl"}),
    "token_max_ttl is": ("AuthBackendRole", {"tokenMaxTtl"}),
    "binds also the roles": ("AuthBackendRole", {"boundIamRoleArns", "boundIamPrincipalArns"}),
}
"""By the words that name it: the type of resource that a change is of, and its properties."""


def shows_no_change_but_those_that_were_named(
    sandbox: Sandbox, stack_file: Path, found: dict[str, Any]
) -> None:
    said = "\n".join(f"{it['about']}: {it['text']}" for it in found["changes"])
    allowed: dict[str, set[str]] = {}
    for words, (kind, properties) in NAMED.items():
        if words in said:
            allowed[kind] = allowed.get(kind, set()) | properties
    answer = sandbox.run("preview", "--json", "--stack", STACK, "--config", str(stack_file), *ADVISORY)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    made = set()
    for step in json.loads(answer.stdout)["steps"]:
        kind = step["urn"].split("::")[2].rpartition(":")[2]
        assert step["op"] in ("same", "update", "create"), step
        if step["op"] == "update":
            changed = {
                each.partition("[")[0] for each in [*(step["detailedDiff"] or {}), *step["diffReasons"]]
            }
            assert changed <= allowed.get(kind, set()) | DEFAULTS, (step["urn"], changed)
        elif step["op"] == "create" and step["newState"]["custom"] and "::pulumi:prov" not in step["urn"]:
            made.add(kind)
    assert made == {"Policy", "UserPolicyAttachment", "AuthBackendConfigIdentity"}
