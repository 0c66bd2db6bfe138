"""The random plugin: passwords. They are nowhere but in Pulumi's state."""

from sandbox.plugins.random.password import PASSWORD
from sandbox.plugins.resource import Plugin, table

PLUGIN = Plugin(
    name="random",
    distribution="pulumi-random",
    config=frozenset(),
    connect=lambda _: None,
    resources=table(PASSWORD),
    functions={},
)
