"""The kubernetes plugin against a real Kubernetes API."""

import base64
import importlib
import inspect
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from pulumi.runtime.proto import provider_pb2 as pb

from sandbox.plugins import wire
from sandbox.plugins.kubernetes import PLUGIN
from sandbox.plugins.wire import UNKNOWN, Secret
from tests.plugins.conftest import KubernetesServer
from tests.plugins.engine import Deployed, Engine, Refused, engine_for, urn
from tests.ports import free_port

ACCOUNT = "kubernetes:core/v1:ServiceAccount"
ACCOUNT_PATCH = "kubernetes:core/v1:ServiceAccountPatch"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
CONFIG_MAP_PATCH = "kubernetes:core/v1:ConfigMapPatch"
DEFINITION = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
NAMESPACE = "kubernetes:core/v1:Namespace"
ROLE_BINDING = "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding"
SECRET = "kubernetes:core/v1:Secret"

ROLE_ARN = "eks.amazonaws.com/role-arn"


@pytest.fixture
def engine(kubernetes_server: KubernetesServer) -> Iterator[Engine]:
    with engine_for(PLUGIN, {"kubeconfig": Secret(kubernetes_server.kubeconfig())}) as engine:
        yield engine


@pytest.fixture
def name() -> str:
    return f"it-{uuid4().hex[:8]}"


def account(name: str, **annotations: str) -> dict[str, Any]:
    """The inputs as the SDK sends them."""
    metadata = {"name": name, "namespace": "default", "annotations": annotations}
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}


