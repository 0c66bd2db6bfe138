"""What a stack makes under a name that may be taken: by type as a state has it, and by its setting."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from components import instance_profile, node_group
from components.component import Claim
from components.consumers.vault_access_operator import API_VERSION
from components.declared import CAMEL
from components.federation import plugin_issuer_url
from components.logins.base import ServiceAccountMode
from components.logins.own_role import role_name
from components.pod_role import PodIdentityMethod
from stack.clusters import StackCluster
from stack.file import Declared, StackFile
from stack.rules import engine_claims
from stack.sections import PROJECT, Mounting

POD_IDENTITY_AGENT = "eks-pod-identity-agent"


class Thing(NamedTuple):
    """Something with a name of its own, as its service tells it from others."""

    noun: str
    """`Vault policy`, `IAM role`, …: one of NOUNS."""

    name: str
    account: str = ""
    """ID of the AWS account, where it is not the stack's own."""

    cluster: str = ""
    """Of what is in a cluster, or is one: `StackCluster.place`, empty for that of the key `cluster`."""


class Made(NamedTuple):
    """A thing that the stack makes, and the key of the setting that names it."""

    thing: Thing
    key: str
    written: str = ""
    """The name as it is written, where the thing's is without case; of a role annotation, the role's name."""

    @property
    def name(self) -> str:
        """What the service is asked for."""
        return self.written or self.thing.name


# By type, for what a state has


def _by(noun: str, *fields: str) -> Callable[[Mapping[str, Any]], Thing | None]:
    """Reads a thing whose name is these properties, one after the other."""

    def read(properties: Mapping[str, Any]) -> Thing | None:
        parts = [properties.get(field) for field in fields]
        return thing(noun, *map(str, parts)) if all(parts) else None

    return read


def _by_arn(noun: str, field: str = "name") -> Callable[[Mapping[str, Any]], Thing | None]:
    """Reads a thing of IAM, whose ARN has its account."""

    def read(properties: Mapping[str, Any]) -> Thing | None:
        name, arn = properties.get(field), str(properties.get("arn") or "").split(":")
        return thing(noun, str(name), account=arn[4] if len(arn) > 4 else "") if name else None

    return read


def _by_metadata(noun: str, *fields: str) -> Callable[[Mapping[str, Any]], Thing | None]:
    """Reads an object of Kubernetes."""
    read = _by(noun, *fields)
    return lambda properties: read(properties.get("metadata") or {})


TYPES: Mapping[str, Callable[[Mapping[str, Any]], Thing | None]] = {
    "vault:index/authBackend:AuthBackend": _by("auth mount", "path"),
    "vault:aws/authBackendClient:AuthBackendClient": _by("client config", "backend"),
    "vault:aws/authBackendConfigIdentity:AuthBackendConfigIdentity": _by("identity config", "backend"),
    "vault:aws/authBackendStsRole:AuthBackendStsRole": _by("STS role", "backend", "accountId"),
    "vault:aws/authBackendRole:AuthBackendRole": _by("Vault role", "backend", "role"),
    "vault:index/mount:Mount": _by("secrets engine", "path"),
    "vault:aws/secretBackend:SecretBackend": _by("secrets engine", "path"),
    "vault:aws/secretBackendRole:SecretBackendRole": _by("secrets engine role", "backend", "name"),
    "vault:index/policy:Policy": _by("Vault policy", "name"),
    "vault:identity/oidc:Oidc": lambda _: thing("identity issuer", ""),
    "vault:identity/oidcKey:OidcKey": _by("signing key", "name"),
    "aws:iam/role:Role": _by_arn("IAM role"),
    "aws:iam/user:User": _by_arn("IAM user"),
    "aws:iam/policy:Policy": _by_arn("IAM policy"),
    "aws:iam/instanceProfile:InstanceProfile": _by_arn("instance profile"),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": _by_arn("OIDC provider", "url"),
    "aws:eks/cluster:Cluster": _by("EKS cluster", "name"),
    "aws:eks/addon:Addon": _by("EKS add-on", "clusterName", "addonName"),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": _by(
        "Pod Identity association", "clusterName", "namespace", "serviceAccount"
    ),
    "kubernetes:core/v1:Namespace": _by_metadata("namespace", "name"),
    "kubernetes:core/v1:ServiceAccount": _by_metadata("service account", "namespace", "name"),
    "kubernetes:core/v1:ServiceAccountPatch": _by_metadata("role annotation", "namespace", "name"),
    "kubernetes:helm.sh/v3:Release": _by("Helm release", "namespace", "name"),
    f"kubernetes:{API_VERSION}:VaultConnection": _by_metadata("VaultConnection", "name"),
}
"""How to tell what a resource is, from its properties. Left out is what takes no name that another could
have: what is below the stack's own role, user or key, and what Pulumi makes a name up for."""

