"""Inline policies and policy attachments of roles and users."""

from typing import Any

from sandbox.plugins.aws.client import Aws, found
from sandbox.plugins.aws.entry import resource
from sandbox.plugins.aws.iam.common import listed
from sandbox.plugins.resource import Inputs, Resource, State


def _inline(owner: str) -> Resource:
    """The inline policy of a role or user; its ID is `<owner>:<policy name>`."""
    owner_name = f"{owner.capitalize()}Name"

    def call(aws: Aws, verb: str, id_: str, **params: str) -> Any:
        of, _, name = id_.partition(":")
        operation = getattr(aws.client("iam"), f"{verb}_{owner}_policy")
        return found(operation, **{owner_name: of}, PolicyName=name, **params)

    def put(aws: Aws, inputs: Inputs) -> str:
        getattr(aws.client("iam"), f"put_{owner}_policy")(
            **{owner_name: inputs[owner]}, PolicyName=inputs["name"], PolicyDocument=inputs["policy"]
        )
        return f"{inputs[owner]}:{inputs['name']}"

    return resource(
        f"iam/{owner}Policy:{owner.capitalize()}Policy",
        names={owner: owner_name, "name": "PolicyName", "policy": "PolicyDocument"},
        unsupported="namePrefix",
        required=f"policy {owner}",
        autoname="name",
        json_inputs="policy",
        replace_on=f"name {owner}",
        create=put,
        live=lambda aws, id_, _: call(aws, "get", id_),
        change=lambda aws, _, __, new: put(aws, new),
        delete=lambda aws, id_, _: call(aws, "delete", id_),
    )


def _attachment(owner: str) -> Resource:
    """A managed policy's attachment to a role or user; its ID is `<owner>/<policy ARN>`."""
    owner_name = f"{owner.capitalize()}Name"

    def call(aws: Aws, verb: str, of: str, arn: str) -> None:
        getattr(aws.client("iam"), f"{verb}_{owner}_policy")(**{owner_name: of}, PolicyArn=arn)

    def attach(aws: Aws, inputs: Inputs) -> str:
        call(aws, "attach", inputs[owner], inputs["policyArn"])
        return f"{inputs[owner]}/{inputs['policyArn']}"

    def live(aws: Aws, id_: str, _: State) -> Any:
        of, _sep, arn = id_.partition("/")
        which = {owner_name: of}
        if not found(getattr(aws.client("iam"), f"get_{owner}"), **which):
            return None
        attached = listed(aws, f"list_attached_{owner}_policies", "AttachedPolicies", **which)
        return next(({**which, **policy} for policy in attached if policy["PolicyArn"] == arn), None)

    return resource(
        f"iam/{owner}PolicyAttachment:{owner.capitalize()}PolicyAttachment",
        names={owner: owner_name, "policyArn": "PolicyArn"},
        required=f"policyArn {owner}",
        replace_on=f"policyArn {owner}",
        create=attach,
        live=live,
        delete=lambda aws, id_, _: call(aws, "detach", *id_.split("/", 1)),
    )


ATTACHED = tuple(kind(owner) for kind in (_inline, _attachment) for owner in ("role", "user"))
