"""What must hold between sections. Looked at with whatever is right of each, so that all is told at once."""

from collections.abc import Iterator, Mapping, Set

from pydantic.alias_generators import to_camel

from components import arns
from settings.accounts import Account
from settings.consumers import ConsumerSettings
from settings.identities import IdentitySettings, RoleIdentity
from settings.logins import Ec2InstanceLogin, LoginSettings, PrincipalLogin, ServiceAccountLogin
from settings.problems import Problems, did_you_mean
from settings.reading import Reading
from settings.secrets_engine import SecretsEngineSettings, UserSecretsEngine
from settings.sections import Cluster, NodeGroup, Vault

Identity = Reading[IdentitySettings] | None
Engine = Reading[SecretsEngineSettings] | None
Logins = Mapping[str, Reading[LoginSettings]]


def check_duplicates(
    logins: Logins, cluster: Reading[Cluster] | None, identity: Identity, engine: Engine, problems: Problems
) -> None:
    """No two may share a Vault role, a service account or an IAM name: of the logins, the nodes, Vault's own
    identity and its secrets engine's."""
    # Vault and IAM tell none of their names apart by case; Kubernetes has no upper case.
    seen: dict[tuple[str, str], str] = {}
    claims = [(cluster.path + key, "IAM role", name) for key, name in _node_roles(cluster)] if cluster else []
    for own in (identity, engine):
        claims += _own_names(own) if own else []
    for name, login in logins.items():
        claims += [(login.path + key, noun, value) for noun, value, key in _claims(name, login)]
    for path, noun, value in claims:
        owner = seen.setdefault((noun, value.lower()), path)
        if owner != path and not problems.at(path):  # of two claims with one key, one is told
            problems.add(
                path, f"{problems.quoted(path, value)} is the {noun} of {owner} already; write another"
            )


def _node_roles(cluster: Reading[Cluster]) -> Iterator[tuple[str, str]]:
    """The names of the node roles that the stack makes, each with the key where it is written."""
    for name, group in cluster.items("node_groups"):
        path = f".nodeGroups.{name}"
        written = group.role_name if isinstance(group, NodeGroup) else group.get("roleName")
        if written:
            yield f"{path}.roleName", written
        elif cluster.section.name:
            yield path, f"{cluster.section.name}-{name}-node"


def _own_names(
    own: Reading[IdentitySettings] | Reading[SecretsEngineSettings],
) -> Iterator[tuple[str, str, str]]:
    """What Vault's own identity, or its secrets engine's, wants for itself."""
    owner, derived = "", ""
    if "service_account" not in own.wrong and (account := getattr(own.section, "service_account", None)):
        yield f"{own.path}.serviceAccount", "service account", account
    for field, noun in (("user_name", "IAM user"), ("role_name", "IAM role")):
        if field not in own.wrong and (name := getattr(own.section, field, None)):
            yield f"{own.path}.{to_camel(field)}", noun, name
            owner, derived = name, f"{own.path}.{to_camel(field)}"
    if "policy_name" not in own.wrong and own.section.policy_name:
        yield f"{own.path}.policyName", "IAM policy", own.section.policy_name
    elif "policy_name" not in own.wrong and owner:
        yield derived, "IAM policy", f"{owner}-policy"
    if owner and isinstance(own.section, UserSecretsEngine) and "roles" not in own.wrong:
        # What the engine's user federates it must be allowed itself.
        for role, declared in own.items("roles"):
            if declared.credential_type == "federation_token" and declared.policy_document:
                yield f"{own.path}.roles.{role}", "IAM policy", f"{owner}-{role}"


def _claims(name: str, login: Reading[LoginSettings]) -> Iterator[tuple[str, str, str]]:
    """What a login wants for itself: noun, value, and the key where it is written ("" where it is not)."""
    section = login.section
    if "vault_role" not in login.wrong:
        yield "Vault role", section.vault_role or name, ".vaultRole" if section.vault_role else ""
    if isinstance(section, ServiceAccountLogin):
        if "iam_role_name" not in login.wrong:
            role = section.iam_role_name or name
            yield "IAM role", role, ".iamRoleName" if section.iam_role_name else ""
            if section.vault_lookups is True:
                yield "IAM policy", f"{role}-lookups", ".vaultLookups"
        for index, account in login.items("service_accounts"):
            yield "service account", account, f".serviceAccounts[{index}]"


def check_instances(
    logins: Logins, cluster: Reading[Cluster] | None, accounts: Set[str] | None, problems: Problems
) -> None:
    """Instances must be of known node groups, of one account, which Vault can look into.

    `accounts` are those that it can look into; None: that cannot be told, as something is wrong there.
    """
    for login in logins.values():
        if not isinstance(login.section, Ec2InstanceLogin):
            continue
        bound = {f"{login.path}.roleArns[{index}]": arn for index, arn in login.items("role_arns")}
        for index, group in login.items("node_groups"):
            path = f"{login.path}.nodeGroups[{index}]"
            known = _node_groups(cluster)
            if known is not None and group not in known:
                problems.add(
                    path,
                    f"{problems.quoted(path, group)} is not a node group of the cluster"
                    + did_you_mean(group, tuple(known)),
                )
            elif known and known[group]:
                bound[path] = known[group]
        of = {path: arns.parse(arn) for path, arn in bound.items()}
        for path, arn in of.items():
            if accounts is not None and arn.account not in accounts:
                problems.add(path, _no_sts_role(problems.quoted(path, str(arn)), arn))
        if len({arn.account for arn in of.values()}) > 1:
            problems.add(login.path, "binds roles of several accounts; write one login for each account")


