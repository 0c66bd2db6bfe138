"""IAM: roles, users, policies and attachments, access keys, OIDC providers, instance profiles."""

from sandbox.plugins.aws.iam.attached import ATTACHED
from sandbox.plugins.aws.iam.instance_profiles import INSTANCE_PROFILE
from sandbox.plugins.aws.iam.oidc_providers import OIDC_PROVIDER
from sandbox.plugins.aws.iam.policies import POLICY
from sandbox.plugins.aws.iam.roles import ROLE
from sandbox.plugins.aws.iam.users import ACCESS_KEY, USER
from sandbox.plugins.resource import table

RESOURCES = table(ROLE, USER, ACCESS_KEY, POLICY, *ATTACHED, OIDC_PROVIDER, INSTANCE_PROFILE)
