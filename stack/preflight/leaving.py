"""What a stack file names and says is of another owner, though the stack may have made it once."""

from collections.abc import Iterator
from itertools import product

from components import arns
from components.declared import to_camel
from components.federation import plugin_issuer_url
from components.logins.base import ServiceAccountMode
from stack.file import StackFile
from stack.preflight.objects import Made, Thing, thing
from stack.sections import PROJECT, Mounting

PREFIX = "handed-over-"
"""How the names of resources begin that are another's now."""

KEPT = frozenset({"Vault policy", "service account", "IAM role", "IAM user"})
_KV_ENGINE = "vault:index/mount:Mount"


def is_kept(it: Thing, urn: str) -> bool:
    """Whether it is kept without a step by hand: `stack/handover.py`."""
    return it.noun in KEPT or urn.split("::")[2].endswith(_KV_ENGINE)


def of(stack: StackFile) -> Iterator[Made]:
    """What the stack file names and says is of another owner."""
    for policy in stack.vault["external_policies"]:
        yield Made(thing("Vault policy", policy), f"{PROJECT}:vault.externalPolicies")
    if stack.uses_mount:
        path = stack.vault["mount_path"]
        yield Made(thing("auth mount", path), f"{PROJECT}:vault.mount")
    if engine := stack.secrets_engine if stack.uses_engine else None:
        yield Made(thing("secrets engine", engine.options["path"]), engine.at("mount"))
    for path, kv in stack.vault["kv"].items():
        if kv["mount"] is Mounting.EXISTING:
            yield Made(thing("secrets engine", path), f"{PROJECT}:vault.kv.{path}.mount")
    for cluster in stack.clusters.values():
        if cluster.existing:
            found = thing("EKS cluster", cluster.name, cluster=cluster.place)
            yield Made(found, f"{cluster.path}.existing")
            for arn in cluster.options["node_role_arns"].values():
                yield _principal(stack, arn, f"{cluster.path}.nodeRoleArns")
    if (issuer := stack.federation) and issuer["existing"]:
        url = plugin_issuer_url(issuer["issuer"], stack.vault["namespace"])
        for found in (
            thing("identity issuer", ""),
            thing("signing key", issuer["key_name"]),
            thing("OIDC provider", url),
        ):
            yield Made(found, f"{PROJECT}:federation.existing")
    if arn := stack.identity.options.get("role_arn"):
        yield _principal(stack, arn, f"{PROJECT}:vaultIdentity.roleArn")
    if stack.secrets_engine and (arn := stack.secrets_engine.options.get("role_arn")):
        yield _principal(stack, arn, stack.secrets_engine.at("role_arn"))
    for account, declared in stack.accounts.items():
        if arn := declared.get("role_arn"):
            yield _principal(stack, arn, f"{PROJECT}:accounts.{account}.roleArn")
    for name, login in stack.logins.items():
        key = f"{PROJECT}:logins.{name}"
        for field in ("principals", "role_arns"):
            for arn in login.options.get(field) or ():
                if "*" not in arn:
                    yield _principal(stack, arn, f"{key}.{to_camel(field)}")
        if arn := login.options.get("iam_role_arn"):
            yield _principal(stack, arn, f"{key}.iamRoleArn")
        mode = login.options.get("service_account_mode")
        if mode not in (None, ServiceAccountMode.CREATE):
            for account, cluster in product(login.options["service_accounts"], stack.clusters_of(login)):
                kept = thing("service account", account, cluster=cluster.place)
                yield Made(kept, f"{key}.serviceAccountMode")


def _principal(stack: StackFile, arn: str, key: str) -> Made:
    parsed = arns.parse(arn)
    elsewhere = parsed.account in stack.accounts and parsed.account != stack.account_id
    account = parsed.account if elsewhere else ""
    return Made(thing(f"IAM {parsed.kind}", parsed.name, account=account), key)
