"""Delivers to an environment step by step, and promotes a change from one to the next."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
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
    verified: tuple[str, ...] = ()
    """The logins that were asked for; empty if that was all."""
    not_tried: dict[str, str] = field(default_factory=dict)
    """The callers that could not be tried from here, and why."""

    @property
    def touched(self) -> bool:
        """Whether anything in the environment may have changed."""
        return self.step in ("up", "verify")

    def describe(self) -> str:
        """The result in a few words; for a failure, its reason and what was changed."""
        if self.ok and self.report:
            verified = f"; {self._verified()}" if self.step == "verify" else ""
            return f"{self.report.counts(done=True)}{verified}"
        if self.step == "none":
            return self.reason
        kept = "What was done so far is kept: fix the cause and run this again."
        return f"failed at {self.step}: {self.reason}\n{kept if self.touched else 'Nothing was changed.'}"

    def _verified(self) -> str:
        which = f"verified: {', '.join(self.verified)}" if self.verified else "every login verified"
        if not self.not_tried:
            return which
        lines = [f"not tried from here: {caller}: {why}" for caller, why in self.not_tried.items()]
        return "\n".join([f"{which}, as far as it can be tried from here", *lines])


def deliver(
    environment: Environment, plan: Path | None, *, verify: bool, out: Output, logins: Sequence[str] = ()
) -> Delivery:
    """Preview with the guardrails, apply exactly that, prove the logins. Stop at the first failure.

    With `plan`, apply it without another preview. `logins` are those to prove, by default all.
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
    if not verify:
        return Delivery(name, "up", True, report)
    out.heading(f"{name}: verify")
    with tempfile.TemporaryDirectory(prefix="pipeline-") as folder:
        findings = Path(folder) / "findings.json"
        good = engine.verify(environment, logins, findings, log=out.log)
        not_tried = _not_tried(findings)
    reason = "" if good else "a login does not work, or a caller that must be refused got in; see above"
    return Delivery(name, "verify", good, report, reason, tuple(logins), not_tried)


def _not_tried(findings: Path) -> dict[str, str]:
    """The callers that could not be tried, and why. None if the command ended before it knew."""
    if not findings.exists():
        return {}
    found = json.loads(findings.read_text(encoding="utf-8"))["results"]
    return {f"{each['login']}, {each['caller']}": each["reason"] for each in found if each["ok"] is None}


def promote(
    environments: Sequence[Environment], *, verify: bool, out: Output, logins: Sequence[str] = ()
) -> Iterator[Delivery]:
    """Deliver to one environment after the other. After one that fails, the rest are not touched."""
    failed = ""
    for environment in environments:
        if failed:
            yield Delivery(environment.name, "none", False, None, f"not touched, as {failed} failed")
            continue
        delivery = deliver(environment, None, verify=verify, out=out, logins=logins)
        failed = "" if delivery.ok else delivery.environment
        yield delivery
