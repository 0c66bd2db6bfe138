"""The section of Vault's AWS secrets engine: which AWS credentials it hands out."""

import json
from typing import Any, Literal

from pydantic import Field, model_validator

from settings.section import Section
from settings.values import (
    Audience,
    Duration,
    IamName,
    IamPolicyName,
    IdentityTokenTtl,
    MountPath,
    PolicyArn,
    RoleArn,
    UniqueList,
    VaultRoleName,
)


class SecretsRole(Section):
    """A role of the engine: one kind of AWS credentials."""

    credential_type: Literal["iam_user", "assumed_role", "federation_token"] = Field(
        description="what the engine makes: iam_user, assumed_role or federation_token"
    )
    policy_document: dict[str, Any] | None = Field(
        None, description="IAM policy of the credentials, written out"
    )
    policy_arns: UniqueList[PolicyArn] = Field([], description="list of managed policies of the credentials")
    role_arns: UniqueList[RoleArn] = Field([], description="list of roles that may be assumed")
    permissions_boundary: PolicyArn | None = Field(None, description="policy that bounds the credentials")
    default_sts_ttl: Duration | None = Field(
        None, description="life of credentials that STS gives; default 1h"
    )

    @model_validator(mode="after")
    def _something(self) -> "SecretsRole":
        if self.credential_type == "assumed_role" and not self.role_arns:
            raise ValueError("assumes no role; write roleArns")
        if self.credential_type != "assumed_role" and not (self.policy_document or self.policy_arns):
            raise ValueError("gives credentials that may do nothing; write policyDocument or policyArns")
        return self

    def given(self) -> dict[str, Any]:
        """With the policy document as JSON, which is how AWS and Vault take it."""
        given = super().given()
        if self.policy_document:
            given["policy_document"] = json.dumps(self.policy_document)
        return given


class SecretsEngine(Section):
    """What every kind has."""

    path: MountPath = Field("aws", description="path of the engine's mount")
    policy_name: IamPolicyName | None = Field(
        None, description="name of the IAM policy of the engine's identity; default its own name, and -policy"
    )
    permissions_boundary: PolicyArn | None = Field(None, description="policy that bounds that identity")
    default_lease_ttl: Duration | None = Field(
        None, description="life of a user's credentials until renewal; default 1h"
    )
    max_lease_ttl: Duration | None = Field(
        None, description="longest life of a user's credentials; default 24h"
    )
    roles: dict[VaultRoleName, SecretsRole] = Field(min_length=1, description="mapping of the engine's roles")

    def given(self) -> dict[str, Any]:
        return {**super().given(), "roles": {name: role.given() for name, role in self.roles.items()}}


class UserSecretsEngine(SecretsEngine):
    """The engine works with the access key of an IAM user of its own."""

    kind: Literal["user"] = Field(description="kind of the engine's identity")
    user_name: IamName = Field("vault-aws-secrets-engine", description="name of the IAM user")

    def given(self) -> dict[str, Any]:
        """With what the identity has to itself below `user`."""
        given = super().given()
        given.pop("user_name", None)
        return {**given, "user": {"user_name": self.user_name}}


class FederatedSecretsEngine(SecretsEngine):
    """The engine works with a role that trusts its identity tokens (Vault Enterprise)."""

    kind: Literal["federation"] = Field(description="kind of the engine's identity")
    role_name: IamName = Field("vault-aws-secrets-engine-wif", description="name of the IAM role")
    audience: Audience = Field(
        "vault-aws-secrets-engine", description="audience of the engine's identity tokens, which AWS demands"
    )
    token_ttl: IdentityTokenTtl = Field("1h", description="life of an identity token")

    def given(self) -> dict[str, Any]:
        """With what the identity has to itself below `federation`."""
        own = ("audience", "role_name", "token_ttl")
        given = {key: value for key, value in super().given().items() if key not in own}
        return {**given, "federation": {key: getattr(self, key) for key in own}}


SecretsEngineSettings = UserSecretsEngine | FederatedSecretsEngine
SECRETS_ENGINE_KINDS: dict[str, type[SecretsEngineSettings]] = {
    "user": UserSecretsEngine,
    "federation": FederatedSecretsEngine,
}
