"""The stack: read, compose, export."""

import asyncio
import gc
from pathlib import Path

import pulumi

from components import short_stack_traces
from stack import compose, edition, file, guardrails, lookups, namespaces, warnings
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
lookups.explain(stack)
for warning in warnings.of(stack):
    pulumi.log.warn(warning)
with short_stack_traces():
    outputs = compose.declare(stack)
for name, value in outputs.items():
    pulumi.export(name, value)


async def finish() -> None:
    """Lets the registrations of what is declared begin, and checks what only these tell.

    The SDK waits one by one for those that have begun. Where none has, it waits for all outputs together, and
    goes through all of them whenever one is there: at fifty logins a third of the program's time and more.
    """
    await asyncio.sleep(0)
    try:
        await namespaces.check(stack, outputs)
    except StackFileError as error:
        raise pulumi.RunError(str(error)) from None


pulumi.run(finish)
