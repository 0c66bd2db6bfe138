"""What this project's command lines have in common: help that fits a terminal, --version, and how a command
line that is wrong is told, as text, or as JSON where JSON was asked for."""

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from .console import print_json
from .errors import Refused
from .version import version

# Click's own, or that of the copy that newer releases of Typer have.
_UsageError: Any = typer.BadParameter.__base__

if TYPE_CHECKING:  # what the help is mixed into; at run time the class beside it brings that
    from typer._click.core import Command as _Helpful
else:
    _Helpful = object


class Program(typer.Typer):
    """A command line: plain help, on -h too, without the types of options; no traceback with local variables,
    which would show credentials."""

    def __init__(self, name: str, **settings: Any) -> None:
        given: dict[str, Any] = {
            "cls": Commands,
            "no_args_is_help": True,
            "rich_markup_mode": None,  # its boxes take half of the line
            "pretty_exceptions_enable": False,
            "add_completion": False,
            "context_settings": {"help_option_names": ["-h", "--help"]},
            **settings,
        }
        super().__init__(name=name, **given)

    def command(self, name: str | None = None, **settings: Any) -> Callable[..., Any]:
        """As Typer's."""
        return super().command(name, **{"cls": Command, **settings})


def _say_version(context: typer.Context, asked: bool) -> None:
    if asked:
        typer.echo(f"{context.info_name} {version()}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version and exit.")
]


def examples(*lines: str) -> str:
    """What stands below a command's help: command lines, as they are; those of one example joined by `\\`."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in "\n".join(lines).splitlines())])


class _Help(_Helpful):
    """Help as text: what an option is for, and the word that stands for its value."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        pieces: list[str] = super().collect_usage_pieces(ctx)
        return [piece.replace("{", "").replace("}", "") for piece in pieces]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        arguments, options = [], []
        for parameter in self.get_params(ctx):
            names, said = parameter.get_help_record(ctx) or ("", "")
            if parameter.param_type_name == "argument":
                several = "..." if parameter.nargs != 1 else ""
                arguments.append((f"{parameter.metavar or str(parameter.name).upper()}{several}", said))
            elif names:
                options.append((names, said))
        for title, rows in (("Arguments", arguments), ("Options", options)):
            if rows:
                with formatter.section(title):
                    formatter.write_dl([(names, _told_plainly(said)) for names, said in rows])

    def format_help(self, ctx: Any, formatter: Any) -> None:
        super().format_help(ctx, formatter)
        for piece in formatter.buffer:  # Click's own way of writing says nothing of a full disk
            print(piece, end="", flush=True)
        formatter.buffer.clear()

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        if self.epilog:
            formatter.write_paragraph()
            formatter.write_text(self.epilog)


class Command(_Help, TyperCommand):
    """One command."""


class Commands(_Help, TyperGroup):
    """The commands. Every wrong command line ends with exit code 2."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """The options, and each command with its first paragraph, which Click would cut off."""
        super().format_options(ctx, formatter)
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, _first_paragraph(it.help or "")) for name, it in found if it and not it.hidden]
            )

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


def _told_plainly(said: str) -> str:
    """Without the range of a number, `[0<=x<=60]`, which is in its words."""
    return re.sub(r" *(?:\[|; )[0-9.]*(?:<=?|>=?)?x[<>]=?[0-9.]+(?:\]|(?=[;\]]))", "", " ".join(said.split()))


def _first_paragraph(text: str) -> str:
    return " ".join(text.strip().partition("\n\n")[0].split())


def _wants_json(words: Sequence[str]) -> bool:
    """Whether a command line asks for JSON, as far as one can tell of one that is wrong."""
    pairs = itertools.pairwise(words)
    return "--json" in words or "--format=json" in words or ("--format", "json") in pairs
