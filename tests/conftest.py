"""What every test relies on: the sandbox's binaries on PATH, an interrupt that interrupts, and its worker."""

from __future__ import annotations

import gc
import logging
import os
import signal
from collections.abc import Generator
from pathlib import Path

import hypothesis
import psutil
import pytest

from tests import order, tally
from tools import build, versions

pytest_plugins = ["tests.orphans"]

WORKER_MEMORY = 3 * 2**30
"""What a worker needs: it may have two sandboxes of 0.9 GB, and an engine with its plugins beside them."""


# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")

counted: Path | None = None
"""Where the tests of this run are counted; None in a worker."""


def pytest_configure() -> None:
    """Before any test module is imported, in every worker."""
    tools = build.needed_by("every stack", "federation", "tests")
    found = {str(path.parent) for name in tools if (path := build.resolve(name))}
    # A shell starts what it runs in the background with SIGINT ignored, `nohup` with SIGHUP, and children
    # inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    os.environ.pop("COLUMNS", None)  # where it is set, what is printed is broken into such lines
    os.environ["PATH"] = os.pathsep.join([*sorted(found), versions.search_path()])
    # What a refused program leaves is logged with its traceback when it is collected, whose carets Python
    # finds with `ast`; where the collection happens inside of `ast.parse`, that one fails: SystemError.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    global counted
    counted = tally.begin()
    gc.disable()  # until everything is collected


def pytest_xdist_auto_num_workers() -> int:
    """`-n auto`: three for two cores, because a third of the time a test waits; as far as the memory goes."""
    fits = psutil.virtual_memory().available // WORKER_MEMORY
    return max(1, min((os.cpu_count() or 1) * 3 // 2, int(fits)))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None, None, None]:
    """Groups before xdist looks for them, and their order after whatever else has put tests into one."""
    for item in items:
        order.mark(item)
    yield
    order.arrange(items)


def pytest_collection_finish() -> None:
    """What was collected stays to the end; to look through it for garbage, again and again, takes time."""
    gc.freeze()
    gc.enable()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Where the tests' time went."""
    if counted and (told := tally.end(counted)):
        terminalreporter.write_line(told)
