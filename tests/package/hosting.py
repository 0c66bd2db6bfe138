"""A git host and a package index on this machine, at the addresses that the pages have.

The git host answers for the host of `REPOSITORY`, through a proxy: what is typed is what the pages say. The
index has what it is given, and nothing else.
"""

from __future__ import annotations

import http.server
import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from components.version import REPOSITORY
from sandbox import pki
from sandbox.home import Home
from tests.servers import Silent, serving

HOST = urlsplit(REPOSITORY).netloc
PATH = urlsplit(REPOSITORY).path


@dataclass
class GitHost:
    """The host of the repository, behind a proxy that leads nowhere else."""

    proxy: str
    authority: Path
    asked: list[str] = field(default_factory=list)

    @property
    def for_git(self) -> dict[str, str]:
        """The variables with which git goes through the proxy for this host, and only for this one."""
        return {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.https://{HOST}/.proxy",
            "GIT_CONFIG_VALUE_0": self.proxy,
            "GIT_SSL_CAINFO": str(self.authority),
        }

    @property
    def for_pulumi(self) -> dict[str, str]:
        """The same for Pulumi, which has its own git, and not for a pip that it starts.

        Go prefers variables in capitals, Python those in small letters.
        """
        folders = [str(self.authority.parent), ssl.get_default_verify_paths().capath or ""]
        return {
            "HTTPS_PROXY": self.proxy,
            "https_proxy": os.environ.get("https_proxy", os.environ.get("HTTPS_PROXY", "")),
            "SSL_CERT_DIR": os.pathsep.join(filter(None, folders)),
        }


def tagged(tree: Path, tag: str) -> None:
    """Makes a folder a repository with one commit and this tag: what is ignored is no part of it."""
    who = {f"GIT_{role}_{what}": "test" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment = {**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", tag], ["tag", tag]):
        subprocess.run(["git", *words], cwd=tree, env=environment, check=True, timeout=60)


@contextmanager
def git_host(repository: Path, scratch: Path) -> Iterator[GitHost]:
    """Serves a repository at `REPOSITORY`, until the end of the block."""
    (scratch / "pki").mkdir(parents=True)
    home = Home(scratch)
    pki.ensure(home)
    pki.issue(home, "git", HOST)
    host = GitHost("", home.ca_certificate)

    class Git(Silent):
        """git's own server program, as a CGI script."""

        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            host.asked.append(path)
            if not path.startswith((f"{PATH}.git/", f"{PATH}/")):
                self.send_error(404)
                return
            environment = {
                **os.environ,
                "GIT_PROJECT_ROOT": str(repository / ".git"),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path.removeprefix(PATH).removeprefix(".git"),
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "REMOTE_USER": "",
            }
            answer = subprocess.run(
                ["git", "http-backend"], input=self._body(), env=environment, capture_output=True, check=False
            ).stdout
            head, _, body = answer.partition(b"\r\n\r\n")
            fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
            self.send_response(int(fields.pop("Status", "200").split()[0]))
            for name, value in {**fields, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Git)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(home.root / "pki" / "git.crt", home.root / "pki" / "git.key")
    # In the thread of the connection: one that says nothing keeps no other waiting.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)

    class Proxy(Silent):
        def do_CONNECT(self) -> None:
            if self.path != f"{HOST}:443":
                self.send_error(403, f"only {HOST} is here")
                return
            self.send_response(200)
            self.end_headers()
            with socket.create_connection(("127.0.0.1", server.server_port)) as there:
                back = threading.Thread(target=_copy, args=(there, self.connection), daemon=True)
                back.start()
                _copy(self.connection, there)
                back.join()
            self.close_connection = True

    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    with ExitStack() as stack:
        stack.callback(server.server_close)
        stack.callback(server.shutdown)
        host.proxy = stack.enter_context(serving(Proxy))
        yield host


@contextmanager
def index(*wheels: Path) -> Iterator[str]:
    """The URL of a package index with these wheels, until the end of the block."""
    by_path = {
        f"/simple/{wheel.name.split('-')[0].replace('_', '-')}/{wheel.name}": wheel for wheel in wheels
    }

    class Index(Silent):
        def do_GET(self) -> None:
            if wheel := by_path.get(self.path):
                content, kind = wheel.read_bytes(), "application/octet-stream"
            else:
                names = [
                    path.rpartition("/")[2] for path in by_path if path.rpartition("/")[0] + "/" == self.path
                ]
                content, kind = (
                    "".join(f'<a href="{name}">{name}</a>' for name in names).encode(),
                    "text/html",
                )
            self.send_response(200 if content else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    with serving(Index) as url:
        yield f"{url}/simple"


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the other end is gone, and with it what it wanted
