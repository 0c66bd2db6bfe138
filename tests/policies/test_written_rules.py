"""What is written to a path of Vault is held to the rules of the resource that it amounts to."""

import json
from typing import Any

import pytest

from policies.guardrails.rules import RULES
from tests.policies.kit import APP, UNKNOWN, Example, document, message, secret

WRITERS = ("vault:generic/endpoint:Endpoint", "vault:generic/secret:Secret", "vault:kv/secret:Secret")
EXAMPLES: dict[str, Example] = {}
ROLE = "auth/aws/role/app"
BOUND = {"bound_iam_principal_arn": [APP], "token_policies": ["dev"], "token_max_ttl": 3600}
IAM = "arn:aws:iam::111111111111"
ANY_ROLE = f"{IAM}:role/*"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
STS = "https://sts.us-east-1.amazonaws.com"


def said(rule: str, path: Any, kind: str = WRITERS[0], **data: Any) -> str:
    return message(rule, kind, {"path": path, "dataJson": secret(json.dumps(data))})


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize(
    ("rule", "path", "data"),
    [
        ("bound-vault-roles", ROLE, {"bound_account_id": ["111111111111"], "token_policies": ["dev"]}),
        ("bound-vault-roles", ROLE, {"bound_iam_principal_arn": "", "auth_type": "iam"}),
        ("bound-vault-roles", "auth/jwt/role/x", {"user_claim": "sub", "token_policies": ["dev"]}),
        ("wildcard-trust", ROLE, {**BOUND, "bound_iam_principal_arn": "*"}),
        ("wildcard-trust", ROLE, {"bound_iam_principal_arn": [ANY_ROLE]}),
        ("wildcard-trust", "auth/kubernetes/role/x", {"bound_service_account_names": "*"}),
        ("wildcard-trust", "auth/team/k8s/role/x/", {"bound_service_account_namespaces": ["*"]}),
        ("token-ttl", ROLE, {**BOUND, "token_max_ttl": None}),
        ("token-ttl", ROLE, {**BOUND, "token_max_ttl": "0"}),
        ("token-ttl", ROLE, {**BOUND, "token_period": "24h"}),
        ("token-ttl", ROLE, {**BOUND, "period": "24h"}),
        ("token-ttl", ROLE, {"token_max_ttl": "768h"}),
        ("token-ttl", ROLE, {"max_ttl": "768h"}),
        ("token-ttl", "auth/approle/role/x", {"token_policies": "dev"}),
        ("token-ttl", "auth/userpass/users/bob", {"password": "x", "token_policies": "dev"}),
        ("token-ttl", "auth/cert/certs/x", {"token_policies": "dev"}),
        ("token-ttl", "auth/cf/roles/x", {"policies": "dev"}),
        ("token-ttl", "auth/token/roles/x", {"allowed_policies": ["dev"], "token_period": "768h"}),
        ("token-ttl", "auth/token/create", {"policies": ["dev"], "period": "768h"}),
        ("token-ttl", "auth/token/create-orphan", {"policies": ["dev"], "ttl": "768h"}),
        ("encrypted-endpoints", "auth/aws/config/client", {"sts_endpoint": "http://sts.example.com"}),
        ("encrypted-endpoints", "auth/aws/config/client", {"iam_endpoint": "https://iam.arnazonaws.com"}),
        ("encrypted-endpoints", "auth/aws/config/client", {"endpoint": "http://ec2.example.com"}),
        ("encrypted-endpoints", "auth/jwt/config", {"oidc_discovery_url": "http://example.com"}),
        ("encrypted-endpoints", "auth/oidc/config", {"jwks_url": "http://example.com/keys"}),
        ("encrypted-endpoints", "auth/kubernetes/config", {"kubernetes_host": "http://example.com"}),
        ("encrypted-endpoints", "auth/ldap/config", {"url": "ldap://example.com"}),
        ("encrypted-endpoints", "auth/kerberos/config/ldap", {"url": "ldaps://a", "insecure_tls": True}),
        ("token-ttl", "auth/ldap/config", {"token_max_ttl": "768h"}),
        ("server-id-header", "auth/aws/config/client", {"iam_server_id_header_value": ""}),
        ("regional-sts", "auth/aws/config/client", {"sts_endpoint": "https://sts.amazonaws.com"}),
        ("acl-policies", "sys/policies/acl/app", {"policy": 'path "*" { capabilities = ["sudo"] }'}),
        ("acl-policies", "sys/policy/app", {"rules": 'path "*" { capabilities = ["sudo"] }'}),
        ("acl-policies", "sys//policy/app", {"policy": 'path "*" { capabilities = ["sudo"] }'}),
        ("acl-policies", "sys/policies/acl/root", {"policy": 'path "x" { capabilities = ["read"] }'}),
        ("root-tokens", "auth/userpass/users/x", {"token_policies": "root"}),
        ("root-tokens", "auth/github/map/teams/x", {"value": "dev,root"}),
        ("root-tokens", "auth/github/map/users/x", {"value": "Root"}),
        ("root-tokens", "auth/token/create", {"policies": ["root"]}),
        ("root-tokens", "identity/entity", {"name": "x", "policies": ["root"]}),
        ("root-tokens", "identity/group/name/x", {"policies": "root"}),
        ("root-tokens", "auth/token/roles/x", {"allowed_policies_glob": "*"}),
        ("root-tokens", "auth/token/create", {"ttl": "1h"}),
        ("root-tokens", "auth/token/create-orphan", {"ttl": "1h", "policies": []}),
        ("root-tokens", "auth/approle/role/x/policies", {"token_policies": "dev,root"}),
        ("bound-vault-roles", "auth/approle/role/x/bind-secret-id", {"bind_secret_id": False}),
        ("bound-vault-roles", "auth/ldap/config", {"url": "ldaps://a", "deny_null_bind": False}),
        ("token-ttl", "auth/approle/role/x/period", {"period": "24h"}),
        ("token-ttl", "auth/approle/role/x/token-period", {"token_period": 600}),
        ("token-ttl", "auth/approle/role/x/token-max-ttl", {"token_max_ttl": "768h"}),
        ("wildcard-trust", ROLE, {"bound_iam_principal_arn": f"{APP},{ANY_ROLE}"}),
        ("wildcard-trust", "auth/kubernetes/role/x", {"bound_service_account_names": "app,*"}),
        (
            "wildcard-trust",
            "auth/jwt/role/x",
            {"user_claim": "sub", "bound_claims_type": "glob", "bound_claims": {"sub": "*"}},
        ),
        ("encrypted-endpoints", "auth/jwt/config", {"jwks_pairs": [{"jwks_url": "http://a"}]}),
        (
            "encrypted-endpoints",
            "auth/oidc/role/x",
            {"user_claim": "sub", "allowed_redirect_uris": ["http://a"]},
        ),
    ],
)
def test_a_write_is_refused_as_the_resource_would_be(
    kind: str, rule: str, path: str, data: dict[str, Any]
) -> None:
    assert said(rule, path, kind, **data)
    if kind == WRITERS[0]:
        assert said(rule, f"ns1/{path}", **data)
    if not path.endswith("/root"):  # a name that is known
        assert not message(rule, kind, {"path": path, "dataJson": UNKNOWN})


