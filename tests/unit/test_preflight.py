"""What a stack makes under names that may be taken, and what is said of those that are."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pulumi
import pulumi_vault as vault
import pytest

from stack import file, handover, preflight, providers
from stack.file import StackFile
from stack.preflight import in_aws, in_lists, in_vault, leaving, objects, place, places, report, state
from stack.preflight.found import Findings
from stack.preflight.objects import Made, Thing, thing
from stack.preflight.state import State
from tests.servers import Silent, serving
from tests.unit.recording import ISSUER, Recording, Registered, record
from tests.unit.test_program import LOCAL_VAULT, ROOT, STACK_FILES, run, stack_config, vault_is_enterprise

NAMELESS = {
    "aws:ec2/launchTemplate:LaunchTemplate",  # Pulumi makes its name up
    "aws:iam/accessKey:AccessKey",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    "aws:iam/userPolicyAttachment:UserPolicyAttachment",
    "eks:index:ManagedNodeGroup",
    "random:index/randomPassword:RandomPassword",
    "vault:generic/endpoint:Endpoint",  # fields of a role, or of the client config
}
"""Resources that take no name that another could have."""


def changes(name: str) -> dict[str, Any]:
    return LOCAL_VAULT if name == "local" else {}


def stack_of(name: str, **changed: Any) -> StackFile:
    return file.parse(stack_config(name, **{**changes(name), **changed}), file.read_policies(ROOT))


def registered(resource: Registered) -> Thing | None:
    """What a registration is, its account by the name of its provider, and its cluster by its own."""
    if resource.type == "eks:index:Cluster":
        return state.in_its_cluster(thing("EKS cluster", resource.inputs["name"]), resource.urn)
    if resource.type.startswith(("pulumi:", "vault-aws-auth:")) or resource.type in NAMELESS:
        return None
    found = objects.TYPES[resource.type](resource.inputs)
    assert found, resource
    account = resource.provider.partition("-")[2]
    return state.in_its_cluster(found._replace(account=account), resource.urn)


def registered_of(recording: Recording, stack: StackFile) -> set[Thing]:
    """What all registrations are, each where the stack file has its cluster."""
    found = {it: "" for it in map(registered, recording.resources) if it}
    return {*places.placed(State(found, {}), stack).owned}


@pytest.fixture
def enterprise(monkeypatch: pytest.MonkeyPatch) -> None:
    vault_is_enterprise(monkeypatch)


@pytest.mark.usefixtures("enterprise")
@pytest.mark.parametrize("name", STACK_FILES)
def test_everything_that_the_program_makes_is_looked_up(name: str) -> None:
    """A type without an entry, or a name that no setting claims, would be found in the middle of an `up`."""
    of_cluster = thing("OIDC provider", ISSUER)  # a new cluster has a new issuer
    stack = stack_of(name)
    made = registered_of(run(name, **changes(name)), stack) - {of_cluster}
    claimed = [made.thing for made in objects.of(stack)]
    assert set(claimed) == made
    assert len(claimed) == len(made)


ROLE = "arn:aws:iam::111111111111:role/"
ACCOUNT_POLICY = "arn:aws:iam::111111111111:policy/x"
POD = {"kind": "service-account", "serviceAccounts": ["default/app"], "policies": ["dev"]}
OF_NO_STACK_FILE: Mapping[str, dict[str, Any]] = {
    "pod-identity, and service accounts that are only annotated": {
        "vaultIdentity": {"kind": "role", "method": "pod-identity", "serviceAccount": "vault/vault"},
        "logins": {
            "app": {**POD, "method": "pod-identity", "vaultLookups": True},
            "other": {**POD, "serviceAccounts": ["default/other"], "serviceAccountMode": "patch"},
        },
    },
    "charts and objects of consumers": {
        "vaultIdentity": {"kind": "role", "serviceAccount": "vault/vault"},
        "logins": {
            "operator": {**POD, "serviceAccounts": ["operator/sa"]},
            "gloo": {
                **POD,
                "serviceAccounts": ["a/x", "gloo-system/gloo", "gloo-system/discovery"],
                "serviceAccountMode": "none",
            },
        },
        "consumers": {
            "vao": {
                "kind": "vault-access-operator",
                "login": "operator",
                "apply": True,
                "release": {"version": "1"},
            },
            "gloo": {"kind": "gloo", "login": "gloo", "release": {"version": "1"}},
            "vault": {"kind": "vault-server", "plaintext": True, "release": {"version": "1"}},
        },
    },
    "several clusters": {
        "clusters": {"green": {"namespaces": ["team"]}, "blue": {}},
        "logins": {
            "app": {**POD, "method": "pod-identity"},
            "own": {**POD, "serviceAccounts": ["default/own"], "clusters": ["dev"]},
            "operator": {**POD, "serviceAccounts": ["op/sa"], "clusters": ["dev", "green"]},
        },
        "consumers": {
            "vao": {"kind": "vault-access-operator", "login": "operator", "apply": True},
            "charts": {"kind": "vault-access-operator", "login": "own", "release": {"version": "1"}},
        },
    },
    "an identity and an instance profile that EC2 may give": {
        "vaultIdentity": {"kind": "role", "trustedServices": ["ec2.amazonaws.com"]},
        "logins": {"app": POD},
    },
    "an identity that is there": {
        "vaultIdentity": {"kind": "existing", "roleArn": f"{ROLE}vault"},
        "logins": {"app": POD},
    },
    "an engine that hands out what it may do itself": {
        "secretsEngine": {
            "kind": "user",
            "roles": {
                "r": {
                    "credentialType": "federation_token",
                    "policyArns": [ACCOUNT_POLICY],
                    "policyDocument": {
                        "Version": "2012-10-17",
                        "Statement": [{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}],
                    },
                }
            },
        },
        "logins": {"app": POD, "task": {"kind": "ecs-task", "policies": ["dev"]}},
    },
}
"""What no stack file of this repository declares."""


@pytest.mark.usefixtures("enterprise")
@pytest.mark.parametrize("name", OF_NO_STACK_FILE)
def test_what_no_stack_file_here_declares_is_looked_up_as_well(name: str) -> None:
    sections = {f"vault-aws-auth:{key}": value for key, value in OF_NO_STACK_FILE[name].items()}
    base = dict.fromkeys(f"vault-aws-auth:{key}" for key in ("accounts", "consumers", "secretsEngine"))
    given = {**base, "vault-aws-auth:accountId": "111111111111", **sections}
    of_cluster = thing("OIDC provider", ISSUER)
    stack = stack_of("dev", **given)
    made = registered_of(run("dev", **given), stack) - {of_cluster}
    assert {each.thing for each in objects.of(stack)} == made


def test_every_kind_of_thing_has_a_way_on() -> None:
    nouns = {it.noun for read in objects.TYPES.values() if (it := read(EVERYTHING))}
    assert len(nouns) == len(objects.TYPES) - 1  # two types are secrets engines
    for noun in nouns:
        assert f"the {noun} x is there already" in taken(Thing(noun, "x"))


EVERYTHING = {
    **dict.fromkeys(("name", "path", "backend", "accountId", "role", "url", "clusterName", "addonName"), "x"),
    **dict.fromkeys(("namespace", "serviceAccount"), "x"),
    "metadata": {"namespace": "x", "name": "x"},
}


def taken(what: Thing, seen: str = "") -> str:
    return report.taken({what: Made(what, "vault-aws-auth:key")}, {what: seen})


def test_a_policy_that_is_taken_is_said_with_both_ways_on() -> None:
    text = report.taken(
        {thing("Vault policy", "dev"): Made(thing("Vault policy", "dev"), "policies/vault/dev.hcl")},
        {thing("Vault policy", "dev"): ""},
    )
    first, second, adopt, _ = text.splitlines()
    assert first == "1 name is taken already by what this stack did not make; nothing was changed:"
    assert second.startswith(
        "  1. policies/vault/dev.hcl: the Vault policy dev is there already; list it in "
    )
    assert "vault.externalPolicies" in second
    assert "import it into this stack first" in adopt


@pytest.mark.parametrize("noun", ["Vault role", "Vault policy", "IAM role", "IAM user", "IAM policy"])
def test_names_without_case_are_the_same_in_any(noun: str) -> None:
    assert thing(noun, "mount", "DEV") == thing(noun, "mount", "dev")
    assert thing("secrets engine", "DEV") != thing("secrets engine", "dev")


# Vault


class Vault:
    """Answers reads with the statuses and data given by path; all else is not there."""

    def __init__(self, answers: Mapping[str, tuple[int, Any]], errors: Sequence[str] = ()) -> None:
        self.answers = answers
        self.errors = errors
        self.asked: list[tuple[str, str | None]] = []
        """Paths, and the namespaces that they were asked in."""

    @contextmanager
    def serving(self) -> Iterator[str]:
        fake = self

        class Handler(Silent):
            def do_GET(self) -> None:
                fake.asked.append((self.path, self.headers["X-Vault-Namespace"]))
                status, data = fake.answers.get(self.path.removeprefix("/v1/"), (404, {}))
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps({"data": data, "errors": fake.errors}).encode())

        with serving(Handler) as address:
            yield address


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "t")


@pytest.fixture(autouse=True)
def _no_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS's own lists, which tests/emulator/test_preflight_lists.py asks for, have nothing."""
    monkeypatch.setattr(in_lists, "look", lambda _, wanted: Findings(absent={it.thing for it in wanted}))


