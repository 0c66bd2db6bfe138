"""`make bench-scale`: what many logins cost, as stacks of teams and in one state, with the real engine.

All of it is measured, nothing extrapolated. The teams' stacks are those of the example, beside one platform.
Nothing is destroyed between two measurements, so that later ones meet an AWS, a Kubernetes and a Vault that
hold more. What counts is CPU seconds of the engine, its plugins and the program; what the emulated AWS,
Kubernetes and Vault burn stands beside it. Team stacks run side by side, one for each core, and everything
else alone. No guardrails, and no login: `make bench` has those.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import psutil
import requests
import typer
import yaml
from rich.console import Console
from rich.table import Table

from cli import interrupts
from cli.usage import Program
from sandbox import environment
from sandbox.home import Home
from sandbox.processes import Processes
from tests.bench import measure

EXAMPLE = measure.REPOSITORY / "examples" / "platform-and-teams"
WORLD = ("emulator", "etcd", "kube-apiserver", "kube-controller-manager", "vault")
"""The sandbox's processes that play AWS, Kubernetes and Vault; the others work for the engine."""
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
VAULT_ROLES = '''\
"""Vault roles, and nothing else."""

import pulumi
import pulumi_vault as vault

for name, principal in pulumi.Config().require_object("roles").items():
    vault.aws.AuthBackendRole(
        name,
        backend="aws",
        role=name,
        auth_type="iam",
        bound_iam_principal_arns=[principal],
        resolve_aws_unique_ids=True,
        token_policies=["default"],
        token_ttl=3600,
        token_max_ttl=3600,
    )
'''

progress = Console(stderr=True, highlight=False, soft_wrap=True)
Config = dict[str, Any]


@dataclass
class Figure:
    """One measurement: so many logins or Vault roles, made in so many stacks."""

    what: str
    count: int
    stacks: int
    cpu: float
    """CPU seconds of the engine, its plugins and the program."""
    servers: float
    """CPU seconds of the emulated AWS, of Kubernetes and of Vault meanwhile."""
    wall: float
    """Seconds on the clock."""
    state: int
    """Bytes of the stacks' states together."""

    def __add__(self, other: Figure) -> Figure:
        return Figure(
            self.what,
            self.count + other.count,
            self.stacks + other.stacks,
            self.cpu + other.cpu,
            self.servers + other.servers,
            self.wall + other.wall,
            self.state + other.state,
        )


