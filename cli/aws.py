"""The AWS SDK without the user's own profile: a login is the workload's, never the user's."""

from typing import Any


def session() -> Any:
    """A botocore session that neither reads nor misses what `AWS_PROFILE` names."""
    import botocore.session

    return botocore.session.Session(session_vars={"profile": (None, None, None, None)})