def look(answers: Mapping[str, tuple[int, Any]], *things: Thing) -> Findings:
    with Vault(answers).serving() as address:
        return in_vault.look(address, "", [Made(each, "key") for each in things])


MOUNT = {"type": "aws", "accessor": "auth_aws_1", "description": "payments"}


def test_a_mount_is_seen_with_its_accessor_and_description() -> None:
    own = thing("auth mount", "aws")
    assert look({"sys/auth": (200, {"aws/": MOUNT})}, own).there == {
        own: 'type aws, accessor auth_aws_1, described as "payments"'
    }


@pytest.mark.parametrize("path", ["team/aws/", "team/"])
def test_a_mount_above_or_below_is_in_the_way(path: str) -> None:
    own = thing("auth mount", "team" if path == "team/aws/" else "team/aws")
    (seen,) = look({"sys/auth": (200, {path: MOUNT})}, own).there.values()
    assert "in whose way it would be" in seen


def test_a_mount_beside_is_in_nobodys_way() -> None:
    assert not look({"sys/auth": (200, {"aws-old/": MOUNT})}, thing("auth mount", "aws")).there


def test_what_is_below_a_foreign_mount_is_listed_too() -> None:
    wanted = [
        thing("client config", "aws"),
        thing("STS role", "aws", "222222222222"),
        thing("Vault role", "aws", "web"),
        thing("Vault role", "aws", "other"),
    ]
    found = look(
        {
            "auth/aws/config/client": (200, {"access_key": "AKIA1"}),
            "auth/aws/config/sts/222222222222": (200, {"sts_role": "arn"}),
            "auth/aws/role?list=true": (200, {"keys": ["web", "third"]}),
            "auth/aws/role/web": (200, {"bound_iam_principal_arn": ["arn:x"], "token_policies": ["admin"]}),
        },
        *wanted,
    )
    assert found.there == {
        wanted[0]: "access_key AKIA1",
        wanted[1]: "sts_role arn",
        wanted[2]: "binds arn:x; gives admin",
    }
    assert not found.unseen


