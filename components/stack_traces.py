"""Stack traces in the state: those of the program, and nothing of what runs it.

The SDK sends the whole call stack along with each resource, and the engine keeps it in the state: some twenty
frames, most of them of the language host, by paths of the machine that ran the update. They are half of the
state, which is written anew at every step. The SDK has no switch for it.
"""

import contextlib
import functools
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

from pulumi.runtime import resource as sdk

TAKES_THE_TRACE = "_get_stack_trace"
"""The function of the SDK that takes the call stack, once for each resource that is registered or read."""


@contextlib.contextmanager
def short_stack_traces() -> Iterator[None]:
    """Inside of it, the stack trace that the state keeps of a resource ends at the caller of this function.

    A context manager, or a decorator, around all that declares resources. It is the program's to use, for it
    holds for the whole process. Where a resource is declared (`sourcePosition`) is kept as before, and a
    traceback that is printed stays whole. An SDK that takes the call stack in another way is left alone.
    """
    take = getattr(sdk, TAKES_THE_TRACE, None)
    if take is None:
        yield
        return
    program = _caller()

    @functools.wraps(take)
    def take_short() -> Any:
        frames = _frames_up_to(program)
        if not frames:
            return take()
        with _traceback_limit(frames + 1):  # and the frame of `take` itself
            return take()

    setattr(sdk, TAKES_THE_TRACE, take_short)
    try:
        yield
    finally:
        setattr(sdk, TAKES_THE_TRACE, take)


def _caller() -> FrameType:
    """The frame that entered the context manager."""
    frame = sys._getframe(2)
    while frame.f_code.co_filename == contextlib.__file__ and frame.f_back:
        frame = frame.f_back
    return frame


def _frames_up_to(outermost: FrameType) -> int:
    """How many frames there are from the caller's to that one; 0 where it is not on the stack, as in a
    callback of the event loop."""
    frames = 1
    frame: FrameType | None = sys._getframe(1)
    while frame and frame is not outermost:
        frames += 1
        frame = frame.f_back
    return frames if frame else 0


@contextlib.contextmanager
def _traceback_limit(frames: int) -> Iterator[None]:
    """Python's own limit, for as long as one call stack is taken: it holds for what is printed as well."""
    before = getattr(sys, "tracebacklimit", None)
    sys.tracebacklimit = frames
    try:
        yield
    finally:
        if before is None:
            del sys.tracebacklimit
        else:
            sys.tracebacklimit = before
