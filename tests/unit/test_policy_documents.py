"""The check of IAM policies: what it accepts and refuses, and that IAM's emulation agrees."""

import copy
import json
from typing import Any

import pytest
from moto.iam.exceptions import MalformedPolicyDocument
from moto.iam.policy_validation import IAMPolicyDocumentValidator

from components.policy_documents import parse

STATEMENT: dict[str, Any] = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}


def document(**changes: Any) -> dict[str, Any]:
    """A policy of one statement; None takes a key of it away."""
    statement = {key: value for key, value in {**STATEMENT, **changes}.items() if value is not None}
    return {"Version": "2012-10-17", "Statement": [statement]}


ACCEPTED = {
    "one statement": document(),
    "a statement without a list": {"Version": "2012-10-17", "Statement": STATEMENT},
    "an ID": {**document(), "Id": "mine"},
    "lists": document(Action=["s3:Get*", "ec2:Describe?nstances"], Resource=["*", "arn:aws:sqs:*:*:a"]),
    "everything": document(Action="*", Resource="*"),
    "an action of any service": document(Action="*:Get*"),
    "all but": document(Effect="Deny", Action=None, NotAction="iam:*", Resource=None, NotResource="*"),
    "a variable": document(Resource="arn:aws:s3:::bucket/${aws:username}/*"),
    "a role": document(Action="sts:AssumeRole", Resource="arn:aws:iam::111111111111:role/app"),
    "a Sid": document(Sid="Read1"),
    "a condition": document(Condition={"StringLike": {"aws:PrincipalTag/team": ["a*", "b"]}}),
    "a set": document(Condition={"ForAllValues:StringEqualsIfExists": {"aws:TagKeys": "a"}}),
    "null": document(Condition={"Null": {"aws:TokenIssueTime": "true"}}),
    "a boolean": document(Condition={"Bool": {"aws:SecureTransport": True}}),
    "dates": document(
        Condition={"DateLessThan": {"aws:CurrentTime": ["2030-01-31T00:00:00Z", "2030-01-31"]}}
    ),
    "numbers": document(Condition={"NumericLessThan": {"aws:MultiFactorAuthAge": ["3600", 3600]}}),
    "addresses": document(Condition={"NotIpAddress": {"aws:SourceIp": ["203.0.113.1", "2001:db8::/32"]}}),
    "values of variables": document(Condition={"Bool": {"aws:SecureTransport": "${aws:PrincipalTag/tls}"}}),
    "China": document(Resource="arn:aws-cn:s3:::bucket"),
}

REFUSED = {
    "nothing": {},
    "no version": {"Statement": [STATEMENT]},
    "an old version": {**document(), "Version": "2008-10-17"},
    "a version that is a date": {**document(), "Version": "2012-10-17T00:00:00Z"},
    "no statements": {"Version": "2012-10-17"},
    "an empty list of statements": {"Version": "2012-10-17", "Statement": []},
    "a statement that is text": {"Version": "2012-10-17", "Statement": ["Allow"]},
    "statements that are a number": {"Version": "2012-10-17", "Statement": 5},
    "an unknown key": {**document(), "Statements": []},
    "keys in lower case": {"version": "2012-10-17", "statement": [STATEMENT]},
    "an ID that is a number": {**document(), "Id": 5},
    "an unknown key in a statement": document(Actions="s3:*"),
    "no effect": document(Effect=None),
    "a wrong effect": document(Effect="Permit"),
    "no action": document(Action=None),
    "no actions": document(Action=[]),
    "action and all but": document(NotAction="s3:*"),
    "an action without a service": document(Action="GetObject"),
    "an action of s and more": document(Action="s*:GetObject"),
    "an action that is a number": document(Action=5),
    "no resource": document(Resource=None),
    "no resources": document(Resource=[]),
    "resource and all but": document(NotResource="*"),
    "a resource that is no ARN": document(Resource="bucket"),
    "a resource of too few parts": document(Resource="arn:aws:s3"),
    "a resource of an unknown partition": document(Resource="arn:amazon:s3:::bucket"),
    "a role in a region": document(Resource="arn:aws:iam:us-east-1:111111111111:role/a"),
    "a resource that is a mapping": document(Resource={"a": "b"}),
    "an unknown operator": document(Condition={"StringEqual": {"aws:TagKeys": "a"}}),
    "a condition that is text": document(Condition="StringEquals"),
    "a condition without an operator": document(Condition={"aws:TagKeys": "a"}),
    "a condition that nests": document(Condition={"StringEquals": {"aws:TagKeys": {"a": "b"}}}),
    "a Sid that is a number": document(Sid=5),
    "a Sid twice": {"Version": "2012-10-17", "Statement": [{**STATEMENT, "Sid": "A"}] * 2},
}

