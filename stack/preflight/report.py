"""What is said of the names that are taken, and of what could not be looked up."""

from collections.abc import Iterable, Iterator, Mapping

from components import arns
from stack.preflight import in_cluster
from stack.preflight.found import Findings
from stack.preflight.needed import Needed
from stack.preflight.objects import Made, Thing
from stack.sections import PROJECT

ADOPT = "docs/adopting.md"

_WAYS: Mapping[str, str] = {
    "auth mount": "write another mountPath",
    "secrets engine": "write another path",
    "secrets engine role": "write another name",
    "Vault role": "write another vaultRole",
    "Vault policy": f"list it in {PROJECT}:vault.externalPolicies to use it as it is, or give the file, and "
    "with it the policy, another name",
    "identity issuer": f"a Vault namespace has one; write {PROJECT}:federation.existing: true to use it as "
    "it is, another namespace, or identities that are not federated",
    "signing key": "write another keyName",
    "OIDC provider": "write another issuer",
    "EKS cluster": "write existing: true to use it as it is, or another name",
    "EKS add-on": "write podIdentityAgent: false, and use it as it is",
    "Pod Identity association": "a service account has one; delete it, or write another service account",
    "namespace": "leave it out to use it as it is",
    "service account": "write serviceAccountMode: patch to annotate it, or none to leave it as it is",
    "role annotation": "take it away (kubectl annotate serviceaccount …), or write serviceAccountMode: none "
    "to leave it as it is",
    "Helm release": "leave release out to use it as it is, or give the consumer another name",
    "VaultConnection": "leave apply out to use it as it is, or give the consumer another name",
    "IAM role": "write another name, or, for a login, iamRoleArn to use it as it is",
    **dict.fromkeys(("IAM user", "IAM policy", "instance profile"), "write another name"),
    "identity config": "write the same identityAlias, or leave it to the mount's owner",
    "client config": "it goes with the mount",
    "STS role": f"the mount looks into that account already; to use it as it is, take the account out of "
    f"{PROJECT}:accounts",
}
"""How to go on with a name that is taken, beside taking the thing over."""


def taken(wanted: Mapping[Thing, Made], there: Mapping[Thing, str]) -> str:
    """Every name that is taken, who has it, and what to write."""
    found = (thing for thing in wanted if thing in there)
    lines = [_line(number, wanted[thing], there[thing]) for number, thing in enumerate(found, 1)]
    names = "1 name is" if len(lines) == 1 else f"{len(lines)} names are"
    return "\n".join(
        [
            f"{names} taken already by what this stack did not make; nothing was changed:",
            *lines,
            f"  To take something over instead, import it into this stack first: {ADOPT}.",
            "  If a run of this stack made it and was killed: docs/operations.md, A run that was killed.",
        ]
    )


def _line(number: int, made: Made, seen: str) -> str:
    about = f" ({seen})" if seen else ""
    ways = [*_as_it_is(made, seen), _WAYS[made.thing.noun]]
    return f"  {number}. {made.key}: {describe(made.thing)} is there already{about}; {'; or '.join(ways)}"


def _as_it_is(made: Made, seen: str) -> Iterator[str]:
    """How to use a mount as its owner's, where it is of the type that is wanted."""
    noun, path = made.thing.noun, made.thing.name
    if noun == "auth mount":
        wanted, lines = "aws", f"{PROJECT}:vault: {{mountPath: {path}, mount: existing}}"
    elif noun == "secrets engine" and made.key.startswith(f"{PROJECT}:vault.kv."):
        wanted, lines = "kv", f"{PROJECT}:vault: {{kv: {{{path}: {{mount: existing}}}}}}"
    elif noun == "secrets engine":
        wanted, lines = "aws", f"{PROJECT}:secretsEngine: {{mount: existing, path: {path}, roles: …}}"
    else:
        return
    if seen.startswith(f"type {wanted},"):
        yield f"to use it as it is, and leave it to its owner, write {lines}"


def missing(needs: Iterable[Needed], findings: Findings) -> str:
    """What the stack needs and is not there, and what to write; empty if all is there."""
    problems = [f"{it.made.key}: {said}" for it in needs if (said := _missing(it, findings))]
    if not problems:
        return ""
    names = (
        "1 thing that the stack needs is"
        if len(problems) == 1
        else f"{len(problems)} things that the stack needs are"
    )
    lines = [f"  {number}. {problem}" for number, problem in enumerate(problems, 1)]
    return "\n".join([f"{names} not there; nothing was changed:", *lines])


def _missing(need: Needed, findings: Findings) -> str:
    if need.made.thing in findings.absent:
        return f"there is no {need.what}; {need.mend}"
    found = findings.there.get(need.made.thing, "").partition(", ")[0]
    # IAM goes by the name alone, and so does Vault: it would accept another path silently.
    if (
        need.arn
        and found.startswith("arn:")
        and found != need.arn
        and arns.parse(found).account == arns.parse(need.arn).account
    ):
        return f"{need.arn} is not its ARN; write it as IAM has it, with its path: {found}"
    return ""


def unknown_token(address: str) -> str:
    """What is said of a token that can do nothing at all."""
    return (
        f"VAULT_TOKEN: {address} does not know this token; nothing was changed. It has expired or been "
        "revoked, or is of another Vault or namespace: log in again (vault login)"
    )


def stuck(things: Mapping[Made, str]) -> str:
    """What the stack would delete although its stack file says that it is another's."""
    lines = [
        f"  {number}. {made.key}: {describe(made.thing)} was made by this stack, which would delete it. "
        f"{_left_by(made, urn)}"
        for number, (made, urn) in enumerate(things.items(), 1)
    ]
    return "\n".join(["what this stack made is named as another's; nothing was changed:", *lines])


def moved(lines: Iterable[str]) -> str:
    """Settings that would send the stack elsewhere."""
    return "\n".join(
        [
            "a stack stays where it was brought up; nothing was changed:",
            *(f"  {number}. {line}" for number, line in enumerate(lines, 1)),
            "  Write back what was there; for the other place, bring up a second stack: docs/operations.md, "
            "Changing things on a live stack.",
        ]
    )


def _left_by(made: Made, urn: str) -> str:
    if made.thing.noun in ("auth mount", "secrets engine"):
        return "Write mount: create, and mount: existing in the stacks that only use it"
    return f"To hand it over, let the stack forget it first: pulumi state delete --target-dependents '{urn}'"


def begun(things: Iterable[Thing]) -> str:
    """What is there, and that a run which was killed may have made."""
    return (
        f"an earlier run was killed while it made {', '.join(map(describe, things))}, which is there and not "
        "in the state: docs/operations.md, A run that was killed"
    )


def describe(thing: Thing) -> str:
    """`the Vault policy dev`."""
    name = f" {thing.name}" if thing.name else ""
    where = f" of account {thing.account}" if thing.account else ""
    if thing.cluster and thing.noun in in_cluster.NOUNS:
        where = f" in the cluster {thing.cluster}"
    return f"the {thing.noun}{name}{where}"


def unseen(findings: Findings) -> Iterator[str]:
    """One line for each reason why something could not be looked up."""
    for reason, things in findings.unseen.items():
        names = ", ".join(describe(made.thing) for made in things[:5])
        more = f" and {len(things) - 5} more" if len(things) > 5 else ""
        yield f"whether these are there already could not be looked up: {names}{more}: {reason}"
