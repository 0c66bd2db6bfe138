"""Vault's own paths by which a token can grant itself more: policies, logins, auth methods, identities."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .vault_policies import DENY, Path

_CHANGES = {"update", "patch", "recover", "sudo", "root", "write"}
WRITES = {"create", *_CHANGES}


ROOT = "which is root in two steps"


@dataclass(frozen=True)
class Target:
    """A path of Vault's API. `+` is a name, which may be missing at the end; `**` is one segment or more."""

    path: str
    what: str
    """What a request there writes."""

    fields: Sequence[str] = ()
    """The parameters that give a policy. Nothing is granted where all of them are fixed."""

    harm: str = ROOT
    """What comes of it."""

    of_anyone: bool = False
    """Whether it grants something only where the path names nobody: `users/+/password`, not `users/bob/…`."""

    def __iter__(self) -> Iterator[str]:
        return iter(self.path.split("/"))


_LOGIN = ("token_policies", "policies")
_POLICIES, _LOGINS = "policies", "the policies of logins"
_METHOD, _ENTITIES, _GROUPS = "the setup of an auth method", "the policies of entities", "who is in a group"
_DATA = "all of Vault's data"

TARGETS = (
    *(
        Target(f"sys/{path}/+", _POLICIES)
        for path in ("policies/acl", "policies/egp", "policies/rgp", "policy")
    ),
    Target(
        "auth/token/roles/+",
        "token roles",
        # A token with the alias of another entity has that entity's policies.
        ("allowed_policies", "allowed_policies_glob", "allowed_entity_aliases"),
    ),
    *(
        Target(f"auth/**/{path}", _LOGINS, _LOGIN)
        for path in (
            "role/+",
            "role/+/policies",
            "role/+/token-policies",
            "roles/+",
            "certs/+",
            "users/+/policies",
        )
    ),
    Target("auth/**/users/+", _LOGINS, (*_LOGIN, "groups")),
    Target("auth/**/groups/**", _LOGINS, ("policies",)),
    *(
        Target(f"auth/**/role/+/{bound}", "who logs in", _LOGIN)
        for bound in ("service-accounts", "labels", "bind-secret-id")
    ),
    *(Target(f"auth/**/map/{who}/+", _LOGINS) for who in ("teams", "users")),
    *(
        Target(f"auth/**/config{path}", _METHOD)
        for path in ("", "/client", "/identity", "/ldap", "/sts/+", "/certificate/+")
    ),
    Target("auth/**/users/+/password", "anyone's password", of_anyone=True),
    Target("auth/token/create-orphan", "tokens", harm="which live on when the one that made them has ended"),
    Target("sys/auth/**", "auth methods"),
    *(Target(path, "mounts") for path in ("sys/mounts", "sys/mounts/**", "sys/remount")),
    *(Target(f"sys/plugins/{path}/**", "plugins") for path in ("catalog", "runtimes/catalog")),
    Target("sys/config/group-policy-application", _GROUPS),
    *(Target(f"sys/storage/raft/snapshot{how}", _DATA) for how in ("", "-force", "-load")),
    *(Target(f"sys/{path}/**", _DATA) for path in ("raw", "replication")),
    Target("sys/generate-root/**", "a root token"),
    *(Target(f"sys/{path}/**", "the keys that unseal Vault") for path in ("rekey", "rekey-recovery-key")),
    Target("sys/audit/**", "audit devices, and so files on Vault's disk"),
    *(Target(f"identity/entity/{by}", _ENTITIES, ("policies",)) for by in ("id/+", "name/**")),
    *(Target(f"identity/{path}", _ENTITIES) for path in ("entity", "entity/merge")),
    *(
        Target(f"identity/{kind}{one}", "who is an entity")
        for kind in ("entity-alias", "persona", "alias")
        for one in ("", "/id/+")
    ),
    *(
        Target(f"identity/group{kind}", _GROUPS)
        for kind in ("", "/id/+", "/name/**", "-alias", "-alias/id/+")
    ),
)
"""Rotation of a key, lookups, secret IDs and a named user's password are not among them."""

_BEFORE_NAME = 3
"""`auth/aws/role`, `identity/entity/name`: how many segments stand before a name, at least."""

_SPELLED = {"sys": 0, "identity": 1, "auth": 2}
"""What Vault's own paths begin with, and how far they go before a name. In a namespace, that much must be
spelled out: `dev/auth/*` is a secrets engine's."""

