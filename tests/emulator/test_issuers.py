"""An issuer behind a server of its own name: what STS asks of it, and what it does not take from it."""

from __future__ import annotations

import datetime
import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.emulator.test_web_identity import assume, refusal
from tests.emulator.world import PRIMARY, Emulator, Issuer, document

HOST = "vault-issuer.example.com"
AUDIENCE = "vault-aws-secrets-test-user"
SUBJECT = "plugin-identity:root:secret:aws_0123abcd"


class Server:
    """A TLS server on the loopback interface with a certificate for the issuer's name."""

    def __init__(self, folder: Path) -> None:
        self.documents: dict[str, Any] = {}
        self.forbidden: set[str] = set()
        self.asked: list[tuple[str, str]] = []
        self.ca_file = folder / "ca.pem"
        handler = type("Handler", (_Handler,), {"server_of": self})
        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(_certificate(folder, self.ca_file))
        self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        self.url = f"https://127.0.0.1:{self._http.server_port}"

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    server_of: Server

    def do_GET(self) -> None:
        self.server_of.asked.append((self.headers["Host"], self.path))
        found = self.server_of.documents.get(self.path)
        forbidden = self.path in self.server_of.forbidden
        self.send_response(403 if forbidden else 200 if found else 404)
        self.end_headers()
        self.wfile.write(json.dumps(found).encode())

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


def _certificate(folder: Path, ca_file: Path) -> Path:
    """Certificate and key of the server, in one file; it is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    ).public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    ca_file.write_bytes(certificate)
    both = folder / "server.pem"
    both.write_bytes(certificate + private)
    return both


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("issuer"))
    yield running
    running.stop()


class Plugin:
    """Vault's plugin issuer in one namespace, registered as an OIDC provider with a role that trusts it."""

    def __init__(self, emulator: Emulator, server: Server, namespace: str, host: str = HOST) -> None:
        path = f"/v1/{namespace}/identity/oidc/plugins"
        self.issuer = f"https://{host}{path}"
        self.signer = Issuer(f"key-{namespace}")
        self.discovery = f"{path}/.well-known/openid-configuration"
        self.keys = f"{path}/.well-known/keys"
        server.documents[self.discovery] = {"issuer": self.issuer, "jwks_uri": f"https://{host}{self.keys}"}
        server.documents[self.keys] = self.signer.jwks()
        emulator.place(self.issuer, {"discovery": server.url, "ca_file": str(server.ca_file)})
        iam = emulator.client("iam")
        provider = iam.create_open_id_connect_provider(Url=self.issuer, ClientIDList=[AUDIENCE])
        name = self.issuer.removeprefix("https://")
        wanted = {f"{name}:aud": AUDIENCE, f"{name}:sub": SUBJECT}
        statement = {
            "Effect": "Allow",
            "Principal": {"Federated": provider["OpenIDConnectProviderArn"]},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": wanted},
        }
        role = iam.create_role(RoleName=f"wif-{namespace}", AssumeRolePolicyDocument=document(statement))
        self.role = str(role["Role"]["Arn"])

    def token(self, signer: Issuer | None = None, **changes: Any) -> str:
        claims = {"iss": self.issuer, "sub": SUBJECT, "aud": AUDIENCE, **changes}
        return (signer or self.signer).token(**claims)


def test_an_issuer_is_asked_under_its_own_name_and_once(emulator: Emulator, server: Server) -> None:
    plugin = Plugin(emulator, server, "team")
    for _ in range(2):
        answer = assume(emulator, plugin.role, plugin.token())
        arn = answer["AssumedRoleUser"]["Arn"]
        assert arn == f"arn:aws:sts::{PRIMARY}:assumed-role/wif-team/pod"
    mine = [asked for asked in server.asked if "/team/" in asked[1]]
    assert mine == [(HOST, plugin.discovery), (HOST, plugin.keys)]


def test_wrong_plugin_tokens_are_refused(emulator: Emulator, server: Server) -> None:
    plugin = Plugin(emulator, server, "wrong")
    for changes, code in (
        ({"aud": "another"}, "InvalidIdentityToken"),
        ({"sub": "plugin-identity:root:auth:aws_0123abcd"}, "AccessDenied"),
        ({"iss": plugin.issuer + "x"}, "InvalidIdentityToken"),
        ({"signer": Issuer(plugin.signer.key_id)}, "InvalidIdentityToken"),
    ):
        assert refusal(emulator, plugin.role, plugin.token(**changes))[0] == code


@pytest.mark.parametrize(
    ("namespace", "changed"),
    [
        ("other-issuer", {"issuer": f"https://{HOST}/v1/identity/oidc/plugins"}),
        ("other-host", {"jwks_uri": "https://elsewhere.example.com/keys"}),
        (
            "other-port",
            {"jwks_uri": f"https://{HOST}:8443/v1/other-port/identity/oidc/plugins/.well-known/keys"},
        ),
        ("no-keys", {"jwks_uri": f"https://{HOST}/nothing"}),
    ],
)
def test_a_discovery_document_that_is_not_the_issuers_is_not_taken(
    emulator: Emulator, server: Server, namespace: str, changed: dict[str, str]
) -> None:
    plugin = Plugin(emulator, server, namespace)
    server.documents[plugin.discovery].update(changed)
    code, message = refusal(emulator, plugin.role, plugin.token())
    assert (code, plugin.issuer in message) == ("IDPCommunicationError", True)


def test_an_issuer_that_hides_its_discovery_is_not_reached(emulator: Emulator, server: Server) -> None:
    plugin = Plugin(emulator, server, "hidden")
    server.forbidden.add(plugin.discovery)
    assert refusal(emulator, plugin.role, plugin.token())[0] == "IDPCommunicationError"


def test_a_certificate_of_another_name_or_authority_is_not_taken(emulator: Emulator, server: Server) -> None:
    named = Plugin(emulator, server, "named", "other-issuer.example.com")
    assert refusal(emulator, named.role, named.token())[0] == "IDPCommunicationError"
    unknown = Plugin(emulator, server, "unknown")
    emulator.place(unknown.issuer, {"discovery": server.url})
    assert refusal(emulator, unknown.role, unknown.token())[0] == "IDPCommunicationError"
    assert not [asked for asked in server.asked if "/named/" in asked[1] or "/unknown/" in asked[1]]
