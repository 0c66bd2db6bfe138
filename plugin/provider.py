"""The provider of the component package: the SDK's component host, with what it loses put back.

The host takes its schema from the components' annotations and docstrings, and hands the inputs of a program
in another language to the component's constructor. Here the schema is completed (`schema.py`), inputs are
checked against it (`inputs.py`), and a component's refusal is one line in the program's own terms.
"""

import json
from inspect import isclass

import pulumi
from pulumi import Inputs
from pulumi.provider import ConstructResult
from pulumi.provider.experimental.analyzer import ComponentDefinition
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.server import ComponentInitError

import components
from components import consumers
from components.version import VERSION
from plugin import schema
from plugin.inputs import Checker

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


class Provider(ComponentProvider):
    """Constructs the components for programs in other languages."""

    def __init__(self) -> None:
        hosted = all_components()
        super().__init__(hosted, NAME, version=VERSION)
        self._camel = schema.names(self._component_defs, self._type_defs)
        self._checker = Checker(NAME, self._type_defs)
        complete = schema.complete(
            json.loads(self.schema or "{}"), hosted, self._component_defs, self._type_defs, self._camel
        )
        self.schema = json.dumps(complete)

    def map_inputs(self, inputs: Inputs, component_def: ComponentDefinition) -> Inputs:
        return super().map_inputs(self._checker.checked(inputs, component_def), component_def)

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
            message = schema.renamed_fields(str(error.inner), self._camel)
            raise pulumi.InputPropertiesError(message, []) from None
