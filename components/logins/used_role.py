"""An IAM role that exists already and that a login uses as it is: found by its ARN, and its trust policy
read."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from .. import arns, trust_reading
from ..declared import Refusal, refuse
from . import lookup

FIELD = "iam_role_arn"


def is_used(options: Mapping[str, Any]) -> bool:
    """Whether the login uses a role that exists, instead of making one."""
    return options.get(FIELD) is not None


def unused(options: Mapping[str, Any], *fields: str) -> Iterator[Refusal]:
    """Refuse what is said of a role that is made here: fields that are given, beside `iam_role_arn`."""
    if is_used(options):
        for field in fields:
            if options.get(field):
                yield Refusal(field, f"is not used: {{{FIELD}}} is a role that is used as it is; remove one")


def not_let_in(policy: str, callers: "list[trust_reading.Caller]", arn: str) -> Iterator[Refusal]:
    """What is wrong with the trust policy of the role `arn`, as far as it can be told."""
    for caller in callers:
        try:
            why = trust_reading.why_not(policy, caller)
        except ValueError as error:
            why = str(error)
        if why:
            yield Refusal(
                FIELD,
                f"does not let {caller.name} in: {why}. Write a role that does, or have its owner add this "
                f"statement to its trust policy: {json.dumps(caller.statement)}",
                arn,
            )


def unique_id(
    arn: pulumi.Input[str],
    callers: "pulumi.Output[list[trust_reading.Caller]]",
    parent: pulumi.Resource,
) -> pulumi.Output[str]:
    """The unique ID of the role, by which Vault knows it; known once its trust policy has been read."""
    name = pulumi.Output.from_input(arn).apply(lambda value: arns.parse(value).name)
    role = aws.iam.get_role_output(name=name, opts=pulumi.InvokeOutputOptions(parent=parent))

    def checked(known: list[Any]) -> str:
        wanted, found, policy, asking, unique = known
        lookup.checked(FIELD, wanted, found)
        refuse(not_let_in(policy, asking, found))
        return str(unique)

    return pulumi.Output.all(arn, role.arn, role.assume_role_policy, callers, role.unique_id).apply(checked)
