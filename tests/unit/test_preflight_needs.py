"""What a stack needs and does not make is told before the first change, all at once, with the settings."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pulumi
import pytest

from stack import file, preflight, providers
from stack.preflight import in_aws, in_cluster, in_lists, in_vault, needed, state
from stack.preflight.found import Findings
from stack.preflight.objects import Made, thing
from stack.preflight.state import State
from stack.preflight.web import Server
from tests.servers import Silent, serving
from tests.unit.recording import record
from tests.unit.test_lookups import parsed

ARN = "arn:aws:iam::111111111111"
POD = {"kind": "service-account", "serviceAccounts": ["team-a/app"], "policies": ["dev"]}


def principals(*arns: str) -> dict[str, Any]:
    return {"kind": "principal", "principals": list(arns), "policies": ["dev"]}


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Looks before a stack is made. Returns the lines of the refusal, none where there is none."""

    def look(
        stack: file.StackFile,
        owned: Mapping[Any, str] | None = None,
        *,
        there: tuple[str, ...] = (),
        seen: str = "",
    ) -> list[str]:
        async def known(_: Any) -> State:
            return State(owned or {}, {})

        async def absent(*arguments: Any) -> Findings:
            return only(arguments[-1])

        def only(wanted: Any) -> Findings:
            return Findings(
                there={it.thing: seen for it in wanted if it.thing.name in there},
                absent={it.thing for it in wanted if it.thing.name not in there},
            )

        monkeypatch.setattr(state, "from_engine", known)
        monkeypatch.setattr(in_aws, "look", absent)
        monkeypatch.setattr(in_cluster, "look", absent)
        monkeypatch.setattr(in_lists, "look", lambda _, wanted: only(wanted))
        monkeypatch.setattr(in_vault, "look", lambda *arguments: only(arguments[2]))
        said: list[str] = []

        async def main() -> None:
            try:
                await preflight.check(stack, providers.declare(stack))
            except preflight.PreflightError as refusal:
                said.extend(str(refusal).splitlines())

        record(lambda: pulumi.run(main))
        return said

    return look


Look = Callable[..., list[str]]


def test_every_principal_that_is_missing_is_told_at_once_with_its_key(looked_up: Look) -> None:
    logins = {
        "app-rw": principals(f"{ARN}:role/app-ro"),
        "ci": principals(f"{ARN}:user/x/ci", f"{ARN}:role/*"),
    }
    assert looked_up(parsed(logins)) == [
        "2 things that the stack needs are not there; nothing was changed:",
        "  1. vault-aws-auth:logins.app-rw.principals[0]: there is no IAM role app-ro in the account "
        "111111111111; make the role first, or write the ARN of one that is there",
        "  2. vault-aws-auth:logins.ci.principals[0]: there is no IAM user ci in the account 111111111111; "
        "make the user first, or write the ARN of one that is there",
    ]


def test_a_missing_principal_beside_one_that_the_stack_makes_is_told(looked_up: Look) -> None:
    """The login waits for the latter, and so looks none up itself."""
    logins = {
        "app": {**POD, "serviceAccounts": ["default/app"]},
        "both": principals(f"{ARN}:role/app", f"{ARN}:role/gone"),
    }
    said = looked_up(parsed(logins), there=("default",))
    assert len(said) == 2
    assert "logins.both.principals[1]: there is no IAM role gone" in said[1]


def test_what_is_there_is_not_told(looked_up: Look) -> None:
    assert not looked_up(parsed({"ci": principals(f"{ARN}:role/ci")}), there=("ci",))


def test_a_principal_below_another_path_is_told_with_the_arn_that_it_has(looked_up: Look) -> None:
    stack = parsed({"ci": principals(f"{ARN}:role/ci")})
    said = looked_up(stack, there=("ci",), seen=f"{ARN}:role/team/ci, made today")
    assert said[1:] == [
        f"  1. vault-aws-auth:logins.ci.principals[0]: {ARN}:role/ci is not its ARN; write it as IAM has it, "
        f"with its path: {ARN}:role/team/ci"
    ]


def test_what_the_state_shows_to_have_been_there_is_not_looked_up(looked_up: Look) -> None:
    owned = {thing("Vault role", "aws", "ci"): "urn", thing("service account", "team-a/app"): "urn"}
    assert not looked_up(parsed({"ci": principals(f"{ARN}:role/ci"), "app": POD}), owned)


KEY = "arn:aws:kms:us-east-1:111111111111:key/00000000-0000-0000-0000-000000000000"
FOREIGN = "arn:aws:iam::333333333333:role/lookup"


def test_accounts_that_cannot_be_looked_into_are_left_out() -> None:
    stack = parsed(
        {"ci": principals("arn:aws:iam::333333333333:role/ci")},
        accounts={"333333333333": {"roleArn": FOREIGN}},
    )
    assert not list(needed.of(stack))


