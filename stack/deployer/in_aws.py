"""What each resource type needs in AWS: the calls of the official providers, and the ARNs that they concern.

ARNs are those that the declared inputs give. A name that Pulumi or AWS makes up ends in `*`; what has only a
made-up ID is told from others by the tags that the stack gives everything.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from components import arns, trust
from stack.deployer.needs import Condition, Need
from stack.deployer.program import LOOKED_UP, UNKNOWN_ACCOUNT, UNKNOWN_ID, Declared, Place, Program, parsed

Arns = Callable[[Declared, Place], Iterable[str]]
Given = Callable[[Declared, Place], Iterable[Condition]]


class Calls(NamedTuple):
    """Actions of one kind that a resource type needs."""

    actions: tuple[str, ...]
    on: Arns
    given: Given
    reading: bool


def _nothing(_: Declared, __: Place) -> Iterable[Condition]:
    return ()


def _anything(_: Declared, __: Place) -> Iterable[str]:
    """For actions that AWS grants on everything only."""
    return ("*",)


def reads(actions: str, on: Arns = _anything) -> Calls:
    """Actions of a preview and a refresh, and of every update; `iam:GetRole GetUser`: the service once."""
    return _calls(actions, on, _nothing, True)


def writes(actions: str, on: Arns, given: Given = _nothing) -> Calls:
    """Actions of an update."""
    return _calls(actions, on, given, False)


def _calls(actions: str, on: Arns, given: Given, reading: bool) -> Calls:
    service, _, words = actions.partition(":")
    return Calls(tuple(f"{service}:{word}" for word in words.split()), on, given, reading)


# ARNs of IAM


def _iam(kind: str, name: str = "name") -> Arns:
    """Of a role, user or policy, by its name and path."""

    def arn(declared: Declared, place: Place) -> Iterable[str]:
        path, own = declared.inputs.get("path") or "/", declared.inputs.get(name) or f"{declared.name}-*"
        return (place.arn("iam", f"{kind}{path}{own}", declared.account),)

    return arn


def _anywhere(kind: str, name: str) -> Arns:
    """Of a role or user that is known by its name: one that the stack makes, or one with whatever path."""

    def arn(declared: Declared, place: Place) -> Iterable[str]:
        own = str(declared.inputs[name])
        if made := place.named.get((kind, own)):
            return (made,)
        return tuple(place.arn("iam", f"{kind}/{path}{own}", declared.account) for path in ("", "*/"))

    return arn


_ROLE, _USER, _POLICY = _iam("role"), _iam("user"), _iam("policy")
_PROFILE = _iam("instance-profile")
_ROLE_OF, _USER_OF = _anywhere("role", "role"), _anywhere("user", "user")


def _oidc_provider(declared: Declared, place: Place) -> Iterable[str]:
    if arn := declared.inputs.get("arn"):
        return (arn,)
    host = str(declared.inputs["url"]).removeprefix("https://")
    return (place.arn("iam", f"oidc-provider/{host}", declared.account),)


def _input(name: str) -> Arns:
    """An input that is an ARN itself; nothing where it is not given."""

    def arn(declared: Declared, _: Place) -> Iterable[str]:
        return (declared.inputs[name],) if declared.inputs.get(name) else ()

    return arn


def _this_policy(declared: Declared, _: Place) -> Iterable[Condition]:
    """Only this policy is attached and detached."""
    return (("ArnLike", "iam:PolicyARN", (declared.inputs["policyArn"],)),)


def _boundary(declared: Declared, _: Place) -> Iterable[Condition]:
    """Only with the permissions boundary that is declared."""
    arn = declared.inputs.get("permissionsBoundary")
    return (("ArnLike", "iam:PermissionsBoundary", (arn,)),) if arn else ()


def _if_bound(on: Arns) -> Arns:
    return lambda declared, place: on(declared, place) if declared.inputs.get("permissionsBoundary") else ()


def passed_to(service: str) -> Given:
    """The role is passed to this service, and to no other."""
    return lambda _, __: (("StringEquals", "iam:PassedToService", (service,)),)


def _passed_to_ec2(_: Declared, place: Place) -> Iterable[Condition]:
    return (("StringEquals", "iam:PassedToService", (f"ec2.{arns.dns_suffix(place.region)}",)),)


def _if_forced(on: Arns) -> Arns:
    """Of a user that is deleted with everything that it has."""
    return lambda declared, place: on(declared, place) if declared.inputs.get("forceDestroy") else ()


# ARNs of EKS


def _eks(kind: str, rest: str = "", cluster: str = "clusterName") -> Arns:
    """Of a cluster, or of a part of one, whose ARN ends in an ID that EKS makes up."""

    def arn(declared: Declared, place: Place) -> Iterable[str]:
        below = rest.format(**declared.inputs) if rest else ""
        return (place.arn("eks", f"{kind}/{declared.inputs[cluster]}{below}", declared.account),)

    return arn


_CLUSTER = _eks("cluster")
_ADDON = _eks("addon", "/{addonName}/*")
_ASSOCIATION = _eks("podidentityassociation", "/*")


def _in_own_account(declared: Declared, _: Place) -> Iterable[str]:
    """A policy is looked for below any path, and there alone (stack/preflight/in_lists.py)."""
    return () if declared.account else ("*",)


def _cluster_of_name(declared: Declared, place: Place) -> Iterable[str]:
    return (place.arn("eks", f"cluster/{declared.inputs['name'].partition('/')[0]}"),)


def _associations_of_name(declared: Declared, place: Place) -> Iterable[str]:
    return (place.arn("eks", f"podidentityassociation/{declared.inputs['name'].partition('/')[0]}/*"),)


# What EC2 has no names for


def _ec2(kind: str) -> Arns:
    return lambda declared, place: (place.arn("ec2", f"{kind}/*", declared.account),)


def _tagged(prefix: str) -> Given:
    """With the tags that every resource of this stack has."""
    return lambda _, place: (
        ("StringEquals", f"{prefix}/pulumi-project", (place.project,)),
        ("StringEquals", f"{prefix}/pulumi-stack", (place.stack,)),
    )


_OURS, _ASKED = _tagged("aws:ResourceTag"), _tagged("aws:RequestTag")


def _made_by(action: str) -> Given:
    return lambda _, __: (("StringEquals", "ec2:CreateAction", (action,)),)


def _vpc(declared: Declared, place: Place) -> Iterable[str]:
    return (place.arn("ec2", f"vpc/{declared.inputs.get('vpcId') or '*'}"),)


# The cluster's component of pulumi-eks, whose parts it registers itself


def _cluster(declared: Declared, place: Place) -> Iterable[str]:
    return (place.arn("eks", f"cluster/{declared.inputs['name']}"),)


def _cluster_role(declared: Declared, place: Place) -> Iterable[str]:
    return (place.arn("iam", f"role/{declared.name}-eksRole-role-*"),)


def _cluster_policy(_: Declared, place: Place) -> Iterable[Condition]:
    arn = f"arn:{place.partition}:iam::aws:policy/AmazonEKSClusterPolicy"
    return (("ArnLike", "iam:PolicyARN", (arn,)),)


def _cluster_addons(declared: Declared, place: Place) -> Iterable[str]:
    cluster = declared.inputs["name"]
    return (place.arn("eks", f"addon/{cluster}/{name}/*") for name in ("kube-proxy", "vpc-cni"))


def _service_linked(service: str, role: str) -> Arns:
    return lambda _, place: (place.arn("iam", f"role/aws-service-role/{service}/{role}"),)


def _of_service(service: str) -> Given:
    return lambda _, __: (("StringEquals", "iam:AWSServiceName", (service,)),)


_EKS, _NODES = "eks.amazonaws.com", "eks-nodegroup.amazonaws.com"
_SERVICE_ROLE = _service_linked(_EKS, "AWSServiceRoleForAmazonEKS")
_NODES_ROLE = _service_linked(_NODES, "AWSServiceRoleForAmazonEKSNodegroup")

_NODE_ROLE = _input("nodeRoleArn")


def _node_group(declared: Declared, place: Place) -> Iterable[str]:
    cluster = declared.inputs["cluster-name"]
    return (place.arn("eks", f"nodegroup/{cluster}/{declared.name}-*"),)


def _cluster_of_group(declared: Declared, place: Place) -> Iterable[str]:
    return (place.arn("eks", f"cluster/{declared.inputs['cluster-name']}"),)


def _with_template(_: Declared, place: Place) -> Iterable[Condition]:
    return (("ArnLike", "ec2:LaunchTemplate", (place.arn("ec2", "launch-template/*"),)),)


# The table

_ATTACH_ROLE = (
    reads("iam:GetRole ListAttachedRolePolicies", _ROLE_OF),
    writes("iam:AttachRolePolicy DetachRolePolicy", _ROLE_OF, _this_policy),
)
TYPES: Mapping[str, tuple[Calls, ...]] = {
    "aws:iam/role:Role": (
        reads("iam:GetRole ListAttachedRolePolicies ListRolePolicies", _ROLE),
        writes("iam:CreateRole", _ROLE, _boundary),
        writes("iam:PutRolePermissionsBoundary", _if_bound(_ROLE), _boundary),
        writes(
            "iam:DeleteRole ListInstanceProfilesForRole TagRole UntagRole UpdateAssumeRolePolicy UpdateRole "
            "UpdateRoleDescription",
            _ROLE,
        ),
    ),
    "aws:iam/user:User": (
        reads("iam:GetUser", _USER),
        writes("iam:CreateUser", _USER, _boundary),
        writes("iam:PutUserPermissionsBoundary", _if_bound(_USER), _boundary),
        writes("iam:DeleteUser ListGroupsForUser TagUser UntagUser", _USER),
        writes(
            "iam:DeleteAccessKey ListAccessKeys ListAttachedUserPolicies ListMFADevices ListSSHPublicKeys "
            "ListServiceSpecificCredentials ListSigningCertificates ListUserPolicies DeleteLoginProfile",
            _if_forced(_USER),
        ),
        writes("iam:ListVirtualMFADevices", _if_forced(_anything)),
    ),
    "aws:iam/policy:Policy": (
        reads("iam:GetPolicy GetPolicyVersion", _POLICY),
        writes(
            "iam:CreatePolicy CreatePolicyVersion DeletePolicy DeletePolicyVersion ListPolicyVersions "
            "TagPolicy UntagPolicy",
            _POLICY,
        ),
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _ATTACH_ROLE,
    "aws:iam/userPolicyAttachment:UserPolicyAttachment": (
        reads("iam:GetUser ListAttachedUserPolicies", _USER_OF),
        writes("iam:AttachUserPolicy DetachUserPolicy", _USER_OF, _this_policy),
    ),
    "aws:iam/rolePolicy:RolePolicy": (
        reads("iam:GetRolePolicy", _ROLE_OF),
        writes("iam:DeleteRolePolicy PutRolePolicy", _ROLE_OF),
    ),
    "aws:iam/accessKey:AccessKey": (
        reads("iam:ListAccessKeys", _USER_OF),
        writes("iam:CreateAccessKey DeleteAccessKey UpdateAccessKey", _USER_OF),
    ),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": (
        reads("iam:GetOpenIDConnectProvider", _oidc_provider),
        writes(
            "iam:AddClientIDToOpenIDConnectProvider CreateOpenIDConnectProvider DeleteOpenIDConnectProvider "
            "RemoveClientIDFromOpenIDConnectProvider TagOpenIDConnectProvider UntagOpenIDConnectProvider "
            "UpdateOpenIDConnectProviderThumbprint",
            _oidc_provider,
        ),
    ),
    "aws:iam/instanceProfile:InstanceProfile": (
        reads("iam:GetInstanceProfile", _PROFILE),
        reads("iam:GetRole", _ROLE_OF),
        writes(
            "iam:AddRoleToInstanceProfile CreateInstanceProfile DeleteInstanceProfile "
            "RemoveRoleFromInstanceProfile TagInstanceProfile UntagInstanceProfile",
            _PROFILE,
        ),
        writes("iam:PassRole", _ROLE_OF, _passed_to_ec2),
    ),
    "aws:ec2/launchTemplate:LaunchTemplate": (
        reads("ec2:DescribeLaunchTemplateVersions DescribeLaunchTemplates"),
        writes("ec2:CreateLaunchTemplate", _ec2("launch-template"), _ASKED),
        writes("ec2:CreateTags", _ec2("launch-template"), _made_by("CreateLaunchTemplate")),
        writes(
            "ec2:CreateLaunchTemplateVersion CreateTags DeleteLaunchTemplate DeleteTags ModifyLaunchTemplate",
            _ec2("launch-template"),
            _OURS,
        ),
    ),
    "aws:eks/addon:Addon": (
        reads("eks:DescribeAddon", _ADDON),
        writes("eks:CreateAddon", _CLUSTER),
        writes("eks:DeleteAddon TagResource UntagResource UpdateAddon", _ADDON),
        writes("eks:DescribeUpdate", _ADDON),
    ),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": (
        reads("eks:DescribePodIdentityAssociation", _ASSOCIATION),
        writes("eks:CreatePodIdentityAssociation", _CLUSTER),
        writes(
            "eks:DeletePodIdentityAssociation TagResource UntagResource UpdatePodIdentityAssociation",
            _ASSOCIATION,
        ),
        writes("iam:GetRole", _input("roleArn")),
        writes("iam:PassRole", _input("roleArn"), passed_to(trust.POD_IDENTITY)),
    ),
    "eks:index:Cluster": (
        reads("ec2:DescribeSecurityGroupRules DescribeSecurityGroups DescribeSubnets DescribeVpcs"),
        reads("ec2:DescribeRouteTables DescribeVpcAttribute"),
        reads("eks:DescribeAddonVersions"),
        reads("eks:DescribeCluster", _cluster),
        reads("eks:DescribeAddon", _cluster_addons),
        reads("iam:GetRole ListAttachedRolePolicies ListRolePolicies", _cluster_role),
        writes(
            "eks:AssociateEncryptionConfig CreateAddon CreateCluster DeleteCluster DescribeUpdate "
            "TagResource UntagResource UpdateClusterConfig UpdateClusterVersion",
            _cluster,
        ),
        writes(
            "eks:DeleteAddon DescribeUpdate TagResource UntagResource UpdateAddon",
            _cluster_addons,
        ),
        writes(
            "iam:CreateRole DeleteRole ListInstanceProfilesForRole TagRole UntagRole UpdateAssumeRolePolicy "
            "UpdateRole UpdateRoleDescription",
            _cluster_role,
        ),
        writes("iam:AttachRolePolicy DetachRolePolicy", _cluster_role, _cluster_policy),
        writes("iam:PassRole", _cluster_role, passed_to(_EKS)),
        writes("iam:CreateServiceLinkedRole", _SERVICE_ROLE, _of_service(_EKS)),
        writes("ec2:DescribeNetworkInterfaces", _anything),
        writes("ec2:CreateSecurityGroup", _ec2("security-group"), _ASKED),
        writes("ec2:CreateSecurityGroup", _vpc),
        writes("ec2:CreateTags", _ec2("security-group"), _made_by("CreateSecurityGroup")),
        writes(
            "ec2:AuthorizeSecurityGroupEgress AuthorizeSecurityGroupIngress CreateTags DeleteSecurityGroup "
            "DeleteTags RevokeSecurityGroupEgress RevokeSecurityGroupIngress",
            _ec2("security-group"),
            _OURS,
        ),
        writes("kms:CreateGrant DescribeKey", _input("encryptionConfigKeyArn")),
    ),
    "eks:index:ManagedNodeGroup": (
        reads("eks:DescribeNodegroup", _node_group),
        writes("eks:CreateNodegroup", _cluster_of_group),
        writes(
            "eks:DeleteNodegroup DescribeUpdate TagResource UntagResource UpdateNodegroupConfig "
            "UpdateNodegroupVersion",
            _node_group,
        ),
        writes("iam:GetRole ListAttachedRolePolicies", _NODE_ROLE),
        writes("iam:PassRole", _NODE_ROLE, passed_to(_EKS)),
        writes("iam:CreateServiceLinkedRole", _NODES_ROLE, _of_service(_NODES)),
        writes("iam:GetRole", _NODES_ROLE),
        writes("ec2:RunInstances", _anything, _with_template),
    ),
    # Functions
    "aws:iam/getRole:getRole": (reads("iam:GetRole", _anywhere("role", "name")),),
    "aws:iam/getUser:getUser": (reads("iam:GetUser", _anywhere("user", "userName")),),
    "aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider": (
        reads("iam:ListOpenIDConnectProviders"),
        reads("iam:GetOpenIDConnectProvider", _oidc_provider),
    ),
    "aws:eks/getCluster:getCluster": (reads("eks:DescribeCluster", _eks("cluster", cluster="name")),),
    "aws:index/getCallerIdentity:getCallerIdentity": (),  # everybody may ask that
    # What is looked for before the first change
    f"{LOOKED_UP}IAM role": (reads("iam:GetRole", _anywhere("role", "name")),),
    f"{LOOKED_UP}IAM user": (reads("iam:GetUser", _anywhere("user", "name")),),
    f"{LOOKED_UP}instance profile": (reads("iam:GetInstanceProfile", _PROFILE),),
    f"{LOOKED_UP}IAM policy": (reads("iam:ListPolicies", _in_own_account),),
    f"{LOOKED_UP}managed policy": (reads("iam:GetPolicy GetPolicyVersion", _input("name")),),
    f"{LOOKED_UP}OIDC provider": (),  # read as what the stack makes
    f"{LOOKED_UP}EKS cluster": (reads("eks:DescribeCluster", _eks("cluster", cluster="name")),),
    f"{LOOKED_UP}EKS add-on": (),
    f"{LOOKED_UP}Pod Identity association": (
        reads("eks:ListPodIdentityAssociations", _cluster_of_name),
        reads("eks:DescribePodIdentityAssociation", _associations_of_name),
    ),
    f"{LOOKED_UP}VPC": (reads("ec2:DescribeRouteTables DescribeVpcAttribute DescribeVpcs"),),
    f"{LOOKED_UP}subnet": (reads("ec2:DescribeSubnets"),),
    f"{LOOKED_UP}KMS key": (reads("kms:DescribeKey", _input("name")),),
}


class UnknownType(Exception):
    """The stack declares a resource type that has no entry here."""


def needs(program: Program, account: str = "") -> list[Need]:
    """What the deployer needs in an account, the stack's own as empty text. Raises UnknownType."""
    here = program.of(account)
    place = replace(program.place, named={**program.place.named, **_made(here, program.place)})
    found: list[Need] = []
    clusters = [each for each in program.declared if each.type == "eks:index:Cluster"]
    for declared in here:
        if declared.type == "eks:index:ManagedNodeGroup":
            declared = _in_cluster(declared, clusters)
        found += _needs(declared, replace(place, region=declared.region or place.region))
    if not account:
        found += _assumed(program)
    return list(dict.fromkeys(map(_known, found)))


