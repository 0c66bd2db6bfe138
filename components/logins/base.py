"""The base of every kind of login: what all have in common, and what each says of itself."""

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Annotated, Any, cast

import pulumi
import pulumi_aws as aws
import pulumi_vault as vault
from typing_extensions import NotRequired, TypedDict

from .. import iam, renames
from ..component import Claim, Kind
from ..declared import Default, opened
from ..forms import ServiceAccountPattern, VaultRoleName
from ..pod_role import PodIdentityMethod
from ..vault_auth import VaultConnection
from ..vault_role import VaultToken, longest_life, token_inputs


class ServiceAccountMode(Enum):
    """Who makes the service account and its annotation."""

    CREATE = "create"
    """This stack makes the service account; with the method `pod-identity` it has no annotation."""

    PATCH = "patch"
    """It exists; this stack adds the annotation and removes it again. With the method `pod-identity` only
    beside `iam_role_arn`: it adds the association."""

    NONE = "none"
    """Something else does both, for example a Helm chart. The association of the method `pod-identity` is
    made by this stack nevertheless, unless there is an `iam_role_arn`: then it exists, too."""


class LoginRef(TypedDict):
    """A login as consumers know it. Take it whole from the login's `ref`."""

    vault_role: pulumi.Input[str]
    """Name of the Vault role."""

    iam_role_arn: pulumi.Input[str]
    """ARN of the IAM role that the consumer's pods get; empty if there is none."""

    service_accounts: NotRequired[Annotated[pulumi.Input[Sequence[ServiceAccountPattern]], Default(())]]
    """The service accounts that may log in, each as `NAMESPACE/NAME`; none for a login of instances or
    other principals."""

    method: NotRequired[Annotated[PodIdentityMethod, Default(PodIdentityMethod.IRSA)]]
    """How the service accounts get the IAM role, as the login has it."""

    service_account_mode: NotRequired[Annotated[ServiceAccountMode, Default(ServiceAccountMode.NONE)]]
    """Who makes the service accounts, as the login has it: with `none`, the consumer's chart makes them."""


class LoginOptions(VaultToken):
    """What people write of every login."""

    vault_role: NotRequired[VaultRoleName]
    """Name of the Vault role, in lower case, as Vault keeps it. Default: the login's name."""


class LoginArgs(LoginOptions):
    """What a program wires into every login."""

    connection: pulumi.Input[VaultConnection]
    """The mount: `VaultAwsAuth.connection`."""


