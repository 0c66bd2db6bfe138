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
    return pulumi.ResourceOptions(parent=parent, delete_before_replace=True, aliases=list(aliases) or None)


def own_user(parent: pulumi.Resource) -> pulumi.ResourceOptions:
    """The options of an IAM user that is made with an access key: under another name it is another user.

    The provider would rename it, but AWS deletes an access key by its user's name, which the state then has
    wrong: the old key would stay alive. The new user is made first, and the old one deleted last.
    """
    return pulumi.ResourceOptions(parent=parent, replace_on_changes=["name"])


def known_after(*made: pulumi.Resource | pulumi.Output[str]) -> pulumi.Output[str]:
    """The first value, known once all are: of resources, that they have been made."""
    values = [each if isinstance(each, pulumi.Output) else each.urn for each in made]
    return pulumi.Output.all(*values).apply(lambda known: str(known[0]))
