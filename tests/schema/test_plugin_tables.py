"""Every table of every local plugin, against the class or function of the installed SDK."""

import importlib
import inspect
import re
from typing import Any

import pytest

from sandbox.plugins.eks import COMPONENTS
from sandbox.plugins.eks.children import OUTPUTS
from sandbox.plugins.eks.component import Component
from sandbox.plugins.resource import Function, Plugin, Resource

PLUGINS: list[Plugin] = [
    importlib.import_module(f"sandbox.plugins.{name}").PLUGIN
    for name in ("aws", "kubernetes", "random", "vault")
]
# The kubernetes plugin's types are those that the API server has, and so are their inputs: only its
# provider is compared.
TABLES = [plugin for plugin in PLUGINS if plugin.name != "kubernetes"]
RESOURCES = [pytest.param(entry, id=token) for p in TABLES for token, entry in p.resources.items()]
TYPES = [*RESOURCES, *(pytest.param(entry, id=token) for token, entry in COMPONENTS.items())]
FUNCTIONS = [pytest.param(entry, id=token) for p in PLUGINS for token, entry in p.functions.items()]


def installed(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def names(cls: type) -> dict[str, str]:
    """A class's properties: their Python names, and Pulumi's."""
    return {
        python: getattr(member.fget, "_pulumi_name", python)
        for python, member in vars(cls).items()
        if isinstance(member, property)
    }


def args_class(resource: type) -> type:
    found: type = getattr(inspect.getmodule(resource), f"{resource.__name__}Args")
    return found


def inputs(sdk: str) -> set[str]:
    return set(names(args_class(installed(sdk))).values())


def required(sdk: str) -> set[str]:
    args = args_class(installed(sdk))
    parameters = inspect.signature(args.__init__).parameters  # type: ignore[misc]
    pulumi_names = names(args)
    return {pulumi_names[n] for n, p in parameters.items() if p.default is p.empty and n in pulumi_names}


def function_source(sdk: str) -> str:
    return inspect.getsource(installed(sdk))


@pytest.mark.parametrize("entry", TYPES)
def test_every_input_of_the_sdk_is_supported_or_refused_by_name(entry: Resource | Component) -> None:
    assert entry.inputs | entry.unsupported == inputs(entry.sdk)
    assert not entry.inputs & entry.unsupported


@pytest.mark.parametrize("entry", RESOURCES)
def test_every_output_that_is_always_secret_exists(entry: Resource) -> None:
    assert entry.secret_outputs <= set(names(installed(entry.sdk)).values())


@pytest.mark.parametrize("entry", RESOURCES)
def test_outputs_that_updates_change_exist(entry: Resource) -> None:
    assert entry.volatile <= set(names(installed(entry.sdk)).values())


@pytest.mark.parametrize("entry", TYPES)
def test_what_the_sdk_requires_is_required(entry: Resource | Component) -> None:
    assert required(entry.sdk) <= entry.required


@pytest.mark.parametrize("entry", RESOURCES)
def test_every_rule_of_an_entry_is_about_an_input_it_has(entry: Resource) -> None:
    nested = {path.partition(".")[0] for path in entry.replace_on}
    named = {entry.autoname.partition(".")[0]} if entry.autoname else set()
    rules = nested | named | set(entry.defaults) | entry.json_inputs | entry.unordered | entry.partial
    assert rules | entry.required <= entry.inputs


@pytest.mark.parametrize("entry", TYPES)
def test_the_token_is_the_sdk_class_own(entry: Resource | Component) -> None:
    assert f"'{entry.token}'" in inspect.getsource(installed(entry.sdk))


@pytest.mark.parametrize(("token", "outputs"), OUTPUTS.items(), ids=list(OUTPUTS))
def test_the_outputs_that_the_eks_package_reads_exist(token: str, outputs: tuple[str, ...]) -> None:
    package, module, cls = token.split(":")
    path = f"pulumi_{package}" if module == "index" else f"pulumi_{package}.{module.partition('/')[0]}"
    found = installed(f"{path}.{cls}")
    assert f"'{token}'" in inspect.getsource(found)
    assert {*outputs} <= set(names(found).values())


@pytest.mark.parametrize("entry", FUNCTIONS)
def test_every_input_of_the_sdk_function_is_supported_or_refused_by_name(entry: Function) -> None:
    source = function_source(entry.sdk)
    assert entry.inputs | entry.unsupported == set(re.findall(r"__args__\['(\w+)'\]", source))
    assert not entry.inputs & entry.unsupported
    assert f"'{entry.token}'" in source


@pytest.mark.parametrize("entry", FUNCTIONS)
def test_what_the_sdk_function_requires_is_required(entry: Function) -> None:
    parameters = inspect.signature(installed(entry.sdk)).parameters
    python = {
        name for name, p in parameters.items() if "Optional" not in str(p.annotation) and name != "opts"
    }
    source = function_source(entry.sdk)
    pulumi_names = {py: name for name, py in re.findall(r"__args__\['(\w+)'\] = (\w+)", source)}
    assert {pulumi_names[name] for name in python} <= entry.required


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda p: p.name)
def test_the_provider_accepts_only_inputs_that_the_sdk_has(plugin: Plugin) -> None:
    provider = f"{plugin.distribution.replace('-', '_')}.Provider"
    assert plugin.config <= inputs(provider)
