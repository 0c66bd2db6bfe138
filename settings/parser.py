"""From raw configuration to settings, or to every problem in it."""

import contextlib
import json
from collections.abc import Mapping
from typing import Any, TypeVar

from components import arns, names
from settings import between, component_checks, existing, issuer, partitions
from settings.accounts import Account
from settings.consumers import CONSUMER_KINDS, ConsumerSettings
from settings.identities import IDENTITY_KINDS, IdentitySettings
from settings.logins import LOGIN_KINDS, LoginSettings
from settings.problems import Problems, SettingsError, did_you_mean
from settings.reading import Reading, read
from settings.secrets_engine import SECRETS_ENGINE_KINDS, SecretsEngineSettings
from settings.section import Section
from settings.sections import KEYS, Cluster, Federation, Settings, Vault

PROJECT = "vault-aws-auth"
REGION_KEY = "aws:region"
PROVIDERS = {
    "aws": "set it in the environment, e.g. AWS_PROFILE",
    "vault": f"write {PROJECT}:vault, and the token in the environment, VAULT_TOKEN",
    "kubernetes": f"the kubeconfig is that of {PROJECT}:cluster",
    "eks": f"write {PROJECT}:cluster",
}
"""Packages whose own configuration is not heeded, as the stack makes its providers: what to do instead."""

_Model = TypeVar("_Model", bound=Section)


