"""What must hold between sections of a stack file. Each rule looks at whatever is right of them, so that all
problems are reported at once. What must hold within one section is declared beside its fields."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from components import arns, consumers, durations, logins, names, vault_identity
from components.cluster import agent_refusals
from components.component import Claim
from components.declared import Key, Reader
from components.existing_role import makes_policy, policy_name
from components.iam import merge_permissions
from components.logins.own_role import role_arn
from components.logins.service_account import of_another_account
from components.logins.used_role import is_used
from components.pod_role import EksClusterRef, PodIdentityMethod, trust_refusals, unavailable
from components.secrets_engine import AwsCredentialType
from components.secrets_engine.args import existing_refusals
from components.secrets_engine.engine import FOUND_POLICY_ENDING
from components.suggestions import suggestion
from components.trust import AUDIENCE
from components.vault_auth import sts_refusals
from components.vault_identity.base import too_long
from stack import engine_role, of_clusters
from stack.draft import Draft
from stack.reading import Section, report
from stack.sections import PROJECT

BUILT_IN_POLICIES = ("default",)
"""Vault policies that need no file: every Vault has them."""

PLACEHOLDER = "placeholder"
PLACEHOLDER_ARN = "arn:aws:iam::111111111111:role/placeholder"
"""What is known only when the stack is up."""


def check(draft: Draft) -> None:
    """Report to the draft's problems whatever is wrong between its sections."""
    for rule in (
        _some_login,
        _policies,
        _names,
        of_clusters.check_node_groups,
        _accounts_of_logins,
        _accounts,
        _used_accounts,
        _existing_identity,
        of_clusters.check,
        _trust_policies,
        _pod_identity,
        _federation,
        _engines,
        _found_engine,
        _sessions,
        _sts_endpoint,
        _consumers,
        _partition,
        _vaults_policy,
    ):
        rule(draft)


def _some_login(draft: Draft) -> None:
    path = f"{PROJECT}:logins"
    elsewhere = draft.identity is not None and draft.identity.get("all_lookups") is True
    if not draft.decoded("logins") and not draft.problems.at(path) and not elsewhere:
        draft.problems.add(
            path,
            "has no login; write at least one, e.g. pod: {kind: service-account, …}, or, where other "
            "stacks declare them, vaultIdentity.allLookups: true",
        )


def _policies(draft: Draft) -> None:
    """Policies must be in policies/vault/, or be managed elsewhere."""
    external = {str(name) for _, name in draft.vault.entries("external_policies")} if draft.vault else set()
    known = {*draft.policies, *external, *BUILT_IN_POLICIES}
    for section in (*([draft.vault] if draft.vault else []), *draft.logins.values()):
        for index, policy in section.entries("policies"):
            if policy not in known:
                draft.problems.add(
                    section.at("policies", index),
                    f"is not a Vault policy of this project; known: {', '.join(sorted(known))}. Write one of "
                    f"these, add policies/vault/{policy}.hcl, or list it in vault.externalPolicies if it is "
                    "managed elsewhere",
                    policy,
                )


# Names


_SECOND = (
    ", or, to give it a second Vault role, a login of kind principal with its IAM role: docs/operations.md, "
    "Two Vault roles for one workload"
)


class _Claimed(NamedTuple):
    path: str
    noun: str
    value: str
    cluster: str = ""
    """Of a service account: where it is."""


def _names(draft: Draft) -> None:
    """No two sections may claim one Vault role, service account or IAM name."""
    # Vault and IAM ignore the case of their names; Kubernetes has no upper case.
    owners: dict[tuple[str, str, str], str] = {}
    for path, noun, value, cluster in _claims(draft):
        owner = owners.setdefault((noun, value.lower(), cluster), path)
        if owner != path and not draft.problems.at(path):  # of two claims of one field, one is reported
            second = _SECOND if noun == "service account" and ":logins." in owner else ""
            draft.problems.add(path, f"is the {noun} of {owner} already; write another{second}", value)


def _claims(draft: Draft) -> Iterator[_Claimed]:
    for path, role in of_clusters.node_roles(draft):
        yield _Claimed(path, "IAM role", role)
    if draft.identity:
        claims = vault_identity.KINDS[draft.identity.kind].claims(draft.identity.options)
        yield from _of(draft.identity, claims, of_clusters.names(draft, draft.identity))
    if draft.secrets_engine:
        yield from _of(draft.secrets_engine, engine_claims(_engine_options(draft) or {}))
    for name, login in draft.logins.items():
        claims = logins.KINDS[login.kind].claims(name, login.options)
        yield from _of(login, claims, of_clusters.names(draft, login))


