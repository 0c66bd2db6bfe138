"""What components cost: a stack of many logins by the project's program, beside the same resources declared
one by one (`flat/`), with the real engine in a sandbox that runs.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sandbox import environment, plugin_choice
from sandbox.engine import PROJECT
from sandbox.home import REPOSITORY, Home
from tests.bench.everyday import fork_server, new_sandbox
from tests.bench.measure import Cost, run
from tests.bench.rows import CPU, RATIO, SIZE, Report, Row
from tools import build

LOGINS = 50
FLAT = Path(__file__).parent / "flat"

COMMANDS = {
    "preview": ("preview",),
    "up": ("up", "--yes", "--skip-preview"),
    "up, no changes": ("up", "--yes", "--skip-preview", "--expect-no-changes"),
}
"""What is measured, in this order: of a stack that is not there yet, and of one that is."""


@dataclass(frozen=True)
class Measured:
    """What one program took."""

    costs: dict[str, Cost]
    """By command."""
    state: int
    """Bytes of the stack's state."""
    resources: int
    """How many resources there are in it."""


@dataclass(frozen=True)
class Pair:
    """The project's program and the flat one, one run after the other."""

    components: Measured
    flat: Measured

    def ratio(self, command: str) -> float:
        return self.components.costs[command].cpu / self.flat.costs[command].cpu


def rows(report: Report) -> None:
    """In a sandbox of its own."""
    with new_sandbox() as bench:
        bench.sandbox("start")
        measured = pairs(bench.home)
    for command in COMMANDS:
        ratio = statistics.median(pair.ratio(command) for pair in measured)
        report(Row(f"components ÷ flat, {LOGINS} logins: {command}", ratio, RATIO, 1.1))
    for name, runs in (
        ("components", [pair.components for pair in measured]),
        ("flat", [pair.flat for pair in measured]),
    ):
        for command in COMMANDS:
            cpu = statistics.median(each.costs[command].cpu for each in runs)
            report(Row(f"{LOGINS} logins, {name}: {command}", cpu, CPU))
        report(Row(f"{LOGINS} logins, {name}: state", runs[-1].state / 1024, SIZE))


def pairs(home: Home, logins: int = LOGINS, repeat: int = 5) -> list[Pair]:
    """Brings both stacks up and down, in turns, in a sandbox whose processes run. A ratio is of the two runs
    of one pair, for only these met the same machine: the median of those is what counts."""
    return [Pair(measure(home, REPOSITORY, logins), measure(home, FLAT, logins)) for _ in range(repeat)]


def measure(home: Home, program: Path, logins: int = LOGINS) -> Measured:
    """What each command takes with the program in a folder; the stack is gone afterwards."""
    with _project(home, logins) as (folder, stack, file):

        def pulumi(*words: str, where: Path = program) -> Cost:
            command = [str(build.ensure("pulumi")), *words, "--stack", stack, "--non-interactive"]
            variables = environment.process_environment(home)
            return run([*command, "-C", str(where)], variables, watched=fork_server(home))

        try:
            costs = {name: pulumi(*words, "--config-file", str(file)) for name, words in COMMANDS.items()}
            state = home.root / "pulumi" / "state" / ".pulumi" / "stacks" / PROJECT / f"{stack}.json"
            kept = home.read_json(state)["checkpoint"]["latest"]["resources"]
            return Measured(costs, state.stat().st_size, len(kept))
        finally:
            pulumi("destroy", "--yes", "--skip-preview", "--remove", where=folder)


@contextmanager
def _project(home: Home, logins: int) -> Iterator[tuple[Path, str, Path]]:
    """A folder for the engine's own files, with a new stack and its configuration."""
    (home.root / "pulumi" / "state").mkdir(parents=True, exist_ok=True)
    plugin_choice.install(home)
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder, stack = Path(name), "bench"
        shutil.copyfile(REPOSITORY / "Pulumi.yaml", folder / "Pulumi.yaml")
        run(
            [str(build.ensure("pulumi")), "stack", "init", stack, "--no-select", "--non-interactive"],
            environment.process_environment(home),
            cwd=folder,
        )
        file = folder / f"Pulumi.{stack}.yaml"
        made: dict[str, Any] = yaml.safe_load(file.read_text())
        file.write_text(yaml.safe_dump({**made, "config": config(home, logins)}))
        yield folder, stack, file


def config(home: Home, logins: int = LOGINS) -> dict[str, Any]:
    """The configuration of a stack with that many logins, each of one service account."""
    endpoint = home.emulator_url
    return {
        "aws:region": home.region,
        f"{PROJECT}:accountId": environment.PRIMARY_ACCOUNT,
        f"{PROJECT}:cluster": {"name": "bench"},
        f"{PROJECT}:vault": {
            "serverIdHeader": "vault.example.com",
            "address": home.vault_address,
            "endpoints": {"sts": endpoint, "iam": endpoint, "ec2": endpoint},
            "callersStsEndpoint": endpoint,
            "protect": False,  # it is destroyed after each measurement
        },
        f"{PROJECT}:logins": {
            f"app-{number:03}": {
                "kind": "service-account",
                "serviceAccounts": [f"default/app-{number:03}"],
                "policies": ["dev"],
                "maxTtl": "1h",
            }
            for number in range(logins)
        },
    }
