"""The IAM principals that a login binds: of one account that Vault can look into, and as IAM has them."""

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from .. import arns


def check_accounts(field: str, principals: Sequence[arns.Arn], accounts: Sequence[str]) -> None:
    """Raise ValueError unless one Vault role can bind them all, and Vault can find out who they are.

    `accounts` are those that Vault can look into; none: that is not known. Vault refuses an ARN in full when
    the role is written, but one with a `*` only at each login.
    """
    found = sorted({f"{arn.partition}:{arn.account}".removeprefix("aws:") for arn in principals})
    if len(found) > 1:
        raise ValueError(
            f"{field}: are of the accounts {', '.join(found)}; Vault resolves a role over several "
            "accounts wrongly, so declare one login for each"
        )
    first = principals[0]
    if accounts and first.account not in accounts:
        raise ValueError(
            f"{field}: {str(first)!r} is of the account {first.account}, and Vault looks only "
            f"into {', '.join(accounts)}; give VaultAwsAuth an STS role of that account (sts_roles), "
            "which TrustedAccount makes"
        )


def in_own_account(principals: Sequence[arns.Arn], accounts: Sequence[str]) -> bool:
    """Whether the provider that components are handed by default can look them up: they are of Vault's own
    account, the first of `accounts`, or nobody knows better."""
    return not accounts or all(arn.account == accounts[0] for arn in principals)


def unique_id(field: str, kind: str, arn: pulumi.Input[str], parent: pulumi.Resource) -> pulumi.Output[str]:
    """The unique ID of a role or user, by which Vault knows it; it tells when the principal was made anew."""
    options = pulumi.InvokeOutputOptions(parent=parent)
    name = pulumi.Output.from_input(arn).apply(lambda value: arns.parse(value).name)
    if kind == "user":
        user = aws.iam.get_user_output(user_name=name, opts=options)
        found = pulumi.Output.all(arn, user.arn, user.user_id)
    else:
        role = aws.iam.get_role_output(name=name, opts=options)
        found = pulumi.Output.all(arn, role.arn, role.unique_id)
    return found.apply(lambda values: _checked(field, *values))


def _checked(field: str, wanted: str, found: str, unique_id: str) -> str:
    """The unique ID of what was looked up by name, if its ARN is the one that was asked for.

    Vault, too, goes by the name alone: it would take another path, or none, without a word.
    """
    if found == wanted:
        return unique_id
    account, looked_in = arns.parse(wanted).account, arns.parse(found).account
    if looked_in != account:
        raise ValueError(
            f"{field}: {wanted!r} was looked for in the account {looked_in}; hand over an aws provider of "
            f"the account {account}, or set look_up to false"
        )
    raise ValueError(f"{field}: {wanted!r} is not its ARN; write it as IAM has it, with its path: {found}")
