"""A release as users get it: from a tag of a git host, and by name from a package index."""

from __future__ import annotations

import email
import json
import re
import zipfile
from email.message import Message

import pytest

from components.version import REPOSITORY, VERSION
from tests.package.installed import Installed
from tests.sandbox.kit import REPOSITORY as ROOT
from tools import dist

pytestmark = [pytest.mark.xdist_group("component package"), pytest.mark.timeout(900)]


@pytest.fixture
def metadata(installed: Installed) -> Message:
    """What the index shows of the wheel."""
    with zipfile.ZipFile(installed.wheel) as archive:
        return email.message_from_bytes(archive.read(f"pulumi_vault_aws_auth-{VERSION}.dist-info/METADATA"))


def test_pulumi_gets_the_package_of_a_tag_with_its_schema(installed: Installed) -> None:
    """As `pulumi package add` does; its SDK is then generated from this schema by the language's own host."""
    golden = json.loads((ROOT / "tests" / "schema" / "golden" / "schema.json").read_text())
    found = json.loads(installed.schema.read_text())
    assert found.pop("namespace") == REPOSITORY.split("/")[-2], "the scope of the SDK's package"
    assert found.pop("pluginDownloadURL") == REPOSITORY.replace("https://", "git://") + "/plugin"
    assert found == {**golden, "version": VERSION}


def test_pip_gets_the_wheel_of_the_tag_by_its_name(installed: Installed) -> None:
    script = (
        "from importlib.metadata import version; from pulumi_vault_aws_auth.version import VERSION; "
        "print(version('pulumi-vault-aws-auth'), VERSION)"
    )
    assert installed.run("-c", script).stdout.split() == [VERSION, VERSION]


def test_an_index_shows_the_description_with_links_that_lead_somewhere(
    installed: Installed, metadata: Message
) -> None:
    assert dist.unreadable(installed.wheel) == []
    text = str(metadata.get_payload())
    links = re.findall(rf"\]\({re.escape(REPOSITORY)}/(blob|raw)/v{re.escape(VERSION)}/([^)#]+)", text)
    assert {kind for kind, _ in links} == {"blob", "raw"}
    assert [path for _, path in links if not (installed.tree / path).exists()] == []


def test_the_metadata_say_where_the_project_is(metadata: Message) -> None:
    urls = dict(url.split(", ") for url in metadata.get_all("Project-URL", []))
    assert urls["Repository"] == REPOSITORY
    assert metadata["License-Expression"] == "Apache-2.0"
