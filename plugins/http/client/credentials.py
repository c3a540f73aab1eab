"""Adds the API key and a plugin's signature to a request, and removes secrets from answers.

Both are added beneath the HTTP client, which logs the addresses that it asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote, urlsplit

import httpx2

from neatfool import HttpRequest

from .api_key import ApiKey, read_key
from .literal_keys import is_secret_name
from .places import KEY_PLACE

if TYPE_CHECKING:
    from collections.abc import Callable

    from .options import ConnectionOptions

    Sign = Callable[[HttpRequest], None]

_SHORTEST_SECRET: Final = 8
"""Shorter texts that a signer adds are no secrets, and occur in other words."""
_PLACE: Final = KEY_PLACE.encode()


class Credentials:
    """The key and the signer of a target.

    Attributes:
        key: The key; None if there is none.
    """

    def __init__(self, options: ConnectionOptions, sign: Sign | None = None) -> None:
        """Read the key.

        Args:
            options: Where it is, and where it goes.
            sign: Signs a request; None if no plugin does.

        Raises:
            ExperimentError: The key is not where it should be.
        """
        self.key = read_key(options.api_key_env, options.api_key_file)
        self._options = options
        self._sign = sign
        self._signed: dict[str, ApiKey] = {}

    def places(self) -> dict[str, str]:
        """Give what stands for the key in a template."""
        return {} if self.key is None else {KEY_PLACE: self.key.header_value("")}

    def scrub(self, text: str) -> str:
        """Take the key out of a text, and what the last signatures added."""
        for each in self._secrets():
            text = each.scrub(text)
        return text

    def scrub_json(self, value: Any) -> Any:
        """Take them out of all texts of a JSON value."""
        for each in self._secrets():
            value = each.scrub_json(value)
        return value

    def describe(self) -> list[str]:
        """Say which key is sent how, and whether requests are signed, in a line each."""
        options, lines = self._options, []
        if self.key is not None:
            way = " and ".join(options.list_key_places())
            way = f"in the {way}" if way else f"as {options.api_key_header}"
            clear = "; it is not encrypted on its way" * options.url.startswith("http:")
            lines.append(f"Key: {self.key.source}, sent {way}{clear}")
        if self._sign is not None:
            lines.append("Each request is signed by a plugin")
        return lines

    def complete(self, request: httpx2.Request) -> tuple[httpx2.URL, httpx2.Headers]:
        """Give a request's address and headers, with the key in its place and what is signed.

        Raises:
            PluginError: The signer raised an exception.
        """
        url, headers = request.url, request.headers
        if self.key is not None and not self._options.list_key_places():
            headers = httpx2.Headers(headers.raw)
            headers[self._options.api_key_header] = self.key.header_value(self._scheme())
        elif self.key is not None:
            value, path = self.key.header_value(""), url.raw_path
            for place in (KEY_PLACE, quote(KEY_PLACE)):
                path = path.replace(place.encode(), quote(value, safe="").encode())
            url = url.copy_with(raw_path=path)
            raw = [(name, was.replace(_PLACE, value.encode())) for name, was in headers.raw]
            headers = httpx2.Headers(raw)
        if self._sign is not None:
            told = HttpRequest(request.method, str(url), dict(headers.items()), request.read())
            self._sign(told)
            self._remember(headers, told)
            url, headers = httpx2.URL(told.url), httpx2.Headers(told.headers)
        return url, headers

    def _scheme(self) -> str:
        scheme, header = self._options.api_key_scheme, self._options.api_key_header
        if scheme is None:
            return "Bearer" if header.lower() == "authorization" else ""
        return scheme

    def _remember(self, before: httpx2.Headers, signed: HttpRequest) -> None:
        """Keep what a signer added, to take it out of what the service says."""
        for name, value in [*parse_qsl(urlsplit(signed.url).query), *signed.headers.items()]:
            added = before.get(name) != value and len(value) >= _SHORTEST_SECRET
            if added and is_secret_name(name):
                self._signed[name] = ApiKey(value, "a signature")

    def _secrets(self) -> list[ApiKey]:
        return [*self._signed.values(), *([self.key] if self.key else [])]
