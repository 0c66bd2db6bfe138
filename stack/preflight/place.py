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
    made = {thing.name for thing in known.owned if thing.noun == "EKS cluster"}
    for was in [*(outputs.get("clusters") or {}).values()] or [cluster]:
        issuer, name = _ISSUER.match(was.get("oidcIssuer") or ""), was.get("name")
        now = [it for it in stack.clusters.values() if name in (None, it.name)]
        if (
            now
            and issuer
            and made
            and (name is None or name in made)
            and issuer[1] not in [it.region for it in now]
        ):
            key = "aws:region" if not now[0].elsewhere else f"{now[0].path}.region"
            yield f"{key}: {now[0].region}, and the cluster that this stack made is in {issuer[1]}"
