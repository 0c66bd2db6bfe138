"""The entries of a local plugin's table: one per resource type and function.

From them, `sandbox.plugins.server` does all the rest: checks, diffs, previews, secrets, the wire protocol.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

Inputs = dict[str, Any]
"""Plain Python values under Pulumi's own camelCase keys: secrets unwrapped, no unknowns, no nulls."""

State = dict[str, Any]
"""A resource's outputs, in the same form, including the inputs that were set."""

Ctx = Any
"""Whatever the plugin's `connect` returned: its API client."""


class ProviderError(Exception):
    """A refusal whose message the user sees as it is: one line with what was refused, and by what."""


class NotFound(ProviderError):
    """The object does not exist: "gone" for Read, "done" for Delete."""


class Unfinished(ProviderError):
    """Failed after the object was created: the engine keeps it, and updates it next time."""

    def __init__(self, identifier: str, state: State, reason: str) -> None:
        super().__init__(reason)
        self.identifier, self.state = identifier, state


@dataclass(frozen=True)
class Resource:
    """One resource type. A callable gets the API client first, and raises ProviderError to refuse."""

    token: str
    """The type token, as `aws:iam/role:Role`."""

    sdk: str
    """The class in the installed SDK, as `pulumi_aws.iam.Role`."""

    inputs: frozenset[str]
    """The inputs that are supported. Any other is refused at Check."""

    create: Callable[[Ctx, Inputs], tuple[str, State]]
    """Creates the object: (ID, outputs). The server adds absent inputs to the outputs.

    A failure after the object exists is raised as Unfinished."""

    read: Callable[[Ctx, str, State], State | None]
    """Live outputs by ID, including the live inputs; None if the object is gone.

    The old state is empty on import, but for what `imported` makes of the ID. Absent keys keep their old
    values, so values that the API never returns (a secret key) are left out. An input that no longer exists
    is None."""

    delete: Callable[[Ctx, str, State], None]
    """Deletes the object. Already gone is success."""

    imported: Callable[[str], tuple[str, State]] = lambda identifier: (identifier, {})
    """(ID to import) -> the ID that is kept, and the state that reading needs. Raises ProviderError."""

    update: Callable[[Ctx, str, State, Inputs], State] | None = None
    """Updates the object in place; returns outputs. None: every change replaces."""

    required: frozenset[str] = frozenset()
    """Required inputs (unknown at preview counts as set)."""

    replace_on: frozenset[str] = frozenset()
    """Inputs whose change replaces the resource; nested ones as dotted paths, as `metadata.name`."""

    replace_if: Callable[[Inputs, Inputs], frozenset[str]] | None = None
    """(old, new inputs, without unknowns) -> further inputs whose change replaces this time."""

    delete_before_replace: bool = False
    """Whether to delete before replacing, because the name cannot exist twice."""

    autoname: str | None = None
    """The input (dotted path if nested) named `<resource name>-<7 hex>` when absent, then kept."""

    keeps_chosen_name: bool = True
    """Whether a name that the user chose is kept, too, when it is no longer set; else it gets a new one."""

    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Defaults, filled in at Check."""

    secret_outputs: frozenset[str] = frozenset()
    """Outputs that are always secret. Secret inputs need not be listed.

    (Outputs whose names begin with two underscores are the plugin's own, never inputs.)"""

    open: bool = False
    """Further inputs are accepted as `partial`, because only the API knows them."""

    json_inputs: frozenset[str] = frozenset()
    """Inputs with JSON text, compared as documents."""

    unordered: frozenset[str] = frozenset()
    """Unordered lists, compared as sets."""

    computed: frozenset[str] = frozenset()
    """Inputs (nested ones as dotted paths) that the official provider both takes and computes: one that is no
    longer set stays as it is, and is no difference."""

    partial: frozenset[str] = frozenset()
    """Object inputs to which the API adds fields: only the fields that were set count as drift."""

    volatile: frozenset[str] = frozenset()
    """Outputs that an update may change, so unknown in its preview. The others keep their values."""

    adds: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Fields that the API adds inside object inputs, so unknown in the preview of a create."""

    unsupported: frozenset[str] = frozenset()
    """Inputs that the SDK has and this plugin refuses. With `inputs` they are all that the SDK has."""

    together: tuple[frozenset[str], ...] = ()
    """Inputs to be set together or not at all."""

    validate: Callable[[Inputs], dict[str, str]] | None = None
    """Returns {input: reason} for problems. Gets known inputs only: absent ones may be unknown."""

    dry_run: Callable[[Ctx, Inputs], None] | None = None
    """Asks the API at preview whether it accepts the inputs; called if all are known."""


@dataclass(frozen=True)
class Function:
    """One function (data source)."""

    token: str
    """The function token, as `aws:iam/getRole:getRole`."""

    sdk: str
    """The function in the installed SDK, as `pulumi_aws.iam.get_role`."""

    inputs: frozenset[str]
    """The inputs that are supported. Any other is refused."""

    invoke: Callable[[Ctx, Inputs], dict[str, Any]]
    """Answers the call. The server adds absent inputs to the answer."""

    required: frozenset[str] = frozenset()
    """Inputs that must be given."""

    unsupported: frozenset[str] = frozenset()
    """Inputs that the SDK has and this plugin refuses."""


@dataclass(frozen=True)
class Plugin:
    """A provider plugin: `PLUGIN` of the module `sandbox.plugins.NAME`."""

    name: str
    """The package name, as `aws`."""

    distribution: str
    """The SDK's distribution, as `pulumi-aws`; the plugin has its version."""

    config: frozenset[str]
    """The provider's supported inputs. Any other is refused."""

    resources: Mapping[str, Resource]
    """By token."""

    functions: Mapping[str, Function]
    """By token."""

    connect: Callable[[Inputs], Ctx]
    """Creates the API client from the provider's inputs. Called once, at first use."""

    refused: Mapping[str, str] = field(default_factory=dict)
    """Resource types that this plugin refuses, by token: why, and what to do instead."""

    elsewhere: Callable[[Inputs, Inputs], bool] = lambda old, new: False
    """(old, new inputs of the provider, without unknowns) -> whether it now is another one, with which all
    that it has made is made again."""

    json_config: frozenset[str] = frozenset()
    """The provider's inputs that are not strings; SDKs send them as JSON text."""

    secret_config: frozenset[str] = frozenset()
    """The provider's inputs that are always secret."""

    explain: Callable[[Exception], str | None] | None = None
    """The API's message in an exception of its client library; None for other exceptions."""

    answered: Callable[[Exception], bool] = lambda _: True
    """Whether the API has refused, by such an exception; else it may have done what it was asked to."""

    @property
    def version(self) -> str:
        """The version of the installed SDK."""
        return version(self.distribution)


def words(text: str) -> frozenset[str]:
    """The words of a string, for lists of inputs in tables."""
    return frozenset(text.split())


def table(*entries: Resource) -> dict[str, Resource]:
    """Resources by token."""
    return {entry.token: entry for entry in entries}


def functions(*entries: Function) -> dict[str, Function]:
    """Functions by token."""
    return {entry.token: entry for entry in entries}
