"""Rules of permissions in Vault."""

import json
from typing import Any

import pytest

from tests.policies.kit import APP, AWS_ROLE, POLICY, UNKNOWN, Example, message, secret

TOKEN = "vault:index/token:Token"


def acl(path: str, *capabilities: str) -> str:
    return f'# a comment\npath "{path}" {{ capabilities = {json.dumps(capabilities)} }}'


def team(path: str = "auth/aws/role/team-*", more: str = "", **parameters: Any) -> str:
    """The policy of a team that writes its own Vault roles."""
    fields = {
        "allowed_parameters": {"*": [], "token_policies": ["readers", ["readers"]]},
        "denied_parameters": {"policies": []},
        **parameters,
    }
    given = {"capabilities": ["create", "update"], **{k: v for k, v in fields.items() if v is not None}}
    return json.dumps({"path": {path: given}}) + more


def twice(other: dict[str, Any], **parameters: Any) -> str:
    """The same, with another block of its path."""
    blocks = [json.loads(team(**{"denied_parameters": None, **parameters} if parameters else {}))["path"]]
    return json.dumps({"path": [*blocks, {"/auth/aws/role/team-*": other}]})


def vault_role(policy: str) -> dict[str, Any]:
    bound = {"authType": "iam", "boundIamPrincipalArns": [APP], "tokenMaxTtl": 3600}
    return {"role": "app", "tokenPolicies": [policy], **bound}


EXAMPLES = {
    "acl-policies": Example(
        POLICY,
        {"name": "app", "policy": acl("dev/*", "sudo")},
        {"name": "app", "policy": acl("dev/*", "read")},
    ),
    "root-tokens": Example(AWS_ROLE, vault_role("root"), vault_role("dev")),
}


