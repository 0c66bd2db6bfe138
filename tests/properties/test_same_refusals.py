"""What the stack file refuses, the Python library and the component package refuse: at the same place, in the
spelling of each, and before a resource is registered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import pulumi
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import components
from components import (
    cluster,
    consumers,
    cross_account,
    existing_auth,
    federation,
    logins,
    vault_auth,
    vault_identity,
)
from components.declared import CAMEL as STACK
from components.declared import Reader, Shape, fields_of, to_camel
from components.secrets_engine import args as engine
from components.secrets_engine import existing as existing_engine
from plugin.provider import Provider
from stack.file import parse
from stack.reading import StackFileError
from tests.unit.recording import CLUSTER, refused

ACCOUNT, OTHER = "111111111111", "222222222222"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/app"
PROJECT = "vault-aws-auth"
PLUGINS = f"arn:aws:iam::{ACCOUNT}:oidc-provider/vault.example.com/v1/identity/oidc/plugins"
ISSUER = {"issuer_url": "https://vault.example.com/v1/identity/oidc/plugins", "oidc_provider_arn": PLUGINS}
NEEDS = {"resolve_roles": True}
CONNECTION = {"path": "aws", "address": "https://vault.example.com", "sts_region": "us-east-1"}
BASE: dict[str, Any] = {
    "aws:region": "us-east-1",
    f"{PROJECT}:accountId": ACCOUNT,
    f"{PROJECT}:cluster": {"name": "eks1", "nodeGroups": {"blue": {}}},
    f"{PROJECT}:vault": {"address": "https://vault.example.com"},
    f"{PROJECT}:logins": {
        "pod": {"kind": "service-account", "serviceAccounts": ["app/api"], "policies": ["dev"]},
        "gloo": {
            "kind": "service-account",
            "serviceAccounts": ["gloo-system/gloo", "gloo-system/discovery"],
            "serviceAccountMode": "none",
            "policies": ["dev"],
        },
        "far": {"kind": "principal", "principals": [ROLE.replace(ACCOUNT, OTHER)], "policies": ["dev"]},
    },
    f"{PROJECT}:accounts": {OTHER: {}},
}
TEXTS = {
    "login": ["pod"],
    "node_groups": ["blue"],
    "policies": ["dev", "ops"],
    "role_arns": [ROLE],
    "principals": [ROLE, f"arn:aws:iam::{ACCOUNT}:user/*"],
    "service_account": ["vault/vault"],
    "service_accounts": ["default/web", "ci-*/web"],
    "namespace": ["", "team"],
    "ttl": ["15m", "2h", "30d"],
    "trusted_services": ["ec2.amazonaws.com"],
}
"""Texts of the right form, where not every one would do; by field."""

SECRET = "not to be told"
WRONG = [
    SECRET,
    "",
    "a b",
    "-bad",
    "https://x/y?z",
    "A",
    "x" * 300,
    "arn:aws:iam::1:root",
    0,
    1.5,
    True,
    [],
    ["A b"],
    {"a": 1},
]
"""What is wrong in most places."""

POLICIES = dict.fromkeys(["dev", "ops", *(each for each in WRONG if isinstance(each, str))], "")
"""Which policies there are, the stack alone knows."""


@dataclass(frozen=True)
class Target:
    """What can be written in a stack file as a section, and in programs as the arguments of a component."""

    component: Any
    section: tuple[str, ...]
    """Key and, where there are several, name of the section."""

    options: Any
    """The TypedDict of what people write."""

    valid: Mapping[str, Any]
    wired: Mapping[str, Any] = field(default_factory=dict)
    """What a program adds to the options."""

    only_stack: Mapping[str, Any] = field(default_factory=dict)
    """What a stack file adds to them."""

    elsewhere: Mapping[str, Any] = field(default_factory=dict)
    """Other keys of the stack file."""

    @property
    def declared(self) -> type:
        """The TypedDict of the component's arguments."""
        declared: type = self.component.__init__.__annotations__["args"]
        return declared

    def args(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of the component."""
        pods = "service_account" not in fields_of(self.options) or options.get("service_account") is not None
        return {**{name: value for name, value in self.wired.items() if pods or name != "cluster"}, **options}

    def file(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The stack file."""
        key, *name = self.section
        section = {**camel(options, self.options), **self.only_stack}
        written = {**BASE.get(f"{PROJECT}:{key}", {}), name[0]: section} if name else section
        return {**BASE, f"{PROJECT}:{key}": written, **self.elsewhere}


def camel(value: Any, of: Any) -> Any:
    """What is written with names of Python, with those of stack files and other languages."""
    shape = of if isinstance(of, Shape) else None
    if isinstance(value, Mapping) and (shape is None or shape.is_fields):
        known = fields_of(shape.kind if shape else of)
        return {
            to_camel(name) if name in known else name: camel(each, known[name]) if name in known else each
            for name, each in value.items()
        }
    if shape and shape.item and isinstance(value, Mapping):
        return {name: camel(each, shape.item) for name, each in value.items()}
    if shape and shape.item and isinstance(value, list):
        return [camel(each, shape.item) for each in value]
    return value


def _targets() -> list[Target]:
    wired = {"connection": {"path": "aws", "accounts": [ACCOUNT, OTHER]}}
    of_login: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "service-account": ({"service_accounts": ["default/app"]}, {"cluster": CLUSTER}),
        "ec2-instance": (
            {"node_groups": ["blue"]},
            {"cluster": {"node_role_arns": {"blue": ROLE}}, "region": "us-east-1"},
        ),
        "principal": ({"principals": [ROLE]}, {}),
    }
    found = [
        Target(
            kind,
            ("logins", "app"),
            kind.OPTIONS,
            {**valid, "policies": ["dev"]},
            {**wired, **more},
            {"kind": word},
        )
        for word, (valid, more) in of_login.items()
        for kind in [logins.KINDS[word]]
    ]
    of_identity: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "user": ({}, {}),
        "role": ({"trusted_services": ["ec2.amazonaws.com"]}, {"cluster": CLUSTER}),
        "federation": ({}, {"issuer": ISSUER, "mount": {"path": "aws", "accessor": "a"}}),
        "existing": ({"role_arn": ROLE}, {}),
    }
    issuer = {f"{PROJECT}:federation": {"issuer": "https://vault.example.com"}}
    found += [
        Target(
            kind,
            ("vaultIdentity",),
            kind.OPTIONS,
            valid,
            {"permissions": NEEDS, **more},
            {"kind": word},
            issuer if word == "federation" else {},
        )
        for word, (valid, more) in of_identity.items()
        for kind in [vault_identity.KINDS[word]]
    ]
    pod = {
        "vault_role": "pod",
        "iam_role_arn": ROLE,
        "service_accounts": ["app/api"],
        "service_account_mode": "create",
    }
    gloo = {
        **pod,
        "service_accounts": ["gloo-system/gloo", "gloo-system/discovery"],
        "service_account_mode": "none",
    }
    in_cluster = {f"{PROJECT}:vaultIdentity": {"kind": "role", "serviceAccount": "vault/vault"}}
    for word, kind in consumers.KINDS.items():
        login = "gloo" if word == "gloo" else "pod"
        needs = {"connection": CONNECTION, "login": gloo if word == "gloo" else pod}
        found.append(
            Target(
                kind,
                ("consumers", "app"),
                kind.OPTIONS,
                {} if kind.NEEDS_LOGIN else {"mode": "dev"},
                needs
                if kind.NEEDS_LOGIN
                else {"pod": {"service_account": "vault/vault", "iam_role_arn": ROLE}},
                {"kind": word, **({"login": login} if kind.NEEDS_LOGIN else {})},
                {} if kind.NEEDS_LOGIN else in_cluster,
            )
        )
    region = {"region": "us-east-1"}
    of_engine = {"roles": {"my-role": {"credential_type": "assumed_role", "role_arns": [ROLE]}}}
    only_nodes = {f"{PROJECT}:logins": {"far": BASE[f"{PROJECT}:logins"]["far"]}}
    found += [
        Target(
            components.EksCluster,
            ("cluster",),
            cluster.EksClusterOptions,
            {"name": "eks1"},
            region,
            {},
            only_nodes,
        ),
        Target(
            components.ExistingEksCluster,
            ("cluster",),
            cluster.ExistingEksClusterOptions,
            {"name": "eks1"},
            region,
            {"existing": True},
            only_nodes,
        ),
        Target(
            components.VaultAwsAuth,
            ("vault",),
            vault_auth.VaultAwsAuthOptions,
            {"address": CONNECTION["address"]},
            region,
        ),
        Target(
            components.ExistingVaultAwsAuth,
            ("vault",),
            existing_auth.ExistingVaultAwsAuthOptions,
            {"address": CONNECTION["address"]},
            region,
            {"mount": "existing"},
            {f"{PROJECT}:accounts": {OTHER: {"roleArn": ROLE.replace(ACCOUNT, OTHER)}}},
        ),
        Target(
            components.TrustedAccount,
            ("accounts", OTHER),
            cross_account.TrustedAccountOptions,
            {"trusted_principals": [ROLE]},
            {"account_id": OTHER, "permissions": NEEDS},
            {"trustVaultIdentity": False},
        ),
        Target(
            components.VaultPluginIssuer,
            ("federation",),
            federation.VaultPluginIssuerOptions,
            {"issuer": "https://vault.example.com"},
            {"audiences": ["vault"]},
            {},
            {f"{PROJECT}:vaultIdentity": {"kind": "federation"}},
        ),
        Target(
            components.AwsSecretsEngine,
            ("secretsEngine",),
            engine.AwsSecretsEngineOptions,
            of_engine,
            region,
            {"kind": "user"},
        ),
        Target(
            components.ExistingAwsSecretsEngine,
            ("secretsEngine",),
            existing_engine.ExistingAwsSecretsEngineOptions,
            of_engine,
            {},
            {"mount": "existing"},
        ),
    ]
    return found


