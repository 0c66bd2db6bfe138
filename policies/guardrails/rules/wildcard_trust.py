"""IAM trust policies and Vault roles name their callers in full."""

import re
from collections.abc import Callable, Iterator

from .base import Resource, Rule, Settings, Topic, list_setting
from .documents import Statement, allowing, is_account, is_pattern
from .values import listed

IAM_ROLE = "aws:iam/role:Role"
BOUNDS = (
    "boundIamPrincipalArns",
    "boundIamRoleArns",
    "boundServiceAccountNames",
    "boundServiceAccountNamespaces",
    "boundServiceAccounts",
    "boundServicePrincipalIds",
    "arn",
    "allowedEntityAliases",
)
GLOBS = {
    "boundClaims": "boundClaimsType",
    "boundAttributes": "boundAttributesType",
    "boundSubjects": "boundSubjectsType",
}
"""The fields of JWT and SAML roles that are patterns if the other field is `glob`."""

WHOLE = (
    *(f"allowed{what}" for what in ("Names", "CommonNames", "DnsSans", "EmailSans", "UriSans")),
    "allowedOrganizationalUnits",
    "workloadIdPatterns",
)
"""Patterns by their nature, for certificates and SPIFFE: refused if nothing but a wildcard."""

SELECTOR = "boundServiceAccountNamespaceSelector"
_SELECTS = re.compile(
    r"""matchLabels["']?\s*:[\s{]*(?!["']?matchExpressions)["']?[\w./-]+["']?\s*:"""
    r"""|operator["']?\s*:\s*["']?(?:In|Exists)\b""",
    re.ASCII,
)
"""A label that a namespace must have, in YAML or JSON. NotIn and DoesNotExist hold where there is none."""

PROFILES = "boundIamInstanceProfileArns"

_CALLER = ("aws:principalarn", "aws:userid", "aws:username")
"""These tell an account's principals apart. `aws:PrincipalOrgID` does not: all of them have the same."""

_CALLER_TAGS = ("aws:requesttag/kubernetes-namespace", "aws:requesttag/kubernetes-service-account")


def check(resource: Resource, settings: Settings) -> Iterator[str]:
    declared = settings["allowed"]
    found = _of_iam(resource) if resource.type == IAM_ROLE else _of_vault(resource)
    for where, pattern in found:
        if pattern not in declared:
            yield f"{where}: trusts {pattern}"


def _of_iam(resource: Resource) -> Iterator[tuple[str, str]]:
    field = "assumeRolePolicy"
    for statement in allowing(resource.get(field), field):
        where = f"{field}, {statement.where}"
        if statement.all_principals_but:
            yield where, "NotPrincipal, that is everyone else"
        names = [name for each in statement.principals.values() for name in each]
        accounts = [name for name in names if is_account(name)]
        yield from ((where, name) for name in names if is_pattern(name))
        if not _narrowed(statement):
            yield from ((where, name) for name in accounts)
        yield from ((where, pattern) for pattern in _patterns(statement, open_to_many=accounts != []))


def _narrowed(statement: Statement) -> bool:
    """Whether a condition admits only some of an account's principals."""
    return any(
        test.pins and not any(map(_for_anyone(test.key.lower()), test.values))
        for test in statement.conditions
    )


def _for_anyone(key: str) -> Callable[[str], bool]:
    """Whether a value of a condition key is one that anyone of an account can have."""
    if key == "sts:externalid":  # the caller writes it: a pattern can be guessed
        return is_pattern
    if key in _CALLER or key.startswith("aws:principaltag/"):
        return _names_nobody
    return lambda value: True


def _names_nobody(pattern: str) -> bool:
    """Whether nothing of a name stands before its first wildcard: `role/*`, `AROA*`."""
    beginning = re.split(r"[*?]", pattern)[0]
    return is_pattern(pattern) and not re.sub(r"^(?:arn:[^/]*/?|A(?:ROA|IDA|GPA|KIA|SIA))", "", beginning)


def _patterns(statement: Statement, open_to_many: bool) -> Iterator[str]:
    """The patterns for callers; a pattern cannot widen a principal that is named in full."""
    for test in statement.conditions:
        key = test.key.lower()
        if key.endswith((":aud", ":sub")) or key in _CALLER_TAGS or (open_to_many and key in _CALLER):
            yield from test.patterns


def _of_vault(resource: Resource) -> Iterator[tuple[str, str]]:
    # With a bound role, any instance profile of that role is fine.
    fields = BOUNDS if resource.get("boundIamRoleArns") else (*BOUNDS, PROFILES)
    named = [(field, name) for field in fields for name in listed(resource.get(field))]
    for field, kind in GLOBS.items():
        if str(resource.get(kind)).lower() == "glob":
            given = resource.get(field)
            keyed = given.items() if isinstance(given, dict) else [("", given)]
            named += [(f"{field}.{key}".rstrip("."), name) for key, value in keyed for name in listed(value)]
    texts = [(field, name) for field, name in named if isinstance(name, str)]
    yield from ((field, name) for field, name in texts if is_pattern(name) or is_account(name))
    patterns = [(field, name) for field in WHOLE for name in listed(resource.get(field))]
    yield from ((field, name) for field, name in patterns if name and not str(name).strip("*?+/ "))
    selector = resource.get(SELECTOR)
    if isinstance(selector, str) and selector.strip() and not _SELECTS.search(selector):
        yield SELECTOR, f"{selector}, that is every namespace, or all but some"


RULE = Rule(
    name="wildcard-trust",
    topic=Topic.TRUST,
    requires="Trust policies and Vault roles name principals, service accounts and claims in full, without "
    "wildcards; a whole account needs a condition on who calls",
    why="a wildcard also admits roles, users and service accounts that do not exist yet: permission to "
    "create one is enough.",
    fix="name each role, user or service account; for a whole account, add a Condition with sts:ExternalId, "
    "aws:PrincipalArn, aws:userid or aws:PrincipalTag/<key>. List a pattern that the stack needs under "
    "`allowed` in its configuration of this rule, as written here.",
    types=(IAM_ROLE, "vault:*:*AuthBackendRole"),
    check=check,
    settings={"allowed": list_setting("The patterns that this stack may trust.")},
)
