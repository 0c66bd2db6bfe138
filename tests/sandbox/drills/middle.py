"""Drills in the middle of a run: something is killed, frozen, taken away or made to fail at a random point.

The run may fail then, with a message. The next one of the same command has to succeed.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import psutil

from sandbox import api, services
from sandbox.home import SandboxError, write_private
from sandbox.processes import Processes
from tests.sandbox.drills.ground import Ground
from tests.sandbox.drills.run import Run

Disturbance = Callable[[Ground, Run, random.Random], AbstractContextManager[None]]
"""Entered in the middle of a run; left when that has ended, before the next one begins."""

Act = Callable[[Ground, Run, random.Random], None]
"""Something that happens in the middle of a run, and is not undone."""

Find = Callable[[Ground, Run], Sequence[psutil.Process]]
"""The processes of a kind that are there now."""

ENDS_WITHIN = 240.0
"""Seconds that a disturbed run may take."""


@dataclass(frozen=True)
class Middle:
    """How a run is disturbed, and when."""

    disturb: Disturbance
    appears: Find | None = None
    """It happens at a random time after one of these is there; None: after the start of the command."""
    lives: float = 1.0
    """The latest such time, as a part of what the whole command takes."""
    at_once: bool = False
    """Whether the next command is started at once, while the disturbed one may still be ending."""
    in_terminal: bool = False
    keeps: bool = False
    """Whether the sandbox runs before and after: it is started first, and `down --keep` is disturbed."""

    def __call__(self, ground: Ground, chosen: random.Random) -> Iterator[tuple[str, bool]]:
        """`up`, then `down`: for each its name and whether it was still at work when it was disturbed."""
        if self.keeps:
            ground.succeed("start")
        for words in (ground.up, ("down", "--keep") if self.keeps else ground.down):
            yield words[0], self.moment(ground, words, chosen)
        if self.keeps:
            ground.succeed(*ground.down)

    def moment(self, ground: Ground, words: Sequence[str], chosen: random.Random) -> bool:
        """One run that is disturbed, and the next one. Whether it was still at work when it was disturbed."""
        took = ground.took[words[0]]
        with ground.watched():
            run = ground.begin(words, in_terminal=self.in_terminal)
            while self.appears and not self.appears(ground, run) and not run.has_ended:
                time.sleep(0.05)
            time.sleep(chosen.uniform(0, self.lives * took))
            in_time = not run.has_ended
            with self.disturb(ground, run, chosen):
                if not self.at_once:
                    _wait(run)
            answer = ground.run(*words)
            code = run.reap()
        said = f"disturbed, exit code {code}:\n{run.said()}\nnext:\n{answer.stdout}{answer.stderr}"
        assert answer.returncode == 0, said
        assert "Traceback" not in said, said
        assert code in (0, 128 + signal.SIGKILL) or code < 0 or self.at_once or "error:" in run.said(), said
        ground.printed.append(run.said())
        try:
            ground.check(is_up=words != ground.down)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{said}") from None
        return in_time


def _wait(run: Run) -> None:
    deadline = time.monotonic() + ENDS_WITHIN
    while not run.has_ended:
        if time.monotonic() > deadline:
            run.kill_group()
            raise AssertionError(f"it did not end within {ENDS_WITHIN:.0f} s:\n{run.said()}")
        time.sleep(0.1)


def once(act: Act) -> Disturbance:
    """It happens, and is not undone."""

    @contextmanager
    def disturb(ground: Ground, run: Run, chosen: random.Random) -> Iterator[None]:
        act(ground, run, chosen)
        yield

    return disturb


# Who is there


def children(*marks: str) -> Find:
    """Processes that the run has started, with one of these words in their command line."""

    def find(_: Ground, run: Run) -> list[psutil.Process]:
        return [each for each in run.tree()[2:] if any(mark in " ".join(_words(each)) for mark in marks)]

    return find


def the_engine(_: Ground, run: Run) -> list[psutil.Process]:
    """`pulumi up` or `pulumi destroy`."""

    commands = (["up"], ["destroy"])
    return [each for each in run.tree() if _name(each) == "pulumi" and _words(each)[1:2] in commands]


def forks(ground: Ground, _: Run) -> list[psutil.Process]:
    """Language host, guardrails and plugins, as the fork server runs them."""
    with contextlib.suppress(KeyError, psutil.NoSuchProcess):
        return psutil.Process(ground.sandbox.service_pids()["fork-server"]).children()
    return []


def service(name: str) -> Find:
    """One of the sandbox's long-running processes."""

    def find(ground: Ground, _: Run) -> list[psutil.Process]:
        with contextlib.suppress(KeyError, psutil.NoSuchProcess, ValueError):
            return [psutil.Process(ground.sandbox.service_pids()[name])]
        return []

    return find


