"""The IAM principals that a login binds: of one account that Vault can look into, and as IAM has them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from .. import arns
from ..declared import Refusal


def account_of(principals: Sequence[Any]) -> str | None:
    """The account of the first ARN that is written, if any is."""
    written = [arn for arn in principals if isinstance(arn, str)]
    return arns.parse(written[0]).account if written else None


def refusals(field: str, principals: Sequence[Any], args: Mapping[str, Any]) -> Iterator[Refusal]:
    """What is wrong with principals that one Vault role is to bind, as far as they are known.

    Vault refuses an ARN in full when the role is written, but one with a `*` only at each login.
    """
    parsed = [arns.parse(arn) for arn in principals if isinstance(arn, str)]
    found = sorted({f"{arn.partition}:{arn.account}".removeprefix("aws:") for arn in parsed})
    if len(found) > 1:
        yield Refusal(
            field,
            f"are of the accounts {', '.join(found)}; Vault resolves a role over several accounts wrongly, "
            "so write one login for each account",
        )
    accounts = known_accounts(args)
    for arn in parsed if accounts and len(found) == 1 else ():
        if arn.account not in accounts:
            yield Refusal(
                field,
                f"is of the account {arn.account}, and Vault looks only into {', '.join(accounts)}; give "
                "VaultAwsAuth an STS role of that account (sts_roles), which TrustedAccount makes",
                str(arn),
            )
            return


def known_accounts(args: Mapping[str, Any]) -> Sequence[str]:
    """The accounts that Vault can look into, Vault's own first; none where that is not known now."""
    connection = args.get("connection")
    if connection is None or isinstance(connection, pulumi.Output):
        return []
    accounts = connection.get("accounts") or []
    return [] if isinstance(accounts, pulumi.Output) else accounts


def in_own_account(principals: Sequence[Any], accounts: Sequence[str]) -> bool:
    """Whether the provider that components are handed by default can look them up: they are of Vault's own
    account, the first of `accounts`, or the accounts are not known."""
    account = account_of(principals)
    return not accounts or account in (None, accounts[0])


def unique_id(field: str, kind: str, arn: pulumi.Input[str], parent: pulumi.Resource) -> pulumi.Output[str]:
    """The unique ID of a role or user, by which Vault knows it; it changes when that is recreated."""
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
    checked(field, wanted, found)
    return unique_id


def checked(field: str, wanted: str, found: str) -> None:
    """Raises ValueError unless what was looked up by name has the ARN that was asked for.

    Vault, too, goes by the name alone: it would accept another path, or none, silently.
    """
    if found == wanted:
        return
    account, looked_in = arns.parse(wanted).account, arns.parse(found).account
    if looked_in != account:
        raise ValueError(
            f"{field}: {wanted!r} was looked for in the account {looked_in}; hand over an aws provider of "
            f"the account {account}, or set look_up to false"
        )
    raise ValueError(f"{field}: {wanted!r} is not its ARN; write it as IAM has it, with its path: {found}")
