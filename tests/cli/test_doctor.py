"""`doctor`: a link is right, wrong with its fix, or not checked; the others are checked all the same."""

import json
from typing import Any

import pytest

from cli.aws import sts_region_of
from components import arns
from tests.cli.conftest import Run
from tests.cli.world import CI_ROLE, HEADER, POD_ROLE, World

ANNOTATION = "eks.amazonaws.com/role-arn"


@pytest.fixture
def annotated(world: World) -> World:
    world.accounts["default/vault-auth"]["metadata"]["annotations"] = {ANNOTATION: POD_ROLE}
    return world


@pytest.fixture
def operator(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The user may read Vault's configuration."""
    monkeypatch.setenv("VAULT_TOKEN", "operator")
    world.vault_objects = {
        "auth/aws/config/client": {"sts_endpoint": world.address, "sts_region": "us-east-1"},
        "auth/aws/role/dev-role-iam2": {"bound_iam_principal_arn": [POD_ROLE]},
        "sys/policies/acl/dev": {"policy": ""},
    }
    return world


def links(output: str) -> dict[str, dict[str, Any]]:
    return {link["link"]: link for link in json.loads(output)["links"]}


def wrong(output: str) -> dict[str, str]:
    """The links that are wrong, and what is said of them."""
    return {name: f"{n['detail']} → {n['fix']}" for name, n in links(output).items() if n["ok"] is False}


def test_all_links_of_a_pod_are_right(run: Run, annotated: World) -> None:
    done = run("doctor", "pod", "--json")
    assert done.exit_code == 0, done.output
    assert list(links(done.stdout)) == [
        "stack outputs",
        "cluster",
        "namespace",
        "service account",
        "annotation",
        "token",
        "STS endpoint",
        "AWS identity",
        "bound principal",
        "Vault",
        "mount",
        "client config",
        "Vault role",
        "server-id header",
        "Vault login",
        "policies",
        "lifetime",
    ]
    assert links(done.stdout)["Vault role"]["detail"] == "proved by: Vault login"
    assert not annotated.tokens, "the token that it got is revoked"


def test_every_kind_of_login_can_be_examined(run: Run, world: World) -> None:
    assert run("doctor", "node").exit_code == 0
    done = run("doctor", "ci", outputs=world.with_principal(CI_ROLE))
    assert done.exit_code == 0, done.output
    assert "AWS credentials at hand" in done.stdout
    done = run("doctor", "gloo", outputs=world.with_pod_identity())
    assert done.exit_code == 0, done.output
    assert "association" in done.stdout


@pytest.mark.parametrize("annotations", [None, {}, {ANNOTATION: "arn:aws:iam::111111111111:role/other"}])
def test_no_credentials_found_is_the_annotation(run: Run, world: World, annotations: Any) -> None:
    world.accounts["default/vault-auth"]["metadata"]["annotations"] = annotations
    outputs = world.outputs()
    values = {"serviceAccount": {"annotations": {ANNOTATION: POD_ROLE}}}
    outputs["consumers"] = {"operator": {"kind": "vault-access-operator", "values": values}}
    done = run("doctor", "pod", "--json", outputs=outputs)
    assert done.exit_code == 1
    assert list(wrong(done.stdout)) == ["annotation"], "the rest is checked all the same"
    fix = links(done.stdout)["annotation"]["fix"]
    assert f"serviceaccount -n default vault-auth {ANNOTATION}={POD_ROLE}" in fix
    assert "vault-aws-auth values operator" in fix


def test_no_credentials_found_is_the_missing_service_account(run: Run, world: World) -> None:
    done = run("doctor", "pod", "--service-account", "default/absent", "--json")
    assert list(wrong(done.stdout)) == ["service account"]
    assert links(done.stdout)["AWS identity"]["detail"] == "skipped, because of: service account, token"
    done = run("doctor", "pod", "--service-account", "absent/absent", "--json")
    assert "kubectl create namespace absent" in wrong(done.stdout)["namespace"]


def test_pods_tokens_of_another_audience_are_reported(run: Run, annotated: World) -> None:
    metadata = annotated.accounts["default/vault-auth"]["metadata"]
    metadata["annotations"]["eks.amazonaws.com/audience"] = "other"
    assert list(wrong(run("doctor", "pod", "--json").stdout)) == ["annotation"]


def test_another_cluster_is_recognised_by_its_tokens(run: Run, annotated: World) -> None:
    outputs = annotated.outputs()
    outputs["cluster"]["oidcIssuer"] = "oidc.eks.us-east-1.amazonaws.com/id/OTHER"
    assert "another cluster" in wrong(run("doctor", "pod", "--json", outputs=outputs).stdout)["token"]


def test_access_denied_by_vault_is_the_missing_role(run: Run, annotated: World) -> None:
    del annotated.bound["dev-role-iam2"]
    found = wrong(run("doctor", "pod", "--json").stdout)
    assert list(found) == ["Vault role", "Vault login"]
    assert "pulumi up" in found["Vault role"]


def test_access_denied_by_vault_is_the_other_arn(run: Run, annotated: World, operator: World) -> None:
    other = "arn:aws:iam::111111111111:role/other"
    operator.bound["dev-role-iam2"] = other
    operator.vault_objects["auth/aws/role/dev-role-iam2"] = {"bound_iam_principal_arn": [other]}
    found = wrong(run("doctor", "pod", "--json").stdout)
    assert list(found) == ["Vault role", "Vault login"]
    assert f"is bound to {other}, the login to {POD_ROLE}" in found["Vault role"]


def test_access_denied_by_vault_is_the_header(run: Run, annotated: World) -> None:
    outputs = annotated.outputs()
    outputs["vault"]["serverIdHeader"] = "other"
    found = wrong(run("doctor", "pod", "--json", outputs=outputs).stdout)
    assert list(found) == ["server-id header", "Vault login"]


def test_a_header_that_vault_requires_and_the_stack_does_not_have_is_never_to_be_signed(
    run: Run, annotated: World, operator: World
) -> None:
    """A login that is signed for another server is a login at that server."""
    outputs = operator.outputs()
    operator.header = "vault.elsewhere.example"
    operator.vault_objects["auth/aws/config/client"]["iam_server_id_header_value"] = operator.header
    found = wrong(run("doctor", "pod", "--json", outputs=outputs).stdout)
    assert list(found) == ["client config", "server-id header", "Vault login"]
    for said in found.values():
        assert "`pulumi up --refresh` restores it" in said or "restores auth/aws/config/client" in said
        assert "--header" not in said
    operator.header = HEADER
    operator.vault_objects["auth/aws/config/client"]["iam_server_id_header_value"] = HEADER
    assert not wrong(run("doctor", "pod", "--json").stdout)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("", "IAM has no key AKIAOFVAULTITSELF1, which auth/aws/config/client names"),
        ("Inactive", "AKIAOFVAULTITSELF1 of vault-auth is inactive"),
        ("Active", ""),
    ],
)
def test_vaults_own_access_key_is_looked_up_as_no_login_shows_it(
    status: str, said: str, run: Run, annotated: World, operator: World
) -> None:
    operator.vault_objects["auth/aws/config/client"]["access_key"] = "AKIAOFVAULTITSELF1"
    operator.access_keys = {"AKIAOFVAULTITSELF1": status} if status else {}
    done = run("doctor", "pod", "--json")
    assert list(wrong(done.stdout)) == (["Vault's access key"] if said else [])
    assert said in wrong(done.stdout).get("Vault's access key", "")
    assert links(done.stdout)["Vault login"]["ok"], "which is why it is looked up"


