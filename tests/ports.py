"""Ports for the servers that tests start."""

from __future__ import annotations

import random

from sandbox.home import PORT_RANGE, port_is_free


def free_port() -> int:
    """A port that nothing listens on, and that the system gives to nobody who does not ask for it: of those
    that it gives to everyone, a plugin of another worker has taken one before its server listened."""
    chosen = random.SystemRandom()
    while not port_is_free(port := chosen.choice(PORT_RANGE)):
        pass
    return port
