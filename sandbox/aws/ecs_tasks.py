"""ECS: the credentials of a task's role, as the agent beside the task gives them to its containers.

No task runs here. The authorization token says which one asks: `ecs-task/REGION/ROLE_ARN` is a task in that
region with that task role, and of the role's account, for no role can be passed to another account's task.
"""

from __future__ import annotations

import re
import secrets
from datetime import datetime, timedelta
from typing import Any

from sandbox.aws import policy
from sandbox.aws.errors import AwsError
from sandbox.aws.policy import Effect
from sandbox.aws.state import Session, State
from sandbox.aws.sts import Sts
from sandbox.aws.sts_parameters import HOUR
from sandbox.aws.trust import Trust, find_role, split_role_arn

SERVICE = "ecs-tasks.amazonaws.com"
_TOKEN = re.compile(r"ecs-task/(?P<region>[a-z0-9-]+)/(?P<role>arn:\S+)")
_SECONDS = 6 * HOUR
_RENEW_BEFORE = timedelta(minutes=15)


class EcsTasks:
    """The tasks, each from the first time that it asks."""

    def __init__(self, state: State, sts: Sts) -> None:
        self._sts = sts
        self._roles = Trust(state)
        # Not kept over a restart: then they are other tasks.
        self._sessions: dict[str, Session] = {}  # by token

    @staticmethod
    def is_token(token: str) -> bool:
        """Whether it is a task's, and not a pod's."""
        return _TOKEN.fullmatch(token) is not None

    def session(self, token: str, now: datetime) -> Session:
        """The task's session: the one that it has, or a new one shortly before that expires."""
        match = _TOKEN.fullmatch(token)
        if match is None:
            raise AwsError("InvalidIdInRequest", "CredentialsV2Request: Credentials not found", 400)
        arn, region = match["role"], match["region"]
        known = self._sessions.get(token)
        task_id = known.name if known else secrets.token_hex(16)
        role = self._assumable(arn, region, task_id)
        if known is None or known.owner_id != role.id or known.expiration - now < _RENEW_BEFORE:
            known = self._sessions[token] = self._sts.issue(role, task_id, _SECONDS, now)
        return known

    def _assumable(self, arn: str, region: str, task_id: str) -> Any:
        account, partition = split_role_arn(arn)
        role = find_role(arn)
        context: dict[str, policy.ContextValue] = {
            "aws:PrincipalIsAWSService": "true",
            "aws:PrincipalServiceName": SERVICE,
            "aws:SourceAccount": account,
            "aws:SourceArn": f"arn:{partition}:ecs:{region}:{account}:task/sandbox/{task_id}",
            "sts:RoleSessionName": task_id,
        }
        service = policy.Principal(service=SERVICE)
        if self._roles.effect(role, "sts:AssumeRole", service, context) is not Effect.ALLOW:
            raise AwsError(
                "AccessDeniedException",
                f"ECS was unable to assume the role '{arn}' that was provided for this task. Please verify "
                "that the role being passed has the proper trust relationship and permissions.",
                400,
            )
        return role
