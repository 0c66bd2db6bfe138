"""Declares the components of a stack file: each gets its options, and what other components know.

Arguments are put together from checked options, whose types are those of the stack file's sections; each
component checks them whole once more.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_vault as vault

from components import (
    AwsSecretsEngine,
    ExistingAwsSecretsEngine,
    ExistingVaultAwsAuth,
    StsRole,
    TrustedAccount,
    VaultAuthMount,
    VaultAwsAuth,
    VaultPluginIssuer,
    arns,
)
from components.consumers import Consumer
from components.logins import Login
from components.logins.own_role import role_arn
from components.logins.used_role import is_used
from components.secrets_engine.args import EngineExistingOptions, EngineFederationOptions, EngineUserOptions
from components.secrets_engine.engine import SecretsEngine
from components.vault_auth import AuthMethod
from components.vault_identity import VaultIdentity
from stack import handover, in_clusters, permissions
from stack.file import Declared, StackFile
from stack.in_clusters import InCluster
from stack.preflight import HandedOver
from stack.providers import Providers
from stack.sections import Mounting

NAME = "vault-aws-auth"
IDENTITY = "vault-identity"
ENGINE = "secrets-engine"


def declare(
    stack: StackFile, providers: Providers, handed_over: HandedOver | None = None
) -> Mapping[str, Any]:
    """Declare all that the stack consists of, with its providers, and keep what it has handed over. Returns
    its outputs."""
    if handed_over:
        handover.take_back(handed_over.back.values(), handed_over.moved)
    aws_provider, vault_provider = providers.aws_provider, providers.vault_provider
    base = pulumi.ResourceOptions(providers=[aws_provider, vault_provider])
    in_vault = pulumi.ResourceOptions(provider=vault_provider)
    clusters = in_clusters.declare(stack, providers)
    if handed_over:
        handover.declare(handed_over.kept, providers, clusters)
    # What is of no cluster waits for the one of the key `cluster` nevertheless, as ever.
    anywhere = next((it.opts for it in clusters.values() if it.stack_cluster.alone), base)
    issuer = _plugin_issuer(stack, base)
    namespace_id = _namespace_id(stack)
    mount = _mount(stack, issuer, in_vault)
    identity = _identity(stack, clusters, mount, issuer, namespace_id, base)
    of_accounts = providers.of_accounts
    auth = _auth(stack, mount, identity, _sts_roles(stack, identity, of_accounts), base)
    _kv_engines(stack, vault_provider)
    engine = _secrets_engine(stack, identity, issuer, namespace_id, base)
    policies = {
        name: vault.Policy(name, name=name, policy=text, opts=in_vault).name
        for name, text in stack.policies.items()
    }
    facts = {"region": stack.region, "connection": auth.connection, "lookups": permissions.lookups(stack)}
    logins: dict[str, Login] = {}
    # The roles of some may be the principals of others.
    for name, declared in sorted(stack.logins.items(), key=lambda it: "principals" in it[1].options):
        roles = _made_roles(stack, logins)
        of = [clusters[key] for key in declared.clusters]
        own = of[0].opts if _is_in_it(of) else anywhere
        args = {**facts, **_cluster_facts(of)}
        logins[name] = _login(stack, name, declared, args, policies, of_accounts, own, roles)
        if not _is_in_it(of):
            in_clusters.declare_login(_component(name, declared), declared, logins[name], of)
    logins = {name: logins[name] for name in stack.logins}
    pod = _pod_of_vault(stack, identity)
    consumers = {
        name: _consumer(
            name, declared, auth, logins, pod, [clusters[key] for key in declared.clusters], anywhere
        )
        for name, declared in stack.consumers.items()
    }
    return {
        "vault": {
            "address": stack.vault["address"],
            "namespace": stack.vault["namespace"],
            "mountPath": auth.path,
            "serverIdHeader": auth.server_id_header,
            "stsEndpoint": auth.sts_endpoint,
            "stsRegion": auth.sts_region,
        },
        **in_clusters.outputs(clusters),
        "logins": {name: _login_output(stack.logins[name], login) for name, login in logins.items()},
        "callers": {name: it.kind.caller(it.options) for name, it in stack.logins.items()},
        "consumers": {name: consumer.output for name, consumer in consumers.items()},
        **({"secretsEngine": {"path": engine.path, "roles": engine.role_names}} if engine else {}),
    }


def _given(**values: Any) -> Any:
    """Those that are not None."""
    return {name: value for name, value in values.items() if value is not None}


# Vault: its own AWS identity, the accounts it can look into, its mounts and engines


def _mount(
    stack: StackFile, issuer: VaultPluginIssuer | None, opts: pulumi.ResourceOptions
) -> VaultAuthMount | None:
    """The AWS auth mount, unless it exists."""
    if stack.uses_mount:
        return None
    args = _given(
        path=stack.vault["mount_path"],
        identity_token_key=issuer and issuer.identity_token_key,
        protect=stack.vault["protect"],
    )
    return VaultAuthMount(NAME, args, opts)


def _identity(
    stack: StackFile,
    clusters: Mapping[str, InCluster],
    mount: VaultAuthMount | None,
    issuer: VaultPluginIssuer | None,
    namespace_id: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> VaultIdentity:
    declared = stack.identity
    own = next((clusters[key] for key in declared.clusters), None)
    if own and own.stack_cluster.elsewhere:
        opts = own.of_aws
    facts = _given(
        permissions=permissions.in_own_account(stack),
        cluster=own and own.cluster.ref,
        issuer=issuer and issuer.issuer,
        mount=mount and mount.ref,
        namespace_id=namespace_id,
    )
    identity: VaultIdentity = declared.kind(IDENTITY, _args(declared, facts), opts)
    return identity


def _args(declared: Declared, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments: what is written, and of the facts those that the kind takes and that are not written."""
    return {**{k: v for k, v in facts.items() if k in declared.kind.ARGS.__annotations__}, **declared.options}


