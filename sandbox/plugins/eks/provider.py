"""Constructs components for the engine."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import pulumi
from pulumi.provider import ConstructResult, Provider
from pulumi.provider.server import ProviderServicer

from sandbox.plugins.eks.children import accept_given
from sandbox.plugins.eks.component import Component, given
from sandbox.plugins.errors import missing_inputs, unknown_inputs, unsupported


def servicer(components: Mapping[str, Component], engine_address: str) -> ProviderServicer:
    """The provider protocol for the components."""
    accept_given()
    return _Servicer(_Eks(components), [], engine_address)


class _Eks(Provider):
    def __init__(self, components: Mapping[str, Component]) -> None:
        super().__init__(version("pulumi-eks"))
        self.components = components

    def construct(
        self, name: str, resource_type: str, inputs: Any, options: pulumi.ResourceOptions | None = None
    ) -> ConstructResult:
        """Registers one component, or refuses before anything is registered."""
        refusal = unsupported("eks", version("pulumi-eks"))
        component = self.components.get(resource_type)
        if component is None:
            raise pulumi.InputPropertiesError(f"{resource_type} is {refusal}", [])
        args = given(inputs)
        wrong = component.validate(args) | unknown_inputs(component, args.keys(), refusal)
        wrong |= missing_inputs(component, args.keys())
        if wrong:
            raise pulumi.InputPropertiesError(
                f"{resource_type} {name!r} is refused",
                [{"property_path": key, "reason": reason} for key, reason in wrong.items()],
            )
        built = component.build(name, args, options or pulumi.ResourceOptions())
        return ConstructResult(built.urn, built.state)


class _Servicer(ProviderServicer):
    """The SDK's servicer, with errors in one line instead of a stack trace."""

    async def Construct(self, request: Any, context: Any) -> Any:
        try:
            return await self._construct(request, context)
        except pulumi.InputPropertiesError as refusal:
            status = self.create_grpc_invalid_properties_status(refusal.message, refusal.errors)
        except Exception as error:
            status = self.create_grpc_invalid_properties_status(str(error), [])
        return await context.abort_with_status(status)
