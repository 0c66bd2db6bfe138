"""What is said of the names that are taken, and of what could not be looked up."""

from collections.abc import Iterable, Iterator, Mapping

from stack.preflight.found import Findings
from stack.preflight.objects import Made, Thing
from stack.sections import PROJECT

ADOPT = "docs/operations.md, What is there already"

_WAYS: Mapping[str, str] = {
    "auth mount": "write another mountPath, or leave the mount to its owner and declare logins alone, with "
    "the component library (docs/scale.md)",
    "secrets engine": "write another path, or leave it out to use it as it is",
    "secrets engine role": "write another name",
    "Vault role": "write another vaultRole",
    "Vault policy": f"list it in {PROJECT}:vault.externalPolicies to use it as it is, or give the file, and "
    "with it the policy, another name",
    "identity issuer": "a Vault namespace has one; write another namespace, or identities that are not "
    "federated",
    "signing key": "write another keyName",
    "OIDC provider": "write another issuer",
    "EKS cluster": f"write {PROJECT}:cluster.existing: true to use it as it is, or another name",
    "EKS add-on": "write podIdentityAgent: false, and use it as it is",
    "namespace": "leave it out to use it as it is",
    "service account": "write serviceAccountMode: patch to annotate it, or none to leave it as it is",
    "IAM role": "write another name, or, for a login, iamRoleArn to use it as it is",
    **dict.fromkeys(("IAM user", "IAM policy", "instance profile"), "write another name"),
    "identity config": "write the same identityAlias, or leave it to the mount's owner",
    **dict.fromkeys(("client config", "STS role"), "it goes with the mount"),
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
    return f"  {number}. {made.key}: {describe(made.thing)} is there already{about}; {_WAYS[made.thing.noun]}"


def stuck(things: Mapping[Made, str]) -> str:
    """What the stack would delete although its stack file says that it is another's."""
    lines = [
        f"  {number}. {made.key}: {describe(made.thing)} was made by this stack, which would delete it. To "
        f"hand it over, let the stack forget it first: pulumi state delete --target-dependents '{urn}'"
        for number, (made, urn) in enumerate(things.items(), 1)
    ]
    return "\n".join(["what this stack made is named as another's; nothing was changed:", *lines])


def begun(things: Iterable[Thing]) -> str:
    """What is there, and that a run which was killed may have made."""
    return (
        f"an earlier run was killed while it made {', '.join(map(describe, things))}, which is there and not "
        "in the state: docs/operations.md, A run that was killed"
    )


def describe(thing: Thing) -> str:
    """`the Vault policy dev`."""
    name = f" {thing.name}" if thing.name else ""
    return f"the {thing.noun}{name}{f' of account {thing.account}' if thing.account else ''}"


def unseen(findings: Findings) -> Iterator[str]:
    """One line for each reason why something could not be looked up."""
    for reason, things in findings.unseen.items():
        names = ", ".join(describe(made.thing) for made in things[:5])
        more = f" and {len(things) - 5} more" if len(things) > 5 else ""
        yield f"whether something has these names already could not be looked up: {names}{more}: {reason}"
