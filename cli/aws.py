"""AWS credentials, which principal they belong to, and AWS's refusals.

A login is made with the workload's credentials, never with the user's: code that acts for a workload uses
`session`, which ignores the user's profile. `own_session` is for the few steps that need the user's own.
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
THROTTLED = "throttled"
UNAVAILABLE = "unavailable"


@dataclass(frozen=True)
class Credentials:
    """AWS credentials; the secrets stay out of every repr."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(repr=False)
    """None for an IAM user's access key."""


@dataclass(frozen=True)
class Caller:
    """Who the credentials belong to, as AWS says."""

    account: str
    user_id: str
    arn: str


@cache
def session() -> Any:
    """A botocore session that ignores `AWS_PROFILE`.

    Shared by all clients, because loading botocore's data takes longer than a login.
    """
    return _made({"profile": (None, None, None, None)})


@cache
def own_session() -> Any:
    """The user's own session, configured as for every AWS tool."""
    return _made({})


def _made(variables: dict[str, Any]) -> Any:
    """A session that takes no models of services from `~/.aws`: they are botocore's own."""
    import botocore.session
    from botocore.loaders import Loader

    made = botocore.session.Session(session_vars=variables)
    models = Loader([Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)
    made.register_component("data_loader", models)
    return made


def own_credentials() -> Credentials:
    """The user's own credentials; raises `Refused` if there are none."""
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
    """Ask AWS who these credentials belong to."""
    with asking(vault, lambda _code: "these credentials are not valid at this STS endpoint"):
        answer = sts(vault, credentials).get_caller_identity()
    return Caller(answer["Account"], answer["UserId"], answer["Arn"])


def assume_role(vault: VaultOutput, role_arn: str, credentials: Credentials, name: str) -> Credentials:
    """Assume the IAM role with `credentials`, which its trust policy must admit."""

    def explain(code: str) -> str:
        return (
            f"your AWS identity (`aws sts get-caller-identity`) may not assume {role_arn}. Log in where "
            "the role is at hand, with credentials that may assume it, or as another caller: --as ROLE_ARN"
            if code == "AccessDenied"
            else "your AWS credentials are not valid at this STS endpoint"
        )

    with asking(vault, explain):
        answer = sts(vault, credentials).assume_role(
            RoleArn=role_arn, RoleSessionName=session_name(name), DurationSeconds=900
        )["Credentials"]
    return Credentials(answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"])


def session_name(text: str) -> str:
    """The text as a role session name: other characters replaced, cut to AWS's length."""
    return re.sub(r"[^\w+=,.@-]", "-", text, flags=re.ASCII)[:64]


def sts(vault: VaultOutput, credentials: Credentials | None) -> Any:
    """A client for the stack's STS endpoint. Without credentials, its requests are unsigned."""
    from botocore import UNSIGNED
    from botocore.config import Config

    limits = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 3})
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
    """Turn STS's errors and connection errors into `Refused`; `explain` gives the fix for an error code."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        found = error.response.get("Error", {})
        code = found.get("Code", "")
        if failure := busy(error, link):
            raise failure from error
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


def busy(error: Any, link: str) -> Refused | None:
    """The failure, if AWS throttles or is out of order: which says nothing about the caller."""
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if status == 429 or re.search(r"Throttl|TooManyRequests|RequestLimitExceeded|SlowDown", code):
        hint = "AWS limits the rate of requests, which says nothing about this login: try again later"
        return Refused(link, None, str(error), THROTTLED, hint)
    if status >= 500:
        hint = "AWS is out of order there, which says nothing about this login: try again later"
        return Refused(link, None, str(error), UNAVAILABLE, hint)
    return None


def wrong_region(vault: VaultOutput) -> str:
    """The fix if the STS endpoint is in another region than requests are signed for."""
    return (
        f"the endpoint {vault.sts_endpoint} is not in the region {vault.sts_region}: make the stack's STS "
        "region and endpoint match, then run `pulumi up`"
    )


def sts_region_of(host: str) -> str | None:
    """The region of an STS host name of AWS, in any partition; a VPC endpoint's own name tells it, too. None
    for other hosts."""
    host = host.lower().removesuffix(".")
    if host == "sts.amazonaws.com":
        return "us-east-1"
    found = re.fullmatch(r"(vpce-[a-z0-9-]+\.)?sts(-fips)?\.([a-z0-9-]+)(?(1)\.vpce)\.([a-z0-9.-]+)", host)
    if found is None:
        return None
    private, _, region, suffix = found.groups()
    for partition in session().get_data("partitions")["partitions"]:
        if re.fullmatch(partition["regionRegex"], region):
            names = partition["outputs"]
            known = {names["dnsSuffix"], *(() if private else (names["dualStackDnsSuffix"],))}
            return region if suffix in known else None
    return None
