"""The guardrails: the Pulumi engine runs this folder, and asks it about every resource before it is made."""

from rules.engine import serve

serve("vault-aws-auth")
