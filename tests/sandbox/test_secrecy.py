"""Secrets stay where they belong, and nothing listens beyond loopback."""

from __future__ import annotations

import json
import stat

import psutil

from tests.sandbox.kit import Sandbox

# The files whose purpose is to hold keys; each must be closed to everybody but its owner.
HOLDERS = {
    "env",
    "passphrase",
    "aws/credentials.json",
    "aws/state.pickle",
    "vault/init.json",
}


def secrets(sandbox: Sandbox) -> dict[str, bytes]:
    """The secrets of this sandbox, by name. The access key's is read from the state, decrypted."""
    exported = sandbox.json("pulumi stack export --show-secrets --stack local")
    key = next(
        resource["outputs"]["secret"]
        for resource in exported["deployment"]["resources"]
        if resource["type"] == "aws:iam/accessKey:AccessKey"
    )
    plain = json.loads(key["plaintext"]) if isinstance(key, dict) else key
    keys = json.loads((sandbox.home / "vault" / "init.json").read_text())
    return {
        "the access key's secret": plain.encode(),
        "the Vault token": keys["root_token"].encode(),
        "the unseal key": keys["unseal_key"].encode(),
        "the passphrase": sandbox.env["PULUMI_CONFIG_PASSPHRASE"].encode(),
    }


def test_no_secret_stands_in_plain_text_outside_the_files_made_to_hold_it(sandbox: Sandbox) -> None:
    wanted = secrets(sandbox)
    found = []
    seen_in_holders = set()
    for path in sandbox.home.rglob("*"):
        if not path.is_file() or path.is_symlink():
            continue
        content = path.read_bytes()
        name = path.relative_to(sandbox.home).as_posix()
        for label, secret in wanted.items():
            if secret in content:
                if name in HOLDERS:
                    seen_in_holders.add(label)
                else:
                    found.append(f"{label} in {name}")
    assert not found
    # The search itself works: it finds each secret where it must be.
    assert seen_in_holders == set(wanted)


def test_no_secret_is_printed(sandbox: Sandbox) -> None:
    printed = sandbox.first_up.encode()
    for label, secret in secrets(sandbox).items():
        assert secret not in printed, label


def test_no_secret_stands_on_a_command_line(sandbox: Sandbox) -> None:
    wanted = secrets(sandbox)
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or []).encode()
        for label, secret in wanted.items():
            assert secret not in line, label


def test_the_sandbox_is_closed_to_everybody_but_its_owner(sandbox: Sandbox) -> None:
    assert stat.S_IMODE(sandbox.home.stat().st_mode) == 0o700
    for name in HOLDERS:
        assert stat.S_IMODE((sandbox.home / name).stat().st_mode) == 0o600, name


def test_every_process_listens_on_loopback_only(sandbox: Sandbox) -> None:
    record = json.loads((sandbox.home / "processes.json").read_text())
    silent = {"kube-controller-manager", "fork-server"}
    assert set(record) == {"emulator", "etcd", "kube-apiserver", "vault", *silent}
    for name, entry in record.items():
        listening = [
            connection.laddr.ip
            for connection in psutil.Process(int(entry["pid"])).net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        ]
        assert set(listening) <= {"127.0.0.1", "::1"}, name
        assert bool(listening) != (name in silent), name
