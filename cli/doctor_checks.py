"""The links that every kind of login has: AWS, Vault, and the login itself."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from . import aws, refusals, token_checks, vault, vault_key
from .console import duration
from .errors import Refused
from .principals import resolved
from .vault import Session
from .workloads import Check, NotChecked, Workload

STS = "STS endpoint"
IDENTITY = aws.LINK
BOUND = "bound principal"
VAULT = "Vault"
MOUNT = "mount"
CONFIG = "client config"
ROLE = "Vault role"
HEADER = "server-id header"
LOGIN = vault.LINK
POLICIES = "policies"
LIFETIME = "lifetime"


class CommonChecks:
    """Their checks. All use one login, which is made once."""

    def __init__(self, who: Workload) -> None:
        self.who = who
        self.vault = who.vault
        self.mount = self.vault.mount_path.strip("/")
        self.outlived: str | Refused = ""

    def in_order(self, own: Sequence[Check]) -> list[Check]:
        """All checks of the workload; its own come before its AWS identity."""
        before = tuple(check.link for check in own if check.link not in ("annotation", "association"))
        return [
            *[check for check in own if STS not in check.needs],
            Check(STS, self.sts),
            *[check for check in own if STS in check.needs],
            Check(IDENTITY, self.identity, (*before, STS)),
            Check(BOUND, self.bound, (IDENTITY,), proved_by=LOGIN),
            Check(VAULT, self.health),
            Check(MOUNT, self.mounted, (VAULT,), proved_by=LOGIN),
            Check(CONFIG, self.client_config, (VAULT, MOUNT), proved_by=LOGIN),
            *([Check(vault_key.LINK, self.key, (VAULT, MOUNT))] if vault.own_token() else []),
            Check(ROLE, self.role, (VAULT, MOUNT), proved_by=LOGIN),
            Check(HEADER, self.header, (VAULT, MOUNT, IDENTITY), proved_by=LOGIN),
            Check(LOGIN, self.login, (IDENTITY, VAULT, MOUNT)),
            Check(POLICIES, self.policies, (LOGIN,)),
            Check(LIFETIME, self.lifetime, (LOGIN,)),
        ]

    def sts(self) -> str:
        """Whether the endpoint answers, and is in the region that logins are signed for."""
        import requests

        endpoint, region = self.vault.sts_endpoint, self.vault.sts_region
        host = urlsplit(endpoint).hostname or ""
        named = aws.sts_region_of(host)
        if named and named != region:
            reason = f"{host} is in {named}, but logins are signed for {region}"
            raise Refused(STS, None, reason, aws.REGION, aws.wrong_region(self.vault))
        try:
            requests.get(endpoint, timeout=(5, 10), allow_redirects=False)
        except requests.RequestException as error:
            raise Refused(
                STS,
                None,
                f"{endpoint}: {vault.innermost(error)}",
                aws.UNREACHABLE,
                "can this machine reach it (proxy, DNS, AWS_CA_BUNDLE)? In a private VPC, STS needs an "
                f"interface endpoint (com.amazonaws.{region}.sts) with private DNS",
            ) from error
        return f"{endpoint}, {region}"

    @cached_property
    def credentials(self) -> aws.Credentials:
        return self.who.credentials()

    @cached_property
    def caller(self) -> aws.Caller:
        return aws.caller_identity(self.vault, self.credentials)

    def identity(self) -> str:
        return self.caller.arn

    def bound(self) -> str:
        login = self.who.login
        me = resolved(self.vault, self.caller, self.credentials, self.who.known_arns())
        if login.kind == "ec2-instance" and not login.principals:
            return f"{me.arn}; Vault asks EC2 for its instance"
        bounds = login.principals or [login.iam_role_arn or ""]
        admitted = me.admitted_by(bounds)
        if admitted:
            return me.arn
        if admitted is None:
            raise NotChecked(
                "the ARN of a role's session lacks the role's path, and IAM does not tell it (iam:GetRole)"
            )
        raise Refused(
            BOUND,
            None,
            f"{me.arn} is none of {', '.join(bounds)}",
            refusals.NOT_BOUND,
            "log in as one of them, or add this one to the login's principals in the stack's configuration",
        )

    def health(self) -> str:
        said = vault.health(self.vault)
        if not said.get("initialized", True) or said.get("sealed"):
            state = "sealed" if said.get("initialized", True) else "not initialized"
            reason = f"{self.vault.address} is {state}"
            raise Refused(VAULT, "Vault", reason, refusals.SEALED, "`vault operator unseal`")
        return f"{self.vault.address}, version {said.get('version', 'unknown')}, unsealed"

    def mounted(self) -> str:
        """If the AWS auth method is mounted, it refuses a login without credentials itself."""
        try:
            vault.login(self.vault, self.who.login.vault_role, {})
        except Refused as error:
            if error.code != refusals.NO_CREDENTIALS:
                raise
        return f"auth/{self.mount}/"

    def client_config(self) -> str:
        """Whether Vault asks STS in the region that logins are signed for.

        The endpoint may be another than the callers': Vault calls it from its own network.
        """
        path = f"auth/{self.mount}/config/client"
        config = self._read(path, CONFIG) or {}
        endpoint, region = config.get("sts_endpoint") or "", self.vault.sts_region
        named = aws.sts_region_of(urlsplit(endpoint).hostname or "")
        for key, theirs in (("sts_region", config.get("sts_region")), (f"the region of {endpoint}", named)):
            if theirs and theirs != region:
                raise Refused(
                    CONFIG,
                    "Vault",
                    f"{key} is {theirs}, but logins are signed for {region}",
                    refusals.STS_REGION,
                    f"`pulumi up --refresh` restores {path}, or, with mount: existing, follows it",
                )
        required, ours = config.get("iam_server_id_header_value"), self.vault.server_id_header or ""
        if required is not None and required != ours:
            raise Refused(
                CONFIG,
                "Vault",
                f"it requires the server-id header {required or 'none'}, the stack's is {ours or 'none'}",
                refusals.SERVER_ID_HEADER,
                f"`pulumi up --refresh` restores {path}, or, with mount: existing, follows it. Sign no other "
                "value than the stack's: with another server's, that could use the login",
            )
        return f"Vault asks {endpoint or 'STS'} in {region}"

    def key(self) -> str:
        """Whether the key by which Vault looks principals up works, which no login of an exact ARN shows."""
        path = f"auth/{self.mount}/config/client"
        return vault_key.state(self.vault, self._read(path, vault_key.LINK) or {}, path)

    def _read(self, path: str, link: str) -> dict[str, Any] | None:
        if not vault.own_token():
            raise NotChecked("set VAULT_TOKEN to read it")
        try:
            return vault.read(self.vault, path, link)
        except Refused as error:
            raise NotChecked(f"VAULT_TOKEN may not read {path}: {error.reason}") from error

    def role(self) -> str:
        login = self.who.login
        path = f"auth/{self.mount}/role/{login.vault_role}"
        if not vault.own_token() and (refused := self._refused_for(refusals.NO_ROLE)):
            raise refused
        found = self._read(path, ROLE)
        if found is None:
            fix = "`pulumi up --refresh` creates it"
            raise Refused(ROLE, "Vault", f"there is no {path}", refusals.NO_ROLE, fix)
        bound = found.get("bound_iam_principal_arn") or []
        wanted = login.principals or ([login.iam_role_arn] if login.iam_role_arn else [])
        if login.kind != "ec2-instance" and sorted(bound) != sorted(wanted):
            raise Refused(
                ROLE,
                "Vault",
                f"{path} is bound to {', '.join(bound) or 'no principal'}, the login to {', '.join(wanted)}",
                refusals.NOT_BOUND,
                "`pulumi up --refresh` restores it",
            )
        return f"{path}, bound to {', '.join(bound)}" if bound else path

    def header(self) -> str:
        if refused := self._refused_for(refusals.SERVER_ID_HEADER):
            raise refused
        if isinstance(self.outcome, Refused) and self.outcome.by != "Vault":
            raise NotChecked("Vault did not answer the login")
        return self.vault.server_id_header or "none is required"

    def login(self) -> str:
        return f"a token for {duration(self._session().auth['lease_duration'])}"

    def policies(self) -> str:
        auth = self._session().auth
        if problem := token_checks.wrong_policies(self.who.login, auth):
            raise Refused(POLICIES, "Vault", problem, hint=token_checks.FIX)
        names = ", ".join(auth["policies"])
        if not vault.own_token():
            return f"{names} (set VAULT_TOKEN to check that they exist)"
        for name in self.who.login.policies:
            try:
                found = vault.read(self.vault, f"sys/policies/acl/{name}", POLICIES)
            except Refused:
                return f"{names} (VAULT_TOKEN may not read them)"
            if found is None:
                raise Refused(
                    POLICIES,
                    "Vault",
                    f"Vault has no policy {name}, so the token gets nothing from it",
                    hint="`pulumi up --refresh` creates it if it is the stack's; if not, its owner must",
                )
        return names

    def lifetime(self) -> str:
        """Whether the token ends in time, even if it is renewed."""
        self._session()
        if isinstance(self.outlived, Refused):
            raise NotChecked(f"{self.outlived.reason}: Vault did not renew the token")
        if self.outlived:
            raise Refused(LIFETIME, "Vault", self.outlived, hint=token_checks.FIX)
        limit = token_checks.limit_of(self.who.login)
        return f"{limit}, renewals included" if limit else "the login has no limit"

    @cached_property
    def outcome(self) -> Session | Refused:
        """The one login, or its refusal. The token is renewed to see how long it can live, then revoked."""
        try:
            payload = vault.sign_login(self.vault, self.credentials, self.vault.server_id_header)
            session = Session(self.caller, vault.login(self.vault, self.who.login.vault_role, payload))
        except Refused as error:
            return error
        try:
            self.outlived = token_checks.outlives(self.vault, self.who.login, session.auth)
        except Refused as error:
            self.outlived = error
        finally:
            vault.revoke(self.vault, session.auth["client_token"])
        return session

    def _session(self) -> Session:
        if isinstance(self.outcome, Refused):
            raise self.outcome
        return self.outcome

    def _refused_for(self, code: str) -> Refused | None:
        """The refusal of the login, if this was the reason."""
        return self.outcome if isinstance(self.outcome, Refused) and self.outcome.code == code else None
