"""A deployer with the permissions that `vault-aws-auth deployer` prints for a stack, and no other.

With `--deployer`, the engine works as this one, up and down, instead of as the administrator of everything:
so the printed permissions are proved before they are given in production.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox import api, control_planes
from sandbox.environment import PRIMARY_ACCOUNT
from sandbox.home import REPOSITORY, Home, SandboxError, write_private

if TYPE_CHECKING:
    from stack.deployer.program import Program
    from stack.deployer.report import Permissions

_ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
_CLUSTER_ADMINISTRATOR = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
# As sandbox/aws/accounts.py makes them, whose import would take longer than a command.
_ADMINISTRATORS_USER = "sandbox-admin"
_ORGANIZATION_ROLE = "OrganizationAccountAccessRole"
_TTL = "24h"


def make(home: Home, stack: str, stack_file: Path) -> None:
    """Makes the deployer of a stack, as its stack file has it now; one that is there gets what it says."""
    from stack.deployer import in_kubernetes, report  # brings the SDKs

    try:
        program = report.read(REPOSITORY, stack_file, stack)
        own = report.aws(program)
        elsewhere = {it: report.aws(program, account=it) for it in sorted(program.place.accounts)}
        policy = report.vault(program).documents[0]
        found = {
            place: in_kubernetes.manifests(in_kubernetes.rules(program, cluster=provider))
            for provider, place in _found_clusters(program).items()
        }
    except report.DeployerError as error:
        raise SandboxError(str(error)) from None
    name = _name(stack)
    remove(home, stack)
    # Known before the first change, so that a kill leaves nothing that `remove` does not know.
    clusters = [
        {"name": cluster, "region": region, "roles": [_path(role, with_name=True) for role in roles]}
        for (cluster, region), roles in found.items()
    ]
    known = {"accounts": [*elsewhere], "clusters": clusters}
    write_private(_file(home, stack), json.dumps(known))
    iam = api.aws(home, "iam")
    iam.create_user(UserName=name)
    for arn in _policies(iam, name, own):
        iam.attach_user_policy(UserName=name, PolicyArn=arn)
    for account, permissions in elsewhere.items():
        there = api.aws(home, "iam", account)
        for arn in _policies(there, name, permissions):
            there.attach_role_policy(RoleName=_ORGANIZATION_ROLE, PolicyArn=arn)
        there.detach_role_policy(RoleName=_ORGANIZATION_ROLE, PolicyArn=_ADMINISTRATOR)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    time.sleep(home.eventual_consistency)  # until all of the emulated AWS knows what the deployer may do
    vault = api.vault(home)
    vault.request("PUT", f"sys/policies/acl/{name}", {"policy": policy})
    wanted = {"policies": [name], "no_default_policy": True, "ttl": _TTL}
    made = vault.request("POST", "auth/token/create-orphan", wanted).json()
    variables = {
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        "VAULT_TOKEN": made["auth"]["client_token"],
    }
    for (cluster, region), roles in found.items():
        for role in roles:
            _kubernetes(home, cluster, region).request("POST", _path(role), role)
        api.aws(home, "eks", region=region).create_access_entry(
            clusterName=cluster, principalArn=_arn(stack), kubernetesGroups=[in_kubernetes.GROUP]
        )
    write_private(_file(home, stack), json.dumps({**known, "variables": variables}))


def variables(home: Home, stack: str) -> Mapping[str, str]:
    """The deployer's credentials, for the engine; none where the administrator deploys."""
    file = _file(home, stack)
    known: Mapping[str, str] = home.read_json(file).get("variables", {}) if file.exists() else {}
    return known


def let_the_administrator_in(home: Home) -> None:
    """Lets the administrator into a cluster that the deployer has made: EKS makes its creator alone an
    administrator of it."""
    user = f"arn:aws:iam::{PRIMARY_ACCOUNT}:user/{_ADMINISTRATORS_USER}"
    for region in {plane.region for plane in control_planes.every(home)}:
        eks = api.aws(home, "eks", region=region)
        for cluster in eks.list_clusters()["clusters"]:
            with suppress(eks.exceptions.ResourceInUseException):  # it is in already
                eks.create_access_entry(clusterName=cluster, principalArn=user)
                eks.associate_access_policy(
                    clusterName=cluster,
                    principalArn=user,
                    policyArn=_CLUSTER_ADMINISTRATOR,
                    accessScope={"type": "cluster"},
                )


