"""Vault Agent: the injector's annotations for a workload, or a configuration file with auto-auth."""

import json
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Annotated, Any

import pulumi
from typing_extensions import NotRequired, TypedDict

from ..declared import UNIQUE, Default, Refusal, checked, matches, rule
from ..forms import FilePath, KubernetesName, ServiceAccount
from ..pod_role import PodIdentityMethod
from .base import Consumer, ConsumerArgs, ConsumerFacts, drop_empty, known_login, one_service_account, unused

ANNOTATION = "vault.hashicorp.com/"
FILE_NAME = "agent.hcl"

InjectedSecret = Annotated[
    str,
    # The name ends that of an annotation, which Kubernetes takes with 63 characters.
    matches(
        r"[A-Za-z0-9._-]{0,42}[A-Za-z0-9]=[!-~]+",
        "NAME=PATH; write e.g. config=dev/data/app, the name of up to 43 letters, digits, -, _ and .",
        "config=dev/data/app",
    ),
]


class AgentForm(Enum):
    """How the agent comes to the workload."""

    INJECTOR = "injector"
    """The Vault Agent Injector adds it to a pod that is annotated: a patch for a Deployment or the like."""

    FILE = "file"
    """You run it with a configuration file, which is in a ConfigMap."""


class VaultAgentOptions(TypedDict):
    """Settings of the agent, beside Vault and the login."""

    form: NotRequired[Annotated[AgentForm, Default(AgentForm.INJECTOR)]]
    """How the agent comes to the workload: `injector` or `file`."""

    service_account: NotRequired[ServiceAccount]
    """The workload's service account, as `NAMESPACE/NAME`. Default: the login's only one."""

    secrets: NotRequired[Annotated[Sequence[InjectedSecret], Default(()), UNIQUE]]
    """With the form `injector`: what the agent writes to `/vault/secrets/NAME`, each as `NAME=PATH` with the
    path as Vault's API has it, e.g. `config=dev/data/app`."""

    tls_secret: NotRequired[KubernetesName]
    """With the form `injector`: name of the secret, in the workload's namespace, whose key `ca.crt` has the
    CA certificate that Vault's is checked with. Default: none, the CAs of the agent's image."""

    ca_cert: NotRequired[FilePath]
    """With the form `file`: path of the file with that CA certificate. Default: none, the CAs of the
    system."""

    sink_path: NotRequired[Annotated[FilePath, Default("/home/vault/.vault-token")]]
    """With the form `file`: where the agent writes its Vault token."""


class VaultAgentConsumerArgs(VaultAgentOptions, ConsumerArgs):
    """An agent, and the login that it uses."""


OF_FORM = {AgentForm.INJECTOR: ("secrets", "tls_secret"), AgentForm.FILE: ("ca_cert", "sink_path")}
"""The options that only one form has."""


@rule(VaultAgentOptions, "form", "secrets", "tls_secret", "ca_cert", "sink_path")
def _of_form(options: VaultAgentOptions) -> Iterator[Refusal]:
    for form, fields in OF_FORM.items():
        if form is not options["form"]:
            text = f"is unused: it is for {{form}} {form.value}; remove it"
            yield from unused(options, VaultAgentOptions, *fields, text=text)


@rule(VaultAgentConsumerArgs, "form", "login")
def _method(args: VaultAgentConsumerArgs) -> Iterator[Refusal]:
    login = known_login(args)
    if login and args["form"] is AgentForm.INJECTOR and login["method"] is not PodIdentityMethod.IRSA:
        yield Refusal(
            ("login", "method"),
            f"is {login['method'].value}, whose credentials the Vault Agent Injector does not pass to the "
            "agent; write irsa, or {form}: file",
        )


@rule(VaultAgentConsumerArgs, "form", "login", "service_account")
def _service_account(args: VaultAgentConsumerArgs) -> Iterator[Refusal]:
    login = known_login(args)
    # An agent on an instance has no service account, and its ConfigMap only carries a file.
    on_instance = login and not login["service_accounts"] and "service_account" not in args
    if not (on_instance and args["form"] is AgentForm.FILE):
        yield from one_service_account(args)


class VaultAgentConsumer(Consumer):
    """`auto_auth` with the method aws, for an agent beside a workload. The login is that of the workload's
    service account; with the form `file` also one of instances or of other principals."""

    KIND = "vault-agent"
    OPTIONS = VaultAgentOptions
    ARGS = VaultAgentConsumerArgs

    values: pulumi.Output[dict[str, Any]] | None
    """With the form `injector`: a patch of what makes the workload's pods."""

    manifests: pulumi.Output[list[dict[str, Any]]] | None
    """With the form `file`: a ConfigMap with `agent.hcl`, named like the consumer."""

    def __init__(
        self, name: str, args: VaultAgentConsumerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        args = checked(VaultAgentConsumerArgs, args)
        super().__init__(name, args, opts)
        self.values = self.manifests = None
        if args["form"] is AgentForm.INJECTOR:
            self.values = self._render(args, lambda facts: _patch(facts, args))
            self.register_outputs({"values": self.values})
        else:
            self.manifests = self._render(args, lambda facts: [_config_map(name, facts, args)])
            self.register_outputs({"manifests": self.manifests})

    @classmethod
    def names_objects(cls, options: Any) -> bool:
        return options.get("form") is AgentForm.FILE


def _patch(facts: ConsumerFacts, options: VaultAgentOptions) -> dict[str, Any]:
    tls_secret = options.get("tls_secret")
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
        **_secrets(options["secrets"]),
        "tls-secret": tls_secret,
        # The injector mounts the secret there.
        "ca-cert": "/vault/tls/ca.crt" if tls_secret else None,
    }
    annotated = {ANNOTATION + key: value for key, value in drop_empty(annotations).items()}
    _, account = facts.service_account(options)
    pod = {"metadata": {"annotations": annotated}, "spec": {"serviceAccountName": account}}
    return {"spec": {"template": pod}}


def _secrets(secrets: Sequence[str]) -> dict[str, str]:
    parts = (secret.partition("=") for secret in secrets)
    return {f"agent-inject-secret-{name}": path for name, _, path in parts}


def _config_map(name: str, facts: ConsumerFacts, options: VaultAgentOptions) -> dict[str, Any]:
    namespace, _ = facts.service_account(options)
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": drop_empty({"name": name, "namespace": namespace}),
        "data": {FILE_NAME: _file(facts, options.get("ca_cert", ""), options["sink_path"])},
    }


def _file(facts: ConsumerFacts, ca_cert: str, sink_path: str) -> str:
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
    given = drop_empty(fields)
    width = max(map(len, given))
    # A string of HCL is written like one of JSON.
    return [f"{' ' * indent}{key.ljust(width)} = {json.dumps(value)}" for key, value in given.items()]