def said_of(text: str, **settings: Any) -> str:
    return message("acl-policies", POLICY, {"name": "app", "policy": text}, **settings)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (acl("*", "read"), 'path "*" matches every path'),
        (acl("+/*", "read"), 'path "+/*" matches every path'),
        (acl("", "read"), 'path "" matches every path'),
        (acl("dev/x", "read", "sudo"), "the capability sudo"),
        ('path "dev/x" { policy = "sudo" }', "the capability sudo"),
        ('path "dev/x" { capabilities = "sudo" }', "the capability sudo"),
        (json.dumps({"path": {"dev/x": {"capabilities": ["sudo"]}}}), "the capability sudo"),
        (json.dumps({"path": [{"dev/x": [{"capabilities": ["sudo"]}]}]}), "the capability sudo"),
        (acl("sys/policies/acl/*", "update"), "can write policies"),
        (acl("sys/policies/acl/*", "recover"), "can write policies"),
        (acl("sys/policies/acl/team-*", "create"), "can write policies"),
        (acl("sys/policies/acl/+", "create"), "can write policies"),
        (acl("/sys/policies/acl/x", "create"), "can write policies"),
        (acl("sys/policies/acl/{{identity.entity.name}}", "create"), "can write policies"),
        (acl("sys/{{identity.entity.metadata.x}}/acl/x", "create"), "can write policies"),
        (acl("sys/policy/app", "update"), "can write policies"),
        (acl("sys/*", "update"), "can write policies"),
        (acl("s*", "update"), "can write policies"),
        (acl("sys/+/acl/*", "update"), "can write policies"),
        (acl("+/policies/acl/x", "update"), "can write policies"),
        (acl("+/+/acl/x", "update"), "can write policies"),
        (acl("sys/pol*", "patch"), "can write policies"),
        (acl("ns1/sys/policies/acl/*", "update"), "can write policies"),
        (acl("+/sys/policies/acl/*", "update"), "can write policies"),
        (acl("ns1/ns2/sys/*", "update"), "can write policies"),
        (acl("dev/x", "read") + "\n" + acl("sys/policy/x", "update"), "can write policies"),
        (r'path "\u002a" { capabilities = ["read"] }', 'path "*" matches every path'),
        (r'path "dev/x" { capabilities = ["\u0073udo"] }', "the capability sudo"),
        (r'path "dev/\x" { capabilities = ["read"] }', "has an invalid escape"),
        ('path "dev/x" {', "is not HCL"),
        ("{", "is not JSON"),
        ('path "sys/policy/x" {\n capabilities = <<EOF\nupdate\nEOF\n}', "which Vault does not know"),
        ('{"path": {"sys/policy/x": {"capabilities": [["update"]]}}}', "which Vault does not know"),
        ('path "sys/policy/x" { capabilities = ["write-all"] }', "the capability write-all, which Vault"),
        ('{"path": {"sys/policy/x": {"Capabilities": ["update"]}}}', "the key Capabilities, which Vault"),
        ('PATH "sys/policy/x" { capabilities = ["update"] }', "the key PATH, which Vault does not know"),
        ('path "+/*" { capabilities = ["denied"] }', "which Vault does not know"),
        ('{"path": {"sys/policy/x": {"policy": "write"}}, "path": {}}', "the same key twice"),
    ],
)
def test_a_vault_policy_that_amounts_to_root_is_refused(text: str, shown: str) -> None:
    assert shown in said_of(text)


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("auth/aws/role/*", "the policies of logins"),
        ("auth/aws/role/app", "the policies of logins"),
        ("auth/aws/role/team-*", "the policies of logins"),
        ("auth/+/role", "the policies of logins"),
        ("auth/+/role/*", "the policies of logins"),
        ("auth/+/+/*", "token roles"),
        ("auth/*", "token roles"),
        ("a*", "token roles"),
        ("auth/k*", "the policies of logins"),
        ("auth/kubernetes/r*", "the policies of logins"),
        ("auth/team/a/aws/role/x", "the policies of logins"),
        ("auth/{{identity.entity.name}}/role/x", "the policies of logins"),
        ("+/aws/role/x", "the policies of logins"),
        ("ns1/auth/aws/role/*", "the policies of logins"),
        ("auth/approle/role/app/policies", "the policies of logins"),
        ("auth/approle/role/+/token-policies", "the policies of logins"),
        ("auth/cert/certs/app", "the policies of logins"),
        ("auth/userpass/users/bob", "the policies of logins"),
        ("auth/userpass/users/bob/policies", "the policies of logins"),
        ("auth/ldap/groups/*", "the policies of logins"),
        ("auth/ldap/groups/team/*", "the policies of logins"),
        ("auth/github/map/teams/dev", "the policies of logins"),
        ("auth/cf/roles/app", "the policies of logins"),
        ("auth/gcp/role/app/service-accounts", "who logs in"),
        ("auth/gcp/role/app/labels", "who logs in"),
        ("sys/policies/egp/x", "policies"),
        ("sys/policies/rgp/+", "policies"),
        ("sys/remount", "mounts"),
        ("sys/plugins/catalog/auth/aws", "plugins"),
        ("sys/plugins/runtimes/catalog/container/x", "plugins"),
        ("sys/raw/*", "all of Vault's data"),
        ("sys/storage/raft/snapshot-load", "all of Vault's data"),
        ("sys/config/group-policy-application", "who is in a group"),
        ("identity/entity/name/team/*", "the policies of entities"),
        ("identity/group/name/team/*", "who is in a group"),
        ("identity/alias", "who is an entity"),
        ("identity/alias/id/x", "who is an entity"),
        ("identity/persona/id/x", "who is an entity"),
        ("auth/token/roles", "token roles"),
        ("auth/token/roles/ci", "token roles"),
        ("auth/token/*", "token roles"),
        ("auth/token/r*", "token roles"),
        ("auth/+/roles/ci", "token roles"),
        ("auth/aws/config/client", "the setup of an auth method"),
        ("auth/aws/config/*", "the setup of an auth method"),
        ("auth/+/config/sts/222222222222", "the setup of an auth method"),
        ("auth/aws/config/identity", "the setup of an auth method"),
        ("auth/kubernetes/config", "the setup of an auth method"),
        ("auth/jwt/conf*", "the setup of an auth method"),
        ("sys/auth/oidc", "auth methods"),
        ("sys/mounts", "mounts"),
        ("sys/mounts/*", "mounts"),
        ("sys/mounts/a/b/tune", "mounts"),
        ("sys/mount*", "mounts"),
        ("sys/storage/raft/snapshot", "all of Vault's data"),
        ("sys/storage/raft/snapshot-force", "all of Vault's data"),
        ("sys/storage/raft/*", "all of Vault's data"),
        ("sys/storage/+/snapshot", "all of Vault's data"),
        ("identity/*", "the policies of entities"),
        ("identity/entity", "the policies of entities"),
        ("identity/entity/id/+", "the policies of entities"),
        ("identity/entity/name/{{identity.entity.name}}", "the policies of entities"),
        ("identity/entity/merge", "the policies of entities"),
        ("identity/entity-alias", "who is an entity"),
        ("identity/group", "who is in a group"),
        ("identity/group/id/123", "who is in a group"),
        ("identity/g*", "who is in a group"),
        ("+/group/name/x", "who is in a group"),
        ("ns1/identity/group/name/x", "who is in a group"),
        ("sys/policies//acl/x", "policies"),
        ("sys/mounts/auth/aws/tune", "mounts"),
        ("sys/generate-root/attempt", "a root token"),
        ("sys/generate-root/*", "a root token"),
        ("sys/gen*", "a root token"),
        ("sys/rekey/init", "the keys that unseal Vault"),
        ("sys/rekey-recovery-key/+", "the keys that unseal Vault"),
        ("sys/replication/*", "all of Vault's data"),
        ("sys/replication/dr/primary/secondary-token", "all of Vault's data"),
        ("sys/audit/file", "audit devices, and so files on Vault's disk"),
        ("sys/audit/*", "audit devices, and so files on Vault's disk"),
        ("auth/approle/role/app/bind-secret-id", "who logs in"),
        ("auth/approle/role/+/bind-secret-id", "who logs in"),
        ("auth/userpass/users/+/password", "anyone's password"),
        ("auth/+/users/+/password", "anyone's password"),
        ("ns1/auth/userpass/users/+/password", "anyone's password"),
    ],
)
@pytest.mark.parametrize("capability", ["create", "update", "patch"])
def test_a_token_that_can_grant_itself_anything_is_refused(path: str, what: str, capability: str) -> None:
    assert f'path "{path}" can write {what}, which is root in two steps.' in said_of(acl(path, capability))
    assert not said_of(acl(path, "read", "list", "delete"))


