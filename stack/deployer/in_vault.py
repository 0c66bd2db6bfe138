"""What each resource type needs in Vault, and the ACL policy that grants exactly that.

`create` is there where Vault tells it from `update`. `list` is nowhere: without it, the look at what is there
already asks for each name.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from stack.deployer.program import Declared, Program

_ORDER = ("create", "read", "update", "delete", "list", "sudo")


class Rule(NamedTuple):
    """What a token may do at a path."""

    path: str
    """Below the namespace that the policy is written to."""

    capabilities: frozenset[str]

    reading: frozenset[str] = frozenset()
    """Those of them that a preview and a refresh need."""


def _rule(path: str, capabilities: str, reading: str = "read") -> Rule:
    given = frozenset(capabilities.split())
    return Rule(path, given, given & {reading})


Rules = Callable[[Declared], Iterable[Rule]]

_ALL = "create read update delete"


def _at(template: str, capabilities: str = _ALL) -> Rules:
    """At one path, a template of the inputs."""
    return lambda declared: (_rule(template.format(**_trimmed(declared.inputs)), capabilities),)


def _trimmed(inputs: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value).strip("/") for name, value in inputs.items()}


def _auth_mount(declared: Declared) -> Iterator[Rule]:
    path = str(declared.inputs.get("path") or declared.inputs["type"]).strip("/")
    yield _rule(f"sys/auth/{path}", "update delete sudo")
    yield _rule(f"sys/mounts/auth/{path}", "read")
    yield _rule(f"sys/mounts/auth/{path}/tune", "read update")
    yield _rule("sys/auth", "read")


def _engine(declared: Declared) -> Iterator[Rule]:
    path = str(declared.inputs["path"]).strip("/")
    yield _rule(f"sys/mounts/{path}", "read update delete")
    yield _rule(f"sys/mounts/{path}/tune", "read update")
    yield _rule("sys/mounts", "read")


def _aws_engine(declared: Declared) -> Iterator[Rule]:
    path = str(declared.inputs["path"]).strip("/")
    yield from _engine(declared)
    yield _rule(f"{path}/config/root", "create read update")


def _endpoint(declared: Declared) -> Iterator[Rule]:
    given = "create update"
    given += "" if declared.inputs.get("disableRead") else " read"
    given += "" if declared.inputs.get("disableDelete") else " delete"
    yield _rule(str(declared.inputs["path"]).strip("/"), given)


def _child_token(_: Declared) -> Iterator[Rule]:
    """The provider works with a child of its token, and looks both up."""
    yield _rule("auth/token/create", "update", "update")
    yield _rule("auth/token/lookup-self", "read")


TYPES: Mapping[str, Rules] = {
    "pulumi:providers:vault": _child_token,
    "vault:index/authBackend:AuthBackend": _auth_mount,
    "vault:aws/authBackendClient:AuthBackendClient": _at("auth/{backend}/config/client"),
    "vault:aws/authBackendConfigIdentity:AuthBackendConfigIdentity": _at(
        "auth/{backend}/config/identity", "read update"
    ),
    "vault:aws/authBackendStsRole:AuthBackendStsRole": _at("auth/{backend}/config/sts/{accountId}"),
    "vault:aws/authBackendRole:AuthBackendRole": _at("auth/{backend}/role/{role}"),
    "vault:index/mount:Mount": _engine,
    "vault:aws/secretBackend:SecretBackend": _aws_engine,
    "vault:aws/secretBackendRole:SecretBackendRole": _at("{backend}/roles/{name}", "read update delete"),
    "vault:index/policy:Policy": _at("sys/policies/acl/{name}", "read update delete"),
    "vault:generic/endpoint:Endpoint": _endpoint,
    "vault:identity/oidc:Oidc": _at("identity/oidc/config", "read update"),
    "vault:identity/oidcKey:OidcKey": _at("identity/oidc/key/{name}"),
}

_NAMESPACE = "vault:index/getNamespace:getNamespace"


class UnknownType(Exception):
    """The stack declares a resource type that has no entry here."""


class Policy(NamedTuple):
    """The policy of the token that deploys."""

    namespace: str
    """Where it is written, and the token is made; empty for the root."""

    rules: tuple[Rule, ...]

    def text(self, about: str, reading: bool = False) -> str:
        """As Vault takes it; `about` is its first line."""
        lines = [f"# {about}", ""]
        for rule in self.rules:
            given = rule.reading if reading else rule.capabilities
            if given:
                words = ", ".join(f'"{word}"' for word in _ORDER if word in given)
                lines += [f'path "{rule.path}" {{', f"  capabilities = [{words}]", "}", ""]
        return "\n".join(lines)


def policy(program: Program) -> Policy:
    """The policy for what a stack declares. Raises UnknownType."""
    namespace, below = program.place.namespace, ""
    looked_up = [each for each in program.declared if each.type == _NAMESPACE]
    found: list[Rule] = []
    for declared in program.declared:
        if declared.type in TYPES:
            found += TYPES[declared.type](declared)
        elif declared.type.startswith("vault:") and declared.type != _NAMESPACE:
            raise UnknownType(declared.type)
    if looked_up:
        # A namespace is known to the one above it, so that the token has to be of that one.
        namespace, _, name = namespace.rpartition("/")
        below = f"{name}/"
    own = ("auth/token/",)
    rules = [
        rule if rule.path.startswith(own) else rule._replace(path=f"{below}{rule.path}") for rule in found
    ]
    rules += [_rule(f"sys/namespaces/{each.inputs['path']}", "read") for each in looked_up]
    return Policy(namespace, tuple(_together(rules)))


def _together(rules: Iterable[Rule]) -> Iterator[Rule]:
    """One rule for each path."""
    by_path: dict[str, Rule] = {}
    for rule in rules:
        before = by_path.get(rule.path, Rule(rule.path, frozenset()))
        by_path[rule.path] = Rule(
            rule.path, before.capabilities | rule.capabilities, before.reading | rule.reading
        )
    for path in sorted(by_path):
        yield by_path[path]
