"""EKS: clusters, node groups, add-ons, access entries and policies, Pod Identity associations."""

from collections.abc import Mapping
from typing import Any

from sandbox.plugins.aws.client import (
    Aws,
    as_is,
    back,
    changed,
    found,
    given,
    moment,
    rename,
    resource,
    retag,
    wait,
)
from sandbox.plugins.resource import Inputs, State, table

_GONE = (None,)
_DATES = as_is("createdAt modifiedAt")


def _retag(aws: Aws, arn: str, old: State, new: Inputs) -> None:
    eks = aws.client("eks")
    retag(
        aws,
        old,
        new,
        lambda tags: eks.tag_resource(resourceArn=arn, tags=tags),
        lambda keys: eks.untag_resource(resourceArn=arn, tagKeys=keys),
    )


def _living(aws: Aws, kind: str, **params: str) -> dict[str, Any]:
    """What EKS describes of that kind; empty where there is none."""
    answer = found(getattr(aws.client("eks"), f"describe_{kind}"), **params) or {}
    live: dict[str, Any] = answer.get(kind, {})
    return live


def _settled(aws: Aws, kind: str, minutes: float, **params: str) -> None:
    """Waits until it is active. EKS says why, where it fails."""

    def status() -> str | None:
        live = _living(aws, kind, **params)
        if "FAILED" in live.get("status", "") and (issues := live.get("health", {}).get("issues")):
            return f"{live['status']}: {issues[0].get('code')}: {issues[0].get('message')}"
        return live.get("status")

    wait(f"{kind} {'/'.join(params.values())}", minutes, status, ("ACTIVE", "DEGRADED"))


def _removed(aws: Aws, kind: str, minutes: float, **params: str) -> None:
    def status() -> str | None:
        return _living(aws, kind, **params).get("status")

    wait(f"{kind} {'/'.join(params.values())}", minutes, status, _GONE)


# Clusters. The VPC's settings are named otherwise in the API, and the log types are there by their state.

_CLUSTER = (
    "accessConfig bootstrapSelfManagedAddons deletionProtection encryptionConfig kubernetesNetworkConfig name"
    " roleArn upgradePolicy version"
)
_LOGS = ("api", "audit", "authenticator", "controllerManager", "scheduler")


def _logging(types: list[str]) -> dict[str, Any]:
    off = [type_ for type_ in _LOGS if type_ not in types]
    lists = ((types, True), (off, False))
    return {"clusterLogging": [{"types": chosen, "enabled": on} for chosen, on in lists if chosen]}


def _vpc(inputs: Inputs) -> dict[str, Any]:
    return {key: value for key, value in inputs["vpcConfig"].items() if key in _VPC_INPUTS}


_VPC_INPUTS = {
    "endpointPrivateAccess",
    "endpointPublicAccess",
    "publicAccessCidrs",
    "securityGroupIds",
    "subnetIds",
}


def _create_cluster(aws: Aws, inputs: Inputs) -> str:
    params = rename(inputs, as_is(_CLUSTER))
    if "encryptionConfig" in params:  # one in Pulumi, a list in the API
        params["encryptionConfig"] = [params["encryptionConfig"]]
    if "enabledClusterLogTypes" in inputs:
        params["logging"] = _logging(inputs["enabledClusterLogTypes"])
    aws.client("eks").create_cluster(**params, resourcesVpcConfig=_vpc(inputs), tags=aws.tags(inputs))
    _settled(aws, "cluster", 30, name=inputs["name"])
    return str(inputs["name"])


def cluster_outputs(live: Mapping[str, Any]) -> State:
    """What resource and function say alike of a cluster."""
    logging = live.get("logging", {}).get("clusterLogging", [])
    names = "arn deletionProtection endpoint name platformVersion roleArn status version"
    return {
        **rename(live, as_is(names)),
        "createdAt": moment(live["createdAt"]),
        "enabledClusterLogTypes": [t for entry in logging if entry["enabled"] for t in entry["types"]],
        "identities": [{"oidcs": [{"issuer": live.get("identity", {}).get("oidc", {}).get("issuer")}]}],
        "vpcConfig": live["resourcesVpcConfig"],
    }


