"""The framework on its own: a plugin over a dictionary, so that every rule can be seen alone."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from pulumi.runtime.proto import provider_pb2 as pb
from pulumi.runtime.proto import provider_pb2_grpc

from sandbox import interrupted
from sandbox.home import Home
from sandbox.plugins import wire
from sandbox.plugins.resource import (
    Function,
    Inputs,
    NotFound,
    Plugin,
    ProviderError,
    Resource,
    State,
    Unfinished,
)
from sandbox.plugins.wire import UNKNOWN, Secret
from tests.plugins.engine import Deployed, Engine, Refused, engine_for, urn

THING = "toy:index/thing:Thing"
FIXED = "toy:index/fixed:Fixed"
REPOSITORY = Path(__file__).parents[2]


@dataclass
class Cloud:
    """A cloud of dictionaries."""

    config: Inputs
    things: dict[str, Inputs] = field(default_factory=dict)
    barrier: threading.Barrier | None = None


def create(cloud: Cloud, inputs: Inputs) -> tuple[str, State]:
    if inputs["name"] == "refused":
        raise ProviderError(f"the cloud refuses\n{inputs.get('password')}")
    if inputs["name"] == "broken":
        raise KeyError("oops")
    if cloud.barrier:
        cloud.barrier.wait(timeout=20)
    if inputs["name"] in cloud.things:
        raise ProviderError(f"{inputs['name']} exists")
    cloud.things[inputs["name"]] = inputs
    if inputs["name"] == "stuck":
        raise Unfinished("stuck", {"arn": "arn:stuck", "key": "k-123456"}, "stuck is FAILED")
    return inputs["name"], {"serial": 1, "key": "k-123456", "arn": f"arn:{inputs['name']}"}


def read(cloud: Cloud, identifier: str, state: State) -> State | None:
    thing = cloud.things.get(identifier)
    if thing is None:
        return None
    live = {key: thing.get(key) for key in ("name", "size", "document", "tags", "subnets", "block")}
    return {**live, "arn": f"arn:{identifier}"}


def update(cloud: Cloud, identifier: str, state: State, inputs: Inputs) -> State:
    cloud.things[identifier] = inputs
    return {"serial": state["serial"] + 1}


def delete(cloud: Cloud, identifier: str, state: State) -> None:
    if cloud.things.pop(identifier, None) is None:
        raise NotFound(identifier)


def too_big(inputs: Inputs) -> dict[str, str]:
    return {"size": "at most 9"} if inputs.get("size", 0) > 9 else {}


def plugin(cloud: Cloud) -> Plugin:
    """The toy's table."""

    def connect(config: Inputs) -> Cloud:
        cloud.config = config
        return cloud

    thing = Resource(
        token=THING,
        sdk="pulumi_toy.Thing",
        inputs=frozenset({"name", "size", "document", "tags", "subnets", "block", "password", "color"}),
        create=create,
        read=read,
        update=update,
        delete=delete,
        required=frozenset({"size"}),
        replace_on=frozenset({"name", "block.zone"}),
        replace_if=lambda old, new: frozenset({"size"} if new.get("size", 9) < old.get("size", 0) else ()),
        autoname="name",
        defaults={"color": "red"},
        secret_outputs=frozenset({"key"}),
        json_inputs=frozenset({"document"}),
        unordered=frozenset({"subnets"}),
        partial=frozenset({"block"}),
        volatile=frozenset({"serial"}),
        adds={"block": frozenset({"serial"})},
        unsupported=frozenset({"weight"}),
        validate=too_big,
    )
    fixed = Resource(
        FIXED, "pulumi_toy.Fixed", frozenset({"name"}), create, read, delete, delete_before_replace=True
    )
    get = Function(
        "toy:index/get:get",
        "pulumi_toy.get",
        frozenset({"name"}),
        lambda c, inputs: {"arn": f"arn:{inputs['name']}"},
        required=frozenset({"name"}),
    )
    return Plugin(
        name="toy",
        distribution="pulumi",
        config=frozenset({"region", "options", "password"}),
        json_config=frozenset({"options"}),
        secret_config=frozenset({"password"}),
        resources={THING: thing, FIXED: fixed},
        functions={get.token: get},
        connect=connect,
        answered=lambda error: not isinstance(error, KeyError),
    )


