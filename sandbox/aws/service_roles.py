"""ECS tasks and Lambda functions: the credentials of the role that their service assumes for them.

Nothing runs here. The authorization token says which one asks: `ecs-task/REGION/ROLE_ARN` is a task in that
region with that task role, `lambda/REGION/FUNCTION/ROLE_ARN` a function with that execution role. It is of
the role's account, for no role can be passed to a service in another one.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sandbox.aws import policy
from sandbox.aws.errors import AwsError
from sandbox.aws.policy import Effect
from sandbox.aws.state import Session, State
from sandbox.aws.sts import Sts
from sandbox.aws.sts_parameters import HOUR
from sandbox.aws.trust import Trust, find_role, split_role_arn

_RENEW_BEFORE = timedelta(minutes=15)


@dataclass(frozen=True)
class _Service:
    """A service that assumes a role for what it runs."""

    principal: str
    token: re.Pattern[str]
    hours: int
    code: str
    refusal: str
    source: str = ""
    """The `aws:SourceArn` of its request, where it is known to send one."""


_SERVICES = (
    _Service(
        "ecs-tasks.amazonaws.com",
        re.compile(r"ecs-task/(?P<region>[a-z0-9-]+)/(?P<role>arn:\S+)"),
        6,
        "AccessDeniedException",
        "ECS was unable to assume the role '{role}' that was provided for this task. Please verify "
        "that the role being passed has the proper trust relationship and permissions.",
        "arn:{partition}:ecs:{region}:{account}:task/sandbox/{name}",
    ),
    _Service(
        "lambda.amazonaws.com",
        re.compile(r"lambda/(?P<region>[a-z0-9-]+)/(?P<name>[\w-]{1,64})/(?P<role>arn:\S+)", re.ASCII),
        12,
        "InvalidParameterValueException",
        "The role defined for the function cannot be assumed by Lambda.",
    ),
)


class ServiceRoles:
    """The tasks and functions, each from the first time that it asks."""

    def __init__(self, state: State, sts: Sts) -> None:
        self._sts = sts
        self._roles = Trust(state)
        # Not kept over a restart: then they are other ones.
        self._sessions: dict[str, Session] = {}  # by token

    @staticmethod
    def is_token(token: str) -> bool:
        """Whether it is one of theirs, and not a pod's."""
        return any(service.token.fullmatch(token) for service in _SERVICES)

    def session(self, token: str, now: datetime) -> Session:
        """The session that it has, or a new one shortly before that expires. A function's is named after it,
        a task's after the task's ID."""
        for service in _SERVICES:
            if match := service.token.fullmatch(token):
                break
        else:
            raise AwsError("InvalidIdInRequest", "CredentialsV2Request: Credentials not found", 400)
        known = self._sessions.get(token)
        asked = match.groupdict()
        name = asked.get("name") or (known.name if known else secrets.token_hex(16))
        role = self._assumable(service, asked["role"], asked["region"], name)
        if known is None or known.owner_id != role.id or known.expiration - now < _RENEW_BEFORE:
            known = self._sessions[token] = self._sts.issue(role, name, service.hours * HOUR, now)
        return known

    def _assumable(self, service: _Service, arn: str, region: str, name: str) -> Any:
        account, partition = split_role_arn(arn)
        role = find_role(arn)
        context: dict[str, policy.ContextValue] = {
            "aws:PrincipalIsAWSService": "true",
            "aws:PrincipalServiceName": service.principal,
            "sts:RoleSessionName": name,
        }
        if service.source:
            source = service.source.format(partition=partition, region=region, account=account, name=name)
            context |= {"aws:SourceAccount": account, "aws:SourceArn": source}
        principal = policy.Principal(service=service.principal)
        if self._roles.effect(role, "sts:AssumeRole", principal, context) is not Effect.ALLOW:
            raise AwsError(service.code, service.refusal.format(role=arn), 400)
        return role
