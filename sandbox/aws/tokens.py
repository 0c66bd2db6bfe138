"""Web-identity tokens: their issuers' keys, and verification as in STS."""

import contextlib
import http
import http.client
import json
import math
import socket
import ssl
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import jwt

from sandbox.aws.errors import AwsError

CLOCK_SKEW_SECONDS = 300  # for tokens that begin in the future
_LAST_SECOND = 2**53  # as far as JSON's numbers are exact
_TIMEOUT_SECONDS = 5
_MAX_DOCUMENT = 1024 * 1024
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_NO_KEY = (
    "Couldn't retrieve verification key from your identity provider, please reference "
    "AssumeRoleWithWebIdentity documentation for requirements"
)


@dataclass(frozen=True)
class WebIdentity:
    """The claims of a verified token."""

    issuer: str
    subject: str
    audience: str  # the token's authorized party, else the audience that the provider accepts
    claims: Mapping[str, Any]


class Issuers:
    """The public keys of token issuers.

    AWS fetches an issuer's discovery document, and from the address in it the keys. The sandbox's issuers
    look real but do not resolve, so `issuers.json` in `home` says where each is served: {issuer:
    {"discovery": "http(s)://127.0.0.1:…", "ca_file": "…"}} serves discovery under the issuer's own host name,
    {issuer: {"jwks_uri": "file://… or http(s)://127.0.0.1:…", "ca_file": "…"}} only its keys. An issuer on a
    loopback address needs no entry.
    """

    def __init__(self, home: Path) -> None:
        self._file = home / "issuers.json"
        self._keys: dict[str, dict[str, Any]] = {}
        self._locations: tuple[float, dict[str, dict[str, str]]] = (0.0, {})
        self._served: dict[str, dict[str, str]] = {}
        # One for each issuer, so that an unresponsive one does not block the others.
        self._locks: dict[str, threading.Lock] = {}

    def serve(self, issuer: str, location: dict[str, str]) -> None:
        """Says where an issuer is served, in the words of `issuers.json`."""
        self._served[issuer] = location

    def forget(self, issuer: str) -> None:
        """Forgets an issuer that is gone, and its keys."""
        self._served.pop(issuer, None)
        self._keys.pop(issuer, None)

    def key(self, issuer: str, key_id: str | None) -> Any:
        """The key that signed a token; fetches the keys again if its ID is unknown."""
        with self._locks.setdefault(issuer, threading.Lock()):
            known = self._keys.get(issuer)
            if known is None or (key_id is not None and key_id not in known):
                known = self._keys[issuer] = self._read(issuer)
        if key_id is None and len(known) == 1:
            return next(iter(known.values()))
        if key_id not in known:
            raise AwsError("InvalidIdentityToken", _NO_KEY, 400)
        return known[key_id]

    def _read(self, issuer: str) -> dict[str, Any]:
        try:
            document = self._documents(issuer)
            keys = jwt.PyJWKSet.from_dict(document).keys
        except (OSError, ValueError, KeyError, TypeError, AttributeError, jwt.PyJWTError) as error:
            # Only the kind of failure: the caller sees the message, and the text can contain local paths.
            message = f"{_NO_KEY} ({type(error).__name__} at {issuer})"
            raise AwsError("IDPCommunicationError", message, 400) from None
        return {key.key_id or "": key.key for key in keys}

    def _documents(self, issuer: str) -> Any:
        """The JWK set of an issuer."""
        location = self._location(issuer)
        ca_file = location.get("ca_file")
        if "jwks_uri" in location:
            return _fetch(location["jwks_uri"], ca_file)
        if not issuer.startswith("https://"):
            raise ValueError(issuer)
        base = location["discovery"]
        document = _fetch(f"{issuer.rstrip('/')}/.well-known/openid-configuration", ca_file, base)
        if document["issuer"] != issuer:
            raise ValueError(issuer)
        if urlsplit(document["jwks_uri"]).netloc != urlsplit(issuer).netloc:
            raise ValueError(document["jwks_uri"])  # other hosts are not served
        return _fetch(document["jwks_uri"], ca_file, base)

    def _location(self, issuer: str) -> dict[str, str]:
        changed = self._file.stat().st_mtime if self._file.exists() else 0.0
        if changed != self._locations[0]:
            self._locations = (changed, json.loads(self._file.read_text()))
        known = {**self._locations[1], **self._served}
        return known.get(issuer, {"discovery": f"https://{urlsplit(issuer).netloc}"})


