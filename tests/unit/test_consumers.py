"""The consumers: what they are told, and what they refuse."""

import json
from collections.abc import Mapping
from enum import Enum
from typing import Any, get_args, get_origin, get_type_hints

import hcl2
import pulumi
import pytest
from pulumi.runtime import mocks
from typing_extensions import NotRequired, Required

from components.consumers import KINDS
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


def login(*accounts: str, **changes: Any) -> dict[str, Any]:
    given = {"vault_role": "dev-role", "iam_role_arn": ROLE, "service_accounts": accounts or ("app/api",)}
    return {**given, **changes}


def late(given: dict[str, Any], *fields: str) -> dict[str, Any]:
    """The same, but known only when the stack is up."""
    known = {field: pulumi.Output.from_input(given[field]) for field in fields if field in given}
    return {**given, **known}


def run(kind: str, *, late_fields: tuple[str, ...] = (), **args: Any) -> tuple[dict[str, Any], Recording]:
    """What the stack exports of a consumer, and what it registered."""

    def program() -> None:
        given: Any = args
        if kind != "vault-server":
            given = {"connection": CONNECTION, "login": login(), **args}
            given["login"] = late(given["login"], "vault_role", "iam_role_arn")
            given["connection"] = late(given["connection"], "path", "server_id_header", *late_fields)
        component: Any = KINDS[kind]
        consumer = component("told", given, providers())
        pulumi.export("told", consumer.output)

    recording = record(program)
    return recording.exports()["told"], recording


def told(kind: str, **args: Any) -> dict[str, Any]:
    output, _ = run(kind, **args)
    assert output["kind"] == kind
    return output


def without(field: str) -> dict[str, Any]:
    return {key: value for key, value in CONNECTION.items() if key != field}


# Gloo


