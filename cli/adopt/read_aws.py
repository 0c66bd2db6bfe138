"""Reads AWS: IAM of each account, EKS of the first. Only calls that begin with Get, List or Describe."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

from ..aws import own_session
from ..errors import Refused
from .estate import Account, Cluster, Role, User

LINK = "AWS"


@dataclass(frozen=True)
class Source:
    """Credentials for one account."""

    account_id: str
    client: Callable[[str], Any]
    """Makes a client of a service."""

    region: str


def sources(profiles: Sequence[str], role_arns: Sequence[str], region: str | None) -> list[Source]:
    """The accounts to read: that of the shell's own credentials first. Raises Refused."""
    import botocore.session

    own = own_session()
    here = region or own.get_config_variable("region")
    if not here:
        raise Refused(
            LINK,
            None,
            "there is no region",
            "no-region",
            "write --region, or set AWS_REGION, to the cluster's",
        )
    found = [_source("", own, {}, here)]
    found += [_source(each, botocore.session.Session(profile=each), {}, here) for each in profiles]
    for arn in role_arns:
        with _asking(f"--role-arn {arn}"):
            answer = found[0].client("sts").assume_role(RoleArn=arn, RoleSessionName="vault-aws-auth-adopt")
        keys = answer["Credentials"]
        words = ("aws_access_key_id", "AccessKeyId"), ("aws_secret_access_key", "SecretAccessKey")
        given = {word: keys[key] for word, key in (*words, ("aws_session_token", "SessionToken"))}
        found.append(_source(arn, own, given, here))
    return found


def account(source: Source, access_keys: Collection[str], bound: Callable[[str], bool]) -> Account:
    """What IAM has. `access_keys` are the IDs of Vault's; `bound` tells the ARNs of roles of which more is
    read: those that Vault binds. Raises Refused."""
    iam = source.client("iam")
    with _asking(f"IAM of the account {source.account_id}"):
        listed = iam.get_paginator("get_account_authorization_details").paginate(
            Filter=["User", "Role", "LocalManagedPolicy"]  # without the thousand policies of AWS
        )
        details = [*listed]
        audiences = {
            str(it["Arn"]): iam.get_open_id_connect_provider(OpenIDConnectProviderArn=it["Arn"])[
                "ClientIDList"
            ]
            for it in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
        }
        roles = [_role(each) for page in details for each in page["RoleDetailList"]]
        profiles = [
            each
            for page in iam.get_paginator("list_instance_profiles").paginate()
            for each in page["InstanceProfiles"]
        ]
        whole = {role.arn: _whole(iam, role) if bound(role.arn) else role for role in roles}
        owners = {key: _key_owner(iam, key) for key in access_keys}
    users = [_user(each) for page in details for each in page["UserDetailList"]]
    policies = [each for page in details for each in page["Policies"]]
    return Account(
        roles=whole,
        users={user.arn: user for user in users},
        profiles={str(it["Arn"]): next((str(role["Arn"]) for role in it["Roles"]), "") for it in profiles},
        oidc_providers=audiences,
        policies={str(it["Arn"]) for it in policies},
        unused_policies=[
            str(it["Arn"])
            for it in policies
            if not it.get("AttachmentCount") and not it.get("PermissionsBoundaryUsageCount")
        ],
        key_owners={key: owner for key, owner in owners.items() if owner},
    )


def clusters(source: Source) -> Iterator[Cluster]:
    """The clusters of the source's region, with their associations of EKS Pod Identity. Raises Refused."""
    eks = source.client("eks")
    with _asking(f"EKS in {source.region}"):
        pages = eks.get_paginator("list_clusters").paginate()
        for name in [name for page in pages for name in page["clusters"]]:
            found = eks.describe_cluster(name=name)["cluster"]
            issuer = ((found.get("identity") or {}).get("oidc") or {}).get("issuer") or ""
            yield Cluster(name, str(found["arn"]), str(issuer), *_associations(eks, name))


def _associations(eks: Any, cluster: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Of the roles that pods get, and of those that they get by way of another one."""
    pages = eks.get_paginator("list_pod_identity_associations").paginate(clusterName=cluster)
    listed = [each for page in pages for each in page["associations"]]
    direct, chained = dict[str, str](), dict[str, str]()
    for each in listed:
        found = eks.describe_pod_identity_association(
            clusterName=cluster, associationId=each["associationId"]
        )["association"]
        pod = f"{found['namespace']}/{found['serviceAccount']}"
        if target := found.get("targetRoleArn"):
            chained[pod] = str(target)
        else:
            direct[pod] = str(found.get("roleArn") or "")
    return direct, chained


def _source(name: str, session: Any, keys: Mapping[str, str], region: str) -> Source:
    """`name` is what was asked for: a profile, a role's ARN, or empty for the shell's own."""
    from botocore.config import Config

    limits = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 5})

    def client(service: str) -> Any:
        return session.create_client(service, region_name=region, config=limits, **keys)

    with _asking(f"the credentials of {name or 'this shell'}"):
        who = client("sts").get_caller_identity()
    return Source(str(who["Account"]), client, region)


def _role(found: Mapping[str, Any]) -> Role:
    return Role(
        arn=str(found["Arn"]),
        unique_id=str(found["RoleId"]),
        trust=_document(found["AssumeRolePolicyDocument"]),
        boundary=_boundary(found),
        attached=_attached(found),
        inline=[str(it["PolicyName"]) for it in found.get("RolePolicyList") or []],
        tags=_tags(found),
    )


def _whole(iam: Any, role: Role) -> Role:
    """With what the list of all roles does not have."""
    found = iam.get_role(RoleName=role.arn.rpartition("/")[2])["Role"]
    return replace(
        role,
        max_session=int(found.get("MaxSessionDuration") or 3600),
        boundary=_boundary(found) or role.boundary,
        tags=_tags(found) or role.tags,
    )


def _user(found: Mapping[str, Any]) -> User:
    return User(
        arn=str(found["Arn"]),
        unique_id=str(found["UserId"]),
        boundary=_boundary(found),
        attached=_attached(found),
        inline=[str(it["PolicyName"]) for it in found.get("UserPolicyList") or []],
        tags=_tags(found),
    )


def _key_owner(iam: Any, access_key: str) -> str:
    from botocore.exceptions import ClientError

    try:
        return str(iam.get_access_key_last_used(AccessKeyId=access_key).get("UserName") or "")
    except ClientError as error:  # one of another account
        if error.response["Error"]["Code"] in ("AccessDenied", "NoSuchEntity", "InvalidInput"):
            return ""
        raise


def _document(value: Any) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(unquote(value)) if isinstance(value, str) else value
    return found


def _boundary(found: Mapping[str, Any]) -> str:
    return str((found.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn") or "")


def _attached(found: Mapping[str, Any]) -> list[str]:
    return [str(each["PolicyArn"]) for each in found.get("AttachedManagedPolicies") or []]


def _tags(found: Mapping[str, Any]) -> dict[str, str]:
    return {str(each["Key"]): str(each["Value"]) for each in found.get("Tags") or []}


@contextmanager
def _asking(what: str) -> Iterator[None]:
    """Turns AWS's errors into Refused."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        raise Refused(LINK, "AWS", f"{what}: {error}", code, _HINT) from error
    except BotoCoreError as error:
        raise Refused(LINK, None, f"{what}: {error}", "unreachable", _HINT) from error


_HINT = (
    "adopt needs iam:Get* and iam:List*, as in AWS's policy IAMReadOnlyAccess, and eks:List* and "
    "eks:Describe*; --profile and --role-arn name the credentials of further accounts"
)
