"""Workload identity federation: Vault signs tokens about its own mounts, and AWS trusts them.

Only Vault Enterprise does: 1.16 and later for the AWS secrets engine, 1.17 for the AWS auth method. Community
Vault refuses, and the Terraform-based provider leaves the fields out there silently: check the edition
before you use these components.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated

import pulumi
import pulumi_aws as aws
import pulumi_vault as vault
from typing_extensions import NotRequired, TypedDict

from . import iam, trust
from .auth_mount import DEFAULT_KEY
from .component import Component
from .declared import UNIQUE, Default, Refusal, checked, not_empty, opened, rule
from .forms import (
    KEY_VERIFICATION,
    Audience,
    Issuer,
    Tags,
    Thumbprint,
    VaultKeyName,
    VaultNamespace,
)

KEY_ROTATION = 30 * 24 * 60 * 60
"""Seconds after which Vault signs with a new key."""


class PluginIssuer(TypedDict):
    """Who signs the identity tokens of Vault's mounts.

    Take it whole from `VaultPluginIssuer.issuer`.
    """

    issuer_url: pulumi.Input[str]
    """Issuer of the tokens: their `iss` claim."""

    oidc_provider_arn: pulumi.Input[str]
    """ARN of the issuer's OIDC provider in IAM."""


class VaultPluginIssuerOptions(TypedDict):
    """Vault as an OIDC issuer that AWS trusts (Vault Enterprise)."""

    issuer: Issuer
    """URL under which AWS reaches Vault, without a path: `https://vault-oidc.example.com`. It need only
    serve the issuer's two public documents, for example through a reverse proxy. AWS takes no port in it."""

    existing: NotRequired[Annotated[bool, Default(False)]]
    """The issuer is another's: its URL is written in Vault already, its key is there, and so is its OIDC
    provider in IAM. They are used as they are, and none is made."""

    thumbprints: NotRequired[Annotated[Sequence[Thumbprint], Default(()), UNIQUE]]
    """SHA-1 thumbprints of the issuer's CA; only for a private one, as AWS knows the public ones."""

    key_name: NotRequired[Annotated[VaultKeyName, Default("vault-aws-auth")]]
    """Name of the key that signs the tokens. Vault's own, `default`, is for an `existing` issuer: it serves
    every audience, and cannot be deleted."""

    tags: NotRequired[Tags]
    """Tags of the OIDC provider."""


class VaultPluginIssuerArgs(VaultPluginIssuerOptions):
    """The issuer of one Vault namespace."""

    audiences: Annotated[Sequence[Audience], not_empty("without it no mount can get a token"), UNIQUE]
    """Audiences of the identity tokens: those of the identities that trust the issuer."""

    namespace: NotRequired[Annotated[pulumi.Input[VaultNamespace], Default("")]]
    """Path of the Vault namespace that the vault provider works in, for example `team/a`; empty is the root
    one."""


@rule(VaultPluginIssuerOptions, "existing", "thumbprints", "key_name")
def _existing(options: VaultPluginIssuerOptions) -> Iterator[Refusal]:
    if options["existing"] and options["thumbprints"]:
        yield Refusal("thumbprints", "is not used: the OIDC provider is another's; remove it")
    if not options["existing"] and options["key_name"] == DEFAULT_KEY:
        yield Refusal(
            "key_name",
            "is Vault's own key, which is not made and cannot be deleted; write another name, or, where the "
            "issuer is there already, {existing}: true",
        )


class VaultPluginIssuer(Component):
    """Vault's issuer URL, a signing key that serves the given audiences alone, and the OIDC provider in IAM.

    A Vault namespace has one issuer URL for all its tokens; when this component is deleted, Vault goes back
    to its own address. One that is `existing` is found, and nothing of it is made or deleted.
    """

    issuer_url: pulumi.Output[str]
    """Issuer of the identity tokens."""

    oidc_provider_arn: pulumi.Output[str]
    """ARN of the issuer's OIDC provider in IAM."""

    identity_token_key: pulumi.Output[str]
    """Name of the signing key, for the mounts whose tokens it signs. Known once Vault signs as the issuer."""

    issuer: PluginIssuer
    """The issuer, whole: for the identities that trust it."""

    def __init__(
        self, name: str, args: VaultPluginIssuerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        args = checked(VaultPluginIssuerArgs, args)
        super().__init__(name, opts)
        issuer = args["issuer"]
        issuer_url = pulumi.Output.all(args["namespace"]).apply(
            lambda known: plugin_issuer_url(issuer, known[0])
        )
        if args["existing"]:
            self._found(args, issuer_url)
        else:
            self._made(name, args, issuer_url)
        self.issuer_url = issuer_url
        self.issuer = {"issuer_url": self.issuer_url, "oidc_provider_arn": self.oidc_provider_arn}
        self.register_outputs(
            {
                "issuer_url": self.issuer_url,
                "oidc_provider_arn": self.oidc_provider_arn,
                "identity_token_key": self.identity_token_key,
                "issuer": self.issuer,
            }
        )

    def _found(self, args: VaultPluginIssuerArgs, issuer_url: pulumi.Output[str]) -> None:
        found = aws.iam.get_open_id_connect_provider_output(
            url=issuer_url, opts=pulumi.InvokeOutputOptions(parent=self)
        )
        self.oidc_provider_arn = found.apply(lambda known: _serves(known, args["audiences"]))
        self.identity_token_key = pulumi.Output.from_input(args["key_name"])

    def _made(self, name: str, args: VaultPluginIssuerArgs, issuer_url: pulumi.Output[str]) -> None:
        child = pulumi.ResourceOptions(parent=self)
        config = vault.identity.Oidc(f"{name}-issuer", issuer=args["issuer"], opts=child)
        key = vault.identity.OidcKey(
            f"{name}-key",
            name=args["key_name"],
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
            thumbprint_lists=list(args["thumbprints"]) or None,
            tags=args["tags"] or None,
            opts=child,
        )

        self.oidc_provider_arn = provider.arn
        self.identity_token_key = key.name


def _serves(found: "aws.iam.GetOpenIdConnectProviderResult", audiences: Sequence[str]) -> str:
    """The ARN of a provider, if it accepts these audiences."""
    for audience in audiences:
        if audience not in found.client_id_lists:
            raise ValueError(
                f"the OIDC provider {found.arn} does not accept the audience {audience}; add it with: "
                f"aws iam add-client-id-to-open-id-connect-provider --client-id {audience} "
                f"--open-id-connect-provider-arn {found.arn}"
            )
    return found.arn


def plugin_issuer_url(issuer: str, namespace: str = "") -> str:
    """The issuer of the identity tokens of a namespace, for the URL that AWS reaches Vault at."""
    return "/".join([issuer.rstrip("/"), "v1", *([namespace] if namespace else []), "identity/oidc/plugins"])


def plugin_trust(
    issuer: pulumi.Input[PluginIssuer],
    audience: str,
    *,
    kind: str,
    accessor: pulumi.Input[str],
    namespace_id: pulumi.Input[str] = "root",
) -> pulumi.Output[str]:
    """The trust policy, as JSON, of a role for one mount of Vault: no other mount can get a token for it.

    `kind` is `auth` or `secret`.
    """
    issuer = opened(issuer, PluginIssuer)
    return pulumi.Output.all(issuer["oidc_provider_arn"], issuer["issuer_url"], namespace_id, accessor).apply(
        lambda known: iam.to_json(
            trust.web_identity_trust(
                known[0], known[1], [trust.plugin_subject(known[2], kind, known[3])], audience
            )
        )
    )
