"""Properties of IAM documents: nobody but the named caller, and nothing but the needed actions."""

import fnmatch
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import ArgumentError, PodIdentityMethod, TrustedAccountArgs, arns, iam, pod_role, trust
from components.declared import checked
from sandbox.aws import policy

IRSA = PodIdentityMethod.IRSA
labels = st.from_regex(r"\A[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?\Z")
service_accounts = st.builds("{}/{}".format, labels, labels)
subjects = service_accounts.map(trust.service_account_subject)
hosts = st.from_regex(r"\Aoidc\.eks\.[a-z]{2}-[a-z]{4}-[1-9]\.amazonaws\.com/id/[0-9A-F]{32}\Z")
partitions = st.sampled_from(sorted(arns.DNS_SUFFIXES))


def admits(document: dict[str, Any], provider: str, claims: dict[str, str]) -> bool:
    """What AWS decides about a token of `provider`, for the conditions that these policies use."""
    (statement,) = document["Statement"]
    if statement["Principal"] != {"Federated": provider}:
        return False
    for operator, wanted in statement["Condition"].items():
        for key, values in wanted.items():
            claim = claims.get(key)
            allowed = [values] if isinstance(values, str) else values
            equal = fnmatch.fnmatchcase if operator == "StringLike" else str.__eq__
            if claim is None or not any(equal(claim, value) for value in allowed):
                return False
    return True


@given(hosts, partitions, st.lists(subjects, min_size=1, max_size=3, unique=True), subjects)
def test_exactly_the_named_service_accounts_are_admitted(
    host: str, partition: str, named: list[str], other: str
) -> None:
    provider = arns.oidc_provider_arn(partition, "111111111111", host)
    document = json.loads(iam.to_json(trust.web_identity_trust(provider, f"https://{host}", named)))

    def token(sub: str, aud: str = trust.AUDIENCE) -> dict[str, str]:
        return {f"{host}:sub": sub, f"{host}:aud": aud}

    assert all(admits(document, provider, token(subject)) for subject in named)
    assert admits(document, provider, token(other)) == (other in named)
    # Longer names, other audiences, missing claims, other issuers.
    assert not admits(document, provider, token(f"{named[0]}x"))
    assert not admits(document, provider, token(named[0], "vault"))
    assert not admits(document, provider, {f"{host}:aud": trust.AUDIENCE})
    assert not admits(document, provider, {f"{host}:sub": named[0]})
    assert not admits(document, f"{provider}0", token(named[0]))


@given(hosts, st.lists(subjects, min_size=1, max_size=3))
def test_conditions_are_exact_and_pin_subject_and_audience(host: str, named: list[str]) -> None:
    provider = arns.oidc_provider_arn("aws", "111111111111", host)
    (statement,) = trust.web_identity_trust(provider, host, named)["Statement"]
    assert set(statement["Condition"]) == {"StringEquals"}
    assert set(statement["Condition"]["StringEquals"]) == {f"{host}:sub", f"{host}:aud"}


@given(hosts, subjects, st.sampled_from("*?"), st.data())
def test_wildcards_must_be_allowed_and_then_stay_out_of_the_audience(
    host: str, subject: str, wild: str, data: st.DataObject
) -> None:
    position = data.draw(st.integers(len("system:serviceaccount:"), len(subject)))
    pattern = subject[:position] + wild + subject[position:]
    provider = arns.oidc_provider_arn("aws", "111111111111", host)
    with pytest.raises(ValueError, match="wildcard"):
        trust.web_identity_trust(provider, host, [pattern])
    (statement,) = trust.web_identity_trust(provider, host, [pattern], allow_wildcards=True)["Statement"]
    assert statement["Condition"] == {
        "StringEquals": {f"{host}:aud": trust.AUDIENCE},
        "StringLike": {f"{host}:sub": pattern},
    }


@given(hosts, hosts, subjects)
def test_the_provider_must_be_the_issuers(host: str, other: str, subject: str) -> None:
    provider = arns.oidc_provider_arn("aws", "111111111111", other)
    if host != other:
        with pytest.raises(ValueError, match="is not the OIDC provider"):
            trust.web_identity_trust(provider, host, [subject])


