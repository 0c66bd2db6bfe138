"""The drills. Each is an entry: of which kind, what it is called, and what happens.

What must hold after each moment is `Ground.check`, and that the next run succeeds.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.sandbox.drills import surroundings
from tests.sandbox.drills.foreign import with_foreign_settings
from tests.sandbox.drills.ground import Ground
from tests.sandbox.drills.middle import (
    Act,
    Disturbance,
    Find,
    Middle,
    aws,
    children,
    forks,
    frozen,
    kill_command,
    kill_everything,
    kill_parent,
    killed,
    let_token_expire,
    once,
    revoke_root_token,
    seal_vault,
    service,
    the_engine,
    vault_restarted,
)

Moments = Iterator[tuple[str, bool]]
"""For each moment the command, and whether that was still at work."""


@dataclass(frozen=True)
class Drill:
    """One way in which things go wrong."""

    kind: str
    name: str
    middle: Middle | None = None
    """In the middle of `up` and of `down`, in a sandbox that drills share."""
    around: Callable[[Path, random.Random], Moments] | None = None
    """Around a whole life of a sandbox, in a folder that this drill gets."""

    @property
    def title(self) -> str:
        """By which it is chosen."""
        return f"{self.kind}: {self.name}"


def _at_once(act: Act, *, in_terminal: bool = False) -> Middle:
    """At any time from the start of the command on; the next one does not wait for its end."""
    return Middle(once(act), at_once=True, in_terminal=in_terminal)


def _at_work(disturb: Disturbance, appears: Find = the_engine, lives: float = 0.4) -> Middle:
    """While the engine is at work, which is a part of the time that the command takes."""
    return Middle(disturb, appears=appears, lives=lives)


def _killed(find: Find) -> Middle:
    return _at_work(killed(find), find)


def _service(name: str) -> Middle:
    return _at_work(killed(service(name)), service(name), lives=0.8)


def _frozen(name: str) -> Middle:
    return _at_work(frozen(service(name), 8))


def _aws(**fault: object) -> Middle:
    """From the start to the end of the command."""
    return Middle(aws(fault), lives=0, keeps=True)


DRILLS = (
    # what has started the command, and the command itself
    Drill("kill", "parent", _at_once(kill_parent)),
    Drill("kill", "command", _at_once(kill_command)),
    Drill("kill", "process group", _at_once(lambda _, run, __: run.kill_group())),
    Drill("kill", "terminal", _at_once(lambda _, run, __: run.close_terminal(), in_terminal=True)),
    Drill("kill", "Ctrl-C", _at_once(lambda _, run, __: run.type(b"\x03"), in_terminal=True)),
    # what it runs
    Drill("kill", "engine", _killed(the_engine)),
    Drill("kill", "language host", _killed(children("sandbox.language"))),
    Drill("kill", "plugin aws", _killed(children("sandbox.plugins aws"))),
    Drill("kill", "plugin vault", _killed(children("sandbox.plugins vault"))),
    Drill("kill", "plugin kubernetes", _killed(children("sandbox.plugins kubernetes"))),
    Drill("kill", "plugin eks", _killed(children("sandbox.plugins eks"))),
    Drill("kill", "plugin or language host's fork", _killed(forks)),
    # what runs all the time
    Drill("kill", "Vault", _service("vault")),
    Drill("kill", "API server", _service("kube-apiserver")),
    Drill("kill", "etcd", _service("etcd")),
    Drill("kill", "controller manager", _service("kube-controller-manager")),
    Drill("kill", "emulator", _service("emulator")),
    Drill("kill", "fork server", _service("fork-server")),
    Drill("kill", "everything", Middle(once(kill_everything))),
    Drill("vault", "sealed", _at_work(once(seal_vault))),
    Drill("vault", "restarted and unsealed", _at_work(vault_restarted)),
    Drill("vault", "root token revoked", _at_work(once(revoke_root_token))),
    Drill("vault", "token expires", Middle(once(let_token_expire), lives=0, keeps=True)),
    Drill("vault", "frozen for 8 s", _frozen("vault")),
    Drill("aws", "throttles a third", _aws(kind="throttle", share=0.3)),
    Drill("aws", "fails a third with 500", _aws(kind="error", share=0.3)),
    Drill("aws", "resets a fifth", _aws(kind="reset", share=0.2)),
    Drill("aws", "loses a tenth of the answers", _aws(kind="lost", share=0.1)),
    Drill("aws", "answers a third late", _aws(kind="slow", share=0.3, seconds=1.5)),
    Drill("aws", "IAM throttles all", _aws(kind="throttle", service="iam")),
    Drill("aws", "STS fails always", _aws(kind="error", service="sts")),
    Drill("aws", "EKS resets all", _aws(kind="reset", service="eks")),
    Drill("aws", "EC2 throttles all", _aws(kind="throttle", service="ec2")),
    Drill("kubernetes", "API server gone", _at_work(killed(service("kube-apiserver")), lives=0)),
    Drill("kubernetes", "API server frozen for 8 s", _frozen("kube-apiserver")),
    Drill("kubernetes", "etcd frozen for 8 s", _frozen("etcd")),
    Drill("disk", "full in the middle, and from the start", around=surroundings.on_a_small_disk),
    Drill("path", "spaces and umlauts, of checkout and sandbox", around=surroundings.in_a_strange_path),
    Drill("umask", "077", around=surroundings.with_umask(0o077)),
    Drill("umask", "000", around=surroundings.with_umask(0o000)),
    *(
        Drill("locale", name, around=surroundings.with_variables(**variables))
        for name, variables in surroundings.LOCALES.items()
    ),
    Drill(
        "shell",
        "no HOME, no TERM, a TMPDIR that is not there",
        around=surroundings.with_variables(**surroundings.BARE),
    ),
    Drill("foreign", "AWS, Vault, Kubernetes, Pulumi, Python, proxies", around=with_foreign_settings),
)


def shared(folder: Path) -> Ground:
    """The sandbox of all drills that are in the middle of a run."""
    return Ground(folder)
