"""Words of Vault, AWS and other tools for what has another name here, or is not there on purpose: each with
what to write instead. No resources."""

from collections.abc import Iterable, Mapping

from .suggestions import plain

WORDS: Mapping[str, Mapping[str, str]] = {
    "VaultToken": {
        "token_policies": "write {policies}",
        "token_ttl": "write {ttl}",
        "token_max_ttl": "write {max_ttl}",
        "token_period": "write {period}",
        "token_explicit_max_ttl": "write {explicit_max_ttl}",
        "type": "write {token_type}",
        "bound_cidrs": "write {token_bound_cidrs}",
        "cidrs": "write {token_bound_cidrs}",
        "num_uses": "write {token_num_uses}",
        "uses": "write {token_num_uses}",
        "no_default_policy": "write {token_no_default_policy}",
        "renewable": "write {ttl}, which is the token's life until it must be renewed, and {max_ttl}",
    },
    "LoginOptions": {
        "role": "write {vault_role}",
        "auth_type": "it is always iam, for instances too: write kind: ec2-instance for these",
        "resolve_aws_unique_ids": (
            "it is always on, so that a principal made again under an old name is another one; write a * at "
            "the end of an ARN that is to be compared as text"
        ),
        "backend": "all logins are of one mount, vault.mountPath",
        "mount": "all logins are of one mount, vault.mountPath",
        "bound_account_ids": "it is that of the ARNs; write these",
        "alias_metadata": "Vault's aliases are of the whole mount: vault.identityAlias",
        "inferred_entity_type": "write kind: ec2-instance",
        **dict.fromkeys(
            ("role_tag", "disallow_reauthentication", "allow_instance_migration"),
            "only Vault's auth type ec2 has it, whose logins are not signed; write kind: ec2-instance",
        ),
    },
    "OwnRoleOptions": {
        "role_arn": "write {iam_role_arn}, if the role exists",
        "role_name": "write {iam_role_name}",
        "bound_iam_principal_arns": "write {iam_role_arn}, or kind: principal for further ones",
        "principals": "write {iam_role_arn}, or kind: principal for several",
        "managed_policy_arns": "write {policy_arns}, each ARN by a name",
        "role_policy_arns": "write {policy_arns}, each ARN by a name",
        "inline_policy": "write {policy_statements}",
        "policy_document": "write {policy_statements}, the statements alone",
        "statements": "write {policy_statements}",
        "path": "write {iam_role_path}",
        "name_prefix": "it is one for the whole stack, iamRoleNamePrefix; write that, or {iam_role_name}",
        "iam_role_name_prefix": "it is one for the whole stack, iamRoleNamePrefix",
    },
    "PrincipalLoginOptions": {
        "bound_iam_principal_arns": "write {principals}",
        "iam_role_arn": "write {principals}, a list",
        "role_arn": "write {principals}, a list",
        "role_arns": "write {principals}",
        "principal_arns": "write {principals}",
        **dict.fromkeys(
            ("policy_arns", "policy_statements", "permissions_boundary", "iam_role_name", "iam_role_path"),
            "these roles and users exist, and their owner says what they may; remove it. Vault's policies "
            "are {policies}",
        ),
    },
    "Ec2InstanceLoginOptions": {
        "bound_iam_role_arns": "write {role_arns}",
        "bound_iam_principal_arns": "write {role_arns}",
        "iam_role_arn": "write {role_arns}, a list",
        "bound_iam_instance_profile_arns": "write {instance_profile_names}, each with its path",
        "instance_profile_arns": "write {instance_profile_names}, each with its path",
        "inferred_aws_region": "write region",
        "bound_regions": "write region: Vault looks for an instance in one; one login for each",
        "vpc_ids": "write {bound_vpc_ids}",
        "subnet_ids": "write {bound_subnet_ids}",
        "ami_ids": "write {bound_ami_ids}",
        "bound_ec2_instance_ids": (
            "instances come and go; write a role that only this instance has into {role_arns}"
        ),
        **dict.fromkeys(
            ("policy_arns", "policy_statements", "permissions_boundary", "iam_role_name", "iam_role_path"),
            "the instances' roles exist, and their owner says what they may; remove it. Vault's policies are "
            "{policies}",
        ),
    },
    "VaultAwsAuthOptions": {
        "use_sts_region_from_client": (
            "every caller of a mount signs for one region, which consumers and the command are told; write "
            "it as stsRegion (in a program: region), and give callers of another region another mount"
        ),
    },
}
"""By the TypedDict that has none of them; `{ttl}` is the field of that name, as the reader spells it."""


def advice(of: Iterable[str], word: str) -> str:
    """What to write for a word that none of these TypedDicts has; empty if that is not known."""
    for name in of:
        for foreign, text in WORDS.get(name, {}).items():
            if _singular(foreign) == _singular(word):
                return text
    return ""


def _singular(word: str) -> str:
    """Also without number: Vault's API has the singular of what others list."""
    return plain(word).removesuffix("s")
