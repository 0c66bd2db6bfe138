"""The stack: read, compose, export."""

import gc
from pathlib import Path

import pulumi

from components import short_stack_traces
from stack import compose, edition, file, rules
from stack.reading import StackFileError

# Nearly all that the program makes lives until it ends, which is soon. To look for garbage every 700 objects
# would take more than half of its time.
gc.set_threshold(50_000)
try:
    stack = file.load(Path(__file__).parent)
    edition.check(stack)
except (StackFileError, edition.EditionError) as error:
    raise pulumi.RunError(str(error)) from None
for warning in rules.plaintext_warnings(stack):
    pulumi.log.warn(warning)
with short_stack_traces():
    for name, value in compose.declare(stack).items():
        pulumi.export(name, value)
