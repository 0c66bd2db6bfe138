"""Shared by EKS's objects: IDs made of names, waiting, tags."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.plugins.aws.client import Aws, found, wait
from sandbox.plugins.aws.entry import Taggers
from sandbox.plugins.aws.fields import as_is, rename
from sandbox.plugins.resource import Inputs, State

DATES = as_is("createdAt modifiedAt")


@dataclass(frozen=True)
class Kind:
    """A kind of object in EKS's API."""

    word: str
    """As in `describe_nodegroup`, and in its answer."""

    key: Mapping[str, str]
    """The inputs in the ID, as `<cluster>:<name>`, and their names in the API."""

    minutes: float = 0
    """How long creation and deletion may take."""

    answer: str = ""
    """The key of Describe's answer, if it is not `word`."""

    def which(self, id_: str) -> dict[str, str]:
        """The parameters that identify the object."""
        return dict(zip(self.key.values(), id_.split(":", len(self.key) - 1), strict=True))

    def call(self, aws: Aws, verb: str, id_: str, **params: Any) -> Any:
        """Calls the API for one object."""
        return getattr(aws.client("eks"), f"{verb}_{self.word}")(**self.which(id_), **params)

    def create(self, aws: Aws, params: Mapping[str, Any], inputs: Inputs) -> str:
        """Creates the object; returns its ID."""
        getattr(aws.client("eks"), f"create_{self.word}")(**params, tags=aws.tags(inputs))
        return ":".join(inputs[key] for key in self.key)

    def creator(self, names: Mapping[str, str]) -> Callable[[Aws, Inputs], str]:
        """`create`, for inputs that need no more than renaming."""
        return lambda aws, inputs: self.create(aws, rename(inputs, names), inputs)

    def live(self, aws: Aws, id_: str, _: State | None = None) -> dict[str, Any]:
        """EKS's description; empty if the object does not exist."""
        answer = found(getattr(aws.client("eks"), f"describe_{self.word}"), **self.which(id_)) or {}
        live: dict[str, Any] = answer.get(self.answer or self.word, {})
        return live

    def settle(self, aws: Aws, id_: str) -> None:
        """Waits until it is active; a failure has EKS's reason."""

        def status() -> str | None:
            live = self.live(aws, id_)
            if "FAILED" in live.get("status", "") and (issues := live.get("health", {}).get("issues")):
                return f"{live['status']}: {issues[0].get('code')}: {issues[0].get('message')}"
            return live.get("status")

        wait(f"{self.word} {id_}", self.minutes, status, ("ACTIVE", "DEGRADED"))

    def delete(self, aws: Aws, id_: str, _: State, **params: Any) -> None:
        """Deletes it and waits until it is gone."""
        self.call(aws, "delete", id_, **params)
        if self.minutes:
            wait(f"{self.word} {id_}", self.minutes, lambda: self.live(aws, id_).get("status"), (None,))


def tagged(arn: str = "arn") -> Callable[[Aws, str, State], Taggers]:
    """Tags an object, whose ARN is in the output `arn`."""

    def taggers(aws: Aws, _: str, state: State) -> Taggers:
        eks, which = aws.client("eks"), {"resourceArn": state[arn]}
        return (
            lambda tags: eks.tag_resource(**which, tags=tags),
            lambda keys: eks.untag_resource(**which, tagKeys=keys),
        )

    return taggers