def remove(home: Home, stack: str) -> None:
    """Removes the deployer of a stack, if there is one."""
    file, name = _file(home, stack), _name(stack)
    if not file.exists():
        return
    known = home.read_json(file)
    vault = api.vault(home)
    if token := known.get("variables", {}).get("VAULT_TOKEN"):
        vault.request("POST", "auth/token/revoke-orphan", {"token": token}, accepted=(400, 403))
    vault.request("DELETE", f"sys/policies/acl/{name}")
    for cluster in known.get("clusters", ()):
        name_of, region = cluster["name"], cluster["region"]
        for path in cluster["roles"]:
            _kubernetes(home, name_of, region).request("DELETE", path, accepted=(404,))
        eks = api.aws(home, "eks", region=region)
        with suppress(eks.exceptions.ResourceNotFoundException):
            eks.delete_access_entry(clusterName=name_of, principalArn=_arn(stack))
    for account in known["accounts"]:
        iam = api.aws(home, "iam", account)
        iam.attach_role_policy(RoleName=_ORGANIZATION_ROLE, PolicyArn=_ADMINISTRATOR)
        for arn in _own_policies(iam, account, name):
            with suppress(iam.exceptions.NoSuchEntityException):
                iam.detach_role_policy(RoleName=_ORGANIZATION_ROLE, PolicyArn=arn)
            iam.delete_policy(PolicyArn=arn)
    iam = api.aws(home, "iam")
    with suppress(iam.exceptions.NoSuchEntityException):  # a kill came before it was made
        for policy in iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]:
            iam.detach_user_policy(UserName=name, PolicyArn=policy["PolicyArn"])
        for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
            iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
        iam.delete_user(UserName=name)
    for arn in _own_policies(iam, PRIMARY_ACCOUNT, name):
        iam.delete_policy(PolicyArn=arn)
    file.unlink()


def _found_clusters(program: Program) -> dict[str, tuple[str, str]]:
    """By the name of its provider: name and region of each cluster that the stack finds.

    Of one that it makes, the deployer is an administrator.
    """
    from stack.clusters import cluster_id
    from stack.deployer import in_kubernetes

    providers = in_kubernetes.clusters(program)
    found = {}
    for each in program.declared:
        if each.type == in_kubernetes.LOOK_UP:
            name = str(each.inputs["name"])
            own = f"{cluster_id(name, each.region)}/kubernetes"
            # That of the key `cluster` has no prefix.
            found[own if own in providers else "kubernetes"] = (name, each.region)
    return found


def _kubernetes(home: Home, cluster: str, region: str) -> api.Api:
    return api.kubernetes(home, control_planes.of_cluster(home, cluster, region or home.region))


def _policies(iam: Any, name: str, permissions: Permissions) -> Iterator[str]:
    for number, document in enumerate(permissions.documents, 1):
        made = iam.create_policy(
            PolicyName=f"{name}-{number}", PolicyDocument=json.dumps(json.loads(document))
        )
        yield made["Policy"]["Arn"]


def _own_policies(iam: Any, account: str, name: str) -> list[str]:
    """The deployer's policies in an account."""
    found = iam.list_policies(Scope="Local")["Policies"]
    prefix = f"arn:aws:iam::{account}:policy/{name}-"
    return [policy["Arn"] for policy in found if policy["Arn"].startswith(prefix)]


def _path(role: Mapping[str, Any], with_name: bool = False) -> str:
    """The path of a role or binding in Kubernetes' API, or of all of its kind."""
    where = role["metadata"].get("namespace")
    below = f"/namespaces/{where}" if where else ""
    name = f"/{role['metadata']['name']}" if with_name else ""
    return f"/apis/rbac.authorization.k8s.io/v1{below}/{role['kind'].lower()}s{name}"


def _arn(stack: str) -> str:
    return f"arn:aws:iam::{PRIMARY_ACCOUNT}:user/{_name(stack)}"


def _name(stack: str) -> str:
    return f"deployer-of-{stack}"


def _file(home: Home, stack: str) -> Path:
    return home.root / f"deployer-{stack}.json"
