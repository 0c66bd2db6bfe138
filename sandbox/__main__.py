"""`python -m sandbox`: brings the sandbox and its stacks up and down."""

from __future__ import annotations

if __name__ == "__main__":  # first of all, as the other imports take longest
    from sandbox import alone

    alone.ensure()
    from cli import interrupts

    interrupts.end_at_once()

import atexit
import contextlib
import gc
import json
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import interrupts
from cli.console import plain_streams
from cli.screen import say_error
from cli.usage import Program, Version
from pipeline import ending
from sandbox import (
    api,
    charts,
    control_planes,
    engine,
    enterprise,
    environment,
    interrupted,
    leftovers,
    lock,
    place,
    services,
)
from sandbox.console import console
from sandbox.engine import Engine
from sandbox.home import NEEDED, NEEDED_AT_WORK, REPOSITORY, Home, SandboxError, write_private
from sandbox.processes import Processes
from tools import build

app = Program("python -m sandbox")


class VaultChoice(Enum):
    """The edition of Vault for a stack."""

    AUTO = "auto"
    COMMUNITY = "community"


Stack = Annotated[str, typer.Option(metavar="STACK", help="Name of the stack.")]
StackFile = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help="The stack file. Default: Pulumi.STACK.yaml in the checkout."
    ),
]
Guardrails = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Configuration of the guardrails. Default: policies/guardrails/stacks/STACK.json, if any.",
    ),
]
Vault = Annotated[
    VaultChoice,
    typer.Option(
        metavar="EDITION",
        help="`auto`: stacks with federation get a stand-in for Vault Enterprise. `community`: never.",
    ),
]


EventualConsistency = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        min=0,
        max=60,
        help="For so long after a change of IAM, some answers of the emulated AWS are those of before it, as "
        "on AWS; 60 at most. Default: as it was; in a new sandbox 0, none.",
    ),
]


@app.callback()
def _about(version: Version = False) -> None:
    """The sandbox: the real Pulumi engine, a real Vault and a real Kubernetes API, with an emulated AWS that
    enforces IAM. Everything listens on loopback; nothing reaches a real account.

    Several can run side by side, each in its own folder: SANDBOX_HOME, by default .sandbox in the checkout.
    """


@app.command()
def up(
    stack: Stack = "local",
    config: StackFile = None,
    logins: Annotated[
        bool,
        typer.Option("--logins/--no-logins", help="Then log in as each workload.", show_default=False),
    ] = True,
    vault: Vault = VaultChoice.AUTO,
    guardrails: Guardrails = None,
    eventual_consistency: EventualConsistency = None,
    deployer: Annotated[
        bool,
        typer.Option(
            "--deployer",
            help="Bring it up, and down again, with the permissions of `vault-aws-auth deployer` alone.",
        ),
    ] = False,
) -> None:
    """Start the sandbox, bring a stack up in it and log in as each of its workloads.

    Safe to repeat: a second run changes nothing, and after a kill the next run continues.
    """
    home = Home.from_environment()
    stack_file, settings = _checked(home, stack, config, guardrails)
    with lock.only_one_run(home):
        processes = Processes(home)
        if eventual_consistency is not None:
            home.choose_eventual_consistency(eventual_consistency)
        _prepare_home(home, stack, settings, vault)
        try:
            stack_engine = Engine(home, stack)
            stack_engine.recover()
            _remove_if_interrupted(home, stack_engine, processes)
            if raised := engine.raised_trust_policy_quota(engine.read_config(stack_file)):
                home.raise_trust_policy_quota(raised)
            _start(home, processes)
            console.heading(f"Stack {stack}")
            environment.write_shell_file(home, place.variables(home), stack)
            _bring_up(
                home,
                processes,
                stack_engine,
                lambda: stack_engine.up(stack_file, guardrails, as_deployer=deployer),
            )
            made = charts.install(home, stack, stack_engine.outputs())
            if made:
                names = ", ".join(account.shown for account in made)
                console.tick(f"service accounts, in place of the workloads' charts: {names}")
            here = place.variables(home)
            shell = environment.write_shell_file(home, here, stack)
            if logins:
                _prove_logins(home, stack_engine, here)
        except KeyboardInterrupt:
            _interrupted(processes)
        console.print()
        console.print("Ready. A shell with everything set: ", (f"source {_relative(shell)}", "bold"))


