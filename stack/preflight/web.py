"""Reads from the HTTP APIs of Vault and Kubernetes: short, side by side, and without their libraries, whose
import would take longer than all that is read here."""

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

_SECONDS = 5.0
_AT_ONCE = 8


class Unreachable(Exception):
    """A server gave no answer at all."""


@dataclass(frozen=True)
class Answer:
    """What a server answered: the status, and the JSON, empty where it is none."""

    status: int
    body: Any


@dataclass(frozen=True)
class Server:
    """An HTTP API, and who asks it."""

    url: str
    headers: Mapping[str, str]
    tls: ssl.SSLContext

    def get(self, path: str) -> Answer:
        """Reads one path. Raises Unreachable."""
        request = urllib.request.Request(f"{self.url.rstrip('/')}{path}", headers=dict(self.headers))
        handler = urllib.request.HTTPSHandler(context=self.tls)
        try:
            with urllib.request.build_opener(handler).open(request, timeout=_SECONDS) as answer:
                return Answer(answer.status, _json(answer.read()))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, _json(error.read()))
        except urllib.error.URLError as error:
            raise Unreachable(f"{self.url} cannot be reached: {error.reason}") from None
        except (OSError, ValueError) as error:
            raise Unreachable(f"{self.url} cannot be reached: {error}") from None

    def get_all(self, paths: Iterable[str]) -> dict[str, Answer]:
        """Reads several paths side by side. Raises Unreachable."""
        paths = list(paths)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return dict(zip(paths, pool.map(self.get, paths), strict=True))


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return {}
