"""Reads Kubernetes: the service accounts that are annotated with an IAM role. Lists only."""

from ..cluster import Cluster

ANNOTATION = "eks.amazonaws.com/role-arn"


def annotated(kubeconfig: str | None) -> dict[str, str]:
    """The role's ARN, by service account, `NAMESPACE/NAME`. Raises Refused."""
    found = {}
    for account in Cluster(lambda _: None, kubeconfig).service_accounts():
        metadata = account["metadata"]
        arn = (metadata.get("annotations") or {}).get(ANNOTATION)
        if arn:
            found[f"{metadata['namespace']}/{metadata['name']}"] = str(arn)
    return found
