"""Instance metadata, version 2: an instance's http://169.254.169.254, served at /imds/<instance ID>/."""

import hmac
import json
import secrets
from datetime import datetime, timedelta
from typing import Any

from moto.ec2.models import ec2_backends
from moto.iam.models import iam_backends
from werkzeug.wrappers import Request, Response

from sandbox.aws.botocore_data import dns_suffix
from sandbox.aws.state import Session
from sandbox.aws.sts import Sts

_TOKEN_TTL_HEADER = "X-aws-ec2-metadata-token-ttl-seconds"  # noqa: S105 - a header's name
_TOKEN_HEADER = "X-aws-ec2-metadata-token"  # noqa: S105
_SESSION_SECONDS = 6 * 3600
_RENEW_BEFORE = timedelta(minutes=15)


class InstanceMetadata:
    """The metadata service of every running instance."""

    def __init__(self, sts: Sts) -> None:
        self._sts = sts
        # Not saved: after a restart, clients request new ones.
        self._tokens: dict[str, tuple[str, datetime]] = {}  # token -> instance, expiry
        self._sessions: dict[str, Session] = {}  # by instance

    def answer(self, request: Request, now: datetime) -> Response:
        """Answers a request below /imds/; may issue a session."""
        _, _, instance_id, *rest = request.path.split("/")
        instance = _running(instance_id)
        if instance is None:
            return Response("no running instance has this ID\n", status=404)
        path = "/".join(rest).rstrip("/")
        if path == "latest/api/token":
            return self._new_token(request, instance_id, now)
        if request.method != "GET":
            return Response(status=405)
        if not self._authorized(request, instance_id, now):
            return Response(status=401)
        if path == "latest/dynamic/instance-identity/document":
            return _json(_identity_document(instance))
        found = self._metadata(instance, path.removeprefix("latest/meta-data/"), now)
        if not path.startswith("latest/meta-data/") or found is None:
            return Response(status=404)
        return _json(found) if isinstance(found, dict) else Response(found, mimetype="text/plain")

    def _new_token(self, request: Request, instance_id: str, now: datetime) -> Response:
        if request.method != "PUT":
            return Response(status=405)
        ttl = request.headers.get(_TOKEN_TTL_HEADER, "")
        # As on EC2, requests through a proxy are refused.
        if "X-Forwarded-For" in request.headers:
            return Response(status=403)
        if not ttl.isdecimal() or not 1 <= int(ttl) <= 21600:
            return Response(status=400)
        self._tokens = {t: known for t, known in self._tokens.items() if known[1] > now}
        token = secrets.token_urlsafe(40)
        self._tokens[token] = (instance_id, now + timedelta(seconds=int(ttl)))
        return Response(token, mimetype="text/plain", headers={_TOKEN_TTL_HEADER: ttl})

    def _authorized(self, request: Request, instance_id: str, now: datetime) -> bool:
        given = request.headers.get(_TOKEN_HEADER, "").encode()
        return any(
            hmac.compare_digest(token.encode(), given)
            for token, (owner, expiry) in self._tokens.items()
            if owner == instance_id and expiry > now
        )

    def _metadata(self, instance: Any, path: str, now: datetime) -> str | dict[str, Any] | None:
        region = instance.region_name
        plain = {
            "instance-id": instance.id,
            "instance-type": instance.instance_type,
            "ami-id": instance.image_id,
            "local-ipv4": instance.private_ip,
            "placement/region": region,
            "placement/availability-zone": instance.placement.zone,
            "services/domain": dns_suffix(region),
            "services/partition": instance.ec2_backend.partition,
        }
        if path in plain:
            return str(plain[path])
        profile = _profile(instance)
        role = profile.roles[0] if profile and profile.roles else None
        if role is None:
            return None
        if path == "iam/info":
            updated = f"{now:%Y-%m-%dT%H:%M:%SZ}"
            return {
                "Code": "Success",
                "LastUpdated": updated,
                "InstanceProfileArn": profile.arn,
                "InstanceProfileId": profile.id,
            }
        if path == "iam/security-credentials":
            return str(role.name)
        if path == f"iam/security-credentials/{role.name}":
            return _credentials(self._session(role, instance.id, now))
        return None

    def _session(self, role: Any, instance_id: str, now: datetime) -> Session:
        """The instance's session; shortly before it expires, a new one."""
        session = self._sessions.get(instance_id)
        if session is None or session.owner_id != role.id or session.expiration - now < _RENEW_BEFORE:
            session = self._sessions[instance_id] = self._sts.issue(role, instance_id, _SESSION_SECONDS, now)
        return session


def _running(instance_id: str) -> Any:
    for account in list(ec2_backends.values()):
        for backend in list(account.values()):
            for instance in backend.all_running_instances():
                if instance.id == instance_id:
                    return instance
    return None


def _profile(instance: Any) -> Any:
    """The instance profile as it is now; the instance stores its ARN only."""
    association = instance.ec2_backend.iam_instance_profile_associations.get(instance.id)
    if association is None:
        return None
    backend = iam_backends[instance.owner_id][instance.ec2_backend.partition]
    arn = association.iam_instance_profile.arn
    return next((p for p in backend.instance_profiles.values() if p.arn == arn), None)


def _credentials(session: Session) -> dict[str, str]:
    return {
        "Code": "Success",
        "LastUpdated": f"{session.issued:%Y-%m-%dT%H:%M:%SZ}",
        "Type": "AWS-HMAC",
        "AccessKeyId": session.access_key_id,
        "SecretAccessKey": session.secret_access_key,
        "Token": session.session_token,
        "Expiration": f"{session.expiration:%Y-%m-%dT%H:%M:%SZ}",
    }


def _identity_document(instance: Any) -> dict[str, Any]:
    return {
        "accountId": instance.owner_id,
        "architecture": instance.architecture,
        "availabilityZone": instance.placement.zone,
        "imageId": instance.image_id,
        "instanceId": instance.id,
        "instanceType": instance.instance_type,
        "pendingTime": f"{instance.launch_time:%Y-%m-%dT%H:%M:%SZ}",
        "privateIp": instance.private_ip,
        "region": instance.region_name,
        "version": "2017-09-30",
    }


def _json(document: dict[str, Any]) -> Response:
    return Response(json.dumps(document, indent=2), mimetype="application/json")