class Parser:
    """One reading of the configuration; collects problems instead of stopping at the first."""

    def __init__(self, raw: Mapping[str, Any], policies: Mapping[str, str], hidden: frozenset[str]) -> None:
        self.raw = raw
        self.policies = policies
        self.known_policies = set(policies)
        self.problems = Problems(hidden)

    def settings(self) -> Settings:
        self.check_keys()
        region = self.region()
        account_id = self.account_id()
        cluster = self.section(Cluster, "cluster") if self.given("cluster") else None
        vault = self.section(Vault, "vault")
        external = {str(name) for _, name in vault.items("external_policies")} if vault else set()
        self.known_policies = {*self.policies, *external}
        identity = self.identity()
        federation = self.section(Federation, "federation") if self.given("federation") else None
        engine = self.secrets_engine()
        accounts = self.accounts()
        logins = self.logins(declared_elsewhere=identity is not None and identity.section.all_lookups is True)
        consumers = self.consumers()
        tags = self.tags()
        reachable = self.reachable(account_id, accounts)
        between.check_duplicates(logins, cluster, identity, engine, self.problems)
        between.check_instances(logins, cluster, reachable, self.problems)
        between.check_principals(logins, reachable, self.problems)
        between.check_accounts(accounts, self.problems)
        existing.check(identity, account_id, accounts, self.problems)
        if not any(problem.startswith(f"{PROJECT}:logins") for problem in self.problems.found):
            between.check_use_of_accounts(accounts, logins, account_id, self.problems)
        between.check_consumers(consumers, logins, self.problems)
        if not self.given("cluster"):
            between.check_no_cluster(logins, identity, f"{PROJECT}:cluster", self.problems)
        if not self.given("federation"):
            issuer.check_missing((identity, engine), f"{PROJECT}:federation", self.problems)
        elif identity and (engine or not self.given("secretsEngine")):
            issuer.check_use((identity, engine), f"{PROJECT}:federation", self.problems)
        component_checks.check_consumers(consumers, logins, identity, vault, self.problems)
        component_checks.check_accounts(accounts, self.problems)
        if region:
            partitions.check(PROJECT, self.decoded, region, self.problems)
            component_checks.check_secrets_engine(engine, region, self.problems)
        if region and vault:
            partitions.check_sts(vault, region, self.problems)
        between.check_mounts(vault, engine, self.problems)

        if self.problems.found or not (region and vault and identity):
            raise SettingsError(self.problems.found)
        used = {policy for login in logins.values() for policy in login.section.policies}
        used.update(vault.section.policies)
        return Settings.model_construct(
            region=region,
            account_id=account_id,
            cluster=cluster.section if cluster else None,
            vault=vault.section,
            vault_identity=identity.section,
            logins={name: login.section for name, login in logins.items()},
            consumers={name: consumer.section for name, consumer in consumers.items()},
            federation=federation.section if federation else None,
            secrets_engine=engine.section if engine else None,
            accounts={name: account.section for name, account in accounts.items() if account},
            tags=tags,
            policies={name: self.policies[name] for name in sorted((used & {*self.policies}) - external)},
        )

    # Single values

    def check_keys(self) -> None:
        for key in self.raw:
            package, _, name = key.partition(":")
            if key == REGION_KEY:
                continue
            if package in PROVIDERS:
                self.problems.add(
                    key, f"is not heeded, as the stack makes its own providers; {PROVIDERS[package]}"
                )
            elif name not in KEYS:
                self.problems.add(key, "is not a known key" + did_you_mean(name, KEYS, f"{PROJECT}:"))

    def region(self) -> str | None:
        region = self.raw.get(REGION_KEY)
        if region is None:
            self.problems.add(REGION_KEY, f"is missing; run: pulumi config set {REGION_KEY} us-east-1")
            return None
        if not isinstance(region, str) or not arns.REGION_FORM.fullmatch(region):
            quoted = self.problems.quoted(REGION_KEY, region)
            self.problems.add(REGION_KEY, f"{quoted} is not an AWS region; write e.g. us-east-1")
            return None
        return region

    def account_id(self) -> str | None:
        path = f"{PROJECT}:accountId"
        value = str(self.raw.get(path) or "")  # empty is its default in Pulumi.yaml
        if value and not arns.ACCOUNT_FORM.fullmatch(value):
            quoted = self.problems.quoted(path, value)
            self.problems.add(path, f"{quoted} is not an account ID; write its 12 digits")
        return value or None

    def tags(self) -> dict[str, str]:
        tags = self.mapping("tags")
        for name, value in tags.items():
            path = f"{PROJECT}:tags.{name}"
            if not isinstance(value, str):
                quoted = self.problems.quoted(path, value)
                self.problems.add(path, f"{quoted} is not text; write it in quotes")
            elif name.startswith("aws:") or not 0 < len(name) <= 128 or len(value) > 256:
                self.problems.add(
                    path, "is not a tag; names have up to 128 characters, not aws:…, values up to 256"
                )
        return tags

    # Sections

    def given(self, key: str) -> bool:
        """Whether anything is written under a key; empty is its default in Pulumi.yaml."""
        return self.raw.get(f"{PROJECT}:{key}") not in (None, {}, "", "{}")

    def decoded(self, key: str) -> Any:
        """What is under a key, whether it is JSON or not."""
        value = self.raw.get(f"{PROJECT}:{key}")
        if isinstance(value, str):
            with contextlib.suppress(ValueError):  # not JSON: told later, as not a mapping
                return json.loads(value)
        return value

    def mapping(self, key: str) -> dict[str, Any]:
        """What is under a key; empty, and a problem, if it is not a mapping."""
        path, value = f"{PROJECT}:{key}", self.decoded(key)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self.problems.no_mapping(path, value)
            return {}
        return {str(name): item for name, item in value.items()}

    def section(self, model: type[_Model], key: str) -> Reading[_Model] | None:
        path, value = f"{PROJECT}:{key}", self.mapping(key)
        if self.problems.at(path):  # not even a mapping
            return None
        return read(model, path, value, self.known_policies, self.problems)

    def kind(self, kinds: Mapping[str, type[_Model]], path: str, value: object) -> Reading[_Model] | None:
        """A section whose model is told by its `kind`."""
        if not isinstance(value, Mapping):
            self.problems.no_mapping(path, value)
            return None
        kind = value.get("kind")
        if not isinstance(kind, str) or kind not in kinds:
            at = f"{path}.kind"
            what = "is missing" if kind is None else f"{self.problems.quoted(at, kind)} is not a kind"
            self.problems.add(at, what + did_you_mean(kind or "", tuple(kinds)))
            return None
        return read(kinds[kind], path, value, self.known_policies, self.problems)

    def identity(self) -> Reading[IdentitySettings] | None:
        path, value = f"{PROJECT}:vaultIdentity", {"kind": "user", **self.mapping("vaultIdentity")}
        return None if self.problems.at(path) else self.kind(IDENTITY_KINDS, path, value)

    def secrets_engine(self) -> Reading[SecretsEngineSettings] | None:
        if not self.given("secretsEngine"):
            return None
        return self.kind(SECRETS_ENGINE_KINDS, f"{PROJECT}:secretsEngine", self.mapping("secretsEngine"))

    def consumers(self) -> dict[str, Reading[ConsumerSettings]]:
        """Those whose kind is known, as far as they are right."""
        path = f"{PROJECT}:consumers"
        found = {}
        for name, value in self.mapping("consumers").items():
            try:
                names.check_vault_role(name)
            except ValueError:
                self.problems.add(
                    f"{path}.{name}", "is not a name; write lower-case letters, digits, _, - and ."
                )
            consumer = self.kind(CONSUMER_KINDS, f"{path}.{name}", value)
            if consumer:
                found[name] = consumer
        return found

    def accounts(self) -> dict[str, Reading[Account] | None]:
        found = {}
        for name, value in self.mapping("accounts").items():
            path = f"{PROJECT}:accounts.{name}"
            found[name] = read(Account, path, value, self.known_policies, self.problems)
            if not arns.ACCOUNT_FORM.fullmatch(name):
                self.problems.add(path, "is not an account ID; write its 12 digits, in quotes")
        return found

    def reachable(self, account_id: str | None, accounts: Mapping[str, object]) -> set[str] | None:
        """The accounts that Vault can look into; None where that cannot be told."""
        if self.problems.at(f"{PROJECT}:accountId") or self.problems.at(f"{PROJECT}:accounts"):
            return None
        return {*accounts, *([account_id] if account_id else [])}

    def logins(self, declared_elsewhere: bool) -> dict[str, Reading[LoginSettings]]:
        """Those whose kind is known, as far as they are right."""
        path = f"{PROJECT}:logins"
        declared = self.mapping("logins")
        if not declared and not self.problems.at(path) and not declared_elsewhere:
            self.problems.add(
                path,
                "has no login; write at least one, e.g. pod: {kind: service-account, …}, or, where other "
                "stacks declare them, vaultIdentity.allLookups: true",
            )
        found = {}
        for name, value in declared.items():
            try:
                names.check_vault_role(name)
                names.check_iam_name(name)
            except ValueError as error:
                self.problems.add(f"{path}.{name}", f"the login's name {error}")
            login = self.kind(LOGIN_KINDS, f"{path}.{name}", value)
            if login:
                found[name] = login
        return found
