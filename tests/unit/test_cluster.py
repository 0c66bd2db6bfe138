"""EksCluster creates a cluster, ExistingEksCluster finds one: what they register."""

import json
from typing import Any

import pulumi_aws as aws
import pytest

from components import EksCluster, ExistingEksCluster
from components.oidc_provider import OWNER_TAG
from tests.unit.recording import CLUSTER, ISSUER, KUBECONFIG, Recording, providers, record, refused

EKS, NODES = "eks:index:Cluster", "eks:index:ManagedNodeGroup"
ROLE, OIDC = "aws:iam/role:Role", "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
ADDON = "aws:eks/addon:Addon"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
PROVIDER_ARN = CLUSTER["oidc_provider_arn"]
OURS = "vault-aws-auth/test/main"


def cluster(**changes: Any) -> EksCluster:
    args: Any = {"name": "eks1", "region": "us-east-1", **changes}
    return EksCluster("main", args, providers())


def create(**changes: Any) -> Recording:
    return record(lambda: cluster(**changes))


@pytest.fixture(scope="module")
def created() -> Recording:
    return create(node_groups={"default": {"role_name": "eks1-node", "instance_types": ["m7g.large"]}})


def test_a_created_cluster_is_safe_by_default(created: Recording) -> None:
    made = created.one(EKS, "main-cluster")
    assert made.inputs == {
        "name": "eks1",
        "authenticationMode": "API",
        "skipDefaultNodeGroup": True,
        "endpointPrivateAccess": True,
        "endpointPublicAccess": False,
        "enabledClusterLogTypes": ["api", "audit", "authenticator"],
    }
    assert (made.parent, made.providers["aws"]) == ("main", "aws")


def test_what_is_set_reaches_the_cluster() -> None:
    inputs = (
        create(
            kubernetes_version="1.33",
            vpc_id="vpc-01234567",
            subnet_ids=["subnet-01234567", "subnet-89abcdef"],
            endpoint_public_access=True,
            public_access_cidrs=["203.0.113.0/24"],
            log_types=["audit"],
            encryption_key_arn="arn:aws:kms:us-east-1:111111111111:key/1",
        )
        .one(EKS, "main-cluster")
        .inputs
    )
    wanted = {
        "version": "1.33",
        "vpcId": "vpc-01234567",
        "subnetIds": ["subnet-01234567", "subnet-89abcdef"],
        "endpointPublicAccess": True,
        "publicAccessCidrs": ["203.0.113.0/24"],
        "enabledClusterLogTypes": ["audit"],
        "encryptionConfigKeyArn": "arn:aws:kms:us-east-1:111111111111:key/1",
    }
    assert inputs | wanted == inputs


def test_every_aws_resource_of_a_cluster_has_its_tags() -> None:
    recording = create(tags={"team": "a"}, node_groups={"default": {}}, pod_identity_agent=True)
    tagged = {r.type for r in recording.resources if r.inputs.get("tags", {}).get("team") == "a"}
    assert tagged == {EKS, NODES, ROLE, OIDC, TEMPLATE, ADDON}


def test_a_node_group_waits_for_the_policies_of_its_own_role(created: Recording) -> None:
    role = created.one(ROLE, "main-default-node-role")
    assert role.inputs["name"] == "eks1-node"
    assert json.loads(role.inputs["assumeRolePolicy"])["Statement"] == [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ]
    assert (role.parent, role.provider, role.delete_before_replace) == ("main", "aws", True)
    attachments = created.of_type(ATTACHMENT)
    assert {attachment.inputs["policyArn"] for attachment in attachments} == {
        "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy",
        "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy",
        "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly",
    }
    nodes = created.one(NODES, "main-default-nodes")
    assert nodes.inputs["nodeRoleArn"] == "arn:aws:iam::111111111111:role/eks1-node"
    assert nodes.inputs["instanceTypes"] == ["m7g.large"]
    assert nodes.inputs["scalingConfig"] == {"minSize": 1, "desiredSize": 1, "maxSize": 2}
    assert {attachment.name for attachment in attachments} <= nodes.depends_on
    assert nodes.parent == "main"


