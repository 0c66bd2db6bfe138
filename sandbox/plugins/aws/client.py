"""AWS clients for a provider configuration, and idioms that all services share."""

import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, Credentials, DeferredRefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError
from botocore.loaders import Loader, create_loader

from sandbox.plugins.aws.fields import rename
from sandbox.plugins.patience import propagation_seconds
from sandbox.plugins.resource import Inputs, ProviderError, words

CONFIG_JSON = words(
    "allowedAccountIds assumeRoles defaultTags endpoints forbiddenAccountIds ignoreTags insecure maxRetries "
    "skipCredentialsValidation skipMetadataApiCheck skipRegionValidation skipRequestingAccountId"
)
CONFIG = CONFIG_JSON | {"accessKey", "customCaBundle", "profile", "region", "secretKey", "stsRegion", "token"}

ABSENT = {"NoSuchEntity", "ResourceNotFoundException", "ParameterNotFound"}
"""Error codes that mean "not found". EC2's vary but end in .NotFound."""


@dataclass(frozen=True)
class Aws:
    """One provider configuration, in one region."""

    session: botocore.session.Session
    region: str
    endpoints: Mapping[str, str] = field(default_factory=dict)
    verify: bool | str | None = None
    default_tags: Mapping[str, str] = field(default_factory=dict)
    ignored_tags: Callable[[str], bool] = lambda _: False
    retries: int | None = None
    sts_region: str | None = None
    """Where STS is asked. Default: `region`."""

    def client(self, service: str) -> Any:
        """The service's API client, created once, because that reads its model from disk."""
        if service not in self._clients:
            self._clients[service] = self.session.create_client(
                service,
                region_name=(service == "sts" and self.sts_region) or self.region,
                endpoint_url=self.endpoints.get(service),
                verify=self.verify,
                config=Config(retries={"total_max_attempts": self.retries} if self.retries else None),
            )
        return self._clients[service]

    @cached_property
    def _clients(self) -> dict[str, Any]:
        return {}

    def at(self, region: str | None) -> "Aws":
        """The same configuration in another region."""
        return self if region in (None, self.region) else replace(self, region=region)

    @cached_property
    def identity(self) -> Mapping[str, str]:
        """The identity of these credentials: UserId, Account, Arn."""
        answer: Mapping[str, str] = self.client("sts").get_caller_identity()
        return answer

    @property
    def partition(self) -> str:
        """`aws`, `aws-us-gov`, `aws-cn`, …"""
        return str(self.session.get_partition_for_region(self.region))

    def arn(self, service: str, resource: str) -> str:
        """The ARN of an object in this account and region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.identity['Account']}:{resource}"

    def tags(self, inputs: Inputs) -> dict[str, str]:
        """The tags of an object: the provider's default tags, overridden by the resource's own."""
        return {**self.default_tags, **inputs.get("tags", {})}


def connect(config: Inputs) -> Aws:
    """Connects with the provider's inputs. Refuses credentials that do not work, or of a wrong account."""
    session = plain_session(config.get("profile"))
    if "accessKey" in config:
        session._credentials = Credentials(  # type: ignore[attr-defined]
            config["accessKey"], config.get("secretKey", ""), config.get("token")
        )
    # botocore knows only the second of these variables.
    region = config.get("region") or os.environ.get("AWS_REGION") or session.get_config_variable("region")
    if not region:
        raise ProviderError("aws: no region: set aws:region, the provider's `region`, or AWS_REGION")
    ignored = config.get("ignoreTags", {})
    aws = Aws(
        session,
        region,
        endpoints={k: v for entry in config.get("endpoints", []) for k, v in entry.items()},
        verify=False if config.get("insecure") else config.get("customCaBundle"),
        default_tags=config.get("defaultTags", {}).get("tags", {}),
        ignored_tags=lambda key: (
            key in ignored.get("keys", []) or key.startswith(tuple(ignored.get("keyPrefixes", [])))
        ),
        retries=config.get("maxRetries"),
        sts_region=config.get("stsRegion"),
    )
    for role in config.get("assumeRoles", []):
        aws = _assume(aws, role)
    allowed, forbidden = config.get("allowedAccountIds"), config.get("forbiddenAccountIds", [])
    if allowed or forbidden or not config.get("skipCredentialsValidation"):
        try:
            account = aws.identity["Account"]
        except (ClientError, BotoCoreError) as error:
            raise ProviderError(f"aws: the credentials do not work: {explain(error)}") from error
        if account in forbidden or (allowed and account not in allowed):
            raise ProviderError(f"aws: account {account} is not allowed here")
    return aws


