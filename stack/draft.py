"""One reading of a stack file: each section as far as it is right, and what is wrong."""

import contextlib
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from components import names
from components.declared import CAMEL, Reader, fields_of, shape, to_camel
from components.forms import AccountId, ClusterName, Region
from components.suggestions import suggestion
from stack.reading import Problems, Section, read, read_kind, report
from stack.sections import (
    KEYS,
    PROJECT,
    REGION_KEY,
    Account,
    Cluster,
    ExistingCluster,
    MountedSecretsEngine,
    Mounting,
    Scalars,
    Vault,
    known_keys,
)

PROVIDERS = {
    "aws": "set it in the environment, e.g. AWS_PROFILE",
    "vault": f"write {PROJECT}:vault, and the token in the environment, VAULT_TOKEN",
    "kubernetes": f"the kubeconfig is that of {PROJECT}:cluster",
    "eks": f"write {PROJECT}:cluster",
}
"""Packages whose own configuration is ignored, because the stack configures its providers; and the mend."""


@dataclass
class Draft:
    """One reading of a stack file: each section as far as it is right, and all problems."""

    raw: Mapping[str, Any]
    policies: Mapping[str, str]
    problems: Problems
    region: str | None = None
    account_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    permissions_boundary: str | None = None
    name_prefix: str | None = None
    cluster: Section | None = None
    clusters: Mapping[str, Section] = field(default_factory=dict)
    """All of them, by their names in the stack file: that of `cluster`, and those of `clusters`."""

    vault: Section | None = None
    identity: Section | None = None
    federation: Section | None = None
    secrets_engine: Section | None = None
    accounts: Mapping[str, Section] = field(default_factory=dict)
    logins: Mapping[str, Section] = field(default_factory=dict)
    consumers: Mapping[str, Section] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._check_keys()
        self.region = self._region()
        self._scalars()
        self.cluster = self._cluster() if self.given("cluster") else None
        self.clusters = self._clusters()
        self.vault = self._vault()
        self.identity = self._identity()
        self.federation = self._section("federation") if self.given("federation") else None
        self.secrets_engine = self._secrets_engine() if self.given("secretsEngine") else None
        self.accounts = self._sections("accounts", self._account)
        self.logins = self._sections("logins", self._kind_of("logins"))
        self.consumers = self._sections("consumers", self._kind_of("consumers"))

    def clusters_of(self, section: Section) -> list[str]:
        """The clusters that a login, a consumer or Vault's identity is of, as far as they are right: those
        that are named, or all."""
        named = [name for _, name in section.entries("clusters")]
        if own := section.get("cluster"):
            named = [own]
        return [name for name in self.clusters if name in named or not named]

    def region_of(self, cluster: Section) -> str | None:
        """The region of a cluster; None where it is not right."""
        return None if "region" in cluster.wrong else cluster.options.get("region") or self.region

    # What is written

    def given(self, key: str) -> bool:
        """Whether anything is written under a key; empty is its default in Pulumi.yaml."""
        return self.raw.get(f"{PROJECT}:{key}") not in (None, {}, "", "{}")

    def decoded(self, key: str) -> Any:
        """What is under a key, whether it is JSON or not."""
        value = self.raw.get(f"{PROJECT}:{key}")
        if isinstance(value, str):
            with contextlib.suppress(ValueError, RecursionError):  # not JSON: reported as not a mapping
                return json.loads(value)
        return value

    def uses_mount(self, key: str) -> bool:
        """Whether the mount of a section, `vault` or `secretsEngine`, exists."""
        value = self.decoded(key)
        return isinstance(value, Mapping) and value.get("mount") == Mounting.EXISTING.value

    def _mapping(self, key: str) -> dict[str, Any]:
        """What is under a key; empty, and a problem, if it is not a mapping."""
        value = self.decoded(key)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self.problems.add(f"{PROJECT}:{key}", "is not a mapping; write key: value pairs", value)
            return {}
        return {str(name): item for name, item in value.items()}

    # Keys without sections

    def _check_keys(self) -> None:
        known = known_keys()
        for key in self.raw:
            package, _, name = key.partition(":")
            if key == REGION_KEY:
                continue
            if package in PROVIDERS:
                self.problems.add(
                    key, f"is ignored: this project configures its own providers; {PROVIDERS[package]}"
                )
            elif name not in known:
                ending = suggestion(name, known).replace("did you mean ", f"did you mean {PROJECT}:")
                self.problems.add(key, f"is not a known key{ending}")

    def _region(self) -> str | None:
        region = self.raw.get(REGION_KEY)
        if region is None:
            self.problems.add(REGION_KEY, f"is missing; run: pulumi config set {REGION_KEY} us-east-1")
            return None
        formed: str | None = self._formed(region, Region, REGION_KEY)
        return formed

    def _formed(self, value: Any, annotation: Any, path: str) -> Any:
        """A value that has the form of the annotation; None, and a problem, if it has not."""
        reader = Reader(CAMEL)
        read = reader.value(value, shape(annotation), ())
        report(reader.refusals, path, self.problems)
        return None if reader.refusals else read

    def _scalars(self) -> None:
        # Empty is the default in Pulumi.yaml.
        words = ("accountId", "permissionsBoundary", "iamRoleNamePrefix")
        values = {word: self.raw.get(f"{PROJECT}:{word}") for word in words}
        written = {word: None if value == "" else value for word, value in values.items()}
        written["tags"] = self._mapping("tags")
        scalars = read(Scalars, f"{PROJECT}:", written, self.problems)
        if scalars:
            self.account_id, self.tags = scalars.get("account_id"), scalars.get("tags") or {}
            self.permissions_boundary = scalars.get("permissions_boundary")
            self.name_prefix = scalars.get("iam_role_name_prefix")

    # Sections

    def _section(self, key: str) -> Section | None:
        value = self._mapping(key)
        path = f"{PROJECT}:{key}"
        if self.problems.at(path):  # not even a mapping
            return None
        kinds = KEYS[key].kinds
        if "" in kinds:
            return read(kinds[""], path, value, self.problems)
        return read_kind(kinds, path, value, self.problems, KEYS[key].default_kind)

    def _sections(self, key: str, read_one: Callable[[str, Any], Section | None]) -> dict[str, Section]:
        """Those whose kind is known, as far as they are right."""
        found = {}
        for name, value in self._mapping(key).items():
            path = f"{PROJECT}:{key}.{name}"
            self._check_name(KEYS[key].name, name, path)
            section = read_one(path, value)
            if section:
                found[name] = section
        return found

    def _check_name(self, what: str, name: str, path: str) -> None:
        if what == "ACCOUNT":
            self._formed(name, AccountId, path)
            return
        if what == "CLUSTER":
            self._formed(name, ClusterName, path)
            return
        try:
            names.check_vault_role(name)
            if what == "LOGIN":
                names.check_iam_name(name)
        except ValueError as error:
            self.problems.add(path, f"the {what.lower()}'s name {error}")

    def _kind_of(self, key: str) -> Callable[[str, Any], Section | None]:
        return lambda path, value: read_kind(KEYS[key].kinds, path, value, self.problems)

    def _cluster(self) -> Section | None:
        value, path = self._mapping("cluster"), f"{PROJECT}:cluster"
        return None if self.problems.at(path) else self._cluster_at(path, value)

    def _clusters(self) -> dict[str, Section]:
        own = str(self.cluster.get("name") or "") if self.cluster else ""
        found = {own: self.cluster} if self.cluster and own else {}
        for name, section in self._sections("clusters", self._named_cluster).items():
            if name == own:
                self.problems.add(section.path, f"is what {PROJECT}:cluster is called already; write another")
            found.setdefault(name, section)
        return found

    def _named_cluster(self, path: str, value: Any) -> Section | None:
        if value is not None and not isinstance(value, Mapping):
            self.problems.add(path, "is not a mapping; write key: value pairs", value)
            return None
        return self._cluster_at(path, {"name": path.rpartition(".")[2], **(value or {})})

    def _cluster_at(self, path: str, value: Mapping[str, Any]) -> Section | None:
        if value.get("existing") is not True:
            why = "is for an existing cluster; write nodeGroups, or existing: true"
            return self._read_used(Cluster, path, value, ("nodeRoleArns",), why)
        of_created = {to_camel(name) for name in Cluster.__annotations__}
        of_existing = {to_camel(name) for name in ExistingCluster.__annotations__}
        why = "is not used: an existing cluster is used as it is; remove it"
        return self._read_used(ExistingCluster, path, value, of_created - of_existing, why)

    def _vault(self) -> Section | None:
        if not self.uses_mount("vault"):
            return self._section("vault")
        # The engine that the stack mounts has endpoints, too, and is protected.
        mounts_engine = self.given("secretsEngine") and not self.uses_mount("secretsEngine")
        unused = ("identityAlias", *(() if mounts_engine else ("endpoints", "protect")))
        why = "is not used: the mount is existing, so this is its owner's to say; remove it"
        return self._read_used(Vault, f"{PROJECT}:vault", self._mapping("vault"), unused, why)

    def _identity(self) -> Section | None:
        if not self.uses_mount("vault"):
            return self._section("vaultIdentity")
        value, path = self._mapping("vaultIdentity"), f"{PROJECT}:vaultIdentity"
        if self.problems.at(path):
            return None
        kind = value.get("kind", "existing")
        if kind in [known for known in KEYS["vaultIdentity"].kinds if known != "existing"]:
            self.problems.add(
                f"{path}.kind",
                f"is not for {PROJECT}:vault.mount: existing, whose AWS identity is its owner's; write "
                "existing, with the roleArn of Vault's role if the stack is to grant it what logins need, or "
                "leave vaultIdentity out",
                kind,
            )
            return None
        return read_kind(KEYS["vaultIdentity"].kinds, path, value, self.problems, "existing")

    def _secrets_engine(self) -> Section | None:
        value, path = self._mapping("secretsEngine"), f"{PROJECT}:secretsEngine"
        if value.get("kind") == "role":
            self.problems.add(
                f"{path}.kind",
                f"is not a kind of its own: Vault finds one role around it, which {PROJECT}:vaultIdentity "
                "makes with kind: role; write existing here, which works with that one",
                "role",
            )
            return None
        if not self.uses_mount("secretsEngine"):
            return self._section("secretsEngine")
        if (kind := value.pop("kind", "existing")) != "existing":
            self.problems.add(
                f"{path}.kind",
                "is not for an engine whose mount is existing, and whose AWS identity is its owner's; write "
                "existing, or leave it out",
                kind,
            )
        of_made = {
            to_camel(name) for kind in KEYS["secretsEngine"].kinds.values() for name in fields_of(kind)
        }
        why = "is not used: the mount is existing, so this is its owner's to say; remove it"
        unused = of_made - {to_camel(name) for name in fields_of(MountedSecretsEngine)}
        section = self._read_used(MountedSecretsEngine, path, value, unused, why)
        return section and replace(section, kind="existing")

    def _account(self, path: str, value: Any) -> Section | None:
        if not isinstance(value, Mapping) or not value.get("roleArn"):
            return read(Account, path, value, self.problems)
        of_made = {to_camel(name) for name in Account.__annotations__} - {"roleArn", "externalId"}
        return self._read_used(
            Account, path, value, of_made, "is not used: roleArn is used as it is; remove one"
        )

    def _read_used(
        self, of: type, path: str, value: Mapping[str, Any], unused: Collection[str], why: str
    ) -> Section | None:
        """Read a section some of whose keys are known, but not used; `why` ends the message about these."""
        given = [key for key in value if key in unused]
        for key in given:
            self.problems.add(f"{path}.{key}", why)
        used = {key: item for key, item in value.items() if key not in unused}
        section = read(of, path, used, self.problems)
        if section and given:
            return replace(section, wrong=section.wrong | {*fields_of(of)}, whole=False)
        return section
