"""The script for diagrams, as a file of the site; without it, browsers fetch it from a CDN."""

import functools
import hashlib
import logging
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

VERSION = "11.12.0"
SHA512 = (
    "66e755c7bdc1c2b3097c2166492253f38cbabb96eb12857c0ce22d747a2634bc"
    "f7dae06336b7a59bb9a0f795fb83e0ba528407fd6ea604b183103bfbdc977106"
)
"""Hash of the package at npm."""

log = logging.getLogger("mkdocs.hooks.mermaid")


@functools.cache
def script() -> Path | None:
    """Mermaid, from the user's cache or npm. None if it is not available, which is logged."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    cached = Path(base) / "vault-aws-auth" / f"mermaid-{VERSION}.min.js"
    if cached.exists():
        return cached
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / f"mermaid-{VERSION}.tgz"
        try:
            subprocess.run(
                [shutil.which("npm") or "npm", "pack", "--silent", f"mermaid@{VERSION}"],
                cwd=folder,
                check=True,
                capture_output=True,
                timeout=120,
            )
            if hashlib.sha512(package.read_bytes()).hexdigest() != SHA512:
                raise OSError(f"{package.name} has the wrong hash")
            with tarfile.open(package) as archive:
                found = archive.extractfile("package/dist/mermaid.min.js")
                text = found.read() if found else b""
        except (OSError, subprocess.SubprocessError) as error:
            log.info("npm could not fetch Mermaid (%s): browsers will fetch it from a CDN", error)
            return None
    cached.parent.mkdir(parents=True, exist_ok=True)
    partial = cached.with_suffix(f".{os.getpid()}")
    partial.write_bytes(text)
    partial.replace(cached)
    return cached