@app.command()
def preview(
    stack: Stack = "local",
    config: StackFile = None,
    vault: Vault = VaultChoice.AUTO,
    as_json: Annotated[bool, typer.Option("--json", help="The engine's steps as JSON.")] = False,
    guardrails: Guardrails = None,
) -> None:
    """Start the sandbox and show what `up` would do with a stack, without changing the stack."""
    console.stderr = as_json  # standard output is for the JSON only
    home = Home.from_environment()
    stack_file, settings = _checked(home, stack, config, guardrails)
    with lock.only_one_run(home):
        processes = Processes(home)
        _prepare_home(home, stack, settings, vault)
        try:
            _start(home, processes)
            console.heading(f"Stack {stack}")
            Engine(home, stack).preview(stack_file, guardrails, as_json=as_json)
        except KeyboardInterrupt:
            _interrupted(processes, "The stack is as it was.")


@app.command()
def down(
    stack: Annotated[
        str | None, typer.Option(metavar="STACK", help="Only this stack. Default: all of them.")
    ] = None,
    keep: Annotated[
        bool,
        typer.Option(
            "--keep",
            help="Leave the processes running for the next stack. Fails if anything is left over or missing, "
            "compared with before the first stack.",
        ),
    ] = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Stop the processes and delete the data without checks, even if it is damaged."
        ),
    ] = False,
) -> None:
    """Destroy the stacks, prove that nothing is left in AWS, Kubernetes and Vault, stop every process."""
    home = Home.from_environment()
    if keep and force:
        raise SandboxError("--keep leaves the processes running, --force stops them: use one of them")
    if not home.has_data:
        console.print(f"Nothing to take down: there is no sandbox in {_relative(home.root)}.")
        return
    with lock.only_one_run(home):
        if force:
            stopped = Processes(home).stop(at_once=True)
            home.remove()
            console.print(f"Deleted without checks. Stopped: {', '.join(stopped) or 'nothing was running'}.")
            return
        existing = engine.stacks(home)
        if stack and stack not in existing:
            raise SandboxError(f"there is no stack {stack} here; existing: {', '.join(existing) or 'none'}")
        processes = Processes(home)
        try:
            if existing or keep or processes.running():
                _start_to_look(home, processes, existing)
            chosen = [stack] if stack else [*reversed(existing)]
            for name in chosen:
                interrupted.note(home, _recovered(home, name))
            unknown = interrupted.noted(home)
            # What is unknown may keep the engine from destroying the rest: all goes with the sandbox.
            may_fail = unknown and not keep and chosen == [*reversed(existing)]
            for name in chosen:
                try:
                    _destroy(home, name)
                except engine.EngineFailed:
                    if not may_fail:
                        raise
                    console.warn(f"stack {name} cannot be destroyed any more: it is deleted with the sandbox")
            if stack and existing != [stack]:
                console.print(f"Stack {stack} is destroyed; the sandbox and its other stacks keep running.")
                return
            nothing = leftovers.Difference([], [])
            found = leftovers.difference(home) if processes.running() else nothing
        except KeyboardInterrupt:
            _interrupted(processes)
        if keep:
            if found.left or found.missing:
                raise SandboxError(
                    f"the stacks are destroyed, but the sandbox is not as it was before:\n{found}"
                )
            interrupted.forget(home)
            services.tell_that_all_is_as_new(home)
            console.print(("✓", "green"), " AWS, Kubernetes and Vault are as before the first stack.")
            return
        if found.left and unknown:  # nothing else could tell whether a stack has made it
            console.warn(interrupted.told(unknown))
            for line in found.left:
                console.warn(f"left behind, and deleted with the sandbox: {line}")
            found = leftovers.Difference([], found.missing)
            existing = []
        stopped = processes.stop(at_once=not found.left)
        if found.left:
            lines = "\n  ".join(found.left)
            raise SandboxError(
                f"the stacks are destroyed, but this was left behind:\n  {lines}\n"
                f"The processes are stopped and the data is kept. To look around: python -m sandbox start. "
                f"To delete it: python -m sandbox down --force"
            )
        home.remove()
        proved = "Nothing is left in AWS, Kubernetes and Vault. " if existing else ""
        console.print(("✓", "green"), f" {proved}Stopped: {', '.join(stopped) or 'nothing was running'}.")


@app.command()
def stop() -> None:
    """Stop the processes and keep all data; `up` continues from there."""
    home = Home.from_environment()
    if not home.exists:
        console.print(f"There is no sandbox in {_relative(home.root)}.")
        return
    with lock.only_one_run(home):
        stopped = Processes(home).stop()
        console.print(f"Stopped: {', '.join(stopped) or 'nothing was running'}.")