def test_an_unreachable_sts_is_told_from_one_of_another_region(run: Run, annotated: World) -> None:
    outputs = annotated.outputs()
    outputs["vault"]["stsEndpoint"] = "http://127.0.0.1:1"
    found = wrong(run("doctor", "pod", "--json", outputs=outputs).stdout)
    assert list(found) == ["STS endpoint"]
    assert "com.amazonaws.us-east-1.sts" in found["STS endpoint"]
    outputs["vault"]["stsEndpoint"] = "https://sts.eu-west-1.amazonaws.com"
    found = wrong(run("doctor", "pod", "--json", outputs=outputs).stdout)
    assert "is in eu-west-1, but logins are signed for us-east-1" in found["STS endpoint"]


@pytest.mark.parametrize(
    "region",
    ["us-east-1", "cn-north-1", "us-gov-west-1", "us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1",
     "us-isof-south-1", "eusc-de-east-1"],
)  # fmt: skip
def test_the_region_of_an_sts_endpoint_is_known_in_every_partition(region: str) -> None:
    """The command is installed without the components, and so has botocore's table of partitions."""
    host = arns.sts_endpoint(region).removeprefix("https://")
    for name in (
        host,
        host.replace("sts.", "sts-fips."),
        "sts.amazonaws.com",
        f"vpce-1.{host}",
        f"vpce-1.sts.{region}.vpce.{arns.dns_suffix(region)}",
        f"sts.{region}.api.aws",
        f"{host}.",
        "sts.internal",
    ):
        assert sts_region_of(name) == arns.sts_region(name)
    assert sts_region_of(host) == region


def test_vaults_sts_of_another_region_is_reported(run: Run, annotated: World, operator: World) -> None:
    operator.vault_objects["auth/aws/config/client"]["sts_region"] = "eu-west-1"
    found = wrong(run("doctor", "pod", "--json").stdout)
    assert "sts_region is eu-west-1, but logins are signed for us-east-1" in found["client config"]


