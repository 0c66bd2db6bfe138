"""The recipes of docs/who-can-log-in.md, each with the credentials that such a caller really has.

One stack has them all, as the page writes them, beside a login with every option of its AWS identity at once.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import hvac
import jwt
import pytest
import yaml
from botocore import UNSIGNED
from botocore.config import Config
from botocore.credentials import ContainerProvider, Credentials
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.sandbox.callers import assume_with_token, log_in
from tests.sandbox.kit import ADVISORY, REPOSITORY, Sandbox
from tests.sandbox.lease import Pool

ACCOUNT = "111111111111"
IAM = f"arn:aws:iam::{ACCOUNT}"
GITHUB = "token.actions.githubusercontent.com"
SAML = f"{IAM}:saml-provider/AWSSSO_0123456789abcdef_DO_NOT_DELETE"
SSO_PATH = "/aws-reserved/sso.amazonaws.com/eu-west-1/"
JOB = "repo:example/shop:environment:production"
PAGE = (REPOSITORY / "docs" / "who-can-log-in.md").read_text()


def of_page(section: str, language: str = "yaml") -> str:
    """The first block of a language in a section of the page."""
    text = re.split(rf"^##+ {re.escape(section)}\n", PAGE, flags=re.M)[1]
    return text.split(f"```{language}\n")[1].split("```")[0]


def settings(section: str) -> dict[str, Any]:
    written: dict[str, Any] = yaml.safe_load(of_page(section))
    return {key.removeprefix("vault-aws-auth:"): value for key, value in written.items()}


def policy(**statement: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


def trusted(service: str) -> str:
    return policy(Principal={"Service": service}, Action="sts:AssumeRole")


class Github:
    """GitHub's issuer, whose key the test has, and its entry in IAM."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
        keys = sandbox.home / "aws" / "github.json"
        keys.write_text(json.dumps({"keys": [{**public, "kid": "1", "alg": "RS256", "use": "sig"}]}))
        file = sandbox.home / "aws" / "issuers.json"
        known = json.loads(file.read_text()) if file.exists() else {}
        file.write_text(json.dumps({**known, f"https://{GITHUB}": {"jwks_uri": keys.as_uri()}}))

    def token(self, subject: str = JOB, audience: str = "sts.amazonaws.com") -> str:
        """The token of a job, as `configure-aws-credentials` asks for it."""
        now = int(time.time())
        claims = {
            "iss": f"https://{GITHUB}",
            "sub": subject,
            "aud": audience,
            "iat": now,
            "nbf": now - 300,
            "exp": now + 300,
            "repository": "example/shop",
            "ref": "refs/heads/main",
            "event_name": "push",
        }
        return jwt.encode(claims, self._key, "RS256", headers={"kid": "1"})


