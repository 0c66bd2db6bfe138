"""What the stack uses and another owns: mounts of Vault that exist.

At each preview and update they are read, as far as the token may; what could not work there is refused with
its setting, before anything is made. What the stack file leaves open is as the mount has it.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pulumi

from components import arns, durations
from components.declared import CAMEL, to_camel
from components.secrets_engine.roles import role_refusals
from components.vault_auth import sts_refusals
from stack.file import StackFile, hidden_keys
from stack.preflight import PreflightError, in_vault, report
from stack.preflight.mounts import Seen, look
from stack.reading import Problems, StackFileError
from stack.reading import report as add_refusals
from stack.rules import no_sts_role
from stack.sections import PROJECT, Mounting

GLOBAL_STS = "https://sts.amazonaws.com"
"""Where a mount without an STS endpoint sends logins. It is in us-east-1."""


async def settle(stack: StackFile) -> StackFile:
    """The stack file with what its mounts say. Raises StackFileError if something could not work there, and
    PreflightError for a token that Vault does not know. Warns of what could not be read. Only reads."""
    paths = [*_paths(stack)]
    if not paths:
        return stack
    try:
        seen = await asyncio.to_thread(look, stack, paths)
    except in_vault.UnknownToken:
        raise PreflightError(report.unknown_token(stack.vault["address"])) from None
    for line in seen.unseen:
        pulumi.log.warn(
            f"of a mount that exists could not be read, and is taken as the stack file has it: {line}"
        )
    problems = Problems(hidden_keys())
    _check_mounts(stack, seen, problems)
    settled = _settled(stack, seen, problems) if stack.uses_mount else stack
    if problems.found:
        raise StackFileError(problems.found)
    return settled


def _paths(stack: StackFile) -> Iterator[str]:
    if stack.uses_mount:
        yield f"auth/{stack.vault['mount_path']}"
    if stack.secrets_engine and stack.uses_engine:
        yield str(stack.secrets_engine.options["path"])
    for path, engine in stack.vault["kv"].items():
        if engine["mount"] is Mounting.EXISTING:
            yield path


def _check_mounts(stack: StackFile, seen: Seen, problems: Problems) -> None:
    """Each is there, and of the right type."""
    if stack.uses_mount:
        path = stack.vault["mount_path"]
        of_type = "the AWS auth method (aws)"
        _check_mount(f"auth/{path}", "aws", of_type, f"{PROJECT}:vault.mountPath", path, seen, problems)
    if stack.secrets_engine and stack.uses_engine:
        path = stack.secrets_engine.options["path"]
        of_type = "the AWS secrets engine (aws)"
        _check_mount(path, "aws", of_type, stack.secrets_engine.at("path"), path, seen, problems)
        if seen.configs.get(f"{path}/config/root", {}).get("role_arn"):
            refusals = role_refusals(stack.secrets_engine.options["roles"], "an engine that is federated")
            add_refusals([*refusals], stack.secrets_engine.path, problems)
    for path, engine in stack.vault["kv"].items():
        if engine["mount"] is Mounting.EXISTING:
            key = f"{PROJECT}:vault.kv.{path}"
            _check_mount(path, "kv", "the KV secrets engine (kv)", key, path, seen, problems)
            found = seen.mounts.get(path)
            if found and found.get("type") == "kv":
                version = (found.get("options") or {}).get("version") or "1"
                if version != "2":
                    problems.add(
                        key,
                        f"is a KV engine of version {version}, and consumers read version 2; have its owner "
                        f"upgrade it (vault kv enable-versioning {path}), or write another path",
                    )


def _check_mount(
    path: str, wanted: str, words: str, key: str, value: str, seen: Seen, problems: Problems
) -> None:
    found = seen.mounts.get(path, {})
    if found is None:
        shown = "vault auth list" if path.startswith("auth/") else "vault secrets list"
        problems.add(
            key,
            f"is no mount: Vault has nothing at {path}, and mount: existing makes nothing; write the path of "
            f"one that is there ({shown}), or mount: create, to have the stack mount it",
            value,
        )
    elif found and found.get("type") != wanted:
        problems.add(
            key,
            f"is a mount of the type {found.get('type')}, and not of {words}; write the path of one of that "
            "type",
            value,
        )


def _settled(stack: StackFile, seen: Seen, problems: Problems) -> StackFile:
    """The stack file, with what the auth mount demands of logins."""
    vault, path = dict(stack.vault), f"auth/{stack.vault['mount_path']}"
    client, sts_roles = seen.configs.get(f"{path}/config/client"), seen.configs.get(f"{path}/config/sts")
    if client is not None:
        _header(vault, str(client.get("iam_server_id_header_value") or ""), problems)
        _region(stack, vault, client, problems)
    accounts = None if sts_roles is None else frozenset(map(str, sts_roles.get("keys") or ()))
    _accounts(stack, accounts, problems)
    _life(stack, seen)
    return replace(stack, vault=vault, accounts_of_mount=accounts)


def _header(vault: dict[str, Any], demanded: str, problems: Problems) -> None:
    written, path = vault.get("server_id_header"), vault["mount_path"]
    if demanded and written is not None and written != demanded:
        problems.add(
            f"{PROJECT}:vault.serverIdHeader",
            f"is not what the mount {path} demands, which refuses every login with another value; write "
            f"{demanded}, or leave it out: it is then as the mount has it",
            written,
        )
    if not demanded:
        until = "; until then, serverIdHeader is not signed" if written else ""
        pulumi.log.warn(
            f"{PROJECT}:vault: the mount {path} demands no server-id header, so a login that was signed for "
            "another Vault is good at this one; have its owner set one: vault write "
            f"auth/{path}/config/client iam_server_id_header_value=NAME{until}"
        )
    vault["server_id_header"] = demanded


def region_of(client: Mapping[str, Any]) -> str | None:
    """The region that a mount with this client config takes logins of; None: any, or it does not say."""
    if client.get("use_sts_region_from_client"):
        return None
    endpoint = str(client.get("sts_endpoint") or GLOBAL_STS)
    host = urlsplit(endpoint if "//" in endpoint else f"//{endpoint}").hostname or ""
    return arns.sts_region(host) or client.get("sts_region") or None


def _region(stack: StackFile, vault: dict[str, Any], client: Mapping[str, Any], problems: Problems) -> None:
    """Vault sends each login to its own STS endpoint, which takes its own region's signature alone."""
    path, key = vault["mount_path"], f"{PROJECT}:vault.stsRegion"
    demanded, written = region_of(client), vault.get("sts_region")
    endpoint = client.get("sts_endpoint") or f"{GLOBAL_STS}, for it has none of its own"
    if demanded and arns.partition_of(demanded) != arns.partition_of(stack.region):
        problems.add(
            f"{PROJECT}:vault.mountPath",
            f"is a mount that sends logins to {endpoint}, of {demanded}, where no identity of "
            f"aws:region {stack.region} is known; have its owner give it an STS endpoint of that partition",
            path,
        )
    elif demanded and written and written != demanded:
        problems.add(
            key,
            f"is not the region of the mount {path}, which sends logins to {endpoint}: AWS takes only those "
            f"there that are signed for {demanded}; write {demanded}, or leave it out: it is then as the "
            "mount has it",
            written,
        )
    vault["sts_region"] = written or demanded or stack.region
    callers = vault.get("callers_sts_endpoint")
    for refusal in sts_refusals(callers, vault["sts_region"], ("callers_sts_endpoint",)):
        problems.add(f"{PROJECT}:vault.callersStsEndpoint", CAMEL.message(refusal), refusal.value)


