"""The vault plugin: what this project declares in Vault, over Vault's HTTP API.

The resources keep the official provider's IDs, defaults and field names.
"""

from sandbox.plugins.resource import Plugin, table
from sandbox.plugins.vault import aws_auth, mounts, policy
from sandbox.plugins.vault.client import Vault, explain

# About the child token that the official provider makes for itself, and this one does not.
_CHILD_TOKEN = frozenset({"maxLeaseTtlSeconds", "skipChildToken", "tokenName"})

PLUGIN = Plugin(
    name="vault",
    distribution="pulumi-vault",
    config=_CHILD_TOKEN | {"address", "token", "namespace", "caCertFile", "skipTlsVerify"},
    json_config=frozenset({"maxLeaseTtlSeconds", "skipChildToken", "skipTlsVerify"}),
    connect=Vault,
    explain=explain,
    functions={},
    resources=table(*mounts.RESOURCES, policy.POLICY, *aws_auth.RESOURCES),
)