def test_a_token_that_can_make_tokens_without_a_parent_is_refused() -> None:
    """Its max TTL ends it and its children, but not these."""
    for path in ("auth/token/create-orphan", "auth/token/create-o*", "ns1/auth/token/create-orphan"):
        assert "can write tokens, which live on when" in said_of(acl(path, "update")), path
        assert not said_of(acl(path, "read")), path
    # A child ends with its parent, and has none but its policies. Pulumi's Vault provider works with one.
    assert not said_of(acl("auth/token/create", "create", "update"))


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("auth/approle/role/app/secret-id", "half of the login of a role that is named"),
        ("auth/approle/role/+/secret-id", "Vault's trusted broker: the role ID comes by another way"),
        ("auth/approle/role/+/custom-secret-id", "the same"),
        ("auth/approle/role/app/role-id", "the other half, which is no secret"),
        ("auth/approle/role/app/token-bound-cidrs", "a network alone logs nobody in"),
        ("auth/userpass/users/bob/password", "of a user who is named, as a helpdesk or a rotation has it"),
        ("auth/userpass/users/{{identity.entity.name}}/password", "one's own"),
        ("auth/+/users/{{identity.entity.name}}/password", "one's own"),
        ("auth/token/create/ci", "a token of a role that is there, as a login is"),
        ("identity/mfa/login-enforcement/x", "a second factor alone logs nobody in"),
        ("identity/oidc/key/x", "tokens for other software, whose subject stays the entity"),
        ("sys/storage/raft/snapshot-auto/config/x", "a backup, which the seal encrypts"),
        ("sys/namespaces/team", "who makes a namespace has no policy in it"),
        ("sys/seal", "Vault asks for sudo there, which is refused"),
        ("sys/leases/revoke/*", "it only takes away"),
        ("sys/auth", "nothing is written there"),
        ("aws/roles/x", "what the engine's own IAM identity may do is another rule's business"),
    ],
)
def test_what_is_near_to_a_grant_and_none_passes(path: str, why: str) -> None:
    assert not said_of(acl(path, "create", "update", "patch")), why


