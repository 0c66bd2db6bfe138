"""State survives the process, and a file that cannot be read is never lost silently."""

from __future__ import annotations

import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from sandbox.aws.state import UnusableState
from sandbox.aws.store import Store
from tests.emulator.world import (
    PRIMARY,
    REPOSITORY,
    SECONDARY,
    Emulator,
    make_role,
    root,
    session_of,
    trust,
)


def run(home: Path, port: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sandbox.aws", "--home", str(home), "--port", str(port)]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False)


def test_everything_is_there_after_kill_minus_nine(fresh: Emulator) -> None:
    role = make_role(fresh, "app", trust(root(PRIMARY)), SECONDARY, Tags=[{"Key": "a", "Value": "b"}])
    fresh.client("iam", fresh.keys(SECONDARY)).attach_role_policy(
        RoleName="app", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess"
    )
    keys = session_of(fresh, role)
    ec2 = fresh.client("ec2")
    vpcs = ec2.describe_vpcs(Filters=[])["Vpcs"]
    elsewhere = fresh.client("ec2", region="eu-west-1").describe_vpcs()["Vpcs"]
    group = ec2.create_security_group(GroupName="g", Description="d")["GroupId"]
    instance = ec2.run_instances(ImageId="ami-1", MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    fresh.client("autoscaling").create_launch_configuration(
        LaunchConfigurationName="lc", ImageId="ami-1", InstanceType="t3.medium"
    )
    trusted = make_role(fresh, "trusted", trust(root(PRIMARY)))
    trusting = make_role(fresh, "trusting", trust({"AWS": trusted}))
    fresh.client("iam").delete_role(RoleName="trusted")
    fresh.stop()
    fresh.start()
    make_role(fresh, "trusted", trust(root(PRIMARY)))
    with pytest.raises(ClientError, match="AccessDenied"):  # the old one was meant
        session_of(fresh, trusting, session_of(fresh, trusted))
    ec2 = fresh.client("ec2")
    assert ec2.describe_vpcs()["Vpcs"] == vpcs
    assert fresh.client("ec2", region="eu-west-1").describe_vpcs()["Vpcs"] == elsewhere
    assert ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["GroupName"] == "g"
    described = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    assert described["State"]["Name"] == "running"
    assert fresh.client("autoscaling").describe_launch_configurations()["LaunchConfigurations"]
    assert fresh.client("sts", keys).get_caller_identity()["Arn"].endswith("assumed-role/app/tester")
    iam = fresh.client("iam", keys)
    assert iam.get_role(RoleName="app")["Role"]["Tags"] == [{"Key": "a", "Value": "b"}]
    ec2.terminate_instances(InstanceIds=[instance])
    attached = iam.list_attached_role_policies(RoleName="app")["AttachedPolicies"]
    assert [p["PolicyName"] for p in attached] == ["ReadOnlyAccess"]


def test_what_cannot_be_saved_is_not_done(emulator: Emulator) -> None:
    """A limit on the size of files stands for a full disk. A caller tries again once there is room."""
    create = emulator.client("iam").create_user
    process, limit = emulator.process.pid, resource.RLIMIT_FSIZE
    before = resource.prlimit(process, limit, (1000, resource.RLIM_INFINITY))
    try:
        with pytest.raises(ClientError, match=r"ServiceUnavailable.*File too large.*nothing was changed"):
            create(UserName="late")
        assert emulator.client("iam").list_users()["Users"] is not None
    finally:
        resource.prlimit(process, limit, before)
    create(UserName="late")
    emulator.client("iam").delete_user(UserName="late")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda data: data[: len(data) // 2], "truncated"),
        (lambda _: b"something else", "not a state file"),
        (lambda data: data.replace(b"moto 5", b"moto 4", 1), "written by format"),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "damaged"),
        (lambda _: b"", "not a state file"),
    ],
)
def test_a_damaged_or_foreign_file_is_not_read(
    emulator: Emulator, tmp_path: Path, damage: Callable[[bytes], bytes], reason: str
) -> None:
    file = tmp_path / "state.pickle"
    file.write_bytes(damage((emulator.home / "state.pickle").read_bytes()))
    with pytest.raises(UnusableState, match=reason):
        Store(tmp_path).load()


def test_a_file_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    file = tmp_path / "state.pickle"
    file.write_bytes(b"something else")
    ended = run(tmp_path, 0)
    assert ended.returncode == 1
    assert f"{file} cannot be used" in ended.stderr
    assert f"delete the folder {tmp_path}" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert file.read_bytes() == b"something else"


def test_a_port_in_use_and_a_folder_in_use_are_one_line_each(emulator: Emulator, tmp_path: Path) -> None:
    other = run(tmp_path / "other", emulator.port)
    assert (other.returncode, len(other.stderr.splitlines())) == (1, 1)
    assert f"port {emulator.port}" in other.stderr
    same = run(emulator.home, 1)
    assert (same.returncode, len(same.stderr.splitlines())) == (1, 1)
    assert "another emulator already uses" in same.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_at_once_and_without_a_word(fresh: Emulator, number: signal.Signals) -> None:
    fresh.process.send_signal(number)
    assert fresh.process.wait(timeout=5) in (0, 128 + number)
    assert fresh.process.stderr is not None
    assert fresh.process.stderr.read() == b""


def test_files_with_secrets_are_for_their_owner_only(emulator: Emulator) -> None:
    for name in ("credentials.json", "state.pickle", "emulator.log"):
        assert stat.S_IMODE((emulator.home / name).stat().st_mode) == 0o600
