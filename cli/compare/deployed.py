"""The table of a stack as it is deployed: what its exported state, or its outputs, say of it."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .. import acl, pulumi
from ..errors import Refused
from ..origin import minute
from ..outputs import LoginOutput, StackOutputs, parse
from ..token_checks import in_seconds
from .table import IAM_ROLE, Caller, Kind, Login, Source, Table, cluster_settings

LINK = "compare"
_STACK = "pulumi:pulumi:Stack"
_POLICY = "vault:index/policy:Policy"
_VAULT_ROLE = "vault:aws/authBackendRole:AuthBackendRole"
_STS_ROLE = "vault:aws/authBackendStsRole:AuthBackendStsRole"

Resources = list[Mapping[str, Any]]


def of_stack(project: Path, stack: str | None) -> Table:
    """The table of a stack, by `pulumi stack export`: the only side that needs the stack's backend."""
    try:
        done = pulumi.run(project, stack, "stack", "export")
    except OSError:
        raise Refused(
            LINK,
            None,
            "there is no `pulumi` on PATH that can be run",
            hint="install Pulumi, or name a file that `pulumi stack export --file FILE.json` wrote",
        ) from None
    if done.returncode:
        raise Refused(
            LINK,
            "Pulumi",
            done.stderr.strip() or f"pulumi exited with {done.returncode}",
            hint="`pulumi stack ls` lists the stacks; PULUMI_BACKEND_URL says where they are",
        )
    return _table(
        _json(done.stdout, "the exported state"), Source(f"stack:{stack or ''}", "stack", stack or "")
    )


def of_file(path: Path) -> Table:
    """The table of an exported state, or of outputs as `pulumi stack output --json` writes them."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(
            LINK,
            None,
            f"{path}: cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}",
            hint=f"write it with: pulumi stack export --file {path}",
        ) from None
    return _table(_json(text, str(path)), Source(str(path), "stack"))


def _json(text: str, name: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, Mapping):
        raise Refused(
            LINK, None, f"{name} is not JSON of `pulumi stack export`", hint="write it with that command"
        )
    return found


def _table(document: Mapping[str, Any], source: Source) -> Table:
    deployment = document.get("deployment")
    if not isinstance(deployment, Mapping):
        return table(parse(document), None, source)
    resources = [each for each in deployment.get("resources") or () if isinstance(each, Mapping)]
    outputs = next((each.get("outputs") for each in resources if each.get("type") == _STACK), None)
    if not outputs or "logins" not in outputs:
        raise Refused(
            LINK, None, f"{source}: the stack is not deployed: it has no logins", hint="run `pulumi up` first"
        )
    when = minute(str((deployment.get("manifest") or {}).get("time") or "")[:19] + "+00:00")
    return table(parse(outputs), resources, Source(source.given, "stack", source.stack, "", when))


def table(outputs: StackOutputs, resources: Resources | None, source: Source) -> Table:
    """The table of a stack's outputs, and of the resources of its state where these are known."""
    inputs = [(each.get("type"), each.get("inputs") or {}) for each in resources or ()]
    vault_roles = {str(one.get("role")): one for kind, one in reversed(inputs) if kind == _VAULT_ROLE}
    texts = {str(one.get("name")): str(one.get("policy")) for kind, one in inputs if kind == _POLICY}
    logins = {
        name: _login(name, login, outputs, vault_roles.get(login.vault_role, {}))
        for name, login in sorted(outputs.logins.items())
    }
    used = {policy for login in logins.values() for policy in login.policies}
    for policy in sorted(set(texts) - used):
        other = Caller(Kind.OTHER_STACK.value, policy)
        logins[f"policy {policy}"] = Login(f"policy {policy}", frozenset({other}), (policy,), "")
    roles = {str(one.get("accountId")): str(one.get("stsRole")) for kind, one in inputs if kind == _STS_ROLE}
    return Table(
        source,
        logins,
        {name: _rules(source, name, texts.get(name)) for name in sorted(used | set(texts))},
        {**dict(_settings(outputs)), **{f"accounts.{account}.role": arn for account, arn in roles.items()}},
        _account(outputs),
        complete=False,
    )


def _rules(source: Source, name: str, text: str | None) -> tuple[acl.Rule, ...] | None:
    if text is None:
        return None
    try:
        return tuple(acl.parse(text))
    except acl.Unreadable as error:
        raise Refused(LINK, None, f"{source}: policy {name} cannot be read: {error}") from None


def _login(name: str, login: LoginOutput, outputs: StackOutputs, role: Mapping[str, Any]) -> Login:
    conditions = {"kind": login.kind}
    if login.kind == "service-account":
        conditions["method"] = login.method
    if login.kind in ("service-account", "ecs-task") and login.iam_role_arn:
        conditions[IAM_ROLE] = login.iam_role_arn
    if profiles := role.get("boundIamInstanceProfileArns"):
        conditions["instanceProfileNames"] = ", ".join(sorted(arn.rpartition("/")[2] for arn in profiles))
    if region := role.get("inferredAwsRegion"):
        conditions["region"] = region
    longest = in_seconds(login.max_ttl)
    return Login(
        name,
        frozenset(_callers(login, outputs)),
        tuple(sorted(login.policies)),
        login.vault_role,
        role.get("tokenTtl"),
        longest,
        conditions,
    )


def _callers(login: LoginOutput, outputs: StackOutputs) -> Iterator[Caller]:
    if login.kind == "service-account":
        for cluster in [*outputs.clusters_of(login)] or [""]:
            for account in login.service_accounts:
                yield Caller(Kind.SERVICE_ACCOUNT.value, account, cluster)
        return
    kinds = {"ec2-instance": Kind.INSTANCE, "ecs-task": Kind.TASK}
    for arn in login.principals:
        yield Caller(kinds.get(login.kind, Kind.PRINCIPAL).value, arn)


def _settings(outputs: StackOutputs) -> Iterator[tuple[str, str]]:
    vault = outputs.vault
    yield "vault.address", vault.address
    yield "vault.namespace", vault.namespace or ""
    yield "vault.mountPath", vault.mount_path.strip("/")
    yield "vault.serverIdHeader", vault.server_id_header or ""
    yield "vault.stsRegion", vault.sts_region
    yield from cluster_settings((key, cluster.name) for key, cluster in outputs.clusters.items())


def _account(outputs: StackOutputs) -> str | None:
    """The stack's own account, by the ARN of a role that it made."""
    made = [login for login in outputs.logins.values() if login.kind in ("service-account", "ecs-task")]
    return next((login.iam_role_arn.split(":")[4] for login in made if login.iam_role_arn), None)
