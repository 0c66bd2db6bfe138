"""Settings that a stack file may have, and that are worth a word."""

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from components.forms import split_service_account
from stack.file import StackFile
from stack.sections import PROJECT

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_EXAMPLES: list[_Network] = [
    ipaddress.ip_network(each)
    for each in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
]
"""Addresses that documentation uses, and nobody has."""

_SHORT = 8
"""Characters of an external ID; AWS takes two."""


def of(stack: StackFile) -> Iterator[str]:
    """A warning for each setting that is accepted, for it may be meant, and that gives away more than most
    people know."""
    yield from _plain_text(stack)
    yield from _default_service_account(stack)
    yield from _short_external_ids(stack)
    yield from _example_addresses(stack)


def _plain_text(stack: StackFile) -> Iterator[str]:
    """URLs without TLS that are not of this machine."""
    urls = {"address": (stack.vault["address"], "tokens, secrets and signed logins")}
    for service, url in stack.vault["endpoints"].items():
        urls[f"endpoints.{service}"] = (url, "AWS's answers about who logs in")
    if callers := stack.vault.get("callers_sts_endpoint"):
        urls["callersStsEndpoint"] = (callers, "callers' AWS credentials")
    for key, (url, what) in urls.items():
        if url.startswith("http://") and not _is_loopback(urlsplit(url).hostname or ""):
            yield (
                f"{PROJECT}:vault.{key}: uses http: {what} travel unencrypted and can be altered in transit; "
                "use https"
            )


def _default_service_account(stack: StackFile) -> Iterator[str]:
    """A service account that pods have which name none."""
    account = stack.identity.options.get("service_account")
    if account and split_service_account(account)[1] == "default":
        namespace, _ = split_service_account(account)
        yield (
            f"{PROJECT}:vaultIdentity.serviceAccount: is the one of every pod in the namespace {namespace} "
            "that names none, so each of these has Vault's own AWS identity; make one for Vault, e.g. "
            f"{namespace}/vault"
        )


def _short_external_ids(stack: StackFile) -> Iterator[str]:
    for account, options in stack.accounts.items():
        external_id = options.get("external_id")
        if isinstance(external_id, str) and len(external_id) < _SHORT:
            yield (
                f"{PROJECT}:accounts.{account}.externalId: has {len(external_id)} characters and can be "
                "guessed; write 32 random ones, or leave it out where this stack makes the role"
            )


def _example_addresses(stack: StackFile) -> Iterator[str]:
    """A public endpoint that lets nobody in, which would show only once the cluster is there."""
    for cluster, cidr in (
        (it, cidr) for it in stack.clusters.values() for cidr in it.options.get("public_access_cidrs") or ()
    ):
        if any(_within(ipaddress.ip_network(cidr), each) for each in _EXAMPLES):
            yield (
                f"{cluster.path}.publicAccessCidrs: {cidr} is for examples, and nobody has an address "
                "of it, so nobody reaches the API server; write the addresses that you run Pulumi from"
            )


def _within(network: _Network, other: _Network) -> bool:
    return network.version == other.version and network.subnet_of(other)  # type: ignore[arg-type]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
