"""A Vault role that infers EC2 instances, as a login: the roles of its instances are bound as well.

Pure functions.
"""

from collections.abc import Mapping
from typing import Any

from .bounds import Inexpressible, matches, of_one_account
from .estate import Estate
from .plan import Login, Remark, changes

_PROFILE = ":instance-profile/"


def login(
    role: Mapping[str, Any],
    bounds: Mapping[str, Any],
    estate: Estate,
    token: Mapping[str, Any],
    said: list[Remark],
    about: str,
) -> Login:
    """The login, by the roles that there are. Raises Inexpressible."""
    profiles, principals, of_instances = (
        [str(arn) for arn in bounds.get(f"bound_iam_{what}_arn") or []]
        for what in ("instance_profile", "principal", "role")
    )
    accounts = {str(each) for each in bounds.get("bound_account_id") or []}
    roles = {arn for arn in estate.roles if not accounts or arn.split(":")[4] in accounts}
    for patterns in filter(None, (principals, of_instances)):  # an instance has to meet all
        roles = {arn for arn in roles if any(matches(arn, each) for each in patterns)}
    if profiles:
        every = {arn: role for account in estate.accounts.values() for arn, role in account.profiles.items()}
        roles &= {role for arn, role in every.items() if any(matches(arn, each) for each in profiles)}
    patterns = [*principals, *of_instances]
    if not patterns and not profiles:
        raise Inexpressible(
            f"lets in every instance by {', '.join(sorted(bounds))}; a login binds their roles, "
            "for any role of the account can take the name of an instance"
        )
    if not roles:
        raise Inexpressible(
            f"lets in instances by {', '.join(sorted(bounds))}, and none of their roles was found: a login "
            "binds the roles, for any role of the account can take the name of an instance"
        )
    bound = sorted(roles)
    of_one_account(bound, estate)
    more = []
    if of_instances != bound or principals != bound:
        later = ", and no longer those that are made later" if any("*" in it for it in patterns) else ""
        more.append(f"the roles of its instances, {', '.join(bound)}{later}")
    if accounts != {account := bound[0].split(":")[4]}:
        more.append(f"the account {account}")
    if not profiles:
        more.append("the instance profiles of the account")
    if more:
        why = "without its roles, any role of the account can log in as an instance"
        said.append(changes(about, f"binds also {', and '.join(more)}; {why}"))
    options: dict[str, Any] = {"kind": "ec2-instance", "roleArns": bound}
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
