"""The table of a stack file and its policies. Needs nothing else: no credentials, no Vault, no engine."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from components import arns, durations
from components.declared import to_camel
from components.logins.own_role import role_name
from components.node_group import node_role_name
from stack import of_clusters, rules
from stack.draft import Draft
from stack.reading import Problems, Section
from stack.sections import PROJECT, REGION_KEY

from .. import acl
from ..errors import Refused
from .table import ACCOUNT, IAM_ROLE, Caller, Kind, Login, Source, Table, cluster_settings

LINK = "compare"

_NO_CONDITIONS = {
    *(
        "policies",
        "ttl",
        "max_ttl",
        "vault_role",
        "iam_role_name",
        "iam_role_path",
    ),  # these have places of their own
    *("service_accounts", "principals", "role_arns", "node_groups", "clusters"),
    *("verify_as", "verify_not_as", "tags", "service_account_mode", "trust_policy_limit"),
}
"""Options that do not say who may log in, or that are said elsewhere. All others are conditions."""

_NEEDED = tuple(
    f"{PROJECT}:{key}"
    for key in ("logins", "cluster", "clusters", "accountId", "vault.policies", "vault.externalPolicies")
)
"""What a table cannot be made without, beside the region."""

_HIDDEN = {"external_id": "set (not shown)"}


@dataclass(frozen=True)
class Tree:
    """A stack file and what belongs to it."""

    source: Source
    config: Mapping[str, Any]
    """The stack's configuration by full key: that of the stack file, and the project's defaults."""
    policies: Mapping[str, str]
    """Text of the Vault policies, by name."""
    whole: bool = True
    """Whether it is a stack of this project. A team's has logins, on the mount and cluster of a platform."""


def table(tree: Tree) -> Table:
    """The table of a stack file. Raises Refused if it cannot be read."""
    draft, notes = _draft(tree)
    logins = {name: _login(draft, name, section) for name, section in sorted(draft.logins.items())}
    for policy in draft.vault.options.get("policies") or () if draft.vault else ():
        other = Caller(Kind.OTHER_STACK.value, policy)
        # No login of the stack file has a name with a blank.
        logins[f"policy {policy}"] = Login(f"policy {policy}", frozenset({other}), (policy,), "")
    used = {policy for login in logins.values() for policy in login.policies}
    return Table(
        tree.source,
        logins,
        {name: _rules(tree, draft, name) for name in sorted(used)},
        dict(_settings(draft)),
        draft.account_id,
        notes=notes,
    )


def _draft(tree: Tree) -> tuple[Draft, tuple[str, ...]]:
    """The stack file, and notes. What is encrypted or wrong is passed over, unless the table needs it."""
    raw = dict(tree.config)
    encrypted = [path for key, value in raw.items() for path in _encrypted(key, value)]
    for path in encrypted:
        if _is_needed(path):
            raise Refused(
                LINK,
                None,
                f"{tree.source}: {path} is encrypted, and cannot be read without the stack's key",
                hint="it is not a secret: write it in plain text",
            )
    if not tree.whole:
        raw.setdefault(f"{PROJECT}:vault", {})
    vault = raw.get(f"{PROJECT}:vault")
    if isinstance(vault, Mapping) and "address" not in vault:
        # Where Vault is, is often set at deployment; the sandbox does so.
        raw[f"{PROJECT}:vault"] = {**vault, "address": _NO_ADDRESS}
    problems = Problems(frozenset(encrypted))
    draft = Draft(raw, tree.policies, problems)
    if tree.whole:
        rules.check(draft)
    found = [line for line in problems.found if not any(_below(line, path) for path in encrypted)]
    if any(map(_is_needed, found)) or not draft.region:
        listed = "\n".join(f"  {number}. {line}" for number, line in enumerate(found, 1))
        raise Refused(
            LINK,
            None,
            f"{tree.source}: the stack file has {_counted(found)}:\n{listed}",
            hint="both sides are read by the project's code in this checkout; compare with a revision whose "
            "stack file it takes",
        )
    notes = [f"{tree.source}: the stack file has {_counted(found)} elsewhere: {found[0]}"] if found else []
    return draft, tuple(notes)


def _is_needed(path: str) -> bool:
    return any(_below(path, needed) for needed in (*_NEEDED, REGION_KEY))


def _counted(problems: Sequence[str]) -> str:
    return "1 problem" if len(problems) == 1 else f"{len(problems)} problems"


_NO_ADDRESS = "https://vault.invalid:8200"


def _below(text: str, path: str) -> bool:
    return text == path or text.startswith((f"{path}.", f"{path}[", f"{path}: "))


