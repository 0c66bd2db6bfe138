"""The environment variables that point every tool at the sandbox, and none at a real account."""

import json
import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from sandbox.home import REPOSITORY, Home, write_private
from tools import build, versions

PRIMARY_ACCOUNT = "111111111111"

# Variables of a user's shell that would override the sandbox's values or redirect requests.
FOREIGN_PREFIXES = ("AWS_", "VAULT_", "KUBE", "HELM_", "PULUMI_", "PYTHON", "OTEL_")
FOREIGN = ("NODE_OPTIONS", "NODE_PATH", "TRACEPARENT")
HARMLESS = (
    "PULUMI_HOME",
    "PULUMI_K8S_DELETE_UNREACHABLE",
    "PYTHON",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONUNBUFFERED",
)
"""The first says where the user's own plugins are; the sandbox has its own value for all that it starts. The
second is said for one run, whose cluster is gone."""


def is_foreign(name: str) -> bool:
    """Whether a variable must be kept from everything that uses the sandbox."""
    return name not in HARMLESS and (name.startswith(FOREIGN_PREFIXES) or name in FOREIGN)


def forget_foreign() -> None:
    """Removes these variables from this process, because its own clients read them too.

    Also takes the folders of sandboxes off PATH, where a shell that has sourced an `env` has them: its links
    and scripts are those of that sandbox.
    """
    for name in [name for name in os.environ if is_foreign(name)]:
        del os.environ[name]
    os.environ.update({**NO_PROXY, **NO_AWS_FILES})
    os.environ["PATH"] = versions.search_path()


PLUGINS = ("SANDBOX_PLUGIN_PATH", "SANDBOX_PLUGINS")
"""Variables by which the user chooses plugins: `sandbox.plugin_choice`."""

NOWHERE: Mapping[str, str] = {}

# Without these, each client reads the files in ~/.aws, though it is given all that it needs.
NO_AWS_FILES = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)

# Loopback needs no proxy, and no password of the user's.
NO_PROXY = {
    **dict.fromkeys(("NO_PROXY", "no_proxy", "no_grpc_proxy"), "127.0.0.1,localhost"),
    "NETRC": os.devnull,
}


