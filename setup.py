"""What pyproject.toml cannot say: the description is README.md, with links for where its folder is not."""

import runpy
from pathlib import Path

from setuptools import setup

HERE = Path(__file__).resolve().parent
published = runpy.run_path(str(HERE / "components" / "version.py"))
absolute = runpy.run_path(str(HERE / "tools" / "links.py"))["absolute"]

setup(
    long_description=absolute(
        (HERE / "README.md").read_text(encoding="utf-8"),
        "README.md",
        published["REPOSITORY"],
        f"v{published['VERSION']}",
    ),
    long_description_content_type="text/markdown",
)
