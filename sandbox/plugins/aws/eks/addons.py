"""Add-ons."""

from sandbox.plugins.aws.client import Aws
from sandbox.plugins.aws.eks.common import DATES, Kind, tagged
from sandbox.plugins.aws.entry import given, resource
from sandbox.plugins.aws.fields import as_is, rename
from sandbox.plugins.resource import Inputs, State

_KIND = Kind("addon", as_is("clusterName addonName"), minutes=40)
_NAMES = as_is("addonName addonVersion clusterName configurationValues serviceAccountRoleArn")


def _change(aws: Aws, id_: str, old: State, new: Inputs) -> None:
    if given(old, new, "addonVersion", "configurationValues", "serviceAccountRoleArn"):
        names = {**_NAMES, "resolveConflictsOnUpdate": "resolveConflicts"}
        aws.client("eks").update_addon(**rename(new, names))


ADDON = resource(
    "eks/addon:Addon",
    names=_NAMES,
    outputs={**DATES, "arn": "addonArn"},
    inputs="preserve resolveConflictsOnCreate resolveConflictsOnUpdate",
    unsupported="namespaceConfig podIdentityAssociations",
    required="addonName clusterName",
    replace_on="addonName clusterName",
    json_inputs="configurationValues",
    volatile=frozenset({"modifiedAt"}),
    computed=frozenset({"addonVersion", "configurationValues"}),
    create=_KIND.creator({**_NAMES, "resolveConflictsOnCreate": "resolveConflicts"}),
    live=_KIND.live,
    change=_change,
    settle=_KIND.settle,
    tags=tagged(),
    delete=lambda aws, id_, state: _KIND.delete(aws, id_, state, preserve=bool(state.get("preserve"))),
)