def _of(section: Section, claims: Iterator[Claim], clusters: Sequence[str] = ()) -> Iterator[_Claimed]:
    for claim in claims:
        if isinstance(claim.value, str):  # and not a wrong one, which is None
            for cluster in (clusters or [""]) if claim.noun == "service account" else [""]:
                yield _Claimed(section.at(*claim.place), claim.noun, claim.value, cluster)


def engine_claims(options: Mapping[str, Any]) -> Iterator[Claim]:
    """The names that the AWS secrets engine takes for itself in IAM."""
    if "role_arn" in options:
        if makes_policy(options):
            place = ("policy_name",) if "policy_name" in options else ()
            yield Claim("IAM policy", str(policy_name(options, FOUND_POLICY_ENDING)), place)
        return
    yield from vault_identity.VaultIdentity.claims(options)
    for role, declared in (options.get("roles") or {}).items():
        # The engine's user must be allowed itself what it federates.
        federates = declared and declared.get("credential_type") is AwsCredentialType.FEDERATION_TOKEN
        if federates and declared.get("policy_document") and "user_name" in options:
            yield Claim("IAM policy", f"{options['user_name']}-{role}", ("roles", Key(role)))


def _engine_options(draft: Draft) -> dict[str, Any] | None:
    """The engine's options, with the role that it finds around it; None where that cannot be known."""
    engine, identity = draft.secrets_engine, draft.identity
    if engine is None or engine.kind != "existing" or draft.uses_mount("secretsEngine"):
        return {**engine.options} if engine else None
    if identity is None or draft.region is None or {"role_arn", "role_name", "method"} & identity.wrong:
        return None
    if {"role_arn", "attach_policy", "policy_name"} & engine.wrong:
        return None
    return engine_role.found(engine.options, identity.kind, identity.options, draft.region, draft.account_id)


def _found_engine(draft: Draft) -> None:
    """An engine that works with what Vault finds around it, which may be the role of Vault's identity."""
    engine, options = draft.secrets_engine, _engine_options(draft)
    found = engine and engine.kind == "existing" and not draft.uses_mount("secretsEngine")
    if engine and found and engine.whole and options:
        report(list(existing_refusals(options)), engine.path, draft.problems)


# Accounts and principals


def _accounts_of_logins(draft: Draft) -> None:
    """The principals of a login must be of one account, and Vault must be able to look into it."""
    if draft.problems.at(f"{PROJECT}:accountId") or draft.problems.at(f"{PROJECT}:accounts"):
        return
    reachable = {*draft.accounts, *([draft.account_id] if draft.account_id else [])}
    looks_elsewhere = draft.uses_mount("vault")  # into accounts that only Vault can tell
    for login in draft.logins.values():
        bound = [
            (login.at(field, index), arns.parse(arn))
            for field in ("principals", "role_arns")
            for index, arn in login.entries(field)
        ]
        if used := login.get("iam_role_arn"):
            bound.append((login.at("iam_role_arn"), arns.parse(used)))
        groups = of_clusters.groups(draft, of_clusters.names(draft, login)) or {}
        for index, group in login.entries("node_groups"):
            made = filter(None, groups.get(group, ()))
            bound += [(login.at("node_groups", index), arns.parse(arn)) for arn in made]
        for path, parsed in bound:
            if parsed.account not in reachable and not looks_elsewhere:
                draft.problems.add(path, no_sts_role(parsed), str(parsed))
        if len({parsed.account for _, parsed in bound}) > 1:
            draft.problems.add(
                login.path, "binds principals of several accounts; write one login for each account"
            )


def no_sts_role(arn: arns.Arn) -> str:
    """What is wrong with an ARN of an account that Vault cannot look into."""
    entry = f'{{"{arn.account}": {{roleArn: "arn:{arn.partition}:iam::{arn.account}:role/NAME"}}}}'
    return (
        f"is of the account {arn.account}, into which Vault cannot look; write the role that Vault assumes "
        f"there, {PROJECT}:accounts: {entry}, or, if it is the stack's own account, "
        f'{PROJECT}:accountId: "{arn.account}"'
    )