TARGETS = {f"{'.'.join(target.section)} {target.component.__name__}": target for target in _targets()}


def values(name: str, shape: Shape, right: bool) -> st.SearchStrategy[Any]:
    """What may be written in a field; everything of the right form with `right`."""
    if shape.is_fields:
        fields = {each: values(each, declared, right) for each, declared in fields_of(shape.kind).items()}
        needed = {each: value for each, value in fields.items() if each in shape.kind.__required_keys__}
        good: Any = st.fixed_dictionaries(
            needed, optional={each: fields[each] for each in fields if each not in needed}
        )
    elif shape.kind is dict and shape.item:
        keys = ["blue", "my-role"] if right else ["blue", "my-role", "A b"]
        good = st.dictionaries(st.sampled_from(keys), values(name, shape.item, right), max_size=2)
    elif shape.kind is list and shape.item:
        good = st.lists(values(name, shape.item, right), max_size=2)
    elif isinstance(shape.kind, type) and issubclass(shape.kind, Enum):
        good = st.sampled_from([member.value for member in shape.kind])
    elif shape.kind is bool:
        good = st.booleans()
    elif shape.kind is int:
        good = st.integers(0, 70)
    else:
        examples = [form.example.replace("NAME", "app") for form in shape.forms if form.example]
        good = st.sampled_from(TEXTS.get(name) or TEXTS.get(name.rpartition("_")[2]) or examples or ["app"])
    wrong: st.SearchStrategy[Any] = st.nothing() if right else st.sampled_from(WRONG)
    return st.one_of(good, wrong)


