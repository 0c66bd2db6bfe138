"""Shared by all parts of EKS: the scope of a call, and its cluster."""

import uuid
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

from moto.iam.models import iam_backends

from sandbox.aws import policy
from sandbox.aws.calls import Call
from sandbox.aws.eks.control_planes import ControlPlanes
from sandbox.aws.errors import AwsError
from sandbox.aws.identity import Caller
from sandbox.aws.replicas import REPLICAS
from sandbox.aws.state import Cluster, State

Answer = dict[str, Any]

KUBERNETES_VERSIONS = ("1.36", "1.35", "1.34", "1.33", "1.32", "1.31")
DEFAULT_VERSION = "1.33"
PODS_SERVICE = "pods.eks.amazonaws.com"  # the same in every partition


@dataclass(frozen=True)
class Scope:
    """The account, region and caller of a call."""

    call: Call
    caller: Caller
    now: float

    @property
    def account(self) -> str:
        return self.caller.account

    @property
    def region(self) -> str:
        return self.call.region

    def arn(self, resource: str) -> str:
        return f"arn:{self.caller.partition}:eks:{self.region}:{self.account}:{resource}"

    def required(self, name: str) -> Any:
        value = self.call.params.get(name)
        if value in (None, "", []):
            raise invalid(f"{name} is required")
        return value

    def optional(self, *names: str) -> Answer:
        """The parameters among `names` that were given."""
        return {n: self.call.params[n] for n in names if self.call.params.get(n) is not None}

    def query(self, name: str) -> str | None:
        """A parameter of the query string."""
        values: list[str] = self.call.params.get(name) or []
        return values[0] if values else None


class Base:
    """The clusters, and how calls find them."""

    def __init__(self, state: State, planes: ControlPlanes) -> None:
        self._state = state
        self._planes = planes

    def _cluster(self, scope: Scope) -> Cluster:
        """The cluster of a call, which must be active unless the call only reads."""
        cluster = self._any_cluster(scope)
        if not (cluster.is_active or scope.call.read_only):
            name, status = cluster.description["name"], cluster.description["status"]
            raise AwsError("InvalidRequestException", f"Cluster {name} is not ACTIVE, it is {status}", 400)
        return cluster

    def _any_cluster(self, scope: Scope) -> Cluster:
        """The same, whatever its status is."""
        name = scope.required("clusterName")
        cluster = self._state.clusters.get((scope.account, scope.region, name))
        if cluster is None:
            raise AwsError("ResourceNotFoundException", f"No cluster found for name: {name}.", 404)
        return cluster

    def _update(self, scope: Scope, cluster: Cluster, kind: str) -> Answer:
        update = {
            "id": str(uuid.uuid4()),
            "status": "Successful",
            "type": kind,
            "params": [],
            "createdAt": scope.now,
            "errors": [],
        }
        cluster.updates[str(update["id"])] = update
        return {"update": update}


def find(found: dict[str, Any], key: str, missing: str) -> Any:
    if key not in found:
        raise AwsError("ResourceNotFoundException", missing.format(key), 404)
    return found[key]


def check_trusts(scope: Scope, arn: str, service: str) -> None:
    """Refuses roles that do not exist or that the service may not assume, as EKS does.

    Ignores conditions: they concern a later request, such as a pod's session tags.
    """
    # The official provider waits for the role of a cluster and of a pod, but not for that of a node.
    with nullcontext() if service == "ec2.amazonaws.com" else REPLICAS.any("trusts", arn, service):
        backend = iam_backends[scope.account][scope.caller.partition]
        role = next((r for r in backend.roles.values() if r.arn == arn), None)
    if role is not None:
        trust = policy.parse(role.assume_role_policy_document, trust=True)
        allowed = [replace(s, conditions=()) for s in trust.statements if s.effect is policy.Effect.ALLOW]
        request = policy.Request("sts:AssumeRole", principal=policy.Principal(service=service))
        if policy.evaluate([replace(trust, statements=tuple(allowed))], request) is policy.Effect.ALLOW:
            return
    if role is None and service == PODS_SERVICE:
        raise invalid("Role provided in the request does not exist.")
    raise invalid(
        f"Role with arn: {arn}, could not be assumed because it does not exist or the trusted entity is not "
        f"correct: it must trust {service}"
    )


def invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message, 400)
