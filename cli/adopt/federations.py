"""What is federated: a mount or an engine whose AWS identity is a role that trusts Vault's own tokens.

The issuer of the tokens is one for a whole Vault namespace, and stays its owner's; the role that trusts them
for one mount alone comes under the stack. Pure functions.
"""

from collections.abc import Mapping
from typing import Any

from components import arns, trust
from components.federation import plugin_issuer_url

from ..console import duration
from .estate import Estate, Role
from .iam_roles import maker
from .plan import Remark, changes
from .trusts import same_policy

_LIFE = 3600
"""Life of an identity token where none is written, in seconds."""


def audience(config: Mapping[str, Any]) -> str:
    """The audience of the identity tokens that a mount shows to AWS; empty where it is not federated."""
    return str(config.get("identity_token_audience") or "")


def why_left(config: Mapping[str, Any], estate: Estate) -> str:
    """Why a federated mount or engine is used as it is; empty where the stack can have it."""
    if not estate.vault.issuer:
        return "is federated, and the issuer of its tokens is not written in Vault"
    if not estate.vault.namespace_id:
        return "is federated, and the ID of its namespace, which its role trusts, could not be read"
    provider = _provider(estate)
    own = estate.accounts.get(estate.account_id)
    if own is None or audience(config) not in own.oidc_providers.get(provider, ()):
        return f"is federated, and {provider} is not there, or does not accept its audience"
    arn = str(config.get("role_arn") or "")
    role = estate.roles.get(arn)
    if role is None or arns.parse(arn).account != estate.account_id:
        return f"is federated with {arn or 'no role'}, which is not one of the stack's account"
    if arns.parse(arn).path != "/":
        return f"is federated with {arn}, which has a path"
    if owner := maker(role.tags):
        return f"is federated with {arn}, which is made by {owner}"
    if sum(_has(each, arn) for each in _configs(estate)) > 1:
        return f"is federated with {arn}, which another mount has, too"
    if not _narrows(role, provider):
        return f"is federated with {arn}, which trusts more than Vault's tokens"
    return ""


def options(
    config: Mapping[str, Any], kind: str, accessor: str, estate: Estate
) -> tuple[dict[str, Any], list[Remark]]:
    """The options of the identity of a mount (`auth`) or engine (`secret`), and what of its role changes."""
    arn, own = str(config["role_arn"]), audience(config)
    role, name = estate.roles[arn], arns.parse(arn).name
    found: dict[str, Any] = {"kind": "federation", "roleName": name, "audience": own}
    life = int(config.get("identity_token_ttl") or 0) or _LIFE
    if life != _LIFE:
        found["tokenTtl"] = duration(life)
    found["policyName"] = f"{name}-vault-aws-auth"
    if role.boundary:
        found["permissionsBoundary"] = role.boundary
    if tags := {key: value for key, value in role.tags.items() if not key.startswith("aws:")}:
        found["tags"] = tags
    subject = trust.plugin_subject(estate.vault.namespace_id, kind, accessor)
    issuer = plugin_issuer_url(estate.vault.issuer, estate.vault.namespace)
    said = [
        changes(
            arn,
            f"gets the description and the tags of this stack, and the policy {found['policyName']}; its own "
            f"policies ({', '.join([*role.attached, *role.inline]) or 'none'}) stay",
        )
    ]
    if not same_policy(role.trust, trust.web_identity_trust(_provider(estate), issuer, [subject], own)):
        said.append(changes(arn, f"trusts {subject} with the audience {own}, and nothing else of the issuer"))
    if not config.get("identity_token_ttl"):
        said.append(changes(arn, f"identity_token_ttl is {duration(life)}, which is Vault's default"))
    return found, said


def section(estate: Estate, key: str) -> dict[str, Any]:
    """The section `federation`: the issuer as it is. `key` is the name of the key that signs."""
    return {"existing": True, "issuer": estate.vault.issuer, "keyName": key}


def _provider(estate: Estate) -> str:
    issuer = plugin_issuer_url(estate.vault.issuer, estate.vault.namespace)
    return arns.oidc_provider_arn(arns.partition_of(estate.region), estate.account_id, issuer)


def _configs(estate: Estate) -> list[Mapping[str, Any]]:
    return [estate.vault.mount.client, *(engine.root for engine in estate.vault.engines)]


def _has(config: Mapping[str, Any], arn: str) -> bool:
    return bool(audience(config)) and config.get("role_arn") == arn


def _narrows(role: Role, provider: str) -> bool:
    """Whether everything that the role trusts is what the provider says, so that to narrow it to one mount
    takes it from that mount's tokens alone."""
    statements = role.trust.get("Statement")
    statements = statements if isinstance(statements, list) else [statements]
    if len(statements) != 1 or not isinstance(statements[0], Mapping):
        return False
    (one,) = statements
    principal, action = one.get("Principal"), one.get("Action")
    host = trust.issuer_of(provider)
    keys = {key for tests in (one.get("Condition") or {}).values() for key in tests}
    return (
        one.get("Effect") == "Allow"
        and isinstance(principal, Mapping)
        and {*principal} == {"Federated"}
        and principal["Federated"] in (provider, [provider])
        and action in ("sts:AssumeRoleWithWebIdentity", ["sts:AssumeRoleWithWebIdentity"])
        and keys <= {f"{host}:aud", f"{host}:sub"}
    )
