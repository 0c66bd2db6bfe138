"""The consumers: what they render, and what they refuse."""

import json
from collections.abc import Iterator
from typing import Any

import hcl2
import pulumi
import pytest
from pulumi.runtime import mocks

from components.consumers import KINDS
from components.declared import ArgumentError, Shape, fields_of
from tests.unit.recording import Recording, providers, record

RELEASE = "kubernetes:helm.sh/v3:Release"
CONNECTION_TYPE = "kubernetes:vault.platform.io/v1alpha1:VaultConnection"
DEFINITION_TYPE = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"
ROLE = "arn:aws:iam::111111111111:role/app"
ANNOTATION = {"eks.amazonaws.com/role-arn": ROLE}
CONNECTION = {
    "address": "https://vault.example.com:8200",
    "path": "team/aws",
    "sts_endpoint": "https://sts.eu-west-1.amazonaws.com",
    "sts_region": "eu-west-1",
    "server_id_header": "vault.example.com",
}
GLOO = ("gloo-system/gloo", "gloo-system/discovery")
VAO = "vault-access-operator-system/vault-access-operator-controller-manager"


NEED_LOGIN = {
    "gloo": GLOO,
    "vault-access-operator": (VAO,),
    "vault-secrets-operator": ("app/api",),
    "external-secrets": ("app/api",),
    "vault-agent": ("app/api",),
}
POD = {"service_account": "vault/vault", "iam_role_arn": ROLE}


def login(*accounts: str, **changes: Any) -> dict[str, Any]:
    given = {"vault_role": "dev-role", "iam_role_arn": ROLE, "service_accounts": accounts or ("app/api",)}
    return {**given, **changes}


def late(given: dict[str, Any], *fields: str) -> dict[str, Any]:
    """The same, but known only when the stack is up."""
    known = {field: pulumi.Output.from_input(given[field]) for field in fields if field in given}
    return {**given, **known}


def run(kind: str, *, whole: bool = False, **args: Any) -> tuple[dict[str, Any], Recording]:
    """What the stack exports of a consumer, and what it registered."""

    def program() -> None:
        given: Any = args
        if kind != "vault-server":
            given = {"connection": CONNECTION, "login": login(*NEED_LOGIN[kind]), **args}
        if whole:
            given = late(given, "connection", "login", "pod")
        elif kind != "vault-server":
            given["login"] = late(given["login"], "vault_role", "iam_role_arn")
            given["connection"] = late(given["connection"], "path", "server_id_header")
        component: Any = KINDS[kind]
        consumer = component("app", given, providers())
        pulumi.export("app", consumer.output)

    recording = record(program)
    return recording.exports()["app"], recording


def rendered(kind: str, **args: Any) -> dict[str, Any]:
    output, _ = run(kind, **args)
    assert output["kind"] == kind
    return output


@pytest.mark.parametrize("kind", NEED_LOGIN)
def test_an_sts_of_callers_own_is_named_by_the_kinds_that_have_a_field_for_it(kind: str) -> None:
    own = "https://vpce-0123.sts.eu-west-1.vpce.amazonaws.com"
    named = kind in ("vault-access-operator", "vault-secrets-operator")
    assert (own in json.dumps(rendered(kind, connection={**CONNECTION, "sts_endpoint": own}))) is named
    # Of the regional one, the region is all that they need.
    assert "://sts." not in json.dumps(rendered(kind))


# Gloo


def test_gloo_reads_secrets_from_vault_before_kubernetes() -> None:
    assert rendered("gloo") == {
        "kind": "gloo",
        "values": {
            "settings": {
                "secretOptions": {
                    "sources": [
                        {
                            "vault": {
                                "address": "https://vault.example.com:8200",
                                "aws": {
                                    "iamServerIdHeader": "vault.example.com",
                                    "mountPath": "team/aws",
                                    "region": "eu-west-1",
                                    "vaultRole": "dev-role",
                                },
                                "pathPrefix": "dev",
                            }
                        },
                        {"kubernetes": {}},
                    ]
                }
            },
            "gloo": {"serviceAccount": {"extraAnnotations": ANNOTATION}},
            "discovery": {"serviceAccount": {"extraAnnotations": ANNOTATION}},
        },
    }


