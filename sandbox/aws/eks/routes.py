"""Maps HTTP requests to EKS actions."""

from urllib.parse import unquote

from sandbox.aws.calls import Call, json_body
from sandbox.aws.errors import AwsError
from sandbox.aws.sigv4 import HttpRequest

_ROUTES = {
    "POST /clusters": "CreateCluster",
    "GET /clusters": "ListClusters",
    "GET /clusters/{clusterName}": "DescribeCluster",
    "DELETE /clusters/{clusterName}": "DeleteCluster",
    "POST /clusters/{clusterName}/update-config": "UpdateClusterConfig",
    "POST /clusters/{clusterName}/updates": "UpdateClusterVersion",
    "POST /clusters/{clusterName}/encryption-config/associate": "AssociateEncryptionConfig",
    "GET /clusters/{clusterName}/updates": "ListUpdates",
    "GET /clusters/{clusterName}/updates/{updateId}": "DescribeUpdate",
    "POST /clusters/{clusterName}/node-groups": "CreateNodegroup",
    "GET /clusters/{clusterName}/node-groups": "ListNodegroups",
    "GET /clusters/{clusterName}/node-groups/{nodegroupName}": "DescribeNodegroup",
    "DELETE /clusters/{clusterName}/node-groups/{nodegroupName}": "DeleteNodegroup",
    "POST /clusters/{clusterName}/node-groups/{nodegroupName}/update-config": "UpdateNodegroupConfig",
    "POST /clusters/{clusterName}/node-groups/{nodegroupName}/update-version": "UpdateNodegroupVersion",
    "POST /clusters/{clusterName}/addons": "CreateAddon",
    "GET /clusters/{clusterName}/addons": "ListAddons",
    "GET /clusters/{clusterName}/addons/{addonName}": "DescribeAddon",
    "DELETE /clusters/{clusterName}/addons/{addonName}": "DeleteAddon",
    "POST /clusters/{clusterName}/addons/{addonName}/update": "UpdateAddon",
    "GET /addons/supported-versions": "DescribeAddonVersions",
    "GET /access-policies": "ListAccessPolicies",
    "POST /clusters/{clusterName}/access-entries": "CreateAccessEntry",
    "GET /clusters/{clusterName}/access-entries": "ListAccessEntries",
    "GET /clusters/{clusterName}/access-entries/{principalArn}": "DescribeAccessEntry",
    "POST /clusters/{clusterName}/access-entries/{principalArn}": "UpdateAccessEntry",
    "DELETE /clusters/{clusterName}/access-entries/{principalArn}": "DeleteAccessEntry",
    "POST /clusters/{clusterName}/access-entries/{principalArn}/access-policies": "AssociateAccessPolicy",
    "GET /clusters/{clusterName}/access-entries/{principalArn}/access-policies": (
        "ListAssociatedAccessPolicies"
    ),
    "DELETE /clusters/{clusterName}/access-entries/{principalArn}/access-policies/{policyArn}": (
        "DisassociateAccessPolicy"
    ),
    "POST /clusters/{clusterName}/pod-identity-associations": "CreatePodIdentityAssociation",
    "GET /clusters/{clusterName}/pod-identity-associations": "ListPodIdentityAssociations",
    "GET /clusters/{clusterName}/pod-identity-associations/{associationId}": "DescribePodIdentityAssociation",
    "POST /clusters/{clusterName}/pod-identity-associations/{associationId}": "UpdatePodIdentityAssociation",
    "DELETE /clusters/{clusterName}/pod-identity-associations/{associationId}": (
        "DeletePodIdentityAssociation"
    ),
    "POST /tags/{resourceArn}": "TagResource",
    "DELETE /tags/{resourceArn}": "UntagResource",
    "GET /tags/{resourceArn}": "ListTagsForResource",
}


_AUTH_ROUTES = {"POST /clusters/{clusterName}/assume-role-for-pod-identity": "AssumeRoleForPodIdentity"}


def read_call(region: str, request: HttpRequest, service: str = "eks") -> Call:
    """The EKS call of a request, whose action and parameters are in method, path, query and body."""
    segments = request.path.strip("/").split("/")
    for route, action in (_AUTH_ROUTES if service == "eks-auth" else _ROUTES).items():
        method, _, template = route.partition(" /")
        names = template.split("/")
        if method != request.method or len(names) != len(segments):
            continue
        pairs = list(zip(names, segments, strict=True))
        if all(name == segment or name.startswith("{") for name, segment in pairs):
            params = json_body(request)
            for key, value in request.query_pairs:
                params.setdefault(key, []).append(value)
            params |= {name[1:-1]: unquote(segment) for name, segment in pairs if name.startswith("{")}
            return Call(service, action, params, region)
    raise AwsError("UnknownOperationException", "The sandbox's EKS has no such operation.", 404)
