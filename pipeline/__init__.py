"""The steps of a delivery pipeline, for CI of any kind: preview, up, promote, drift.

Each environment is a stack of the project with a stack file of its own. Credentials, the state's backend and
Vault's address are taken from the variables that Pulumi and its providers read anyway.
"""

ENVIRONMENTS = ("dev", "staging", "prod")
"""The environments in the order of promotion."""


class PipelineError(Exception):
    """A command line that cannot be followed: what is wrong, and how to mend it."""
