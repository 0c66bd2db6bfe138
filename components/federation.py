"""Workload identity federation: Vault signs tokens about its own mounts, and AWS trusts them.

Only Vault Enterprise does: 1.16 and later for the AWS secrets engine, 1.17 for the AWS auth method. Community
Vault refuses, and the Terraform-based provider leaves the fields out there without a word: whoever uses these
components checks the edition first.
"""

import re
from collections.abc import Sequence

import pulumi
import pulumi_aws as aws
import pulumi_vault as vault
from typing_extensions import NotRequired, TypedDict

from . import durations, iam, names, trust

DEFAULT_KEY_NAME = "vault-aws-auth"
_DAY = 24 * 60 * 60
KEY_ROTATION = 30 * _DAY
"""Seconds after which Vault signs with a new key."""
KEY_VERIFICATION = _DAY
"""Seconds for which the old key's tokens are still good; no identity token lives longer."""

_HOST_FORM = r"[A-Za-z0-9.-]+"
_THUMBPRINT_FORM = r"[0-9A-Fa-f]{40}"


class PluginIssuer(TypedDict):
    """Who signs the identity tokens of Vault's mounts.

    In Python take it whole from `VaultPluginIssuer.issuer`; elsewhere, the outputs of the same names.
    """

    issuer_url: pulumi.Input[str]
    """Issuer of the tokens: their `iss` claim."""

    oidc_provider_arn: pulumi.Input[str]
    """ARN of the issuer's OIDC provider in IAM."""


class VaultPluginIssuerArgs(TypedDict):
    """The issuer of one Vault namespace."""

    issuer: str
    """URL of Vault as AWS reaches it, without a path: `https://vault-oidc.example.com`. It need only
    serve the issuer's two public documents, for example through a reverse proxy. AWS takes no port in it
    but the 443 that goes without saying."""

    audiences: Sequence[str]
    """Audiences of the identity tokens, one at least: those of the identities that trust the issuer."""

    namespace: NotRequired[str]
    """Path of the Vault namespace that the vault provider works in, for example `team/a`. Default: the root
    namespace."""

    thumbprints: NotRequired[Sequence[str]]
    """SHA-1 fingerprints of the certificates that signed the issuer's, needed for a private CA.
    Default: none, as AWS knows the public ones."""

    key_name: NotRequired[str]
    """Name of the key that signs the tokens. Default: `vault-aws-auth`."""


