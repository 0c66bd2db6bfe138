"""`values`: a consumer's Helm values or Kubernetes manifests, as text."""

import json
from typing import Any

from .console import has_unicode
from .errors import UsageProblem
from .outputs import StackOutputs


def values(outputs: StackOutputs, consumer: str, *, as_json: bool = False, helm: bool = False) -> str:
    """A consumer's manifests for `kubectl apply -f -`, or its values for `helm install --values -`.

    YAML, or JSON with `as_json`; manifests are then a `List`, which kubectl takes too. If the consumer has
    both: the manifests, or with `helm` the values. Raises `UsageProblem` if it has neither.
    """
    found = outputs.consumers.get(consumer)
    if found is None:
        known = ", ".join(outputs.consumers)
        raise UsageProblem(
            f"there is no consumer {consumer!r}; the stack has "
            + (known or "none: declare one under vault-aws-auth:consumers")
        )
    if helm and found.values is None:
        raise UsageProblem(f"{consumer} has no Helm values, only manifests; leave --helm out")
    if found.values is not None and (helm or not found.manifests):
        documents = [found.values]
    elif found.manifests:
        documents = found.manifests
    else:
        raise UsageProblem(f"the stack has neither values nor manifests for {consumer}; run `pulumi up`")
    if as_json:
        if found.manifests and documents is found.manifests:
            return _json({"apiVersion": "v1", "kind": "List", "items": documents})
        return _json(documents[0])
    return _yaml(documents)


def _json(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=not has_unicode()) + "\n"


def _yaml(documents: list[dict[str, Any]]) -> str:
    import yaml  # not needed for JSON

    class Dumper(yaml.SafeDumper):
        """Writes text with line breaks as a readable block."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

    def text(dumper: Dumper, value: str) -> yaml.ScalarNode:
        style = "|" if "\n" in value else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    return yaml.dump_all(
        documents,
        Dumper=Dumper,
        sort_keys=False,
        allow_unicode=has_unicode(),
        width=10_000,
        explicit_start=len(documents) > 1,
    )
