"""Pod Identity associations: the IAM roles of service accounts."""

import secrets

from sandbox.aws.eks.base import PODS_SERVICE, Answer, Base, Scope, check_trusts, find
from sandbox.aws.errors import AwsError
from sandbox.aws.state import Cluster


class PodIdentity(Base):
    """Create, list, describe, update, delete."""

    def create_pod_identity_association(self, scope: Scope) -> Answer:
        cluster = self._cluster(scope)
        wanted = {name: scope.required(name) for name in ("namespace", "serviceAccount", "roleArn")}
        wanted |= scope.optional("disableSessionTags", "targetRoleArn", "policy", "tags")
        return {"association": self._associate_pods(scope, cluster, wanted)}

    def _associate_pods(self, scope: Scope, cluster: Cluster, wanted: Answer) -> Answer:
        name, namespace, account = cluster.description["name"], wanted["namespace"], wanted["serviceAccount"]
        for other in cluster.associations.values():
            if (other["namespace"], other["serviceAccount"]) == (namespace, account):
                message = f"Association already exists: {other['associationId']}"
                raise AwsError("ResourceInUseException", message, 409)
        check_trusts(scope, wanted["roleArn"], PODS_SERVICE)
        association_id = f"a-{secrets.token_hex(9)[:17]}"
        association = {
            "clusterName": name,
            "associationId": association_id,
            "associationArn": scope.arn(f"podidentityassociation/{name}/{association_id}"),
            "createdAt": scope.now,
            "modifiedAt": scope.now,
            "tags": {},
            "disableSessionTags": False,
            **wanted,
        }
        if "targetRoleArn" in wanted:
            place = f"{scope.region}/{scope.account}/{name}/{namespace}/{account}"
            association["externalId"] = place
        cluster.associations[association_id] = association
        self._planes.associated(association)
        return association

    def list_pod_identity_associations(self, scope: Scope) -> Answer:
        shown = ("clusterName", "namespace", "serviceAccount", "associationArn", "associationId", "ownerArn")
        namespace, account = scope.query("namespace"), scope.query("serviceAccount")
        return {
            "associations": [
                {key: a[key] for key in shown if key in a}
                for a in self._cluster(scope).associations.values()
                if namespace in (None, a["namespace"]) and account in (None, a["serviceAccount"])
            ]
        }

    def describe_pod_identity_association(self, scope: Scope) -> Answer:
        return {"association": self._association(scope)[1]}

    def update_pod_identity_association(self, scope: Scope) -> Answer:
        association = self._association(scope)[1]
        if "roleArn" in scope.call.params:
            check_trusts(scope, scope.call.params["roleArn"], PODS_SERVICE)
        association |= scope.optional("roleArn", "disableSessionTags", "targetRoleArn", "policy")
        association["modifiedAt"] = scope.now
        return {"association": association}

    def delete_pod_identity_association(self, scope: Scope) -> Answer:
        cluster, association = self._association(scope)
        del cluster.associations[association["associationId"]]
        self._planes.associated(association)
        return {"association": association}

    def _association(self, scope: Scope) -> tuple[Cluster, Answer]:
        cluster = self._cluster(scope)
        missing = "No pod identity association found for id: {}"
        return cluster, find(cluster.associations, scope.required("associationId"), missing)
