"""The access key that Vault has for its own requests to AWS, as IAM knows it."""

from typing import Any

from . import aws
from .errors import Refused
from .outputs import VaultOutput
from .workloads import NotChecked

LINK = "Vault's access key"
NEW_ONE = "`pulumi up --refresh` gives Vault a new one, if it is the stack's"


def state(vault: VaultOutput, config: dict[str, Any], read_path: str) -> str:
    """What IAM says of the key, asked with the user's own AWS credentials; raises `Refused` if it is useless.

    Vault itself cannot be asked without writing to it, and never tells the secret. So an active key is no
    proof that Vault has its secret.
    """
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    key = config.get("access_key") or ""
    if not key:
        return "none: Vault has the identity of its own machine or pod"
    limits = Config(connect_timeout=5, read_timeout=20)
    try:
        client = aws.own_session().create_client("iam", region_name=vault.sts_region, config=limits)
        user = client.get_access_key_last_used(AccessKeyId=key)["UserName"]
        found = client.list_access_keys(UserName=user)["AccessKeyMetadata"]
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code == "NoSuchEntity":
            reason = f"IAM has no key {key}, which {read_path} names: Vault's lookups fail"
            raise Refused(LINK, "AWS", reason, code, NEW_ONE) from error
        raise NotChecked(f"your AWS credentials: {error}") from error
    except BotoCoreError as error:
        raise NotChecked(f"your AWS credentials: {error}") from error
    status = next((each["Status"] for each in found if each["AccessKeyId"] == key), "deleted")
    if status != "Active":
        on = f"--user-name {user} --access-key-id {key}"
        raise Refused(
            LINK,
            "AWS",
            f"{key} of {user} is {status.lower()}: Vault's lookups fail",
            status,
            f"`aws iam update-access-key --status Active {on}`, if nobody meant it; else give Vault a "
            "new one, with `pulumi up --replace URN-of-…-access-key`, if it is the stack's",
        )
    return f"{key} of {user}, active"
