"""The component of the AWS secrets engine: mount, roles, and the AWS identity that the engine works with."""

import json
from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_vault as vault

from .. import arns, durations, existing_role, iam, renames
from ..auth_mount import DEFAULT_KEY
from ..component import Component, own_user, unique_name
from ..declared import checked, opened
from ..federation import PluginIssuer, plugin_trust
from . import roles
from .args import AwsSecretsEngineArgs, EngineExistingOptions, EngineFederation, EngineUserOptions
from .permissions import engine_permissions
from .roles import USERNAME_TEMPLATE, AwsCredentialType

POLICY_DESCRIPTION = "What HashiCorp Vault needs to hand out AWS credentials"

FOUND_POLICY_ENDING = "aws-secrets-engine-policy"
"""How the name of the policy ends by default that is granted to a role which Vault finds around it."""


class SecretsEngine(Component):
    """What an engine that was mounted and one that was found have in common."""

    path: pulumi.Output[str]
    """Path of the engine's mount."""

    role_names: pulumi.Output[Sequence[str]]
    """Names of the engine's roles. Known once the engine can serve them."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None) -> None:
        # An engine that is adopted, or given away, keeps its roles: else the old ones would be deleted after
        # the new ones were written, at the same path.
        super().__init__(name, opts, renames.of_siblings(SecretsEngine, type(self)))


class AwsSecretsEngine(SecretsEngine):
    """The engine's mount, its roles, and an AWS identity that may do what they need and nothing else.

    When it is deleted, the mount goes before its IAM user, so that Vault can still revoke the leases, which
    is to delete the users that it made. A federated engine's role names the mount that it trusts, so it goes
    first: revoke its leases before that, with `vault lease revoke -prefix <path>/creds`.
    """

    accessor: pulumi.Output[str]
    """Accessor of the mount."""

    principal_arn: pulumi.Output[str]
    """ARN of the user or the role that the engine works with; empty where it is not known."""

    policy_arn: pulumi.Output[str]
    """ARN of its policy; empty where none is made."""

    def __init__(
        self, name: str, args: AwsSecretsEngineArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        args = checked(AwsSecretsEngineArgs, args)
        super().__init__(name, opts)
        after: list[pulumi.Resource]
        if "federation" in args:
            backend, after = self._with_federation(name, args, args["federation"])
        elif "existing" in args:
            backend, after = self._with_existing(name, args, args["existing"])
        else:
            user = args.get("user") or checked(EngineUserOptions, {})
            backend, after = self._with_user(name, args, user["user_name"])
        self.path = backend.path.apply(str)
        self.accessor = backend.accessor
        self.role_names = roles.declare(name, self.path, args["roles"], self, after)
        self.register_outputs(
            {
                "path": self.path,
                "accessor": self.accessor,
                "role_names": self.role_names,
                "principal_arn": self.principal_arn,
                "policy_arn": self.policy_arn,
            }
        )

    def _with_user(
        self, name: str, args: AwsSecretsEngineArgs, user_name: str
    ) -> "tuple[vault.aws.SecretBackend, list[pulumi.Resource]]":
        user = aws.iam.User(
            f"{name}-user",
            name=user_name,
            permissions_boundary=args.get("permissions_boundary"),
            # Vault can rotate its own key (config/rotate-root); the user must be deletable then too.
            force_destroy=True,
            tags=args["tags"] or None,
            opts=own_user(self),
        )
        policy = self._policy(name, args, user_name, user.arn)
        attachment = aws.iam.UserPolicyAttachment(
            f"{name}-policy-attachment",
            user=user.name,
            policy_arn=policy.arn,
            opts=pulumi.ResourceOptions(parent=self),
        )
        key = aws.iam.AccessKey(
            f"{name}-access-key",
            user=user.name,
            # So that the key has its permissions, and the policy outlives the mount.
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[attachment, *self._delegable(name, args, user, user_name)],
            ),
        )
        self.principal_arn = user.arn
        backend = self._backend(name, args, access_key=key.id, secret_key=pulumi.Output.secret(key.secret))
        return backend, [attachment]

    def _delegable(
        self, name: str, args: AwsSecretsEngineArgs, user: "aws.iam.User", user_name: str
    ) -> list[pulumi.Resource]:
        """Grant the user what it federates: such a session may do no more than the user itself."""
        granted: list[pulumi.Resource] = []
        child = pulumi.ResourceOptions(parent=self)
        for role, declared in args["roles"].items():
            if declared["credential_type"] is not AwsCredentialType.FEDERATION_TOKEN:
                continue
            policies: dict[str, pulumi.Input[str]] = {
                ".".join([parsed.account, parsed.resource.removeprefix("policy/")]): arn
                for arn in declared["policy_arns"]
                for parsed in [arns.parse(arn)]
            }
            if "policy_document" in declared:
                policies["own"] = aws.iam.Policy(
                    f"{name}-{role}-policy",
                    name=f"{user_name}-{role}",
                    description=f"What {role} of HashiCorp Vault's AWS secrets engine hands out",
                    policy=declared["policy_document"],
                    tags=args["tags"] or None,
                    opts=unique_name(self),
                ).arn
            granted += [
                aws.iam.UserPolicyAttachment(
                    f"{name}-{role}-{label}-attachment", user=user.name, policy_arn=arn, opts=child
                )
                for label, arn in policies.items()
            ]
        return granted

    def _with_federation(
        self,
        name: str,
        args: AwsSecretsEngineArgs,
        given: EngineFederation,
    ) -> "tuple[vault.aws.SecretBackend, list[pulumi.Resource]]":
        role_name = given["role_name"]
        # The role's trust names the mount and the mount's config the role: the ARN can be told beforehand.
        provider_arn = opened(given["issuer"], PluginIssuer)["oidc_provider_arn"]
        future_arn = pulumi.Output.from_input(provider_arn).apply(
            lambda arn: arns.role_arn(arns.parse(arn).partition, arns.parse(arn).account, role_name)
        )
        backend = self._backend(
            name,
            args,
            role_arn=future_arn,
            identity_token_audience=given["audience"],
            identity_token_ttl=durations.to_seconds(given["token_ttl"]),
        )
        role = aws.iam.Role(
            f"{name}-role",
            name=role_name,
            description="What HashiCorp Vault's AWS secrets engine runs as",
            assume_role_policy=plugin_trust(
                given["issuer"],
                given["audience"],
                kind="secret",
                accessor=backend.accessor,
                namespace_id=given["namespace_id"],
            ),
            permissions_boundary=args.get("permissions_boundary"),
            tags=args["tags"] or None,
            opts=unique_name(self),
        )
        policy = self._policy(name, args, role_name, role.arn)
        attachment = aws.iam.RolePolicyAttachment(
            f"{name}-policy-attachment",
            role=role.name,
            policy_arn=policy.arn,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.principal_arn = role.arn
        return backend, [attachment]

    def _with_existing(
        self, name: str, args: AwsSecretsEngineArgs, given: EngineExistingOptions
    ) -> "tuple[vault.aws.SecretBackend, list[pulumi.Resource]]":
        backend = self._backend(name, args)
        # The provider takes the ID of an access key off the engine, and never its secret: Vault refuses to
        # work with half of a key. Each write without the template would reset it.
        keyless = vault.generic.Endpoint(
            f"{name}-no-access-key",
            path=backend.path.apply(lambda path: f"{path}/config/root"),
            data_json=json.dumps(
                {"access_key": "", "secret_key": "", "username_template": USERNAME_TEMPLATE}
            ),
            ignore_absent_fields=True,
            disable_delete=True,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.principal_arn = pulumi.Output.from_input(given.get("role_arn", ""))
        self.policy_arn = pulumi.Output.from_input("")
        if not existing_role.makes_policy(given):
            return backend, [keyless]
        granted = existing_role.grant(
            name,
            given["role_arn"],
            existing_role.policy_name({**args, **given}, FOUND_POLICY_ENDING),
            description=POLICY_DESCRIPTION,
            document=self._document(args, self.principal_arn, given["tagged_sessions"]),
            tags=args["tags"],
            parent=self,
        )
        self.policy_arn = granted.policy.arn
        return backend, [keyless, granted.attachment]

    def _policy(
        self,
        name: str,
        args: AwsSecretsEngineArgs,
        owner: str,
        owner_arn: pulumi.Output[str],
    ) -> "aws.iam.Policy":
        policy = aws.iam.Policy(
            f"{name}-policy",
            name=args.get("policy_name", f"{owner}-policy"),
            description=POLICY_DESCRIPTION,
            policy=self._document(args, owner_arn),
            tags=args["tags"] or None,
            # Not deleted before its replacement, which has another name: until Vault goes by its new
            # identity, it needs the old one for the leases that it revokes.
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.policy_arn = policy.arn
        return policy

    @staticmethod
    def _document(
        args: AwsSecretsEngineArgs, owner_arn: pulumi.Output[str], tagged_sessions: bool = False
    ) -> pulumi.Output[str]:
        """The policy of the engine's identity, which is of its account and partition."""
        asked = {role: roles.engine_role(declared) for role, declared in args["roles"].items()}

        def document(arn: str) -> str:
            owner = arns.parse(arn)
            return iam.to_json(
                engine_permissions(
                    asked, partition=owner.partition, account=owner.account, tagged_sessions=tagged_sessions
                )
            )

        return owner_arn.apply(document)

    def _backend(self, name: str, args: AwsSecretsEngineArgs, **identity: Any) -> "vault.aws.SecretBackend":
        return vault.aws.SecretBackend(
            f"{name}-mount",
            path=args["path"],
            description="AWS credentials",
            region=args["region"],
            # Without it Vault makes one up that has the host name of the partition aws.
            sts_endpoint=args["endpoints"].get("sts") or arns.sts_endpoint(args["region"]),
            iam_endpoint=args["endpoints"].get("iam"),
            username_template=USERNAME_TEMPLATE,
            default_lease_ttl_seconds=durations.to_seconds(args["default_lease_ttl"]),
            max_lease_ttl_seconds=durations.to_seconds(args["max_lease_ttl"]),
            # Never left out: the provider takes no key off a mount, and Vault keeps a key that is in use.
            identity_token_key=args.get("identity_token_key") or DEFAULT_KEY,
            opts=pulumi.ResourceOptions(
                parent=self,
                # The provider would move it to another path, and lose the roles below it. And it takes no
                # federated role off the engine, which then refuses an access key.
                replace_on_changes=["path", "roleArn"],
                # Old and new may have the same path.
                delete_before_replace=True,
                protect=args["protect"],
            ),
            **identity,
        )