def test_the_enterprise_chart_has_all_of_it_below_gloo() -> None:
    edge = rendered("gloo")["values"]
    assert rendered("gloo", edition="enterprise")["values"] == {"gloo": edge}


def test_gloo_finds_its_secrets_where_it_is_rendered() -> None:
    values = rendered("gloo", path_prefix="kv", root_key="east")["values"]
    vault = values["settings"]["secretOptions"]["sources"][0]["vault"]
    assert (vault["pathPrefix"], vault["rootKey"]) == ("kv", "east")


def test_gloos_service_accounts_need_no_annotation_with_pod_identity() -> None:
    assert list(rendered("gloo", login=login(*GLOO, method="pod-identity"))["values"]) == ["settings"]


# Releases


def test_a_chart_is_installed_with_the_values_in_the_namespace_of_its_service_accounts() -> None:
    output, recording = run("gloo", release={"version": "1.18.0"})
    release = recording.one(RELEASE, "app-release")
    assert release.inputs == {
        "name": "app",
        "chart": "gloo",
        "version": "1.18.0",
        "repositoryOpts": {"repo": "https://storage.googleapis.com/solo-public-helm"},
        "namespace": "gloo-system",
        "values": output["values"],
        "compat": "true",
    }
    assert (release.parent, release.provider) == ("app", "kubernetes")


def test_a_chart_can_come_from_elsewhere() -> None:
    elsewhere = {"version": "1.2.3", "chart": "oci://charts.example.com/gloo"}
    _, recording = run("gloo", release=elsewhere)
    inputs = recording.one(RELEASE, "app-release").inputs
    assert inputs["chart"] == "oci://charts.example.com/gloo"
    assert "repositoryOpts" not in inputs


# vault-access-operator


def test_the_operators_connection_names_mount_role_region_and_header() -> None:
    assert rendered("vault-access-operator")["manifests"] == [
        {
            "apiVersion": "vault.platform.io/v1alpha1",
            "kind": "VaultConnection",
            "metadata": {"name": "app"},
            "spec": {
                "address": "https://vault.example.com:8200",
                "auth": {
                    "aws": {
                        "role": "dev-role",
                        "authPath": "team/aws",
                        "authType": "iam",
                        "region": "eu-west-1",
                        "iamServerIdHeaderValue": "vault.example.com",
                    }
                },
            },
        }
    ]


def test_the_operator_trusts_a_ca_that_it_is_shown() -> None:
    output = rendered(
        "vault-access-operator",
        ca_secret_name="vault-ca",
        default_auth_path="auth/kubernetes-east",
    )
    spec = output["manifests"][0]["spec"]
    assert spec["tls"] == {
        "caSecretRef": {"name": "vault-ca", "namespace": "vault-access-operator-system", "key": "ca.crt"}
    }
    assert spec["defaults"] == {"authPath": "auth/kubernetes-east"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"create": True, "annotations": ANNOTATION}),
        ({"method": "pod-identity"}, {"create": True}),
        ({"service_account_mode": "create"}, {"create": False}),
        ({"service_account_mode": "patch"}, {"create": False}),
    ],
)
def test_the_operators_chart_makes_a_service_account_only_if_nothing_else_does(
    changes: dict[str, Any], expected: dict[str, Any]
) -> None:
    values = rendered("vault-access-operator", login=login(VAO, **changes))["values"]
    name = "vault-access-operator-controller-manager"
    assert values == {"serviceAccount": {"name": name, **expected}}


def test_the_operators_connection_is_made_after_its_definition_was_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = []
    original: Any = mocks.MockMonitor.ReadResource

    def reading(monitor: Any, request: Any) -> Any:
        read.append((request.type, request.id, request.parent.rpartition("::")[2]))
        return original(monitor, request)

    monkeypatch.setattr(mocks.MockMonitor, "ReadResource", reading)
    output, recording = run("vault-access-operator", apply=True)
    made = recording.one(CONNECTION_TYPE, "app-vault-connection")
    assert made.inputs["spec"] == output["manifests"][0]["spec"]
    assert made.inputs["metadata"] == {"name": "app"}
    assert (made.parent, made.provider) == ("app", "kubernetes")
    assert made.depends_on == {"app-definition"}
    assert read == [(DEFINITION_TYPE, "vaultconnections.vault.platform.io", "app")]