def definition(group: str) -> dict[str, Any]:
    """The inputs of the definition of a kind `VaultConnection`."""
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "properties": {"address": {"type": "string"}}}},
    }
    version = {"name": "v1alpha1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"kind": "VaultConnection", "plural": "vaultconnections"}
    spec = {"group": group, "scope": "Namespaced", "versions": [version], "names": names}
    return {"metadata": {"name": f"vaultconnections.{group}"}, "spec": spec}


def at(name: str, plural: str = "serviceaccounts") -> str:
    return f"/api/v1/namespaces/default/{plural}/{name}"


def test_object_lives(engine: Engine, kubernetes_server: KubernetesServer, name: str) -> None:
    inputs = account(name, **{ROLE_ARN: "arn:aws:iam::111111111111:role/one"})
    deployed = engine.create(ACCOUNT, inputs)
    assert deployed.id == f"default/{name}"
    found = kubernetes_server.request("GET", at(name))
    assert found["metadata"]["annotations"] == {ROLE_ARN: "arn:aws:iam::111111111111:role/one"}
    assert deployed.values["metadata"]["uid"] == found["metadata"]["uid"]
    assert "managedFields" not in deployed.values["metadata"]

    again = engine.refresh(deployed)
    assert again
    assert again.inputs == deployed.inputs
    assert engine.update(again, inputs).steps == ["same"]

    changed = engine.update(again, account(name, **{ROLE_ARN: "arn:aws:iam::111111111111:role/two"}))
    assert changed.steps == ["update"]
    found = kubernetes_server.request("GET", at(name))
    assert found["metadata"]["annotations"] == {ROLE_ARN: "arn:aws:iam::111111111111:role/two"}
    assert found["metadata"]["uid"] == deployed.values["metadata"]["uid"]

    bare = engine.update(changed, account(name))
    assert "annotations" not in kubernetes_server.request("GET", at(name))["metadata"]

    engine.delete(bare)
    assert engine.refresh(bare) is None
    engine.delete(bare)


def test_drift_is_in_what_was_set_only(
    engine: Engine, kubernetes_server: KubernetesServer, name: str
) -> None:
    inputs = account(name, **{ROLE_ARN: "one", "team": "x"})
    deployed = engine.create(ACCOUNT, inputs)
    change = {"metadata": {"annotations": {ROLE_ARN: "two", "team": None, "other": "y"}}}
    kubernetes_server.request("PATCH", at(name), change)
    drifted = engine.refresh(deployed)
    assert drifted
    assert drifted.inputs["metadata"]["annotations"] == {ROLE_ARN: "two"}
    assert engine.diff(drifted, deployed.inputs).kinds == {
        f'metadata.annotations["{ROLE_ARN}"]': "UPDATE",
        "metadata.annotations.team": "ADD",
    }
    with pytest.raises(Refused, match=rf"refused \(409\).*conflict with \"somebody\".*{ROLE_ARN}"):
        engine.update(drifted, inputs)
    forced = account(name, **{ROLE_ARN: "one", "team": "x", "pulumi.com/patchForce": "true"})
    engine.update(drifted, forced)
    annotations = kubernetes_server.request("GET", at(name))["metadata"]["annotations"]
    assert (annotations[ROLE_ARN], annotations["team"], annotations["other"]) == ("one", "x", "y")


def test_conflicts_are_forced_where_the_provider_is_told_to(
    kubernetes_server: KubernetesServer, name: str
) -> None:
    config = {"kubeconfig": kubernetes_server.kubeconfig(), "enablePatchForce": "true"}
    with engine_for(PLUGIN, config) as engine:
        deployed = engine.create(ACCOUNT, account(name, team="x"))
        kubernetes_server.request("PATCH", at(name), {"metadata": {"annotations": {"team": "y"}}})
        drifted = engine.refresh(deployed)
        assert drifted
        engine.update(drifted, account(name, team="x"))
    assert kubernetes_server.request("GET", at(name))["metadata"]["annotations"]["team"] == "x"


def test_what_is_in_a_cluster_that_is_gone_is_forgotten_where_the_provider_is_told_to(
    engine: Engine, kubernetes_server: KubernetesServer, name: str
) -> None:
    deployed = engine.create(ACCOUNT, account(name))
    gone = kubernetes_server.kubeconfig().replace(
        kubernetes_server.address, f"https://127.0.0.1:{free_port()}"
    )
    with (
        engine_for(PLUGIN, {"kubeconfig": gone}) as other,
        pytest.raises(Refused, match=r"unreachable: .*PULUMI_K8S_DELETE_UNREACHABLE"),
    ):
        other.delete(deployed)
    with engine_for(PLUGIN, {"kubeconfig": gone, "deleteUnreachable": "true"}) as other:
        other.delete(deployed)
    engine.delete(deployed)


def test_object_that_exists_is_not_taken_over(engine: Engine, name: str) -> None:
    engine.create(ACCOUNT, account(name))
    with pytest.raises(Refused, match=f"ServiceAccount default/{name} exists; import it, or patch it"):
        engine.create(ACCOUNT, account(name))


def test_object_without_a_name_is_named_after_the_resource(engine: Engine) -> None:
    deployed = engine.create(CONFIG_MAP, {"data": {"a": "1"}}, name="settings")
    assert deployed.id.startswith("default/settings-")
    changed = engine.update(deployed, {"data": {"a": "2"}})
    assert changed.steps == ["create", "delete"]
    assert changed.id != deployed.id
    engine.delete(changed)


@pytest.mark.parametrize("where", [{"name": "other"}, {"namespace": "other"}])
def test_object_with_another_name_or_namespace_is_replaced(
    engine: Engine, name: str, where: dict[str, str]
) -> None:
    deployed = engine.create(ACCOUNT, account(name))
    moved = {**deployed.inputs, "metadata": {**deployed.inputs["metadata"], **where}}
    assert engine.diff(deployed, moved).replaces == ["metadata"]


def test_config_map_is_replaced_when_its_data_change(
    engine: Engine, kubernetes_server: KubernetesServer, name: str
) -> None:
    inputs = {"metadata": {"name": name}, "data": {"a": "1"}}
    deployed = engine.create(CONFIG_MAP, inputs)
    changed = engine.update(deployed, {**inputs, "data": {"a": "2"}})
    assert changed.steps == ["delete", "create"], "the name was chosen, so it has to be freed first"
    assert kubernetes_server.request("GET", at(name, "configmaps"))["data"] == {"a": "2"}


def test_secret_stays_secret(engine: Engine, kubernetes_server: KubernetesServer, name: str) -> None:
    inputs = {"metadata": {"name": name}, "stringData": Secret({"key": "the value"})}
    deployed = engine.create(SECRET, inputs)
    assert isinstance(deployed.outputs["data"], Secret)
    assert deployed.outputs["stringData"] == Secret({"key": "the value"})
    again = engine.refresh(deployed)
    assert again
    assert again.inputs == deployed.inputs
    value = base64.b64encode(b"another").decode()
    kubernetes_server.request("PATCH", at(name, "secrets"), {"data": {"key": value}})
    drifted = engine.refresh(deployed)
    assert drifted
    assert drifted.inputs["stringData"] == Secret({"key": "another"})
    engine.delete(drifted)


def test_patch_takes_its_fields_and_gives_them_back(
    engine: Engine, kubernetes_server: KubernetesServer, name: str
) -> None:
    body = {"metadata": {"name": name, "annotations": {"team": "x"}}}
    kubernetes_server.request("POST", at(""), body)
    inputs = {"metadata": {"name": name, "annotations": {ROLE_ARN: "one"}}}
    patched = engine.create(ACCOUNT_PATCH, inputs)
    other = engine.create(ACCOUNT_PATCH, {"metadata": {"name": name, "annotations": {"second": "2"}}})
    annotations = kubernetes_server.request("GET", at(name))["metadata"]["annotations"]
    assert annotations == {"team": "x", ROLE_ARN: "one", "second": "2"}

    again = engine.refresh(patched)
    assert again
    assert again.inputs == patched.inputs
    changed = engine.update(again, {"metadata": {"name": name, "annotations": {ROLE_ARN: "two"}}})
    assert changed.steps == ["update"]
    annotations = kubernetes_server.request("GET", at(name))["metadata"]["annotations"]
    assert annotations == {"team": "x", ROLE_ARN: "two", "second": "2"}

    engine.delete(changed)
    assert kubernetes_server.request("GET", at(name))["metadata"]["annotations"] == {
        "team": "x",
        "second": "2",
    }
    engine.delete(other)
    assert kubernetes_server.request("GET", at(name))["metadata"]["annotations"] == {"team": "x"}
    kubernetes_server.request("DELETE", at(name))
    assert engine.refresh(changed) is None
    engine.delete(changed)


def test_patch_needs_an_object_and_its_name(engine: Engine, name: str) -> None:
    with pytest.raises(Refused, match=f"default/{name} does not exist, so it cannot be patched"):
        engine.create(ACCOUNT_PATCH, {"metadata": {"name": name, "annotations": {"a": "b"}}})
    with pytest.raises(Refused, match=r"metadata\.name: a patch needs the name"):
        engine.check(ACCOUNT_PATCH, {"metadata": {"annotations": {"a": "b"}}})


def test_patch_does_not_take_what_another_has(
    engine: Engine, kubernetes_server: KubernetesServer, name: str
) -> None:
    body = {"metadata": {"name": name}, "data": {"a": "1"}}
    kubernetes_server.request("POST", at("", "configmaps"), body)
    with pytest.raises(Refused, match=r'conflict with "somebody"'):
        engine.create(CONFIG_MAP_PATCH, {"metadata": {"name": name}, "data": {"a": "2"}})


def test_object_outside_of_namespaces_lives(
    engine: Engine, kubernetes_server: KubernetesServer, name: str
) -> None:
    inputs = {
        "metadata": {"name": name},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
    }
    token = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole"
    role = engine.create(token, inputs)
    assert role.id == name
    again = engine.refresh(role)
    assert again
    assert again.inputs == role.inputs
    engine.delete(role)
    assert engine.refresh(role) is None


def test_delete_that_a_finalizer_holds_up_says_so(
    engine: Engine, kubernetes_server: KubernetesServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.plugins.kubernetes.objects._GONE_WITHIN", 0.5)
    inputs = account(name)
    inputs["metadata"]["finalizers"] = ["example.com/hold"]
    held = engine.create(ACCOUNT, inputs)
    with pytest.raises(Refused, match=r"its finalizers \['example.com/hold'\] have not run"):
        engine.delete(held)
    kubernetes_server.request("PATCH", at(name), {"metadata": {"finalizers": None}})
    engine.delete(held)
    assert engine.refresh(held) is None


def test_previews_without_touching_the_cluster(engine: Engine, name: str) -> None:
    planned = engine.create(ACCOUNT, account(name, **{ROLE_ARN: "x"}), preview=True)
    assert planned.outputs["metadata"]["annotations"] == {ROLE_ARN: "x"}
    unknown = account(name)
    unknown["metadata"]["annotations"] = {ROLE_ARN: UNKNOWN}
    assert (
        engine.create(ACCOUNT, unknown, preview=True).outputs["metadata"]["annotations"][ROLE_ARN] is UNKNOWN
    )
    assert engine.create(ACCOUNT, {"metadata": UNKNOWN}, preview=True).outputs["metadata"] is UNKNOWN
    engine.create(ACCOUNT, account(name))


def test_preview_refuses_what_the_api_would_refuse(engine: Engine, name: str) -> None:
    wrong = {"metadata": {"name": name}, "spec": {"selector": {}, "template": {"spec": {"containers": []}}}}
    with pytest.raises(Refused, match=r"the Kubernetes API refused \(422\): .*spec.template.spec.containers"):
        engine.create(DEPLOYMENT, wrong, preview=True)
    with pytest.raises(Refused, match=r"refused \(500\): .*\.spec\.replica: field not declared in schema"):
        engine.create(DEPLOYMENT, {"metadata": {"name": name}, "spec": {"replica": 2}}, preview=True)


def test_preview_accepts_what_another_resource_of_the_same_update_makes_possible(
    engine: Engine, name: str
) -> None:
    inputs = account(name)
    inputs["metadata"]["namespace"] = "made-in-the-same-update"
    engine.create(ACCOUNT, inputs, preview=True)
    engine.create(ACCOUNT_PATCH, {"metadata": {"name": name}}, preview=True)
    engine.create(DEFINITION, definition(f"{name}.example.com"), preview=True)
    token = f"kubernetes:{name}.example.com/v1alpha1:VaultConnection"
    engine.create(token, {"metadata": {"name": name}, "spec": {}}, preview=True)


def test_update_is_previewed(engine: Engine, kubernetes_server: KubernetesServer, name: str) -> None:
    deployed = engine.create(ACCOUNT, account(name, team="x"))
    planned = engine.update(deployed, account(name, team="y"), preview=True)
    assert planned.outputs["metadata"]["annotations"] == {"team": "y"}
    assert kubernetes_server.request("GET", at(name))["metadata"]["annotations"] == {"team": "x"}


def test_unknown_fields_are_refused(engine: Engine, name: str) -> None:
    with pytest.raises(Refused, match=r"'automount' is not an input of kubernetes\.core\.v1\.ServiceAccount"):
        engine.check(ACCOUNT, {"automount": False})
    wrong = account(name)
    wrong["metadata"]["anotations"] = {}
    with pytest.raises(Refused, match=r"\.metadata\.anotations: field not declared in schema"):
        engine.create(ACCOUNT, wrong)


@pytest.mark.parametrize(
    "token",
    [
        "kubernetes:core/v1:ServiceAcount",
        "kubernetes:core/v1:ServiceAccountList",
        "kubernetes:yaml:ConfigGroup",
        "kubernetes:helm.sh/v3:Release",
        "kubernetes:apps/v9:Deployment",
        "kubernetes:apps.k8s.io/v1:Deployment",
    ],
)
def test_unknown_types_are_refused(engine: Engine, token: str) -> None:
    with pytest.raises(Refused, match="this resource type is not supported"):
        engine.check(token, {"metadata": {"name": "x"}})


def test_helm_release_is_refused_with_the_reason(engine: Engine) -> None:
    with pytest.raises(Refused, match=r"SANDBOX_PLUGIN_PATH \(the sandbox installs no charts: leave the rel"):
        engine.check("kubernetes:helm.sh/v3:Release", {"chart": "vault"})


def test_custom_resource_lives(engine: Engine, kubernetes_server: KubernetesServer, name: str) -> None:
    group = f"{name}.example.com"
    crd = engine.create(DEFINITION, definition(group))
    token = f"kubernetes:{group}/v1alpha1:VaultConnection"
    inputs = {"metadata": {"name": name}, "spec": {"address": "https://vault"}}
    made = engine.create(token, inputs)
    again = engine.refresh(made)
    assert again
    assert again.inputs == made.inputs
    assert engine.update(again, {**inputs, "spec": {"address": "https://other"}}).steps == ["update"]
    with pytest.raises(Refused, match=r"\.spec\.adress: field not declared in schema"):
        engine.update(again, {**inputs, "spec": {"adress": "https://other"}})
    engine.delete(made)
    engine.delete(crd)


@pytest.mark.parametrize("preview", [True, False])
def test_custom_resource_whose_kind_nobody_defines_is_refused(
    engine: Engine, name: str, preview: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.plugins.kubernetes.objects._SERVED_WITHIN", 0.5)
    message = (
        r"does not serve vault\.platform\.io/v1alpha1 VaultConnection: install its CustomResourceDefinition "
        r"first, which comes with the operator"
    )
    inputs = {"metadata": {"name": name}, "spec": {}}
    with pytest.raises(Refused, match=message):
        engine.create("kubernetes:vault.platform.io/v1alpha1:VaultConnection", inputs, preview=preview)


def test_definition_is_looked_up(engine: Engine, name: str) -> None:
    crd = f"vaultconnections.{name}.example.com"
    with pytest.raises(Refused, match=rf"no CustomResourceDefinition {crd} in this cluster: install the op"):
        engine.read(DEFINITION, crd)
    made = engine.create(DEFINITION, definition(f"{name}.example.com"))
    found = engine.read(DEFINITION, crd)
    assert found
    assert found.values["spec"]["names"]["kind"] == "VaultConnection"
    engine.delete(made)
    assert engine.refresh(made) is None, "one that the stack made has only gone"


def test_object_is_imported(engine: Engine, name: str) -> None:
    engine.create(ACCOUNT, account(name, team="x"))
    imported = engine.read(ACCOUNT, f"default/{name}")
    assert imported
    assert imported.inputs["metadata"]["annotations"] == {"team": "x"}
    assert engine.read(ACCOUNT, "default/not-there") is None


class TestSdk:
    """What the plugin takes from the SDK's source is what the SDK's classes have."""

    @pytest.mark.parametrize(
        "token", [ACCOUNT, ACCOUNT_PATCH, CONFIG_MAP, DEPLOYMENT, NAMESPACE, ROLE_BINDING, SECRET]
    )
    def test_inputs_are_those_of_the_class(self, token: str) -> None:
        entry = PLUGIN.resources[token]
        module, _, name = entry.sdk.rpartition(".")
        parameters = inspect.signature(
            getattr(importlib.import_module(module), name)._internal_init
        ).parameters
        snake = set(parameters) - {"__self__", "resource_name", "opts", "__props__"}
        assert {"".join(f"_{c.lower()}" if c.isupper() else c for c in key) for key in entry.inputs} == snake

    def test_required_inputs_are_those_of_the_class(self) -> None:
        assert PLUGIN.resources[ROLE_BINDING].required == {"roleRef"}
        assert PLUGIN.resources[ACCOUNT].required == set()

    def test_every_kind_is_there(self) -> None:
        tokens = set(PLUGIN.resources)
        assert {ACCOUNT, ACCOUNT_PATCH, ROLE_BINDING, "kubernetes:networking.k8s.io/v1:Ingress"} <= tokens
        assert all(PLUGIN.resources[token].sdk for token in tokens)


@pytest.mark.parametrize(
    ("change", "replaced"),
    [
        ({}, False),
        ({"server": "https://other.example.com"}, True),
        ({"certificate-authority-data": "b3RoZXI="}, True),
        (None, True),
    ],
)
def test_a_provider_of_another_cluster_makes_all_that_it_has_made_again(
    engine: Engine, kubernetes_server: KubernetesServer, change: dict[str, str] | None, replaced: bool
) -> None:
    """Of a cluster that is not known yet nobody can say whether it is another."""
    before = kubernetes_server.kubeconfig()
    after = json.loads(kubernetes_server.kubeconfig(token="another"))
    after["clusters"][0]["cluster"] |= change or {}
    now = UNKNOWN if change is None else json.dumps(after)
    request = pb.DiffRequest(
        urn=urn("pulumi:providers:kubernetes"),
        old_inputs=wire.encode({"kubeconfig": Secret(before)}),
        olds=wire.encode({"kubeconfig": Secret(before)}),
        news=wire.encode({"kubeconfig": Secret(now) if change is not None else now}),
    )
    answer = engine.call("DiffConfig", request)
    assert answer.diffs == ["kubeconfig"]
    assert bool(answer.replaces) is replaced


class TestProvider:
    def create(self, config: dict[str, Any]) -> Deployed:
        with engine_for(PLUGIN, config) as engine:
            return engine.create(ACCOUNT, account(f"it-{uuid4().hex[:8]}"))

    def test_reads_a_kubeconfig_as_text_yaml_or_file(
        self, kubernetes_server: KubernetesServer, tmp_path: Path
    ) -> None:
        text = kubernetes_server.kubeconfig()
        (tmp_path / "config").write_text(text)
        self.create({"kubeconfig": text})
        self.create({"kubeconfig": yaml.safe_dump(json.loads(text))})
        self.create({"kubeconfig": str(tmp_path / "config"), "context": "x"})

    def test_reads_the_environment(
        self, kubernetes_server: KubernetesServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "config").write_text(kubernetes_server.kubeconfig())
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
        self.create({})

    def test_runs_an_exec_command_for_its_token(self, kubernetes_server: KubernetesServer) -> None:
        version = "client.authentication.k8s.io/v1beta1"
        credential = {
            "apiVersion": version,
            "kind": "ExecCredential",
            "status": {"token": kubernetes_server.token},
        }
        command = {"command": sys.executable, "args": ["-c", f"print('''{json.dumps(credential)}''')"]}
        self.create({"kubeconfig": kubernetes_server.kubeconfig(exec={"apiVersion": version, **command})})

    def test_says_when_the_exec_command_fails(self, kubernetes_server: KubernetesServer) -> None:
        command = {"command": sys.executable, "args": ["-c", "raise SystemExit('no credentials')"]}
        version = "client.authentication.k8s.io/v1beta1"
        with pytest.raises(Refused, match="the kubeconfig's exec command gave no token"):
            self.create({"kubeconfig": kubernetes_server.kubeconfig(exec={"apiVersion": version, **command})})

    def test_uses_its_namespace(self, kubernetes_server: KubernetesServer) -> None:
        with engine_for(
            PLUGIN, {"kubeconfig": kubernetes_server.kubeconfig(), "namespace": "kube-system"}
        ) as engine:
            made = engine.create(ACCOUNT, {}, name="it")
            assert made.id.startswith("kube-system/it-")
            engine.delete(made)

    @pytest.mark.parametrize(
        ("config", "message"),
        [
            ({"kubeconfig": "/not/there"}, "there is no kubeconfig at /not/there"),
            ({"kubeconfig": "{}"}, "it has no clusters"),
            ({"enableServerSideApply": "false"}, "enableServerSideApply=false is not supported"),
        ],
    )
    def test_says_what_is_wrong_with_its_configuration(self, config: dict[str, Any], message: str) -> None:
        with pytest.raises(Refused, match=message):
            self.create(config)

    def test_says_that_the_cluster_does_not_answer(self, kubernetes_server: KubernetesServer) -> None:
        config = kubernetes_server.kubeconfig().replace(
            kubernetes_server.address, f"https://127.0.0.1:{free_port()}"
        )
        with pytest.raises(Refused, match="the Kubernetes API does not answer"):
            self.create({"kubeconfig": config})

    def test_is_refused_with_a_wrong_token_without_showing_it(
        self, kubernetes_server: KubernetesServer
    ) -> None:
        config = kubernetes_server.kubeconfig(token="a-wrong-token")
        with pytest.raises(Refused, match=r"refused \(401\): Unauthorized") as refused:
            self.create({"kubeconfig": Secret(config)})
        assert "a-wrong-token" not in str(refused.value)
