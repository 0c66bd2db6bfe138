"""Every login succeeds, and everyone else is refused, by whom it should be.

A refusal counts only when the same call with the right caller succeeded in the same run, when the expected
side said no, and when it said so for the expected reason: an outage or a missing right of the verifier proves
nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from . import refusals
from .chain import Session, log_in, revoke, vault_login
from .errors import Refused, UsageProblem
from .outputs import LoginOutput, Stack
from .workloads import Options, Workload, no_such_login, workload


@dataclass(frozen=True)
class Finding:
    """One attempt and how it went."""

    login: str
    caller: str
    expected: str
    got: str
    refused_by: str = ""
    reason: str = ""
    hint: str = ""
    ok: bool = False


@dataclass(frozen=True)
class Probe:
    """An attempt that must be refused by `by`, for a reason among `codes`."""

    caller: str
    by: str
    codes: frozenset[str]
    attempt: Callable[[], object]


def verify(
    stack: Stack, names: list[str], options: Options, *, with_refusals: bool = True
) -> Iterator[Finding]:
    """Try the named logins, or all of them, and what must not be one; a finding per attempt."""
    if unknown := [name for name in names if name not in stack.outputs.logins]:
        raise UsageProblem(no_such_login(unknown[0], stack))
    for name in names or sorted(stack.outputs.logins):
        yield from _verify_login(name, stack, options, with_refusals)


def _verify_login(name: str, stack: Stack, options: Options, with_refusals: bool) -> Iterator[Finding]:
    vault = stack.outputs.vault
    caller = "?"
    try:
        who = workload(name, stack, options)
        caller = who.caller
        credentials = who.credentials()
        session = log_in(vault, who.login.vault_role, credentials, vault.server_id_header)
    except UsageProblem as error:
        yield Finding(name, caller, "a token", "not tried", reason=str(error))
        return
    except Refused as error:
        yield Finding(
            name,
            caller,
            "a token",
            "refused" if error.by else "failed",
            error.by or "",
            f"{error.link}: {error.reason}",
            error.hint,
        )
        return
    revoke(vault, session.auth["client_token"])
    yield _judge_token(name, caller, who.login, session)
    if not with_refusals:
        return
    for impostor in who.impostors():
        yield _try(name, Probe(impostor.caller, "AWS", impostor.codes, impostor.attempt), stack)

    def at_vault(role: str, header: str | None) -> Callable[[], Session]:
        return lambda: log_in(vault, role, credentials, header)

    own_role = who.login.vault_role
    for role in _other_vault_roles(who, session.caller.arn):
        # A Vault role without bound principals asks first whether the caller is an instance.
        codes = frozenset({refusals.NOT_BOUND, refusals.NOT_AN_INSTANCE, refusals.OTHER_INSTANCE})
        yield _try(
            name,
            Probe(f"{caller}, as Vault role {role}", "Vault", codes, at_vault(role, vault.server_id_header)),
            stack,
        )
    if vault.server_id_header:
        codes = frozenset({refusals.SERVER_ID_HEADER})
        for what, header in (
            ("no server-id header", None),
            ("a wrong server-id header", f"not-{vault.server_id_header}"),
        ):
            yield _try(name, Probe(f"{caller}, {what}", "Vault", codes, at_vault(own_role, header)), stack)
    yield _try(
        name,
        Probe(
            "no credentials",
            "Vault",
            frozenset({refusals.NO_CREDENTIALS}),
            lambda: vault_login(vault, own_role, {}),
        ),
        stack,
    )


def _judge_token(name: str, caller: str, login: LoginOutput, session: Session) -> Finding:
    got = f"a token ({', '.join(session.auth['policies'])})"
    missing = sorted(set(login.policies) - set(session.auth["policies"]))
    return Finding(
        name,
        caller,
        "a token",
        got,
        reason=f"the token lacks the policies {', '.join(missing)}" if missing else "",
        hint="the Vault role was changed: `pulumi up --refresh`" if missing else "",
        ok=not missing,
    )


def _other_vault_roles(who: Workload, caller_arn: str) -> list[str]:
    """The Vault roles of the stack's other logins, without those that admit this caller on purpose."""
    _, partition, _, _, account, resource = caller_arn.split(":", 5)
    me = {f"arn:{partition}:iam::{account}:role/{resource.split('/')[1]}", who.login.iam_role_arn or ""}
    roles, mine = set(), {who.login.vault_role}
    for login in who.stack.outputs.logins.values():
        roles.add(login.vault_role)
        bound = [*login.principals, *([login.iam_role_arn] if login.iam_role_arn else [])]
        if any(fnmatchcase(arn, pattern) for arn in me for pattern in bound):
            mine.add(login.vault_role)
    return sorted(roles - mine)


def _try(name: str, probe: Probe, stack: Stack) -> Finding:
    expected = f"refused by {probe.by}"
    try:
        accepted = probe.attempt()
    except Refused as error:
        proved = error.by == probe.by and error.code in probe.codes
        return Finding(
            name,
            probe.caller,
            expected,
            "refused" if proved else "not proved",
            error.by or "",
            f"{error.link}: {error.reason}",
            "" if proved else error.hint,
            ok=proved,
        )
    if isinstance(accepted, Session):
        revoke(stack.outputs.vault, accepted.auth["client_token"])
    return Finding(
        name,
        probe.caller,
        expected,
        "ACCEPTED",
        reason="this caller must not get in: check who changed the trust policy or the Vault role",
        hint="`pulumi up --refresh` restores what the stack declares",
    )
