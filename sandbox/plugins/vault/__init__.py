"""The vault plugin: what this project declares in Vault, over Vault's HTTP API.

The resources keep the official provider's IDs, defaults and field names.
"""

from sandbox.plugins.resource import Plugin, functions, table
from sandbox.plugins.vault import aws_auth, aws_secrets, endpoint, identity, mounts, policy
from sandbox.plugins.vault.client import Vault, explain
from sandbox.plugins.vault.namespaces import GET_NAMESPACE

# About the child token that the official provider makes for itself, and this one does not, and about a
# status (412) that only Enterprise has. The SDK sends some of these of itself.
_WITHOUT_EFFECT = frozenset({"maxLeaseTtlSeconds", "maxRetriesCcc", "skipChildToken", "tokenName"})

PLUGIN = Plugin(
    name="vault",
    distribution="pulumi-vault",
    config=_WITHOUT_EFFECT | {"address", "caCertFile", "maxRetries", "namespace", "skipTlsVerify", "token"},
    json_config=frozenset(
        {"maxLeaseTtlSeconds", "maxRetries", "maxRetriesCcc", "skipChildToken", "skipTlsVerify"}
    ),
    secret_config=frozenset({"token"}),
    connect=Vault,
    explain=explain,
    functions=functions(GET_NAMESPACE),
    resources=table(
        *mounts.RESOURCES,
        policy.POLICY,
        endpoint.ENDPOINT,
        *aws_auth.RESOURCES,
        *aws_secrets.RESOURCES,
        *identity.RESOURCES,
    ),
)
