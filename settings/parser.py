"""From raw configuration to settings, or to every problem in it."""

import contextlib
import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from components import arns, names
from settings.sections import (
    IDENTITY_KINDS,
    KEYS,
    LOGIN_KINDS,
    Account,
    Cluster,
    Ec2InstanceLogin,
    Section,
    ServiceAccountLogin,
    Settings,
    Vault,
)

PROJECT = "vault-aws-auth"
REGION_KEY = "aws:region"


class SettingsError(Exception):
    """Everything that is wrong with the configuration, one line for each problem."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        lines = "\n".join(f"  {number}. {problem}" for number, problem in enumerate(problems, 1))
        super().__init__(f"{count} in the stack's configuration; nothing was changed:\n{lines}")


_Model = TypeVar("_Model", bound=Section)


class Parser:
    """One reading of the configuration; collects problems instead of stopping at the first."""

    def __init__(self, raw: Mapping[str, Any], policies: Mapping[str, str], hidden: frozenset[str]) -> None:
        self.raw = raw
        self.policies = policies
        self.hidden = hidden
        self.problems: list[str] = []

    def settings(self) -> Settings:
        for key in self.raw:
            name = key.removeprefix(f"{PROJECT}:")
            if key != REGION_KEY and name not in KEYS:
                known = [f"{PROJECT}:{close}" for close in get_close_matches(name, KEYS, 1)]
                self.problem(key, "is not a known key" + _did_you_mean(known, KEYS))
        region = self.region()
        account_id = self.account_id()
        cluster = self.section(Cluster, f"{PROJECT}:cluster", self.mapping("cluster"))
        vault = self.section(Vault, f"{PROJECT}:vault", self.mapping("vault"))
        identity = self.kind(
            IDENTITY_KINDS, f"{PROJECT}:vaultIdentity", {"kind": "user", **self.mapping("vaultIdentity")}
        )
        accounts = {
            name: self.section(Account, f"{PROJECT}:accounts.{name}", value)
            for name, value in self.mapping("accounts").items()
        }
        for name in accounts:
            if not arns.ACCOUNT_FORM.fullmatch(name):
                self.problem(
                    f"{PROJECT}:accounts.{name}", "is not an account ID; write its 12 digits, in quotes"
                )
        logins = {name: self.login(name, value) for name, value in self.mapping("logins").items()}
        if not logins and not self.reported(f"{PROJECT}:logins"):
            self.problem(
                f"{PROJECT}:logins", "has no login; write at least one, e.g. pod: {kind: service-account, …}"
            )
        tags = self.tags()
        good_logins = {name: login for name, login in logins.items() if login is not None}
        self.check_duplicates(good_logins)
        self.check_instances(good_logins, cluster, {*accounts, *([account_id] if account_id else [])})
        self.check_accounts(accounts)

        if self.problems or not (region and cluster and vault and identity):
            raise SettingsError(self.problems)
        used = {policy for login in good_logins.values() for policy in login.policies}
        return Settings.model_construct(
            region=region,
            account_id=account_id,
            cluster=cluster,
            vault=vault,
            vault_identity=identity,
            logins=good_logins,
            accounts=accounts,
            tags=tags,
            policies={name: self.policies[name] for name in sorted(used) if name in self.policies},
        )

    # One value or section

    def reported(self, path: str) -> bool:
        """Whether there is a problem at this very path already."""
        return any(problem.startswith(f"{path}: ") for problem in self.problems)

    def problem(self, path: str, message: str) -> None:
        self.problems.append(f"{path}: {message}")

    def quoted(self, path: str, value: object) -> str:
        """The value, for a message; not when it is a secret."""
        if any(path == key or path.startswith((f"{key}.", f"{key}[")) for key in self.hidden):
            return "the value"
        text = json.dumps(value, default=str, ensure_ascii=False)
        return text if len(text) <= 200 else f"{text[:200]}…"

    def region(self) -> str | None:
        region = self.raw.get(REGION_KEY)
        if region is None:
            self.problem(REGION_KEY, f"is missing; run: pulumi config set {REGION_KEY} us-east-1")
        elif not isinstance(region, str) or not arns.REGION_FORM.fullmatch(region):
            self.problem(
                REGION_KEY, f"{self.quoted(REGION_KEY, region)} is not an AWS region; write e.g. us-east-1"
            )
        else:
            return region
        return None

    def account_id(self) -> str | None:
        path = f"{PROJECT}:accountId"
        value = self.raw.get(path)
        if value is not None and not arns.ACCOUNT_FORM.fullmatch(str(value)):
            self.problem(path, f"{self.quoted(path, value)} is not an account ID; write its 12 digits")
            return None
        return None if value is None else str(value)

    def mapping(self, key: str) -> dict[str, Any]:
        path = f"{PROJECT}:{key}"
        value = self.raw.get(path)
        if isinstance(value, str):
            with contextlib.suppress(ValueError):  # not JSON: told below, as not a mapping
                value = json.loads(value)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self.problem(
                path, f"{self.quoted(path, value)} is not a mapping; write key: value lines below it"
            )
            return {}
        return {str(name): item for name, item in value.items()}

    def tags(self) -> dict[str, str]:
        tags = self.mapping("tags")
        for name, value in tags.items():
            path = f"{PROJECT}:tags.{name}"
            if not isinstance(value, str):
                self.problem(path, f"{self.quoted(path, value)} is not text; write it in quotes")
            elif name.startswith("aws:") or not 0 < len(name) <= 128 or len(value) > 256:
                self.problem(
                    path, "is not a tag; names have up to 128 characters, not aws:…, values up to 256"
                )
        return tags

    def login(self, name: str, value: object) -> Any:
        path = f"{PROJECT}:logins.{name}"
        try:
            names.check_vault_role(name)
            names.check_iam_name(name)
        except ValueError as error:
            self.problem(path, f"the login's name {error}")
        return self.kind(LOGIN_KINDS, path, value)

    def kind(self, kinds: Mapping[str, type[Section]], path: str, value: object) -> Any:
        """A section whose model is told by its `kind`."""
        if not isinstance(value, Mapping):
            self.problem(
                path, f"{self.quoted(path, value)} is not a mapping; write key: value lines below it"
            )
            return None
        kind = value.get("kind")
        if not isinstance(kind, str) or kind not in kinds:
            what = "is missing" if kind is None else f"{self.quoted(path, kind)} is not a kind"
            close = get_close_matches(kind, kinds, 1) if isinstance(kind, str) else []
            self.problem(f"{path}.kind", what + _did_you_mean(close, tuple(kinds)))
            return None
        return self.section(kinds[kind], path, value)

    def section(self, model: type[_Model], path: str, value: object) -> _Model | None:
        if self.reported(path):  # not even a mapping
            return None
        try:
            return model.model_validate(value, context={"policies": self.policies})
        except ValidationError as invalid:
            for error in invalid.errors(include_url=False):
                self.explain(model, path, error)  # type: ignore[arg-type]
        return None

    def explain(self, model: type[BaseModel], path: str, error: Mapping[str, Any]) -> None:
        """One error of pydantic's, as a problem."""
        location = [part for part in error["loc"] if part != "[key]"]
        full = path + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
        kind, context, value = error["type"], error.get("ctx", {}), error["input"]
        if kind == "missing":
            self.problem(full, f"is missing; it is the {_field(model, location).description}")
        elif kind == "extra_forbidden":
            keys = tuple(str(field.alias) for field in _fields_at(model, location[:-1]).values())
            self.problem(
                full,
                "is not a known key" + _did_you_mean(get_close_matches(str(location[-1]), keys, 1), keys),
            )
        elif isinstance(value, Mapping) and kind == "value_error":
            self.problem(full, str(context["error"]))  # about the section as a whole
        else:
            message = str(context["error"]) if kind == "value_error" else _expected(kind, context)
            self.problem(full, f"{self.quoted(full, value)} {message}")

    # Between sections

    def check_duplicates(self, logins: Mapping[str, Any]) -> None:
        """No two logins may share a Vault role, an IAM role or a service account."""
        seen: dict[tuple[str, str], str] = {}
        for name, login in logins.items():
            claims = [("Vault role", login.vault_role or name, ".vaultRole" if login.vault_role else "")]
            if isinstance(login, ServiceAccountLogin):
                claims.append(
                    ("IAM role", login.iam_role_name or name, ".iamRoleName" if login.iam_role_name else "")
                )
                claims += [
                    ("service account", account, f".serviceAccounts[{index}]")
                    for index, account in enumerate(login.service_accounts)
                ]
            for noun, value, key in claims:
                path = f"{PROJECT}:logins.{name}{key}"
                owner = seen.setdefault((noun, value), path)
                if owner != path:
                    self.problem(
                        path, f"{self.quoted(path, value)} is the {noun} of {owner} already; write another"
                    )

    def check_instances(self, logins: Mapping[str, Any], cluster: Cluster | None, accounts: set[str]) -> None:
        """Instances must be of known node groups, of one account, which Vault can look into."""
        known = {**cluster.node_groups, **cluster.node_role_arns} if cluster else {}
        for name, login in logins.items():
            if not isinstance(login, Ec2InstanceLogin):
                continue
            path = f"{PROJECT}:logins.{name}"
            bound = {f".roleArns[{index}]": arn for index, arn in enumerate(login.role_arns)}
            for index, group in enumerate(login.node_groups):
                key = f".nodeGroups[{index}]"
                if cluster and group not in known:
                    close = get_close_matches(group, known, 1)
                    self.problem(
                        path + key,
                        f"{self.quoted(path, group)} is not a node group of the cluster"
                        + _did_you_mean(close, tuple(known)),
                    )
                elif cluster and group in cluster.node_role_arns:
                    bound[key] = cluster.node_role_arns[group]
            of = {key: arns.parse(arn).account for key, arn in bound.items()}
            for key, account in of.items():
                if account not in accounts:
                    self.problem(
                        path + key,
                        f"is of the account {account}, into which Vault cannot look; write the role "
                        f'to assume as {PROJECT}:accounts."{account}".roleArn, or, if it is the stack\'s own '
                        f'account, {PROJECT}:accountId: "{account}"',
                    )
            if len(set(of.values())) > 1:
                self.problem(path, "binds roles of several accounts; write one login for each account")

    def check_accounts(self, accounts: Mapping[str, Account | None]) -> None:
        for name, account in accounts.items():
            if account and arns.ACCOUNT_FORM.fullmatch(name) and arns.parse(account.role_arn).account != name:
                path = f"{PROJECT}:accounts.{name}.roleArn"
                self.problem(
                    path,
                    f"{self.quoted(path, account.role_arn)} is of another account; write a role of {name}",
                )


