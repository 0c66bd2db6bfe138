"""`python -m sandbox.aws --home DIR --port P`: runs the emulated AWS until it gets a signal."""

import fcntl
import gc
import logging
import os
import signal
import socket
import sys
from pathlib import Path
from types import FrameType

from tools import command

HOST = "127.0.0.1"
_BACKLOG = 1024  # waiting connections: a burst of logins must not need retries


def main() -> int:
    """Runs the emulator; returns an exit status only if it cannot start."""
    parser = command.parser("python -m sandbox.aws", __doc__)
    parser.add_argument(
        "--home", metavar="DIR", type=Path, required=True, help="folder for state, credentials and log"
    )
    parser.add_argument(
        "--port", metavar="P", type=int, required=True, help=f"port to listen on, on {HOST} only"
    )
    parser.add_argument(
        "--region", metavar="REGION", default="us-east-1", help="region of its STS (default: %(default)s)"
    )
    parser.add_argument(
        "--sandbox",
        type=Path,
        help="folder of the sandbox in which clusters have control planes (default: none)",
    )
    parser.add_argument(
        "--eventual-consistency",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="for so long after a change of IAM, some answers are those of before it (default: none)",
    )
    parser.add_argument(
        "--seed", metavar="N", type=int, default=0, help="which of them (default: %(default)s)"
    )
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)

    os.umask(0o077)
    home: Path = options.home
    home.mkdir(parents=True, exist_ok=True)
    lock = (home / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return _fail(f"another emulator already uses {home}")

    try:
        listener = socket.create_server((HOST, options.port), backlog=_BACKLOG)
    except OSError as problem:
        return _fail(f"cannot listen on port {options.port} of {HOST}: {problem.strerror}")

    # moto takes a second to import, so this comes after the checks. Its catalogues (150,000 dictionaries) are
    # never garbage, so the collector need not search them.
    gc.disable()
    from werkzeug.serving import make_server

    from sandbox.aws import botocore_data

    botocore_data.install()
    from sandbox.aws import accounts
    from sandbox.aws.front import Front
    from sandbox.aws.identity_center import RequestHandler
    from sandbox.aws.replicas import REPLICAS
    from sandbox.aws.state import UnusableState
    from sandbox.aws.store import Store

    store = Store(home)
    try:
        if not store.load():
            keys = accounts.create()
            accounts.write_credentials(home, keys)
            store.save_new_regions()
        # The state of an older version lacks them.
        for account in accounts.ensure_roles():
            store.save(account, ("iam",))
    except UnusableState as problem:
        return _fail(f"{problem}. To start afresh, delete the folder {home}")
    REPLICAS.seed = options.seed
    REPLICAS.choose(options.eventual_consistency)
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)  # it would log query strings
    application = Front(home, store, options.region)
    if options.sandbox:
        with store.lock:
            application.control_planes.use_sandbox(options.sandbox)
    server = make_server(
        HOST,
        options.port,
        application,
        threaded=True,
        request_handler=RequestHandler,
        fd=listener.fileno(),
    )
    server.socket.listen(_BACKLOG)  # werkzeug has set its own
    gc.freeze()
    gc.enable()
    server.serve_forever()
    return 0


def _stop(number: int, frame: FrameType | None) -> None:
    # Exit at once: every change was saved before it was answered.
    del frame
    os._exit(0 if number == signal.SIGTERM else 128 + number)


def _fail(message: str) -> int:
    sys.stderr.write(f"sandbox.aws: {message}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