@app.command()
def start(eventual_consistency: EventualConsistency = None) -> None:
    """Start the processes without changing any stack, and write the shell environment."""
    home = Home.from_environment()
    with lock.only_one_run(home):
        processes = Processes(home)
        if eventual_consistency is not None:
            home.choose_eventual_consistency(eventual_consistency)
        try:
            _start(home, processes)
        except KeyboardInterrupt:
            _interrupted(processes)
        shell = environment.write_shell_file(home, place.variables(home))
        console.print(f"Ready: source {_relative(shell)}")


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show the processes and stacks. Exit code 1 if only some of the processes run."""
    home = Home.from_environment()
    alive = Processes(home).running() if home.exists else {}
    kubernetes = [name for plane in control_planes.every(home) for name in plane.service_names]
    expected = ["emulator", "etcd", *kubernetes, "vault", "fork-server", *enterprise.names(home)]
    existing = engine.stacks(home) if home.exists else []
    if as_json:
        pids = {name: alive[name].pid if name in alive else None for name in expected}
        print(json.dumps({"home": str(home.root), "processes": pids, "stacks": existing}))
    elif not alive:
        _say_nothing_runs(home, existing)
    else:
        for name in expected:
            runs = name in alive
            mark, said = (
                (("✓", "green"), f" pid {alive[name].pid}") if runs else (("✗", "red"), " not running")
            )
            console.print(f"  {name:<24} ", mark, said)
        console.print(f"  stacks: {', '.join(existing) or 'none'}")
    missing = [name for name in expected if name not in alive]
    if alive and missing:
        if not as_json:
            console.print("To start what does not run, with all data: python -m sandbox start")
        raise typer.Exit(1)


def _say_nothing_runs(home: Home, existing: list[str]) -> None:
    where = _relative(home.root)
    if not home.has_data:
        console.print(f"Nothing runs: there is no sandbox in {where}. To start one: make up")
        return
    console.print(
        f"Nothing runs. The sandbox in {where} is stopped; stacks: {', '.join(existing) or 'none'}."
    )
    console.print(
        "To go on with it: make up; to look around without changing a stack: python -m sandbox start"
    )


def _select_edition(home: Home, stack: str, settings: dict[str, Any], choice: VaultChoice) -> None:
    if choice is VaultChoice.COMMUNITY and home.plays_enterprise:
        raise SandboxError(
            "this sandbox already has the stand-in for Vault Enterprise, for another stack. "
            + home.in_another(stack)
        )
    if choice is VaultChoice.AUTO and enterprise.wanted(settings):
        enterprise.choose(home, settings)
        console.print(
            "The stack needs Vault Enterprise: a stand-in for it runs in front of the real Vault "
            "(to prevent this: --vault community)."
        )


def _checked(
    home: Home, stack: str, config: Path | None, guardrails: Path | None
) -> tuple[Path, dict[str, Any]]:
    """The stack file, and the configuration in it, which is right."""
    from sandbox import stack_file  # takes as long to import as all else

    source = config or REPOSITORY / f"Pulumi.{stack}.yaml"
    return source, stack_file.check(home, stack, source, guardrails)


def _prepare_home(home: Home, stack: str, settings: dict[str, Any], vault: VaultChoice) -> None:
    """Sets the sandbox's region and Vault edition for a stack, or refuses another one."""
    home.choose_region(settings["aws:region"])
    _select_edition(home, stack, settings, vault)


def _start(home: Home, processes: Processes) -> None:
    console.heading("Sandbox")
    home.require_space(NEEDED_AT_WORK if processes.running() else NEEDED)
    build.ensure_all(environment.tools(home))
    began = time.monotonic()
    try:
        services.start(home, processes, lambda name, address: console.tick(f"{name:<24} {address}"))
        environment.link_tools(home)
        leftovers.remember(home)
    except SandboxError:
        processes.stop(processes.started_here)
        raise
    if processes.started_here:
        console.tick(f"ready in {time.monotonic() - began:.0f} s")


def _start_to_look(home: Home, processes: Processes, existing: list[str]) -> None:
    """Starts what does not run, for `down`: without it nothing can be destroyed, nor proved to be gone."""
    try:
        _start(home, processes)
    except SandboxError as error:
        unknown = f"stack {', '.join(existing)} cannot be destroyed" if existing else "no stack is left here"
        raise SandboxError(
            f"{error}\n{unknown}, and what is in AWS, Kubernetes and Vault cannot be told. "
            f"To delete the sandbox all the same: python -m sandbox down --force"
        ) from error


