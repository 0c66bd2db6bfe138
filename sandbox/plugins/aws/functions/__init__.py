"""The functions (data sources)."""

from sandbox.plugins.aws.functions.ec2 import EC2
from sandbox.plugins.aws.functions.eks import EKS
from sandbox.plugins.aws.functions.here import HERE
from sandbox.plugins.aws.functions.iam import IAM
from sandbox.plugins.aws.functions.policy_document import POLICY_DOCUMENT
from sandbox.plugins.resource import functions

FUNCTIONS = functions(*HERE, *EC2, *EKS, *IAM, POLICY_DOCUMENT)
