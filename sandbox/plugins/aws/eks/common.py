"""What EKS's objects have in common: one ID made of names, the time they take, tags."""

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
    """One kind of object, in EKS's own words."""

    word: str
    """As in `describe_nodegroup`, and in its answer."""

    key: Mapping[str, str]
    """The inputs that the ID is made of, as `<cluster>:<name>`, and what the API calls them."""

    minutes: float = 0
    """How long it may take to become active, and to go."""

    answer: str = ""
    """What Describe answers under, when it is another word."""

    def which(self, id_: str) -> dict[str, str]:
        """The parameters that say which object."""
        return dict(zip(self.key.values(), id_.split(":", len(self.key) - 1), strict=True))

    def call(self, aws: Aws, verb: str, id_: str, **params: Any) -> Any:
        """A call about one object."""
        return getattr(aws.client("eks"), f"{verb}_{self.word}")(**self.which(id_), **params)

    def create(self, aws: Aws, params: Mapping[str, Any], inputs: Inputs) -> str:
        """Creates the object: its ID."""
        getattr(aws.client("eks"), f"create_{self.word}")(**params, tags=aws.tags(inputs))
        return ":".join(inputs[key] for key in self.key)

    def creator(self, names: Mapping[str, str]) -> Callable[[Aws, Inputs], str]:
        """`create`, for inputs that only have other names in the API."""
        return lambda aws, inputs: self.create(aws, rename(inputs, names), inputs)

    def live(self, aws: Aws, id_: str, _: State | None = None) -> dict[str, Any]:
        """What EKS describes; empty where there is none."""
        answer = found(getattr(aws.client("eks"), f"describe_{self.word}"), **self.which(id_)) or {}
        live: dict[str, Any] = answer.get(self.answer or self.word, {})
        return live

    def settle(self, aws: Aws, id_: str) -> None:
        """Waits until it is active. EKS says why, where it fails."""

        def status() -> str | None:
            live = self.live(aws, id_)
            if "FAILED" in live.get("status", "") and (issues := live.get("health", {}).get("issues")):
                return f"{live['status']}: {issues[0].get('code')}: {issues[0].get('message')}"
            return live.get("status")

        wait(f"{self.word} {id_}", self.minutes, status, ("ACTIVE", "DEGRADED"))

    def delete(self, aws: Aws, id_: str, _: State, **params: Any) -> None:
        """Deletes it, and waits until it is gone."""
        self.call(aws, "delete", id_, **params)
        if self.minutes:
            wait(f"{self.word} {id_}", self.minutes, lambda: self.live(aws, id_).get("status"), (None,))


def tagged(arn: str = "arn") -> Callable[[Aws, str, State], Taggers]:
    """How an object is tagged; `arn` is the output that is its ARN."""

    def taggers(aws: Aws, _: str, state: State) -> Taggers:
        eks, which = aws.client("eks"), {"resourceArn": state[arn]}
        return (
            lambda tags: eks.tag_resource(**which, tags=tags),
            lambda keys: eks.untag_resource(**which, tagKeys=keys),
        )

    return taggers
