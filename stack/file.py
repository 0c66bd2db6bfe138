"""A stack file, read whole: what the program gets, or every problem in it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pulumi.runtime import is_config_secret
from pulumi.runtime.config import CONFIG, get_config_env, get_config_secret_keys_env

from components import arns, consumers, logins, vault_identity
from components.pod_role import PodIdentityMethod
from stack import engine_role, of_clusters, rules, stack_wide
from stack.clusters import StackCluster
from stack.draft import PROVIDERS, Draft
from stack.reading import Problems, Section, StackFileError
from stack.sections import PROJECT, Mounting

_DEEPEST = 32
"""Levels of lists and mappings below a key; the deepest that there is, a policyDocument, has ten."""


@dataclass(frozen=True)
class Declared:
    """A login, a consumer or Vault's identity: the component's class, and its options."""

    kind: Any
    """The class: of `logins.KINDS`, `consumers.KINDS` or `vault_identity.KINDS`."""

    options: dict[str, Any]
    """Checked options of the class's OPTIONS: the arguments that people write."""

    consumes: str = ""
    """Of a consumer: name of the login that it uses; empty where it uses none."""

    clusters: tuple[str, ...] = ()
    """The clusters that it is of, or declared in, by their names in the stack file."""


@dataclass(frozen=True)
class StackFile:
    """A stack file without a problem. Options are arguments of components, named and typed as there."""

    region: str
    """`aws:region`: where everything is but clusters of another one."""

    account_id: str | None
    """The account that the stack deploys into, if it is pinned."""

    clusters: Mapping[str, StackCluster]
    """By name in the stack file."""

    vault: dict[str, Any]
    identity: Declared
    federation: dict[str, Any] | None
    secrets_engine: Section | None
    logins: Mapping[str, Declared]
    consumers: Mapping[str, Declared]
    accounts: Mapping[str, dict[str, Any]]
    tags: Mapping[str, str]
    policies: Mapping[str, str]
    """Text of the Vault policies that the stack writes, by name."""

    accounts_of_mount: frozenset[str] | None = None
    """Accounts that the mount has STS roles for already, where it exists; None: not known, or made here."""

    @property
    def uses_mount(self) -> bool:
        """Whether the AWS auth mount exists, and is used as it is."""
        return self.vault["mount"] is Mounting.EXISTING

    @property
    def uses_engine(self) -> bool:
        """Whether there is an AWS secrets engine that exists, and is used as it is."""
        return self.secrets_engine is not None and self.secrets_engine.options["mount"] is Mounting.EXISTING

    @property
    def engine_options(self) -> dict[str, Any]:
        """Options of the AWS secrets engine, with the role that it finds around it; empty without one."""
        engine, identity = self.secrets_engine, self.identity
        if engine is None or engine.kind != "existing" or self.uses_engine:
            return engine.options if engine else {}
        return engine_role.found(
            engine.options, identity.kind.KIND, identity.options, self.region, self.account_id
        )

    def uses_pod_identity(self, cluster: StackCluster) -> bool:
        """Whether anything of the cluster gets its IAM role through EKS Pod Identity."""
        return any(
            cluster.key in it.clusters and it.options.get("method") is PodIdentityMethod.POD_IDENTITY
            for it in (self.identity, *self.logins.values())
        )

    def clusters_of(self, declared: Declared) -> list[StackCluster]:
        """The clusters that a login is of, a consumer is installed in, or Vault runs in."""
        return [self.clusters[name] for name in declared.clusters]

    @property
    def alone(self) -> StackCluster | None:
        """The cluster of the key `cluster`."""
        return next((it for it in self.clusters.values() if it.alone), None)

    @property
    def vaults_account(self) -> str | None:
        """Vault's own account, into which it looks without an STS role: that of the role that it is said to
        have, else the stack's; None where neither is written."""
        role = self.identity.options.get("role_arn")
        return arns.parse(role).account if role else self.account_id

    @property
    def sts_region(self) -> str:
        """The region whose STS verifies logins."""
        return str(self.vault.get("sts_region", self.region))


def load(root: Path) -> StackFile:
    """The stack file of the stack that is being deployed, with the policies found under `root`.

    Raises StackFileError.
    """
    # Read as a whole, not key by key, so that a misspelt key is seen. Pulumi hands configuration over in
    # the environment or in memory, depending on what runs the program.
    everything = {**get_config_env(), **CONFIG.get()}
    raw = {key: value for key, value in everything.items() if key.partition(":")[0] in (PROJECT, *PROVIDERS)}
    return parse(raw, read_policies(root), hidden_keys())


