"""What `make check` checks, beside the other tests: lint, formatting and types."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from mypy.config_parser import parse_config_file
from mypy.options import Options

REPOSITORY = Path(__file__).parents[1]

pytestmark = [
    pytest.mark.xdist_group("checks"),
    pytest.mark.timeout(900),
]  # types take a while the first time


@pytest.mark.parametrize(
    "words",
    [("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy", ".")],
    ids=["lint", "formatting", "types"],
)
def test_the_code_passes(words: tuple[str, ...]) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", *words], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    if answer.returncode != 0:
        pytest.fail(answer.stdout + answer.stderr, pytrace=False)


def test_the_groups_of_tests_reach_the_scheduler(request: pytest.FixtureRequest) -> None:
    """pytest-xdist carries them in the tests' IDs. Without them all is well but slow: nothing is shared."""
    grouped = request.config.getoption("loadgroup", default=False)
    assert request.node.nodeid.endswith("@checks") == grouped


def test_mypy_reads_every_module_of_the_sdks_that_the_code_names() -> None:
    """What it skips has the type Any, and it would not say so."""
    options = Options()
    parse_config_file(options, lambda: None, str(REPOSITORY / "pyproject.toml"))
    for unnamed in ("pulumi_aws.s3", "pulumi_aws.ec2.instance"):
        assert options.clone_for_module(unnamed).follow_imports == "skip"
    # Other folders, sandboxes among them, may change while they are looked at.
    places = [place for place in REPOSITORY.iterdir() if not place.name.startswith((".", "build"))]
    found = [path for place in places for path in ([place] if place.is_file() else place.rglob("*"))]
    sources = [path for path in found if path.suffix == ".py" and not left_out(options, path)]
    named = {module for path in sources for module in sdk_modules(ast.parse(path.read_text()))}
    assert {"pulumi_aws.iam", "pulumi_aws.iam.role", "pulumi_aws.ec2.subnet"} <= named
    missing = {module for module in named if options.clone_for_module(module).follow_imports == "skip"}
    assert missing == set(), "name them in [[tool.mypy.overrides]], pyproject.toml"


def left_out(options: Options, path: Path) -> bool:
    """Whether mypy does not look at a file at all."""
    place = path.relative_to(REPOSITORY).as_posix()
    return any(re.search(pattern, place) for pattern in options.exclude)


def sdk_modules(tree: ast.Module) -> Iterator[str]:
    """Where what a program takes from the SDKs is declared: `aws.iam.Role` in `pulumi_aws.iam.role`."""
    packages: dict[str, str] = {}  # by the name that it has in the program
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("pulumi_"):
                    yield alias.name
                    packages[alias.asname or alias.name.partition(".")[0]] = alias.name
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pulumi_"):
            for alias in node.names:
                module = declared_in(str(node.module), alias.name)
                yield module
                packages[alias.asname or alias.name] = module
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (found := place_of(node, packages)):
            yield found


def place_of(node: ast.expr, packages: dict[str, str]) -> str:
    """The module of `aws.iam.Role`, part for part; empty for what is no name of the SDKs."""
    if isinstance(node, ast.Name):
        return packages.get(node.id, "")
    if isinstance(node, ast.Attribute) and (module := place_of(node.value, packages)):
        return declared_in(module, node.attr)
    return ""


def declared_in(module: str, name: str) -> str:
    """The module that a name of a module is, or is declared in."""
    try:
        found = getattr(importlib.import_module(module), name)
    except (AttributeError, ImportError):  # a variable of that name
        return module
    declared = found.__name__ if isinstance(found, ModuleType) else getattr(found, "__module__", module)
    return declared if declared.startswith("pulumi_") else module
