"""The AWS secrets engine: its mount, AWS configuration and roles."""

from sandbox.plugins.resource import Inputs, ProviderError, Resource, State
from sandbox.plugins.vault.client import Vault
from sandbox.plugins.vault.mounts import (
    ENGINE,
    ENGINE_COMPUTED,
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
        delete_engine(vault, path, inputs)  # removes what could not be completed
        raise


def _configure(vault: Vault, path: str, inputs: Inputs) -> None:
    """Writes the fields that are set and clears a removed access key only, as the official provider does.

    (So an engine with a secret key or federation has to be replaced to change how it authenticates to AWS.)
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
    kept = {name: value for name, value in state.items() if name != "identityTokenKey"}
    path = str(update_engine(vault, path, kept, inputs)["path"])
    differing = any(name in inputs and state.get(name) != inputs[name] for name in _ROOT)
    # Not at every update, because it would overwrite keys that Vault has rotated.
    if differing or (state.get("accessKey") and "accessKey" not in inputs):
        _configure(vault, path, inputs)
    return _read(vault, path, inputs) or {}


def _role_fields(old: State, new: Inputs) -> Inputs:
    """Refuses what the official provider does: a role without any permissions, and what is of another kind of
    credentials. It is strict with changes: a user's boundary cannot even be taken away with the users, nor
    can the TTLs of sessions, which stay when they are no longer set. Only a replacement helps.
    """
    if not any(new.get(name) for name in ("iamGroups", "policyArns", "policyDocument", "roleArns")):
        raise ProviderError("at least one of policyDocument, policyArns, roleArns or iamGroups must be set")
    kind = new["credentialType"]
    if kind == "iam_user":
        wrong = [name for name in ("defaultStsTtl", "maxStsTtl") if new.get(name)]
    else:
        of_users = ("permissionsBoundaryArn", "userPath")
        wrong = [name for name in of_users if (old.get(name) or "") != new.get(name, "")]
    if wrong:
        raise ProviderError(f"{' and '.join(wrong)} cannot be set or changed with credentialType {kind}")
    return new


RESOURCES = (
    Resource(
        "vault:aws/secretBackend:SecretBackend",
        "pulumi_vault.aws.SecretBackend",
        frozenset({"namespace", "path", *_MOUNT, *_ROOT}),
        create=_create,
        read=_read,
        update=_update,
        delete=delete_engine,
        defaults={"path": "aws", "maxRetries": -1},
        replace_on=ENGINE_REPLACED,
        secret_outputs=frozenset({"accessKey", "secretKey"}),
        unordered=frozenset({"allowedManagedKeys"}),
        computed=ENGINE_COMPUTED | {"identityTokenTtl", "region", "usernameTemplate"},
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
        computed=frozenset({"defaultStsTtl", "maxStsTtl"}),
        prepare=_role_fields,
        autoname="name",
        required=frozenset({"backend", "credentialType"}),
        replace_on=frozenset({"roleArns"}),
        json_inputs=frozenset({"policyDocument"}),
        unordered=frozenset({"iamGroups", "policyArns", "roleArns"}),
    ),
)
