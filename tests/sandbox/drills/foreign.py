"""A user's own AWS, Vault, Kubernetes and Pulumi settings, which no command of the sandbox may ever use.

All of them are real-looking and lead to a listener, which counts connections, and into files, which are
tripwires: none may be read or written.
"""

from __future__ import annotations

import json
import os
import random
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from tests.sandbox.drills.ground import Ground
from tests.sandbox.drills.surroundings import life

MARK = "foreign5ecret"
"""Stands in every value that is a secret."""


class Listener:
    """Accepts connections on loopback, and counts them; it answers nothing."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.met: list[str] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(1)
                try:
                    self.met.append(connection.recv(200).decode(errors="replace"))
                except OSError:
                    self.met.append("")

    def close(self) -> None:
        self._socket.close()


def variables(url: str, folder: Path) -> dict[str, str]:
    """What a user's shell may have set, by the names that the tools and libraries of this project read."""
    services = ("", "_STS", "_IAM", "_EC2", "_EKS", "_EKS_AUTH", "_SSM", "_AUTO_SCALING", "_S3")
    proxies = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "GRPC_PROXY")
    here = {
        **{f"AWS_ENDPOINT_URL{service}": url for service in services},
        "AWS_PROFILE": "production",
        "AWS_DEFAULT_PROFILE": "production",
        "AWS_CONFIG_FILE": str(folder / "home" / ".aws" / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "home" / ".aws" / "credentials"),
        "AWS_DATA_PATH": str(folder / "home" / ".aws" / "models"),
        "AWS_ACCESS_KEY_ID": "AKIA" + "F" * 16,
        "AWS_SECRET_ACCESS_KEY": MARK,
        "AWS_SESSION_TOKEN": MARK,
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ROLE_ARN": "arn:aws:iam::444444444444:role/production",
        "AWS_ROLE_SESSION_NAME": "me",
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(folder / "home" / "web-identity-token"),
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{url}/credentials",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": MARK,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(folder / "home" / "web-identity-token"),
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": url,
        "AWS_CA_BUNDLE": str(folder / "home" / "ca.pem"),
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
        "AWS_USE_FIPS_ENDPOINT": "true",
        "VAULT_ADDR": url,
        "VAULT_AGENT_ADDR": url,
        "VAULT_PROXY_ADDR": url,
        "VAULT_HTTP_PROXY": url,
        "VAULT_TOKEN": MARK,
        "VAULT_NAMESPACE": "production",
        "VAULT_CACERT": str(folder / "home" / "ca.pem"),
        "VAULT_CAPATH": str(folder / "home"),
        "VAULT_CLIENT_CERT": str(folder / "home" / "ca.pem"),
        "VAULT_CLIENT_KEY": str(folder / "home" / "ca.pem"),
        "VAULT_SKIP_VERIFY": "true",
        "VAULT_WRAP_TTL": "60",
        "VAULT_FORMAT": "yaml",
        "VAULT_CONFIG_PATH": str(folder / "home" / ".vault"),
        "KUBECONFIG": str(folder / "home" / ".kube" / "config"),
        "KUBERC": str(folder / "home" / ".kube" / "kuberc"),
        "KUBERNETES_MASTER": url,
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "KUBERNETES_SERVICE_PORT": url.rpartition(":")[2],
        "HELM_KUBEAPISERVER": url,
        "HELM_KUBETOKEN": MARK,
        "PULUMI_ACCESS_TOKEN": MARK,
        "PULUMI_API": url,
        "PULUMI_BACKEND_URL": url,
        "PULUMI_CONFIG": '{"aws:region": "eu-central-1"}',
        "PULUMI_CONFIG_PASSPHRASE": MARK,
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(folder / "home" / "passphrase"),
        "PULUMI_CREDENTIALS_PATH": str(folder / "home" / ".pulumi"),
        "PULUMI_DEBUG_GRPC": str(folder / "home" / "grpc.json"),
        "PULUMI_DIY_BACKEND_GZIP": "true",
        "PULUMI_SELF_MANAGED_STATE_GZIP": "true",
        "PULUMI_SELF_MANAGED_STATE_LEGACY_LAYOUT": "true",
        "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
        "PULUMI_DIY_BACKEND_RETAIN_CHECKPOINTS": "true",
        "PULUMI_EXPERIMENTAL": "true",
        "PULUMI_SKIP_CHECKPOINTS": "true",
        "PULUMI_DISABLE_JOURNALING": "false",
        "PULUMI_DISABLE_RESOURCE_REFERENCES": "true",
        "PULUMI_ERROR_OUTPUT_STRING": "true",
        "PULUMI_OPTION_PARALLEL": "1",
        "PULUMI_OPTION_REFRESH": "true",
        "PULUMI_PREFER_YARN": "true",
        "PULUMI_STACK": "production",
        "PULUMI_TARGETS": "production",
        "PULUMI_K8S_CLIENT_BURST": "1",
        "PULUMI_K8S_ENABLE_PATCH_FORCE": "true",
        "PULUMI_OTEL_EXPORTER_OTLP_ENDPOINT": url,
        "OTEL_EXPORTER_OTLP_ENDPOINT": url,
        "OTEL_TRACES_EXPORTER": "otlp",
        "TRACEPARENT": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "NODE_OPTIONS": f"--require {folder / 'home' / 'tripwire.js'}",
        "NODE_PATH": str(folder / "home"),
        "PYTHONPATH": str(folder / "modules"),
        "PYTHONSTARTUP": str(folder / "modules" / "psutil.py"),
        "PYTHONWARNINGS": "error",
        "PYTHONOPTIMIZE": "2",
        "NETRC": str(folder / "home" / ".netrc"),
        "BASH_ENV": str(folder / "home" / ".bashrc"),
        "ENV": str(folder / "home" / ".bashrc"),
        "ETCD_DATA_DIR": str(folder / "home" / "etcd"),
        "ETCD_LISTEN_CLIENT_URLS": url,
        "GODEBUG": "http2debug=0",
        "MOTO_ACCOUNT_ID": "444444444444",
        "TF_APPEND_USER_AGENT": "production",
        "no_grpc_proxy": "example.com",
    }
    for name in proxies:
        here |= {name: url, name.lower(): url}
    return {**here, "NO_PROXY": "example.com", "no_proxy": "example.com"}


