"""The login of an ECS task: its task role's credentials, from the endpoint that ECS gives a container."""

import os
from collections.abc import Iterator
from functools import cached_property, partial
from typing import Any

from ..aws import LINK, Credentials, assume_role, caller_identity, own_credentials
from ..errors import NotHere
from ..principals import in_words, principal_of, same
from .base import Impostor, Workload

ENDPOINTS = ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI")
"""The variables that name the endpoint; the first wins."""


class EcsTaskWorkload(Workload):
    """The ECS task that this command runs in. Only the task's own containers can be that."""

    kind = "ecs-task"
    callers = "ECS tasks"

    @property
    def caller(self) -> str:
        return "this ECS task"

    def credentials(self) -> Credentials:
        return self._found[0]

    @cached_property
    def _found(self) -> tuple[Credentials, str]:
        """The task's credentials, and the name of its session, which is the task's ID."""
        found = self._from_endpoint()
        me = caller_identity(self.vault, found).arn
        role = principal_of(me)
        if not any(same(role, bound) for bound in self.login.principals):
            raise self._not_here(f"the credentials of this container are of the {in_words(role)}")
        return found, me.rpartition("/")[2]

    def _from_endpoint(self) -> Credentials:
        from botocore.credentials import ContainerProvider
        from botocore.exceptions import BotoCoreError

        if not any(os.environ.get(name) for name in ENDPOINTS):
            raise self._not_here(f"neither {ENDPOINTS[0]} nor {ENDPOINTS[1]} is set; ECS sets one in a task")
        try:
            # The SDK's own: its order of variables, and its rule that only this machine, the container's
            # agent or a host with TLS is asked.
            keys: Any = ContainerProvider().load().get_frozen_credentials()
        except (BotoCoreError, ValueError, KeyError, OSError) as error:
            raise self._not_here(f"the container's credentials endpoint gave none: {error}") from error
        return Credentials(keys.access_key, keys.secret_key, keys.token)

    def impostors(self) -> Iterator[Impostor]:
        name = self._found[1]
        yield Impostor(
            "the AWS credentials at hand, assuming the task role",
            "AWS",
            frozenset({"AccessDenied"}),
            lambda: assume_role(self.vault, self.login.iam_role_arn or "", own_credentials(), name),
        )
        for role in self.login.verify_not_as:
            caller = f"{in_words(role)}, under the task's session name"
            yield Impostor(caller, "Vault", self.refused_by_vault, partial(self._log_in_as, role, name))

    def _log_in_as(self, role: str, session: str) -> object:
        return self.log_in(assume_role(self.vault, role, own_credentials(), session))

    def _not_here(self, reason: str) -> NotHere:
        return NotHere(
            LINK,
            None,
            reason,
            "no-task",
            f"run this in a container of a task whose definition has taskRoleArn {self.login.iam_role_arn}, "
            "e.g. by `aws ecs execute-command`",
        )
