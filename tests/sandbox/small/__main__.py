"""A Vault policy and IAM roles, all named after the stack."""

import json

import pulumi
import pulumi_aws as aws
import pulumi_vault as vault

config, stack = pulumi.Config(), pulumi.get_stack()
trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}

vault.Policy("readers", name=f"{stack}-readers", policy='path "kv/data/app" { capabilities = ["read"] }')
made: list[pulumi.Resource] = []
for name in config.require_object("roles"):
    role = aws.iam.Role(
        name,
        name=f"{stack}-{name}",
        assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        max_session_duration=3600 * config.require_int("hours"),
        opts=pulumi.ResourceOptions(depends_on=made[-1:]),
    )
    made.append(role)