class Estate:
    """What the callers' owners have made, before the stack and without it; nothing of it stays."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.iam, self.ec2 = sandbox.aws("iam"), sandbox.aws("ec2")
        self.roles: list[str] = []
        self.role("resize-role-1a2b3c4d", trusted("lambda.amazonaws.com"), "/service-role/")
        self.iam.create_saml_provider(Name=SAML.rpartition("/")[2], SAMLMetadataDocument="<x/>" * 300)
        self.permission_set("Developers", "0123456789abcdef")
        self.permission_set("Auditors", "fedcba9876543210")
        self.github = Github(sandbox)
        self.provider = self.iam.create_open_id_connect_provider(
            Url=f"https://{GITHUB}", ClientIDList=["sts.amazonaws.com"], ThumbprintList=["f" * 40]
        )["OpenIDConnectProviderArn"]
        self.role("github-deploy", of_page("GitHub Actions", "json"))
        self.iam.create_user(UserName="break-glass")
        self.key = self.iam.create_access_key(UserName="break-glass")["AccessKey"]
        self.role("web", trusted("ec2.amazonaws.com"))
        self.iam.create_instance_profile(InstanceProfileName="web")
        self.iam.add_role_to_instance_profile(InstanceProfileName="web", RoleName="web")
        subnet = self.ec2.describe_subnets()["Subnets"][0]
        self.subnet, self.vpc = subnet["SubnetId"], subnet["VpcId"]
        self.image = self.ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
        self.instance = self.run_instance()
        # What the boundary allows and a policy grants: both are needed.
        asked = ["ec2:DescribeVpcs", "s3:*", "iam:GetRole", "iam:GetUser", "iam:GetInstanceProfile"]
        self.policy("boundary", policy(Action=[*asked, "ec2:DescribeInstances"], Resource="*"))
        self.policy("queue", policy(Action=["ec2:DescribeVpcs", "ec2:DescribeSubnets"], Resource="*"))

    def role(self, name: str, trust: str, path: str = "/") -> None:
        self.iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=trust)
        self.roles.append(name)

    def permission_set(self, name: str, suffix: str) -> None:
        """A role as Identity Center makes it."""
        trust = policy(
            Principal={"Federated": SAML},
            Action=["sts:AssumeRoleWithSAML", "sts:TagSession"],
            Condition={"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}},
        )
        self.role(f"AWSReservedSSO_{name}_{suffix}", trust, SSO_PATH)

    def policy(self, name: str, document: str) -> None:
        self.iam.create_policy(PolicyName=name, PolicyDocument=document)

    def run_instance(self) -> str:
        (made,) = self.ec2.run_instances(
            ImageId=self.image,
            SubnetId=self.subnet,
            InstanceType="t3.micro",
            IamInstanceProfile={"Name": "web"},
            MinCount=1,
            MaxCount=1,
        )["Instances"]
        return str(made["InstanceId"])

    def remove(self) -> None:
        self.ec2.terminate_instances(InstanceIds=[self.instance])
        self.iam.remove_role_from_instance_profile(InstanceProfileName="web", RoleName="web")
        self.iam.delete_instance_profile(InstanceProfileName="web")
        self.iam.delete_access_key(UserName="break-glass", AccessKeyId=self.key["AccessKeyId"])
        self.iam.delete_user(UserName="break-glass")
        self.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=self.provider)
        self.iam.delete_saml_provider(SAMLProviderArn=SAML)
        for name in ("boundary", "queue"):
            self.iam.delete_policy(PolicyArn=f"{IAM}:policy/{name}")
        for name in self.roles:
            self.iam.delete_role(RoleName=name)


def stack_file(estate: Estate) -> str:
    """The page's settings, put together."""
    together = settings("What else the workload does in AWS")
    together["logins"]["api"] |= {"tokenType": "batch", "tokenNoDefaultPolicy": True, "maxTtl": "1h"}
    web = settings("EC2 instances without EKS")["logins"]["web"]
    web |= {
        "region": "us-east-1",
        "boundVpcIds": [estate.vpc],
        "boundSubnetIds": [estate.subnet],
        "boundAmiIds": [estate.image],
    }
    together["logins"]["web"] = web
    for section in ("Lambda functions", "Users of IAM Identity Center", "IAM users", "GitHub Actions"):
        together["logins"] |= settings(section)["logins"]
    config = {
        "accountId": ACCOUNT,
        "cluster": {"name": "eks1"},
        "vault": {"serverIdHeader": "vault.example.com"},
        **together,
    }
    named = {f"vault-aws-auth:{key}": value for key, value in config.items()}
    return yaml.safe_dump({"config": {"aws:region": "us-east-1", **named}})


