"""Access to a cluster and from its pods: access entries and policies, Pod Identity associations."""

from collections.abc import Mapping
from typing import Any

from sandbox.plugins.aws.client import Aws, found
from sandbox.plugins.aws.eks.common import DATES, Kind, tagged
from sandbox.plugins.aws.entry import changed, resource
from sandbox.plugins.aws.fields import as_is, rename
from sandbox.plugins.resource import Inputs, ProviderError, State

_ENTRY = Kind("access_entry", as_is("clusterName principalArn"), answer="accessEntry")
_ENTRY_NAMES = {**as_is("clusterName kubernetesGroups principalArn type"), "userName": "username"}


def _change_entry(aws: Aws, id_: str, old: State, new: Inputs) -> None:
    if changed(old, new, "kubernetesGroups", "userName"):
        given = {"kubernetesGroups": new.get("kubernetesGroups", []), **rename(new, {"userName": "username"})}
        _ENTRY.call(aws, "update", id_, **given)


ACCESS_ENTRY = resource(
    "eks/accessEntry:AccessEntry",
    names=_ENTRY_NAMES,
    outputs={**DATES, **as_is("accessEntryArn")},
    required="clusterName principalArn",
    defaults={"type": "STANDARD"},
    unordered=frozenset({"kubernetesGroups"}),
    computed=frozenset({"kubernetesGroups", "userName"}),
    replace_on="clusterName principalArn type",
    volatile=frozenset({"modifiedAt"}),
    create=_ENTRY.creator(_ENTRY_NAMES),
    live=_ENTRY.live,
    change=_change_entry,
    tags=tagged("accessEntryArn"),
    delete=_ENTRY.delete,
    transient=(("InvalidParameterException", "invalid principal"),),
)

# An access policy of an entry: `<cluster>#<principal>#<policy>`

_ASSOCIATION = as_is("clusterName principalArn policyArn")


def _associate(aws: Aws, inputs: Inputs) -> str:
    aws.client("eks").associate_access_policy(**rename(inputs, {**_ASSOCIATION, **as_is("accessScope")}))
    return "#".join(inputs[key] for key in _ASSOCIATION)


def _which(id_: str) -> dict[str, str]:
    return dict(zip(_ASSOCIATION, id_.split("#"), strict=True))


def _associated(aws: Aws, id_: str, _: State) -> Any:
    which = _which(id_)
    policy = which.pop("policyArn")
    answer = found(aws.client("eks").list_associated_access_policies, **which, maxResults=100) or {}
    policies = answer.get("associatedAccessPolicies", [])
    return next(({**which, **live} for live in policies if live["policyArn"] == policy), None)


def _scope(_: Aws, live: Mapping[str, Any], __: State) -> State:
    return {"accessScope": {key: value for key, value in live["accessScope"].items() if value}}


ACCESS_POLICY_ASSOCIATION = resource(
    "eks/accessPolicyAssociation:AccessPolicyAssociation",
    names=_ASSOCIATION,
    outputs=as_is("associatedAt modifiedAt"),
    inputs="accessScope",
    required="accessScope clusterName policyArn principalArn",
    replace_on="accessScope clusterName policyArn principalArn",
    create=_associate,
    live=_associated,
    also=_scope,
    delete=lambda aws, id_, _: aws.client("eks").disassociate_access_policy(**_which(id_)),
)

# Pod Identity associations have an ID of their own.

_POD = as_is("clusterName disableSessionTags namespace roleArn serviceAccount targetRoleArn")


def _create_pod(aws: Aws, inputs: Inputs) -> str:
    made = aws.client("eks").create_pod_identity_association(**rename(inputs, _POD), tags=aws.tags(inputs))
    return str(made["association"]["associationId"])


def _live_pod(aws: Aws, id_: str, state: State) -> Any:
    call = aws.client("eks").describe_pod_identity_association
    answer = found(call, clusterName=state["clusterName"], associationId=id_)
    return answer and answer["association"]


def _change_pod(aws: Aws, id_: str, old: State, new: Inputs) -> None:
    if changed(old, new, "disableSessionTags", "roleArn", "targetRoleArn"):
        names = as_is("clusterName disableSessionTags roleArn targetRoleArn")
        aws.client("eks").update_pod_identity_association(associationId=id_, **rename(new, names))


def _imported_pod(id_: str) -> tuple[str, State]:
    cluster, _, association = id_.partition(",")
    if not association:
        raise ProviderError(f"{id_!r} is not an ID of this type; write CLUSTER,ASSOCIATION")
    return association, {"clusterName": cluster}


POD_IDENTITY_ASSOCIATION = resource(
    "eks/podIdentityAssociation:PodIdentityAssociation",
    imported=_imported_pod,
    names=_POD,
    outputs=as_is("associationArn associationId externalId"),
    unsupported="policy",
    required="clusterName namespace roleArn serviceAccount",
    replace_on="clusterName namespace serviceAccount",
    computed=frozenset({"disableSessionTags"}),
    create=_create_pod,
    live=_live_pod,
    change=_change_pod,
    tags=tagged("associationArn"),
    delete=lambda aws, id_, state: aws.client("eks").delete_pod_identity_association(
        clusterName=state["clusterName"], associationId=id_
    ),
    transient=(("InvalidParameterException", "Role provided in the request does not exist"),),
)
