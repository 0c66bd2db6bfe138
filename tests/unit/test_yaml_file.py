"""YAML files that people write: whatever is in them, there is a value or one line that says what is wrong."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.engine import read_config
from sandbox.home import SandboxError
from stack.file import read_policies
from stack.reading import StackFileError
from stack.split import SplitError, files, teams
from stack.yaml_file import WrongFile, load

WRONG: dict[str, tuple[bytes, str]] = {
    "not UTF-8": (b"config:\n  a: \xff\n", "cannot be read: line 2 is not UTF-8; save it as UTF-8"),
    "UTF-16": ("config: {}".encode("utf-16"), "cannot be read: line 1 is not UTF-8; save it as UTF-8"),
    "a key twice": (
        b"config:\n  a: 1\n  b: 2\n  a: 3\n",
        "is not valid YAML: line 4: the key a is there already, in line 2; write it once",
    ),
    "a key twice in braces": (
        b"config: {a: 1, b: {c: 1, c: 2}}",
        "is not valid YAML: line 1: the key c is there already, in line 1; write it once",
    ),
    "a key twice, once in quotes": (
        b"config:\n  1: a\n  '1': a\n",
        "is not valid YAML: line 3: the key 1 is there already, in line 2; write it once",
    ),
    "nested deeply": (b"config: " + b"[" * 20_000, "is nested too deeply; write fewer levels"),
    "nested deeply and closed": (
        b"config: " + b"{a: " * 3_000 + b"1" + b"}" * 3_000,
        "is nested too deeply; write fewer levels",
    ),
    "an alias in itself": (
        b"config: &a {b: *a}",
        "is not valid YAML: line 1: an alias is inside of what it ",
    ),
    "aliases of aliases": (
        b"a: &a [x,x,x,x,x,x,x,x,x]\n"
        + b"".join(b"%c: &%c [%s]\n" % (i, i, b",".join([b"*%c" % (i - 1)] * 9)) for i in range(98, 107)),
        "is not valid YAML: line 6: its aliases make more than 100000 values; write fewer",
    ),
    "a NUL": (b"config:\n  a: \0\n", "is not valid YAML: "),
    "an open bracket": (b"config: [", "is not valid YAML: line 1: "),
    "a tab": (b"config:\n\ta: 1\n", "is not valid YAML: line 2: "),
    "two documents": (b"config: {}\n---\nconfig: {}\n", "is not valid YAML: line 2: "),
    "a 13th month": (b"config: {a: 2026-13-01}", "is not valid YAML: month must be in 1..12"),
    "a number that is none": (b"config: {a: !!int x}", "is not valid YAML: invalid literal for int()"),
    "a boolean that is none": (b"config: {a: !!bool maybe}", "is not valid YAML: 'maybe'"),
    "a time that is none": (b"config: {a: !!timestamp x}", "is not valid YAML: "),
    "a tag of Python": (b"config: !!python/name:os.system x", "is not valid YAML: line 1: "),
    "a list as a key": (b"config: {[a]: 1}", "is not valid YAML: line 1: "),
    "an unknown alias": (b"config: *a", "is not valid YAML: line 1: "),
}

READERS: dict[str, tuple[Callable[[Path], object], type[Exception]]] = {
    "file": (load, WrongFile),
    "split": (files.load, SplitError),
    "teams": (teams.read, SplitError),
    "sandbox": (read_config, SandboxError),
}


@pytest.mark.parametrize(("content", "message"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize(("read", "expected"), READERS.values(), ids=READERS)
def test_a_wrong_file_is_one_line(
    read: Callable[[Path], object], expected: type[Exception], content: bytes, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "Pulumi.shop.yaml"
    file.write_bytes(content)
    with pytest.raises(expected) as error:
        read(file)
    assert str(error.value).startswith(f"{file}: {message}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("read", "expected"), READERS.values(), ids=READERS)
@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_what_is_no_file_is_one_line(
    read: Callable[[Path], object], expected: type[Exception], kind: str, tmp_path: Path
) -> None:
    file = tmp_path / "Pulumi.shop.yaml"
    if kind == "folder":
        file.mkdir()
    with pytest.raises(expected) as error:
        read(file)
    assert str(file) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("read", [files.load, read_config])
def test_a_key_that_is_no_text_is_told(read: Callable[[Path], object], tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.shop.yaml"
    file.write_text("config: {5: x, aws:region: us-east-1}")
    with pytest.raises((SplitError, SandboxError), match=r"config\.5: is not text; write PROJECT:KEY"):
        read(file)


def test_a_section_in_json_is_not_split(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.shop.yaml"
    file.write_text("""config: {"vault-aws-auth:logins": '{"pod": {}}'}""")
    with pytest.raises(SplitError, match="vault-aws-auth:logins: is JSON in quotes; write it without quotes"):
        files.load(file)


def test_what_a_mapping_takes_over_from_another_may_be_there_again(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.shop.yaml"
    file.write_text("a: &a {x: 1, y: &y {p: 1}}\nb: {<<: *a, x: 2}\nc: {<<: [*a, *y], p: 3}\nd: *a\n")
    assert load(file) == {
        "a": {"x": 1, "y": {"p": 1}},
        "b": {"x": 2, "y": {"p": 1}},
        "c": {"x": 1, "y": {"p": 1}, "p": 3},
        "d": {"x": 1, "y": {"p": 1}},
    }


def test_policies_that_are_not_utf_8_are_told_together(tmp_path: Path) -> None:
    folder = tmp_path / "policies" / "vault"
    folder.mkdir(parents=True)
    (folder / "a.hcl").write_bytes(b"\xff")
    (folder / "b.hcl").mkdir()
    (folder / "c.hcl").write_text('path "équipe/*" {}', encoding="utf-8")
    with pytest.raises(StackFileError) as error:
        read_policies(tmp_path)
    assert error.value.problems == [
        "policies/vault/a.hcl: is not UTF-8; save it as UTF-8",
        "policies/vault/b.hcl: cannot be read: Is a directory",
    ]
