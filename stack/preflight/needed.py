"""What the stack needs and does not make: an update would fail where it gets to it, in the middle."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from components import arns
from components.declared import to_camel
from components.forms import is_wild, split_service_account
from components.logins.base import ServiceAccountMode
from stack.clusters import StackCluster
from stack.file import StackFile
from stack.preflight.in_cluster import OF_EVERY_CLUSTER
from stack.preflight.objects import Made, Thing, namespace_of, thing
from stack.sections import PROJECT


class Needed(NamedTuple):
    """A thing that must be there, and the key of the setting that names it."""

    made: Made

    by: Thing
    """What the stack makes with it. Where the stack has made that, the thing was there."""

    what: str
    """The thing, where it is missing: `there is no …`."""

    mend: str
    """What to do then."""

    arn: str = ""
    """The ARN that is written, of what is looked up by its name."""


def of(stack: StackFile) -> Iterator[Needed]:
    """Everything that the stack needs of what it can look up."""
    yield from _namespace_of_vault(stack)
    yield from _principals(stack)
    yield from _policies(stack)
    yield from _boundaries(stack)
    for cluster in stack.clusters.values():
        yield from _of_new_cluster(cluster)
    yield from _in_cluster(stack)


def _namespace_of_vault(stack: StackFile) -> Iterator[Needed]:
    if namespace := stack.vault["namespace"]:
        yield Needed(
            Made(Thing("Vault namespace", namespace), f"{PROJECT}:vault.namespace"),
            _mount(stack),
            f"namespace {namespace} in Vault",
            "make it first (vault namespace create), or write one that is there",
        )


def _mount(stack: StackFile) -> Thing:
    return thing("auth mount", stack.vault["mount_path"])


def place_of(stack: StackFile, account: str) -> str | None:
    """Where an account is looked into: empty, with the stack's own credentials; its ID, with its deploy role;
    None, it cannot be."""
    if account == stack.account_id:
        return ""
    makes = account in stack.accounts and "role_arn" not in stack.accounts[account]
    return account if makes else None


def _principals(stack: StackFile) -> Iterator[Needed]:
    """IAM roles and users that Vault resolves, or a trust policy names."""
    for name, login in stack.logins.items():
        key = f"{PROJECT}:logins.{name}"
        by = thing("Vault role", stack.vault["mount_path"], login.options.get("vault_role", name))
        for field in ("principals", "role_arns"):
            for index, arn in enumerate(login.options.get(field) or ()):
                yield from _principal(stack, arn, f"{key}.{to_camel(field)}[{index}]", by)
        for cluster in stack.clusters_of(login):
            of_nodes = cluster.options.get("node_role_arns") or {}
            for group in login.options.get("node_groups") or ():
                where = f"{cluster.path}.nodeRoleArns.{group}"
                yield from _principal(stack, of_nodes.get(group), where, by)
    identity = stack.identity.options.get("role_arn")
    yield from _principal(stack, identity, f"{PROJECT}:vaultIdentity.roleArn", _mount(stack))
    if engine := stack.secrets_engine:
        by = thing("secrets engine", engine.options["path"])
        yield from _principal(stack, engine.options.get("role_arn"), engine.at("role_arn"), by)
    for account, declared in stack.accounts.items():
        key = f"{PROJECT}:accounts.{account}"
        by = thing("STS role", stack.vault["mount_path"], account)
        yield from _principal(stack, declared.get("role_arn"), f"{key}.roleArn", by)
        for index, arn in enumerate(declared.get("trusted_principals") or ()):
            yield from _principal(stack, arn, f"{key}.trustedPrincipals[{index}]", by)


def _principal(stack: StackFile, arn: str | None, key: str, by: Thing) -> Iterator[Needed]:
    if not arn or "*" in arn:
        return
    parsed = arns.parse(arn)
    place = place_of(stack, parsed.account)
    if place is not None and parsed.kind in ("role", "user"):
        yield Needed(
            Made(thing(f"IAM {parsed.kind}", parsed.name, account=place), key, parsed.name),
            by,
            f"IAM {parsed.kind} {parsed.name} in the account {parsed.account}",
            f"make the {parsed.kind} first, or write the ARN of one that is there",
            arn,
        )


def _policies(stack: StackFile) -> Iterator[Needed]:
    """Managed policies that the stack, or Vault's secrets engine, attaches."""
    if engine := stack.secrets_engine:
        for name, role in engine.options["roles"].items():
            by = thing("secrets engine role", engine.options["path"], name)
            for index, arn in enumerate(role.get("policy_arns") or ()):
                yield from _policy(stack, arn, f"{engine.path}.roles.{name}.policyArns[{index}]", by)


