"""Auto Scaling groups: what self-managed node groups run in."""

from typing import Any

from sandbox.plugins.aws.client import Aws, changed, found, resource, wait
from sandbox.plugins.aws.ec2 import first
from sandbox.plugins.resource import Inputs, State, table

_SIZES = {
    "desiredCapacity": "DesiredCapacity",
    "maxSize": "MaxSize",
    "minSize": "MinSize",
    "defaultCooldown": "DefaultCooldown",
    "defaultInstanceWarmup": "DefaultInstanceWarmup",
    "healthCheckGracePeriod": "HealthCheckGracePeriod",
    "healthCheckType": "HealthCheckType",
}


def _params(inputs: Inputs) -> dict[str, Any]:
    template = {"id": "LaunchTemplateId", "name": "LaunchTemplateName", "version": "Version"}
    params = {api: inputs[key] for key, api in _SIZES.items() if key in inputs}
    if "launchTemplate" in inputs:
        chosen = inputs["launchTemplate"]
        params["LaunchTemplate"] = {api: chosen[key] for key, api in template.items() if key in chosen}
    if "vpcZoneIdentifiers" in inputs:
        params["VPCZoneIdentifier"] = ",".join(inputs["vpcZoneIdentifiers"])
    return params


def _tags(name: str, tags: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "Key": tag["key"],
            "Value": tag["value"],
            "PropagateAtLaunch": tag["propagateAtLaunch"],
            "ResourceId": name,
            "ResourceType": "auto-scaling-group",
        }
        for tag in tags
    ]


def _create(aws: Aws, inputs: Inputs) -> str:
    name = str(inputs["name"])
    tags = _tags(name, inputs.get("tags", []))
    # The provider's default tags are not given to groups: their tags say whether instances get them.
    aws.client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName=name, **_params(inputs), Tags=tags
    )
    return name


def _read(aws: Aws, id_: str, state: State) -> State | None:
    answer = found(aws.client("autoscaling").describe_auto_scaling_groups, AutoScalingGroupNames=[id_])
    if not (live := first(answer, "AutoScalingGroups")):
        return None
    template = live.get("LaunchTemplate", {})
    words = {"id": "LaunchTemplateId", "name": "LaunchTemplateName", "version": "Version"}
    zones = live.get("VPCZoneIdentifier")
    return {
        **{key: live[api] for key, api in _SIZES.items() if api in live},
        "arn": live["AutoScalingGroupARN"],
        "name": live["AutoScalingGroupName"],
        "launchTemplate": {key: template[api] for key, api in words.items() if api in template} or None,
        "vpcZoneIdentifiers": zones.split(",") if zones else state.get("vpcZoneIdentifiers"),
        "tags": [
            {"key": t["Key"], "value": t["Value"], "propagateAtLaunch": t["PropagateAtLaunch"]}
            for t in live.get("Tags", [])
        ]
        or None,
    }


def _update(aws: Aws, id_: str, old: State, new: Inputs) -> None:
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


def _delete(aws: Aws, id_: str, _: State) -> None:
    if not _read(aws, id_, {}):  # Auto Scaling has no error code of its own for that
        return
    client = aws.client("autoscaling")
    client.delete_auto_scaling_group(AutoScalingGroupName=id_, ForceDelete=True)

    def status() -> str | None:
        answer = client.describe_auto_scaling_groups(AutoScalingGroupNames=[id_])
        return "still there" if answer["AutoScalingGroups"] else None

    wait(f"autoscaling group {id_}", 10, status, (None,))


GROUP = resource(
    "autoscaling/group:Group",
    inputs=f"{' '.join(_SIZES)} instanceRefresh launchTemplate name region tags vpcZoneIdentifiers",
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
    tagged=False,
    create=_create,
    read=_read,
    update=_update,
    delete=_delete,
)

RESOURCES = table(GROUP)