def test_pods_cannot_speak_as_their_node_by_default(created: Recording) -> None:
    template = created.one(TEMPLATE, "main-default-node-template")
    assert template.inputs["metadataOptions"] == {
        "httpEndpoint": "enabled",
        "httpTokens": "required",
        "httpPutResponseHopLimit": 1,
    }
    assert "imageId" not in template.inputs, "the image is EKS's choice"
    assert (template.parent, template.provider) == ("main", "aws")
    nodes = created.one(NODES, "main-default-nodes")
    assert nodes.inputs["launchTemplate"] == {"id": "main-default-node-template-id", "version": "1"}


def test_the_metadata_of_nodes_is_opened_to_pods_where_that_is_set() -> None:
    recording = create(node_groups={"open": {"metadata_hop_limit": 2}, "closed": {}})
    limits = {
        template.name: template.inputs["metadataOptions"]["httpPutResponseHopLimit"]
        for template in recording.of_type(TEMPLATE)
    }
    assert limits == {"main-open-node-template": 2, "main-closed-node-template": 1}


def test_nodes_have_the_version_that_the_cluster_is_told_to_have(created: Recording) -> None:
    """Beside a launch template pulumi-eks does not take it from the cluster."""
    recording = create(kubernetes_version="1.33", node_groups={"default": {}})
    assert recording.one(NODES, "main-default-nodes").inputs["version"] == "1.33"
    assert "version" not in created.one(NODES, "main-default-nodes").inputs


def test_a_node_role_is_bounded_where_that_is_set() -> None:
    boundary = "arn:aws:iam::111111111111:policy/boundary"
    recording = create(node_groups={"bounded": {"permissions_boundary": boundary}, "free": {}})
    assert recording.one(ROLE, "main-bounded-node-role").inputs["permissionsBoundary"] == boundary
    assert "permissionsBoundary" not in recording.one(ROLE, "main-free-node-role").inputs


def test_the_oidc_provider_is_declared_for_the_clusters_issuer(created: Recording) -> None:
    provider = created.one(OIDC, "main-oidc-provider")
    assert provider.inputs == {
        "url": f"https://{ISSUER}",
        "clientIdLists": ["sts.amazonaws.com"],
        "tags": {OWNER_TAG: OURS},
    }
    assert (provider.parent, provider.provider) == ("main", "aws")


def test_outputs_of_a_created_cluster(created: Recording) -> None:
    roles = {"default": "arn:aws:iam::111111111111:role/eks1-node"}
    assert created.outputs_of("main") == {
        **CLUSTER,
        "kubeconfig": KUBECONFIG,
        "node_role_arns": roles,
        "ref": {**CLUSTER, "node_role_arns": roles, "node_role_ids": {"default": "AROA-eks1-node"}},
    }
    (urn,) = [urn for urn in created.outputs if urn.endswith("::main")]
    assert created.secret_outputs[urn] == {"kubeconfig"}


def test_the_pod_identity_agent_is_installed_where_that_is_set(created: Recording) -> None:
    assert created.of_type(ADDON) == []
    addon = create(pod_identity_agent=True).one(ADDON, "main-pod-identity-agent")
    assert addon.inputs == {"clusterName": "eks1", "addonName": "eks-pod-identity-agent"}
    assert (addon.parent, addon.provider) == ("main", "aws")
    assert "main-cluster" in addon.depends_on


def test_what_is_declared_by_the_clusters_name_or_arn_waits_for_it() -> None:
    def program() -> None:
        made = cluster()
        for output in ("name", "arn"):
            aws.ssm.Parameter(output, type="String", value=getattr(made, output))

    recording = record(program)
    assert "main-cluster" in recording.one("aws:ssm/parameter:Parameter", "name").depends_on
    # Which in its turn waits for the cluster.
    assert "main-oidc-provider" in recording.one("aws:ssm/parameter:Parameter", "arn").depends_on
    assert "main-cluster" in recording.one(OIDC, "main-oidc-provider").depends_on


def test_other_partitions_get_their_own_arns_and_service_names() -> None:
    recording = create(region="cn-north-1", node_groups={"default": {}})
    trust = json.loads(recording.one(ROLE, "main-default-node-role").inputs["assumeRolePolicy"])
    assert trust["Statement"][0]["Principal"] == {"Service": "ec2.amazonaws.com.cn"}
    assert all(
        r.inputs["policyArn"].startswith("arn:aws-cn:iam::aws:") for r in recording.of_type(ATTACHMENT)
    )
    assert recording.outputs_of("main")["arn"] == "arn:aws-cn:eks:cn-north-1:111111111111:cluster/eks1"
    # The audience is no host name: EKS projects the same one everywhere.
    assert recording.one(OIDC, "main-oidc-provider").inputs["clientIdLists"] == ["sts.amazonaws.com"]


