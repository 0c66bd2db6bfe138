"""What the official providers do with a change of each input that the project's components set.

From the sources of terraform-provider-vault, -aws and -random, and of the bridge that makes them Pulumi's.
Those of Kubernetes' objects are in `official_kubernetes`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Change(Enum):
    """What another value does."""

    IN_PLACE = "is written in place"
    REPLACES = "replaces the resource"
    MOVES = "moves the mount in place; its ID and those of what is below it stay"


class Removal(Enum):
    """What taking an optional input away does. (A name that is taken away stays, by the bridge.)"""

    REQUIRED = "is refused"
    REPLACES = "replaces the resource"
    EMPTY = "writes the empty value"
    DEFAULT = "writes the provider's default"
    KEPT = "is an update that does not write it: the API keeps it"
    NO_CHANGE = "is no change, for the provider computes it, too: the API keeps it"


@dataclass(frozen=True)
class Row:
    """An input: two values, what a change between them does, and what taking it away does."""

    name: str
    first: Any
    other: Any
    change: Change
    removal: Removal
    beside: tuple[str, ...] = ()
    """Inputs that are set, and taken away, together with it."""
    default: Any = None
    """With Removal.DEFAULT."""
    live: str = ""
    """Its name where the API shows it, if the API's name is another, or none (`-`)."""


IN_PLACE, REPLACES, MOVES = Change.IN_PLACE, Change.REPLACES, Change.MOVES
REQUIRED, EMPTY, DEFAULT, KEPT = Removal.REQUIRED, Removal.EMPTY, Removal.DEFAULT, Removal.KEPT
NO_CHANGE = Removal.NO_CHANGE

ACCOUNT = "arn:aws:iam::111111111111"
TRUST, OTHER_TRUST = (
    json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
        }
    )
    for service in ("ec2.amazonaws.com", "eks.amazonaws.com")
)
READ, LIST = (
    json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}
    )
    for action in ("iam:GetRole", "iam:ListRoles")
)


def _bound(name: str, first: str, other: str) -> Row:
    field = re.sub(r"(?a)[A-Z]", lambda letter: f"_{letter[0].lower()}", name).removesuffix("s")
    return Row(name, [first], [other], IN_PLACE, KEPT, live=field)