def plain_session(profile: str | None = None) -> botocore.session.Session:
    """A session as of the environment, with models that are read once for all sessions."""
    session = botocore.session.Session(profile=profile)
    session.register_component("data_loader", _loader())
    return session


@cache
def _loader() -> Loader:
    return create_loader()


def read_models() -> None:
    """Reads botocore's service models, which takes longer than creating a client.

    Once for all sessions: the fork server does it before its forks.
    """
    session = plain_session()
    session.set_credentials("none", "none")
    for service in ("sts", "iam", "ec2", "eks", "ssm", "autoscaling"):
        session.create_client(service, "us-east-1")


_ASSUME = {
    "externalId": "ExternalId",
    "sessionName": "RoleSessionName",
    "policy": "Policy",
    "sourceIdentity": "SourceIdentity",
}


def _assume(aws: Aws, role: Inputs) -> Aws:
    """A session with that role, whose credentials renew themselves."""
    if unknown := set(role) - set(_ASSUME) - {"roleArn"}:
        raise ProviderError(f"aws: assumeRoles: {', '.join(sorted(unknown))} is not supported here")
    fetcher = AssumeRoleCredentialFetcher(
        partial(
            aws.session.create_client,
            region_name=aws.sts_region or aws.region,
            endpoint_url=aws.endpoints.get("sts"),
            verify=aws.verify,
        ),
        aws.session.get_credentials(),
        role["roleArn"],
        extra_args=rename(role, _ASSUME),
    )
    session = plain_session()
    session._credentials = DeferredRefreshableCredentials(  # type: ignore[attr-defined]
        fetcher.fetch_credentials, "assume-role"
    )
    return replace(aws, session=session)


def explain(error: Exception) -> str | None:
    """AWS's own message."""
    if isinstance(error, ClientError):
        reason = error.response["Error"]
        return f"AWS refused {error.operation_name}: {reason.get('Code')}: {reason.get('Message')}"
    return str(error) if isinstance(error, BotoCoreError) else None


def answered(error: Exception) -> bool:
    """Whether AWS has refused, and was asked only once: an earlier request may be done, its answer lost."""
    if not isinstance(error, ClientError):
        return not isinstance(error, BotoCoreError)
    meta = error.response.get("ResponseMetadata", {})
    return meta.get("HTTPStatusCode", 400) < 500 and not meta.get("RetryAttempts")


def absent(error: ClientError) -> bool:
    """Whether AWS says that the object does not exist."""
    code = error.response["Error"].get("Code", "")
    return code in ABSENT or code.endswith((".NotFound", ".NotFoundException"))


def found(call: Callable[..., Any], **params: Any) -> Any:
    """The answer, or None if the object does not exist."""
    try:
        return call(**params)
    except ClientError as error:
        if absent(error):
            return None
        raise


PROPAGATION = 120.0
"""Seconds that the official provider waits for IAM."""

Transient = tuple[tuple[str, str], ...]
"""Error codes, with words of their messages, that may mean "not everywhere yet"."""


def retried(call: Callable[..., Any], transient: Transient, *args: Any) -> Any:
    """What the call returns, tried again for two minutes while it is refused with one of these."""
    deadline, pause = time.monotonic() + propagation_seconds(PROPAGATION), 0.2
    while True:
        try:
            return call(*args)
        except ClientError as error:
            said = error.response["Error"]
            known = any(said.get("Code") == code and words in said["Message"] for code, words in transient)
            if not known or time.monotonic() > deadline:
                raise
        time.sleep(pause)
        pause = min(pause * 1.5, 2)


def wait(what: str, minutes: float, status: Callable[[], str | None], done: Iterable[str | None]) -> None:
    """Polls until the status is one of `done`: often at first, for emulators, then less often."""
    deadline, pause = time.monotonic() + minutes * 60, 0.1
    while (now := status()) not in done:
        if now is None or "FAILED" in now:
            raise ProviderError(f"{what} is {now or 'gone'}")
        if time.monotonic() > deadline:
            raise ProviderError(f"{what} is still {now} after {minutes:g} minutes")
        time.sleep(pause)
        pause = min(pause * 1.5, 10)