@st.composite
def written(draw: st.DrawFn, target: Target) -> dict[str, Any]:
    """Options of a target: valid ones with changes."""
    known = fields_of(target.options)
    options = dict(target.valid)
    for name in draw(st.lists(st.sampled_from(sorted(known)), max_size=2, unique=True)):
        options[name] = draw(values(name, known[name], draw(st.booleans())))
    if draw(st.integers(0, 4)) == 0:
        options[draw(st.sampled_from(["permissions_boundry", "tag", "unknown"]))] = SECRET
    return options


@pytest.fixture(scope="module")
def provider() -> Provider:
    return Provider()


def refused_by_stack(target: Target, options: Mapping[str, Any]) -> set[str]:
    """The places in the section at which the stack file is refused."""
    section = f"{PROJECT}:{'.'.join(target.section)}"
    try:
        parse(target.file(options), POLICIES)
    except StackFileError as error:
        problems = error.problems
    else:
        return set()
    elsewhere = [problem for problem in problems if not problem.startswith(section)]
    assert elsewhere == [], "the rest of the stack file is right"
    # Names are compared even where something else is wrong, by the library only where nothing is.
    problems = [each for each in problems if not each.endswith("already; write another")] or problems
    return {place(problem).removeprefix(section).removeprefix(".") for problem in problems}


