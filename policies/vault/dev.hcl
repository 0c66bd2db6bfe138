# Secrets of the dev environment: read and write everything in the secrets engine at dev/. An engine at another path
# needs its own policy, as a file beside this one.
path "dev/*" {
  capabilities = ["create", "read", "update", "delete", "list"]
}

# List the top of the engine.
path "dev/" {
  capabilities = ["list"]
}

# List the mounted secrets engines, which Vault's UI and many clients do first.
path "sys/mounts" {
  capabilities = ["read", "list"]
}