VAULT: dict[str, tuple[Row, ...]] = {
    "vault:index/authBackend:AuthBackend": (
        Row("type", "aws", "userpass", REPLACES, REQUIRED),
        Row("path", "{path}", "{path}-2", MOVES, NO_CHANGE, live="-"),
        Row("description", "a", "b", IN_PLACE, EMPTY),
    ),
    "vault:index/mount:Mount": (
        Row("type", "kv", "transit", REPLACES, REQUIRED),
        Row("path", "{path}", "{path}-2", MOVES, REQUIRED, live="-"),
        Row("description", "a", "b", IN_PLACE, EMPTY),
        Row("maxLeaseTtlSeconds", 3600, 7200, IN_PLACE, NO_CHANGE, live="max_lease_ttl"),
        Row("defaultLeaseTtlSeconds", 60, 120, IN_PLACE, NO_CHANGE, live="default_lease_ttl"),
    ),
    "vault:index/policy:Policy": (
        Row("name", "{path}", "{path}-2", REPLACES, NO_CHANGE, live="-"),
        Row("policy", "# a", "# b", IN_PLACE, REQUIRED),
        Row("allowOverwrite", False, True, IN_PLACE, DEFAULT, default=True, live="-"),
    ),
    "vault:aws/authBackendClient:AuthBackendClient": (
        Row("backend", "{mount}", "{other}", REPLACES, Removal.REPLACES),
        Row("accessKey", "AKIAA", "AKIAB", IN_PLACE, EMPTY, beside=("secretKey",)),
        # What Vault keeps of it is tested by what Vault then refuses.
        Row("secretKey", "a", "b", IN_PLACE, KEPT, beside=("accessKey",), live="-"),
        Row("stsEndpoint", "https://a.example.com", "https://b.example.com", IN_PLACE, EMPTY, ("stsRegion",)),
        Row("stsRegion", "us-east-1", "us-east-2", IN_PLACE, EMPTY, ("stsEndpoint",)),
        Row("iamEndpoint", "https://a.example.com", "https://b.example.com", IN_PLACE, EMPTY),
        Row(
            "ec2Endpoint", "https://a.example.com", "https://b.example.com", IN_PLACE, EMPTY, live="endpoint"
        ),
        Row("iamServerIdHeaderValue", "a.example.com", "b.example.com", IN_PLACE, EMPTY),
        Row("maxRetries", 1, 2, IN_PLACE, DEFAULT, default=-1),
        Row("useStsRegionFromClient", True, False, IN_PLACE, NO_CHANGE),
    ),
    "vault:aws/authBackendRole:AuthBackendRole": (
        Row("backend", "{mount}", "{other}", REPLACES, Removal.REPLACES),
        Row("role", "a", "b", REPLACES, REQUIRED),
        Row("authType", "iam", "ec2", REPLACES, NO_CHANGE),  # as the default is the same
        Row("tokenPolicies", ["a"], ["b"], IN_PLACE, EMPTY),
        Row("tokenTtl", 60, 120, IN_PLACE, EMPTY),
        Row("tokenMaxTtl", 3600, 7200, IN_PLACE, EMPTY),
        Row(
            "boundIamPrincipalArns",
            [f"{ACCOUNT}:role/a"],
            [f"{ACCOUNT}:role/b"],
            IN_PLACE,
            KEPT,
            live="bound_iam_principal_arn",
        ),
        _bound("boundAccountIds", "111111111111", "222222222222"),
        _bound(
            "boundIamInstanceProfileArns", f"{ACCOUNT}:instance-profile/a", f"{ACCOUNT}:instance-profile/b"
        ),
        _bound("boundIamRoleArns", f"{ACCOUNT}:role/a", f"{ACCOUNT}:role/b"),
        _bound("boundVpcIds", "vpc-11111111", "vpc-22222222"),
        _bound("boundSubnetIds", "subnet-11111111", "subnet-22222222"),
        _bound("boundAmiIds", "ami-11111111", "ami-22222222"),
        Row("tokenBoundCidrs", ["10.0.0.0/8"], ["192.0.2.0/24"], IN_PLACE, EMPTY),
        Row("tokenExplicitMaxTtl", 3600, 7200, IN_PLACE, EMPTY),
        Row("tokenNoDefaultPolicy", True, False, IN_PLACE, EMPTY),
        Row("tokenNumUses", 1, 2, IN_PLACE, EMPTY),
        Row("tokenPeriod", 60, 120, IN_PLACE, EMPTY),
        Row("tokenType", "service", "batch", IN_PLACE, DEFAULT, default="default"),
    ),
    "vault:aws/authBackendStsRole:AuthBackendStsRole": (
        Row("backend", "{mount}", "{other}", REPLACES, Removal.REPLACES),
        Row("stsRole", f"{ACCOUNT}:role/a", f"{ACCOUNT}:role/b", IN_PLACE, REQUIRED),
        Row("externalId", "first-one", "other-one", IN_PLACE, EMPTY),
    ),
    "vault:aws/authBackendConfigIdentity:AuthBackendConfigIdentity": (
        Row("backend", "{mount}", "{other}", REPLACES, Removal.REPLACES),
        Row("iamAlias", "unique_id", "full_arn", IN_PLACE, DEFAULT, default="role_id"),
        Row("iamMetadatas", ["account_id"], ["auth_type"], IN_PLACE, NO_CHANGE, live="iam_metadata"),
    ),
    "vault:aws/secretBackend:SecretBackend": (
        Row("path", "{path}", "{path}-2", MOVES, DEFAULT, live="-"),
        Row("description", "a", "b", IN_PLACE, EMPTY, live="-"),
        Row("region", "us-east-1", "us-east-2", IN_PLACE, NO_CHANGE),
        Row("usernameTemplate", "a{{random 8}}", "b{{random 8}}", IN_PLACE, NO_CHANGE),
        Row("stsEndpoint", "https://a.example.com", "https://b.example.com", IN_PLACE, KEPT),
        Row("iamEndpoint", "https://a.example.com", "https://b.example.com", IN_PLACE, KEPT),
        Row("accessKey", "AKIAA", "AKIAB", IN_PLACE, EMPTY, beside=("secretKey",)),
        Row("secretKey", "a", "b", IN_PLACE, EMPTY, beside=("accessKey",), live="-"),
        Row("defaultLeaseTtlSeconds", 60, 120, IN_PLACE, NO_CHANGE, live="-"),
        Row("maxLeaseTtlSeconds", 3600, 7200, IN_PLACE, NO_CHANGE, live="-"),
    ),
    "vault:aws/secretBackendRole:SecretBackendRole": (
        Row("backend", "{engine}", "{otherEngine}", REPLACES, REQUIRED),
        Row("name", "a", "b", REPLACES, NO_CHANGE, live="-"),
        Row("policyDocument", READ, LIST, IN_PLACE, EMPTY),
        Row("policyArns", [f"{ACCOUNT}:policy/a"], [f"{ACCOUNT}:policy/b"], IN_PLACE, EMPTY),
        Row("roleArns", [f"{ACCOUNT}:role/a"], [f"{ACCOUNT}:role/b"], REPLACES, Removal.REPLACES),
        Row("defaultStsTtl", 900, 1800, IN_PLACE, NO_CHANGE),
        Row("maxStsTtl", 1800, 3600, IN_PLACE, NO_CHANGE),
        Row("iamTags", {"a": "1"}, {"a": "2"}, IN_PLACE, EMPTY),
        Row("permissionsBoundaryArn", f"{ACCOUNT}:policy/a", f"{ACCOUNT}:policy/b", IN_PLACE, EMPTY),
    ),
    "vault:identity/oidc:Oidc": (
        Row("issuer", "https://a.example.com", "https://b.example.com", IN_PLACE, EMPTY),
    ),
    "vault:identity/oidcKey:OidcKey": (
        Row("name", "{path}", "{path}-2", REPLACES, NO_CHANGE, live="-"),
        Row("algorithm", "RS384", "ES256", IN_PLACE, DEFAULT, default="RS256"),
        Row("rotationPeriod", 86000, 80000, IN_PLACE, DEFAULT, default=86400),
        Row("verificationTtl", 3600, 7200, IN_PLACE, DEFAULT, default=86400),
        Row("allowedClientIds", ["a"], ["b"], IN_PLACE, NO_CHANGE),
    ),
    "vault:generic/endpoint:Endpoint": (
        Row("path", "auth/{mount}/config/client", "auth/{other}/config/client", REPLACES, REQUIRED),
        Row("dataJson", '{"max_retries": 1}', '{"max_retries": 2}', IN_PLACE, REQUIRED, live="-"),
        Row("disableDelete", True, False, IN_PLACE, EMPTY, live="-"),
        Row("ignoreAbsentFields", True, False, IN_PLACE, EMPTY, live="-"),
    ),
}

