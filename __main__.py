"""The stack: read, look what is there already, compose, export."""

import asyncio
import gc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi

from components import short_stack_traces
from stack import compose, edition, file, guardrails, lookups, preflight, providers, warnings
from stack.preflight import in_use, used_roles
from stack.reading import StackFileError

# Nearly all that the program makes lives until it ends, which is soon. To look for garbage every 700 objects
# would take more than half of its time.
gc.set_threshold(50_000)
try:
    guardrails.enforce(pulumi.get_stack())
    stack = file.load(Path(__file__).parent)
    edition.check(stack)
except (StackFileError, edition.EditionError, guardrails.ConfigurationError) as error:
    raise pulumi.RunError(str(error)) from None
for warning in warnings.of(stack):
    pulumi.log.warn(warning)


async def main() -> Mapping[str, Any]:
    """Declares the stack, if nothing of it is another's. Returns its outputs."""
    with short_stack_traces():
        declared = providers.declare(stack)
    try:
        settled = await in_use.settle(stack)
        handed_over = await preflight.check(settled, declared)
        await used_roles.check(settled, declared)
        lookups.explain(settled)
        with short_stack_traces():
            outputs = compose.declare(settled, declared, handed_over)
        # Lets the registrations of what is declared begin. The SDK waits one by one for those that have
        # begun. Where none has, it waits for all outputs together, and goes through all of them whenever one
        # is there: at fifty logins a third of the program's time and more.
        await asyncio.sleep(0)
    except (preflight.PreflightError, StackFileError) as error:
        raise pulumi.RunError(str(error)) from None
    return outputs


pulumi.run(main)
