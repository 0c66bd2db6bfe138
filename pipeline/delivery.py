"""An environment brought up step by step, and a change promoted from one to the next."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline import engine
from pipeline.environment import Environment
from pipeline.report import Report

Say = Callable[[str], None]


@dataclass(frozen=True)
class Delivery:
    """How far an environment came."""

    environment: str
    step: str
    """The last step that was taken: `preview`, `up`, `verify`; `none`: it was not touched."""
    ok: bool
    report: Report | None = None
    reason: str = ""

    @property
    def touched(self) -> bool:
        """Whether anything of the environment may have been changed."""
        return self.step in ("up", "verify")


def deliver(environment: Environment, plan: Path | None, *, verify: bool, say: Say, log: int) -> Delivery:
    """Previews with the guardrails, does what was previewed, proves the logins. Stops where a step fails.

    With `plan`, a preview was made before, and what it found is done.
    """
    name = environment.name
    with tempfile.TemporaryDirectory(prefix="pipeline-") as folder:
        if plan is None:
            plan = Path(folder) / "plan.json"
            say(f"{name}: preview")
            report = engine.preview(environment, plan, log=log)
            if not report.ok:
                return Delivery(name, "preview", False, report, report.reason)
        say(f"{name}: up")
        report = engine.up(environment, plan, log=log)
    if not report.ok:
        return Delivery(name, "up", False, report, report.reason)
    if verify:
        say(f"{name}: verify")
        if not engine.verify(environment, log=log):
            reason = "a login does not work, or somebody is let in who must not be; see above"
            return Delivery(name, "verify", False, report, reason)
    return Delivery(name, "verify" if verify else "up", True, report)


def promote(environments: Sequence[Environment], *, verify: bool, say: Say, log: int) -> Iterator[Delivery]:
    """Delivers to one environment after the other. After one that fails, the others are not touched."""
    failed = ""
    for environment in environments:
        if failed:
            yield Delivery(environment.name, "none", False, None, f"not touched, as {failed} failed")
            continue
        delivery = deliver(environment, None, verify=verify, say=say, log=log)
        failed = "" if delivery.ok else delivery.environment
        yield delivery