def _accounts(draft: Draft) -> None:
    """The roles of an account must be of that account."""
    for name, account in draft.accounts.items():
        if not arns.ACCOUNT_FORM.fullmatch(name):
            continue
        for field in ("role_arn", "deploy_role_arn"):
            role = account.get(field)
            if role and arns.parse(role).account != name:
                draft.problems.add(account.at(field), f"is of another account; write a role of {name}", role)


def _used_accounts(draft: Draft) -> None:
    """A role that this stack makes in an account must be used by a login."""
    if draft.problems.below(f"{PROJECT}:logins"):
        return
    used = {account_of(login) or draft.account_id for login in draft.logins.values()}
    for name, account in draft.accounts.items():
        makes = not account.wrong and "role_arn" not in account.options
        if makes and name not in used and not account.options["all_lookups"]:
            draft.problems.add(
                account.path,
                "has a role that is unused: no login has principals of this account; add one, or write "
                "allLookups: true if its Vault roles are written elsewhere",
            )


def account_of(login: Section) -> str | None:
    """The account whose principals log in, where it is written; None: the stack's own."""
    right = {field: [value for _, value in login.entries(field)] for field in ("principals", "role_arns")}
    account: str | None = logins.KINDS[login.kind].account({**login.options, **right})
    return account


def _existing_identity(draft: Draft) -> None:
    """A role can be given a policy only in the stack's own account, and one that is not named cannot be
    trusted."""
    for section in (draft.identity, draft.secrets_engine):
        if section and section.kind == "existing":
            _attached(draft, section)
    identity = draft.identity
    if identity is None or identity.kind != "existing" or "role_arn" in identity.wrong:
        return
    if identity.get("role_arn") is None:
        for account in draft.accounts.values():
            ways = ("role_arn", "hcp", "trusted_principals", "trusted_services")
            if not account.wrong and not any(account.options.get(way) for way in ways):
                draft.problems.add(
                    account.path,
                    f"has a role that nothing can assume, because {identity.path} names no role; write its "
                    "roleArn, or hcp or trustedPrincipals here",
                )


def _attached(draft: Draft, section: Section) -> None:
    role_arn = section.get("role_arn")
    if (
        role_arn
        and draft.account_id
        and section.get("attach_policy") is not False
        and arns.parse(role_arn).account != draft.account_id
    ):
        draft.problems.add(
            section.at("role_arn"),
            f"is not of the stack's own account {draft.account_id}; write attachPolicy: false, and have its "
            "owner grant it what Vault needs",
            role_arn,
        )


# What one section needs of another


def _trust_policies(draft: Draft) -> None:
    """A cluster's issuer is known when it is up, but how long it is is known before."""
    for login in draft.logins.values():
        if login.kind == "service-account" and not login.wrong:
            options = login.options
            if is_used(options):
                report(list(of_another_account(options, draft.account_id)), login.path, draft.problems)
                continue
            clusters = [_known_ref(draft, draft.clusters[name]) for name in of_clusters.names(draft, login)]
            refusals = trust_refusals(
                [cluster for cluster in clusters if cluster],
                options["method"],
                options["service_accounts"],
                AUDIENCE,
                options["allow_wildcards"],
                options["trust_policy_limit"],
            )
            report(list(refusals), login.path, draft.problems)


def _known_ref(draft: Draft, cluster: Section) -> EksClusterRef | None:
    """What a trust policy names of a cluster, as long as it will be."""
    name, region = cluster.get("name"), draft.region_of(cluster)
    if not isinstance(name, str) or not region:
        return None
    account, partition = draft.account_id or "0" * 12, arns.partition_of(region)
    issuer = f"oidc.eks.{region}.{arns.dns_suffix(region)}/id/{'0' * 32}"
    return {
        "name": name,
        "arn": arns.eks_cluster_arn(region, account, name),
        "oidc_provider_arn": arns.oidc_provider_arn(partition, account, issuer),
    }


def _pod_identity(draft: Draft) -> None:
    """Not every partition of AWS has it."""
    if draft.region is None:
        return
    partition = arns.partition_of(draft.region)
    for section in (draft.identity, *draft.logins.values()):
        if section and isinstance(method := section.get("method"), PodIdentityMethod):
            report(list(unavailable(partition, method)), section.path, draft.problems)
    for cluster in draft.clusters.values():
        if cluster.get("pod_identity_agent") is True:
            report(list(agent_refusals(draft.region)), cluster.path, draft.problems)