def _sts_roles(
    stack: StackFile, identity: VaultIdentity, of_accounts: Mapping[str, aws.Provider]
) -> dict[str, StsRole]:
    """By account: its role, which this stack makes unless it is managed elsewhere."""
    roles: dict[str, StsRole] = {}
    for account, declared in stack.accounts.items():
        if account not in of_accounts:
            roles[account] = _given(role_arn=declared["role_arn"], external_id=declared.get("external_id"))
            continue
        of_stack = ("role_arn", "deploy_role_arn", "trust_vault_identity")
        options: Any = {field: value for field, value in declared.items() if field not in of_stack}
        own = [identity.principal_arn] if declared["trust_vault_identity"] and _is_known(stack) else []
        options |= {
            "account_id": account,
            "permissions": permissions.in_account(stack, account),
            "tagged_sessions": stack.identity.kind.tagged_sessions(stack.identity.options),
            "trusted_principals": [*own, *declared["trusted_principals"]],
        }
        in_account = pulumi.ResourceOptions(providers=[of_accounts[account]])
        roles[account] = TrustedAccount(f"account-{account}", options, in_account).sts_role
    return roles


def _is_known(stack: StackFile) -> bool:
    """Whether it is known what Vault's identity is, so that other accounts can trust it."""
    return stack.identity.kind.KIND != "existing" or "role_arn" in stack.identity.options


def _auth(
    stack: StackFile,
    mount: VaultAuthMount | None,
    identity: VaultIdentity,
    sts_roles: Mapping[str, StsRole],
    opts: pulumi.ResourceOptions,
) -> AuthMethod:
    of = VaultAwsAuth if mount else ExistingVaultAwsAuth
    args: Any = {field: value for field, value in stack.vault.items() if field in of.OPTIONS.__annotations__}
    if mount is None:
        own = [account for account in (stack.vaults_account, stack.account_id) if account]
        known = own and stack.accounts_of_mount is not None
        args |= _given(
            path=stack.vault["mount_path"],
            region=stack.sts_region,
            sts_roles=sts_roles,
            accounts=[*dict.fromkeys([*own, *sorted(stack.accounts_of_mount or ())])] if known else None,
        )
        return ExistingVaultAwsAuth(NAME, args, opts)
    args |= _given(
        account_id=stack.account_id,
        mount=mount.ref,
        protect=stack.vault["protect"],
        region=stack.sts_region,
        credentials=identity.credentials,
        sts_roles=sts_roles,
    )
    return VaultAwsAuth(NAME, args, opts)


