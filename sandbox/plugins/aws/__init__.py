"""AWS over boto3: the resource types and functions of the official provider that this project declares."""

from sandbox.plugins.aws import autoscaling, ec2, eks, iam
from sandbox.plugins.aws.client import CONFIG, CONFIG_JSON, answered, connect, explain
from sandbox.plugins.aws.functions import FUNCTIONS
from sandbox.plugins.resource import Plugin

PLUGIN = Plugin(
    name="aws",
    distribution="pulumi-aws",
    config=CONFIG,
    json_config=CONFIG_JSON,
    resources={**iam.RESOURCES, **ec2.RESOURCES, **eks.RESOURCES, **autoscaling.RESOURCES},
    functions=FUNCTIONS,
    connect=connect,
    explain=explain,
    answered=answered,
)