@pytest.mark.parametrize("named", [[], [""]])
def test_a_role_that_nobody_is_named_for_is_refused(named: list[str]) -> None:
    with pytest.raises(ValueError, match="subjects: name at least one"):
        trust.web_identity_trust("arn:aws:iam::111111111111:oidc-provider/host", "host", named)


CLUSTER_ARN = "arn:aws:eks:us-east-1:111111111111:cluster/eks1"


def gives(document: dict[str, Any], tags: dict[str, str]) -> bool:
    """What AWS decides when EKS asks for the role, for a session with these tags."""
    return any(
        all(
            tags.get(key.removeprefix("aws:RequestTag/")) in ([value] if isinstance(value, str) else value)
            for key, value in statement["Condition"]["StringEquals"].items()
        )
        for statement in document["Statement"]
    )


accounts = st.from_regex(r"\A[0-9]{12}\Z")
regions = st.sampled_from(["us-east-1", "eu-west-1", "us-gov-west-1", "cn-north-1", "eusc-de-east-1"])


@given(accounts, accounts, regions, regions)
def test_ecs_gives_the_role_to_tasks_of_its_account_and_region_alone(
    account: str, other: str, region: str, elsewhere: str
) -> None:
    document = json.loads(iam.to_json(trust.ecs_task_trust(account, region)))

    def gets(source: str, where: str, service: str = "ecs-tasks.amazonaws.com") -> bool:
        arn = f"arn:{arns.partition_of(where)}:ecs:{where}:{source}:task/any/{'0' * 32}"
        context: dict[str, str | list[str]] = {"aws:SourceAccount": source, "aws:SourceArn": arn}
        caller = policy.Principal(service=service)
        asked = policy.Request("sts:AssumeRole", principal=caller, context=context)
        return policy.evaluate([policy.parse(json.dumps(document), trust=True)], asked) is policy.Effect.ALLOW

    assert gets(account, region)
    assert gets(other, region) is (other == account)
    assert gets(account, elsewhere) is (elsewhere == region)
    assert not gets(account, region, "ec2.amazonaws.com")
    # Neither condition does the other's work: a caller that sets only one gets nothing.
    (statement,) = document["Statement"]
    assert set(statement["Condition"]) == {"StringEquals", "ArnLike"}


@given(st.lists(service_accounts, min_size=1, max_size=4, unique=True), service_accounts)
def test_eks_gives_the_role_to_exactly_the_named_service_accounts(named: list[str], other: str) -> None:
    document = json.loads(iam.to_json(trust.pod_identity_trust(CLUSTER_ARN, named)))

    def tags(account: str, cluster: str = CLUSTER_ARN) -> dict[str, str]:
        namespace, name = account.split("/")
        return {
            "eks-cluster-arn": cluster,
            "kubernetes-namespace": namespace,
            "kubernetes-service-account": name,
        }

    assert all(gives(document, tags(account)) for account in named)
    assert gives(document, tags(other)) == (other in named)
    # Every name in every namespace that is named: only the pairs themselves.
    for one in named:
        for another in named:
            mixed = f"{one.split('/')[0]}/{another.split('/')[1]}"
            assert gives(document, tags(mixed)) == (mixed in named)
    assert not gives(document, tags(named[0], cluster=f"{CLUSTER_ARN}0"))
    assert not any(gives(document, {key: value}) for key, value in tags(named[0]).items())
    assert {statement["Principal"]["Service"] for statement in document["Statement"]} == {
        "pods.eks.amazonaws.com"
    }


@given(
    st.lists(hosts, min_size=2, max_size=4, unique=True),
    st.lists(service_accounts, min_size=1, max_size=3, unique=True),
    service_accounts,
)
def test_each_cluster_admits_its_own_tokens_of_the_named_service_accounts_alone(
    found: list[str], named: list[str], other: str
) -> None:
    *clusters, stranger = found
    providers = {host: arns.oidc_provider_arn("aws", "111111111111", host) for host in found}
    refs: Any = [{"oidc_provider_arn": providers[host]} for host in clusters]
    document = pod_role.trust_document(refs, IRSA, named, trust.AUDIENCE, False)
    alone = [{**document, "Statement": [statement]} for statement in document["Statement"]]
    assert len(alone) == len(clusters)

    def gets(issuer: str, provider: str, account: str) -> bool:
        claims = {
            f"{issuer}:sub": trust.service_account_subject(account),
            f"{issuer}:aud": trust.AUDIENCE,
        }
        return any(admits(each, providers[provider], claims) for each in alone)

    for host in clusters:
        assert all(gets(host, host, account) for account in named)
        assert gets(host, host, other) == (other in named)
        # AWS takes the provider for the token's issuer; neither does the other's work.
        assert not any(gets(another, host, named[0]) for another in found if another != host)
    assert not gets(stranger, stranger, named[0])