@pytest.mark.parametrize(
    "path",
    [
        "dev/*",
        "dev/data/system/policy/x",
        "dev/data/auth/aws/role/x",
        "dev/data/identity/group/x",
        "secret/auth/*",
        "secret/identity/*",
        "sysadmin/*",
        "authors/aws/role/x",
        "identity-service/*",
        "+/data/team/*",
        "dev/+/team-a/*",
        "dev/\u00e4",
        "cubbyhole/sys/policy/x",
        "auth/token/create",
        "auth/token/create/ci",
        "auth/token/renew-self",
        "auth/token/lookup",
        "auth/aws/login",
        "auth/+/login",
        "auth/aws/config/rotate-root",
        "auth/approle/role/app/secret-id",
        "auth/approle/role/+/secret-id",
        "auth/approle/role/app/secret-id-accessor/destroy",
        "auth/userpass/users/bob/password",
        "auth/userpass/users/{{identity.entity.name}}/password",
        "sys/wrapping/*",
        "sys/leases/renew",
        "sys/tools/hash",
        "sys/capabilities-self",
        "sys/policies/password/x",
        "sys/storage/raft/autopilot/configuration",
        "identity/lookup/entity",
        "identity/oidc/token/app",
        "aws/creds/my-role",
        "aws/sts/my-role",
        "transit/encrypt/team-*",
        "pki/issue/web",
        "pki/roles/web",
        "database/config/db",
        "secret/data/{{identity.entity.name}}/*",
        "secret/metadata/{{identity.entity.id}}/*",
        "kv/data/app/+/config",
        "kv/users/*",
        "kv/role/x",
        "kv/metadata/auth/+/role/*",
        "apps/groups/x",
        "tenants/a/sys/config",
        "team-a/secret/data/*",
        "ns1/ns2/kv/data/app/*",
        "ns1/sys/capabilities-self",
        "ns1/auth/token/renew-self",
        "+/kv/data/app",
        "transit/keys/app/rotate",
        "database/static-creds/app",
        "pki*",
        "pki/config/urls",
        "aws/config/root",
        "aws/roles/x",
        "kubernetes/roles/x",
        "ldap/library/x/check-out",
        "concourse/main/*",
        "sys/leases/*",
        "sys/mfa/validate",
        "sys/quotas/rate-limit/x",
        "sys/events/subscribe/kv*",
        "sys/internal/counters/*",
        "auth/token/create/nomad-cluster",
        "auth/token/revoke-accessor",
        "identity/oidc/role/*",
        "identity/mfa/method/totp/generate",
    ],
)
def test_a_policy_for_a_purpose_passes(path: str) -> None:
    assert not said_of(acl(path, "create", "read", "update", "patch", "delete", "list"))


def test_a_path_that_is_denied_may_be_every_path() -> None:
    for text in (acl("*", "deny"), acl("+/*", "deny", "read"), 'path "sys/*" { policy = "deny" }'):
        assert not said_of(text)


