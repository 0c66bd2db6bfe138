"""Durations as Vault writes them. Pure functions; no resources."""

import re

FORM = "a duration; write e.g. 15m, 1h30m, 768h, 30d"

_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION = r"(?a)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?"
_LIMIT = 2**31  # Vault's own API takes larger numbers of seconds but no lease lasts 68 years


def to_seconds(duration: str) -> int:
    """`15m`, `1h30m`, `768h`, `30d` or plain seconds (`900`), in seconds.

    Raises ValueError, with the accepted form, for anything else and for zero.
    """
    if re.fullmatch(r"[0-9]{1,10}", duration):
        total = int(duration)
    else:
        match = re.fullmatch(_DURATION, duration)
        if not duration or match is None or len(duration) > 40:
            raise ValueError(f"is not {FORM}")
        total = sum(
            int(number or 0) * unit for number, unit in zip(match.groups(), _UNITS.values(), strict=True)
        )
    if not 0 < total < _LIMIT:
        raise ValueError(f"is not {FORM}, more than zero and less than 68 years")
    return total
