"""What every component has: its type, its earlier names, and the options of its children."""

from collections.abc import Sequence
from typing import NamedTuple, cast

import pulumi

from . import renames


class Claim(NamedTuple):
    """A name that a component takes for itself, so that no other may have it."""

    noun: str
    """What it names: `Vault role`, `IAM role`, `IAM user`, `IAM policy`, `service account`."""

    value: str
    place: "tuple[str | int, ...]"
    """Where in the component's options it is written; empty where it is derived."""


class Component(pulumi.ComponentResource):
    """The base of all components. The class's name is the type's."""

    def __init__(
        self, name: str, opts: pulumi.ResourceOptions | None, also: Sequence[pulumi.Alias] = ()
    ) -> None:
        """`also` are further aliases, beside those of `renames.py`."""
        kind = type(self).__name__
        aliases = [*renames.of_component(kind), *also]
        if aliases:
            opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(aliases=aliases))
        super().__init__(renames.type_token(kind), name, {}, opts)


class Kind(Component):
    """The base of components of which a stack file chooses the kind: logins, identities, consumers."""

    # Not annotated: annotations of a component are its outputs.

    KIND = ""
    """The word for the kind in stack files and outputs."""

    OPTIONS = cast(type, dict)
    """The TypedDict of what people write."""

    ARGS = cast(type, dict)
    """That of what people write and a program wires."""


def unique_name(parent: pulumi.Resource, aliases: Sequence[pulumi.Alias] = ()) -> pulumi.ResourceOptions:
    """The options of a child whose name is unique in AWS: replaced, it is deleted before it is created."""
    return pulumi.ResourceOptions(parent=parent, delete_before_replace=True, aliases=aliases or None)


def known_after(*made: pulumi.Resource | pulumi.Output[str]) -> pulumi.Output[str]:
    """The first value, known once all are: of resources, that they have been made."""
    values = [each if isinstance(each, pulumi.Output) else each.urn for each in made]
    return pulumi.Output.all(*values).apply(lambda known: str(known[0]))
