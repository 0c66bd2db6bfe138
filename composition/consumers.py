"""The consumers: what the software that logs in must be told, each of the kind that the settings name."""

from collections.abc import Mapping
from typing import Any

import pulumi
from pydantic.alias_generators import to_camel

from components import PodIdentityMethod, ServiceAccountMode, VaultConnection
from components.consumers import KINDS, Consumer, VaultServerConsumer
from composition.identity import VaultIdentity
from composition.logins import Login
from settings import RoleIdentity, Settings
from settings import ServiceAccountLogin as ServiceAccountSettings


def consumer(
    config: Settings,
    name: str,
    connection: VaultConnection,
    logins: Mapping[str, Login],
    identity: VaultIdentity,
    options: pulumi.ResourceOptions,
) -> Consumer:
    """The component of the consumer that the settings have under a name."""
    declared = config.consumers[name]
    component = KINDS[declared.kind]
    args: dict[str, Any] = declared.options()
    if component is VaultServerConsumer:
        args |= _pod_of_vault(config, identity)
    else:
        args["connection"] = connection
    if declared.login:
        args["login"] = _login(config, declared.login, logins[declared.login])
    make: Any = component
    try:
        made: Consumer = make(name, args, options)
    except ValueError as error:
        field, colon, reason = str(error).partition(": ")
        key = f".{to_camel(field)}" if colon and field.isidentifier() else ""
        told = reason if key else str(error)
        raise pulumi.RunError(f"vault-aws-auth:consumers.{name}{key}: {told}") from None
    return made


def _login(config: Settings, name: str, component: Login) -> dict[str, Any]:
    declared = config.logins[name]
    told: dict[str, Any] = {
        "vault_role": component.vault_role,
        "iam_role_arn": component.iam_role_arn,
        "service_accounts": [],
    }
    if isinstance(declared, ServiceAccountSettings):
        told["service_accounts"] = declared.service_accounts
        told["method"] = PodIdentityMethod(declared.method)
        told["service_account_mode"] = ServiceAccountMode(declared.service_account_mode)
    return told


def _pod_of_vault(config: Settings, identity: VaultIdentity) -> dict[str, Any]:
    declared = config.vault_identity
    if not isinstance(declared, RoleIdentity) or not declared.service_account:
        return {}
    return {
        "pod": {
            "service_account": declared.service_account,
            "iam_role_arn": identity.principal_arn,
            "method": PodIdentityMethod(declared.method),
        }
    }
