"""`python -m sandbox`: brings the whole chain up on this machine, and takes it down again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from sandbox import charts, engine, enterprise, environment, leases, leftovers, nodes, services
from sandbox.engine import Engine
from sandbox.home import REPOSITORY, Home, SandboxError, write_private
from sandbox.processes import Processes
from tools import build

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="The sandbox: the real Pulumi engine, a real Vault and a real Kubernetes API, with an emulated AWS "
    "that enforces IAM. Everything listens on loopback; nothing reaches a real account. Several run side "
    "by side, each in a folder of its own: SANDBOX_HOME (default .sandbox in the checkout).",
)
console = Console(highlight=False, soft_wrap=True)


class VaultChoice(Enum):
    """Which Vault a stack is brought up with."""

    AUTO = "auto"
    COMMUNITY = "community"


Stack = Annotated[str, typer.Option(help="Name of the stack.")]
StackFile = Annotated[
    Path | None, typer.Option("--config", help="The stack file.", show_default="Pulumi.<stack>.yaml")
]
Guardrails = Annotated[
    Path | None,
    typer.Option(
        help="Configuration of the guardrails.",
        show_default="policies/guardrails/stacks/<stack>.json, if any",
    ),
]
Vault = Annotated[
    VaultChoice,
    typer.Option(
        help="auto: a stack with federation gets a stand-in for Vault Enterprise; community: never."
    ),
]


@app.command()
def up(
    stack: Stack = "local",
    config: StackFile = None,
    logins: Annotated[bool, typer.Option(help="Prove every login of the stack afterwards.")] = True,
    vault: Vault = VaultChoice.AUTO,
    guardrails: Guardrails = None,
) -> None:
    """Start the sandbox, bring a stack up in it and log in as each of its workloads.

    Run again: what is up stays as it is. Killed half-way: the next run goes on.
    """
    home = Home.from_environment()
    with home.only_one_run():
        processes = Processes(home)
        stack_file = _suited(home, stack, config, vault)
        try:
            chosen = Engine(home, stack)
            _remove_if_interrupted(home, chosen, processes)
            _start(home, processes)
            _heading(f"Stack {stack}")
            environment.write_shell_file(home, nodes.a_running_one(home), stack)
            chosen.up(stack_file, guardrails)
            made = charts.install(home, stack, chosen.outputs())
            if made:
                _tick(f"as the charts of its workloads would make them: {', '.join(map(str, made))}")
            node = nodes.a_running_one(home)
            shell = environment.write_shell_file(home, node, stack)
            if logins:
                _prove_logins(home, chosen, node)
        except KeyboardInterrupt:
            _interrupted(processes)
        console.print(f"\nReady. A shell with everything set: [bold]source {_relative(shell)}[/bold]")


@app.command()
def preview(
    stack: Stack = "local",
    config: StackFile = None,
    vault: Vault = VaultChoice.AUTO,
    as_json: Annotated[bool, typer.Option("--json", help="The engine's steps as JSON.")] = False,
    guardrails: Guardrails = None,
) -> None:
    """Start the sandbox and show what `up` would do with a stack; nothing of the stack is changed."""
    console.stderr = as_json  # standard output is for the JSON alone
    home = Home.from_environment()
    with home.only_one_run():
        processes = Processes(home)
        stack_file = _suited(home, stack, config, vault)
        try:
            _start(home, processes)
            _heading(f"Stack {stack}")
            Engine(home, stack).preview(stack_file, guardrails, as_json=as_json)
        except KeyboardInterrupt:
            _interrupted(processes)


@app.command()
def down(
    stack: Annotated[str | None, typer.Option(help="Only this stack.", show_default="all stacks")] = None,
    keep: Annotated[
        bool,
        typer.Option(
            "--keep",
            help="Leave the processes running, as new: for the next stack, without waiting for a start. "
            "Fails when something is left, or is missing that was there before the first stack.",
        ),
    ] = False,
    force: Annotated[
        bool, typer.Option(help="Only stop the processes and delete the data, damaged as it may be.")
    ] = False,
) -> None:
    """Destroy the stacks, prove that nothing is left in AWS, Kubernetes and Vault, stop every process."""
    home = Home.from_environment()
    if keep and force:
        raise SandboxError("--keep leaves the processes running and --force stops them: give one of the two")
    if not home.has_data:
        console.print(f"Nothing to take down: there is no sandbox in {_relative(home.root)}.")
        return
    with home.only_one_run():
        if force:
            stopped = Processes(home).stop(at_once=True)
            home.remove()
            console.print(f"Deleted, nothing proved. Stopped: {', '.join(stopped) or 'nothing was running'}.")
            return
        existing = engine.stacks(home)
        if stack and stack not in existing:
            raise SandboxError(f"there is no stack {stack} here; there are: {', '.join(existing) or 'none'}")
        processes = Processes(home)
        try:
            if existing or keep:
                _start(home, processes)
            for name in [stack] if stack else reversed(existing):
                _destroy(home, name)
            if stack and existing != [stack]:
                console.print(f"Stack {stack} is gone; the sandbox goes on with the others.")
                return
            nothing = leftovers.Difference([], [])
            found = leftovers.difference(home) if processes.running() else nothing
        except KeyboardInterrupt:
            _interrupted(processes)
        if keep:
            if found.left or found.missing:
                raise SandboxError(f"the stacks are destroyed, but the sandbox is not as new:\n{found}")
            console.print("[green]✓[/green] AWS, Kubernetes and Vault were asked: the sandbox is as new.")
            return
        stopped = processes.stop(at_once=not found.left)
        if found.left:
            lines = "\n  ".join(found.left)
            raise SandboxError(
                f"the stacks are destroyed, but this was left behind:\n  {lines}\n"
                f"The processes are stopped and the data is kept. To look: python -m sandbox start. "
                f"To be rid of it: python -m sandbox down --force"
            )
        home.remove()
        asked = "AWS, Kubernetes and Vault were asked: nothing is left. " if existing else ""
        console.print(f"[green]✓[/green] {asked}Stopped: {', '.join(stopped) or 'nothing was running'}.")


@app.command()
def stop() -> None:
    """Stop the processes and keep everything else: `up` goes on from there."""
    home = Home.from_environment()
    if not home.exists:
        console.print(f"There is no sandbox in {_relative(home.root)}.")
        return
    with home.only_one_run():
        stopped = Processes(home).stop()
        console.print(f"Stopped: {', '.join(stopped) or 'nothing was running'}.")


@app.command()
def start() -> None:
    """Start the processes without touching any stack, and write the shell environment."""
    home = Home.from_environment()
    with home.only_one_run():
        processes = Processes(home)
        try:
            _start(home, processes)
        except KeyboardInterrupt:
            _interrupted(processes)
        console.print(
            f"Ready: source {_relative(environment.write_shell_file(home, nodes.a_running_one(home)))}"
        )


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Say what runs, where, and which stacks exist. Exit code 1 when something does not run."""
    home = Home.from_environment()
    alive = Processes(home).running() if home.exists else {}
    expected = ["emulator", "etcd", "kube-apiserver", "kube-controller-manager", "vault", "fork-server"]
    expected += enterprise.NAMES if home.plays_enterprise else ()
    existing = engine.stacks(home) if home.exists else []
    if as_json:
        pids = {name: alive[name].pid if name in alive else None for name in expected}
        print(json.dumps({"home": str(home.root), "processes": pids, "stacks": existing}))
    else:
        for name in expected:
            mark = f"[green]✓[/green] pid {alive[name].pid}" if name in alive else "[red]✗[/red] not running"
            console.print(f"  {name:<24} {mark}")
        console.print(f"  stacks: {', '.join(existing) or 'none'}")
    if not all(name in alive for name in expected):
        raise typer.Exit(1)


