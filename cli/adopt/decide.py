"""From an estate to a stack file: what the project can express is declared, everything else is told.

What a login can be is not decided here: each is proposed, the rules of the stack file judge it, and what they
refuse is left, with their words. Pure functions.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from stack.sections import PROJECT, REGION_KEY

from . import candidates
from .estate import Estate
from .mounts import accounts_section, identity_section, vault_section, why_used
from .plan import Kind, Login, Plan, Use

Judge = Callable[[Mapping[str, Any], Mapping[str, str]], list[str]]
"""What is wrong with a configuration, by full key, and the project's policies; each begins with its key."""

_DEFAULTS = (
    "a preview also shows defaults that are in force already and that an import does not write down: "
    "tokenType, identityTokenKey, allowOverwrite, forceDestroy, forceDetachPolicies"
)
LOGINS = f"{PROJECT}:logins"


def decide(estate: Estate, files: Mapping[str, str], judge: Judge, used: Collection[Use] = ()) -> Plan:
    """The stack file of an estate. `files` are the policies below policies/vault/ of the project, by name."""
    plan = Plan()
    for line in estate.unread:
        plan.say(Kind.UNREAD, "", line)
    _whole(plan, estate, files, used)
    logins = _logins(plan, estate, files, judge, used)
    _finish(plan, estate, files, logins, used)
    _beside(plan, estate, logins)
    if logins:
        plan.say(Kind.CHANGES, "", _DEFAULTS)
    _judged_last(plan, files, judge)
    return plan


def _whole(plan: Plan, estate: Estate, files: Mapping[str, str], used: Collection[Use]) -> None:
    """Everything but logins and what they need."""
    plan.config[REGION_KEY] = estate.region
    plan.config[f"{PROJECT}:accountId"] = estate.account_id
    why = "it was to be left" if Use.MOUNT in used else why_used(estate)
    plan.config[f"{PROJECT}:vault"] = vault_section(plan, estate, why)
    if identity := identity_section(plan, estate, why):
        plan.config[f"{PROJECT}:vaultIdentity"] = identity
    if accounts := accounts_section(plan, estate, why):
        plan.config[f"{PROJECT}:accounts"] = accounts


# Logins


def _logins(
    plan: Plan, estate: Estate, files: Mapping[str, str], judge: Judge, used: Collection[Use]
) -> dict[str, Login]:
    """The logins, by name. Those of one cluster, for a stack has one: that of the most logins."""
    whole: dict[str, Login] = {}
    proposals = {
        name: _proposed(plan, name, role, estate, used)
        for name, role in sorted(estate.vault.mount.roles.items())
    }
    firsts = [ways[0].cluster for ways in proposals.values() if ways and ways[0].cluster]
    cluster = max(sorted({*firsts}), key=firsts.count, default="")
    if cluster:
        plan.config[f"{PROJECT}:cluster"] = {"name": cluster, "existing": True}
    taken: set[str] = set()
    for name, ways in proposals.items():
        about = f"auth/{estate.vault.mount.path}/role/{name}"
        words = ""
        for way in ways:
            if {way.takes, way.options.get("iamRoleArn")} & taken:
                continue  # this one binds the role as a principal
            if way.cluster not in ("", cluster):
                words = f"is of the cluster {way.cluster}, and a stack has one"
                continue
            refused = _refused(plan, name, way, estate, files, judge)
            if not refused:
                whole[name] = way
                taken |= {way.takes} - {""}
                break
            words = words or refused
        if name in whole:
            for it in whole[name].remarks:
                plan.say(it.kind, it.about, it.text, ("config", LOGINS, name))
            if words:
                kind = whole[name].options["kind"]
                plan.say(
                    Kind.CHOSEN, about, f"is a login of the kind {kind}: {words}", ("config", LOGINS, name)
                )
        elif words:
            plan.say(Kind.LEFT, about, words)
    return whole


def _proposed(
    plan: Plan, name: str, role: Mapping[str, Any], estate: Estate, used: Collection[Use]
) -> list[Login]:
    try:
        return list(candidates.of(name, role, estate, used))
    except candidates.Inexpressible as why:
        plan.say(Kind.LEFT, f"auth/{estate.vault.mount.path}/role/{name}", str(why))
        return []


