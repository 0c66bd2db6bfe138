"""Vault as an issuer that AWS trusts, and Vault's AWS secrets engine."""

from typing import Any, cast

import pulumi
import pulumi_vault as vault

from components import (
    AwsSecretsEngine,
    AwsSecretsEngineArgs,
    VaultPluginIssuer,
    VaultPluginIssuerArgs,
)
from settings import FederatedIdentity, FederatedSecretsEngine, Settings


def plugin_issuer(config: Settings, options: pulumi.ResourceOptions) -> VaultPluginIssuer | None:
    """The issuer of Vault's identity tokens, if anything of the stack is federated."""
    if config.federation is None:
        return None
    federated = (
        section
        for section in (config.vault_identity, config.secrets_engine)
        if isinstance(section, FederatedIdentity | FederatedSecretsEngine)
    )
    args = {
        **config.federation.given(),
        "namespace": config.vault.namespace,
        "audiences": sorted({section.audience for section in federated}),
    }
    return VaultPluginIssuer("vault-issuer", cast(VaultPluginIssuerArgs, args), options)


def namespace_id(config: Settings) -> pulumi.Input[str]:
    """The ID of Vault's namespace, which is part of its identity tokens' subject."""
    if not config.federation or not config.vault.namespace:
        return "root"
    above, _, name = config.vault.namespace.rpartition("/")
    # A namespace is known to the one above it.
    provider = vault.Provider("vault-above", address=config.vault.address, namespace=above or None)
    found = vault.get_namespace_output(path=name, opts=pulumi.InvokeOutputOptions(provider=provider))
    return found.namespace_id


def secrets_engine(
    config: Settings,
    issuer: VaultPluginIssuer | None,
    namespace: pulumi.Input[str],
    options: pulumi.ResourceOptions,
) -> AwsSecretsEngine | None:
    """Vault's AWS secrets engine, if there is one, with an AWS identity of its own."""
    declared = config.secrets_engine
    if declared is None:
        return None
    endpoints = config.vault.endpoints
    args: dict[str, Any] = {
        **declared.given(),
        "region": config.region,
        "sts_endpoint": endpoints.sts,
        "iam_endpoint": endpoints.iam,
    }
    if isinstance(declared, FederatedSecretsEngine):
        assert issuer  # noqa: S101 - the settings see to it
        args["federation"] |= {"issuer": issuer.issuer, "namespace_id": namespace}
        args["identity_token_key"] = issuer.identity_token_key
    args = {key: value for key, value in args.items() if value is not None}
    return AwsSecretsEngine("secrets-engine", cast(AwsSecretsEngineArgs, args), options)
