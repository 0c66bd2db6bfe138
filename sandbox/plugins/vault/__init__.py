"""The vault plugin: the types that this project declares, over Vault's HTTP API.

IDs, defaults and field names are the official provider's.
"""

from sandbox.plugins.resource import Plugin, functions, table
from sandbox.plugins.vault import aws_auth, aws_secrets, endpoint, identity, mounts, policy
from sandbox.plugins.vault.client import Vault, answered, explain
from sandbox.plugins.vault.namespaces import GET_NAMESPACE

# For the official provider's child token, which this one does not create, and for a status (412) of
# Enterprise. The SDK sends some of these unasked.
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
    answered=answered,
    functions=functions(GET_NAMESPACE, mounts.GET_AUTH),
    resources=table(
        *mounts.RESOURCES,
        policy.POLICY,
        endpoint.ENDPOINT,
        *aws_auth.RESOURCES,
        *aws_secrets.RESOURCES,
        *identity.RESOURCES,
    ),
)