@pytest.mark.parametrize(
    ("rule", "path", "data"),
    [
        ("encrypted-endpoints", "aws/config/root", {"sts_endpoint": "http://x"}),
        (
            "permissions",
            "aws/roles/x",
            {"credential_type": "iam_user", "policy_arns": ["arn:aws:iam::aws:policy/IAMFullAccess"]},
        ),
        (
            "permissions",
            "aws/roles/x",
            {"credential_type": "iam_user", "policy_document": document(Action="*", Resource="*")},
        ),
        ("reachable-identities", "aws/roles/x", {"credential_type": "assumed_role", "role_arns": [ANY_ROLE]}),
        ("reachable-identities", "aws/roles/x", {"role_arns": f"{APP},{ANY_ROLE}"}),
        ("reachable-identities", "aws/roles/x", {"iam_groups": "readers,Administrators"}),
        ("permissions", "aws/roles/x", {"policy_arns": f"{ADMINISTRATOR},{IAM}:policy/x"}),
        ("cluster-admins", "kubernetes/roles/x", {"kubernetes_role_name": "cluster-admin"}),
        # The names that Vault's API had before, and takes still.
        ("permissions", "aws/roles/x", {"arn": ADMINISTRATOR}),
        ("permissions", "aws/roles/x", {"policy": document(Action="*", Resource="*")}),
    ],
)
def test_a_write_to_the_secrets_engine_is_refused_as_its_resources_are(
    rule: str, path: str, data: dict[str, Any]
) -> None:
    assert f"{path}: " in said(rule, path, **data)


