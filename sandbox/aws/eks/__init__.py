"""EKS: clusters, node groups, addons, access entries and Pod Identity associations, all active at once."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime

from sandbox.aws.calls import Call
from sandbox.aws.eks.addons import Addons
from sandbox.aws.eks.base import Answer, Scope
from sandbox.aws.eks.clusters import Clusters
from sandbox.aws.eks.node_groups import NodeGroups
from sandbox.aws.errors import AwsError
from sandbox.aws.identity import Caller
from sandbox.aws.state import Cluster


class Eks(Clusters, NodeGroups, Addons):
    """The actions of EKS, as methods with the action's name in snake case."""

    def answer(self, call: Call, caller: Caller, now: datetime) -> Answer:
        """The JSON answer to a call."""
        method = re.sub(r"(?<!^)(?=[A-Z])", "_", call.action).lower()
        handler: Callable[[Scope], Answer] = getattr(self, method)
        return handler(Scope(call, caller, now.timestamp()))

    def tag_resource(self, scope: Scope) -> Answer:
        self._tags(scope).update(scope.required("tags"))
        return {}

    def untag_resource(self, scope: Scope) -> Answer:
        tags = self._tags(scope)
        for key in scope.required("tagKeys"):
            tags.pop(key, None)
        return {}

    def list_tags_for_resource(self, scope: Scope) -> Answer:
        return {"tags": self._tags(scope)}

    def _tags(self, scope: Scope) -> dict[str, str]:
        wanted = scope.required("resourceArn")
        for (account, region, _), cluster in self._state.clusters.items():
            if (account, region) == (scope.account, scope.region):
                for arn, description in _taggable(cluster):
                    if arn == wanted:
                        tags: dict[str, str] = description["tags"]
                        return tags
        raise AwsError("NotFoundException", f"Resource was not found: {wanted}", 404)


def _taggable(cluster: Cluster) -> Iterator[tuple[str, Answer]]:
    yield cluster.description["arn"], cluster.description
    for group in cluster.node_groups.values():
        yield group.description["nodegroupArn"], group.description
    for addon in cluster.addons.values():
        yield addon["addonArn"], addon
    for entry in cluster.access_entries.values():
        yield entry["accessEntryArn"], entry
    for association in cluster.associations.values():
        yield association["associationArn"], association
