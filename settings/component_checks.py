"""What the components refuse, asked before anything is made, and told by the settings' keys.

The components have pure checks for this; for what is known only when the stack is up they are given `LATER`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from pydantic.alias_generators import to_camel

from components import trust
from components.secrets_engine.args import check as check_engine
from settings.accounts import Account
from settings.consumers import ConsumerSettings
from settings.identities import IdentitySettings, RoleIdentity
from settings.logins import LoginSettings
from settings.problems import Problems
from settings.reading import Reading
from settings.secrets_engine import SecretsEngineSettings
from settings.section import Section
from settings.sections import Vault

LATER = "later"
LATER_ARN = "arn:aws:iam::111111111111:role/later"


def check_consumers(
    consumers: Mapping[str, Reading[ConsumerSettings]],
    logins: Mapping[str, Reading[LoginSettings]],
    identity: Reading[IdentitySettings] | None,
    vault: Reading[Vault] | None,
    problems: Problems,
) -> None:
    """A consumer must be one that can be told of its login and of Vault."""
    for name, consumer in consumers.items():
        args: dict[str, Any] = consumer.section.options() if consumer.whole else {}
        places = {"name": consumer.path}
        if consumer.section.needs_login:
            login = logins.get(consumer.section.login or "")
            if not (consumer.whole and login and login.whole and vault and vault.whole):
                continue
            args["login"] = {"vault_role": LATER, "iam_role_arn": LATER_ARN, **login.section.for_consumers()}
            args["connection"] = {
                "path": vault.section.mount_path,
                "address": vault.section.address,
                "namespace": vault.section.namespace,
                "sts_region": LATER,
            }
            places["connection"] = vault.path
            places |= {f"login.{field}": login.path for field in type(login.section).model_fields}
        else:
            if not (consumer.whole and identity and identity.whole):
                continue
            pod = identity.section.service_account if isinstance(identity.section, RoleIdentity) else None
            if pod:
                args["pod"] = {"service_account": pod, "iam_role_arn": LATER_ARN}
            elif "release" in args:
                problems.add(
                    f"{consumer.path}.release",
                    f"needs a namespace; write {identity.path} of kind role with a serviceAccount, or leave "
                    "release out",
                )
                continue
        _ask(consumer, problems, places, consumer.section.component.check, name, args)


def check_secrets_engine(
    engine: Reading[SecretsEngineSettings] | None, region: str, problems: Problems
) -> None:
    """The engine must be able to hand out what its roles say."""
    if engine and engine.whole:
        places = {"user": engine.path, "federation": engine.path}
        _ask(engine, problems, places, check_engine, {**engine.section.given(), "region": region})


def check_accounts(accounts: Mapping[str, Reading[Account] | None], problems: Problems) -> None:
    """The role that this stack makes in an account must be one that those can assume who are to."""
    for account in accounts.values():
        if account and account.whole and not account.section.role_arn:
            _ask(account, problems, {}, _trust_of, account.section)


def _trust_of(account: Account) -> object:
    return trust.cross_account_trust(
        account.external_id or LATER,
        principals=[LATER_ARN],
        services=account.trusted_services,
        hcp_account=account.hcp.account_id if account.hcp else "",
        hcp_principal=account.hcp.principal_arn if account.hcp else "",
    )


def _ask(
    section: Reading[Any],
    problems: Problems,
    places: Mapping[str, str],
    check: Callable[..., object],
    *args: Any,
) -> None:
    """Tell what the check raises: a field's name, or several with dots, and what is wrong with it.

    `places` are sections where a field, or what is below it, is written, if not in this one.
    """
    try:
        check(*args)
    except ValueError as error:
        field, colon, reason = str(error).partition(": ")
        if not colon or not re.fullmatch(r"[\w.-]+", field):
            field, reason = "", str(error)
        path = _path(section.path, field, places)
        if problems.hides(path):
            reason = re.sub(r"'[^']*'", "the value", reason)
        asked_by = "" if path.startswith(section.path) else f" (for {section.path})"
        problems.add(path, _in_words_of_settings(reason) + asked_by)


def _path(section: str, field: str, places: Mapping[str, str]) -> str:
    first, _, below = field.partition(".")
    if field in places and below:
        return f"{places[field]}.{to_camel(below)}"
    if first in places:
        return f"{places[first]}.{to_camel(below)}" if below else places[first]
    if first == "login":  # a field that logins of this kind have not
        return f"{section}.login"
    return f"{section}.{_in_words_of_settings(field)}" if field else section


def _in_words_of_settings(text: str) -> str:
    """With the settings' keys for the names of fields."""
    return re.sub(r"\w+", lambda word: to_camel(word[0]) if word[0] in _fields() else word[0], text)


@cache
def _fields() -> frozenset[str]:
    """The names of all fields of the settings' sections."""

    def below(section: type[Section]) -> Iterator[str]:
        yield from section.model_fields
        for each in section.__subclasses__():
            yield from below(each)

    return frozenset(below(Section))