@pytest.mark.parametrize("data", ["{", "", 5, True])
def test_what_cannot_be_read_is_refused_once_and_by_no_error(data: Any) -> None:
    inputs = {"path": "auth/aws/role/app", "dataJson": secret(data)}
    said = {rule.name: message(rule.name, WRITERS[0], inputs) for rule in RULES if not rule.whole_stack}
    assert "dataJson: is not JSON, so it cannot be checked" in said.pop("root-tokens")
    assert not any(said.values())
    assert "is not a text" in message("acl-policies", "vault:index/policy:Policy", {"name": "x", "policy": 5})


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize(
    ("path", "data"),
    [
        (ROLE, BOUND),
        (ROLE, {"bound_iam_principal_arn": [APP], "bound_iam_principal_id": ["AROA"]}),
        (ROLE, {"token_ttl": 600}),
        ("auth/aws/config/client", {"access_key": "", "secret_key": ""}),
        (
            "auth/aws/config/client",
            {
                "sts_endpoint": STS,
                "sts_region": "us-east-1",
                "iam_server_id_header_value": "vault.example.com",
            },
        ),
        ("auth/jwt/config", {"oidc_discovery_url": "https://example.com", "default_role": "x"}),
        ("auth/kubernetes/config", {"kubernetes_host": "https://kubernetes.default.svc"}),
        ("auth/ldap/config", {"url": "ldaps://example.com", "userdn": "ou=users"}),
        ("auth/userpass/users/bob", {"password": "x"}),
        ("auth/userpass/users/bob", {"token_policies": "dev", "token_max_ttl": "1h", "password": "x"}),
        ("auth/token/create", {"policies": ["dev"], "ttl": "1h"}),
        ("sys/policies/acl/app", {"policy": 'path "dev/*" { capabilities = ["read"] }'}),
        ("auth/github/map/teams/x", {"value": "dev"}),
        ("aws/roles/x", {"credential_type": "assumed_role", "role_arns": [APP]}),
        ("database/roles/x", {"db_name": "x", "max_ttl": "768h"}),
        ("pki/roles/x", {"max_ttl": "8760h", "allow_any_name": True}),
        ("kubernetes/roles/x", {"kubernetes_role_name": "edit", "allowed_kubernetes_namespaces": "app"}),
        ("consul/roles/x", {"policies": "readonly", "policy": "cmVhZA=="}),
        ("aws/roles/x", {"policy_arns": f"{IAM}:policy/a,{IAM}:policy/b", "iam_groups": "readers"}),
        ("auth/approle/role/x/secret-id", {"metadata": "{}", "ttl": "10m", "num_uses": 1}),
        ("auth/approle/role/x/role-id", {"role_id": "x"}),
        ("auth/approle/role/x/policies", {"token_policies": "dev"}),
        ("auth/approle/role/x/token-max-ttl", {"token_max_ttl": "1h"}),
        ("auth/approle/role/x/bind-secret-id", {"bind_secret_id": True}),
        ("auth/token/create/ci", {"ttl": "1h"}),
        (ROLE, {**BOUND, "bound_iam_principal_arn": f"{APP},{APP}2"}),
    ],
)
def test_a_write_that_keeps_the_rules_passes(kind: str, path: str, data: dict[str, Any]) -> None:
    for rule in RULES:
        assert not said(rule.name, path, kind, **data), rule.name


@pytest.mark.parametrize("kind", WRITERS[1:])
@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("dev/app", {"policies": "root", "token_policies": ["root"]}),
        ("dev/auth/users/app", {"policies": ["root"], "period": "768h"}),
        ("dev/roles/app", {"max_ttl": "768h", "role_arns": ["*"]}),
        ("dev/config/client", {"endpoint": "http://example.com"}),
        ("dev/auth/x/role/app/period", {"period": "768h"}),
        ("dev/sys/policies", {"policy": "not one"}),
    ],
)
def test_a_secret_may_hold_what_it_likes(kind: str, path: str, data: dict[str, Any]) -> None:
    for rule in RULES:
        assert not said(rule.name, path, kind, **data), rule.name


@pytest.mark.parametrize(
    "given", [{}, {"policies": []}, {"policies": [""]}, {"policies": [" "], "roleName": ""}]
)
def test_a_token_without_policies_of_its_own_is_refused(given: dict[str, Any]) -> None:
    token = "vault:index/token:Token"
    assert "policies: is not set" in message("root-tokens", token, given)
    for named in ({"policies": ["dev"]}, {"roleName": "ci"}, {"policies": UNKNOWN}):
        assert not message("root-tokens", token, {**given, **named})


def test_root_is_not_given_by_oktas_lists_or_to_radius_unknown_users() -> None:
    for field, name in (("groups", "groupName"), ("users", "username")):
        given = {field: [{name: "x", "policies": ["dev", "Root"]}]}
        said = message("root-tokens", "vault:okta/authBackend:AuthBackend", given)
        assert f"{field}[0].policies: has root" in said
    radius = {"unregisteredUserPolicies": ["root"]}
    assert message("root-tokens", "vault:radius/authBackend:AuthBackend", radius)
