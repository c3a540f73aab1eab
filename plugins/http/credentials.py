"""The key to a service and a plugin's signature: added to requests, and shown by nothing."""

import base64
import html
import os
import re
from functools import reduce
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import httpx2
import pluggy

from neatfool import ExperimentError, NeatfoolError, PluginError

from .options import HttpRequest, Options
from .validation import KEY_PLACE, is_secret_name

HIDDEN: Final = "[the key]"
NOT_SHOWN: Final = "[not shown, as the key is in it]"
_SHORTEST: Final = 4
"""A shorter key would be found in words and numbers that have nothing to do with it."""
_ESCAPES: Final = re.compile(r"\\+(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|)")


class ApiKey:
    """A key that nothing shows; ``source`` says where it is from, in words."""

    def __init__(self, value: str, source: str) -> None:
        value = value.strip()
        if len(value) < _SHORTEST or not value.isascii() or not value.isprintable():
            raise ExperimentError(f"http: {source} holds no key, which is one line of ASCII")
        self.source = source
        self._value = value
        encoded = base64.b64encode(value.encode()).decode().rstrip("=")
        self._forms = {value, quote(value), quote(value, safe=""), encoded}

    def __repr__(self) -> str:
        return HIDDEN

    def __reduce__(self) -> str:
        raise TypeError("a key is not copied")

    def reveal(self) -> str:
        """Give the key itself, to be sent."""
        return self._value

    def is_in(self, text: str) -> bool:
        """Say whether a text has the key in it, however it is escaped, or ends as the key begins.

        Of a text that cannot be unescaped it is not known, and taken for true.
        """
        try:
            texts = [text, _unescape(text)]
        except ValueError:  # a character's number of thousands of digits
            return True
        forms = {*self._forms, _unescape(self._value)}
        return any(
            form in each or any(each.endswith(form[:n]) for n in range(_SHORTEST, len(form)))
            for each in texts
            for form in forms
        )

    def scrub_json(self, value: Any) -> Any:
        """Take the key out of all texts of a JSON value; numbers stay."""
        if isinstance(value, str):
            return reduce(lambda text, form: text.replace(form, HIDDEN), self._forms, value)
        if isinstance(value, dict):
            return {self.scrub_json(name): self.scrub_json(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self.scrub_json(inner) for inner in value]
        return value


def _unescape(text: str) -> str:
    """Undo the escapes of JSON, HTML and URLs, also within one another."""
    for _ in range(2):  # a page may quote JSON that quotes a URL
        text = _ESCAPES.sub(lambda m: chr(int(m[1] or m[2], 16)) if m[1] or m[2] else "", text)
        text = unquote(html.unescape(text))
    return text


class Credentials:
    """The key and the signer of a target."""

    def __init__(self, options: Options, sign: pluggy.HookCaller | None = None) -> None:
        """Read the key; ``sign`` is the hook by which plugins sign."""
        self._options = options
        self._sign = sign if sign is not None and sign.get_hookimpls() else None
        self._key: ApiKey | None = None
        self._secrets: dict[str, ApiKey] = {}
        if (variable := options.api_key_env) is not None:
            if variable not in os.environ:
                raise ExperimentError(
                    f"[target] api_key_env: the environment variable {variable} is not set; set it"
                )
            self._key = ApiKey(os.environ[variable], f"the environment variable {variable}")
            self._secrets[KEY_PLACE] = self._key

    def places(self) -> dict[str, str]:
        """Give what stands for the key in a template."""
        return {KEY_PLACE: self._key.reveal()} if self._key else {}

    def scrub(self, text: str) -> str:
        """Give a text back, unless it has the key in it, or what the last signatures added."""
        return NOT_SHOWN if any(each.is_in(text) for each in self._secrets.values()) else text

    def scrub_json(self, value: Any) -> Any:
        """Take these out of all texts of a JSON value."""
        return reduce(lambda value, each: each.scrub_json(value), self._secrets.values(), value)

    def describe(self) -> list[str]:
        """Say which key is sent how, and whether requests are signed, in a line each."""
        options, lines = self._options, []
        if self._key is not None:
            way = " and ".join(options.list_key_places())
            way = f"in the {way}" if way else "as Authorization"
            plain = options.url.startswith("http:")
            clear = "; it is not encrypted on its way" if plain else ""
            lines.append(f"Key: {self._key.source}, sent {way}{clear}")
        if self._sign is not None:
            lines.append("Each request is signed by a plugin")
        return lines

    def complete(self, request: httpx2.Request, common: httpx2.Headers) -> httpx2.Request:
        """Make a request with the headers that all have, the key in its place, and signed."""
        url, headers = request.url, httpx2.Headers(common)
        headers.update(request.headers)
        if self._key:
            value, path = self._key.reveal(), url.raw_path
            for place in (KEY_PLACE, quote(KEY_PLACE)):
                path = path.replace(place.encode(), quote(value, safe="").encode())
            url = url.copy_with(raw_path=path)
            headers.update({name: was.replace(KEY_PLACE, value) for name, was in headers.items()})
            if not self._options.list_key_places():
                headers["Authorization"] = f"Bearer {value}"
        body = request.read()
        if self._sign is not None:
            signed = HttpRequest(request.method, str(url), dict(headers.items()), body)
            try:
                self._sign(request=signed)
            except NeatfoolError:
                raise
            except Exception as error:
                who = ", ".join(each.plugin_name for each in self._sign.get_hookimpls())
                raise PluginError(
                    f"{who}: neatfool_sign_request: {type(error).__name__}: {error}"
                ) from error
            # What it added is to be taken out of what the service says.
            for name, value in [*parse_qsl(urlsplit(signed.url).query), *signed.headers.items()]:
                # Shorter texts are no secrets, and occur in other words.
                if headers.get(name) != value and len(value) >= 8 and is_secret_name(name):
                    self._secrets[name] = ApiKey(value, "a signature")
            url, headers = httpx2.URL(signed.url), httpx2.Headers(signed.headers)
        return httpx2.Request(request.method, url, headers=headers, content=body)
