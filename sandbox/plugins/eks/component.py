"""Component types, and the component under construction."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

Inputs = Mapping[str, Any]
"""A component's inputs under Pulumi's camelCase keys; values may be outputs."""


class Built(pulumi.ComponentResource):
    """A component with its outputs."""

    state: dict[str, Any]

    def __init__(self, token: str, name: str, opts: pulumi.ResourceOptions) -> None:
        super().__init__(token, name, {}, opts)
        self.child = pulumi.ResourceOptions(parent=self)

    def tell(self, **state: Any) -> None:
        """Ends the component's registration."""
        self.state = given(state)
        self.register_outputs(self.state)


@dataclass(frozen=True)
class Component:
    """One component type."""

    token: str
    """The type token, as `eks:index:Cluster`."""

    sdk: str
    """The class in the installed SDK, as `pulumi_eks.Cluster`."""

    build: Callable[[str, Inputs, pulumi.ResourceOptions], Built]
    """Registers the component and its children."""

    inputs: frozenset[str]
    """The inputs that are supported. Any other is refused before anything is registered."""

    required: frozenset[str] = frozenset()
    """Required inputs."""

    unsupported: frozenset[str] = frozenset()
    """Inputs that the SDK has and this plugin refuses. With `inputs` they are all that the SDK has."""

    validate: Callable[[Inputs], dict[str, str]] = lambda _: {}
    """{input: reason} for what is wrong."""


def given(values: Inputs) -> dict[str, Any]:
    """The values that are not None."""
    return {key: value for key, value in values.items() if value is not None}
