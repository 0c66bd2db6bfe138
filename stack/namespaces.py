"""Namespaces of service accounts: each is there before the stack makes a service account in it."""

from collections.abc import Iterator, Mapping
from typing import Any

import pulumi

from components.forms import is_wild, split_service_account
from components.logins.base import ServiceAccountMode
from stack.file import StackFile
from stack.reading import StackFileError
from stack.sections import PROJECT

OF_EVERY_CLUSTER = ("default", "kube-system", "kube-public", "kube-node-lease")
"""Namespaces that a new cluster has."""


async def check(stack: StackFile, outputs: Mapping[str, Any]) -> None:
    """In a preview, raises StackFileError for service accounts in namespaces that a new cluster has not, and
    nothing makes. `outputs` are the stack's.

    A cluster that is there may have any namespace.
    """
    problems = list(_unmade(stack)) if pulumi.runtime.is_dry_run() else []
    if problems and not await outputs["cluster"]["oidcIssuer"].is_known():
        raise StackFileError(problems)


def _unmade(stack: StackFile) -> Iterator[str]:
    if stack.cluster is None or stack.cluster["existing"]:
        return
    known = {*OF_EVERY_CLUSTER, *stack.cluster["namespaces"]}
    for name, login in stack.logins.items():
        if login.options.get("service_account_mode") is not ServiceAccountMode.CREATE:
            continue
        for index, account in enumerate(login.options["service_accounts"]):
            namespace = split_service_account(account)[0]
            if namespace not in known and not is_wild(namespace):
                yield (
                    f'{PROJECT}:logins.{name}.serviceAccounts[{index}]: "{account}" is in a namespace that '
                    f"nothing makes: a new cluster has {', '.join(OF_EVERY_CLUSTER)}; add {namespace} to "
                    f"{PROJECT}:cluster.namespaces, or write serviceAccountMode: none if something else "
                    "makes both"
                )
