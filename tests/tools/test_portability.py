"""What make runs, and what the pages tell one to type, is there on macOS, too.

macOS has make 3.81, bash 3.2 and BSD's tools: no option that only GNU's have, no command that only Linux has.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.test_examples_in_pages import blocks

ROOT = Path(__file__).parents[2]

RULES = {
    # what: (pattern, what it finds, the same for every system)
    "sed -i takes a suffix": (
        r"\bsed\b[^|;&\n]* (-i(?!\.)|--in-place|-r)\b",
        "sed -i s/a/b/ file",
        "sed s/a/b/ file",
    ),
    "date has no -d": (r"\bdate\b[^|;&\n]* (-d|--\w+|-I)", "date -d yesterday", "date +%s"),
    "readlink has no -f before macOS 12.3": (
        r"\b(readlink\b[^|;&\n]* -[ef]|realpath\b)",
        "readlink -f x",
        "pwd -P",
    ),
    "xargs has no -r, -d, -a": (
        r"\bxargs\b[^|;&\n]* (-r|-d|-a|--\w+)",
        "ls | xargs -r rm",
        "find . -exec rm {} +",
    ),
    "find has a folder first and no -printf": (
        r"\bfind (-(?![HLP] )|[^|;&\n]*-(printf|regextype|readable)\b)",
        "find -name x",
        "find . -name x",
    ),
    "stat is another": (r"\bstat (-c|--\w+)", "stat -c %s file", "wc -c < file"),
    "grep has no -P": (r"\bgrep\b[^|;&\n]* (-\w*P|--perl)", "grep -oP x", "grep -E x"),
    "head and tail count from one end": (r"\b(head|tail)\b[^|;&\n]* -n ?-", "head -n -1", "sed '$d'"),
    "sort has no -V before macOS 13": (r"\bsort\b[^|;&\n]* -\w*V", "sort -V", "sort -t. -k1,1n"),
    "cp and rm have no long options": (
        r"(?:^|[;|&(@$]) *(cp|rm|mv|ln|mkdir|chmod) [^|;&\n]*--\w",
        "rm --force x",
        "rm -f x",
    ),
    "mktemp has no long options": (r"\bmktemp\b[^|;&\n]* (--\w+|-p)", "mktemp --directory", "mktemp -d"),
    "base64 has no -w": (r"\bbase64\b[^|;&\n]* (-w|--wrap)", "base64 -w0", "base64"),
    "only Linux has it": (
        r"(?<![\w./-])(timeout|nproc|tac|sha256sum|md5sum|setsid|ss|ip|free|seq|shuf|numfmt|stdbuf|getent|systemctl|gawk)"
        r"(?= )(?! =)",
        "timeout 5 true",
        "true",
    ),
    "awk has no gensub, strftime, asort": (
        r"\bawk\b.*\b(gensub|strftime|asorti?|systime|PROCINFO|BEGINFILE)\b",
        "awk '{print strftime()}'",
        "awk '{print $1}'",
    ),
    "echo does not interpret": (r"\becho -[ne]", "echo -n x", "printf x"),
    "bash 3.2": (
        r"(declare|local) -[Agn]|\b(mapfile|readarray|coproc|wait -n)\b|\$\{\w+[,^@]|\|&|&>>|\[\[ -v",
        "declare -A x",
        "x=1",
    ),
}
MAKE = {
    "make 3.81: define has no operator": (r"^define \w+ *[:?+]?=", "define x =", "define x"),
    "make 3.81: no !=, ::=": (r"^[\w.-]+ *(!|::)=", "x != date", "x := $(shell date)"),
    "make 3.81: no functions of later ones": (
        r"\$\((file|guile|let|intcmp) |^(\.ONESHELL|\.RECIPEPREFIX|undefine|private )|&:",
        "x := $(file < y)",
        "x := $(shell cat y)",
    ),
    "make 3.81: no options of later ones": (
        r"(\$\(MAKE\)|\bmake\b)[^|;&\n]* (-O|--output-sync|--trace)\b",
        "$(MAKE) -O all",
        "$(MAKE) all",
    ),
}
COMMANDS = {"awk", "echo", "find", "git", "rm", "touch"}
"""What a recipe may call beside the project's Python: the same on every system, within the rules."""


