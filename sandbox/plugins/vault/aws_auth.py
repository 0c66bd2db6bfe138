"""The AWS auth method: its client config, roles, STS roles and identity config."""

import time
from collections.abc import Callable
from typing import Any

from hvac import exceptions

from sandbox.plugins.patience import propagation_seconds
from sandbox.plugins.resource import Inputs, State
from sandbox.plugins.vault.objects import fields, vault_object

_CREDENTIALS = frozenset({"accessKey", "secretKey"})

_BOUNDS = {
    "boundAccountIds": "bound_account_id",
    "boundAmiIds": "bound_ami_id",
    "boundEc2InstanceIds": "bound_ec2_instance_id",
    "boundIamInstanceProfileArns": "bound_iam_instance_profile_arn",
    "boundIamPrincipalArns": "bound_iam_principal_arn",
    "boundIamRoleArns": "bound_iam_role_arn",
    "boundRegions": "bound_region",
    "boundSubnetIds": "bound_subnet_id",
    "boundVpcIds": "bound_vpc_id",
}


def _role_fields(_: State, inputs: Inputs) -> Inputs:
    """Resolving unique IDs has a default, but matters for IAM roles only."""
    return {n: v for n, v in inputs.items() if n != "resolveAwsUniqueIds" or inputs["authType"] == "iam"}


_PATIENCE, _PAUSE = 30.0, 0.5  # seconds
_LOOKED_UP = ("unable to resolve ARN", "unable to fetch client")


def _looked_up(write: Callable[[], Any]) -> None:
    """Writes a role, whose principals Vault looks up in AWS, where they or Vault's permission may be new.

    The official provider tries again after every status 400, for half a minute; here that is done after those
    that waiting can change.
    """
    attempts = max(1, round(propagation_seconds(_PATIENCE) / _PAUSE))
    for attempt in range(1, attempts + 1):
        try:
            write()
        except exceptions.InvalidRequest as error:
            if attempt == attempts or not any(words in str(error) for words in _LOOKED_UP):
                raise
        else:
            return
        time.sleep(_PAUSE)


def _role_replaced(old: Inputs, new: Inputs) -> frozenset[str]:
    """Vault can start resolving unique IDs, but not stop."""
    stops = old.get("resolveAwsUniqueIds") is True and new.get("resolveAwsUniqueIds") is False
    return frozenset({"resolveAwsUniqueIds"} if stops else ())


RESOURCES = (
    vault_object(
        "vault:aws/authBackendClient:AuthBackendClient",
        "auth/{backend}/config/client",
        fields(
            "accessKey",
            "allowedStsHeaderValues",
            "disableAutomatedRotation",
            "iamEndpoint",
            "iamServerIdHeaderValue",
            "identityTokenAudience",
            "identityTokenTtl",
            "maxRetries",
            "roleArn",
            "rotationPeriod",
            "rotationSchedule",
            "rotationWindow",
            "secretKey",
            "stsEndpoint",
            "stsRegion",
            "useStsRegionFromClient",
            ec2Endpoint="endpoint",
        ),
        # Writing them with every change would undo a rotation by Vault.
        as_one=_CREDENTIALS,
        hidden=frozenset({"secretKey"}),
        # A removed access key is cleared, but the official provider never writes an empty secret key: Vault
        # keeps the old one, which is unused without the access key.
        kept=frozenset({"secretKey"}),
        defaults={"backend": "aws", "maxRetries": -1},
        secret_outputs=_CREDENTIALS,
        unsupported=frozenset({"secretKeyWo", "secretKeyWoVersion"}),
        unordered=frozenset({"allowedStsHeaderValues"}),
        computed=frozenset({"identityTokenTtl", "useStsRegionFromClient"}),
        together=(frozenset({"stsEndpoint", "stsRegion"}),),
    ),
    vault_object(
        "vault:aws/authBackendRole:AuthBackendRole",
        "auth/{backend}/role/{role}",
        fields(
            "aliasMetadata",
            "allowInstanceMigration",
            "authType",
            "disallowReauthentication",
            "inferredAwsRegion",
            "inferredEntityType",
            "resolveAwsUniqueIds",
            "roleTag",
            "tokenBoundCidrs",
            "tokenExplicitMaxTtl",
            "tokenMaxTtl",
            "tokenNoDefaultPolicy",
            "tokenNumUses",
            "tokenPeriod",
            "tokenPolicies",
            "tokenTtl",
            "tokenType",
            **_BOUNDS,
        ),
        kept=frozenset({*_BOUNDS, "inferredAwsRegion", "inferredEntityType", "roleTag"}),
        persistently=_looked_up,
        reset={"tokenType": "default"},
        prepare=_role_fields,
        outputs=("roleId",),
        defaults={"backend": "aws", "authType": "iam", "resolveAwsUniqueIds": True},
        required=frozenset({"role"}),
        replace_on=frozenset({"authType"}),
        replace_if=_role_replaced,
        unordered=frozenset({*_BOUNDS, "tokenBoundCidrs", "tokenPolicies"}),
        together=(frozenset({"inferredEntityType", "inferredAwsRegion"}),),
    ),
    vault_object(
        "vault:aws/authBackendStsRole:AuthBackendStsRole",
        "auth/{backend}/config/sts/{accountId}",
        fields("stsRole", "externalId"),
        defaults={"backend": "aws"},
        required=frozenset({"accountId", "stsRole"}),
    ),
    vault_object(
        "vault:aws/authBackendConfigIdentity:AuthBackendConfigIdentity",
        "auth/{backend}/config/identity",
        fields("ec2Alias", "iamAlias", ec2Metadatas="ec2_metadata", iamMetadatas="iam_metadata"),
        computed=frozenset({"ec2Metadatas", "iamMetadatas"}),
        delete=False,  # Vault has no call for it: the mount's deletion deletes it
        defaults={"backend": "aws", "iamAlias": "role_id", "ec2Alias": "role_id"},
        unordered=frozenset({"ec2Metadatas", "iamMetadatas"}),
    ),
)
