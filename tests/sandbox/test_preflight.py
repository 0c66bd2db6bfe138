"""A Vault, an account and a cluster that are in use: what is there is listed at once, and stays as it is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client as kubernetes

from tests.emulator.world import PRIMARY, allow, root, trust
from tests.sandbox.kit import ADVISORY, Sandbox
from tests.sandbox.test_existing_cluster import delete_cluster, make_cluster

STACK = "taken"
ARN = "arn:aws:iam::111111111111"
POLICY = allow("s3:ListBucket")
PODS = trust({"Service": "pods.eks.amazonaws.com"}, ["sts:AssumeRole", "sts:TagSession"])
POD = {"clusterName": "older", "namespace": "default", "serviceAccount": "pod"}
SECRETS_ENGINES = ("aws", "dev")
USERS = ("vault-auth", "vault-aws-engine")
POLICIES = {"vault-auth-policy": "/", "vault-aws-engine-policy": "/payments/"}
"""Policies, and the paths that they are below: their names are taken below any."""

CONFIG: dict[str, Any] = {
    "aws:region": "us-east-1",
    "vault-aws-auth:accountId": "111111111111",
    "vault-aws-auth:cluster": {"name": "older", "existing": True},
    "vault-aws-auth:vault": {"serverIdHeader": "vault.example.com", "kv": {"dev": {"protect": False}}},
    "vault-aws-auth:vaultIdentity": {"kind": "user", "userName": USERS[0], "policyName": "vault-auth-policy"},
    "vault-aws-auth:secretsEngine": {
        "kind": "user",
        "userName": USERS[1],
        "roles": {
            "reader": {"credentialType": "iam_user", "policyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"]}
        },
    },
    "vault-aws-auth:logins": {
        "app": {"kind": "service-account", "serviceAccounts": ["default/app"], "policies": ["dev"]},
        "pod": {
            "kind": "service-account",
            "serviceAccounts": ["default/pod"],
            "serviceAccountMode": "none",
            "method": "pod-identity",
            "policies": ["dev"],
        },
    },
}


def make_foreign(sandbox: Sandbox) -> None:
    """What other teams have, under the names that the stack would take."""
    make_cluster(sandbox)  # with the service account default/app
    iam, vault = sandbox.aws("iam"), sandbox.vault
    iam.create_role(
        RoleName="app", AssumeRolePolicyDocument=trust(root(PRIMARY)), Tags=[{"Key": "team", "Value": "a"}]
    )
    for name in USERS:
        iam.create_user(UserName=name)
    for name, path in POLICIES.items():
        iam.create_policy(PolicyName=name, Path=path, PolicyDocument=POLICY)
    iam.create_role(RoleName="foreign-pod", AssumeRolePolicyDocument=PODS)
    sandbox.aws("eks").create_pod_identity_association(**POD, roleArn=f"{ARN}:role/foreign-pod")
    vault.sys.enable_auth_method("aws", description="payments")
    vault.write("auth/aws/config/client", access_key="AKIAFOREIGN", secret_key="s", max_retries=7)
    role = {"auth_type": "iam", "bound_iam_principal_arn": f"{ARN}:role/x", "token_policies": "foreign"}
    vault.write("auth/aws/role/app", resolve_aws_unique_ids=False, **role)
    vault.sys.create_or_update_policy("dev", 'path "foreign" { capabilities = ["read"] }')
    for path in SECRETS_ENGINES:
        vault.sys.enable_secrets_engine("kv", path)


def foreign(sandbox: Sandbox) -> str:
    """All of it, down to its version and its times."""
    iam = sandbox.aws("iam")
    paths = ["sys/auth/aws", "auth/aws/config/client", "auth/aws/role/app", "sys/policies/acl/dev"]
    paths += [f"sys/mounts/{path}" for path in SECRETS_ENGINES]
    account: Any = sandbox.kubernetes.read_namespaced_service_account("app", "default")
    seen = [
        *(sandbox.vault.read(path)["data"] for path in paths),
        iam.get_role(RoleName="app")["Role"],
        iam.list_attached_role_policies(RoleName="app")["AttachedPolicies"],
        *(iam.get_user(UserName=name)["User"] for name in USERS),
        *(iam.list_access_keys(UserName=name)["AccessKeyMetadata"] for name in USERS),
        *(iam.get_policy(PolicyArn=f"{ARN}:policy{POLICIES[name]}{name}")["Policy"] for name in POLICIES),
        *sandbox.aws("eks").list_pod_identity_associations(clusterName="older")["associations"],
        kubernetes.ApiClient().sanitize_for_serialization(account),
    ]
    return json.dumps(seen, sort_keys=True, default=str)


def take_foreign_away(sandbox: Sandbox) -> None:
    iam, vault = sandbox.aws("iam"), sandbox.vault
    eks, cluster = sandbox.aws("eks"), {"clusterName": "older"}
    for each in eks.list_pod_identity_associations(**cluster)["associations"]:
        eks.delete_pod_identity_association(**cluster, associationId=each["associationId"])
    for name in ("app", "foreign-pod"):
        iam.delete_role(RoleName=name)
    for name in USERS:
        iam.delete_user(UserName=name)
    for name, path in POLICIES.items():
        iam.delete_policy(PolicyArn=f"{ARN}:policy{path}{name}")
    vault.sys.disable_auth_method("aws")
    vault.sys.delete_policy("dev")
    for path in SECRETS_ENGINES:
        vault.sys.disable_secrets_engine(path)
    sandbox.kubernetes.delete_namespaced_service_account("app", "default")


TAKEN = {
    "the auth mount aws": "write vault-aws-auth:vault: {mountPath: aws, mount: existing}",
    "the client config aws": "access_key AKIAFOREIGN",
    "the Vault role aws/app": f"binds {ARN}:role/x; gives foreign",
    "the Vault policy dev": "list it in vault-aws-auth:vault.externalPolicies",
    "the secrets engine dev": "write vault-aws-auth:vault: {kv: {dev: {mount: existing}}}",
    "the secrets engine aws": "type kv",
    "the IAM role app": "tags team=a",
    "the IAM user vault-auth": f"{ARN}:user/vault-auth",
    "the IAM user vault-aws-engine": f"{ARN}:user/vault-aws-engine",
    "the IAM policy vault-auth-policy": f"{ARN}:policy/vault-auth-policy",
    "the IAM policy vault-aws-engine-policy": f"{ARN}:policy/payments/vault-aws-engine-policy",
    "the Pod Identity association older/default/pod": f"gives {ARN}:role/foreign-pod",
    "the service account default/app": "write serviceAccountMode: patch",
}
"""Each thing that is there, and what must be said of it."""


def listed(printed: str) -> dict[str, str]:
    """The things that a refusal lists, with all that it says of them; the last list in a report is whole."""
    report = printed.rpartition("names are taken already by what this stack did not make")[2]
    lines = [line.partition(": ")[2] for line in report.splitlines() if re.match(r" +\d+\. ", line)]
    return {line.partition(" is there already")[0]: line for line in lines}


@pytest.mark.timeout(900)
def test_what_is_there_already_is_listed_at_once_and_stays_as_it_is(leased: Sandbox, tmp_path: Path) -> None:
    sandbox, stack_file = leased, tmp_path / "Pulumi.taken.yaml"
    words = ("--stack", STACK, "--config", str(stack_file), *ADVISORY)

    def write(app: Any = None, vault: Any = None, **sections: Any) -> None:
        """Writes the stack file, with changes to the login and to `vault`, and with sections of their own."""
        config = json.loads(json.dumps(CONFIG))
        config["vault-aws-auth:logins"]["app"] |= app or {}
        config["vault-aws-auth:vault"] |= vault or {}
        config["vault-aws-auth:logins"] |= sections.pop("logins", {})
        config |= {f"vault-aws-auth:{key}": value for key, value in sections.items()}
        config = {key: value for key, value in config.items() if value is not None}
        stack_file.write_text(yaml.safe_dump({"config": config}))

    write()
    make_foreign(sandbox)
    before = foreign(sandbox)
    for command in (("preview", *words), ("up", *words, "--no-logins")):
        answer = sandbox.run(*command)
        printed = answer.stdout + answer.stderr
        assert answer.returncode == 1, printed
        assert " Nothing was changed. " in answer.stderr.replace("\n", " ")
        assert "kept" not in answer.stderr
        said = listed(printed)
        assert said.keys() == TAKEN.keys(), printed
        for what, words_of_it in TAKEN.items():
            assert words_of_it in said[what]
        assert foreign(sandbox) == before
    takes_no_mount_over_without_what_is_in_it(sandbox, words, tmp_path)
    assert foreign(sandbox) == before
    destroy(sandbox)
    assert foreign(sandbox) == before
    take_foreign_away(sandbox)

    comes_up_after_a_failure(sandbox, write, words)
    keeps_what_it_hands_over(sandbox, write, words)


def destroy(sandbox: Sandbox) -> None:
    """The stack alone: what else there is stays, and is listed."""
    answer = sandbox.run("down", "--keep")
    assert "The resources in the stack have been deleted" in answer.stdout, answer.stdout + answer.stderr


def takes_no_mount_over_without_what_is_in_it(sandbox: Sandbox, words: tuple[str, ...], folder: Path) -> None:
    """The mount that was imported alone is the stack's; its client config and its role are not. And Pulumi
    protects what it imports, so that no `destroy` unmounts it."""
    mount = {"type": "vault:index/authBackend:AuthBackend", "name": "vault-aws-auth-mount", "id": "aws"}
    component = {"type": "vault-aws-auth:index:VaultAuthMount", "name": "mount", "component": True}
    provider = f"urn:pulumi:{STACK}::vault-aws-auth::pulumi:providers:vault::vault"
    adopt = {
        "nameTable": {"vault": provider},
        "resources": [
            {**component, "logicalName": "vault-aws-auth"},
            {**mount, "parent": "mount", "provider": "vault"},
        ],
    }
    (folder / "adopt.json").write_text(json.dumps(adopt))
    options = f"--stack {STACK} --yes --skip-preview --non-interactive"
    answer = sandbox.shell(f"pulumi import --file {folder}/adopt.json --generate-code=false {options}")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    answer = sandbox.shell(f"pulumi destroy {options}")
    assert answer.returncode != 0
    assert "because it is protected" in answer.stdout + answer.stderr
    answer = sandbox.run("preview", *words)
    printed = answer.stdout + answer.stderr
    assert answer.returncode == 1, printed
    assert listed(printed).keys() == TAKEN.keys() - {"the auth mount aws"}, printed
    urn = f"urn:pulumi:{STACK}::vault-aws-auth::vault-aws-auth:index:VaultAuthMount::vault-aws-auth"
    answer = sandbox.shell(f"pulumi state delete --force --target-dependents --yes --stack {STACK} '{urn}'")
    assert answer.returncode == 0, answer.stderr


def comes_up_after_a_failure(sandbox: Sandbox, write: Callable[..., None], words: tuple[str, ...]) -> None:
    """What a first run has made before it failed is the stack's own, though it has no outputs yet."""
    nobody = "arn:aws:iam::333333333333:role/nobody"  # of an account that the stack cannot look into
    write(accounts={"222222222222": {"allLookups": True, "trustedPrincipals": [nobody]}})
    answer = sandbox.run("up", *words, "--no-logins", env={"SANDBOX_IAM_PATIENCE": "3"})
    assert answer.returncode == 1
    assert "Invalid principal in policy" in answer.stdout + answer.stderr
    assert re.search(r"it made, changed or deleted \d+ resources, and the stack's state has", answer.stderr)
    assert sandbox.vault.read("sys/policies/acl/dev") is not None
    write()
    assert "is there already" not in sandbox.up(*words, "--no-logins")


