"""The version of the library, of the component package and of the command: here and nowhere else."""

VERSION = "0.2.0"

REPOSITORY = "https://github.com/example/vault-aws-auth"
"""Where the project is published. `example` stands for its owner, as everywhere in this repository.

Write your own before you release, here and in `pyproject.toml`: a release of another repository is refused.
"""
