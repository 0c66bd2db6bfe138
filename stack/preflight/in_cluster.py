"""What is in the cluster: namespaces, service accounts, charts, asked as the aws provider's identity."""

import asyncio
import base64
import binascii
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import pulumi_aws as aws

from components.consumers.vault_access_operator import API_VERSION
from components.logins.in_cluster import ROLE_ANNOTATION
from stack.preflight import in_aws
from stack.preflight.found import Findings
from stack.preflight.objects import Made
from stack.preflight.web import Answer, Server, Unreachable

NOUNS = frozenset({"namespace", "service account", "role annotation", "VaultConnection", "Helm release"})

OF_EVERY_CLUSTER = ("default", "kube-system", "kube-public", "kube-node-lease")
"""Namespaces that a new cluster has."""

_NAMES_ONLY = {"Accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"}
"""Asks for a list without what is in the objects, which is secret."""

FAILURES = (Unreachable, LookupError, ValueError, OSError)
"""What asking a cluster may raise."""


async def look(cluster: str, provider: aws.Provider, wanted: Iterable[Made]) -> Findings:
    """Looks the things up. Of a cluster that is not there yet it is known which namespaces it will have, and
    not what else will be made in it."""
    findings, wanted = Findings(), list(wanted)
    if not wanted:
        return findings
    try:
        if server := await connect(cluster, provider):
            await asyncio.to_thread(_look, server, wanted, findings)
        else:
            namespaces = {made.thing for made in wanted if made.thing.noun == "namespace"}
            findings.absent = {thing for thing in namespaces if thing.name not in OF_EVERY_CLUSTER}
    except FAILURES as error:
        for made in wanted:
            if made.thing not in {*findings.there, *findings.absent}:
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
    charts = [made for made in wanted if made.thing.noun == "Helm release"]
    paths = {made: _path(made) for made in wanted if made not in charts}
    lists = {made: _secrets_of_release(made) for made in charts}
    names_only = replace(server, headers={**server.headers, **_NAMES_ONLY})
    # One alone, lest all wait in vain.
    for asked, by_thing in ((server, paths), (names_only, lists)):
        first = next(iter(by_thing.values()), None)
        answers = {first: asked.get(first)} if first else {}
        answers |= asked.get_all({*by_thing.values()} - {first})
        for made, path in by_thing.items():
            _judge(made, answers[path], findings)


def _judge(made: Made, answer: Answer, findings: Findings) -> None:
    if answer.status == 200:
        seen = _SEEN.get(made.thing.noun, _seen)(made, answer)
        if seen is None:
            findings.absent.add(made.thing)
        else:
            findings.there[made.thing] = seen
    elif answer.status == 404:
        findings.absent.add(made.thing)
    else:
        findings.miss(made, f"the cluster answered {answer.status}")


def _path(made: Made) -> str:
    if made.thing.noun == "namespace":
        return f"/api/v1/namespaces/{made.thing.name}"
    if made.thing.noun == "VaultConnection":
        return f"/apis/{API_VERSION}/vaultconnections/{made.thing.name}"
    return service_account_path(made.thing.name)


def service_account_path(account: str) -> str:
    """Where the API server has the service account `NAMESPACE/NAME`."""
    namespace, _, name = account.partition("/")
    return f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}"


def _secrets_of_release(made: Made) -> str:
    """Where Helm keeps a release: one secret for each of its revisions."""
    namespace, _, name = made.thing.name.partition("/")
    return f"/api/v1/namespaces/{namespace}/secrets?labelSelector=owner%3Dhelm,name%3D{name}&limit=1"


def _release(_: Made, answer: Answer) -> str | None:
    items = answer.body.get("items") or []
    return f"made {items[0]['metadata'].get('creationTimestamp')}" if items else None


def _annotation(made: Made, answer: Answer) -> str | None:
    """Another role than the stack's, and who has written that."""
    metadata = answer.body.get("metadata") or {}
    role, writers = role_annotation(metadata)
    if not role or role.rpartition("/")[2] == made.name:
        return None
    return f"names {role}{', written by ' + ', '.join(sorted({*writers})) if writers else ''}"


def role_annotation(metadata: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The role that a service account is annotated with, empty for none, and the field managers that wrote
    that."""
    writers = []
    for entry in metadata.get("managedFields") or []:
        fields = ((entry.get("fieldsV1") or {}).get("f:metadata") or {}).get("f:annotations") or {}
        if f"f:{ROLE_ANNOTATION}" in fields:
            writers.append(str(entry.get("manager")))
    return str((metadata.get("annotations") or {}).get(ROLE_ANNOTATION) or ""), writers


def _seen(_: Made, answer: Answer) -> str:
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


_SEEN: Mapping[str, Callable[[Made, Answer], str | None]] = {
    "Helm release": _release,
    "role annotation": _annotation,
}
"""What is seen of a thing that is not an object of its own; None where there is no such thing."""