def _choose_vault(home: Home, settings: dict[str, Any], choice: VaultChoice) -> None:
    if choice is VaultChoice.COMMUNITY and home.plays_enterprise:
        raise SandboxError(
            "this sandbox already plays Vault Enterprise, for a stack that it has or had. Bring this one up "
            "in another: SANDBOX_HOME=<folder>"
        )
    if choice is VaultChoice.AUTO and enterprise.wanted(settings):
        enterprise.choose(home, settings)
        console.print(
            "Federation needs Vault Enterprise: a stand-in for it answers in front of the real Vault "
            "(not so with --vault community)."
        )


def _suited(home: Home, stack: str, config: Path | None, vault: VaultChoice) -> Path:
    """The stack file, once the sandbox is one that its stack can be brought up in: its region, and its kind
    of Vault."""
    stack_file = config or REPOSITORY / f"Pulumi.{stack}.yaml"
    settings = engine.read_config(stack_file)
    region = settings.get("aws:region")
    if isinstance(region, str):  # if it is not, the stack's own settings say so
        home.choose_region(region)
    _choose_vault(home, settings, vault)
    return stack_file


def _start(home: Home, processes: Processes) -> None:
    _heading("Sandbox")
    build.ensure_all(environment.tools(home))
    began = time.monotonic()
    try:
        services.start(home, processes, lambda name, address: _tick(f"{name:<24} {address}"))
        environment.link_tools(home)
        leftovers.remember(home)
    except SandboxError:
        processes.stop(processes.started_here)
        raise
    if processes.started_here:
        _tick(f"ready in {time.monotonic() - began:.0f} s")


