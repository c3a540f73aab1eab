"""The options of the target ``http``: those of both protocols, of which an experiment uses one."""

from __future__ import annotations

import re
from pathlib import Path  # noqa: TC003 - pydantic reads it
from typing import Annotated, ClassVar, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, PositiveFloat, field_validator, model_validator

from neatfool import Reaches

from .json_options import JsonOptions
from .service_options import Headers, ServiceOptions
from .texts import KEY_PLACE, has_place, looks_like_a_key, refuse_literal_keys

_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VARIABLE: Final = re.compile(r"[A-Z_][A-Z0-9_]*")
_OWN_HEADERS: Final = frozenset(("host", "content-length", "transfer-encoding", "connection"))

Numbers = Annotated[list[float], Field(min_length=1, max_length=3)]
Deviations = Annotated[list[PositiveFloat], Field(min_length=1, max_length=3)]


class OpenInferenceOptions(ServiceOptions):
    """Which of a model's tensors are used, and how pixels are sent."""

    model_version: str | None = Field(
        None, min_length=1, description="the model's version. If left out, the server chooses"
    )
    datatype: Literal["auto", "UINT8", "FP32"] = Field(
        "auto",
        description="`UINT8` sends pixels as bytes, `FP32` as floats. `auto`: as the model says",
    )
    layout: Literal["auto", "NCHW", "NHWC"] = Field(
        "auto", description="the order of pixels. `auto`: what the model's shape shows"
    )
    input_name: str | None = Field(
        None,
        description="the input that takes images, where there are several or none is declared",
    )
    output_name: str | None = Field(
        None,
        description="the output that has the scores, where there are several and none is called "
        "`probabilities` or `logits`, or none is declared",
    )
    white: PositiveFloat = Field(
        1.0,
        description="for `FP32`: the number that a byte of 255 becomes: 1, or 255 where the "
        "model wants the bytes as floats",
    )
    mean: Numbers | None = Field(
        None,
        description="for `FP32`: what to subtract after that, one number for all channels or one "
        "for each",
    )
    std: Deviations | None = Field(
        None,
        description="for `FP32`: what to divide by after that, one number for all channels or "
        "one for each",
    )

    def check_open_inference(self) -> None:
        """Check that a model can be asked.

        Raises:
            ValueError: It cannot.
        """
        if self.model is None:
            raise ValueError("model is missing; give the model's name on the server")
        if urlsplit(self.url).query:
            raise ValueError("url has a ? in it; give the server's address only")


class Options(JsonOptions, OpenInferenceOptions):
    """Options of the target ``http``.

    Attributes:
        metered: Asking costs something: `bench` and `serve` refuse it before it connects.
    """

    metered: ClassVar[bool] = True

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
        places = {"url": self.url, "headers": self.headers, "body": self.body}
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

    @model_validator(mode="after")
    def _check_together(self) -> Options:
        self._check_connection()
        is_json = self.protocol == "json"
        other = OpenInferenceOptions if is_json else JsonOptions
        for name, field in other.model_fields.items():
            shared = name == "headers" or name in ServiceOptions.model_fields
            if not shared and getattr(self, name) != field.default:
                raise ValueError(
                    f"{name} is not for protocol = {self.protocol}; leave it out, or change "
                    "protocol"
                )
        if is_json:
            self.check_json()
        else:
            self.check_open_inference()
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
