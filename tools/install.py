"""Prepares the virtual environment and, at the same time, the sandbox's tools.

Only `make` calls it. On a fresh machine both take minutes, one waiting for the network while the other uses
the processor. Bytecode is not compiled in advance, because most modules are never imported. With
PYTHONDONTWRITEBYTECODE, however, every command would compile all its imports, so then it is compiled here.
"""

from __future__ import annotations

if __name__ == "__main__":  # run as a file, before anything is installed
    import sys

    sys.path[0] = __file__.rsplit("/", 2)[0]
    from cli import interrupts

    interrupts.end_at_once()  # the other imports take longest

import argparse
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path

from cli import interrupts
from tools import build, command, report
from tools.errors import BuildError

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = (
    "cli",
    "components",
    "pipeline",
    "policies",
    "sandbox",
    "stack",
    "tools",
)
"""The project's folders of Python that commands import."""
PACKAGES = {"pulumi_vault_aws_auth": "components", "vault_aws_auth_cli": "cli"}
"""The project's folders by the names that they are imported by once installed."""
running: list[subprocess.Popen[str]] = []
"""The child process of the virtual environment's thread; an interrupt ends it."""


def make_environment(folder: Path, requirements: str) -> None:
    """Creates a virtual environment if missing, and installs into it. Raises BuildError."""
    with report.job(str(folder)) as job:
        pip = [str(folder / "bin" / "python"), "-m", "pip"]
        if not _runs(pip):  # none, an interrupted one, or one of a Python that is gone
            job.text = "creating it"
            _run([sys.executable, "-m", "venv", "--clear", str(folder)], job)
        install = [*pip, "install", "--disable-pip-version-check", "--progress-bar", "off"]
        if not sys.dont_write_bytecode:
            install.append("--no-compile")
        if not _has_a_cache(pip):
            install.append("--no-cache-dir")
        _run([*install, "-r", requirements], job)
        job.text = "installing this project"
        _run([*install, "--no-deps", "--editable", "."], job)
        show_packages(folder)
        if sys.dont_write_bytecode:
            job.text = "writing bytecode"
            _run([str(folder / "bin" / "python"), "-m", "compileall", "-q", *PROGRAM], job)
        report.say(f"{folder}: {requirements} installed in {job.took()}")


def show_packages(folder: Path) -> None:
    """Lets Python find the packages by links, in place of an editable install's import hook.

    The hook takes longer than the rest of Python's start. Pulumi's Python language host looks for
    `pulumi-plugin.json` where a wheel has it, and nowhere else.
    """
    (packages,) = folder.glob("lib/python*/site-packages")
    links = folder / "packages"
    for place in (links, packages / "pulumi_vault_aws_auth"):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
    for name, source in PACKAGES.items():
        (links / name).symlink_to(ROOT / source)
    (packages / "pulumi_vault_aws_auth" / "pulumi-plugin.json").symlink_to(
        ROOT / "components" / "pulumi-plugin.json"
    )
    (packages / "pulumi_vault_aws_auth.pth").write_text(f"{links.resolve()}\n")
    for hook in packages.glob("__editable__*pulumi_vault_aws_auth*"):
        hook.unlink()


def _runs(pip: list[str]) -> bool:
    try:
        return subprocess.run([*pip, "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _has_a_cache(pip: list[str]) -> bool:
    """Whether the user has enabled pip's cache."""
    answer = subprocess.run([*pip, "cache", "dir"], capture_output=True, text=True, check=False)
    return answer.returncode == 0 and Path(answer.stdout.strip()).is_dir()


def _run(words: list[str], job: report.Job) -> None:
    last: deque[str] = deque(maxlen=12)
    fetched = 0
    pipe = subprocess.PIPE
    with subprocess.Popen(words, cwd=ROOT, stdout=pipe, stderr=subprocess.STDOUT, text=True) as process:
        running.append(process)
        for line in process.stdout or ():
            last.append(line.rstrip())
            if line.lstrip().startswith(("Collecting", "Downloading", "Using cached")):
                fetched += line.startswith("Collecting")
                job.text = f"{fetched} packages found"
            elif line.startswith("Installing collected"):
                job.text = f"installing {line.count(',') + 1} packages"
    if process.returncode:
        text = "\n  ".join(line for line in last if line)
        hint = ""
        if "ensurepip" in text:
            hint = " (on Debian and Ubuntu the package python3-venv is missing)"
        raise BuildError(f"{job.name}: {' '.join(words[1:4])} failed{hint}:\n  {text}")


def _arguments() -> argparse.ArgumentParser:
    parser = command.parser("python tools/install.py", __doc__)
    parser.add_argument("venv", metavar="VENV", type=Path, help="folder of the virtual environment")
    parser.add_argument("requirements", metavar="REQUIREMENTS", help="file of the packages, in the checkout")
    parser.add_argument("--tools", action="store_true", help="the tools of the sandbox as well")
    parser.add_argument("--all-tools", action="store_true", help="those of the tests, too")
    return parser


def main(words: list[str]) -> int:
    """Runs both at once; a failure of one is reported at once and does not stop the other."""
    given = _arguments().parse_args(words)
    folder, requirements = given.venv, given.requirements
    problems: list[str] = []

    def attempt(task: str) -> None:
        try:
            if task == "environment":
                make_environment(folder, requirements)
            else:
                tests = ("federation", "tests") if given.all_tools else ()
                build.ensure_all(build.needed_by("every stack", *tests))
        except BuildError as error:
            problems.append(task)
            report.say(f"error: {error}")

    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    environment = threading.Thread(target=attempt, args=("environment",), daemon=True)
    environment.start()
    try:
        if given.tools or given.all_tools:
            attempt("tools")
        environment.join()
    except KeyboardInterrupt:
        for process in running:
            process.terminate()
        interrupts.say("\ninterrupted; the next run continues from here")
        return interrupts.EXIT_CODE
    return 1 if problems else 0


if __name__ == "__main__":
    interrupts.told(lambda: sys.exit(main(sys.argv[1:])))
