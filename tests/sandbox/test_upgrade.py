"""A stack of the last release, previewed with this version: nothing is replaced without a word."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import tally
from tests.package import release
from tests.sandbox.kit import REPOSITORY, Sandbox

ADVICE = """\
The upgrade would replace or delete this of a stack of the last release. If it is the same resource under
another URN, give it an alias (ResourceOptions(aliases=[pulumi.Alias(…)])). If it has to be, add these lines,
each with the reason and what users must do, to the page of the coming version in docs/upgrades/:"""


def without_unknown_keys(released: Path) -> None:
    """This version's sandbox writes into a stack file only what the last release's program knows."""
    schema = json.loads((released / "schema" / "stack.schema.json").read_text())
    known = schema["definitions"]["Vault"]["properties"]
    engine = released / "sandbox" / "engine.py"
    for key, written in (
        ("callersStsEndpoint", ', "callersStsEndpoint": endpoint'),
        ("protect", '"protect": False, '),
    ):
        if key not in known:
            text = engine.read_text()
            assert text.count(written) == 1
            engine.write_text(text.replace(written, ""))


def unchecked(released: Path) -> None:
    """The last release's stack file is checked by its own program, not by this version's."""
    (released / "sandbox" / "stack_file.py").write_text(
        "from sandbox import engine\n\n\ndef check(home, stack, path, rules):\n"
        "    return engine.read_config(path)\n"
    )


@pytest.mark.timeout(900)
def test_a_stack_of_the_last_release_is_upgraded_without_replacements(
    leased: Sandbox, tmp_path: Path
) -> None:
    last = release.last(REPOSITORY)
    released = tmp_path / "released"
    try:
        release.unpack(REPOSITORY, last, released)
    except release.NoRelease as missing:
        pytest.skip(str(missing))  # a copy of the files, or a shallow clone: nothing to upgrade from
    # Its program, in this version's sandbox: the engine and the SDKs are those that are installed here.
    for name in ("sandbox", "tools", "pipeline", "cli", "policies/guardrails"):
        shutil.rmtree(released / name, ignore_errors=True)
        shutil.copytree(REPOSITORY / name, released / name)
    reader = Path("stack/yaml_file.py")  # the one module of the program that the sandbox uses
    (released / reader).parent.mkdir(exist_ok=True)
    shutil.copy(REPOSITORY / reader, released / reader)
    without_unknown_keys(released)
    unchecked(released)
    answer = tally.note(
        subprocess.run(
            [sys.executable, "-m", "sandbox", "up", "--no-logins"],
            cwd=released,
            env={**os.environ, "SANDBOX_HOME": str(leased.home)},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    answer = leased.run("preview", "--json")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    preview = json.loads(answer.stdout)
    assert sum(preview["changeSummary"].values()) > 50  # every scenario together
    lost = release.taken_away(preview["steps"]) - release.noted(REPOSITORY, last)
    if lost:
        pytest.fail("\n".join([ADVICE, *(f"- `{name}` …" for name in sorted(lost))]), pytrace=False)