def test_gloo_reads_secrets_from_vault_before_kubernetes() -> None:
    assert told("gloo", login=login(*GLOO)) == {
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
    edge = told("gloo", login=login(*GLOO))["values"]
    assert told("gloo", login=login(*GLOO), edition="enterprise")["values"] == {"gloo": edge}


def test_gloo_finds_its_secrets_where_it_is_told() -> None:
    values = told("gloo", login=login(*GLOO), path_prefix="kv", root_key="east")["values"]
    vault = values["settings"]["secretOptions"]["sources"][0]["vault"]
    assert (vault["pathPrefix"], vault["rootKey"]) == ("kv", "east")


def test_gloos_service_accounts_need_no_annotation_with_pod_identity() -> None:
    assert list(told("gloo", login=login(*GLOO, method="pod-identity"))["values"]) == ["settings"]


def test_gloo_cannot_be_told_a_namespace_of_vault() -> None:
    with pytest.raises(ValueError, match=r"connection\.namespace: 'team' cannot be told to .* gloo"):
        told("gloo", login=login(*GLOO), connection={**CONNECTION, "namespace": "team"})


@pytest.mark.parametrize("accounts", [("gloo-system/gloo",), ("a/gloo", "b/discovery"), ("gloo-*/gloo",)])
def test_gloo_needs_the_login_of_both_its_service_accounts(accounts: tuple[str, ...]) -> None:
    with pytest.raises(
        ValueError, match=r"login\.service_accounts: .* gloo-system/gloo and gloo-system/disc"
    ):
        told("gloo", login=login(*accounts))


def test_service_accounts_that_gloos_chart_makes_are_not_made_by_the_stack() -> None:
    with pytest.raises(ValueError, match=r"login\.service_account_mode: is create, .* set it to none"):
        told("gloo", login=login(*GLOO, service_account_mode="create"))


def test_a_license_key_does_not_belong_into_a_release() -> None:
    with pytest.raises(ValueError, match=r"release: .* license key"):
        told("gloo", login=login(*GLOO), edition="enterprise", release={"version": "1.18.0"})


# Releases


def test_a_chart_is_installed_with_the_values_in_the_namespace_of_its_service_accounts() -> None:
    output, recording = run("gloo", login=login(*GLOO), release={"version": "1.18.0"})
    release = recording.one(RELEASE, "told-release")
    assert release.inputs == {
        "name": "told",
        "chart": "gloo",
        "version": "1.18.0",
        "repositoryOpts": {"repo": "https://storage.googleapis.com/solo-public-helm"},
        "namespace": "gloo-system",
        "values": output["values"],
        "compat": "true",
    }
    assert (release.parent, release.provider) == ("told", "kubernetes")


def test_a_chart_can_come_from_elsewhere() -> None:
    elsewhere = {"version": "1.2.3", "chart": "oci://charts.example.com/gloo"}
    _, recording = run("gloo", login=login(*GLOO), release=elsewhere)
    inputs = recording.one(RELEASE, "told-release").inputs
    assert inputs["chart"] == "oci://charts.example.com/gloo"
    assert "repositoryOpts" not in inputs


def test_nothing_is_installed_unless_asked_for() -> None:
    _, recording = run("gloo", login=login(*GLOO))
    assert recording.children("told") == set()


# vault-access-operator


def test_the_operators_connection_names_mount_role_region_endpoint_and_header() -> None:
    assert told("vault-access-operator", login=login(VAO))["manifests"] == [
        {
            "apiVersion": "vault.platform.io/v1alpha1",
            "kind": "VaultConnection",
            "metadata": {"name": "told"},
            "spec": {
                "address": "https://vault.example.com:8200",
                "auth": {
                    "aws": {
                        "role": "dev-role",
                        "authPath": "team/aws",
                        "authType": "iam",
                        "region": "eu-west-1",
                        "stsEndpoint": "https://sts.eu-west-1.amazonaws.com",
                        "iamServerIdHeaderValue": "vault.example.com",
                    }
                },
            },
        }
    ]


def test_the_operator_trusts_a_ca_that_it_is_shown() -> None:
    output = told(
        "vault-access-operator",
        login=login(VAO),
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
def test_the_operators_chart_makes_a_service_account_only_if_nobody_else_does(
    changes: dict[str, Any], expected: dict[str, Any]
) -> None:
    values = told("vault-access-operator", login=login(VAO, **changes))["values"]
    name = "vault-access-operator-controller-manager"
    assert values == {"serviceAccount": {"name": name, **expected}}


def test_the_operators_connection_is_only_written_down_unless_asked_for() -> None:
    _, recording = run("vault-access-operator", login=login(VAO))
    assert recording.children("told") == set()


def test_the_operators_connection_is_made_after_its_definition_was_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = []
    original: Any = mocks.MockMonitor.ReadResource

    def reading(monitor: Any, request: Any) -> Any:
        read.append((request.type, request.id, request.parent.rpartition("::")[2]))
        return original(monitor, request)

    monkeypatch.setattr(mocks.MockMonitor, "ReadResource", reading)
    output, recording = run("vault-access-operator", login=login(VAO), apply=True)
    made = recording.one(CONNECTION_TYPE, "told-vault-connection")
    assert made.inputs["spec"] == output["manifests"][0]["spec"]
    assert made.inputs["metadata"] == {"name": "told"}
    assert (made.parent, made.provider) == ("told", "kubernetes")
    assert made.depends_on == {"told-definition"}
    assert read == [(DEFINITION_TYPE, "vaultconnections.vault.platform.io", "told")]


def test_the_operator_cannot_be_told_a_namespace_of_vault() -> None:
    connection = {**CONNECTION, "namespace": "team"}
    with pytest.raises(ValueError, match=r"connection\.namespace: 'team' cannot be told"):
        told("vault-access-operator", login=login(VAO), connection=connection)


# Vault Secrets Operator


def test_the_secrets_operator_logs_in_as_the_service_account() -> None:
    metadata = {"name": "told", "namespace": "app"}
    api = "secrets.hashicorp.com/v1beta1"
    assert told("vault-secrets-operator")["manifests"] == [
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
                "vaultConnectionRef": "told",
                "method": "aws",
                "mount": "team/aws",
                "aws": {
                    "role": "dev-role",
                    "region": "eu-west-1",
                    "headerValue": "vault.example.com",
                    "stsEndpoint": "https://sts.eu-west-1.amazonaws.com",
                    "irsaServiceAccount": "api",
                },
            },
        },
    ]


def test_the_secrets_operators_options_go_to_their_objects() -> None:
    connection, auth = told(
        "vault-secrets-operator",
        connection={**CONNECTION, "namespace": "team"},
        allowed_namespaces=["other"],
        ca_cert_secret="vault-ca",
        tls_server_name="vault.internal",
    )["manifests"]
    assert connection["spec"]["caCertSecretRef"] == "vault-ca"
    assert connection["spec"]["tlsServerName"] == "vault.internal"
    assert (auth["spec"]["namespace"], auth["spec"]["allowedNamespaces"]) == ("team", ["other"])


