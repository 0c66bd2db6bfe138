"""What the stack has made, and its stack file says is another's now: it is kept, and never deleted.

Pulumi deletes what a program no longer declares. So what is handed over stays declared, under a name of its
own: nothing of it is changed, and in the end it is forgotten instead of deleted. What the stack file says is
the stack's again is taken back from that name.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
import pulumi_vault as vault

from stack.in_clusters import InCluster
from stack.preflight.leaving import PREFIX
from stack.preflight.objects import Thing
from stack.providers import Providers

_KINDS: Mapping[str, Callable[[str, str, pulumi.ResourceOptions], Any]] = {
    "Vault policy": lambda name, own, opts: vault.Policy(name, name=own, policy="", opts=opts),
    "secrets engine": lambda name, own, opts: vault.Mount(name, path=own, type="kv", opts=opts),
    "service account": lambda name, _, opts: kubernetes.core.v1.ServiceAccount(name, opts=opts),
    "IAM role": lambda name, own, opts: aws.iam.Role(name, name=own, assume_role_policy="{}", opts=opts),
    "IAM user": lambda name, own, opts: aws.iam.User(name, name=own, opts=opts),
}
"""How a thing is declared; what is written here is not looked at."""


def declare(
    handed_over: Mapping[Thing, str], providers: Providers, clusters: Mapping[str, InCluster]
) -> None:
    """Declare what is handed over, by the URN that the state has it under. A service account of a cluster
    that the stack file no longer has goes with that."""
    for thing, urn in handed_over.items():
        provider = _provider(thing, providers, clusters)
        if provider is None:
            continue
        options = pulumi.ResourceOptions(
            provider=provider,
            aliases=[urn],
            retain_on_delete=True,
            ignore_changes=["*"],
        )
        name = urn.rpartition("::")[2].removeprefix(PREFIX)
        _KINDS[thing.noun](f"{PREFIX}{name}", thing.name, options)


def take_back(urns: Iterable[str], moved: Mapping[tuple[str, str], str]) -> None:
    """Have what is declared from now on take over what was handed over once, by the URNs that this has, and
    what was declared elsewhere, by type and name."""
    back = {(_type(urn), urn.rpartition("::")[2].removeprefix(PREFIX)): urn for urn in urns}
    before = {**moved, **back}

    def aliased(it: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        alias = before.get((it.type_, it.name))
        if alias is None:
            return None
        more = pulumi.ResourceOptions(aliases=[alias])
        return pulumi.ResourceTransformationResult(it.props, pulumi.ResourceOptions.merge(it.opts, more))

    if before:
        pulumi.runtime.register_stack_transformation(aliased)


def _type(urn: str) -> str:
    return urn.split("::")[2].rpartition("$")[2]


def _provider(thing: Thing, providers: Providers, clusters: Mapping[str, InCluster]) -> Any:
    if thing.noun in ("Vault policy", "secrets engine"):
        return providers.vault_provider
    if thing.noun == "service account":
        of = (it.opts.providers for it in clusters.values() if it.stack_cluster.place == thing.cluster)
        of_all: Any = next(of, ())
        return next((each for each in of_all if each.package == "kubernetes"), None)
    return providers.of_accounts.get(thing.account, providers.aws_provider)
