# For what deploys the stack of the team payments: Vault roles of its own, whose logins get the policy payments-readers and
# no other. Without these parameters, a team could write a Vault role with the policy admin, and log in with it.
path "auth/aws/role/payments-*" {
  capabilities = ["create", "read", "update", "delete"]

  allowed_parameters = {
    # As text, and as the list that older Vaults compare as a whole. Never with *: payments-* is also "payments-x,admin".
    "token_policies" = ["payments-readers", ["payments-readers"]]
    "*"              = []
  }

  denied_parameters = {
    "policies" = [] # the former name of token_policies
  }
}

# Pulumi's Vault provider works with a child of its token, which can do no more than that token.
path "auth/token/create" {
  capabilities = ["update"]
}
