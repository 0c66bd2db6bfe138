"""Clusters whose control planes are being started, in a sandbox whose database never answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox import pki
from sandbox.home import Home
from tests.emulator.test_eks import create_cluster
from tests.emulator.world import ISSUER, SECONDARY, Emulator, error_of


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    made = Home(tmp_path_factory.mktemp("sandbox") / "home")
    made.create()
    pki.ensure(made)
    return made


@pytest.fixture(scope="module")
def cloud(home: Home) -> Iterator[Emulator]:
    """An emulator in that sandbox, with a first cluster."""
    emulator = Emulator(home.root / "aws")
    emulator.start("--sandbox", str(home.root))
    create_cluster(emulator, "first", accessConfig={"authenticationMode": "API"})
    yield emulator
    emulator.stop()


def folders(home: Home) -> list[str]:
    return [path.name for path in (home.root / "kubernetes").iterdir() if path.is_dir()]


def test_a_further_cluster_is_creating_without_an_address_and_takes_nothing_until_it_is_active(
    cloud: Emulator, home: Home
) -> None:
    eks = cloud.client("eks")
    assert eks.describe_cluster(name="first")["cluster"]["identity"]["oidc"]["issuer"] == ISSUER
    made = create_cluster(cloud, "second")
    assert made["status"] == "CREATING"
    assert not {"endpoint", "identity"} & made.keys()
    assert made["certificateAuthority"] == {}
    code, message = error_of(eks.create_addon, clusterName="second", addonName="vpc-cni")
    assert code == "InvalidRequestException"
    assert "is not ACTIVE, it is CREATING" in message
    assert eks.list_addons(clusterName="second")["addons"] == []
    cloud.stop()
    cloud.start("--sandbox", str(home.root))
    assert eks.describe_cluster(name="second")["cluster"]["status"] == "CREATING"
    eks.delete_cluster(name="second")
    assert error_of(eks.describe_cluster, name="second")[0] == "ResourceNotFoundException"
    assert folders(home) == []


def test_the_first_control_plane_is_for_no_other_account_and_no_other_region(cloud: Emulator) -> None:
    elsewhere = cloud.client("eks", region="eu-west-1")
    subnets = [s["SubnetId"] for s in cloud.client("ec2", region="eu-west-1").describe_subnets()["Subnets"]]
    role = cloud.client("eks").describe_cluster(name="first")["cluster"]["roleArn"]
    network = {"subnetIds": subnets[:2]}
    cloud.client("eks").delete_cluster(name="first")
    assert cloud.get("/sandbox/as-new", "PUT")[0] == 200
    made = elsewhere.create_cluster(name="first", roleArn=role, resourcesVpcConfig=network)["cluster"]
    assert made["status"] == "CREATING"
    assert create_cluster(cloud, "other", SECONDARY)["status"] == "CREATING"
    again = cloud.client("ec2").describe_subnets()["Subnets"][:2]
    own = {"subnetIds": [subnet["SubnetId"] for subnet in again]}
    made = cloud.client("eks").create_cluster(name="first", roleArn=role, resourcesVpcConfig=own)["cluster"]
    assert made["status"] == "ACTIVE"
