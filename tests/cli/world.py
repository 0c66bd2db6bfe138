"""Kubernetes, AWS STS, an instance's metadata and Vault, as far as a login meets them, in one small server.

The answers and their words are those of the real ones. That the real ones give them is proved in the sandbox.
"""

import base64
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

ACCOUNT = "111111111111"
POD_ROLE = f"arn:aws:iam::{ACCOUNT}:role/vault-auth"
GLOO_ROLE = f"arn:aws:iam::{ACCOUNT}:role/gloo"
SECONDARY = "222222222222"
CI_ROLE = f"arn:aws:iam::{SECONDARY}:role/ci"
OTHER_ROLE = f"arn:aws:iam::{SECONDARY}:role/other"
OWN = f"arn:aws:iam::{ACCOUNT}:user/verifier"
TASK_ROLE = f"arn:aws:iam::{ACCOUNT}:role/api-task"
NODE_ROLE = f"arn:aws:iam::{ACCOUNT}:role/eks1-node"
ISSUER = "oidc.eks.us-east-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
TASK_ID = "0123456789abcdef" * 2
HEADER = "vault.example.com"
Answer = tuple[int, str, str]
"""Status, content type, body."""


@dataclass
class World:
    """The state, and what tests change in it."""

    address: str = ""
    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Service accounts by `namespace/name`."""
    removed: list[str] = field(default_factory=list)
    trusted: str = "system:serviceaccount:default:vault-auth"
    """The `sub` that the pod's IAM role trusts; `*` for any."""
    issuer: str = ISSUER
    """Of the cluster's tokens."""
    trusted_issuers: frozenset[str] = frozenset({ISSUER})
    """Whose tokens the pods' IAM roles trust."""
    bound: dict[str, str] = field(
        default_factory=lambda: {"dev-role-iam2": POD_ROLE, "dev-role-iam": NODE_ROLE}
    )
    """Vault roles and the principal each is bound to; `*` for any."""
    associations: dict[str, str] = field(default_factory=dict)
    """Pod Identity: service accounts and their roles' ARNs."""
    agent_error: str = ""
    """The error that the Pod Identity agent answers with."""
    task_role: str | None = TASK_ROLE
    """The role of the ECS task, if its agent gives one."""
    assumable: set[str] = field(default_factory=lambda: {CI_ROLE, OTHER_ROLE})
    """Roles that the user may assume."""
    roles: set[str] = field(default_factory=set)
    """ARNs of the roles that iam:GetRole tells the user; of others it does not."""
    paths: dict[str, str] = field(default_factory=dict)
    """Whole ARNs of roles by those without the path: Vault looks them up."""
    own: str = OWN
    """The principal behind the user's own access key."""
    vault_objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    access_keys: dict[str, str] = field(default_factory=dict)
    """IAM's keys, all of one user, and the status of each."""
    """What VAULT_TOKEN can read, by path."""
    sealed: bool = False
    header: str | None = HEADER
    policies: list[str] = field(default_factory=lambda: ["default", "dev"])
    identity_policies: list[str] = field(default_factory=list)
    """What an entity of Vault's identity adds to every token."""
    ttl: int = 2764800
    max_ttl: int = 2764800
    period: int = 0
    renewal_error: tuple[int, str] | None = None
    is_instance: bool = True
    forbidden: set[str] = field(default_factory=set)
    """What Kubernetes refuses: `create`, `list`, `token`."""
    sts_error: tuple[str, str] | None = None
    sts_errors: list[tuple[str, str, int]] = field(default_factory=list)
    """Code, words and status of what STS answers first when it is asked for credentials."""
    vault_errors: list[tuple[int, str]] = field(default_factory=list)
    """What Vault answers to the first logins."""
    vault_error: tuple[int, str] | None = None
    tokens: set[str] = field(default_factory=set)
    """Vault tokens that were given and not revoked."""
    keys: dict[str, str] = field(default_factory=dict)
    """Who each access key is."""
    on_token: Callable[[str], None] = lambda _account: None
    """Called when Kubernetes is asked for a token."""

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs for this world."""
        return {
            "vault": {
                "address": self.address,
                "namespace": None,
                "mountPath": "aws",
                "serverIdHeader": self.header,
                "stsEndpoint": self.address,
                "stsRegion": "us-east-1",
            },
            "cluster": {
                "name": "eks1",
                "oidcIssuer": ISSUER,
                "oidcProviderArn": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}",
            },
            "logins": {
                "pod": _login("service-account", "dev-role-iam2", POD_ROLE, ["default/vault-auth"]),
                "node": _login("ec2-instance", "dev-role-iam", NODE_ROLE, []),
            },
            "consumers": {},
            "kubeconfig": self.kubeconfig(),
        }

    def kubeconfig(self, name: str = "c") -> dict[str, Any]:
        """A kubeconfig of this world's cluster, with a context of this name."""
        return {
            "current-context": name,
            "contexts": [{"name": name, "context": {"cluster": name, "user": "u"}}],
            "clusters": [{"name": name, "cluster": {"server": self.address}}],
            "users": [{"name": "u", "user": {"token": "kubernetes-secret"}}],
        }

    def with_pod_identity(self) -> dict[str, Any]:
        """The outputs with one login more, whose service account has an association."""
        self.accounts["gloo-system/gloo"] = {"metadata": {"name": "gloo"}}
        self.associations["gloo-system/gloo"] = GLOO_ROLE
        self.bound["gloo"] = GLOO_ROLE
        outputs = self.outputs()
        outputs["logins"]["gloo"] = {
            **_login("service-account", "gloo", GLOO_ROLE, ["gloo-system/gloo"]),
            "method": "pod-identity",
        }
        return outputs

    def with_task(self, **more: Any) -> dict[str, Any]:
        """The outputs with one login more, of ECS tasks."""
        self.bound["api"] = TASK_ROLE
        outputs = self.outputs()
        outputs["logins"]["api"] = {**_login("ecs-task", "api", TASK_ROLE, []), **more}
        return outputs

    def with_principal(self, *principals: str, **more: Any) -> dict[str, Any]:
        """The outputs with one login more, of IAM principals."""
        self.bound["ci"] = CI_ROLE
        outputs = self.outputs()
        login = _login("principal", "ci", "", [])
        outputs["logins"]["ci"] = {**login, "principals": list(principals), **more}
        return outputs

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if path == "/version/":
            fields = ("major", "minor", "gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler")
            return _json({**dict.fromkeys(fields, ""), "platform": "", "gitVersion": "v1.36.3"})
        if path == "/v2/credentials/task":
            return self._task(headers.get("authorization"))
        if path == "/pod-identity-agent/v1/credentials":
            return self._agent(headers["authorization"])
        if path == "/clusters/eks1/assume-role-for-pod-identity":
            assert "/us-east-1/eks-auth/" in headers["authorization"]
            return self._eks_auth(json.loads(body)["token"])
        if path.startswith("/clusters/eks1/pod-identity-associations"):
            return self._associations(path)
        if path.startswith(
            ("/v1/sys/health", "/v1/sys/policies/", "/v1/auth/aws/role/", "/v1/auth/aws/config/")
        ):
            return self._read(path, headers)
        if path.startswith("/api/v1/namespaces/"):
            return self._kubernetes(method, path, json.loads(body or b"{}"))
        if path.startswith("/latest/"):
            return self._metadata(path)
        if path.startswith("/v1/auth/"):
            return self._vault(path, headers, json.loads(body or b"{}"))
        return self._sts(parse_qs(body.decode()), headers)

    def _kubernetes(self, method: str, path: str, body: dict[str, Any]) -> Answer:
        url = urlsplit(path)
        namespace, _, name, *subresource = f"{url.path}//".removeprefix("/api/v1/namespaces/").split("/")
        verb = "token" if "token" in subresource else {"POST": "create", "GET": "list"}.get(method, "delete")
        if method == "GET" and "labelSelector" not in url.query:
            return self._kubernetes_read(namespace, name)
        if verb in self.forbidden:
            return _kubernetes_error(403, f'serviceaccounts is forbidden: User "ci" cannot {verb}')
        account = f"{namespace}/{name or body.get('metadata', {}).get('name')}"
        if verb == "create":
            if account in self.accounts:
                return _kubernetes_error(409, "already exists")
            self.accounts[account] = {"metadata": {**body["metadata"], "uid": str(uuid4())}}
            return _json(self.accounts[account], 201)
        if verb == "list":
            _, mark = parse_qs(url.query)["labelSelector"][0].split("=")
            mine = [a for a in self.accounts.values() if mark in (a["metadata"].get("labels") or {}).values()]
            return _json({"items": mine})
        if account not in self.accounts:
            return _kubernetes_error(404, f'serviceaccounts "{name}" not found')
        if verb == "delete":
            self.removed.append(account)
            return _json(self.accounts.pop(account))
        self.on_token(account)
        claims = {
            "iss": f"https://{self.issuer}",
            "sub": f"system:serviceaccount:{namespace}:{name}",
            "aud": body["spec"]["audiences"],
        }
        token = f"e30.{_b64(json.dumps(claims))}.{'s' * 40}"
        return _json({"spec": body["spec"], "status": {"token": token, "expirationTimestamp": None}}, 201)

    def _sts(self, form: dict[str, list[str]], headers: dict[str, str]) -> Answer:
        if self.sts_error:
            return _aws_error(*self.sts_error)
        if form.get("Action") is None:
            return 302, "text/plain", ""  # what a browser gets
        if form["Action"] == ["GetCallerIdentity"]:
            arn = self._who(headers["authorization"])
            account = arn.split(":")[4]
            result = f"<Arn>{arn}</Arn><UserId>AROAX:session</UserId><Account>{account}</Account>"
            return _aws("GetCallerIdentity", result)
        if form["Action"] == ["GetAccessKeyLastUsed"]:
            if form["AccessKeyId"][0] not in self.access_keys:
                return _aws_error("NoSuchEntity", "The Access Key with that id cannot be found")
            return _aws("GetAccessKeyLastUsed", "<UserName>vault-auth</UserName>")
        if form["Action"] == ["ListAccessKeys"]:
            keys = "".join(
                f"<member><AccessKeyId>{key}</AccessKeyId><Status>{status}</Status></member>"
                for key, status in self.access_keys.items()
            )
            return _aws("ListAccessKeys", f"<AccessKeyMetadata>{keys}</AccessKeyMetadata>")
        if form["Action"] == ["GetRole"]:
            return self._role(form["RoleName"][0])
        if self.sts_errors:
            code, words, status = self.sts_errors.pop(0)
            return status, *_aws_error(code, words)[1:]
        if form["Action"] == ["AssumeRole"]:
            role = form["RoleArn"][0]
            if self._who(headers["authorization"]) != self.own or role not in self.assumable:
                return _aws_error("AccessDenied", f"{self.own} is not authorized to perform: sts:AssumeRole")
            return _aws("AssumeRole", self._credentials(_session(role, form["RoleSessionName"][0])))
        assert "authorization" not in headers, "web identity is exchanged without any other credentials"
        _, payload, signature = form["WebIdentityToken"][0].split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
        if signature != "s" * 40:
            return _aws_error("InvalidIdentityToken", "The signature of the token is not valid")
        if claims["aud"] != ["sts.amazonaws.com"]:
            return _aws_error("InvalidIdentityToken", "Incorrect token audience")
        foreign = claims["iss"].removeprefix("https://") not in self.trusted_issuers
        if foreign or self.trusted not in ("*", claims["sub"]):
            return _aws_error("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
        role, session = form["RoleArn"][0].split("/")[-1], form["RoleSessionName"][0]
        arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{session}"
        return _aws("AssumeRoleWithWebIdentity", self._credentials(arn))

    def _role(self, name: str) -> Answer:
        found = next((arn for arn in self.roles if arn.rpartition("/")[2] == name), None)
        if not found:
            return _aws_error("AccessDenied", "is not authorized to perform: iam:GetRole")
        path = found.partition(":role")[2].removesuffix(name)
        fields = {"Path": path, "RoleName": name, "RoleId": "AROAX", "Arn": found}
        role = "".join(f"<{key}>{value}</{key}>" for key, value in fields.items())
        return _aws("GetRole", f"<Role>{role}<CreateDate>2020-01-01T00:00:00Z</CreateDate></Role>")

    def _key(self, arn: str) -> str:
        key = f"ASIA{uuid4().hex[:16].upper()}"
        self.keys[key] = arn
        return key

    def _credentials(self, arn: str) -> str:
        key = self._key(arn)
        return (
            f"<Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>aws-secret</SecretAccessKey>"
            "<SessionToken>aws-session</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>"
        )

    def _who(self, authorization: str) -> str:
        found = re.search(r"Credential=(\w+)/\d+/us-east-1/sts/aws4_request", authorization)
        assert found, authorization
        return self.own if found[1] == "AKIAOWN" else self.keys[found[1]]

    def _pod_role(self, token: str) -> tuple[str, str, str]:
        """The associated role, or an error code and its words."""
        _, payload, signature = token.split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
        if signature != "s" * 40 or claims["aud"] != ["pods.eks.amazonaws.com"]:
            return "", "InvalidTokenException", "the token is not valid"
        account = "/".join(claims["sub"].split(":")[2:])
        role = self.associations.get(account) or self.associations.get("*/*", "")
        return role, "ResourceNotFoundException", f"no association for {account}"

    def _agent(self, token: str) -> Answer:
        role, code, words = self._pod_role(token)
        if self.agent_error or not role:
            return 400, "text/plain", f"[id]: ({self.agent_error or code}): {words}, fault: client"
        fields = {"AccessKeyId": self._key(_session(role, "eks-gloo")), "SecretAccessKey": "aws-secret"}
        return _json({**fields, "Token": "aws-session", "Expiration": "2099-01-01T00:00:00Z"})

    def _task(self, token: str | None) -> Answer:
        if self.task_role is None or token != "task-token":
            return _json({"code": "InvalidIdInRequest", "message": "Credentials not found"}, 400)
        fields = {
            "AccessKeyId": self._key(_session(self.task_role, TASK_ID)),
            "SecretAccessKey": "aws-secret",
        }
        more = {"RoleArn": self.task_role, "Expiration": "2099-01-01T00:00:00Z"}
        return _json({**fields, "Token": "aws-session", **more})

    def _eks_auth(self, token: str) -> Answer:
        role, code, words = self._pod_role(token)
        if not role:
            return _json({"__type": code, "message": words}, 400)
        keys = {"accessKeyId": self._key(_session(role, "eks-gloo")), "secretAccessKey": "aws-secret"}
        return _json({"credentials": {**keys, "sessionToken": "aws-session", "expiration": 4070908800}})

    def _associations(self, path: str) -> Answer:
        query = parse_qs(urlsplit(path).query)
        if query:
            account = f"{query['namespace'][0]}/{query['serviceAccount'][0]}"
            found = [{"associationId": account.replace("/", "_")}] if account in self.associations else []
            return _json({"associations": found})
        account = path.rpartition("/")[2].replace("_", "/")
        return _json({"association": {"roleArn": self.associations[account]}})

    def _kubernetes_read(self, namespace: str, name: str) -> Answer:
        if "read" in self.forbidden:
            return _kubernetes_error(403, 'User "ci" cannot get')
        if not name:
            known = {account.split("/")[0] for account in self.accounts}
            return (
                _json({"metadata": {"name": namespace}}) if namespace in known else _kubernetes_error(404, "")
            )
        found = self.accounts.get(f"{namespace}/{name}")
        return _json(found) if found else _kubernetes_error(404, f'serviceaccounts "{name}" not found')

    def _read(self, path: str, headers: dict[str, str]) -> Answer:
        if path.startswith("/v1/sys/health"):
            assert "x-vault-token" not in headers
            if "x-vault-namespace" in headers:
                return _vault_error(404, "unsupported path")
            return _json({"initialized": True, "sealed": self.sealed, "version": "1.21.0"})
        if headers.get("x-vault-token") != "operator":
            return _vault_error(403, "permission denied")
        found = self.vault_objects.get(path.removeprefix("/v1/"))
        return _json({"data": found}) if found else _json({"errors": []}, 404)

    def _metadata(self, path: str) -> Answer:
        if not self.is_instance:
            return 404, "text/plain", "not found"
        if path == "/latest/api/token":
            return 200, "text/plain", "metadata-token"
        if path.endswith("/security-credentials/"):
            return 200, "text/plain", "eks1-node"
        self.keys["ASIANODE"] = f"arn:aws:sts::{ACCOUNT}:assumed-role/eks1-node/i-0123456789abcdef0"
        fields = {"AccessKeyId": "ASIANODE", "SecretAccessKey": "aws-secret", "Token": "aws-session"}
        return _json({**fields, "Expiration": "2099-01-01T00:00:00Z"})

    def _vault(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> Answer:
        if path == "/v1/auth/token/revoke-self":
            self.tokens.discard(headers["x-vault-token"])
            return 204, "application/json", ""
        if path == "/v1/auth/token/lookup-self":
            assert headers["x-vault-token"] in self.tokens
            if self.renewal_error:
                return _vault_error(*self.renewal_error)
            return _json(
                {"data": {"explicit_max_ttl": 0, **({"period": self.period} if self.period else {})}}
            )
        if path == "/v1/auth/token/renew-self":
            assert headers["x-vault-token"] in self.tokens
            if self.renewal_error:
                return _vault_error(*self.renewal_error)
            asked = int(body["increment"].removesuffix("s"))
            return _json({"auth": {"lease_duration": self.period or min(asked, self.max_ttl)}})
        assert "x-vault-token" not in headers, "a login stands on its own"
        if self.vault_errors and "iam_request_headers" in body:
            return _vault_error(*self.vault_errors.pop(0))
        if self.vault_error:
            return _vault_error(*self.vault_error)
        if path != "/v1/auth/aws/login":
            return _vault_error(403, "permission denied")
        if "iam_request_headers" not in body:
            return _vault_error(400, "didn't supply required authentication values")
        signed = json.loads(base64.b64decode(body["iam_request_headers"]))
        authorization = signed["Authorization"][0]
        if self.header and (problem := _header_problem(signed, authorization, self.header)):
            return _vault_error(400, f"error validating X-Vault-AWS-IAM-Server-ID header: {problem}")
        arn = self._who(authorization)
        if body["role"] not in self.bound:
            return _vault_error(400, f"entry for role {body['role']} not found")
        principal = re.sub(r"sts(.*):assumed-(.*)/.*", r"iam\1:\2", arn)
        if not fnmatchcase(self.paths.get(principal, principal), self.bound[body["role"]]):
            return _vault_error(400, f'IAM Principal "{arn}" does not belong to the role "{body["role"]}"')
        token = f"hvs.CAES{uuid4().hex}"
        self.tokens.add(token)
        auth = {
            "client_token": token,
            "accessor": "accessor-1",
            "policies": sorted({*self.policies, *self.identity_policies}),
            "token_policies": self.policies,
            "identity_policies": self.identity_policies,
            "metadata": {"account_id": ACCOUNT, "auth_type": "iam", "role_id": "role-1"},
            "lease_duration": self.period or self.ttl,
            "renewable": True,
        }
        return _json({"auth": auth})


@contextmanager
def served(world: World) -> Iterator[World]:
    """The world, answering on a free port of the loopback interface."""

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, kind, text = world.answer(self.command, self.path, headers, body)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = do_PUT = do_DELETE = _serve

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a caller that was interrupted
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    world.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield world
    finally:
        server.shutdown()
        server.server_close()


def _session(role_arn: str, name: str) -> str:
    account = role_arn.rpartition(":")[0].replace(":iam:", ":sts:")
    return f"{account}:assumed-role/{role_arn.rpartition('/')[2]}/{name}"


def _login(kind: str, vault_role: str, iam_role: str, accounts: list[str]) -> dict[str, Any]:
    return {
        "kind": kind,
        "vaultRole": vault_role,
        "iamRoleArn": iam_role,
        "serviceAccounts": accounts,
        "principals": [iam_role],
        "policies": ["dev"],
        "maxTtl": "768h",
    }


def _header_problem(signed: dict[str, list[str]], authorization: str, expected: str) -> str | None:
    given = signed.get("X-Vault-AWS-IAM-Server-ID", [""])[0]
    if not given:
        return 'missing header "X-Vault-AWS-IAM-Server-ID"'
    if given != expected:
        return f'expected "{expected}" but got "{given}"'
    return None if "x-vault-aws-iam-server-id" in authorization else "vault header wasn't signed"


def _b64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _json(document: object, status: int = 200) -> Answer:
    return status, "application/json", json.dumps(document)


def _kubernetes_error(status: int, message: str) -> Answer:
    return _json({"kind": "Status", "status": "Failure", "message": message, "code": status}, status)


def _vault_error(status: int, words: str) -> Answer:
    return _json({"errors": [words]}, status)


def _aws(action: str, result: str) -> Answer:
    body = f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result>{result}'
    return 200, "text/xml", f"{body}</{action}Result></{action}Response>"


def _aws_error(code: str, message: str) -> Answer:
    body = f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
    return 403, "text/xml", body
