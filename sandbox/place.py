"""Where the sandbox's shell seems to run: on a node of a stack's cluster, and in an ECS task."""

import re
from urllib.parse import unquote

from sandbox import api
from sandbox.home import Home

_RUNNING_NODES = (
    "Action=DescribeInstances&Version=2016-11-15"
    "&Filter.1.Name=instance-state-name&Filter.1.Value.1=running"
    "&Filter.2.Name=tag-key&Filter.2.Value.1=eks%3Acluster-name"
)
_ROLES = "Action=ListRoles&Version=2010-05-08&MaxItems=1000"
_ROLE = re.compile(r"<Arn>([^<]+)</Arn>(?:(?!<Arn>).)*?<AssumeRolePolicyDocument>([^<]+)<", re.DOTALL)


def variables(home: Home) -> dict[str, str]:
    """The variables by which a program finds the credentials of that node and of that task."""
    found = {}
    nodes = re.findall(r"<instanceId>([^<]+)</instanceId>", api.signed(home, "ec2", _RUNNING_NODES))
    if nodes:
        found["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = f"{home.emulator_url}/imds/{min(nodes)}/"
    roles = _ROLE.findall(api.signed(home, "iam", _ROLES))
    task_roles = [arn for arn, trust in roles if "ecs-tasks.amazonaws.com" in unquote(trust)]
    if task_roles:
        # Which task asks at AWS_CONTAINER_CREDENTIALS_FULL_URI. ECS itself sets a relative URI, which is of a
        # fixed address.
        found["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = f"ecs-task/{home.region}/{min(task_roles)}"
    return found
