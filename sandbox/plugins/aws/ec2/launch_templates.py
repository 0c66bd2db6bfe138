"""Launch templates: most inputs are EC2's, with another case."""

from collections.abc import Mapping
from typing import Any

from sandbox.plugins.aws.client import Aws
from sandbox.plugins.aws.ec2.common import first, living, specification, tagged
from sandbox.plugins.aws.entry import changed, resource
from sandbox.plugins.aws.fields import capital, pairs, rename
from sandbox.plugins.resource import Inputs, State

_DATA = capital(
    "blockDeviceMappings disableApiTermination ebsOptimized iamInstanceProfile imageId instanceMarketOptions"
    " instanceType keyName metadataOptions monitoring networkInterfaces placement tagSpecifications userData"
    " vpcSecurityGroupIds"
)
_EC2_WORDS = {"securityGroups": "Groups", "vpcSecurityGroupIds": "SecurityGroupIds"}
_TRUTH = {"associatePublicIpAddress", "deleteOnTermination", "ebsOptimized", "encrypted"}


def _data(inputs: Inputs) -> Any:
    return _ec2({name: inputs[name] for name in _DATA if name in inputs})


_template = living("describe_launch_templates", "LaunchTemplateIds", "LaunchTemplates", arn="launch-template")


def _ec2_word(word: str) -> str:
    return _EC2_WORDS.get(word, word[0].upper() + word[1:])


def _ec2(value: Any, key: str = "") -> Any:
    """The value in EC2's form."""
    if key == "tags":
        return pairs(value)
    if key in _TRUTH and isinstance(value, str):  # text in the SDK, to distinguish "unset" from false
        return value == "true"
    if isinstance(value, dict):
        return {_ec2_word(name): _ec2(inner, name) for name, inner in value.items()}
    return [_ec2(item) for item in value] if isinstance(value, list) else value


def _create(aws: Aws, inputs: Inputs) -> str:
    made = aws.client("ec2").create_launch_template(
        LaunchTemplateName=inputs["name"],
        LaunchTemplateData=_data(inputs),
        **rename(inputs, {"description": "VersionDescription"}),
        **specification("launch-template", aws.tags(inputs)),
    )
    return str(made["LaunchTemplate"]["LaunchTemplateId"])


def _live(aws: Aws, id_: str, state: State) -> Any:
    if not (live := _template(aws, id_, state)):
        return None
    versions = aws.client("ec2").describe_launch_template_versions(LaunchTemplateId=id_, Versions=["$Latest"])
    return {**live, "Latest": first(versions, "LaunchTemplateVersions")}


def _also(_: Aws, live: Mapping[str, Any], state: State) -> State:
    data = live["Latest"]["LaunchTemplateData"]
    # Drift is shown as EC2 has it; the rest stays as declared.
    drifted = {
        name: data.get(_ec2_word(name))
        for name in _DATA
        if name in state and _ec2(state[name], name) != data.get(_ec2_word(name))
    }
    return {**drifted, "description": live["Latest"].get("VersionDescription") or None}


def _change(aws: Aws, id_: str, old: State, new: Inputs) -> None:
    ec2 = aws.client("ec2")
    latest = old["latestVersion"]
    if changed(old, new, "description", *_DATA):
        version = ec2.create_launch_template_version(
            LaunchTemplateId=id_,
            LaunchTemplateData=_data(new),
            **rename(new, {"description": "VersionDescription"}),
        )
        latest = version["LaunchTemplateVersion"]["VersionNumber"]
    default = latest if new.get("updateDefaultVersion") else new.get("defaultVersion")
    if default not in (None, old["defaultVersion"]):
        ec2.modify_launch_template(LaunchTemplateId=id_, DefaultVersion=str(default))


LAUNCH_TEMPLATE = resource(
    "ec2/launchTemplate:LaunchTemplate",
    names={"name": "LaunchTemplateName", "defaultVersion": "DefaultVersionNumber"},
    outputs={"arn": "Arn", "latestVersion": "LatestVersionNumber"},
    inputs=f"{' '.join(_DATA)} description updateDefaultVersion",
    unsupported="capacityReservationSpecification cpuOptions creditSpecification disableApiStop"
    " enclaveOptions hibernationOptions instanceInitiatedShutdownBehavior instanceRequirements kernelId"
    " licenseSpecifications maintenanceOptions namePrefix networkPerformanceOptions privateDnsNameOptions"
    " ramDiskId secondaryInterfaces securityGroupNames",
    autoname="name",
    replace_on="name",
    volatile=frozenset({"defaultVersion", "latestVersion"}),
    computed=frozenset({"defaultVersion", "metadataOptions"}),
    create=_create,
    live=_live,
    also=_also,
    change=_change,
    tags=tagged,
    delete=lambda aws, id_, _: aws.client("ec2").delete_launch_template(LaunchTemplateId=id_),
)