_KV = ("data", "metadata", "delete", "undelete", "destroy", "subkeys")
"""The second segment of a path in a KV secrets engine, version 2."""


def as_root(path: Path, more: frozenset[str]) -> Iterator[str]:
    """Why a path of a policy is as good as root. `more` are policies that are."""
    return _too_much(path, more, [target for target in TARGETS if target.harm == ROOT])


def too_much(path: Path, more: frozenset[str], *, writer: bool) -> Iterator[str]:
    """Why no policy may have a path: it is as good as root, or gives more than the token has. A `writer` may
    grant itself more, and nothing else."""
    return _too_much(path, more, () if writer else TARGETS)


def _too_much(path: Path, more: frozenset[str], targets: Sequence[Target]) -> Iterator[str]:
    if not path.path.strip("*+/") and path.capabilities != {DENY}:
        yield "matches every path"
        return
    if powers := path.capabilities & {"sudo", "root"}:
        yield f"has the capability {min(powers)}"
    if what := _granted(path, more, targets):
        yield f"can write {what}"


def _granted(path: Path, more: frozenset[str], targets: Sequence[Target]) -> str | None:
    """What a path of a policy lets its token write, so that it can have more, and what comes of it."""
    if not path.capabilities & WRITES:
        return None
    for target in targets:
        if not _held(path, target, more) and any(_meet(given, [*target]) for given in _readings(path.path)):
            return f"{target.what}, {target.harm}"
    return None


def _held(path: Path, target: Target, more: frozenset[str]) -> bool:
    """Whether what is written there is of who is named, or can have policies that the path fixes only.

    A request that leaves the policies out changes who has those that are there: so others' are out of
    reach, or the request must name them.
    """
    segments = path.path.strip("/").split("/")
    if target.of_anyone and len(segments) > 1 and segments[-2].strip("+*"):
        return True
    if not target.fields or not all(path.fixes(field, more) for field in target.fields):
        return False
    own = len(segments) > _BEFORE_NAME and segments[-1].strip("+*") != ""
    return own or not path.capabilities & _CHANGES or not path.required.isdisjoint(target.fields)


def _readings(path: str) -> Iterator[list[str]]:
    """The segments of a path, and those below a namespace: `ns1/sys/policies/acl/*`."""
    segments = [segment for segment in path.split("/") if segment]
    kv = [number for number, segment in enumerate(segments[:-1]) if segment in _KV]
    if segments[0] in _SPELLED or not kv:
        yield segments
    if segments[0] in (*_SPELLED, "cubbyhole"):
        return
    for start in range(1, kv[0] if kv else len(segments)):
        below = segments[start:]
        depth = _SPELLED.get(below[0], len(below))
        if depth < len(below) and not _is_open(below[depth]):
            yield below


def _meet(given: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether a path exists that both match: what is given may have `+` and end in `*`."""
    if not wanted:
        return not given
    if not given:
        return list(wanted) == ["+"]
    head, rest, target = given[0], given[1:], wanted[0]
    if not rest and head.endswith("*"):
        return target in ("+", "**") or _begins(head.rstrip("*"), target)
    if target == "**":
        return _below_mount(given, wanted[1:])
    return (target == "+" or _is_open(head) or _is(head, target)) and _meet(rest, wanted[1:])


def _below_mount(given: Sequence[str], wanted: Sequence[str]) -> bool:
    """The same below a mount. Its path may have several segments, if what follows it is spelled out."""
    if not wanted:
        return True
    if given[0] == "token":  # no login: it has targets of its own
        return False
    if _meet(given[1:], wanted):
        return True
    ends = range(2, len(given))
    return any(given[end] == wanted[0] and _meet(given[end:], wanted) for end in ends)


def _is_open(segment: str) -> bool:
    return segment.rstrip("*") in ("", "+") or re.fullmatch(r"(\{\{.*?\}\})+", segment) is not None


def _is(segment: str, target: str) -> bool:
    """A template in a segment stands for any text."""
    words = re.split(r"\{\{.*?\}\}", segment)
    return re.fullmatch(".*".join(map(re.escape, words)), target) is not None


def _begins(prefix: str, target: str) -> bool:
    return prefix == "+" or "{{" in prefix or target.startswith(prefix)