def _read_cluster(aws: Aws, id_: str, state: State) -> State | None:
    if not (live := _living(aws, "cluster", name=id_)):
        return None
    encryption = live.get("encryptionConfig")
    return {
        **cluster_outputs(live),
        "vpcConfig": {
            key: _as_declared(value, state.get("vpcConfig", {}).get(key))
            for key, value in live["resourcesVpcConfig"].items()
        },
        **rename(live, as_is("kubernetesNetworkConfig upgradePolicy")),
        **({"accessConfig": _access(live, state)} if "accessConfig" in live else {}),
        "certificateAuthority": live.get("certificateAuthority", {}),
        "encryptionConfig": encryption[0] if encryption else None,
        "tagsAll": live.get("tags", {}),
    }


def _as_declared(live: Any, declared: Any) -> Any:
    """A list whose order means nothing, in the order in which it was declared."""
    same = isinstance(live, list) and isinstance(declared, list) and sorted(live) == sorted(declared)
    return declared if same else live


def _access(live: Mapping[str, Any], state: State) -> State:
    """How the cluster knows its callers. EKS does not tell who created it, so that is as declared."""
    declared = state.get("accessConfig", {})
    key = "bootstrapClusterCreatorAdminPermissions"
    return {**live["accessConfig"], **({key: declared[key]} if key in declared else {})}


def _update_cluster(aws: Aws, id_: str, old: State, new: Inputs) -> None:
    eks = aws.client("eks")
    # EKS takes one kind of change at a time.
    changes: list[dict[str, Any]] = []
    before, after = old["vpcConfig"], _vpc(new)
    network = {key: value for key, value in after.items() if key in ("subnetIds", "securityGroupIds")}
    if any(sorted(before.get(key, [])) != sorted(value) for key, value in network.items()):
        changes.append({"resourcesVpcConfig": network})
    access = {key: value for key, value in after.items() if key not in network}
    if any(before.get(key) != value for key, value in access.items()):
        changes.append({"resourcesVpcConfig": access})
    logs = new.get("enabledClusterLogTypes", [])
    if sorted(old["enabledClusterLogTypes"]) != sorted(logs):
        changes.append({"logging": _logging(logs)})
    mode = new.get("accessConfig", {}).get("authenticationMode")
    if mode not in (None, old.get("accessConfig", {}).get("authenticationMode")):
        changes.append({"accessConfig": {"authenticationMode": mode}})
    changes += [{key: new[key]} for key in given(old, new, "deletionProtection", "upgradePolicy")]
    for change in changes:
        eks.update_cluster_config(name=id_, **change)
        _settled(aws, "cluster", 60, name=id_)
    if given(old, new, "version"):
        eks.update_cluster_version(name=id_, version=new["version"])
        _settled(aws, "cluster", 60, name=id_)
    _retag(aws, old["arn"], old, new)


def _delete_cluster(aws: Aws, id_: str, _: State) -> None:
    aws.client("eks").delete_cluster(name=id_)
    _removed(aws, "cluster", 15, name=id_)


CLUSTER = resource(
    "eks/cluster:Cluster",
    inputs=f"{_CLUSTER} enabledClusterLogTypes region tags vpcConfig",
    unsupported="computeConfig controlPlaneScalingConfig defaultAddonsToRemoves forceUpdateVersion"
    " kubeApiServerConfig kubeControllerManagerConfig kubeSchedulerConfig outpostConfig"
    " remoteNetworkConfig storageConfig zonalShiftConfig",
    required="roleArn vpcConfig",
    autoname="name",
    defaults={"bootstrapSelfManagedAddons": True},
    replace_on="accessConfig.bootstrapClusterCreatorAdminPermissions bootstrapSelfManagedAddons"
    " encryptionConfig kubernetesNetworkConfig name roleArn",
    partial=frozenset({"accessConfig", "encryptionConfig", "kubernetesNetworkConfig", "vpcConfig"}),
    volatile=frozenset({"platformVersion", "status"}),
    unordered=frozenset({"enabledClusterLogTypes"}),
    create=_create_cluster,
    read=_read_cluster,
    update=_update_cluster,
    delete=_delete_cluster,
)

