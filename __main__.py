"""The stack: settings in, components composed, outputs exported."""

import asyncio
import gc
from pathlib import Path
from typing import cast

import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_vault as vault

import settings
from components import (
    EksCluster,
    EksClusterArgs,
    VaultAwsAuth,
    VaultAwsAuthArgs,
    auth_mount,
    short_stack_traces,
)
from composition import accounts, consumers, edition, federation, identity, logins, providers


def declare(config: settings.Settings) -> None:
    """All that the stack consists of, and its outputs."""
    # The cluster, and the way to each provider

    aws_provider = providers.aws_provider(config)
    vault_provider = providers.vault_provider(config)
    options = in_cluster = pulumi.ResourceOptions(providers=[aws_provider, vault_provider])
    in_vault = pulumi.ResourceOptions(provider=vault_provider)
    cluster: EksCluster | None = None
    if config.cluster:
        cluster = EksCluster(
            config.cluster.name,
            cast(
                EksClusterArgs,
                {
                    **config.cluster.given(),
                    "region": config.region,
                    "pod_identity_agent": config.installs_pod_identity_agent,
                },
            ),
            pulumi.ResourceOptions(providers=[aws_provider]),
        )
        kubernetes_provider = kubernetes.Provider("kubernetes", kubeconfig=cluster.kubeconfig)
        namespaces = [
            kubernetes.core.v1.Namespace(
                f"namespace-{name}",
                metadata=kubernetes.meta.v1.ObjectMetaArgs(name=name),
                opts=pulumi.ResourceOptions(provider=kubernetes_provider),
            )
            for name in config.cluster.namespaces
        ]
        in_cluster = pulumi.ResourceOptions(
            providers=[aws_provider, vault_provider, kubernetes_provider], depends_on=namespaces
        )

    # Vault: its AWS auth mount, its own AWS identity, the accounts it can look into, its engines and policies

    issuer = federation.plugin_issuer(config, options)
    namespace_id = federation.namespace_id(config)
    mount = auth_mount(
        "vault-aws-auth",
        path=config.vault.mount_path,
        identity_token_key=issuer.identity_token_key if issuer else None,
        opts=in_vault,
    )
    vault_identity = identity.vault_identity(config, cluster, mount, issuer, namespace_id, options)
    account_providers = accounts.account_providers(config)
    auth = VaultAwsAuth(
        "vault-aws-auth",
        cast(
            VaultAwsAuthArgs,
            {
                "mount": mount,
                "address": config.vault.address,
                "namespace": config.vault.namespace,
                **({"account_id": config.account_id} if config.account_id else {}),
                "region": config.sts_region,
                "server_id_header": config.vault.header,
                "credentials": vault_identity.credentials,
                "sts_roles": accounts.sts_roles(config, vault_identity, account_providers),
                "identity_alias": config.vault.identity_alias,
                **{f"{service}_endpoint": url for service, url in config.vault.endpoints.given().items()},
            },
        ),
        options,
    )
    for path, engine in config.vault.kv.items():
        vault.Mount(
            f"kv-{path}",
            path=path,
            type="kv",
            options={"version": "2"},
            description="Secrets, KV version 2",
            opts=pulumi.ResourceOptions(provider=vault_provider, protect=engine.protect),
        )
    secrets_engine = federation.secrets_engine(config, issuer, namespace_id, options)
    policies = {
        name: vault.Policy(name, name=name, policy=text, opts=in_vault).name
        for name, text in config.policies.items()
    }

    # Who logs in, and what the software that does is told

    declared_logins = {
        name: logins.login(config, name, auth.connection, cluster, policies, account_providers, in_cluster)
        for name in config.logins
    }
    declared_consumers = {
        name: consumers.consumer(config, name, auth.connection, declared_logins, vault_identity, in_cluster)
        for name in config.consumers
    }

    # Outputs

    pulumi.export(
        "vault",
        {
            "address": config.vault.address,
            "namespace": config.vault.namespace,
            "mountPath": auth.path,
            "serverIdHeader": auth.server_id_header,
            "stsEndpoint": auth.sts_endpoint,
            "stsRegion": auth.sts_region,
        },
    )
    if cluster:
        pulumi.export(
            "cluster",
            {
                "name": cluster.name,
                "oidcIssuer": cluster.oidc_issuer,
                "oidcProviderArn": cluster.oidc_provider_arn,
            },
        )
        pulumi.export("kubeconfig", cluster.kubeconfig)
    pulumi.export(
        "logins",
        {name: logins.output(config.logins[name], component) for name, component in declared_logins.items()},
    )
    pulumi.export("callers", {name: logins.caller(declared) for name, declared in config.logins.items()})
    pulumi.export("consumers", {name: component.output for name, component in declared_consumers.items()})
    if secrets_engine:
        pulumi.export("secretsEngine", {"path": secrets_engine.path, "roles": secrets_engine.role_names})


# Nearly all that the program makes lives until it ends, which is soon. To look for garbage every 700 objects
# would take more than half of its time.
gc.set_threshold(50_000)
try:
    given = settings.load(Path(__file__).parent)
    edition.check(given)
except (settings.SettingsError, edition.EditionError) as error:
    raise pulumi.RunError(str(error)) from None
for warning in settings.in_clear(given):
    pulumi.log.warn(warning)
with short_stack_traces():
    declare(given)


async def begin_registrations() -> None:
    """Lets the registrations of what is declared begin.

    The SDK waits one by one for those that have begun. Where none has, it waits for all outputs together, and
    goes through all of them whenever one is there: at fifty logins a third of the program's time and more.
    """
    await asyncio.sleep(0)


pulumi.run(begin_registrations)
