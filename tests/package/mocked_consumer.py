"""Runs the consumer program under Pulumi's mocks; prints the name and the AWS or Vault name of its roles."""

import json
import runpy

import pulumi

ROLES = ("aws:iam/role:Role", "vault:aws/authBackendRole:AuthBackendRole")
ISSUER = "https://oidc.eks.us-east-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
PROVIDER = f"arn:aws:iam::111111111111:oidc-provider/{ISSUER.removeprefix('https://')}"
made: dict[str, list[str]] = {}


class Cloud(pulumi.runtime.Mocks):
    """Answers as AWS and Vault would."""

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, object]]:
        if args.typ in ROLES:
            made[args.typ] = [args.name, args.inputs.get("role") or args.inputs["name"]]
        kind = args.typ.rpartition(":")[2].lower()
        arn = f"arn:aws:iam::111111111111:{kind}/{args.inputs.get('name')}"
        return args.name, {"arn": arn, "secret": "s", "accessor": "a", "uniqueId": "AROA", **args.inputs}

    def call(self, args: pulumi.runtime.MockCallArgs) -> dict[str, object]:  # type: ignore[override]
        if args.token == "aws:eks/getCluster:getCluster":
            return {
                "name": "eks1",
                "endpoint": "https://eks1.example.com",
                "certificateAuthorities": [{"data": ""}],
                "identities": [{"oidcs": [{"issuer": ISSUER}]}],
            }
        if args.token == "aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider":
            return {"arn": PROVIDER, "clientIdLists": ["sts.amazonaws.com"], "tags": {}}
        return {}


pulumi.runtime.set_mocks(Cloud(), project="payments", stack="test")
pulumi.runtime.set_all_config(
    {
        "payments:region": "us-east-1",
        "payments:mountPath": "aws",
        "payments:cluster": "eks1",
        "payments:vaultAddress": "https://vault.example.com",
    }
)


@pulumi.runtime.test  # type: ignore[untyped-decorator]  # the SDK's is not typed
def program() -> None:
    runpy.run_path("consumer.py")


program()
print(json.dumps(made, sort_keys=True))
