"""The guardrails: the Pulumi engine runs this folder and checks every resource with it before making it."""

from rules.engine import serve

serve("vault-aws-auth")
