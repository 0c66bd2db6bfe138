"""Where a stack that was brought up is: what it made stays there, whatever its stack file says since.

A provider that is sent elsewhere finds nothing of the stack there. It then reports no change, or fails in the
middle, and deletes nothing where the stack was.
"""

import re
from collections.abc import Iterator

from components import arns
from stack.file import StackFile
from stack.preflight.state import State
from stack.sections import PROJECT

_ISSUER = re.compile(r"https://oidc\.eks\.([a-z0-9-]+)\.", re.ASCII)


def moved(stack: StackFile, known: State) -> Iterator[str]:
    """A line for each setting that says another place than that of the last update."""
    outputs = known.outputs
    vault, cluster = outputs.get("vault") or {}, outputs.get("cluster") or {}
    if "namespace" in vault and vault["namespace"] != stack.vault["namespace"]:
        was, now = (name or "the root namespace" for name in (vault["namespace"], stack.vault["namespace"]))
        yield f"{PROJECT}:vault.namespace: {now}, and what this stack made is in {was}"
    provider = cluster.get("oidcProviderArn")
    account = arns.parse(provider).account if provider else None
    if account and stack.account_id and account != stack.account_id:
        yield f"{PROJECT}:accountId: {stack.account_id}, and what this stack made is in the account {account}"
    issuer = _ISSUER.match(cluster.get("oidcIssuer") or "")
    made = any(thing.noun == "EKS cluster" for thing in known.owned)
    if made and issuer and issuer[1] != stack.region:
        yield f"aws:region: {stack.region}, and the cluster that this stack made is in {issuer[1]}"
