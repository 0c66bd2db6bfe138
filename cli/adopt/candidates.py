"""The ways in which a Vault role can be written as a login of this project, the best one first.

Which of them is taken is decided by the rules of the stack file (`decide`). Pure functions.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from components import arns

from ..console import duration
from . import trusts
from .estate import Estate, Mount, Role
from .plan import Login, Remark, Use, changes, chosen
from .read_vault import policies_of

_BOUND = "bound_"
_OF_PRINCIPALS = {"bound_iam_principal_arn", "bound_iam_principal_id"}
_OF_INSTANCES = _OF_PRINCIPALS | {
    "bound_account_id",
    "bound_ami_id",
    "bound_iam_instance_profile_arn",
    "bound_iam_role_arn",
    "bound_subnet_id",
    "bound_vpc_id",
}
_PROFILE = ":instance-profile/"
_LIVES = ("max_ttl", "explicit_max_ttl", "period", "ttl")
_FOLLOWED = ", as the mount has it today; it was 0, which follows the mount"
_VAULTS_MAX = 768 * 3600
"""Longest life of a token where nothing is tuned, in seconds."""


class Inexpressible(Exception):
    """Why no login of this project is like this Vault role."""


def of(name: str, role: Mapping[str, Any], estate: Estate, used: Collection[Use]) -> Iterator[Login]:
    """The ways to write the Vault role. Raises Inexpressible, if there is none."""
    about = f"auth/{estate.vault.mount.path}/role/{name}"
    if role.get("auth_type") != "iam":
        raise Inexpressible(
            f"is of the auth type {role.get('auth_type')}, and logins of this project are of the type iam; "
            "instances can log in by their role (the kind ec2-instance), once their clients sign a request"
        )
    inferred = str(role.get("inferred_entity_type") or "")
    known = _OF_INSTANCES if inferred == "ec2_instance" else _OF_PRINCIPALS
    bounds = {key: value for key, value in role.items() if key.startswith(_BOUND) and value}
    if beyond := sorted(bounds.keys() - known):
        raise Inexpressible(
            f"binds {', '.join(beyond)}, which no login of this project does; without that, it would let in "
            "others"
        )
    if role.get("alias_metadata"):
        raise Inexpressible("has alias_metadata, which no login of this project writes")
    token, said = _token(role, estate.vault.mount, about)
    if inferred:
        yield _instances(name, role, bounds, estate, token, said, about)
        return
    principals = [str(arn) for arn in bounds.get("bound_iam_principal_arn") or []]
    kept = _kept(principals, estate, about, said)
    _pinned(role, kept, estate, about, said)
    if len(principals) == 1:
        (arn,) = kept
        if found := estate.roles.get(arn):
            yield from _workloads(name, found, estate, used, token, said)
    yield Login({"kind": "principal", "principals": kept, **token}, tuple(said))


# The token


def _token(role: Mapping[str, Any], mount: Mount, about: str) -> tuple[dict[str, Any], list[Remark]]:
    """The options of the token, and what of it changes."""
    said: list[Remark] = []
    options: dict[str, Any] = {"policies": policies_of(role)}
    seconds = {field: int(role.get(f"token_{field}") or 0) for field in _LIVES}
    longest, explicit = seconds["max_ttl"] or mount.max_ttl or _VAULTS_MAX, seconds["explicit_max_ttl"]
    if not seconds["max_ttl"]:
        said.append(changes(about, f"token_max_ttl is {duration(longest)}{_FOLLOWED}"))
    if explicit > longest:
        longest = explicit
        said.append(changes(about, f"token_max_ttl is {duration(longest)}, as token_explicit_max_ttl"))
    options["maxTtl"] = duration(longest)
    if explicit:
        options["explicitMaxTtl"] = duration(explicit)
    if seconds["period"]:
        options["period"] = duration(seconds["period"])
        if not explicit:
            text = (
                f"token_explicit_max_ttl is {duration(longest)}: a periodic token ends then, and its client"
            )
            said.append(changes(about, f"{text} logs in again; it could be renewed for ever"))
    else:
        life = min(seconds["ttl"] or mount.default_ttl or _VAULTS_MAX, longest)
        if life < min(longest, explicit or longest):
            options["ttl"] = duration(life)
        if not seconds["ttl"]:
            said.append(changes(about, f"token_ttl is {duration(life)}{_FOLLOWED}"))
    if role.get("token_type") in ("service", "batch"):
        options["tokenType"] = str(role["token_type"])
    if role.get("token_bound_cidrs"):
        options["tokenBoundCidrs"] = [str(it) for it in role["token_bound_cidrs"]]
    if role.get("token_num_uses"):
        options["tokenNumUses"] = int(role["token_num_uses"])
    if role.get("token_no_default_policy"):
        options["tokenNoDefaultPolicy"] = True
    return options, said


# Roles and users


def _kept(principals: list[str], estate: Estate, about: str, said: list[Remark]) -> list[str]:
    """The bound ARNs without those of what is gone."""
    there = {*estate.principals()}
    gone = [arn for arn in principals if not arn.endswith("*") and _is_read(arn, estate) and arn not in there]
    kept = [arn for arn in principals if arn not in gone]
    if not kept:
        what = f"binds {', '.join(gone)}, which is gone" if gone else "binds no role and no user"
        raise Inexpressible(f"{what}: nothing can log in with it")
    said.extend(changes(about, f"no longer binds {arn}, which is gone") for arn in gone)
    accounts = sorted({arn.split(":")[4] for arn in kept if arn.count(":") >= 5})
    if len(accounts) > 1:
        raise Inexpressible(
            f"binds principals of the accounts {', '.join(accounts)}, and a login is of one account; make a "
            "Vault role for each account, and move the callers of the others to theirs"
        )
    return kept


def _is_read(arn: str, estate: Estate) -> bool:
    parts = arn.split(":", 5)
    return len(parts) == 6 and parts[2] == "iam" and parts[4] in estate.accounts


def _pinned(role: Mapping[str, Any], kept: list[str], estate: Estate, about: str, said: list[Remark]) -> None:
    """What is to be said of the IDs by which Vault knows the principals."""
    exact = [arn for arn in kept if not arn.endswith("*")]
    if exact and role.get("resolve_aws_unique_ids") is False:
        text = "resolve_aws_unique_ids is true: Vault goes by the principals' IDs, as updates keep them right"
        said.append(changes(about, text))
        return
    pinned = {str(each) for each in role.get("bound_iam_principal_id") or []}
    for arn in exact:
        if pinned and estate.unique_id(arn) not in (*pinned, ""):
            text = f"{arn} was made again, so Vault refuses it today; the update looks its ID up"
            said.append(changes(about, text))


def _workloads(
    name: str,
    role: Role,
    estate: Estate,
    used: Collection[Use],
    token: Mapping[str, Any],
    said: list[Remark],
) -> Iterator[Login]:
    """As the login of the pods or tasks that get the role."""
    found = trusts.pods(role, estate)
    if len(found) > 1:
        where = ", ".join(f"{each.cluster.name} ({each.method})" for each in found)
        text = (
            f"is the role of pods in {where}; a login is of one cluster and one method, so this one binds the"
        )
        said.append(chosen(role.arn, f"{text} role, and its service accounts are not looked at"))
        return
    for pods in found:
        accounts = [it for it in pods.accounts if _annotated(it, pods.cluster.name, estate) in ("", role.arn)]
        options: dict[str, Any] = {"kind": "service-account", "serviceAccounts": accounts or pods.accounts}
        options["serviceAccountMode"] = "none"
        if pods.method != "irsa":
            options["method"] = pods.method
        if any("*" in it or "?" in it for it in options["serviceAccounts"]):
            options["allowWildcards"] = True
            text = "has a wildcard in its trust policy, so it lets in service accounts that do not exist yet"
            said.append(chosen(role.arn, text))
        why = _why_used(role, pods, estate, used)
        if not why:
            own, more = _own_role(name, role)
            yield Login({**options, **own, **token}, (*said, *more), pods.cluster.name, role.arn)
            why = "is that of another login, too, or cannot be written as a role of this stack"
        used_as_it_is = chosen(role.arn, f"is used as it is, and stays its owner's: it {why}")
        yield Login({**options, "iamRoleArn": role.arn, **token}, (*said, used_as_it_is), pods.cluster.name)
    if not found and trusts.for_ecs(role):
        used_as_it_is = chosen(role.arn, "is the role of ECS tasks, and is used as it is")
        yield Login({"kind": "ecs-task", "iamRoleArn": role.arn, **token}, (*said, used_as_it_is))


def _annotated(account: str, cluster: str, estate: Estate) -> str:
    return estate.annotated.get(cluster, {}).get(account, "")


def _why_used(role: Role, pods: trusts.Pods, estate: Estate, used: Collection[Use]) -> str:
    """Why the role is used as it is; empty where the stack can have it."""
    if Use.IAM_ROLES in used:
        return "was to be left"
    if arns.parse(role.arn).account != estate.account_id:
        return "is of another account"
    if role.inline:
        return f"has inline policies ({', '.join(role.inline)})"
    if not pods.exact:
        return "has a trust policy that is not that of these service accounts alone, each with sub and aud"
    return ""


def _own_role(name: str, role: Role) -> tuple[dict[str, Any], list[Remark]]:
    """The options of an IAM role that the stack takes over, and what of it changes."""
    arn = arns.parse(role.arn)
    options: dict[str, Any] = {}
    if arn.name != name:
        options["iamRoleName"] = arn.name
    if arn.path != "/":
        options["iamRolePath"] = arn.path
    if role.attached:
        options["policyArns"] = _keyed(role.attached)
    if role.boundary:
        options["permissionsBoundary"] = role.boundary
    if role.max_session != 3600:
        options["maxSessionDuration"] = duration(role.max_session)
    if tags := {key: value for key, value in role.tags.items() if not key.startswith("aws:")}:
        options["tags"] = tags
    return options, [changes(role.arn, "gets the description and the tags of this stack")]


def _keyed(policies: Collection[str]) -> dict[str, str]:
    """Policies by a name for each."""
    keyed: dict[str, str] = {}
    for arn in policies:
        key = stem = re.sub(r"[^a-z0-9-]+", "-", arn.rpartition("/")[2].lower())[:36].strip("-") or "policy"
        number = 1
        while key in keyed:
            number += 1
            key = f"{stem}-{number}"
        keyed[key] = arn
    return keyed


# Instances


def _instances(
    name: str,
    role: Mapping[str, Any],
    bounds: Mapping[str, Any],
    estate: Estate,
    token: Mapping[str, Any],
    said: list[Remark],
    about: str,
) -> Login:
    profiles = [str(arn) for arn in bounds.get("bound_iam_instance_profile_arn") or []]
    principals = [str(arn) for arn in bounds.get("bound_iam_principal_arn") or []]
    patterns = principals or [str(arn) for arn in bounds.get("bound_iam_role_arn") or []]
    accounts = {str(each) for each in bounds.get("bound_account_id") or []}
    roles = sorted(arn for arn in estate.roles if any(matches(arn, each) for each in patterns))
    if not patterns:
        of_profiles = {
            arn: it for account in estate.accounts.values() for arn, it in account.profiles.items()
        }
        matching = [arn for arn in of_profiles if any(matches(arn, each) for each in profiles)]
        roles = sorted({of_profiles[arn] for arn in matching} - {""})
        roles = [arn for arn in roles if not accounts or arn.split(":")[4] in accounts]
    if not roles:
        raise Inexpressible(
            f"lets in instances by {', '.join(sorted(bounds))}, and none of their roles was found: a login "
            "binds the roles, for any role of the account can take the name of an instance"
        )
    if bounds.get("bound_iam_role_arn") != roles or principals != roles:
        text = (
            f"binds also the roles of its instances, {', '.join(roles)}; without, any role of the account can"
        )
        said.append(changes(about, f"{text} log in as an instance"))
    options: dict[str, Any] = {"kind": "ec2-instance", "roleArns": roles}
    options["instanceProfileNames"] = [arn.partition(_PROFILE)[2] for arn in profiles] or ["*"]
    region = str(role.get("inferred_aws_region") or "")
    if region and region != estate.region:
        options["region"] = region
    words = {
        "bound_vpc_id": "boundVpcIds",
        "bound_subnet_id": "boundSubnetIds",
        "bound_ami_id": "boundAmiIds",
    }
    options |= {word: list(bounds[field]) for field, word in words.items() if bounds.get(field)}
    return Login({**options, **token}, tuple(said))


def matches(arn: str, pattern: str) -> bool:
    """As Vault compares: a `*` is a wildcard at the end only."""
    if pattern.endswith("*"):
        return arn.startswith(pattern[:-1])
    return arn == pattern
