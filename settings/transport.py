"""What of the settings goes over the network in clear: taken, for it may be meant, but not without a word."""

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from settings.sections import Settings


def in_clear(settings: Settings) -> Iterator[str]:
    """A warning for each URL without TLS that is not of this machine."""
    vault = settings.vault
    for key, url, what in (
        ("address", vault.address, "tokens, secrets and signed logins go"),
        *(
            (f"endpoints.{service}", url, "what AWS answers Vault about who logs in goes")
            for service, url in vault.endpoints.given().items()
        ),
    ):
        if url.startswith("http://") and not _is_loopback(urlsplit(url).hostname or ""):
            yield (
                f"vault-aws-auth:vault.{key}: is http, so {what} over the network in clear, and whoever is "
                "between can change it; write https"
            )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
