"""The stack's configuration, validated before anything is registered.

`parse` is pure: configuration in, `Settings` out, or one `SettingsError` that names every problem by the path
of its key. `load` is the only part that touches Pulumi and the disk.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pulumi.runtime import is_config_secret
from pulumi.runtime.config import CONFIG, get_config_env, get_config_secret_keys_env

from settings.accounts import Account
from settings.consumers import ConsumerSettings
from settings.identities import ExistingIdentity, FederatedIdentity, RoleIdentity, UserIdentity
from settings.logins import Ec2InstanceLogin, LoginSettings, PrincipalLogin, ServiceAccountLogin
from settings.parser import PROJECT, PROVIDERS, Parser
from settings.problems import SettingsError
from settings.secrets_engine import FederatedSecretsEngine, UserSecretsEngine
from settings.sections import Settings
from settings.transport import in_clear

__all__ = [
    "Account",
    "ConsumerSettings",
    "Ec2InstanceLogin",
    "ExistingIdentity",
    "FederatedIdentity",
    "FederatedSecretsEngine",
    "LoginSettings",
    "PrincipalLogin",
    "RoleIdentity",
    "ServiceAccountLogin",
    "Settings",
    "SettingsError",
    "UserIdentity",
    "UserSecretsEngine",
    "in_clear",
    "load",
    "parse",
]


def load(root: Path) -> Settings:
    """The settings of the stack that is being deployed, with the policies found under `root`.

    Raises SettingsError.
    """
    # Read as a whole, not key by key, so that a misspelt key is seen. Pulumi hands configuration over in
    # the environment or in memory, depending on who runs the program.
    everything = {**get_config_env(), **CONFIG.get()}
    raw = {key: value for key, value in everything.items() if key.partition(":")[0] in (PROJECT, *PROVIDERS)}
    secret = {*get_config_secret_keys_env(), *(key for key in raw if is_config_secret(key))}
    policies = {file.stem: file.read_text() for file in sorted((root / "policies" / "vault").glob("*.hcl"))}
    return parse(raw, policies, frozenset(secret))


def parse(
    raw: Mapping[str, Any], policies: Mapping[str, str], hidden: frozenset[str] = frozenset()
) -> Settings:
    """Configuration by full key (`vault-aws-auth:logins`), objects as such or as JSON, to settings.

    `policies` are the known Vault policies by name; values under the keys `hidden` are not repeated in
    messages. Raises SettingsError with all problems.
    """
    return Parser(raw, policies, hidden).settings()