CONTROL_GROUP = """path "sys/{}" {{
  capabilities = ["update"]
  control_group = {{
    ttl = "4h"
    factor "ops" {{
      identity {{
        group_names = ["ops"]
        approvals = 1
      }}
    }}
  }}
}}"""


def test_a_policy_as_vaults_documentation_writes_it_is_read() -> None:
    assert not said_of(CONTROL_GROUP.format("tools/hash"))
    assert "can write policies" in said_of(CONTROL_GROUP.format("policy/x"))


def test_a_snapshot_may_be_taken_and_what_is_there_may_be_listed() -> None:
    for path in (
        "sys/storage/raft/snapshot",
        "sys/policies/acl/*",
        "sys/mounts",
        "sys/auth",
        "auth/aws/role/*",
    ):
        assert not said_of(acl(path, "read", "list")), path


@pytest.mark.parametrize(
    "text",
    [
        team(),
        team(allowed_parameters={"*": [], "token_policies": ["readers"]}),
        team(allowed_parameters={"*": [], "Token_Policies": [["readers", "writers"]]}),
        team(
            allowed_parameters={"bound_iam_principal_arn": [], "token_policies": ["a"]},
            denied_parameters=None,
        ),
        team(allowed_parameters={"bound_iam_principal_arn": []}, denied_parameters=None),
        team(allowed_parameters=None, denied_parameters={"policies": [], "token_policies": []}),
        team(denied_parameters={"*": []}),
        team(
            "auth/token/roles/team-*", allowed_parameters={"allowed_policies": ["a"]}, denied_parameters=None
        ),
        team("auth/aws/role/*", required_parameters=["token_policies"]),
        team("auth/aws/role/+", required_parameters=["Token_Policies"]),
        team("auth/aws/role/*", capabilities=["create", "read"]),
        team("auth/aws/role/{{identity.entity.name}}-*"),
        twice({"capabilities": ["read", "list"]}),
        twice({"capabilities": ["list"], "allowed_parameters": {"token_policies": ["writers"]}}),
        twice({"capabilities": ["deny"], "allowed_parameters": {"*": [], "token_policies": []}}),
        'path "auth/aws/role/team-*" {\n  capabilities = ["create", "update"]\n  allowed_parameters = {\n'
        '    "token_policies" = ["readers", ["readers"]]\n    "*" = []\n  }\n'
        '  denied_parameters = { "policies" = [] }\n}',
    ],
)
def test_vault_roles_may_be_written_where_their_policies_are_fixed(text: str) -> None:
    assert not said_of(text)


