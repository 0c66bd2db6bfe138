"""The sections of consumers: a model for each kind, made from the options of its component.

So a new kind of consumer is a component and nothing here: its options are its keys.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field, create_model
from pydantic.alias_generators import to_camel
from typing_extensions import get_type_hints

from components import consumers
from settings.section import Section


class Release(Section):
    """A Helm chart that the stack installs with the consumer's values."""

    version: str = Field(description="version of the chart")
    chart: str | None = Field(None, description="name of the chart, or where it is; default the kind's own")
    repository: str | None = Field(None, description="URL of its repository; default the kind's own")


class ConsumerSettings(Section):
    """Software that logs in to Vault on behalf of others, and is told how by values or manifests."""

    kind: str = Field(description="kind of consumer")
    login: str | None = Field(None, description="name of the login that it uses")

    component: ClassVar[type[consumers.Consumer]] = consumers.Consumer
    needs_login: ClassVar[bool] = True

    def options(self) -> dict[str, Any]:
        """What was written of the kind's own options."""
        return {name: value for name, value in self.given().items() if name != "login"}


def _model(kind: str, component: type[consumers.Consumer]) -> type[ConsumerSettings]:
    options: Any = component.OPTIONS
    fields: dict[str, Any] = {
        name: (type_, Field(description=f"{to_camel(name)} of a consumer of kind {kind}"))
        if name in options.__required_keys__
        else (type_ | None, Field(None, description=f"{to_camel(name)} of a consumer of kind {kind}"))
        for name, type_ in get_type_hints(options).items()
    }
    if component.HAS_RELEASE:
        fields["release"] = (Release | None, Field(None, description="chart that the stack installs"))
    model = create_model(f"{kind} consumer", __base__=ConsumerSettings, **fields)
    model.component, model.needs_login = component, component.NEEDS_LOGIN
    return model


CONSUMER_KINDS: Mapping[str, type[ConsumerSettings]] = {
    kind: _model(kind, component) for kind, component in consumers.KINDS.items()
}
