"""Networks that are narrow enough to be an allow-list."""

import ipaddress

_WIDEST = {4: 8, 6: 16}
"""By IP version: the shortest prefix that still counts."""


def is_too_wide(cidr: str) -> bool:
    """Whether a network holds too much of the internet. Raises ValueError if it is none."""
    network = ipaddress.ip_network(cidr.strip(), strict=False)
    return network.prefixlen < _WIDEST[network.version]