@pytest.mark.parametrize(
    "text",
    [
        team(allowed_parameters=None),
        team(denied_parameters=None),
        team(denied_parameters={"token_policies": ["admin"], "policies": ["admin"]}, allowed_parameters=None),
        team(denied_parameters={"policies": ["root"]}),
        team(denied_parameters={"policy": []}),
        team(denied_parameters={"token_policies": []}),
        team(allowed_parameters={"*": []}),
        team(allowed_parameters={}),
        team(allowed_parameters={"*": [], "token_policies": []}),
        team(allowed_parameters={"token_policies": [], "bound_iam_principal_arn": []}),
        team(allowed_parameters={"*": [], "token_policies": ["*"]}),
        # Vault splits this text at its commas after it has compared it: team-x,admin is one.
        team(allowed_parameters={"*": [], "token_policies": ["team-*"]}),
        team(allowed_parameters={"*": [], "token_policies": [["readers"], ["*"]]}),
        team(allowed_parameters={"*": [], "token_policies": ["readers", "root"]}),
        team(allowed_parameters={"*": [], "token_policies": ["readers, Root"]}),
        team(allowed_parameters={"*": [], "token_policies": [["readers", "admin"]]}),
        team(allowed_parameters={"token_policies": ["readers"], "policies": []}, denied_parameters=None),
        # Without policies a request changes who has those of the role that is there.
        team("auth/aws/role/*"),
        team("auth/aws/role/+"),
        team("auth/+/role/+"),
        team("auth/aws/role/*", required_parameters=["bound_iam_principal_arn"]),
        team("auth/ldap/users/*", required_parameters=["policies"]),
        # Vault puts two blocks of one path together.
        twice({"capabilities": ["read"], "allowed_parameters": {"token_policies": []}}),
        twice({"capabilities": ["list"], "allowed_parameters": {"token_policies": ["admin"]}}),
        twice({"capabilities": ["read"], "allowed_parameters": {"*": []}}, allowed_parameters={"x": []}),
        team("auth/ldap/users/bob", denied_parameters={"policies": [], "token_policies": []}),
        team(
            "auth/token/roles/x",
            allowed_parameters={"*": [], "allowed_policies": ["a"]},
            denied_parameters={"allowed_policies_glob": []},
        ),
        team("auth/*"),
        team("auth/aws/+/*"),
        team("auth/aws/*"),
        team("auth/token/roles/team-*"),
        team("auth/token/roles/x", allowed_parameters={"allowed_policies": ["a"], "*": []}),
        team("identity/group/name/team"),
        team("identity/*"),
        team("sys/policies/acl/team-*"),
    ],
)
def test_vault_roles_whose_policies_are_not_fixed_are_refused(text: str) -> None:
    assert "root in two steps" in said_of(text, policyWriters=["admin"])


def test_writers_of_policies_are_declared_and_sudo_cannot_be() -> None:
    writer = {"name": "operator", "policy": acl("sys/policies/acl/*", "update")}
    assert not message("acl-policies", POLICY, writer, policyWriters=["operator"])
    assert not message("acl-policies", POLICY, {**writer, "name": "Operator"}, policyWriters=["operator"])
    assert message("acl-policies", POLICY, {**writer, "name": "other"}, policyWriters=["operator"])
    assert message("acl-policies", POLICY, {**writer, "name": UNKNOWN}, policyWriters=["operator"])
    logins = {"name": "operator", "policy": acl("auth/kubernetes/role/*", "update")}
    assert not message("acl-policies", POLICY, logins, policyWriters=["operator"])
    sudo = {"name": "operator", "policy": acl("sys/policies/acl/*", "sudo")}
    assert message("acl-policies", POLICY, sudo, policyWriters=["operator"])
    everything = {"name": "operator", "policy": acl("*", "read")}
    assert message("acl-policies", POLICY, everything, policyWriters=["operator"])


@pytest.mark.parametrize("root", ["root", "Root", " root ", "dev,root"])
@pytest.mark.parametrize(
    ("kind", "field"),
    [
        (AWS_ROLE, "tokenPolicies"),
        ("vault:appRole/authBackendRole:AuthBackendRole", "tokenPolicies"),
        ("vault:index/certAuthBackendRole:CertAuthBackendRole", "tokenPolicies"),
        ("vault:index/userpassAuthBackendUser:UserpassAuthBackendUser", "tokenPolicies"),
        ("vault:github/authBackend:AuthBackend", "tokenPolicies"),
        ("vault:ldap/authBackend:AuthBackend", "tokenPolicies"),
        ("vault:ldap/authBackendGroup:AuthBackendGroup", "policies"),
        ("vault:okta/authBackendUser:AuthBackendUser", "policies"),
        ("vault:github/team:Team", "policies"),
        ("vault:index/kerberosAuthBackendGroup:KerberosAuthBackendGroup", "policies"),
        ("vault:aws/authBackendRoleTag:AuthBackendRoleTag", "policies"),
        ("vault:tokenauth/authBackendRole:AuthBackendRole", "allowedPolicies"),
        ("vault:tokenauth/authBackendRole:AuthBackendRole", "allowedPoliciesGlobs"),
        ("vault:identity/entity:Entity", "policies"),
        ("vault:identity/entityPolicies:EntityPolicies", "policies"),
        ("vault:identity/group:Group", "policies"),
        ("vault:identity/groupPolicies:GroupPolicies", "policies"),
        (TOKEN, "policies"),
    ],
)
def test_root_is_given_to_nobody(kind: str, field: str, root: str) -> None:
    assert f"{field}: has root" in message("root-tokens", kind, {field: ["dev", root]})
    assert not message("root-tokens", kind, {field: ["dev", "root-ca-readers", UNKNOWN]})
    assert not message("root-tokens", kind, {field: UNKNOWN})


