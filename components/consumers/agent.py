"""Vault Agent: the injector's annotations for a workload, or a configuration file with auto-auth."""

import json
from collections.abc import Sequence
from enum import Enum
from typing import Any

import pulumi
from typing_extensions import NotRequired, TypedDict

from ..pod_role import PodIdentityMethod
from ..vault_auth import VaultConnection
from .base import (
    Consumer,
    ConsumerLogin,
    Facts,
    check_connection,
    choice,
    method_of,
    object_name,
    one_account,
    told,
    without_empty,
)

ANNOTATION = "vault.hashicorp.com/"
FILE_NAME = "agent.hcl"


class AgentForm(Enum):
    """How the agent comes to the workload."""

    INJECTOR = "injector"
    """The Vault Agent Injector adds it to a pod that is annotated: a patch for a Deployment or the like."""

    FILE = "file"
    """Somebody runs it with a configuration file, which is in a ConfigMap."""


class VaultAgentOptions(TypedDict):
    """What the agent must be told beside Vault and the login."""

    form: NotRequired[AgentForm]
    """How the agent comes to the workload: `injector` or `file`. Default: `injector`."""

    service_account: NotRequired[str]
    """The workload's service account, as `NAMESPACE/NAME`. Default: the login's only one."""

    secrets: NotRequired[Sequence[str]]
    """With the form `injector`: what the agent writes to `/vault/secrets/NAME`, each as `NAME=PATH` with the
    path as Vault's API has it, e.g. `config=dev/data/app`. Default: none."""

    tls_secret: NotRequired[str]
    """With the form `injector`: name of the secret, in the workload's namespace, whose key `ca.crt` has the
    CA certificate that Vault's is checked with. Default: none, the CAs of the agent's image."""

    ca_cert: NotRequired[str]
    """With the form `file`: path of the file with that CA certificate. Default: none, the CAs of the
    system."""

    sink_path: NotRequired[str]
    """With the form `file`: where the agent writes its Vault token. Default: `/home/vault/.vault-token`."""


class VaultAgentConsumerArgs(VaultAgentOptions):
    """An agent, and the login that it uses."""

    connection: VaultConnection
    """The mount: `VaultAwsAuth.connection`, or its outputs; `address` is needed."""

    login: ConsumerLogin
    """The login, of the workload's service account; with the form `file` also one of instances or of other
    principals."""


OF_FORM = {AgentForm.INJECTOR: ("secrets", "tls_secret"), AgentForm.FILE: ("ca_cert", "sink_path")}
"""The options that only one form has."""