DEFAULT_IDENTITY = {
    "iam_alias": "role_id",
    "ec2_alias": "role_id",
    "iam_metadata": ["account_id", "auth_type"],
    "ec2_metadata": ["account_id", "auth_type"],
}


@pytest.mark.parametrize(
    ("changed", "there"),
    [
        ({}, False),
        ({"iam_alias": "unique_id"}, True),
        ({"iam_metadata": ["client_arn"]}, True),
        # What the stack itself writes; Vault keeps it when the resource is deleted.
        ({"iam_metadata": ["canonical_arn", "auth_type", "account_id"]}, False),
    ],
)
def test_an_identity_config_is_taken_once_it_was_written(changed: dict[str, Any], there: bool) -> None:
    config = thing("identity config", "aws")
    answers = {"auth/aws/config/identity": (200, {**DEFAULT_IDENTITY, **changed})}
    assert (config in look(answers, config).there) is there


def test_where_names_may_not_be_listed_each_is_read() -> None:
    a, b = thing("Vault policy", "a"), thing("Vault policy", "b")
    found = look({"sys/policies/acl?list=true": (403, {}), "sys/policies/acl/a": (200, {"policy": ""})}, a, b)
    assert set(found.there) == {a}
    assert not found.unseen


def test_what_the_token_may_not_read_is_said_and_is_not_taken() -> None:
    policy = thing("Vault policy", "a")
    found = look({"sys/policies/acl/a": (403, {})}, policy)
    assert not found.there
    (line,) = report.unseen(found)
    assert line.endswith("could not be looked up: the Vault policy a: the token may not read it")


