"""What `login` prints of several logins: a table of login, caller, token and policies, row by row."""

from collections.abc import Iterable

from .errors import Refused
from .screen import Part, Screen

_TOKEN = len("hvs.CAES… 768h") + 2
_POLICIES = 14
"""Columns that are left for the policies, at least."""
_CALLER = 40
"""Columns of the caller where there is no terminal, and at most."""


class LoginTable:
    """Prints each row at once; so the widths are chosen before the first, and a longer caller takes a line
    of its own."""

    def __init__(self, out: Screen, names: Iterable[str]) -> None:
        self.out = out
        self.caller = 2 + max(map(len, ["login", *names])) + 2
        room = _CALLER if out.columns is None else out.columns - self.caller - _TOKEN - _POLICIES
        self.token = self.caller + min(max(room, len("caller") + 2), _CALLER)
        self.policies = self.token + _TOKEN
        if not out.is_narrow:
            self._line(("  login", "bold"), "caller", "token", "policies", style="bold")

    def row(self, name: str, caller: str, token: str, policies: str) -> None:
        """A login that succeeded."""
        caller = caller.removeprefix("service account ")
        if self.out.is_narrow:
            self.out.put(("✓ ", "green"), (name, "bold"))
            for text in (caller, token, policies):
                self.out.put(f"    {text}", hang=4)
            return
        self._line((f"✓ {name}", "green"), caller, token, policies)

    def failed(self, name: str, error: Refused, *, untried: bool) -> None:
        """One that did not; why is said elsewhere."""
        sign, colour = ("–", "yellow") if untried else ("✗", "red")
        verdict = "not tried from here" if untried else f"refused by {error.by}" if error.by else "failed"
        self.out.row((f"{sign} ", colour), (name, colour), verdict, self.caller)

    def _line(self, login: tuple[str, str], caller: str, token: str, policies: str, style: str = "") -> None:
        first: list[Part] = [login, " " * (self.caller - len(login[0])), (caller, style)]
        used = self.caller + len(caller)
        if used + 2 > self.token:
            self.out.put(*first, hang=self.caller)
            first, used = [], 0
        tokens = (token.ljust(_TOKEN - 2), style)
        self.out.put(*first, " " * (self.token - used), tokens, "  ", (policies, style), hang=self.policies)
