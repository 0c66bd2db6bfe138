"""botocore's data files: one reader for the whole process, and what they say of AWS's partitions.

Every boto3 session has a reader of its own, and moto makes a session for each of its lists of regions: each
parsed the same files again, among them the whole model of EC2. The partitions are also in components/arns.py,
but to import that takes all of the Pulumi SDKs.
"""

import re
from functools import cache
from typing import Any

import botocore.loaders
import botocore.session

_LOADER = botocore.loaders.create_loader()


def install() -> None:
    """Makes every later session use the one reader. Call this before moto is imported."""

    def create_loader(search_path_string: str | None = None) -> botocore.loaders.Loader:
        del search_path_string  # AWS_DATA_PATH: the emulator calls no AWS
        return _LOADER

    botocore.loaders.create_loader = create_loader
    botocore.session.create_loader = create_loader


def partitions() -> list[dict[str, Any]]:
    """The partitions, `aws` first, each with the form of its regions and its host names."""
    found: list[dict[str, Any]] = _LOADER.load_data("partitions")["partitions"]
    return found


@cache
def _partition(region: str) -> dict[str, Any] | None:
    return next((each for each in partitions() if re.match(each["regionRegex"], region)), None)


def partition_of(region: str) -> str | None:
    """The partition of a region: `aws-cn` for `cn-north-1`; None for what is no region."""
    found = _partition(region)
    return str(found["id"]) if found else None


def dns_suffix(region: str) -> str:
    """The suffix of service host names in a region: `amazonaws.com.cn` for `cn-north-1`."""
    return str((_partition(region) or partitions()[0])["outputs"]["dnsSuffix"])