def test_a_vault_that_is_not_there_is_said_once() -> None:
    wanted = [Made(thing("auth mount", "aws"), "key"), Made(thing("Vault policy", "a"), "key")]
    (line,) = report.unseen(in_vault.look("http://127.0.0.1:1", "", wanted))
    assert "the auth mount aws, the Vault policy a: http://127.0.0.1:1 cannot be reached" in line


def test_a_token_that_vault_does_not_know_is_one_error_with_what_to_do() -> None:
    """With every permission that it lacks, the update would fail after it has made a cluster."""
    vault = Vault(
        {"sys/auth": (403, {})}, errors=["2 errors occurred:\n\t* permission denied\n\t* invalid token"]
    )
    with pytest.raises(preflight.PreflightError, match=r"^VAULT_TOKEN: \S+ does not know this token"):
        check({}, vault)


def test_without_a_token_nothing_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("VAULT_TOKEN")
    monkeypatch.setenv("HOME", str(tmp_path))
    (line,) = report.unseen(look({}, thing("auth mount", "aws")))
    assert line.endswith("there is no token, VAULT_TOKEN")


def test_a_namespace_is_asked_as_the_provider_asks_it() -> None:
    vault = Vault({"sys/auth": (200, {})})
    with vault.serving() as address:
        in_vault.look(address, "team/a", [Made(thing("auth mount", "aws"), "key")])
    assert vault.asked == [("/v1/sys/auth", "team/a")]


# The whole


Answers = Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]]
NO_OUTPUTS: Answers = {"pulumi:pulumi:readStackOutputs": lambda _: {"outputs": {}}}


def nothing_there(_: Any) -> dict[str, Any]:
    raise RuntimeError("reading IAM Role (x): couldn't find resource")


def is_forbidden(_: Any) -> dict[str, Any]:
    raise RuntimeError("AccessDenied: not authorized to perform iam:GetUser")


GET = "aws:iam/get{0}:get{0}"
ABSENT: Answers = {
    GET.format(name): nothing_there
    for name in ("Role", "User", "Policy", "InstanceProfile", "OpenIdConnectProvider")
}


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> list[State]:
    """What `pulumi stack export` would say; empty until a test writes it."""
    states: list[State] = []

    async def from_export(_: Any) -> State:
        return states[0]

    monkeypatch.setattr(state, "from_export", from_export)
    return states


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lines.append)
    return lines


def check(answers: Answers, vault: Vault | Mapping[str, tuple[int, Any]]) -> Recording:
    """A look before the stack `cross-account` is made."""
    recording = Recording()
    with (vault if isinstance(vault, Vault) else Vault(vault)).serving() as address:
        settings = {**json.loads(stack_config("cross-account")["vault-aws-auth:vault"]), "address": address}
        stack = stack_of("cross-account", **{"vault-aws-auth:vault": settings})

        async def main() -> None:
            await preflight.check(stack, providers.declare(stack))

        record(lambda: pulumi.run(main), answers={**NO_OUTPUTS, **ABSENT, **answers}, into=recording)
    return recording


