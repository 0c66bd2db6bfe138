"""The version of the library, of the component package and of the command: here and nowhere else."""

VERSION = "0.2.0"
