"""vault-access-operator: the object that connects it to Vault, and its chart's values."""

from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from typing_extensions import NotRequired, TypedDict

from ..logins.service_account import ServiceAccountMode
from ..vault_auth import VaultConnection
from .base import (
    Consumer,
    ConsumerLogin,
    Facts,
    check_connection,
    method_of,
    mode_of,
    object_name,
    one_account,
    role_annotations,
    told,
    without_empty,
)
from .release import Chart, HelmRelease, check_release, install

API_VERSION = "vault.platform.io/v1alpha1"
DEFINITION = "vaultconnections.vault.platform.io"
CHART = Chart("vault-access-operator", "https://panteparak.github.io/vault-access-operator/charts")


class VaultAccessOperatorOptions(TypedDict):
    """What the operator must be told beside Vault and its login."""

    service_account: NotRequired[str]
    """The operator's service account, as `NAMESPACE/NAME`. Default: the login's only one."""

    default_auth_path: NotRequired[str]
    """Path of the auth method in which the operator keeps the roles that it writes, with `auth/`.
    Default: the operator's own, `auth/kubernetes`."""

    ca_secret_name: NotRequired[str]
    """Name of the secret with the CA certificate that Vault's is checked with. Default: none, the CAs of the
    operator's image."""

    ca_secret_namespace: NotRequired[str]
    """Namespace of that secret. Default: that of the operator's service account."""

    ca_secret_key: NotRequired[str]
    """Key in that secret. Default: `ca.crt`."""

    apply: NotRequired[bool]
    """Make the object in the cluster, whose CustomResourceDefinition must be there. Default: false, it is in
    `manifests` only."""


class VaultAccessOperatorConsumerArgs(VaultAccessOperatorOptions):
    """The operator, and the login that it uses."""

    connection: VaultConnection
    """The mount: `VaultAwsAuth.connection`, or its outputs; `address` is needed."""

    login: ConsumerLogin
    """The login, of the operator's service account."""

    release: NotRequired[HelmRelease]
    """Install the operator's chart with the values. Default: it is installed by somebody else."""


class VaultAccessOperatorConsumer(Consumer):
    """The `VaultConnection` by which the operator logs in, and Helm values for its service account."""

    KIND = "vault-access-operator"
    OPTIONS = VaultAccessOperatorOptions
    HAS_RELEASE = True

    values: pulumi.Output[dict[str, Any]]
    """Values of the operator's chart."""

    manifests: pulumi.Output[list[dict[str, Any]]]
    """The `VaultConnection`, which is named like the consumer."""

    def __init__(
        self,
        name: str,
        args: VaultAccessOperatorConsumerArgs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        namespace, account = self.check(name, args)
        super().__init__("vault-aws-auth:index:VaultAccessOperatorConsumer", name, {}, opts)
        login = args["login"]
        tls = _tls(args, namespace)
        defaults = without_empty({"authPath": args.get("default_auth_path", "")})
        method, mode = method_of(login), mode_of(login)

        def values(facts: Facts) -> dict[str, Any]:
            chart_makes_it = mode is ServiceAccountMode.NONE
            annotations = role_annotations(method, facts.iam_role_arn) if chart_makes_it else {}
            return {
                "serviceAccount": {
                    "create": chart_makes_it,
                    "name": account,
                    **({"annotations": annotations} if annotations else {}),
                }
            }

        def spec(facts: Facts) -> dict[str, Any]:
            return {
                "address": facts.address,
                **({"tls": tls} if tls else {}),
                "auth": {"aws": _aws(facts)},
                **({"defaults": defaults} if defaults else {}),
            }

        def written(build: Any) -> pulumi.Output[dict[str, Any]]:
            return told(self.KIND, args["connection"], login, build, namespaces=False)

        specification = written(spec)
        self.values = written(values)
        self.manifests = specification.apply(
            lambda spec: [
                {
                    "apiVersion": API_VERSION,
                    "kind": "VaultConnection",
                    "metadata": {"name": name},
                    "spec": spec,
                }
            ]
        )
        release = args.get("release")
        waits_for: list[pulumi.Resource] = []
        if release is not None:
            waits_for.append(install(name, release, CHART, namespace, self.values, self))
        if args.get("apply", False):
            # Read, not made: it is the operator's. Where it is missing, already the preview says so, and not
            # the API server after half of the update.
            waits_for.append(
                kubernetes.apiextensions.v1.CustomResourceDefinition.get(
                    f"{name}-definition", DEFINITION, opts=pulumi.ResourceOptions(parent=self)
                )
            )
            kubernetes.apiextensions.CustomResource(
                f"{name}-vault-connection",
                api_version=API_VERSION,
                kind="VaultConnection",
                metadata=kubernetes.meta.v1.ObjectMetaArgs(name=name),
                spec=specification,
                opts=pulumi.ResourceOptions(parent=self, depends_on=waits_for),
            )
        self.register_outputs({"values": self.values, "manifests": self.manifests})

    @classmethod
    def check(cls, name: str, args: VaultAccessOperatorConsumerArgs) -> tuple[str, str]:
        """Namespace and name of the service account."""
        check_connection(cls.KIND, args["connection"], namespaces=False)
        object_name(name)
        account = one_account(args["login"], args.get("service_account", ""))
        method_of(args["login"])
        mode_of(args["login"])
        _tls(args, account[0])
        release = args.get("release")
        if release is not None:
            check_release(release)
        return account


def _aws(facts: Facts) -> dict[str, Any]:
    return without_empty(
        {
            "role": facts.vault_role,
            "authPath": facts.mount_path,
            "authType": "iam",
            "region": facts.sts_region,
            "stsEndpoint": facts.sts_endpoint,
            "iamServerIdHeaderValue": facts.server_id_header,
        }
    )


def _tls(args: VaultAccessOperatorOptions, namespace: str) -> dict[str, Any]:
    if not args.get("ca_secret_name"):
        for field in ("ca_secret_namespace", "ca_secret_key"):
            if field in args:
                raise ValueError(f"{field}: is given without ca_secret_name; write the secret's name, too")
        return {}
    return {
        "caSecretRef": {
            "name": args["ca_secret_name"],
            # The VaultConnection has no namespace of its own in which the secret could be looked for.
            "namespace": args.get("ca_secret_namespace", namespace),
            "key": args.get("ca_secret_key", "ca.crt"),
        }
    }
