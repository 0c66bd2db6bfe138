"""From an estate to a stack file: what the project can express is declared, everything else is told.

What a login can be is not decided here: each is proposed, the rules of the stack file judge it, and what they
refuse is left, with their words. Pure functions.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from stack.sections import PROJECT, REGION_KEY

from . import beside, candidates, clusters, engines, federations
from .bounds import Inexpressible
from .estate import Estate
from .mounts import accounts_section, identity_section, vault_section, why_used
from .plan import Kind, Login, Plan, Use

Judge = Callable[[Mapping[str, Any], Mapping[str, str]], list[str]]
"""What is wrong with a configuration, by full key, and the project's policies; each begins with its key."""

_DEFAULTS = (
    "a preview also shows defaults that are in force already and that an import does not write down: "
    "tokenType, identityTokenKey, allowOverwrite, forceDestroy, forceDetachPolicies, disableSessionTags"
)
LOGINS = f"{PROJECT}:logins"
VAULT = f"{PROJECT}:vault"
IDENTITY = f"{PROJECT}:vaultIdentity"
ACCOUNTS = f"{PROJECT}:accounts"
FEDERATION = f"{PROJECT}:federation"


def decide(estate: Estate, files: Mapping[str, str], judge: Judge, used: Collection[Use] = ()) -> Plan:
    """The stack file of an estate. `files` are the policies below policies/vault/ of the project, by name."""
    plan = Plan()
    for line in estate.unread:
        plan.say(Kind.UNREAD, "", line)
    why = "it was to be left" if Use.MOUNT in used else _why_used(estate, judge)
    _whole(plan, estate, why)
    logins = _logins(plan, estate, judge, used)
    if not why and (left := sorted({*estate.vault.mount.roles} - {*logins})):
        text = (
            "is protected (vault.protect): `pulumi destroy` would delete what is left in it, too: "
            f"{', '.join(left)}. `--use mount` leaves it to its owner"
        )
        plan.say(Kind.CHOSEN, f"auth/{estate.vault.mount.path}", text, ("config", VAULT))
    engines.declare(plan, estate, _EngineRules(plan, estate, judge), why)
    _finish(plan, estate, files, logins, used)
    beside.tell(plan, estate, clusters.of(logins.values()))
    if logins:
        plan.say(Kind.CHANGES, "", _DEFAULTS)
    _judged_last(plan, files, judge)
    return plan


def _why_used(estate: Estate, judge: Judge) -> str:
    """Why the mount is used as it is: for what a caller would see, or for what no stack file can say."""
    if why := why_used(estate):
        return why
    own, existing = (
        {it.removeprefix(f"{PROJECT}:") for it in judge(_tried(estate, why), {}) if it.startswith(_OF_MOUNT)}
        for why in ("", "it is tried")
    )
    # An external ID is left empty on purpose.
    return "; ".join(sorted(it for it in own - existing if ".externalId: " not in it))


_OF_MOUNT = (VAULT, IDENTITY, ACCOUNTS, FEDERATION)


def _tried(estate: Estate, why: str) -> dict[str, Any]:
    """What a stack file has of the mount, if it is used as it is for this reason, or is not."""
    plan = Plan()
    _whole(plan, estate, why)
    return {**plan.config, **_federation(plan, estate)}


def _whole(plan: Plan, estate: Estate, why: str) -> None:
    """Everything but logins and what they need. `why` the mount is used as it is; empty if it is not."""
    plan.config[REGION_KEY] = estate.region
    plan.config[f"{PROJECT}:accountId"] = estate.account_id
    plan.config[VAULT] = vault_section(plan, estate, why)
    if identity := identity_section(plan, estate, why):
        plan.config[IDENTITY] = identity
    if accounts := accounts_section(plan, estate, why):
        plan.config[ACCOUNTS] = accounts


def _federation(plan: Plan, estate: Estate) -> dict[str, Any]:
    """The section of the issuer, where anything is federated."""
    sections = (plan.config.get(key) or {} for key in (IDENTITY, engines.KEY))
    if all(section.get("kind") != "federation" for section in sections):
        return {}
    return {FEDERATION: federations.section(estate, estate.vault.mount.token_key)}