# Vault Secrets Operator


def test_the_secrets_operator_logs_in_as_the_service_account() -> None:
    metadata = {"name": "app", "namespace": "app"}
    api = "secrets.hashicorp.com/v1beta1"
    assert rendered("vault-secrets-operator")["manifests"] == [
        {
            "apiVersion": api,
            "kind": "VaultConnection",
            "metadata": metadata,
            "spec": {"address": "https://vault.example.com:8200"},
        },
        {
            "apiVersion": api,
            "kind": "VaultAuth",
            "metadata": metadata,
            "spec": {
                "vaultConnectionRef": "app",
                "method": "aws",
                "mount": "team/aws",
                "aws": {
                    "role": "dev-role",
                    "region": "eu-west-1",
                    "headerValue": "vault.example.com",
                    "irsaServiceAccount": "api",
                },
            },
        },
    ]


def test_the_secrets_operators_options_go_to_their_objects() -> None:
    connection, auth = rendered(
        "vault-secrets-operator",
        connection={**CONNECTION, "namespace": "team"},
        allowed_namespaces=["other"],
        ca_cert_secret="vault-ca",
        tls_server_name="vault.internal",
    )["manifests"]
    assert connection["spec"]["caCertSecretRef"] == "vault-ca"
    assert connection["spec"]["tlsServerName"] == "vault.internal"
    assert (auth["spec"]["namespace"], auth["spec"]["allowedNamespaces"]) == ("team", ["other"])


# External Secrets


def store(**args: Any) -> dict[str, Any]:
    (manifest,) = rendered("external-secrets", **args)["manifests"]
    return dict(manifest)


def test_a_store_logs_in_as_the_service_account_of_its_namespace() -> None:
    assert store() == {
        "apiVersion": "external-secrets.io/v1",
        "kind": "SecretStore",
        "metadata": {"name": "app", "namespace": "app"},
        "spec": {
            "provider": {
                "vault": {
                    "server": "https://vault.example.com:8200",
                    "path": "dev",
                    "version": "v2",
                    "auth": {
                        "iam": {
                            "path": "team/aws",
                            "region": "eu-west-1",
                            "vaultRole": "dev-role",
                            "vaultAwsIamServerID": "vault.example.com",
                            "jwt": {"serviceAccountRef": {"name": "api"}},
                        }
                    },
                }
            }
        },
    }


def test_a_store_of_the_cluster_names_the_namespaces_of_what_it_refers_to() -> None:
    found = store(scope="cluster", ca_secret_name="vault-ca", path="kv")
    vault = found["spec"]["provider"]["vault"]
    assert (found["kind"], found["metadata"]) == ("ClusterSecretStore", {"name": "app"})
    assert vault["auth"]["iam"]["jwt"] == {"serviceAccountRef": {"name": "api", "namespace": "app"}}
    assert vault["caProvider"] == {"type": "Secret", "name": "vault-ca", "key": "ca.crt", "namespace": "app"}
    assert vault["path"] == "kv"


def test_with_pod_identity_the_store_logs_in_as_the_operator_itself() -> None:
    found = store(
        login=login(method="pod-identity"),
        namespace="shop",
        connection={**CONNECTION, "namespace": "team"},
    )
    vault = found["spec"]["provider"]["vault"]
    assert "jwt" not in vault["auth"]["iam"]
    assert found["metadata"]["namespace"] == "shop"
    assert vault["namespace"] == "team"


# Vault Agent


def test_the_injector_reads_annotations() -> None:
    pod = rendered(
        "vault-agent",
        connection={**CONNECTION, "namespace": "team"},
        secrets=["config=dev/data/app"],
        tls_secret="vault-ca",
    )["values"]["spec"]["template"]
    prefix = "vault.hashicorp.com/"
    assert {key.removeprefix(prefix): value for key, value in pod["metadata"]["annotations"].items()} == {
        "agent-inject": "true",
        "service": "https://vault.example.com:8200",
        "namespace": "team",
        "auth-type": "aws",
        "auth-path": "auth/team/aws",
        "role": "dev-role",
        "auth-config-type": "iam",
        "auth-config-region": "eu-west-1",
        "auth-config-header-value": "vault.example.com",
        "agent-inject-secret-config": "dev/data/app",
        "tls-secret": "vault-ca",
        "ca-cert": "/vault/tls/ca.crt",
    }
    assert pod["spec"] == {"serviceAccountName": "api"}