@given(
    st.lists(labels, min_size=2, max_size=4, unique=True),
    st.lists(service_accounts, min_size=1, max_size=3, unique=True),
    service_accounts,
)
def test_eks_gives_the_role_in_each_of_the_clusters_and_in_no_other(
    found: list[str], named: list[str], other: str
) -> None:
    *clusters, stranger = (arns.eks_cluster_arn("us-east-1", "111111111111", name) for name in found)
    document = trust.pod_identity_trust(clusters, named)

    def gets(cluster: str, account: str) -> bool:
        namespace, name = account.split("/")
        tags = {"kubernetes-namespace": namespace, "kubernetes-service-account": name}
        return gives(document, {"eks-cluster-arn": cluster, **tags})

    for cluster in clusters:
        assert all(gets(cluster, account) for account in named)
        assert gets(cluster, other) == (other in named)
    assert not any(gets(stranger, account) for account in named)


def test_the_trust_of_many_service_accounts_of_a_namespace_stays_within_iams_limit() -> None:
    named = [f"team/service-account-{number}" for number in range(40)]
    assert len(iam.to_json(trust.pod_identity_trust(CLUSTER_ARN, named)).replace(" ", "")) < 2048


@pytest.mark.parametrize("named", [[], ["a/"], ["/b"], ["a"]])
def test_a_role_for_no_service_account_is_refused(named: list[str]) -> None:
    with pytest.raises(ValueError, match="service_accounts: "):
        trust.pod_identity_trust(CLUSTER_ARN, named)


def test_a_role_for_no_cluster_is_refused() -> None:
    with pytest.raises(ValueError, match="cluster_arns: is empty"):
        trust.pod_identity_trust("", ["app/api"])


accounts = st.from_regex(r"\A[0-9]{12}\Z")
identities = st.builds(
    lambda partition, account, kind, name: f"arn:{partition}:iam::{account}:{kind}/{name}",
    partitions,
    accounts,
    st.sampled_from(["role", "user"]),
    st.from_regex(r"\A[a-z]{1,12}\Z"),
)
external_ids = st.from_regex(r"\A[a-zA-Z0-9_+=,.@:/-]{2,40}\Z")


@given(
    external_ids,
    st.lists(identities, max_size=3, unique=True),
    st.lists(st.sampled_from(["ec2.amazonaws.com", "ecs-tasks.amazonaws.com.cn"]), max_size=2, unique=True),
    st.none() | st.tuples(partitions, accounts, st.from_regex(r"\A[a-z]{1,12}\*?\Z")),
    st.booleans(),
)
def test_whoever_can_give_the_external_id_must(
    external_id: str,
    principals: list[str],
    services: list[str],
    hcp: tuple[str, str, str] | None,
    tagged: bool,
) -> None:
    pattern = f"arn:{hcp[0]}:iam::{hcp[1]}:role/{hcp[2]}" if hcp else ""

    def document() -> dict[str, Any]:
        return trust.cross_account_trust(
            external_id,
            principals=principals,
            services=services,
            hcp_principal=pattern,
            tagged_sessions=tagged,
        )

    if not principals and not services and not hcp:
        with pytest.raises(ValueError, match="nothing could assume the role"):
            document()
        return
    trusted: list[str] = []
    for statement in document()["Statement"]:
        if statement["Action"] == "sts:TagSession":  # gives nobody the role, and knows no external ID
            assert tagged
            assert set(statement) == {"Effect", "Principal", "Action"}
            continue
        assert statement["Action"] == "sts:AssumeRole"
        (values,) = statement["Principal"].values()
        trusted += [values] if isinstance(values, str) else values
        condition = statement.get("Condition", {})
        if "Service" in statement["Principal"]:
            assert condition == {}
            continue
        assert condition["StringEquals"] == {"sts:ExternalId": external_id}
        # A whole account only with the pattern that narrows it.
        assert (":root" in str(values)) == (condition.get("ArnLike") == {"aws:PrincipalArn": pattern})
    root = [f"arn:{hcp[0]}:iam::{hcp[1]}:root"] if hcp else []
    assert trusted == [*principals, *root, *services]


