"""AssumeRoleWithWebIdentity: who is let in, and every wrong caller refused where AWS refuses it."""

from __future__ import annotations

import json
import time
from typing import Any

import boto3
import jwt
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import ec

from tests.emulator.world import (
    AUDIENCE,
    ISSUER,
    PRIMARY,
    SECONDARY,
    SUBJECT,
    Emulator,
    Issuer,
    as_keys,
    document,
    make_role,
    session_of,
    trust,
)

URL = ISSUER.removeprefix("https://")
PROVIDER = f"arn:aws:iam::{PRIMARY}:oidc-provider/{URL}"


def web_trust(provider: str = PROVIDER, operator: str = "StringEquals", subject: Any = SUBJECT) -> str:
    return document(
        {
            "Effect": "Allow",
            "Principal": {"Federated": provider},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {operator: {f"{URL}:sub": subject}, "StringEquals": {f"{URL}:aud": AUDIENCE}}
            if operator != "StringEquals"
            else {"StringEquals": {f"{URL}:sub": subject, f"{URL}:aud": AUDIENCE}},
        }
    )


@pytest.fixture(scope="module")
def role(emulator: Emulator) -> str:
    iam = emulator.client("iam")
    iam.create_open_id_connect_provider(Url=ISSUER, ClientIDList=[AUDIENCE])
    created = iam.create_role(RoleName="vault-auth", AssumeRolePolicyDocument=web_trust())
    return str(created["Role"]["Arn"])


def assume(emulator: Emulator, role: str, token: str, **more: Any) -> dict[str, Any]:
    config = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}, parameter_validation=False)
    sts = boto3.client("sts", endpoint_url=emulator.url, region_name="us-east-1", config=config)
    answer = sts.assume_role_with_web_identity(
        RoleArn=role, RoleSessionName="pod", WebIdentityToken=token, **more
    )
    return dict(answer)


def refusal(emulator: Emulator, role: str, token: str, **more: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        assume(emulator, role, token, **more)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_the_trusted_service_account_becomes_the_role(emulator: Emulator, role: str) -> None:
    answer = assume(emulator, role, emulator.issuer.token())
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{PRIMARY}:assumed-role/vault-auth/pod"
    assert (answer["SubjectFromWebIdentityToken"], answer["Audience"]) == (SUBJECT, AUDIENCE)
    identity = emulator.client("sts", as_keys(answer["Credentials"])).get_caller_identity()
    assert identity["Arn"] == answer["AssumedRoleUser"]["Arn"]
    assert identity["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"]


@pytest.mark.parametrize(
    "subject",
    [
        "system:serviceaccount:default:other",
        "system:serviceaccount:other:vault-auth",
        "system:serviceaccount:default:default",
    ],
)
def test_another_service_account_is_refused(emulator: Emulator, role: str, subject: str) -> None:
    assert refusal(emulator, role, emulator.issuer.token(sub=subject)) == (
        "AccessDenied",
        "Not authorized to perform sts:AssumeRoleWithWebIdentity",
    )


def test_an_issuer_that_is_not_registered_is_refused(emulator: Emulator, role: str) -> None:
    stranger, issuer = Issuer(), "https://oidc.eks.us-east-1.amazonaws.com/id/" + "F" * 32
    emulator.publish(issuer, stranger.jwks())
    code, message = refusal(emulator, role, stranger.token(iss=issuer))
    assert code == "InvalidIdentityToken"
    assert "No OpenIDConnect provider found in your account" in message


@pytest.mark.parametrize("claim", ["exp", "iat", "nbf"])
@pytest.mark.parametrize(
    "number", [float("nan"), float("inf"), -float("inf"), 10**400, 4e9, True, "4000000000", None, [], {}]
)
def test_a_date_in_a_token_is_a_finite_whole_number(
    emulator: Emulator, role: str, claim: str, number: Any
) -> None:
    now = int(time.time())
    claims = {**emulator.issuer.claims(iat=now, nbf=now, exp=now + 600), claim: number}
    token = emulator.issuer.signed(json.dumps(claims).encode())
    assert refusal(emulator, role, token)[0] == "InvalidIdentityToken"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_a_token_with_a_number_that_is_no_json_is_refused_wherever_it_is(
    emulator: Emulator, role: str, number: str
) -> None:
    claims = emulator.issuer.claims(auth_time=0, **{"kubernetes.io": {"warnafter": [1]}})
    text = json.dumps(claims)
    for was, now in (('"auth_time": 0', f'"auth_time": {number}'), ("[1]", f"[{number}]")):
        assert was in text
        token = emulator.issuer.signed(text.replace(was, now).encode())
        assert refusal(emulator, role, token)[0] == "InvalidIdentityToken"
    assert "Credentials" in emulator.client("sts").assume_role_with_web_identity(
        RoleArn=role, RoleSessionName="tester", WebIdentityToken=emulator.issuer.signed(text.encode())
    )


def test_an_expired_token_is_refused(emulator: Emulator, role: str) -> None:
    past = int(time.time()) - 3600
    token = emulator.issuer.token(iat=past - 60, nbf=past - 60, exp=past)
    assert refusal(emulator, role, token)[0] == "ExpiredTokenException"


def test_a_token_of_the_future_is_refused(emulator: Emulator, role: str) -> None:
    token = emulator.issuer.token(nbf=int(time.time()) + 3600)
    assert refusal(emulator, role, token)[0] == "InvalidIdentityToken"


def test_another_audience_is_refused(emulator: Emulator, role: str) -> None:
    assert refusal(emulator, role, emulator.issuer.token(aud=["vault"])) == (
        "InvalidIdentityToken",
        "Incorrect token audience",
    )


def test_an_audience_that_only_the_trust_policy_excludes_is_refused(emulator: Emulator, role: str) -> None:
    iam = emulator.client("iam")
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=PROVIDER, ClientID="second")
    assert refusal(emulator, role, emulator.issuer.token(aud=["second"]))[0] == "AccessDenied"