# An existing cluster


def existing(oidc: Any, **changes: Any) -> Recording:
    def answer(_: dict[str, Any]) -> dict[str, Any]:
        return {
            "name": "eks1",
            "endpoint": "https://eks.example.com",
            "certificateAuthorities": [{"data": "Y2E="}],
            "identities": [{"oidcs": [{"issuer": f"https://{ISSUER}"}]}],
        }

    answers = {
        "aws:eks/getCluster:getCluster": answer,
        "aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider": oidc,
    }
    return record(lambda: found_cluster(**changes), answers=answers)


def found_cluster(**changes: Any) -> ExistingEksCluster:
    args: Any = {"name": "eks1", "region": "us-east-1", **changes}
    return ExistingEksCluster("main", args, providers())


def found(**changes: Any) -> Any:
    return lambda _: {"arn": PROVIDER_ARN, "clientIdLists": ["sts.amazonaws.com"], "tags": {}, **changes}


def missing(_: dict[str, Any]) -> dict[str, Any]:
    raise RuntimeError(
        f"invoking getOpenIdConnectProvider: finding IAM OIDC Provider by url ({ISSUER}): not found"
    )


def test_an_existing_cluster_and_its_oidc_provider_are_used_as_they_are() -> None:
    roles = {"blue": "arn:aws:iam::111111111111:role/blue"}
    recording = existing(found(), node_role_arns=roles)
    assert recording.children("main") == set()
    outputs = recording.outputs_of("main")
    kubeconfig = json.loads(outputs.pop("kubeconfig"))
    ref = {**CLUSTER, "node_role_arns": roles, "node_role_ids": {}}
    assert outputs == {**CLUSTER, "node_role_arns": roles, "ref": ref}
    assert kubeconfig["clusters"][0]["cluster"] == {
        "server": "https://eks.example.com",
        "certificate-authority-data": "Y2E=",
    }
    login = kubeconfig["users"][0]["user"]["exec"]
    assert [login["command"], *login["args"]] == (
        ["aws", "--region", "us-east-1", "eks", "get-token", "--cluster-name", "eks1", "--output", "json"]
    )
    assert {provider for _, _, provider in recording.calls} == {"aws"}


def test_a_missing_oidc_provider_of_an_existing_cluster_is_declared() -> None:
    recording = existing(missing, tags={"team": "a"})
    provider = recording.one(OIDC, "main-oidc-provider").inputs
    assert (provider["url"], provider["tags"]) == (f"https://{ISSUER}", {"team": "a", OWNER_TAG: OURS})
    assert recording.outputs_of("main")["oidc_provider_arn"] == PROVIDER_ARN


def test_an_oidc_provider_that_this_stack_made_earlier_stays_declared() -> None:
    assert existing(found(tags={OWNER_TAG: OURS})).one(OIDC, "main-oidc-provider")


