"""The front: authenticates, authorizes, answers, saves and logs every request."""

import json
import traceback
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Request, Response

from sandbox.aws import (
    accounts,
    authenticator,
    authorization,
    calls,
    endpoints,
    iam,
    identity,
    identity_center,
    moto_services,
    quotas,
    sigv4,
    tokens,
)
from sandbox.aws.botocore_data import partition_of
from sandbox.aws.calls import Call
from sandbox.aws.concerned import Demand
from sandbox.aws.eks import Eks
from sandbox.aws.eks.control_planes import ControlPlanes
from sandbox.aws.eks.routes import read_call as read_eks_call
from sandbox.aws.eks_auth import EksAuth, PodCredentials, bearer
from sandbox.aws.errors import AwsError, error_response
from sandbox.aws.faults import Faults, Lost
from sandbox.aws.identity import Caller
from sandbox.aws.identity_center import IdentityCenter
from sandbox.aws.imds import InstanceMetadata
from sandbox.aws.replicas import REPLICAS
from sandbox.aws.service_roles import ServiceRoles
from sandbox.aws.state import FIRST_PLANE, Cluster, Session
from sandbox.aws.store import TOUCHED, Store
from sandbox.aws.sts import ANONYMOUS_ACTIONS, Sts
from sandbox.aws.tokens import Issuers

AUTHORIZATIONS = "authorizations.jsonl"
TRUST_POLICY_QUOTA = "trust-policy-quota"
AUTHENTICATOR_PATH = "/sandbox/authenticate"
AS_NEW_PATH = "/sandbox/as-new"
_CONTAINERS_PATH = "/container-credentials"
_MAX_BODY = 2 * 1024 * 1024
_QUERY_SERVICES = ("autoscaling", "ec2", "iam", "sts")
_SERVICES = (*moto_services.SERVICES, "eks", "eks-auth", "sts")


class _Line:
    """The log's fields of a request: never a query string, header or body."""

    def __init__(self) -> None:
        self.what = "-"
        self.account = "-"
        self.who = "-"

    def caller(self, caller: Caller) -> None:
        self.account, self.who = caller.account, caller.arn


