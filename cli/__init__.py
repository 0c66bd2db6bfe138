"""The command `vault-aws-auth`: be a workload of the stack, and prove who gets in and who does not.

It reads the stack's outputs and talks to Kubernetes, AWS STS and Vault through their ordinary clients.
"""
