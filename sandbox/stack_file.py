"""A stack file, before anything is started for it: is it right, and is it one for this sandbox?"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

from policies.guardrails.configuration import Configuration, ConfigurationError
from sandbox import engine, guardrails
from sandbox.environment import PRIMARY_ACCOUNT
from sandbox.home import REPOSITORY, Home, SandboxError
from stack import file
from stack.draft import PROVIDERS
from stack.preflight import objects, state
from stack.preflight.objects import Thing
from stack.preflight.report import describe
from stack.reading import StackFileError
from stack.sections import PROJECT

_SHOWN = 3
"""Names that are listed of those that two stacks want."""


def check(home: Home, stack: str, source: Path, rules: Path | None) -> dict[str, Any]:
    """The configuration in a stack file. Raises SandboxError with all that is wrong with it, with the
    guardrails' configuration, `rules` or the stack's own, or with bringing it up beside the stacks of this
    sandbox.

    Nothing is started or written for it.
    """
    config = engine.read_config(source)
    engine.refuse_foreign_secrets(source, config)
    region = config.get("aws:region")
    if isinstance(region, str) and home.has_data:
        home.choose_region(region)  # which by now can only be the same
    known = {key: value for key, value in config.items() if key.partition(":")[0] in (PROJECT, *PROVIDERS)}
    # The addresses are known once the sandbox runs; a stack file is right or wrong with any.
    known = engine.with_addresses(known, "https://127.0.0.1:8200", "http://127.0.0.1:5000")
    try:
        declared = file.parse(known, file.read_policies(REPOSITORY))
        if rules:
            guardrails.options(rules)
        else:
            Configuration.of(stack)
    except StackFileError as error:
        raise SandboxError(f"{source}: {error}") from None
    except ConfigurationError as error:
        raise SandboxError(str(error)) from None
    _refuse_taken(home, stack, declared)
    return config


def _same(one: Thing, other: Thing) -> bool:
    """Whether things of two stacks are one. A stack with one cluster does not say in which they are."""
    places = {one.cluster, other.cluster}
    return one._replace(cluster="") == other._replace(cluster="") and (len(places) == 1 or "" in places)


def _refuse_taken(home: Home, stack: str, declared: file.StackFile) -> None:
    """Raises SandboxError if another stack of this sandbox has made what this one would make."""
    wanted = [made.thing for made in objects.of(declared)]
    for other in engine.stacks(home):
        its = engine.Engine(home, other)
        if other == stack or its.is_lost:
            continue
        known = its.checkpoint()
        elsewhere = {*re.findall(r"(?a)\b\d{12}\b", json.dumps(known))} - {PRIMARY_ACCOUNT}
        owned = state.of_deployment(known, elsewhere).owned
        if taken := [describe(thing) for thing in wanted if any(_same(thing, it) for it in owned)]:
            more = f" and {len(taken) - _SHOWN} more" if len(taken) > _SHOWN else ""
            raise SandboxError(
                f"this sandbox runs stack {other}, which has made what stack {stack} would make: "
                f"{', '.join(taken[:_SHOWN])}{more}.\n{home.in_another(stack)}\n"
                f"Or take the other one down first:\n  python -m sandbox down --stack {shlex.quote(other)}"
            )
