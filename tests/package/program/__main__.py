"""Every component of the library: made in this process or, with `remote`, by the component package.

The inputs are written once, with the names of other languages. Among them are plain values, outputs that no
preview knows, and a secret.
"""

import os
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
import pulumi_vault as vault

REMOTE = pulumi.Config().require_bool("remote")
REGION = "us-east-1"
ACCOUNT, OTHER = "111111111111", "222222222222"
HEADER = "vault.example.com"
CLUSTER = "name arn oidcIssuer oidcProviderArn kubeconfig nodeRoleArns ref"
LOGIN = "vaultRole iamRoleArn iamRoleName iamRoleUniqueId serviceAccounts principals ref"


class Remote(pulumi.ComponentResource):
    """A component that the package makes; its outputs are found by their names."""

    def __init__(self, kind: str, name: str, inputs: Mapping[str, Any], outputs: str, opts: Any) -> None:
        properties = {**inputs, **{output: None for output in outputs.split() if output not in inputs}}
        super().__init__(f"vault-aws-auth:index:{kind}", name, properties, opts, remote=True)

    def __getitem__(self, output: str) -> pulumi.Output[Any]:
        found: pulumi.Output[Any] = self.__dict__[output]
        return found


class Local:
    """The same component, made here."""

    def __init__(self, kind: str, name: str, inputs: Mapping[str, Any], opts: Any) -> None:
        import components

        library: Any = components.consumers if kind.endswith("Consumer") else components
        self.made = getattr(library, kind)(name, pythonic(inputs), opts)

    def __getitem__(self, output: str) -> pulumi.Output[Any]:
        return pulumi.Output.from_input(getattr(self.made, snake(output)))


def snake(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", lambda capital: f"_{capital[0].lower()}", name)


def camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda letter: letter[1].upper(), name)


def pythonic(value: Any) -> Any:
    if isinstance(value, dict):
        return {snake(key): pythonic(item) for key, item in value.items()}
    return [pythonic(item) for item in value] if isinstance(value, list) else value


def make(kind: str, name: str, inputs: dict[str, Any], outputs: str, opts: Any = None) -> Any:
    """A component; all of its outputs are exported under its name."""
    opts = opts or pulumi.ResourceOptions(providers=providers)
    made: Any = Remote(kind, name, inputs, outputs, opts) if REMOTE else Local(kind, name, inputs, opts)
    pulumi.export(name, {output: exported(output, made[output]) for output in outputs.split()})
    return made


def exported(output: str, value: Any) -> Any:
    """An output with the names of other languages, which one that was made here has not."""
    wholes = ("ref", "connection", "issuer")
    return pulumi.Output.from_input(value).apply(foreign) if output in wholes else value


