"""The kinds of login: how to log in as each workload, and which callers must be refused.

A new kind is a new file with a `Workload`, and its class in `KINDS`.
"""

from collections.abc import Sequence

from ..errors import UsageProblem
from ..options import CallerOptions
from ..outputs import Stack
from .base import Check, Impostor, NotChecked, Workload
from .ec2_instance import Ec2InstanceWorkload
from .ecs_task import EcsTaskWorkload
from .principal import PrincipalWorkload
from .service_account import ServiceAccountWorkload

__all__ = ["KINDS", "Check", "Impostor", "NotChecked", "Workload", "check_names", "workload"]

KINDS: dict[str, type[Workload]] = {
    kind.kind: kind
    for kind in (ServiceAccountWorkload, Ec2InstanceWorkload, EcsTaskWorkload, PrincipalWorkload)
}


def workload(name: str, stack: Stack, chosen: CallerOptions) -> Workload:
    """The workload of the login `name`; raises `UsageProblem` if the stack has no such caller."""
    check_names([name], stack)
    login = stack.outputs.logins[name]
    problem = f"login {name!r} has kind {login.kind!r}"
    if login.kind not in KINDS:
        raise UsageProblem(f"{problem}; this command knows {', '.join(sorted(KINDS))}")
    if chosen.service_account and not KINDS[login.kind].takes_service_account:
        raise UsageProblem(f"{problem}, which has no service accounts; leave --service-account out")
    if chosen.cluster:
        known = [*stack.outputs.clusters_of(login)] if KINDS[login.kind].takes_service_account else []
        if not known:
            raise UsageProblem(f"{problem}, which is in no cluster; leave --cluster out")
        if chosen.cluster not in known:
            raise UsageProblem(
                f"login {name!r} is not in cluster {chosen.cluster!r}; its clusters: {', '.join(known)}"
            )
    if chosen.role and not KINDS[login.kind].takes_role:
        raise UsageProblem(f"{problem}, which has no roles to choose from; leave --as out")
    return KINDS[login.kind](name, login, stack, chosen)


def check_names(names: Sequence[str], stack: Stack) -> None:
    """Raises `UsageProblem` for the first login that the stack does not have."""
    logins = stack.outputs.logins
    for name in names:
        if name not in logins:
            known = ", ".join(sorted(logins)) or "none"
            raise UsageProblem(f"no login {name!r} in this stack; it has: {known}")
