"""`make bench`: what the things that people wait for cost, all in one run.

CPU seconds are those of the whole process tree; a ratio compares two things that took turns. Machines are
noisy and differ, so nothing here passes or fails: each figure stands beside what it is to reach.
"""

from __future__ import annotations

if __name__ == "__main__":  # first of all, as the other imports take longest
    from cli import interrupts

    interrupts.end_at_once()

import json
import os
import platform
import sys
from datetime import datetime, timezone
from enum import Enum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from cli import interrupts
from cli.usage import Program
from tests.bench import components, everyday, imports, logins
from tests.bench.measure import BenchError
from tests.bench.rows import Row


class Group(Enum):
    """A part of the figures."""

    IMPORTS = "imports"
    EVERYDAY = "everyday"
    COMPONENTS = "components"
    LOGINS = "logins"


MEASURE = {
    Group.IMPORTS: imports.rows,
    Group.EVERYDAY: everyday.rows,
    Group.COMPONENTS: components.rows,
    Group.LOGINS: logins.rows,
}

app = Program("python -m tests.bench", no_args_is_help=False)


@app.command(help=__doc__)
def bench(
    groups: Annotated[
        list[Group] | None,
        typer.Argument(
            metavar="PART",
            help=f"Only these parts: {', '.join(it.value for it in Group)}. Default: all of them.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    found: list[Row] = []
    progress = Console(stderr=True, highlight=False)

    def report(row: Row) -> None:
        found.append(row)
        progress.print(f"  {row.name}: {_figure(row)}", style="dim")

    for group in groups or list(Group):
        progress.print(f"Measuring {group.value}")
        try:
            MEASURE[group](report)
        except BenchError as error:
            progress.print(f"[red]error:[/red] {error}")
            raise typer.Exit(1) from error
    if as_json:
        print(json.dumps({"machine": _machine(), "rows": [_plain(row) for row in found]}, indent=2))
    else:
        _print(found)


def _print(rows: list[Row]) -> None:
    table = Table("what", "measured", "to reach", "", box=None)
    for row in rows:
        mark = {True: "[green]✓[/green]", False: "[red]✗[/red]", None: ""}[row.reached]
        table.add_row(row.name, _figure(row), "" if row.reach is None else f"{row.reach:g}", mark)
    console = Console(highlight=False)
    console.print(table)
    console.print(", ".join(f"{key} {value}" for key, value in _machine().items()), style="dim")


def _figure(row: Row) -> str:
    return f"{row.value:.3g} {row.unit}"


def _plain(row: Row) -> dict[str, Any]:
    reach = {"reach": row.reach, "reached": row.reached}
    return {"name": row.name, "value": round(row.value, 4), "unit": row.unit, **reach}


def _machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
    }


if __name__ == "__main__":
    interrupts.told(lambda: sys.exit(app()))
