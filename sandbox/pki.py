"""The sandbox's certificate authority, its servers' certificates and the cluster's signing key."""

import datetime
import ipaddress
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sandbox.home import Home, write_private

VALID_DAYS = 365
_HOSTS = ("localhost", "kubernetes.default.svc")

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def ensure(home: Home) -> None:
    """Creates the authority and every certificate once; later calls change nothing."""
    folder = home.root / "pki"
    if (folder / "complete").exists():
        return
    authority_key, authority_name = _authority(folder, "vault-aws-auth sandbox")
    for name, organization in (
        ("etcd", None),
        ("kube-apiserver", None),
        ("vault", None),
        ("kubernetes-admin", "system:masters"),
        ("kube-controller-manager", "system:masters"),
    ):
        attributes = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
        if organization:  # the Kubernetes API reads a client's group here
            attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
        _issue(folder, name, x509.Name(attributes), _HOSTS, authority_key, authority_name)
    _signer(folder)
    write_private(folder / "complete", "")


def ensure_control_plane(folder: Path) -> None:
    """Creates the authority, server's certificate and signing key of a further control plane."""
    authority_key, authority_name = _authority(folder, f"kubernetes {folder.name}"[:64])
    name = "kube-apiserver"
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    _issue(folder, name, subject, _HOSTS, authority_key, authority_name)
    _signer(folder)


def issue(home: Home, name: str, host: str) -> None:
    """Creates a server's certificate for `host` and loopback once: `pki/<name>.crt` and `.key`."""
    folder = home.root / "pki"
    if (folder / f"{name}.crt").exists():
        return
    authority = x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes())
    key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("the key of the sandbox's certificate authority has an unexpected type")
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    _issue(folder, name, subject, (host,), key, authority.subject)


def _authority(folder: Path, name: str) -> tuple[ec.EllipticCurvePrivateKey, x509.Name]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        _certificate(subject, subject, key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    write_private(folder / "ca.key", _private_pem(key))
    write_private(folder / "ca.crt", _public_pem(certificate))
    return key, subject


def _signer(folder: Path) -> None:
    """The key of service-account tokens. EKS signs with RSA; so does the sandbox."""
    signer = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    write_private(folder / "service-account.key", _private_pem(signer))
    public = signer.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    write_private(folder / "service-account.pub", public.decode())


def _issue(
    folder: Path,
    name: str,
    subject: x509.Name,
    hosts: Sequence[str],
    authority_key: Key,
    authority: x509.Name,
) -> None:
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    loopback = x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))
    addresses = x509.SubjectAlternativeName([*(x509.DNSName(host) for host in hosts), loopback])
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        _certificate(subject, authority, key)
        .add_extension(usage, critical=False)
        .add_extension(addresses, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    write_private(folder / f"{name}.key", _private_pem(key))
    write_private(folder / f"{name}.crt", _public_pem(certificate))


def _certificate(subject: x509.Name, issuer: x509.Name, key: Key) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
    )


def _private_pem(key: Key) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _public_pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
