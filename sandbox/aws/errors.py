"""Refusals in AWS's own formats and messages, which SDKs parse and Vault shows to its users."""

import json
import uuid
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response

_NAMESPACES = {
    "sts": "https://sts.amazonaws.com/doc/2011-06-15/",
    "iam": "https://iam.amazonaws.com/doc/2010-05-08/",
    "autoscaling": "http://autoscaling.amazonaws.com/doc/2011-01-01/",
}


# EC2 and the JSON services have other codes for the same refusals; the rest use those of IAM and STS.
_CODES = {
    "ec2": {
        "AccessDenied": ("UnauthorizedOperation", 403),
        "ExpiredToken": ("RequestExpired", 400),
        "InvalidClientTokenId": ("AuthFailure", 401),
        "SignatureDoesNotMatch": ("AuthFailure", 401),
    },
    "json": {
        "AccessDenied": ("AccessDeniedException", 403),
        "ExpiredToken": ("ExpiredTokenException", 403),
        "InvalidClientTokenId": ("UnrecognizedClientException", 403),
        "SignatureDoesNotMatch": ("InvalidSignatureException", 403),
    },
}


class AwsError(Exception):
    """A request that AWS refuses."""

    def __init__(self, code: str, message: str, status: int = 403, **fields: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.fields = fields  # more members of the error, in JSON services


def error_response(service: str, error: AwsError) -> Response:
    """The refusal in the service's protocol, with its code."""
    request_id = str(uuid.uuid4())
    protocol = "ec2" if service == "ec2" else "query" if service in _NAMESPACES else "json"
    code, status = _CODES.get(protocol, {}).get(error.code, (error.code, error.status))
    headers = {"x-amzn-RequestId": request_id}
    if protocol == "json":
        body = json.dumps({"__type": code, "message": error.message, **error.fields})
        headers["x-amzn-ErrorType"] = code
        return Response(body, status=status, mimetype="application/json", headers=headers)
    detail = f"<Code>{escape(code)}</Code><Message>{escape(error.message)}</Message>"
    if protocol == "ec2":
        errors = f"<Errors><Error>{detail}</Error></Errors>"
        body = f"<Response>{errors}<RequestID>{request_id}</RequestID></Response>"
    else:
        side = "Sender" if status < 500 else "Receiver"
        body = (
            f'<ErrorResponse xmlns="{_NAMESPACES[service]}"><Error><Type>{side}</Type>{detail}</Error>'
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
    return Response(body, status=status, content_type="text/xml", headers=headers)


def sts_response(action: str, result: str) -> Response:
    """An answer of STS; `result` is the XML inside `<ActionResult>`."""
    return _query_response("sts", action, f"<{action}Result>{result}</{action}Result>")


def empty_response(service: str, action: str) -> Response:
    """The empty answer of a query service."""
    return _query_response(service, action, "")


def _query_response(service: str, action: str, result: str) -> Response:
    request_id = str(uuid.uuid4())
    body = (
        f'<{action}Response xmlns="{_NAMESPACES[service]}">{result}'
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{action}Response>"
    )
    # AWS sends text/xml without a charset; Vault accepts nothing else.
    return Response(body, content_type="text/xml", headers={"x-amzn-RequestId": request_id})
