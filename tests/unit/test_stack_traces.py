"""Stack traces in the state: the frames of the program, and none of what runs it."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pulumi_vault as vault
import pytest
from pulumi.runtime import mocks
from pulumi.runtime import resource as sdk

from components import short_stack_traces, stack_traces
from tests.unit.recording import record

HERE = Path(__file__).as_uri()


class Pair(pulumi.ComponentResource):
    """A component of the program."""

    def __init__(self, name: str) -> None:
        super().__init__("test:index:Pair", name, {})
        vault.Mount(f"{name}-mount", path=name, type="kv", opts=pulumi.ResourceOptions(parent=self))
        self.register_outputs({})


@short_stack_traces()
def shortened() -> None:
    Pair("pair")


def as_they_are() -> None:
    Pair("pair")


@pytest.fixture
def traces(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], dict[str, list[Any]]]:
    """By resource: the positions of what a program sent, its own position first."""
    sent: dict[str, list[Any]] = {}
    register: Any = mocks.MockMonitor.RegisterResource

    def noted(monitor: Any, request: Any) -> Any:
        frames = [frame.pc for frame in request.stackTrace.frames]
        sent[request.name] = [request.sourcePosition, *frames]
        return register(monitor, request)

    monkeypatch.setattr(mocks.MockMonitor, "RegisterResource", noted)

    def run(program: Callable[[], object]) -> dict[str, list[Any]]:
        sent.clear()
        record(program)
        return dict(sent)

    return run


def test_the_pinned_sdk_takes_the_call_stack_where_it_is_looked_for() -> None:
    """Where this fails after an update of the SDK: does it have a switch now? Else find the function."""
    assert callable(getattr(sdk, stack_traces.TAKES_THE_TRACE, None))


def test_the_trace_of_a_resource_ends_at_the_program(traces: Any) -> None:
    short = traces(shortened)
    # From the component's constructor to the function that is decorated, and to its caller.
    position, *frames = short["pair-mount"]
    assert all(frame.uri == HERE for frame in (position, *frames[:2]))
    assert len(frames) < len(traces(as_they_are)["pair-mount"]) / 2
    assert not [frame.uri for frame in frames if "/_pytest/" in frame.uri or "asyncio" in frame.uri]


def test_where_a_resource_is_declared_is_kept(traces: Any) -> None:
    short, whole = traces(shortened), traces(as_they_are)
    assert short["pair-mount"][0] == whole["pair-mount"][0]
    assert short["pair-mount"][1] == whole["pair-mount"][1]


def test_nothing_is_left_behind(traces: Any) -> None:
    before = getattr(sdk, stack_traces.TAKES_THE_TRACE)
    traces(shortened)
    assert getattr(sdk, stack_traces.TAKES_THE_TRACE) is before
    assert not hasattr(sys, "tracebacklimit")


def test_nothing_is_left_behind_by_a_program_that_fails() -> None:
    before = getattr(sdk, stack_traces.TAKES_THE_TRACE)

    def fails() -> None:
        with short_stack_traces():
            Pair("pair")
            raise RuntimeError("the program's own")

    with pytest.raises(RuntimeError, match="the program's own"):
        record(fails)
    assert getattr(sdk, stack_traces.TAKES_THE_TRACE) is before
    assert not hasattr(sys, "tracebacklimit")


def test_a_traceback_that_is_printed_meanwhile_is_whole() -> None:
    printed: list[str] = []

    def fails(frames: int, further: Callable[[int, Any], None]) -> None:
        if not frames:
            raise RuntimeError("deep down")
        further(frames - 1, fails)

    def onward(frames: int, further: Callable[[int, Any], None]) -> None:
        further(frames, onward)

    def program() -> None:
        with short_stack_traces():
            Pair("pair")
            try:
                fails(20, onward)
            except RuntimeError:
                printed.append(traceback.format_exc())

    record(program)
    assert printed[0].count(", in ") == 1 + 21 + 20  # the program, and each call
    assert printed[0].endswith("RuntimeError: deep down\n")


def test_a_limit_of_the_users_own_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "tracebacklimit", 40, raising=False)
    record(shortened)
    assert sys.tracebacklimit == 40


def test_an_sdk_that_takes_the_call_stack_in_another_way_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stack_traces, "TAKES_THE_TRACE", "_of_another_version")
    assert [r.name for r in record(shortened).resources] == ["pair", "pair-mount"]
    assert not hasattr(sdk, "_of_another_version")


def test_a_resource_of_a_callback_keeps_its_own_trace(traces: Any) -> None:
    """The program is not on the stack then; so there is nothing to measure by."""

    def program() -> None:
        with short_stack_traces():
            pulumi.Output.from_input("late").apply(lambda name: Pair(name) and None)

    assert len(traces(program)["late-mount"]) > 1
