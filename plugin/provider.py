"""The provider of the component package: the SDK's component host, over the library's declarations.

The host takes its schema from the components' annotations, which `schema.py` completes, and hands the inputs
of a program in another language to the component's constructor. What it would lose is checked before: it
drops unknown inputs silently, takes an Output given for a whole object for an empty object, and hands
integers over as floats. So inputs are read by the components' own declarations, and a refusal is one line in
the program's own terms.
"""

import json
from enum import Enum
from inspect import get_annotations, isclass
from typing import Any
from unittest.mock import patch

import pulumi
from pulumi import Inputs
from pulumi.provider import ConstructResult
from pulumi.provider.experimental import component as host
from pulumi.provider.experimental.analyzer import Analyzer, ComponentDefinition, TypeDefinition
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.server import ComponentInitError

import components
from components import consumers
from components.declared import CAMEL, ArgumentError, checked, plain
from components.version import VERSION
from plugin import schema

NAME = "vault-aws-auth"


def all_components() -> list[type[pulumi.ComponentResource]]:
    """Every component of the library, by name."""
    public = {name: getattr(components, name) for name in components.__all__}
    found = {
        name: value
        for name, value in public.items()
        if isclass(value) and issubclass(value, pulumi.ComponentResource)
    }
    found |= {kind.__name__: kind for kind in consumers.KINDS.values()}
    return [found[name] for name in sorted(found)]


class _Analyzer(Analyzer):
    """The SDK's, which knows no `Annotated`."""

    def analyze_property(self, arg: Any, *args: Any, **kwargs: Any) -> Any:
        return super().analyze_property(plain(arg), *args, **kwargs)


class Provider(ComponentProvider):
    """Constructs the components for programs in other languages."""

    def __init__(self) -> None:
        hosted = all_components()
        with patch.object(host, "Analyzer", _Analyzer):  # the host has no other way to choose it
            super().__init__(hosted, NAME, version=VERSION)
        complete = schema.complete(
            json.loads(self.schema or "{}"), hosted, self._component_defs, self._type_defs
        )
        self.schema = json.dumps(complete)

    def map_inputs(self, inputs: Inputs, component_def: ComponentDefinition) -> Inputs:
        """The inputs as the component takes them. Raises InputPropertiesError with all that is wrong."""
        args = get_annotations(self._components[component_def.name].__init__)["args"]
        try:
            return checked(args, inputs, CAMEL)
        except ArgumentError as error:
            raise pulumi.InputPropertiesError(str(error), []) from None

    def map_complex_output(self, instance_val: Any, type_def: TypeDefinition) -> Any:
        """As the SDK's, which takes an enum in an object for an object."""
        if type_def.enum:
            return instance_val.value if isinstance(instance_val, Enum) else instance_val
        return super().map_complex_output(instance_val, type_def)

    def construct(
        self,
        name: str,
        resource_type: str,
        inputs: Inputs,
        options: pulumi.ResourceOptions | None = None,
    ) -> ConstructResult:
        try:
            return super().construct(name, resource_type, inputs, options)
        except ComponentInitError as error:
            if not isinstance(error.inner, ValueError):
                raise
            # A refusal of what was given, not a defect: without the traceback that the host would add.
            inner = error.inner
            if isinstance(inner, ArgumentError):  # spelled as Python has it
                inner = ArgumentError(inner.refusals, CAMEL)
            message = str(inner)
            raise pulumi.InputPropertiesError(message, []) from None
