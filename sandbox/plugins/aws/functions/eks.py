"""Functions of EKS: clusters, how to log in to them, add-ons; and of SSM, which has the images of nodes."""

from typing import Any

from sandbox.plugins import eks_token
from sandbox.plugins.aws.client import Aws, found
from sandbox.plugins.aws.eks.clusters import cluster_outputs
from sandbox.plugins.aws.entry import function
from sandbox.plugins.aws.fields import back
from sandbox.plugins.resource import Inputs, NotFound, State


def _cluster(aws: Aws, inputs: Inputs) -> State:
    if not (answer := found(aws.client("eks").describe_cluster, name=inputs["name"])):
        raise NotFound(f"there is no EKS cluster {inputs['name']!r} in {aws.region}")
    live = answer["cluster"]
    network = dict(live.get("kubernetesNetworkConfig", {}))
    balancing = network.pop("elasticLoadBalancing", None)
    return {
        **cluster_outputs(live),
        "id": live["name"],
        "accessConfigs": _listed(live.get("accessConfig")),
        "certificateAuthorities": _listed(live.get("certificateAuthority")),
        "kubernetesNetworkConfigs": [{**network, "elasticLoadBalancings": _listed(balancing)}],
        "upgradePolicies": _listed(live.get("upgradePolicy")),
        "tags": live.get("tags", {}),
    }


def _cluster_auth(aws: Aws, inputs: Inputs) -> State:
    name = inputs["name"]
    return {"id": name, "name": name, "token": eks_token.made(aws.client("sts"), name)}


def _addon(aws: Aws, inputs: Inputs) -> State:
    call, keys = aws.client("eks").describe_addon, ("clusterName", "addonName")
    if not (answer := found(call, **{key: inputs[key] for key in keys})):
        which = ":".join(inputs[key] for key in keys)
        raise NotFound(f"reading EKS Add-On ({which}): couldn't find resource")
    live = answer["addon"]
    names = {key: key for key in ("addonName", "addonVersion", "clusterName", "serviceAccountRoleArn")}
    return {
        **back(live, names),
        "id": ":".join(inputs[key] for key in keys),
        "arn": live["addonArn"],
        "tags": live.get("tags", {}),
    }


def _listed(value: Any) -> list[Any]:
    return [value] if value else []


def _addon_version(aws: Aws, inputs: Inputs) -> State:
    name, kubernetes = inputs["addonName"], inputs["kubernetesVersion"]
    pages = (
        aws.client("eks")
        .get_paginator("describe_addon_versions")
        .paginate(addonName=name, kubernetesVersion=kubernetes)
    )
    # EKS lists the newest first.
    versions = [version for page in pages for addon in page["addons"] for version in addon["addonVersions"]]
    for version in versions:
        default = any(
            c.get("defaultVersion") and c.get("clusterVersion") == kubernetes
            for c in version.get("compatibilities", [])
        )
        if inputs.get("mostRecent") or default:
            return {"id": name, "version": version["addonVersion"]}
    raise NotFound(f"EKS has no version of the add-on {name!r} for Kubernetes {kubernetes}")


def _parameter(aws: Aws, inputs: Inputs) -> State:
    call = aws.client("ssm").get_parameter
    answer = found(call, Name=inputs["name"], WithDecryption=inputs.get("withDecryption", True))
    if not answer:
        raise NotFound(f"there is no SSM parameter {inputs['name']!r} in {aws.region}")
    live = answer["Parameter"]
    names = {"arn": "ARN", "name": "Name", "type": "Type", "value": "Value", "version": "Version"}
    plain = {} if live["Type"] == "SecureString" else {"insecureValue": live["Value"]}
    return {**back(live, names), **plain, "id": live["Name"]}


EKS = (
    function(
        "eks/getCluster:getCluster",
        inputs="name region",
        unsupported="tags",
        required="name",
        invoke=_cluster,
    ),
    function(
        "eks/getClusterAuth:getClusterAuth", inputs="name region", required="name", invoke=_cluster_auth
    ),
    function(
        "eks/getAddon:getAddon",
        inputs="addonName clusterName region",
        unsupported="tags",
        required="addonName clusterName",
        invoke=_addon,
    ),
    function(
        "eks/getAddonVersion:getAddonVersion",
        inputs="addonName kubernetesVersion mostRecent region",
        required="addonName kubernetesVersion",
        invoke=_addon_version,
    ),
    function(
        "ssm/getParameter:getParameter",
        inputs="name region withDecryption",
        required="name",
        invoke=_parameter,
    ),
)
