"""What the official Kubernetes provider does with a change of each input, by server-side apply.

From its source: `forceNewProperties` has what replaces. The API takes away what is no longer applied. A name
that was chosen is not kept once it is no longer set: the object gets a new one, in another replacement.
"""

from __future__ import annotations

from tests.plugins.official import EMPTY, IN_PLACE, REPLACES, REQUIRED, Removal, Row

_NAME = Row("metadata.name", "{name}", "{name}-2", REPLACES, Removal.REPLACES)
_NAMESPACE = Row("metadata.namespace", "{namespace}", "{otherNamespace}", REPLACES, Removal.REPLACES)
_NOTES = (
    Row("metadata.annotations", {"a": "1"}, {"a": "2", "b/c": "3"}, IN_PLACE, EMPTY),
    Row("metadata.labels", {"a": "1"}, {"a": "2", "b/c": "3"}, IN_PLACE, EMPTY),
)


def _rules(verb: str) -> list[dict[str, list[str]]]:
    return [{"apiGroups": [""], "resources": ["pods"], "verbs": [verb]}]


def _role(kind: str, name: str) -> dict[str, str]:
    return {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}


def _subject(name: str) -> list[dict[str, str]]:
    return [{"kind": "ServiceAccount", "name": name, "namespace": "default"}]


_RULES = Row("rules", _rules("get"), _rules("list"), IN_PLACE, EMPTY)
_SUBJECTS = Row("subjects", _subject("a"), _subject("b"), IN_PLACE, EMPTY)

GROUP = "vault-{group}.example.com"
"""The API group of a definition that the tests make."""

KUBERNETES: dict[str, tuple[Row, ...]] = {
    "kubernetes:core/v1:ServiceAccount": (
        _NAME,
        _NAMESPACE,
        *_NOTES,
        Row("automountServiceAccountToken", True, False, IN_PLACE, EMPTY),
        Row("imagePullSecrets", [{"name": "a"}], [{"name": "b"}], IN_PLACE, EMPTY),
        Row("secrets", [{"name": "a"}], [{"name": "b"}], IN_PLACE, EMPTY),
    ),
    "kubernetes:core/v1:ServiceAccountPatch": (
        Row("metadata.name", "{patched}", "{otherPatched}", REPLACES, REQUIRED),
        Row("metadata.annotations", {"a": "1"}, {"a": "2", "b/c": "3"}, IN_PLACE, EMPTY),
        Row("automountServiceAccountToken", True, False, IN_PLACE, EMPTY),
    ),
    "kubernetes:core/v1:Namespace": (_NAME, *_NOTES),
    "kubernetes:core/v1:ConfigMap": (
        _NAME,
        _NAMESPACE,
        *_NOTES,
        Row("data", {"a": "1"}, {"a": "2"}, REPLACES, Removal.REPLACES),
        Row("binaryData", {"a": "MQ=="}, {"a": "Mg=="}, REPLACES, Removal.REPLACES),
    ),
    "kubernetes:core/v1:Secret": (
        _NAME,
        _NAMESPACE,
        *_NOTES,
        Row("data", {"a": "MQ=="}, {"a": "Mg=="}, REPLACES, Removal.REPLACES),
        Row("stringData", {"a": "1"}, {"a": "2"}, REPLACES, Removal.REPLACES),
        Row("type", "example.com/a", "example.com/b", REPLACES, Removal.REPLACES),
    ),
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole": (_NAME, *_NOTES, _RULES),
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding": (
        _NAME,
        *_NOTES,
        _SUBJECTS,
        Row("roleRef", _role("ClusterRole", "a"), _role("ClusterRole", "b"), REPLACES, REQUIRED),
    ),
    "kubernetes:rbac.authorization.k8s.io/v1:Role": (_NAME, _NAMESPACE, *_NOTES, _RULES),
    "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding": (
        _NAME,
        _NAMESPACE,
        *_NOTES,
        _SUBJECTS,
        Row("roleRef", _role("Role", "a"), _role("Role", "b"), REPLACES, REQUIRED),
    ),
    f"kubernetes:{GROUP}/v1alpha1:VaultConnection": (
        _NAME,
        _NAMESPACE,
        *_NOTES,
        Row("spec", {"address": "https://a"}, {"address": "https://b"}, IN_PLACE, EMPTY),
    ),
}
"""Inputs inside others have a dotted name."""
