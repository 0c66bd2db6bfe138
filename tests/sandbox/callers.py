"""Being a workload step by step, so that a test can do each step wrongly."""

from __future__ import annotations

import base64
import json
from typing import Any

import boto3
import hvac
import requests
from botocore import UNSIGNED
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from tests.sandbox.kit import Sandbox

POD_ROLE = "arn:aws:iam::111111111111:role/vault-auth"
HEADER = "X-Vault-AWS-IAM-Server-ID"


def trust(account: str) -> str:
    """A trust policy that lets every principal of an account in, for roles that a test makes."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "sts:AssumeRole",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def session(sandbox: Sandbox, role_arn: str, name: str, account: str = "111111111111") -> Credentials:
    """A session of a role, assumed by the administrator of an account."""
    answer = sandbox.aws("sts", account).assume_role(RoleArn=role_arn, RoleSessionName=name)
    given = answer["Credentials"]
    return Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])


def assume_with_token(sandbox: Sandbox, token: str, role: str = POD_ROLE) -> Credentials:
    sts = boto3.client(
        "sts",
        endpoint_url=sandbox.env["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        config=Config(signature_version=UNSIGNED),
    )
    answer = sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName="test", WebIdentityToken=token)
    given = answer["Credentials"]
    return Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])


def log_in(
    sandbox: Sandbox,
    credentials: Credentials | None,
    role: str,
    header: str | None = "vault.example.com",
    mount: str = "aws",
) -> dict[str, Any]:
    """`vault login -method=aws`, step by step, so that every step can be done wrongly."""
    body = "Action=GetCallerIdentity&Version=2011-06-15"
    url = sandbox.env["AWS_ENDPOINT_URL"] + "/"
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    if header is not None:
        headers[HEADER] = header
    request = AWSRequest("POST", url, data=body, headers=headers)
    if credentials:
        SigV4Auth(credentials, "sts", "us-east-1").add_auth(request)
    signed = json.dumps({name: [value] for name, value in request.headers.items()})
    answer = requests.post(
        f"{sandbox.env['VAULT_ADDR']}/v1/auth/{mount}/login",
        json={
            "role": role,
            "iam_http_request_method": "POST",
            "iam_request_url": base64.b64encode(url.encode()).decode(),
            "iam_request_body": base64.b64encode(body.encode()).decode(),
            "iam_request_headers": base64.b64encode(signed.encode()).decode(),
        },
        verify=sandbox.env["VAULT_CACERT"],
        timeout=30,
    )
    if answer.status_code != 200:
        raise hvac.exceptions.VaultError("; ".join(answer.json()["errors"]))
    auth: dict[str, Any] = answer.json()["auth"]
    return auth


def node_session(sandbox: Sandbox, session_name: str) -> Credentials:
    """Credentials of the node role under a session name of one's choice, as only EC2 could give them.

    On AWS nobody but EC2 can assume this role; the test opens its trust for a moment to show that
    Vault would not take the role alone for an instance either.
    """
    iam = sandbox.aws("iam")
    role = iam.get_role(RoleName="eks1-node")["Role"]
    iam.update_assume_role_policy(RoleName="eks1-node", PolicyDocument=trust("111111111111"))
    try:
        return session(sandbox, role["Arn"], session_name)
    finally:
        before = json.dumps(role["AssumeRolePolicyDocument"])
        iam.update_assume_role_policy(RoleName="eks1-node", PolicyDocument=before)


def a_node(sandbox: Sandbox) -> dict[str, Any]:
    found = sandbox.aws("ec2").describe_instances(
        Filters=[{"Name": "tag-key", "Values": ["eks:cluster-name"]}]
    )
    instance: dict[str, Any] = found["Reservations"][0]["Instances"][0]
    return instance
