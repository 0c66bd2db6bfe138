"""The ways to log in, one module for each kind; `KINDS` is read by whatever needs to know them all."""

from .base import Login, LoginOptions
from .ec2_instance import Ec2InstanceLogin
from .ecs_task import EcsTaskLogin
from .principal import PrincipalLogin
from .service_account import ServiceAccountLogin

KINDS: dict[str, type[Login]] = {
    kind.KIND: kind for kind in (ServiceAccountLogin, Ec2InstanceLogin, EcsTaskLogin, PrincipalLogin)
}
"""The kinds of logins by the word for each in stack files and outputs."""

__all__ = ["KINDS", "Login", "LoginOptions"]
