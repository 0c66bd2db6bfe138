"""Pulumi.dev.yaml shows every setting: what is commented out is right as well, and shows the defaults."""

import re
from collections.abc import Iterator
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import pytest
import yaml
from typing_extensions import NotRequired, TypedDict

from components.cluster import EksClusterOptions
from components.declared import Default, Shape, fields_of, matches, meanings, to_camel
from stack.file import parse
from stack.sections import KEYS, PROJECT, ExistingCluster, Scalars
from tools.docs import stack_files
from tools.docs.schema import default_of
from tools.docs.stack_files import _shown, complete

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "Pulumi.dev.yaml").read_text()
POLICIES = {file.stem: file.read_text() for file in ROOT.glob("policies/vault/*.hcl")}

# A setting, where prose begins with a capital or has no colon after its first word.
COMMENTED_OUT = re.compile(r"""^( *)# ((?: *#)* *"?(?:\d+|[a-z][\w:-]*)~*)("?:(?: .*)?)$""")
DEEPEST = 3


LOOKED_UP = date(2026, 11, 27)
STANDARD_SUPPORT_ENDS = {
    "1.33": date(2026, 7, 29),
    "1.34": date(2026, 12, 2),
    "1.35": date(2027, 3, 27),
}
"""By the calendar of EKS's releases, on that day."""

LACKS_EKS = {"us-east-1": "use1-az3", "us-west-1": "usw1-az2", "ca-central-1": "cac1-az3"}
"""The availability zone of a region in which EKS takes no subnet for its control plane."""

SOON = 60
"""Days that a version is to be supported for, by those who start with one of our files."""


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
        for key in shapes(section)
        if (section, key) not in seen
    ] == []
    assert {f"{PROJECT}:{key}" for key in (*KEYS, *shapes(Scalars))} <= {*sections(DEEPEST)}


def test_what_is_commented_out_is_the_default() -> None:
    seen, wrong = 0, []
    for section, written in everything("~"):
        shallowest = min(map(depth, written))
        for key, value in written.items():
            shape = shapes(section).get(key.rstrip("~"))
            default = default_of(shape) if shape else None
            if depth(key) > shallowest and default not in (None, "", [], {}):
                seen += 1
                if value != default:
                    wrong.append(f"{section.__name__}: {key}: {value!r}, and the default is {default!r}")
    assert wrong == []
    assert seen > 30


def depth(key: str) -> int:
    return key.count("~")


def shapes(section: type) -> dict[str, Shape]:
    return {to_camel(name): shape for name, shape in fields_of(section).items()}


def everything(mark: str = "") -> Iterator[tuple[type, dict[str, Any]]]:
    """Each section that is written, commented out or not, with the sections below it."""
    for full, several in sections(DEEPEST, mark).items():
        declared = KEYS.get(full.removeprefix(f"{PROJECT}:"))
        for written in several if declared else ():
            assert declared
            for one in written.values() if declared.name else (written,):
                said = {key.rstrip("~"): value for key, value in one.items()}
                section = declared.kinds[said.get("kind", "")]
                yield from nested(ExistingCluster if said.get("existing") else section, one)


def nested(section: type, written: dict[str, Any]) -> Iterator[tuple[type, dict[str, Any]]]:
    yield section, written
    for key, value in written.items():
        inner, several = below(shapes(section).get(key.rstrip("~")))
        for one in (value.values() if several else (value,)) if inner else ():
            assert inner
            yield from nested(inner, one)


def below(shape: Shape | None) -> tuple[type | None, bool]:
    """The section below a field, and whether there are several by name."""
    if shape and shape.is_fields:
        return shape.kind, False
    if shape and shape.kind is dict and shape.item and shape.item.is_fields:
        return shape.item.kind, True
    return None, False


def all_sections() -> Iterator[type]:
    waiting = [ExistingCluster, *(kind for declared in KEYS.values() for kind in declared.kinds.values())]
    while waiting:
        section = waiting.pop()
        yield section
        waiting += [inner for shape in fields_of(section).values() if (inner := below(shape)[0])]


# What it makes on a real account


def shipped(file: str = "Pulumi.dev.yaml") -> dict[str, Any]:
    """The settings as they are, with nothing taken in."""
    settings: dict[str, Any] = yaml.safe_load((ROOT / file).read_text())["config"]
    return settings


STACK_FILES = [
    str(path.relative_to(ROOT))
    for folder in (".", "examples/*")
    for path in sorted(ROOT.glob(f"{folder}/Pulumi.*.yaml"))
]


@pytest.mark.parametrize("file", STACK_FILES)
def test_a_kubernetes_version_is_one_in_standard_support(file: str) -> None:
    version = shipped(file).get("vault-aws-auth:cluster", {}).get("kubernetesVersion")
    if version:
        assert (STANDARD_SUPPORT_ENDS[version] - LOOKED_UP).days > SOON


