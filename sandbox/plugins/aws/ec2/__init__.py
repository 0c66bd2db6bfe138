"""EC2: networks, security groups and their rules, launch templates."""

from sandbox.plugins.aws.ec2.launch_templates import LAUNCH_TEMPLATE
from sandbox.plugins.aws.ec2.network import SUBNET, VPC
from sandbox.plugins.aws.ec2.rules import SECURITY_GROUP_RULE
from sandbox.plugins.aws.ec2.security_groups import SECURITY_GROUP
from sandbox.plugins.resource import table

RESOURCES = table(VPC, SUBNET, SECURITY_GROUP, SECURITY_GROUP_RULE, LAUNCH_TEMPLATE)
