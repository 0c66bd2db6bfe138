"""What a login needs so that it can become one of another kind and keep its Vault role."""

import pulumi

KINDS = ("Ec2InstanceLogin", "PrincipalLogin", "ServiceAccountLogin")
"""The classes of all kinds of login."""


def component_options(kind: str, opts: pulumi.ResourceOptions | None) -> pulumi.ResourceOptions:
    """The options of a login's component: it is also what a login of its name, but of another kind, was.

    Without this, a change of kind would write the Vault role of the new login first, and delete that of the
    old one, which is the same, afterwards.
    """
    aliases = [pulumi.Alias(type_=f"vault-aws-auth:index:{other}") for other in KINDS if other != kind]
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(aliases=aliases))


def vault_role_options(
    parent: pulumi.Resource, principal_id: pulumi.Input[str] | None = None
) -> pulumi.ResourceOptions:
    """The options of a login's Vault role.

    `principal_id` is the unique ID of the one principal that it binds, where the stack makes the principal.
    Vault looks it up when the role is written, and goes by it from then on: a principal that was deleted and
    made again under the same ARN could not log in, and no input would tell. So another ID replaces the role;
    nobody misses it meanwhile, for the one who could log in is gone.
    """
    return pulumi.ResourceOptions(
        parent=parent,
        replacement_trigger=principal_id,
        # The new one has the old one's path: deleted afterwards, the old one would take it along.
        delete_before_replace=True,
        # It comes and goes with the bounds of instances, when the login becomes one of another kind; and
        # bounds that are no longer declared would stay in Vault.
        replace_on_changes=["inferredEntityType"],
    )