def _node_groups(cluster: Reading[Cluster] | None) -> dict[str, str | None] | None:
    """The role ARN of each node group, None where the stack makes the role; None if it cannot be told."""
    if cluster is None or None in (cluster.section.node_groups, cluster.section.node_role_arns):
        return None
    return {**dict.fromkeys(cluster.section.node_groups), **cluster.section.node_role_arns}


def _no_sts_role(quoted: str, arn: arns.Arn) -> str:
    entry = f'{{"{arn.account}": {{roleArn: "arn:{arn.partition}:iam::{arn.account}:role/NAME"}}}}'
    return (
        f"{quoted} is of the account {arn.account}, into which Vault cannot look; write the role that it is "
        f"to assume there, vault-aws-auth:accounts: {entry}, or, if it is the stack's own account, "
        f'vault-aws-auth:accountId: "{arn.account}"'
    )


def check_principals(logins: Logins, accounts: Set[str] | None, problems: Problems) -> None:
    """Principals must be of one account for each login, which Vault can look into."""
    for login in logins.values():
        if not isinstance(login.section, PrincipalLogin):
            continue
        bound = {f"{login.path}.principals[{index}]": arn for index, arn in login.items("principals")}
        of = {path: arns.parse(arn) for path, arn in bound.items()}
        for path, arn in of.items():
            if accounts is not None and arn.account not in accounts:
                problems.add(path, _no_sts_role(problems.quoted(path, str(arn)), arn))
        if len({arn.account for arn in of.values()}) > 1:
            problems.add(login.path, "binds principals of several accounts; write one login for each account")


def check_consumers(
    consumers: Mapping[str, Reading[ConsumerSettings]], logins: Logins, problems: Problems
) -> None:
    """A consumer's login must be one of the stack's."""
    for consumer in consumers.values():
        path, login = f"{consumer.path}.login", consumer.section.login
        if "login" in consumer.wrong or login in logins:
            continue
        if login:
            known = tuple(logins)
            problems.add(path, f"{problems.quoted(path, login)} is not a login" + did_you_mean(login, known))
        elif consumer.section.needs_login:
            problems.add(path, "is missing; it is the name of the login that the consumer uses")


def check_no_cluster(logins: Logins, identity: Identity, path: str, problems: Problems) -> None:
    """Without a cluster there are neither service accounts nor nodes."""
    needs = [login.path for login in logins.values() if isinstance(login.section, ServiceAccountLogin)]
    needs += [
        login.path
        for login in logins.values()
        if isinstance(login.section, Ec2InstanceLogin) and login.section.node_groups
    ]
    if identity and isinstance(identity.section, RoleIdentity) and identity.section.service_account:
        needs.append(f"{identity.path}.serviceAccount")
    if needs:
        problems.add(path, f"is missing, and {needs[0]} needs the cluster; write at least {{name: NAME}}")


def check_mounts(vault: Reading[Vault] | None, engine: Engine, problems: Problems) -> None:
    """No two engines can be mounted at one path."""
    if vault and engine and engine.section.path in (vault.section.kv or {}):
        path = f"{engine.path}.path"
        problems.add(path, f"{problems.quoted(path, engine.section.path)} is in vault.kv, too; write another")


def check_use_of_accounts(
    accounts: Mapping[str, Reading[Account] | None], logins: Logins, own: str | None, problems: Problems
) -> None:
    """A role that this stack makes in an account must be for something: in its `own`, for what it makes."""
    used = {
        arns.parse(arn).account
        for login in logins.values()
        for field in ("principals", "role_arns")
        if hasattr(login.section, field)
        for _, arn in login.items(field)
    }
    if own and any(
        isinstance(login.section, ServiceAccountLogin) or getattr(login.section, "node_groups", [])
        for login in logins.values()
    ):
        used.add(own)
    for name, account in accounts.items():
        if account is None or account.wrong or name in used:
            continue
        if not account.section.role_arn and not account.section.all_lookups:
            problems.add(
                account.path,
                "has no login, so its role would be for nothing; write a login whose principals are of this "
                "account, or allLookups: true if its Vault roles are written by hand",
            )


def check_accounts(accounts: Mapping[str, Reading[Account] | None], problems: Problems) -> None:
    """The role that Vault assumes to look into an account must be one of that account."""
    for name, account in accounts.items():
        if account is None or not arns.ACCOUNT_FORM.fullmatch(name):
            continue
        for field in ("role_arn", "deploy_role_arn"):
            role, path = getattr(account.section, field), f"{account.path}.{to_camel(field)}"
            if role and field not in account.wrong and arns.parse(role).account != name:
                problems.add(
                    path, f"{problems.quoted(path, role)} is of another account; write a role of {name}"
                )