def _federation(draft: Draft) -> None:
    """An issuer must be there for what is federated, and only for that."""
    sections = (draft.identity, draft.secrets_engine)
    federated = [section.path for section in sections if section and section.kind == "federation"]
    path = f"{PROJECT}:federation"
    if federated and not draft.given("federation"):
        draft.problems.add(
            path,
            f"is missing, and {federated[0]} needs it; write at least {{issuer: https://vault.example.com}}",
        )
    read = draft.identity and (draft.secrets_engine or not draft.given("secretsEngine"))
    if draft.given("federation") and not federated and read:
        draft.problems.add(
            path, "is unused: neither vaultIdentity nor secretsEngine has kind federation; remove it"
        )


def _engines(draft: Draft) -> None:
    """No two engines can be mounted at one path."""
    engine = draft.secrets_engine
    path = engine.get("path") if engine else None
    if not (engine and path and draft.vault):
        return
    mounted = [str(kv) for kv, _ in draft.vault.entries("kv")]
    if path in mounted:
        draft.problems.add(engine.at("path"), "is in vault.kv, too; write another path", path)
    for inner, outer in names.nested([path, *mounted]):
        if path in (inner, outer):
            draft.problems.add(
                engine.at("path"),
                f"and {inner if path == outer else outer} of vault.kv are one inside the other, which Vault "
                "refuses; write another path",
                path,
            )


def _sts_endpoint(draft: Draft) -> None:
    """Vault and its callers ask the STS that logins are signed for."""
    given = {"endpoints", "sts_region", "callers_sts_endpoint"}
    if draft.vault is None or draft.region is None or given & draft.vault.wrong:
        return
    if draft.uses_mount("vault") and not draft.vault.get("sts_region"):
        return  # the region is the mount's, which Vault tells
    endpoints, region = draft.vault.get("endpoints") or {}, draft.vault.get("sts_region") or draft.region
    callers = draft.vault.get("callers_sts_endpoint")
    refusals = [
        *sts_refusals(endpoints.get("sts"), region, ("endpoints", "sts")),
        *sts_refusals(callers, region, ("callers_sts_endpoint",)),
    ]
    report(refusals, draft.vault.path, draft.problems)


def _vaults_policy(draft: Draft) -> None:
    """What Vault's identity is granted fits into one policy. Measured where all else is right."""
    identity = draft.identity
    if draft.problems.found or identity is None or draft.region is None:
        return
    options = identity.options
    if identity.kind == "existing" and not (options.get("role_arn") and options.get("attach_policy", True)):
        return
    partition = arns.partition_of(draft.region)
    assumed = [
        account.get("role_arn") or arns.role_arn(partition, number, account.options["role_name"])
        for number, account in draft.accounts.items()
    ]
    needs = [logins.KINDS[login.kind].permissions(login.options) for login in draft.logins.values()]
    needed = merge_permissions([*needs, {"assume_role_arns": assumed}])
    granted = vault_identity.KINDS[identity.kind].granted({**options, "permissions": needed})
    if said := too_long(granted):
        own = identity.get("assume_role_arns")
        draft.problems.add(identity.at("assume_role_arns") if own else f"{PROJECT}:accounts", said)


def _sessions(draft: Draft) -> None:
    """The engine's credentials live no longer than the roles of this stack allow."""
    if draft.secrets_engine is None or draft.region is None or draft.account_id is None:
        return
    longest = {
        role_arn(arns.partition_of(draft.region), draft.account_id, name, login.options): (
            login,
            durations.to_seconds(login.get("max_session_duration") or "1h"),
        )
        for name, login in draft.logins.items()
        if "max_session_duration" in logins.KINDS[login.kind].OPTIONS.__annotations__
        and not login.wrong
        and not is_used(login.options)
    }
    roles = draft.secrets_engine.get("roles")
    for name, role in roles.items() if isinstance(roles, Mapping) and not draft.secrets_engine.wrong else ():
        ttl = role.get("default_sts_ttl")
        for arn in role.get("role_arns") or () if ttl else ():
            login, most = longest.get(arn, (None, 0))
            if login and durations.to_seconds(ttl) > most:
                draft.problems.add(
                    draft.secrets_engine.at("roles", Key(name), "default_sts_ttl"),
                    f"is longer than the sessions of {arn}; write less, or more into "
                    f"{login.at('max_session_duration')}",
                    ttl,
                )


