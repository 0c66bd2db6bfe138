"""One component of the package, with the inputs that the configuration has."""

import json
from typing import Any

import pulumi
import pulumi_random as random

config = pulumi.Config()
late = random.RandomPassword("late", length=8).result


def given(value: Any) -> Any:
    """The inputs; what stands below the key `output` is one that no preview knows."""
    if isinstance(value, dict):
        if set(value) == {"output"}:
            return late.apply(lambda _: value["output"])
        return {key: given(item) for key, item in value.items()}
    return [given(item) for item in value] if isinstance(value, list) else value


inputs = {key: given(value) for key, value in json.loads(config.require("inputs")).items()}
kind = f"vault-aws-auth:index:{config.require('kind')}"
pulumi.ComponentResource(kind, "it", inputs, remote=True)