def _boundaries(stack: StackFile) -> Iterator[Needed]:
    def bound(options: Mapping[str, Any], key: str, by: Thing) -> Iterator[Needed]:
        key = f"{key}.permissionsBoundary"
        yield from _policy(stack, options.get("permissions_boundary"), key, by, by.account)

    for name, login in stack.logins.items():
        role = thing("IAM role", login.options.get("iam_role_name") or name)
        yield from bound(login.options, f"{PROJECT}:logins.{name}", role)
    for account, declared in stack.accounts.items():
        place = place_of(stack, account) or ""
        role = thing("IAM role", declared.get("role_name", ""), account=place)
        yield from bound(declared, f"{PROJECT}:accounts.{account}", role)
    yield from bound(stack.identity.options, f"{PROJECT}:vaultIdentity", _mount(stack))
    if engine := stack.secrets_engine:
        yield from bound(engine.options, engine.path, thing("secrets engine", engine.options["path"]))
    for cluster in stack.clusters.values():
        by = thing("EKS cluster", cluster.name, cluster=cluster.place)
        for group, declared in (cluster.options.get("node_groups") or {}).items():
            yield from bound(declared, f"{cluster.path}.nodeGroups.{group}", by)


def _policy(stack: StackFile, arn: str | None, key: str, by: Thing, place: str = "") -> Iterator[Needed]:
    """A managed policy of AWS, or of the account that it is looked up in."""
    account = arns.parse(arn).account if arn else ""
    if arn and account in ("aws", place or stack.account_id):
        yield Needed(
            Made(Thing("managed policy", arn, place), key),
            by,
            f"IAM policy {arn}",
            "make the policy first, or write the ARN of one that is there",
        )


def _of_new_cluster(cluster: StackCluster) -> Iterator[Needed]:
    """Networks and keys, which EKS refuses when other things have been made."""
    if cluster.existing:
        return
    options, key, place = cluster.options, cluster.path, cluster.place
    by = thing("EKS cluster", cluster.name, cluster=place)
    named = [("VPC", options.get("vpc_id"), f"{key}.vpcId")]
    for index, subnet in enumerate(options.get("subnet_ids") or ()):
        named.append(("subnet", subnet, f"{key}.subnetIds[{index}]"))
    named.append(("KMS key", options.get("encryption_key_arn"), f"{key}.encryptionKeyArn"))
    for noun, name, where in named:
        if name:
            what = f"{noun} {name} in {cluster.region}"
            made = Made(Thing(noun, name, cluster=place), where)
            yield Needed(made, by, what, "write one that is there")


def _in_cluster(stack: StackFile) -> Iterator[Needed]:
    """Namespaces, and service accounts that the stack only annotates."""
    released = {
        consumer.consumes for consumer in stack.consumers.values() if "release" in consumer.options
    }  # of these logins, a chart may make the service accounts
    for name, login in stack.logins.items():
        mode = login.options.get("service_account_mode")
        for cluster in stack.clusters_of(login):
            for index, account in enumerate(login.options.get("service_accounts") or ()):
                key = f"{PROJECT}:logins.{name}.serviceAccounts[{index}]"
                own = thing("service account", account, cluster=cluster.place)
                if mode is ServiceAccountMode.CREATE:
                    namespace = split_service_account(account)[0]
                    mend = ", or write serviceAccountMode: none if something else makes both"
                    yield from _namespace(cluster, namespace, key, own, mend)
                elif mode is ServiceAccountMode.PATCH and name not in released:
                    yield Needed(
                        Made(own, key),
                        thing("role annotation", account, cluster=cluster.place),
                        f"service account {account} in the cluster {cluster.name}",
                        "make it first, or write serviceAccountMode: create",
                    )
    for name, consumer in stack.consumers.items():
        for cluster in stack.clusters_of(consumer) if "release" in consumer.options else ():
            namespace = namespace_of(stack, consumer)
            by = thing("Helm release", namespace, name, cluster=cluster.place)
            yield from _namespace(cluster, namespace, f"{PROJECT}:consumers.{name}.release", by)


def _namespace(
    cluster: StackCluster, namespace: str, key: str, by: Thing, mend: str = ""
) -> Iterator[Needed]:
    if namespace in cluster.options["namespaces"] or is_wild(namespace):
        return
    new = "" if cluster.existing else f" (a new cluster has {', '.join(OF_EVERY_CLUSTER)})"
    yield Needed(
        Made(thing("namespace", namespace, cluster=cluster.place), key),
        by,
        f"namespace {namespace} in the cluster {cluster.name}, and nothing makes it{new}",
        f"add {namespace} to {cluster.path}.namespaces{mend}",
    )
