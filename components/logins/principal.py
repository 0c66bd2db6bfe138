"""Login of IAM roles and users that exist already, in Vault's own account or in another one."""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Any

import pulumi
from typing_extensions import NotRequired

from .. import arns, iam
from ..declared import UNIQUE, Default, Refusal, checked, not_empty, rule
from ..forms import PrincipalPattern, RoleArn
from . import lookup
from .base import Login, LoginArgs, LoginOptions


class PrincipalLoginOptions(LoginOptions):
    """IAM roles and users of one account."""

    principals: Annotated[
        Sequence[pulumi.Input[PrincipalPattern]], not_empty("an ARN of a role or user"), UNIQUE
    ]
    """ARNs of the IAM roles and users that may log in, at least one and all of one account. Each may end in
    `*`, which lets in roles and users that do not exist yet."""

    verify_as: NotRequired[Annotated[Sequence[RoleArn], UNIQUE]]
    """Roles that `vault-aws-auth login` and `verify` assume to act as such a caller.
    With an empty list none is tried, as for roles that only a service can assume.
    Default: the principals that are roles without `*`."""

    verify_not_as: NotRequired[Annotated[Sequence[RoleArn], Default(()), UNIQUE]]
    """Roles that `vault-aws-auth verify` assumes to see that Vault refuses them."""


class PrincipalLoginArgs(PrincipalLoginOptions, LoginArgs):
    """IAM roles and users of one account, and the mount that they log in to."""

    look_up: NotRequired[bool]
    """Look the principals without `*` up in their account, with the aws provider that is handed over: so that
    a wrong ARN is found at preview, and a principal that was deleted and recreated can log in after the next
    update. Default: true for Vault's own account, the first of `connection.accounts`, and where these are not
    known; else false, because it needs a provider of the principals' account. With a principal that is known
    only later, none is looked up."""

    principal_ids: NotRequired[Annotated[Sequence[pulumi.Input[str]], Default(())]]
    """Unique IDs of the principals that the program makes itself, such as a login's `iam_role_unique_id`:
    Vault goes by them, so another ID replaces the Vault role. Default: none."""


@rule(PrincipalLoginOptions, "principals", "verify_as", "verify_not_as")
def _verified(options: PrincipalLoginOptions) -> Iterator[Refusal]:
    written = [arn for arn in options["principals"] if isinstance(arn, str)]
    if len(written) < len(options["principals"]):
        return
    tried = (
        ("verify_as", options.get("verify_as", ()), True),
        ("verify_not_as", options["verify_not_as"], False),
    )
    for field, roles, wanted in tried:
        for role in roles:
            if any(fnmatchcase(role, pattern) for pattern in written) is not wanted:
                yield Refusal(field, f"is {'none' if wanted else 'one'} of the login's {{principals}}", role)


_SSO_ROLE, _SSO_PATH = "AWSReservedSSO_", "/aws-reserved/sso.amazonaws.com/"


@rule(PrincipalLoginOptions, "principals")
def _sso_patterns(options: PrincipalLoginOptions) -> Iterator[Refusal]:
    """Vault compares a pattern with a role's own ARN, and the roles of IAM Identity Center have a path."""
    for index, arn in enumerate(options["principals"]):
        if isinstance(arn, str) and arn.endswith("*"):
            role = arns.parse(arn)
            if (
                role.kind == "role"
                and role.name.startswith(_SSO_ROLE)
                and not role.path.startswith(_SSO_PATH)
            ):
                head = f"arn:{role.partition}:iam::{role.account}:role{_SSO_PATH}"
                yield Refusal(
                    ("principals", index),
                    "matches nothing, for roles of IAM Identity Center have a path; write "
                    f"{head}{role.name}, or, if it is not at home in us-east-1, {head}REGION/{role.name}",
                    arn,
                )


@rule(PrincipalLoginArgs, "principals", "connection")
def _accounts(args: PrincipalLoginArgs) -> Iterator[Refusal]:
    yield from lookup.refusals("principals", args["principals"], args)


class PrincipalLogin(Login):
    """A Vault role for IAM roles and users, of an account that Vault can look into.

    What it needs of Vault's AWS identity depends on the ARNs: `iam.permissions_of_principals` derives it. For
    principals of another account, the STS role of that account needs it.
    """

    KIND = "principal"
    OPTIONS = PrincipalLoginOptions
    ARGS = PrincipalLoginArgs

    def __init__(
        self, name: str, args: PrincipalLoginArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        args = checked(PrincipalLoginArgs, args)
        super().__init__(name, args, opts)
        principals = args["principals"]
        made = args["principal_ids"]
        vault_role = self._vault_role(
            name,
            pulumi.Output.all(*made).apply(lambda ids: ",".join(map(str, ids))) if made else None,
            bound_iam_principal_arns=principals,
        )
        written = [arn for arn in principals if isinstance(arn, str)]
        in_full = [arns.parse(arn) for arn in written if not arn.endswith("*")]
        mine = lookup.in_own_account(principals, lookup.known_accounts(args))
        # Of one that is known only later it cannot be told whether Vault keeps an ID; and Vault shows all.
        if in_full and len(written) == len(principals) and args.get("look_up", mine):
            unique_ids = [lookup.unique_id("principals", arn.kind, str(arn), self) for arn in in_full]
            self._look_up_again(name, vault_role, unique_ids)

        roles: list[pulumi.Input[str]] = [str(arn) for arn in in_full if arn.kind == "role"]
        roles += [arn.apply(_role) for arn in principals if isinstance(arn, pulumi.Output)]
        self._finish(
            vault_role,
            iam_role_arn=roles[0] if roles else "",
            service_accounts=[],
            principals=principals,
        )

    @classmethod
    def permissions(cls, options: PrincipalLoginOptions) -> iam.VaultPermissions:
        written = [arn for arn in options["principals"] if isinstance(arn, str)]
        if len(written) < len(options["principals"]):  # some are known later, and may be of either kind
            return {"resolve_roles": True, "resolve_users": True}
        return iam.permissions_of_principals(written)

    @classmethod
    def account(cls, options: PrincipalLoginOptions) -> str | None:
        return lookup.account_of(options["principals"])

    @classmethod
    def caller(cls, options: PrincipalLoginOptions) -> Mapping[str, Any]:
        named = {"verifyAs": options.get("verify_as"), "verifyNotAs": options.get("verify_not_as", [])}
        # Not written is not the same as empty, by which none is tried.
        return {key: roles for key, roles in named.items() if roles is not None}


def _role(arn: str) -> str:
    """A role's ARN; empty for a user's."""
    return arn if arns.parse(arn).kind == "role" else ""