@dataclass
class Bench:
    """A sandbox with a platform, and what was measured in it."""

    folder: Path
    figures: list[Figure] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Home:
        return Home(self.folder / "sandbox")

    def sandbox(self, *words: str) -> None:
        command = [sys.executable, "-m", "sandbox", *words]
        measure.run(command, {**os.environ, "SANDBOX_HOME": str(self.home.root)})

    def start(self, namespaces: Sequence[str]) -> None:
        """Bring the platform up in a sandbox of its own."""
        document = yaml.safe_load((EXAMPLE / "Pulumi.platform.yaml").read_text())
        document["config"]["vault-aws-auth:cluster"]["namespaces"] = [*namespaces]
        file = self.folder / "Pulumi.platform.yaml"
        file.write_text(yaml.safe_dump(document))
        self.sandbox("up", "--stack", "platform", "--config", str(file), "--no-logins")
        packages = self.folder / "packages"  # the library under the name that it has when it is installed
        packages.mkdir()
        (packages / "pulumi_vault_aws_auth").symlink_to(measure.REPOSITORY / "components")
        variables = environment.process_environment(self.home)
        path = os.pathsep.join(filter(None, [str(packages), variables.get("PYTHONPATH", "")]))
        self.variables = {**variables, "PYTHONPATH": path}

    def up(self, project: Path, stack: str, config: Config) -> float:
        """Bring a stack up, and return the CPU seconds of that."""
        (project / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump({"config": config}))
        init = ["pulumi", "stack", "init", stack, "--no-select", "--non-interactive"]
        measure.run(init, self.variables, cwd=project)
        up = ["pulumi", "up", "--yes", "--skip-preview", "--suppress-outputs", "--stack", stack]
        return measure.run([*up, "--non-interactive"], self.variables, cwd=project).cpu

    def side_by_side(self, project: Path, configs: Mapping[str, Config]) -> float:
        with ThreadPoolExecutor(CORES) as pool:
            return sum(pool.map(lambda stack: self.up(project, stack, configs[stack]), configs))

    def cost(
        self, what: str, count: int, project: Path, stacks: Sequence[str], work: Callable[[], float]
    ) -> Figure:
        """What it costs to make `count` of something; `work` does it, and returns the CPU seconds of its
        own processes."""
        engine, servers = self._burnt()
        began = time.perf_counter()
        cpu = work()
        wall = time.perf_counter() - began
        engine_after, servers_after = self._burnt()
        folder = self.home.root / "pulumi" / "state" / ".pulumi" / "stacks" / project.name
        state = sum((folder / f"{stack}.json").stat().st_size for stack in stacks)
        figure = Figure(
            what, count, len(stacks), cpu + engine_after - engine, servers_after - servers, wall, state
        )
        progress.print(f"  {what}: {count} in {wall:.0f} s, {figure.cpu:.1f} CPU-s")
        return figure

    def _burnt(self) -> tuple[float, float]:
        """CPU seconds of the sandbox's processes so far: of those that work for the engine, and of WORLD."""
        burnt = {True: 0.0, False: 0.0}
        for name, process in Processes(self.home).running().items():
            burnt[name in WORLD] += measure.burnt(process)
        return burnt[False], burnt[True]

    def teams(self, what: str, project: Path, configs: Mapping[str, Config], each: int) -> None:
        """So many stacks, two of them first: what all cost is held against these."""
        stacks = [*configs]
        total: Figure | None = None
        for part in (stacks[:2], stacks[2:]):
            if part:
                chosen = {stack: configs[stack] for stack in part}
                found = self.cost(
                    what,
                    len(part) * each,
                    project,
                    part,
                    lambda chosen=chosen: self.side_by_side(project, chosen),  # type: ignore[misc]
                )
                total = total + found if total else found
                self.figures.append(total)

    def one(self, what: str, project: Path, stack: str, count: int, config: Config) -> None:
        """One stack of so many."""
        self.figures.append(self.cost(what, count, project, [stack], lambda: self.up(project, stack, config)))


