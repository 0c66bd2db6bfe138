"""The installed package: as a wheel for Python programs, and as a component package for every language.

Everything here runs with the virtual environment that the wheel was installed into, never with this one.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client as kubernetes_client

from components import __all__ as PUBLIC
from components.version import VERSION
from plugin.provider import all_components
from sandbox import plugin_choice
from sandbox.home import Home
from tests.package.installed import Installed
from tests.package.kit import Project
from tests.package.language_host import required_plugins
from tests.sandbox.callers import assume_with_token, log_in
from tests.sandbox.kit import REPOSITORY, Sandbox, commands_of
from tests.sandbox.lease import Pool
from tools import build

pytestmark = [pytest.mark.xdist_group("component package"), pytest.mark.timeout(900)]

PROGRAMS = REPOSITORY / "tests" / "package"
SECRET = "the-external-id-that-is-secret"


@pytest.fixture(scope="module")
def running(pool: Pool) -> Iterator[Sandbox]:
    """A sandbox without a stack."""
    with pool.lease() as lent:
        yield lent


# The wheel


def test_the_wheel_has_the_library_typed_and_the_command_apart(installed: Installed) -> None:
    names = zipfile.ZipFile(installed.wheel).namelist()
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {
        "pulumi_vault_aws_auth",
        "vault_aws_auth_cli",
    }
    assert {"pulumi_vault_aws_auth/py.typed", "vault_aws_auth_cli/templates/access.html"} <= {*names}
    assert "pulumi_vault_aws_auth/pulumi-plugin.json" in names
    # `access` judges policies by the guardrails' rules.
    answer = installed.run("-c", "from vault_aws_auth_cli import acl; print(acl.Rule.__module__)")
    assert answer.stdout.strip() == "vault_aws_auth_cli.guardrails.vault_policies", answer.stderr
    modules = {str(path.relative_to(REPOSITORY / "components")) for path in _sources("components")}
    assert modules == {n.removeprefix("pulumi_vault_aws_auth/") for n in names if _is_module(n, "pulumi_")}


def test_every_public_name_can_be_imported_from_it(installed: Installed) -> None:
    script = "import pulumi_vault_aws_auth as p; print(p.__file__, *(n for n in p.__all__ if hasattr(p, n)))"
    answer = installed.run("-c", script)
    assert answer.returncode == 0, answer.stderr
    place, *names = answer.stdout.split()
    assert names == PUBLIC
    assert Path(place).is_relative_to(installed.venv)


def test_it_needs_the_pulumi_sdks_and_nothing_else(installed: Installed) -> None:
    script = "import importlib.metadata as m; print(*m.requires('pulumi-vault-aws-auth'), sep='\\n')"
    lines = installed.run("-c", script).stdout.splitlines()
    needed = {line.split(">")[0].split("<")[0] for line in lines if "extra ==" not in line}
    assert needed - {"typing-extensions"} == {
        "pulumi",
        "pulumi-aws",
        "pulumi-eks",
        "pulumi-kubernetes",
        "pulumi-random",
        "pulumi-vault",
    }


def test_a_program_that_uses_it_needs_the_plugins_of_the_sdks_and_none_of_its_own(
    installed: Installed,
) -> None:
    """`pulumi install` would look for another one in vain, and fail."""
    asked = required_plugins(installed.python)
    assert {*asked.values()} == {"aws", "eks", "kubernetes", "random", "vault"}


def test_the_command_says_in_one_line_what_it_needs(installed: Installed) -> None:
    command = installed.python.parent / "vault-aws-auth"
    answer = subprocess.run([str(command)], capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert answer.stderr == (
        "error: the package typer is missing, which the command needs; install all with: "
        "pip install 'pulumi-vault-aws-auth[cli]'\n"
    )


def test_the_example_is_typed_by_it(installed: Installed, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    text = (REPOSITORY / "examples" / "consumer-python" / "__main__.py").read_text()
    program.write_text(text)
    assert _mypy(installed, program) == ""
    wrong = text.replace('"policies": [policy.name]', '"policies": 5')
    assert wrong != text
    program.write_text(wrong)
    assert 'TypedDict item "policies"' in _mypy(installed, program)


def test_the_example_runs_under_mocks(installed: Installed, tmp_path: Path) -> None:
    shutil.copy(PROGRAMS / "mocked_consumer.py", tmp_path)
    shutil.copy(REPOSITORY / "examples" / "consumer-python" / "__main__.py", tmp_path / "consumer.py")
    answer = installed.run("mocked_consumer.py", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout) == {
        "aws:iam/role:Role": ["payments-iam-role", "payments"],
        "vault:aws/authBackendRole:AuthBackendRole": ["payments-vault-role", "payments"],
    }


def test_the_example_lets_its_service_account_log_in(
    installed: Installed, running: Sandbox, tmp_path: Path
) -> None:
    source = REPOSITORY / "examples" / "consumer-python"
    project = Project(running, source, tmp_path / "consumer", installed.tools, "consumer")
    addresses = {
        "vaultAddress": running.env["VAULT_ADDR"],
        "endpoint": running.env["AWS_ENDPOINT_URL"],
    }
    with _cluster(running, "eks1") as cluster:
        project.start(cluster="eks1", **addresses)
        project.up()
        role = project.outputs()["iamRoleArn"]
        mine = assume_with_token(running, running.token("payments", cluster=cluster), role)
        assert "payments" in log_in(running, mine, "payments")["token_policies"]
        project.up("--expect-no-changes")
        assert project.change("destroy").returncode == 0


# The component package


def test_every_component_is_the_same_from_the_package_as_in_process(
    installed: Installed, running: Sandbox, tmp_path: Path
) -> None:
    project = Project(running, PROGRAMS / "program", tmp_path / "program", installed.tools, "both")
    project.start(remote="true")
    kinds = {component.__name__ for component in all_components()}
    written = (PROGRAMS / "program" / "__main__.py").read_text()
    assert {kind for kind in kinds if f'"{kind}"' not in written} == set()

    unknown = project.preview("--diff")
    assert "oidcIssuer     : [unknown]" in unknown  # what only the update can tell
    assert SECRET not in unknown
    project.up()
    (package,) = [r for r in project.resources() if r["type"] == "pulumi:providers:vault-aws-auth"]
    made, exported = [r for r in project.resources() if r != package], project.outputs()
    # Without one that it is given, VaultAwsAuth makes a mount of its own.
    assert dict.fromkeys(kinds - {"ExistingEksCluster"}, 1) | {"VaultAuthMount": 2} == _components(made)
    assert SECRET not in json.dumps(project.state())
    assert exported["account"]["externalId"] == SECRET

    # The engine itself finds no difference, and nor does its state.
    project.in_this_environment().up("--expect-no-changes", remote="false")
    again = project.resources()
    assert [resource["urn"] for resource in again] == [resource["urn"] for resource in made]
    assert _differences(made, again) == []
    assert project.outputs() == exported

    # A cluster that is there is looked up while the component is constructed.
    found = json.loads(project.preview("--json", remote="true", found="true"))
    (added,) = [step for step in found["steps"] if step["op"] == "create"]
    assert added["urn"].endswith("vault-aws-auth:index:ExistingEksCluster::found")
    assert project.change("destroy").returncode == 0


def test_the_yaml_example_lets_its_service_account_log_in_and_leaves_nothing(
    installed: Installed, running: Sandbox
) -> None:
    """With the commands of its page and Pulumi's own YAML host, which the engine finds in the sandbox."""
    folder = installed.tree / "examples" / "consumer-yaml"
    build.ensure("pulumi-language-yaml")
    home = Home(running.home)
    (home.root / "pulumi" / "state").mkdir(exist_ok=True)
    plugin_choice.install(home)
    before = _files(installed.tree)
    source, stack, *prepared, up, destroy = commands_of(
        "../examples/consumer-yaml/README.md", "In the sandbox"
    )
    assert (source, up) == ("source ../../.sandbox/env", "pulumi up")

    def shell(*commands: str) -> str:
        unasked = "export PULUMI_SKIP_CONFIRMATIONS=true"
        answer = running.shell(" && ".join([f"cd {folder}", stack, unasked, *commands]))
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout

    with _cluster(running, "eks1") as cluster:
        shell(*prepared)
        shell(up)
        role = shell("pulumi stack output iamRoleArn").strip()
        path = shell("pulumi config get mountPath").strip()
        mine = assume_with_token(running, running.token("payments", cluster=cluster), role)
        assert "payments" in log_in(running, mine, "payments", mount=path)["token_policies"]
        shell(f"{up} --expect-no-changes")
        shell(destroy)
    assert _files(installed.tree) == before


