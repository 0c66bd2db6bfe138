"""A copy of `tools/` with a cache of its own, a server that plays the vendors, a `go` that is a script."""

from __future__ import annotations

import hashlib
import io
import resource
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.servers import Silent, serving
from tools.table import TOOLS, Release

ROOT = Path(__file__).parents[2]
VERSIONS = {
    "vault": "Vault v1.21.0 (abc), built 2025",
    "pulumi": "v3.274.1",
    "kube-apiserver": "Kubernetes v1.36.2",
    "kube-controller-manager": "Kubernetes v1.36.2",
    "kubectl": "Client Version: v1.36.2",
    "etcd": "etcd Version: 3.6.8",
    "caddy": "v2.11.9 h1:abc=",
    "actionlint": "1.7.7",
    "pulumi-language-yaml": "a port",
    "pulumi-resource-kubernetes": "a port",
}
GO = r"""#!/bin/sh
echo "$@" >> "$CALLS"
case "$*" in
  "env -json"*)
    echo "{\"GOMODCACHE\": \"$HOME/go/pkg/mod\", \"GOCACHE\": \"$HOME/.cache/go-build\"}"; exit ;;
  "mod download"*)
    for word in "$@"; do
      case "$word" in -*|mod|download) ;; *) echo "{\"Path\": \"$word\", \"Dir\": \"$SOURCE\"}" ;; esac
    done; exit ;;
  list*) printf 'one\ntwo\n'; exit ;;
esac
mkdir -p "$GOCACHE/00" "$GOMODCACHE/m"
echo compiled > "$GOCACHE/00/object"
echo source > "$GOMODCACHE/m/a.go"
chmod 500 "$GOMODCACHE/m"
if [ -n "$GO_SAYS" ]; then echo "$GO_SAYS" >&2; exit 1; fi
for word in "$@"; do
  [ "$last" != -o ] || target=$word
  case "$word" in
    -modfile=*)
      copy=$(sed -n 's/^replace github.com.hashicorp.vault => //p' "${word#*=}")
      cp "${word#*=}" "$CALLS.go.mod"
      if [ -n "$copy" ]; then cp -r "$copy" "$CALLS.source"; fi ;;
    */vault|*/pulumi|*/kube*|*/server/v3|*/caddy|*/actionlint)
      name=${word%/v3}
      printf '#!/bin/sh\necho built %s v1.21.0\n' "$word" > "$target/${name##*/}"
      chmod 755 "$target/${name##*/}" ;;
  esac
  last=$word
done
"""


def script(text: str) -> bytes:
    """A program that says its version."""
    return f"#!/bin/sh\necho '{text}'\n".encode()


def tarball(files: dict[str, bytes]) -> bytes:
    """A .tar.gz."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return raw.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    """A .zip."""
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return raw.getvalue()


def archives() -> dict[str, bytes]:
    """Each vendor's archive in the vendor's shape, by host and path."""
    programs = {name: script(text) for name, text in VERSIONS.items()}
    envtest = {f"controller-tools/envtest/{n}": programs[n] for n in ("kube-apiserver", "etcd", "kubectl")}
    hosts = {f"pulumi/pulumi-language-{n}": b"#!/bin/sh\n" for n in ("python", "python-exec", "nodejs")}
    hosts["pulumi/pulumi-language-yaml"] = programs["pulumi-language-yaml"]
    shapes: dict[str, bytes] = {
        "vault": zipped({"LICENSE.txt": b"BUSL", "vault": programs["vault"]}),
        "pulumi": tarball({"pulumi/pulumi": programs["pulumi"], **hosts}),
        "envtest": tarball(envtest),
        "kube-controller-manager": programs["kube-controller-manager"],
        "caddy": tarball({"LICENSE": b"", "README.md": b"", "caddy": programs["caddy"]}),
        "pulumi-kubernetes": tarball({n: programs[n] for n in programs if n.startswith("pulumi-resource")}),
        "actionlint": tarball({"actionlint": programs["actionlint"], "docs/usage.md": b""}),
    }
    return {str(each.address()): shapes[each.name] for each in releases().values()}


def releases() -> dict[str, Release]:
    """The releases, by name."""
    return {tool.release.name: tool.release for tool in TOOLS.values()}


def published(address: str, content: bytes, algorithm: str = "sha256") -> bytes:
    """A line as sha256sum writes it, among others."""
    line = f"{hashlib.new(algorithm, content).hexdigest()}  {address.rpartition('/')[2]}\n"
    return f"{'0' * 64}  another.tar.gz\n{line}".encode()


@dataclass
class Vendors:
    """The vendors' sites below one address, as a mirror has them."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    cut_off: int = 0
    """How many more answers end in the middle."""
    trickle: float = 0.0
    """Seconds between two bytes of an archive."""

    def downloads(self, end: str) -> int:
        """How often a file was asked for."""
        return sum(path.endswith(end) for path in self.asked)


