"""The eks component package: a cluster and managed node groups, with the official package's children.

Names, parents and inputs of the children are the official ones, so that stacks work with either package. What
this project does not use is refused: the default node group, Fargate, Auto Mode, the `aws-auth` ConfigMap,
storage classes, custom user data. Children are registered by token, because importing the SDKs would take
longer than everything else.
"""

from sandbox.plugins.eks.cluster import CLUSTER
from sandbox.plugins.eks.node_group import MANAGED_NODE_GROUP

COMPONENTS = {component.token: component for component in (CLUSTER, MANAGED_NODE_GROUP)}


def serve(args: list[str]) -> None:
    """Serves the package to the engine, whose address is the only argument that is not an option."""
    from sandbox.plugins import serving
    from sandbox.plugins.eks.provider import servicer

    serving.serve(servicer(COMPONENTS, next(arg for arg in args if not arg.startswith("-"))))