@pytest.fixture
def cloud() -> Cloud:
    return Cloud({})


@pytest.fixture
def engine(cloud: Cloud) -> Iterator[Engine]:
    with engine_for(plugin(cloud)) as engine:
        yield engine


class TestCheck:
    def test_fills_defaults_and_a_name_of_the_resource_and_seven_digits(self, engine: Engine) -> None:
        inputs = engine.check(THING, {"size": 1}, name="web")
        assert inputs["color"] == "red"
        assert inputs["name"].startswith("web-")
        assert len(inputs["name"]) == len("web-") + 7

    def test_keeps_the_generated_name(self, engine: Engine) -> None:
        first = engine.check(THING, {"size": 1}, name="web")
        assert (
            engine.check(THING, {"size": 2}, name="web", old={"name": "web-0000000"})["name"] == "web-0000000"
        )
        assert first["name"] != "web-0000000"

    def test_takes_the_name_that_the_engine_proposes(self, engine: Engine) -> None:
        proposed = pb.CheckRequest.AutonamingOptions(proposed_name="web-of-the-project")
        assert engine.check(THING, {"size": 1}, autonaming=proposed)["name"] == "web-of-the-project"

    def test_refuses_to_name_when_naming_is_disabled(self, engine: Engine) -> None:
        disabled = pb.CheckRequest.AutonamingOptions(mode=pb.CheckRequest.AutonamingOptions.DISABLE)
        with pytest.raises(Refused, match="automatic naming is disabled"):
            engine.check(THING, {"size": 1}, autonaming=disabled)

    def test_refuses_an_input_that_the_sdk_does_not_have(self, engine: Engine) -> None:
        with pytest.raises(Refused, match=r"'colour' is not an input of toy\.Thing"):
            engine.check(THING, {"size": 1, "colour": "red"})

    def test_says_where_to_get_an_input_that_only_the_official_plugin_has(self, engine: Engine) -> None:
        with pytest.raises(Refused, match=r"'weight' is not supported by .* SANDBOX_PLUGIN_PATH"):
            engine.check(THING, {"size": 1, "weight": 1})

    def test_names_every_missing_input(self, engine: Engine) -> None:
        with pytest.raises(Refused, match="missing required input 'size'"):
            engine.check(THING, {})

    def test_counts_an_unknown_as_given_and_does_not_validate_it(self, engine: Engine) -> None:
        assert engine.check(THING, {"size": UNKNOWN})["size"] is UNKNOWN

    def test_validates_secrets_too(self, engine: Engine) -> None:
        with pytest.raises(Refused, match="size: at most 9"):
            engine.check(THING, {"size": Secret(10)})

    def test_keeps_secrets_secret(self, engine: Engine) -> None:
        assert engine.check(THING, {"size": 1, "password": Secret("hunter2")})["password"] == Secret(
            "hunter2"
        )

    def test_ignores_what_official_plugins_leave_in_the_state(self, engine: Engine) -> None:
        assert "__defaults" not in engine.check(THING, {"size": 1, "__defaults": ["color"]})

    @pytest.mark.parametrize("token", ["toy:index/other:Other", "other:index/thing:Thing"])
    def test_refuses_an_unknown_type(self, engine: Engine, token: str) -> None:
        with pytest.raises(
            Refused, match=f"{token}: this resource type is not supported .* SANDBOX_PLUGIN_PATH"
        ):
            engine.check(token, {})


@pytest.fixture
def thing(engine: Engine) -> Deployed:
    inputs = {
        "name": "a",
        "size": 5,
        "document": '{"a": [1], "b": 2}',
        "tags": {"team/owner": "x", "env": "dev"},
        "subnets": ["s1", "s2"],
        "block": {"zone": "z1", "mode": "m"},
    }
    return engine.create(THING, inputs)


