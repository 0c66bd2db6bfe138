"""The provider's partition, region and identity."""

from sandbox.plugins.aws.client import Aws
from sandbox.plugins.aws.entry import function
from sandbox.plugins.resource import Inputs, ProviderError, State


def _partition(aws: Aws, _: Inputs) -> State:
    suffix = _suffix(aws)
    return {
        "id": aws.partition,
        "partition": aws.partition,
        "dnsSuffix": suffix,
        "reverseDnsPrefix": ".".join(reversed(suffix.split("."))),
    }


def _suffix(aws: Aws) -> str:
    return str(aws.session.get_component("endpoint_resolver").get_partition_dns_suffix(aws.partition))


def _region(aws: Aws, inputs: Inputs) -> State:
    name = inputs.get("name", aws.region)
    about = aws.session.get_component("data_loader").load_data("endpoints")["partitions"]
    described = {key: value for part in about for key, value in part["regions"].items()}
    if name not in described:
        raise ProviderError(f"{name!r} is not an AWS region")
    return {
        "id": name,
        "name": name,
        "region": name,
        "description": described[name]["description"],
        "endpoint": f"ec2.{name}.{_suffix(aws.at(name))}",
    }


def _identity(aws: Aws, _: Inputs) -> State:
    me = aws.identity
    return {"id": me["Account"], "accountId": me["Account"], "arn": me["Arn"], "userId": me["UserId"]}


HERE = (
    function("index/getPartition:getPartition", inputs="id", invoke=_partition),
    function("index/getRegion:getRegion", inputs="id name region", unsupported="endpoint", invoke=_region),
    function("index/getCallerIdentity:getCallerIdentity", inputs="id", invoke=_identity),
)
