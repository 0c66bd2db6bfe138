"""The AWS auth method: its client config, roles, STS roles and identity config."""

from sandbox.plugins.resource import Inputs
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


def _role_fields(inputs: Inputs) -> Inputs:
    """Whether to resolve unique IDs has a default, but a meaning only for IAM roles."""
    return {n: v for n, v in inputs.items() if n != "resolveAwsUniqueIds" or inputs["authType"] == "iam"}


def _role_replaced(old: Inputs, new: Inputs) -> frozenset[str]:
    """Vault can begin to resolve unique IDs, but not stop."""
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
        # Written again with each change, they would undo a rotation made by Vault.
        as_one=_CREDENTIALS,
        hidden=frozenset({"secretKey"}),
        # An access key that is removed is cleared, but the official provider never writes an empty secret
        # key: Vault keeps the old one, and with it alone goes to AWS no more.
        kept=frozenset({"secretKey"}),
        defaults={"backend": "aws", "maxRetries": -1},
        secret_outputs=_CREDENTIALS,
        unsupported=frozenset({"secretKeyWo", "secretKeyWoVersion"}),
        unordered=frozenset({"allowedStsHeaderValues"}),
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
        kept=frozenset({"ec2Metadatas", "iamMetadatas"}),
        delete=False,  # Vault has no call for it: the config goes with its mount
        defaults={"backend": "aws", "iamAlias": "role_id", "ec2Alias": "role_id"},
        unordered=frozenset({"ec2Metadatas", "iamMetadatas"}),
    ),
)
