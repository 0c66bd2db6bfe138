"""The embedded environment: a real engine, Vault and Kubernetes API, and an AWS that enforces IAM."""