class Front:
    """The WSGI application."""

    def __init__(self, home: Path, store: Store, region: str) -> None:
        self._store = store
        self._region = region
        self._issuers = Issuers(home)
        self._sts = Sts(store.state, store.sessions)
        self._eks_auth = EksAuth(store.state, self._issuers, self._sts)
        self._service_roles = ServiceRoles(store.state, self._sts)
        self._identity_center = IdentityCenter(store.state, self._sts, partition_of(region) or "aws")
        self.control_planes = ControlPlanes(home, store, self._issuers, (accounts.PRIMARY, region))
        self._eks = Eks(store.state, self.control_planes)
        self._metadata = InstanceMetadata(self._sts)
        # Each line is one unbuffered write, so that lines of several threads do not mix.
        self._log = (home / "emulator.log").open("ab", buffering=0)
        self._authorizations = home / AUTHORIZATIONS
        self._faults = Faults()
        self._raised = home / TRUST_POLICY_QUOTA

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = Request(environ)
        request.max_content_length = _MAX_BODY
        now = datetime.now(timezone.utc)
        line = _Line()
        try:
            if request.path.startswith(("/sandbox/", "/imds/")):
                line.what = request.path if request.path.startswith("/sandbox/") else "imds"
                response = self._control(request, now)
            elif request.path == _CONTAINERS_PATH and request.method == "GET":
                line.what = "container-credentials"
                response = self._containers(request, now, line)
            elif request.path == identity_center.PATH and request.method == "GET":
                line.what = "sso:GetRoleCredentials"
                response = self._portal(request, now, line)
            else:
                response = self._api(request, now, line)
        except RequestEntityTooLarge:
            response = Response(status=413)
        except Lost:
            self._note(request, now, line, "lost")
            raise
        self._note(request, now, line, str(response.status_code))
        return response(environ, start_response)

    def _note(self, request: Request, now: datetime, line: _Line, outcome: str) -> None:
        entry = f"{now:%Y-%m-%dT%H:%M:%S.%fZ} {request.method} {line.what} {line.account} {line.who}"
        # An unknown sender's action name must not add lines to the log.
        printable = "".join(c if c.isprintable() else "_" for c in entry[:400])
        with suppress(OSError):  # of a full disk: the line is lost, and not the answer
            self._log.write(f"{printable} {outcome}\n".encode())

    def _control(self, request: Request, now: datetime) -> Response:
        """Requests outside of AWS's APIs: health, consistency, TokenReview webhook, instance metadata."""
        with self._store.lock:
            if request.path == "/sandbox/health":
                return _json({"status": "ok", "accounts": accounts.ALL})
            if request.path.startswith(AUTHENTICATOR_PATH) and request.method == "POST":
                body = request.get_json(silent=True)
                plane = request.path.removeprefix(AUTHENTICATOR_PATH).removeprefix("/") or FIRST_PLANE
                cluster = next((c for c in self._store.state.clusters.values() if c.plane == plane), None)
                with REPLICAS.any("review"):
                    return _json(authenticator.review(body, cluster, self._store.sessions, self._region, now))
            if request.path == AS_NEW_PATH and request.method == "PUT":
                self.control_planes.as_new()
                self._store.save(accounts.PRIMARY)
                return _json({})
            if request.path == "/sandbox/eventual-consistency" and request.method == "PUT":
                return _consistency(request.get_json(silent=True))
            if request.path == "/sandbox/faults" and request.method == "PUT":
                return self._choose_faults(request.get_json(silent=True))
            if request.path.startswith("/imds/"):
                return self._metadata.answer(request, now)
        return Response(status=404)

    def _choose_faults(self, wanted: Any) -> Response:
        try:
            self._faults.choose(wanted)
        except (TypeError, ValueError) as error:
            return Response(str(error), status=400)
        return _json(wanted)

    def _containers(self, request: Request, now: datetime, line: _Line) -> Response:
        """The agents that give containers their role's credentials: to a pod for its service account's token
        (Pod Identity), to an ECS task and to a Lambda function for its own."""
        try:
            token = bearer(request)
            of_pod = not self._service_roles.is_token(token)
            session = self._session_of_pod(token, now) if of_pod else self._session_of_service(token, now)
        except AwsError as error:
            line.what += f" {error.code}"
            message = f"[{uuid.uuid4()}]: ({error.code}): {error.message}, fault: client\n"
            return Response(message, status=error.status, mimetype="text/plain")
        line.caller(identity.caller_of_session(session))
        return _json(
            {
                **({} if of_pod else {"RoleArn": session.owner_arn}),
                "AccessKeyId": session.access_key_id,
                "SecretAccessKey": session.secret_access_key,
                "Token": session.session_token,
                "AccountId": session.account,
                "Expiration": f"{session.expiration:%Y-%m-%dT%H:%M:%SZ}",
            }
        )

    def _portal(self, request: Request, now: datetime, line: _Line) -> Response:
        """The portal of IAM Identity Center, where users fetch credentials for their access token."""
        token = str(request.environ[identity_center.TOKEN])
        account, permission_set = (request.args.get(name, "") for name in ("account_id", "role_name"))
        try:
            with self._store.lock, REPLICAS.any("portal", token):
                session = self._identity_center.session(token, account, permission_set, now)
        except AwsError as error:
            line.what += f" {error.code}"
            return error_response("sso", error)
        line.caller(identity.caller_of_session(session))
        return _json(identity_center.answer(session))

    def _session_of_service(self, token: str, now: datetime) -> Session:
        with self._store.lock, REPLICAS.any("service", token):
            return self._service_roles.session(token, now)

    def _session_of_pod(self, token: str, now: datetime) -> Session:
        with self._store.lock:
            cluster = self._eks_auth.cluster_of_token(token)
        return self._pod_credentials(cluster, token, now).session

    def _pod_credentials(self, cluster: Cluster, token: str, now: datetime) -> PodCredentials:
        pod = self._eks_auth.verify(cluster, token, now)  # without the lock: this fetches the issuer's keys
        with self._store.lock, REPLICAS.any("pod", pod.namespace, pod.service_account):
            return self._eks_auth.assume(cluster, pod, now)

    def _api(self, request: Request, now: datetime, line: _Line) -> Response:
        http = _http_request(request)
        service = "sts"
        try:
            signature = sigv4.read(http)
            if signature:
                service = signature.service
                line.who = signature.access_key_id
            if service not in _SERVICES:
                known = ", ".join(sorted(_SERVICES))
                raise AwsError("UnknownService", f"The sandbox has no {service!r}, only {known}.", 501)
            call = _read_call(service, signature.region if signature else self._region, http)
            line.what = call.name
            if signature:
                endpoints.check(service, http.headers.get("host", ""), signature.region, self._region)
            with self._faults.around(service, request.environ):
                return self._answer(call, http, request, now, line)
        except Lost:
            raise
        except AwsError as error:
            line.what += f" {error.code}"
            return error_response(service, error)
        except NotImplementedError:
            line.what += " NotImplemented"
            return error_response(service, AwsError("NotImplemented", "The sandbox does not know this.", 501))
        except Exception as error:
            # Where it happened, but not its text, which could contain parts of the request.
            frame = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
            line.what += f" {where}"
            return error_response(service, AwsError("InternalFailure", f"The sandbox failed: {where}", 500))

    def _answer(
        self, call: Call, http: sigv4.HttpRequest, request: Request, now: datetime, line: _Line
    ) -> Response:
        if call.service == "sts" and call.action in ANONYMOUS_ACTIONS:
            return self._anonymous(call, now)
        if call.service == "eks-auth":
            return self._assume_for_pod(call, http, now, line)
        with self._store.lock:
            return self._authenticated(call, http, request, now, line)

    def _anonymous(self, call: Call, now: datetime) -> Response:
        if call.action == "AssumeRoleWithSAML":
            raise AwsError("NotImplemented", "The sandbox has no SAML.", 501)
        role = call.text("RoleArn")
        with self._store.lock, REPLICAS.any("issuer", role):
            audiences = self._sts.accepted_audiences(call)
        # Without the lock: this fetches the issuer's keys.
        proven = tokens.verify(call.text("WebIdentityToken"), audiences, self._issuers, now)
        with self._store.lock, REPLICAS.any("web identity", role):
            return self._sts.web_identity(call, proven, authorization.request_context(call, now), now)

    def _assume_for_pod(self, call: Call, http: sigv4.HttpRequest, now: datetime, line: _Line) -> Response:
        with self._store.lock, REPLICAS.any("caller", line.who, call.name):
            caller = self._caller(call, http, now, line)
            authorization.authorize(call, caller, authorization.request_context(call, now), self._store.state)
            cluster = self._eks_auth.cluster(caller.account, call.region, call.text("clusterName"))
        return _json(self._pod_credentials(cluster, call.text("token"), now).answer())

    def _caller(self, call: Call, http: sigv4.HttpRequest, now: datetime, line: _Line) -> Caller:
        signed = identity.authenticate(http, self._store.sessions, now)
        if signed is None:
            raise AwsError("MissingAuthenticationToken", "Request is missing Authentication Token")
        caller, signature = signed
        line.caller(caller)
        if signature.presigned and call.service != "sts":
            raise AwsError("NotImplemented", "The sandbox accepts presigned requests for STS only.", 501)
        if call.service == "iam" and caller.session_kind in ("user", "federated-user"):
            # IAM refuses credentials of GetSessionToken (without MFA) and GetFederationToken.
            raise AwsError("InvalidClientTokenId", "The security token included in the request is invalid")
        return caller

    def _authenticated(
        self, call: Call, http: sigv4.HttpRequest, request: Request, now: datetime, line: _Line
    ) -> Response:
        with REPLICAS.any("caller", line.who, call.name):
            caller = self._caller(call, http, now, line)
            context = authorization.request_context(call, now)
            if call.service == "sts":
                return self._sts_call(call, caller, context, now)  # sessions are saved as they are issued
            authorization.authorize(call, caller, context, self._store.state, self._noted_of(caller))
        if not call.read_only:
            try:
                self._store.make_room()
            except OSError as error:
                reason = f"The sandbox cannot save it ({error.strerror}), so nothing was changed."
                raise AwsError("ServiceUnavailable", reason, 503) from error
            response = self._service_call(call, http, request, caller, now)
            self._store.save(caller.account, TOUCHED[call.service])
            return response
        if call.service == "iam":
            with REPLICAS.any(caller.account, call.name, str(sorted(call.params.items()))):
                response = self._service_call(call, http, request, caller, now)
        else:
            response = self._service_call(call, http, request, caller, now)
        self._store.save_new_regions()
        return response

    def _noted_of(self, caller: Caller) -> authorization.Note | None:
        """Writes down what a caller's policies are asked, where a file is there for it: its name and values
        of condition keys, no parameter."""
        if not self._authorizations.exists():
            return None

        def note(demand: Demand, allowed: bool) -> None:
            entry = {"caller": caller.owner_arn, **demand._asdict(), "allowed": allowed}
            with self._authorizations.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")

        return note

    def _trust_policy_quota(self) -> int:
        """That of the accounts, which AWS raises for those who ask."""
        return int(self._raised.read_text()) if self._raised.exists() else quotas.TRUST_POLICY

    def _sts_call(self, call: Call, caller: Caller, context: dict[str, Any], now: datetime) -> Response:
        if call.action == "GetCallerIdentity":
            return self._sts.get_caller_identity(call, caller)
        if call.action == "AssumeRole":
            answer = self._sts.assume_role(call, caller, context, now)
            if note := self._noted_of(caller):
                note(Demand(call.name, call.text("RoleArn"), context), True)
            return answer
        if call.action == "GetSessionToken":
            return self._sts.get_session_token(call, caller, now)
        if call.action == "GetFederationToken":
            authorization.authorize(call, caller, context, self._store.state)
            return self._sts.get_federation_token(call, caller, now)
        raise AwsError("InvalidAction", f"The sandbox has no sts:{call.action}.", 501)

    def _service_call(
        self, call: Call, http: sigv4.HttpRequest, request: Request, caller: Caller, now: datetime
    ) -> Response:
        if call.service == "eks":
            return _json(self._eks.answer(call, caller, now))
        if call.service == "ssm":
            if not call.read_only:
                raise AwsError("NotImplemented", "The sandbox's SSM is read-only.", 501)
            if parameter := moto_services.node_image(call, caller, now):
                return _json(parameter)
        if call.service == "iam":
            iam.check(call, caller, self._trust_policy_quota())
            if answer := iam.own_answer(call, caller):
                return answer
        response = moto_services.call(request.environ, call, http, caller)
        if call.service == "iam" and response.status_code == 200:
            iam.after(call, caller, self._store.state)
        return response


def _read_call(service: str, region: str, http: sigv4.HttpRequest) -> Call:
    if service in ("eks", "eks-auth"):
        return read_eks_call(region, http, service)
    if service in _QUERY_SERVICES:
        return calls.query_call(service, region, http)
    return calls.json_call(service, region, http)


def _http_request(request: Request) -> sigv4.HttpRequest:
    raw = str(request.environ.get("RAW_URI") or request.path)
    path, _, query = raw.partition("?")
    return sigv4.HttpRequest(
        method=request.method,
        path=path,
        query=query,
        headers={name.lower(): value for name, value in request.headers.items()},
        body=request.get_data(),
    )


def _consistency(seconds: object) -> Response:
    if not isinstance(seconds, int | float) or not 0 <= seconds <= 60:
        return Response(status=400)
    REPLICAS.choose(seconds)
    return _json(seconds)


def _json(document: Any) -> Response:
    return Response(json.dumps(document), mimetype="application/json")
