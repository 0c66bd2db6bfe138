"""OIDC providers."""

from collections.abc import Mapping
from typing import Any

from sandbox.plugins.aws.client import Aws, found
from sandbox.plugins.aws.entry import changed, resource
from sandbox.plugins.aws.iam.common import make, tagged
from sandbox.plugins.resource import Inputs, State

_NAMES = {"clientIdLists": "ClientIDList", "thumbprintLists": "ThumbprintList"}


def _owner(id_: str, _: State) -> dict[str, str]:
    return {"OpenIDConnectProviderArn": id_}


def _create(aws: Aws, inputs: Inputs) -> str:
    return str(
        make(aws, "open_id_connect_provider", inputs, {**_NAMES, "url": "Url"})["OpenIDConnectProviderArn"]
    )


def _live(aws: Aws, id_: str, state: State) -> Any:
    live = found(aws.client("iam").get_open_id_connect_provider, **_owner(id_, state))
    return live and {"ClientIDList": [], "ThumbprintList": [], **live, "Arn": id_}


def _also(_: Aws, live: Mapping[str, Any], state: State) -> State:
    # IAM returns the URL without its scheme, and so does the official provider's output. At a refresh that
    # would be drift from the input, which has the scheme.
    url = live["Url"].removeprefix("https://")
    return {} if state.get("url") == url else {"url": url}


def _change(aws: Aws, id_: str, old: State, new: Inputs) -> None:
    iam, owner = aws.client("iam"), _owner(id_, old)
    before, after = set(old["clientIdLists"]), set(new["clientIdLists"])
    for client_id in sorted(after - before):
        iam.add_client_id_to_open_id_connect_provider(**owner, ClientID=client_id)
    for client_id in sorted(before - after):
        iam.remove_client_id_from_open_id_connect_provider(**owner, ClientID=client_id)
    if "thumbprintLists" in new and changed(old, new, "thumbprintLists"):
        iam.update_open_id_connect_provider_thumbprint(**owner, ThumbprintList=new["thumbprintLists"])


OIDC_PROVIDER = resource(
    "iam/openIdConnectProvider:OpenIdConnectProvider",
    names=_NAMES,
    outputs={"arn": "Arn"},
    inputs="url",
    required="clientIdLists url",
    unordered=frozenset({"clientIdLists"}),
    computed=frozenset({"thumbprintLists"}),
    replace_on="url",
    create=_create,
    live=_live,
    also=_also,
    change=_change,
    tags=tagged("open_id_connect_provider", _owner),
    delete=lambda aws, id_, state: aws.client("iam").delete_open_id_connect_provider(**_owner(id_, state)),
)
