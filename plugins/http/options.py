"""What the options of the target ``http`` must be, and what must hold between them."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl, urlsplit

from pydantic import field_validator, model_validator

from .keys import PRESETS, Keys
from .texts import (
    CLASSES_PLACE,
    IMAGE_PLACE,
    KEY_PLACE,
    LETTERS,
    MODEL_PLACE,
    find_repeated_item,
    has_place,
    is_secret_name,
    looks_like_a_key,
    refuse_key,
    refuse_literal_keys,
)

_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VARIABLE: Final = re.compile(r"[A-Z_][A-Z0-9_]*")
_OWN_HEADERS: Final = frozenset(("host", "content-length", "transfer-encoding", "connection"))
_NAMES: Final = [*Keys.model_fields]
OPEN_INFERENCE: Final = _NAMES[_NAMES.index("model_version") : _NAMES.index("preset")]
"""The options that are only for this protocol."""
JSON: Final = [*{*_NAMES[_NAMES.index("preset") : _NAMES.index("api_key_env")]} - {"headers"}]
"""Those that are only for the other one."""


class Options(Keys):
    """Options of the target ``http``.

    Attributes:
        metered: Asking costs something: `bench` and `serve` refuse it before it connects.
    """

    metered: ClassVar[bool] = True

    def list_key_places(self) -> list[str]:
        """List the options with a place for the key; without one, it has a header of its own."""
        places = {"url": self.url, "headers": self.headers, "body": self.body}
        return [name for name, template in places.items() if has_place(template, KEY_PLACE)]

    def content_type(self, usual: str) -> dict[str, str]:
        """Give the header that says what a body is; none where ``headers`` says so already."""
        own = any(name.lower() == "content-type" for name in self.headers)
        return {} if own else {"Content-Type": usual}

    @model_validator(mode="before")
    @classmethod
    def _fill_in_preset(cls, given: Any) -> Any:
        if isinstance(given, dict) and isinstance(given.get("preset"), str):
            return PRESETS.get(given["preset"], {}) | {"protocol": "json"} | given
        return given

    _no_key = field_validator("model", "body", "repeat", "form_field")(refuse_key)

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: str) -> str:
        if looks_like_a_key(url):
            raise ValueError("has a key in it; name its environment variable with api_key_env")
        try:
            parts = urlsplit(url)
            parts.port  # noqa: B018 - raises where it is none
        except ValueError:
            raise ValueError("is no address; give http://HOST or https://HOST") from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must begin with http:// or https:// and a host")
        if parts.username is not None or parts.password is not None:
            raise ValueError(
                "has a user or password in it; name the variable that holds the key with "
                "api_key_env"
            )
        if "{" in parts.netloc:
            raise ValueError("has a { in its host; places are for the path and the query")
        if parts.fragment or any(not each.isprintable() or each == " " for each in url):
            raise ValueError("has a space, a control character or a # in it; leave it out")
        for name, value in parse_qsl(parts.query):
            if value and is_secret_name(name):
                refuse_literal_keys("authorization", value)
        with suppress(ModuleNotFoundError):  # the target says what to install
            import httpx2

            try:
                httpx2.URL(url)
            except httpx2.InvalidURL as error:
                raise ValueError(
                    f"is no address ({error}); give http://HOST or https://HOST, where HOST is a "
                    "name, or an address such as 127.0.0.1 or [::1]"
                ) from None
        return url

    @field_validator("channels")
    @classmethod
    def _check_channels(cls, channels: int | None) -> int | None:
        if channels not in (None, 1, 3):
            raise ValueError("must be 1 (grey) or 3 (coloured)")
        return channels

    @field_validator("answers_at", "error_at", "found_at", "labels_at", "scores_at")
    @classmethod
    def _check_expression(cls, expression: str | None) -> str | None:
        with suppress(ModuleNotFoundError):  # the target says what to install
            from .answers import check_expression

            if expression is not None:
                check_expression(expression)
        return expression

    @field_validator("headers")
    @classmethod
    def _check_headers(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if looks_like_a_key(name):
                raise ValueError("has a key in the place of a header's name")
            if not _TOKEN.fullmatch(name) or not (value.isascii() and value.isprintable()):
                raise ValueError("names and values of headers are ASCII, without line ends")
            if name.lower() in _OWN_HEADERS:
                raise ValueError(f"{name!r} is set by neatfool itself; leave it out")
            refuse_literal_keys(name, value)
        return headers

    @field_validator("api_key_scheme")
    @classmethod
    def _check_scheme(cls, scheme: str | None) -> str | None:
        refuse_literal_keys("scheme", scheme)
        if scheme and not (scheme.isascii() and scheme.isprintable()):
            raise ValueError("must be a word that a header can hold, as Bearer or Token")
        return scheme

    @field_validator("api_key_env")
    @classmethod
    def _check_variable(cls, name: str | None) -> str | None:
        # What is no name may be the key itself: it is not shown.
        if name is not None and (not _VARIABLE.fullmatch(name) or looks_like_a_key(name)):
            raise ValueError(
                "must be the name of an environment variable, in capitals (MY_API_KEY), and not "
                "the key"
            )
        return name

    @field_validator("api_key_header")
    @classmethod
    def _check_key_header(cls, name: str) -> str:
        if not _TOKEN.fullmatch(name) or looks_like_a_key(name) or name.lower() in _OWN_HEADERS:
            raise ValueError("must be the name of a header, as Authorization or X-Api-Key")
        return name

    @model_validator(mode="after")
    def _check_together(self) -> Options:
        self._check_connection()
        is_json = self.protocol == "json"
        for name in OPEN_INFERENCE if is_json else JSON:
            if getattr(self, name) != Keys.model_fields[name].default:
                raise ValueError(
                    f"{name} is not for protocol = {self.protocol}; leave it out, or change "
                    "protocol"
                )
        if is_json:
            self._check_json()
        elif self.model is None:
            raise ValueError("model is missing; give the model's name on the server")
        elif urlsplit(self.url).query:
            raise ValueError("url has a ? in it; give the server's address only")
        return self

    def _check_connection(self) -> None:
        """See that the options of the key and the certificates fit together."""
        given = {name.lower(): value for name, value in self.headers.items()}
        if KEY_PLACE not in given.get(self.api_key_header.lower(), KEY_PLACE):
            raise ValueError(f"headers: {self.api_key_header} is for the key (api_key_header)")
        if (places := self.list_key_places()) and not (self.api_key_env or self.api_key_file):
            raise ValueError(
                f"{places[0]} has a place {KEY_PLACE}; say where the key is, with api_key_env or "
                "api_key_file"
            )
        if self.api_key_env and self.api_key_file:
            raise ValueError("gives both api_key_env and api_key_file; keep one of the two")
        if self.ca_file and not self.verify_tls:
            raise ValueError("gives ca_file and verify_tls = false; keep one of the two")
        if self.ca_file and not self.ca_file.is_file():
            raise ValueError(f"ca_file: there is no file {self.ca_file}")

    def _check_json(self) -> None:
        """See that an API can be asked, and its answers read."""
        if self.scores_at is None:
            raise ValueError("scores_at is missing; give it, or a preset")
        if self.height is None or self.width is None:
            raise ValueError("height and width are missing; give the size of images to send")
        if self.labels_at is None and len(self.classes) < 2:
            raise ValueError(
                "neither labels_at nor classes says what scores are of; give one of the two"
            )
        if self.found_at is not None and self.labels_at is None:
            raise ValueError("found_at needs labels_at: where the label of each item is")
        self._check_lists()
        self._check_places()
        if self.labels_at is not None and self.scores_are == "logits":
            raise ValueError("scores of labels are probabilities; leave scores_are out")
        if self.scores_are == "logits" and self.full_score != 1:
            raise ValueError("full_score is for probabilities; leave it out")
        if len({*self.classes}) < len(self.classes):
            raise ValueError("classes has a name twice; leave one out")
        self._check_body()

    def _check_lists(self) -> None:
        """See that labels and scores, where each has a list, go together."""
        if self.labels_at is None or self.found_at is not None:
            return
        with suppress(ModuleNotFoundError):  # the target says what to install
            from .answers import skips_null

            for name in ("labels_at", "scores_at"):
                if skips_null(getattr(self, name)):
                    raise ValueError(
                        f"{name} = {getattr(self, name)}: skips what is null, and then labels and "
                        "scores do not go together; give the list as found_at, and labels_at and "
                        "scores_at within an item of it"
                    )

    def _check_places(self) -> None:
        """See that the places of the body and what is put there belong together."""
        has_model = has_place(self.body, MODEL_PLACE)
        if has_model and self.model is None:
            raise ValueError(f"model is missing; give what {MODEL_PLACE} in the body stands for")
        if self.model is not None and not has_model:
            raise ValueError(
                f"model has no place in the body; write {MODEL_PLACE} in it, or leave model out"
            )
        if has_place(self.body, CLASSES_PLACE) and not 2 <= len(self.classes) <= len(LETTERS):
            raise ValueError(
                f"{CLASSES_PLACE} in the body gives each class a letter; name 2 to {len(LETTERS)} "
                "classes"
            )

    def _check_body(self) -> None:
        """See that the body is one for the way images are sent."""
        if self.send == "json" and not has_place(self.body, IMAGE_PLACE):
            raise ValueError(
                f"body has no place for the image; write {IMAGE_PLACE} in it, as in "
                f'{{"data": "{IMAGE_PLACE}"}}'
            )
        if self.send in ("bytes", "base64") and self.body is not None:
            raise ValueError(f"body is not for send = {self.send}; leave it out")
        if self.send == "form" and any(name.lower() == "content-type" for name in self.headers):
            raise ValueError("headers: a form has a Content-Type of its own; leave it out")
        if self.send == "form" and isinstance(self.body, list):
            raise ValueError("body must be a JSON object for send = form: the form's fields")
        if (self.repeat is None) != (self.answers_at is None):
            raise ValueError("repeat and answers_at belong together; give both or none")
        if self.repeat is not None:
            if self.send != "json":
                raise ValueError("repeat is for send = json; leave it out")
            if not has_place(find_repeated_item(self.body, self.repeat), IMAGE_PLACE):
                raise ValueError(f"the item of {self.repeat!r} has no place {IMAGE_PLACE}")
