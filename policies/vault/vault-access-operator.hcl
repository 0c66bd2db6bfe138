# For the vault-access-operator: ACL policies, and the roles of the Kubernetes auth method.
#
# This is as good as root: it can write a login that may do everything. So control of the operator, or of the objects
# that it reads, is control of Vault.
#
# The path is that of the default mount, kubernetes. An operator with another defaultAuthPath needs its own policy,
# as a file beside this one.
path "sys/policies/acl/*" {
  capabilities = ["create", "read", "update", "delete", "list"]
}

path "sys/policies/acl" {
  capabilities = ["list"]
}

path "auth/kubernetes/role/*" {
  capabilities = ["create", "read", "update", "delete", "list"]
}

path "auth/kubernetes/role" {
  capabilities = ["list"]
}