def test_nothing_is_said_where_all_names_are_free(warned: list[str], exported: list[State]) -> None:
    recording = check({}, {"sys/auth": (200, {}), "sys/mounts": (200, {})})
    assert warned == []
    # Asked for the resources of a stack without any, the engine ends.
    assert "pulumi:pulumi:readStackResourceOutputs" not in {token for token, _, _ in recording.calls}


def test_all_names_that_are_taken_are_listed_at_once(exported: list[State]) -> None:
    exported.append(State({}, {}))
    role = {"arn": "arn:aws:iam::222222222222:role/x", "tags": {"team": "payments"}}
    with pytest.raises(preflight.PreflightError) as refusal:
        check(
            {GET.format("User"): lambda _: {"arn": "arn:user"}, GET.format("Role"): lambda _: role},
            {"sys/auth": (200, {"aws/": MOUNT}), "sys/policies/acl/admin": (200, {"policy": "x"})},
        )
    lines = str(refusal.value).splitlines()
    assert [line.split(": ")[0].strip() for line in lines[1:-2]] == [
        "1. vault-aws-auth:vault.mountPath",
        "2. vault-aws-auth:vaultIdentity.userName",
        "3. vault-aws-auth:accounts.222222222222.roleName",
        "4. policies/vault/admin.hcl",
    ]
    assert "of account 222222222222 is there already" in lines[3]
    assert "tags team=payments" in lines[3]


def test_what_a_first_run_that_failed_has_made_is_not_foreign(exported: list[State]) -> None:
    exported.append(State({thing("IAM user", "vault-primary"): "urn"}, {}))
    check({GET.format("User"): lambda _: {"arn": "arn:user"}}, {"sys/auth": (200, {})})


def test_what_a_killed_run_has_begun_is_said_and_is_not_foreign(
    exported: list[State], warned: list[str]
) -> None:
    exported.append(State({}, {thing("IAM user", "vault-primary"): "urn"}))
    check({GET.format("User"): lambda _: {"arn": "arn:user"}}, {"sys/auth": (200, {})})
    (line,) = warned
    assert "killed while it made the IAM user vault-primary" in line


def test_what_may_not_be_read_is_said_and_is_not_fatal(warned: list[str]) -> None:
    check({GET.format("User"): is_forbidden}, {"sys/auth": (200, {})})
    (line,) = warned
    assert "the IAM user vault-primary: AccessDenied: not authorized to perform iam:GetUser" in line


def test_of_many_roles_only_those_that_are_there_are_asked_for() -> None:
    wanted = [Made(thing("IAM role", f"r{number}"), "key") for number in range(11)]
    found = []

    async def main() -> None:
        provider = providers.declare(stack_of("cross-account")).aws_provider
        found.append(await in_aws.look("111111111111", "us-east-1", {"": provider}, wanted))

    recording = record(
        lambda: pulumi.run(main),
        answers={
            "aws:iam/getRoles:getRoles": lambda _: {"names": ["R7"]},
            GET.format("Role"): lambda _: {"arn": "arn:r7"},
        },
    )
    assert found[0].there == {thing("IAM role", "r7"): "arn:r7"}
    asked = [arguments for token, arguments, _ in recording.calls if token == GET.format("Role")]
    assert asked == [{"name": "r7"}]


def test_a_name_of_iam_is_asked_for_as_it_is_written() -> None:
    login = {**POD, "iamRoleName": "Payments-App"}
    found = list(objects.of(stack_of("dev", **{"vault-aws-auth:logins": {"app": login}})))
    (role,) = [each for each in found if each.key == "vault-aws-auth:logins.app.iamRoleName"]
    assert (role.thing.name, role.name) == ("payments-app", "Payments-App")
    asked = []

    async def main() -> None:
        provider = providers.declare(stack_of("cross-account")).aws_provider
        await in_aws.look("111111111111", "us-east-1", {"": provider}, [role])

    def answer(arguments: dict[str, Any]) -> dict[str, Any]:
        asked.append(arguments)
        return {"arn": "arn:r"}

    record(lambda: pulumi.run(main), answers={GET.format("Role"): answer})
    assert asked == [{"name": "Payments-App"}]