def plain(value: Any) -> Any:
    """A parsed document without the parser's own marks and quotes."""
    if isinstance(value, dict):
        return {plain(key): plain(inner) for key, inner in value.items() if not key.startswith("__")}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value.strip('"') if isinstance(value, str) else value


def agent_file(**args: Any) -> tuple[dict[str, Any], Any]:
    (manifest,) = rendered("vault-agent", form="file", **args)["manifests"]
    return manifest["metadata"], plain(hcl2.loads(manifest["data"]["agent.hcl"]))


def test_an_agents_file_logs_in_by_itself() -> None:
    metadata, document = agent_file(
        connection={**CONNECTION, "namespace": "team"}, ca_cert="/etc/ca.pem", sink_path="/run/token"
    )
    assert metadata == {"name": "app", "namespace": "app"}
    assert document["vault"] == [{"address": "https://vault.example.com:8200", "ca_cert": "/etc/ca.pem"}]
    (auto_auth,) = document["auto_auth"]
    assert auto_auth["method"] == [
        {
            "aws": {
                "mount_path": "auth/team/aws",
                "namespace": "team",
                "config": {
                    "type": "iam",
                    "role": "dev-role",
                    "region": "eu-west-1",
                    "header_value": "vault.example.com",
                },
            }
        }
    ]
    assert auto_auth["sink"] == [{"file": {"config": {"path": "/run/token"}}}]


def test_an_agent_on_an_instance_has_no_service_account() -> None:
    metadata, _ = agent_file(login=login(service_accounts=[]))
    assert metadata == {"name": "app"}


# Vault itself


def test_vault_runs_with_tls_storage_and_the_role_of_its_identity() -> None:
    values = rendered("vault-server", tls_secret="vault-tls", pod=POD, storage_size="20Gi")["values"]
    server = values["server"]
    assert values["global"] == {"tlsDisable": False}
    assert values["injector"] == {"enabled": False}
    assert server["serviceAccount"] == {"create": True, "name": "vault", "annotations": ANNOTATION}
    raft = server["ha"].pop("raft")
    assert server["ha"] == {"enabled": True, "replicas": 3}
    assert (raft["enabled"], raft["setNodeId"]) == (True, True)
    config = plain(hcl2.loads(raft["config"]))
    (listener,) = config["listener"]
    assert listener["tcp"]["tls_cert_file"] == "/vault/tls/tls.crt"
    assert config["storage"] == [{"raft": {"path": "/vault/data"}}]
    assert server["volumes"] == [{"name": "tls", "secret": {"secretName": "vault-tls"}}]
    assert server["volumeMounts"] == [{"name": "tls", "mountPath": "/vault/tls", "readOnly": True}]
    assert server["extraEnvironmentVars"] == {"VAULT_CACERT": "/vault/tls/ca.crt"}
    assert server["dataStorage"] == {"size": "20Gi"}


def test_vault_without_tls_is_what_the_chart_makes_of_it() -> None:
    server = rendered("vault-server", plaintext=True, replicas=5.0)["values"]["server"]
    assert server == {"ha": {"enabled": True, "replicas": 5, "raft": {"enabled": True, "setNodeId": True}}}


def test_a_vault_to_try_things_out() -> None:
    values = rendered("vault-server", mode="dev", pod={**POD, "method": "pod-identity"})["values"]
    assert values == {
        "injector": {"enabled": False},
        "server": {"dev": {"enabled": True}, "serviceAccount": {"create": True, "name": "vault"}},
    }


def test_vault_is_installed_where_its_service_account_is() -> None:
    _, recording = run("vault-server", mode="dev", pod=POD, release={"version": "0.31.0"})
    inputs = recording.one(RELEASE, "app-release").inputs
    assert (inputs["chart"], inputs["namespace"]) == ("vault", "vault")
    assert inputs["repositoryOpts"] == {"repo": "https://helm.releases.hashicorp.com"}


# All of them


def given(kind: str, **args: Any) -> dict[str, Any]:
    needed = {"mode": "dev", "pod": POD} if kind == "vault-server" else {}
    return {**needed, **args}