class World:
    """The stack, and who asks."""

    def __init__(self, sandbox: Sandbox, estate: Estate, folder: Path) -> None:
        self.sandbox, self.estate, self.folder = sandbox, estate, folder
        self.outputs = folder / "outputs.json"
        self.outputs.write_text(json.dumps(sandbox.json("pulumi stack output --json")))

    def command(self, *words: str, caller: dict[str, str]) -> subprocess.CompletedProcess[str]:
        """`vault-aws-auth` where that caller runs: nothing there but what AWS gives it."""
        keys = (
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "VAULT_TOKEN",
            "KUBECONFIG",
        )
        kept = {key: value for key, value in {**os.environ, **self.sandbox.env}.items() if key not in keys}
        elsewhere = {"AWS_EC2_METADATA_DISABLED": "true", "HOME": str(self.folder)}
        for name in ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_EC2_METADATA_SERVICE_ENDPOINT"):
            if name not in caller:
                kept.pop(name, None)
        return subprocess.run(
            [sys.executable, "-m", "cli", *words, "--outputs", str(self.outputs)],
            cwd=REPOSITORY,
            env={**kept, **elsewhere, **caller},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def proves(self, login: str, caller: dict[str, str]) -> list[dict[str, Any]]:
        """What `verify` finds of a login there, every row as it should be."""
        answer = self.command("verify", login, "--json", caller=caller)
        found = json.loads(answer.stdout or "{}")
        assert found.get("ok"), answer.stdout + answer.stderr
        rows: list[dict[str, Any]] = found["results"]
        assert [row for row in rows if row["expected"] == "a token" and row["ok"]], rows
        return rows

    def token(self, login: str, caller: dict[str, str]) -> dict[str, Any]:
        """Vault's answer to that caller."""
        answer = self.command("login", login, "--json", caller=caller)
        assert answer.returncode == 0, answer.stdout + answer.stderr
        given: dict[str, Any] = json.loads(answer.stdout)
        return given

    def refused(self, login: str, caller: dict[str, str]) -> str:
        answer = self.command("login", login, caller=caller)
        assert answer.returncode == 1, answer.stdout + answer.stderr
        return answer.stderr


def refused_by_vault(world: World, vault_role: str, keys: Credentials) -> None:
    with pytest.raises(hvac.exceptions.VaultError, match="does not belong to the role"):
        log_in(world.sandbox, keys, vault_role)


@pytest.fixture(scope="module")
def world(pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("callers")
    with pool.lease() as sandbox:
        estate = Estate(sandbox)
        try:
            file = folder / "callers.yaml"
            file.write_text(stack_file(estate))
            sandbox.first_up = sandbox.up("--stack", "callers", "--config", str(file), *ADVISORY)
            yield World(sandbox, estate, folder)
        finally:
            sandbox.run("down", "--keep")  # the stack goes; what the owners have made is told, and stays
            estate.remove()


# Lambda


def function(world: World, role: str = "service-role/resize-role-1a2b3c4d") -> dict[str, str]:
    return {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": world.sandbox.env["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": f"lambda/us-east-1/resize/{IAM}:role/{role}",
    }


def keys_of_function(world: World, role: str) -> Credentials:
    provider: Any = ContainerProvider(environ=function(world, role))
    found = provider.load().get_frozen_credentials()
    return Credentials(found.access_key, found.secret_key, found.token)


def test_a_lambda_function_logs_in_by_its_execution_role(world: World) -> None:
    world.proves("resize", function(world))


def test_another_function_is_refused_by_vault_and_a_role_for_another_service_by_aws(world: World) -> None:
    world.estate.role("other-function", trusted("lambda.amazonaws.com"))
    refused_by_vault(world, "resize", keys_of_function(world, "other-function"))
    assert "cannot be assumed by Lambda" in world.refused("resize", function(world, "web"))


# IAM Identity Center


def user(world: World, permission_set: str = "Developers", assigned: str = "Developers") -> dict[str, str]:
    """The page's profile, after `aws sso login`."""
    home = world.folder / f"{permission_set}-{assigned}"
    cache = home / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    profile = of_page("Users of IAM Identity Center", "ini")
    (home / ".aws" / "config").write_text(profile.replace("= Developers", f"= {permission_set}"))
    token = {
        "startUrl": "https://example.awsapps.com/start",
        "region": "eu-west-1",
        "accessToken": f"identity-center/alice@example.com/{assigned}",
        "expiresAt": "2099-01-01T00:00:00Z",
    }
    name = hashlib.sha1(b"example", usedforsecurity=False).hexdigest()
    (cache / f"{name}.json").write_text(json.dumps(token))
    return {
        "AWS_PROFILE": "developers",
        "AWS_CONFIG_FILE": str(home / ".aws" / "config"),
        "HOME": str(home),
    }


def keys_of_user(world: World, permission_set: str) -> Credentials:
    portal: Any = boto3.client(
        "sso",
        endpoint_url=world.sandbox.env["AWS_ENDPOINT_URL"],
        region_name="eu-west-1",
        config=Config(signature_version=UNSIGNED),
    )
    token = f"identity-center/bob@example.com/{permission_set}"
    given = portal.get_role_credentials(roleName=permission_set, accountId=ACCOUNT, accessToken=token)
    keys = given["roleCredentials"]
    return Credentials(keys["accessKeyId"], keys["secretAccessKey"], keys["sessionToken"])


def test_a_user_of_identity_center_logs_in_by_the_permission_set_under_their_own_name(world: World) -> None:
    world.proves("developers", user(world))
    auth = world.token("developers", user(world))
    assert auth["caller"]["arn"].endswith("/alice@example.com"), auth


def test_users_of_another_permission_set_are_refused_by_vault_and_without_one_by_aws(world: World) -> None:
    refused_by_vault(world, "developers", keys_of_user(world, "Auditors"))
    assert "No access" in world.refused("developers", user(world, "Developers", "Auditors"))


def test_a_permission_set_that_is_made_again_still_logs_in(world: World) -> None:
    iam, old = world.estate.iam, "AWSReservedSSO_Developers_0123456789abcdef"
    iam.delete_role(RoleName=old)
    world.estate.roles.remove(old)
    # One of the account's own has the old name, and another path: Vault must see that.
    world.estate.role(old, trusted("lambda.amazonaws.com"))
    world.estate.permission_set("Developers", "00112233445566ff")
    world.token("developers", user(world))
    refused_by_vault(world, "developers", keys_of_function(world, old))


# IAM users, instances, GitHub


def test_an_iam_user_logs_in_with_an_access_key(world: World) -> None:
    key = world.estate.key
    keys = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    world.proves("break-glass", keys)


def test_an_instance_without_eks_logs_in_where_it_may_be(world: World) -> None:
    place = f"{world.sandbox.env['AWS_ENDPOINT_URL']}/imds/{world.estate.instance}/"
    there = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": place, "AWS_EC2_METADATA_DISABLED": "false"}
    world.proves("web", there)


def job(world: World, **claims: str) -> dict[str, str]:
    """What `configure-aws-credentials` does, as any SDK does it."""
    file = world.folder / "job-token"
    file.write_text(world.estate.github.token(**claims))
    return {
        "AWS_ROLE_ARN": f"{IAM}:role/github-deploy",
        "AWS_ROLE_SESSION_NAME": "GitHubActions",
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(file),
    }


def test_a_job_of_github_actions_logs_in_by_the_role_that_its_token_gets(world: World) -> None:
    world.proves("deploy", job(world))


def test_a_job_logs_in_with_the_command_of_the_page(world: World) -> None:
    workflow = re.search(r"run: vault login (.*)", PAGE)
    assert workflow
    keys = assume_with_token(world.sandbox, world.estate.github.token(), f"{IAM}:role/github-deploy")
    given = f"AWS_ACCESS_KEY_ID={keys.access_key} AWS_SECRET_ACCESS_KEY={keys.secret_key}"
    given += f" AWS_SESSION_TOKEN={keys.token} HOME={world.folder}"
    command = f"vault login -no-store -format=json {workflow[1]}"
    answer = world.sandbox.shell(f"env -u VAULT_TOKEN {given} {command}")
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["auth"]["policies"] == ["dev"]


@pytest.mark.parametrize(
    "claims",
    [
        {"subject": "repo:example/shop:environment:staging"},
        {"subject": "repo:example/shop:ref:refs/heads/main"},
        {"subject": "repo:example/shop:pull_request"},
        {"subject": "repo:other/shop:environment:production"},
        {"audience": "https://github.com/example"},
    ],
    ids=lambda claims: next(iter(claims.values())),
)
def test_jobs_that_the_trust_policy_does_not_name_are_refused_by_aws(
    world: World, claims: dict[str, str]
) -> None:
    with pytest.raises(ClientError) as caught:
        assume_with_token(world.sandbox, world.estate.github.token(**claims), f"{IAM}:role/github-deploy")
    code = caught.value.response["Error"]["Code"]
    assert code == ("InvalidIdentityToken" if "audience" in claims else "AccessDenied")


# Everything that a login says of its AWS identity, at once


def test_a_role_with_path_prefix_boundary_and_policies_gives_its_pod_a_batch_token(world: World) -> None:
    role = world.estate.iam.get_role(RoleName="prod-api")["Role"]
    assert role["Arn"] == f"{IAM}:role/apps/prod-api"
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == f"{IAM}:policy/boundary"
    assert role["MaxSessionDuration"] == 4 * 3600
    pod = assume_with_token(world.sandbox, world.sandbox.token("api"), role["Arn"])
    auth = log_in(world.sandbox, pod, "api")
    assert (auth["token_type"], auth["token_policies"], auth["renewable"]) == ("batch", ["dev"], False)
    assert auth["lease_duration"] == 3600
    own = {
        "aws_access_key_id": pod.access_key,
        "aws_secret_access_key": pod.secret_key,
        "aws_session_token": str(pod.token),
    }
    ec2 = world.sandbox.aws("ec2", **own)
    assert ec2.describe_vpcs()["Vpcs"]
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        ec2.describe_subnets()  # a policy grants it, the boundary does not
    (name,) = world.estate.iam.list_role_policies(RoleName="prod-api")["PolicyNames"]
    own_document = world.estate.iam.get_role_policy(RoleName="prod-api", PolicyName=name)["PolicyDocument"]
    assert own_document["Statement"][0]["Resource"] == "arn:aws:s3:::api-uploads/*"


def test_the_whole_stack_is_verified_and_unchanged(world: World) -> None:
    answer = world.sandbox.shell("vault-aws-auth verify --json")
    found = json.loads(answer.stdout)
    assert (answer.returncode, found["ok"]) == (0, True), answer.stdout + answer.stderr
    untried = {row["login"] for row in found["results"] if row["ok"] is None}
    assert untried <= {"resize", "developers", "break-glass", "deploy", "web"}
    assert [row for row in found["results"] if row["login"] == "api" and row["ok"]]
