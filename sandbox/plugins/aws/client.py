"""AWS as the tables see it: clients for one provider configuration, and the few idioms all services share."""

import json
import os
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, Credentials, DeferredRefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError

from sandbox.plugins.resource import Function, Inputs, NotFound, ProviderError, Resource, State, words


def as_is(text: str) -> dict[str, str]:
    """Names that both sides use, for `rename` and `back`."""
    return {name: name for name in text.split()}


CONFIG_JSON = words(
    "allowedAccountIds assumeRoles defaultTags endpoints forbiddenAccountIds ignoreTags insecure maxRetries "
    "skipCredentialsValidation skipMetadataApiCheck skipRegionValidation skipRequestingAccountId"
)
CONFIG = CONFIG_JSON | {"accessKey", "customCaBundle", "profile", "region", "secretKey", "token"}

ABSENT = {"NoSuchEntity", "ResourceNotFoundException", "ParameterNotFound"}
"""Error codes that mean "there is no such object"; EC2's end in .NotFound, and vary."""


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

    def client(self, service: str) -> Any:
        """The service's API client. Made once: making one reads its model from disk."""
        if service not in self._clients:
            self._clients[service] = self.session.create_client(
                service,
                region_name=self.region,
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
        """Who these credentials are: UserId, Account, Arn."""
        answer: Mapping[str, str] = self.client("sts").get_caller_identity()
        return answer

    @property
    def partition(self) -> str:
        """`aws`, `aws-us-gov`, `aws-cn`, …"""
        return str(self.session.get_partition_for_region(self.region))

    def arn(self, service: str, resource: str) -> str:
        """The ARN of something of this account in this region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.identity['Account']}:{resource}"

    def tags(self, inputs: Inputs) -> dict[str, str]:
        """What an object is tagged with: the provider's default tags under the resource's own."""
        return {**self.default_tags, **inputs.get("tags", {})}


def connect(config: Inputs) -> Aws:
    """The provider's inputs as clients. Refuses credentials that do not work, or of a wrong account."""
    session = botocore.session.Session(profile=config.get("profile"))
    if "accessKey" in config:
        session._credentials = Credentials(  # type: ignore[attr-defined]
            config["accessKey"], config.get("secretKey", ""), config.get("token")
        )
    # botocore itself knows only the second of these variables.
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


_ASSUME = {
    "externalId": "ExternalId",
    "sessionName": "RoleSessionName",
    "policy": "Policy",
    "sourceIdentity": "SourceIdentity",
}


def _assume(aws: Aws, role: Inputs) -> Aws:
    """The same, as that role; its credentials renew themselves."""
    if unknown := set(role) - set(_ASSUME) - {"roleArn"}:
        raise ProviderError(f"aws: assumeRoles: {', '.join(sorted(unknown))} is not supported here")
    fetcher = AssumeRoleCredentialFetcher(
        partial(
            aws.session.create_client,
            region_name=aws.region,
            endpoint_url=aws.endpoints.get("sts"),
            verify=aws.verify,
        ),
        aws.session.get_credentials(),
        role["roleArn"],
        extra_args={api: role[key] for key, api in _ASSUME.items() if key in role},
    )
    session = botocore.session.Session()
    session._credentials = DeferredRefreshableCredentials(  # type: ignore[attr-defined]
        fetcher.fetch_credentials, "assume-role"
    )
    return replace(aws, session=session)


def explain(error: Exception) -> str | None:
    """AWS's own message."""
    if isinstance(error, ClientError):
        told = error.response["Error"]
        return f"AWS refused {error.operation_name}: {told.get('Code')}: {told.get('Message')}"
    return str(error) if isinstance(error, BotoCoreError) else None


def absent(error: ClientError) -> bool:
    """Is this AWS saying that there is no such object?"""
    code = error.response["Error"].get("Code", "")
    return code in ABSENT or code.endswith((".NotFound", ".NotFoundException"))


def found(call: Callable[..., Any], **params: Any) -> Any:
    """The answer, or None where there is no such object."""
    try:
        return call(**params)
    except ClientError as error:
        if absent(error):
            return None
        raise


def wait(what: str, minutes: float, status: Callable[[], str | None], done: Iterable[str | None]) -> None:
    """Polls until the status is one of `done`. Starts fast (an emulator needs no time), then slows."""
    deadline, pause = time.monotonic() + minutes * 60, 0.1
    while (now := status()) not in done:
        if now is None or "FAILED" in now:
            raise ProviderError(f"{what} is {now or 'gone'}")
        if time.monotonic() > deadline:
            raise ProviderError(f"{what} is still {now} after {minutes:g} minutes")
        time.sleep(pause)
        pause = min(pause * 1.5, 10)


def rename(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The values that are there, under the other side's names."""
    return {theirs: values[ours] for ours, theirs in names.items() if values.get(ours) is not None}


def back(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """`rename`, the other way; moments become text."""
    return {ours: moment(values[theirs]) for ours, theirs in names.items() if values.get(theirs) is not None}


def moment(value: Any) -> Any:
    """Dates as AWS's own APIs write them; anything else as it is."""
    return value.strftime("%Y-%m-%dT%H:%M:%SZ") if hasattr(value, "strftime") else value


def pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as most APIs want them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def unpaired(tags: Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    """`pairs`, the other way."""
    return {tag["Key"]: tag["Value"] for tag in tags or []}


def tag_state(aws: Aws, live: Mapping[str, str], declared: Mapping[str, str]) -> State:
    """`tags` (the resource's own) and `tagsAll` from what the object is tagged with."""
    everything = {
        key: value for key, value in live.items() if not key.startswith("aws:") and not aws.ignored_tags(key)
    }
    own = {k: v for k, v in everything.items() if k in declared or aws.default_tags.get(k) != v}
    return {"tags": own or None, "tagsAll": everything}


def retag(
    aws: Aws,
    old: State,
    new: Inputs,
    add: Callable[[dict[str, str]], Any],
    remove: Callable[[list[str]], Any],
) -> None:
    """Brings an object's tags from the old state to the new inputs."""
    before, after = old.get("tagsAll") or {}, aws.tags(new)
    if gone := [key for key in before if key not in after]:
        remove(gone)
    if changed := {key: value for key, value in after.items() if before.get(key) != value}:
        add(changed)


def changed(old: State, new: Inputs, *names: str) -> bool:
    """Did any of these inputs change?"""
    return any(old.get(name) != new.get(name) for name in names)


def given(old: State, new: Inputs, *names: str) -> list[str]:
    """Those that were given and differ. One no longer given keeps the value that AWS chose or has."""
    return [name for name in names if name in new and old.get(name) != new[name]]


def document(text: str | Mapping[str, Any]) -> str:
    """A policy document as text: boto3 decodes those that IAM returns."""
    return text if isinstance(text, str) else json.dumps(text)


def resource(
    token: str,
    *,
    inputs: str,
    create: Callable[[Aws, Inputs], str | tuple[str, State]],
    read: Callable[[Aws, str, State], State | None],
    delete: Callable[[Aws, str, State], Any],
    update: Callable[[Aws, str, State, Inputs], Any] | None = None,
    required: str = "",
    replace_on: str = "",
    unsupported: str = "",
    tagged: bool | None = None,
    **options: Any,
) -> Resource:
    """An entry. `create` gives the ID, and outputs that are told only once; the rest is read back."""
    names = words(inputs)
    module, cls = token.partition("/")[0], token.rpartition(":")[2]
    regional = "region" in names
    if tagged is None:
        tagged = "tags" in names

    def here(aws: Aws, values: Mapping[str, Any]) -> Aws:
        return aws.at(values.get("region")) if regional else aws

    def seen(aws: Aws, id_: str, state: State) -> State | None:
        live = read(aws, id_, state)
        if live is None:
            return None
        if tagged:
            live = {**live, **tag_state(aws, live["tagsAll"], state.get("tags") or {})}
        return {**live, "region": aws.region} if regional else live

    def new(aws: Aws, values: Inputs) -> tuple[str, State]:
        aws = here(aws, values)
        made = create(aws, values)
        id_, once = made if isinstance(made, tuple) else (made, {})
        return id_, {**present(seen(aws, id_, values), token, id_), **once}

    def changed_(aws: Aws, id_: str, state: State, values: Inputs) -> State:
        aws = here(aws, state)
        assert update is not None  # noqa: S101  (changed_ is only used where there is one)
        update(aws, id_, state, values)
        return present(seen(aws, id_, {**without(state, names), **values}), token, id_)

    def gone(aws: Aws, id_: str, state: State) -> None:
        try:
            delete(here(aws, state), id_, state)
        except ClientError as error:
            if not absent(error):
                raise

    return Resource(
        token=f"aws:{token}",
        sdk=f"pulumi_aws.{module}.{cls}",
        inputs=names,
        create=new,
        read=lambda aws, id_, state: seen(here(aws, state), id_, state),
        update=changed_ if update else None,
        delete=gone,
        required=words(required),
        replace_on=words(replace_on) | ({"region"} if regional else set()),
        unsupported=words(unsupported),
        **options,
    )


def present(state: State | None, token: str, id_: str) -> State:
    """The state of what was just made or changed."""
    if state is None:
        raise NotFound(f"{token} {id_} is gone right after AWS accepted it")
    return state


def without(state: State, names: frozenset[str]) -> State:
    """The state without those keys."""
    return {key: value for key, value in state.items() if key not in names}


def function(
    token: str,
    *,
    inputs: str,
    invoke: Callable[[Aws, Inputs], dict[str, Any]],
    required: str = "",
    unsupported: str = "",
) -> Function:
    """An entry for a function; `invoke` runs in the region that the call names."""
    module, _, name = token.partition("/")
    snake = re.sub("([A-Z])", r"_\1", name.partition(":")[2]).lower()
    names = words(inputs)

    def answer(aws: Aws, values: Inputs) -> dict[str, Any]:
        aws = aws.at(values.get("region"))
        told = invoke(aws, values)
        return {"region": aws.region, **told} if "region" in names else told

    return Function(
        token=f"aws:{token}",
        sdk=f"pulumi_aws.{snake}" if module == "index" else f"pulumi_aws.{module}.{snake}",
        inputs=names,
        invoke=answer,
        required=words(required),
        unsupported=words(unsupported),
    )
