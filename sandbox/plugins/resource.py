"""The table that a local provider plugin is: one declarative entry per resource type and per function.

Everything that Pulumi itself needs (checking, diffing, previews, secrets, the wire protocol) is done
once, by `sandbox.plugins.server`, from these entries.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

Inputs = dict[str, Any]
"""Plain Python values under Pulumi's own camelCase keys: secrets unwrapped, no unknowns, no nulls."""

State = dict[str, Any]
"""A resource's outputs, in the same form. The inputs that were set are among them."""

Ctx = Any
"""Whatever the plugin's `connect` returned: its API client."""


class ProviderError(Exception):
    """A refusal, told to the user as it stands: one line saying what was refused, and by whom."""


class NotFound(ProviderError):
    """The object does not exist. Read takes it as "gone", Delete as "done"."""


class Unfinished(ProviderError):
    """What went wrong after the object was made: the engine keeps it, and tries an update the next time."""

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
    """Makes the object: (ID, outputs). The server adds the inputs to the outputs where they are absent.

    What fails once the object exists is raised as Unfinished."""

    read: Callable[[Ctx, str, State], State | None]
    """Live outputs by ID, with the live values of the inputs among them; None when it is gone.

    The old state is empty on import. Keys left out keep their old values, so a value that the API
    never returns (a secret key) is left out. An input that is gone in reality is given as None."""

    delete: Callable[[Ctx, str, State], None]
    """Removes the object. Already gone is success."""

    update: Callable[[Ctx, str, State, Inputs], State] | None = None
    """Changes the object in place to the new inputs: outputs. None: every change replaces."""

    required: frozenset[str] = frozenset()
    """Inputs that must be given (unknown at preview counts as given)."""

    replace_on: frozenset[str] = frozenset()
    """Inputs whose change replaces the resource; for a nested one a dotted path, as `metadata.name`."""

    replace_if: Callable[[Inputs, Inputs], frozenset[str]] | None = None
    """(old, new inputs, unknown ones left out) -> further inputs whose change, this time, replaces."""

    delete_before_replace: bool = False
    """The old object must go first, because its name cannot exist twice."""

    autoname: str | None = None
    """The input (dotted path if nested) named `<resource name>-<7 hex>` when absent, then kept."""

    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Inputs filled in at Check where absent."""

    secret_outputs: frozenset[str] = frozenset()
    """Outputs that are secret always. Those of secret inputs are too, without being listed.

    (An output whose name begins with two underscores is the plugin's own, and never an input.)"""

    open: bool = False
    """Further inputs are accepted, and are `partial`: only the API knows which there are."""

    json_inputs: frozenset[str] = frozenset()
    """Inputs that hold JSON text: compared as documents."""

    unordered: frozenset[str] = frozenset()
    """Inputs that are lists without order: compared as sets."""

    partial: frozenset[str] = frozenset()
    """Inputs that are objects of which the API returns more than was set: drift is only in what was set."""

    volatile: frozenset[str] = frozenset()
    """Outputs that an update may change: unknown while it is previewed. The others keep their values."""

    adds: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Fields that the API adds inside an input that is an object: unknown while a create is previewed."""

    unsupported: frozenset[str] = frozenset()
    """Inputs that the SDK has and this plugin refuses. With `inputs` they are all that the SDK has."""

    together: tuple[frozenset[str], ...] = ()
    """Inputs that are given all, or none of them."""

    validate: Callable[[Inputs], dict[str, str]] | None = None
    """{input: reason} for what is wrong. Gets the known inputs only: one that is absent may be unknown."""

    dry_run: Callable[[Ctx, Inputs], None] | None = None
    """Asks the API at preview whether it would accept the inputs; called when all of them are known."""


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
    """Answers the call. The server adds the inputs to the answer where they are absent."""

    required: frozenset[str] = frozenset()
    """Inputs that must be given."""

    unsupported: frozenset[str] = frozenset()
    """Inputs that the SDK has and this plugin refuses."""


@dataclass(frozen=True)
class Plugin:
    """One provider plugin. Module `sandbox.plugins.NAME` holds it as `PLUGIN`."""

    name: str
    """The package name, as `aws`."""

    distribution: str
    """The SDK's distribution, as `pulumi-aws`; the plugin has its version."""

    config: frozenset[str]
    """The provider's inputs that are accepted. Any other is refused."""

    resources: Mapping[str, Resource]
    """By token."""

    functions: Mapping[str, Function]
    """By token."""

    connect: Callable[[Inputs], Ctx]
    """Makes the API client from the provider's inputs. Called once, when first needed."""

    refused: Mapping[str, str] = field(default_factory=dict)
    """Resource types that this plugin cannot have, by token: why, and what to do without them."""

    json_config: frozenset[str] = frozenset()
    """The provider's inputs that are not strings: the SDKs send them as JSON text."""

    secret_config: frozenset[str] = frozenset()
    """The provider's inputs that are secret even when they were not given as such."""

    explain: Callable[[Exception], str | None] | None = None
    """The API's own message in an exception of its client library; None when it is not one of those."""

    @property
    def version(self) -> str:
        """The version of the installed SDK."""
        return version(self.distribution)


def words(text: str) -> frozenset[str]:
    """The words of a text: the tables' lists of inputs."""
    return frozenset(text.split())


def table(*entries: Resource) -> dict[str, Resource]:
    """Resources by token."""
    return {entry.token: entry for entry in entries}


def functions(*entries: Function) -> dict[str, Function]:
    """Functions by token."""
    return {entry.token: entry for entry in entries}
