"""The virtual environment and the tools are made ready side by side, and neither hides the other."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.package.language_host import required_plugins
from tests.tools.conftest import Vendors, Workshop
from tools import install


def test_an_interrupted_environment_is_made_anew_and_a_failure_of_it_is_said_once(
    workshop: Workshop, vendors: Vendors
) -> None:
    """In one go, because an environment takes seconds."""
    venv = workshop.folder / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").write_text("half a program")
    (venv / "left").write_text("of the first")
    vendors.trickle = 0.05
    process = workshop.start(str(venv), "no-such-file.txt", "--tools", command="install.py")
    while not (venv / "bin" / "pip").exists():
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert "interrupted" in process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert not (venv / "left").exists()

    # The tools are made all the same.
    vendors.trickle = 0
    process = workshop.start(str(venv), "no-such-file.txt", "--tools", command="install.py")
    said = process.communicate(timeout=200)[1]
    assert process.returncode == 1
    assert [line for line in said.splitlines() if "error: " in line and str(venv) in line]
    assert said.count("no-such-file.txt") == 1
    assert "vault 1.21.0: fetched" in said
    assert Path(workshop.run("vault").paths["vault"]).exists()


def test_this_environment_needs_the_plugins_of_the_sdks_and_none_of_the_project_s_own() -> None:
    """`pulumi install` would look for another one in vain, and fail."""
    assert "pulumi_vault_aws_auth" not in required_plugins(Path(sys.executable))
    script = "from pulumi_vault_aws_auth.logins import own_role; print(own_role.__file__)"
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd="/", capture_output=True, text=True, check=True, timeout=60
    )
    assert Path(answer.stdout.strip()).resolve() == install.ROOT / "components" / "logins" / "own_role.py"


def test_the_packages_are_links_that_can_be_made_again_in_place_of_the_import_hook(tmp_path: Path) -> None:
    packages = tmp_path / "lib" / "python3.10" / "site-packages"
    packages.mkdir(parents=True)
    hook = packages / "__editable__.pulumi_vault_aws_auth-1.pth"
    for _ in range(2):
        hook.touch()
        install.show_packages(tmp_path)
    assert not hook.exists()
    shown = packages / "pulumi_vault_aws_auth" / "pulumi-plugin.json"
    assert shown.read_text() == '{"resource": false}\n'
    script = f"import site; site.addsitedir({str(packages)!r}); from importlib.util import find_spec\n"
    script += "print(*(find_spec(name).origin for name in ('pulumi_vault_aws_auth', 'vault_aws_auth_cli')))"
    answer = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, check=True)
    made = [Path(path).resolve() for path in answer.stdout.decode().split()]
    assert made == [install.ROOT / folder / "__init__.py" for folder in ("components", "cli")]