def _consumers(draft: Draft) -> None:
    """A consumer must be able to use its login, and to reach Vault."""
    for name, consumer in draft.consumers.items():
        kind = consumers.KINDS[consumer.kind]
        login = consumer.get("login")
        if login is not None and login not in draft.logins:
            written = draft.decoded("logins")
            if not isinstance(written, Mapping) or login not in written:
                draft.problems.add(
                    consumer.at("login"), f"is not a login{suggestion(login, draft.logins)}", login
                )
            continue
        wired = _wired(draft, consumer, login)
        if consumer.whole and wired:
            args = {
                field: value
                for field, value in consumer.options.items()
                if field not in ("login", "clusters")
            }
            reader = Reader()
            reader.fields({**args, **wired.args}, kind.ARGS)
            refusals = [*reader.refusals, *kind.refusals_of_name(name, args)]
            elsewhere = {**wired.elsewhere, ("name",): consumer.path}
            report(refusals, consumer.path, draft.problems, elsewhere)


class _Wired(NamedTuple):
    """What the stack wires into a consumer, with placeholders for what is known later."""

    args: dict[str, Any]
    elsewhere: dict[tuple[str, ...], str]
    """Where the places of these arguments are written."""


def _wired(draft: Draft, consumer: Section, name: str | None) -> _Wired | None:
    """None where it cannot be known, because something else is wrong."""
    if consumers.KINDS[consumer.kind].NEEDS_LOGIN:
        login, vault = draft.logins.get(name or ""), draft.vault
        if not (login and login.whole and vault and vault.whole):
            return None
        facts = logins.KINDS[login.kind].for_consumers(login.options)
        connection = {
            "path": vault.options["mount_path"],
            "address": vault.options["address"],
            "namespace": vault.options["namespace"],
            "sts_region": PLACEHOLDER,
        }
        return _Wired(
            {
                "login": {"vault_role": PLACEHOLDER, "iam_role_arn": PLACEHOLDER_ARN, **facts},
                "connection": connection,
            },
            {
                ("login",): consumer.at("login"),
                **{("login", field): login.at(field) for field in login.options},
                ("connection",): vault.path,
            },
        )
    identity = draft.identity
    if not (identity and identity.whole):
        return None
    account = identity.get("service_account")
    if account is None:
        return _Wired({}, {("pod",): identity.at("service_account")})
    pod = {"service_account": account, "iam_role_arn": PLACEHOLDER_ARN, "method": identity.get("method")}
    return _Wired({"pod": pod}, {("pod",): identity.path})


# AWS partitions

_ARN_KEYS = (
    "accounts",
    "cluster",
    "clusters",
    "logins",
    "permissionsBoundary",
    "secretsEngine",
    "vaultIdentity",
)
"""Keys below which ARNs are written."""

_TEXT_KEYS = ("audience", "externalId", "Condition")
"""Keys of what may look like an ARN and names nothing that must be reached."""


def _partition(draft: Draft) -> None:
    """The whole stack is of one partition of AWS, that of `aws:region`: no other can be reached."""
    if draft.region is None:
        return
    partition = arns.partition_of(draft.region)
    for key in _ARN_KEYS:
        for path, found in _partitions(f"{PROJECT}:{key}", draft.decoded(key)):
            if found != partition and not draft.problems.at(path):
                # Not quoted, because the key may be an unknown one.
                draft.problems.add(
                    path,
                    f"is an ARN of the partition {found}, and aws:region {draft.region} is of {partition}; "
                    f"write arn:{partition}:…",
                )
    sections = (*draft.clusters.values(), *draft.logins.values())
    regions = [(draft.vault, "sts_region"), *((section, "region") for section in sections)]
    for section, field in regions:
        region = section.get(field) if section else None
        if section and region and arns.partition_of(region) != partition:
            draft.problems.add(
                section.at(field),
                f"is of the partition {arns.partition_of(region)}, and aws:region {draft.region} is of "
                f"{partition}; write a region of that, e.g. {draft.region}",
                region,
            )


def _partitions(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """The partition of each ARN that is written somewhere below, by its path."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key not in _TEXT_KEYS:
                yield from _partitions(f"{path}.{key}", item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _partitions(f"{path}[{index}]", item)
    elif isinstance(value, str):
        with contextlib.suppress(ValueError):  # no ARN, or reported already as a wrong one
            yield path, arns.parse(value).partition
