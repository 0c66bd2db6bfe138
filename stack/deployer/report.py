"""The permissions as files to give to AWS, Vault and Kubernetes, with what is to be said of them."""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import yaml
from pulumi import RunError

from components import quotas
from stack import file, yaml_file
from stack.deployer import elsewhere, in_aws, in_kubernetes, in_vault, needs
from stack.deployer.program import Program, run
from stack.reading import StackFileError
from stack.sections import PROJECT

_VAULT = f"{PROJECT}:vault"
_ANY_ADDRESS = "https://vault.invalid:8200"


class DeployerError(Exception):
    """The permissions cannot be told; the message says why, and what to write."""


class Permissions(NamedTuple):
    """What to give to one of the three."""

    documents: tuple[str, ...]
    """The text of each file."""

    notes: tuple[str, ...] = ()
    """What the reader has to know, a line each."""


def read(project: Path, stack_file: Path, name: str) -> Program:
    """What the stack `name` of a project declares, whose stack file this is. Raises DeployerError."""
    try:
        settings = yaml_file.load(project / "Pulumi.yaml")
        document = yaml_file.load(stack_file)
        config = document.get("config") if isinstance(document, Mapping) else None
        if not isinstance(config, Mapping):
            raise DeployerError(f"{stack_file}: is not a stack file; it wants a mapping with the key config")
        raw = {str(key): file.readable(value) for key, value in config.items()}
        # Where Vault is, is often set at deployment; the sandbox does so. No permission depends on it.
        vault = raw.get(_VAULT) or {}
        if isinstance(vault, Mapping):
            raw[_VAULT] = {"address": _ANY_ADDRESS, **vault}
        hidden = frozenset(key for key, value in config.items() if value != file.readable(value))
        stack = file.parse(raw, file.read_policies(project), hidden)
        return run(stack, str(settings["name"]), name)
    except (ValueError, RunError) as error:  # what is refused when the stack's resources are declared
        raise DeployerError(f"{stack_file}: {error}") from None
    except (yaml_file.WrongFile, StackFileError) as error:
        raise DeployerError(str(error)) from None


def read_resources(resources: Path) -> tuple[Program, list[str]]:
    """What another program declares, and notes of what is not covered. Raises DeployerError."""
    try:
        text = sys.stdin.read() if str(resources) == "-" else resources.read_text(encoding="utf-8")
        return elsewhere.read(text)
    except (OSError, ValueError) as error:
        raise DeployerError(f"{resources}: {error}") from None


def of_kind(kind: str, program: Program, reading: bool = False, account: str = "") -> Permissions:
    """The permissions of a kind: `aws`, `vault` or `kubernetes`. Raises DeployerError."""
    if kind == "aws":
        return aws(program, reading, account)
    return vault(program, reading) if kind == "vault" else kubernetes(program, reading)


def aws(program: Program, reading: bool = False, account: str = "") -> Permissions:
    """The IAM policies of the deployer in an account, the stack's own as empty text. Raises DeployerError."""
    own = program.place.account
    elsewhere = sorted(program.place.accounts)
    if account == own:
        account = ""
    if account and account not in elsewhere:
        known = ", ".join([own if own != "*" else "its own", *elsewhere])
        raise DeployerError(f"the stack makes nothing in the account {account}; it has {known}")
    try:
        found = in_aws.needs(program, account)
    except in_aws.UnknownType as error:
        raise DeployerError(
            f"{error} has no permissions in stack/deployer/in_aws.py; add its entry"
        ) from None
    made = needs.policies(need for need in found if need.reading or not reading)
    return Permissions(
        tuple(json.dumps(document, indent=2) + "\n" for document in made),
        tuple(_about_aws(program, len(made), account)),
    )


def _about_aws(program: Program, count: int, account: str) -> Iterator[str]:
    if count > 1:
        yield (
            f"{count} policies: AWS takes {quotas.MANAGED_POLICY:,} characters in one; attach all of them to "
            "the same user or role"
        )
    if program.place.account == "*":
        yield (
            "the stack file does not say its account, so the ARNs have * there; write "
            "vault-aws-auth:accountId"
        )
    if not account:
        for number in sorted(program.place.accounts):
            yield (
                f"in the account {number} the stack assumes a role, which needs permissions of its own: "
                f"--account {number}"
            )


def vault(program: Program, reading: bool = False) -> Permissions:
    """The ACL policy of the deployer's token. Raises DeployerError."""
    try:
        policy = in_vault.policy(program)
    except in_vault.UnknownType as error:
        raise DeployerError(f"{error} has no paths in stack/deployer/in_vault.py; add its entry") from None
    place = program.place
    about = f"For the token that {'previews' if reading else 'deploys'} the stack {place.stack}."
    notes = []
    if policy.namespace != place.namespace:
        where = policy.namespace or "the root namespace"
        notes.append(
            f"write it in {where}, and make the token there: the namespace {place.namespace} is looked up in "
            "the one above it"
        )
    elif place.namespace:
        notes.append(f"write it in the namespace {place.namespace}, and make the token there")
    return Permissions((policy.text(about, reading),), tuple(notes))


def kubernetes(program: Program, reading: bool = False) -> Permissions:
    """The roles of the deployer, a file for each cluster in which the stack makes something. Raises
    DeployerError."""
    clusters = in_kubernetes.clusters(program)
    try:
        found = {each: in_kubernetes.rules(program, reading, each) for each in clusters}
    except in_kubernetes.UnknownType as error:
        raise DeployerError(f"{error} is no object of Kubernetes") from None
    notes = [
        f"the release {name} installs a chart, whose objects are not told here: give the deployer what the "
        "chart makes"
        for name in in_kubernetes.releases(program)
    ]
    if not any(found.values()) and not notes:
        return Permissions((), ("the stack makes nothing in Kubernetes",))
    if in_kubernetes.makes_cluster(program):
        notes.append(
            "EKS makes the one who creates the cluster its administrator; these roles are for every other "
            f"deployer, by an access entry with the Kubernetes group {in_kubernetes.GROUP}"
        )
    if len(clusters) > 1:
        notes.append(
            "the files are one for each cluster, which has its own access entry with the Kubernetes group "
            f"{in_kubernetes.GROUP}"
        )
    elif not in_kubernetes.makes_cluster(program):
        notes.append(
            "the deployer needs an access entry of the cluster with the Kubernetes group "
            f"{in_kubernetes.GROUP}"
        )
    texts = {
        each: yaml.safe_dump_all(in_kubernetes.manifests(rules), sort_keys=False)
        for each, rules in found.items()
        if rules
    }
    if len(clusters) == 1:
        return Permissions(tuple(texts.values()) or ("",), tuple(notes))
    named = (f"---\n# In the cluster {_cluster_of(each)}.\n{text}" for each, text in texts.items())
    return Permissions(tuple(named), tuple(notes))


def _cluster_of(provider: str) -> str:
    """What is said of the cluster of a provider."""
    name, slash, _ = provider.rpartition("/")
    return name if slash else "of the key cluster"