@pytest.mark.parametrize("glob", ["*", "r*", "ro?t", "**"])
def test_a_token_role_matches_not_root(glob: str) -> None:
    role = "vault:tokenauth/authBackendRole:AuthBackendRole"
    assert f"{glob} matches root" in message("root-tokens", role, {"allowedPoliciesGlobs": [glob]})
    assert not message("root-tokens", role, {"allowedPoliciesGlobs": ["team-*"]})


ENDPOINT = "vault:generic/endpoint:Endpoint"


def endpoint(path: Any, **data: Any) -> dict[str, Any]:
    return {"path": path, "dataJson": secret(json.dumps(data))}


@pytest.mark.parametrize(
    "path",
    ["sys/policies/acl/app", "sys/policy/app", "/sys/policy/app", "sys/policy/app/", "ns1/sys/policy/app"],
)
def test_a_policy_that_is_written_to_its_path_is_checked(path: str) -> None:
    for text, shown in (
        (acl("dev/*", "sudo"), "the capability sudo"),
        (acl("*", "read"), "every path"),
        (acl("auth/aws/role/*", "update"), "the policies of logins"),
        ("{", "is not JSON"),
    ):
        assert shown in message("acl-policies", ENDPOINT, endpoint(path, policy=text))
    assert not message("acl-policies", ENDPOINT, endpoint(path, policy=acl("dev/*", "read")))
    assert not message("acl-policies", ENDPOINT, endpoint("dev/app", policy=acl("*", "sudo")))
    assert not message("acl-policies", ENDPOINT, {"path": path, "dataJson": UNKNOWN})
    assert not message("acl-policies", ENDPOINT, endpoint(UNKNOWN, policy=acl("*", "sudo")))


@pytest.mark.parametrize("field", ["token_policies", "policies", "allowed_policies", "allowed_policies_glob"])
def test_root_is_not_written_to_a_path(field: str) -> None:
    for root in ("root", ["dev", "Root"], "dev, root"):
        said = message("root-tokens", ENDPOINT, endpoint("auth/userpass/users/bob", **{field: root}))
        assert f"dataJson.{field}: has root" in said
    assert not message("root-tokens", ENDPOINT, endpoint("auth/userpass/users/bob", **{field: ["dev"]}))
    assert not message("root-tokens", ENDPOINT, {"path": "auth/x/role/y", "dataJson": UNKNOWN})
    assert "is not JSON" in message("root-tokens", ENDPOINT, {"path": "x", "dataJson": "{"})


def test_what_the_components_write_to_paths_passes() -> None:
    for path, data in (
        ("auth/aws/role/app", {"bound_iam_principal_arn": [APP], "bound_iam_principal_id": ["AROA"]}),
        ("auth/aws/config/client", {"access_key": "", "secret_key": ""}),
    ):
        for rule in ("acl-policies", "root-tokens"):
            assert not message(rule, ENDPOINT, endpoint(path, **data))


def test_a_policy_cannot_be_called_root() -> None:
    for name in ("root", "ROOT"):
        assert "name: is root" in message(
            "acl-policies", POLICY, {"name": name, "policy": acl("dev/x", "read")}
        )