def _refused(
    plan: Plan, name: str, way: Login, estate: Estate, files: Mapping[str, str], judge: Judge
) -> str:
    """What the stack file's rules say against a login; empty if nothing."""
    policies = list(way.options["policies"])
    vault = {**plan.config[f"{PROJECT}:vault"], "externalPolicies": policies}
    config = {**plan.config, f"{PROJECT}:vault": vault, LOGINS: {name: dict(way.options)}}
    path = f"{LOGINS}.{name}"
    for problem in judge(config, {}):
        if problem.startswith(path):
            return problem.removeprefix(path).lstrip(".:[ ")
    return ""


# What the logins need


def _finish(
    plan: Plan, estate: Estate, files: Mapping[str, str], logins: Mapping[str, Login], used: Collection[Use]
) -> None:
    if not any(login.cluster for login in logins.values()):
        plan.config.pop(f"{PROJECT}:cluster", None)
    external = []
    for name in sorted({policy for login in logins.values() for policy in login.options["policies"]}):
        text = estate.vault.policies.get(name)
        about, at = f"sys/policies/acl/{name}", ("config", f"{PROJECT}:vault", "externalPolicies")
        if text is None:
            plan.say(
                Kind.LEFT, about, "is not there, and logins name it: their tokens have nothing by it", at
            )
        elif Use.POLICIES in used or name == "default":
            pass
        elif "\r" in text:
            plan.say(
                Kind.CHOSEN, about, "is used as it is, for its line ends are not those of a file here", at
            )
        elif not _is_file_name(name):
            plan.say(Kind.CHOSEN, about, "is used as it is, for a file cannot have its name", at)
        elif name in files and files[name] != text:
            plan.say(
                Kind.CHOSEN, about, f"is used as it is, for policies/vault/{name}.hcl says something else", at
            )
        else:
            if name not in files:
                plan.policies[name] = text
            continue
        external.append(name)
    if external:
        plan.config[f"{PROJECT}:vault"]["externalPolicies"] = external
    plan.config[LOGINS] = {name: dict(login.options) for name, login in logins.items()}


def _is_file_name(name: str) -> bool:
    return "/" not in name and not name.startswith(".")


# What is beside them


def _beside(plan: Plan, estate: Estate, logins: Mapping[str, Login]) -> None:
    """What else there is, and of which nothing is in the stack file."""
    bound = {
        str(arn)
        for role in estate.vault.mount.roles.values()
        for arn in role.get("bound_iam_principal_arn") or []
    }
    stack_cluster = (plan.config.get(f"{PROJECT}:cluster") or {}).get("name")
    for cluster in estate.clusters:
        if cluster.name != stack_cluster:
            plan.say(Kind.LEFT, cluster.arn, "no login of the stack file is of this cluster")
        for pod, arn in {**estate.annotated.get(cluster.name, {}), **cluster.associations}.items():
            about = f"{cluster.name}: service account {pod}"
            parts = arn.split(":")
            if len(parts) > 4 and parts[4] in estate.accounts and arn not in estate.roles:
                plan.say(Kind.LEFT, about, f"has the role {arn}, which is gone")
            elif not any(candidates.matches(arn, each) for each in bound):
                plan.say(Kind.LEFT, about, f"has the role {arn}, which no Vault role binds by its name")
    issuers = {cluster.issuer.removeprefix("https://") for cluster in estate.clusters}
    for account in estate.accounts.values():
        for provider in account.oidc_providers:
            if provider.partition(":oidc-provider/")[2] not in issuers:
                plan.say(Kind.LEFT, provider, "is not the issuer of a cluster that was read")
        for policy in account.unused_policies:
            plan.say(Kind.LEFT, policy, "is attached to nothing")
    for policy in estate.vault.other_policies:
        plan.say(Kind.LEFT, f"sys/policies/acl/{policy}", "no role of the mount names it")
    for path, kind in sorted(estate.vault.other_mounts.items()):
        plan.say(Kind.LEFT, path, _of_mount(path, kind))


def _of_mount(path: str, kind: str) -> str:
    if path.startswith("auth/"):
        more = "; docs/from-kubernetes-auth.md has the way from there" if kind == "kubernetes" else ""
        return f"is an auth mount of the type {kind}{more}"
    if kind == "aws":
        return f"is an AWS secrets engine; for roles in it: secretsEngine: {{mount: existing, path: {path}}}"
    return f"is a secrets engine of the type {kind}; for consumers, write vault.kv.{path}.mount: existing"


def _judged_last(plan: Plan, files: Mapping[str, str], judge: Judge) -> None:
    """What is wrong with the whole, which its owner has to mend: never silently."""
    for problem in judge(plan.config, {**files, **plan.policies}):
        plan.say(Kind.UNREAD, "", f"mend this before the first preview: {problem}")