BESIDE: dict[str, Any] = {
    "secretKey": "a",
    "accessKey": "AKIAA",
    "stsRegion": "us-east-1",
    "stsEndpoint": "https://a.example.com",
    "roleArn": f"{ACCOUNT}:role/a",
    "identityTokenAudience": "a",
}
"""Values of inputs that are set beside another."""

_KEY = Row("identityTokenKey", "{key}", "{otherKey}", IN_PLACE, KEPT)
_ROLE, _AUDIENCE, _TTL = (
    ("roleArn", f"{ACCOUNT}:role/a", f"{ACCOUNT}:role/b", IN_PLACE),
    ("identityTokenAudience", "a", "b", IN_PLACE),
    ("identityTokenTtl", 900, 1800, IN_PLACE),
)

ENTERPRISE: dict[str, tuple[Row, ...]] = {
    "vault:index/authBackend:AuthBackend": (_KEY,),
    "vault:aws/secretBackend:SecretBackend": (
        _KEY,
        Row(*_ROLE, KEPT),
        Row(*_AUDIENCE, KEPT),
        Row(*_TTL, NO_CHANGE),
    ),
    "vault:aws/authBackendClient:AuthBackendClient": (
        Row(*_ROLE, EMPTY, beside=("identityTokenAudience",)),
        Row(*_AUDIENCE, EMPTY, beside=("roleArn",)),
        Row(*_TTL, NO_CHANGE),
    ),
}
"""Of Vault Enterprise. Its namespaces are an input of every type: another one replaces, as none does."""


