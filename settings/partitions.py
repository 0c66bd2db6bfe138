"""One partition of AWS for the whole stack: that of `aws:region`. No ARN and no region of another one can be
reached from there."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from components import arns
from settings.problems import Problems
from settings.reading import Reading
from settings.sections import Vault

KEYS = ("accounts", "cluster", "logins", "secretsEngine", "vaultIdentity")
"""Those below which ARNs are written."""

_TEXT = ("audience", "externalId", "Condition")
"""Keys of what may look like an ARN and names nothing that must be reached."""


def check(project: str, written: Callable[[str], Any], region: str, problems: Problems) -> None:
    """No ARN may be of another partition than the region's. `written` says what is under a key."""
    partition = arns.partition_of(region)
    for key in KEYS:
        for path, found in _partitions(f"{project}:{key}", written(key)):
            if found != partition and not problems.at(path):
                # Not quoted, for nothing says that the key is a known one.
                problems.add(
                    path,
                    f"is an ARN of the partition {found}, and aws:region {region} is of {partition}; "
                    f"write arn:{partition}:…",
                )


def check_sts(vault: Reading[Vault], region: str, problems: Problems) -> None:
    """Logins must be verified by an STS that knows their credentials."""
    partition, path = arns.partition_of(region), f"{vault.path}.stsRegion"
    found = None if "sts_region" in vault.wrong else vault.section.sts_region
    if found and arns.partition_of(found) != partition:
        problems.add(
            path,
            f"{problems.quoted(path, found)} is of the partition {arns.partition_of(found)}, and aws:region "
            f"{region} is of {partition}; write a region of that, e.g. {region}",
        )


def _partitions(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """The partition of each ARN that is written somewhere below, by its path."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key not in _TEXT:
                yield from _partitions(f"{path}.{key}", item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _partitions(f"{path}[{index}]", item)
    elif isinstance(value, str):
        with contextlib.suppress(ValueError):  # no ARN, or told already as a wrong one
            yield path, arns.parse(value).partition
