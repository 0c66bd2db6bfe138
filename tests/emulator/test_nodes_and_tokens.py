"""Instance metadata, and the TokenReview of `aws eks get-token`."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from awscli.customizations.eks.get_token import (  # type: ignore[import-untyped]
    STSClientFactory,
    TokenGenerator,
)
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.utils import InstanceMetadataFetcher

from tests.emulator.test_eks import create_cluster, instances, services
from tests.emulator.world import PRIMARY, Emulator, error_of, make_role, make_user, root, session_of, trust

TTL = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
NODE_ROLE = f"arn:aws:iam::{PRIMARY}:role/eks1-node"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An emulator with the cluster `eks1` and one node."""
    emulator = Emulator(tmp_path_factory.mktemp("cloud"))
    emulator.start()
    cluster = create_cluster(emulator, "eks1", accessConfig={"authenticationMode": "API"})
    make_role(emulator, "eks1-node", services("ec2"))
    emulator.client("eks").create_nodegroup(
        clusterName="eks1",
        nodegroupName="default",
        nodeRole=NODE_ROLE,
        subnets=cluster["resourcesVpcConfig"]["subnetIds"],
        scalingConfig={"minSize": 1, "maxSize": 1, "desiredSize": 1},
    )
    yield emulator
    emulator.stop()


@pytest.fixture(scope="module")
def node(cloud: Emulator) -> str:
    return str(instances(cloud, "default")[0]["InstanceId"])


def metadata_token(cloud: Emulator, node: str) -> dict[str, str]:
    status, token = cloud.get(f"/imds/{node}/latest/api/token", "PUT", TTL)
    assert status == 200
    return {"X-aws-ec2-metadata-token": token}


def node_keys(cloud: Emulator, node: str) -> dict[str, str]:
    config = {"ec2_metadata_service_endpoint": f"{cloud.url}/imds/{node}/"}
    found = InstanceMetadataFetcher(config=config).retrieve_iam_role_credentials()
    return {
        "aws_access_key_id": found["access_key"],
        "aws_secret_access_key": found["secret_key"],
        "aws_session_token": found["token"],
    }


def test_an_instance_gets_the_credentials_of_its_role(cloud: Emulator, node: str) -> None:
    identity = cloud.client("sts", node_keys(cloud, node)).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{PRIMARY}:assumed-role/eks1-node/{node}"


def test_metadata_says_what_the_instance_is(cloud: Emulator, node: str) -> None:
    headers = metadata_token(cloud, node)
    base = f"/imds/{node}/latest"
    assert cloud.get(f"{base}/meta-data/instance-id", headers=headers) == (200, node)
    assert cloud.get(f"{base}/meta-data/placement/region", headers=headers) == (200, "us-east-1")
    assert cloud.get(f"{base}/meta-data/iam/security-credentials/", headers=headers) == (200, "eks1-node")
    info = json.loads(cloud.get(f"{base}/meta-data/iam/info", headers=headers)[1])
    assert info["InstanceProfileArn"].startswith(f"arn:aws:iam::{PRIMARY}:instance-profile/eks-")
    identity = json.loads(cloud.get(f"{base}/dynamic/instance-identity/document", headers=headers)[1])
    assert (identity["instanceId"], identity["accountId"]) == (node, PRIMARY)
    assert cloud.get(f"{base}/meta-data/nothing", headers=headers)[0] == 404


def test_metadata_wants_a_token_of_the_same_instance(cloud: Emulator, node: str) -> None:
    path = f"/imds/{node}/latest/meta-data/instance-id"
    assert cloud.get(path)[0] == 401
    assert cloud.get(path, headers={"X-aws-ec2-metadata-token": "made-up"})[0] == 401
    assert cloud.get(f"/imds/{node}/latest/api/token", "PUT")[0] == 400
    assert cloud.get(f"/imds/{node}/latest/api/token", "PUT", {**TTL, "X-Forwarded-For": "x"})[0] == 403
    other = cloud.client("ec2").run_instances(ImageId="ami-1", MinCount=1, MaxCount=1)["Instances"][0][
        "InstanceId"
    ]
    assert cloud.get(path, headers=metadata_token(cloud, other))[0] == 401
    bare = cloud.get(
        f"/imds/{other}/latest/meta-data/iam/security-credentials/", headers=metadata_token(cloud, other)
    )
    assert bare[0] == 404
    cloud.client("ec2").terminate_instances(InstanceIds=[other])
    assert cloud.get(f"/imds/{other}/latest/api/token", "PUT", TTL)[0] == 404
    assert cloud.get("/imds/i-00000000000000000/latest/api/token", "PUT", TTL)[0] == 404


def get_token(cloud: Emulator, keys: dict[str, str], cluster: str = "eks1") -> str:
    """What `aws eks get-token` prints, made by its own code."""
    sts = cloud.new_client("sts", keys)
    STSClientFactory(None)._register_k8s_aws_id_handlers(sts)
    return str(TokenGenerator(sts).get_token(cluster))


def review(cloud: Emulator, token: str) -> dict[str, Any]:
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
    answer = cloud.get(
        "/sandbox/authenticate", "POST", {"Content-Type": "application/json"}, json.dumps(body).encode()
    )
    assert answer[0] == 200
    return dict(json.loads(answer[1])["status"])


def refused(cloud: Emulator, token: str) -> str:
    status = review(cloud, token)
    assert status["authenticated"] is False
    assert "user" not in status
    return str(status["error"])


