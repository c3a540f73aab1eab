"""The options of the target ``http`` that both protocols have."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel, BeforeValidator, Field, PositiveFloat, PositiveInt, field_validator

from neatfool import ClassNames, Reaches

from .texts import (
    KEY_PLACE,
    has_place,
    is_secret_name,
    looks_like_a_key,
    refuse_key,
    refuse_literal_keys,
)

_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VARIABLE: Final = re.compile(r"[A-Z_][A-Z0-9_]*")
_OWN_HEADERS: Final = frozenset(("host", "content-length", "transfer-encoding", "connection"))


def _check_mapping(value: Any) -> Any:
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise ValueError('must be a JSON object of texts, as in {"name": "text"}')
    return value


Headers = Annotated[dict[str, str], BeforeValidator(_check_mapping)]


class ServiceOptions(BaseModel, extra="forbid", protected_namespaces=(), hide_input_in_errors=True):
    """Which service is asked, what it takes and what its answers are."""

    url: Annotated[str, Reaches.CONTACTS] = Field(
        description="where the service is. `open-inference`: the server's address, without "
        "`/v2/...`. `json`: the whole address that is asked. `{key}` in its path or "
        "query stands for the key"
    )
    protocol: Literal["open-inference", "json"] = Field(
        "open-inference",
        description="`open-inference`: version 2 of the Open Inference Protocol, as MLServer, "
        "Triton, KServe, TorchServe and `neatfool serve` speak it. `json`: any API "
        "that answers in JSON",
    )
    classes: ClassNames = Field(
        [],
        description="all classes, or `@FILE` with one on each line. `open-inference`: in the "
        "order of the outputs; if left out, what the model says, or else numbers. "
        "`json`: an image with another label is refused; if left out, each label "
        "that turns up becomes a class",
    )
    sums_to_one: bool | None = Field(
        None,
        description="whether classes exclude one another, so that the probabilities of an image "
        "sum to one. Answers that do not are then refused. If left out, what the "
        "model says, or else true",
    )
    scores_are: Literal["auto", "probabilities", "logits"] = Field(
        "auto",
        description="what the scores are. `auto`: what the model's outputs are called, or else "
        "probabilities",
    )
    height: PositiveInt | None = Field(
        None,
        description="the height of images in pixels. `open-inference`: only where the model "
        "takes any",
    )
    width: PositiveInt | None = Field(
        None,
        description="the width of images in pixels. `open-inference`: only where the model takes "
        "any",
    )
    channels: int | None = Field(
        None,
        description="1 (grey) or 3 (coloured). `open-inference`: only where the model takes any. "
        "`json`: if left out, 3",
    )
    model: str | None = Field(
        None,
        min_length=1,
        description="the model's name. `open-inference`: it must be given. `json`: what "
        "`{model}` in `body` stands for",
    )

    _no_key_in_model = field_validator("model")(refuse_key)

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


class ConnectionOptions(ServiceOptions):
    """What each request says, with which key, how often it is sent, and how safely."""

    headers: Headers = Field(
        {},
        description="further headers, as a JSON object. `Content-Type` is sent in place of the "
        "usual one, and `{key}` stands for the key. The key itself must not stand "
        "here, nor in `body` or `url`: what is named like one (`X-Key`, `Auth`) is "
        "refused",
    )
    api_key_env: Annotated[str | None, Reaches.SENDS_KEY] = Field(
        None, description="the environment variable that holds the key"
    )
    api_key_file: Annotated[Path | None, Reaches.SENDS_KEY] = Field(
        None, description="or a file that holds it, and nothing else"
    )
    api_key_header: str = Field(
        "Authorization",
        description="the header that the key is sent in, unless `{key}` in `url`, `headers` or "
        "`body` says where it stands",
    )
    api_key_scheme: str | None = Field(
        None,
        description="the word before the key. If left out, `Bearer` in `Authorization` and none "
        "in others",
    )

    concurrency: int = Field(
        4, ge=1, le=256, description="how many requests may be under way at a time"
    )
    requests_per_second: PositiveFloat | None = Field(
        None,
        description="how many requests may begin in a second, repeats included. If left out, "
        "there is no limit",
    )
    timeout: PositiveFloat = Field(
        30.0, le=3600, description="the seconds in which a request must be answered in whole"
    )
    give_up_after: PositiveFloat = Field(
        300.0,
        le=86_400,
        description="the seconds, from the first try of a request, after which the run pauses. "
        "Whole answers that are no JSON end the run sooner: such a request is sent "
        "again three times",
    )

    allow_private: bool = Field(
        False, description="whether the service may be on this machine or in a private network"
    )
    proxy_from_env: bool = Field(
        False,
        description="whether to go through the proxy (`http://` only) that the environment "
        "names. The proxy then looks up the host, so only addresses in `url` itself "
        "can be checked",
    )
    verify_tls: bool = Field(
        True,
        description="whether the service must prove who it is. `false` is never safe, and each "
        "run says so",
    )
    ca_file: Path | None = Field(
        None, description="certificates (PEM) to trust in place of the usual authorities'"
    )

    def list_key_places(self) -> list[str]:
        """List the options with a place for the key; without one, it has a header of its own."""
        places = {"url": self.url, "headers": self.headers}
        return [name for name, template in places.items() if has_place(template, KEY_PLACE)]

    def content_type(self, usual: str) -> dict[str, str]:
        """Give the header that says what a body is; none where ``headers`` says so already."""
        own = any(name.lower() == "content-type" for name in self.headers)
        return {} if own else {"Content-Type": usual}

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

    def check_connection(self) -> None:
        """Check that the options of the key and the certificates fit together.

        Raises:
            ValueError: They do not.
        """
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