def run(bench: Bench, count: int, each: int, states: Sequence[int]) -> None:
    """All measurements."""
    teams = [f"team{number:02}" for number in range(count // each)]
    progress.print("A sandbox with a platform")
    bench.start(teams)
    progress.print(
        f"{len(teams)} team stacks of {each} logins, {CORES} at a time; one stack of more and more"
    )
    project = bench.folder / "team"
    ignored = shutil.ignore_patterns("Pulumi.*.yaml", ".venv", "__pycache__")
    shutil.copytree(EXAMPLE / "team", project, ignore=ignored)
    bench.teams("logins, team stacks", project, {team: logins(team, team, each) for team in teams}, each)
    for size in (size for size in states if size <= count):
        bench.one("logins, one stack", project, f"one{size}", size, logins(f"one{size}", teams[0], size))
    progress.print("Of the logins the Vault roles alone: by Vault's API, in team stacks, and in one stack")
    flat = bench.folder / "flat"
    flat.mkdir()
    (flat / "__main__.py").write_text(VAULT_ROLES)
    (flat / "Pulumi.yaml").write_text(yaml.safe_dump({"name": "flat", "runtime": "python"}))
    bound = [name for team in teams for name in names(team, each)]
    sizes = sorted({size for size in (2 * each, 200, 400) if size < count} | {count})
    for size in sizes:
        written = roles(f"api{size}", bound[:size])
        work: Callable[[], float] = lambda written=written: by_the_api(bench, written)  # type: ignore[misc] # noqa: E731
        bench.figures.append(bench.cost("Vault roles, Vault's API", size, flat, [], work))
    configs = {team: {"flat:roles": roles("flat", names(team, each))} for team in teams}
    bench.teams("Vault roles, team stacks", flat, configs, each)
    for size in sizes:
        config = {"flat:roles": roles(f"one{size}", bound[:size])}
        bench.one("Vault roles, one stack", flat, f"one{size}", size, config)


def names(stack: str, count: int) -> list[str]:
    return [f"{stack}-{number:04}" for number in range(count)]


def logins(stack: str, namespace: str, count: int) -> Config:
    """The configuration of a stack with so many logins of service accounts."""
    return {
        "aws:region": "us-east-1",
        "team:platform": "organization/vault-aws-auth/platform",
        "team:accountId": "111111111111",
        "team:logins": {
            name: {
                "kind": "service-account",
                "serviceAccounts": [f"{namespace}/{name}"],
                "policies": ["default"],
            }
            for name in names(stack, count)
        },
    }


def roles(prefix: str, bound: Sequence[str]) -> dict[str, str]:
    """Vault roles by name, each with the IAM role of one of the teams' logins."""
    return {f"{prefix}-{name}": f"arn:aws:iam::111111111111:role/{name}" for name in bound}


def by_the_api(bench: Bench, written: Mapping[str, str]) -> float:
    """Write Vault roles over one connection, and return the CPU seconds of that."""
    began = time.process_time()
    with requests.Session() as session:
        session.headers["X-Vault-Token"] = bench.variables["VAULT_TOKEN"]
        session.trust_env = False
        for name, principal in written.items():
            answer = session.post(
                f"{bench.variables['VAULT_ADDR']}/v1/auth/aws/role/{name}",
                json={
                    "auth_type": "iam",
                    "bound_iam_principal_arn": [principal],
                    "resolve_aws_unique_ids": True,
                    "token_policies": ["default"],
                    "token_ttl": 3600,
                    "token_max_ttl": 3600,
                },
                verify=bench.variables["VAULT_CACERT"],
                timeout=60,
            )
            answer.raise_for_status()
    return time.process_time() - began


def ratios(figures: Sequence[Figure]) -> list[tuple[Figure, float]]:
    """Each figure with its CPU seconds by those of the first of its kind."""
    first: dict[str, Figure] = {}
    return [(figure, figure.cpu / first.setdefault(figure.what, figure).cpu) for figure in figures]


def table(figures: Sequence[Figure]) -> Table:
    shown = Table(
        "what",
        "count",
        "stacks",
        "CPU-s",
        "ms for each",
        "x the first",
        "servers' CPU-s",
        "state MB",
        "s",
        box=None,
    )
    for column in shown.columns[1:]:
        column.justify = "right"
    for figure, ratio in ratios(figures):
        shown.add_row(
            figure.what,
            str(figure.count),
            str(figure.stacks or "–"),
            f"{figure.cpu:.1f}",
            f"{1000 * figure.cpu / figure.count:.0f}",
            f"{ratio:.2f}",
            f"{figure.servers:.1f}",
            f"{figure.state / 1e6:.1f}" if figure.state else "–",
            f"{figure.wall:.0f}",
        )
    return shown


def clean_up(bench: Bench) -> None:
    """Ends what is running, and takes the sandbox down; a second Ctrl-C does not stop it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    children = psutil.Process().children(recursive=True)
    for child in children:
        child.kill()
    psutil.wait_procs(children, timeout=10)
    if bench.home.exists:
        command = [sys.executable, "-m", "sandbox", "down", "--force"]
        environment_ = {**os.environ, "SANDBOX_HOME": str(bench.home.root)}
        subprocess.run(command, cwd=measure.REPOSITORY, env=environment_, stdout=sys.stderr, check=False)


app = Program("python -m tests.bench.scale", no_args_is_help=False)


@app.command()
def main(
    count: Annotated[int, typer.Option("--logins", metavar="N", help="How many, in all.")] = 1000,
    each: Annotated[int, typer.Option(metavar="N", help="Of them in each team's stack.")] = 50,
    states: Annotated[
        str, typer.Option(metavar="N,N,…", help="How many in one stack, one after the other.")
    ] = "50,100,200",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure, and print one table."""
    if each < 1 or count % each or count // each < 2:
        sys.exit(f"error: {count} logins are no two or more stacks of {each}; write a multiple")
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    with tempfile.TemporaryDirectory(prefix="bench-scale-") as folder:
        bench = Bench(Path(folder))
        try:
            run(bench, count, each, [int(size) for size in states.split(",") if size])
        except KeyboardInterrupt:
            interrupts.say("interrupted; what was measured so far is above")
            sys.exit(interrupts.EXIT_CODE)
        except measure.BenchError as error:
            sys.exit(f"error: {error}")
        finally:
            clean_up(bench)
    if as_json:
        found = [{**asdict(figure), "ratio": round(ratio, 3)} for figure, ratio in ratios(bench.figures)]
        print(json.dumps({"cores": CORES, "figures": found}, indent=2))
    else:
        Console(width=120).print(table(bench.figures))


if __name__ == "__main__":
    interrupts.told(app)