def _recovered(home: Home, stack: str) -> list[str]:
    """What a killed run was changing in a stack."""
    stack_engine = Engine(home, stack)
    stack_engine.recover()
    return [*stack_engine.interrupted_operations(), *stack_engine.unanswered_creations()]


def _destroy(home: Home, stack: str) -> None:
    console.heading(f"Stack {stack}")
    stack_engine = Engine(home, stack)
    charts.remove(home, stack)
    if not stack_engine.is_lost and leftovers.revoke_leases(home, stack_engine.outputs()):
        console.tick("revoked the credentials from Vault's AWS secrets engine")
    stack_engine.destroy()
    interrupted.forget_creations(home, stack)


def _remove_if_interrupted(home: Home, stack_engine: Engine, processes: Processes) -> None:
    """Removes the sandbox after a kill in the middle of a step, which may or may not have been done."""
    if begun := stack_engine.interrupted_operations():
        _remove_to_rebuild(home, stack_engine, processes, begun)


def _bring_up(home: Home, processes: Processes, stack_engine: Engine, bring_up: Callable[[], None]) -> None:
    """Brings the stack up; if what an earlier run may have created is in its way, in a sandbox made anew."""
    unknown = stack_engine.unanswered_creations()
    try:
        bring_up()
    except engine.EngineFailed:
        if not unknown:
            raise
        _remove_to_rebuild(home, stack_engine, processes, unknown)
        _start(home, processes)
        console.heading(f"Stack {stack_engine.stack}")
        environment.write_shell_file(home, place.variables(home), stack_engine.stack)
        bring_up()
    else:
        interrupted.note(home, unknown)
        interrupted.forget_creations(home, stack_engine.stack)


def _remove_to_rebuild(
    home: Home, stack_engine: Engine, processes: Processes, unknown: Sequence[str]
) -> None:
    """In production a person must check; the sandbox can simply be rebuilt, by the start that follows."""
    problem = f"{interrupted.told(unknown)}; whether it did is unknown"
    if engine.stacks(home) != [stack_engine.stack]:
        raise SandboxError(f"{problem}. Start afresh: python -m sandbox down, then bring the stacks up")
    console.warn(f"{problem}: rebuilding the sandbox, with new data and addresses")
    region, behind = home.region, home.eventual_consistency
    chosen_issuer = home.enterprise / "issuer.json"
    issuer = chosen_issuer.read_text(encoding="utf-8") if home.plays_enterprise else ""
    processes.stop(at_once=True)
    home.remove()
    home.create()
    home.choose_region(region)
    home.choose_eventual_consistency(behind)
    if issuer:
        write_private(chosen_issuer, issuer)


def _prove_logins(home: Home, stack_engine: Engine, here: Mapping[str, str]) -> None:
    if not stack_engine.outputs().get("logins"):
        return
    console.heading("Logins")
    sys.stdout.flush()
    answer = subprocess.run(
        [sys.executable, "-m", "sandbox.lifetime", "cli", "login", "--all", "--stack", stack_engine.stack],
        cwd=REPOSITORY,
        env=environment.process_environment(home, here),
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if answer.returncode != 0:
        raise SandboxError(
            f"some logins fail, see above; the stack is up, to look around: "
            f"source {_relative(home.root / 'env')}"
        )


def _interrupted(processes: Processes, so_far: str = "The next run continues from here.") -> None:
    stopped = processes.stop(processes.started_here)
    interrupts.say(
        f"\nInterrupted. Stopped what this run started: {', '.join(stopped) or 'nothing'}. {so_far}"
    )
    raise typer.Exit(interrupts.EXIT_CODE)


def _relative(path: Path) -> str:
    """A path as one types it into a shell."""
    with contextlib.suppress(ValueError):
        path = path.relative_to(Path.cwd())
    return shlex.quote(str(path))


def main(run: Callable[[], None] = app) -> None:
    """Runs the command line: expected failures are one message on standard error and exit code 1."""
    gc.disable()  # the process ends long before its garbage matters
    atexit.register(gc.freeze)
    ending.interrupt_on_signals(lock.say_ending)
    plain_streams()
    home = Home.from_environment()
    environment.forget_foreign()
    try:
        run()
    except Exception as error:
        if not isinstance(error, (SandboxError, build.BuildError, OSError, *api.aws_errors())):
            raise
        full = f"\nThe disk of {home.root} is full. Free some, and run this again." if home.is_full else ""
        say_error(f"{error}{full}")
        sys.exit(1)


if __name__ == "__main__":
    interrupts.told(main)
