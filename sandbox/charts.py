"""Stands in for the Helm charts of a stack's consumers, which cannot be had here: their service accounts.

A login that makes no service account of its own (serviceAccountMode none) leaves it to the chart of the
workload. What the chart would make of the stack's values is made here: the account, annotated as the values
of the stack's consumers say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.home import Home

ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"
LABEL = "vault-aws-auth.sandbox/stack"
"""On everything made here; its value is the stack, so that its `down` finds exactly its own."""


@dataclass(frozen=True)
class Account:
    """A service account that a chart makes; `role_arn` is empty where the values annotate none."""

    namespace: str
    name: str
    role_arn: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def accounts_of(outputs: Mapping[str, Any]) -> list[Account]:
    """The service accounts of the stack's pod logins, annotated as its consumers' values say."""
    annotated = set(_annotations(outputs.get("consumers") or {}))
    wanted = {}
    for login in (outputs.get("logins") or {}).values():
        for reference in login.get("serviceAccounts") or []:
            namespace, _, name = reference.partition("/")
            if "*" in reference or not name:
                continue  # stands for accounts that somebody else names
            role = login.get("iamRoleArn", "")
            wanted[reference] = Account(namespace, name, role if role in annotated else "")
    return list(wanted.values())


def install(home: Home, stack: str, outputs: Mapping[str, Any]) -> list[Account]:
    """Makes those that nobody has made, renews and removes its own of earlier; returns what stands."""
    api, failure = _api(home)
    existing = {f"{i.metadata.namespace}/{i.metadata.name}": i for i in _accounts(api)}
    kept = []
    for account in accounts_of(outputs):
        found = existing.get(str(account))
        if found and (found.metadata.labels or {}).get(LABEL) != stack:
            continue  # made by the stack itself, or by another
        kept.append(account)
        metadata: dict[str, Any] = {
            "name": account.name,
            "labels": {LABEL: stack},
            "annotations": {ROLE_ANNOTATION: account.role_arn or None},
        }
        if found:
            api.patch_namespaced_service_account(account.name, account.namespace, {"metadata": metadata})
            continue
        if not account.role_arn:
            del metadata["annotations"]
        try:
            api.create_namespace({"metadata": {"name": account.namespace, "labels": {LABEL: stack}}})
        except failure as error:
            if error.status != 409:
                raise
        api.create_namespaced_service_account(account.namespace, {"metadata": metadata})
    _remove(api, stack, keep=kept)
    return kept


def remove(home: Home, stack: str) -> None:
    """Removes what was made for a stack, and nothing else."""
    _remove(_api(home)[0], stack, keep=[])


def _remove(api: Any, stack: str, keep: list[Account]) -> None:
    selector = f"{LABEL}={stack}"
    names = {str(account) for account in keep}
    namespaces = {account.namespace for account in keep}
    for item in _accounts(api, selector):
        if f"{item.metadata.namespace}/{item.metadata.name}" not in names:
            api.delete_namespaced_service_account(item.metadata.name, item.metadata.namespace)
    for item in api.list_namespace(label_selector=selector).items:
        if item.metadata.name not in namespaces and item.status.phase != "Terminating":
            api.delete_namespace(item.metadata.name)


def _annotations(values: Any) -> Iterator[str]:
    """Every role ARN that values or manifests annotate a service account with."""
    if isinstance(values, Mapping):
        for key, value in values.items():
            if key == ROLE_ANNOTATION:
                yield str(value)
            else:
                yield from _annotations(value)
    elif isinstance(values, list):
        for value in values:
            yield from _annotations(value)


def _accounts(api: Any, selector: str = "") -> list[Any]:
    found: list[Any] = api.list_service_account_for_all_namespaces(label_selector=selector).items
    return found


def _api(home: Home) -> tuple[Any, Any]:
    """The cluster as its administrator, and the error that it raises."""
    from kubernetes import client, config

    return client.CoreV1Api(config.new_client_from_config(str(home.admin_kubeconfig))), client.ApiException
