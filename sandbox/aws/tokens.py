"""Web-identity tokens: the keys of their issuers, and their verification as STS does it."""

from __future__ import annotations

import json
import ssl
import threading
import urllib.request
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt

from sandbox.aws.errors import AwsError

CLOCK_SKEW_SECONDS = 300  # for tokens that begin in the future
_TIMEOUT_SECONDS = 5
_NO_KEY = (
    "Couldn't retrieve verification key from your identity provider, please reference "
    "AssumeRoleWithWebIdentity documentation for requirements"
)


@dataclass(frozen=True)
class WebIdentity:
    """What a verified token says."""

    issuer: str
    subject: str
    audience: str  # the token's authorized party, or the audience that the provider accepts
    claims: Mapping[str, Any]


class Issuers:
    """The public keys of token issuers.

    The issuers look like real ones and resolve nowhere, so `issuers.json` in `home` says where the keys of
    each are: {issuer: {"jwks_uri": "file://… or http(s)://127.0.0.1:…", "ca_file": "…"}}. An issuer on a
    loopback address is asked for its discovery document instead, as AWS does with any issuer.
    """

    def __init__(self, home: Path) -> None:
        self._file = home / "issuers.json"
        self._keys: dict[str, dict[str, Any]] = {}
        self._locations: tuple[float, dict[str, dict[str, str]]] = (0.0, {})
        self._lock = threading.Lock()

    def key(self, issuer: str, key_id: str | None) -> Any:
        """The key that signed a token; an unknown key ID makes the keys be read again."""
        with self._lock:
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
            location = self._location(issuer)
            document = _fetch(location["jwks_uri"], location.get("ca_file"))
            keys = jwt.PyJWKSet.from_dict(document).keys
        except (OSError, ValueError, KeyError, TypeError, AttributeError, jwt.PyJWTError) as error:
            # Only the kind of failure: its text can hold local paths, and a caller sees the message.
            message = f"{_NO_KEY} ({type(error).__name__} at {issuer})"
            raise AwsError("IDPCommunicationError", message, 400) from None
        return {key.key_id or "": key.key for key in keys}

    def _location(self, issuer: str) -> dict[str, str]:
        changed = self._file.stat().st_mtime if self._file.exists() else 0.0
        if changed != self._locations[0]:
            self._locations = (changed, json.loads(self._file.read_text()))
        if issuer in self._locations[1]:
            return self._locations[1][issuer]
        if not issuer.startswith("https://"):
            raise ValueError(issuer)
        document = _fetch(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if document["issuer"] != issuer:
            raise ValueError(issuer)
        return {"jwks_uri": document["jwks_uri"]}


def _fetch(url: str, ca_file: str | None = None) -> Any:
    parts = urlsplit(url)
    if parts.scheme != "file" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise OSError("only loopback addresses are asked")
    context = ssl.create_default_context(cafile=ca_file) if parts.scheme == "https" else None
    with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS, context=context) as answer:
        return json.load(answer)


def unverified_issuer(token: str) -> str:
    """The issuer that a token claims, to find the provider that says whether it is trusted."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
        issuer = claims["iss"]
    except (jwt.PyJWTError, KeyError, ValueError):
        issuer = None
    if not isinstance(issuer, str) or not isinstance(claims.get("sub"), str):
        raise _invalid(
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
        )
    return issuer


def verify(token: str, audiences: Collection[str], issuers: Issuers, now: datetime) -> WebIdentity:
    """Checks signature, dates and audience of a token whose issuer is already known to be trusted."""
    issuer = unverified_issuer(token)
    header = jwt.get_unverified_header(token)
    key = issuers.key(issuer, header.get("kid"))
    ours = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}
    try:
        claims = jwt.decode(token, key, algorithms=["RS256", "ES256"], options=ours)  # type: ignore[arg-type]
    except (jwt.PyJWTError, TypeError, ValueError):
        raise _invalid("The signature of the provided token could not be verified") from None
    _check_dates(claims, now.timestamp())
    # As AWS documents it, the authorized party of a token that has one takes the place of its audience, both
    # for the provider's client IDs and for the condition key `aud`. What it does with several audiences and
    # no authorized party is not documented: here the first that the provider accepts is the audience. Nor
    # is the key `oaud` for other issuers than Google, so there is none: a condition on it does not hold.
    given = claims.get("azp") or claims.get("aud")
    given = given if isinstance(given, list) else [given]
    audience = next((a for a in given if a in audiences), None)
    if audience is None:
        raise _invalid("Incorrect token audience")
    return WebIdentity(issuer, claims["sub"], audience, claims)


def _check_dates(claims: Mapping[str, Any], now: float) -> None:
    if not all(isinstance(claims.get(name), int | float) for name in ("exp", "iat")):
        raise _invalid("Missing a required claim: exp, iat")
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