def _kv_engines(stack: StackFile, provider: vault.Provider) -> None:
    for path, engine in stack.vault["kv"].items():
        if engine["mount"] is Mounting.EXISTING:
            continue
        vault.Mount(
            f"kv-{path}",
            path=path,
            type="kv",
            options={"version": "2"},
            description="Secrets, KV version 2",
            opts=pulumi.ResourceOptions(provider=provider, protect=engine["protect"]),
        )


# Vault as an issuer that AWS trusts, and its AWS secrets engine


def _plugin_issuer(stack: StackFile, opts: pulumi.ResourceOptions) -> VaultPluginIssuer | None:
    """The issuer of Vault's identity tokens, if anything of the stack is federated."""
    if stack.federation is None:
        return None
    engine = stack.secrets_engine.options if stack.secrets_engine else {}
    audiences = {it["audience"] for it in (stack.identity.options, engine) if "audience" in it}
    args: Any = {**stack.federation, "namespace": stack.vault["namespace"], "audiences": sorted(audiences)}
    return VaultPluginIssuer("vault-issuer", args, opts)


def _namespace_id(stack: StackFile) -> pulumi.Input[str]:
    """The ID of Vault's namespace, which is part of its identity tokens' subject."""
    namespace = stack.vault["namespace"]
    if not stack.federation or not namespace:
        return "root"
    above, _, name = namespace.rpartition("/")
    # A namespace is known to the one above it.
    provider = vault.Provider("vault-above", address=stack.vault["address"], namespace=above or None)
    found = vault.get_namespace_output(path=name, opts=pulumi.InvokeOutputOptions(provider=provider))
    return found.namespace_id


def _secrets_engine(
    stack: StackFile,
    identity: VaultIdentity,
    issuer: VaultPluginIssuer | None,
    namespace_id: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> SecretsEngine | None:
    section = stack.secrets_engine
    if section is None:
        return None
    options = {field: value for field, value in stack.engine_options.items() if field != "mount"}
    if stack.uses_engine:
        mounted: Any = options
        return ExistingAwsSecretsEngine(ENGINE, mounted, opts)
    own = _OF_ENGINE[section.kind].__annotations__
    of_kind = {field: value for field, value in options.items() if field in own}
    args: Any = {field: value for field, value in options.items() if field not in own}
    args |= {"region": stack.region, "endpoints": stack.vault["endpoints"]}
    args["protect"] = stack.vault["protect"]
    if section.kind == "federation" and issuer:
        args["federation"] = {**of_kind, "issuer": issuer.issuer, "namespace_id": namespace_id}
        args["identity_token_key"] = issuer.identity_token_key
    elif section.kind == "existing":
        if "role_arn" not in section.options and stack.identity.kind.KIND == "role":
            of_kind["role_arn"] = identity.principal_arn  # which this stack makes
        args["existing"] = of_kind
    else:
        args["user"] = of_kind
    return AwsSecretsEngine(ENGINE, args, opts)


_OF_ENGINE: Mapping[str, type] = {
    "user": EngineUserOptions,
    "federation": EngineFederationOptions,
    "existing": EngineExistingOptions,
}
"""What an engine is told of its AWS identity, by the kind of that."""


# Who logs in, and the software that does


def _login(
    stack: StackFile,
    name: str,
    declared: Declared,
    facts: Mapping[str, Any],
    policies: Mapping[str, pulumi.Output[str]],
    of_accounts: Mapping[str, aws.Provider],
    opts: pulumi.ResourceOptions,
    roles: Mapping[str, Login],
) -> Login:
    args = _args(declared, facts)
    if "principals" in args:
        made = [roles[arn] for arn in args["principals"] if arn in roles]
        args["principals"] = [roles[arn].iam_role_arn if arn in roles else arn for arn in args["principals"]]
        args["principal_ids"] = [login.iam_role_unique_id for login in made]
    args["policies"] = [policies.get(policy, policy) for policy in declared.options["policies"]]
    # Named by what it owns in Vault: by the login's key, a login with a new key would write the same Vault
    # role, which the old one, deleted afterwards, would delete.
    component = _component(name, declared)
    if "iam_role_name" in declared.kind.ARGS.__annotations__ and not is_used(args):
        args.setdefault("iam_role_name", name)
    if "named_after_objects" in declared.kind.ARGS.__annotations__:
        # No two logins have the same ones, and another Vault role gives the component another name.
        args["named_after_objects"] = True
    if "look_up" in declared.kind.ARGS.__annotations__:
        # Where the role of another account is managed elsewhere, the stack has no provider to look with.
        account = declared.kind.account(declared.options)
        provider = of_accounts.get(account or "")
        # Into which of those that the mount looks into already, it has none either.
        args["look_up"] = provider is not None or account in (None, stack.account_id)
        if provider:
            opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(providers=[provider]))
    login: Login = declared.kind(component, args, opts)
    return login


