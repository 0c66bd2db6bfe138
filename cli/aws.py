"""AWS as the callers see it: credentials, who they are, and AWS's refusals.

A login is the workload's, never the user's: what stands for a workload uses `session`, which does not look at
the user's profile. Only where the user plays a part (`own_session`) do his own credentials count.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from .errors import Refused
from .outputs import VaultOutput

LINK = "AWS identity"
UNREACHABLE = "unreachable"
REGION = "sts-region"


@dataclass(frozen=True)
class Credentials:
    """AWS credentials; the secrets stay out of every repr."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(repr=False)
    """None for those of an IAM user, which do not expire."""


@dataclass(frozen=True)
class Caller:
    """Who AWS says the credentials are."""

    account: str
    user_id: str
    arn: str


@cache
def session() -> Any:
    """A botocore session that neither reads nor misses what `AWS_PROFILE` names.

    One for all clients: what botocore knows of AWS takes it longer to read than a login takes.
    """
    import botocore.session

    return botocore.session.Session(session_vars={"profile": (None, None, None, None)})


@cache
def own_session() -> Any:
    """The session of whoever runs this command, as every AWS tool finds it."""
    import botocore.session

    return botocore.session.Session()


def own_credentials() -> Credentials:
    """The credentials of whoever runs this command; `Refused` if there are none."""
    from botocore.exceptions import BotoCoreError

    hint = "log in to AWS (AWS_PROFILE, AWS_ACCESS_KEY_ID, `aws sso login`, an instance role), then try again"
    try:
        found = own_session().get_credentials()
        frozen = found.get_frozen_credentials() if found else None
    except BotoCoreError as error:
        raise Refused(LINK, None, f"your own AWS credentials: {error}", "no-credentials", hint) from error
    if not frozen:
        raise Refused(LINK, None, "there are no AWS credentials in this shell", "no-credentials", hint)
    return Credentials(frozen.access_key, frozen.secret_key, frozen.token)


def caller_identity(vault: VaultOutput, credentials: Credentials) -> Caller:
    """Ask AWS who these credentials are."""
    with asking(vault, lambda _code: "these credentials are not valid at this STS endpoint"):
        answer = sts(vault, credentials).get_caller_identity()
    return Caller(answer["Account"], answer["UserId"], answer["Arn"])


def assume_role(vault: VaultOutput, role_arn: str, credentials: Credentials, name: str) -> Credentials:
    """Become the IAM role; `credentials` are those of somebody whom its trust policy names."""

    def explain(code: str) -> str:
        return (
            f"the trust policy of {role_arn} must name your AWS identity (`aws sts get-caller-identity`), "
            "and that identity needs sts:AssumeRole on it where the role is in another account"
            if code == "AccessDenied"
            else "your AWS credentials are not valid at this STS endpoint"
        )

    with asking(vault, explain):
        answer = sts(vault, credentials).assume_role(
            RoleArn=role_arn, RoleSessionName=session_name(name), DurationSeconds=900
        )["Credentials"]
    return Credentials(answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"])


def session_name(text: str) -> str:
    """The text in the characters and the length that AWS allows for a role session's name."""
    return re.sub(r"[^\w+=,.@-]", "-", text, flags=re.ASCII)[:64]


def sts(vault: VaultOutput, credentials: Credentials | None) -> Any:
    """A client of the stack's STS endpoint; without credentials its requests are not signed."""
    from botocore import UNSIGNED
    from botocore.config import Config

    limits = Config(connect_timeout=5, read_timeout=20, retries={"max_attempts": 2})
    keys = (
        {
            "aws_access_key_id": credentials.access_key_id,
            "aws_secret_access_key": credentials.secret_access_key,
            "aws_session_token": credentials.session_token,
            "config": limits,
        }
        if credentials
        else {"config": limits.merge(Config(signature_version=UNSIGNED))}
    )
    return session().create_client(
        "sts", endpoint_url=vault.sts_endpoint, region_name=vault.sts_region, **keys
    )


@contextmanager
def asking(vault: VaultOutput, explain: Callable[[str], str], link: str = LINK) -> Iterator[None]:
    """Turn STS's refusals, and its silence, into `Refused`; `explain` gives the fix for an error code."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        found = error.response.get("Error", {})
        code = found.get("Code", "")
        if "scoped to a valid region" in found.get("Message", ""):
            raise Refused(link, "AWS", str(error), REGION, wrong_region(vault)) from error
        raise Refused(link, "AWS", str(error), code, explain(code)) from error
    except BotoCoreError as error:
        raise Refused(
            link,
            None,
            str(error),
            UNREACHABLE,
            f"can this machine reach {vault.sts_endpoint} (proxy, DNS, VPC endpoint, AWS_CA_BUNDLE)?",
        ) from error


def wrong_region(vault: VaultOutput) -> str:
    """What to do when the STS endpoint is of another region than the one that is signed for."""
    return (
        f"the endpoint {vault.sts_endpoint} and the region {vault.sts_region} do not belong together: "
        "set the stack's STS region and endpoint alike, and `pulumi up`"
    )
