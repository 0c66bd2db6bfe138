"""A caller that must be let in is tried again while AWS may not have everything everywhere."""

import json
from typing import Any

import pytest

from cli import patience
from tests.cli.conftest import Run
from tests.cli.test_verify import results
from tests.cli.world import CI_ROLE, World

PATTERN = "arn:aws:iam::222222222222:role/c*"


@pytest.fixture
def clock(world: World, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses; the time passes only in them."""
    pauses: list[float] = []
    monkeypatch.setattr(patience, "SECONDS", 60.0)

    class Clock:
        sleep = staticmethod(pauses.append)

        @staticmethod
        def monotonic() -> float:
            return 1000 + sum(pauses)

    monkeypatch.setattr(patience, "time", Clock)
    return pauses


@pytest.mark.parametrize(
    "code", ["InvalidClientTokenId", "AccessDenied", "NoSuchEntity", "InvalidIdentityToken"]
)
def test_an_allowed_caller_is_tried_again_with_one_line_that_says_so(
    run: Run, world: World, clock: list[float], code: str
) -> None:
    world.sts_errors = [(code, "not yet", 403)] * 3
    done = run("verify", "pod", "--no-refusals")
    assert done.exit_code == 0, done.output
    assert len(clock) == 3
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"pod, service account default/vault-auth: {code}; ")
    assert "tried again for up to 60 s" in line


def test_each_of_several_logins_is_tried_again(run: Run, world: World, clock: list[float]) -> None:
    """As after the `up` that made them."""
    world.sts_errors = [("AccessDenied", "not yet", 403)] * 2
    done = run("login", "--all")
    assert done.exit_code == 0, done.output
    assert len(clock) == 2
    assert done.stderr.count("tried again for up to 60 s") == 1


def test_one_login_answers_at_once(run: Run, world: World, clock: list[float]) -> None:
    """Whoever asks for one is told what it is refused for."""
    world.sts_errors = [("AccessDenied", "not yet", 403)]
    assert run("login", "pod").exit_code == 1
    assert clock == []


@pytest.mark.parametrize(
    "answer",
    [
        (400, "arn:aws:iam::111111111111:user/vault is not authorized to perform: iam:GetRole"),
        (400, "error making upstream request: InvalidClientTokenId"),
        (400, "Throttling: Rate exceeded"),
        (429, "request path: rate limit quota exceeded"),
        (503, "error performing request"),
    ],
)
def test_what_vault_is_refused_by_aws_at_first_is_tried_again(
    run: Run, world: World, clock: list[float], answer: tuple[int, str]
) -> None:
    world.vault_errors = [answer] * 2
    done = run("verify", "pod", "--no-refusals")
    assert done.exit_code == 0, done.output
    assert len(clock) == 2


def test_the_wait_is_bounded_for_the_whole_run(run: Run, world: World, clock: list[float]) -> None:
    world.trusted = "system:serviceaccount:other:other"
    outputs = world.outputs()
    outputs["logins"]["again"] = outputs["logins"]["pod"]
    done = run("verify", "pod", "again", "--json", outputs=outputs)
    assert done.exit_code == 1
    assert sum(clock) <= 60
    assert {found["got"] for found in results(done.stdout).values()} == {"refused"}


def test_a_caller_that_must_be_refused_is_refused_once(run: Run, world: World, clock: list[float]) -> None:
    assert run("verify", "pod").exit_code == 0
    assert not clock


@pytest.mark.parametrize(("more", "waits"), [({"verifyAs": [CI_ROLE]}, True), ({}, False)])
def test_a_role_that_none_said_can_be_assumed_is_not_waited_for(
    run: Run, world: World, clock: list[float], more: dict[str, Any], waits: bool
) -> None:
    world.assumable = set()
    done = run("verify", "ci", "--json", outputs=world.with_principal(CI_ROLE, **more))
    assert json.loads(done.stdout)["notTried"] == 1
    assert bool(clock) is waits


@pytest.mark.parametrize(
    ("error", "code"),
    [(("Throttling", "Rate exceeded", 400), "throttled"), (("InternalFailure", "", 503), "unavailable")],
)
def test_throttling_and_outages_have_their_own_meaning_and_are_no_refusal(
    run: Run, world: World, error: tuple[str, str, int], code: str
) -> None:
    world.sts_errors = [error] * 99
    found = json.loads(run("login", "pod", "--json").stdout)["error"]
    assert (found["by"], found["code"]) == (None, code)
    assert "says nothing about this login" in found["hint"]
    assert len(world.sts_errors) == 96, "the client itself asked three times"
