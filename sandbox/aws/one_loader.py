"""One reader of botocore's data files for the whole process.

Every boto3 session makes one of its own, and moto makes a session for each of its lists of regions: the same
files were parsed again and again, among them the whole model of EC2.
"""

from __future__ import annotations

import botocore.loaders
import botocore.session

_LOADER = botocore.loaders.create_loader()


def install() -> None:
    """Makes every later session use the one reader. Call this before moto is imported."""

    def create_loader(search_path_string: str | None = None) -> botocore.loaders.Loader:
        del search_path_string  # AWS_DATA_PATH: the emulator speaks to no AWS
        return _LOADER

    botocore.loaders.create_loader = create_loader
    botocore.session.create_loader = create_loader  # type: ignore[attr-defined]