def _component(name: str, declared: Declared) -> str:
    """The name of a login's component."""
    return str(declared.options.get("vault_role", name))


def _is_in_it(of: Sequence[InCluster]) -> bool:
    """Whether what a login has in its cluster is declared in the login: in the cluster of the key `cluster`,
    if it is its only one."""
    return len(of) == 1 and of[0].stack_cluster.alone


def _cluster_facts(of: Sequence[InCluster]) -> dict[str, Any]:
    """What a login knows of its clusters."""
    if not of:
        return {}
    refs = [it.cluster.ref for it in of]
    return {
        "region": of[0].stack_cluster.region,
        **({"cluster": refs[0]} if _is_in_it(of) else {"clusters": refs}),
    }


def _login_output(declared: Declared, login: Login) -> Mapping[str, Any]:
    return {**login.output, **({"clusters": [*declared.clusters]} if declared.clusters else {})}


def _made_roles(stack: StackFile, logins: Mapping[str, Login]) -> dict[str, Login]:
    """By ARN of their roles: the logins that make one in the stack's account. A login of principals that
    names one waits for it, and so gives its workload a second Vault role."""
    if stack.account_id is None:
        return {}
    partition, account = arns.partition_of(stack.region), stack.account_id
    return {
        role_arn(partition, account, name, stack.logins[name].options): login
        for name, login in logins.items()
        if "iam_role_name" in stack.logins[name].kind.ARGS.__annotations__
        and not is_used(stack.logins[name].options)
    }


def _pod_of_vault(stack: StackFile, identity: VaultIdentity) -> dict[str, Any] | None:
    """The service account of Vault's own pods, if they have one."""
    options = stack.identity.options
    if "service_account" not in options:
        return None
    return {
        "service_account": options["service_account"],
        "iam_role_arn": identity.principal_arn,
        "method": options["method"],
    }


def _consumer(
    name: str,
    declared: Declared,
    auth: AuthMethod,
    logins: Mapping[str, Login],
    pod: Mapping[str, Any] | None,
    of: Sequence[InCluster],
    anywhere: pulumi.ResourceOptions,
) -> Consumer:
    """The consumer, once in each cluster that it is installed in; its values are everywhere the same."""
    login = logins[declared.consumes].ref if declared.consumes else None
    facts = _given(connection=auth.connection, login=login, pod=pod)
    places = [(it.stack_cluster.resource(name), it.opts) for it in of] or [(name, anywhere)]
    made: list[Consumer] = []
    for component, opts in places:
        args = _args(declared, {**facts, **({"object_name": name} if component != name else {})})
        made.append(declared.kind(component, args, opts))
    return made[0]