def foreign(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if not isinstance(value, dict):
        return value
    return {camel(key): foreign(item) for key, item in value.items()}


endpoint = os.environ["AWS_ENDPOINT_URL"]
aws_provider = aws.Provider("aws", region=REGION)
vault_provider = vault.Provider("vault", address=os.environ["VAULT_ADDR"])
providers: list[pulumi.ProviderResource] = [aws_provider, vault_provider]

cluster = make(
    "EksCluster",
    "cluster",
    {
        "name": "eks1",
        "region": REGION,
        "kubernetesVersion": "1.33",
        "podIdentityAgent": True,
        "nodeGroups": {"default": {"minSize": 1, "desiredSize": 2, "maxSize": 3}},
    },
    CLUSTER,
)
providers.append(kubernetes.Provider("kubernetes", kubeconfig=cluster["kubeconfig"]))
if pulumi.Config().get_bool("found"):
    make("ExistingEksCluster", "found", {"name": "eks1", "region": REGION}, CLUSTER)

# Vault's identity, of each kind

lookups = f"arn:aws:iam::{OTHER}:role/trust-relationship-for-primary-aws-and-vault"
permissions = {"resolveRoles": True, "inferEc2Instances": True, "assumeRoleArns": [lookups]}
user = make(
    "IamUserVaultIdentity",
    "user",
    {"permissions": permissions, "accessKey": "rotatable"},
    "principalArn policyArn accessKey secretKey",
)
role = make(
    "IamRoleVaultIdentity",
    "role",
    {
        "permissions": permissions,
        "trustedServices": ["ec2.amazonaws.com"],
        "serviceAccount": "vault/vault",
        "method": "irsa",
        "cluster": cluster["ref"],
    },
    "principalArn policyArn instanceProfile ready",
)
issuer = make(
    "VaultPluginIssuer",
    "issuer",
    {"issuer": "https://vault-oidc.example.com", "audiences": ["vault.example"]},
    "issuerUrl oidcProviderArn identityTokenKey issuer",
)
of_federation = make(
    "VaultAuthMount",
    "federated",
    {"path": "aws-federated", "identityTokenKey": issuer["identityTokenKey"]},
    "path accessor ref",
)
federated = make(
    "FederatedVaultIdentity",
    "federated",
    {
        "permissions": {"resolveRoles": True},
        "issuer": {"issuerUrl": issuer["issuerUrl"], "oidcProviderArn": issuer["oidcProviderArn"]},
        "audience": "vault.example",
        "mount": {"path": of_federation["path"], "accessor": of_federation["accessor"]},
    },
    "principalArn policyArn ready",
)

make(
    "ExistingVaultIdentity",
    "existing",
    {"permissions": {"resolveRoles": True}},
    "principalArn policyArn ready",
)

# Vault's side

other_provider = aws.Provider(
    "aws-other",
    region=REGION,
    assume_roles=[
        aws.ProviderAssumeRoleArgs(role_arn=f"arn:aws:iam::{OTHER}:role/OrganizationAccountAccessRole")
    ],
)
account = make(
    "TrustedAccount",
    "account",
    {
        "accountId": OTHER,
        "permissions": {"resolveRoles": True},
        "trustedPrincipals": [user["principalArn"]],
        "externalId": pulumi.Output.secret("the-external-id-that-is-secret"),
    },
    "roleArn externalId",
    pulumi.ResourceOptions(providers=[other_provider]),
)
auth = make(
    "VaultAwsAuth",
    "auth",
    {
        "region": REGION,
        "serverIdHeader": HEADER,
        "credentials": {"accessKey": user["accessKey"], "secretKey": user["secretKey"]},
        "stsRoles": {OTHER: {"roleArn": account["roleArn"], "externalId": account["externalId"]}},
        "identityAlias": "unique_id",
        "address": os.environ["VAULT_ADDR"],
        "accountId": ACCOUNT,
        "endpoints": dict.fromkeys(("sts", "iam", "ec2"), endpoint),
        "callersStsEndpoint": endpoint,
    },
    "path accessor stsEndpoint stsRegion serverIdHeader connection",
)
engine = make(
    "AwsSecretsEngine",
    "engine",
    {
        "region": REGION,
        "path": "aws-credentials",
        "endpoints": {"sts": endpoint, "iam": endpoint},
        "roles": {
            "reader": {
                "credentialType": "iam_user",
                "policyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
                "tags": {"team": "a"},
            }
        },
    },
    "path accessor roleNames principalArn policyArn",
)

# What is another's

later = of_federation["accessor"].apply(lambda _: "aws-federated")  # a preview cannot look for it yet
make(
    "ExistingVaultAwsAuth",
    "another",
    {
        "region": REGION,
        "path": later,
        "serverIdHeader": "",
        "stsRoles": {OTHER: {"roleArn": account["roleArn"]}},
        "accounts": [ACCOUNT],
    },
    "path accessor stsEndpoint stsRegion serverIdHeader connection",
)
make(
    "ExistingAwsSecretsEngine",
    "others-engine",
    {
        "path": engine["path"],
        "roles": {
            "deploy": {"credentialType": "assumed_role", "roleArns": [f"arn:aws:iam::{ACCOUNT}:role/deploy"]}
        },
    },
    "path roleNames",
)

# Logins

connection = auth["connection"]
rules = 'path "dev/data/*" { capabilities = ["read"] }'
policy = vault.Policy("dev", name="dev", policy=rules, opts=pulumi.ResourceOptions(provider=vault_provider))
token = {"policies": [policy.name], "maxTtl": "2h", "ttl": pulumi.Output.from_input("30m")}
pod = make(
    "ServiceAccountLogin",
    "pod",
    {
        "connection": connection,
        "cluster": cluster["ref"],
        "serviceAccounts": ["default/gloo", "default/discovery"],
        "serviceAccountMode": "none",
        "policyArns": {"own": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
        **token,
    },
    LOGIN,
)
make(
    "Ec2InstanceLogin",
    "node",
    {
        "connection": connection,
        "region": REGION,
        "clusters": [cluster["ref"]],
        "nodeGroups": ["default"],
        **token,
    },
    LOGIN,
)
make(
    "LoginInCluster",
    "elsewhere",
    {
        "cluster": cluster["ref"],
        "iamRoleArn": pod["iamRoleArn"],
        "serviceAccounts": ["default/elsewhere"],
    },
    "serviceAccounts",
)
make("EcsTaskLogin", "task", {"connection": connection, "region": REGION, **token}, LOGIN)
make(
    "PrincipalLogin",
    "team",
    {"connection": connection, "principals": [f"arn:aws:iam::{ACCOUNT}:role/team-*"], **token},
    LOGIN,
)

# Consumers

login = {"vaultRole": pod["vaultRole"], "iamRoleArn": pod["iamRoleArn"]}
both = {"connection": connection, "login": pod["ref"]}
one = {"connection": connection, "login": {**login, "serviceAccounts": ["default/gloo"]}}
make("GlooConsumer", "gloo", {**both, "edition": "enterprise"}, "values")
make("VaultAccessOperatorConsumer", "operator", one, "values manifests")
make("VaultSecretsOperatorConsumer", "secrets", {**one, "allowedNamespaces": ["a"]}, "manifests")
make("ExternalSecretsConsumer", "store", {**one, "scope": "cluster"}, "manifests")
make("VaultAgentConsumer", "agent", {**one, "secrets": ["config=dev/data/app"]}, "values")
make(
    "VaultServerConsumer",
    "server",
    {
        "tlsSecret": "vault-tls",
        "replicas": 5,
        "pod": {"serviceAccount": "vault/vault", "iamRoleArn": role["principalArn"]},
    },
    "values",
)
