"""The ways in which a Vault role can be written as a login of this project, the best one first.

Which of them is taken is decided by the rules of the stack file (`decide`). Pure functions.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from components.forms import is_wild

from ..principals import named
from . import iam_roles, instances, tokens, trusts
from .bounds import Inexpressible, of_one_account
from .estate import Estate, Role
from .plan import Login, Remark, Use, changes, chosen

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
_WORDS = {
    "auth_type",
    "inferred_aws_region",
    "inferred_entity_type",
    "max_ttl",
    "period",
    "policies",
    "resolve_aws_unique_ids",
    "role_id",
    "ttl",
}
_OF_TOKENS = {
    "bound_cidrs",
    "explicit_max_ttl",
    "max_ttl",
    "no_default_policy",
    "num_uses",
    "period",
    "policies",
    "ttl",
    "type",
}
"""What logins say of a token, in Vault's own words without `token_`."""


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
    if more := sorted(field for field, value in role.items() if value and not _is_known(field)):
        raise Inexpressible(f"has {', '.join(more)}, which no login of this project writes")
    token, said = tokens.token(role, estate.vault.mount, about)
    by_text = role.get("resolve_aws_unique_ids") is False
    if by_text:
        text = "resolve_aws_unique_ids is true: Vault goes by the principals' IDs, as updates keep them right"
        said.append(changes(about, text))
    if inferred:
        yield instances.login(role, bounds, estate, token, said, about)
        return
    principals = [str(arn) for arn in bounds.get("bound_iam_principal_arn") or []]
    kept = _kept(role, principals, estate, about, said)
    if not by_text:
        said.extend(_pinned(role, kept, estate, about))
    if len(principals) == 1:
        (arn,) = kept
        if found := estate.roles.get(arn):
            yield from _workloads(name, found, estate, used, token, said)
    yield Login({"kind": "principal", "principals": kept, **token}, tuple(said))


# Roles and users


def _kept(
    role: Mapping[str, Any], principals: list[str], estate: Estate, about: str, said: list[Remark]
) -> list[str]:
    """The bound ARNs as IAM has them, without those of what is gone."""
    there = {named(arn): arn for arn in estate.principals()}
    gone, kept = [], []
    for arn in principals:
        if not arn.startswith("arn:") and not arn.endswith("*"):
            gone.append(arn)  # an ID, or a name: Vault compares ARNs
        elif arn.endswith("*") or not _is_read(arn, estate):
            kept.append(arn)
            if not arn.endswith("*"):
                said.append(chosen(arn, "was not looked up, for its account was not read"))
        elif (found := there.get(named(arn), "")) == arn:
            kept.append(arn)
        elif found and role.get("resolve_aws_unique_ids") is not False:
            # IAM goes by the name, and so did Vault when it looked the ID up.
            kept.append(found)
            said.append(changes(about, f"binds {found}, as IAM has it; it was {arn}, of the same ID"))
        else:
            gone.append(arn)
    if not kept:
        what = f"binds {', '.join(gone)}, which is not there" if gone else "binds no role and no user"
        raise Inexpressible(f"{what}: nothing can log in with it")
    said.extend(changes(about, f"no longer binds {arn}, which is not there") for arn in gone)
    of_one_account(kept, estate)
    return list(dict.fromkeys(kept))


def _is_read(arn: str, estate: Estate) -> bool:
    parts = arn.split(":", 5)
    return len(parts) == 6 and parts[2] == "iam" and parts[4] in estate.accounts


def _pinned(role: Mapping[str, Any], kept: list[str], estate: Estate, about: str) -> Iterator[Remark]:
    """What is to be said of the IDs by which Vault knows the principals."""
    pinned = {str(each) for each in role.get("bound_iam_principal_id") or []}
    for arn in kept:
        if not arn.endswith("*") and pinned and estate.unique_id(arn) not in (*pinned, ""):
            yield changes(
                about, f"{arn} was made again, so Vault refuses it today; the update looks its ID up"
            )


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
        where = ", ".join(f"{', '.join(each.names)} ({each.method})" for each in found)
        text = (
            f"is the role of pods in {where}; a login has one method, and the same service accounts in each "
        )
        said.append(chosen(role.arn, f"{text}cluster, so this one binds the role, and does not look at them"))
        return
    for pods in found:
        options: dict[str, Any] = {"kind": "service-account", "serviceAccounts": list(pods.accounts)}
        options["serviceAccountMode"] = "none"
        if pods.method != "irsa":
            options["method"] = pods.method
        if any(map(is_wild, pods.accounts)):
            options["allowWildcards"] = True
            text = "has a wildcard in its trust policy, so it lets in service accounts that do not exist yet"
            said.append(chosen(role.arn, text))
        why = iam_roles.why_used(role, pods, estate, used)
        if not why:
            own, more = iam_roles.own_role(name, role, pods)
            yield Login({**options, **own, **token}, (*said, *more), pods.names, role.arn)
            why = "is that of another login, too, or cannot be written as a role of this stack"
        used_as_it_is = chosen(role.arn, f"is used as it is, and stays its owner's: it {why}")
        getting, others = trusts.getting(role, pods, estate)
        if getting:
            options |= {"serviceAccounts": getting, "iamRoleArn": role.arn}
            yield Login({**options, **token}, (*said, *others, used_as_it_is), pods.names)
        else:
            said.extend(others)
    if not found and trusts.for_ecs(role, estate.region):
        used_as_it_is = chosen(role.arn, "is the role of ECS tasks, and is used as it is")
        yield Login({"kind": "ecs-task", "iamRoleArn": role.arn, **token}, (*said, used_as_it_is))


def _is_known(field: str) -> bool:
    return field in _WORDS or field.startswith(_BOUND) or field.removeprefix("token_") in _OF_TOKENS