def build_environment(home: Home, place: Mapping[str, str] = NOWHERE) -> dict[str, str]:
    """The variables that point every standard tool at this sandbox.

    `place` has those by which a shell finds the credentials of where it seems to run: `sandbox.place`.
    """
    key = home.credentials()[PRIMARY_ACCOUNT]
    return {
        "VAULT_ADDR": home.vault_address,
        "VAULT_TOKEN": home.vault_keys()["root_token"],
        "VAULT_CACERT": str(home.ca_certificate),
        "VAULT_CONFIG_PATH": str(home.root / "vault" / "cli.hcl"),
        "AWS_ENDPOINT_URL": home.emulator_url,
        "AWS_REGION": home.region,
        "AWS_DEFAULT_REGION": home.region,
        "AWS_ACCESS_KEY_ID": key["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": key["secret_access_key"],
        **NO_AWS_FILES,
        "AWS_PAGER": "",
        # Tools of this shell use the keys above; `vault-aws-auth` gets a container's credentials here.
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": home.container_credentials_url,
        "KUBECONFIG": str(home.admin_kubeconfig),
        "PULUMI_BACKEND_URL": (home.root / "pulumi" / "state").as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": home.passphrase,
        "PULUMI_HOME": str(home.root / "pulumi" / "home"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PYTHONUTF8": "1",
        "SANDBOX_HOME": str(home.root),
        **NO_PROXY,
        **place,
    }


def path_prefix(home: Home) -> list[str]:
    """The folders before the user's PATH: the tools, and plugins; the virtualenv."""
    return [str(home.root / "bin"), str(Path(sys.executable).parent)]


def process_environment(home: Home, place: Mapping[str, str] = NOWHERE) -> dict[str, str]:
    """The whole environment of a child process: the user's without foreign variables, plus the sandbox's."""
    inherited = {name: value for name, value in os.environ.items() if not is_foreign(name)}
    path = os.pathsep.join([*path_prefix(home), os.environ.get("PATH", os.defpath)])
    return {**inherited, **build_environment(home, place), "PATH": path}


def write_shell_file(home: Home, place: Mapping[str, str] = NOWHERE, stack: str | None = None) -> Path:
    """Writes `env`, to be sourced: the same environment in the user's own shell."""
    target = home.root / "env"
    variables = build_environment(home, place)
    lines = ["# The environment of this sandbox, with its keys. Use: source THIS_FILE"]
    pattern = "|".join([*FOREIGN_PREFIXES, *(f"{name}=" for name in FOREIGN)])
    found = f"env | grep -E '^({pattern})' | grep -vE '^({'|'.join(HARMLESS)})=' | cut -d= -f1"
    lines.append(f'for name in $({found}); do unset "$name"; done')
    # Where others than the local plugins are asked for, that shell's commands do so, too.
    lines.append(f"unset {' '.join(PLUGINS)}")
    variables |= {name: value for name in PLUGINS if (value := os.environ.get(name))}
    if folders := variables.get("SANDBOX_PLUGIN_PATH"):
        absolute = (str(Path(folder).resolve()) for folder in folders.split(os.pathsep))
        variables["SANDBOX_PLUGIN_PATH"] = os.pathsep.join(absolute)
    lines += [f"export {name}={shlex.quote(value)}" for name, value in sorted(variables.items())]
    if stack:
        lines.append(f"export PULUMI_STACK={shlex.quote(stack)}")
    prefix = os.pathsep.join(path_prefix(home))
    # Sourcing it twice leaves PATH alone.
    there = shlex.quote(f":{prefix}:")
    lines.append(f'case ":$PATH:" in *{there}*) ;; *) export PATH={shlex.quote(prefix)}:"$PATH" ;; esac')
    write_private(target, "\n".join(lines) + "\n")
    return target


def tools(home: Home) -> list[str]:
    """The tools that this sandbox needs; Caddy only if a stack uses federation."""
    if home.plays_enterprise:
        return build.needed_by("every stack", "federation")
    return build.needed_by("every stack")


def link_tools(home: Home) -> None:
    """Fills the sandbox's `bin` with the tools and the project's own commands."""
    folder = home.root / "bin"
    for name in tools(home):
        link = folder / name
        link.unlink(missing_ok=True)
        if name == "pulumi":
            write_launcher(link, ["-m", "sandbox.pulumi_cli", str(build.ensure(name))])
        else:
            link.symlink_to(build.ensure(name))
    write_launcher(folder / "vault-aws-auth", ["-m", "cli"])
    _link_aws(home)
    _keep_tokens_here(home)


def _link_aws(home: Home) -> None:
    """Lets the AWS CLI, which kubeconfigs run, read nothing in ~/.aws: variables alone do not prevent it."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    if found := shutil.which("aws", path=path):
        script = f'#!/bin/sh\nHOME={shlex.quote(str(home.root / "run"))} exec {shlex.quote(found)} "$@"\n'
        write_private(home.root / "bin" / "aws", script)
        (home.root / "bin" / "aws").chmod(0o700)


_KEEPER = """\
#!/bin/sh
case "$1" in
get) [ ! -f {token} ] || cat {token} ;;
store) umask 077; cat > {token} ;;
erase) rm -f {token} ;;
esac
"""


def _keep_tokens_here(home: Home) -> None:
    """Lets `vault login` keep its token in the sandbox, and not in the user's ~/.vault-token."""
    helper, token = home.root / "vault" / "token-helper", home.root / "vault" / "token"
    write_private(helper, _KEEPER.format(token=shlex.quote(str(token))))
    helper.chmod(0o700)
    settings = f"token_helper = {json.dumps(str(helper), ensure_ascii=False)}\n"
    write_private(home.root / "vault" / "cli.hcl", settings)


def write_launcher(target: Path, arguments: list[str]) -> None:
    """Writes an executable that runs one of the project's modules in this virtual environment."""
    target.parent.mkdir(parents=True, exist_ok=True)
    words = " ".join(shlex.quote(word) for word in [sys.executable, *arguments])
    path = f"PYTHONPATH={shlex.quote(str(REPOSITORY))}${{PYTHONPATH:+:$PYTHONPATH}}"
    write_private(target, f'#!/bin/sh\n{path} exec {words} "$@"\n')
    target.chmod(0o700)


def write_plugin_launcher(target: Path, fork_server: Path, words: list[str]) -> None:
    """Writes an executable for `python -m WORDS`, as a fork of the fork server in a folder if one listens.

    The engine finds and starts plugins by such files.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    program = str(REPOSITORY / "sandbox" / "launch.py")
    command = [sys.executable, "-I", "-S", program, str(fork_server), *words]
    write_private(target, f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
    target.chmod(0o700)