@pytest.mark.parametrize("kind", KINDS)
def test_what_arrives_as_one_output_is_rendered_all_the_same(kind: str) -> None:
    assert rendered(kind, whole=True, **given(kind)) == rendered(kind, **given(kind))


@pytest.mark.parametrize("kind", NEED_LOGIN)
def test_no_header_is_signed_where_none_is_demanded(kind: str) -> None:
    written = json.dumps(rendered(kind, connection={**CONNECTION, "server_id_header": ""})).lower()
    assert "header" not in written
    assert "serverid" not in written


HIGHER = {"connection": {**CONNECTION, "namespace": "team"}}
NO_NAMESPACE = "connection.namespace: 'team' is a Vault namespace, and this kind of consumer has no setting"
SEVERAL = login("app/api", "shop/web")
ONE_OF = "service_account: is missing; write one of the login's: app/api, shop/web"
DEV = {"mode": "dev"}
RELEASED = {"release": {"version": "1.18.0"}}
IN_PLAINTEXT = {"plaintext": True}

REFUSED: dict[str, list[tuple[dict[str, Any], str]]] = {
    "gloo": [
        (HIGHER, NO_NAMESPACE),
        ({"login": login(GLOO[0])}, "login.service_accounts: has gloo-system/gloo, and not Gloo's two of"),
        ({"login": login("a/gloo", "b/discovery")}, "login.service_accounts: has a/gloo, b/discovery, and"),
        ({"login": login("gloo-*/gloo")}, "login.service_accounts: has gloo-*/gloo, and not Gloo's two"),
        ({"login": login(*GLOO, service_account_mode="create")}, "login.service_account_mode: is create,"),
        ({"edition": "enterprise", **RELEASED}, "release: cannot install edition enterprise, whose chart"),
        ({"release": {}}, "release.version: is missing; "),
    ],
    "vault-access-operator": [
        (HIGHER, NO_NAMESPACE),
        ({"ca_secret_namespace": "vault"}, "ca_secret_namespace: is unused without ca_secret_name; write"),
        ({"default_auth_path": "k8s"}, "default_auth_path: 'k8s' is not the path of an auth method; write"),
    ],
    "vault-secrets-operator": [
        ({"login": login(method="pod-identity")}, "login.method: is pod-identity, but a VaultAuth of method"),
        ({"allowed_namespaces": ["*", "shop"]}, "allowed_namespaces: has * beside others; write * alone, or"),
    ],
    "external-secrets": [
        ({"namespace": "shop"}, "namespace: 'shop' is not that of the service account, app, and a"),
        ({"namespace": "shop", "scope": "cluster"}, "namespace: is unused: a store of scope cluster has"),
        ({"scope": "galaxy"}, "scope: 'galaxy' is not one of namespace, cluster"),
        ({"ca_secret_key": "ca"}, "ca_secret_key: is unused without ca_secret_name; write that as well, or"),
    ],
    "vault-agent": [
        ({"login": login(method="pod-identity")}, "login.method: is pod-identity, whose credentials the"),
        ({"login": login(service_accounts=[])}, "login: has no service accounts; use a login that has"),
        ({"secrets": ["dev/data/app"]}, "secrets[0]: 'dev/data/app' is not NAME=PATH; write e.g."),
        ({"ca_cert": "/ca.pem"}, "ca_cert: is unused: it is for form file; remove it"),
        ({"form": "file", "secrets": ["a=dev/data/a"]}, "secrets: is unused: it is for form injector;"),
    ],
    "vault-server": [
        ({}, "tls_secret: is missing; write the name of the secret with Vault's certificate, or plaintext:"),
        ({"tls_secret": "tls", **IN_PLAINTEXT}, "tls_secret: is unused: plaintext is true; remove one of"),
        ({**IN_PLAINTEXT, "replicas": 1}, "replicas: 1 is not an odd number, 3 or more; write 3, 5 or 7"),
        ({**IN_PLAINTEXT, "replicas": 4.0}, "replicas: 4 is not an odd number, 3 or more; write 3, 5 or 7"),
        ({**DEV, "replicas": 3}, "replicas: is unused: it is for mode ha; remove it"),
        ({**DEV, **RELEASED}, "pod: is missing; release installs into the namespace of Vault's"),
        ({**DEV, "pod": {**POD, "service_account": "x"}}, "pod.service_account: 'x' is not a service"),
    ],
}
for _kind in NEED_LOGIN:
    REFUSED[_kind] += [
        ({"connection": {**CONNECTION, "address": ""}}, "connection.address: is missing; consumers need it:"),
        ({"connection": {**CONNECTION, "sts_region": ""}}, "connection.sts_region: is missing; consumers"),
    ]
    if _kind != "gloo":
        unknown = {"login": SEVERAL, "service_account": "x/y"}
        REFUSED[_kind] += [
            ({"login": SEVERAL}, ONE_OF),
            (unknown, "service_account: 'x/y' is not one of the login's: app/api, shop/web"),
            ({"login": login("ci-*/api")}, "login.service_accounts: 'ci-*/api' has a wildcard, but a"),
        ]


