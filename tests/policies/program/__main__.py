"""A stack of raw resources, as they may stand beside the components: those in the file that STACK names."""

import json
import os
from pathlib import Path

import pulumi

for name, (kind, inputs) in json.loads(Path(os.environ["STACK"]).read_text()).items():
    if kind == "pulumi:pulumi:Stack":
        for output, value in inputs.items():
            pulumi.export(output, value)
    else:
        pulumi.CustomResource(kind, name, inputs)