def test_what_the_state_owns_is_not_looked_up() -> None:
    outputs = {
        "urn:1": {
            "type": "aws:iam/user:User",
            "outputs": {"name": "vault-primary", "arn": "arn:aws:iam::1:user/x"},
        },
        "urn:2": {
            "type": "aws:iam/role:Role",
            "outputs": {
                "name": "trust-relationship-for-primary-aws-and-vault",
                "arn": "arn:aws:iam::222222222222:role/x",
            },
        },
    }
    recording = check(
        {
            "pulumi:pulumi:readStackOutputs": lambda _: {"outputs": {"vault": {}}},
            "pulumi:pulumi:readStackResourceOutputs": lambda _: {"outputs": outputs},
        },
        {"sys/auth": (200, {})},
    )
    asked = {token for token, _, _ in recording.calls}
    assert GET.format("User") not in asked
    assert GET.format("Role") not in asked
    assert GET.format("Policy") in asked


UP = {
    "vault": {"namespace": "team"},
    "cluster": {
        "oidcIssuer": f"https://{ISSUER}",
        "oidcProviderArn": f"arn:aws:iam::111111111111:oidc-provider/{ISSUER}",
    },
}
MADE = {thing("EKS cluster", "dev"): "urn"}


def place_of(**changed: Any) -> list[str]:
    settings = {**json.loads(stack_config("dev")["vault-aws-auth:vault"]), "namespace": "team"}
    given = {"aws:region": "us-east-1", "vault-aws-auth:vault": settings, **changed}
    return [line.partition(": ")[0] for line in place.moved(stack_of("dev", **given), State(MADE, {}, UP))]


def test_a_stack_that_is_up_stays_in_its_namespace_its_account_and_its_region() -> None:
    assert place_of() == []
    address = json.loads(stack_config("dev")["vault-aws-auth:vault"])  # of the root namespace
    assert place_of(**{"vault-aws-auth:vault": address}) == ["vault-aws-auth:vault.namespace"]
    assert place_of(**{"vault-aws-auth:accountId": "222222222222"}) == ["vault-aws-auth:accountId"]
    assert place_of(**{"aws:region": "us-west-2"}) == ["aws:region"]
    cluster = {"name": "dev", "existing": True}
    elsewhere = stack_of("dev", **{"aws:region": "us-west-2", "vault-aws-auth:cluster": cluster})
    assert list(place.moved(elsewhere, State({}, {}, {"cluster": UP["cluster"]}))) == []


def test_a_stack_that_would_move_is_refused_before_anything_is_looked_up() -> None:
    answers: Answers = {
        "pulumi:pulumi:readStackOutputs": lambda _: {"outputs": {"vault": {"namespace": "team"}}},
        "pulumi:pulumi:readStackResourceOutputs": lambda _: {"outputs": {}},
    }
    with pytest.raises(preflight.PreflightError) as refusal:
        check(answers, {})
    first, moved, way = str(refusal.value).splitlines()
    assert first == "a stack stays where it was brought up; nothing was changed:"
    assert moved.endswith("vault.namespace: the root namespace, and what this stack made is in team")
    assert "a second stack" in way


def test_an_export_has_what_is_whole_and_what_was_begun() -> None:
    role = {"type": "aws:iam/role:Role"}
    deployment = {
        "resources": [
            {"urn": "urn:1", "type": "vault:index/policy:Policy", "outputs": {"name": "dev"}},
            {"urn": "urn:2", "type": "pulumi:pulumi:Stack"},
        ],
        "pending_operations": [
            {"type": "creating", "resource": {**role, "urn": "urn:3", "inputs": {"name": "a"}}},
            {"type": "updating", "resource": {**role, "urn": "urn:4", "inputs": {"name": "b"}}},
        ],
    }
    assert state.of_deployment(deployment, ()) == State(
        {thing("Vault policy", "dev"): "urn:1"},
        {thing("IAM role", "a"): "urn:3"},
        urns=("urn:1", "urn:2"),
    )


# What leaves the stack


URN = "urn:pulumi:cross-account::vault-aws-auth::vault:index/policy:Policy::admin"


