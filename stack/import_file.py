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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components import arns
from stack.preflight import noted
from stack.preflight.objects import TYPES, Thing
from stack.preflight.state import in_its_cluster

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""The engine's word for a text that a preview does not know."""


class ImportFileError(Exception):
    """What is wrong, and what to do instead."""


@dataclass(frozen=True)
class Home:
    """The stack's own account."""

    account: str
    partition: str


@dataclass(frozen=True)
class Made:
    """A resource that a preview would make."""

    urn: str
    type: str
    parent: str
    provider: str
    inputs: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The resource's name in the program."""
        return self.urn.rsplit("::", 1)[-1]


# IDs, as the providers' pages write them


def _field(name: str) -> Callable[[Mapping[str, str]], str]:
    return lambda inputs: inputs[name]


IDS: Mapping[str, Callable[[Mapping[str, str]], str]] = {
    "vault:index/authBackend:AuthBackend": _field("path"),
    "vault:aws/authBackendClient:AuthBackendClient": lambda it: f"auth/{it['backend']}/config/client",
    "vault:aws/authBackendConfigIdentity:AuthBackendConfigIdentity": (
        lambda it: f"auth/{it['backend']}/config/identity"
    ),
    "vault:aws/authBackendStsRole:AuthBackendStsRole": (
        lambda it: f"auth/{it['backend']}/config/sts/{it['accountId']}"
    ),
    "vault:aws/authBackendRole:AuthBackendRole": lambda it: f"auth/{it['backend']}/role/{it['role']}",
    "vault:index/mount:Mount": _field("path"),
    "vault:aws/secretBackend:SecretBackend": _field("path"),
    "vault:aws/secretBackendRole:SecretBackendRole": lambda it: f"{it['backend']}/roles/{it['name']}",
    "vault:index/policy:Policy": _field("name"),
    "vault:identity/oidcKey:OidcKey": _field("name"),
    "aws:iam/role:Role": _field("name"),
    "aws:iam/user:User": _field("name"),
    "aws:iam/policy:Policy": _field("arn"),
    "aws:iam/instanceProfile:InstanceProfile": _field("name"),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": _field("arn"),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": lambda it: f"{it['role']}/{it['policyArn']}",
    "aws:iam/userPolicyAttachment:UserPolicyAttachment": lambda it: f"{it['user']}/{it['policyArn']}",
    "aws:iam/rolePolicy:RolePolicy": lambda it: f"{it['role']}:{it['name']}",
    "aws:eks/cluster:Cluster": _field("name"),
    "aws:eks/addon:Addon": lambda it: f"{it['clusterName']}:{it['addonName']}",
    "kubernetes:core/v1:Namespace": _field("metadata.name"),
    "kubernetes:core/v1:ServiceAccount": lambda it: f"{it['metadata.namespace']}/{it['metadata.name']}",
}
"""How the ID of a resource is made of its inputs, by type. What is not here is never taken over: access keys,
whose secret is told once, and what only writes something once more."""

ATTACHED = {
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": "role",
    "aws:iam/userPolicyAttachment:UserPolicyAttachment": "user",
    "aws:iam/rolePolicy:RolePolicy": "role",
}
"""Types of what is attached to something, and the input that names it: looked up only where that is there."""


def of_preview(preview: Mapping[str, Any]) -> list[Made]:
    """What a preview, as `--json` prints it, would make."""
    found = []
    for step in preview.get("steps") or []:
        state = step.get("newState") or {}
        if step.get("op") == "create" and state:
            found.append(
                Made(
                    state["urn"],
                    state["type"],
                    state.get("parent") or "",
                    state.get("provider") or "",
                    state.get("inputs") or {},
                )
            )
    return found


