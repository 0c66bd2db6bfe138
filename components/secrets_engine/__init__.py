"""Vault's AWS secrets engine: it hands out AWS credentials, with an AWS identity of its own to make them."""

from .args import AwsSecretsEngineArgs, EngineExistingOptions, EngineFederation, EngineUserOptions
from .engine import AwsSecretsEngine
from .existing import ExistingAwsSecretsEngine, ExistingAwsSecretsEngineArgs
from .roles import AwsCredentialType, AwsSecretsRole

__all__ = [
    "AwsCredentialType",
    "AwsSecretsEngine",
    "AwsSecretsEngineArgs",
    "AwsSecretsRole",
    "EngineExistingOptions",
    "EngineFederation",
    "EngineUserOptions",
    "ExistingAwsSecretsEngine",
    "ExistingAwsSecretsEngineArgs",
]
