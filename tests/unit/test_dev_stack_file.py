"""Pulumi.dev.yaml shows every setting: what is commented out is right as well, and shows the defaults."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic_core import PydanticUndefined
from settings import parse
from settings.catalogue import SECTIONS, below, fields
from settings.section import Section

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "Pulumi.dev.yaml").read_text()
POLICIES = {file.stem: file.read_text() for file in ROOT.glob("policies/vault/*.hcl")}

# A setting, where prose begins with a capital or has no colon after its first word.
COMMENTED_OUT = re.compile(r"""^( *)# ((?: *#)* *"?(?:\d+|[a-z][\w:-]*)~*)("?:(?: .*)?)$""")
DEEPEST = 3


def sections(times: int, mark: str = "") -> dict[str, list[dict[str, Any]]]:
    """What is written for each key, once or more, with so many of the # before settings taken away.

    `mark` is put behind the setting for each.
    """
    lines = TEXT.splitlines()
    for _ in range(times):
        lines = [COMMENTED_OUT.sub(rf"\1\2{mark}\3", line) for line in lines]
    found: dict[str, list[dict[str, Any]]] = {}
    for block in re.split(r"\n(?=  [a-z][\w~-]*:)", "\n".join(lines))[1:]:
        for key, value in yaml.safe_load(block).items():
            found.setdefault(key.rstrip("~"), []).append(value)
    return found


@pytest.mark.parametrize("times", range(DEEPEST + 1))
def test_it_is_valid_however_much_of_it_is_taken_in(times: int) -> None:
    found = sections(times)
    for turn in range(max(map(len, found.values()))):
        chosen = {key: written[min(turn, len(written) - 1)] for key, written in found.items()}
        parse(fitting(chosen), POLICIES)  # raises what is wrong


def fitting(chosen: dict[str, Any]) -> dict[str, Any]:
    """Without what the file says goes with another choice."""
    identity, engine = (chosen.get(f"vault-aws-auth:{key}", {}) for key in ("vaultIdentity", "secretsEngine"))
    if "federation" not in (identity.get("kind"), engine.get("kind")):
        chosen.pop("vault-aws-auth:federation", None)
    consumers = chosen.get("vault-aws-auth:consumers", {})
    if consumers:
        chosen["vault-aws-auth:vault"].pop("namespace", None)
    if "serviceAccount" not in identity:
        consumers.get("vault-server", {}).pop("release", None)
    return chosen


def test_every_setting_is_in_it() -> None:
    seen = {(section, key) for section, written in everything() for key in written}
    assert [
        f"{section.__name__}: {key}"
        for section in all_sections()
        for key in fields(section)
        if (section, key) not in seen
    ] == []
    assert {f"vault-aws-auth:{key}" for key in (*SECTIONS, "accountId", "tags")} <= {*sections(DEEPEST)}


def test_what_is_commented_out_is_the_default() -> None:
    seen, wrong = 0, []
    for section, written in everything("~"):
        shallowest = min(map(depth, written))
        for key, value in written.items():
            default = default_of(section, key.rstrip("~"))
            if depth(key) > shallowest and default is not None:
                seen += 1
                if value != default:
                    wrong.append(f"{section.__name__}: {key}: {value!r}, and the default is {default!r}")
    assert wrong == []
    assert seen > 30


def depth(key: str) -> int:
    return key.count("~")


def default_of(section: type[Section], key: str) -> Any:
    """None if it is to have none, or what another setting says."""
    field = fields(section).get(key)
    default = field.get_default(call_default_factory=True) if field else None
    return None if default in ("", [], {}, PydanticUndefined) or isinstance(default, Section) else default


def everything(mark: str = "") -> Iterator[tuple[type[Section], dict[str, Any]]]:
    """Each section that is written, commented out or not, with the sections below it."""
    for full, several in sections(DEEPEST, mark).items():
        declared = SECTIONS.get(full.removeprefix("vault-aws-auth:"))
        for written in several if declared else ():
            assert declared
            for one in written.values() if declared.name else (written,):
                kind = next((value for key, value in one.items() if key.rstrip("~") == "kind"), "")
                yield from nested(declared.kinds[kind], one)


def nested(section: type[Section], written: dict[str, Any]) -> Iterator[tuple[type[Section], dict[str, Any]]]:
    yield section, written
    for key, value in written.items():
        field = fields(section).get(key.rstrip("~"))
        inner, several = below(field) if field else (None, False)
        for one in (value.values() if several else (value,)) if inner else ():
            assert inner
            yield from nested(inner, one)


def all_sections() -> Iterator[type[Section]]:
    waiting = [kind for declared in SECTIONS.values() for kind in declared.kinds.values()]
    while waiting:
        section = waiting.pop()
        yield section
        waiting += [inner for field in fields(section).values() if (inner := below(field)[0])]
