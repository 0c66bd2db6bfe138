"""moto, embedded: its services as WSGI applications, behind this package's own authorization."""

import copy
import functools
import io
import json
import logging
import os
import re
from datetime import datetime
from typing import Any, cast

from moto import backends as moto_backends
from moto.core.base_backend import BackendDict
from moto.ec2.models import amis
from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, IAMBackend
from moto.moto_server.werkzeug_app import create_backend_app
from moto.utilities.utils import load_resource
from werkzeug.test import run_wsgi_app
from werkzeug.wrappers import Response

from sandbox.aws.calls import Call
from sandbox.aws.identity import Caller
from sandbox.aws.sigv4 import HttpRequest

# moto's SSM cannot be pickled, so it is read-only: AWS's public parameters.
SERVICES = ("autoscaling", "ec2", "iam", "ssm")
SAVED_SERVICES = ("autoscaling", "ec2", "iam")
_NODE_IMAGE = re.compile(r"/aws/service/eks/optimized-ami/[\d.]+/[\w./-]+/recommended/image_id")

logging.getLogger("moto").setLevel(logging.ERROR)
os.environ.pop("MOTO_ACCOUNT_ID", None)  # would put every caller into one account


@functools.cache
def _managed_policies(region: str) -> dict[str, AWSManagedPolicy]:
    catalogue = json.loads(aws_managed_policies_data).items()
    policies = (AWSManagedPolicy.from_data(name, "", region, data) for name, data in catalogue)
    return {p.arn: p for p in policies}


def managed_policy(account: str, arn: str) -> AWSManagedPolicy:
    """An AWS managed policy, in one account."""
    found = copy.copy(_managed_policies(arn.split(":")[1])[arn])
    found.account_id = account
    return found


def _init_aws_policies(backend: IAMBackend) -> list[AWSManagedPolicy]:
    """All AWS managed policies for an account. moto itself parses the 1,500 again for each, in 0.2 s."""
    return [managed_policy(backend.account_id, arn) for arn in _managed_policies(backend.region_name)]


cast(Any, IAMBackend)._init_aws_policies = _init_aws_policies


def _catalogue(path: str) -> Any:
    """One of moto's catalogues, without the 1,200 images for ECS's own instances: nothing here starts one,
    and each change of EC2 would save them all."""
    if path.startswith("ec2/resources/ecs/"):
        raise FileNotFoundError(path)  # as for a region that moto has no images of
    return load_resource(path)


cast(Any, amis).load_resource = _catalogue


@functools.cache
def _application(service: str) -> Any:
    return create_backend_app(cast(Any, service))


def backends(service: str) -> BackendDict[Any]:
    """moto's data of a service, by account and region; IAM's region is the partition."""
    found: BackendDict[Any] = cast(Any, moto_backends).get_backend(service)
    return found


def call(environ: dict[str, Any], call: Call, request: HttpRequest, caller: Caller) -> Response:
    """moto's answer to an authorized call, in the caller's account."""
    inner = dict(environ)
    inner["wsgi.input"] = io.BytesIO(request.body)
    inner["CONTENT_LENGTH"] = str(len(request.body))
    # moto takes the account from this header, and the region from the credential scope unless host or user
    # agent name one. Only authenticated values may count.
    inner["HTTP_X_MOTO_ACCOUNT_ID"] = caller.account
    inner["HTTP_AUTHORIZATION"] = (
        f"AWS4-HMAC-SHA256 Credential={caller.access_key_id}/20000101/{call.region}/{call.service}/"
        "aws4_request, SignedHeaders=host, Signature=0"
    )
    inner["HTTP_HOST"] = "127.0.0.1"
    inner["HTTP_USER_AGENT"] = ""
    body, status, headers = run_wsgi_app(_application(call.service), inner, buffered=True)
    return Response(b"".join(body), status=status, headers=headers)


def node_image(call: Call, caller: Caller, now: datetime) -> dict[str, Any] | None:
    """The answer to SSM's GetParameter for the image of EKS nodes, which moto lacks; None for other calls."""
    name = call.text("Name")
    if call.action != "GetParameter" or not _NODE_IMAGE.fullmatch(name):
        return None
    images = backends("ec2")[caller.account][call.region].amis
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
