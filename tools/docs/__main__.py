"""`python -m tools.docs`, or `make schema`: write the repository's files that are generated."""

from __future__ import annotations

if __name__ == "__main__":  # first of all, as the other imports take longest
    from cli import interrupts

    interrupts.end_at_once()

from pathlib import Path

from cli import interrupts
from tools import command
from tools.docs import rules_table, schema, stack_files

ROOT = Path(__file__).parents[2]


def made() -> dict[str, str]:
    """Their texts, by their paths."""
    return {
        schema.FILE: schema.text(),
        "docs/guardrails.md": rules_table.with_tables(rules_table.PAGE.read_text()),
        **{file: stack_files.rendered(file) for file in stack_files.FILES},
    }


def main() -> None:
    """Writes them."""
    command.parser("python -m tools.docs", __doc__).parse_args()
    for path, text in made().items():
        (ROOT / path).parent.mkdir(exist_ok=True)
        (ROOT / path).write_text(text)


if __name__ == "__main__":
    interrupts.told(main)
