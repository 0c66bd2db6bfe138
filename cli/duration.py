"""Durations as people read and write them."""

import re

_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_WRITTEN = re.compile(r"(?=.)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?", re.ASCII)


def duration(seconds: int) -> str:
    """Seconds as Vault's own command prints them: 768h, 15m, 1h0m5s."""
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    text = f"{hours}h{minutes}m{seconds}s" if hours else f"{minutes}m{seconds}s" if minutes else f"{seconds}s"
    if text.endswith("m0s"):
        text = text[:-2]
    return text[:-2] if text.endswith("h0m") else text


def in_seconds(written: str | int | None) -> int | None:
    """The seconds of a duration as stacks have it (15m, 30d, 3600); None where there is none to be read."""
    found = _WRITTEN.fullmatch(str(written)) if written else None
    if not found:
        return None
    return sum(int(count or 0) * unit for count, unit in zip(found.groups(), _UNITS.values(), strict=True))
