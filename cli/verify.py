"""Every login succeeds, and everyone else is refused, by whom it should be.

A refusal counts only when the same call with the right caller succeeded in the same run, when the expected
side said no, and when it said so for the expected reason: an outage or a missing right of the verifier proves
nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from . import granted, refusals, vault
from .arns import is_bound, principal_of
from .aws import Credentials
from .chain import Session, log_in
from .errors import Refused, UsageProblem
from .outputs import LoginOutput, Stack
from .workloads import Options, Stranger, Workload, no_such_login, workload

# A Vault role without bound principals asks first whether the caller is an instance, and to look that up in
# another account it needs a way into it.
_OTHER_ROLE = frozenset(
    {refusals.NOT_BOUND, refusals.NOT_AN_INSTANCE, refusals.OTHER_INSTANCE, refusals.FOREIGN_ACCOUNT}
)


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
    try:
        callers = workload(name, stack, options).each()
    except UsageProblem as error:
        yield Finding(name, "?", "a token", "not tried", reason=str(error))
        return
    proved = False  # a refusal of others says something only if the right caller is let in
    for who in callers:
        findings, session, credentials = _own_login(name, who, with_refusals)
        yield from findings
        if session is None or credentials is None:
            continue
        proved = proved or who is callers[0]
        if with_refusals:
            yield from _refused_by_vault(name, who, credentials, session)
    if with_refusals and proved:
        yield from _others(name, callers[0])


def _own_login(
    name: str, who: Workload, with_refusals: bool
) -> tuple[list[Finding], Session | None, Credentials | None]:
    """The login that must work, and what its token must not do; what it got is None if it did not."""
    at = who.stack.outputs.vault
    caller = "?"
    try:
        caller = who.caller
        credentials = who.credentials()
        session = log_in(at, who.login.vault_role, credentials, at.server_id_header)
    except UsageProblem as error:
        return [Finding(name, caller, "a token", "not tried", reason=str(error))], None, None
    except Refused as error:
        finding = Finding(
            name,
            caller,
            "a token",
            "refused" if error.by else "failed",
            error.by or "",
            f"{error.link}: {error.reason}",
            error.hint,
        )
        return [finding], None, None
    try:
        findings = [_judge_token(name, caller, who.login, session)]
        if with_refusals and granted.limit_of(who.login):
            findings.append(_outlives(name, caller, who, session))
    finally:
        vault.revoke(at, session.auth["client_token"])
    return findings, session, credentials


def _refused_by_vault(
    name: str, who: Workload, credentials: Credentials, session: Session
) -> Iterator[Finding]:
    """What Vault must not let this caller do: be another role, come without the header."""
    at = who.stack.outputs.vault

    def attempt(role: str, header: str | None) -> Callable[[], Session]:
        return lambda: log_in(at, role, credentials, header)

    for role in _other_vault_roles(who, session.caller.arn):
        yield _try(
            name,
            Probe(
                f"{who.caller}, as Vault role {role}",
                "Vault",
                _OTHER_ROLE,
                attempt(role, at.server_id_header),
            ),
            who.stack,
        )
    if at.server_id_header:
        codes = frozenset({refusals.SERVER_ID_HEADER})
        for what, header in (
            ("no server-id header", None),
            ("a wrong server-id header", f"not-{at.server_id_header}"),
        ):
            probe = Probe(f"{who.caller}, {what}", "Vault", codes, attempt(who.login.vault_role, header))
            yield _try(name, probe, who.stack)


def _others(name: str, who: Workload) -> Iterator[Finding]:
    """Everybody else: impostors at AWS, strangers and those without credentials at Vault."""
    at = who.stack.outputs.vault
    for impostor in who.impostors():
        yield _try(name, Probe(impostor.caller, "AWS", impostor.codes, impostor.attempt), who.stack)
    for stranger in who.strangers():

        def attempt(it: Stranger = stranger) -> Session:
            return log_in(at, who.login.vault_role, it.credentials(), at.server_id_header)

        yield _try(name, Probe(stranger.caller, "Vault", stranger.codes, attempt), who.stack)
    yield _try(
        name,
        Probe(
            "no credentials",
            "Vault",
            frozenset({refusals.NO_CREDENTIALS}),
            lambda: vault.login(at, who.login.vault_role, {}),
        ),
        who.stack,
    )


def _judge_token(name: str, caller: str, login: LoginOutput, session: Session) -> Finding:
    got = f"a token ({', '.join(session.auth['policies'])})"
    problems = [
        granted.wrong_policies(login, session.auth),
        granted.too_long(login, session.auth["lease_duration"]),
    ]
    reason = "; ".join(filter(None, problems))
    return Finding(name, caller, "a token", got, "", reason, granted.MEND if reason else "", ok=not reason)


def _outlives(name: str, caller: str, who: Workload, session: Session) -> Finding:
    """Whether Vault ends the token in time, however often it is renewed."""
    limit = granted.limit_of(who.login)
    attempt, expected = f"{caller}, a token that outlives {limit}", f"capped at {limit}"
    try:
        problem = granted.outlives(who.stack.outputs.vault, who.login, session.auth)
    except Refused as error:
        reason = f"{error.link}: {error.reason}"
        return Finding(name, attempt, expected, "not proved", error.by or "", reason, error.hint)
    if problem:
        return Finding(name, attempt, expected, "ACCEPTED", "", problem, granted.MEND)
    return Finding(name, attempt, expected, "capped", "Vault", ok=True)


def _other_vault_roles(who: Workload, caller_arn: str) -> list[str]:
    """The Vault roles of the stack's other logins, without those that admit this caller on purpose."""
    me = {principal_of(caller_arn), who.login.iam_role_arn or principal_of(caller_arn)}
    roles, mine = set(), {who.login.vault_role}
    for login in who.stack.outputs.logins.values():
        roles.add(login.vault_role)
        bound = [*login.principals, *([login.iam_role_arn] if login.iam_role_arn else [])]
        if any(is_bound(arn, bound) for arn in me):
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
        vault.revoke(stack.outputs.vault, accepted.auth["client_token"])
    return Finding(
        name,
        probe.caller,
        expected,
        "ACCEPTED",
        reason="this caller must not get in: check who changed the trust policy or the Vault role",
        hint="`pulumi up --refresh` restores what the stack declares",
    )