ASSOCIATION = "Pod Identity association"

OF_CLUSTERS = frozenset(
    {
        "EKS cluster",
        "EKS add-on",
        ASSOCIATION,
        "namespace",
        "service account",
        "role annotation",
        "Helm release",
        "VaultConnection",
        "VPC",
        "subnet",
        "KMS key",
    }
)
"""Things that are clusters, in one, or of one."""

OF_IAM = frozenset({"IAM role", "IAM user", "IAM policy", "instance profile"})

_WITHOUT_CASE = OF_IAM | {"Vault role", "Vault policy"}
"""Things whose services take two names that differ in case alone for one."""


def thing(noun: str, *name: str, account: str = "", cluster: str = "") -> Thing:
    """A thing, its name as its service compares it: a path for what is below another."""
    *above, own = (part.strip("/").removeprefix("https://") for part in name)
    path = "/".join([*above, own.lower() if noun in _WITHOUT_CASE else own])
    return Thing(noun, path, account, cluster)


# By setting, for what a stack file declares


def of(stack: StackFile) -> Iterator[Made]:
    """Everything that the stack makes and that may be there before it, as another owner's."""
    yield from _of_mount(stack)
    yield from _of_identity(stack)
    yield from _of_engines(stack)
    for cluster in stack.clusters.values():
        yield from _of_cluster(stack, cluster)
    yield from _of_accounts(stack)
    for name in stack.policies:
        yield Made(thing("Vault policy", name), f"policies/vault/{name}.hcl")
    for name, login in stack.logins.items():
        yield from _of_login(stack, name, login)
    for name, consumer in stack.consumers.items():
        key = f"{PROJECT}:consumers.{name}"
        for place in (it.place for it in stack.clusters_of(consumer)):
            if "release" in consumer.options:
                release = thing("Helm release", namespace_of(stack, consumer), name, cluster=place)
                yield Made(release, f"{key}.release")
            if consumer.options.get("apply"):
                yield Made(thing("VaultConnection", name, cluster=place), f"{key}.apply")


def _of_login(stack: StackFile, name: str, login: Declared) -> Iterator[Made]:
    key, options = f"{PROJECT}:logins.{name}", login.options
    mode = options.get("service_account_mode")
    claims = [*login.kind.claims(name, options)]
    yield from (_made(stack, claim, key) for claim in claims if claim.noun != "service account")
    for claim in (claim for claim in claims if claim.noun == "service account"):
        where = f"{key}.{CAMEL.path(claim.place)}"
        for cluster in stack.clusters_of(login):
            if mode is ServiceAccountMode.CREATE:
                yield Made(thing("service account", claim.value, cluster=cluster.place), where)
            elif mode is ServiceAccountMode.PATCH:
                own = str(options.get("iam_role_arn") or role_name(name, options)).rpartition("/")[2]
                yield Made(thing("role annotation", claim.value, cluster=cluster.place), where, own)
            # Beside a role that exists, the association of a service account that is left alone exists, too.
            if not (options.get("iam_role_arn") and mode is ServiceAccountMode.NONE):
                yield from _association(cluster, options, claim, key)


def _association(cluster: StackCluster, options: Mapping[str, Any], claim: Claim, key: str) -> Iterator[Made]:
    """What EKS keeps of a service account, of which there is one."""
    if options["method"] is PodIdentityMethod.POD_IDENTITY:
        found = thing(ASSOCIATION, cluster.name, claim.value, cluster=cluster.place)
        yield Made(found, f"{key}.{CAMEL.path(claim.place)}")


