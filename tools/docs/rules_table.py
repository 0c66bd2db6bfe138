"""The tables of rules in docs/guardrails.md, made from the rules; `make schema` writes them."""

import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from policies.guardrails.rules import RULES
from policies.guardrails.rules.base import Rule

PAGE = Path(__file__).parents[2] / "docs" / "guardrails.md"
BEGIN, END = "<!-- rules: `make schema` writes this -->\n", "<!-- end of rules -->\n"


def with_tables(text: str) -> str:
    """The page with its tables as the rules have them now."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return "".join([before, BEGIN, *_tables(), "\n", END, after])


def _tables() -> Iterator[str]:
    for topic, rules in groupby(RULES, key=lambda rule: rule.topic):
        yield f"\n### {topic.value}\n\n| rule | requires | because | settings |\n|---|---|---|---|\n"
        for rule in rules:
            cells = (f"`{rule.name}`", rule.requires, rule.why.removesuffix("."), _settings(rule))
            yield f"| {' | '.join(cells)} |\n"


def _settings(rule: Rule) -> str:
    return "<br>".join(
        f"`{name}`: {schema['description']} Default: {_value(schema['default'])}"
        for name, schema in rule.settings.items()
    )


def _value(default: object) -> str:
    values = default if isinstance(default, list) else [default] if default != {} else []
    return ", ".join(f"`{it if isinstance(it, str) else json.dumps(it)}`" for it in values) or "none"
