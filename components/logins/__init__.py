"""The ways to log in, one module for each kind.

A login is a component with the same outputs whatever its kind (`vault_role`, `iam_role_arn`,
`service_accounts`, `principals`), and a `VAULT_PERMISSIONS` that says what Vault's AWS identity needs for it;
for `PrincipalLogin` it depends on the ARNs, and `iam.permissions_of_principals` says it. `kinds.py` lists
them, so that a login can become one of another kind.
"""
