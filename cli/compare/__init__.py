"""`access --compare`: who gains what between two revisions, stack files or what is deployed.

A side is read (`sides`), becomes a table of who gets which token (`table`, by `declared` or `deployed`), and
two tables become the changes between them (`changes`). The last two steps are pure functions.
"""

from pathlib import Path

from .changes import Comparison, compare
from .sides import Project, load

__all__ = ["Comparison", "Project", "between", "compare", "load"]


def between(old: str, new: str, project: Path, stack: str | None = None) -> Comparison:
    """What changes from OLD to NEW, each as on the command line. Raises Refused."""
    where = Project(project, stack)
    return compare(load(old, where), load(new, where))