@pytest.mark.parametrize(
    ("logins", "sections", "key", "what"),
    [
        (
            {"node": {"kind": "ec2-instance", "roleArns": [f"{ARN}:role/n"], "policies": ["dev"]}},
            {},
            "logins.node.roleArns[0]",
            "IAM role n in the account 111111111111",
        ),
        (
            {"node": {"kind": "ec2-instance", "nodeGroups": ["g"], "policies": ["dev"]}},
            {"cluster": {"name": "c", "existing": True, "nodeRoleArns": {"g": f"{ARN}:role/n"}}},
            "cluster.nodeRoleArns.g",
            "IAM role n in the account 111111111111",
        ),
        (
            {"ci": principals(f"{ARN}:role/*")},
            {"vaultIdentity": {"kind": "existing", "roleArn": f"{ARN}:role/vault"}},
            "vaultIdentity.roleArn",
            "IAM role vault in the account 111111111111",
        ),
        (
            {"ci": principals("arn:aws:iam::222222222222:role/*")},
            {"accounts": {"222222222222": {"roleName": "r", "trustedPrincipals": [f"{ARN}:role/ops"]}}},
            "accounts.222222222222.trustedPrincipals[0]",
            "IAM role ops in the account 111111111111",
        ),
        (
            {"ci": principals("arn:aws:iam::222222222222:role/ci")},
            {"accounts": {"222222222222": {"roleName": "r"}}},
            "logins.ci.principals[0]",
            "IAM role ci in the account 222222222222",
        ),
        (
            {"ci": principals(f"{ARN}:role/*")},
            {
                "secretsEngine": {
                    "kind": "user",
                    "roles": {
                        "r": {
                            "credentialType": "federation_token",
                            "policyArns": ["arn:aws:iam::aws:policy/ReadOnlyAcess"],
                        }
                    },
                }
            },
            "secretsEngine.roles.r.policyArns[0]",
            "IAM policy arn:aws:iam::aws:policy/ReadOnlyAcess",
        ),
        (
            {"task": {"kind": "ecs-task", "policies": ["dev"], "permissionsBoundary": f"{ARN}:policy/b"}},
            {},
            "logins.task.permissionsBoundary",
            f"IAM policy {ARN}:policy/b",
        ),
        (
            {"ci": principals(f"{ARN}:role/*")},
            {"vaultIdentity": {"kind": "user", "permissionsBoundary": f"{ARN}:policy/b"}},
            "vaultIdentity.permissionsBoundary",
            f"IAM policy {ARN}:policy/b",
        ),
        (
            {"ci": principals(f"{ARN}:role/*")},
            {"cluster": {"name": "c", "nodeGroups": {"g": {"permissionsBoundary": f"{ARN}:policy/b"}}}},
            "cluster.nodeGroups.g.permissionsBoundary",
            f"IAM policy {ARN}:policy/b",
        ),
        *(
            (
                {"ci": principals(f"{ARN}:role/*")},
                {
                    "cluster": {
                        "name": "c",
                        "vpcId": "vpc-11111111",
                        "subnetIds": ["subnet-11111111", "subnet-22222222"],
                        "encryptionKeyArn": KEY,
                    }
                },
                f"cluster.{key}",
                f"{what} in us-east-1",
            )
            for key, what in (
                ("vpcId", "VPC vpc-11111111"),
                ("subnetIds[1]", "subnet subnet-22222222"),
                ("encryptionKeyArn", f"KMS key {KEY}"),
            )
        ),
        (
            {"ci": principals(f"{ARN}:role/*")},
            {"vault": {"address": "https://vault.example.com", "namespace": "team"}},
            "vault.namespace",
            "namespace team in Vault",
        ),
        (
            {"app": {**POD, "serviceAccountMode": "patch"}},
            {"cluster": {"name": "c", "existing": True}},
            "logins.app.serviceAccounts[0]",
            "service account team-a/app in the cluster c",
        ),
        (
            {"app": {**POD, "serviceAccountMode": "none"}},
            {
                "cluster": {"name": "c", "existing": True},
                "consumers": {
                    "vao": {"kind": "vault-access-operator", "login": "app", "release": {"version": "1"}}
                },
            },
            "consumers.vao.release",
            "namespace team-a in the cluster c, and nothing makes it",
        ),
    ],
)
def test_each_setting_that_needs_something_is_named(
    logins: dict[str, Any], sections: dict[str, Any], key: str, what: str
) -> None:
    found = {each.made.key: each.what for each in needed.of(parsed(logins, **sections))}
    assert found.get(f"vault-aws-auth:{key}") == what


# Namespaces


def test_a_namespace_that_nothing_makes_is_told_with_the_settings_and_what_to_write(looked_up: Look) -> None:
    """At each run, so also where there is no preview before it."""
    (_, line) = looked_up(parsed({"app": POD}))
    assert (
        "vault-aws-auth:logins.app.serviceAccounts[0]: there is no namespace team-a in the cluster c1" in line
    )
    assert "a new cluster has default, kube-system, kube-public, kube-node-lease" in line
    assert "add team-a to vault-aws-auth:cluster.namespaces" in line


