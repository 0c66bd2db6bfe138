"""Which condition keys an action has, by AWS's service authorization reference. Pure, no state.

An action does not see the keys of another one in the same request: `sts:ExternalId`, of `sts:AssumeRole`, is
absent for `sts:TagSession`, so that a condition on it does not hold.
"""

_TAGS = ("aws:requesttag/", "aws:tagkeys")
_ASSUMED = ("sts:rolesessionname", "sts:sourceidentity", "sts:transitivetagkeys", *_TAGS)
_BOUND = ("iam:permissionsboundary",)
_ATTACHED = ("iam:policyarn", *_BOUND)
_HOLDERS = ("role", "user")
_MADE_IN_EKS = ("accessentry", "addon", "cluster", "nodegroup", "podidentityassociation")
_TAGGED = ("instanceprofile", "openidconnectprovider", "policy", "role", "user")

# The service's own keys and those of tags, in lower case; one with `/` at its end stands for all below it.
_OF_ACTION: dict[str, tuple[str, ...]] = {
    "sts:assumerole": ("sts:externalid", *_ASSUMED),
    "sts:assumerolewithsaml": ("saml:aud", *_ASSUMED),
    "sts:assumerolewithwebidentity": ("sts:roleauthorizedbyidp", *_ASSUMED),
    "sts:getfederationtoken": _TAGS,
    "sts:tagsession": ("saml:aud", "sts:transitivetagkeys", *_TAGS),
    "iam:createservicelinkedrole": ("iam:awsservicename",),
    "iam:passrole": ("iam:associatedresourcearn", "iam:passedtoservice"),
    "iam:attachgrouppolicy": ("iam:policyarn",),
    "iam:detachgrouppolicy": ("iam:policyarn",),
    **{f"iam:{verb}{holder}policy": _ATTACHED for verb in ("attach", "detach") for holder in _HOLDERS},
    **{f"iam:{verb}{holder}policy": _BOUND for verb in ("put", "delete") for holder in _HOLDERS},
    **{f"iam:{verb}{holder}permissionsboundary": _BOUND for verb in ("put", "delete") for holder in _HOLDERS},
    **{f"iam:{verb}{entity}": _TAGS for verb in ("create", "tag") for entity in _TAGGED},
    **{f"iam:untag{entity}": ("aws:tagkeys",) for entity in _TAGGED},
    **{f"iam:create{holder}": (*_BOUND, *_TAGS) for holder in _HOLDERS},
    **{f"eks:create{made}": _TAGS for made in _MADE_IN_EKS},
    "eks:tagresource": _TAGS,
    "ec2:createtags": ("ec2:createaction",),
}
_SERVICES = ("ec2", "eks", "iam", "saml", "sts")
_TAGGED_BY = ("eks:", "iam:", "sts:")


def has(action: str, key: str) -> bool:
    """Whether requests for the action (`sts:TagSession`) have the condition key. Case does not matter."""
    action, key = action.lower(), key.lower()
    prefix = key.partition(":")[0]
    if prefix in _SERVICES or (key.startswith(_TAGS) and action.startswith(_TAGGED_BY)):
        known = _OF_ACTION.get(action, ())
        return any(key.startswith(each) if each.endswith("/") else key == each for each in known)
    # Global keys are there for every action. The others are an issuer's (`HOST:sub`), for its own tokens.
    return prefix == "aws" or action == "sts:assumerolewithwebidentity"
