"""The nodes of the stacks' clusters, which the emulated EC2 has."""

from __future__ import annotations

import re

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sandbox import api
from sandbox.environment import PRIMARY_ACCOUNT
from sandbox.home import Home

_RUNNING_NODES = (
    "Action=DescribeInstances&Version=2016-11-15"
    "&Filter.1.Name=instance-state-name&Filter.1.Value.1=running"
    "&Filter.2.Name=tag-key&Filter.2.Value.1=eks%3Acluster-name"
)


def a_running_one(home: Home) -> str | None:
    """The instance whose metadata service the sandbox's shell sees, as if that shell ran on the node.

    One signed request, without a client of EC2: that would read the largest of all service models.
    """
    key = home.credentials()[PRIMARY_ACCOUNT]
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    request = AWSRequest("POST", f"{home.emulator_url}/", headers=headers, data=_RUNNING_NODES)
    credentials = Credentials(key["access_key_id"], key["secret_access_key"])
    SigV4Auth(credentials, "ec2", home.region).add_auth(request)
    answer = api.emulator(home).send("POST", "/", _RUNNING_NODES, dict(request.headers.items()))
    return min(re.findall(r"<instanceId>([^<]+)</instanceId>", answer.data.decode()), default=None)
