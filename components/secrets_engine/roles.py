"""What Vault's AWS secrets engine hands out: its roles, and how it names what it makes."""

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from itertools import combinations
from typing import Annotated, Any

import pulumi
import pulumi_vault as vault
from typing_extensions import NotRequired, TypedDict

from .. import durations, quotas
from ..declared import UNIQUE, Default, Key, Refusal, rule
from ..forms import Duration, PolicyArn, PolicyDocument, RoleArn, Tags
from . import permissions
from .permissions import EngineRole

# Every user's name tells the role that it was made for, which is what the engine's permissions go by. The
# names of sessions are the shorter ones that STS takes.
USERNAME_TEMPLATE = (
    '{{ if (eq .Type "STS") }}'
    f'{{{{ printf "{permissions.SESSION}%s-%s" (unix_time) (random 15) | truncate 32 }}}}'
    "{{ else }}"
    f'{{{{ printf "{permissions.USER}%s" .PolicyName | truncate {permissions.USER_LENGTH} }}}}'
    "-{{ unix_time }}-{{ random 8 }}"
    "{{ end }}"
)


class AwsCredentialType(Enum):
    """What the engine makes for a client that reads a role's credentials."""

    IAM_USER = "iam_user"
    """An IAM user with an access key, both gone when the lease ends."""

    ASSUMED_ROLE = "assumed_role"
    """A session of an IAM role that trusts the engine's identity."""

    FEDERATION_TOKEN = "federation_token"  # noqa: S105
    """A session of the engine's own IAM user, within the role's policies. Not for a federated engine: AWS
    gives such sessions to users alone."""


class AwsSecretsRole(TypedDict):
    """One role of the engine: reading `<path>/creds/<name>` gives these credentials."""

    credential_type: AwsCredentialType
    """What the engine makes: `iam_user`, `assumed_role` or `federation_token`."""

    policy_document: NotRequired[pulumi.Input[PolicyDocument]]
    """IAM policy of the credentials, as JSON or as a mapping; for an assumed role it only narrows.
    Default: none."""

    policy_arns: NotRequired[Annotated[Sequence[PolicyArn], Default(()), UNIQUE]]
    """ARNs of managed policies of the credentials; for an assumed role they only narrow."""

    role_arns: NotRequired[Annotated[Sequence[RoleArn], Default(()), UNIQUE]]
    """ARNs of the IAM roles that may be assumed; for `assumed_role` at least one."""

    permissions_boundary: NotRequired[PolicyArn]
    """ARN of the policy that bounds the users of `iam_user`; the engine can then make none without it.
    Default: none."""

    tags: NotRequired[Tags]
    """Tags of the users of `iam_user`."""

    default_sts_ttl: NotRequired[Duration]
    """Life of the credentials that STS gives: `15m`, `1h`. For `assumed_role` up to 12 hours, if the roles
    allow as much, but one hour for a federated engine; for `federation_token` up to 36 hours. Default:
    Vault's own, one hour."""


_TAKEN = {
    AwsCredentialType.IAM_USER: {"policy_document", "policy_arns", "permissions_boundary", "tags"},
    AwsCredentialType.ASSUMED_ROLE: {"policy_document", "policy_arns", "role_arns", "default_sts_ttl"},
    AwsCredentialType.FEDERATION_TOKEN: {"policy_document", "policy_arns", "default_sts_ttl"},
}


@rule(AwsSecretsRole)
def _of_type(role: AwsSecretsRole) -> Iterator[Refusal]:
    kind = role["credential_type"]
    given = {field for field, value in role.items() if value}
    for field in sorted(given - {"credential_type"} - _TAKEN[kind]):
        yield Refusal(field, f"is not used by {kind.value}; remove it")
    yield from _quotas(role)
    longest = {
        AwsCredentialType.ASSUMED_ROLE: (quotas.LONGEST_ROLE_SESSION, "12h"),
        AwsCredentialType.FEDERATION_TOKEN: (quotas.LONGEST_FEDERATION_TOKEN, "36h"),
    }
    if "default_sts_ttl" in role and kind in longest:
        seconds, (most, shown) = durations.to_seconds(role["default_sts_ttl"]), longest[kind]
        if not quotas.SHORTEST_SESSION <= seconds <= most:
            yield Refusal(
                "default_sts_ttl",
                f"is outside of what STS gives for {kind.value}; write 15m to {shown}",
                role["default_sts_ttl"],
            )
    if kind is AwsCredentialType.ASSUMED_ROLE and "role_arns" not in given:
        yield Refusal("role_arns", "is empty; write at least one role for assumed_role")
    if kind is not AwsCredentialType.ASSUMED_ROLE and not given & {"policy_document", "policy_arns"}:
        yield Refusal("", "gives credentials without permissions; write {policy_document} or {policy_arns}")


def _quotas(role: AwsSecretsRole) -> Iterator[Refusal]:
    """What AWS refuses when the credentials are made; Vault does not look."""
    most, of = (
        (quotas.INLINE_POLICIES_OF_USER, "an inline policy of a user")
        if role["credential_type"] is AwsCredentialType.IAM_USER
        else (quotas.SESSION_POLICY, "the policy of a session")
    )
    mend = "make it a managed policy and write its ARN into {policy_arns}"
    yield from quotas.policy_refusals("policy_document", role.get("policy_document"), most, of, mend)
    if len(role["policy_arns"]) > quotas.ATTACHED_POLICIES:
        yield Refusal(
            "policy_arns",
            f"are {len(role['policy_arns'])}, and AWS takes {quotas.ATTACHED_POLICIES}; put what some of "
            "them allow into one policy",
        )


