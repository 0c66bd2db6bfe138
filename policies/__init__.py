"""Policies: vault/ has Vault's ACL policies, guardrails/ what no stack may do."""
