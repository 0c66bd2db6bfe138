"""An estate that was made by hand: scenarios A to D as the published guides write them, and what three teams
have added over the years.

Everything is made with the vendors' own commands and calls, and nothing of this project.
"""

from __future__ import annotations

import json
import shlex
from typing import Any

from botocore.credentials import Credentials
from botocore.utils import InstanceMetadataFetcher

from tests.emulator.world import allow, trust
from tests.sandbox.callers import assume_with_token, log_in, session
from tests.sandbox.kit import Sandbox

ACCOUNT, OTHER = "111111111111", "222222222222"
CLUSTER = "estate"
MOUNT = "teams/payments/aws"
LOOKUP = "trust-relationship-for-primary-aws-and-vault"
LOOKUPS = allow(["iam:GetUser", "iam:GetRole", "iam:GetInstanceProfile", "ec2:DescribeInstances"])
ANNOTATION = "eks.amazonaws.com/role-arn"
POLICY = '# Lesen, für alle: ключи\npath "estate/*" { capabilities = ["read"] }'  # no end of line
EKSCTL = "eksctl-estate-addon-iamserviceaccount-pay-Role1-1ABCDEFGHIJKL"
EXTERNAL_ID = "of-the-estate"
OTHERS_ROLE = f"arn:aws:iam::{OTHER}:role/vault-secondary-app"
PATHS = {"operator": "/operators/", "terraform-data": "/terraform/"}
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
BOUND = "bound_iam_principal_arn"
INFERRED = "inferred_entity_type=ec2_instance inferred_aws_region=us-east-1"

PODS: dict[str, tuple[list[str], str]] = {
    "vault-auth": (["default/estate"], "StringEquals"),
    "gloo": (["estate/gloo"], "StringEqualsIfExists"),
    "operator": (["estate/operator"], "StringEquals"),
    EKSCTL: (["estate/ledger"], "StringEquals"),
    "terraform-data": (["data/extract", "data/load"], "StringEquals"),
    "runners": (["ci-*/runner"], "StringLike"),
}
"""By IAM role: the service accounts that its trust policy lets in by IRSA, and how it compares them."""

ASSOCIATED = {"batch": "data/batch", "reports": "data/reports"}
"""By IAM role: the service account with an association of EKS Pod Identity."""

MORE: dict[str, dict[str, Any]] = {
    EKSCTL: {
        "Tags": [
            {"Key": "alpha.eksctl.io/cluster-name", "Value": CLUSTER},
            {"Key": "alpha.eksctl.io/iamserviceaccount-name", "Value": "estate/ledger"},
            {"Key": "alpha.eksctl.io/eksctl-version", "Value": "0.200.0"},
        ]
    },
    "terraform-data": {
        "Description": "Rôle für Daten",
        "MaxSessionDuration": 43200,
        "Tags": [{"Key": "Équipe", "Value": "données"}],
    },
}