def test_the_authorized_party_of_a_token_takes_the_place_of_its_audience(
    emulator: Emulator, role: str
) -> None:
    audience = assume(emulator, role, emulator.issuer.token(aud=["x", "y"], azp=AUDIENCE))["Audience"]
    assert audience == AUDIENCE
    wrong = emulator.issuer.token(azp="x")
    assert refusal(emulator, role, wrong) == ("InvalidIdentityToken", "Incorrect token audience")
    iam = emulator.client("iam")
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=PROVIDER, ClientID="party")
    assert refusal(emulator, role, emulator.issuer.token(azp="party"))[0] == "AccessDenied"


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_tampered_token_is_refused(emulator: Emulator, role: str, part: int) -> None:
    ours = emulator.issuer.token().split(".")
    other = emulator.issuer.token(sub="system:serviceaccount:a:b").split(".")
    other[0] = jwt.utils.base64url_encode(b'{"alg":"none","kid":"key-1"}').decode()
    ours[part] = other[part]
    assert refusal(emulator, role, ".".join(ours))[0] == "InvalidIdentityToken"


def test_another_key_under_the_same_key_id_is_refused(emulator: Emulator, role: str) -> None:
    assert refusal(emulator, role, Issuer().token())[0] == "InvalidIdentityToken"


@pytest.mark.parametrize("algorithm", ["HS256", "ES256"])
def test_another_algorithm_is_refused(emulator: Emulator, role: str, algorithm: str) -> None:
    claims = jwt.decode(emulator.issuer.token(), options={"verify_signature": False})
    key: Any = "x" * 32 if algorithm == "HS256" else ec.generate_private_key(ec.SECP256R1())
    token = jwt.encode(claims, key, algorithm=algorithm, headers={"kid": "key-1"})
    assert refusal(emulator, role, token)[0] == "InvalidIdentityToken"


@pytest.mark.parametrize("token", ["no-token-at-all", "a.b.c", "e30.e30.e30"])
def test_what_is_no_token_is_refused(emulator: Emulator, role: str, token: str) -> None:
    assert refusal(emulator, role, token)[0] == "InvalidIdentityToken"


def test_a_role_of_an_account_without_the_provider_is_refused(emulator: Emulator) -> None:
    iam = emulator.client("iam", emulator.keys(SECONDARY))
    arn = iam.create_role(RoleName="elsewhere", AssumeRolePolicyDocument=web_trust())["Role"]["Arn"]
    assert refusal(emulator, arn, emulator.issuer.token())[0] == "InvalidIdentityToken"


def test_a_role_that_does_not_exist_looks_like_one_that_does_not_trust(emulator: Emulator, role: str) -> None:
    assert refusal(emulator, role + "x", emulator.issuer.token())[0] == "AccessDenied"


def test_a_key_that_the_issuer_begins_to_use_is_read_again(emulator: Emulator, role: str) -> None:
    assume(emulator, role, emulator.issuer.token())
    new = Issuer("key-2")
    emulator.publish(ISSUER, {"keys": emulator.issuer.jwks()["keys"] + new.jwks()["keys"]})
    assume(emulator, role, new.token())


def test_an_issuer_that_does_not_answer_is_a_communication_error(emulator: Emulator) -> None:
    issuer = "https://127.0.0.1:1/nobody"
    iam = emulator.client("iam")
    iam.create_open_id_connect_provider(Url=issuer, ClientIDList=[AUDIENCE])
    provider = f"arn:aws:iam::{PRIMARY}:oidc-provider/127.0.0.1:1/nobody"
    arn = iam.create_role(RoleName="unreachable", AssumeRolePolicyDocument=web_trust(provider))["Role"]["Arn"]
    assert refusal(emulator, arn, Issuer().token(iss=issuer))[0] == "IDPCommunicationError"