def test_the_sts_endpoint_of_vaults_own_network_is_right_if_it_is_of_the_region(
    run: Run, annotated: World, operator: World
) -> None:
    config = operator.vault_objects["auth/aws/config/client"]
    config["sts_endpoint"] = "https://vpce-0123.sts.us-east-1.vpce.amazonaws.com"
    assert run("doctor", "pod").exit_code == 0
    config["sts_endpoint"] = "https://sts.eu-west-1.amazonaws.com"
    found = wrong(run("doctor", "pod", "--json").stdout)["client config"]
    assert "the region of https://sts.eu-west-1.amazonaws.com is eu-west-1, but logins" in found


def test_a_refusal_of_the_region_by_vaults_sts_is_explained(run: Run, annotated: World) -> None:
    annotated.vault_error = (
        400,
        "error making upstream request: received error code 403 from STS: "
        "<Message>Credential should be scoped to a valid region.</Message>",
    )
    assert "of another region" in json.loads(run("login", "pod", "--json").stdout)["error"]["hint"]


def test_a_policy_that_vault_does_not_have_is_reported(run: Run, annotated: World, operator: World) -> None:
    assert run("doctor", "pod").exit_code == 0
    del operator.vault_objects["sys/policies/acl/dev"]
    assert "no policy dev" in wrong(run("doctor", "pod", "--json").stdout)["policies"]


def test_a_token_that_is_wider_than_the_login_is_reported(run: Run, annotated: World) -> None:
    outputs = annotated.outputs()
    outputs["logins"]["pod"]["maxTtl"] = "1h"
    annotated.policies, annotated.ttl = ["admin", "default", "dev"], 3600
    found = wrong(run("doctor", "pod", "--json", outputs=outputs).stdout)
    assert list(found) == ["policies", "lifetime"]
    assert not annotated.tokens


def test_a_token_that_cannot_be_renewed_now_has_an_unknown_lifetime(run: Run, annotated: World) -> None:
    annotated.renewal_error = (500, "internal error")
    assert links(run("doctor", "pod", "--json").stdout)["lifetime"]["ok"] is None


def test_a_vault_with_namespaces_is_asked_for_its_health_without_one(run: Run, annotated: World) -> None:
    outputs = annotated.outputs()
    outputs["vault"]["namespace"] = "team-a"
    done = run("doctor", "pod", "--json", outputs=outputs)
    assert done.exit_code == 0, done.output


def test_a_sealed_vault_is_told_from_a_missing_mount(run: Run, annotated: World) -> None:
    outputs = annotated.outputs()
    outputs["vault"]["mountPath"] = "other"
    assert list(wrong(run("doctor", "pod", "--json", outputs=outputs).stdout)) == ["mount"]
    annotated.sealed = True
    assert list(wrong(run("doctor", "pod", "--json").stdout)) == ["Vault"]


def test_what_you_may_not_read_is_proved_by_what_follows_or_stays_open(run: Run, annotated: World) -> None:
    annotated.forbidden = {"read"}
    done = run("doctor", "pod", "--json")
    assert done.exit_code == 1, "the annotation is not proved by the login"
    found = links(done.stdout)
    assert (found["namespace"]["ok"], found["namespace"]["detail"]) == (True, "proved by: token")
    assert found["annotation"]["ok"] is None
    assert not wrong(done.stdout)


def test_a_missing_association_is_reported(run: Run, world: World) -> None:
    outputs = world.with_pod_identity()
    world.associations.clear()
    found = wrong(run("doctor", "gloo", "--json", outputs=outputs).stdout)
    assert list(found) == ["association", "AWS identity"]


def test_an_annotation_that_overrides_pod_identity_is_reported(run: Run, world: World) -> None:
    outputs = world.with_pod_identity()
    world.accounts["gloo-system/gloo"]["metadata"]["annotations"] = {ANNOTATION: POD_ROLE}
    assert list(wrong(run("doctor", "gloo", "--json", outputs=outputs).stdout)) == ["annotation"]


def test_a_stack_that_is_not_up_is_the_first_link(run: Run) -> None:
    done = run("doctor", "pod", "--json", outputs={})
    assert done.exit_code == 1
    assert list(wrong(done.stdout)) == ["stack outputs"]


def test_the_table_shows_mark_link_and_fix(run: Run) -> None:
    done = run("doctor", "pod")
    assert done.exit_code == 1
    assert "✗  annotation" in done.stdout
    assert "→ with serviceAccountMode create or patch: `kubectl annotate" in done.stdout
    assert "1 wrong of 17 links" in done.stdout
    assert "\x1b[" not in done.stdout
