"""What every command prints alike: JSON, refusals and durations."""

import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import typer

from .errors import NotHere, Refused
from .screen import Screen


def plain_streams() -> None:
    """Where the terminal or pipe has no Unicode, writes \\u2713 for what it has not, and does not fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def has_unicode() -> bool:
    """Whether standard output takes any character."""
    return "utf" in (getattr(sys.stdout, "encoding", None) or "utf-8").lower()


def print_json(document: object) -> None:
    """JSON for scripts, on standard output."""
    print(json.dumps(document, indent=2, ensure_ascii=not has_unicode()))


def camel_case(value: Any) -> Any:
    """The same value with its keys in camelCase, as in all of this command's JSON."""
    from pydantic.alias_generators import to_camel

    if isinstance(value, dict):
        return {to_camel(key): camel_case(item) for key, item in value.items()}
    return [camel_case(item) for item in value] if isinstance(value, list | tuple) else value


def write_page(template: str, file: IO[str], **values: object) -> None:
    """A self-contained page, from a template of this command. Everything that is put into it is escaped."""
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    file.write(environment.get_template(template).render(values))


def explain(
    out: Screen, what: str, verdict: str, reason: str, hint: str, mark: tuple[str, str] = ("✗", "red")
) -> None:
    """What went wrong, why, and how to fix it. `mark` is a sign and its colour."""
    out.put((f"{mark[0]} ", mark[1]), (what, "bold"), f": {verdict}", hang=2)
    for line in reason.splitlines():
        out.put(f"  {line}", hang=2)
    if hint:
        out.put("  ", ("→ ", "cyan"), hint, hang=4)


def print_refusal(error: Refused) -> None:
    """Which link failed, who refused, in whose words, and the fix; on standard error."""
    verdict = f"refused by {error.by}" if error.by else "failed"
    if isinstance(error, NotHere):
        verdict = "cannot be tried from here"
    explain(Screen(sys.stderr), error.link, verdict, error.reason, error.hint)


@contextmanager
def exit_on_refusal(as_json: bool = False) -> Iterator[None]:
    """Turn `Refused` into one message, or one JSON object, and exit code 1."""
    try:
        yield
    except Refused as error:
        if as_json:
            print_json({"error": asdict(error)})
        else:
            print_refusal(error)
        raise typer.Exit(1) from None


def duration(seconds: int) -> str:
    """Seconds as Vault's own command prints them: 768h, 15m, 1h0m5s."""
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    text = f"{hours}h{minutes}m{seconds}s" if hours else f"{minutes}m{seconds}s" if minutes else f"{seconds}s"
    if text.endswith("m0s"):
        text = text[:-2]
    return text[:-2] if text.endswith("h0m") else text