def test_the_creator_of_the_cluster_is_its_admin(cloud: Emulator) -> None:
    command = [str(Path(sys.executable).parent / "aws"), "eks", "get-token", "--cluster-name", "eks1"]
    keys = {name.upper(): value for name, value in cloud.keys().items()}
    environment = {**os.environ, **keys, "AWS_ENDPOINT_URL": cloud.url, "AWS_DEFAULT_REGION": "us-east-1"}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    user = review(cloud, json.loads(ended.stdout)["status"]["token"])["user"]
    assert user["groups"] == ["system:masters"]
    assert user["username"] == f"arn:aws:iam::{PRIMARY}:user/sandbox-admin"


def test_a_node_is_a_node(cloud: Emulator, node: str) -> None:
    user = review(cloud, get_token(cloud, node_keys(cloud, node)))["user"]
    assert user["groups"] == ["system:nodes"]


def test_an_access_entry_gives_its_groups(cloud: Emulator) -> None:
    role = make_role(cloud, "developers", trust(root(PRIMARY)))
    token = get_token(cloud, session_of(cloud, role))
    assert "no access entry" in refused(cloud, token)
    eks = cloud.client("eks")
    eks.create_access_entry(clusterName="eks1", principalArn=role, kubernetesGroups=["dev"])
    user = review(cloud, token)["user"]
    assert user["groups"] == ["dev"]
    assert user["username"] == f"arn:aws:sts::{PRIMARY}:assumed-role/developers/tester"
    policy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
    eks.associate_access_policy(
        clusterName="eks1", principalArn=role, policyArn=policy, accessScope={"type": "cluster"}
    )
    assert review(cloud, token)["user"]["groups"] == ["dev", "system:masters"]


def test_a_token_for_another_cluster_is_refused(cloud: Emulator) -> None:
    assert "SignatureDoesNotMatch" in refused(cloud, get_token(cloud, cloud.keys(), "eks2"))


def test_a_caller_without_an_entry_is_refused(cloud: Emulator) -> None:
    assert "no access entry" in refused(cloud, get_token(cloud, make_user(cloud, "outsider")))


def test_a_presigned_request_for_no_cluster_is_refused(cloud: Emulator) -> None:
    """Such a URL is made for other purposes: whoever gets it must not reach the cluster with it."""
    url = cloud.client("sts").generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
    token = "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")
    assert "does not sign the cluster's name" in refused(cloud, token)


def changed(token: str, old: str, new: str) -> str:
    encoded = token.removeprefix("k8s-aws-v1.")
    url = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    assert old in url
    return "k8s-aws-v1." + base64.urlsafe_b64encode(url.replace(old, new).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("X-Amz-Expires=60", "X-Amz-Expires=61"),
        ("%3Bx-k8s-aws-id", ""),
        ("GetCallerIdentity", "AssumeRole"),
        ("2011-06-15", "2011-06-15&X=1"),
        ("/?", "/x?"),
        ("127.0.0.1", "localhost"),
    ],
)
def test_a_tampered_token_is_refused(cloud: Emulator, old: str, new: str) -> None:
    refused(cloud, changed(get_token(cloud, cloud.keys()), old, new))


@pytest.mark.parametrize("token", ["", "k8s-aws-v1.", "k8s-aws-v1.%%%", "k8s-aws-v1.aHR0cDovL3g", "eyJ"])
def test_what_is_no_such_token_is_refused(cloud: Emulator, token: str) -> None:
    refused(cloud, token)


@pytest.mark.parametrize(
    ("host", "region", "taken"),
    [
        ("sts.us-east-1.amazonaws.com", "us-east-1", True),
        ("sts.eu-west-1.amazonaws.com", "eu-west-1", True),  # EKS asks the endpoint that the token names
        ("sts.amazonaws.com", "us-east-1", True),
        ("sts.eu-west-1.amazonaws.com", "us-east-1", False),
        ("sts.amazonaws.com", "eu-west-1", False),
        ("sts.cn-north-1.amazonaws.com.cn", "cn-north-1", False),
        ("sts.example.com", "us-east-1", False),
        ("127.0.0.1", "eu-west-1", False),
    ],
)
def test_a_token_is_presigned_for_an_sts_endpoint_of_the_clusters_partition(
    cloud: Emulator, host: str, region: str, taken: bool
) -> None:
    """As aws-iam-authenticator, which knows the host names of its partition and asks them."""
    keys = cloud.keys()
    request = AWSRequest(
        "GET",
        f"https://{host}/?Action=GetCallerIdentity&Version=2011-06-15",
        {"x-k8s-aws-id": "eks1"},
    )
    credentials = Credentials(keys["aws_access_key_id"], keys["aws_secret_access_key"])
    SigV4QueryAuth(credentials, "sts", region, expires=60).add_auth(request)
    token = "k8s-aws-v1." + base64.urlsafe_b64encode(str(request.url).encode()).decode().rstrip("=")
    if taken:
        assert review(cloud, token)["user"]["groups"] == ["system:masters"]
    else:
        assert "SignatureDoesNotMatch" in refused(cloud, token)


def test_an_old_token_is_refused(cloud: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    old = datetime.now(timezone.utc).replace(tzinfo=None) - timedelta(minutes=16)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *_, **__: old)
    assert "Signature expired" in refused(cloud, get_token(cloud, cloud.keys()))


def test_only_what_exists_is_answered(cloud: Emulator) -> None:
    assert cloud.get("/sandbox/nothing")[0] == 404
    assert cloud.get("/sandbox/health")[0] == 200
    assert error_of(cloud.client("eks").describe_cluster, name="none")[0] == "ResourceNotFoundException"