def namespace_of(stack: StackFile, consumer: Declared) -> str:
    """The namespace that a consumer's chart is installed into: that of its service account."""
    if consumer.kind.NEEDS_LOGIN:
        accounts = stack.logins[consumer.consumes].options.get("service_accounts") or ()
    else:  # Vault itself, in the cluster
        accounts = [stack.identity.options["service_account"]]
    return str(consumer.kind.namespace(consumer.options, accounts))


def _of_mount(stack: StackFile) -> Iterator[Made]:
    path = stack.vault["mount_path"]
    if not stack.uses_mount:
        yield Made(thing("auth mount", path), f"{PROJECT}:vault.mountPath")
        yield Made(thing("client config", path), f"{PROJECT}:vault")
        yield Made(thing("identity config", path), f"{PROJECT}:vault.identityAlias")
    for account in stack.accounts:
        yield Made(thing("STS role", path, account), f"{PROJECT}:accounts.{account}")


def _of_identity(stack: StackFile) -> Iterator[Made]:
    key = f"{PROJECT}:vaultIdentity"
    for claim in stack.identity.kind.claims(stack.identity.options):
        if claim.noun != "service account":
            yield _made(stack, claim, key)
        else:  # that of Vault's own pods, which its chart makes
            for cluster in stack.clusters_of(stack.identity):
                yield from _association(cluster, stack.identity.options, claim, key)
    if (issuer := stack.federation) and not issuer["existing"]:
        url = plugin_issuer_url(issuer["issuer"], stack.vault["namespace"])
        yield Made(thing("identity issuer", ""), f"{PROJECT}:federation.issuer")
        yield Made(thing("signing key", issuer["key_name"]), f"{PROJECT}:federation.keyName")
        yield Made(thing("OIDC provider", url), f"{PROJECT}:federation.issuer")


def _of_engines(stack: StackFile) -> Iterator[Made]:
    for path, kv in stack.vault["kv"].items():
        if kv["mount"] is not Mounting.EXISTING:
            yield Made(thing("secrets engine", path), f"{PROJECT}:vault.kv.{path}")
    if engine := stack.secrets_engine:
        path = engine.options["path"]
        for role in engine.options["roles"]:
            yield Made(thing("secrets engine role", path, role), f"{engine.path}.roles.{role}")
        if not stack.uses_engine:
            yield Made(thing("secrets engine", path), engine.at("path"))
            for claim in engine_claims(stack.engine_options):
                yield _made(stack, claim, engine.path)


def _of_cluster(stack: StackFile, cluster: StackCluster) -> Iterator[Made]:
    key, name, place = cluster.path, cluster.name, cluster.place
    for namespace in cluster.options["namespaces"]:
        yield Made(thing("namespace", namespace, cluster=place), f"{key}.namespaces")
    if cluster.existing:
        return
    yield Made(thing("EKS cluster", name, cluster=place), f"{key}.name")
    if cluster.options["pod_identity_agent"] or stack.uses_pod_identity(cluster):
        agent = thing("EKS add-on", name, POD_IDENTITY_AGENT, cluster=place)
        yield Made(agent, f"{key}.podIdentityAgent")
    for group, declared in cluster.options["node_groups"].items():
        role = node_group.node_role_name(name, group, declared)
        yield Made(thing("IAM role", role), f"{key}.nodeGroups.{group}.roleName", role)


def _of_accounts(stack: StackFile) -> Iterator[Made]:
    for account, declared in stack.accounts.items():
        if "role_arn" in declared:
            continue
        key, place = f"{PROJECT}:accounts.{account}", "" if account == stack.account_id else account
        role, policy = declared["role_name"], declared["policy_name"]
        yield Made(thing("IAM role", role, account=place), f"{key}.roleName", role)
        yield Made(thing("IAM policy", policy, account=place), f"{key}.policyName", policy)
        if instance_profile.is_needed(declared["trusted_services"]):
            yield Made(thing("instance profile", role, account=place), f"{key}.roleName", role)


def _made(stack: StackFile, claim: Claim, key: str) -> Made:
    """The thing of a claim, which names a Vault role without its mount."""
    above = [stack.vault["mount_path"]] if claim.noun == "Vault role" else []
    place, found = CAMEL.path(claim.place), thing(claim.noun, *above, claim.value)
    return Made(found, f"{key}.{place}" if place else key, claim.value if found.noun in OF_IAM else "")
