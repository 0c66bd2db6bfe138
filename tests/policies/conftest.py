"""The real engine with the guardrails, on stacks of raw resources; a preview needs no server behind it."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from sandbox import environment, plugin_choice
from sandbox.home import REPOSITORY, Home
from tests import tally
from tests.policies.kit import Example, sent
from tools import build

PROGRAM = Path(__file__).parent / "program"
EXAMPLES: dict[str, Example] = {
    rule: example
    for path in sorted(Path(__file__).parent.glob("test_*_rules.py"))
    for rule, example in import_module(f"tests.policies.{path.stem}").EXAMPLES.items()
}
"""One of each rule, beside the rule's tests."""


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
                str(self.program),
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
        """The example that the rule, or with `all` each rule, refuses; `config` configures them, as JSON."""
        refused = {name: each for name, each in EXAMPLES.items() if rule in (name, "all")}
        return self._preview(config, {name: (each.kind, each.refused) for name, each in refused.items()})

    def passing(self, config: str = "{}") -> subprocess.CompletedProcess[str]:
        """The fixed examples of all rules."""
        return self._preview(config, {name: (each.kind, each.fixed) for name, each in EXAMPLES.items()})

    def _preview(
        self, config: str, resources: dict[str, tuple[str, dict[str, Any]]]
    ) -> subprocess.CompletedProcess[str]:
        path, stack = self.home.root / "guardrails.json", self.home.root / "stack.json"
        path.write_text(config)
        stack.write_text(json.dumps({name: (kind, sent(given)) for name, (kind, given) in resources.items()}))
        pack = REPOSITORY / "policies" / "guardrails"
        words = (f"--policy-pack={pack}", f"--policy-pack-config={path}")
        return self.pulumi("preview", "--stack=one", *words, STACK=str(stack))


@pytest.fixture(scope="session")
def previews(tmp_path_factory: pytest.TempPathFactory) -> Previews:
    made = Previews(Home(tmp_path_factory.mktemp("guardrails") / "home"))
    made.home.create()
    plugin_choice.install(made.home)
    shutil.copytree(PROGRAM, made.program)
    answer = made.pulumi("stack", "init", "one")
    assert answer.returncode == 0, answer.stderr
    return made
