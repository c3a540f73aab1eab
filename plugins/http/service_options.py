"""The options of the target ``http`` that say which service is asked, by both protocols."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel, BeforeValidator, Field, PositiveInt, field_validator

from neatfool import ClassNames, Reaches

from .texts import (
    is_secret_name,
    looks_like_a_key,
    refuse_key,
    refuse_literal_keys,
)


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