class VaultAgentConsumer(Consumer):
    """`auto_auth` with the method aws, for an agent beside a workload."""

    KIND = "vault-agent"
    OPTIONS = VaultAgentOptions

    values: pulumi.Output[dict[str, Any]] | None
    """With the form `injector`: a patch of what makes the workload's pods."""

    manifests: pulumi.Output[list[dict[str, Any]]] | None
    """With the form `file`: a ConfigMap with `agent.hcl`, named like the consumer."""

    def __init__(
        self, name: str, args: VaultAgentConsumerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        form, (namespace, account) = self.check(name, args)
        super().__init__("vault-aws-auth:index:VaultAgentConsumer", name, {}, opts)
        login = args["login"]
        self.values = self.manifests = None
        if form is AgentForm.INJECTOR:
            injected = {
                **_secrets(args.get("secrets", [])),
                **_tls(args.get("tls_secret", "")),
            }
            self.values = told(
                self.KIND, args["connection"], login, lambda facts: _patch(facts, account, injected)
            )
            self.register_outputs({"values": self.values})
        else:
            ca_cert = args.get("ca_cert", "")
            sink_path = args.get("sink_path", "/home/vault/.vault-token")
            metadata = without_empty({"name": name, "namespace": namespace})
            self.manifests = told(
                self.KIND,
                args["connection"],
                login,
                lambda facts: [
                    {
                        "apiVersion": "v1",
                        "kind": "ConfigMap",
                        "metadata": metadata,
                        "data": {FILE_NAME: _file(facts, ca_cert, sink_path)},
                    }
                ],
            )
            self.register_outputs({"manifests": self.manifests})

    @classmethod
    def check(cls, name: str, args: VaultAgentConsumerArgs) -> tuple[AgentForm, tuple[str, str]]:
        """How the agent comes to the workload, and the workload's service account; empty names for none."""
        check_connection(cls.KIND, args["connection"])
        login, chosen = args["login"], args.get("service_account", "")
        form = choice("form", args.get("form", AgentForm.INJECTOR), AgentForm)
        method = method_of(login)
        for other, fields in OF_FORM.items():
            for field in fields:
                if other is not form and field in args:
                    raise ValueError(f"{field}: is for the form {other.value}; leave it out")
        if form is AgentForm.INJECTOR:
            if method is not PodIdentityMethod.IRSA:
                raise ValueError(
                    "login.method: is pod-identity, whose credentials the Vault Agent Injector does not hand "
                    "to the agent; set the login's method to irsa, or form to file"
                )
            _secrets(args.get("secrets", []))
            return form, one_account(login, chosen)
        object_name(name)
        # An agent on an instance has no service account, and its ConfigMap is only a way to carry a file.
        has_account = bool(chosen or login["service_accounts"])
        return form, one_account(login, chosen) if has_account else ("", "")


def _patch(facts: Facts, account: str, injected: dict[str, str]) -> dict[str, Any]:
    annotations = {
        "agent-inject": "true",
        "service": facts.address,
        "namespace": facts.namespace,
        "auth-type": "aws",
        "auth-path": facts.auth_path,
        "role": facts.vault_role,
        # The injector hands on what follows auth-config- as the method's own settings, with _ for -.
        "auth-config-type": "iam",
        "auth-config-region": facts.sts_region,
        "auth-config-header-value": facts.server_id_header,
        **injected,
    }
    annotated = {ANNOTATION + key: value for key, value in without_empty(annotations).items()}
    pod = {"metadata": {"annotations": annotated}, "spec": {"serviceAccountName": account}}
    return {"spec": {"template": pod}}


def _secrets(secrets: Sequence[str]) -> dict[str, str]:
    annotations = {}
    for secret in secrets:
        name, _, path = secret.partition("=")
        if not name or not path or "/" in name:
            raise ValueError(f"secrets: {secret!r} is not NAME=PATH; write e.g. config=dev/data/app")
        annotations[f"agent-inject-secret-{name}"] = path
    return annotations


def _tls(secret: str) -> dict[str, str]:
    # The injector mounts the secret there.
    return {"tls-secret": secret, "ca-cert": "/vault/tls/ca.crt"} if secret else {}


def _file(facts: Facts, ca_cert: str, sink_path: str) -> str:
    settings = {
        "type": "iam",
        "role": facts.vault_role,
        "region": facts.sts_region,
        "header_value": facts.server_id_header,
    }
    return "\n".join(
        [
            "vault {",
            *_lines({"address": facts.address, "ca_cert": ca_cert}, 2),
            "}",
            "",
            "auto_auth {",
            '  method "aws" {',
            *_lines({"mount_path": facts.auth_path, "namespace": facts.namespace}, 4),
            "    config = {",
            *_lines(settings, 6),
            "    }",
            "  }",
            "",
            '  sink "file" {',
            "    config = {",
            *_lines({"path": sink_path}, 6),
            "    }",
            "  }",
            "}",
            "",
        ]
    )


def _lines(fields: dict[str, str], indent: int) -> list[str]:
    given = without_empty(fields)
    width = max(map(len, given))
    # A string of HCL is written like one of JSON.
    return [f"{' ' * indent}{key.ljust(width)} = {json.dumps(value)}" for key, value in given.items()]