# Node groups: `<cluster>:<name>`

_NODES = {
    **as_is("amiType capacityType clusterName diskSize instanceTypes labels"),
    **as_is("launchTemplate releaseVersion scalingConfig updateConfig version"),
    "nodeGroupName": "nodegroupName",
    "nodeRoleArn": "nodeRole",
    "remoteAccess": "remoteAccess",
    "subnetIds": "subnets",
    "taints": "taints",
}


def _create_nodes(aws: Aws, inputs: Inputs) -> str:
    aws.client("eks").create_nodegroup(**rename(inputs, _NODES), tags=aws.tags(inputs))
    cluster, name = inputs["clusterName"], inputs["nodeGroupName"]
    _settled(aws, "nodegroup", 60, clusterName=cluster, nodegroupName=name)
    return f"{cluster}:{name}"


def _split(id_: str) -> tuple[str, str]:
    cluster, _, name = id_.partition(":")
    return cluster, name


def _read_nodes(aws: Aws, id_: str, _: State) -> State | None:
    cluster, name = _split(id_)
    if not (live := _living(aws, "nodegroup", clusterName=cluster, nodegroupName=name)):
        return None
    made = live.get("resources", {})
    return {
        **back(live, {**_NODES, "status": "status", "arn": "nodegroupArn"}),
        "labels": live.get("labels") or None,
        "taints": live.get("taints") or None,
        "resources": [
            {
                "autoscalingGroups": [{"name": g["name"]} for g in made.get("autoScalingGroups", [])],
                "remoteAccessSecurityGroupId": made.get("remoteAccessSecurityGroup"),
            }
        ],
        "tagsAll": live.get("tags", {}),
    }


def _update_nodes(aws: Aws, id_: str, old: State, new: Inputs) -> None:
    eks = aws.client("eks")
    cluster, name = _split(id_)
    which = {"clusterName": cluster, "nodegroupName": name}
    changes: dict[str, Any] = {key: new[key] for key in given(old, new, "scalingConfig", "updateConfig")}
    if changed(old, new, "labels"):
        before, after = old.get("labels") or {}, new.get("labels") or {}
        changes["labels"] = {
            "addOrUpdateLabels": {k: v for k, v in after.items() if before.get(k) != v},
            "removeLabels": [k for k in before if k not in after],
        }
    if changed(old, new, "taints"):
        before, after = _by_key(old), _by_key(new)
        changes["taints"] = {
            "addOrUpdateTaints": [taint for key, taint in after.items() if before.get(key) != taint],
            "removeTaints": [taint for key, taint in before.items() if key not in after],
        }
    if changes:
        eks.update_nodegroup_config(**which, **changes)
        _settled(aws, "nodegroup", 60, **which)
    if versions := given(old, new, "launchTemplate", "releaseVersion", "version"):
        force = {"force": True} if new.get("forceUpdateVersion") else {}
        eks.update_nodegroup_version(**which, **{key: new[key] for key in versions}, **force)
        _settled(aws, "nodegroup", 60, **which)
    _retag(aws, old["arn"], old, new)


def _by_key(values: State) -> dict[tuple[str, str], Any]:
    return {(taint["key"], taint["effect"]): taint for taint in values.get("taints") or []}


def _delete_nodes(aws: Aws, id_: str, _: State) -> None:
    cluster, name = _split(id_)
    which = {"clusterName": cluster, "nodegroupName": name}
    aws.client("eks").delete_nodegroup(**which)
    _removed(aws, "nodegroup", 60, **which)


NODE_GROUP = resource(
    "eks/nodeGroup:NodeGroup",
    inputs=f"{' '.join(_NODES)} forceUpdateVersion region tags",
    unsupported="nodeGroupNamePrefix nodeRepairConfig warmPoolConfig",
    required="clusterName nodeRoleArn scalingConfig subnetIds",
    autoname="nodeGroupName",
    replace_on="amiType capacityType clusterName diskSize instanceTypes launchTemplate.id"
    " launchTemplate.name nodeGroupName nodeRoleArn remoteAccess subnetIds",
    partial=frozenset({"launchTemplate", "updateConfig"}),
    unordered=frozenset({"subnetIds", "taints"}),
    volatile=frozenset({"resources", "status"}),
    create=_create_nodes,
    read=_read_nodes,
    update=_update_nodes,
    delete=_delete_nodes,
)