def _sizes(size: int) -> dict[str, int]:
    return {"minSize": size, "desiredSize": size, "maxSize": size + 1}


def _template(name: str, version: int) -> dict[str, str]:
    return {"id": name, "version": str(version)}


def _taint(value: str) -> dict[str, str]:
    return {"key": "a", "value": value, "effect": "NO_SCHEDULE"}


_TAGS = Row("tags", {"a": "1"}, {"b": "2"}, IN_PLACE, EMPTY)

AWS: dict[str, tuple[Row, ...]] = {
    "aws:iam/role:Role": (
        Row("name", "{new}", "{new}-2", REPLACES, NO_CHANGE),
        Row("assumeRolePolicy", TRUST, OTHER_TRUST, IN_PLACE, REQUIRED),
        Row("description", "a", "b", IN_PLACE, EMPTY),
        Row("maxSessionDuration", 7200, 43200, IN_PLACE, DEFAULT, default=3600),
        Row("permissionsBoundary", "{policy}", "{otherPolicy}", IN_PLACE, EMPTY),
        Row("path", "/a/", "/b/", REPLACES, Removal.REPLACES),
        Row("forceDetachPolicies", True, False, IN_PLACE, DEFAULT, default=False, live="-"),
        _TAGS,
    ),
    "aws:iam/user:User": (
        Row("name", "{new}", "{new}-2", IN_PLACE, NO_CHANGE, live="-"),  # it is renamed
        Row("permissionsBoundary", "{policy}", "{otherPolicy}", IN_PLACE, EMPTY),
        Row("forceDestroy", True, False, IN_PLACE, DEFAULT, default=False, live="-"),
        _TAGS,
    ),
    "aws:iam/accessKey:AccessKey": (
        Row("user", "{user}", "{otherUser}", REPLACES, REQUIRED),
        Row("status", "Inactive", "Active", IN_PLACE, DEFAULT, default="Active"),
    ),
    "aws:iam/policy:Policy": (
        Row("name", "{new}", "{new}-2", REPLACES, NO_CHANGE),
        Row("description", "a", "b", REPLACES, Removal.REPLACES),
        Row("policy", READ, LIST, IN_PLACE, REQUIRED),
        _TAGS,
    ),
    "aws:iam/rolePolicy:RolePolicy": (
        Row("name", "{new}", "{new}-2", REPLACES, NO_CHANGE),
        Row("role", "{role}", "{otherRole}", REPLACES, REQUIRED),
        Row("policy", READ, LIST, IN_PLACE, REQUIRED),
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": (
        Row("role", "{role}", "{otherRole}", REPLACES, REQUIRED),
        Row("policyArn", "{policy}", "{otherPolicy}", REPLACES, REQUIRED),
    ),
    "aws:iam/userPolicyAttachment:UserPolicyAttachment": (
        Row("user", "{user}", "{otherUser}", REPLACES, REQUIRED),
        Row("policyArn", "{policy}", "{otherPolicy}", REPLACES, REQUIRED),
    ),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": (
        Row("url", "{url}", "{url}-2", REPLACES, REQUIRED),
        Row("clientIdLists", ["a"], ["b"], IN_PLACE, REQUIRED),
        Row("thumbprintLists", ["a" * 40], ["b" * 40], IN_PLACE, NO_CHANGE),
        _TAGS,
    ),
    "aws:iam/instanceProfile:InstanceProfile": (
        Row("name", "{new}", "{new}-2", REPLACES, NO_CHANGE),
        Row("role", "{role}", "{otherRole}", IN_PLACE, EMPTY),
        _TAGS,
    ),
    "aws:ec2/launchTemplate:LaunchTemplate": (
        Row("name", "{new}", "{new}-2", REPLACES, NO_CHANGE),
        Row("description", "a", "b", IN_PLACE, EMPTY),
        Row(
            "metadataOptions",
            {"httpTokens": "required", "httpPutResponseHopLimit": 1},
            {"httpTokens": "required", "httpPutResponseHopLimit": 2},
            IN_PLACE,
            NO_CHANGE,
            live="-",
        ),
    ),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": (
        Row("clusterName", "{cluster}", "other", REPLACES, REQUIRED),
        Row("namespace", "a", "b", REPLACES, REQUIRED),
        Row("serviceAccount", "a", "b", REPLACES, REQUIRED),
        Row("roleArn", "{roleArn}", "{otherRoleArn}", IN_PLACE, REQUIRED),
        Row("disableSessionTags", True, False, IN_PLACE, NO_CHANGE),
        _TAGS,
    ),
    "aws:eks/addon:Addon": (
        Row("clusterName", "{cluster}", "other", REPLACES, REQUIRED),
        Row("addonName", "eks-pod-identity-agent", "coredns", REPLACES, REQUIRED),
        _TAGS,
    ),
    "aws:eks/cluster:Cluster": (
        Row("name", "{new}", "{new}-2", REPLACES, NO_CHANGE),
        Row("roleArn", "{roleArn}", "{otherRoleArn}", REPLACES, REQUIRED),
        Row("version", "1.34", "1.35", IN_PLACE, NO_CHANGE),
        Row("enabledClusterLogTypes", ["api"], ["audit"], IN_PLACE, EMPTY),
        _TAGS,
    ),
    "aws:eks/nodeGroup:NodeGroup": (
        Row("clusterName", "{cluster}", "other", REPLACES, REQUIRED),
        Row("nodeGroupName", "{new}", "{new}-2", REPLACES, NO_CHANGE),
        Row("nodeRoleArn", "{roleArn}", "{otherRoleArn}", REPLACES, REQUIRED),
        Row("subnetIds", ["{subnet}"], ["{subnet}", "{otherSubnet}"], REPLACES, REQUIRED),
        Row("scalingConfig", _sizes(1), _sizes(2), IN_PLACE, REQUIRED),
        Row("instanceTypes", ["t3.medium"], ["t3.large"], REPLACES, NO_CHANGE),
        Row("amiType", "AL2023_x86_64_STANDARD", "AL2023_ARM_64_STANDARD", REPLACES, NO_CHANGE),
        Row("capacityType", "ON_DEMAND", "SPOT", REPLACES, NO_CHANGE),
        Row("diskSize", 20, 30, REPLACES, NO_CHANGE),
        Row("remoteAccess", {"ec2SshKey": "a"}, {"ec2SshKey": "b"}, REPLACES, Removal.REPLACES),
        Row("version", "1.34", "1.35", IN_PLACE, NO_CHANGE),
        Row("releaseVersion", "1.35.0-1", "1.35.0-2", IN_PLACE, NO_CHANGE),
        Row("updateConfig", {"maxUnavailable": 1}, {"maxUnavailable": 2}, IN_PLACE, NO_CHANGE, live="-"),
        Row("launchTemplate", _template("{template}", 1), _template("{template}", 2), IN_PLACE, KEPT),
        Row(
            "launchTemplate",
            _template("{template}", 1),
            _template("{otherTemplate}", 1),
            REPLACES,
            KEPT,
        ),
        Row("labels", {"a": "1"}, {"b": "2"}, IN_PLACE, EMPTY),
        Row("taints", [_taint("1")], [_taint("2")], IN_PLACE, EMPTY),
        _TAGS,
    ),
}

RANDOM: dict[str, tuple[Row, ...]] = {
    "random:index/randomPassword:RandomPassword": (
        Row("length", 16, 32, REPLACES, REQUIRED),
        Row("special", False, True, REPLACES, Removal.REPLACES),
        Row("keepers", {"a": "1"}, {"a": "2"}, REPLACES, Removal.REPLACES),
    ),
}

ANSWERED = {
    "vault:aws/authBackendRole:AuthBackendRole: inferredAwsRegion",
    "vault:aws/authBackendRole:AuthBackendRole: inferredEntityType",
    "vault:aws/authBackendRole:AuthBackendRole: resolveAwsUniqueIds",
    "vault:aws/authBackendStsRole:AuthBackendStsRole: accountId",
    "vault:aws/secretBackendRole:SecretBackendRole: credentialType",
    "vault:index/mount:Mount: options",
    "aws:ec2/launchTemplate:LaunchTemplate: tags",
}
"""Inputs that never change in place: a component sets one value for ever, names the resource after it, or
replaces the resource itself (`replace_on_changes`)."""
