"""Taking an estate over, step by step, with what must hold at each."""

from __future__ import annotations

import json
import shlex
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.credentials import Credentials

from sandbox import guardrails
from tests.sandbox.kit import ADVISORY, REPOSITORY, Sandbox

ACCOUNT = "111111111111"
STACK = "adopted"


@contextmanager
def logging_in(
    callers: Mapping[str, Credentials], log_in: Callable[[str, Credentials], Any]
) -> Iterator[tuple[list[str], Callable[[], None]]]:
    """All logins of an estate, in a loop: the failures, and a wait until each was tried once more."""
    failures: list[str] = []
    ended, again = threading.Event(), threading.Semaphore(0)

    def goes_on() -> None:
        while again.acquire(blocking=False):
            pass
        for _ in range(2):  # the round that was begun, and a whole one
            assert again.acquire(timeout=60)

    def once() -> None:
        for role, credentials in callers.items():
            try:
                log_in(role, credentials)
            except Exception as error:
                failures.append(f"{role}: {type(error).__name__}: {error}")

    def loop() -> None:
        while not ended.wait(0.2):
            once()
            again.release()

    once()
    assert failures == []
    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield failures, goes_on
    finally:
        ended.set()
        thread.join()


def takes_it_over(sandbox: Sandbox, stack_file: Path, folder: Path) -> None:
    """As docs/adopting.md says; the names are refused before. A second time there is nothing left to do."""
    refused = sandbox.run("preview", "--stack", STACK, "--config", str(stack_file), *ADVISORY)
    assert "names are taken already" in refused.stdout + refused.stderr
    config, adopt = sandbox.home / "pulumi" / "project" / f"Pulumi.{STACK}.yaml", folder / "adopt.json"
    rules = guardrails.variables(guardrails.options(Path(ADVISORY[1])))
    variables = " ".join(f"{name}={shlex.quote(value)}" for name, value in rules.items())
    stack = f"--stack {STACK} --config-file {config}"
    write = f"{variables} python -m stack import-file {stack} --force --output {adopt}"
    answer = sandbox.shell(write)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert adopt.stat().st_mode & 0o077 == 0
    assert "<PLACEHOLDER>" not in adopt.read_text()
    words = "--generate-code=false --protect=false --yes --skip-preview"
    answer = sandbox.shell(f"pulumi import --file {adopt} {words} -C {REPOSITORY} {stack}")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    again = sandbox.shell(write)
    assert "nothing to take over" in again.stdout, again.stdout + again.stderr


DEFAULTS = {
    "allowOverwrite",
    "disableSessionTags",
    "forceDestroy",
    "forceDetachPolicies",
    "identityTokenKey",
    "tokenType",
}
NAMED = {
    "AuthBackend": {"description": "description"},
    "AuthBackendConfigIdentity": {"iamMetadatas": "iam_metadata"},
    "PodIdentityAssociation": {"tags": "tags", "tagsAll": "tags"},
    "Role": {"description": "description", "tags": "tags", "tagsAll": "tags", "assumeRolePolicy": "trust"},
    "User": {"tags": "tags", "tagsAll": "tags"},
    "SecretBackend": {"description": "description", "usernameTemplate": "username_template"},
    "SecretBackendRole": {"defaultStsTtl": "default_sts_ttl"},
    "AuthBackendRole": {
        "tokenTtl": "token_ttl",
        "tokenMaxTtl": "token_max_ttl",
        "tokenExplicitMaxTtl": "token_explicit_max_ttl",
        "boundIamRoleArns": "binds",
        "boundIamPrincipalArns": "binds",
        "boundAccountIds": "the account",
        "boundIamInstanceProfileArns": "the instance profiles",
        "resolveAwsUniqueIds": "resolve_aws_unique_ids",
    },
}
"""By type: the word by which the list names a change of a property."""


ABOUT = {
    "AuthBackend": "auth/{path}",
    "AuthBackendConfigIdentity": "auth/{backend}/config/identity",
    "AuthBackendRole": "auth/{backend}/role/{role}",
    "SecretBackend": "{path}",
    "SecretBackendRole": "{backend}/roles/{name}",
    "PodIdentityAssociation": "{clusterName}: service account {namespace}/{serviceAccount}",
    "Role": f"arn:aws:iam::{ACCOUNT}:role{{path}}{{name}}",
    "User": f"arn:aws:iam::{ACCOUNT}:user/{{name}}",
}
"""What the list calls a resource, by type and inputs."""


def shows_no_change_but_those_that_were_named(
    sandbox: Sandbox, stack_file: Path, found: dict[str, Any], made: set[str]
) -> None:
    answer = sandbox.run("preview", "--json", "--stack", STACK, "--config", str(stack_file), *ADVISORY)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    created, unnamed = set(), []
    for step in json.loads(answer.stdout)["steps"]:
        kind = step["urn"].split("::")[2].rpartition(":")[2]
        assert step["op"] in ("same", "update", "create"), step
        if step["op"] == "update":
            changed = [*(step["detailedDiff"] or {}), *step["diffReasons"]]
            unnamed += [
                (step["urn"], each)
                for each in sorted({it.partition("[")[0].partition(".")[0] for it in changed} - DEFAULTS)
                if not _is_named(kind, each, step["newState"]["inputs"], found)
            ]
        elif step["op"] == "create" and step["newState"]["custom"] and "::pulumi:prov" not in step["urn"]:
            created.add(kind)
    assert unnamed == []
    assert created == made


def _is_named(kind: str, changed: str, inputs: dict[str, Any], found: dict[str, Any]) -> bool:
    """Whether the list names the change of a property, of this very thing."""
    word = NAMED.get(kind, {}).get(changed)
    if word is None:
        return False
    which = ABOUT[kind].format_map({"path": "/", **inputs})
    places = (which, f"{which}/config/root")
    return any(word in it["text"] for it in found["changes"] if it["about"] in places)