# Add-ons: `<cluster>:<name>`

_ADDON = as_is("addonName addonVersion clusterName configurationValues serviceAccountRoleArn")


def _create_addon(aws: Aws, inputs: Inputs) -> str:
    aws.client("eks").create_addon(
        **rename(inputs, {**_ADDON, "resolveConflictsOnCreate": "resolveConflicts"}), tags=aws.tags(inputs)
    )
    which = {"clusterName": inputs["clusterName"], "addonName": inputs["addonName"]}
    _settled(aws, "addon", 20, **which)
    return f"{inputs['clusterName']}:{inputs['addonName']}"


def _read_addon(aws: Aws, id_: str, _: State) -> State | None:
    cluster, name = _split(id_)
    if not (live := _living(aws, "addon", clusterName=cluster, addonName=name)):
        return None
    return {**back(live, {**_ADDON, **_DATES, "arn": "addonArn"}), "tagsAll": live.get("tags", {})}


def _update_addon(aws: Aws, id_: str, old: State, new: Inputs) -> None:
    cluster, name = _split(id_)
    if given(old, new, "addonVersion", "configurationValues", "serviceAccountRoleArn"):
        names = {**_ADDON, "resolveConflictsOnUpdate": "resolveConflicts"}
        aws.client("eks").update_addon(**rename(new, names))
        _settled(aws, "addon", 20, clusterName=cluster, addonName=name)
    _retag(aws, old["arn"], old, new)


def _delete_addon(aws: Aws, id_: str, state: State) -> None:
    cluster, name = _split(id_)
    which = {"clusterName": cluster, "addonName": name}
    aws.client("eks").delete_addon(**which, preserve=bool(state.get("preserve")))
    _removed(aws, "addon", 40, **which)


ADDON = resource(
    "eks/addon:Addon",
    inputs=f"{' '.join(_ADDON)} preserve region resolveConflictsOnCreate resolveConflictsOnUpdate tags",
    unsupported="namespaceConfig podIdentityAssociations",
    required="addonName clusterName",
    replace_on="addonName clusterName",
    json_inputs=frozenset({"configurationValues"}),
    volatile=frozenset({"modifiedAt"}),
    create=_create_addon,
    read=_read_addon,
    update=_update_addon,
    delete=_delete_addon,
)

# Access entries: `<cluster>:<principal ARN>`; access policies on them: `<cluster>#<principal>#<policy>`

_ENTRY = {
    **as_is("clusterName kubernetesGroups principalArn type"),
    "userName": "username",
}


def _create_entry(aws: Aws, inputs: Inputs) -> str:
    aws.client("eks").create_access_entry(**rename(inputs, _ENTRY), tags=aws.tags(inputs))
    return f"{inputs['clusterName']}:{inputs['principalArn']}"


def _read_entry(aws: Aws, id_: str, _: State) -> State | None:
    cluster, principal = _split(id_)
    answer = found(aws.client("eks").describe_access_entry, clusterName=cluster, principalArn=principal)
    if not answer:
        return None
    live = answer["accessEntry"]
    return {
        **back(live, {**_ENTRY, **_DATES, "accessEntryArn": "accessEntryArn"}),
        "tagsAll": live.get("tags", {}),
    }


def _update_entry(aws: Aws, id_: str, old: State, new: Inputs) -> None:
    cluster, principal = _split(id_)
    if changed(old, new, "kubernetesGroups", "userName"):
        aws.client("eks").update_access_entry(
            clusterName=cluster,
            principalArn=principal,
            kubernetesGroups=new.get("kubernetesGroups", []),
            **rename(new, {"userName": "username"}),
        )
    _retag(aws, old["accessEntryArn"], old, new)