def _fetch(url: str, ca_file: str | None = None, base: str | None = None) -> Any:
    """The JSON document at `url`; with `base`, from the server there, under the host name in `url`."""
    wanted, server = urlsplit(url), urlsplit(base or url)
    if server.scheme == "file":
        return json.loads(Path(unquote(server.path)).read_text())
    if server.hostname not in _LOOPBACK:
        raise OSError("only loopback addresses are allowed")
    tls = ssl.create_default_context(cafile=ca_file) if server.scheme == "https" else None
    connection = http.client.HTTPConnection(server.hostname, server.port or (443 if tls else 80))
    address = (connection.host, connection.port)
    # One plain connection for both: a TLS one would verify the address instead of the issuer's name.
    with contextlib.closing(connection), socket.create_connection(address, _TIMEOUT_SECONDS) as plain:
        connection.sock = tls.wrap_socket(plain, server_hostname=wanted.hostname) if tls else plain
        connection.request("GET", wanted.path, headers={"Host": wanted.netloc})
        answer = connection.getresponse()
        if answer.status != http.HTTPStatus.OK:
            raise OSError(f"status {answer.status}")
        return json.loads(answer.read(_MAX_DOCUMENT))


def unverified_issuer(token: str) -> str:
    """The issuer that a token claims. Unverified: only for finding its provider."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
        _check_json(jwt.utils.base64url_decode(token.split(".")[1]))
        issuer = claims["iss"]
    except (jwt.PyJWTError, KeyError, ValueError, RecursionError):
        issuer = None
    if not isinstance(issuer, str) or not isinstance(claims.get("sub"), str):
        raise _invalid(
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
        )
    return issuer


def _check_json(payload: bytes) -> None:
    """Raises ValueError for numbers that are no JSON, or too large for any: Python reads them."""

    def refuse(text: str) -> float:
        raise ValueError(text)

    def finite(text: str) -> float:
        number = float(text)
        return number if math.isfinite(number) else refuse(text)

    json.loads(payload, parse_constant=refuse, parse_float=finite)


def verify(token: str, audiences: Collection[str], issuers: Issuers, now: datetime) -> WebIdentity:
    """Verifies signature, dates and audience of a token from a trusted issuer."""
    issuer = unverified_issuer(token)
    header = jwt.get_unverified_header(token)
    key = issuers.key(issuer, header.get("kid"))
    ours = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}
    try:
        claims = jwt.decode(token, key, algorithms=["RS256", "ES256"], options=ours)  # type: ignore[arg-type]
    except (jwt.PyJWTError, TypeError, ValueError, OverflowError):
        raise _invalid("The signature of the provided token could not be verified") from None
    _check_dates(claims, now.timestamp())
    # As AWS documents, the authorized party (if any) replaces the audience, both for the provider's client
    # IDs and for the condition key `aud`. Not documented: several audiences without an authorized party (here
    # the first that the provider accepts counts), and the key `oaud` for issuers other than Google (here
    # absent, so conditions on it fail).
    given = claims.get("azp") or claims.get("aud")
    given = given if isinstance(given, list) else [given]
    audience = next((a for a in given if a in audiences), None)
    if audience is None:
        raise _invalid("Incorrect token audience")
    return WebIdentity(issuer, claims["sub"], audience, claims)


def _check_dates(claims: Mapping[str, Any], now: float) -> None:
    if not all(name in claims for name in ("exp", "iat")):
        raise _invalid("Missing a required claim: exp, iat")
    for name in ("exp", "iat", "nbf"):
        # Python reads NaN, Infinity and 1e999, which are no JSON, and NaN is never in the past.
        if name in claims and not (type(claims[name]) is int and abs(claims[name]) < _LAST_SECOND):
            raise _invalid(f"The claim {name} is not a whole number of seconds")
    if claims["exp"] <= now:
        raise AwsError(
            "ExpiredTokenException",
            f"Token expired: current date/time {int(now)} must be before the expiration date/time "
            f"{int(claims['exp'])}",
            400,
        )
    begins = max(claims["iat"], claims.get("nbf", claims["iat"]))
    if begins > now + CLOCK_SKEW_SECONDS:
        raise _invalid("The provided token is not valid yet")


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidIdentityToken", message, 400)
