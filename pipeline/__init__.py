"""The steps of a delivery pipeline, for CI of any kind: preview, access, up, promote, drift.

Each environment is a stack of the project with its own stack file. Credentials, the state backend and Vault's
address come from the variables that Pulumi and its providers read.
"""

ENVIRONMENTS = ("dev", "staging", "prod")
"""The environments in the order of promotion."""


class PipelineError(Exception):
    """A command line that cannot be run: what is wrong, and how to fix it."""
