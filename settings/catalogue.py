"""Every key of the configuration and the sections below it: for what is made from the settings, such as their
reference and the schema for editors."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, get_args

from pydantic.fields import FieldInfo

from settings.accounts import Account
from settings.consumers import CONSUMER_KINDS
from settings.identities import IDENTITY_KINDS
from settings.logins import LOGIN_KINDS
from settings.secrets_engine import SECRETS_ENGINE_KINDS
from settings.section import Section
from settings.sections import Cluster, Federation, Vault


class Key(NamedTuple):
    """A key of the configuration with a section, or several, below it."""

    meaning: str

    kinds: Mapping[str, type[Section]]
    """The sections that can be there, by their `kind`; by "" where there is one without a kind."""

    name: str = ""
    """What tells several sections apart, where the key has a mapping of them: `LOGIN`."""

    default_kind: str = ""
    """The kind of a section that does not name one."""


SECTIONS: Mapping[str, Key] = {
    "cluster": Key("The EKS cluster. Not needed where no pod and no node logs in", {"": Cluster}),
    "vault": Key("Vault, and its AWS auth mount", {"": Vault}),
    "vaultIdentity": Key("The AWS identity that Vault runs as", IDENTITY_KINDS, default_kind="user"),
    "federation": Key("Vault Enterprise as an OIDC issuer that AWS trusts", {"": Federation}),
    "secretsEngine": Key("Vault's AWS secrets engine", SECRETS_ENGINE_KINDS),
    "logins": Key("Who logs in, by a name of yours; one at least", LOGIN_KINDS, "LOGIN"),
    "consumers": Key(
        "Software that logs in, and is told how; by a name of yours", CONSUMER_KINDS, "CONSUMER"
    ),
    "accounts": Key("Other accounts whose principals log in, by account ID", {"": Account}, "ACCOUNT"),
}
"""The keys with sections, in the order in which one reads them."""


def fields(section: type[Section]) -> dict[str, FieldInfo]:
    """The fields of a section by their keys, without `kind`, and without `login` where none is used."""
    without = {"kind"} if getattr(section, "needs_login", True) else {"kind", "login"}
    return {str(it.alias): it for it in section.model_fields.values() if it.alias not in without}


def below(field: FieldInfo) -> tuple[type[Section] | None, bool]:
    """The section that is below a field, if any; and whether it is one of a mapping of them."""
    types = list(_parts(field.annotation))
    section = next((it for it in types if isinstance(it, type) and issubclass(it, Section)), None)
    return section, any(getattr(it, "__origin__", None) is dict for it in types)


def _parts(annotation: Any) -> Iterator[Any]:
    yield annotation
    for argument in get_args(annotation):
        yield from _parts(argument)
