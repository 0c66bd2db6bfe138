# Manages secrets, policies and the logins of the AWS auth method.
#
# This is as good as root: it can write a policy that allows everything, and a login that gets it. Give it to Vault's
# administrators only, for a short time, and never to a workload.
#
# The paths are those of the default mounts: secrets engine dev, AWS auth method aws. A stack with another
# vault.mountPath or secrets engine needs its own policy, as a file beside this one.
path "dev/*" {
  capabilities = ["create", "read", "update", "delete", "list"]
}

path "sys/policies/acl/*" {
  capabilities = ["create", "read", "update", "delete", "list"]
}

path "auth/aws/role/*" {
  capabilities = ["create", "read", "update", "delete", "list"]
}

path "auth/aws/role" {
  capabilities = ["list"]
}

path "sys/mounts" {
  capabilities = ["read", "list"]
}

path "sys/auth" {
  capabilities = ["read", "list"]
}