def files(url: str) -> dict[str, str]:
    """What is in a user's home, by path, and used there without being asked for."""
    profile = f"endpoint_url = {url}\nregion = eu-central-1\n"
    assumed = "role_arn = arn:aws:iam::444444444444:role/x\nsource_profile = production\n"
    key = f"aws_access_key_id = AKIA{'F' * 16}\naws_secret_access_key = {MARK}\n"
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "production",
        "contexts": [{"name": "production", "context": {"cluster": "production", "user": "me"}}],
        "clusters": [{"name": "production", "cluster": {"server": url}}],
        "users": [{"name": "me", "user": {"token": MARK}}],
    }
    return {
        ".aws/config": f"[default]\n{profile}[profile production]\n{profile}{assumed}",
        ".aws/credentials": f"[default]\n{key}[production]\n{key}",
        ".aws/models/sts/2011-06-15/service-2.json": "not a model",
        ".aws/models/endpoints.json": "not endpoints",
        ".vault-token": MARK,
        ".vault": 'token_helper = "/bin/false"\n',
        ".kube/config": json.dumps(kubeconfig),
        ".kube/kuberc": "not a kuberc",
        ".pulumi/credentials.json": f'{{"current": "{url}", "accessTokens": {{"{url}": "{MARK}"}}}}',
        ".pulumi/config.json": "{}",
        **{
            f".pulumi/plugins/resource-{name}-v{version(f'pulumi-{name}')}/pulumi-resource-{name}": "not one"
            for name in ("aws", "eks", "kubernetes", "random", "vault")
        },
        ".netrc": f"default login me password {MARK}\n",
        ".npmrc": f"registry={url}\n",
        ".bashrc": "exit 1\n",
        ".config/pip/pip.conf": f"[global]\nindex-url = {url}\n",
        ".boto": f"[Credentials]\n{key}",
        ".terraformrc": "",
        "web-identity-token": MARK,
        "passphrase": MARK,
        "ca.pem": "not a certificate",
        "tripwire.js": "process.exit(1)",
    }


