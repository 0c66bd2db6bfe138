"""The local plugins change and take away each input as the official ones do: the tables of `official`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import pytest

from sandbox.plugins import random as random_plugin
from sandbox.plugins.aws import PLUGIN as AWS_PLUGIN
from sandbox.plugins.vault import PLUGIN as VAULT_PLUGIN
from sandbox.plugins.vault.objects import snake
from sandbox.plugins.wire import Secret
from tests.plugins import official
from tests.plugins.changing import fill, rows, try_out
from tests.plugins.cloud import REGION, Cloud, cloud
from tests.plugins.conftest import VaultServer
from tests.plugins.engine import Deployed, Engine, Refused, engine_for
from tests.plugins.official import Row

__all__ = ["cloud"]  # a fixture

EVERY_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": [f"{each}.amazonaws.com" for each in ("pods.eks", "eks", "ec2")]},
                "Action": ["sts:AssumeRole", "sts:TagSession"],
            }
        ],
    }
)


# Vault


@pytest.fixture
def vault(vault_server: VaultServer) -> Iterator[Engine]:
    config = {"address": vault_server.address, "token": Secret(vault_server.token)}
    with engine_for(VAULT_PLUGIN, config) as engine:
        yield engine


def vault_base(token: str, ids: Mapping[str, str]) -> dict[str, Any]:
    """What a resource of the type needs at least."""
    kind = token.rpartition(":")[2]
    mounted: dict[str, Any] = {"backend": ids["mount"]}
    bases: dict[str, dict[str, Any]] = {
        "AuthBackend": {"type": "aws", "path": ids["path"]},
        "Mount": {"type": "kv", "path": ids["path"]},
        "Policy": {"name": ids["path"], "policy": "# a"},
        "AuthBackendClient": mounted,
        "AuthBackendRole": {
            **mounted,
            "role": "r",
            "boundIamPrincipalArns": [f"{official.ACCOUNT}:role/a"],
            "inferredEntityType": "ec2_instance",
            "inferredAwsRegion": "us-east-1",
            "resolveAwsUniqueIds": False,
        },
        "AuthBackendStsRole": {
            **mounted,
            "accountId": "222222222222",
            "stsRole": f"{official.ACCOUNT}:role/a",
        },
        "AuthBackendConfigIdentity": mounted,
        "SecretBackend": {"path": ids["path"]},
        "SecretBackendRole": {
            "backend": ids["engine"],
            "name": "r",
            "credentialType": "assumed_role",
            "policyArns": [f"{official.ACCOUNT}:policy/a"],
            "roleArns": [f"{official.ACCOUNT}:role/a"],
        },
        "Oidc": {},
        "OidcKey": {"name": ids["path"]},
        "Endpoint": {
            "path": f"auth/{ids['mount']}/config/client",
            "dataJson": "{}",
            "ignoreAbsentFields": True,
            "disableDelete": True,
        },
    }
    return bases[kind]


@pytest.mark.parametrize(("token", "row"), rows(official.VAULT))
def test_vaults_provider_changes_and_takes_away(
    vault: Engine, vault_server: VaultServer, token: str, row: Row
) -> None:
    names = ("path", "mount", "other", "engine", "otherEngine")
    ids = {name: f"{name.lower()}-{uuid4().hex[:8]}" for name in names}
    for name in ("mount", "other"):
        vault_server.client.sys.enable_auth_method("aws", path=ids[name])
    for name in ("engine", "otherEngine"):
        vault_server.client.sys.enable_secrets_engine("aws", path=ids[name])
    base = vault_base(token, ids)
    if row.name == "type":  # else both would have to have one path at a time
        assert vault.diff(vault.create(token, base), {**base, "type": row.other}).replaces == ["type"]
        return

    def live(deployed: Deployed, name: str) -> Any:
        kind = token.rpartition(":")[2]
        place = {
            "AuthBackend": f"sys/auth/{deployed.id}/tune",
            "Mount": f"sys/mounts/{deployed.id}/tune",
            "Policy": f"sys/policies/acl/{deployed.id}",
            "Oidc": "identity/oidc/config",
            "OidcKey": f"identity/oidc/key/{deployed.id}",
            "SecretBackend": f"{deployed.id}/config/root",
        }.get(kind, deployed.id)
        return (vault_server.client.read(place) or {"data": {}})["data"].get(row.live or snake(name))

    if row.name in ("iamTags", "permissionsBoundaryArn"):  # of users
        base = {**base, "credentialType": "iam_user"}
        del base["roleArns"]
    if token.endswith("AuthBackendRole") and row.name == "authType":
        base = {key: value for key, value in base.items() if not key.startswith("inferred")}
        change = vault.diff(vault.create(token, {**base, "authType": "iam"}), {**base, "authType": "ec2"})
        assert change.replaces == ["authType"]
        return
    try_out(vault, token, row, base, ids, live)


def test_a_role_of_users_becomes_one_of_sessions_only_by_a_replacement(
    vault: Engine, vault_server: VaultServer
) -> None:
    """The official provider refuses what only the other kind has, even to take it away."""
    token, path = "vault:aws/secretBackendRole:SecretBackendRole", f"engine-{uuid4().hex[:8]}"
    vault_server.client.sys.enable_secrets_engine("aws", path=path)
    common = {"backend": path, "name": "r", "policyArns": [f"{official.ACCOUNT}:policy/a"]}
    users = {**common, "credentialType": "iam_user", "permissionsBoundaryArn": f"{official.ACCOUNT}:policy/b"}
    sessions = {
        **common,
        "credentialType": "assumed_role",
        "roleArns": [f"{official.ACCOUNT}:role/a"],
        "defaultStsTtl": 900,
    }
    of_users = vault.create(token, users)
    with pytest.raises(Refused, match="permissionsBoundaryArn cannot be set or changed with credentialType"):
        vault.update_again(of_users, vault.check(token, {**common, "credentialType": "federation_token"}))
    vault.delete(of_users)
    of_sessions = vault.create(token, {**sessions, "credentialType": "federation_token", "roleArns": []})
    with pytest.raises(Refused, match="defaultStsTtl cannot be set or changed with credentialType iam_user"):
        vault.update_again(of_sessions, vault.check(token, {**common, "credentialType": "iam_user"}))


# AWS


@pytest.fixture(scope="module")
def aws(cloud: Cloud) -> Iterator[Engine]:
    key = cloud.keys["111111111111"]
    config = {
        "region": REGION,
        "accessKey": key["access_key_id"],
        "secretKey": key["secret_access_key"],
        "endpoints": json.dumps([dict.fromkeys(("ec2", "eks", "iam", "sts"), cloud.url)]),
    }
    with engine_for(AWS_PLUGIN, config) as engine:
        yield engine


@pytest.fixture(scope="module")
def objects(aws: Engine) -> Iterator[dict[str, Any]]:
    """Objects that rows refer to: their IDs by name."""
    role = {"assumeRolePolicy": EVERY_TRUST}
    made = {
        "role": aws.create("aws:iam/role:Role", role, "one"),
        "otherRole": aws.create("aws:iam/role:Role", role, "two"),
        "user": aws.create("aws:iam/user:User", {}, "one"),
        "otherUser": aws.create("aws:iam/user:User", {}, "two"),
        "policy": aws.create("aws:iam/policy:Policy", {"policy": official.READ}, "one"),
        "otherPolicy": aws.create("aws:iam/policy:Policy", {"policy": official.READ}, "two"),
    }
    ids = {name: each.id for name, each in made.items()}
    ids |= {f"{name}Arn": str(made[name].values["arn"]) for name in ("role", "otherRole")}
    vpc = aws.invoke("aws:ec2/getVpc:getVpc", {"default": True})["id"]
    asked = {"filters": [{"name": "vpc-id", "values": [vpc]}]}
    subnets = sorted(aws.invoke("aws:ec2/getSubnets:getSubnets", asked)["ids"])[:2]
    cluster = {"roleArn": ids["roleArn"], "vpcConfig": {"subnetIds": subnets}}
    made["cluster"] = aws.create("aws:eks/cluster:Cluster", cluster)
    for name in ("template", "otherTemplate"):
        made[name] = aws.create("aws:ec2/launchTemplate:LaunchTemplate", {}, name)
        made[name] = aws.update(made[name], {"description": "has a second version"})
    ids |= {name: made[name].id for name in ("cluster", "template", "otherTemplate")}
    ids |= {"subnet": subnets[0], "otherSubnet": subnets[1]}
    yield {**ids, "subnets": subnets}
    for each in reversed(made.values()):
        aws.delete(each)


@pytest.mark.parametrize(("token", "row"), rows(official.AWS))
def test_awss_provider_changes_and_takes_away(
    aws: Engine, objects: dict[str, Any], token: str, row: Row
) -> None:
    name = f"it-{uuid4().hex[:8]}"
    ids = {
        **{k: v for k, v in objects.items() if k != "subnets"},
        "new": name,
        "url": f"https://{name}.example.com",
    }
    required = AWS_PLUGIN.resources[token].required
    base = {each.name: fill(each.first, ids) for each in official.AWS[token] if each.name in required}
    if token == "aws:eks/cluster:Cluster":
        base["vpcConfig"] = {"subnetIds": objects["subnets"]}

    def live(deployed: Deployed, name: str) -> Any:
        now = aws.refresh(deployed)
        assert now
        value = now.values.get(name)
        # AWS shows its name as well.
        if value and name == "launchTemplate":
            return {key: value[key] for key in ("id", "version")}
        return value

    if row.name == "clusterName":  # there is one
        made = aws.create(token, base)
        assert aws.diff(made, {**made.inputs, "clusterName": "other"}).replaces == ["clusterName"]
        aws.delete(made)
        return
    try_out(aws, token, row, base, ids, live)


# Random


@pytest.mark.parametrize(("token", "row"), rows(official.RANDOM))
def test_randoms_provider_changes_and_takes_away(token: str, row: Row) -> None:
    with engine_for(random_plugin.PLUGIN) as engine:
        try_out(engine, token, row, {"length": 16}, {}, lambda *_: None)
