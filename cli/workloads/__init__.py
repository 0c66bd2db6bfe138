"""The kinds of login: how to be each workload, and who must not be able to be it.

A new kind is a new file with a `Workload` in it and a line in `KINDS`.
"""

from ..errors import UsageProblem
from ..outputs import Stack
from .base import Check, Impostor, NotChecked, Options, Stranger, Workload
from .ec2_instance import Ec2InstanceWorkload
from .principal import PrincipalWorkload
from .service_account import ServiceAccountWorkload

__all__ = [
    "KINDS",
    "Check",
    "Impostor",
    "NotChecked",
    "Options",
    "Stranger",
    "Workload",
    "no_such_login",
    "workload",
]

KINDS: dict[str, type[Workload]] = {
    kind.kind: kind for kind in (ServiceAccountWorkload, Ec2InstanceWorkload, PrincipalWorkload)
}


def workload(name: str, stack: Stack, options: Options) -> Workload:
    """The workload of the stack's login `name`; `UsageProblem` if there is none to be."""
    logins = stack.outputs.logins
    if name not in logins:
        raise UsageProblem(no_such_login(name, stack))
    login = logins[name]
    if login.kind not in KINDS:
        raise UsageProblem(
            f"login {name!r} is of kind {login.kind!r}; this command can be: {', '.join(sorted(KINDS))}"
        )
    if options.service_account and not KINDS[login.kind].takes_service_account:
        raise UsageProblem(
            f"login {name!r} is of kind {login.kind!r}: it has no service accounts to choose from"
        )
    if options.role and not KINDS[login.kind].takes_role:
        raise UsageProblem(f"login {name!r} is of kind {login.kind!r}: it has no roles to choose from")
    return KINDS[login.kind](name, login, stack, options)


def no_such_login(name: str, stack: Stack) -> str:
    """What to say when a login is asked for that the stack does not have."""
    return f"no login {name!r} in this stack; it has: {', '.join(sorted(stack.outputs.logins)) or 'none'}"
