"""Delivers to an environment step by step, and promotes a change from one to the next."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline import engine
from pipeline.environment import Environment
from pipeline.output import Output
from pipeline.report import Report


@dataclass(frozen=True)
class Delivery:
    """How far an environment came."""

    environment: str
    step: str
    """The last step that ran: `preview`, `up` or `verify`; `none` if the environment was not touched."""
    ok: bool
    report: Report | None = None
    reason: str = ""

    @property
    def touched(self) -> bool:
        """Whether anything in the environment may have changed."""
        return self.step in ("up", "verify")

    def describe(self) -> str:
        """The result in a few words; for a failure, its reason and what was changed."""
        if self.ok and self.report:
            verified = "; every login verified" if self.step == "verify" else ""
            return f"{self.report.counts(done=True)}{verified}"
        if self.step == "none":
            return self.reason
        kept = "What was done so far is kept: fix the cause and run this again."
        return f"failed at {self.step}: {self.reason}\n{kept if self.touched else 'Nothing was changed.'}"


def deliver(environment: Environment, plan: Path | None, *, verify: bool, out: Output) -> Delivery:
    """Preview with the guardrails, apply exactly that, prove the logins. Stop at the first failure.

    With `plan`, apply it without another preview.
    """
    name = environment.name
    with tempfile.TemporaryDirectory(prefix="pipeline-") as folder:
        if plan is None:
            plan = Path(folder) / "plan.json"
            out.heading(f"{name}: preview")
            report = engine.preview(environment, plan, log=out.log)
            if not report.ok:
                return Delivery(name, "preview", False, report, report.reason)
        out.heading(f"{name}: up")
        report = engine.up(environment, plan, log=out.log)
    if not report.ok:
        return Delivery(name, "up", False, report, report.reason)
    if verify:
        out.heading(f"{name}: verify")
        if not engine.verify(environment, log=out.log):
            reason = "a login does not work, or a caller that must be refused got in; see above"
            return Delivery(name, "verify", False, report, reason)
    return Delivery(name, "verify" if verify else "up", True, report)


def promote(environments: Sequence[Environment], *, verify: bool, out: Output) -> Iterator[Delivery]:
    """Deliver to one environment after the other. After one that fails, the rest are not touched."""
    failed = ""
    for environment in environments:
        if failed:
            yield Delivery(environment.name, "none", False, None, f"not touched, as {failed} failed")
            continue
        delivery = deliver(environment, None, verify=verify, out=out)
        failed = "" if delivery.ok else delivery.environment
        yield delivery
