"""Asks AWS, Kubernetes and Vault what they hold, so that `down` can prove that nothing is left."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox import enterprise
from sandbox.home import Home, SandboxError, write_private

SETTLE_SECONDS = 20


def inventory(home: Home) -> set[str]:
    """One line for each thing that exists in the emulated accounts, the cluster and Vault."""
    found = set(_kubernetes(home)) | set(_vault(home))
    for account, key in home.credentials().items():
        found |= {f"AWS {account}: {line}" for line in _aws(home, key)}
    return found


@dataclass(frozen=True)
class Difference:
    """What AWS, Kubernetes and Vault hold, against what they held before the first stack."""

    left: list[str]
    """What is there now and was not then."""
    missing: list[str]
    """What was there then and is not now."""

    def __str__(self) -> str:
        lines = [f"  left behind: {line}" for line in self.left]
        return "\n".join(lines + [f"  missing: {line}" for line in self.missing])


def remember(home: Home) -> None:
    """Keeps on disk what there is before the first stack; later calls change nothing."""
    if not _baseline(home).exists():
        write_private(_baseline(home), json.dumps(sorted(inventory(home))))


def difference(home: Home) -> Difference:
    """What differs from before the first stack; waits a little for deletions that take their time."""
    if not _baseline(home).exists():  # no start was ever completed, so there was no stack
        return Difference([], [])
    before = set(home.read_json(_baseline(home)))
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        now = inventory(home)
        if not now - before or time.monotonic() > deadline:
            return Difference(sorted(now - before), sorted(before - now))
        time.sleep(0.5)


def _baseline(home: Home) -> Path:
    return home.root / "baseline.json"


def _aws(home: Home, key: dict[str, str]) -> Iterable[str]:
    import boto3
    from botocore.config import Config

    session = boto3.Session(key["access_key_id"], key["secret_access_key"], region_name=home.region)
    settings = Config(proxies={}, retries={"max_attempts": 2})

    def client(service: str) -> Any:
        return session.client(service, endpoint_url=home.emulator_url, config=settings)

    def names(service: str, operation: str, path: str, key: str, **arguments: Any) -> Iterable[str]:
        for page in client(service).get_paginator(operation).paginate(**arguments):
            for item in page[path]:
                yield item if isinstance(item, str) else item[key]

    iam: list[tuple[str, str, str, str, dict[str, str]]] = [
        ("user", "list_users", "Users", "UserName", {}),
        ("role", "list_roles", "Roles", "RoleName", {}),
        ("policy", "list_policies", "Policies", "PolicyName", {"Scope": "Local"}),
        ("instance profile", "list_instance_profiles", "InstanceProfiles", "InstanceProfileName", {}),
    ]
    for noun, operation, path, field, arguments in iam:
        for name in names("iam", operation, path, field, **arguments):
            made_by_vault = noun == "user" and name.startswith("vault-token-")
            yield f"IAM {noun} {name}" + (", left by Vault's AWS secrets engine" if made_by_vault else "")
    for provider in client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]:
        yield f"IAM OIDC provider {provider['Arn']}"
    for cluster in names("eks", "list_clusters", "clusters", ""):
        yield f"EKS cluster {cluster}"
        for group in names("eks", "list_nodegroups", "nodegroups", "", clusterName=cluster):
            yield f"EKS node group {cluster}/{group}"
        for found in client("eks").list_pod_identity_associations(clusterName=cluster)["associations"]:
            yield f"EKS Pod Identity association {cluster}: {found['namespace']}/{found['serviceAccount']}"
    for group in names("ec2", "describe_security_groups", "SecurityGroups", "GroupId"):
        yield f"EC2 security group {group}"
    for template in names("ec2", "describe_launch_templates", "LaunchTemplates", "LaunchTemplateName"):
        yield f"EC2 launch template {template}"
    for page in client("ec2").get_paginator("describe_instances").paginate():
        for reservation in page["Reservations"]:
            for instance in reservation["Instances"]:
                if instance["State"]["Name"] not in ("terminated", "shutting-down"):
                    yield f"EC2 instance {instance['InstanceId']}"


def _kubernetes(home: Home) -> Iterable[str]:
    """Every object of the kinds that stacks make, system namespaces left out."""
    from kubernetes import client, config

    connection = config.new_client_from_config(str(home.admin_kubeconfig))
    api = client.CoreV1Api(connection)
    lists: dict[str, Callable[[], Any]] = {
        "namespace": api.list_namespace,
        "service account": api.list_service_account_for_all_namespaces,
        "config map": api.list_config_map_for_all_namespaces,
        "secret": api.list_secret_for_all_namespaces,
    }
    for noun, list_all in lists.items():
        for item in list_all().items:
            if not (item.metadata.namespace or "").startswith("kube-"):
                place = f"{item.metadata.namespace}/" if item.metadata.namespace else ""
                yield f"Kubernetes: {noun} {place}{item.metadata.name}"
    kinds: Any = client.ApiextensionsV1Api(connection).list_custom_resource_definition()
    for kind in kinds.items:
        yield f"Kubernetes: custom resource definition {kind.metadata.name}"
        version = next(version.name for version in kind.spec.versions if version.storage)
        objects: Any = client.CustomObjectsApi(connection).list_cluster_custom_object(
            kind.spec.group, version, kind.spec.names.plural
        )
        for item in objects["items"]:
            place = "/".join(filter(None, (item["metadata"].get("namespace"), item["metadata"]["name"])))
            yield f"Kubernetes: {kind.spec.names.singular} {place}"


def _vault(home: Home) -> Iterable[str]:
    """Mounts, policies, token keys and the issuer. Entities are not a stack's: every login makes one."""
    import hvac

    vault = hvac.Client(
        url=home.vault_url, token=home.vault_keys()["root_token"], verify=str(home.ca_certificate)
    )
    if not vault.is_authenticated():
        raise SandboxError("the sandbox's Vault does not accept its own root token; see logs/vault.log")
    for path in vault.sys.list_auth_methods()["data"]:
        yield f"Vault: auth method {path}"
    for path in vault.sys.list_mounted_secrets_engines()["data"]:
        yield f"Vault: secrets engine {path}"
    for name in vault.sys.list_policies()["data"]["policies"]:
        yield f"Vault: policy {name}"
    for name in (vault.list("identity/oidc/key") or {"data": {"keys": []}})["data"]["keys"]:
        yield f"Vault: identity token key {name}"
    if issuer := ((vault.read("identity/oidc/config") or {}).get("data") or {}).get("issuer"):
        yield f"Vault: identity token issuer {issuer}"
    for path in enterprise.namespaces(home):
        yield f"Vault: namespace {path}"