class TestDiff:
    def test_the_same_is_no_change(self, engine: Engine, thing: Deployed) -> None:
        assert engine.diff(thing, thing.inputs).kinds == {}

    @pytest.mark.parametrize(
        "change", [{"document": '{"b":2,"a":[1]}'}, {"subnets": ["s2", "s1"]}, {"size": Secret(5)}]
    )
    def test_another_form_of_the_same_is_no_change(
        self, engine: Engine, thing: Deployed, change: dict[str, Any]
    ) -> None:
        assert engine.diff(thing, {**thing.inputs, **change}).kinds == {}

    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            ({"size": 6}, {"size": "UPDATE"}),
            ({"size": 4}, {"size": "UPDATE_REPLACE"}),
            ({"name": "b"}, {"name": "UPDATE_REPLACE"}),
            ({"document": '{"a": [2]}'}, {"document": "UPDATE"}),
            ({"password": "p"}, {"password": "ADD"}),
            ({"subnets": None}, {"subnets": "DELETE"}),
            ({"subnets": ["s1"]}, {"subnets": "UPDATE"}),
            ({"tags": {"team/owner": "y", "env": "dev"}}, {'tags["team/owner"]': "UPDATE"}),
            ({"tags": {"env": "dev", "new": "1"}}, {'tags["team/owner"]': "DELETE", "tags.new": "ADD"}),
            ({"block": {"zone": "z2", "mode": "m"}}, {"block.zone": "UPDATE_REPLACE"}),
            ({"block": {"zone": "z1", "mode": "n"}}, {"block.mode": "UPDATE"}),
            ({"block": None}, {"block": "DELETE_REPLACE"}),
            ({"name": UNKNOWN}, {"name": "UPDATE_REPLACE"}),
            ({"tags": {"team/owner": UNKNOWN, "env": "dev"}}, {'tags["team/owner"]': "UPDATE"}),
        ],
    )
    def test_names_what_changes_and_what_replaces(
        self, engine: Engine, thing: Deployed, change: dict[str, Any], expected: dict[str, str]
    ) -> None:
        found = engine.diff(thing, {**thing.inputs, **change})
        assert found.kinds == expected
        assert bool(found.replaces) == any(kind.endswith("REPLACE") for kind in expected.values())

    @pytest.mark.parametrize("path", ["tags", 'tags["team/owner"]'])
    def test_ignores_what_it_is_told_to_ignore(self, engine: Engine, thing: Deployed, path: str) -> None:
        changed = {**thing.inputs, "tags": {"team/owner": "y", "env": "dev"}}
        assert engine.diff(thing, changed, ignore=(path,)).kinds == {}

    def test_a_chosen_name_that_stays_is_freed_before_it_is_taken(
        self, engine: Engine, thing: Deployed
    ) -> None:
        assert engine.diff(thing, {**thing.inputs, "size": 4}).delete_first
        assert not engine.diff(thing, {**thing.inputs, "name": "b"}).delete_first

    def test_a_generated_name_is_renewed_instead(self, engine: Engine) -> None:
        thing = engine.create(THING, {"size": 5}, name="web")
        assert not engine.diff(thing, {**thing.inputs, "size": 4}).delete_first

    def test_what_cannot_be_updated_is_replaced(self, engine: Engine) -> None:
        fixed = engine.create(FIXED, {"name": "f"})
        change = engine.diff(fixed, {"name": "g"})
        assert change.replaces == ["name"]
        assert change.delete_first