def test_a_bad_input_is_one_message_that_names_it(
    installed: Installed, running: Sandbox, tmp_path: Path
) -> None:
    """The engine tells what `tests/schema/test_component_inputs.py` has of all kinds."""
    project = Project(running, PROGRAMS / "refused", tmp_path / "program", installed.tools, "refused")
    project.start()
    inputs = {
        "connection": {"path": "aws"},
        "principals": ["arn:aws:iam::111111111111:role/a*"],
        "policies": ["dev"],
        "maxTtl": "long",
    }
    answer = project.change("preview", kind="PrincipalLogin", inputs=json.dumps(inputs))
    assert answer.returncode != 0
    said = answer.stdout + answer.stderr
    told = "maxTtl: is not a duration; write e.g. 15m, 1h30m, 768h, 30d"
    assert f"vault-aws-auth:index:PrincipalLogin resource 'it' has a problem: {told}" in said
    assert "provider.py" not in said


def test_the_requirements_of_the_plugin_are_those_of_the_wheel(installed: Installed) -> None:
    """Pulumi installs them beside the plugin; whoever has the wheel has them."""
    pip = [sys.executable, "-m", "pip", "--python", str(installed.python)]
    answer = subprocess.run(
        [*pip, "install", "--no-index", "--dry-run", "-r", "requirements.txt"],
        cwd=installed.tree / "plugin",
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert "Would install" not in answer.stdout
    script = "from plugin.provider import Provider; print(Provider().version)"
    assert installed.run("-c", script, cwd=installed.tree).stdout.strip() == VERSION


def _sources(package: str) -> list[Path]:
    return [*(REPOSITORY / package).rglob("*.py")]


def _is_module(name: str, package: str) -> bool:
    return name.startswith(package) and name.endswith(".py")


def _files(folder: Path) -> set[Path]:
    """All files below a folder, but Python's bytecode, and what links lead to."""
    found = (Path(here) / name for here, _, names in os.walk(folder) for name in names)
    return {path for path in found if "__pycache__" not in path.parts}


def _components(resources: list[dict[str, Any]]) -> dict[str, int]:
    prefix = "vault-aws-auth:index:"
    types = [r["type"].removeprefix(prefix) for r in resources if r["type"].startswith(prefix)]
    return {type_: types.count(type_) for type_ in types}


def _differences(made: list[dict[str, Any]], again: list[dict[str, Any]]) -> list[str]:
    """What is not the same of resources of the same URNs, each with its place: `URN key: one | other`."""
    return [
        f"{one['urn']} {key}: {one.get(key)} | {other.get(key)}"
        for one, other in zip(made, again, strict=True)
        for key in sorted({*one, *other})
        if one.get(key) != other.get(key)
    ]


def _mypy(installed: Installed, program: Path) -> str:
    """What mypy says of a program that sees the installed package alone; it need not look into the SDKs."""
    config = program.parent / "mypy.ini"
    sdks = "pulumi_aws.*,pulumi_eks.*,pulumi_kubernetes.*,pulumi_vault.*"
    config.write_text(f"[mypy]\nstrict = true\n[mypy-{sdks}]\nfollow_imports = skip\n")
    options = [f"--config-file={config}", f"--python-executable={installed.python}", "--no-error-summary"]
    answer = subprocess.run(
        [sys.executable, "-m", "mypy", *options, f"--cache-dir={installed.root / 'mypy'}", str(program)],
        cwd=program.parent,
        env={name: value for name, value in os.environ.items() if name != "MYPYPATH"},
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout + answer.stderr


@contextmanager
def _cluster(sandbox: Sandbox, name: str) -> Iterator[kubernetes_client.CoreV1Api]:
    """A cluster that no stack has made, as its administrator."""
    iam, eks, ec2 = sandbox.aws("iam"), sandbox.aws("eks"), sandbox.aws("ec2")
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "eks.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]]
    eks.create_cluster(
        name=name,
        roleArn=role["Role"]["Arn"],
        resourcesVpcConfig={"subnetIds": subnets[:2]},
        accessConfig={"authenticationMode": "API"},
    )
    try:
        eks.get_waiter("cluster_active").wait(name=name, WaiterConfig={"Delay": 1, "MaxAttempts": 120})
        yield sandbox.cluster(name)
    finally:
        eks.delete_cluster(name=name)
        iam.delete_role(RoleName=name)
