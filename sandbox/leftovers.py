"""Lists what is in AWS, Kubernetes and Vault, so that `down` can prove that nothing is left."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from sandbox import api, control_planes, enterprise
from sandbox.control_planes import ControlPlane
from sandbox.home import Home, SandboxError, write_private

GONE_WITHIN = 20  # seconds
PAUSE = 0.2
KUBERNETES = "Kubernetes"


def inventory(home: Home) -> dict[str, bool]:
    """One line for each object in the emulated accounts, the clusters and Vault; and whether it is going.

    Only Kubernetes deletes in the background: the others answer when they are done.
    """
    from botocore.exceptions import BotoCoreError

    found = dict(_kubernetes(api.kubernetes(home)))
    for plane in control_planes.others(home):
        with contextlib.suppress(SandboxError):  # of one that is not up yet; its cluster is listed below
            found |= dict(_kubernetes(api.kubernetes(home, plane), _of(plane)))
    found |= dict.fromkeys(_vault(home, api.vault(home)), False)
    try:
        for account in home.credentials():
            found |= {f"AWS {account}: {line}": False for line in _aws(home, account)}
    except BotoCoreError as error:
        raise SandboxError(f"the emulated AWS has no answer: {error}; see logs/emulator.log") from error
    return found


@dataclass(frozen=True)
class Difference:
    """The contents of AWS, Kubernetes and Vault, compared with those before the first stack."""

    left: list[str]
    """Objects that are new since then."""
    missing: list[str]
    """Objects that are gone since then."""

    def __str__(self) -> str:
        lines = [f"  left behind: {line}" for line in self.left]
        return "\n".join(lines + [f"  missing: {line}" for line in self.missing])


def remember(home: Home) -> None:
    """Saves the inventory before the first stack; later calls change nothing."""
    if not _baseline(home).exists():
        write_private(_baseline(home), json.dumps(sorted(inventory(home))))


def difference(home: Home) -> Difference:
    """The difference from before the first stack; waits for deletions in progress."""
    if not _baseline(home).exists():  # no start was ever completed, so there was no stack
        return Difference([], [])
    before = set(home.read_json(_baseline(home)))
    # Other clusters have come since. Each of them has at least what the first one had.
    known = before | {
        line.replace(KUBERNETES, _of(plane), 1) for plane in control_planes.others(home) for line in before
    }
    time.sleep(home.eventual_consistency)  # until all of the emulated AWS knows what was deleted
    deadline = time.monotonic() + GONE_WITHIN
    while True:
        now = inventory(home)
        left = now.keys() - known
        if not any(now[line] for line in left) or time.monotonic() > deadline:
            return Difference(sorted(left), sorted(before - now.keys()))
        time.sleep(PAUSE)


def revoke_leases(home: Home, outputs: Mapping[str, Any]) -> int:
    """Revokes the AWS credentials of a stack's secrets engine; returns how many roles had some.

    To be called before the stack is destroyed: to delete their IAM users, Vault needs the engine's own AWS
    identity, which is destroyed before the engine. In production the operator does this.
    """
    engine = outputs.get("secretsEngine") or {}
    vault, found = api.vault(home), 0
    for role in engine.get("roles") or ():  # and not what another has from the same engine
        for kind in ("creds", "sts"):
            path = f"{engine['path']}/{kind}/{role}"
            if vault.get(f"sys/leases/lookup/{path}", list="true"):
                found += 1
                vault.request("PUT", f"sys/leases/revoke-prefix/{path}", {"sync": True}, seconds=60)
    return found


def _baseline(home: Home) -> Path:
    return home.root / "baseline.json"


def _aws(home: Home, account: str) -> Iterable[str]:
    client = cache(partial(api.aws, home, account=account))

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
    elsewhere = {plane.region for plane in control_planes.others(home) if plane.account == account}
    for region in (home.region, *sorted(elsewhere - {home.region})):
        where = "" if region == home.region else f" in {region}"
        yield from _eks(api.aws(home, "eks", account, region), where)
    for group in names("ec2", "describe_security_groups", "SecurityGroups", "GroupId"):
        yield f"EC2 security group {group}"
    for template in names("ec2", "describe_launch_templates", "LaunchTemplates", "LaunchTemplateName"):
        yield f"EC2 launch template {template}"
    for page in client("ec2").get_paginator("describe_instances").paginate():
        for reservation in page["Reservations"]:
            for instance in reservation["Instances"]:
                if instance["State"]["Name"] not in ("terminated", "shutting-down"):
                    yield f"EC2 instance {instance['InstanceId']}"


def _eks(eks: Any, where: str) -> Iterable[str]:
    for page in eks.get_paginator("list_clusters").paginate():
        for cluster in page["clusters"]:
            yield f"EKS cluster {cluster}{where}"
            for group in eks.list_nodegroups(clusterName=cluster)["nodegroups"]:
                yield f"EKS node group {cluster}/{group}{where}"
            for found in eks.list_pod_identity_associations(clusterName=cluster)["associations"]:
                pod = f"{found['namespace']}/{found['serviceAccount']}"
                yield f"EKS Pod Identity association {cluster}: {pod}{where}"


def _of(plane: ControlPlane) -> str:
    return f"{KUBERNETES} of {plane.cluster}"


def _kubernetes(cluster: api.Api, where: str = KUBERNETES) -> Iterable[tuple[str, bool]]:
    """Every object of the kinds that stacks create, not in system namespaces; and whether it is going."""
    for plural, noun in (
        ("namespaces", "namespace"),
        ("serviceaccounts", "service account"),
        ("configmaps", "config map"),
        ("secrets", "secret"),
    ):
        for item in cluster.get(f"/api/v1/{plural}")["items"]:
            if not item["metadata"].get("namespace", "").startswith("kube-"):
                yield f"{where}: {noun} {_place(item)}", _goes(item)
    for kind in cluster.get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")["items"]:
        yield f"{where}: custom resource definition {kind['metadata']['name']}", _goes(kind)
        spec = kind["spec"]
        version = next(version["name"] for version in spec["versions"] if version["storage"])
        served = cluster.get(f"/apis/{spec['group']}/{version}/{spec['names']['plural']}")
        for item in served["items"] if served else ():
            yield f"{where}: {spec['names']['singular']} {_place(item)}", _goes(item)


def _goes(item: dict[str, Any]) -> bool:
    """Whether it is being deleted, or will be by the garbage collector, after its owner."""
    return "deletionTimestamp" in item["metadata"] or bool(item["metadata"].get("ownerReferences"))


def _place(item: dict[str, Any]) -> str:
    return "/".join(filter(None, (item["metadata"].get("namespace"), item["metadata"]["name"])))


def _vault(home: Home, vault: api.Api) -> Iterable[str]:
    """Mounts, policies, token keys and the issuer. Not entities: every login creates one."""
    if vault.request("GET", "auth/token/lookup-self", accepted=(403,)).status == 403:
        raise SandboxError("the sandbox's Vault does not accept its own root token; see logs/vault.log")
    for path in vault.get("sys/auth")["data"]:
        yield f"Vault: auth method {path}"
    for path in vault.get("sys/mounts")["data"]:
        yield f"Vault: secrets engine {path}"
    for name in vault.get("sys/policy")["data"]["policies"]:
        yield f"Vault: policy {name}"
    for name in (vault.get("identity/oidc/key", list="true") or {"data": {"keys": []}})["data"]["keys"]:
        yield f"Vault: identity token key {name}"
    if issuer := ((vault.get("identity/oidc/config") or {}).get("data") or {}).get("issuer"):
        yield f"Vault: identity token issuer {issuer}"
    for path in enterprise.namespaces(home):
        yield f"Vault: namespace {path}"
