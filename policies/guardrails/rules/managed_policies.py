"""AWS managed policies whose holder can become another identity of the account."""

TAKE_OVER = (
    "AIDevOpsAgentActionsPolicy",
    "AWSAppRunnerFullAccess",
    "AWSAppSyncAdministrator",
    "AWSBudgetsActionsWithAWSResourceControlAccess",
    "AWSCodePipeline_FullAccess",
    "AWSLambda_FullAccess",
    "AWSMarketplaceFullAccess",
    "AWSMcpServiceActionsFullAccess",
    "AWSQuickSetupManagedInstanceProfileExecutionPolicy",
    "AWSQuickSetupPatchPolicyPermissionsBoundary",
    "AWSRolesAnywhereFullAccess",
    "AWSServiceCatalogAdminFullAccess",
    "AccountManagementFromVercel",
    "AmazonAugmentedAIFullAccess",
    "AmazonAugmentedAIIntegratedAPIAccess",
    "AmazonCodeCatalystFullAccess",
    "AmazonDataZoneRedshiftGlueProvisioningPolicy",
    "AmazonDynamoDBFullAccesswithDataPipeline",
    "AmazonECS_FullAccess",
    "AmazonElasticMapReduceFullAccess",
    "AmazonEventBridgeFullAccess",
    "AmazonEventBridgePipesFullAccess",
    "AmazonEventBridgeSchedulerFullAccess",
    "AmazonRedshiftAllCommandsFullAccess",
    "AmazonSageMakerCanvasDataPrepFullAccess",
    "AmazonSageMakerCanvasFullAccess",
    "AmazonSageMakerFullAccess",
    "AmazonSageMakerModelRegistryFullAccess",
    "AmazonSageMakerPipelinesIntegrations",
    "CloudWatchEventsFullAccess",
    "CloudWatchOmniSpaceAccessPolicy",
    "EC2FastLaunchFullAccess",
    "ResourceGroupsTaggingAPITagUntagSupportedResources",
    "SageMakerStudioAdminIAMDefaultExecutionPolicy",
    "SageMakerStudioAdminIAMPermissiveExecutionPolicy",
    "SageMakerStudioProjectUserRolePermissionsBoundary",
    "SageMakerStudioProjectUserRolePolicy",
    "SageMakerStudioUserIAMDefaultExecutionPolicy",
    "SageMakerStudioUserIAMPermissiveExecutionPolicy",
    "job-function/DataScientist",
    "job-function/SystemAdministrator",
)
"""They change keys, policies or tags of any identity, give access to any cluster, assume any role, or pass
any role to a service that then does what its user says. A test derives them from the policies, and says which
others pass and why."""

_LOWER = {name.lower() for name in TAKE_OVER}


def name(arn: str) -> str:
    """The name of a policy, with its path, as names are compared: without case."""
    return arn.rpartition(":policy/")[2].strip().lower()


def takes_over(arn: str) -> bool:
    """Whether it is the ARN of one of these, in any partition."""
    return ":iam::aws:" in arn.lower() and name(arn) in _LOWER