def _encrypted(path: str, value: Any) -> Iterator[str]:
    """The paths of encrypted values."""
    if isinstance(value, Mapping):
        if set(value) == {"secure"}:
            yield path
            return
        for key, item in value.items():
            yield from _encrypted(f"{path}.{key}", item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _encrypted(f"{path}[{index}]", item)


def _rules(tree: Tree, draft: Draft, name: str) -> tuple[acl.Rule, ...] | None:
    """The rules of a policy; None if it is managed elsewhere."""
    external = (draft.vault.options.get("external_policies") if draft.vault else None) or ()
    if name in external or name not in tree.policies:
        return None
    try:
        return tuple(acl.parse(tree.policies[name]))
    except acl.Unreadable as error:
        raise Refused(
            LINK,
            None,
            f"{tree.source}: policies/vault/{name}.hcl cannot be read: {error}",
            hint="write it as Vault takes it; see `vault policy fmt`",
        ) from None


# Logins


def _login(draft: Draft, name: str, section: Section) -> Login:
    options = section.options
    longest = _seconds(options.get("explicit_max_ttl") or options["max_ttl"])
    life = options.get("ttl") or options.get("period")
    conditions = {
        to_camel(key): _text(value)
        for key, value in options.items()
        if key not in _NO_CONDITIONS and _is_said(value)
    }
    if section.kind in ("service-account", "ecs-task"):
        conditions[IAM_ROLE] = _own_role(draft, name, options)
    if section.kind in ("ec2-instance", "ecs-task"):
        of_nodes = of_clusters.regions(draft, section)
        conditions["region"] = str(options.get("region") or next(iter(of_nodes), draft.region))
    conditions |= dict(_metadata(draft, section))
    return Login(
        name,
        frozenset(_callers(draft, name, section)),
        tuple(sorted(options["policies"])),
        str(options.get("vault_role") or name),
        _seconds(life) if life else longest,
        longest,
        {"kind": section.kind, **conditions},
    )


def _callers(draft: Draft, name: str, section: Section) -> Iterator[Caller]:
    options = section.options
    for cluster in of_clusters.names(draft, section) or [""]:
        for account in options.get("service_accounts") or ():
            yield Caller(Kind.SERVICE_ACCOUNT.value, account, cluster)
    for cluster, group in _node_groups(draft, section):
        yield Caller(Kind.INSTANCE.value, _node_role(draft, cluster, group))
    for arn in options.get("role_arns") or ():
        yield Caller(Kind.INSTANCE.value, arn)
    for arn in options.get("principals") or ():
        yield Caller(Kind.PRINCIPAL.value, arn)
    if section.kind == "ecs-task":
        yield Caller(Kind.TASK.value, _own_role(draft, name, options))


def _node_groups(draft: Draft, section: Section) -> Iterator[tuple[str, str]]:
    """The node groups of a login, each with the key of its cluster."""
    for cluster in of_clusters.names(draft, section):
        known = of_clusters.groups(draft, [cluster]) or {}
        yield from ((cluster, group) for group in section.options.get("node_groups") or () if group in known)


def _metadata(draft: Draft, section: Section) -> Iterator[tuple[str, str]]:
    """What of a node can act as the node: with 2 hops or more, every pod."""
    for cluster, group in _node_groups(draft, section):
        made: Mapping[str, Any] = draft.clusters[cluster].options.get("node_groups") or {}
        where = f"clusters.{cluster}." if len(draft.clusters) > 1 else ""
        if group in made:
            yield f"{where}nodeGroups.{group}.metadataHopLimit", _text(made[group]["metadata_hop_limit"])


def _own_role(draft: Draft, name: str, options: Mapping[str, Any]) -> str:
    """The role of a login's callers: one that is there, or the one that the login makes."""
    if used := options.get("iam_role_arn"):
        return str(used)
    made = _role_arn(draft, role_name(name, options))
    return made.replace(":role/", f":role{options.get('iam_role_path') or '/'}")


def _node_role(draft: Draft, key: str, group: str) -> str:
    cluster = draft.clusters[key].options
    existing: Mapping[str, str] = cluster.get("node_role_arns") or {}
    made: Mapping[str, Any] = cluster.get("node_groups") or {}
    return existing.get(group) or _role_arn(
        draft, node_role_name(cluster["name"], group, made.get(group, {}))
    )


def _role_arn(draft: Draft, name: str, account: str | None = None) -> str:
    partition = arns.partition_of(draft.region or "")
    return arns.role_arn(partition, account or draft.account_id or ACCOUNT, name)


def _seconds(duration: Any) -> int:
    return durations.to_seconds(str(duration))


# What all logins have in common


def _settings(draft: Draft) -> Iterator[tuple[str, str]]:
    yield REGION_KEY, str(draft.region)
    if draft.account_id:
        yield "accountId", draft.account_id
    yield from cluster_settings((key, str(it.options["name"])) for key, it in draft.clusters.items())
    vault: Mapping[str, Any] = draft.vault.options if draft.vault else {}
    for key in ("address", "namespace", "mount_path", "server_id_header", "sts_region", "identity_alias"):
        value = vault.get(key) or (draft.region if key == "sts_region" else None)
        if _is_said(value) and value != _NO_ADDRESS:
            yield f"vault.{to_camel(key)}", _text(value)
    for account, section in sorted(draft.accounts.items()):
        options = section.options
        role = options.get("role_arn") or _role_arn(draft, options["role_name"], account)
        yield f"accounts.{account}.role", str(role)
        for key, value in options.items():
            if key not in ("role_arn", "role_name", "policy_name", "tags") and _is_said(value):
                yield f"accounts.{account}.{to_camel(key)}", _HIDDEN.get(key) or _text(value)


def _is_said(value: Any) -> bool:
    return value not in (None, "", (), [], {}, False)


def _text(value: Any) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ", ".join(sorted(map(_text, value)))
    if isinstance(value, Mapping):
        return json.dumps(value, sort_keys=True, default=_text, ensure_ascii=False)
    return str(value)
