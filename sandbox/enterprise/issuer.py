"""The plugin issuer: signs mounts' identity tokens and serves the documents for verifying them."""

import json
import time
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from sandbox.home import write_private

PATH = "identity/oidc/plugins"
DISCOVERY = f"{PATH}/.well-known/openid-configuration"
KEYS = f"{PATH}/.well-known/keys"

_KEY_ID = "plugin-identity"


def url(issuer: str, namespace: str) -> str:
    """The `iss` of a namespace's tokens."""
    return f"{issuer}/v1/{namespace + '/' if namespace else ''}{PATH}"


def discovery(issuer: str, namespace: str) -> dict[str, Any]:
    """The discovery document, as Vault has it."""
    own = url(issuer, namespace)
    return {
        "issuer": own,
        "jwks_uri": f"{own}/.well-known/keys",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }


class Signer:
    """The key of the plugin issuer, created once and stored."""

    def __init__(self, folder: Path) -> None:
        stored = folder / "plugin-identity.key"
        if not stored.exists():
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
            write_private(stored, key.private_bytes(*form, serialization.NoEncryption()).decode())
        made = serialization.load_pem_private_key(stored.read_bytes(), None)
        if not isinstance(made, rsa.RSAPrivateKey):
            raise TypeError(f"{stored} holds no RSA key")
        self._key = made

    def token(self, issuer: str, subject: str, audience: str, seconds: int) -> str:
        """A plugin identity token."""
        now = int(time.time())
        claims = {"iss": issuer, "sub": subject, "aud": audience, "iat": now, "exp": now + seconds}
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": _KEY_ID})

    def public_keys(self) -> dict[str, Any]:
        """The JWK set."""
        public = json.loads(RSAAlgorithm.to_jwk(self._key.public_key()))
        return {"keys": [{**public, "kid": _KEY_ID, "use": "sig", "alg": "RS256"}]}
