"""What is in the cluster: namespaces and service accounts, asked as the aws provider's identity."""

import asyncio
import base64
import binascii
import ssl
from collections.abc import Iterable, Mapping
from typing import Any

import pulumi_aws as aws

from stack.preflight import in_aws
from stack.preflight.found import Findings
from stack.preflight.objects import Made
from stack.preflight.web import Answer, Server, Unreachable

NOUNS = frozenset({"namespace", "service account"})

FAILURES = (Unreachable, LookupError, ValueError, OSError)
"""What asking a cluster may raise."""


async def look(cluster: str, provider: aws.Provider, wanted: Iterable[Made]) -> Findings:
    """Looks the things up, if the cluster is there."""
    findings, wanted = Findings(), list(wanted)
    if not wanted:
        return findings
    try:
        if server := await connect(cluster, provider):
            await asyncio.to_thread(_look, server, wanted, findings)
    except FAILURES as error:
        for made in wanted:
            if made.thing not in findings.there:
                findings.miss(made, f"the cluster {cluster} cannot be asked: {error}")
    return findings


async def connect(cluster: str, provider: aws.Provider) -> Server | None:
    """The cluster's API server; None where there is no cluster yet. Raises one of FAILURES."""
    (described, problem), (login, refused) = await asyncio.gather(
        in_aws.call("aws:eks/getCluster:getCluster", {"name": cluster}, provider),
        in_aws.call("aws:eks/getClusterAuth:getClusterAuth", {"name": cluster}, provider),
    )
    if not described and not problem:
        return None
    if problem or refused:
        raise Unreachable(problem or refused)
    return _server(described, login)


def _server(described: Mapping[str, Any], login: Mapping[str, Any]) -> Server:
    try:
        authority = base64.b64decode(described["certificateAuthorities"][0]["data"]).decode()
    except binascii.Error as error:
        raise ValueError(f"its certificate authority is not base64: {error}") from None
    tls = ssl.create_default_context(cadata=authority)
    return Server(described["endpoint"], {"Authorization": f"Bearer {login['token']}"}, tls)


def _look(server: Server, wanted: list[Made], findings: Findings) -> None:
    paths = {made: _path(made) for made in wanted}
    first, *others = paths.values()
    answers = {first: server.get(first), **server.get_all(others)}  # one alone, lest all wait in vain
    for made, path in paths.items():
        answer = answers[path]
        if answer.status == 200:
            findings.there[made.thing] = _seen(answer)
        elif answer.status != 404:
            findings.miss(made, f"the cluster answered {answer.status}")


def _path(made: Made) -> str:
    if made.thing.noun == "namespace":
        return f"/api/v1/namespaces/{made.thing.name}"
    return service_account_path(made.thing.name)


def service_account_path(account: str) -> str:
    """Where the API server has the service account `NAMESPACE/NAME`."""
    namespace, _, name = account.partition("/")
    return f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}"


def _seen(answer: Answer) -> str:
    """Who wrote it, by its fields' managers, and its labels."""
    metadata = answer.body.get("metadata") or {}
    managers = {str(entry.get("manager")) for entry in metadata.get("managedFields") or []}
    parts = [f"written by {', '.join(sorted(managers))}"] if managers else []
    labels = sorted((metadata.get("labels") or {}).items())
    if shown := [f"{key}={value}" for key, value in labels if key != "kubernetes.io/metadata.name"]:
        parts.append(f"labels {', '.join(shown[:5])}")
    if made := metadata.get("creationTimestamp"):
        parts.append(f"made {made}")
    return ", ".join(parts)
