"""The file for `pulumi import --file`: the engine's own, of what is there already, with every ID.

`pulumi preview --import-file` lists all that the stack would make, with a placeholder for each ID. The
program, asked to, writes down what of it is there (`stack.preflight.noted`) instead of refusing it. Here the
two are put together.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components import arns
from stack.import_ids import ATTACHED, Home, Made, identifiers, of_preview, without_id
from stack.preflight import noted
from stack.preflight.objects import Thing


class ImportFileError(Exception):
    """What is wrong, and what to do instead."""


def filled(file: Mapping[str, Any], made: Iterable[Made], ids: Mapping[str, str]) -> dict[str, Any]:
    """The engine's import file with these IDs, what they are below, and the providers that they need."""
    by_urn = {each.urn: each for each in made}
    wanted = {*ids}
    for urn in ids:
        each: Made | None = by_urn[urn]
        while each:
            wanted |= {each.urn, each.provider.rpartition("::")[0]}
            each = by_urn.get(each.parent)
    kept = []
    for entry in file.get("resources") or []:
        urn = _of(entry, by_urn)
        if urn in wanted:
            kept.append({**entry, **({"id": ids[urn]} if urn in ids else {})})
    return {**file, "resources": kept}


def _of(entry: Mapping[str, Any], by_urn: Mapping[str, Made]) -> str:
    """The URN of an entry: by its type and name in the program, which are unique in a stack."""
    name = entry.get("logicalName") or entry["name"]
    same = [urn for urn, each in by_urn.items() if (each.type, each.name) == (entry["type"], name)]
    if len(same) > 1:
        raise ImportFileError(f"two resources of the type {entry['type']} have the name {name}")
    return same[0] if same else ""


# The command


@dataclass(frozen=True)
class Result:
    """The file, and what is said of it."""

    file: Mapping[str, Any]
    taken: Sequence[str]
    """`TYPE NAME = ID` of each resource that is there."""

    made: Sequence[str]
    """`TYPE NAME` of each that the next update makes."""

    refused: Sequence[Thing]
    """What is there as well, and cannot be taken over: the stack file has to leave it to its owner."""


def of_stack(words: Sequence[str]) -> Result:
    """The import file of a stack; `words` choose it for `pulumi preview`. Changes nothing.

    Raises ImportFileError.
    """
    with tempfile.TemporaryDirectory() as folder:
        engines, found = Path(folder) / "import.json", Path(folder) / "found.json"
        found.touch(mode=0o600)
        preview = _previewed([*words, "--import-file", str(engines)], found)
        file, there = json.loads(engines.read_text(encoding="utf-8")), noted.read(found)
    from botocore.exceptions import BotoCoreError, ClientError

    made = of_preview(preview)
    if not there:
        return Result(filled(file, made, {}), [], [], [])
    try:
        looked = _Looked()
        ids = identifiers(made, there, looked.home, looked)
    except (BotoCoreError, ClientError) as error:
        raise ImportFileError(f"what is attached to IAM roles could not be looked up: {error}") from None
    of_resources = [each for each in made if not each.type.startswith(("pulumi:", "vault-aws-auth:"))]
    return Result(
        filled(file, made, ids),
        [f"{each.type} {each.name} = {ids[each.urn]}" for each in of_resources if each.urn in ids],
        [f"{each.type} {each.name}" for each in of_resources if each.urn not in ids],
        without_id(made, there, ids, looked.home),
    )


def _previewed(words: Sequence[str], found: Path) -> Mapping[str, Any]:
    command = ["pulumi", "preview", "--json", "--non-interactive", *words]
    here = {**os.environ, noted.VARIABLE: str(found)}
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=here, check=False
        )
    except OSError as error:
        raise ImportFileError(f"pulumi cannot be run: {error.strerror}") from None
    try:
        answer: Mapping[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise ImportFileError(f"{' '.join(command[:2])} failed: {done.stderr.strip()}") from None
    if done.returncode:
        errors = [it for it in answer.get("diagnostics") or [] if it.get("severity") == "error"]
        told = dict.fromkeys(str(it["message"]).strip() for it in errors)
        raise ImportFileError("\n".join(["pulumi preview failed:", *told, done.stderr.strip()]).strip())
    return answer


class _Looked:
    """Looks up in AWS, as the shell's identity. Only reads."""

    def __init__(self) -> None:
        import botocore.session

        session: Any = botocore.session.Session()
        region = session.get_config_variable("region") or "us-east-1"
        self._connect = session.create_client
        self._iam = session.create_client("iam", region_name=region)
        who = session.create_client("sts", region_name=region).get_caller_identity()
        self.home = Home(str(who["Account"]), arns.parse(str(who["Arn"])).partition)

    def attached(self, made: Made, identifier: str) -> bool:
        """Whether a policy is attached to a role or user."""
        owner = ATTACHED[made.type]
        name = str(made.inputs[owner])
        of = {f"{owner.capitalize()}Name": name}
        if made.type == "aws:iam/rolePolicy:RolePolicy":
            pages = self._iam.get_paginator("list_role_policies").paginate(**of)
            return identifier in {f"{name}:{each}" for page in pages for each in page["PolicyNames"]}
        pages = self._iam.get_paginator(f"list_attached_{owner}_policies").paginate(**of)
        attached = [each for page in pages for each in page["AttachedPolicies"]]
        return identifier in {f"{name}/{each['PolicyArn']}" for each in attached}

    def association(self, made: Made, region: str) -> str:
        """The ID of the one association that a service account can have."""
        eks = self._connect("eks", **({"region_name": region} if region else {}))
        which = {word: made.inputs[word] for word in ("clusterName", "namespace", "serviceAccount")}
        found = eks.list_pod_identity_associations(**which)["associations"]
        return str(found[0]["associationId"]) if found else ""
