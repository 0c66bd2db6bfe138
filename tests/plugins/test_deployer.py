"""Changes in place, with the deployer's permissions: all are allowed, and none is without its action.

What a first deployment and its end need is proved with the examples (tests/sandbox/test_examples.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest

from sandbox.plugins.aws import PLUGIN
from stack.deployer import in_aws, needs
from stack.deployer.needs import Need
from stack.deployer.program import Declared, Place, Program
from tests.emulator.world import allow, trust
from tests.plugins.cloud import REGION, Cloud, cloud
from tests.plugins.engine import Deployed, Engine, Refused, engine_for

__all__ = ["cloud"]  # a fixture

ACCOUNT = "111111111111"
PLACE = Place(REGION, ACCOUNT, "", "vault-aws-auth", "dev", frozenset())
TAGS = {"pulumi-project": PLACE.project, "pulumi-stack": PLACE.stack}
ISSUER = "https://oidc.example.com/changes"
ROLE, POLICY, USER = "aws:iam/role:Role", "aws:iam/policy:Policy", "aws:iam/user:User"
KEY, PROFILE = "aws:iam/accessKey:AccessKey", "aws:iam/instanceProfile:InstanceProfile"
PROVIDER = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"


FIRST: dict[str, dict[str, Any]] = {
    ROLE: {
        "name": "changed",
        "assumeRolePolicy": trust({"Service": "ec2.amazonaws.com"}),
        "maxSessionDuration": 3600,
    },
    POLICY: {"name": "changed", "policy": allow("iam:GetRole")},
    USER: {"name": "changed"},
    KEY: {"user": "changed", "status": "Active"},
    PROVIDER: {"url": ISSUER, "clientIdLists": ["one"], "thumbprintLists": ["a" * 40]},
    PROFILE: {"name": "changed", "role": "changed"},
    TEMPLATE: {"name": "changed", "description": "first", "updateDefaultVersion": True, "tags": {"own": "1"}},
}
MORE = {"more": "tag"}

CHANGES: dict[str, tuple[str, dict[str, Any]]] = {
    "iam:TagRole": (ROLE, {"tags": MORE}),
    "iam:UpdateAssumeRolePolicy": (ROLE, {"assumeRolePolicy": trust({"Service": "eks.amazonaws.com"})}),
    "iam:UpdateRole": (ROLE, {"maxSessionDuration": 7200}),
    "iam:TagPolicy": (POLICY, {"tags": MORE}),
    "iam:CreatePolicyVersion": (POLICY, {"policy": allow("iam:GetUser")}),
    "iam:TagUser": (USER, {"tags": MORE}),
    "iam:UpdateAccessKey": (KEY, {"status": "Inactive"}),
    "iam:AddClientIDToOpenIDConnectProvider": (PROVIDER, {"clientIdLists": ["one", "two"]}),
    "iam:UpdateOpenIDConnectProviderThumbprint": (PROVIDER, {"thumbprintLists": ["b" * 40]}),
    "iam:TagOpenIDConnectProvider": (PROVIDER, {"tags": MORE}),
    "iam:TagInstanceProfile": (PROFILE, {"tags": MORE}),
    "ec2:CreateLaunchTemplateVersion": (TEMPLATE, {"description": "second"}),
    "ec2:CreateTags": (TEMPLATE, {"tags": {"own": "2"}}),
}
"""Each action, and the change that needs it. The change back needs those below."""

BACK = {
    "iam:UntagRole": "iam:TagRole",
    "iam:UntagPolicy": "iam:TagPolicy",
    "iam:UntagUser": "iam:TagUser",
    "iam:RemoveClientIDFromOpenIDConnectProvider": "iam:AddClientIDToOpenIDConnectProvider",
    "iam:UntagOpenIDConnectProvider": "iam:TagOpenIDConnectProvider",
    "iam:UntagInstanceProfile": "iam:TagInstanceProfile",
    "ec2:ModifyLaunchTemplate": "ec2:CreateLaunchTemplateVersion",
}
"""An action that the change back needs, and the change."""


@dataclass
class World:
    """Everything as it was first, made by a deployer."""

    engine: Engine
    permit: Callable[[list[Need]], None]
    granted: list[Need]
    made: dict[str, Deployed] = field(default_factory=dict)

    def change(self, kind: str, **inputs: Any) -> None:
        """Updates one in place."""
        self.made[kind] = self.engine.update(self.made[kind], {**FIRST[kind], **inputs})
        assert self.made[kind].steps == ["update"]

    def without(self, action: str) -> None:
        """From here on, without an action."""
        assert action in {need.action for need in self.granted}
        self.permit([need for need in self.granted if need.action != action])


@pytest.fixture(scope="module")
def world(cloud: Cloud) -> Iterator[World]:
    iam = cloud.client("iam")
    iam.create_user(UserName="the-deployer")
    key = iam.create_access_key(UserName="the-deployer")["AccessKey"]

    attached: list[str] = []

    def permit(some: list[Need]) -> None:
        for document in needs.policies(some):
            name = f"the-deployers-{uuid4().hex[:8]}"
            made = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(document))
            attached.append(made["Policy"]["Arn"])
            iam.attach_user_policy(UserName="the-deployer", PolicyArn=attached[-1])
        for arn in attached[: -len(needs.policies(some))]:
            iam.detach_user_policy(UserName="the-deployer", PolicyArn=arn)
            attached.remove(arn)

    declared = tuple(Declared(kind, "changed", inputs) for kind, inputs in FIRST.items())
    granted = in_aws.needs(Program(PLACE, declared))
    permit(granted)
    config = {
        "region": REGION,
        "accessKey": key["AccessKeyId"],
        "secretKey": key["SecretAccessKey"],
        "defaultTags": json.dumps({"tags": TAGS}),
        "endpoints": json.dumps([dict.fromkeys(("iam", "sts", "ec2"), cloud.url)]),
    }
    with engine_for(PLUGIN, config) as engine:
        made = World(engine, permit, granted)
        for kind, inputs in FIRST.items():
            made.made[kind] = engine.create(kind, inputs)
        yield made
        permit(granted)
        for kind in reversed(FIRST):
            engine.delete(made.made[kind])


@pytest.mark.parametrize("action", CHANGES)
def test_a_change_in_place_fails_without_its_action(world: World, action: str) -> None:
    kind, inputs = CHANGES[action]
    world.without(action)
    with pytest.raises(Refused, match=f"not authorized to perform: {action} "):
        world.change(kind, **inputs)
    world.permit(world.granted)
    world.change(kind, **inputs)
    world.change(kind)


@pytest.mark.parametrize("action", BACK)
def test_the_change_back_fails_without_its_action(world: World, action: str) -> None:
    kind, inputs = CHANGES[BACK[action]]
    world.change(kind, **inputs)
    world.without(action)
    with pytest.raises(Refused, match=f"not authorized to perform: {action} "):
        world.change(kind)
    world.permit(world.granted)
    world.change(kind)


def test_a_sixth_version_of_a_policy_fails_without_the_deletion_of_the_oldest(world: World) -> None:
    for number in range(5):
        world.change(POLICY, policy=allow(f"iam:Get{number}"))
    world.without("iam:DeletePolicyVersion")
    with pytest.raises(Refused, match="not authorized to perform: iam:DeletePolicyVersion "):
        world.change(POLICY, policy=allow("iam:ListRoles"))
    world.permit(world.granted)
    world.change(POLICY)


def test_a_launch_templates_tag_is_not_taken_away_without_the_action(world: World) -> None:
    world.without("ec2:DeleteTags")
    with pytest.raises(Refused, match="not authorized to perform: ec2:DeleteTags "):
        world.change(TEMPLATE, tags={})
    world.permit(world.granted)


def test_a_refresh_needs_what_reading_has_and_cannot_write(world: World) -> None:
    world.permit([need for need in world.granted if need.reading])
    changes = dict(CHANGES.values())
    for kind, made in world.made.items():
        assert world.engine.refresh(made)
        with pytest.raises(Refused, match="not authorized to perform"):
            world.change(kind, **changes[kind])
    world.permit(world.granted)


def test_another_stack_cannot_change_what_has_only_an_id(world: World) -> None:
    declared = (Declared(TEMPLATE, "changed", FIRST[TEMPLATE]),)
    other = Place(REGION, ACCOUNT, "", PLACE.project, "other", frozenset())
    theirs = [it for it in in_aws.needs(Program(other, declared)) if it.action.startswith("ec2:")]
    world.permit([it for it in world.granted if not it.action.startswith("ec2:")] + theirs)
    with pytest.raises(Refused, match="not authorized to perform: ec2:CreateLaunchTemplateVersion "):
        world.change(TEMPLATE, description="theirs")
    world.permit(world.granted)