def hidden_keys() -> frozenset[str]:
    """Keys of the stack that is being deployed whose values are secret, so that no message repeats them."""
    everything = {**get_config_env(), **CONFIG.get()}
    return frozenset({*get_config_secret_keys_env(), *filter(is_config_secret, everything)})


def readable(value: Any) -> Any:
    """A setting with a word in place of each encrypted secret: no name, ARN or path is one."""
    if isinstance(value, Mapping):
        if set(value) == {"secure"}:
            return "encrypted"
        return {key: readable(item) for key, item in value.items()}
    return [readable(item) for item in value] if isinstance(value, list) else value


def read_policies(root: Path) -> dict[str, str]:
    """Text of the Vault policies under the folder of a project, by name. Raises StackFileError."""
    found, problems = {}, []
    for file in sorted((root / "policies" / "vault").glob("*.hcl")):
        try:
            found[file.stem] = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            problems.append(f"policies/vault/{file.name}: is not UTF-8; save it as UTF-8")
        except OSError as error:
            problems.append(f"policies/vault/{file.name}: cannot be read: {error.strerror}")
    if problems:
        raise StackFileError(problems)
    return found


def parse(
    raw: Mapping[str, Any], policies: Mapping[str, str], hidden: frozenset[str] = frozenset()
) -> StackFile:
    """Configuration by full key (`vault-aws-auth:logins`), objects as such or as JSON, to a stack file.

    `policies` are the known Vault policies by name; values under the keys `hidden` are not repeated in
    messages. Raises StackFileError with all problems.
    """
    problems = Problems(hidden)
    for key, value in raw.items():
        if _depth(value) > _DEEPEST:
            problems.add(key, f"is nested too deeply; write at most {_DEEPEST} levels")
    if problems.found:
        raise StackFileError(problems.found)
    draft = Draft(raw, policies, problems)
    stack_wide.apply(draft)
    rules.check(draft)
    return _finished(draft)


def _depth(value: Any) -> int:
    """How deep lists and mappings are nested in a value, or in the JSON that it is."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except RecursionError:
            return _DEEPEST + 1
        except ValueError:
            return 0
    depth, level = 0, [value]
    while level := [it for it in level if isinstance(it, (Mapping, list))]:
        depth += 1
        if depth > _DEEPEST:
            break
        level = [item for it in level for item in (it.values() if isinstance(it, Mapping) else it)]
    return depth


def _finished(draft: Draft) -> StackFile:
    """The stack file, if there is no problem. Raises StackFileError."""
    if draft.problems.found or not (draft.region and draft.vault and draft.identity):
        raise StackFileError(draft.problems.found)
    used = {policy for login in draft.logins.values() for policy in login.options["policies"]}
    used.update(draft.vault.options["policies"])
    written = (used & {*draft.policies}) - {*draft.vault.options["external_policies"]}
    return StackFile(
        region=draft.region,
        account_id=draft.account_id,
        clusters=_clusters(draft, draft.region),
        vault=draft.vault.options,
        identity=_declared(draft, vault_identity.KINDS[draft.identity.kind], draft.identity),
        federation=draft.federation.options if draft.federation else None,
        secrets_engine=draft.secrets_engine,
        logins={
            name: _declared(draft, logins.KINDS[login.kind], login) for name, login in draft.logins.items()
        },
        consumers={
            name: _declared(draft, consumers.KINDS[consumer.kind], consumer)
            for name, consumer in draft.consumers.items()
        },
        accounts={name: account.options for name, account in draft.accounts.items()},
        tags=draft.tags,
        policies={name: draft.policies[name] for name in sorted(written)},
    )


def _clusters(draft: Draft, region: str) -> dict[str, StackCluster]:
    return {
        name: StackCluster(
            name,
            section.path,
            {field: value for field, value in section.options.items() if field != "region"},
            section.options.get("region", region),
            section.options.get("region", region) != region,
            section is draft.cluster,
        )
        for name, section in draft.clusters.items()
    }


_OF_STACK = ("login", "cluster", "clusters")
"""Fields of sections that no component has: they are names in the stack file."""


def _declared(draft: Draft, kind: Any, section: Section) -> Declared:
    options = {field: value for field, value in section.options.items() if field not in _OF_STACK}
    return Declared(kind, options, section.options.get("login", ""), tuple(of_clusters.names(draft, section)))
