"""iam:PassRole: whoever hands a role to a service needs the permission for that role and that service."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.test_eks import create_cluster, services
from tests.emulator.world import PRIMARY, Emulator, document, error_of, make_role, make_user


@pytest.fixture(scope="module")
def roles(emulator: Emulator) -> dict[str, str]:
    """A role for each service, and an instance profile with that for EC2."""
    made = {name: make_role(emulator, f"passed-{name}", services(name)) for name in ("eks", "ec2")}
    made["pods"] = make_role(emulator, "passed-pods", services("pods.eks"))
    iam = emulator.client("iam")
    iam.create_instance_profile(InstanceProfileName="passed-profile")
    iam.add_role_to_instance_profile(InstanceProfileName="passed-profile", RoleName="passed-ec2")
    iam.create_instance_profile(InstanceProfileName="passed-empty")
    with emulator.without_api_server():
        create_cluster(emulator, "passing", accessConfig={"authenticationMode": "API"})
    return made


def passing(emulator: Emulator, name: str, role: str, service: str) -> dict[str, str]:
    """A user who may do everything, but pass only this role, to this service."""
    condition = {"StringEquals": {"iam:PassedToService": service}}
    return make_user(
        emulator,
        name,
        document(
            {"Effect": "Allow", "NotAction": "iam:PassRole", "Resource": "*"},
            {"Effect": "Allow", "Action": "iam:PassRole", "Resource": role, "Condition": condition},
        ),
    )


def calls(emulator: Emulator, kind: str, role: str, keys: dict[str, str]) -> list[tuple[Any, dict[str, Any]]]:
    """Calls that pass the role, each with what it needs besides."""
    eks, ec2 = emulator.client("eks", keys), emulator.client("ec2", keys)
    subnets = [s["SubnetId"] for s in emulator.client("ec2").describe_subnets()["Subnets"]][:2]
    if kind == "eks":
        cluster = {"name": "passed-to", "resourcesVpcConfig": {"subnetIds": subnets}, "roleArn": role}
        return [(eks.create_cluster, cluster)]
    if kind == "pods":
        account = {"clusterName": "passing", "namespace": "default", "serviceAccount": "app"}
        return [(eks.create_pod_identity_association, {**account, "roleArn": role})]
    run = {"ImageId": "ami-1", "MinCount": 1, "MaxCount": 1}
    profile = f"arn:aws:iam::{PRIMARY}:instance-profile/passed-profile"
    return [
        (ec2.run_instances, {**run, "IamInstanceProfile": {"Name": "passed-profile"}}),
        (ec2.run_instances, {**run, "IamInstanceProfile": {"Arn": profile}}),
        (
            emulator.client("iam", keys).add_role_to_instance_profile,
            {"InstanceProfileName": "passed-empty", "RoleName": "passed-ec2"},
        ),
    ]


@pytest.mark.parametrize("kind", ["eks", "pods", "ec2"])
def test_a_role_is_passed_only_by_those_who_may(emulator: Emulator, roles: dict[str, str], kind: str) -> None:
    role, service = roles[kind], "pods.eks.amazonaws.com" if kind == "pods" else f"{kind}.amazonaws.com"
    other_role = passing(emulator, f"passes-another-than-{kind}", role + "x", service)
    other_service = passing(emulator, f"passes-elsewhere-{kind}", role, "lambda.amazonaws.com")
    for name, keys in (("passes-another-than", other_role), ("passes-elsewhere", other_service)):
        for call, arguments in calls(emulator, kind, role, keys):
            code, message = error_of(call, **arguments)
            assert code in ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
            assert message.endswith(
                f"User: arn:aws:iam::{PRIMARY}:user/{name}-{kind} is not authorized to perform: iam:PassRole "
                f"on resource: {role} because no identity-based policy allows the iam:PassRole action"
            )
    allowed = passing(emulator, f"passes-{kind}", role, service)
    with emulator.without_api_server():
        for call, arguments in calls(emulator, kind, role, allowed):
            call(**arguments)


def test_a_node_role_is_passed_too(emulator: Emulator, roles: dict[str, str]) -> None:
    subnets = [s["SubnetId"] for s in emulator.client("ec2").describe_subnets()["Subnets"]][:2]
    wanted = {
        "clusterName": "passing",
        "nodegroupName": "passing",
        "nodeRole": roles["ec2"],
        "subnets": subnets,
        "scalingConfig": {"minSize": 0, "maxSize": 1, "desiredSize": 0},
    }
    other = emulator.client("eks", passing(emulator, "passes-no-node", roles["eks"], "eks.amazonaws.com"))
    assert "perform: iam:PassRole" in error_of(other.create_nodegroup, **wanted)[1]
    keys = passing(emulator, "passes-node", roles["ec2"], "eks.amazonaws.com")
    assert emulator.client("eks", keys).create_nodegroup(**wanted)["nodegroup"]["status"] == "ACTIVE"
