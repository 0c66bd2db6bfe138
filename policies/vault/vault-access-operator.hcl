# What the vault-access-operator manages: ACL policies, and the roles of the Kubernetes auth method.
#
# This is as good as root: whoever writes policies and roles can write himself a login that may do everything. So who
# can change the operator, or the objects that it goes by, has Vault.
#
# The path is that of the default mount, kubernetes. An operator with another defaultAuthPath needs a policy of its
# own, as a file beside this one.
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
