"""Runs the Pulumi engine on this repository's program, against the sandbox."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

from pipeline import ending
from sandbox import (
    deployer,
    environment,
    guardrails,
    interrupted,
    lock,
    outcome,
    plugin_choice,
    progress,
    reserve,
)
from sandbox.home import REPOSITORY, Home, SandboxError, write_private
from stack import yaml_file
from tools import build

PROJECT = "vault-aws-auth"
SIGNATURE = "4dabf18193072939515e22adb298388d"
"""The engine's key for special values, in a stack's outputs: secrets."""


TRUST_POLICY_RAISED = 4096
"""Characters of a trust policy that AWS takes at most, for those who ask."""


class EngineFailed(SandboxError):
    """`pulumi` failed and has already printed why."""


@dataclass(frozen=True)
class Engine:
    """The engine with this sandbox's state, plugins and environment, for one stack."""

    home: Home
    stack: str

    def up(self, config: Path, rules: Path | None = None, *, as_deployer: bool = False) -> None:
        """Brings up the stack that a stack file declares and prints the engine's report.

        `rules` is the guardrails' configuration; default: the stack's own, which the program itself enforces.
        With `as_deployer` the engine has the permissions that the stack needs, and no other, until the stack
        is destroyed or brought up without it.
        """
        self._prepare()
        written = self._write_config(config)
        if as_deployer:
            deployer.make(self.home, self.stack, written)
        else:
            deployer.remove(self.home, self.stack)
        words = ["--config-file", str(written)]
        guarded = self._guarded(rules)
        self.recover()
        try:
            self._run(
                "up",
                "--yes",
                "--skip-preview",
                "--suppress-outputs",
                *words,
                folder=REPOSITORY,
                variables=guarded,
            )
        finally:
            if as_deployer:
                deployer.let_the_administrator_in(self.home)

    def preview(self, config: Path, rules: Path | None = None, *, as_json: bool = False) -> None:
        """Prints what `up` would do, as the engine's report or as JSON; guardrails as in `up`."""
        self._prepare()
        words = ["--config-file", str(self._write_config(config))]
        words += ["--json" if as_json else "--suppress-outputs"]
        guarded = self._guarded(rules)
        try:
            self._run("preview", *words, folder=REPOSITORY, variables=guarded)
        except EngineFailed as failed:
            if as_json:  # Pulumi's JSON has no guardrail violations
                raise EngineFailed(
                    f"{failed}. To see guardrail violations, run a preview without --json"
                ) from None
            raise

    def _guarded(self, rules: Path | None) -> dict[str, str]:
        """The guardrails as a policy pack, for a configuration that the program would not find."""
        return guardrails.variables(guardrails.options(rules)) if rules else {}

    def destroy(self) -> None:
        """Destroys the stack and removes it from the state."""
        if self.is_lost:
            raise EngineFailed(
                f"the state of stack {self.stack} is lost, and what is in it unknown. To delete the sandbox "
                f"with all of its stacks: python -m sandbox down"
            )
        self._prepare()
        self.recover()
        # In the sandbox's own project folder, because this deletes the stack file there too.
        if self.checkpoint().get("resources"):
            self._run(
                "destroy", "--yes", "--skip-preview", "--suppress-outputs", "--remove", folder=self._project
            )
        else:  # it was only previewed
            self._call("stack", "rm", "--yes", "--stack", self.stack)
        deployer.remove(self.home, self.stack)

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, secrets masked."""
        for resource in self.checkpoint().get("resources") or []:
            if resource["type"] == "pulumi:pulumi:Stack":
                return {key: _masked(value) for key, value in (resource.get("outputs") or {}).items()}
        return {}

    def interrupted_operations(self) -> list[str]:
        """The URNs that a killed run was creating or changing: the stack's own, if its state is lost."""
        if self.is_lost:
            return [f"urn:pulumi:{self.stack}::{PROJECT}::pulumi:pulumi:Stack::{PROJECT}-{self.stack}"]
        pending = self.checkpoint().get("pending_operations") or []
        return [operation["resource"]["urn"] for operation in pending]

    def unanswered_creations(self) -> list[str]:
        """The URNs that plugins were creating when they were killed, or got no answer, not in its state."""
        resources = () if self.is_lost else self.checkpoint().get("resources") or ()
        known = {resource["urn"] for resource in resources}
        return [urn for urn in interrupted.creations(self.home, self.stack) if urn not in known]

    @property
    def is_lost(self) -> bool:
        """Whether its state cannot be read: on a full disk the engine writes an empty one over it."""
        return self._state_file.exists() and not _is_json(self._state_file)

    @property
    def _state_file(self) -> Path:
        return _states(self.home) / f"{self.stack}.json"

    def checkpoint(self) -> dict[str, Any]:
        """The stack's state; empty without a stack, or before its first run.

        Read from the file, because the same from `pulumi` takes a second.
        """
        if not self._state_file.exists():
            return {}
        latest: dict[str, Any] = self.home.read_json(self._state_file)["checkpoint"].get("latest") or {}
        return latest

    # The engine reads a copy of the user's stack file, with this sandbox's addresses and the salt of its
    # passphrase added: the user's own file is never changed.

    @property
    def _project(self) -> Path:
        return self.home.root / "pulumi" / "project"

    @property
    def _config_file(self) -> Path:
        return self._project / f"Pulumi.{self.stack}.yaml"

    @property
    def _source_file(self) -> Path:
        return self._project / f"{self.stack}.source"

    def renew_stack_file(self) -> Path | None:
        """Rewrites the engine's stack file from the user's; None if the sandbox has no such stack."""
        if not self._config_file.exists() or not self._source_file.exists():
            return None
        return self._write_config(Path(self._source_file.read_text(encoding="utf-8")))

    def _write_config(self, source: Path) -> Path:
        config = read_config(source)
        refuse_foreign_secrets(source, config)
        if self.stack not in stacks(self.home):
            self._call("stack", "init", "--no-select", self.stack)
            write_private(_order(self.home), json.dumps([*stacks(self.home)]))
        # `stack init` writes it last: if that was killed, the engine makes a salt with its first secret.
        written = self._config_file.read_text(encoding="utf-8") if self._config_file.exists() else ""
        salt = (yaml.safe_load(written) or {}).get("encryptionsalt")
        salted = {"encryptionsalt": salt} if salt else {}
        settings = with_addresses(config, self.home.vault_address, self.home.emulator_url)
        document = {**salted, "config": settings}
        write_private(self._config_file, yaml.safe_dump(document, sort_keys=False))
        write_private(self._source_file, str(source.resolve()))
        return self._config_file

    def _prepare(self) -> None:
        folder = self.home.root / "pulumi"
        for name in ("state", "home", "project"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        # `stack init` writes a stack file beside the project file: this copy, not the repository's.
        shutil.copyfile(REPOSITORY / "Pulumi.yaml", folder / "project" / "Pulumi.yaml")
        for line in plugin_choice.install(self.home):
            print(f"  plugins {line}", flush=True)

    def recover(self) -> None:
        """Makes the state of a killed run usable: mends it if it was cut off, and releases its lock.

        The engine of that run has ended: it would hold the sandbox's lock, which this command has.
        """
        locks = [*(_states(self.home).parents[1] / "locks").rglob(f"{self.stack}/*.json")]
        for each in locks:
            if engine := _living_engine(each):
                raise SandboxError(
                    f"pulumi is changing stack {self.stack}, outside of the sandbox's shell (process "
                    f"{engine.pid}). Wait for it, or end it: kill -INT {engine.pid}"
                )
        if mend_state(self._state_file):
            print(f"  the state of stack {self.stack} was cut off; that of the step before is used")
        for each in locks:  # as `pulumi cancel` does
            print(f"  an earlier run of stack {self.stack} was killed; its lock is released", flush=True)
            each.unlink()

    def _run(
        self, command: str, *options: str, folder: Path, variables: Mapping[str, str] | None = None
    ) -> None:
        """Runs a long command in the foreground.

        Ctrl-C lets the engine finish its current steps, then ends. So does a kill of this process.
        """
        words = [self._pulumi, command, "--stack", self.stack, "-C", str(folder), *options]
        own = deployer.variables(self.home, self.stack)
        here = {**environment.process_environment(self.home), **own, **(variables or {})}
        before = self._state_file.read_bytes() if self._state_file.exists() else b""
        with (
            progress.shown() as output,
            ending.guarded(words, env=here, stdout=output, keep=lock.passed_on()) as process,
            reserve.kept(self.home, process) as room,
        ):
            status = process.wait()
        if status == 0:
            return
        done = outcome.described(command, before, self._state_file)
        if room.used:
            raise EngineFailed(
                f"the disk of {self.home.root} is full: pulumi {command} of stack {self.stack} was ended "
                f"after its running steps. {done} Free some space, and run the same command again"
            )
        raise EngineFailed(
            f"pulumi {command} of stack {self.stack} failed (exit {status}), see above. {done} Fix the cause "
            f"and run the same command again. To look around: source {self.home.root}/env"
        )

    def _call(self, *words: str) -> str:
        """Runs a short command and returns its output."""
        answer = subprocess.run(
            [self._pulumi, *words, "--non-interactive"],
            cwd=self.home.root / "pulumi" / "project",
            env=environment.process_environment(self.home),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            pass_fds=lock.passed_on(),
            check=False,
            encoding="utf-8",
        )
        if answer.returncode != 0:
            raise SandboxError(f"pulumi {' '.join(words[:2])} failed: {answer.stderr.strip()}")
        return answer.stdout

    @property
    def _pulumi(self) -> str:
        return str(build.ensure("pulumi"))


def with_addresses(config: Mapping[str, Any], vault_address: str, endpoint: str) -> dict[str, Any]:
    """A stack's configuration, with the address of Vault and the endpoint of AWS added."""
    vault = config.get(f"{PROJECT}:vault") or {}
    if isinstance(vault, dict):  # else the stack's own settings report it
        if _mounts(vault) or _mounts(config.get(f"{PROJECT}:secretsEngine")):
            # What is in a sandbox can be had again.
            endpoints = {"sts": endpoint, "iam": endpoint, "ec2": endpoint}
            vault = {"protect": False, **vault, "endpoints": endpoints}
        vault = {**vault, "address": vault_address, "callersStsEndpoint": endpoint}
    return {**config, f"{PROJECT}:vault": vault}


def refuse_foreign_secrets(source: Path, config: Mapping[str, Any]) -> None:
    """Raises SandboxError if a stack file has secrets, which are encrypted for another passphrase."""
    foreign = [key for key, value in config.items() if isinstance(value, dict) and "secure" in value]
    if foreign:
        raise SandboxError(
            f"{source} holds secrets encrypted for another passphrase ({', '.join(foreign)}); the sandbox "
            "cannot read them. Remove them from the file."
        )


def _mounts(section: Any) -> bool:
    """Whether it has a mount that the stack makes, and that reaches AWS by endpoints of its own."""
    return isinstance(section, dict) and section.get("mount") != "existing"


def raised_trust_policy_quota(settings: Mapping[str, Any]) -> int:
    """The quota that the account has by what a stack file says of it; 0 if it says nothing."""
    logins = settings.get(f"{PROJECT}:logins")
    sections = logins.values() if isinstance(logins, dict) else ()
    said = [each.get("trustPolicyLimit") for each in sections if isinstance(each, dict)]
    # What is not right is the stack's own settings' to report.
    return max((each for each in said if type(each) is int and each <= TRUST_POLICY_RAISED), default=0)


def read_config(source: Path) -> dict[str, Any]:
    """The configuration in a stack file. Raises SandboxError if it is not one."""
    if not source.exists():
        raise SandboxError(f"there is no stack file {source}; name one with --config FILE")
    try:
        given = yaml_file.load(source) or {}
    except yaml_file.WrongFile as error:
        raise SandboxError(str(error)) from None
    if not isinstance(given, dict) or not isinstance(given.get("config") or {}, dict):
        raise SandboxError(f"{source} is not a stack file: write a mapping with the key `config`")
    config = given.get("config") or {}
    if wrong := [str(key) for key in config if not isinstance(key, str)]:
        raise SandboxError(f"{source}: config.{wrong[0]}: is not text; write PROJECT:KEY")
    return dict(config)


def stacks(home: Home) -> list[str]:
    """This sandbox's stacks, oldest first, because a later one may use an earlier."""
    existing = {path.stem for path in _states(home).glob("*.json")}
    order: list[str] = home.read_json(_order(home)) if _order(home).exists() else []
    return [name for name in order if name in existing] + sorted(existing - set(order))


def _states(home: Home) -> Path:
    return home.root / "pulumi" / "state" / ".pulumi" / "stacks" / PROJECT


def _masked(value: Any) -> Any:
    """An output with `[secret]` for its secrets, as `pulumi stack output` prints it."""
    if isinstance(value, dict):
        if SIGNATURE in value:
            return "[secret]"
        return {key: _masked(item) for key, item in value.items()}
    return [_masked(item) for item in value] if isinstance(value, list) else value


def _order(home: Home) -> Path:
    return home.root / "pulumi" / "stacks.json"


def mend_state(state: Path) -> bool:
    """Puts the backup, which the engine keeps of the step before, in place of a state file that is cut off.
    Returns whether it had to. A file without a good backup is left, for the engine to say what is wrong."""
    backup = state.with_name(f"{state.name}.bak")
    if not state.exists() or _is_json(state) or not _is_json(backup):
        return False
    shutil.copyfile(backup, state)
    return True


def _is_json(file: Path) -> bool:
    try:
        json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True


def _living_engine(lock: Path) -> psutil.Process | None:
    """The engine that holds a lock, if it is alive."""
    try:
        process = psutil.Process(int(json.loads(lock.read_text(encoding="utf-8"))["pid"]))
        words = process.cmdline()
        # Else the number is another's by now. Boot time, which it is counted from, moves by a second.
        began_before = process.create_time() <= lock.stat().st_mtime + 2
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return None
    return process if began_before and words and Path(words[0]).name == "pulumi" else None
