"""What must hold between the issuer of Vault's identity tokens and what is federated."""

from settings.identities import FederatedIdentity, IdentitySettings
from settings.problems import Problems
from settings.reading import Reading
from settings.secrets_engine import FederatedSecretsEngine, SecretsEngineSettings

Sections = tuple[Reading[IdentitySettings] | None, Reading[SecretsEngineSettings] | None]


def check_missing(sections: Sections, path: str, problems: Problems) -> None:
    """Without an issuer there is nothing for AWS to trust."""
    if needs := _federated(sections):
        problems.add(
            path, f"is missing, and {needs[0]} needs it; write at least {{issuer: https://vault.example.com}}"
        )


def check_use(sections: Sections, path: str, problems: Problems) -> None:
    """Without anything federated an issuer would sign tokens for nobody."""
    if not _federated(sections):
        problems.add(
            path,
            "is for nothing, as neither vaultIdentity nor secretsEngine is of kind federation; leave it out",
        )


def _federated(sections: Sections) -> list[str]:
    return [
        each.path
        for each in sections
        if each and isinstance(each.section, FederatedIdentity | FederatedSecretsEngine)
    ]