@given(external_ids, external_ids)
def test_an_external_id_is_taken_as_it_is_or_refused_unseen(one: str, other: str) -> None:
    args = {"account_id": "1" * 12, "permissions": {"resolve_roles": True}, "trusted_services": [EC2]}
    assert checked(TrustedAccountArgs, {**args, "external_id": one})["external_id"] == one
    for wrong in (f"{one} {other}", f"{one}*", "x", [one]):
        with pytest.raises(ArgumentError) as error:
            checked(TrustedAccountArgs, {**args, "external_id": wrong})
        assert str(error.value) in (UNSEEN, "external_id: is not text; write it in quotes")


EC2 = "ec2.amazonaws.com"
UNSEEN = "external_id: is not an external ID; write 2 to 1224 letters, digits and _+=,.@:/-"


def test_tokens_of_vaults_own_mounts_are_told_apart() -> None:
    assert trust.plugin_subject("root", "auth", "auth_aws_1a2b") == "plugin-identity:root:auth:auth_aws_1a2b"
    issuer = "https://vault.example.com/v1/team/identity/oidc/plugins"
    provider = arns.oidc_provider_arn("aws", "111111111111", issuer)
    named = trust.plugin_subject("x9Yz1", "secret", "aws_1a2b")
    document = trust.web_identity_trust(provider, issuer, [named], "vault-aws")
    keys = "vault.example.com/v1/team/identity/oidc/plugins"

    def token(sub: str) -> dict[str, str]:
        return {f"{keys}:sub": sub, f"{keys}:aud": "vault-aws"}

    assert admits(document, provider, token(named))
    for other in (
        ("root", "secret", "aws_1a2b"),
        ("x9Yz1", "auth", "aws_1a2b"),
        ("x9Yz1", "secret", "aws_2b"),
    ):
        assert not admits(document, provider, token(trust.plugin_subject(*other)))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (("root", "secrets", "aws_1"), "kind: 'secrets' is not one of auth, secret"),
        (("team/", "auth", "aws_1"), "namespace_id: 'team/' is not the ID of a namespace"),
        (("root", "auth", "*"), "accessor: '[*]' is not a mount's accessor"),
        (("root", "auth", ""), "accessor: '' is not a mount's accessor"),
    ],
)
def test_a_subject_that_no_token_has_is_refused(parts: tuple[str, str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        trust.plugin_subject(*parts)


needs = st.fixed_dictionaries(
    {},
    optional={
        "resolve_roles": st.booleans(),
        "resolve_users": st.booleans(),
        "infer_ec2_instances": st.booleans(),
        "assume_role_arns": st.lists(
            st.from_regex(r"\Aarn:aws:iam::[0-9]{12}:role/[a-z]{1,9}\Z"), max_size=3, unique=True
        ),
    },
)
ACTIONS = {
    "resolve_roles": {"iam:GetRole"},
    "resolve_users": {"iam:GetUser"},
    "infer_ec2_instances": {"ec2:DescribeInstances", "iam:GetInstanceProfile"},
    "assume_role_arns": {"sts:AssumeRole"},
}


@given(st.lists(needs, min_size=1, max_size=4))
def test_vault_is_granted_what_is_needed_and_nothing_else(declared: list[Any]) -> None:
    merged = iam.merge_permissions(declared)
    expected = {
        action for need in declared for key, value in need.items() if value for action in ACTIONS[key]
    }
    if not expected:
        with pytest.raises(ValueError, match="no login needs anything"):
            iam.vault_permissions(merged)
        return
    granted: set[str] = set()
    for statement in iam.vault_permissions(merged)["Statement"]:
        actions = statement["Action"]
        granted |= {actions} if isinstance(actions, str) else set(actions)
        if actions == "sts:AssumeRole":
            assert set(statement["Resource"]) == {a for n in declared for a in n.get("assume_role_arns", [])}
    assert granted == expected


def test_the_order_of_logins_does_not_change_the_policy() -> None:
    one, two = {"assume_role_arns": ["b"]}, {"assume_role_arns": ["a"], "resolve_roles": True}
    assert iam.merge_permissions([one, two]) == iam.merge_permissions([two, one])  # type: ignore[list-item]
