"""The command lines of what runs before anything is installed, and so does without Typer."""

from __future__ import annotations

import argparse
import re
import textwrap

from cli.version import version


def parser(prog: str, about: str | None, epilog: str = "") -> argparse.ArgumentParser:
    """With -h, --help and --version."""
    made = argparse.ArgumentParser(prog=prog, description=about, epilog=epilog, formatter_class=_Help)
    made.add_argument(
        "--version", action="version", version=f"{prog} {version()}", help="print the version and exit"
    )
    return made


class _Help(argparse.HelpFormatter):
    """Paragraphs and numbered lines fill the terminal's lines; what is indented stays as it is."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        filled = []
        for paragraph in text.strip().split("\n\n"):
            for part in re.split(r"\n(?=\d+\. |  \S+  )", paragraph):
                number = re.match(r"\d+\. ", part)
                hanging = " " * len(number[0]) if number else ""
                if part.startswith("  "):
                    filled.append(part)
                else:
                    words = " ".join(part.split())
                    filled.append(
                        textwrap.fill(
                            words,
                            width,
                            subsequent_indent=hanging,
                            break_long_words=False,
                            break_on_hyphens=False,
                        )
                    )
            filled.append("")
        return "\n".join(filled).rstrip()
