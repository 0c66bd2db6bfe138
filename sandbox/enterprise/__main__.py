"""`python -m sandbox.enterprise --home DIR`: runs the stand-in for Vault Enterprise until a signal."""

import logging
import os
import signal
import threading
from pathlib import Path
from types import FrameType

from werkzeug.serving import make_server

from sandbox.enterprise.front import Front
from sandbox.home import Home
from tools import command

_HOST = "127.0.0.1"


def main() -> None:
    """Serves Vault's API, and Vault's endpoint for AWS."""
    parser = command.parser("python -m sandbox.enterprise", __doc__)
    parser.add_argument("--home", metavar="DIR", type=Path, required=True, help="folder of the sandbox")
    home = Home(parser.parse_args().home)
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    os.umask(0o077)
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)  # it would log query strings
    front = Front(home)
    aws = make_server(_HOST, home.ports["enterprise-aws"], front.aws, threaded=True)
    threading.Thread(target=aws.serve_forever, daemon=True).start()
    certificate = home.root / "pki" / "vault.crt"
    tls = (str(certificate), str(certificate.with_suffix(".key")))
    make_server(_HOST, home.ports["enterprise"], front, threaded=True, ssl_context=tls).serve_forever()


def _stop(number: int, frame: FrameType | None) -> None:
    del frame
    os._exit(0 if number == signal.SIGTERM else 128 + number)


if __name__ == "__main__":
    main()
