"""`adopt`: what a Vault mount, AWS accounts and a cluster hold, as a stack file of this project.

An estate is read (`read_vault`, `read_aws`, `read_kubernetes`; `estate` is what they read), decided on
(`decide`; of the mount `mounts`, of a Vault role `candidates`), and written (`write`). Only the first step
asks anything, and none changes what it is about.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import Refused, UsageProblem
from . import bounds, read_aws, read_kubernetes, read_vault
from .decide import Judge
from .decide import decide as _decide
from .estate import Account, Estate
from .plan import Kind, Plan, Use
from .write import document, report, stack_file

__all__ = [
    "Kind",
    "Plan",
    "Use",
    "Where",
    "check_new",
    "decide",
    "document",
    "read",
    "report",
    "save",
    "stack_file",
]


@dataclass(frozen=True)
class Where:
    """What to read."""

    mount: str = "aws"
    region: str | None = None
    profiles: Sequence[str] = ()
    role_arns: Sequence[str] = ()
    kubeconfig: str | None = None
    cluster: str | None = None
    """Name of the EKS cluster that the kubeconfig is of. Default: the only one there is."""


def read(where: Where) -> Estate:
    """Reads Vault, AWS and Kubernetes. Raises Refused.

    What beside the mount and the stack's own account cannot be read is told in `unread`.
    """
    unread: list[str] = []
    vault = read_vault.read(where.mount.strip("/"), unread)
    patterns = [
        str(arn)
        for role in vault.mount.roles.values()
        for field in ("bound_iam_principal_arn", "bound_iam_role_arn")
        for arn in role.get(field) or []
    ]
    roots = (vault.mount.client, *(engine.root for engine in vault.engines))
    access_keys = {str(it["access_key"]) for it in roots if it.get("access_key")}
    access_keys.update(vault.other_keys.values())
    sources = read_aws.sources(where.profiles, where.role_arns, where.region)
    accounts: dict[str, Account] = {}
    for source in sources:
        if source.account_id not in accounts:  # two profiles may be of one
            accounts[source.account_id] = read_aws.account(
                source, access_keys, lambda arn: any(bounds.matches(arn, it) for it in patterns)
            )
    clusters = []
    try:
        clusters = [*read_aws.clusters(sources[0])]
    except Refused as error:
        unread.append(error.reason)
    annotated: dict[str, Mapping[str, str]] = {}
    named = where.cluster or (clusters[0].name if len(clusters) == 1 else "")
    if where.cluster and where.cluster not in [cluster.name for cluster in clusters]:
        known = ", ".join(cluster.name for cluster in clusters) or "none"
        raise UsageProblem(
            f"--cluster {where.cluster}: there is no such EKS cluster here; there are: {known}"
        )
    if named:
        try:
            annotated[named] = read_kubernetes.annotated(where.kubeconfig)
        except Refused as error:
            unread.append(f"the service accounts of {named}: {error.reason}")
    elif clusters:
        unread.append("the service accounts: --cluster says which EKS cluster the kubeconfig is of")
    return Estate(
        vault=vault,
        region=sources[0].region,
        account_id=sources[0].account_id,
        accounts=accounts,
        clusters=clusters,
        annotated=annotated,
        unread=unread,
    )


def decide(estate: Estate, project: Path, used: Collection[Use]) -> Plan:
    """The stack file, by the rules of this project. Raises Refused."""
    from stack.file import read_policies
    from stack.reading import StackFileError

    try:
        files = read_policies(project)
    except StackFileError as error:
        raise Refused("policies/vault", None, "; ".join(error.problems), "policies") from None
    return _decide(estate, files, judge(), used)


def judge() -> Judge:
    """The rules of the stack file."""
    from stack.file import parse
    from stack.reading import StackFileError

    def problems(config: Mapping[str, Any], policies: Mapping[str, str]) -> list[str]:
        try:
            parse(config, policies)
        except StackFileError as error:
            return error.problems
        return []

    return problems


def check_new(out: Path, *, force: bool) -> None:
    """Raises UsageProblem for a file that is there, unless `force`."""
    if out.exists() and not force:
        raise UsageProblem(f"--out {out}: is there already; --force writes over it")


def save(plan: Plan, out: Path, project: Path, *, force: bool) -> list[Path]:
    """Writes the stack file, and the policies below policies/vault/ of the project. Returns what was written.

    Raises UsageProblem, before it writes anything, for a file that is there, unless `force`.
    """
    from stack.split import files

    folder = project / "policies" / "vault"
    texts = {folder / f"{name}.hcl": text for name, text in plan.policies.items()}
    texts[out] = stack_file(plan)  # last: where it is, the rest is, too
    check_new(out, force=force)
    for file, text in texts.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        files.write(file, text)
    return list(texts)
