"""The mount, Vault's AWS identity and the other accounts: taken over, or used as they are. Pure functions."""

from typing import Any
from urllib.parse import urlsplit

from components import arns
from components.auth_mount import DEFAULT_KEY
from stack.sections import PROJECT

from . import federations
from .estate import Estate, User
from .iam_roles import maker
from .plan import Kind, Plan

_ENDPOINTS = {"sts": "sts_endpoint", "iam": "iam_endpoint", "ec2": "endpoint"}
"""Vault's field of each key of `vault.endpoints`."""

_OURS = ("account_id", "auth_type", "canonical_arn")
_OWN_WAYS = {
    "use_sts_region_from_client": "lets callers choose their region (use_sts_region_from_client)",
    "allowed_sts_header_values": "allows further headers (allowed_sts_header_values)",
    "rotation_period": "rotates its key by itself (rotation_period)",
    "rotation_schedule": "rotates its key by itself (rotation_schedule)",
}


def why_used(estate: Estate) -> str:
    """Why the mount is used as it is; empty where the stack can have it without a caller seeing a change."""
    mount = estate.vault.mount
    client, identity = mount.client, mount.identity
    if mount.local:
        return "it is local, which cannot be changed"
    for field, words in _OWN_WAYS.items():
        if client.get(field):
            return f"its client config {words}"
    if client.get("max_retries") not in (None, -1):
        return "its client config has max_retries"
    if sts_region(estate) is None:
        return "the region of its sts_endpoint is not known, or is not its sts_region"
    if identity.get("ec2_alias") not in (None, "", "role_id"):
        return f"its ec2_alias is {identity['ec2_alias']}"
    noted = {*(identity.get("iam_metadata") or [])} - {"default"}
    if not noted <= {*_OURS}:
        return (
            f"it notes more of a caller ({', '.join(sorted(noted - {*_OURS}))}), which policies may refer to"
        )
    if client.get("access_key"):
        user = _user(estate)
        if user is None:
            return "the owner of its access key was not found in the account"
        if owner := maker(user.tags):
            return f"the owner of its access key, {user.arn}, is made by {owner}"
        if shared := _others_with(user, estate):
            return f"the owner of its access key, {user.arn}, is that of {', '.join(shared)}, too"
        if arns.parse(user.arn).path != "/":
            return f"the owner of its access key, {user.arn}, has a path"
    elif federations.audience(client):
        why = federations.why_left(client, estate)
        return f"its client config {why}" if why else ""
    elif client.get("role_arn"):
        return "its client config has a role_arn without an audience"
    elif not client:
        return "its client config was never written"
    if mount.token_key != DEFAULT_KEY:
        return f"it signs identity tokens with the key {mount.token_key}, and is not federated"
    return ""


def sts_region(estate: Estate) -> str | None:
    """The region that callers sign for; None if it is not known."""
    client = estate.vault.mount.client
    endpoint, region = str(client.get("sts_endpoint") or ""), str(client.get("sts_region") or "")
    if endpoint:
        of = arns.sts_region(urlsplit(endpoint).hostname or "") or region
        return of if of and region in ("", of) else None
    # AWS's global endpoint takes the signature of us-east-1 only; in other partitions there is none.
    only = "us-east-1" if arns.partition_of(estate.region) == "aws" else estate.region
    return only if region in ("", only) else None


def vault_section(plan: Plan, estate: Estate, why: str) -> dict[str, Any]:
    """The section `vault`."""
    vault, mount = estate.vault, estate.vault.mount
    section: dict[str, Any] = {"address": vault.address}
    if vault.namespace:
        section["namespace"] = vault.namespace
    if mount.path != "aws":
        section["mountPath"] = mount.path
    about, at = f"auth/{mount.path}", ("config", f"{PROJECT}:vault", "mount")
    if why:
        section["mount"] = "existing"
        plan.say(Kind.CHOSEN, about, f"is used as it is, and stays its owner's: {why}", at)
        return section
    client, region = mount.client, sts_region(estate) or estate.region
    section["serverIdHeader"] = str(client.get("iam_server_id_header_value") or "")
    if not section["serverIdHeader"]:
        plan.say(
            Kind.CHOSEN,
            about,
            "demands no server-id header. Set one together with the callers, who must sign it",
            ("config", f"{PROJECT}:vault", "serverIdHeader"),
        )
    if region != estate.region:
        section["stsRegion"] = region
    endpoints = {
        word: str(client[field]).rstrip("/") for word, field in _ENDPOINTS.items() if client.get(field)
    }
    if endpoints.get("sts") == arns.sts_endpoint(region):
        del endpoints["sts"]
    if endpoints:
        section["endpoints"] = endpoints
    alias = str(mount.identity.get("iam_alias") or "role_id")
    if alias != "role_id":
        section["identityAlias"] = alias
    _changes(plan, estate, region)
    return section