def test_a_patterned_subject_lets_in_what_it_matches(emulator: Emulator, role: str) -> None:
    iam = emulator.client("iam")
    pattern = web_trust(operator="StringLike", subject="system:serviceaccount:team-*:app")
    arn = iam.create_role(RoleName="patterned", AssumeRolePolicyDocument=pattern)["Role"]["Arn"]
    assume(emulator, arn, emulator.issuer.token(sub="system:serviceaccount:team-a:app"))
    assert refusal(emulator, arn, emulator.issuer.token(sub=SUBJECT))[0] == "AccessDenied"


def test_an_explicit_deny_wins(emulator: Emulator, role: str) -> None:
    both = json.loads(web_trust())
    both["Statement"].append({**both["Statement"][0], "Effect": "Deny"})
    arn = emulator.client("iam").create_role(RoleName="denied", AssumeRolePolicyDocument=json.dumps(both))
    assert refusal(emulator, arn["Role"]["Arn"], emulator.issuer.token())[0] == "AccessDenied"


@pytest.mark.parametrize(
    ("operator", "key", "value"),
    [
        ("DateGreaterThan", "aws:CurrentTime", "2020-01-01T00:00:00Z"),
        ("NumericGreaterThan", "aws:EpochTime", "1577836800"),
        ("IpAddress", "aws:SourceIp", "127.0.0.0/8"),
        ("StringEquals", "aws:RequestedRegion", "us-east-1"),
        ("Bool", "aws:SecureTransport", "true"),
    ],
)
def test_a_trust_can_be_about_the_request_itself(
    emulator: Emulator, role: str, operator: str, key: str, value: str
) -> None:
    both = json.loads(web_trust())
    condition = {operator: {key: value}}
    both["Statement"].append({**both["Statement"][0], "Effect": "Deny", "Condition": condition})
    name = f"request-{key.partition(':')[2]}"
    arn = emulator.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(both))
    assert refusal(emulator, arn["Role"]["Arn"], emulator.issuer.token())[0] == "AccessDenied"


def may_tag(document: dict[str, Any]) -> dict[str, Any]:
    """Tags in a statement of their own: AWS has no `sub` and `aud` for them."""
    principal = document["Statement"][0]["Principal"]
    document["Statement"].append({"Effect": "Allow", "Principal": principal, "Action": "sts:TagSession"})
    return document


def test_session_tags_of_a_token_need_tag_session(emulator: Emulator, role: str) -> None:
    tags = {"https://aws.amazon.com/tags": {"principal_tags": {"team": ["a"]}}}
    token = emulator.issuer.token(**tags)
    assert refusal(emulator, role, token)[1] == "Not authorized to perform sts:TagSession"
    tagging = may_tag(json.loads(web_trust()))
    tagging["Statement"][1]["Condition"] = {"StringEquals": {"aws:RequestTag/team": "a"}}
    iam = emulator.client("iam")
    arn = iam.create_role(RoleName="tagged-by-token", AssumeRolePolicyDocument=json.dumps(tagging))["Role"][
        "Arn"
    ]
    assume(emulator, arn, token)


def test_transitive_tags_of_a_token_are_handed_on(emulator: Emulator, role: str) -> None:
    tags = {"principal_tags": {"team": ["a"], "stage": ["x"]}, "transitive_tag_keys": ["team"]}
    tagging = may_tag(json.loads(web_trust()))
    iam = emulator.client("iam")
    arn = iam.create_role(RoleName="hands-on", AssumeRolePolicyDocument=json.dumps(tagging))["Role"]["Arn"]
    token = emulator.issuer.token(**{"https://aws.amazon.com/tags": tags})
    keys = as_keys(assume(emulator, arn, token)["Credentials"])
    inherits = {"StringEquals": {"aws:RequestTag/team": "a"}, "Null": {"aws:RequestTag/stage": "true"}}
    actions = ["sts:AssumeRole", "sts:TagSession"]
    last = make_role(emulator, "after-hands-on", trust({"AWS": arn}, actions, Condition=inherits))
    session_of(emulator, last, keys)


def test_what_the_sandbox_would_ignore_in_a_token_is_refused(emulator: Emulator, role: str) -> None:
    claims = {"https://aws.amazon.com/source_identity": "alice"}
    code, message = refusal(emulator, role, emulator.issuer.token(**claims))
    assert (code, "does not support" in message) == ("ValidationError", True)


@pytest.mark.parametrize("seconds", [899, 3601, 43201])
def test_a_duration_outside_the_limits_is_refused(emulator: Emulator, role: str, seconds: int) -> None:
    token = emulator.issuer.token()
    assert refusal(emulator, role, token, DurationSeconds=seconds)[0] == "ValidationError"


def test_a_session_may_do_only_what_its_role_may(emulator: Emulator, role: str) -> None:
    keys = as_keys(assume(emulator, role, emulator.issuer.token())["Credentials"])
    with pytest.raises(ClientError, match=r"vault-auth/pod is not authorized to perform: iam:GetRole"):
        emulator.client("iam", keys).get_role(RoleName="vault-auth")
