"""What Vault's identity must be able to look up, in each account, for the logins that are declared."""

from components import Ec2InstanceLogin, ServiceAccountLogin, VaultPermissions, arns, iam, merge_permissions
from settings import Ec2InstanceLogin as InstanceSettings
from settings import ExistingIdentity, LoginSettings, RoleIdentity, Settings
from settings import PrincipalLogin as PrincipalSettings


def in_own_account(config: Settings) -> VaultPermissions:
    """What Vault's own identity needs, where it runs."""
    identity = config.vault_identity
    partition = arns.partition_of(config.region)
    assumed = [
        account.role_arn or arns.role_arn(partition, number, account.role_name)
        for number, account in config.accounts.items()
    ]
    own: VaultPermissions = {
        "assume_role_arns": [*assumed, *identity.assume_role_arns],
        "all_lookups": identity.all_lookups,
        "tagged_sessions": tagged_sessions(config),
    }
    # Where the own account is one of them, Vault runs somewhere else, and assumes a role here as well.
    needs = [
        _needs(login) for login in config.logins.values() if _account(config, login) not in config.accounts
    ]
    return merge_permissions([*needs, own])


def lookups_alone(config: Settings) -> str:
    """The policy, as JSON, of a login with `vaultLookups`: what Vault looks up in its own account."""
    own = [in_account(config, config.account_id)] if config.account_id in config.accounts else []
    looks = merge_permissions([in_own_account(config), *own])
    return iam.to_json(iam.vault_lookups(looks))


def tagged_sessions(config: Settings) -> bool:
    """Whether the sessions that Vault works with carry tags: EKS Pod Identity gives them some."""
    identity = config.vault_identity
    if isinstance(identity, ExistingIdentity):
        return identity.tagged_sessions
    return isinstance(identity, RoleIdentity) and identity.method == "pod-identity"


def in_account(config: Settings, account: str) -> VaultPermissions:
    """What the role needs that Vault assumes in an account."""
    needs = [_needs(login) for login in config.logins.values() if _account(config, login) == account]
    return merge_permissions([*needs, {"all_lookups": config.accounts[account].all_lookups}])


def _account(config: Settings, login: LoginSettings) -> str | None:
    return account_of(login) or config.account_id


def account_of(login: LoginSettings) -> str | None:
    """The account whose principals a login is for, where it is written; None: the stack's own."""
    written: list[str] = []
    if isinstance(login, PrincipalSettings):
        written = login.principals
    elif isinstance(login, InstanceSettings):
        written = login.role_arns
    return arns.parse(written[0]).account if written else None


def _needs(login: LoginSettings) -> VaultPermissions:
    if isinstance(login, PrincipalSettings):
        return iam.permissions_of_principals(login.principals)
    if isinstance(login, InstanceSettings):
        return Ec2InstanceLogin.VAULT_PERMISSIONS
    return ServiceAccountLogin.VAULT_PERMISSIONS