def _made(declared: Iterable[Declared], place: Place) -> dict[tuple[str, str], str]:
    """ARNs of the roles and users that the stack makes in an account, by kind and name."""
    kinds = {"aws:iam/role:Role": "role", "aws:iam/user:User": "user"}
    return {
        (kind, str(each.inputs["name"])): next(iter(_iam(kind)(each, place)))
        for each in declared
        if (kind := kinds.get(each.type)) and each.inputs.get("name")
    }


def _in_cluster(declared: Declared, clusters: Iterable[Declared]) -> Declared:
    """A node group with its cluster's name, which it is given as the component."""
    urn = str(declared.inputs["cluster"])
    own = next((it for it in clusters if urn.endswith(f"::{it.name}")), None) or next(iter(clusters))
    return replace(declared, inputs={**declared.inputs, "cluster-name": own.inputs["name"]})


def _needs(declared: Declared, place: Place) -> Iterator[Need]:
    if declared.type not in TYPES:
        if declared.type.startswith(("aws:", "eks:")):
            raise UnknownType(declared.type)
        return
    for calls in TYPES[declared.type]:
        conditions = frozenset(calls.given(declared, place))
        for arn in calls.on(declared, place):
            for action in calls.actions:
                yield Need(action, arn, calls.reading, conditions)


def _assumed(program: Program) -> Iterator[Need]:
    """The roles with which the stack works in other accounts."""
    for provider in program.declared:
        if provider.type == "pulumi:providers:aws":
            for role in parsed(provider.inputs.get("assumeRoles") or "[]"):
                yield Need("sts:AssumeRole", role["roleArn"], True)


def _known(need: Need) -> Need:
    """The need with `*` for what only AWS knows."""

    def known(text: str) -> str:
        return text.replace(UNKNOWN_ID, "*").replace(UNKNOWN_ACCOUNT, "*")

    conditions = frozenset(
        (operator, key, tuple(map(known, values))) for operator, key, values in need.conditions
    )
    return need._replace(resource=known(need.resource), conditions=conditions)
