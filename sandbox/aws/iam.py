"""IAM features that moto lacks: checks of documents, trust pinned to unique IDs, client IDs."""

import re
from typing import Any

from moto.iam.models import iam_backends
from werkzeug.wrappers import Response

from sandbox.aws import policy, quotas
from sandbox.aws.authorization import SELF_SERVICE
from sandbox.aws.calls import Call
from sandbox.aws.errors import AwsError, empty_response
from sandbox.aws.identity import Caller
from sandbox.aws.replicas import REPLICAS
from sandbox.aws.state import State

_TRUST_DOCUMENTS = {"CreateRole": "AssumeRolePolicyDocument", "UpdateAssumeRolePolicy": "PolicyDocument"}
_IDENTITY_DOCUMENTS = (
    "CreatePolicy",
    "CreatePolicyVersion",
    "PutGroupPolicy",
    "PutRolePolicy",
    "PutUserPolicy",
)
# Names are unique in an account regardless of case and path: moto's table, AWS's message.
_UNIQUE = {
    "CreateGroup": ("GroupName", "groups", "Group with name {} already exists."),
    "CreateInstanceProfile": (
        "InstanceProfileName",
        "instance_profiles",
        "Instance Profile {} already exists.",
    ),
    "CreatePolicy": (
        "PolicyName",
        "managed_policies",
        "A policy called {} already exists. Duplicate names are not allowed.",
    ),
    "CreateRole": ("RoleName", "roles", "Role with name {} already exists."),
    "CreateUser": ("UserName", "users", "User with name {} already exists."),
}
_PRINCIPAL_ARN = re.compile(r"arn:(?P<partition>[\w-]+):iam::(?P<account>\d{12}):(?P<kind>role|user)/.+")


def check(call: Call, caller: Caller, trust_policy: int = quotas.TRUST_POLICY) -> None:
    """Refuses what AWS refuses, before anything changes; `trust_policy` is the quota for trust policies."""
    if call.action in SELF_SERVICE and not call.text("UserName") and not caller.is_user:
        raise AwsError("ValidationError", "Must specify userName when calling with non-User credentials", 400)
    quotas.check(call, caller, trust_policy)
    try:
        if call.action in _IDENTITY_DOCUMENTS:
            policy.parse(call.text("PolicyDocument"))
        if call.action in _TRUST_DOCUMENTS:
            _pins(call)
            with REPLICAS.any("principals", call.text("RoleName")):
                _pins(call)
    except policy.MalformedPolicy as error:
        raise AwsError("MalformedPolicyDocument", str(error), 400) from None
    if call.action == "CreateOpenIDConnectProvider" and not call.text("Url").startswith("https://"):
        raise AwsError("ValidationError", "Invalid Open ID Connect Provider URL", 400)
    if call.action in _UNIQUE:
        parameter, table, message = _UNIQUE[call.action]
        name, own = call.text(parameter), f":{caller.account}:"  # includes AWS managed policies
        entities = getattr(iam_backends[caller.account][caller.partition], table).values()
        if any(e.name.lower() == name.lower() for e in entities if own in e.arn):
            raise AwsError("EntityAlreadyExists", message.format(name), 409)

    backend = iam_backends[caller.account][caller.partition]
    boundary = call.text("PermissionsBoundary")
    if boundary and boundary not in backend.managed_policies:
        raise AwsError("NoSuchEntity", f"Scope ARN: {boundary} does not exist or is not attachable.", 404)
    if call.action == "DeletePolicy":
        attached = backend.managed_policies.get(call.text("PolicyArn"))
        if attached is not None and attached.attachment_count:
            raise AwsError("DeleteConflict", "Cannot delete a policy attached to entities.", 409)
    if call.action == "DeleteUser":
        _check_empty(call.text("UserName"), backend)
    with REPLICAS.any(call.action, call.text("RoleName")):
        _check_role(call, backend)