OURS_ALONE = {
    "a principal": document(Principal="*"),
    "all but a principal": document(NotPrincipal={"AWS": "*"}),
    "an action with a blank": document(Action="s3:Get Object"),
    "a resource of any service": document(Resource="arn:aws:*:::bucket"),
    "a condition key without a service": document(Condition={"StringEquals": {"team": "a"}}),
    "a condition without values": document(Condition={"StringEquals": {"aws:TagKeys": []}}),
    "a Sid with a blank": document(Sid="my statement"),
    "text of a Version twice": '{"Version": "2012-10-17", "Version": "2012-10-17", "Statement": []}',
    "text of an effect twice": json.dumps(document()).replace('"Effect"', '"Effect": "Deny", "Effect"'),
    "text with a NaN": json.dumps(document(Condition={"NumericEquals": {"s3:max-keys": float("nan")}})),
    "text that is nested deeply": "[" * 100_000,
    "text that is not JSON": "{",
    "text of a list": "[]",
    "a list": [STATEMENT],
    "neither true nor false": document(Condition={"Bool": {"aws:SecureTransport": "maybe"}}),
    "null or not": document(Condition={"Null": {"aws:TokenIssueTime": "no"}}),
    "no number": document(Condition={"NumericEquals": {"s3:max-keys": "ten"}}),
    "no date": document(Condition={"DateLessThan": {"aws:CurrentTime": "tomorrow"}}),
    "no address": document(Condition={"IpAddress": {"aws:SourceIp": "203.0.113"}}),
    "a range that is none": document(Condition={"ForAnyValue:NotIpAddress": {"aws:SourceIp": "10.0.0.0/33"}}),
    "a variable without an end": document(Resource="arn:aws:s3:::bucket/${aws:username"),
    "a value without an end": document(Condition={"StringLike": {"aws:PrincipalTag/a": "${aws:username"}}),
    "a NUL": document(Resource="arn:aws:s3:::a\x00"),
}
"""What the emulation does not look at."""


def emulation_accepts(policy: Any) -> bool:
    try:
        IAMPolicyDocumentValidator(json.dumps(policy)).validate()
    except MalformedPolicyDocument:
        return False
    return True


@pytest.mark.parametrize("policy", ACCEPTED.values(), ids=ACCEPTED)
def test_what_iam_takes_is_accepted(policy: Any) -> None:
    assert emulation_accepts(policy)
    before = copy.deepcopy(policy)
    assert parse(policy) == before
    assert parse(json.dumps(policy)) == before


@pytest.mark.parametrize("policy", REFUSED.values(), ids=REFUSED)
def test_what_iam_refuses_is_refused_in_both_ways_to_write_it(policy: Any) -> None:
    assert not emulation_accepts(policy)
    for written in (policy, json.dumps(policy)):
        with pytest.raises(ValueError, match="is not an IAM policy: "):
            parse(written)


@pytest.mark.parametrize("policy", OURS_ALONE.values(), ids=OURS_ALONE)
def test_what_nobody_can_mean_is_refused(policy: Any) -> None:
    with pytest.raises(ValueError, match=r"^(is|has) "):
        parse(policy)


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (document(Effect="allow"), "is not an IAM policy: Statement[0].Effect: write Allow or Deny"),
        (
            document(Principal="*"),
            "is not an IAM policy: Statement[0].Principal: only the policy of a resource has one; remove it",
        ),
        (
            document(Condition={"StringEqual": {"aws:TagKeys": "a"}}),
            "is not an IAM policy: Statement[0].Condition.StringEqual: is not an operator; did you mean "
            "StringEquals?",
        ),
    ],
)
def test_the_message_names_the_place(policy: Any, message: str) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the message is what is tested
        parse(policy)
    assert str(error.value).startswith(message.removesuffix("?"))
