"""Clusters. In the API, VPC settings have other names, and log types are grouped by state."""

from collections.abc import Mapping
from typing import Any

from sandbox.plugins.aws.client import Aws
from sandbox.plugins.aws.eks.common import Kind, tagged
from sandbox.plugins.aws.entry import given, resource
from sandbox.plugins.aws.fields import as_is, moment, rename
from sandbox.plugins.resource import Inputs, State

_KIND = Kind("cluster", {"name": "name"}, minutes=60)
_SAME = as_is(
    "accessConfig bootstrapSelfManagedAddons deletionProtection encryptionConfig kubernetesNetworkConfig name"
    " roleArn upgradePolicy version"
)
_VPC = as_is("endpointPrivateAccess endpointPublicAccess publicAccessCidrs securityGroupIds subnetIds")
_LOGS = ("api", "audit", "authenticator", "controllerManager", "scheduler")


def _logging(types: list[str]) -> dict[str, Any]:
    off = [type_ for type_ in _LOGS if type_ not in types]
    lists = ((types, True), (off, False))
    return {"clusterLogging": [{"types": chosen, "enabled": on} for chosen, on in lists if chosen]}


def _create(aws: Aws, inputs: Inputs) -> str:
    params = rename(inputs, _SAME)
    if "encryptionConfig" in params:  # one in Pulumi, a list in the API
        params["encryptionConfig"] = [params["encryptionConfig"]]
    if "enabledClusterLogTypes" in inputs:
        params["logging"] = _logging(inputs["enabledClusterLogTypes"])
    return _KIND.create(aws, {**params, "resourcesVpcConfig": rename(inputs["vpcConfig"], _VPC)}, inputs)


def cluster_outputs(live: Mapping[str, Any]) -> State:
    """The outputs that resource and function share."""
    logging = live.get("logging", {}).get("clusterLogging", [])
    names = "arn deletionProtection endpoint name platformVersion roleArn status version"
    return {
        **rename(live, as_is(names)),
        "createdAt": moment(live["createdAt"]),
        "enabledClusterLogTypes": [t for entry in logging if entry["enabled"] for t in entry["types"]],
        "identities": [{"oidcs": [{"issuer": live.get("identity", {}).get("oidc", {}).get("issuer")}]}],
        "vpcConfig": live["resourcesVpcConfig"],
    }


def _outputs(_: Aws, live: Mapping[str, Any], state: State) -> State:
    encryption = live.get("encryptionConfig")
    declared = state.get("vpcConfig", {})
    vpc = {key: _as_declared(value, declared.get(key)) for key, value in live["resourcesVpcConfig"].items()}
    return {
        **cluster_outputs(live),
        "vpcConfig": vpc,
        **rename(live, as_is("kubernetesNetworkConfig upgradePolicy")),
        **({"accessConfig": _access(live, state)} if "accessConfig" in live else {}),
        "certificateAuthority": live.get("certificateAuthority", {}),
        "encryptionConfig": encryption[0] if encryption else None,
    }


def _as_declared(live: Any, declared: Any) -> Any:
    """An unordered list, in declared order."""
    same = isinstance(live, list) and isinstance(declared, list) and sorted(live) == sorted(declared)
    return declared if same else live


def _access(live: Mapping[str, Any], state: State) -> State:
    """The cluster's access config. EKS does not show the creator's access, so it stays as declared."""
    declared = state.get("accessConfig", {})
    key = "bootstrapClusterCreatorAdminPermissions"
    return {**live["accessConfig"], **({key: declared[key]} if key in declared else {})}


def _changes(old: State, new: Inputs) -> list[dict[str, Any]]:
    """The calls of `update_cluster_config`. EKS accepts one kind of change at a time."""
    changes: list[dict[str, Any]] = []
    before, after = old["vpcConfig"], rename(new["vpcConfig"], _VPC)
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
    return changes + [{key: new[key]} for key in given(old, new, "deletionProtection", "upgradePolicy")]


def _loses_its_key(old: Inputs, new: Inputs) -> frozenset[str]:
    """EKS gives a cluster a key, and takes none away. For another one the official provider does nothing."""
    taken = "encryptionConfig" in old and "encryptionConfig" not in new
    return frozenset({"encryptionConfig"} if taken else ())


def _change(aws: Aws, id_: str, old: State, new: Inputs) -> None:
    if new.get("encryptionConfig") and not old.get("encryptionConfig"):
        aws.client("eks").associate_encryption_config(
            clusterName=id_, encryptionConfig=[new["encryptionConfig"]]
        )
        _KIND.settle(aws, id_)
    for change in _changes(old, new):
        aws.client("eks").update_cluster_config(name=id_, **change)
        _KIND.settle(aws, id_)
    if given(old, new, "version"):
        aws.client("eks").update_cluster_version(name=id_, version=new["version"])


CLUSTER = resource(
    "eks/cluster:Cluster",
    inputs=f"{' '.join(_SAME)} enabledClusterLogTypes vpcConfig",
    unsupported="computeConfig controlPlaneScalingConfig defaultAddonsToRemoves forceUpdateVersion"
    " kubeApiServerConfig kubeControllerManagerConfig kubeSchedulerConfig outpostConfig"
    " remoteNetworkConfig storageConfig zonalShiftConfig",
    required="roleArn vpcConfig",
    autoname="name",
    defaults={"bootstrapSelfManagedAddons": True},
    replace_on="accessConfig.bootstrapClusterCreatorAdminPermissions bootstrapSelfManagedAddons"
    " kubernetesNetworkConfig name roleArn",
    replace_if=_loses_its_key,
    partial=frozenset({"accessConfig", "encryptionConfig", "kubernetesNetworkConfig", "vpcConfig"}),
    volatile=frozenset({"platformVersion", "status"}),
    unordered=frozenset({"enabledClusterLogTypes"}),
    computed=frozenset(
        {"accessConfig", "deletionProtection", "kubernetesNetworkConfig", "upgradePolicy", "version"}
        | {"vpcConfig.publicAccessCidrs"}
    ),
    create=_create,
    live=_KIND.live,
    also=_outputs,
    change=_change,
    settle=_KIND.settle,
    tags=tagged(),
    delete=_KIND.delete,
    transient=(("InvalidParameterException", "does not exist"),),
)
