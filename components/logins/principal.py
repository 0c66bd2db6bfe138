"""Login of IAM roles and users that somebody else made, in Vault's own account or in another one."""

from collections.abc import Sequence

import pulumi
import pulumi_vault as vault
from typing_extensions import NotRequired, TypedDict

from .. import arns, trust
from ..vault_auth import VaultConnection
from ..vault_role import VaultToken, pin_principals, role_name, token_inputs
from . import lookup
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
        lookup.check_accounts("principals", principals, accounts)
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
        if in_full and args.get("look_up", lookup.in_own_account(principals, accounts)):
            unique_ids = [lookup.unique_id("principals", arn.kind, str(arn), self) for arn in in_full]
            pin_principals(name, vault_role, bound, pulumi.Output.all(*unique_ids), self)

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


def _principals(written: Sequence[str]) -> list[arns.Arn]:
    """The parts of the ARNs. Raises ValueError unless each can be bound."""
    if isinstance(written, pulumi.Output) or any(isinstance(arn, pulumi.Output) for arn in written):
        raise ValueError(
            "principals: must be known when the program runs, so that what Vault needs can be derived from "
            "them; write ARNs, not outputs of resources"
        )
    if not written:
        raise ValueError("principals: name at least one, the ARN of an IAM role or user")
    twice = [arn for arn in written if list(written).count(arn) > 1]
    if twice:
        raise ValueError(f"principals: {twice[0]!r} is named twice; leave one out")
    return [trust.check_iam("principals", arn, "role", "user", wildcard=True) for arn in written]
