"""Reads and checks the parameters of STS calls; refusals have AWS's messages."""

import re
from dataclasses import dataclass, field
from typing import Any

from moto.iam.models import iam_backends

from sandbox.aws import policy
from sandbox.aws.calls import Call
from sandbox.aws.errors import AwsError
from sandbox.aws.identity import Caller

HOUR = 3600
_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
# Refused, because callers rely on them and they would have no effect.
_UNSUPPORTED = {"ProvidedContexts", "ProviderId", "SerialNumber", "SourceIdentity", "TokenCode"}
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)
_MAX_TAGS = 50
_SESSION_POLICY = 2048


@dataclass(frozen=True)
class SessionTags:
    """A new session's tags, and which of them chained sessions inherit."""

    tags: dict[str, str] = field(default_factory=dict)
    transitive: tuple[str, ...] = ()


def refuse_unsupported(call: Call) -> None:
    """Raises AwsError for a parameter that this STS would ignore."""
    given = {name.partition(".")[0] for name, value in call.params.items() if value} & _UNSUPPORTED
    if given:
        raise not_supported(", ".join(sorted(given)))


def not_supported(what: str) -> AwsError:
    return AwsError("ValidationError", f"The sandbox's STS does not support {what}.", 400)


def session_name(call: Call) -> str:
    """The name of a role session."""
    name = call.text("RoleSessionName")
    if not _SESSION_NAME.fullmatch(name):
        raise constraint(
            name, "roleSessionName", r"Member must satisfy regular expression pattern: [\w+=,.@-]{2,64}"
        )
    return name


def external_id(call: Call) -> str:
    """The external ID; empty if there is none."""
    given = call.text("ExternalId")
    if "ExternalId" in call.params and not _EXTERNAL_ID.fullmatch(given):
        rule = r"Member must satisfy regular expression pattern: [\w+=,.@:\/-]{2,1224}"
        raise constraint(given, "externalId", rule)
    return given


def session_tags(call: Call, caller: Caller) -> SessionTags:
    """The tags in a request, and those inherited from the caller's session."""
    given, transitive = call.tags(), call.members("TransitiveTagKeys.member")
    session = caller.session
    inherited = {key: session.tags[key] for key in session.transitive} if session else {}
    # Keys are case-insensitive.
    taken = {key.lower() for key in inherited}
    if any(key.lower() in taken for key in [*given, *transitive]):
        raise AwsError(
            "InvalidParameterValue",
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive "
            "tag key from the calling session.",
            400,
        )
    if not set(transitive) <= set(given):
        raise AwsError(
            "InvalidParameterValue", "The specified transitive tag key must be included in the tags.", 400
        )
    for texts, most in ((given, 128), (given.values(), 256)):
        if long := next((text for text in texts if len(text) > most), None):
            raise constraint(long, "tags", f"Member must have length less than or equal to {most}")
    if len(given) > _MAX_TAGS:
        raise constraint(
            str(len(given)), "tags", f"Member must have length less than or equal to {_MAX_TAGS}"
        )
    return SessionTags(inherited | given, (*inherited, *transitive))


def duration(call: Call, role: Any, *, chained: bool) -> int:
    """A role session's duration in seconds."""
    wanted = seconds(call, default=HOUR, maximum=12 * HOUR)
    if wanted > int(role.max_session_duration or HOUR):
        raise AwsError(
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            400,
        )
    if chained and wanted > HOUR:
        raise AwsError(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role "
            "chaining.",
            400,
        )
    return wanted


def seconds(call: Call, default: int, maximum: int) -> int:
    """DurationSeconds within its limits."""
    text = call.text("DurationSeconds", str(default))
    if not re.fullmatch(r"\d{1,9}", text):
        raise AwsError("ValidationError", f"{text} is not a number of seconds", 400)
    wanted = int(text)
    if wanted < 900:
        raise constraint(text, "durationSeconds", "Member must have value greater than or equal to 900")
    if wanted > maximum:
        raise constraint(text, "durationSeconds", f"Member must have value less than or equal to {maximum}")
    return wanted


def session_policy(call: Call) -> str | None:
    """The inline session policy, which limits the session."""
    document = call.text("Policy") or None
    if document:
        if len(document) > _SESSION_POLICY:
            rule = f"Member must have length less than or equal to {_SESSION_POLICY}"
            raise constraint(document, "policy", rule)
        try:
            policy.parse(document)
        except policy.MalformedPolicy as error:
            raise AwsError("MalformedPolicyDocument", str(error), 400) from None
    return document


def session_policy_arns(call: Call, account: str, partition: str) -> tuple[str, ...]:
    """The managed session policies, which must exist in the account of the session."""
    arns = [str(v) for k, v in call.params.items() if re.fullmatch(r"PolicyArns\.member\.\d+\.arn", k)]
    if len(arns) > 10:
        raise constraint(str(len(arns)), "policyArns", "Member must have length less than or equal to 10")
    known = iam_backends[account][partition].managed_policies if arns else {}
    for arn in arns:
        if arn not in known:
            raise AwsError("ValidationError", f"Policy {arn} does not exist or is not attachable.", 400)
    return tuple(arns)


def constraint(value: str, name: str, rule: str) -> AwsError:
    """The refusal of a value, with AWS's message."""
    return AwsError(
        "ValidationError",
        f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: {rule}",
        400,
    )
