"""`verify`: every login works, and other callers are refused, by AWS or Vault as expected.

A refusal counts only if the right caller succeeded in the same run, the expected side refused, and for the
expected reason: an outage or a missing right of the verifier proves nothing.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from . import refusals, token_checks, vault
from .aws import Credentials
from .console import camel_case
from .errors import NotHere, Refused, UsageProblem
from .options import CallerOptions
from .outputs import Stack
from .patience import BUSY, PROPAGATION, Patience
from .principals import resolved
from .vault import Session, log_in
from .workloads import Impostor, Workload, check_names, workload

# A Vault role without bound principals first checks whether the caller is an instance, and to look up one in
# another account it needs access to that.
_OTHER_ROLE = frozenset(
    {refusals.NOT_BOUND, refusals.NOT_AN_INSTANCE, refusals.OTHER_INSTANCE, refusals.FOREIGN_ACCOUNT}
)

_AS_VAULT_DECIDES = "as Vault decides"
"""What is expected of a caller that a pattern admits or not by a path that only Vault can see."""


@dataclass(frozen=True)
class Finding:
    """One attempt and its outcome."""

    login: str
    caller: str
    expected: str
    got: str
    refused_by: str = ""
    reason: str = ""
    hint: str = ""
    ok: bool | None = False
    """None if it could not be tried from here."""


def verify(
    stack: Stack, names: list[str], chosen: CallerOptions, *, with_refusals: bool = True
) -> Iterator[Finding]:
    """Try the named logins, or all of them, and the callers that must be refused; a finding per attempt."""
    check_names(names, stack)
    patience = Patience()
    for name in names or _all(stack, chosen):
        yield from _verify_login(name, stack, chosen, with_refusals, patience)


def _all(stack: Stack, chosen: CallerOptions) -> list[str]:
    """Every login; of a cluster, where one is chosen."""
    outputs = stack.outputs
    named = sorted(outputs.logins)
    if not chosen.cluster:
        return named
    found = [name for name in named if chosen.cluster in outputs.clusters_of(outputs.logins[name])]
    return [name for name in found if outputs.logins[name].service_accounts] or named


def _verify_login(
    name: str, stack: Stack, chosen: CallerOptions, with_refusals: bool, patience: Patience
) -> Iterator[Finding]:
    try:
        callers = workload(name, stack, chosen).each()
    except NotHere as error:
        yield _not_tried(name, "", error)
        return
    except UsageProblem as error:
        yield Finding(name, "?", "a token", "failed", reason=str(error))
        return
    # Each place that callers are in has a trust of its own. That it refuses others means something only if
    # the right caller is let in.
    firsts = {who.place: who for who in reversed(callers)}
    proved = []
    for who in callers:
        caller = "?"
        try:
            caller = who.caller
            credentials, session = patience.retried(
                f"{name}, {caller}", partial(_log_in, who), BUSY | PROPAGATION if who.expected_here else BUSY
            )
        except UsageProblem as error:
            yield Finding(name, caller, "a token", "failed", reason=str(error))
            continue
        except NotHere as error:
            yield _not_tried(name, caller, error)
            continue
        except Refused as error:
            got = "refused" if error.by else "failed"
            yield _refused(name, caller, "a token", got, error)
            continue
        try:
            yield _judge_token(who, session)
            if with_refusals and token_checks.limit_of(who.login):
                yield _outlives(who, session)
        finally:
            vault.revoke(who.vault, session.auth["client_token"])
        if who is firsts[who.place]:
            proved.append(who)
        # Wherever they are, they have the same principal for Vault.
        if with_refusals and who.place == callers[0].place:
            yield from (_try(who, misuse, patience) for misuse in _misused(who, credentials, session))
    if with_refusals and proved:
        for who in proved:
            yield from (_try(who, impostor, patience) for impostor in who.impostors())
        yield _try(proved[0], _without_credentials(proved[0]), patience)


def _log_in(who: Workload) -> tuple[Credentials, Session]:
    credentials = who.credentials()
    return credentials, who.log_in(credentials)


def _judge_token(who: Workload, session: Session) -> Finding:
    problems = [
        token_checks.wrong_policies(who.login, session.auth),
        token_checks.too_long(who.login, session.auth["lease_duration"]),
    ]
    reason = "; ".join(filter(None, problems))
    got, hint = f"a token ({', '.join(session.auth['policies'])})", token_checks.FIX if reason else ""
    return Finding(who.name, who.caller, "a token", got, "", reason, hint, ok=not reason)


def _outlives(who: Workload, session: Session) -> Finding:
    """Whether Vault ends the token in time, even if it is renewed."""
    limit = token_checks.limit_of(who.login)
    caller, expected = f"{who.caller}, a token that outlives {limit}", f"capped at {limit}"
    try:
        problem = token_checks.outlives(who.vault, who.login, session.auth)
    except Refused as error:
        return _refused(who.name, caller, expected, "not proved", error)
    if problem:
        return Finding(who.name, caller, expected, "ACCEPTED", "", problem, token_checks.FIX)
    return Finding(who.name, caller, expected, "capped", "Vault", ok=True)


def _misused(who: Workload, credentials: Credentials, session: Session) -> Iterator[Impostor]:
    """What Vault must refuse this caller: other logins' Vault roles, and a login with a wrong header."""
    header = who.vault.server_id_header
    for role, undecided in _other_vault_roles(who, credentials, session).items():
        attempt = partial(log_in, who.vault, role, credentials, header)
        yield Impostor(f"{who.caller}, as Vault role {role}", "Vault", _OTHER_ROLE, attempt, undecided)
    if header:
        codes = frozenset({refusals.SERVER_ID_HEADER})
        for what, wrong in (("no server-id header", None), ("a wrong server-id header", f"not-{header}")):
            attempt = partial(log_in, who.vault, who.login.vault_role, credentials, wrong)
            yield Impostor(f"{who.caller}, {what}", "Vault", codes, attempt)


