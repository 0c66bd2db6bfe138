"""What the stack looks up in AWS and Vault: a failure is told with the setting that it comes from.

The provider says what it asked for, and nothing of the setting; and the SDK puts a traceback before it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import pulumi
from google.protobuf import json_format
from pulumi.runtime import settings

from components import arns
from components.declared import to_camel
from stack.file import StackFile
from stack.sections import PROJECT, REGION_KEY

GET_ROLE, GET_USER = "aws:iam/getRole:getRole", "aws:iam/getUser:getUser"
GET_CLUSTER = "aws:eks/getCluster:getCluster"
GET_NAMESPACE = "vault:index/getNamespace:getNamespace"
GET_AUTH = "vault:index/getAuthBackend:getAuthBackend"

_NOT_FOUND = re.compile(
    r"NoSuchEntity|ResourceNotFound|couldn't find|cannot be found|no cluster found|not found|there is no",
    re.IGNORECASE,
)
_NOT_ALLOWED = re.compile(
    r"AccessDenied|not authorized|UnauthorizedOperation|permission denied", re.IGNORECASE
)
_NO_ROLE = re.compile(r"sts:AssumeRole|cannot assume|cannot be assumed", re.IGNORECASE)
_NO_CREDENTIALS = re.compile(
    r"ExpiredToken|InvalidClientTokenId|SignatureDoesNotMatch|UnrecognizedClient|no valid credential|"
    r"get credentials|invalid security token|security token included",
    re.IGNORECASE,
)


def explain(stack: StackFile) -> None:
    """From here on, a look-up that fails names the setting, and what to write."""
    settings.SETTINGS.monitor = _Explained(settings.get_monitor(), stack)


@dataclass
class _Explained:
    """The engine's resource monitor."""

    monitor: Any
    stack: StackFile

    def __getattr__(self, name: str) -> Any:
        return getattr(self.monitor, name)

    def Invoke(self, request: Any) -> Any:
        asked = json_format.MessageToDict(request.args)
        try:
            answer = self.monitor.Invoke(request)
        except grpc.RpcError as error:
            details: Any = error  # gRPC's errors are its calls as well
            if text := explanation(self.stack, request.tok, asked, str(details.details())):
                raise pulumi.RunError(text) from None
            raise
        if request.tok in (GET_ROLE, GET_USER):
            found = str(json_format.MessageToDict(getattr(answer, "return")).get("arn", ""))
            if text := another(self.stack, request.tok, asked, found):
                raise pulumi.RunError(text)
        return answer


def explanation(stack: StackFile, function: str, asked: dict[str, Any], said: str) -> str:
    """A look-up's failure as a stack file's problem; empty if it comes from none of its settings.

    `asked` are the function's arguments, `said` is what the provider says.
    """
    keys = list(_keys(stack, function, asked))
    if not keys:
        return ""
    (key, what, action, mend), *others = keys
    if _NO_CREDENTIALS.search(said):
        problem = (
            f"{what} is looked up, and AWS does not know the credentials of this shell; log in to AWS again "
            "(aws sts get-caller-identity)"
        )
    elif _NO_ROLE.search(said):
        problem = (
            f"{what} is looked up with a role there, which you may not assume or is not there; see "
            f"{PROJECT}:accounts, deployRoleArn"
        )
    elif _NOT_ALLOWED.search(said):
        problem = f"{what} is looked up, and you may not: it needs {action}"
    elif _NOT_FOUND.search(said):
        problem = f"there is no {what}; {mend}"
    else:
        problem = f"{what} cannot be looked up"
    also = f" (also {', '.join(each[0] for each in others)})" if others else ""
    return f"{key}{also}: {problem}. The provider says: {_plain(said)}"


