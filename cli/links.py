"""The links of a login's chain that every kind of login has: AWS, Vault, and the login itself."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from . import aws, granted, refusals, vault
from .arns import is_bound, principal_of
from .chain import Session
from .duration import duration
from .errors import Refused
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


class CommonLinks:
    """The checks of them, on one login that is made once."""

    def __init__(self, who: Workload) -> None:
        self.who = who
        self.vault = who.stack.outputs.vault
        self.mount = self.vault.mount_path.strip("/")
        self.outlived: str | Refused = ""

    def in_order(self, own: Sequence[Check]) -> list[Check]:
        """All checks of the workload; its own ones come before its AWS identity."""
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
            Check(ROLE, self.role, (VAULT, MOUNT), proved_by=LOGIN),
            Check(HEADER, self.header, (VAULT, MOUNT, IDENTITY), proved_by=LOGIN),
            Check(LOGIN, self.login, (IDENTITY, VAULT, MOUNT)),
            Check(POLICIES, self.policies, (LOGIN,)),
            Check(LIFETIME, self.lifetime, (LOGIN,)),
        ]

    def sts(self) -> str:
        """Whether the endpoint is there, and of the region that is signed for."""
        import requests

        host = urlsplit(self.vault.sts_endpoint).hostname or ""
        region = self.vault.sts_region
        named = refusals.sts_region_of(host)
        if named and named != region:
            raise Refused(STS, None, f"{host} is of {named}, logins are signed for {region}", aws.REGION,
                          aws.wrong_region(self.vault))  # fmt: skip
        try:
            requests.get(self.vault.sts_endpoint, timeout=(5, 10), allow_redirects=False)
        except requests.RequestException as error:
            raise Refused(
                STS,
                None,
                f"{self.vault.sts_endpoint}: {vault.innermost(error)}",
                aws.UNREACHABLE,
                "can this machine reach it (proxy, DNS, AWS_CA_BUNDLE)? In a private VPC, STS needs an "
                f"interface endpoint (com.amazonaws.{region}.sts) with private DNS",
            ) from error
        return f"{self.vault.sts_endpoint}, {region}"

    @cached_property
    def credentials(self) -> aws.Credentials:
        return self.who.credentials()

    @cached_property
    def caller(self) -> aws.Caller:
        return aws.caller_identity(self.vault, self.credentials)

    def identity(self) -> str:
        return self.caller.arn

    def bound(self) -> str:
        bounds = self.who.login.principals or [self.who.login.iam_role_arn or ""]
        me = principal_of(self.caller.arn)
        if self.who.login.kind == "ec2-instance" and not self.who.login.principals:
            return f"{me}; Vault asks EC2 for its instance"
        if not is_bound(me, bounds) and any(b.endswith("*") and b.count("/") > 1 for b in bounds):
            raise NotChecked("the ARN of a role's session does not tell the role's path")
        if not is_bound(me, bounds):
            raise Refused(
                BOUND,
                None,
                f"{me} is none of {', '.join(bounds)}",
                refusals.NOT_BOUND,
                "be one of them, or let it in: the login's principals in the stack's configuration",
            )
        return me

    def health(self) -> str:
        said = vault.health(self.vault)
        if not said.get("initialized", True) or said.get("sealed"):
            what = "sealed" if said.get("initialized", True) else "not initialized"
            raise Refused(
                VAULT, "Vault", f"{self.vault.address} is {what}", refusals.SEALED, "`vault operator unseal`"
            )
        return f"{self.vault.address}, version {said.get('version', 'unknown')}, unsealed"

    def mounted(self) -> str:
        """A login without anything is refused by the method itself, if there is one."""
        try:
            vault.login(self.vault, self.who.login.vault_role, {})
        except Refused as error:
            if error.code != refusals.NO_CREDENTIALS:
                raise
        return f"auth/{self.mount}/"

    def client_config(self) -> str:
        """Whether Vault asks the STS that logins are signed for."""
        path = f"auth/{self.mount}/config/client"
        config = self._read(path, CONFIG)
        for key, ours in (("sts_endpoint", self.vault.sts_endpoint), ("sts_region", self.vault.sts_region)):
            theirs = (config or {}).get(key)
            if theirs and theirs.rstrip("/") != ours.rstrip("/"):
                raise Refused(
                    CONFIG,
                    "Vault",
                    f"{key} is {theirs}, logins are signed for {ours}",
                    refusals.STS_REGION,
                    f"`pulumi up --refresh` writes {path} again, as the stack has it",
                )
        return "STS endpoint and region are the stack's"

    def _read(self, path: str, link: str) -> dict[str, Any] | None:
        if not vault.own_token():
            raise NotChecked("set VAULT_TOKEN to read it")
        try:
            return vault.read(self.vault, path, link)
        except Refused as error:
            raise NotChecked(f"VAULT_TOKEN may not read {path}: {error.reason}") from error

    def role(self) -> str:
        name, mine = self.who.login.vault_role, self.who.login
        path = f"auth/{self.mount}/role/{name}"
        if not vault.own_token() and (refused := self._refused_for(refusals.NO_ROLE)):
            raise refused
        found = self._read(path, ROLE)
        if found is None:
            raise Refused(
                ROLE, "Vault", f"there is no {path}", refusals.NO_ROLE, "`pulumi up --refresh` makes it"
            )
        bound = found.get("bound_iam_principal_arn") or []
        wanted = mine.principals or ([mine.iam_role_arn] if mine.iam_role_arn else [])
        if mine.kind != "ec2-instance" and sorted(bound) != sorted(wanted):
            raise Refused(
                ROLE,
                "Vault",
                f"{path} is bound to {', '.join(bound) or 'nobody'}, the login is of {', '.join(wanted)}",
                refusals.NOT_BOUND,
                "`pulumi up --refresh` binds it as the stack declares it",
            )
        return f"{path}, bound to {', '.join(bound)}" if bound else path

    def header(self) -> str:
        ours = self.vault.server_id_header
        if refused := self._refused_for(refusals.SERVER_ID_HEADER):
            raise refused
        if isinstance(self.outcome, Refused) and self.outcome.by != "Vault":
            raise NotChecked("Vault did not answer the login")
        return ours or "none is asked for"

    def login(self) -> str:
        if isinstance(self.outcome, Refused):
            raise self.outcome
        auth = self.outcome.auth
        return f"a token for {duration(auth['lease_duration'])}"

    def policies(self) -> str:
        if isinstance(self.outcome, Refused):
            raise self.outcome
        wanted, got = self.who.login.policies, self.outcome.auth["policies"]
        if problem := granted.wrong_policies(self.who.login, self.outcome.auth):
            raise Refused(POLICIES, "Vault", problem, hint=granted.MEND)
        if not vault.own_token():
            return f"{', '.join(got)} (set VAULT_TOKEN to see whether Vault has their texts)"
        for name in wanted:
            try:
                found = vault.read(self.vault, f"sys/policies/acl/{name}", POLICIES)
            except Refused:
                return f"{', '.join(got)} (VAULT_TOKEN may not read their texts)"
            if found is None:
                raise Refused(
                    POLICIES,
                    "Vault",
                    f"Vault has no policy {name}: the token names it in vain",
                    hint="`pulumi up --refresh` makes the stack's; another one is its owner's to write",
                )
        return ", ".join(got)

    def lifetime(self) -> str:
        """Whether the token ends when it should, however often it is renewed."""
        if isinstance(self.outcome, Refused):
            raise self.outcome
        if isinstance(self.outlived, Refused):
            raise NotChecked(f"{self.outlived.reason}: Vault did not renew the token")
        if self.outlived:
            raise Refused(LIFETIME, "Vault", self.outlived, hint=granted.MEND)
        limit = granted.limit_of(self.who.login)
        return f"{limit}, renewals included" if limit else "the login has no limit"

    @cached_property
    def outcome(self) -> Session | Refused:
        """The one login, or why there is none. Its token is revoked once it is known how long it can live."""
        try:
            payload = vault.sign_login(self.vault, self.credentials, self.vault.server_id_header)
            session = Session(self.caller, vault.login(self.vault, self.who.login.vault_role, payload))
        except Refused as error:
            return error
        try:
            self.outlived = granted.outlives(self.vault, self.who.login, session.auth)
        except Refused as error:
            self.outlived = error
        finally:
            vault.revoke(self.vault, session.auth["client_token"])
        return session

    def _refused_for(self, code: str) -> Refused | None:
        """What the login was refused with, if it was for this."""
        outcome = self.outcome
        return outcome if isinstance(outcome, Refused) and outcome.code == code else None