@pytest.mark.parametrize("kind", [kind for kind in NEED_LOGIN if kind != "gloo"])
def test_one_of_several_service_accounts_can_be_chosen(kind: str) -> None:
    assert "web" in json.dumps(rendered(kind, login=SEVERAL, service_account="shop/web"))


@pytest.mark.parametrize(
    ("kind", "args", "message"), [(kind, *case) for kind, cases in REFUSED.items() for case in cases]
)
def test_a_consumer_that_could_not_work_is_refused(kind: str, args: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as refused:
        run(kind, **args)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("kind", "args", "message"),
    [
        ("gloo", HIGHER, NO_NAMESPACE),
        ("vault-agent", {"login": SEVERAL}, ONE_OF),
        ("vault-server", {**DEV, "pod": {**POD, "method": "x"}}, "pod.method: 'x' is not one of irsa, pod-"),
    ],
)
def test_what_arrives_as_an_output_is_refused_when_it_is_known(
    kind: str, args: dict[str, Any], message: str
) -> None:
    with pytest.raises(Exception, match=message):
        run(kind, whole=True, **args)


@pytest.mark.parametrize(
    ("kind", "args"),
    [
        ("vault-access-operator", {}),
        ("vault-secrets-operator", {}),
        ("external-secrets", {}),
        ("vault-agent", {"form": "file"}),
        ("gloo", {"release": {"version": "1.18.0"}}),
    ],
)
def test_a_consumer_that_names_objects_in_kubernetes_has_a_name_for_them(kind: str, args: Any) -> None:
    component: Any = KINDS[kind]
    wired = {"connection": CONNECTION, "login": login(*NEED_LOGIN[kind]), **args}
    with pytest.raises(ArgumentError) as refused:
        record(lambda: component("a_b", wired))
    assert str(refused.value).startswith("name: 'a_b' is not a Kubernetes name; write ")
    assert not list(component.refusals_of_name("a-b", args))


@pytest.mark.parametrize("kind", ["gloo", "vault-agent", "vault-server"])
def test_a_consumer_that_names_nothing_may_have_any_name(kind: str) -> None:
    assert not list(KINDS[kind].refusals_of_name("a_b", {}))


def leaves(of: type, path: str = "") -> Iterator[tuple[str, Shape]]:
    """What people write, down to texts and numbers."""
    for field, declared in fields_of(of).items():
        leaf = declared
        while leaf.item:
            leaf = leaf.item
        if leaf.is_fields:
            yield from leaves(leaf.kind, f"{path}{field}.")
        else:
            yield path + field, leaf


@pytest.mark.parametrize("kind", KINDS)
def test_every_text_and_number_that_people_write_has_a_form(kind: str) -> None:
    found = dict(leaves(KINDS[kind].OPTIONS))
    assert found
    assert [field for field, leaf in found.items() if leaf.kind in (str, int) and not leaf.forms] == []


def test_every_kind_is_a_component_that_makes_nothing_unless_asked_to() -> None:
    assert list(KINDS) == [*NEED_LOGIN, "vault-server"]
    for kind, consumer in KINDS.items():
        assert consumer.NEEDS_LOGIN is (kind in NEED_LOGIN) is ("login" in fields_of(consumer.ARGS))
        _, recording = run(kind, **given(kind))
        assert recording.of_type(f"vault-aws-auth:index:{consumer.__name__}")
        assert recording.children("app") == set()