def _destroy(home: Home, stack: str) -> None:
    _heading(f"Stack {stack}")
    doomed = Engine(home, stack)
    charts.remove(home, stack)
    if leases.revoke(home, doomed.outputs()):
        _tick("credentials that Vault's AWS secrets engine had handed out: revoked")
    doomed.destroy()


def _remove_if_interrupted(home: Home, chosen: Engine, processes: Processes) -> None:
    """After a kill in the middle of a step nobody can tell whether that step was done.

    Elsewhere somebody has to look; here everything can be made again, so it is: by the start that comes next.
    """
    interrupted = chosen.interrupted_operations()
    if not interrupted:
        return
    names = ", ".join(urn.rsplit("::", 1)[-1] for urn in interrupted)
    told = f"an earlier run was killed while it worked on {names}; whether that was done is unknown"
    if engine.stacks(home) != [chosen.stack]:
        raise SandboxError(f"{told}. Start afresh: python -m sandbox down --force, then bring the stacks up")
    console.print(f"  [yellow]![/yellow] {told}: the sandbox is made anew, with new data and addresses")
    region = home.region
    chosen_issuer = home.enterprise / "issuer.json"
    issuer = chosen_issuer.read_text() if home.plays_enterprise else ""
    processes.stop(at_once=True)
    home.remove()
    home.create()
    home.choose_region(region)
    if issuer:
        write_private(chosen_issuer, issuer)


def _prove_logins(home: Home, chosen: Engine, node: str | None) -> None:
    if not chosen.outputs().get("logins"):
        return
    _heading("Logins")
    sys.stdout.flush()
    answer = subprocess.run(
        [sys.executable, "-m", "cli", "login", "--all", "--stack", chosen.stack],
        cwd=REPOSITORY,
        env=environment.process_environment(home, node),
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if answer.returncode != 0:
        raise SandboxError(
            f"not every login works, see above; the stack is up, look into it with "
            f"source {_relative(home.root / 'env')}"
        )


def _interrupted(processes: Processes) -> None:
    stopped = processes.stop(processes.started_here)
    console.print(
        f"\n[yellow]Interrupted.[/yellow] Stopped what this run started: {', '.join(stopped) or 'nothing'}."
        " The next run goes on from here."
    )
    raise typer.Exit(130)


def _heading(text: str) -> None:
    console.print(f"\n[bold]{text}[/bold]")


def _tick(text: str) -> None:
    console.print(f"  [green]✓[/green] {text}")


def _relative(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _terminated(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def main(run: Callable[[], None] = app) -> None:
    """The command line: every expected failure is one message on standard error and exit code 1."""
    signal.signal(signal.SIGTERM, _terminated)
    environment.forget_foreign(Home.from_environment())
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        run()
    except (SandboxError, build.BuildError) as error:
        errors.print("[red]error:[/red] ", end="")
        errors.print(str(error), markup=False)
        sys.exit(1)
    except KeyboardInterrupt:
        errors.print("interrupted")
        sys.exit(130)


if __name__ == "__main__":
    main()
