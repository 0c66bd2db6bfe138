"""The OIDC provider in IAM of a cluster's issuer: found, or made where there is none."""

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from . import arns, trust

OWNER_TAG = "vault-aws-auth/owner"
"""Tag on an OIDC provider that this library made: `<project>/<stack>/<component>` that it belongs to.

Without the organization, so that a stack keeps its provider in another backend. After `pulumi stack rename`
the stack has another owner's provider: it warns, and would delete it, until the tag is written again.
"""


def cluster_oidc_provider(
    component: pulumi.Resource, name: str, issuer: pulumi.Input[str], tags: Mapping[str, pulumi.Input[str]]
) -> pulumi.Output[str]:
    """The ARN of the issuer's OIDC provider, which is declared below the component unless it exists and is
    not this stack's. An issuer that is text is looked up."""
    owner = f"{pulumi.get_project()}/{pulumi.get_stack()}/{name}"
    if isinstance(issuer, str):
        found = _find(component, issuer)
        # One that carries our tag was made by an earlier update of this stack: it stays declared,
        # for what is no longer declared is deleted.
        found_owner = (found.tags or {}).get(OWNER_TAG) if found is not None else None
        if found is not None and found_owner != owner:
            if found_owner:
                _warn_of_another_owner(component, found.arn, found_owner, owner)
            if trust.AUDIENCE not in found.client_id_lists:
                raise ValueError(
                    f"the OIDC provider {found.arn} does not accept the audience {trust.AUDIENCE}; "
                    "add it with: aws iam add-client-id-to-open-id-connect-provider "
                    f"--client-id {trust.AUDIENCE} --open-id-connect-provider-arn {found.arn}"
                )
            return pulumi.Output.from_input(found.arn)
    provider = aws.iam.OpenIdConnectProvider(
        f"{name}-oidc-provider",
        url=pulumi.Output.from_input(issuer).apply(arns.issuer_url),
        client_id_lists=[trust.AUDIENCE],
        tags={**tags, OWNER_TAG: owner},
        opts=pulumi.ResourceOptions(parent=component),
    )
    return provider.arn


def _warn_of_another_owner(component: pulumi.Resource, provider_arn: str, found: str, owner: str) -> None:
    pulumi.log.warn(
        f"The OIDC provider {provider_arn} belongs to {found}, and this is {owner}. "
        "If this stack was called that before, the update would delete the provider, and no service "
        "account of the cluster could assume its IAM role any more: write the tag again first, "
        f"aws iam tag-open-id-connect-provider --open-id-connect-provider-arn {provider_arn} "
        f"--tags Key={OWNER_TAG},Value={owner}",
        component,
    )


def _find(component: pulumi.Resource, issuer: str) -> "aws.iam.GetOpenIdConnectProviderResult | None":
    try:
        return aws.iam.get_open_id_connect_provider(
            url=arns.issuer_url(issuer), opts=pulumi.InvokeOptions(parent=component)
        )
    except Exception as error:
        # The provider's answer when none of the account's OIDC providers has the URL. Anything else
        # (no permission, no network) must not be taken for it: that would declare a second one.
        if "finding IAM OIDC Provider by url" in str(error) and "not found" in str(error):
            return None
        raise
