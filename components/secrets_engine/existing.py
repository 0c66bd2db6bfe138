"""An AWS secrets engine that exists: another's mount, in which roles are made."""

from typing import Annotated

import pulumi
from typing_extensions import NotRequired

from ..declared import Default, checked
from ..forms import MountPath
from . import roles
from .args import EngineRolesOptions
from .engine import SecretsEngine


class ExistingAwsSecretsEngineOptions(EngineRolesOptions):
    """An AWS secrets engine that exists, used as it is: only roles are made. What they need of the engine's
    AWS identity, its owner grants."""

    path: NotRequired[Annotated[pulumi.Input[MountPath], Default("aws")]]
    """Path of the engine's mount."""


class ExistingAwsSecretsEngineArgs(ExistingAwsSecretsEngineOptions):
    """An engine to find, and the roles that are made in it."""


class ExistingAwsSecretsEngine(SecretsEngine):
    """Roles in an AWS secrets engine that exists. Mount and configuration are neither made nor changed."""

    def __init__(
        self, name: str, args: ExistingAwsSecretsEngineArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        args = checked(ExistingAwsSecretsEngineArgs, args)
        super().__init__(name, opts)
        self.path = pulumi.Output.from_input(args["path"])
        self.role_names = roles.declare(name, args["path"], args["roles"], self)
        self.register_outputs({"path": self.path, "role_names": self.role_names})
