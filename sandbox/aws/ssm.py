"""SSM's public parameters that moto lacks: the machine image for EKS nodes."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from moto.ec2.models import ec2_backends

from sandbox.aws.calls import Call
from sandbox.aws.identity import Caller

_NODE_IMAGE = re.compile(r"/aws/service/eks/optimized-ami/[\d.]+/[\w./-]+/recommended/image_id")


def own_answer(call: Call, caller: Caller, now: datetime) -> dict[str, Any] | None:
    """The answer to GetParameter for a node image, which is one that EC2 knows; None for all else."""
    name = call.text("Name")
    if call.action != "GetParameter" or not _NODE_IMAGE.fullmatch(name):
        return None
    images = ec2_backends[caller.account][call.region].amis
    return {
        "Parameter": {
            "Name": name,
            "Type": "String",
            "Value": next(iter(images)),
            "Version": 1,
            "LastModifiedDate": now.timestamp(),
            "ARN": f"arn:{caller.partition}:ssm:{call.region}::parameter{name}",
            "DataType": "text",
        }
    }