def arn(role: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role{PATHS.get(role, '/')}{role}"


def service_trust(service: str, action: str | list[str] = "sts:AssumeRole") -> str:
    return trust({"Service": service}, action)


VAULT_ROLES: dict[str, str] = {
    "pod": f"{BOUND}={arn('vault-auth')} token_max_ttl=8h",
    "gloo": f"{BOUND}={arn('gloo')} max_ttl=15m",
    "operator": f"{BOUND}={arn('operator')} ttl=1h max_ttl=2h token_num_uses=9",
    "ledger-ro": f"{BOUND}={arn(EKSCTL)} max_ttl=1h",
    "ledger-rw": f"{BOUND}={arn(EKSCTL)} policies=estate,default max_ttl=1h",
    "data-extract": f"{BOUND}={arn('terraform-data')} max_ttl=12h",
    "data-load": f"{BOUND}={arn('terraform-data')} token_period=30m",
    # Vault looks the role up by its name, whatever path is written.
    "by-name": f"{BOUND}=arn:aws:iam::{ACCOUNT}:role/terraform-data max_ttl=1h",
    "runners": f"{BOUND}={arn('runners')} token_type=batch token_ttl=10m token_bound_cidrs=127.0.0.0/8",
    "batch": f"{BOUND}={arn('batch')} max_ttl=1h",
    "reports": f"{BOUND}={arn('reports')} policies=estate,not-there max_ttl=1h",
    "people": f"'{BOUND}=arn:aws:iam::{ACCOUNT}:user/people/*' max_ttl=1h",
    "far": f"'{BOUND}={OTHERS_ROLE[:-3]}*' max_ttl=1h",
    "node": f"{INFERRED} bound_account_id={ACCOUNT} max_ttl=1h "
    f"'bound_iam_instance_profile_arn=arn:aws:iam::{ACCOUNT}:instance-profile/estate-*'",
    "node-by-role": f"{INFERRED} bound_iam_role_arn={arn('node')} resolve_aws_unique_ids=false max_ttl=1h",
}
"""What becomes a login, in Vault's own words, by name."""

LEFT_ROLES: dict[str, str] = {
    "gone": f"auth_type=iam {BOUND}={arn('gone')}",
    "legacy": "auth_type=ec2 bound_ami_id=ami-12345678 allow_instance_migration=true",
    "account": f"auth_type=iam {INFERRED} bound_account_id={ACCOUNT}",
    "by-id": f"auth_type=iam resolve_aws_unique_ids=false {BOUND}=AROAEXAMPLEEXAMPLE",
    "mixed": f"auth_type=iam '{BOUND}={OTHERS_ROLE[:-3]}*,arn:aws:iam::{ACCOUNT}:user/people/*'",
}
"""What no login can be."""


def _whole(words: str) -> str:
    return words if "policies=" in words else f"policies=estate {words}"


class Estate:
    """It, in a sandbox without a stack."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.iam, self.eks, self.ec2 = (sandbox.aws(it) for it in ("iam", "eks", "ec2"))
        self.far = sandbox.aws("iam", OTHER)
        self.issuer = self.instance = ""

    def make(self) -> None:
        self._cluster()
        self._users()
        for role in PODS:
            self._irsa(role)
        self._associations()
        self._nodes()
        external_id = {"StringEquals": {"sts:ExternalId": EXTERNAL_ID}}
        trusted = trust({"AWS": f"arn:aws:iam::{ACCOUNT}:user/vault"}, Condition=external_id)
        self.far.create_role(RoleName=LOOKUP, AssumeRolePolicyDocument=trusted)
        self.far.put_role_policy(RoleName=LOOKUP, PolicyName="lookups", PolicyDocument=LOOKUPS)
        self.iam.create_role(RoleName="gone", AssumeRolePolicyDocument=service_trust("ec2.amazonaws.com"))
        self.iam.create_policy(PolicyName="unused", PolicyDocument=LOOKUPS)
        self._shell(*self._vault(), *self._engine(), *self._kubernetes())
        self.iam.delete_role(RoleName="gone")

    # AWS

    def _cluster(self) -> None:
        self.iam.create_role(
            RoleName="estate-cluster", AssumeRolePolicyDocument=service_trust("eks.amazonaws.com")
        )
        subnets = [subnet["SubnetId"] for subnet in self.ec2.describe_subnets()["Subnets"]]
        made = self.eks.create_cluster(
            name=CLUSTER,
            roleArn=f"arn:aws:iam::{ACCOUNT}:role/estate-cluster",
            resourcesVpcConfig={"subnetIds": subnets[:2]},
            accessConfig={"authenticationMode": "API"},
        )
        self.issuer = made["cluster"]["identity"]["oidc"]["issuer"]
        self.iam.create_open_id_connect_provider(Url=self.issuer, ClientIDList=["sts.amazonaws.com"])

    def _users(self) -> None:
        assume = allow("sts:AssumeRole", f"arn:aws:iam::{OTHER}:role/{LOOKUP}")
        own = {"vault": {"lookups": LOOKUPS, "assume": assume}, "engine": {"all": allow("iam:*")}}
        self.keys = {}
        for user, policies in own.items():
            self.iam.create_user(UserName=user)
            for name, document in policies.items():
                self.iam.put_user_policy(UserName=user, PolicyName=name, PolicyDocument=document)
            self.keys[user] = self.iam.create_access_key(UserName=user)["AccessKey"]
        self.iam.create_user(UserName="ada", Path="/people/")
        self.keys["ada"] = self.iam.create_access_key(UserName="ada")["AccessKey"]

    @property
    def provider(self) -> str:
        return f"arn:aws:iam::{ACCOUNT}:oidc-provider/{self.issuer.removeprefix('https://')}"

    def _irsa(self, role: str) -> None:
        accounts, compares = PODS[role]
        host = self.issuer.removeprefix("https://")
        subjects = [f"system:serviceaccount:{account.replace('/', ':')}" for account in accounts]
        subject = {f"{host}:sub": subjects if len(subjects) > 1 else subjects[0]}
        audience = {f"{host}:aud": "sts.amazonaws.com"}
        condition = {compares: {**subject, **audience}}
        sid = {"Sid": "ExplicitSelfRoleAssumption"} if role == "terraform-data" else {}
        trusted = trust(
            {"Federated": self.provider}, "sts:AssumeRoleWithWebIdentity", Condition=condition, **sid
        )
        more = MORE.get(role, {})
        path = PATHS.get(role, "/")
        self.iam.create_role(RoleName=role, Path=path, AssumeRolePolicyDocument=trusted, **more)
        if role == "terraform-data":
            self.iam.attach_role_policy(RoleName=role, PolicyArn=READ_ONLY)

    def _associations(self) -> None:
        """One with the trust policy of EKS's pages, one that only this pod can have."""
        arn_of_cluster = f"arn:aws:eks:us-east-1:{ACCOUNT}:cluster/{CLUSTER}"
        tags = {
            "aws:RequestTag/eks-cluster-arn": arn_of_cluster,
            "aws:RequestTag/kubernetes-namespace": "data",
            "aws:RequestTag/kubernetes-service-account": "reports",
        }
        for role, more in (("batch", {}), ("reports", {"Condition": {"StringEquals": tags}})):
            actions = ["sts:AssumeRole", "sts:TagSession"]
            trusted = trust({"Service": "pods.eks.amazonaws.com"}, actions, **more)
            self.iam.create_role(RoleName=role, AssumeRolePolicyDocument=trusted)
            namespace, _, name = ASSOCIATED[role].partition("/")
            self.eks.create_pod_identity_association(
                clusterName=CLUSTER, namespace=namespace, serviceAccount=name, roleArn=arn(role)
            )

    def _nodes(self) -> None:
        self.iam.create_role(RoleName="node", AssumeRolePolicyDocument=service_trust("ec2.amazonaws.com"))
        self.iam.create_instance_profile(InstanceProfileName="estate-node")
        self.iam.add_role_to_instance_profile(InstanceProfileName="estate-node", RoleName="node")
        run = {"ImageId": "ami-12345678", "MinCount": 1, "MaxCount": 1}
        made = self.ec2.run_instances(**run, IamInstanceProfile={"Name": "estate-node"})
        self.instance = made["Instances"][0]["InstanceId"]

    # Vault's own command, and kubectl

    def _shell(self, *lines: str) -> None:
        answer = self.sandbox.shell(" && ".join(lines))
        assert answer.returncode == 0, answer.stderr

    def _client(self, user: str) -> str:
        endpoint, key = self.sandbox.env["AWS_ENDPOINT_URL"], self.keys[user]
        client = {
            "access_key": key["AccessKeyId"],
            "secret_key": key["SecretAccessKey"],
            **dict.fromkeys(("sts_endpoint", "iam_endpoint", "endpoint"), endpoint),
            "sts_region": "us-east-1",
            "iam_server_id_header_value": "vault.example.com",
        }
        return " ".join(f"{name}={value}" for name, value in client.items())

    def _vault(self) -> list[str]:
        roles = f"auth/{MOUNT}/role"
        policies = [
            f"printf %s {shlex.quote(POLICY)} | vault policy write {name} -" for name in ("estate", "unused")
        ]
        return [
            f"vault auth enable -path={MOUNT} -description='Zahlungen – größer' -default-lease-ttl=2h "
            "-max-lease-ttl=24h aws",
            f"vault write auth/{MOUNT}/config/client {self._client('vault')}",
            f"vault write auth/{MOUNT}/config/identity iam_alias=unique_id",
            f"vault write auth/{MOUNT}/config/sts/{OTHER} sts_role=arn:aws:iam::{OTHER}:role/{LOOKUP} "
            f"external_id={EXTERNAL_ID}",
            *policies,
            *(f"vault write {roles}/{name} auth_type=iam {_whole(it)}" for name, it in VAULT_ROLES.items()),
            *(f"vault write {roles}/{name} {_whole(it)}" for name, it in LEFT_ROLES.items()),
            "vault auth enable aws",  # another team's
            f"vault write auth/aws/config/client {self._client('engine')}",
            f"vault write auth/aws/role/theirs auth_type=iam {BOUND}={arn('node')} policies=estate",
        ]

    def _engine(self) -> list[str]:
        endpoint = self.sandbox.env["AWS_ENDPOINT_URL"]
        key = self.keys["engine"]
        root = f"access_key={key['AccessKeyId']} secret_key={key['SecretAccessKey']} region=us-east-1"
        deploy = json.loads(allow("iam:GetUser"))
        return [
            "vault secrets enable -path=cloud/aws -default-lease-ttl=1h -max-lease-ttl=24h aws",
            f"vault write cloud/aws/config/root {root} iam_endpoint={endpoint} sts_endpoint={endpoint}",
            "vault write cloud/aws/config/lease lease=30m lease_max=12h",
            f"vault write cloud/aws/roles/deploy credential_type=iam_user policy_arns={READ_ONLY} "
            f"policy_document={shlex.quote(json.dumps(deploy))}",
            f"vault write cloud/aws/roles/assume credential_type=assumed_role role_arns={arn('node')}",
            "vault write cloud/aws/roles/admins credential_type=iam_user iam_groups=admins",
            "vault secrets enable -path=estate kv-v2",
        ]

    def _kubernetes(self) -> list[str]:
        lines = [f"kubectl create namespace {name}" for name in ("estate", "data", "ci-1")]
        for role, (accounts, _) in PODS.items():
            for account in accounts:
                namespace, name = account.replace("*", "1").split("/")
                lines += [
                    f"kubectl -n {namespace} create serviceaccount {name}",
                    f"kubectl -n {namespace} annotate serviceaccount {name} {ANNOTATION}={arn(role)}",
                ]
        for account in ASSOCIATED.values():
            namespace, _, name = account.partition("/")
            lines.append(f"kubectl -n {namespace} create serviceaccount {name}")
        return lines

    # Its callers

    def callers(self) -> dict[str, Credentials]:
        """What each logs in with, by Vault role. That lives longer than any test."""
        sandbox = self.sandbox

        def pod(role: str, account: str) -> Credentials:
            namespace, _, name = account.partition("/")
            return assume_with_token(sandbox, sandbox.token(name, namespace), arn(role))

        def associated(account: str) -> Credentials:
            namespace, _, name = account.partition("/")
            token = sandbox.token(name, namespace, "pods.eks.amazonaws.com")
            given = sandbox.aws("eks-auth").assume_role_for_pod_identity(clusterName=CLUSTER, token=token)
            keys = given["credentials"]
            return Credentials(keys["accessKeyId"], keys["secretAccessKey"], keys["sessionToken"])

        place = f"{sandbox.env['AWS_ENDPOINT_URL']}/imds/{self.instance}/"
        config = {"ec2_metadata_service_endpoint": place}
        node = InstanceMetadataFetcher(config=config).retrieve_iam_role_credentials()
        ada = self.keys["ada"]
        ledger = pod(EKSCTL, "estate/ledger")
        instance = Credentials(node["access_key"], node["secret_key"], node["token"])
        return {
            "pod": pod("vault-auth", "default/estate"),
            "gloo": pod("gloo", "estate/gloo"),
            "operator": pod("operator", "estate/operator"),
            "ledger-ro": ledger,
            "ledger-rw": ledger,
            "data-extract": pod("terraform-data", "data/extract"),
            "data-load": pod("terraform-data", "data/load"),
            "by-name": pod("terraform-data", "data/load"),
            "runners": pod("runners", "ci-1/runner"),
            "batch": associated("data/batch"),
            "reports": associated("data/reports"),
            "people": Credentials(ada["AccessKeyId"], ada["SecretAccessKey"]),
            "far": session(sandbox, OTHERS_ROLE, "loop"),
            "node": instance,
            "node-by-role": instance,
        }

    def log_in(self, role: str, credentials: Credentials) -> None:
        log_in(self.sandbox, credentials, role, mount=MOUNT)

    # What stays its owner's

    def seen(self, *, mount: bool = True) -> str:
        """What the stack does not take over, down to its version and its times. `mount`: with what is in it
        and is left, and with its key, which go when that is deleted."""
        vault = self.sandbox.vault

        def read(path: str) -> Any:
            return vault.read(path)["data"]

        accounts = [
            *((it.partition("/")) for accounts, _ in PODS.values() for it in accounts),
            *((it.partition("/")) for it in ASSOCIATED.values()),
        ]
        roles = ("gloo", "node", EKSCTL, "runners", "batch", "estate-cluster")
        things = [
            *(read(f"auth/{MOUNT}/role/{name}") for name in LEFT_ROLES if mount),
            *(read(f"sys/policies/acl/{name}") for name in ("estate", "unused")),
            *(read(path) for path in ("auth/aws/config/client", "auth/aws/role/theirs")),
            *(read(f"cloud/aws/{it}") for it in ("config/root", "config/lease", "roles/admins")),
            read("sys/mounts/cloud/aws"),
            read("sys/mounts/estate"),
            read("sys/mounts/auth/aws"),
            *(self.iam.get_role(RoleName=role)["Role"] for role in roles),
            *(self.iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] for role in roles),
            self.far.get_role(RoleName=LOOKUP)["Role"],
            *(
                self.iam.list_access_keys(UserName=user)["AccessKeyMetadata"]
                for user in self.keys
                if mount or user != "vault"
            ),
            self.iam.get_user(UserName="engine")["User"],
            self.iam.get_open_id_connect_provider(OpenIDConnectProviderArn=self.provider)["ClientIDList"],
            self.eks.describe_cluster(name=CLUSTER)["cluster"],
            *(self._resource_version(namespace.replace("*", "1"), name) for namespace, _, name in accounts),
        ]
        return json.dumps(things, sort_keys=True, default=str)

    def _resource_version(self, namespace: str, name: str) -> str:
        found: Any = self.sandbox.kubernetes.read_namespaced_service_account(name, namespace)
        return str(found.metadata.resource_version)

    def unmake(self) -> None:
        """What the stack has left; it deleted the rest."""
        vault, iam = self.sandbox.vault, self.iam
        vault.sys.disable_auth_method("aws")
        vault.sys.disable_secrets_engine("cloud/aws")
        vault.sys.disable_secrets_engine("estate")
        for policy in ("estate", "unused"):
            vault.sys.delete_policy(policy)
        for namespace in ("estate", "data", "ci-1"):
            self.sandbox.kubernetes.delete_namespace(namespace)
        self.sandbox.kubernetes.delete_namespaced_service_account("estate", "default")
        self.far.delete_role_policy(RoleName=LOOKUP, PolicyName="lookups")
        self.far.delete_role(RoleName=LOOKUP)
        self.ec2.terminate_instances(InstanceIds=[self.instance])
        iam.remove_role_from_instance_profile(InstanceProfileName="estate-node", RoleName="node")
        iam.delete_instance_profile(InstanceProfileName="estate-node")
        for each in self.eks.list_pod_identity_associations(clusterName=CLUSTER)["associations"]:
            which = {"clusterName": CLUSTER, "associationId": each["associationId"]}
            self.eks.delete_pod_identity_association(**which)
        self.eks.delete_cluster(name=CLUSTER)
        iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=self.provider)
        iam.delete_policy(PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/unused")
        for role in ("node", "gloo", EKSCTL, "runners", "batch", "estate-cluster"):
            iam.delete_role(RoleName=role)
        iam.delete_user_policy(UserName="engine", PolicyName="all")
        for user in ("engine", "ada"):
            iam.delete_access_key(UserName=user, AccessKeyId=self.keys[user]["AccessKeyId"])
            iam.delete_user(UserName=user)
