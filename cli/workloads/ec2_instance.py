"""The login of a node: the instance's own credentials, from its metadata service."""

import os

from ..aws import LINK, Credentials, session
from ..errors import NotHere
from .base import Workload


class Ec2InstanceWorkload(Workload):
    """The EC2 instance that this command runs on.

    No impostors can be tried: for a session of another name, the node role would have to trust this caller.
    """

    kind = "ec2-instance"

    @property
    def caller(self) -> str:
        return "this EC2 instance"

    def credentials(self) -> Credentials:
        from botocore.exceptions import BotoCoreError
        from botocore.utils import InstanceMetadataFetcher

        if os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
            raise _not_here("AWS_EC2_METADATA_DISABLED is set")
        try:
            settings = session()
            fetched = InstanceMetadataFetcher(
                timeout=1,
                num_attempts=2,
                env=dict(os.environ),
                config={
                    "ec2_metadata_service_endpoint": settings.get_config_variable(
                        "ec2_metadata_service_endpoint"
                    ),
                    "ec2_metadata_service_endpoint_mode": settings.get_config_variable(
                        "ec2_metadata_service_endpoint_mode"
                    ),
                    # Version 2 only: version 1 can be read through any open proxy on the instance.
                    "ec2_metadata_v1_disabled": True,
                },
            ).retrieve_iam_role_credentials()
        except BotoCoreError as error:
            raise _not_here(f"no answer from the instance metadata service: {error}") from error
        if not fetched:
            raise _not_here("the metadata service gave no role credentials")
        return Credentials(fetched["access_key"], fetched["secret_key"], fetched["token"])


def _not_here(reason: str) -> NotHere:
    return NotHere(
        LINK,
        None,
        reason,
        "no-instance",
        "run this on an instance of the login's node group whose instance profile has a role; in a pod "
        "there, the metadata hop limit must be 2",
    )
