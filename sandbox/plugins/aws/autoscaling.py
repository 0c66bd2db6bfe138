"""Auto Scaling groups, in which self-managed node groups run."""

from collections.abc import Mapping
from typing import Any

from sandbox.plugins.aws.client import Aws, wait
from sandbox.plugins.aws.entry import changed, resource
from sandbox.plugins.aws.fields import back, capital, rename
from sandbox.plugins.resource import Inputs, State, table

_SIZES = capital(
    "desiredCapacity maxSize minSize defaultCooldown defaultInstanceWarmup healthCheckGracePeriod"
    " healthCheckType"
)
_TAG = capital("key value propagateAtLaunch")
_TEMPLATE = {"id": "LaunchTemplateId", "name": "LaunchTemplateName", "version": "Version"}


def _params(inputs: Inputs) -> dict[str, Any]:
    params = rename(inputs, _SIZES)
    if "launchTemplate" in inputs:
        params["LaunchTemplate"] = rename(inputs["launchTemplate"], _TEMPLATE)
    if "vpcZoneIdentifiers" in inputs:
        params["VPCZoneIdentifier"] = ",".join(inputs["vpcZoneIdentifiers"])
    return params


def _tags(name: str, tags: list[dict[str, Any]]) -> list[dict[str, Any]]:
    group = {"ResourceId": name, "ResourceType": "auto-scaling-group"}
    return [{**rename(tag, _TAG), **group} for tag in tags]


def _create(aws: Aws, inputs: Inputs) -> str:
    name = str(inputs["name"])
    tags = _tags(name, inputs.get("tags", []))
    # Groups do not get the provider's default tags, because a group's tag says whether instances get it too.
    aws.client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName=name, **_params(inputs), Tags=tags
    )
    return name


def _live(aws: Aws, id_: str, _: State) -> Any:
    groups = aws.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[id_])
    return next(iter(groups["AutoScalingGroups"]), None)


def _also(_: Aws, live: Mapping[str, Any], state: State) -> State:
    zones = live.get("VPCZoneIdentifier")
    return {
        "launchTemplate": back(live.get("LaunchTemplate", {}), _TEMPLATE) or None,
        "vpcZoneIdentifiers": zones.split(",") if zones else state.get("vpcZoneIdentifiers"),
        "tags": [back(tag, _TAG) for tag in live.get("Tags", [])] or None,
    }


def _change(aws: Aws, id_: str, old: State, new: Inputs) -> None:
    client = aws.client("autoscaling")
    client.update_auto_scaling_group(AutoScalingGroupName=id_, **_params(new))
    if changed(old, new, "tags"):
        kept = {tag["key"] for tag in new.get("tags", [])}
        if gone := _tags(id_, [tag for tag in old.get("tags") or [] if tag["key"] not in kept]):
            client.delete_tags(Tags=gone)
        if new.get("tags"):
            client.create_or_update_tags(Tags=_tags(id_, new["tags"]))
    if "instanceRefresh" in new and changed(old, new, "launchTemplate"):
        refresh = new["instanceRefresh"]
        healthy = refresh.get("preferences", {}).get("minHealthyPercentage")
        client.start_instance_refresh(
            AutoScalingGroupName=id_,
            Strategy=refresh["strategy"],
            **({"Preferences": {"MinHealthyPercentage": healthy}} if healthy is not None else {}),
        )


def _delete(aws: Aws, id_: str, state: State) -> None:
    if not _live(aws, id_, state):  # Auto Scaling has no specific error code for that
        return
    aws.client("autoscaling").delete_auto_scaling_group(AutoScalingGroupName=id_, ForceDelete=True)
    gone = f"autoscaling group {id_}"
    wait(gone, 10, lambda: "still there" if _live(aws, id_, state) else None, (None,))


GROUP = resource(
    "autoscaling/group:Group",
    names={**_SIZES, "name": "AutoScalingGroupName"},
    outputs={"arn": "AutoScalingGroupARN"},
    inputs="instanceRefresh launchTemplate tags vpcZoneIdentifiers",
    unsupported="availabilityZoneDistribution availabilityZones capacityRebalance"
    " capacityReservationSpecification context desiredCapacityType enabledMetrics forceDelete"
    " forceDeleteWarmPool ignoreFailedScalingActivities initialLifecycleHooks instanceLifecyclePolicy"
    " instanceMaintenancePolicy launchConfiguration loadBalancers maxInstanceLifetime metricsGranularity"
    " minElbCapacity mixedInstancesPolicy namePrefix placementGroup protectFromScaleIn"
    " serviceLinkedRoleArn suspendedProcesses targetGroupArns terminationPolicies trafficSources"
    " waitForCapacityTimeout waitForElbCapacity warmPool",
    required="launchTemplate maxSize minSize vpcZoneIdentifiers",
    autoname="name",
    replace_on="name",
    partial=frozenset({"launchTemplate"}),
    unordered=frozenset({"tags", "vpcZoneIdentifiers"}),
    create=_create,
    live=_live,
    also=_also,
    change=_change,
    delete=_delete,
)

RESOURCES = table(GROUP)
