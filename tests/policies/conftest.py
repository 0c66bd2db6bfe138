"""The real engine with the guardrails, and programs of raw resources; a preview needs no server behind it."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox import engine, environment
from sandbox.home import REPOSITORY, Home
from tests import tally
from tools import build

PROGRAM = Path(__file__).parent / "program"


@dataclass
class Previews:
    """Previews of stacks that the guardrails refuse or let through."""

    home: Home

    @property
    def program(self) -> Path:
        """A copy: `pulumi stack init` writes beside the project file."""
        return self.home.root / "program"

    def pulumi(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """The engine, on the programs' folder."""
        inherited = {name: value for name, value in os.environ.items() if not environment.is_foreign(name)}
        folder = self.home.root / "pulumi"
        answer = subprocess.run(
            [
                str(build.ensure("pulumi")),
                *words,
                "-C",
                str(PROGRAM),
                "--non-interactive",
                "--color",
                "never",
            ],
            env={
                **inherited,
                "PULUMI_HOME": str(folder / "home"),
                "PULUMI_BACKEND_URL": f"file://{folder}",
                "PULUMI_CONFIG_PASSPHRASE": "of no value",
                "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
                "PULUMI_SKIP_UPDATE_CHECK": "true",
                "AWS_ACCESS_KEY_ID": "nobody",
                "AWS_SECRET_ACCESS_KEY": "nobody",
                "AWS_REGION": "us-east-1",
                "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
                "VAULT_ADDR": "http://127.0.0.1:9",
                "VAULT_TOKEN": "nobody",
                **variables,
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return tally.note(answer)

    def refused(self, rule: str, config: str = "{}") -> subprocess.CompletedProcess[str]:
        """What the rule, or `all`, refuses; `config` is the guardrails' configuration, as JSON."""
        return self._preview(config, REFUSED=rule)

    def passing(self, config: str = "{}") -> subprocess.CompletedProcess[str]:
        """What no rule refuses."""
        return self._preview(config)

    def _preview(self, config: str, **variables: str) -> subprocess.CompletedProcess[str]:
        path = self.home.root / "guardrails.json"
        path.write_text(config)
        pack = REPOSITORY / "policies" / "guardrails"
        words = (f"--policy-pack={pack}", f"--policy-pack-config={path}")
        return self.pulumi("preview", "--stack=one", *words, **variables)


@pytest.fixture(scope="session")
def previews(tmp_path_factory: pytest.TempPathFactory) -> Previews:
    made = Previews(Home(tmp_path_factory.mktemp("guardrails") / "home"))
    made.home.create()
    engine.install_plugins(made.home)
    shutil.copytree(PROGRAM, made.program)
    answer = made.pulumi("stack", "init", "one")
    assert answer.returncode == 0, answer.stderr
    return made
