"""The software that logs in to Vault for workloads, one module for each kind.

A consumer is a component that renders what the software needs to know of Vault and of its login, as values of
a Helm chart or as Kubernetes manifests: addresses and names, never a secret. All of it comes from
`VaultAwsAuth.connection` and the login's `ref`, so that nothing is typed twice. A kind that has no field for
something that the stack demands refuses it.
"""

from .agent import AgentForm, VaultAgentConsumer, VaultAgentConsumerArgs
from .base import Consumer
from .external_secrets import ExternalSecretsConsumer, ExternalSecretsConsumerArgs, StoreScope
from .gloo import GlooConsumer, GlooConsumerArgs, GlooEdition
from .release import HelmRelease
from .secrets_operator import VaultSecretsOperatorConsumer, VaultSecretsOperatorConsumerArgs
from .vault_access_operator import VaultAccessOperatorConsumer, VaultAccessOperatorConsumerArgs
from .vault_server import VaultPod, VaultServerConsumer, VaultServerConsumerArgs, VaultServerMode

KINDS: dict[str, type[Consumer]] = {
    kind.KIND: kind
    for kind in (
        GlooConsumer,
        VaultAccessOperatorConsumer,
        VaultSecretsOperatorConsumer,
        ExternalSecretsConsumer,
        VaultAgentConsumer,
        VaultServerConsumer,
    )
}
"""The kinds of consumers by the word for each in stack files and outputs."""

__all__ = [
    "KINDS",
    "AgentForm",
    "Consumer",
    "ExternalSecretsConsumer",
    "ExternalSecretsConsumerArgs",
    "GlooConsumer",
    "GlooConsumerArgs",
    "GlooEdition",
    "HelmRelease",
    "StoreScope",
    "VaultAccessOperatorConsumer",
    "VaultAccessOperatorConsumerArgs",
    "VaultAgentConsumer",
    "VaultAgentConsumerArgs",
    "VaultPod",
    "VaultSecretsOperatorConsumer",
    "VaultSecretsOperatorConsumerArgs",
    "VaultServerConsumer",
    "VaultServerConsumerArgs",
    "VaultServerMode",
]
