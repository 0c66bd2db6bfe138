"""The reference page of the command `vault-aws-auth`, made from its help."""

from collections.abc import Iterator
from typing import Any

import typer

from cli.__main__ import app

INTRODUCTION = """# Options of the command

Every command of `vault-aws-auth` with its options, from its own help. For explanations and examples, see
[the command](../commands.md).

"""


def page() -> str:
    """The page, in Markdown."""
    group = typer.main.get_command(app)
    return INTRODUCTION + "\n".join(_commands(group)) + "\n"


def _commands(group: Any) -> Iterator[str]:
    for name, command in getattr(group, "commands", {}).items():
        context = typer.Context(command, info_name=f"vault-aws-auth {name}")
        yield f"\n## {name}\n\n{(command.help or '').strip()}\n"
        yield f"```text\n{command.get_usage(context).removeprefix('Usage: ')}\n```\n"
        yield "| argument or option | default | meaning |\n|---|---|---|"
        for parameter in command.params:
            record = _row(parameter, context)
            if record:
                yield record


def _row(parameter: Any, context: Any) -> str:
    said = str(getattr(parameter, "help", "") or "").replace("|", "\\|")
    names = ", ".join(f"`{it}`" for it in (*parameter.opts, *parameter.secondary_opts))
    if parameter.param_type_name == "argument":
        names = f"`{str(parameter.name).upper()}`"
    default = parameter.get_default(context)
    shown = "" if default in (None, False, (), []) or callable(default) else f"`{default}`"
    return f"| {names} | {shown} | {said} |"
