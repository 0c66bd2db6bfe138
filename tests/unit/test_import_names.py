"""The component library and the command import under any name: that is how a package installs them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SDKS = ("pulumi", "pulumi_aws", "pulumi_eks", "pulumi_kubernetes", "pulumi_random", "pulumi_vault")


@pytest.mark.parametrize(
    ("folder", "name", "statement"),
    [
        ("components", "pulumi_vault_aws_auth", "import pulumi_vault_aws_auth"),
        ("cli", "the_command", "from the_command import __main__, verify, workloads"),
    ],
)
def test_a_copy_under_another_name_needs_nothing_of_this_repository(
    tmp_path: Path, folder: str, name: str, statement: str
) -> None:
    shutil.copytree(
        REPOSITORY / folder, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
    )
    script = (
        # Without the path hook of this repository's own command, where it was installed for development.
        "import sys; sys.meta_path[:] = [f for f in sys.meta_path if '__editable__' not in str(f)];"
        f"sys.path.insert(0, {str(tmp_path)!r}); {statement}"
    )
    answer = subprocess.run(
        [sys.executable, "-I", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr


def test_importing_the_components_loads_no_more_of_the_sdks_than_the_sdks_themselves() -> None:
    """Their services are imported when a resource of them is declared; an annotation must not do it."""

    def loaded(statement: str) -> set[str]:
        script = f"import sys; {statement}; print(*sys.modules)"
        answer = subprocess.run(
            [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True
        )
        return {name for name in answer.stdout.split() if name.startswith(SDKS)}

    bare = loaded(f"import {', '.join(SDKS)}")
    assert bare
    assert loaded("import components") - bare == set()
