"""`python -m tools.docs`, or `make schema`: write the repository's files that are generated."""

from __future__ import annotations

from pathlib import Path

from tools.docs import rules_table, schema, stack_files

ROOT = Path(__file__).parents[2]


def made() -> dict[str, str]:
    """Their texts, by their paths."""
    return {
        schema.FILE: schema.text(),
        "docs/guardrails.md": rules_table.with_tables(rules_table.PAGE.read_text()),
        **{file: stack_files.rendered(file) for file in stack_files.FILES},
    }


if __name__ == "__main__":
    for path, text in made().items():
        (ROOT / path).parent.mkdir(exist_ok=True)
        (ROOT / path).write_text(text)