SHADOWED = (
    "yaml",
    "psutil",
    "typer",
    "rich",
    "requests",
    "urllib3",
    "hvac",
    "boto3",
    "botocore",
    "pulumi",
    "grpc",
)
"""Modules that the user has something else for, in PYTHONPATH."""


class Tripwires:
    """Files that may not be touched: reading one changes the time of its last access, once."""

    def __init__(self, folder: Path, contents: dict[str, str]) -> None:
        self.folder = folder
        for name, text in contents.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.before = self._now()
        self._arm()
        canary = folder / "canary"
        canary.write_text("x")
        os.utime(canary, (1, 2))
        canary.read_text()
        self.feels_reading = canary.stat().st_atime != 1
        """Not on every file system: some are mounted without times of access."""
        canary.unlink()

    def _now(self) -> dict[str, bytes]:
        files = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in files}

    def _arm(self) -> None:
        for name in self.before:
            os.utime(self.folder / name, (1, 2))

    def touched(self) -> list[str]:
        """What was read, written, added or deleted."""
        read = [
            f"{name} was read"
            for name in self.before
            if (self.folder / name).exists() and (self.folder / name).stat().st_atime != 1
        ]
        now = self._now()
        self._arm()
        added = [f"{name} was written" for name, text in now.items() if self.before.get(name) != text]
        return [*read, *added, *(f"{name} was deleted" for name in self.before.keys() - now.keys())]


@contextmanager
def listening() -> Iterator[Listener]:
    """A listener, closed afterwards."""
    listener = Listener()
    try:
        yield listener
    finally:
        listener.close()


COMMANDS = (
    "pulumi stack output --json",
    "pulumi preview --non-interactive",
    "vault token lookup > /dev/null",  # it shows the token
    'vault login -no-print "$VAULT_TOKEN"',
    "env -u VAULT_TOKEN vault token lookup > /dev/null",
    "vault-aws-auth verify",
    "vault-aws-auth doctor api",
    "vault-aws-auth access",
)
"""In the sandbox's shell, which has all of these settings before it sources `env`."""


def with_foreign_settings(folder: Path, _: random.Random) -> Iterator[tuple[str, bool]]:
    """All at once; from nothing to nothing."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    with listening() as listener:
        url = f"http://127.0.0.1:{listener.port}"
        home = Tripwires(folder / "home", files(url))
        modules = Tripwires(
            folder / "modules",
            {f"{name}.py": f"raise SystemExit('{name} of PYTHONPATH was imported')\n" for name in SHADOWED},
        )
        env = {**variables(url, folder), "HOME": str(home.folder), "XDG_CACHE_HOME": cache}
        ground = Ground(folder, env=env)

        def unused(after: str) -> None:
            touched = [*home.touched(), *modules.touched()]
            assert not touched, f"after {after}: {', '.join(touched)}"
            assert not listener.met, f"after {after}: {listener.met}"

        try:
            lived = life(ground)
            for moment in lived:
                unused(moment[0])
                if moment[0] == "up":
                    _in_the_shell(ground)
                    unused("the commands of the shell")
                yield moment
            assert home.feels_reading or sys.platform != "linux", "the file system has no times of access"
        finally:
            ground.give_up()


def _in_the_shell(ground: Ground) -> None:
    for command in COMMANDS:
        script = f'source "$0" && {command}'
        answer = ground.command(
            "bash", "--norc", "-c", script, str(ground.home.root / "env"), extra={"BASH_ENV": ""}
        )
        said = answer.stdout + answer.stderr
        assert answer.returncode == 0, f"{command}: exit code {answer.returncode}\n{said}"
        assert "Traceback" not in said, said
        assert MARK not in said, f"{command} prints a foreign secret:\n{said}"