def identifiers(
    made: Iterable[Made], there: Iterable[Thing], home: Home, attached: Callable[[Made, str], bool]
) -> dict[str, str]:
    """The ID of each resource that is there, by URN.

    `attached` tells whether something is attached to what has it, by its ID.
    """
    existing, found = {*there}, dict[str, str]()
    made = list(made)
    for each in made:
        if each.type in IDS and not existing.isdisjoint(_things(each, home)):
            found[each.urn] = IDS[each.type](_texts(each, home))
    here = {
        (each.type, str(each.inputs.get("name")))
        for each in made
        if each.urn in found and not _account(each, home)
    }
    for each in made:
        if each.type in ATTACHED and not _account(each, home):
            owner, texts = ATTACHED[each.type], _texts(each, home)
            known = UNKNOWN not in (texts.get(owner), texts.get("policyArn"))
            if known and (f"aws:iam/{owner}:{owner.capitalize()}", texts.get(owner, "")) in here:
                identifier = IDS[each.type](texts)
                if attached(each, identifier):
                    found[each.urn] = identifier
    return found


def without_id(
    made: Iterable[Made], there: Iterable[Thing], ids: Mapping[str, str], home: Home
) -> list[Thing]:
    """What is there and no resource of which has an ID here."""
    taken = set()
    for each in made:
        if each.urn in ids:
            taken.update(_things(each, home))
    return [thing for thing in there if thing not in taken]


def _things(made: Made, home: Home) -> list[Thing]:
    """What a resource is; of a cluster, or in one, with its `StackCluster.place`: both, where the name of the
    resource does not tell which."""
    read = TYPES.get(made.type)
    if read is None or (thing := read(made.inputs)) is None:
        return []
    placed = in_its_cluster(thing._replace(account=_account(made, home)), made.urn)
    return [placed] if "/" in made.name else [placed, placed._replace(cluster="")]


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


def _account(made: Made, home: Home) -> str:
    """The account of what is made, as a Thing has it: empty is the stack's own."""
    provider = made.provider.rpartition("::")[0].rsplit("::", 1)[-1]
    elsewhere = provider.removeprefix("aws-") if provider.startswith("aws-") else ""
    return "" if elsewhere == home.account else elsewhere


def _texts(made: Made, home: Home) -> dict[str, str]:
    """The texts among the inputs, with the ARN that IAM gives."""
    texts = dict(_flat(made.inputs))
    above = f"arn:{home.partition}:iam::{_account(made, home) or home.account}"
    if made.type == "aws:iam/policy:Policy":
        texts["arn"] = f"{above}:policy{texts.get('path', '/')}{texts['name']}"
    if made.type == "aws:iam/openIdConnectProvider:OpenIdConnectProvider":
        texts["arn"] = f"{above}:oidc-provider/{texts['url'].removeprefix('https://')}"
    return texts


def _flat(inputs: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for key, value in inputs.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")
        elif isinstance(value, str):
            yield f"{above}{key}", value


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
        looked = _Attached()
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


class _Attached:
    """Looks up in IAM, as the shell's identity, what is attached to roles and users. Only reads."""

    def __init__(self) -> None:
        import botocore.session

        session: Any = botocore.session.Session()
        region = session.get_config_variable("region") or "us-east-1"
        self._iam = session.create_client("iam", region_name=region)
        who = session.create_client("sts", region_name=region).get_caller_identity()
        self.home = Home(str(who["Account"]), arns.parse(str(who["Arn"])).partition)

    def __call__(self, made: Made, identifier: str) -> bool:
        owner = ATTACHED[made.type]
        name = str(made.inputs[owner])
        of = {f"{owner.capitalize()}Name": name}
        if made.type == "aws:iam/rolePolicy:RolePolicy":
            pages = self._iam.get_paginator("list_role_policies").paginate(**of)
            return identifier in {f"{name}:{each}" for page in pages for each in page["PolicyNames"]}
        pages = self._iam.get_paginator(f"list_attached_{owner}_policies").paginate(**of)
        attached = [each for page in pages for each in page["AttachedPolicies"]]
        return identifier in {f"{name}/{each['PolicyArn']}" for each in attached}
