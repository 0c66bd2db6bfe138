"""A stack's outputs show no secret."""

import re
from collections.abc import Iterator

from .base import Resource, Rule, Settings, Topic

STACK = "pulumi:pulumi:Stack"

FORMS = {
    "a kubeconfig": re.compile(r"""["']?current-context["']?\s*:""", re.ASCII),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "a Vault token": re.compile(r"\bhv[sb]\.[\w-]{20,}", re.ASCII),
}
SHORTEST = 8
"""Shorter secrets are ignored: they may equal a harmless value by chance."""


def check(resource: Resource, settings: Settings) -> Iterator[str]:
    shown = [(path, text) for path, text in resource.values.strings() if not resource.values.is_secret(path)]
    if not shown:
        return
    # A value that another resource has unmarked is not a secret, even within one: a region in a secret
    # object.
    plain = {text for each in resource.stack if each.type != STACK for text in _texts(each, secret=False)}
    kept = {text: each for each in resource.stack for text in _texts(each, secret=True) if text not in plain}
    for path, text in shown:
        found = [what for what, form in FORMS.items() if form.search(text)]
        if text in kept:
            found.append(f"a secret of {kept[text].urn.rpartition('::')[2]}")
        for what in found:
            yield f"output {path}: is {what} and not marked secret"


def _texts(resource: Resource, *, secret: bool) -> Iterator[str]:
    for path, text in resource.values.strings():
        if len(text) >= SHORTEST and resource.values.is_secret(path) is secret:
            yield text


RULE = Rule(
    name="secret-outputs",
    topic=Topic.SECRETS,
    requires="Outputs that hold a kubeconfig, private key, Vault token or another resource's secret are "
    "marked secret",
    why="unmarked outputs are printed after every update and shown to every reader of the stack's outputs.",
    fix="export it with pulumi.Output.secret(…), or do not export it.",
    types=(STACK,),
    check=check,
    whole_stack=True,
)
