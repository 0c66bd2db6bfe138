"""Who can log in as what, and which Vault paths they then reach.

The logins are those of the stack's outputs; what their policies allow is read from Vault, where it counts.
"""

from dataclasses import dataclass, field

from . import arns, policies, vault
from .errors import Refused
from .outputs import LoginOutput, Stack

LINK = "Vault policies"


@dataclass(frozen=True)
class Reach:
    """A path of Vault, what may be done there, and by which policies."""

    path: str
    capabilities: tuple[str, ...]
    conditions: tuple[str, ...]
    policies: tuple[str, ...]


@dataclass(frozen=True)
class Access:
    """One login: who, as what, how long, and what its token reaches."""

    login: str
    kind: str
    method: str | None
    who: tuple[str, ...]
    """Service accounts, or IAM roles and users where the caller is one itself, in words."""
    identity: tuple[str, ...]
    """The AWS principals that Vault knows them by."""
    vault_role: str
    max_ttl: str
    policies: tuple[str, ...]
    reach: tuple[Reach, ...]


@dataclass(frozen=True)
class Report:
    """The whole, with what it does not tell."""

    vault: str
    namespace: str
    mount: str
    logins: tuple[Access, ...]
    notes: tuple[str, ...] = field(default=())


def report(stack: Stack) -> Report:
    """Join the logins with the texts of their policies. What could not be read is in `notes`."""
    at = stack.outputs.vault
    names = sorted({name for login in stack.outputs.logins.values() for name in login.policies})
    rules, notes = _rules(stack, names)
    return Report(
        at.address,
        at.namespace or "",
        at.mount_path.strip("/"),
        tuple(_access(name, login, rules) for name, login in sorted(stack.outputs.logins.items())),
        tuple(notes),
    )


def _rules(stack: Stack, names: list[str]) -> tuple[dict[str, list[policies.Rule]], list[str]]:
    if not vault.own_token():
        return {}, ["VAULT_TOKEN is not set: the policies' texts were not read, so no path is shown"]
    rules: dict[str, list[policies.Rule]] = {}
    notes = []
    for name in names:
        if name == "root":
            notes.append("policy root allows everything")
            continue
        try:
            found = vault.read(stack.outputs.vault, f"sys/policies/acl/{name}", LINK)
        except Refused as error:
            if error.by is None:
                raise  # Vault itself cannot be asked: the report would be empty
            notes.append(f"policy {name}: VAULT_TOKEN may not read it ({error.reason})")
            continue
        if found is None:
            notes.append(f"policy {name}: Vault has none of this name; it gives nothing")
            continue
        try:
            rules[name] = policies.parse(str(found["policy"]))
        except policies.Unreadable as error:
            notes.append(f"policy {name}: its text is not understood ({error})")
    notes.append("every token also has Vault's policy default, unless the mount or the Vault role forbids it")
    return rules, notes


def _access(name: str, login: LoginOutput, rules: dict[str, list[policies.Rule]]) -> Access:
    reach: dict[str, Reach] = {}
    for policy in login.policies:
        for rule in rules.get(policy, []):
            before = reach.get(rule.path)
            if before:
                rule = policies.merge(policies.Rule(rule.path, before.capabilities, before.conditions), rule)
            by = (*(before.policies if before else ()), policy)
            reach[rule.path] = Reach(rule.path, rule.capabilities, rule.conditions, by)
    identity = login.principals or ([login.iam_role_arn] if login.iam_role_arn else [])
    return Access(
        name,
        login.kind,
        login.method if login.kind == "service-account" else None,
        tuple(_who(login)),
        tuple(identity),
        login.vault_role,
        "" if login.max_ttl is None else str(login.max_ttl),
        tuple(login.policies),
        tuple(sorted(reach.values(), key=lambda r: r.path)),
    )


def _who(login: LoginOutput) -> list[str]:
    if login.service_accounts:
        return login.service_accounts
    prefix = "EC2 instances of " if login.kind == "ec2-instance" else ""
    return [f"{prefix}{arns.in_words(principal)}" for principal in login.principals]
