"""Vault runs with a role that it has already, which the stack only grants what the logins need."""

from __future__ import annotations

import json
from pathlib import Path

from tests.sandbox.callers import trust
from tests.sandbox.grants import actions
from tests.sandbox.kit import ADVISORY, Sandbox
from tests.sandbox.test_identity_switch import APP_ROLE, USER, callers, stack_file

ROLE_ARN = "arn:aws:iam::111111111111:role/vault-of-others"
POLICY_ARN = "arn:aws:iam::111111111111:policy/vault-of-others-vault-auth-policy"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
        }
    ],
}


def test_vault_logs_everybody_in_with_a_role_that_somebody_else_gave_it(
    another_sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox = another_sandbox
    words = ("--stack", "existing", "--no-logins", *ADVISORY, "--config")
    sandbox.up(*words, stack_file(tmp_path, USER))
    # The owner of the role, by hand.
    iam = sandbox.aws("iam")
    iam.create_role(RoleName="vault-of-others", AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.create_role(RoleName="app-1", AssumeRolePolicyDocument=trust("111111111111"))
    eks = sandbox.aws("eks")
    eks.create_addon(clusterName="eks1", addonName="eks-pod-identity-agent")
    made = eks.create_pod_identity_association(
        clusterName="eks1", namespace="vault", serviceAccount="vault", roleArn=ROLE_ARN
    )
    identity = {"kind": "existing", "roleArn": ROLE_ARN, "taggedSessions": True}
    sandbox.up(*words, stack_file(tmp_path, identity))

    assert sandbox.vault.read("auth/aws/config/client")["data"]["access_key"] == ""
    assert "vault-auth" not in {user["UserName"] for user in iam.list_users()["Users"]}
    assert actions(sandbox, POLICY_ARN) == {"iam:GetRole", "sts:AssumeRole", "sts:TagSession"}
    for attempt in callers(sandbox):
        attempt()
    # Not with something that Vault kept: it looks up who is bound by a new Vault role.
    sandbox.vault.write("auth/aws/role/probe", auth_type="iam", bound_iam_principal_arn=APP_ROLE)
    sandbox.vault.delete("auth/aws/role/probe")

    # What the stack has not made stays as it was, with another identity, too.
    sandbox.up(*words, stack_file(tmp_path, USER))
    assert iam.get_role(RoleName="vault-of-others")
    assert iam.list_attached_role_policies(RoleName="vault-of-others")["AttachedPolicies"] == []
    eks.delete_pod_identity_association(
        clusterName="eks1", associationId=made["association"]["associationId"]
    )
    eks.delete_addon(clusterName="eks1", addonName="eks-pod-identity-agent")
    for name in ("vault-of-others", "app-1"):
        iam.delete_role(RoleName=name)
    assert sandbox.run("down").returncode == 0