def test_an_oidc_provider_of_another_stack_is_left_to_it_with_a_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The other stack may be this one before it was renamed, which only its user can tell."""
    warnings: list[str] = []
    monkeypatch.setattr("pulumi.log.warn", lambda message, resource: warnings.append(message))
    theirs = "vault-aws-auth/other/main"
    assert existing(found(tags={OWNER_TAG: theirs})).of_type(OIDC) == []
    (warning,) = warnings
    assert f"belongs to {theirs}, and this is {OURS}" in warning
    assert warning.endswith(
        f"aws iam tag-open-id-connect-provider --open-id-connect-provider-arn {PROVIDER_ARN} "
        f"--tags Key={OWNER_TAG},Value={OURS}"
    )


def test_an_oidc_provider_without_our_tag_is_no_reason_to_warn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pulumi.log.warn", lambda *_: pytest.fail("warned"))
    assert existing(found()).of_type(OIDC) == []


@pytest.mark.parametrize(
    "refusal",
    [
        "AccessDenied: not authorized to perform iam:ListOpenIDConnectProviders",
        "no EC2 IMDS role found, credentials not found",
    ],
)
def test_a_failed_lookup_is_not_taken_for_a_missing_oidc_provider(refusal: str) -> None:
    def fail(_: dict[str, Any]) -> dict[str, Any]:
        raise RuntimeError(refusal)

    with pytest.raises(Exception, match=refusal):
        existing(fail)


def test_an_oidc_provider_without_the_audience_is_refused_with_the_command_that_mends_it() -> None:
    with pytest.raises(ValueError, match="aws iam add-client-id-to-open-id-connect-provider"):
        existing(found(clientIdLists=["other"]))


VPC, SUBNETS = "vpc-01234567", ["subnet-01234567", "subnet-89abcdef"]


def group(**sizes: Any) -> dict[str, Any]:
    return {"node_groups": {"blue": sizes}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "-bad"}, "name: '-bad' is not a cluster name; write up to 100 letters, digits, - and _"),
        ({"region": "moon"}, "region: 'moon' is not an AWS region"),
        ({"kubernetes_version": "banana"}, "kubernetes_version: 'banana' is not a Kubernetes version; write"),
        ({"endpoint_public_access": True}, "public_access_cidrs: is missing; write the address ranges that"),
        (
            {"endpoint_public_access": True, "public_access_cidrs": ["anywhere"]},
            "public_access_cidrs[0]: 'anywhere' is not an address range",
        ),
        ({"endpoint_private_access": False}, "endpoint_private_access: is false, and there is no other endp"),
        ({"log_types": ["everything"]}, "log_types[0]: 'everything' is not one of api, audit, authenticator"),
        ({"vpc_id": "vpc"}, "vpc_id: 'vpc' is not a VPC; write e.g. vpc-0123456789abcdef0"),
        ({"vpc_id": VPC}, "vpc_id: is given without subnet_ids; write both, or neither for the default VPC"),
        ({"subnet_ids": SUBNETS}, "subnet_ids: is given without vpc_id; write both, or neither"),
        ({"vpc_id": VPC, "subnet_ids": SUBNETS[:1]}, "subnet_ids: is too short; write 2 subnets or more, in"),
        ({"encryption_key_arn": "key"}, "encryption_key_arn: 'key' is not an ARN"),
        (group(metadata_hop_limit=0), "node_groups.blue.metadata_hop_limit: 0 is out of range; write 1 to 6"),
        (group(min_size=3, desired_size=1, max_size=2), "node_groups.blue: has sizes out of order; write mi"),
        (group(instance_types=[]), "node_groups.blue.instance_types: is empty; write at least one entry: an"),
        (
            {"node_groups": {"a": {}, "b": {"role_name": "EKS1-a-node"}}},
            "node_groups.b.role_name: 'EKS1-a-node' is the IAM role of node_groups.a already; write another",
        ),
        ({"node_groups": {"A": {}}}, "node_groups.A: its name is not the name of a node group; write"),
        ({"existing": True}, "existing: is gone: since 0.2 ExistingEksCluster finds a cluster that exists"),
        ({"node_role_arns": {}}, "node_role_arns: is gone: since 0.2 ExistingEksCluster finds a cluster tha"),
        ({"tags": {"aws:a": "b"}}, "tags.aws:a: its name is not the name of a tag; write 1 to 128 letters"),
    ],
)
def test_wrong_arguments_name_the_field(changes: dict[str, Any], message: str) -> None:
    assert refused(lambda: cluster(**changes)).startswith(message)


@pytest.mark.parametrize("field", ["vpc_id", "pod_identity_agent", "node_groups"])
def test_an_existing_cluster_is_told_nothing_of_how_it_is_made(field: str) -> None:
    assert refused(lambda: found_cluster(**{field: VPC})).startswith(f"{field}: is not a known key")


def test_everything_that_is_wrong_is_told_at_once() -> None:
    assert refused(lambda: cluster(name="-", **group(min_size=-1, maxSize=2))).splitlines() == [
        "name: '-' is not a cluster name; write up to 100 letters, digits, - and _",
        "node_groups.blue.maxSize: is not a known key; did you mean max_size?",
        "node_groups.blue.min_size: -1 is out of range; write 0 to 450",
    ]
