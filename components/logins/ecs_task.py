"""Login of Amazon ECS tasks: a task role for them, and the Vault role bound to it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import pulumi
import pulumi_aws as aws
from typing_extensions import NotRequired

from .. import arns, iam, trust, trust_reading
from ..component import Claim
from ..declared import UNIQUE, Default, Refusal, checked, rule
from ..forms import Region, RoleArn
from . import lookup, used_role
from .base import Login
from .own_role import (
    OwnRoleArgs,
    OwnRoleOptions,
    own_role,
    role_claims,
    role_name,
    too_many_policies,
)


class EcsTaskLoginOptions(OwnRoleOptions):
    """ECS tasks that log in by their task role."""

    verify_not_as: NotRequired[Annotated[Sequence[RoleArn], Default(()), UNIQUE]]
    """Roles that `vault-aws-auth verify` assumes, under the session name of the task, to see that Vault
    refuses them."""


class EcsTaskLoginArgs(EcsTaskLoginOptions, OwnRoleArgs):
    """ECS tasks of one region, and the mount that they log in to."""

    region: Region
    """AWS region of the tasks."""


@rule(EcsTaskLoginOptions, "iam_role_arn", "tags")
def _as_it_is(options: EcsTaskLoginOptions) -> Iterator[Refusal]:
    yield from used_role.unused(options, "tags")


@rule(EcsTaskLoginOptions, "policy_arns")
def _attached(options: EcsTaskLoginOptions) -> Iterator[Refusal]:
    yield from too_many_policies(len(options["policy_arns"]), "are")


class EcsTaskLogin(Login):
    """A task role that only ECS can assume, for tasks of one account and region, and a Vault role that only
    it can use. With `iam_role_arn` the role exists.

    Name it in the task definition, `taskRoleArn`. Who may register that definition (`iam:PassRole`) can let a
    task log in.
    """

    KIND = "ecs-task"
    OPTIONS = EcsTaskLoginOptions
    ARGS = EcsTaskLoginArgs
    VAULT_PERMISSIONS = iam.VaultPermissions(resolve_roles=True)

    def __init__(self, name: str, args: EcsTaskLoginArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = checked(EcsTaskLoginArgs, args)
        super().__init__(name, args, opts)
        role = None if used_role.is_used(args) else self._role(name, args)
        role_arn = pulumi.Output.from_input(role.arn if role else args["iam_role_arn"])
        vault_role = self._vault_role(
            name, role.unique_id if role else None, bound_iam_principal_arns=[role_arn]
        )
        known = lookup.known_accounts(args)
        if not role and args.get("look_up", lookup.in_own_account([args["iam_role_arn"]], known)):
            region = args["region"]
            callers = role_arn.apply(lambda arn: [trust_reading.ecs_task(arns.parse(arn).account, region)])
            self._look_up_again(name, vault_role, [used_role.unique_id(role_arn, callers, self)])
        self._finish(
            vault_role,
            iam_role_arn=role.arn if role else args["iam_role_arn"],
            service_accounts=[],
            principals=[role_arn],
            role=role,
            role_name=role_name(name, args) if role else "",
        )

    def _role(self, name: str, args: EcsTaskLoginArgs) -> "aws.iam.Role":
        region = args["region"]
        here = aws.get_caller_identity_output(opts=pulumi.InvokeOutputOptions(parent=self))
        trust_policy = here.account_id.apply(
            lambda account: iam.to_json(trust.ecs_task_trust(account, region))
        )
        return own_role(name, args, f"ECS tasks in {region}", trust_policy, self, args["policy_arns"])

    @classmethod
    def account(cls, options: EcsTaskLoginOptions) -> str | None:
        return lookup.account_of([options.get("iam_role_arn")])

    @classmethod
    def permissions(cls, options: EcsTaskLoginOptions) -> iam.VaultPermissions:
        return cls.VAULT_PERMISSIONS

    @classmethod
    def claims(cls, name: str, options: EcsTaskLoginOptions) -> Iterator[Claim]:
        yield from super().claims(name, options)
        yield from role_claims(name, options)

    @classmethod
    def caller(cls, options: EcsTaskLoginOptions) -> Mapping[str, Any]:
        return {"verifyNotAs": options["verify_not_as"]}
