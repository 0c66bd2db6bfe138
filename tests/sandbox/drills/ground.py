"""Where a drill happens: a sandbox with its surroundings, and what must hold there after each run."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import psutil

from sandbox import interrupted
from sandbox.home import FOLDERS, SCRATCH, Home
from tests import tally
from tests.sandbox.drills.run import Run
from tests.sandbox.kit import ADVISORY, REPOSITORY, Sandbox

STACK = "drill"
STACK_FILE = """\
config:
  aws:region: us-east-1
  vault-aws-auth:cluster: { name: eks1 }
  vault-aws-auth:vault: { serverIdHeader: vault.example.com }
  vault-aws-auth:vaultIdentity: { kind: user, userName: vault, accessKey: managed }
  vault-aws-auth:logins:
    api:
      kind: service-account
      serviceAccounts: [default/api]
      policies: [dev]
"""
"""Something in AWS, in the cluster and in Vault, and a secret in the state."""

HOLDERS = ("env", "passphrase", "aws/credentials.json", "aws/state.pickle", "vault/init.json", "vault/token")
"""The files that are made to hold a secret."""

KEPT = {".sandbox", "lock", "logs"}
"""What `down` leaves in the folder."""

ENDS_WITHIN = 15.0
"""Seconds for a process to notice that its parent is gone, on a busy machine too."""


class Ground:
    """A sandbox in a folder of its own, with its own temporary folder beside it."""

    def __init__(
        self,
        folder: Path,
        *,
        home: str = "sandbox",
        env: Mapping[str, str | None] | None = None,
        umask: int = -1,
        checkout: Path = REPOSITORY,
    ) -> None:
        self.folder, self.umask, self.checkout = folder, umask, checkout
        own = checkout / ".venv" / "bin" / "python"
        self.python = sys.executable if checkout == REPOSITORY else str(own)
        self.sandbox = Sandbox(folder / home)
        self.temporary = folder / "tmp"
        self.temporary.mkdir(parents=True)
        stack_file = folder / f"Pulumi.{STACK}.yaml"
        stack_file.write_text(STACK_FILE, encoding="utf-8")
        self.up = ("up", "--stack", STACK, "--config", str(stack_file), *ADVISORY)
        self.down: tuple[str, ...] = ("down",)
        here = {"SANDBOX_HOME": str(self.home.root), "TMPDIR": str(self.temporary), **(env or {})}
        self.env = {name: value for name, value in {**os.environ, **here}.items() if value is not None}
        self.printed: list[str] = []
        self.command_lines: set[str] = set()
        self._known: dict[str, bytes] = {}

    @property
    def home(self) -> Home:
        return Home(self.sandbox.home)

    @cached_property
    def took(self) -> dict[str, float]:
        """Seconds that `up` and `down` take here, measured; the sandbox is as before."""
        found = {}
        for words in (self.up, self.down):
            began = time.monotonic()
            self.succeed(*words)
            found[words[0]] = time.monotonic() - began
        return found

    def run(self, *words: str, extra: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """A command of the sandbox, to its end."""
        return self.command(self.python, "-m", "sandbox", *words, extra=extra)

    def command(
        self, *words: str, extra: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Any command, in these surroundings."""
        answer = tally.note(
            subprocess.run(
                words,
                cwd=self.checkout,
                env={**self.env, **(extra or {})},
                umask=self.umask,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                encoding="utf-8",
                errors="replace",
                timeout=280,
                check=False,
            )
        )
        self.printed.append(answer.stdout + answer.stderr)
        return answer

    def succeed(self, *words: str, extra: Mapping[str, str] | None = None) -> str:
        """The same, which has to succeed; what it printed."""
        answer = self.run(*words, extra=extra)
        said = answer.stdout + answer.stderr
        assert answer.returncode == 0, f"{' '.join(words)}: exit code {answer.returncode}\n{said}"
        assert "Traceback" not in said, said
        return said

    def begin(self, words: Sequence[str], *, in_terminal: bool = False) -> Run:
        """A command that something happens to."""
        tally.add("run")
        return Run(
            [self.python, "-u", "-m", "sandbox", *words],
            folder=self.checkout,
            env=self.env,
            log=self.folder / "disturbed.log",
            umask=self.umask,
            in_terminal=in_terminal,
        )

    def engines(self) -> list[psutil.Process]:
        """The engines that change a stack of this sandbox."""
        found = {}
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                changes = process.name() == "pulumi" and process.cmdline()[1:2] in (["up"], ["destroy"])
                if changes and process.environ().get("SANDBOX_HOME") == str(self.home.root):
                    found[process.pid] = (process, process.ppid())
        # What an engine starts is a copy of it for a moment, until it is the program that it is to be.
        return [process for process, parent in found.values() if parent not in found]

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Fails if there are ever two engines; notes down all command lines for the search of secrets."""
        most, done = 0, threading.Event()

        def look() -> None:
            nonlocal most
            while not done.wait(0.25):
                most = max(most, len(self.engines()))
                for process in self.sandbox.processes():
                    with contextlib.suppress(psutil.Error):
                        self.command_lines.add(" ".join(process.cmdline()))

        looking = threading.Thread(target=look)
        looking.start()
        try:
            yield
        finally:
            done.set()
            looking.join()
        assert most <= 1, f"{most} engines at a time"

    def check(self, *, is_up: bool) -> None:
        """What must hold after a run, whatever has happened before it."""
        complaints = [
            *(f"a process is left: {line}" for line in self._strays(is_up)),
            *(f"a lock is left: {line}" for line in self._locks()),
            *(f"a temporary file is left: {path.name}" for path in self.temporary.iterdir()),
            *(f"a scratch file is left: {path}" for path in self._scratch()),
            *self._plain_secrets(is_up),
            *(f"others can read {path}" for path in self._open_files()),
        ]
        if is_up:
            complaints += [f"{urn} is noted as unknown" for urn in interrupted.creations(self.home, STACK)]
        else:
            complaints += [f"{name} is left" for name in sorted(self._names() - KEPT)]
        assert not complaints, "\n".join(complaints)

    def _names(self) -> set[str]:
        return {path.name for path in self.home.root.iterdir()}

    def _strays(self, is_up: bool) -> list[str]:
        """Processes of the sandbox that are none of its services, once they have had the time to end."""
        deadline = time.monotonic() + ENDS_WITHIN
        while True:
            services = {int(pid) for pid in self.sandbox.service_pids().values()} if is_up else set()
            found = [each for each in self.sandbox.processes() if each.pid not in services]
            if not found or time.monotonic() > deadline:
                break
            time.sleep(0.5)
        lines = []
        for each in found:
            with contextlib.suppress(psutil.Error):
                lines.append(" ".join(each.cmdline()))
        return lines

    def _locks(self) -> Iterator[str]:
        state = self.home.root / "pulumi" / "state" / ".pulumi" / "locks"
        yield from (str(path) for path in state.rglob("*.json"))
        with (self.home.root / "lock").open("r+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield "the sandbox's own"

    def _scratch(self) -> Iterator[Path]:
        """What a killed process has begun to write."""
        for name in (".", *FOLDERS):
            yield from (self.home.root / name).glob(SCRATCH)

    def _open_files(self) -> Iterator[Path]:
        for path in self._files(self.home.root):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mode & 0o077:
                    yield path

    @staticmethod
    def _files(root: Path) -> Iterator[Path]:
        for path in root.rglob("*"):
            with contextlib.suppress(OSError):
                if path.is_file() and not path.is_symlink():
                    yield path

    def secrets(self) -> dict[str, bytes]:
        """The secrets of this sandbox by their names, while it is up. The state's is read decrypted."""
        keys = self.home.vault_keys()
        accounts = self.home.credentials()
        return {
            "the Vault token": keys["root_token"].encode(),
            "the unseal key": keys["unseal_key"].encode(),
            "the passphrase": self.home.passphrase.encode(),
            **{f"the key of {name}": key["secret_access_key"].encode() for name, key in accounts.items()},
            **self._secret_in_state(),
        }

    def _secret_in_state(self) -> dict[str, bytes]:
        answer = self.sandbox.shell(f"pulumi stack export --show-secrets --stack {STACK}")
        exported = json.loads(answer.stdout) if answer.returncode == 0 else {"deployment": {}}
        for resource in exported["deployment"].get("resources") or []:
            if resource["type"] == "aws:iam/accessKey:AccessKey":
                key = resource["outputs"]["secret"]
                return {"the access key": json.loads(key["plaintext"]).encode()}
        return {}

    def _plain_secrets(self, is_up: bool) -> Iterator[str]:
        """Where a secret stands that is not made for it: files, what was printed, command lines."""
        if is_up:
            self._known = self.secrets()
        known, holders = self._known, {self.home.root / name for name in HOLDERS}
        for path in (*self._files(self.home.root), *self._files(self.temporary)):
            if path in holders:
                continue
            with contextlib.suppress(FileNotFoundError):
                yield from found_in(path.read_bytes(), known, str(path))
        yield from found_in("\n".join(self.printed).encode(), known, "what was printed")
        yield from found_in("\n".join(self.command_lines).encode(), known, "a command line")
        self.printed.clear()
        self.command_lines.clear()

    def give_up(self) -> None:
        """Whatever state it is in: nothing of it runs afterwards."""
        self.run("down", "--force")


def found_in(text: bytes, secrets: Mapping[str, bytes], place: str) -> Iterable[str]:
    """A complaint for each secret in a text."""
    return [f"{label} stands in {place}" for label, secret in secrets.items() if secret in text]