class VaultPluginIssuer(pulumi.ComponentResource):
    """Vault's issuer URL, a signing key that serves the given audiences alone, and the OIDC provider in IAM.

    A Vault namespace has one issuer URL for all its tokens; when this component is deleted, Vault goes back
    to its own address.
    """

    issuer_url: pulumi.Output[str]
    """Issuer of the identity tokens."""

    oidc_provider_arn: pulumi.Output[str]
    """ARN of the issuer's OIDC provider in IAM."""

    identity_token_key: pulumi.Output[str]
    """Name of the signing key, for the mounts whose tokens it signs. Known once Vault signs as the issuer."""

    def __init__(
        self, name: str, args: VaultPluginIssuerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("vault-aws-auth:index:VaultPluginIssuer", name, {}, opts)
        check(args)
        issuer = args["issuer"].rstrip("/")
        issuer_url = plugin_issuer_url(issuer, args.get("namespace", ""))
        child = pulumi.ResourceOptions(parent=self)

        config = vault.identity.Oidc(f"{name}-issuer", issuer=issuer, opts=child)
        key = vault.identity.OidcKey(
            f"{name}-key",
            name=args.get("key_name", DEFAULT_KEY_NAME),
            algorithm="RS256",
            allowed_client_ids=list(args["audiences"]),
            rotation_period=KEY_ROTATION,
            verification_ttl=KEY_VERIFICATION,
            # The first token is signed when a mount is configured, and must name the issuer.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[config]),
        )
        provider = aws.iam.OpenIdConnectProvider(
            f"{name}-oidc-provider",
            url=issuer_url,
            client_id_lists=list(args["audiences"]),
            thumbprint_lists=list(args["thumbprints"]) if args.get("thumbprints") else None,
            opts=child,
        )

        self.issuer_url = pulumi.Output.from_input(issuer_url)
        self.oidc_provider_arn = provider.arn
        self.identity_token_key = key.name
        self.register_outputs(
            {
                "issuer_url": self.issuer_url,
                "oidc_provider_arn": self.oidc_provider_arn,
                "identity_token_key": self.identity_token_key,
            }
        )

    @property
    def issuer(self) -> PluginIssuer:
        """For the identities that trust it."""
        return {"issuer_url": self.issuer_url, "oidc_provider_arn": self.oidc_provider_arn}


def plugin_issuer_url(issuer: str, namespace: str = "") -> str:
    """The issuer of the identity tokens of a namespace, for the URL that AWS reaches Vault at."""
    return "/".join([issuer.rstrip("/"), "v1", *([namespace] if namespace else []), "identity/oidc/plugins"])


def plugin_trust(
    issuer: PluginIssuer,
    audience: str,
    *,
    kind: str,
    accessor: pulumi.Input[str],
    namespace_id: pulumi.Input[str] = "root",
) -> pulumi.Output[str]:
    """The trust policy, as JSON, of a role for one mount of Vault: no other mount can get a token for it.

    `kind` is `auth` or `secret`. Raises ValueError, naming the field, for an ID that is no namespace's.
    """
    check_namespace_id(namespace_id)
    return pulumi.Output.all(issuer["oidc_provider_arn"], issuer["issuer_url"], namespace_id, accessor).apply(
        lambda known: iam.to_json(
            trust.web_identity_trust(
                known[0], known[1], [trust.plugin_subject(known[2], kind, known[3])], audience
            )
        )
    )


def check_namespace_id(namespace_id: pulumi.Input[str]) -> None:
    """Raise ValueError, naming the field, for what is no namespace's ID; one that Vault tells is taken."""
    if isinstance(namespace_id, str):
        trust.plugin_subject(namespace_id, "auth", "accessor")


def token_seconds(token_ttl: str) -> int:
    """The life of an identity token in seconds. Raises ValueError that names the field."""
    try:
        return check_token_ttl(token_ttl)
    except ValueError as error:
        raise ValueError(f"token_ttl: {token_ttl!r} {error}") from None


def check_token_ttl(token_ttl: str) -> int:
    """The life of an identity token in seconds. Raises ValueError if it can have no such life."""
    seconds = durations.to_seconds(token_ttl)
    if seconds > KEY_VERIFICATION:
        raise ValueError("is longer than the signing key is good for; write up to 24h")
    return seconds


def check_audience(field: str, audience: str) -> None:
    """Raise ValueError, naming the field, unless it can be the audience of identity tokens."""
    if not audience or len(audience) > 255 or any(c in audience for c in "*? \t\n"):
        raise ValueError(
            f"{field}: {audience!r} is not an audience; write up to 255 characters without * ? and spaces"
        )


def check_issuer(url: str) -> None:
    """Raise ValueError unless AWS can trust an issuer whose URL begins so."""
    if not url.startswith("https://"):
        raise ValueError("is not https, and AWS trusts no other issuer; write e.g. https://vault.example.com")
    host, colon, _ = url.removeprefix("https://").rstrip("/").partition(":")
    if not re.fullmatch(_HOST_FORM, host):
        raise ValueError("is not the URL of a host; write e.g. https://vault.example.com")
    if colon:
        raise ValueError(
            f"has a port, and AWS trusts no such issuer; serve it at port 443 and write https://{host}"
        )


def check(args: VaultPluginIssuerArgs) -> None:
    """Raise ValueError, naming the field, for what the component cannot take."""
    try:
        check_issuer(args["issuer"])
    except ValueError as error:
        raise ValueError(f"issuer: {args['issuer']!r} {error}") from None
    if not args["audiences"]:
        raise ValueError("audiences: name at least one; without it no mount can get a token")
    for audience in args["audiences"]:
        check_audience("audiences", audience)
    namespace = args.get("namespace", "")
    if namespace:
        try:
            names.check_vault_namespace(namespace)
        except ValueError as error:
            raise ValueError(f"namespace: {namespace!r} {error}") from None
    for thumbprint in args.get("thumbprints", []):
        if not re.fullmatch(_THUMBPRINT_FORM, thumbprint):
            raise ValueError(f"thumbprints: {thumbprint!r} is not one; write 40 hexadecimal digits")
