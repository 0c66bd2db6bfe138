"""What the one who deploys a stack needs in AWS, in Vault and in Kubernetes, from what the stack declares.

The program is run against an engine that only listens, so that nothing is declared a second time here. Each
resource type has one entry: the calls that its provider makes, and the name, ARN or path that they concern.
"""
