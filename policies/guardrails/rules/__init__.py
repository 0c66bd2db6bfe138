"""The rules: every module here that has a `RULE`. They are plain functions; only `engine.py` knows Pulumi."""

from importlib import import_module
from pkgutil import iter_modules

from .base import Rule, Topic

ENGINE = "engine"
"""Imports the rules, and the policy SDK, which the rules do without."""

_MODULES = [
    import_module(f".{module.name}", __name__) for module in iter_modules(__path__) if module.name != ENGINE
]
RULES: tuple[Rule, ...] = tuple(
    sorted(
        (module.RULE for module in _MODULES if hasattr(module, "RULE")),
        key=lambda rule: ([*Topic].index(rule.topic), rule.name),
    )
)
"""By topic, then by name."""
