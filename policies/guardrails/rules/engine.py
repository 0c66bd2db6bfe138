"""Hands the rules to Pulumi's engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from types import SimpleNamespace
from typing import Any, cast

import pulumi_policy
from google.protobuf import json_format
from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy import policy as sdk

from . import RULES
from .base import REASON, Resource, Rule
from .values import Values, read


def serve(name: str) -> None:
    """Answers the engine until it is done. A rule is mandatory unless the stack's configuration says less."""
    _keep_marks()
    pulumi_policy.PolicyPack(
        name,
        [policy(rule) for rule in RULES],
        enforcement_level=pulumi_policy.EnforcementLevel.MANDATORY,
    )


def _keep_marks() -> None:
    """Has the SDK hand over the values with the marks of what is secret, which it takes away before a policy
    sees them: some rules are about just these.

    There is no official way. The tests that go through the engine tell when a new version needs another.
    """
    internals = cast(Any, sdk)
    if not callable(getattr(internals, "deserialize_properties", None)):
        raise RuntimeError(
            "these guardrails do not know how the installed pulumi-policy reads values; install the version "
            "that policies/guardrails/requirements.txt names"
        )
    internals.deserialize_properties = _kept(read)
    internals.json_format = SimpleNamespace(MessageToDict=_kept(json_format.MessageToDict))
    _spare(internals._PolicyAnalyzerServicer)


def _spare(servicer: Any) -> None:
    """Takes from the SDK's work for each resource what no rule needs."""
    # No rule changes a resource. The SDK would read each one anew to find that out.
    servicer.Remediate = lambda *_: analyzer_pb2.RemediateResponse()
    # No rule looks at a resource's options, or at its provider, which is a resource of its own.
    servicer._get_resource_options = servicer._get_provider_resource = lambda *_: None
    # Most resources are of a type that no rule looks at, and are not read.
    analyze = servicer.Analyze
    looked_at = cache(lambda token: any(rule.looks_at(token) for rule in RULES if not rule.whole_stack))
    servicer.Analyze = lambda self, request, context: (
        analyze(self, request, context) if looked_at(request.type) else analyzer_pb2.AnalyzeResponse()
    )


def _kept(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Remembers the last answer: the SDK reads a resource anew for each policy, and no rule changes it. Calls
    arrive in several threads, so what is remembered is replaced, never changed."""
    last: tuple[Any, Any] = (None, None)

    def remembered(given: Any) -> Any:
        nonlocal last
        before, answer = last
        if before is not given:
            answer = read(given)
            last = (given, answer)
        return answer

    return remembered


def policy(rule: Rule) -> pulumi_policy.Policy:
    """A rule as the engine takes it."""
    reason = {"type": "string", "description": "Why this stack needs it."}
    schema = pulumi_policy.PolicyConfigSchema(
        {**{k: dict(v) for k, v in rule.settings.items()}, REASON: reason}
    )
    if rule.whole_stack:
        return pulumi_policy.StackValidationPolicy(
            rule.name, rule.requires, _of_stack(rule), config_schema=schema, remediation_steps=rule.fix
        )
    return pulumi_policy.ResourceValidationPolicy(
        rule.name, rule.requires, _of_resource(rule), config_schema=schema, remediation_steps=rule.fix
    )


def _of_resource(rule: Rule) -> pulumi_policy.ResourceValidation:
    def validate(args: pulumi_policy.ResourceValidationArgs, report: pulumi_policy.ReportViolation) -> None:
        resource = Resource(args.resource_type, cast(Values, args.props), args.urn)
        if message := rule.message(resource, args.get_config()):
            report(message, None)

    return validate


def _of_stack(rule: Rule) -> pulumi_policy.StackValidation:
    def validate(args: pulumi_policy.StackValidationArgs, report: pulumi_policy.ReportViolation) -> None:
        everything = [
            Resource(each.resource_type, cast(Values, each.props), each.urn) for each in args.resources
        ]
        for resource in everything:
            if message := rule.message(replace(resource, stack=everything), args.get_config()):
                report(message, resource.urn)

    return validate
