"""The consumers: what the software that logs in must be told, each of the kind that the settings name."""

from collections.abc import Mapping
from typing import Any

import pulumi

from components import PodIdentityMethod, VaultConnection
from components.consumers import KINDS, Consumer, VaultServerConsumer
from composition.identity import VaultIdentity
from composition.logins import Login
from settings import RoleIdentity, Settings


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
        login = logins[declared.login]
        args["login"] = {
            "vault_role": login.vault_role,
            "iam_role_arn": login.iam_role_arn,
            **config.logins[declared.login].for_consumers(),
        }
    make: Any = component
    made: Consumer = make(name, args, options)
    return made


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