def found(text: str, rules: dict[str, tuple[str, str, str]]) -> list[str]:
    """What a shell's text has of it, each with its line."""
    return [
        f"{what}: {line.strip()}"
        for what, (pattern, _, _) in rules.items()
        for line in text.splitlines()
        if re.search(pattern, line)
    ]


@pytest.mark.parametrize("what", [*RULES, *MAKE])
def test_a_rule_finds_what_it_is_about(what: str) -> None:
    pattern, wrong, right = {**RULES, **MAKE}[what]
    assert re.search(pattern, wrong)
    assert not re.search(pattern, right)


def test_make_needs_nothing_that_only_gnu_has() -> None:
    assert found((ROOT / "Makefile").read_text(), {**RULES, **MAKE}) == []


def test_a_recipe_calls_what_every_system_has() -> None:
    called = {word for line in recipes() for word in commands(line)}
    assert {"awk", "touch"} <= called, "recipes are read"
    assert called - COMMANDS == set()


def recipes() -> Iterator[str]:
    """The lines of the Makefile that a shell gets, with variables of make as they stand."""
    inside = False
    for line in (ROOT / "Makefile").read_text().splitlines():
        inside = (inside or line.startswith("define ")) and line != "endef"
        if line.startswith("\t") or (inside and line.startswith("@")):
            yield line.strip().lstrip("@-+")


def commands(line: str) -> Iterator[str]:
    """The first word of each of a line's commands, without the project's own Python and what make calls."""
    for command in re.split(r"&&|\|\||[|;](?=(?:[^'\"]|'[^']*'|\"[^\"]*\")*$)", line):
        words = [word for word in command.split() if not re.match(r"\w+=", word)]
        if words and re.fullmatch(r"[a-z][\w.-]*", words[0]):
            yield words[0]


def test_the_list_of_commands_fits_a_terminal_of_80_columns() -> None:
    make = [str(shutil.which("make")), "-C", str(ROOT), "--no-print-directory", "help"]
    lines = subprocess.run(make, capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()
    assert len(lines) > 15
    assert [line for line in lines if len(line) > 80] == []


ONLY_LINUX = re.compile(
    r"""["']/(proc|sys|dev/shm)/|\b(pipe2|memfd_create|prctl|epoll|pidfd_open|SO_PEERCRED|MSG_NOSIGNAL)\b"""
    r"|\bsched_getaffinity\b(?!.*\bhasattr\b)|\bSOCK_(CLOEXEC|NONBLOCK)\b"
)


@pytest.mark.parametrize(
    "folder", ["cli", "components", "pipeline", "plugin", "policies", "sandbox", "stack", "tools"]
)
def test_the_project_asks_the_system_for_nothing_that_only_linux_has(folder: str) -> None:
    used = [
        f"{file.relative_to(ROOT)}: {line.strip()}"
        for file in sorted((ROOT / folder).rglob("*.py"))
        for line in file.read_text().splitlines()
        if ONLY_LINUX.search(line)
    ]
    assert used == []


@pytest.mark.parametrize("script", [".ci/run"])
def test_a_script_needs_nothing_that_only_gnu_has(script: str) -> None:
    assert found((ROOT / script).read_text(), RULES) == []


@pytest.mark.parametrize("code", [*blocks("console"), *blocks("bash"), *blocks("sh")])
def test_commands_of_a_page_can_be_typed_on_every_system(code: str) -> None:
    typed = "\n".join(line for line in code.splitlines() if line.startswith(("$ ", "    ", "> ")))
    assert found(typed.replace("\\\n", " "), RULES) == []
