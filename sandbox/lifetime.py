"""Ends a process with its parent, even if the parent is killed.

`python -m sandbox.lifetime MODULE [ARGUMENT ...]` is `python -m MODULE [ARGUMENT ...]`, ended like that.
"""

import os
import runpy
import sys
import threading
import time


def end_with_parent() -> None:
    """Ends this process as soon as its parent is gone."""
    threading.Thread(target=_watch, args=(os.getppid(),), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


if __name__ == "__main__":
    end_with_parent()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