class Login(Kind):
    """A Vault role, and who may log in with it."""

    vault_role: pulumi.Output[str]
    """Name of the Vault role to log in with."""

    iam_role_arn: pulumi.Output[str]
    """ARN of the IAM role that logs in, the first one if there are several; empty if there is none."""

    iam_role_name: pulumi.Output[str]
    """Name of the IAM role that the login makes; empty if it makes none."""

    iam_role_unique_id: pulumi.Output[str]
    """Unique ID of that role, by which Vault knows it: another one after the role is recreated."""

    service_accounts: pulumi.Output[Sequence[str]]
    """The service accounts that may log in, each as `NAMESPACE/NAME`; none for other callers."""

    principals: pulumi.Output[Sequence[str]]
    """ARNs that the Vault role is bound to."""

    ref: LoginRef
    """The login, whole: for consumers."""

    def __init__(self, name: str, args: Any, opts: pulumi.ResourceOptions | None) -> None:
        """`args` are checked ones."""
        # A login can become one of another kind and keep its Vault role: without the aliases, the new login
        # would write the Vault role first, and the old one would delete it afterwards.
        super().__init__(name, opts, renames.of_siblings(Login, type(self)))
        self._args = args
        self._login_name = name
        self._connection = opened(args["connection"], VaultConnection)

    # What a kind says of itself, before anything is made. `options` are of the kind's OPTIONS.

    @classmethod
    def permissions(cls, options: Any) -> iam.VaultPermissions:
        """What the login needs of Vault's AWS identity, or of the role that Vault assumes in an account."""
        raise NotImplementedError

    @classmethod
    def account(cls, options: Any) -> str | None:
        """ID of the account whose principals log in, where it is written; None: the stack's own."""
        return None

    @classmethod
    def needs_cluster(cls, options: Any) -> bool:
        """Whether the login is of a cluster's workloads."""
        return False

    @classmethod
    def claims(cls, name: str, options: Any) -> Iterator[Claim]:
        """The names that a login called `name` takes for itself, as far as its options are right."""
        if "vault_role" in options:
            yield Claim("Vault role", options["vault_role"], ("vault_role",))
        else:
            yield Claim("Vault role", name, ())

    @classmethod
    def for_consumers(cls, options: Any) -> Mapping[str, Any]:
        """What consumers must know of the login beside the names of its roles: fields of `LoginRef`."""
        return {}

    @classmethod
    def caller(cls, options: Any) -> Mapping[str, Any]:
        """How the command `vault-aws-auth` can act as the login's caller."""
        return {}

    # What a kind declares

    def _vault_role(
        self, name: str, trigger: pulumi.Input[str] | None = None, **bounds: Any
    ) -> "vault.aws.AuthBackendRole":
        """Declare the Vault role, which is replaced where `trigger` is another one.

        It is the unique ID of the one principal that it binds, where the stack makes the principal. Vault
        looks it up when the role is written, and goes by it from then on: a principal that was deleted and
        recreated under the same ARN could not log in, and no input would show it. So another ID replaces the
        role; nothing can log in with it meanwhile, for the old principal is gone.
        """
        self._role_inputs = {
            "backend": self._connection["path"],
            "auth_type": "iam",
            # An ARN in full is resolved once, here; one with a * is compared at each login.
            "resolve_aws_unique_ids": True,
            **token_inputs(self._args),
            **bounds,
        }
        return vault.aws.AuthBackendRole(
            f"{name}-vault-role",
            role=self._args.get("vault_role", name),
            opts=pulumi.ResourceOptions(
                parent=self,
                replacement_trigger=trigger,
                # Old and new have the same path: deleted last, the old one would delete the new one.
                delete_before_replace=True,
                # It comes and goes with the bounds of instances, when a login becomes one of another kind;
                # and bounds that are no longer declared would stay in Vault.
                replace_on_changes=["inferredEntityType"],
            ),
            **self._role_inputs,
        )

    def _look_up_again(
        self,
        name: str,
        vault_role: "vault.aws.AuthBackendRole",
        unique_ids: pulumi.Input[Sequence[pulumi.Input[str]]],
    ) -> None:
        """Declare that Vault looks its bound principals up again when one of them has another unique ID: of
        principals that the stack does not make.

        Vault looks the IDs up when the ARNs are written, and goes by them from then on: a principal that was
        deleted and recreated under the same ARN could not log in, and no input of the Vault role would show
        it. So the Vault role is declared a second time, and replaced, which writes the same path once more:
        the other principals can log in meanwhile, and where the lookup fails, the Vault role stays as it was.
        It is this resource type because the provider waits with it for AWS, where the principal, or Vault's
        permission to look it up, may be seconds old.
        """
        vault.aws.AuthBackendRole(
            f"{name}-principal-ids",
            role=vault_role.role,
            opts=pulumi.ResourceOptions(
                parent=self,
                replacement_trigger=pulumi.Output.from_input(unique_ids),
                replace_on_changes=["inferredEntityType"],
                # Written anew and never deleted: the path is that of the Vault role.
                delete_before_replace=False,
                retain_on_delete=True,
            ),
            **self._role_inputs,
        )

    @property
    def output(self) -> Mapping[str, Any]:
        """The login's entry in the stack's output `logins`."""
        return {
            "kind": self.KIND,
            "vaultRole": self.vault_role,
            "iamRoleArn": self.iam_role_arn,
            "serviceAccounts": self.service_accounts,
            "principals": self.principals,
            "policies": self._args["policies"],
            "maxTtl": longest_life(self._args),
        }

    def _finish(
        self,
        vault_role: "vault.aws.AuthBackendRole",
        *,
        iam_role_arn: pulumi.Input[str],
        service_accounts: Sequence[str],
        principals: Any,
        role: "aws.iam.Role | None" = None,
        role_name: str = "",
    ) -> None:
        """Set and register the outputs. `role` is the IAM role that the login makes, `role_name` its name."""
        self.iam_role_name = role.name if role else pulumi.Output.from_input("")
        self.iam_role_unique_id = role.unique_id if role else pulumi.Output.from_input("")
        self.vault_role = vault_role.role
        self.iam_role_arn = pulumi.Output.from_input(iam_role_arn)
        self.service_accounts = pulumi.Output.from_input(service_accounts)
        self.principals = pulumi.Output.from_input(principals)
        roles = {"vault_role": self.vault_role, "iam_role_arn": self.iam_role_arn}
        self.ref = cast(LoginRef, {**roles, **type(self).for_consumers(self._args)})
        self.register_outputs(
            {
                # What is known is registered as such: the engine writes the outputs as soon as it has them
                # all, and that costs less the fewer resources there are yet.
                "vault_role": self._args.get("vault_role", self._login_name),
                "iam_role_arn": iam_role_arn,
                "service_accounts": service_accounts,
                "principals": principals,
                "iam_role_name": role_name,
                "iam_role_unique_id": role.unique_id if role else "",
            }
        )