def handed_over(**config: Any) -> set[str]:
    """What the stack file `dev` names and says is another's, as far as that is not the cluster."""
    stack = stack_of("dev", **{f"vault-aws-auth:{key}": value for key, value in config.items()})
    return {report.describe(made.thing) for made in leaving.of(stack)}


LOGIN = {"kind": "service-account", "serviceAccounts": ["default/app"], "policies": ["dev"]}
VAULT = {"address": "https://vault.example.com"}
ARN = "arn:aws:iam::111111111111"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"vault": {**VAULT, "externalPolicies": ["dev"]}}, {"the Vault policy dev"}),
        ({"logins": {"a": {**LOGIN, "serviceAccountMode": "none"}}}, {"the service account default/app"}),
        ({"logins": {"a": {**LOGIN, "serviceAccountMode": "patch"}}}, {"the service account default/app"}),
        ({"logins": {"a": LOGIN}}, set()),
        ({"vaultIdentity": {"kind": "existing", "roleArn": f"{ARN}:role/a"}}, {"the IAM role a"}),
        (
            {
                "logins": {
                    "a": {
                        "kind": "principal",
                        "principals": [f"{ARN}:role/team/a", f"{ARN}:user/b", f"{ARN}:role/c-*"],
                        "policies": ["dev"],
                    }
                }
            },
            {"the IAM role a", "the IAM user b"},
        ),
        ({"cluster": {"name": "c", "existing": True}}, {"the EKS cluster c"}),
        (
            {
                "cluster": {
                    "name": "c",
                    "existing": True,
                    "nodeRoleArns": {"default": f"{ARN}:role/node"},
                }
            },
            {"the EKS cluster c", "the IAM role node"},
        ),
        (
            {
                "accounts": {"222222222222": {"roleArn": "arn:aws:iam::222222222222:role/lookup"}},
                "vaultIdentity": {"kind": "user", "allLookups": True},
            },
            {"the IAM role lookup of account 222222222222"},
        ),
    ],
)
def test_what_is_anothers_is_told_apart(config: dict[str, Any], expected: set[str]) -> None:
    given = {"vault": VAULT, "logins": {"a": LOGIN}, **config}
    assert handed_over(accountId="111111111111", **given) == expected


def test_a_policy_that_is_anothers_now_is_kept_by_its_urn() -> None:
    """It stays declared, changes in nothing, and is forgotten in the end, not deleted."""
    kept = {thing("Vault policy", "admin"): URN}
    stack = stack_of("cross-account")

    async def main() -> None:
        handover.declare(kept, providers.declare(stack), {})

    recording = record(lambda: pulumi.run(main))
    (policy,) = recording.of_type("vault:index/policy:Policy")
    assert (policy.name, policy.provider) == ("handed-over-admin", "vault")
    assert policy.aliases == {URN}
    assert policy.ignore_changes == {"*"}
    assert policy.retain_on_delete
    assert not policy.protect


def test_what_was_anothers_is_taken_back_under_the_urn_that_it_has() -> None:
    """Else its own resource would be made beside it, and find its name taken."""
    urn = "urn:pulumi:x::vault-aws-auth::vault:index/policy:Policy::handed-over-admin"

    async def main() -> None:
        handover.take_back([urn], {})
        component = pulumi.ComponentResource("a:b:C", "component")
        child = pulumi.ResourceOptions(parent=component)
        vault.Policy("admin", policy="", opts=child)
        vault.Policy("dev", policy="", opts=child)
        vault.identity.OidcKey("admin", opts=child)

    recording = record(lambda: pulumi.run(main))
    found = {(it.type, it.name): it.aliases for it in recording.resources if it.type.startswith("vault:")}
    assert [key for key, aliases in found.items() if urn in aliases] == [
        ("vault:index/policy:Policy", "admin")
    ]


def test_a_cluster_that_is_anothers_now_is_refused_with_the_command() -> None:
    urn = "urn:pulumi:dev::vault-aws-auth::vault-aws-auth:index:EksCluster$aws:eks/cluster:Cluster::c"
    cluster = thing("EKS cluster", "c")
    text = report.stuck({Made(cluster, "vault-aws-auth:cluster.existing"): urn})
    assert f"pulumi state delete --target-dependents '{urn}'" in text
