"""Who gets which Vault token: one side of a comparison."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property

from .. import acl
from ..principals import in_words, named

IAM_ROLE = "iamRole"
"""The condition of a login that makes an IAM role for its callers: the role's ARN."""

ACCOUNT = "ACCOUNT"
"""Stands in ARNs for the stack's own account where it is not pinned."""


class Kind(Enum):
    """What callers are."""

    SERVICE_ACCOUNT = "service account"
    INSTANCE = "EC2 instance"
    TASK = "ECS task"
    PRINCIPAL = "IAM principal"
    OTHER_STACK = "login of another stack"


@dataclass(frozen=True, order=True)
class Caller:
    """Who logs in, as far as the login tells."""

    kind: str
    """A Kind's value."""
    pattern: str
    """`NAMESPACE/NAME`, the ARN of a role or user, or of another stack's logins, their policy."""
    cluster: str = ""
    """The cluster of a service account."""

    def __str__(self) -> str:
        if self.kind == Kind.SERVICE_ACCOUNT.value:
            return f"service account {self.pattern}{f' of cluster {self.cluster}' if self.cluster else ''}"
        if self.kind == Kind.OTHER_STACK.value:
            return f"logins of other stacks with the policy {self.pattern}"
        words = in_words(self.pattern) if _is_arn(self.pattern) else self.pattern
        prefix = {Kind.INSTANCE.value: "EC2 instances of ", Kind.TASK.value: "ECS tasks of "}
        return prefix.get(self.kind, "") + words

    @property
    def is_pattern(self) -> bool:
        """Whether it lets in callers that it does not name."""
        if self.kind == Kind.SERVICE_ACCOUNT.value:
            return "*" in self.pattern or "?" in self.pattern
        return self.kind != Kind.OTHER_STACK.value and self.pattern.endswith("*")

    @cached_property
    def key(self) -> tuple[object, ...]:
        """What is the same in all spellings of it."""
        exact = _is_arn(self.pattern) and not self.is_pattern
        return self.kind, self.cluster, named(self.pattern) if exact else self.pattern

    def covers(self, other: "Caller") -> bool:
        """Whether all callers that the other one names may log in as this one."""
        if self.key == other.key:
            return True
        if not self.is_pattern or (self.kind, self.cluster) != (other.kind, other.cluster):
            return False
        if self.kind == Kind.SERVICE_ACCOUNT.value:
            return all(map(self._matches, _examples(other.pattern)))
        return other.pattern.removesuffix("*").startswith(self.pattern.removesuffix("*"))

    def _matches(self, account: str) -> bool:
        signs = {"*": ".*", "?": "."}
        pattern = "".join(signs.get(sign, re.escape(sign)) for sign in self.pattern)
        return re.fullmatch(pattern, account, re.DOTALL) is not None


def cluster_settings(clusters: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The clusters' names by setting, from their keys and names."""
    known = dict(clusters)
    for key, name in sorted(known.items()):
        yield ("cluster.name" if len(known) == 1 else f"clusters.{key}.name"), name


def _is_arn(text: str) -> bool:
    return text.count(":") >= 5


def _examples(pattern: str) -> Iterator[str]:
    """Texts that a pattern matches, such that another one that matches them all covers it."""
    for many in ("", acl.ANY * 2):
        yield pattern.replace("?", acl.ANY).replace("*", many)


@dataclass(frozen=True)
class Login:
    """A login: who may use it, and the token that it gives."""

    name: str
    callers: frozenset[Caller]
    policies: tuple[str, ...]
    """By name, in alphabetical order."""
    vault_role: str
    ttl: int | None = None
    """Seconds; None if that is not known."""
    max_ttl: int | None = None
    conditions: Mapping[str, str] = field(default_factory=dict)
    """What else it says of its callers and its token, by the setting's name."""

    @property
    def is_of_other_stacks(self) -> bool:
        """Whether it stands for the logins of other stacks with a policy of this one."""
        return any(caller.kind == Kind.OTHER_STACK.value for caller in self.callers)

    @property
    def identity(self) -> tuple[frozenset[Caller], tuple[str, ...]]:
        """What makes it the same login under another name."""
        return self.callers, self.policies


@dataclass(frozen=True)
class Source:
    """Where one side of a comparison comes from."""

    given: str
    """As it was given on the command line."""
    kind: str
    """`revision`, `file` or `stack`."""
    stack: str = ""
    revision: str = ""
    """The commit, in full."""
    date: str = ""
    """Of the commit, or of the last update of a stack."""

    def __str__(self) -> str:
        at = f" ({self.revision[:10]}, {self.date})" if self.revision else ""
        at = at or (f" ({self.date})" if self.date else "")
        return f"{self.given}{at}"


@dataclass(frozen=True)
class Table:
    """Who gets which token, as one side says."""

    source: Source
    logins: Mapping[str, Login]
    policies: Mapping[str, tuple[acl.Rule, ...] | None]
    """The policies of logins by name; None where their content is not known here."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """What all logins have in common, by the setting's name: where they log in, the account, the cluster."""
    account: str | None = None
    """The stack's own account."""
    complete: bool = True
    """Whether what is not in `settings` and `conditions` is not there. A deployed stack does not say all."""
    notes: tuple[str, ...] = ()
    """What else is to be known of this side."""

    @cached_property
    def root_policies(self) -> frozenset[str]:
        """The policies that are as good as root, by what is known."""
        return acl.root_policies({name: rules for name, rules in self.policies.items() if rules is not None})

    @cached_property
    def _by_key(self) -> Mapping[tuple[object, ...], list[Login]]:
        found: dict[tuple[object, ...], list[Login]] = {}
        for login in self.logins.values():
            for key in {caller.key for caller in login.callers}:
                found.setdefault(key, []).append(login)
        return found

    @cached_property
    def callers(self) -> frozenset[Caller]:
        """All that are named."""
        return frozenset(caller for login in self.logins.values() for caller in login.callers)

    @cached_property
    def _patterns(self) -> frozenset[Caller]:
        return frozenset(caller for caller in self.callers if caller.is_pattern)

    def of(self, caller: Caller) -> list[Login]:
        """The logins that a caller may use: those that name it, and those that name it by a pattern."""
        keys = {caller.key, *(each.key for each in self._patterns if each.covers(caller))}
        found = {login.name: login for key in keys for login in self._by_key.get(key, ())}
        return [found[name] for name in sorted(found)]

    def have_role(self, principal: Caller) -> set[str]:
        """The logins whose callers have a role that is this principal, or matches it."""
        if principal.kind != Kind.PRINCIPAL.value:
            return set()
        found = set()
        for login in self.logins.values():
            instances = [each.pattern for each in login.callers if each.kind == Kind.INSTANCE.value]
            for arn in (*instances, login.conditions.get(IAM_ROLE, "")):
                if _is_arn(arn) and principal.covers(replace(principal, pattern=arn)):
                    found.add(login.name)
        return found

    def in_account(self, account: str | None) -> "Table":
        """The same where its account is not pinned, in this one."""
        if self.account or not account:
            return self

        def known(text: str) -> str:
            return text.replace(f":{ACCOUNT}:", f":{account}:")

        logins = {
            name: replace(
                login,
                callers=frozenset(replace(each, pattern=known(each.pattern)) for each in login.callers),
                conditions={key: known(value) for key, value in login.conditions.items()},
            )
            for name, login in self.logins.items()
        }
        return replace(self, logins=logins)