def shared_prefixes(roles: Mapping[str, AwsSecretsRole]) -> Iterator[Refusal]:
    """Roles whose users could be made as users of another one with another boundary.

    IAM knows a user's role by how the user's name begins, and there `my` matches the users of `my-role`, too.
    """
    makers = [
        (name, role) for name, role in roles.items() if role["credential_type"] is AwsCredentialType.IAM_USER
    ]
    for (one, its), (other, others) in combinations(makers, 2):
        ours, theirs = permissions.prefix(one), permissions.prefix(other)
        alike = ours.startswith(theirs) or theirs.startswith(ours)
        if alike and its.get("permissions_boundary") != others.get("permissions_boundary"):
            yield Refusal(
                ("roles", Key(other)),
                f"has users that IAM cannot tell from those of {{roles}}.{one}, whose "
                "{permissions_boundary} is another one: they would escape it. Give both the same "
                "{permissions_boundary}, or rename one, so that neither name is the other with a hyphen and "
                "more after it, and the first "
                f"{permissions.USER_LENGTH - len(permissions.USER)} characters differ",
            )


def policy_refusals(roles: Mapping[str, AwsSecretsRole]) -> Iterator[Refusal]:
    """Roles that ask for more than one policy of the engine's identity can have."""
    asked = {name: engine_role(role) for name, role in roles.items()}
    if not asked:
        return
    measured = quotas.size(permissions.engine_permissions(asked, partition="aws", account="0" * 12))
    if measured > quotas.MANAGED_POLICY:
        yield Refusal(
            "roles",
            f"make the policy of the engine's identity {measured:,} characters long, and AWS takes "
            f"{quotas.MANAGED_POLICY:,}; write fewer roles, or fewer {{role_arns}} and {{policy_arns}} in "
            "them",
        )
    federated = [
        role for role in roles.values() if role["credential_type"] is AwsCredentialType.FEDERATION_TOKEN
    ]
    known = {arn for role in federated for arn in role["policy_arns"] if isinstance(arn, str)}
    attached = 1 + len(known) + sum("policy_document" in role for role in federated)
    if attached > quotas.ATTACHED_POLICIES:
        yield Refusal(
            "roles",
            f"attach {attached} policies to the engine's user, its own and those of every federation_token, "
            f"and AWS attaches {quotas.ATTACHED_POLICIES}; put what some of them allow into one",
        )


def role_refusals(roles: Mapping[str, AwsSecretsRole], engine: str) -> Iterator[Refusal]:
    """What is wrong with the roles of an engine that runs as an IAM role itself, which `engine` says: it
    assumes others from a session, and STS ends what it gets after an hour; and it gets no federation tokens.
    """
    for name, role in roles.items():
        ttl, kind = role.get("default_sts_ttl"), role["credential_type"]
        assumed = kind is AwsCredentialType.ASSUMED_ROLE
        if ttl and assumed and durations.to_seconds(ttl) > quotas.LONGEST_CHAINED_SESSION:
            yield Refusal(
                ("roles", Key(name), "default_sts_ttl"),
                f"is more than STS gives when one role assumes another, and {engine} runs as a role; write "
                "up to 1h, or give the engine a user",
                ttl,
            )
        if kind is AwsCredentialType.FEDERATION_TOKEN:
            yield Refusal(
                ("roles", Key(name), "credential_type"),
                f"is not for {engine}: AWS gives federation tokens to IAM users alone; write assumed_role, "
                "or give the engine a user",
                kind.value,
            )


def engine_role(role: AwsSecretsRole) -> EngineRole:
    """What a role asks of the engine's identity."""
    return EngineRole(
        credential_type=role["credential_type"].value,
        policy_arns=list(role["policy_arns"]),
        inline_policy="policy_document" in role,
        role_arns=list(role["role_arns"]),
        permissions_boundary=role.get("permissions_boundary"),
        tagged=bool(role["tags"]),
    )


def declare(
    name: str,
    path: pulumi.Input[str],
    roles: Mapping[str, AwsSecretsRole],
    parent: pulumi.Resource,
    after: Sequence[pulumi.Resource] = (),
) -> pulumi.Output[Sequence[str]]:
    """Declare the roles of the engine at a path, once `after` are made. Returns their names, known once the
    engine can serve them."""
    made = [
        vault.aws.SecretBackendRole(
            f"{name}-role-{role}",
            backend=path,
            name=role,
            opts=pulumi.ResourceOptions(
                parent=parent,
                depends_on=list(after),
                # Old and new have the same path: deleted last, the old one would delete the new one.
                delete_before_replace=True,
                # The provider refuses what only the other kind has, even to take it away.
                replace_on_changes=["credentialType"],
            ),
            **_inputs(declared),
        )
        for role, declared in roles.items()
    ]
    names = pulumi.Output.all(*(role.name for role in made))
    return names.apply(lambda known: [str(each) for each in known])


def _inputs(role: AwsSecretsRole) -> dict[str, Any]:
    of_sessions = role["credential_type"] is not AwsCredentialType.IAM_USER
    return {
        "credential_type": role["credential_type"].value,
        "policy_document": role.get("policy_document"),
        "policy_arns": list(role["policy_arns"]) or None,
        "role_arns": list(role["role_arns"]) or None,
        "permissions_boundary_arn": role.get("permissions_boundary"),
        "iam_tags": dict(role["tags"]) or None,
        # Never left out: the provider leaves one as it was that is no longer set. This is Vault's own.
        "default_sts_ttl": durations.to_seconds(role.get("default_sts_ttl", "1h")) if of_sessions else None,
    }
