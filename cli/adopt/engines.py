"""The AWS secrets engine: its roles are declared; its mount is taken over where that changes no credentials.

Pure functions.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from components.secrets_engine.roles import USERNAME_TEMPLATE
from stack.sections import PROJECT

from ..console import duration
from . import federations
from .estate import Engine, Estate
from .plan import Kind, Plan, Remark, changes, chosen

KEY = f"{PROJECT}:secretsEngine"

_WORDS = {
    "permissions_boundary_arn": "permissionsBoundary",
    "policy_arns": "policyArns",
    "role_arns": "roleArns",
    "iam_tags": "tags",
}
_KNOWN = {"credential_type", "policy_document", "default_sts_ttl", *_WORDS}
_WITHOUT_FIELDS = {"user_path": ("", "/")}
"""Values that say the same as none."""

_OURS = {
    "access_key",
    "iam_endpoint",
    "identity_token_audience",
    "identity_token_ttl",
    "max_retries",
    "region",
    "role_arn",
    "sts_endpoint",
    "username_template",
}
"""What the stack writes of `config/root`, or what is told of it."""

_ENDPOINTS = ("sts_endpoint", "iam_endpoint")
"""What a stack has once, for the auth mount and the engine."""


Rules = Callable[[dict[str, Any], str], str]
"""What the rules of the stack file say against the section, at a place of it (empty: the section)."""


def declare(plan: Plan, estate: Estate, refused: Rules, why: str) -> None:
    """Adds the section `secretsEngine` to the plan: of the engine with the most roles, for a stack has one.

    `why` the auth mount is used as it is: then the engine is, too.
    """
    engines = sorted(estate.vault.engines, key=lambda it: (-len(it.roles), it.path))
    for engine in engines:
        roles = {} if KEY in plan.config else _roles(plan, engine, estate, refused)
        if roles:
            plan.config[KEY] = _section(plan, engine, estate, roles, refused, why)
        elif KEY in plan.config:
            text = f"is an AWS secrets engine, and a stack has one: that is {plan.config[KEY]['path']}"
            plan.say(Kind.LEFT, engine.path, text)
        else:
            plan.say(Kind.LEFT, engine.path, "is an AWS secrets engine without a role that a stack can make")
        for name in engine.static_roles:
            plan.say(
                Kind.LEFT, f"{engine.path}/static-roles/{name}", "is a static role, which no stack makes"
            )


def _roles(plan: Plan, engine: Engine, estate: Estate, refused: Rules) -> dict[str, dict[str, Any]]:
    found = {}
    for name, role in sorted(engine.roles.items()):
        about = f"{engine.path}/roles/{name}"
        beyond = sorted(
            field
            for field, value in role.items()
            if value and field not in _KNOWN and value not in _WITHOUT_FIELDS.get(field, ())
        )
        if beyond:
            plan.say(Kind.LEFT, about, f"has {', '.join(beyond)}, which no role of this project has")
            continue
        if gone := sorted(arn for arn in role.get("policy_arns") or [] if estate.is_gone(arn)):
            plan.say(Kind.LEFT, about, f"names {', '.join(gone)}, which is gone: it gives no credentials")
            continue
        options = _role(role)
        # One that is federated has sessions of a role, whose limits hold for all that it hands out.
        whose = {"kind": "federation"} if engine.root.get("role_arn") else {"mount": "existing"}
        alone = {**whose, "path": engine.path, "roles": {name: options}}
        if said := refused(alone, f".roles.{name}"):
            plan.say(Kind.LEFT, about, said)
            continue
        found[name] = options
        if options["credentialType"] != "iam_user" and not role.get("default_sts_ttl"):
            plan.say(
                Kind.CHANGES,
                about,
                "default_sts_ttl is 1h, as Vault gives it today; it was 0, which is its default",
                ("config", KEY, "roles", name),
            )
    return found


def _role(role: Mapping[str, Any]) -> dict[str, Any]:
    options: dict[str, Any] = {"credentialType": str(role.get("credential_type") or "")}
    if text := role.get("policy_document"):
        options["policyDocument"] = json.loads(text)
    options |= {word: role[field] for field, word in _WORDS.items() if role.get(field)}
    if seconds := int(role.get("default_sts_ttl") or 0):
        options["defaultStsTtl"] = duration(seconds)
    return options


# The mount


def _section(
    plan: Plan, engine: Engine, estate: Estate, roles: Mapping[str, Any], refused: Rules, why: str
) -> dict[str, Any]:
    at = ("config", KEY)
    why = (why and "the auth mount is, too") or why_used(engine, estate)
    if not why:
        found, said = federations.options(engine.root, "secret", engine.accessor, estate)
        lives = {"defaultLeaseTtl": duration(engine.default_ttl), "maxLeaseTtl": duration(engine.max_ttl)}
        section = {**found, "path": engine.path, **lives, "roles": dict(roles)}
        why = refused(section, "")
    if why:
        text = f"is used as it is, with its {_config(engine)}, and stays its owner's: {why}"
        plan.say(Kind.CHOSEN, engine.path, text, at)
        return {"mount": "existing", "path": engine.path, "roles": dict(roles)}
    for it in [*said, *_changes(engine, estate)]:
        plan.say(it.kind, it.about, it.text, at)
    return section


def _changes(engine: Engine, estate: Estate) -> Iterator[Remark]:
    """What is otherwise in an engine that the stack takes over."""
    root, about = engine.root, f"{engine.path}/config/root"
    yield changes(engine.path, "gets the description of this project")
    if root.get("username_template") != USERNAME_TEMPLATE:
        text = "username_template is this project's: the names of new users tell their role, and what the "
        yield changes(about, f"{text}stack grants goes by them")
    if not root.get("sts_endpoint"):
        yield changes(about, "sts_endpoint is written, that of the region")
    if not root.get("region"):
        yield changes(about, f"region is {estate.region}; it was not written")
    if engine.lease:
        text = "stays as it is, and is what the credentials of users live for, whatever the mount says"
        yield chosen(f"{engine.path}/config/lease", text)


def why_used(engine: Engine, estate: Estate) -> str:
    """Why an engine is used as it is; empty where the stack can have it."""
    root = engine.root
    if engine.local:
        return "it is local, which cannot be changed"
    if root.get("access_key"):
        return (
            "it has an access key, whose secret only Vault knows, and a write without it would take it away"
        )
    if not federations.audience(root):
        return (
            "it works with what Vault finds around it, and what that role may do goes by the names of users, "
            "which this stack would change"
        )
    if beyond := sorted(field for field, value in root.items() if value and field not in _OURS):
        return f"its config/root has {', '.join(beyond)}"
    if root.get("max_retries") not in (None, -1):
        return "its config/root has max_retries"
    if (root.get("region") or estate.region) != estate.region:
        return f"its region is {root['region']}"
    if any(str(root.get(it) or "") != str(estate.vault.mount.client.get(it) or "") for it in _ENDPOINTS):
        return f"its {' or '.join(_ENDPOINTS)} is not that of the auth mount"
    if engine.token_key != estate.vault.mount.token_key:
        return "its tokens are signed with another key than those of the auth mount"
    why = federations.why_left(root, estate)
    return f"it {why}" if why else ""


def _config(engine: Engine) -> str:
    """What of its configuration is kept with it."""
    parts = ["config/root"]
    if engine.lease:
        parts.append(f"config/lease ({engine.lease.get('lease')}, at most {engine.lease.get('lease_max')})")
    tuned = f"its leases ({duration(engine.default_ttl)}, at most {duration(engine.max_ttl)})"
    return f"{' and '.join(parts)}, and {tuned}"
