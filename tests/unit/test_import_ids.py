"""IDs are those under which the official providers import, as the pages of the installed SDKs give them."""

from __future__ import annotations

import importlib
import inspect
import re
from typing import Any

import pytest

from stack.import_ids import ASSOCIATION, IDS, Home, Made, identifiers
from stack.preflight.objects import TYPES, thing

HOME = Home("123456789012", "aws")
POLICY = "arn:aws:iam::xxxxxxxxxxxx:policy/test-policy"

EXAMPLES: dict[str, dict[str, str]] = {
    "vault:index/authBackend:AuthBackend": {"path": "github"},
    "vault:aws/authBackendClient:AuthBackendClient": {"backend": "aws"},
    "vault:aws/authBackendConfigIdentity:AuthBackendConfigIdentity": {"backend": "aws"},
    "vault:aws/authBackendStsRole:AuthBackendStsRole": {"backend": "aws", "accountId": "1234567890"},
    "vault:aws/authBackendRole:AuthBackendRole": {"backend": "aws", "role": "test-role"},
    "vault:index/mount:Mount": {"path": "dummy"},
    "vault:aws/secretBackend:SecretBackend": {"path": "aws"},
    "vault:aws/secretBackendRole:SecretBackendRole": {"backend": "aws", "name": "deploy"},
    "vault:index/policy:Policy": {"name": "dev-team"},
    "vault:identity/oidcKey:OidcKey": {"name": "key"},
    "aws:iam/role:Role": {"name": "developer_name"},
    "aws:iam/user:User": {"name": "example-user"},
    "aws:iam/policy:Policy": {"name": "UsersManageOwnCredentials"},
    "aws:iam/instanceProfile:InstanceProfile": {"name": "app-instance-profile-1"},
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": {"url": "https://accounts.google.com"},
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": {"role": "test-role", "policyArn": POLICY},
    "aws:iam/userPolicyAttachment:UserPolicyAttachment": {"user": "test-user", "policyArn": POLICY},
    "aws:iam/rolePolicy:RolePolicy": {"role": "role_of_mypolicy_name", "name": "mypolicy_name"},
    "aws:eks/cluster:Cluster": {"name": "example"},
    "aws:eks/addon:Addon": {"clusterName": "example-cluster", "addonName": "example-addon"},
    ASSOCIATION: {"clusterName": "example-cluster", "namespace": "n", "serviceAccount": "s"},
}
"""By type: the inputs of the resource whose ID its page gives as the example."""

OF_KUBERNETES = {
    "kubernetes:core/v1:Namespace": ({"metadata": {"name": "n"}}, "n"),
    "kubernetes:core/v1:ServiceAccount": ({"metadata": {"namespace": "n", "name": "s"}}, "n/s"),
}
"""Its pages give no example: `NAME`, and `NAMESPACE/NAME` of what is in a namespace."""


class Look:
    """AWS, where every policy is attached, and the page's example is the association."""

    def attached(self, made: Made, identifier: str) -> bool:
        return True

    def association(self, made: Made, region: str) -> str:
        return documented(made.type).partition(",")[2]


def documented(kind: str) -> str:
    """The ID in the example of a type's page."""
    package, place, name = kind.split(":")
    module = place.partition("/")[0]
    base = f"pulumi_{package}"
    of_sdk = importlib.import_module(base if module == "index" else f"{base}.{module}")
    found = re.search(rf"\$ pulumi import {kind} \S+ (\S+)", inspect.getsource(getattr(of_sdk, name)))
    assert found, f"the page of {kind} has no example of an import"
    return found[1]


def identifier(kind: str, inputs: dict[str, Any]) -> str:
    """The ID that the import file would have."""
    made = [Made("urn:pulumi:x::y::z::it", kind, "", "", inputs)]
    owner = next((word for word in ("role", "user") if word in inputs and kind not in TYPES), "")
    if owner:
        made.append(
            Made(f"urn::{owner}", f"aws:iam/{owner}:{owner.capitalize()}", "", "", {"name": inputs[owner]})
        )
        there = [thing(f"IAM {owner}", inputs[owner])]
    else:
        found = TYPES[kind](inputs)
        assert found
        there = [found]
    return identifiers(made, there, HOME, Look())[made[0].urn]


def test_every_type_is_compared_with_its_page() -> None:
    assert EXAMPLES.keys() | OF_KUBERNETES.keys() == IDS.keys()


@pytest.mark.parametrize("kind", EXAMPLES)
def test_an_id_is_as_the_page_of_the_official_provider_gives_it(kind: str) -> None:
    assert identifier(kind, EXAMPLES[kind]) == documented(kind)


@pytest.mark.parametrize("kind", OF_KUBERNETES)
def test_an_id_of_kubernetes_is_the_name_below_its_namespace(kind: str) -> None:
    inputs, expected = OF_KUBERNETES[kind]
    assert identifier(kind, inputs) == expected
