"""Where the sandbox's shell seems to run: on a node of a stack's cluster."""

import re

from sandbox import api
from sandbox.home import Home

_RUNNING_NODES = (
    "Action=DescribeInstances&Version=2016-11-15"
    "&Filter.1.Name=instance-state-name&Filter.1.Value.1=running"
    "&Filter.2.Name=tag-key&Filter.2.Value.1=eks%3Acluster-name"
)


def variables(home: Home) -> dict[str, str]:
    """The variables by which a program finds the credentials of that node."""
    found = {}
    nodes = re.findall(r"<instanceId>([^<]+)</instanceId>", api.signed(home, "ec2", _RUNNING_NODES))
    if nodes:
        found["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = f"{home.emulator_url}/imds/{min(nodes)}/"
    return found
