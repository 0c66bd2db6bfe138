"""The rules, one a file. They are plain functions: only `engine.py` knows that Pulumi asks."""

from . import (
    acl_policies,
    audit_logs,
    bound_vault_roles,
    cluster_endpoint,
    keyless,
    permissions,
    pod_identity_trust,
    regional_sts,
    secret_inputs,
    secret_outputs,
    secrets_encryption,
    server_id_header,
    token_ttl,
    web_identity_trust,
    wildcard_trust,
)
from .base import Rule

RULES: tuple[Rule, ...] = (
    web_identity_trust.RULE,
    pod_identity_trust.RULE,
    wildcard_trust.RULE,
    permissions.RULE,
    bound_vault_roles.RULE,
    token_ttl.RULE,
    server_id_header.RULE,
    regional_sts.RULE,
    keyless.RULE,
    acl_policies.RULE,
    secret_inputs.RULE,
    secret_outputs.RULE,
    cluster_endpoint.RULE,
    secrets_encryption.RULE,
    audit_logs.RULE,
)
"""In the order of the documentation: who is trusted, what for, how Vault is set up, the cluster."""