class _EngineRules:
    """What the rules of the stack file say against an AWS secrets engine."""

    def __init__(self, plan: Plan, estate: Estate, judge: Judge) -> None:
        self._plan, self._estate, self._judge = plan, estate, judge

    def __call__(self, section: dict[str, Any], place: str = "") -> str:
        """The first problem at a place of the section, with what the section needs; empty if there is
        none."""
        plan = Plan(config={**self._plan.config, engines.KEY: section})
        paths = (f"{engines.KEY}{place}", *([] if place else [FEDERATION]))
        for problem in self._judge({**plan.config, **_federation(plan, self._estate)}, {}):
            if problem.startswith(paths):
                return problem.removeprefix(paths[0]).removeprefix(f"{PROJECT}:").lstrip(".:[ ")
        return ""


# Logins


def _logins(plan: Plan, estate: Estate, judge: Judge, used: Collection[Use]) -> dict[str, Login]:
    """The logins, by name."""
    whole: dict[str, Login] = {}
    proposals = {
        name: _proposed(plan, name, role, estate, used)
        for name, role in sorted(estate.vault.mount.roles.items())
    }
    names = clusters.of(way for ways in proposals.values() for way in ways)
    plan.config |= clusters.sections(names)
    taken: set[str] = set()
    for name, ways in proposals.items():
        about = f"auth/{estate.vault.mount.path}/role/{name}"
        words = ""
        for way in ways:
            if {way.takes, way.options.get("iamRoleArn")} & taken:
                continue  # this one binds the role as a principal
            others = {it: login for it, login in whole.items() if _meet(login, way)}
            refused = _refused(plan, name, {**others, name: way}, names, judge)
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
    except Inexpressible as why:
        plan.say(Kind.LEFT, f"auth/{estate.vault.mount.path}/role/{name}", str(why))
        return []


def _meet(one: Login, other: Login) -> bool:
    """Whether two logins may both claim something, which only one of them can have."""
    return not {*one.options.get("serviceAccounts", ())}.isdisjoint(other.options.get("serviceAccounts", ()))


def _refused(plan: Plan, name: str, logins: Mapping[str, Login], names: Sequence[str], judge: Judge) -> str:
    """What the stack file's rules say against a login, beside others; empty if nothing."""
    policies = sorted({policy for login in logins.values() for policy in login.options["policies"]})
    config = {**plan.config, VAULT: {**plan.config[VAULT], "externalPolicies": policies}}
    config[LOGINS] = {it: dict(clusters.options(login, names)) for it, login in logins.items()}
    path = f"{LOGINS}.{name}"
    for problem in judge(config, {}):
        if problem.startswith(path):
            return problem.removeprefix(path).lstrip(".:[ ")
    return ""


# What the logins need


def _finish(
    plan: Plan, estate: Estate, files: Mapping[str, str], logins: Mapping[str, Login], used: Collection[Use]
) -> None:
    for key in clusters.KEYS:
        plan.config.pop(key, None)
    names = clusters.of(logins.values())
    plan.config |= {**clusters.sections(names), **_federation(plan, estate)}
    external = []
    for name in sorted({policy for login in logins.values() for policy in login.options["policies"]}):
        text = estate.vault.policies.get(name)
        about, at = f"sys/policies/acl/{name}", ("config", VAULT, "externalPolicies")
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
        plan.config[VAULT]["externalPolicies"] = external
    plan.config[LOGINS] = {name: dict(clusters.options(login, names)) for name, login in logins.items()}


def _is_file_name(name: str) -> bool:
    return "/" not in name and not name.startswith(".")


def _judged_last(plan: Plan, files: Mapping[str, str], judge: Judge) -> None:
    """What is wrong with the whole, which its owner has to mend: never silently."""
    for problem in judge(plan.config, {**files, **plan.policies}):
        plan.say(Kind.UNREAD, "", f"mend this before the first preview: {problem}")