@pytest.fixture
def vendors() -> Iterator[Vendors]:
    """All vendors with all their archives, and the lists of checksums that they publish."""
    site = Vendors(files=archives())
    known = releases()
    for name, algorithm in (
        ("vault", "sha256"),
        ("pulumi", "sha256"),
        ("pulumi-kubernetes", "sha256"),
        ("caddy", "sha512"),
        ("actionlint", "sha256"),
    ):
        address = str(known[name].address())
        site.files[known[name].checksums()] = published(address, site.files[address], algorithm)
    address = str(known["kube-controller-manager"].address())
    digest = hashlib.sha512(site.files[address]).hexdigest()
    site.files[known["kube-controller-manager"].checksums()] = digest.encode()
    address = str(known["envtest"].address())
    digest = hashlib.sha512(site.files[address]).hexdigest()
    index = (
        f"releases:\n  v1.36.2:\n    {address.rpartition('/')[2]}:\n      hash: {digest}\n      selfLink: x\n"
    )
    site.files[known["envtest"].checksums()] = index.encode()

    class Handler(Silent):
        def do_HEAD(self) -> None:
            site.asked.append(f"HEAD {self.path}")
            self.send_error(403)

        def do_CONNECT(self) -> None:
            site.asked.append(f"CONNECT {self.path}")
            self.send_error(403)

        def do_GET(self) -> None:
            site.asked.append(self.path)
            content = site.files.get(self.path.lstrip("/"))
            if content is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            is_archive = not self.path.endswith((".txt", "SUMS", ".sha512"))
            if site.cut_off and is_archive:
                site.cut_off -= 1
                content = content[: len(content) // 2]
            slow = site.trickle and is_archive
            for byte in [content[i : i + 1] for i in range(len(content))] if slow else [content]:
                try:
                    self.wfile.write(byte)
                    self.wfile.flush()
                except OSError:
                    return
                time.sleep(site.trickle)

    with serving(Handler) as site.url:
        yield site


@dataclass
class Workshop:
    """The command, in a copy of `tools/`, on a machine with nothing."""

    folder: Path
    variables: dict[str, str]

    @property
    def cache(self) -> Path:
        """The cache's folder of tools."""
        return self.folder / "cache" / "vault-aws-auth" / "bin"

    @property
    def checksums(self) -> Path:
        """The pinned checksums: none, until a test pins some."""
        return self.folder / "tools" / "checksums.txt"

    def pin(self, site: Vendors, *names: str) -> None:
        """Pins the checksums of archives as they are now."""
        addresses = [str(releases()[name].address()) for name in names]
        lines = [f"{hashlib.sha256(site.files[each]).hexdigest()}  {each}" for each in addresses]
        self.checksums.write_text("# pinned\n" + "\n".join(lines) + "\n")

    def start(
        self, *words: str, command: str = "build.py", largest_file: str = "", **variables: str
    ) -> subprocess.Popen[str]:
        """Starts the command; with a limit for files, it writes as to a disk that is full."""

        def limit() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(largest_file), int(largest_file)))

        return subprocess.Popen(
            [sys.executable, str(self.folder / "tools" / command), *words],
            env={**self.variables, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=limit if largest_file else None,
        )

    def run(self, *words: str, largest_file: str = "", **variables: str) -> Outcome:
        """Runs the command to its end."""
        process = self.start(*words, largest_file=largest_file, **variables)
        out, err = process.communicate(timeout=100)
        return Outcome(
            process.returncode, dict(line.split("\t") for line in out.splitlines() if "\t" in line), err
        )

    def left(self) -> list[str]:
        """What is in the cache, but for locks."""
        files = [path for path in self.cache.rglob("*") if path.name != "lock"] if self.cache.exists() else []
        return sorted(str(path.relative_to(self.cache)) for path in files if not path.name.startswith("."))


@dataclass(frozen=True)
class Outcome:
    """How the command ended."""

    code: int
    paths: dict[str, str]
    said: str

    def says(self, name: str) -> str:
        """What the tool says of its version."""
        return subprocess.run([self.paths[name]], capture_output=True, text=True, check=True).stdout.strip()

    @property
    def error(self) -> str:
        """The one line that says what is wrong."""
        lines = [line for line in self.said.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1, self.said
        assert "Traceback" not in self.said
        assert self.code == 1
        return lines[0]


@pytest.fixture
def workshop(tmp_path: Path, vendors: Vendors) -> Workshop:
    """The command, with a mirror and without Go or any tool on PATH."""
    shutil.copytree(ROOT / "tools", tmp_path / "tools", ignore=shutil.ignore_patterns("__pycache__", "docs"))
    for name in ("cli/__init__.py", "cli/interrupts.py", "cli/version.py", "components/version.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "tools" / "checksums.txt").write_text("# nothing is pinned\n")
    (tmp_path / "bin").mkdir()
    for name in ("sh", "mkdir", "cat", "chmod", "cp", "sed", "tail"):
        (tmp_path / "bin" / name).symlink_to(str(shutil.which(name)))
    variables = {
        "PATH": str(tmp_path / "bin"),
        "HOME": str(tmp_path / "home"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "SANDBOX_TOOLS_MIRROR": vendors.url,
        "CALLS": str(tmp_path / "calls"),
        "SOURCE": str(tmp_path / "vaults-source"),
        "no_proxy": "127.0.0.1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return Workshop(tmp_path, variables)


@pytest.fixture
def put_on_path(workshop: Workshop) -> Callable[[str, bytes], None]:
    """Puts a program on PATH."""

    def put(name: str, content: bytes) -> None:
        path = workshop.folder / "bin" / name
        path.write_bytes(content)
        path.chmod(0o755)

    return put


@pytest.fixture
def go(workshop: Workshop, put_on_path: Callable[[str, bytes], None]) -> Path:
    """A `go` on PATH that writes scripts instead of compiling; the file has what it was called with."""
    put_on_path("go", GO.encode())
    source = workshop.folder / "vaults-source"
    for name in ("main", "main_test", "testdata/a", "agentproxyshared/auth/gcp/token", "commands_min"):
        path = source / "command" / f"{name}.go"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("package theirs\n")
    for path in (*source.rglob("*"), source):
        path.chmod(path.stat().st_mode & ~0o222)  # as in Go's module cache
    (workshop.folder / "home").mkdir()
    return workshop.folder / "calls"