def test_the_secrets_operator_knows_no_pod_identity() -> None:
    with pytest.raises(
        ValueError, match=r"login\.method: is pod-identity, .* set the login's method to irsa"
    ):
        told("vault-secrets-operator", login=login(method="pod-identity"))


# External Secrets


def store(**args: Any) -> dict[str, Any]:
    (manifest,) = told("external-secrets", **args)["manifests"]
    return dict(manifest)


def test_a_store_logs_in_as_the_service_account_of_its_namespace() -> None:
    assert store() == {
        "apiVersion": "external-secrets.io/v1",
        "kind": "SecretStore",
        "metadata": {"name": "told", "namespace": "app"},
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
    assert (found["kind"], found["metadata"]) == ("ClusterSecretStore", {"name": "told"})
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


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"namespace": "shop"}, "namespace: 'shop' is not that of the service account, 'app'"),
        ({"namespace": "shop", "scope": "cluster"}, "namespace: 'shop' has no meaning"),
        ({"namespace": "Shop"}, "namespace: 'Shop' is not a Kubernetes namespace"),
        ({"scope": "galaxy"}, "scope: 'galaxy' is not one of namespace, cluster"),
        ({"ca_secret_key": "ca"}, "ca_secret_key: is given without ca_secret_name"),
    ],
)
def test_a_store_that_could_not_work_is_refused(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        store(**args)


# Vault Agent


def test_the_injector_is_told_by_annotations() -> None:
    pod = told(
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
    (manifest,) = told("vault-agent", form="file", **args)["manifests"]
    return manifest["metadata"], plain(hcl2.loads(manifest["data"]["agent.hcl"]))


def test_an_agents_file_logs_in_by_itself() -> None:
    metadata, document = agent_file(
        connection={**CONNECTION, "namespace": "team"}, ca_cert="/etc/ca.pem", sink_path="/run/token"
    )
    assert metadata == {"name": "told", "namespace": "app"}
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
    assert metadata == {"name": "told"}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"login": login(method="pod-identity")}, r"login\.method: is pod-identity, .* form to file"),
        ({"login": login(service_accounts=[])}, r"login\.service_accounts: has none"),
        ({"secrets": ["dev/data/app"]}, "secrets: 'dev/data/app' is not NAME=PATH"),
        ({"ca_cert": "/etc/ca.pem"}, "ca_cert: is for the form file"),
        ({"form": "file", "secrets": []}, "secrets: is for the form injector"),
        ({"form": "pill"}, "form: 'pill' is not one of injector, file"),
    ],
)
def test_an_agent_that_could_not_work_is_refused(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        told("vault-agent", **args)


# Vault itself


POD = {"service_account": "vault/vault", "iam_role_arn": ROLE}


def test_vault_runs_with_tls_storage_and_the_role_of_its_identity() -> None:
    values = told("vault-server", tls_secret="vault-tls", pod=POD, storage_size="20Gi")["values"]
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
    server = told("vault-server", plaintext=True, replicas=5.0)["values"]["server"]
    assert server == {"ha": {"enabled": True, "replicas": 5, "raft": {"enabled": True, "setNodeId": True}}}


def test_a_vault_to_try_things_out() -> None:
    values = told("vault-server", mode="dev", pod={**POD, "method": "pod-identity"})["values"]
    assert values == {
        "injector": {"enabled": False},
        "server": {"dev": {"enabled": True}, "serviceAccount": {"create": True, "name": "vault"}},
    }


def test_vault_is_installed_where_its_service_account_is() -> None:
    _, recording = run("vault-server", mode="dev", pod=POD, release={"version": "0.31.0"})
    inputs = recording.one(RELEASE, "told-release").inputs
    assert (inputs["chart"], inputs["namespace"]) == ("vault", "vault")
    assert inputs["repositoryOpts"] == {"repo": "https://helm.releases.hashicorp.com"}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({}, "tls_secret: is missing; .* or set plaintext to true"),
        ({"tls_secret": "tls", "plaintext": True}, "tls_secret: and plaintext exclude each other"),
        ({"plaintext": True, "replicas": 1}, "replicas: 1 is not an odd number"),
        ({"plaintext": True, "replicas": 4.0}, "replicas: 4 is not an odd number"),
        ({"mode": "dev", "replicas": 3}, "replicas: is for the mode ha"),
        ({"mode": "dev", "release": {"version": "1"}}, "release: needs pod"),
        ({"mode": "dev", "pod": POD, "release": {}}, r"release\.version: is missing"),
        (
            {"mode": "dev", "pod": {**POD, "service_account": "vault"}},
            r"pod\.service_account: 'vault' is not",
        ),
        ({"mode": "dev", "pod": {**POD, "method": "magic"}}, r"login\.method: 'magic' is not one of irsa"),
    ],
)
def test_a_vault_that_would_not_be_safe_is_refused(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        told("vault-server", **args)


# All of them

NEED_LOGIN = {"gloo": GLOO, **{kind: ("app/api",) for kind in KINDS if kind not in ("gloo", "vault-server")}}


@pytest.mark.parametrize("kind", NEED_LOGIN)
@pytest.mark.parametrize("field", ["address", "sts_region"])
def test_a_connection_that_says_too_little_is_refused(kind: str, field: str) -> None:
    with pytest.raises(ValueError, match=rf"connection\.{field}: is missing; consumers of kind {kind}"):
        told(kind, login=login(*NEED_LOGIN[kind]), connection=without(field))


@pytest.mark.parametrize("kind", NEED_LOGIN)
def test_no_header_is_signed_where_none_is_demanded(kind: str) -> None:
    connection = {**CONNECTION, "server_id_header": ""}
    written = json.dumps(told(kind, login=login(*NEED_LOGIN[kind]), connection=connection)).lower()
    assert "header" not in written
    assert "serverid" not in written


@pytest.mark.parametrize("kind", ["gloo", "vault-access-operator"])
def test_a_namespace_that_is_known_late_is_refused_all_the_same(kind: str) -> None:
    connection = {**CONNECTION, "namespace": "team"}
    with pytest.raises(Exception, match=r"connection\.namespace: 'team'"):
        told(kind, login=login(*NEED_LOGIN[kind]), connection=connection, late_fields=("namespace",))


@pytest.mark.parametrize("kind", [kind for kind in NEED_LOGIN if kind != "gloo"])
def test_one_of_several_service_accounts_has_to_be_chosen(kind: str) -> None:
    several = login("app/api", "shop/api")
    with pytest.raises(ValueError, match=r"service_account: is missing; write one of .*app/api, shop/api"):
        told(kind, login=several)
    with pytest.raises(ValueError, match="service_account: 'x/y' is not one of the login's"):
        told(kind, login=several, service_account="x/y")
    assert told(kind, login=several, service_account="shop/api")
    with pytest.raises(ValueError, match=r"'ci-.*/api' is not a service account in full"):
        told(kind, login=login("ci-*/api"))


@pytest.mark.parametrize("kind", KINDS)
def test_options_are_simple_so_that_settings_can_be_made_of_them(kind: str) -> None:
    options = KINDS[kind].OPTIONS
    assert not {"connection", "login", "pod", "release"} & set(get_type_hints(options))
    for field, hint in get_type_hints(options, include_extras=True).items():
        if get_origin(hint) in (NotRequired, Required):
            (hint,) = get_args(hint)
        simple = hint in (str, bool, int) or (isinstance(hint, type) and issubclass(hint, Enum))
        assert simple or get_args(hint) == (str,), field


def test_every_kind_is_known_by_its_word() -> None:
    assert list(KINDS) == [
        "gloo",
        "vault-access-operator",
        "vault-secrets-operator",
        "external-secrets",
        "vault-agent",
        "vault-server",
    ]
    assert [kind for kind, consumer in KINDS.items() if not consumer.NEEDS_LOGIN] == ["vault-server"]


def test_a_consumer_is_a_component_of_the_library() -> None:
    classes: Mapping[str, type] = dict(KINDS)
    for kind, consumer in classes.items():
        args = {"pod": POD, "mode": "dev"} if kind == "vault-server" else {"login": login(*NEED_LOGIN[kind])}
        _, recording = run(kind, **args)
        assert recording.of_type(f"vault-aws-auth:index:{consumer.__name__}")
