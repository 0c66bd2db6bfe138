"""The AWS secrets engine: its mount together with how it goes to AWS, and its roles."""

from sandbox.plugins.resource import Inputs, ProviderError, Resource, State
from sandbox.plugins.vault.client import Vault
from sandbox.plugins.vault.mounts import (
    ENGINE,
    ENGINE_CONFIG,
    ENGINE_REPLACED,
    create_engine,
    delete_engine,
    read_engine,
    update_engine,
)
from sandbox.plugins.vault.objects import fields, refuse_ignored, vault_object, written

_MOUNT = {*ENGINE, *ENGINE_CONFIG} - {"type"}
_ROOT = fields(
    "accessKey",
    "disableAutomatedRotation",
    "iamEndpoint",
    "identityTokenAudience",
    "identityTokenTtl",
    "maxRetries",
    "region",
    "roleArn",
    "rotationPeriod",
    "rotationSchedule",
    "rotationWindow",
    "secretKey",
    "stsEndpoint",
    "stsFallbackEndpoints",
    "stsFallbackRegions",
    "stsRegion",
    "usernameTemplate",
)


def _create(vault: Vault, inputs: Inputs) -> tuple[str, State]:
    path, _ = create_engine(vault, {**inputs, "type": "aws"})
    try:
        _configure(vault, path, inputs)
        return path, _read(vault, path, inputs) or {}
    except Exception:
        delete_engine(vault, path, inputs)  # nothing is left of what could not be finished
        raise


def _configure(vault: Vault, path: str, inputs: Inputs) -> None:
    """Writes what is set. Of what no longer is, only the access key is cleared: as by the official provider.

    (So an engine that has had a secret key, or federation, is to be replaced when it goes to AWS otherwise.)
    """
    data = {"access_key": "", **written(_ROOT, {}, inputs)}
    vault.write(f"{path}/config/root", data, inputs.get("namespace"))
    refuse_ignored(_ROOT.keys() - {"secretKey"}, inputs, _root(vault, path, inputs))


def _root(vault: Vault, path: str, state: State) -> State:
    found = vault.read(f"{path}/config/root", state.get("namespace")) or {}
    root = {name: found.get(field) for name, field in _ROOT.items() if name != "secretKey"}
    return {**root, "region": root["region"] or "us-east-1"}


def _read(vault: Vault, path: str, state: State) -> State | None:
    mount = read_engine(vault, path, state)
    if mount is None:
        return None
    del mount["type"]
    return {**mount, **_root(vault, path, state)}


def _update(vault: Vault, path: str, state: State, inputs: Inputs) -> State:
    update_engine(vault, path, state, inputs)
    differing = any(name in inputs and state.get(name) != inputs[name] for name in _ROOT)
    # Not at every update: what Vault has rotated is written over only when the configuration changes.
    if differing or (state.get("accessKey") and "accessKey" not in inputs):
        _configure(vault, path, inputs)
    return _read(vault, path, inputs) or {}


def _role_fields(inputs: Inputs) -> Inputs:
    """A role that gives nothing is refused, as the official provider does."""
    if not any(inputs.get(name) for name in ("iamGroups", "policyArns", "policyDocument", "roleArns")):
        raise ProviderError("at least one of policyDocument, policyArns, roleArns or iamGroups must be set")
    return inputs


RESOURCES = (
    Resource(
        "vault:aws/secretBackend:SecretBackend",
        "pulumi_vault.aws.SecretBackend",
        frozenset({"namespace", "path", *_MOUNT, *_ROOT}),
        create=_create,
        read=_read,
        update=_update,
        delete=delete_engine,
        defaults={"path": "aws"},
        replace_on=ENGINE_REPLACED,
        secret_outputs=frozenset({"accessKey", "secretKey"}),
        unordered=frozenset({"allowedManagedKeys"}),
        partial=frozenset({"options"}),
        together=(frozenset({"accessKey", "secretKey"}),),
        unsupported=frozenset({"disableRemount", "secretKeyWo", "secretKeyWoVersion"}),
    ),
    vault_object(
        "vault:aws/secretBackendRole:SecretBackendRole",
        "{backend}/roles/{name}",
        fields(
            "credentialType",
            "defaultStsTtl",
            "externalId",
            "iamGroups",
            "iamTags",
            "maxStsTtl",
            "mfaSerialNumber",
            "permissionsBoundaryArn",
            "policyArns",
            "policyDocument",
            "roleArns",
            "sessionTags",
            "userPath",
        ),
        kept=frozenset({"defaultStsTtl", "maxStsTtl"}),
        prepare=_role_fields,
        autoname="name",
        required=frozenset({"backend", "credentialType"}),
        replace_on=frozenset({"roleArns"}),
        json_inputs=frozenset({"policyDocument"}),
        unordered=frozenset({"iamGroups", "policyArns", "roleArns"}),
    ),
)
