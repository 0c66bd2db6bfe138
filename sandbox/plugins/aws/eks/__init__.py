"""EKS: clusters, node groups, add-ons, access entries and policies, Pod Identity associations."""

from sandbox.plugins.aws.eks.access import ACCESS_ENTRY, ACCESS_POLICY_ASSOCIATION, POD_IDENTITY_ASSOCIATION
from sandbox.plugins.aws.eks.addons import ADDON
from sandbox.plugins.aws.eks.clusters import CLUSTER
from sandbox.plugins.aws.eks.node_groups import NODE_GROUP
from sandbox.plugins.resource import table

RESOURCES = table(
    CLUSTER, NODE_GROUP, ADDON, ACCESS_ENTRY, ACCESS_POLICY_ASSOCIATION, POD_IDENTITY_ASSOCIATION
)