def _name(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        return process.name()
    return ""


def _words(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.Error):
        return process.cmdline() or [""]
    return [""]


# What happens


def killed(find: Find) -> Disturbance:
    """One of them is killed."""

    def kill(ground: Ground, run: Run, chosen: random.Random) -> None:
        if found := find(ground, run):
            with contextlib.suppress(psutil.NoSuchProcess):
                chosen.choice(list(found)).kill()

    return once(kill)


def frozen(find: Find, seconds: float) -> Disturbance:
    """They do nothing for a while: the machine swaps, a network hangs."""

    @contextmanager
    def disturb(ground: Ground, run: Run, _: random.Random) -> Iterator[None]:
        found = find(ground, run)
        for each in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.send_signal(signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            for each in found:
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.send_signal(signal.SIGCONT)
        yield

    return disturb


def kill_parent(_: Ground, run: Run, __: random.Random) -> None:
    """What has started the command, as `make` does."""
    if tree := run.tree():
        tree[0].kill()


def kill_command(_: Ground, run: Run, __: random.Random) -> None:
    """The command; what has started it goes on."""
    for each in run.tree()[1:2]:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()


def kill_everything(ground: Ground, run: Run, _: random.Random) -> None:
    """The command with its engine, and all services: the machine goes off."""
    for each in [*run.tree(), *ground.sandbox.processes()]:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()


def vault_asks(ground: Ground, method: str, path: str, body: Any = None) -> Any:
    """Something of the sandbox's Vault, as root. None if it does not answer any more, or not yet."""
    with contextlib.suppress(SandboxError):
        return api.vault(ground.home).request(method, path, body, accepted=range(400, 600))
    return None


def seal_vault(ground: Ground, _: Run, __: random.Random) -> None:
    """By an operator."""
    vault_asks(ground, "PUT", "sys/seal")


def revoke_root_token(ground: Ground, _: Run, __: random.Random) -> None:
    """With all of its children."""
    vault_asks(ground, "PUT", "auth/token/revoke-self")


def let_token_expire(ground: Ground, _: Run, chosen: random.Random) -> None:
    """The command, which has just been started, gets a token that lives for some seconds."""
    wanted = {"ttl": f"{chosen.randint(3, 8)}s", "policies": ["root"]}
    answer = api.vault(ground.home).request("POST", "auth/token/create", wanted)
    keys = {**ground.home.vault_keys(), "root_token": answer.json()["auth"]["client_token"]}
    write_private(ground.home.root / "vault" / "init.json", json.dumps(keys))


@contextmanager
def vault_restarted(ground: Ground, run: Run, _: random.Random) -> Iterator[None]:
    """Vault ends and starts again, sealed, and is unsealed: as after an update of its machine."""
    processes, mask = Processes(ground.home), os.umask(0o077)
    try:
        with contextlib.suppress(SandboxError, OSError):  # it is not there any more
            if processes.stop(["vault"]):
                services.start(ground.home, processes, lambda *_: None)
    finally:
        os.umask(mask)
    yield


def aws(*faults: dict[str, Any]) -> Disturbance:
    """Faults of the emulated AWS, until the run has ended."""

    @contextmanager
    def disturb(ground: Ground, _: Run, __: random.Random) -> Iterator[None]:
        with contextlib.suppress(SandboxError):  # `down` may have ended the emulator by now
            ask_for_faults(ground, *faults)
        try:
            yield
        finally:
            with contextlib.suppress(SandboxError):
                ask_for_faults(ground)

    return disturb


def ask_for_faults(ground: Ground, *faults: dict[str, Any]) -> None:
    """Makes these happen from now on, and no others."""
    api.emulator(ground.home).request("PUT", "/sandbox/faults", list(faults))