def keeps_what_it_hands_over(sandbox: Sandbox, write: Callable[..., None], words: tuple[str, ...]) -> None:
    """A policy, a service account, a role and a user that the stack file says are another's now are neither
    changed nor deleted, not even with the stack."""
    iam, role, user = sandbox.aws("iam"), {"RoleName": "pod"}, {"UserName": "vault-aws-engine"}

    def seen() -> tuple[Any, ...]:
        account: Any = sandbox.kubernetes.read_namespaced_service_account("app", "default")
        policy = sandbox.vault.read("sys/policies/acl/dev")["data"]
        return policy, account.metadata.uid, iam.get_role(**role)["Role"], iam.get_user(**user)["User"]

    before = seen()
    principals = [f"{ARN}:role/pod", f"{ARN}:user/vault-aws-engine"]
    theirs: dict[str, Any] = {
        "app": {"serviceAccountMode": "none"},
        "vault": {"externalPolicies": ["dev"]},
        "logins": {"pod": {"kind": "principal", "principals": principals, "policies": ["dev"]}},
        "secretsEngine": None,
    }
    for settings in (theirs, {}, theirs, theirs):  # back, too
        write(**settings)
        sandbox.up(*words, "--no-logins")
        assert seen() == before
    destroy(sandbox)
    assert seen() == before
    sandbox.vault.sys.delete_policy("dev")
    iam.delete_role(**role)
    iam.delete_user(**user)
    delete_cluster(sandbox)
