"""Options of the target ``http``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from neatfool import ClassNames

from .api_key import is_secret_name, looks_like_a_key, refuse_literal_keys
from .presets import PRESETS
from .templates import (
    CLASSES_PLACE,
    KEY_PLACE,
    LETTERS,
    MODEL_PLACE,
    PLACE,
    has_place,
    repeated_item,
)

OPEN_INFERENCE: Final = "open-inference"
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VARIABLE: Final = re.compile(r"[A-Z_][A-Z0-9_]*")
_OWN_HEADERS: Final = frozenset(("host", "content-length", "transfer-encoding", "connection"))
_OF_OPEN_INFERENCE: Final = (
    "model_version",
    "datatype",
    "layout",
    "input_name",
    "output_name",
    "white",
    "mean",
    "std",
)
_ASKED_AND_READ: Final = (
    "method",
    "send",
    "body",
    "form_field",
    "image_format",
    "repeat",
    "answers_at",
    "error_at",
    "found_at",
    "labels_at",
    "scores_at",
    "full_score",
)
_OF_JSON: Final = ("preset", *_ASKED_AND_READ, "further_classes")
DECISIVE: Final = frozenset((*_ASKED_AND_READ, "headers", "scores_are"))
"""The options that what is sent to a JSON API, and what is read of its answer, depend on."""


def _object(value: Any) -> Any:
    """Refuse what is no JSON object, without showing it: it may have a key in it."""
    if value is not None and not isinstance(value, dict | list):
        raise ValueError('must be JSON, as in {"name": "text"}')
    return value


def _mapping(value: Any) -> Any:
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise ValueError('must be a JSON object of texts, as in {"name": "text"}')
    return value


Preset = Literal[
    "huggingface-image-classification",
    "google-vision-label-detection",
    "azure-vision-tag",
    "openai-vision-chat",
]
Body = Annotated[dict[str, Any] | list[Any] | None, BeforeValidator(_object)]
Headers = Annotated[dict[str, str], BeforeValidator(_mapping)]
Numbers = Annotated[list[float], Field(min_length=1, max_length=3)]
Deviations = Annotated[list[PositiveFloat], Field(min_length=1, max_length=3)]


class Options(BaseModel, extra="forbid", protected_namespaces=(), hide_input_in_errors=True):
    """Options of the target ``http``."""

    url: str = Field(
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

    preset: Preset | None = Field(
        None,
        description="a known API, whose keys of this table and `api_key_header` it sets. What "
        "the experiment says itself comes first",
    )
    method: Literal["POST", "PUT", "PATCH"] = Field("POST", description="the method of HTTP")
    headers: Headers = Field(
        {},
        description="further headers, as a JSON object. `Content-Type` is sent in place of the "
        "usual one, and `{key}` stands for the key. The key itself must not stand "
        "here, nor in `body` or `url`: what is named like one (`X-Key`, `Auth`) is "
        "refused",
    )
    send: Literal["json", "form", "bytes", "base64"] = Field(
        "json",
        description="how an image goes. `json`: in the body, in base64. `form`: as a file of a "
        "multipart form. `bytes`: as the whole body. `base64`: the same, in base64",
    )
    body: Body = Field(
        None,
        description="the body, as JSON. In its texts `{image}` stands for the image in base64, "
        'as in `{"image": "data:image/png;base64,{image}"}`, `{key}` for the key, '
        "`{model}` for `model`, and `{classes}` for the classes, one on each line "
        "with a letter. With `send = form`: the form's other fields",
    )
    form_field: str = Field(
        "image",
        min_length=1,
        description="for `send = form`: the field of the form that the file is in",
    )
    image_format: Literal["png", "jpeg"] = Field(
        "png",
        description="`png`: exactly the file that is saved. `jpeg`: made of it with quality 95; "
        "the service then sees almost the image that is saved",
    )
    repeat: str | None = Field(
        None,
        description="the list in the body whose one item is written for each image; `a.b` is the "
        "`b` of `a`. If left out, a request has one image",
    )
    answers_at: str | None = Field(
        None, description="with `repeat`: where the list is that has an answer for each image"
    )
    error_at: str | None = Field(
        None, description="path to an error in the answer. If it is there, the image is refused"
    )
    found_at: str | None = Field(
        None,
        description="where the list is of what was found in an image. `labels_at` and "
        "`scores_at` are then places in each of its items",
    )
    labels_at: str | None = Field(
        None,
        description="where the labels are: without `found_at`, a list that goes with the list of "
        "scores. If left out, the scores are those of all `classes` in their order",
    )
    scores_at: str | None = Field(
        None, description="where the scores are. Must be given, here or by a preset"
    )
    further_classes: bool = Field(
        False,
        description="whether labels that are not in `classes` may turn up, and become classes. "
        "If not, an image for which one is named is refused",
    )
    full_score: PositiveFloat = Field(
        1.0, description="the score of certainty: 1, or 100 for per cent"
    )

    api_key_env: str | None = Field(None, description="the environment variable that holds the key")
    api_key_file: Path | None = Field(None, description="or a file that holds it, and nothing else")
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

    def key_places(self) -> list[str]:
        """List the options with a place for the key; without one, it has a header of its own."""
        places = {"url": self.url, "headers": self.headers, "body": self.body}
        return [name for name, template in places.items() if has_place(template, KEY_PLACE)]

    def content_type(self, usual: str) -> dict[str, str]:
        """Give the header that says what a body is; none where ``headers`` says so already."""
        own = any(name.lower() == "content-type" for name in self.headers)
        return {} if own else {"Content-Type": usual}

    @model_validator(mode="before")
    @classmethod
    def _with_preset(cls, given: Any) -> Any:
        if isinstance(given, dict) and isinstance(given.get("preset"), str):
            return PRESETS.get(given["preset"], {}) | {"protocol": "json"} | given
        return given

    @field_validator("url")
    @classmethod
    def _url_can_be_asked(cls, url: str) -> str:
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
        try:
            from .connections import check_url
        except ModuleNotFoundError:  # the target says what to install
            return url
        check_url(url)
        return url

    @field_validator("channels")
    @classmethod
    def _one_or_three(cls, channels: int | None) -> int | None:
        if channels not in (None, 1, 3):
            raise ValueError("must be 1 (grey) or 3 (coloured)")
        return channels

    @field_validator("headers")
    @classmethod
    def _headers_can_be_sent(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if looks_like_a_key(name):
                raise ValueError("has a key in the place of a header's name")
            if not _TOKEN.fullmatch(name) or not (value.isascii() and value.isprintable()):
                raise ValueError("names and values of headers are ASCII, without line ends")
            if name.lower() in _OWN_HEADERS:
                raise ValueError(f"{name!r} is set by neatfool itself; leave it out")
            refuse_literal_keys(name, value)
        return headers

    @field_validator("body", "repeat", "model", "form_field", "api_key_scheme")
    @classmethod
    def _no_key_within(cls, value: Any, info: Any) -> Any:
        refuse_literal_keys(info.field_name.replace("api_key_", ""), value)
        return value

    @field_validator("api_key_scheme")
    @classmethod
    def _scheme_can_be_sent(cls, scheme: str | None) -> str | None:
        if scheme and not (scheme.isascii() and scheme.isprintable()):
            raise ValueError("must be a word that a header can hold, as Bearer or Token")
        return scheme

    @field_validator("api_key_env")
    @classmethod
    def _names_a_variable(cls, name: str | None) -> str | None:
        # What is no name may be the key itself: it is not shown.
        if name is not None and (not _VARIABLE.fullmatch(name) or looks_like_a_key(name)):
            raise ValueError(
                "must be the name of an environment variable, in capitals (MY_API_KEY), and not "
                "the key"
            )
        return name

    @field_validator("api_key_header")
    @classmethod
    def _names_a_header(cls, name: str) -> str:
        if not _TOKEN.fullmatch(name) or looks_like_a_key(name) or name.lower() in _OWN_HEADERS:
            raise ValueError("must be the name of a header, as Authorization or X-Api-Key")
        return name

    @field_validator("answers_at", "error_at", "found_at", "labels_at", "scores_at")
    @classmethod
    def _is_an_expression(cls, expression: str | None) -> str | None:
        if expression is not None:
            try:
                from .expressions import check_expression
            except ModuleNotFoundError:  # the target says what to install
                return expression
            check_expression(expression)
        return expression

    @model_validator(mode="after")
    def _fits_together(self) -> Options:
        given = {name.lower(): value for name, value in self.headers.items()}
        if KEY_PLACE not in given.get(self.api_key_header.lower(), KEY_PLACE):
            raise ValueError(f"headers: {self.api_key_header} is for the key (api_key_header)")
        if self.send == "form" and "content-type" in given:
            raise ValueError("headers: a form has a Content-Type of its own; leave it out")
        if (places := self.key_places()) and not (self.api_key_env or self.api_key_file):
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
        others = _OF_JSON if self.protocol == OPEN_INFERENCE else _OF_OPEN_INFERENCE
        wrong = [name for name in others if getattr(self, name) != _default(name)]
        if wrong:
            raise ValueError(
                f"{wrong[0]} is not for protocol = {self.protocol}; leave it out, or change "
                "protocol"
            )
        if self.protocol == OPEN_INFERENCE:
            self._check_open_inference()
        else:
            self._check_json()
        return self

    def _check_open_inference(self) -> None:
        if self.model is None:
            raise ValueError("model is missing; give the model's name on the server")
        if urlsplit(self.url).query:
            raise ValueError("url has a ? in it; give the server's address only")

    def _check_json(self) -> None:
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
        try:
            from .expressions import skips_null
        except ModuleNotFoundError:  # the target says what to install
            return
        for name in ("labels_at", "scores_at") * (self.labels_at is not None):
            if self.found_at is None and skips_null(getattr(self, name)):
                raise ValueError(
                    f"{name} = {getattr(self, name)}: skips what is null, and then labels and "
                    "scores do not go together; give the list as found_at, and labels_at and "
                    "scores_at within an item of it"
                )

    def _check_places(self) -> None:
        asked = has_place(self.body, MODEL_PLACE)
        if asked and self.model is None:
            raise ValueError(f"model is missing; give what {MODEL_PLACE} in the body stands for")
        if self.model is not None and not asked:
            raise ValueError(
                f"model has no place in the body; write {MODEL_PLACE} in it, or leave model out"
            )
        if has_place(self.body, CLASSES_PLACE) and not 2 <= len(self.classes) <= len(LETTERS):
            raise ValueError(
                f"{CLASSES_PLACE} in the body gives each class a letter; name 2 to {len(LETTERS)} "
                "classes"
            )

    def _check_body(self) -> None:
        if self.send == "json" and not has_place(self.body):
            raise ValueError(
                f'body has no place for the image; write {PLACE} in it, as in {{"data": "{PLACE}"}}'
            )
        if self.send in ("bytes", "base64") and self.body is not None:
            raise ValueError(f"body is not for send = {self.send}; leave it out")
        if self.send == "form" and isinstance(self.body, list):
            raise ValueError("body must be a JSON object for send = form: the form's fields")
        if (self.repeat is None) != (self.answers_at is None):
            raise ValueError("repeat and answers_at belong together; give both or none")
        if self.repeat is not None:
            if self.send != "json":
                raise ValueError("repeat is for send = json; leave it out")
            if not has_place(repeated_item(self.body, self.repeat)):
                raise ValueError(f"the item of {self.repeat!r} has no place {PLACE}")


def _default(name: str) -> Any:
    return Options.model_fields[name].default
