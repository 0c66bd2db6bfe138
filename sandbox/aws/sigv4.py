"""Signature Version 4 on the server's side: reads and verifies signatures."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from urllib.parse import quote, unquote

from sandbox.aws.errors import AwsError

# AWS accepts a signature for 15 minutes around its date. STS does so for presigned requests too, regardless
# of X-Amz-Expires: tokens of `aws eks get-token`, presigned for 60 seconds, work for 15 minutes.
VALIDITY_SECONDS = 15 * 60

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=(?P<credential>[^,\s]+),\s*"
    r"SignedHeaders=(?P<headers>[^,\s]+),\s*Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True)
class HttpRequest:
    """A request as it arrived: path and query encoded, header names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def query_pairs(self) -> list[tuple[str, str]]:
        pairs = (item.partition("=") for item in self.query.split("&") if item)
        # `+` is a plain character here, because SDKs encode a space as %20.
        return [(unquote(name), unquote(value)) for name, _, value in pairs]


@dataclass(frozen=True)
class Signature:
    """The claims of a request's signature."""

    access_key_id: str
    region: str
    service: str
    scope: str
    date: str
    session_token: str
    signed_headers: tuple[str, ...]
    signature: str
    presigned: bool


def read(request: HttpRequest) -> Signature | None:
    """The signature in a request's header or query; None if it has none."""
    query = dict(request.query_pairs)
    header = request.headers.get("authorization")
    if header is None and "X-Amz-Signature" not in query:
        return None
    if header is not None:
        match = _AUTHORIZATION.fullmatch(header.strip())
        if not match:
            raise AwsError(
                "IncompleteSignature", "The Authorization header is not a valid SigV4 header.", 400
            )
        credential, signed, signature = match["credential"], match["headers"], match["signature"]
        date = request.headers.get("x-amz-date", "")
        token = request.headers.get("x-amz-security-token", "")
    else:
        credential, signed = query.get("X-Amz-Credential", ""), query.get("X-Amz-SignedHeaders", "")
        signature, date = query["X-Amz-Signature"], query.get("X-Amz-Date", "")
        token = query.get("X-Amz-Security-Token", "")
    parts = credential.split("/")
    if len(parts) != 5 or parts[4] != "aws4_request" or not re.fullmatch(r"\d{8}T\d{6}Z", date):
        raise AwsError("IncompleteSignature", "The request has no valid credential scope or date.", 400)
    return Signature(
        access_key_id=parts[0],
        region=parts[2],
        service=parts[3],
        scope="/".join(parts[1:]),
        date=date,
        session_token=token,
        signed_headers=tuple(signed.split(";")),
        signature=signature,
        presigned=header is None,
    )


def verify(request: HttpRequest, signature: Signature, secret: str, now: datetime) -> None:
    """Raises AwsError unless this signature of this request is valid now and made with `secret`."""
    _check_date(signature, now)
    if "host" not in signature.signed_headers:
        raise AwsError("SignatureDoesNotMatch", "'Host' must be a 'SignedHeader' in the AWS Authorization.")
    scope = signature.scope
    text = "\n".join(["AWS4-HMAC-SHA256", signature.date, scope, _sha256(_canonical(request, signature))])
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    if not hmac.compare_digest(hmac.new(key, text.encode(), "sha256").hexdigest(), signature.signature):
        raise AwsError(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your AWS "
            "Secret Access Key and signing method. Consult the service documentation for details.",
        )


def _check_date(signature: Signature, now: datetime) -> None:
    signed_at = datetime.strptime(signature.date, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    if not signature.scope.startswith(signature.date[:8]):
        raise AwsError("SignatureDoesNotMatch", "Date in Credential scope does not match the request's date.")
    age = (now - signed_at).total_seconds()
    if age > VALIDITY_SECONDS:
        raise AwsError(
            "SignatureDoesNotMatch",
            f"Signature expired: {signature.date} is now earlier than the oldest accepted date.",
        )
    if age < -VALIDITY_SECONDS:
        raise AwsError("SignatureDoesNotMatch", f"Signature not yet current: {signature.date}.")


def _canonical(request: HttpRequest, signature: Signature) -> bytes:
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in request.query_pairs
        if name != "X-Amz-Signature"
    )
    headers = "".join(
        f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in signature.signed_headers
    )
    lines = [
        request.method,
        quote(request.path or "/", safe="/-_.~"),  # encoded again, as SigV4 requires
        "&".join(f"{name}={value}" for name, value in pairs),
        headers,
        ";".join(signature.signed_headers),
        _sha256(request.body),
    ]
    return "\n".join(lines).encode()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
