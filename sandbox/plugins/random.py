"""The random plugin: passwords, created once and kept in the state until one of their inputs changes.

`bcryptHash` stays empty, because there is no library for it.
"""

import secrets
import string
from typing import Any

from sandbox.plugins.resource import Inputs, Plugin, ProviderError, Resource, State, table, words

_CHARACTERS = {
    "lower": string.ascii_lowercase,
    "numeric": string.digits,
    "special": "!@#$%&*()-_=+[]{}<>:?",
    "upper": string.ascii_uppercase,
}
_MINIMUM = {"lower": "minLower", "numeric": "minNumeric", "special": "minSpecial", "upper": "minUpper"}


def _numeric(inputs: Inputs) -> bool:
    """Whether to include digits; `number` is the older name of `numeric`."""
    return bool(inputs.get("numeric", inputs.get("number", True)))


def _check(inputs: Inputs) -> dict[str, str]:
    if inputs.get("numeric", inputs.get("number")) != inputs.get("number", inputs.get("numeric")):
        return {"number": "contradicts numeric, of which it is an alias"}
    if not any(inputs.get(name, True) for name in ("lower", "special", "upper")) and not _numeric(inputs):
        return {"special": "one of lower, numeric, special and upper must be true"}
    least = max(1, sum(inputs.get(name, 0) for name in _MINIMUM.values()))
    if inputs.get("length", least) < least:
        return {"length": f"{inputs['length']} is less than {least}, the sum of the minima"}
    return {}


def _create(_: Any, inputs: Inputs) -> tuple[str, State]:
    numeric = _numeric(inputs)
    sets = {**_CHARACTERS, "special": inputs.get("overrideSpecial") or _CHARACTERS["special"]}
    every = "".join(sets[name] for name in sets if {**inputs, "numeric": numeric}[name])
    drawn = [secrets.choice(sets[name]) for name, least in _MINIMUM.items() for _ in range(inputs[least])]
    drawn += [secrets.choice(every) for _ in range(inputs["length"] - len(drawn))]
    secrets.SystemRandom().shuffle(drawn)
    return "none", {"number": numeric, "numeric": numeric, "result": "".join(drawn)}


def _read(_: Any, __: str, state: State) -> State:
    if not state:
        raise ProviderError("a password cannot be read back: import it with the official provider")
    return state


PASSWORD = Resource(
    "random:index/randomPassword:RandomPassword",
    "pulumi_random.RandomPassword",
    words("keepers length number numeric overrideSpecial") | {*_CHARACTERS} | {*_MINIMUM.values()},
    create=_create,
    read=_read,
    delete=lambda *_: None,
    required=frozenset({"length"}),
    defaults={"lower": True, "special": True, "upper": True, **dict.fromkeys(_MINIMUM.values(), 0)},
    validate=_check,
    secret_outputs=frozenset({"bcryptHash", "result"}),
)

PLUGIN = Plugin(
    name="random",
    distribution="pulumi-random",
    config=frozenset(),
    connect=lambda _: None,
    resources=table(PASSWORD),
    functions={},
)