def _expected(kind: str, context: Mapping[str, Any]) -> str:
    forms = {
        "string_type": "is not text; write it in quotes",
        "bool_parsing": "is neither true nor false",
        "bool_type": "is neither true nor false",
        "int_type": "is not a whole number",
        "int_parsing": "is not a whole number",
        "int_from_float": "is not a whole number",
        "list_type": "is not a list; write it as [one, two]",
        "dict_type": "is not a mapping; write key: value lines below it",
        "model_type": "is not a mapping; write key: value lines below it",
        "too_short": "is too short; write {min_length} or more",
        "greater_than_equal": "is too small; write {ge} or more",
        "literal_error": "is not one of them; write {expected}",
        "string_pattern_mismatch": "is not a name; write letters, digits, - and _ (not first), up to 100",
    }
    return forms.get(kind, "is not accepted").format(**context)


def _did_you_mean(close: list[str], known: tuple[str, ...]) -> str:
    return f"; did you mean {close[0]}?" if close else f"; known: {', '.join(known)}"


def _fields_at(model: type[BaseModel], location: list[Any]) -> dict[str, Any]:
    """The fields of the model at a location below `model`, where dicts and lists hold models."""
    for part in location:
        field = next((field for field in model.model_fields.values() if field.alias == part), None)
        if field is not None:
            inner = (field.annotation, *getattr(field.annotation, "__args__", ()))
            model = next((c for c in inner if isinstance(c, type) and issubclass(c, BaseModel)), model)
    return dict(model.model_fields)


def _field(model: type[BaseModel], location: list[Any]) -> Any:
    fields = _fields_at(model, location[:-1])
    return next(field for field in fields.values() if field.alias == location[-1])
