"""Login of IAM roles and users that somebody else made, in Vault's own account or in another one."""

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws
import pulumi_vault as vault
from typing_extensions import NotRequired, TypedDict

from .. import arns, trust
from ..vault_auth import VaultConnection
from ..vault_role import VaultToken, pin_principals, role_name, token_inputs
from .kinds import component_options, vault_role_options


class PrincipalLoginArgs(TypedDict):
    """IAM roles and users of one account."""

    connection: VaultConnection
    """The mount: `VaultAwsAuth.connection`, or its outputs."""

    principals: Sequence[str]
    """ARNs of the IAM roles and users that may log in, one at least and all of one account. Each may end in
    `*`: that lets in roles and users that do not exist yet."""

    token: VaultToken
    """The token that a login gets."""

    look_up: NotRequired[bool]
    """Look the principals without `*` up in their account, with the aws provider that is handed over: so that
    a wrong ARN is told at preview, and one that was deleted and made anew can log in after the next update.
    Default: true for Vault's own account, the first of `connection.accounts`, and where these are not known;
    else false, for it needs a provider of the principals' account."""

    vault_role: NotRequired[str]
    """Name of the Vault role, in lower case, as Vault keeps it. Default: the login's name."""


class PrincipalLogin(pulumi.ComponentResource):
    """A Vault role for IAM roles and users, of an account that Vault can look into.

    What it needs of Vault's AWS identity depends on the ARNs: `iam.permissions_of_principals` says it. For
    principals of another account it is the STS role of that account that needs it.
    """

    vault_role: pulumi.Output[str]
    """Name of the Vault role to log in with."""

    iam_role_arn: pulumi.Output[str]
    """ARN of the first principal that is a role and written in full; empty when none is."""

    service_accounts: pulumi.Output[Sequence[str]]
    """None: roles and users log in, not service accounts."""

    principals: pulumi.Output[Sequence[str]]
    """ARNs that the Vault role is bound to."""

    def __init__(
        self, name: str, args: PrincipalLoginArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        opts = component_options("PrincipalLogin", opts)
        super().__init__("vault-aws-auth:index:PrincipalLogin", name, {}, opts)
        principals = _principals(args["principals"])
        accounts = args["connection"].get("accounts") or []
        _check_account(principals[0], accounts)
        token = token_inputs(args["token"])
        bound = [str(principal) for principal in principals]
        in_full = [principal for principal in principals if not principal.name.endswith("*")]

        vault_role = vault.aws.AuthBackendRole(
            f"{name}-vault-role",
            backend=args["connection"]["path"],
            role=role_name(args.get("vault_role", name)),
            auth_type="iam",
            bound_iam_principal_arns=bound,
            # An ARN in full is resolved once, here; one with a * is compared at each login.
            resolve_aws_unique_ids=True,
            opts=vault_role_options(self),
            **token,
        )
        own_account = not accounts or principals[0].account == accounts[0]
        if in_full and args.get("look_up", own_account):
            unique_ids = pulumi.Output.all(*map(self._unique_id, in_full))
            pin_principals(name, vault_role, bound, unique_ids, self)

        roles = [str(principal) for principal in in_full if principal.kind == "role"]
        self.vault_role = vault_role.role
        self.iam_role_arn = pulumi.Output.from_input(roles[0] if roles else "")
        self.service_accounts = pulumi.Output.from_input([])
        self.principals = pulumi.Output.from_input(bound)
        self.register_outputs(
            {
                "vault_role": self.vault_role,
                "iam_role_arn": self.iam_role_arn,
                "service_accounts": self.service_accounts,
                "principals": self.principals,
            }
        )

    def _unique_id(self, principal: arns.Arn) -> pulumi.Output[str]:
        """The principal's unique ID, by which Vault knows it; it tells when the principal was made anew."""
        options = pulumi.InvokeOutputOptions(parent=self)
        if principal.kind == "user":
            user = aws.iam.get_user_output(user_name=principal.name, opts=options)
            found = pulumi.Output.all(user.arn, user.user_id)
        else:
            role = aws.iam.get_role_output(name=principal.name, opts=options)
            found = pulumi.Output.all(role.arn, role.unique_id)
        return found.apply(lambda values: _checked(principal, *values))


def _principals(written: Sequence[str]) -> list[arns.Arn]:
    """The parts of the ARNs. Raises ValueError unless all can be bound by one Vault role."""
    if not written:
        raise ValueError("principals: name at least one, the ARN of an IAM role or user")
    parsed = [trust.check_iam("principals", arn, "role", "user", wildcard=True) for arn in written]
    twice = [arn for arn in written if list(written).count(arn) > 1]
    if twice:
        raise ValueError(f"principals: {twice[0]!r} is named twice; leave one out")
    accounts = sorted({f"{arn.partition}:{arn.account}".removeprefix("aws:") for arn in parsed})
    if len(accounts) > 1:
        raise ValueError(
            f"principals: are of the accounts {', '.join(accounts)}; Vault resolves a role over several "
            "accounts wrongly, so declare one login for each"
        )
    return parsed


def _check_account(principal: arns.Arn, accounts: Sequence[str]) -> None:
    """Raise ValueError where Vault could not find out who logs in.

    Vault refuses an ARN in full when the role is written, but one with a `*` only at each login.
    """
    if accounts and principal.account not in accounts:
        raise ValueError(
            f"principals: {str(principal)!r} is of the account {principal.account}, and Vault looks only "
            f"into {', '.join(accounts)}; give VaultAwsAuth an STS role of that account (sts_roles), "
            "which TrustedAccount makes"
        )


def _checked(principal: arns.Arn, found: str, unique_id: str) -> str:
    """The unique ID of what was looked up by name, if its ARN is the one that was asked for.

    Vault, too, goes by the name alone: it would take another path, or none, without a word.
    """
    if found == str(principal):
        return unique_id
    if arns.parse(found).account != principal.account:
        raise ValueError(
            f"principals: {str(principal)!r} was looked for in the account {arns.parse(found).account}; hand "
            f"over an aws provider of the account {principal.account}, or set look_up to false"
        )
    raise ValueError(
        f"principals: {str(principal)!r} is not its ARN; write it as IAM has it, with its path: {found}"
    )