def another(stack: StackFile, function: str, asked: dict[str, Any], found: str) -> str:
    """What is wrong with the ARN that is written, if another one was found by its name. IAM goes by the name
    alone, and so does Vault: it would accept another path, or none, silently."""
    kind, argument = _kind(function)
    written = [
        (key, arn)
        for key, arn in principals(stack)
        if (arns.parse(arn).kind, arns.parse(arn).name) == (kind, asked.get(argument))
    ]
    if not found.startswith("arn:") or found in {arn for _, arn in written}:
        return ""
    account = arns.parse(found).account
    for key, arn in written:
        if arns.parse(arn).account == account:
            return f"{key}: {arn} is not its ARN; write it as IAM has it, with its path: {found}"
    key, arn = written[0] if written else ("", "")
    return key and (
        f"{key}: {arn} was looked for in the account {account}, to which your credentials belong; log in to "
        f"AWS with the account {arns.parse(arn).account}, or write {PROJECT}:accountId"
    )


def _kind(function: str) -> tuple[str, str]:
    """What a function looks up, and by which argument."""
    return ("role", "name") if function == GET_ROLE else ("user", "userName")


def _keys(stack: StackFile, function: str, asked: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """The settings that a look-up comes from: each with what is looked up, the permission for that, and what
    to write if it is not there."""
    if function in (GET_ROLE, GET_USER):
        kind, argument = _kind(function)
        action = "iam:GetRole" if kind == "role" else "iam:GetUser"
        mend = f"make the {kind} first, or write the ARN of one that is there"
        for key, arn in principals(stack):
            parsed = arns.parse(arn)
            if (parsed.kind, parsed.name) == (kind, asked.get(argument)):
                yield key, f"IAM {kind} {parsed.name} in the account {parsed.account}", action, mend
    elif function == GET_CLUSTER:
        for cluster in stack.clusters.values():
            if cluster.existing and cluster.name == asked.get("name"):  # else it is to be made
                region = f"{cluster.path}.region" if cluster.elsewhere else REGION_KEY
                yield (
                    f"{cluster.path}.name",
                    f"EKS cluster {cluster.name} in {cluster.region}",
                    "eks:DescribeCluster",
                    f"write the name of one that is there, and its region as {region}; without existing: "
                    "true the stack makes it",
                )
    elif function == GET_AUTH:
        path = asked.get("path")
        yield (
            f"{PROJECT}:vault.mountPath",
            f"AWS auth mount {path} in Vault",
            f"read on sys/auth/{path}",
            "write the path of one that is there (vault auth list); with mount: create the stack makes it",
        )
    elif function == GET_NAMESPACE:
        yield (
            f"{PROJECT}:vault.namespace",
            f"namespace {stack.vault['namespace']} in Vault",
            "read on sys/namespaces/… in the namespace above it",
            "make it first (vault namespace create), or write one that is there",
        )


def principals(stack: StackFile) -> Iterator[tuple[str, str]]:
    """Every ARN of a role or user that is written, with its key."""
    for name, login in stack.logins.items():
        for field in ("principals", "role_arns"):
            for index, arn in enumerate(login.options.get(field) or ()):
                yield f"{PROJECT}:logins.{name}.{to_camel(field)}[{index}]", str(arn)
        if arn := login.options.get("iam_role_arn"):
            yield f"{PROJECT}:logins.{name}.iamRoleArn", str(arn)
    for cluster in stack.clusters.values():
        for group, arn in (cluster.options.get("node_role_arns") or {}).items():
            yield f"{cluster.path}.nodeRoleArns.{group}", str(arn)
    if role := stack.identity.options.get("role_arn"):
        yield f"{PROJECT}:vaultIdentity.roleArn", str(role)
    if stack.secrets_engine and (role := stack.secrets_engine.options.get("role_arn")):
        yield stack.secrets_engine.at("role_arn"), str(role)


_LAYERS = (r"invocation of \S+ returned an error: ", r"invoking \S+: ", r"[\w-]+:\w+/\w+:\w+: ")


def _plain(said: str) -> str:
    """In one line, without what the layers between added."""
    text = " ".join(said.split())
    for layer in _LAYERS:
        text = re.sub(f"(?a)^{layer}", "", text)
    return text
