"""Who may assume a role: its trust policy and, if needed, the caller's policies."""

import re
from collections.abc import Mapping
from typing import Any

from moto.iam.models import iam_backends

from sandbox.aws import policy
from sandbox.aws.errors import AwsError
from sandbox.aws.identity import Caller
from sandbox.aws.policy import ContextValue, Effect
from sandbox.aws.state import State

_ROLE_ARN = re.compile(r"arn:(?P<partition>[\w-]+):iam::(?P<account>\d{12}):role/.+")


class Trust:
    """Decides who may assume which role."""

    def __init__(self, state: State) -> None:
        self._state = state

    def effect(
        self, role: Any, action: str, principal: policy.Principal, context: Mapping[str, ContextValue]
    ) -> Effect:
        """The decision of the role's trust policy; no match if the role does not exist."""
        if role is None:
            return Effect.NONE
        document = policy.parse(role.assume_role_policy_document, trust=True)
        pinned = self._state.pinned.get(role.id, {})
        request = policy.Request(action, role.arn, principal, context, pinned)
        return policy.evaluate([document], request)

    def may_assume(
        self, caller: Caller, role: Any, action: str, arn: str, context: Mapping[str, ContextValue]
    ) -> bool:
        """Whether trust policy and identity policies together allow the caller `action` on the role."""
        trust = self.effect(role, action, caller.principal, {**caller.context, **context})
        own = caller.decide(action, arn, context)
        if trust in (Effect.NONE, Effect.DENY) or own.effect is Effect.DENY:
            return False
        if own.effect is Effect.ALLOW:
            return True
        # In the same account, trust in the caller by name is enough; if it names the role of the caller's
        # session, that role's boundary and the session policy still apply. Trust in a whole account, or in
        # another account's principal, also needs the caller's identity policies.
        named = trust is Effect.ALLOW or (trust is Effect.ROLE and own.within_limits)
        return named and caller.account == arn.split(":")[4]


def split_role_arn(arn: str) -> tuple[str, str]:
    """Account and partition of a role's ARN."""
    match = _ROLE_ARN.fullmatch(arn)
    if not match:
        raise AwsError("ValidationError", f"{arn} is invalid", 400)
    return match["account"], match["partition"]


def find_role(arn: str) -> Any:
    """The role, or None. Callers must not learn from a refusal whether a role exists."""
    account, partition = split_role_arn(arn)
    if account not in iam_backends:  # looking it up would create the account
        return None
    return next((r for r in iam_backends[account][partition].roles.values() if r.arn == arn), None)


def tag_context(tags: Mapping[str, str]) -> dict[str, ContextValue]:
    """The condition keys of tags in a request."""
    if not tags:
        return {}
    context: dict[str, ContextValue] = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    context["aws:TagKeys"] = list(tags)
    return context