def _without_credentials(who: Workload) -> Impostor:
    attempt = partial(vault.login, who.vault, who.login.vault_role, {})
    return Impostor("no credentials", "Vault", frozenset({refusals.NO_CREDENTIALS}), attempt)


def _other_vault_roles(who: Workload, credentials: Credentials, session: Session) -> dict[str, bool]:
    """The Vault roles of the stack's other logins that do not admit this caller on purpose; of each, whether
    only Vault can tell that."""
    me = resolved(who.vault, session.caller, credentials, who.known_arns())
    verdicts: dict[str, set[bool | None]] = {}
    for login in who.stack.outputs.logins.values():
        bound = login.principals or ([login.iam_role_arn] if login.iam_role_arn else [])
        verdicts.setdefault(login.vault_role, set()).add(me.admitted_by(bound))
    del verdicts[who.login.vault_role]
    return {role: None in found for role, found in sorted(verdicts.items()) if True not in found}


def _try(who: Workload, impostor: Impostor, patience: Patience) -> Finding:
    expected = f"refused by {impostor.by}"
    try:
        accepted = patience.retried(f"{who.name}, {impostor.caller}", impostor.attempt, BUSY)
    except Refused as error:
        proved = error.by == impostor.by and error.code in impostor.codes
        got = "refused" if proved else "not proved"
        expected = _AS_VAULT_DECIDES if impostor.undecided else expected
        return _refused(who.name, impostor.caller, expected, got, error, ok=proved)
    if isinstance(accepted, Session):
        vault.revoke(who.vault, accepted.auth["client_token"])
    if impostor.undecided:
        # Its ARN is that of a session, without the path that Vault compares, and Vault was asked.
        return Finding(who.name, impostor.caller, _AS_VAULT_DECIDES, "a token", ok=True)
    return Finding(
        who.name,
        impostor.caller,
        expected,
        "ACCEPTED",
        reason="this caller must not get in: check who changed the trust policy or the Vault role",
        hint="`pulumi up --refresh` restores what the stack declares",
    )


def _not_tried(name: str, caller: str, error: NotHere) -> Finding:
    return Finding(name, caller or "its caller", "a token", "not tried", "", error.reason, error.hint, None)


def _refused(
    login: str, caller: str, expected: str, got: str, error: Refused, *, ok: bool = False
) -> Finding:
    hint = "" if ok else error.hint
    return Finding(login, caller, expected, got, error.by or "", str(error), hint, ok)


def document(findings: list[Finding]) -> dict[str, Any]:
    """The findings for scripts; `ok` is null for what was not tried."""
    return {
        "ok": all(found.ok is not False for found in findings),
        "notTried": sum(found.ok is None for found in findings),
        "results": [camel_case(asdict(found)) for found in findings],
    }
