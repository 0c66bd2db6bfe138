# Secrets of the dev environment: read and write everything under dev/, where a secrets engine is mounted. One that
# is mounted elsewhere needs a policy of its own, as a file beside this one.
path "dev/*" {
  capabilities = ["create", "read", "update", "delete", "list"]
}

# List the top of the engine.
path "dev/" {
  capabilities = ["list"]
}

# See which secrets engines are mounted, as Vault's UI and many clients do first.
path "sys/mounts" {
  capabilities = ["read", "list"]
}