@pytest.mark.parametrize(
    ("login", "cluster"),
    [
        ({}, {"namespaces": ["team-a"]}),
        ({"serviceAccountMode": "none"}, {}),
        ({"serviceAccounts": ["team-*/app"], "allowWildcards": True, "serviceAccountMode": "none"}, {}),
    ],
)
def test_a_namespace_that_is_made_here_or_elsewhere_is_not(
    login: dict[str, Any], cluster: dict[str, Any]
) -> None:
    stack = parsed({"app": {**POD, **login}}, cluster={"name": "c1", **cluster})
    assert not [each for each in needed.of(stack) if each.made.thing.noun == "namespace"]


# A cluster


class Cluster:
    """Answers reads by their path, and has nothing else."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str | None]] = []
        """Paths, and the forms that were asked for."""

    @contextmanager
    def serving(self) -> Iterator[Server]:
        fake = self

        class Handler(Silent):
            def do_GET(self) -> None:
                fake.asked.append((self.path, self.headers["Accept"]))
                answer = fake.answers.get(self.path)
                self.send_response(404 if answer is None else 200)
                self.end_headers()
                self.wfile.write(json.dumps(answer or {}).encode())

        with serving(Handler) as address:
            yield Server(address, {}, ssl.create_default_context())


def look(cluster: Cluster, *wanted: Made, monkeypatch: pytest.MonkeyPatch) -> Findings:
    found = []
    described = {"aws:eks/getCluster:getCluster": lambda _: {"name": "c1"}}
    token = {"aws:eks/getClusterAuth:getClusterAuth": lambda _: {"token": "t"}}
    with cluster.serving() as server:
        monkeypatch.setattr(in_cluster, "_server", lambda *_: server)

        async def main() -> None:
            provider = providers.declare(parsed({"app": POD})).aws_provider
            found.append(await in_cluster.look("c1", provider, wanted))

        record(lambda: pulumi.run(main), answers={**described, **token})
    return found[0]


def test_of_a_new_cluster_it_is_known_which_namespaces_it_has() -> None:
    wanted = [Made(thing("namespace", "default"), "k"), Made(thing("namespace", "team-a"), "k")]
    account = Made(thing("service account", "kube-system/aws-node"), "k")  # which an add-on makes
    found = []

    def none(_: Any) -> dict[str, Any]:
        raise RuntimeError("reading EKS Cluster (c1): couldn't find resource")

    async def main() -> None:
        provider = providers.declare(parsed({"app": POD})).aws_provider
        found.append(await in_cluster.look("c1", provider, [*wanted, account]))

    answers = {"aws:eks/getCluster:getCluster": none, "aws:eks/getClusterAuth:getClusterAuth": lambda _: {}}
    record(lambda: pulumi.run(main), answers=answers)
    assert found[0] == Findings(absent={thing("namespace", "team-a")})


def test_namespaces_accounts_and_objects_are_found_in_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    managed = [{"manager": "helm"}]
    cluster = Cluster(
        {
            "/api/v1/namespaces/a": {"metadata": {"name": "a", "managedFields": managed}},
            "/apis/vault.platform.io/v1alpha1/vaultconnections/vao": {"metadata": {"managedFields": managed}},
        }
    )
    there, connection = thing("namespace", "a"), thing("VaultConnection", "vao")
    absent = {thing("namespace", "b"), thing("service account", "a/x")}
    wanted = [Made(each, "k") for each in (there, connection, *absent)]
    found = look(cluster, *wanted, monkeypatch=monkeypatch)
    assert found.there == {there: "written by helm", connection: "written by helm"}
    assert found.absent == absent


def test_a_chart_of_the_same_name_is_found_without_its_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    path = "/api/v1/namespaces/a/secrets?labelSelector=owner%3Dhelm,name%3D{}&limit=1"
    item = {"metadata": {"creationTimestamp": "2026-01-01"}}
    cluster = Cluster({path.format("vao"): {"items": [item]}, path.format("free"): {"items": []}})
    taken, free = thing("Helm release", "a", "vao"), thing("Helm release", "a", "free")
    found = look(cluster, Made(taken, "k"), Made(free, "k"), monkeypatch=monkeypatch)
    assert (found.there, found.absent) == ({taken: "made 2026-01-01"}, {free})
    assert all("PartialObjectMetadataList" in str(form) for _, form in cluster.asked)


@pytest.mark.parametrize(
    ("annotation", "there"),
    [
        (None, False),
        (f"{ARN}:role/app", False),  # the stack's own, which a hand has written before
        (f"{ARN}:role/other", True),
    ],
)
def test_a_service_account_that_names_another_role_is_found(
    annotation: str | None, there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The annotation's owner would refuse another's, after all that is made before it."""
    key = "eks.amazonaws.com/role-arn"
    writer = {"manager": "argocd", "fieldsV1": {"f:metadata": {"f:annotations": {f"f:{key}": {}}}}}
    metadata = {
        "annotations": {key: annotation} if annotation else {},
        "managedFields": [{"manager": "kubectl", "fieldsV1": {}}, writer],
    }
    cluster = Cluster({"/api/v1/namespaces/default/serviceaccounts/app": {"metadata": metadata}})
    own = Made(thing("role annotation", "default/app"), "k", "app")
    found = look(cluster, own, monkeypatch=monkeypatch)
    assert found.there == ({own.thing: f"names {annotation}, written by argocd"} if there else {})
