"""What is in AWS and the aws provider cannot look up: it has no function for Pod Identity associations, and
for an IAM policy by its name, which may be below any path, one that waits two minutes for what is not there.

So AWS is asked for lists, in the stack's own account, with the credentials of the environment, which are the
provider's as well.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from stack.preflight.found import Findings
from stack.preflight.objects import Made

NOUNS = frozenset({"Pod Identity association", "IAM policy"})

_SECONDS = 5


class Unlisted(Exception):
    """AWS gives no list; the message is one line."""

    def __init__(self, error: Exception, code: str) -> None:
        super().__init__(" ".join(str(error).split())[:300])
        self.code = code
        """AWS's code of the error; empty where it did not answer."""


class Association(NamedTuple):
    """What EKS keeps of a service account that gets its role through Pod Identity."""

    id: str
    role_arn: str


def look(region: str, wanted: Iterable[Made]) -> Findings:
    """Looks up policies of the stack's own account, and associations."""
    findings, by_list = Findings(), dict[str, list[Made]]()
    for made in wanted:
        # What EKS has is listed by cluster.
        above = made.thing.name.partition("/")[0] if made.thing.noun == "Pod Identity association" else ""
        by_list.setdefault(above, []).append(made)
    for cluster, members in by_list.items():
        _look(region, cluster, members, findings)
    return findings


def _look(region: str, cluster: str, wanted: list[Made], findings: Findings) -> None:
    try:
        found = _of_cluster(region, cluster, wanted) if cluster else _policies(region)
    except Unlisted as error:
        if error.code == "ResourceNotFoundException":  # the cluster is not there yet
            findings.absent.update(made.thing for made in wanted)
            return
        for made in wanted:
            findings.miss(made, str(error))
        return
    for made in wanted:
        if made.thing.name in found:
            findings.there[made.thing] = found[made.thing.name]
        else:
            findings.absent.add(made.thing)


def _policies(region: str) -> Mapping[str, str]:
    """The account's own policies by name, without case: no two differ in that or in their path alone."""
    with _asking():
        lists = client("iam", region).get_paginator("list_policies")
        pages = lists.paginate(Scope="Local", PaginationConfig={"PageSize": 1000})
        policies = [policy for page in pages for policy in page["Policies"]]
    return {each["PolicyName"].lower(): f"{each['Arn']}, made {each['CreateDate']}" for each in policies}


def _of_cluster(region: str, cluster: str, wanted: Iterable[Made]) -> Mapping[str, str]:
    """Those of the wanted associations that the cluster has."""
    accounts = {made.thing.name.partition("/")[2] for made in wanted}
    found = associations(region, cluster, accounts)
    return {f"{cluster}/{account}": f"{each.id}, gives {each.role_arn}" for account, each in found.items()}


def associations(region: str, cluster: str, accounts: Collection[str]) -> dict[str, Association]:
    """The Pod Identity associations that a cluster has of these service accounts, each `NAMESPACE/NAME`, by
    account. Raises Unlisted."""
    found = {}
    with _asking():
        eks = client("eks", region)
        for page in eks.get_paginator("list_pod_identity_associations").paginate(clusterName=cluster):
            for each in page["associations"]:
                account, id_ = f"{each['namespace']}/{each['serviceAccount']}", each["associationId"]
                if account in accounts:
                    described = eks.describe_pod_identity_association(clusterName=cluster, associationId=id_)
                    found[account] = Association(id_, described["association"]["roleArn"])
    return found


@contextmanager
def _asking() -> Iterator[None]:
    """Raises Unlisted for what AWS, or the way there, refuses."""
    from botocore.exceptions import BotoCoreError, ClientError  # takes a while, and few runs need it

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise Unlisted(
            error, error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
        ) from None


def client(service: str, region: str) -> Any:
    """A client with the credentials of the environment."""
    import botocore.session
    from botocore.config import Config

    patience = Config(connect_timeout=_SECONDS, read_timeout=_SECONDS, retries={"total_max_attempts": 2})
    return botocore.session.Session().create_client(service, region_name=region, config=patience)