def _accounts(stack: StackFile, accounts: frozenset[str] | None, problems: Problems) -> None:
    """The mount can look into each account that logs in; it has STS roles for `accounts`, None: not known."""
    own = stack.vaults_account
    if accounts is None or own is None:
        return
    reachable = {own, *accounts, *stack.accounts}
    for key, arn in _principals(stack):
        if arn.account not in reachable:
            path = stack.vault["mount_path"]
            problems.add(
                key,
                f"{no_sts_role(arn)}, or have the owner of the mount add it: vault write "
                f"auth/{path}/config/sts/{arn.account} sts_role=ROLE_ARN",
                str(arn),
            )
    if stack.account_id and stack.account_id not in reachable:
        for name, login in stack.logins.items():
            if login.kind.account(login.options) is None:
                problems.add(
                    f"{PROJECT}:logins.{name}",
                    f"is of the account {stack.account_id}, and Vault runs in {own}: without an STS role it "
                    f'cannot look there; add {PROJECT}:accounts: {{"{stack.account_id}": {{}}}}, or have the '
                    f"mount's owner add one",
                )


def _principals(stack: StackFile) -> Iterator[tuple[str, arns.Arn]]:
    for name, login in stack.logins.items():
        for of in ("principals", "role_arns"):
            for index, arn in enumerate(login.options.get(of) or ()):
                yield f"{PROJECT}:logins.{name}.{to_camel(of)}[{index}]", arns.parse(arn)


def _life(stack: StackFile, seen: Seen) -> None:
    """Vault cuts what is longer than its mount allows, and says nothing to the one who logs in."""
    mount = seen.mounts.get(f"auth/{stack.vault['mount_path']}") or {}
    longest = (mount.get("config") or {}).get("max_lease_ttl")
    if not isinstance(longest, int) or not longest:
        return
    for name, login in stack.logins.items():
        if durations.to_seconds(login.options["max_ttl"]) > longest:
            pulumi.log.warn(
                f"{PROJECT}:logins.{name}.maxTtl: {login.options['max_ttl']} is longer than the mount "
                f"{stack.vault['mount_path']} allows: tokens live {longest} seconds at most"
            )