class TestLife:
    def test_creates_and_returns_inputs_and_outputs(self, cloud: Cloud, thing: Deployed) -> None:
        assert thing.id == "a"
        assert cloud.things["a"]["subnets"] == ["s1", "s2"]
        assert thing.values["arn"] == "arn:a"
        assert thing.values["size"] == 5
        assert type(cloud.things["a"]["size"]) is int

    def test_what_is_secret_stays_secret(self, engine: Engine) -> None:
        thing = engine.create(THING, {"name": "s", "size": 1, "password": Secret("hunter2")})
        assert thing.outputs["password"] == Secret("hunter2")
        assert thing.outputs["key"] == Secret("k-123456")
        again = engine.refresh(thing)
        assert again
        assert again.outputs["key"] == Secret("k-123456")
        assert again.inputs["password"] == Secret("hunter2")
        changed = engine.update(again, {"name": "s", "size": 2, "password": Secret("hunter3")})
        assert changed.outputs["password"] == Secret("hunter3")
        assert changed.outputs["key"] == Secret("k-123456")

    def test_a_secret_inside_an_object_makes_the_object_secret(self, engine: Engine) -> None:
        thing = engine.create(THING, {"size": 1, "tags": {"a": Secret("hunter2")}})
        assert thing.outputs["tags"] == Secret({"a": "hunter2"})

    def test_previews_a_create_without_touching_the_cloud(self, engine: Engine, cloud: Cloud) -> None:
        thing = engine.create(THING, {"name": "p", "size": UNKNOWN}, preview=True)
        assert cloud.things == {}
        assert thing.outputs["name"] == "p"
        assert thing.outputs["size"] is UNKNOWN
        assert "arn" not in thing.outputs

    def test_previews_what_the_api_adds_to_an_object_as_unknown(self, engine: Engine) -> None:
        thing = engine.create(THING, {"size": 1, "block": {"mode": "m"}}, preview=True)
        assert thing.outputs["block"] == {"mode": "m", "serial": UNKNOWN}
        assert thing.inputs["block"] == {"mode": "m"}
        made = Deployed(THING, "it", "a", thing.inputs, {"block": {"mode": "m", "serial": 7}, "serial": 1})
        planned = engine.update(
            made, {"name": thing.inputs["name"], "size": 2, "block": {"mode": "n"}}, preview=True
        )
        assert planned.outputs["block"] == {"mode": "n", "serial": 7}

    def test_previews_an_update(self, engine: Engine, cloud: Cloud, thing: Deployed) -> None:
        planned = engine.update(thing, {**thing.inputs, "size": UNKNOWN, "subnets": ["s3"]}, preview=True)
        assert cloud.things["a"]["size"] == 5
        assert planned.outputs["subnets"] == ["s3"]
        assert planned.outputs["size"] is UNKNOWN
        assert planned.outputs["arn"] == "arn:a"
        assert planned.outputs["serial"] is UNKNOWN

    def test_does_not_create_with_an_unknown(self, engine: Engine) -> None:
        with pytest.raises(Refused, match="the value of size is not known"):
            engine.create(THING, {"size": UNKNOWN})

    def test_updates_in_place(self, engine: Engine, cloud: Cloud, thing: Deployed) -> None:
        changed = engine.update(thing, {**thing.inputs, "size": 7, "subnets": None})
        assert changed.steps == ["update"]
        assert cloud.things["a"]["size"] == 7
        assert changed.values["serial"] == 2
        assert changed.values["arn"] == "arn:a"
        assert "subnets" not in changed.values

    def test_replaces(self, engine: Engine, cloud: Cloud, thing: Deployed) -> None:
        assert engine.update(thing, {**thing.inputs, "name": "b"}).steps == ["create", "delete"]
        assert set(cloud.things) == {"b"}

    def test_reads_drift_into_the_inputs_that_were_set(
        self, engine: Engine, cloud: Cloud, thing: Deployed
    ) -> None:
        cloud.things["a"] |= {"size": 8, "subnets": ["s2", "s1"], "tags": None, "document": '{"a":[1],"b":2}'}
        cloud.things["a"]["block"] = {"zone": "z1", "mode": "drifted", "more": True}
        found = engine.refresh(thing)
        assert found
        assert found.inputs["size"] == 8
        assert "tags" not in found.inputs
        assert found.inputs["block"] == {"zone": "z1", "mode": "drifted"}
        # Another form of the same is left as it was written, so that the next diff is empty.
        assert found.inputs["subnets"] == ["s1", "s2"]
        assert found.inputs["document"] == thing.inputs["document"]
        assert found.values["serial"] == 1
        assert set(engine.diff(found, thing.inputs).kinds) == {"size", "tags", "block.mode"}

    def test_reads_that_it_is_gone(self, engine: Engine, cloud: Cloud, thing: Deployed) -> None:
        cloud.things.clear()
        assert engine.refresh(thing) is None
        engine.delete(thing)

    def test_imports_what_is_set(self, engine: Engine, thing: Deployed) -> None:
        found = engine.read(THING, "a")
        assert found
        assert found.inputs["block"] == {"zone": "z1", "mode": "m"}
        assert "serial" not in found.inputs

    def test_works_in_parallel(self, engine: Engine, cloud: Cloud) -> None:
        cloud.barrier = threading.Barrier(2)
        other = threading.Thread(target=engine.create, args=(FIXED, {"name": "one"}))
        other.start()
        engine.create(FIXED, {"name": "two"})
        other.join()
        assert set(cloud.things) == {"one", "two"}


