"""What people copy from the project's texts leaves no secret in their shell's history."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Not that of ECS's tasks, which in the sandbox is a role's name.
SECRET = r"(?!AWS_CONTAINER)[A-Z_]*(?:TOKEN|SECRET|PASSWORD|PASSPHRASE|ACCESS_KEY|API_KEY)[A-Z_]*"
NOT_COMPUTED = r"(?![\"']?\$)[^\s`|&;]"
"""The first character of a value that stands there itself, and is no variable or command's output."""

WORD = r"(?:'[^']*'|\"[^\"]*\"|[^\s#<>|&;-]\S*)"

NEVER = {
    "a secret in a variable": rf"(?<![\w$]){SECRET}={NOT_COMPUTED}",
    "a secret of the stack as an argument": (
        rf"pulumi config set\b(?=.* --secret)(?: +--[\w-]+(?:=\S+)?)* +{WORD} +{WORD}"
    ),
    "a token as an argument": rf"vault login +(?:token=)?(?![,.)`]){WORD}",
    "an unseal key as an argument": rf"operator unseal +{WORD}",
    "a secret as an option": rf"--(?:token|secret-key|password|passphrase)[ =]+(?!-){NOT_COMPUTED}",
    "a secret as the value of an option": rf"--secret={NOT_COMPUTED}",
    "a secret as a field": rf"vault (?:write|kv put)\b.*\b(?:secret_key|password)=(?![@-]){NOT_COMPUTED}",
}
"""Patterns of lines, by what is wrong with them."""


def wrong(line: str) -> list[str]:
    return [what for what, pattern in NEVER.items() if re.search(pattern, line)]


def texts() -> list[Path]:
    """What people read: pages, stack files, examples, the commands' help, what CI runs."""
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = []
    for name in names.splitlines():
        shown = name.endswith((".md", ".yaml", ".yml", ".j2", ".sh", ".html", ".toml")) or "/" not in name
        if (shown or name.startswith(("cli/", "pipeline/", "examples/"))) and not name.startswith("tests/"):
            found.append(ROOT / name)
    return found


def test_no_text_tells_people_to_type_a_secret() -> None:
    looked_at = texts()
    assert len(looked_at) > 100
    assert [
        f"{path.relative_to(ROOT)}:{number}: {each}: {line.strip()}"
        for path in looked_at
        if path.is_file()
        for number, line in enumerate(path.read_text(errors="ignore").splitlines(), 1)
        for each in wrong(line)
    ] == []


@pytest.mark.parametrize(
    "line",
    [
        "$ VAULT_TOKEN=… pulumi up",
        "$ VAULT_TOKEN=hvs.CAESI pulumi up",
        "#   export VAULT_TOKEN=...",
        "$ export VAULT_TOKEN='hvs.x'",
        "$ AWS_SECRET_ACCESS_KEY=abc aws sts get-caller-identity",
        "$ env AWS_SESSION_TOKEN=abc pulumi up",
        "$ docker run -e VAULT_TOKEN=abc image",
        "$ export PULUMI_CONFIG_PASSPHRASE=secret",
        "$ pulumi config set --secret externalId the-value",
        "$ pulumi config set externalId the-value --secret",
        "$ pulumi config set --secret --path 'a:accounts[\"3\"].externalId' the-value",
        "$ vault login hvs.CAESI",
        "$ vault login token=hvs.CAESI",
        "$ vault operator unseal 4f2c",
        "$ vault write aws/config/root access_key=AKIAX secret_key=abc",
        "$ vault-aws-auth login pod --token hvs.x",
        "$ deploy --secret=abc",
    ],
)
def test_what_would_be_in_the_history_is_found(line: str) -> None:
    assert wrong(line)


@pytest.mark.parametrize(
    "line",
    [
        "$ VAULT_TOKEN=$(cat token) vault kv get -mount=dev app",
        "$ export VAULT_TOKEN=$(vault token create -policy=a -field=token)",
        '$ export VAULT_TOKEN="$token"',
        "$ pulumi config set --secret --path 'a:accounts[\"3\"].externalId'",
        "$ pulumi config set --secret externalId < file",
        "$ pulumi config set vaultAddress https://vault.example.com:8200",
        "$ vault login        # asks for the token",
        "$ vault login -method=aws role=api",
        "$ kubectl -n vault exec -ti vault-0 -- vault operator unseal",
        "$ vault-aws-auth login pod --token-file token",
        "$ vault write aws/config/root secret_key=@file",
    ],
)
def test_what_keeps_it_out_is_not(line: str) -> None:
    assert wrong(line) == []