def _delete_entry(aws: Aws, id_: str, _: State) -> None:
    cluster, principal = _split(id_)
    aws.client("eks").delete_access_entry(clusterName=cluster, principalArn=principal)


ACCESS_ENTRY = resource(
    "eks/accessEntry:AccessEntry",
    inputs=f"{' '.join(_ENTRY)} region tags",
    required="clusterName principalArn",
    defaults={"type": "STANDARD"},
    unordered=frozenset({"kubernetesGroups"}),
    replace_on="clusterName principalArn type",
    volatile=frozenset({"modifiedAt"}),
    create=_create_entry,
    read=_read_entry,
    update=_update_entry,
    delete=_delete_entry,
)


def _associate(aws: Aws, inputs: Inputs) -> str:
    which = ("clusterName", "principalArn", "policyArn")
    aws.client("eks").associate_access_policy(**rename(inputs, {k: k for k in (*which, "accessScope")}))
    return "#".join(inputs[key] for key in which)


def _read_association(aws: Aws, id_: str, _: State) -> State | None:
    cluster, principal, policy = id_.split("#")
    call = aws.client("eks").list_associated_access_policies
    answer = found(call, clusterName=cluster, principalArn=principal, maxResults=100) or {}
    for live in answer.get("associatedAccessPolicies", []):
        if live["policyArn"] == policy:
            scope = {key: value for key, value in live["accessScope"].items() if value}
            dates = as_is("associatedAt modifiedAt")
            return {**back(live, dates), "accessScope": scope, "clusterName": cluster} | {
                "policyArn": policy,
                "principalArn": principal,
            }
    return None


def _dissociate(aws: Aws, id_: str, _: State) -> None:
    cluster, principal, policy = id_.split("#")
    aws.client("eks").disassociate_access_policy(
        clusterName=cluster, principalArn=principal, policyArn=policy
    )


ACCESS_POLICY_ASSOCIATION = resource(
    "eks/accessPolicyAssociation:AccessPolicyAssociation",
    inputs="accessScope clusterName policyArn principalArn region",
    required="accessScope clusterName policyArn principalArn",
    replace_on="accessScope clusterName policyArn principalArn",
    create=_associate,
    read=_read_association,
    delete=_dissociate,
)

# Pod Identity associations: the association's own ID

_POD = as_is("clusterName disableSessionTags namespace roleArn serviceAccount targetRoleArn")


def _create_pod(aws: Aws, inputs: Inputs) -> str:
    made = aws.client("eks").create_pod_identity_association(**rename(inputs, _POD), tags=aws.tags(inputs))
    return str(made["association"]["associationId"])


def _read_pod(aws: Aws, id_: str, state: State) -> State | None:
    call = aws.client("eks").describe_pod_identity_association
    if not (answer := found(call, clusterName=state["clusterName"], associationId=id_)):
        return None
    live = answer["association"]
    outputs = as_is("associationArn associationId externalId")
    return {**back(live, {**_POD, **outputs}), "tagsAll": live.get("tags", {})}


def _update_pod(aws: Aws, id_: str, old: State, new: Inputs) -> None:
    if changed(old, new, "disableSessionTags", "roleArn", "targetRoleArn"):
        names = as_is("clusterName disableSessionTags roleArn targetRoleArn")
        aws.client("eks").update_pod_identity_association(associationId=id_, **rename(new, names))
    _retag(aws, old["associationArn"], old, new)


POD_IDENTITY_ASSOCIATION = resource(
    "eks/podIdentityAssociation:PodIdentityAssociation",
    inputs=f"{' '.join(_POD)} region tags",
    unsupported="policy",
    required="clusterName namespace roleArn serviceAccount",
    replace_on="clusterName namespace serviceAccount",
    create=_create_pod,
    read=_read_pod,
    update=_update_pod,
    delete=lambda aws, id_, state: aws.client("eks").delete_pod_identity_association(
        clusterName=state["clusterName"], associationId=id_
    ),
)

RESOURCES = table(
    CLUSTER,
    NODE_GROUP,
    ADDON,
    ACCESS_ENTRY,
    ACCESS_POLICY_ASSOCIATION,
    POD_IDENTITY_ASSOCIATION,
)