class TestFailures:
    def test_an_apis_refusal_is_one_line_without_the_secret(self, engine: Engine) -> None:
        with pytest.raises(Refused) as refused:
            engine.create(THING, {"name": "refused", "size": 1, "password": Secret("hunter2")})
        assert str(refused.value) == f"{THING}: the cloud refuses [secret]"

    def test_a_fault_of_the_plugin_is_one_line_too(self, engine: Engine) -> None:
        with pytest.raises(
            Refused, match=r"fault in the sandbox's local plugin toy .*: KeyError: 'oops' \(test_"
        ):
            engine.create(THING, {"name": "broken", "size": 1})

    def test_what_has_no_answer_is_noted_for_the_next_run(
        self, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SANDBOX_HOME", str(tmp_path))
        (tmp_path / "pulumi").mkdir()
        engine.create(THING, {"name": "made", "size": 1}, name="made")
        for name in ("refused", "stuck", "broken"):
            with pytest.raises(Refused):
                engine.create(THING, {"name": name, "size": 1}, name=name)
        assert interrupted.creations(Home(tmp_path), "local") == [urn(THING, "broken")]

    def test_what_fails_after_it_was_made_is_kept(self, engine: Engine) -> None:
        with pytest.raises(Refused, match="Thing: stuck is FAILED") as refused:
            engine.create(THING, {"name": "stuck", "size": 1, "password": Secret("hunter2")})
        kept = refused.value.kept
        assert kept
        assert kept.id == "stuck"
        assert kept.reasons == [str(refused.value)]
        outputs = {"arn": "arn:stuck", "key": Secret("k-123456"), "password": Secret("hunter2")}
        assert wire.decode(kept.properties) == {"name": "stuck", "size": 1, "color": "red", **outputs}

    def test_an_asset_is_refused(self, engine: Engine) -> None:
        request = pb.CheckRequest(urn="urn:pulumi:s::p::" + THING + "::n")
        request.news.update(
            {"name": {"4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17"}}
        )
        with pytest.raises(Refused, match="assets and archives are not supported"):
            engine.call("Check", request)


class TestFunctions:
    def test_answers_with_the_arguments(self, engine: Engine) -> None:
        assert engine.invoke("toy:index/get:get", {"name": "a"}) == {"name": "a", "arn": "arn:a"}

    def test_refuses_a_missing_and_an_unknown_argument(self, engine: Engine) -> None:
        with pytest.raises(Refused, match="missing required input 'name'"):
            engine.invoke("toy:index/get:get", {})
        with pytest.raises(Refused, match=r"'nom' is not an input of toy\.get"):
            engine.invoke("toy:index/get:get", {"nom": "a"})

    def test_refuses_an_unknown_function(self, engine: Engine) -> None:
        with pytest.raises(Refused, match="this function is not supported"):
            engine.invoke("toy:index/other:other", {})


class TestConfiguration:
    def test_decodes_what_the_sdks_send_as_json(self, cloud: Cloud) -> None:
        config = {"region": "[r]", "options": json.dumps({"a": True}), "version": "1.0.0"}
        with engine_for(plugin(cloud), config) as engine:
            engine.create(THING, {"size": 1})
        assert cloud.config == {"region": "[r]", "options": {"a": True}}

    def test_refuses_an_unknown_key(self, cloud: Cloud) -> None:
        with (
            pytest.raises(Refused, match="'profile' is not supported"),
            engine_for(plugin(cloud), {"profile": "x"}),
        ):
            pass

    def test_previews_while_the_configuration_is_unknown(self, cloud: Cloud) -> None:
        with engine_for(plugin(cloud), {"region": UNKNOWN}) as engine:
            assert engine.create(THING, {"name": "a", "size": 1}, preview=True).outputs["name"] == "a"
            with pytest.raises(Refused, match="the provider's own inputs are not known yet"):
                engine.create(THING, {"size": 1})

    def test_a_secret_of_the_configuration_is_not_shown(self, cloud: Cloud) -> None:
        with (
            engine_for(plugin(cloud), {"password": Secret("hunter2")}) as engine,
            pytest.raises(Refused) as refused,
        ):
            engine.create(THING, {"name": "refused", "size": 1, "password": "hunter2"})
        assert "hunter2" not in str(refused.value)

    def test_what_is_secret_in_the_configuration_is_marked(self, engine: Engine) -> None:
        request = pb.CheckRequest(urn=urn("pulumi:providers:toy"), news=wire.encode({"password": "hunter2"}))
        assert wire.decode(engine.call("CheckConfig", request).inputs) == {"password": Secret("hunter2")}

    def test_changed_configuration_updates_the_provider(self, engine: Engine) -> None:
        request = pb.DiffRequest(old_inputs=wire.encode({"region": "a"}), news=wire.encode({"region": "b"}))
        response = engine.call("DiffConfig", request)
        assert list(response.diffs) == ["region"]
        assert not response.replaces

    def test_describes_itself(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        """With what programs in YAML are checked against."""
        sdk = types.ModuleType("pulumi_toy")
        monkeypatch.setitem(sys.modules, "pulumi_toy", sdk)
        monkeypatch.setattr(sdk, "Thing", type("Thing", (), {"arn": property(str)}), raising=False)
        monkeypatch.setattr(sdk, "Fixed", type("Fixed", (), {}), raising=False)
        schema = json.loads(engine.call("GetSchema", pb.GetSchemaRequest()).schema)
        thing = schema["resources"][THING]
        assert thing["requiredInputs"] == ["size"]
        assert thing["properties"].keys() == thing["inputProperties"].keys() | {"arn"}
        assert schema["provider"]["inputProperties"].keys() == {"region", "options", "password"}
        assert engine.call("Handshake", pb.ProviderHandshakeRequest()).accept_secrets


class TestProcess:
    """The plugin as the engine starts it."""

    @staticmethod
    def start() -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "sandbox.plugins", "vault", "127.0.0.1:1"],
            stdout=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
        )

    def test_prints_its_port_serves_refuses_and_stops(self) -> None:
        process = self.start()
        assert process.stdout
        with (
            process.stdout,
            grpc.insecure_channel(f"127.0.0.1:{process.stdout.readline().strip()}") as channel,
        ):
            stub = provider_pb2_grpc.ResourceProviderStub(channel)
            assert json.loads(stub.GetSchema(pb.GetSchemaRequest()).schema)["name"] == "vault"
            with pytest.raises(grpc.RpcError) as refused:
                stub.Check(pb.CheckRequest(urn=urn("vault:index/no:No")))
            assert "this resource type is not supported" in refused.value.details()
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=20) == 0

    def test_ends_when_the_engine_is_gone(self) -> None:
        # A stand-in for the engine: starts the plugin, tells its process ID, and is killed.
        code = (
            "import subprocess, sys, time\n"
            "command = [sys.executable, '-m', 'sandbox.lifetime', 'sandbox.plugins', 'vault']\n"
            "p = subprocess.Popen(command, stdout=subprocess.PIPE)\n"
            "p.stdout.readline(); print(p.pid, flush=True); time.sleep(60)\n"
        )
        engine = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
        )
        assert engine.stdout
        with engine.stdout:
            plugin_process = psutil.Process(int(engine.stdout.readline()))
            os.kill(engine.pid, signal.SIGKILL)
            engine.wait()
            deadline = time.monotonic() + 30
            while plugin_process.is_running() and plugin_process.status() != psutil.STATUS_ZOMBIE:
                assert time.monotonic() < deadline, "the plugin outlives its engine"
                time.sleep(0.1)

    @pytest.mark.parametrize(
        "modules", ["server, sandbox.plugins.vault", "eks, sandbox.plugins.eks.provider"]
    )
    def test_does_not_load_the_sdk(self, modules: str) -> None:
        code = (
            f"import sys, sandbox.plugins.serving, sandbox.plugins.{modules}\n"
            "print([m for m in sys.modules if m.startswith(('pulumi_', 'boto', 'kubernetes'))])"
        )
        loaded = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY, check=True
        )
        assert loaded.stdout.strip() == "[]"