def test_the_example_of_a_kubernetes_version_is_the_one_that_is_shipped() -> None:
    version = shipped()["vault-aws-auth:cluster"]["kubernetesVersion"]
    assert _shown(fields_of(EksClusterOptions)["kubernetes_version"]) == f'"{version}"'


@pytest.mark.parametrize("file", ["Pulumi.dev.yaml", "Pulumi.staging.yaml", "Pulumi.prod.yaml"])
def test_eks_takes_its_subnets(file: str) -> None:
    """Those of the default VPC include one that EKS refuses, in some regions."""
    settings = shipped(file)
    assert "subnetIds" in settings["vault-aws-auth:cluster"] or settings["aws:region"] not in LACKS_EKS


def test_it_says_of_every_region_which_subnets_eks_refuses() -> None:
    for region, zone in LACKS_EKS.items():
        assert re.search(rf"{zone} of\s+(# )?{region}", TEXT)
        assert re.search(rf"{zone} of\s+{region}", meanings(EksClusterOptions)["subnet_ids"])


def test_pulumi_reaches_the_api_server_in_which_it_makes_service_accounts() -> None:
    settings = shipped()
    cluster, logins = settings["vault-aws-auth:cluster"], settings["vault-aws-auth:logins"]
    assert any("serviceAccountMode" not in each for each in logins.values() if "serviceAccounts" in each)
    assert cluster["endpointPublicAccess"]
    assert cluster["publicAccessCidrs"]


@pytest.mark.parametrize("file", ["Pulumi.dev.yaml", "Pulumi.staging.yaml", "Pulumi.prod.yaml"])
def test_it_is_deployed_into_no_account_but_the_one_that_it_names(file: str) -> None:
    assert re.fullmatch(r"\d{12}", shipped(file)["vault-aws-auth:accountId"])


def test_what_has_to_be_set_is_marked_and_told_of_where_it_begins() -> None:
    lines = TEXT.splitlines()
    places = [number for number, line in enumerate(lines) if "# SET THIS: " in line]
    marked = [next(each for each in lines[n:] if not each.lstrip().startswith("#")) for n in places]
    keys = ["vault-aws-auth:accountId", "endpointPublicAccess", "vault-aws-auth:vault"]
    assert [re.split(r":(?: |$)", line.strip())[0] for line in marked] == keys
    assert "the three values below SET THIS" in lines[1]


# How it is made


@pytest.mark.parametrize("file", stack_files.FILES)
def test_it_is_what_template_and_declarations_make(file: str) -> None:
    assert (ROOT / file).read_text() == stack_files.rendered(file), (
        f"edit tools/docs/{file}.j2 or the declarations, and run: make schema"
    )


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Engine(TypedDict):
    power: int
    """Power of the engine, in kW."""

    fuel: NotRequired[str]
    """What it burns. Default: petrol."""


class Car(TypedDict):
    name: str
    """Name of the car."""

    colour: NotRequired[Annotated[Colour, Default(Colour.BLUE)]]
    """Colour of the car, which `top_speed` does not depend on. It can be changed."""

    top_speed: NotRequired[Annotated[str, matches(r"\d+ km/h", "a speed", "200 km/h")]]
    """Speed. Default: that of the engine."""

    doors: NotRequired[
        Annotated[list[Annotated[str, matches(r"[a-z: ]+", "a door", "left: front")]], Default(())]
    ]
    """Doors."""

    engine: NotRequired[Engine]
    """The engine."""

    radio: NotRequired[Annotated[bool, Default(False)]]
    """Whether it has a radio; few need one: for most drivers a telephone plays everything that a radio does,
    and more."""


def test_the_other_keys_of_a_section_are_added_commented_out() -> None:
    written = "  car:\n    name: beetle\n    # Prose: about it.\n"
    assert complete(written.partition("\n")[2], Car).splitlines() == [
        "    name: beetle",
        "    # Prose: about it.",
        "    # colour: blue                          # colour of the car, which topSpeed does not depend on",
        "    # topSpeed: 200 km/h                    # speed; default: that of the engine",
        '    # doors: ["left: front"]                # doors',
        "    # engine:                               # the engine",
        "    #   power: 1                            # power of the engine, in kW",
        "    #   # fuel: example                     # what it burns; default: petrol",
        "    # radio: false                          # whether it has a radio; few need one",
    ]


def test_in_a_section_that_is_commented_out_they_are_so_twice() -> None:
    written = "  #   name: beetle\n  #   # radio: false\n  #   # topSpeed: 9 km/h\n"
    added = complete(written, Car, without=["engine", "doors"]).removeprefix(written)
    assert added == (
        "  #   # colour: blue                        # colour of the car, which topSpeed does not depend on\n"
    )