def refused_by_library(target: Target, options: Mapping[str, Any]) -> set[str]:
    """The places at which the component refuses its arguments, as stack files spell them."""
    args = target.args(options)
    reader = Reader()
    reader.fields(args, target.declared)
    if reader.refusals:
        message = refused(lambda: target.component("app", args))
        assert message.splitlines() == [reader.spelling.line(refusal) for refusal in reader.refusals]
        assert not any(line.startswith("external_id: ") and SECRET in line for line in message.splitlines())
    return {STACK.path(refusal.place) for refusal in reader.refusals}


def refused_by_package(provider: Provider, target: Target, options: Mapping[str, Any]) -> set[str]:
    """The places at which the component package refuses the inputs."""
    kind = target.component.__name__
    inputs = camel(target.args(options), target.declared)
    try:
        provider.map_inputs(inputs, provider._component_defs[kind])
    except pulumi.InputPropertiesError as error:
        message = str(error)
    else:
        return set()
    assert SECRET not in message, "no value is repeated"
    return {place(line) for line in message.splitlines()}


def place(line: str) -> str:
    """Where a line of a message is about; empty where that is the whole."""
    path, colon, _ = line.partition(": ")
    return path if colon and " " not in path.replace("A b", "") else ""


@pytest.mark.parametrize("name", TARGETS)
@given(data=st.data())
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_the_stack_file_refuses_is_refused_by_library_and_package(
    name: str, provider: Provider, data: st.DataObject
) -> None:
    target = TARGETS[name]
    options = data.draw(written(target))
    by_stack = refused_by_stack(target, options)
    by_library = refused_by_library(target, options)
    assert by_stack <= by_library
    assert by_stack or not by_library, "what the stack file takes, the library takes"
    assert by_library == refused_by_package(provider, target, options)


@pytest.mark.parametrize(
    ("name", "options", "place"),
    [
        ("cluster EksCluster", {"name": "-bad"}, "name"),
        ("cluster EksCluster", {"kubernetes_version": "banana"}, "kubernetesVersion"),
        ("cluster EksCluster", {"public_access_cidrs": ["anywhere"]}, "publicAccessCidrs[0]"),
        ("cluster EksCluster", {"node_groups": {"a": {"min_size": 3, "max_size": 2}}}, "nodeGroups.a"),
        ("vault VaultAwsAuth", {"server_id_header": "https://vault"}, "serverIdHeader"),
        ("vault VaultAwsAuth", {"endpoints": {"sts": "not a url"}}, "endpoints.sts"),
        ("logins.app ServiceAccountLogin", {"iam_role_name": "a b"}, "iamRoleName"),
        ("logins.app ServiceAccountLogin", {"permissions_boundry": ROLE}, "permissions_boundry"),
        ("logins.app ServiceAccountLogin", {"policies": "dev"}, "policies"),
    ],
)
def test_what_the_library_once_took_and_the_stack_file_refused(
    provider: Provider, name: str, options: dict[str, Any], place: str
) -> None:
    target = TARGETS[name]
    wrong = {**target.valid, **options}
    assert refused_by_stack(target, wrong) == {place}
    assert refused_by_library(target, wrong) == {place}
    assert refused_by_package(provider, target, wrong) == {place}