def _check_empty(name: str, backend: Any) -> None:
    """Refuses to delete a user with keys or memberships; moto checks its policies."""
    user = backend.users.get(name)
    if user and user.access_keys:
        raise AwsError("DeleteConflict", "Cannot delete entity, must delete access keys first.", 409)
    if user and backend.get_groups_for_user(name):
        raise AwsError("DeleteConflict", "Cannot delete entity, must remove users from group first.", 409)


def _check_role(call: Call, backend: Any) -> None:
    """What IAM looks up of a role when it is deleted or put into an instance profile; moto checks it, too."""
    name = call.text("RoleName")
    role = next((each for each in backend.roles.values() if each.name == name), None)
    if call.action == "AddRoleToInstanceProfile" and role is None:
        raise AwsError("NoSuchEntity", f"The role with name {name} cannot be found.", 404)
    if call.action == "DeleteRole" and role is not None and role.managed_policies:
        raise AwsError("DeleteConflict", "Cannot delete entity, must detach all policies first.", 409)


def own_answer(call: Call, caller: Caller) -> Response | None:
    """The answer to actions that moto lacks; None for all others."""
    if call.action in ("PutUserPermissionsBoundary", "DeleteUserPermissionsBoundary"):
        name = call.text("UserName")
        user = iam_backends[caller.account][caller.partition].users.get(name)
        if user is None:
            raise AwsError("NoSuchEntity", f"The user with name {name} cannot be found.", 404)
        _bound(user, call.text("PermissionsBoundary"))
        return empty_response(call.service, call.action)
    if call.action not in ("AddClientIDToOpenIDConnectProvider", "RemoveClientIDFromOpenIDConnectProvider"):
        return None
    arn, client = call.text("OpenIDConnectProviderArn"), call.text("ClientID")
    provider = iam_backends[caller.account][caller.partition].open_id_providers.get(arn)
    if provider is None:
        raise AwsError("NoSuchEntity", f"OpenIDConnect Provider not found for arn {arn}", 404)
    others = [c for c in provider.client_id_list if c != client]
    provider.client_id_list = [*others, client] if call.action.startswith("Add") else others
    return empty_response(call.service, call.action)


def _bound(user: Any, boundary: str) -> None:
    """Sets or removes a user's permissions boundary, which moto lacks."""
    user.permissions_boundary_arn = boundary or None
    shown = {"PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": boundary}
    user.permissions_boundary = shown if boundary else None


def after(call: Call, caller: Caller, state: State) -> None:
    """Adds what moto leaves out: users' boundaries, pinned principals of trust policies, deleted roles."""
    if call.action == "CreateUser" and call.text("PermissionsBoundary"):
        users = iam_backends[caller.account][caller.partition].users
        _bound(users[call.text("UserName")], call.text("PermissionsBoundary"))
    roles = iam_backends[caller.account][caller.partition].roles
    if call.action in _TRUST_DOCUMENTS:
        role = next(r for r in roles.values() if r.name == call.text("RoleName"))
        state.pinned[role.id] = _pins(call)
    elif call.action == "DeleteRole":
        present = {
            r for account in iam_backends.values() for backend in account.values() for r in backend.roles
        }
        state.pinned = {role: pins for role, pins in state.pinned.items() if role in present}


def _pins(call: Call) -> dict[str, str]:
    """The current unique IDs of the users and roles in a trust policy.

    Refuses missing ones, as AWS does. Ignores accounts that the sandbox does not have.
    """
    document = policy.parse(call.text(_TRUST_DOCUMENTS[call.action]), trust=True)
    pins = {}
    for statement in document.statements:
        for kind, arn in statement.principals or ():
            match = _PRINCIPAL_ARN.fullmatch(arn) if kind == "AWS" else None
            if match and match["account"] in iam_backends:
                backend = iam_backends[match["account"]][match["partition"]]
                table: dict[str, Any] = backend.roles if match["kind"] == "role" else backend.users
                found = next((p for p in table.values() if p.arn == arn), None)
                if found is None:
                    raise policy.MalformedPolicy(f'Invalid principal in policy: "AWS":"{arn}"')
                pins[arn] = str(found.id)
    return pins