def _changes(plan: Plan, estate: Estate, region: str) -> None:
    """What is otherwise in a mount that the stack takes over."""
    mount = estate.vault.mount
    about = f"auth/{mount.path}"
    plan.say(Kind.CHANGES, about, "gets the description of this project")
    client, noted = mount.client, {*(mount.identity.get("iam_metadata") or [])} - {"default"}
    if not client.get("sts_endpoint") or not client.get("sts_region"):
        text = f"sts_endpoint and sts_region are both written, of {region}, for which callers sign already"
        plan.say(Kind.CHANGES, f"{about}/config/client", text)
    for field in _ENDPOINTS.values():
        if str(client.get(field) or "").endswith("/"):
            plan.say(Kind.CHANGES, f"{about}/config/client", f"{field} is written without the / at its end")
    if not client.get("access_key"):
        text = "is written once more without an access key, which it does not have"
        plan.say(Kind.CHANGES, f"{about}/config/client", text)
    if noted != {*_OURS}:
        text = f"iam_metadata is {', '.join(_OURS)}; it was {', '.join(sorted(noted)) or 'the default'}"
        plan.say(Kind.CHANGES, f"{about}/config/identity", text)


def identity_section(plan: Plan, estate: Estate, why: str) -> dict[str, Any] | None:
    """The section `vaultIdentity`."""
    at = ("config", f"{PROJECT}:vaultIdentity")
    mount = estate.vault.mount
    if not why and federations.audience(mount.client):
        found, said = federations.options(mount.client, "auth", mount.accessor, estate)
        for it in said:
            plan.say(it.kind, it.about, it.text, at)
        return found
    user = _user(estate)
    if why or user is None:
        text = (
            "its AWS identity stays its owner's. For the stack to grant it what the logins need, write "
            "roleArn, the role that Vault has"
        )
        if not why:
            plan.say(Kind.CHOSEN, f"auth/{estate.vault.mount.path}", text, at)
            return {"kind": "existing"}
        return None
    name = arns.parse(user.arn).name
    section: dict[str, Any] = {"kind": "user", "userName": name, "accessKey": "rotated"}
    section["policyName"] = f"{name}-vault-aws-auth"
    if user.boundary:
        section["permissionsBoundary"] = user.boundary
    if tags := {key: value for key, value in user.tags.items() if not key.startswith("aws:")}:
        section["tags"] = tags
    has = ", ".join([*user.attached, *user.inline]) or "none"
    plan.say(
        Kind.CHOSEN,
        user.arn,
        f"keeps its access key, whose secret only Vault knows, and its policies ({has}). The stack attaches "
        f"{section['policyName']}, which follows from the logins; then those can be detached",
        at,
    )
    plan.say(Kind.CHANGES, user.arn, f"gets the policy {section['policyName']}, and the tags of this stack")
    return section


def accounts_section(plan: Plan, estate: Estate, why: str) -> dict[str, Any]:
    """The section `accounts`: where the mount is used as it is, it has its STS roles already."""
    if why:
        return {}
    section: dict[str, Any] = {}
    for account, sts in sorted(estate.vault.mount.sts.items()):
        path = f"auth/{estate.vault.mount.path}/config/sts/{account}"
        section[account] = {"roleArn": str(sts.get("sts_role") or "")}
        if sts.get("external_id"):
            key = f"{PROJECT}:accounts.{account}.externalId"
            # Refused until it is written: without it, the update would take it off the mount.
            section[account]["externalId"] = ""
            plan.say(
                Kind.CHOSEN,
                path,
                "has an external ID, which is not repeated here; write it: `vault read "
                f"-field=external_id {path} | pulumi config set --secret --path '{key}'`",
                ("config", f"{PROJECT}:accounts", account),
            )
    return section


def _user(estate: Estate) -> User | None:
    """The user whose access key the mount has."""
    account = estate.accounts.get(estate.account_id)
    owner = account and account.key_owners.get(str(estate.vault.mount.client.get("access_key") or ""))
    if not account or not owner:
        return None
    return next((it for arn, it in account.users.items() if arn.endswith(f"/{owner}")), None)


def _others_with(user: User, estate: Estate) -> list[str]:
    """What else in Vault has an access key of the user."""
    keys = {**estate.vault.other_keys}
    keys |= {it.path: str(it.root["access_key"]) for it in estate.vault.engines if it.root.get("access_key")}
    owners = estate.accounts[estate.account_id].key_owners
    return sorted(path for path, key in keys.items() if user.arn.endswith(f"/{owners.get(key)}"))
