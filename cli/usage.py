"""A command line that is wrong: told as text, or as JSON where JSON was asked for."""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import typer
from typer.core import TyperGroup

from .console import print_json
from .errors import Refused

# Click's own, or that of the copy that newer releases of Typer have.
_UsageError: Any = typer.BadParameter.__base__


class Commands(TyperGroup):
    """The commands. Every wrong command line ends with exit code 2."""

    def make_context(self, info_name: str | None, args: list[str], *others: Any, **settings: Any) -> Any:
        self._as_json = _wants_json(args)
        with self._told():
            return super().make_context(info_name, args, *others, **settings)

    def invoke(self, ctx: Any) -> Any:
        with self._told():
            return super().invoke(ctx)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except _UsageError as error:
            if not self._as_json:
                raise
            command = error.ctx.command_path if error.ctx else self.name
            problem = Refused(
                "command line", None, error.format_message(), code="usage", hint=f"see: {command} --help"
            )
            print_json({"error": asdict(problem)})
            raise typer.Exit(error.exit_code) from None


def _wants_json(words: Sequence[str]) -> bool:
    """Whether a command line asks for JSON, as far as one can tell of one that is wrong."""
    pairs = itertools.pairwise(words)
    return "--json" in words or "--format=json" in words or ("--format", "json") in pairs
