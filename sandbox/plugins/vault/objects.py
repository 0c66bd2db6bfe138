"""Resource types that are written, read and deleted at one path of Vault's API, as most are."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sandbox.plugins.resource import Inputs, ProviderError, Resource, State
from sandbox.plugins.vault.client import Vault

_TOKEN = re.compile(r"vault:(\w+)/\w+:(\w+)")


def snake(name: str) -> str:
    """Vault's name of an input."""
    return re.sub(r"[A-Z]", lambda match: "_" + match[0].lower(), name)


def fields(*same: str, **renamed: str) -> dict[str, str]:
    """Vault's names by inputs' names: snake case by default."""
    return {name: snake(name) for name in same} | renamed


def written(
    names: Mapping[str, str], old: State, new: Inputs, reset: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The fields to write: the new values, and empty ones for those no longer set."""
    cleared = {n: (reset or {}).get(n, type(old[n])()) for n in names if old.get(n) and n not in new}
    return {names[name]: value for name, value in {**cleared, **new}.items() if name in names}


def sdk_class(token: str) -> str:
    """The SDK's class of a type token."""
    match = _TOKEN.fullmatch(token)
    assert match, token  # noqa: S101 (tokens are constants)
    module, name = match.groups()
    return f"pulumi_vault.{name}" if module == "index" else f"pulumi_vault.{module}.{name}"


def refuse_ignored(names: Iterable[str], given: Inputs, live: State) -> None:
    """Raises ProviderError for fields that this Vault does not know, because Vault ignores them silently."""
    if ignored := [name for name in names if name in given and live.get(name) is None]:
        raise ProviderError(f"this Vault does not know {', '.join(sorted(ignored))} and ignored it")


def vault_object(
    token: str,
    path: str,
    names: Mapping[str, str],
    *,
    identifier: str | None = None,
    kept: frozenset[str] = frozenset(),
    reset: Mapping[str, Any] | None = None,
    as_one: frozenset[str] = frozenset(),
    hidden: frozenset[str] = frozenset(),
    prepare: Callable[[State, Inputs], Inputs] = lambda _, new: new,
    outputs: tuple[str, ...] = (),
    delete: bool = True,
    persistently: Callable[[Callable[[], None]], None] = lambda write: write(),
    replace_on: frozenset[str] = frozenset(),
    **details: Any,
) -> Resource:
    """The resource type of an object at `path`; `identifier` is its ID, by default the path; both are
    templates of inputs.

    A field no longer set is written as empty, or as in `reset`; those in `kept` are left unchanged, as the
    official provider does. Fields in `as_one` are written only if one of them changes. Fields in `hidden` are
    never read back. `prepare` gets the old state and the inputs; it removes inputs that must not be written,
    and refuses what the official provider does. `persistently` writes, and tries again where the official
    provider does.
    """
    identifier = identifier or path
    keys = frozenset(re.findall(r"{(\w+)}", identifier))
    pattern = re.compile(re.sub(r"{(\w+)}", r"(?P<\1>.+)", identifier))

    def parts(id_: str) -> dict[str, str]:
        match = pattern.fullmatch(id_)
        if match is None:
            raise ProviderError(f"{id_!r} is not an ID of this type; write {identifier}")
        return match.groupdict()

    def read(vault: Vault, id_: str, state: State) -> State | None:
        which = parts(id_)
        data = vault.read(path.format(**which), state.get("namespace"))
        if data is None:
            return None
        live = {name: data.get(field) for name, field in names.items() if name not in hidden}
        # Null means that a list or map that was set is empty now; Vault may also leave it out.
        live |= {n: type(state[n])() for n, f in names.items() if n in state and data.get(f, "") is None}
        return {**live, **{name: data.get(snake(name)) for name in outputs}, **which}

    def write(vault: Vault, id_: str, old: State, new: Inputs) -> State:
        skipped = as_one if all(old.get(name) == new.get(name) for name in as_one) else frozenset()
        current = {name: field for name, field in names.items() if name not in skipped}
        was = {name: value for name, value in old.items() if name not in kept}
        data = written(current, was, prepared := prepare(old, new), reset)
        persistently(lambda: vault.write(path.format(**parts(id_)), data, new.get("namespace")))
        live = read(vault, id_, new) or {}
        refuse_ignored(names.keys() - hidden, prepared, live)
        return live

    def create(vault: Vault, inputs: Inputs) -> tuple[str, State]:
        id_ = identifier.format(**{key: str(inputs[key]).strip("/") for key in keys})
        return id_, write(vault, id_, {}, inputs)

    def remove(vault: Vault, id_: str, state: State) -> None:
        if delete:
            vault.delete(path.format(**parts(id_)), state.get("namespace"))

    return Resource(
        token=token,
        sdk=sdk_class(token),
        inputs=frozenset({*names, *keys, "namespace"}),
        create=create,
        read=read,
        update=write,
        delete=remove,
        replace_on=replace_on | keys | {"namespace"},
        **details,
    )
