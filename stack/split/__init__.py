"""One stack into a platform and teams: which login goes where, the stack files, and the states.

Nothing in AWS, Kubernetes or Vault is touched, so that every login goes on. `teams.py` and `plan.py` decide,
`text.py` and `files.py` write the stack files, `states.py` and `move.py` hand the resources over.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stack import yaml_file


class SplitError(Exception):
    """The stack cannot be split so: each problem, what is wrong, where, and what to write instead."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


def read_yaml(file: Path) -> Any:
    """What is in a YAML file. Raises SplitError."""
    try:
        return yaml_file.load(file)
    except yaml_file.WrongFile as error:
        raise SplitError([str(error)]) from None
