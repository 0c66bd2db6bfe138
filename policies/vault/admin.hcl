# Manages secrets, policies and the logins of the AWS auth method.
#
# This is as good as root: whoever writes policies and logins can write a policy that may do everything, and a login
# that gets it. Give it to people who have Vault anyway, for a short time; never to a workload.
#
# The paths are those of the default mounts: the secrets engine dev, the AWS auth method aws. A stack with another
# vault.mountPath or another engine needs a policy of its own, as a file beside this one.
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
