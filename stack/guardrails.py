"""The guardrails in the program itself: every resource is checked before the engine hears of it.

The engine runs a policy pack only where it is told to, by an option or a variable, so a plain `pulumi up` has
none. The same rules are therefore asked here, unless the engine has the pack.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
from google.protobuf import json_format
from pulumi.runtime import settings
from pulumi.runtime.mocks import MockMonitor

from policies.guardrails.configuration import (
    ADVISORY,
    DISABLED,
    PACK,
    PACKS_OF_ENGINE,
    Configuration,
    ConfigurationError,
)
from policies.guardrails.rules import RULES
from policies.guardrails.rules.base import Resource
from policies.guardrails.rules.secret_outputs import STACK
from policies.guardrails.rules.values import Values, read

__all__ = ["ConfigurationError", "enforce", "install"]


def enforce(stack: str) -> None:
    """From here on, refuses what the rules forbid the stack of this name. Raises ConfigurationError if its
    configuration cannot be applied."""
    of_engine = os.environ.get(PACKS_OF_ENGINE, "").split(",")
    recorded = isinstance(settings.get_monitor(), MockMonitor)  # by a test, which makes nothing
    if not recorded and not any(_is_ours(Path(pack)) for pack in of_engine if pack):
        install(Configuration.of(stack))


def _is_ours(pack: Path) -> bool:
    """Whether it is this project's policy pack, or a copy of it: a release's, of several projects."""
    rules = "rules/__init__.py"
    try:
        return (pack / rules).read_bytes() == (PACK / rules).read_bytes()
    except OSError:
        return False


def install(configuration: Configuration) -> None:
    """From here on, refuses what the rules forbid a stack of this configuration."""
    # The official way, a callback for each resource, costs more and refuses with a traceback. A test with the
    # real engine tells when an SDK needs another one.
    settings.SETTINGS.monitor = _Guarded(settings.get_monitor(), configuration, pulumi.runtime.is_dry_run())


@dataclass
class _Guarded:
    """The engine's resource monitor, behind the guardrails. The SDK calls it in several threads."""

    monitor: Any
    configuration: Configuration
    preview: bool
    """Nothing is made, so all that is wrong is told at the end. Otherwise the first resource that is refused
    ends the run, before it is made."""
    made: list[tuple[str, str, Any]] = field(default_factory=list)
    """Type, URN and outputs of the resources that the engine has registered."""
    refusals: list[str] = field(default_factory=list)
    lock: Any = field(default_factory=threading.Lock)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.monitor, name)

    def RegisterResource(self, request: Any) -> Any:
        self._check(request.type, request.name, request.object)
        answer = self.monitor.RegisterResource(request)
        with self.lock:
            self.made.append((request.type, answer.urn, answer.object))
        return answer

    def RegisterResourceOutputs(self, request: Any) -> Any:
        *_, kind, name = request.urn.split("::")
        if kind == STACK:
            everything = [Resource(kind, _values(outputs), urn) for kind, urn, outputs in self.made]
            self._check(kind, name, request.outputs, everything)
        return self.monitor.RegisterResourceOutputs(request)

    def SignalAndWaitForShutdown(self, request: Any) -> Any:
        if self.refusals:
            raise pulumi.RunError(_listed(sorted(self.refusals), "nothing was changed"))
        return self.monitor.SignalAndWaitForShutdown(request)

    def _check(
        self, kind: str, name: str, properties: Any, everything: Sequence[Resource] | None = None
    ) -> None:
        """Asks the rules of a resource, or with `everything` those of the whole stack."""
        kind, of_cluster = (CLUSTER, True) if kind == COMPONENT else (kind, False)
        rules = [
            rule
            for rule in RULES
            if rule.whole_stack is (everything is not None)
            and rule.looks_at(kind)
            and self.configuration.level(rule) != DISABLED
        ]
        if not rules:
            return
        values = _values(properties)
        resource = Resource(kind, _of_cluster(values) if of_cluster else values, stack=everything or ())
        found = []
        for rule in rules:
            said = rule.message(resource, self.configuration.settings(rule))
            text = f"{kind} {name}: {rule.name}: {rule.requires}\n{said}".replace("\n", "\n     ")
            if said and self.configuration.level(rule) == ADVISORY:
                pulumi.log.warn(text)
            elif said:
                found.append(text)
        with self.lock:
            self.refusals += found
        if found and not self.preview:
            raise pulumi.RunError(_listed(found, "it is not made; what was made before stays"))


def _listed(refusals: Sequence[str], outcome: str) -> str:
    count = "1 refusal" if len(refusals) == 1 else f"{len(refusals)} refusals"
    lines = "\n".join(f"  {number}. {refusal}" for number, refusal in enumerate(refusals, 1))
    return f"{count} by the stack's guardrails; {outcome} (docs/guardrails.md):\n{lines}"


def _values(properties: Any) -> Values:
    return read(json_format.MessageToDict(properties))


# The component of pulumi-eks registers its cluster from a process of its own. It has these inputs from the
# component's.

COMPONENT = "eks:index:Cluster"
CLUSTER = "aws:eks/cluster:Cluster"


def _of_cluster(component: Values) -> Values:
    """The inputs of the cluster that a component makes, as far as rules look at them."""
    given = component.plain
    access = ("endpointPrivateAccess", "endpointPublicAccess", "publicAccessCidrs")
    key = given.get("encryptionConfigKeyArn")
    return Values(
        {
            "version": given.get("version"),
            "enabledClusterLogTypes": given.get("enabledClusterLogTypes"),
            "vpcConfig": {field: given.get(field) for field in access},
            "encryptionConfig": key and {"provider": {"keyArn": key}, "resources": ["secrets"]},
        }
    )
