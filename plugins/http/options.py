"""The options of the target ``http``: what they must be, and what must hold between them."""

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from neatfool import Access, ClassNames

from . import texts

Preset = Literal[
    "huggingface-image-classification",
    "google-vision-label-detection",
    "azure-vision-tag",
    "openai-vision-chat",
]
# The chat has no temperature: some servers give the log-probabilities that it makes.
PRESETS: Final[dict[str, dict[str, Any]]] = json.loads(
    Path(__file__).with_name("presets.json").read_text(encoding="utf-8")
)
"""Preset -> option -> value; what an experiment says itself comes first."""

NoKey: Final = AfterValidator(texts.refuse_keys)
Headers = Annotated[dict[str, str], BeforeValidator(texts.check_headers)]
Body = Annotated[dict[str, Any] | list[Any] | None, BeforeValidator(texts.check_json), NoKey]
Numbers = Annotated[list[float], Field(min_length=1, max_length=3)]
Deviations = Annotated[list[PositiveFloat], Field(min_length=1, max_length=3)]


@dataclass
class HttpRequest:
    """An HTTP request that is about to be sent, for a plugin to sign."""

    method: str
    """``"POST"``, for example."""
    url: str
    """The whole address. A signature may be added to its query."""
    headers: dict[str, str]
    """By name, in small letters. A signature may be added."""
    body: bytes
    """The bytes of the body. Changes to it are ignored."""


class Options(
    BaseModel,
    extra="forbid",
    protected_namespaces=(),
    hide_input_in_errors=True,
    use_attribute_docstrings=True,
):
    """Options of the target ``http``.

    Those from ``model_version`` to ``std`` are for ``protocol = open-inference``; those from
    ``preset`` to ``full_score``, but for ``headers``, are for ``json``.

    Attributes:
        metered: Asking costs something: `bench` and `serve` refuse it before it connects.
    """

    metered: ClassVar[bool] = True

    url: Annotated[str, Access.CONTACTS, AfterValidator(texts.check_url)]
    """where the service is. `open-inference`: the server's address, without `/v2/...`. `json`: the
    whole address that is asked. `{key}` in its path or query stands for the key"""
    protocol: Literal["open-inference", "json"] = "open-inference"
    """`open-inference`: version 2 of the Open Inference Protocol, as MLServer, Triton, KServe,
    TorchServe and `neatfool serve` speak it. `json`: any API that answers in JSON"""
    classes: ClassNames = []
    """all classes, or `@FILE` with one on each line. `open-inference`: in the order of the outputs;
    if left out, what the model says, or else numbers. `json`: an image with another label is
    refused; if left out, each label that turns up becomes a class"""
    sums_to_one: bool | None = None
    """whether classes exclude one another, so that the probabilities of an image sum to one.
    Answers that do not are then refused. If left out, what the model says, or else true"""
    scores_are: Literal["auto", "probabilities", "logits"] = "auto"
    """what the scores are. `auto`: what the model's outputs are called, or else probabilities"""
    height: PositiveInt | None = None
    """the height of images in pixels. `open-inference`: only where the model takes any"""
    width: PositiveInt | None = None
    """the width of images in pixels. `open-inference`: only where the model takes any"""
    channels: Annotated[int | None, texts.must("1 (grey) or 3 (coloured)", (1, 3).__contains__)] = (
        None
    )
    """1 (grey) or 3 (coloured). `open-inference`: only where the model takes any. `json`: if left
    out, 3"""
    model: Annotated[str | None, NoKey] = Field(None, min_length=1)
    """the model's name. `open-inference`: it must be given. `json`: what `{model}` in `body` stands
    for"""

    model_version: str | None = Field(None, min_length=1)
    """the model's version. If left out, the server chooses"""
    datatype: Literal["auto", "UINT8", "FP32"] = "auto"
    """`UINT8` sends pixels as bytes, `FP32` as floats. `auto`: as the model says"""
    layout: Literal["auto", "NCHW", "NHWC"] = "auto"
    """the order of pixels. `auto`: what the model's shape shows"""
    input_name: str | None = None
    """the input that takes images, where there are several or none is declared"""
    output_name: str | None = None
    """the output that has the scores, where there are several and none is called `probabilities` or
    `logits`, or none is declared"""
    white: PositiveFloat = 1.0
    """for `FP32`: the number that a byte of 255 becomes: 1, or 255 where the model wants the bytes
    as floats"""
    mean: Numbers | None = None
    """for `FP32`: what to subtract after that, one number for all channels or one for each"""
    std: Deviations | None = None
    """for `FP32`: what to divide by after that, one number for all channels or one for each"""

    preset: Preset | None = None
    """a known API, whose keys of this table and `api_key_header` it sets. What the experiment says
    itself comes first"""
    method: Literal["POST", "PUT", "PATCH"] = "POST"
    """the method of HTTP"""
    headers: Headers = {}
    """further headers, as a JSON object. `Content-Type` is sent in place of the usual one, and
    `{key}` stands for the key. The key itself must not stand here, nor in `body` or `url`: what is
    named like one (`X-Key`, `Auth`) is refused"""
    send: Literal["json", "form", "bytes", "base64"] = "json"
    """how an image goes. `json`: in the body, in base64. `form`: as a file of a multipart form.
    `bytes`: as the whole body. `base64`: the same, in base64"""
    body: Body = None
    """the body, as JSON. In its texts `{image}` stands for the image in base64, as in `{"image":
    "data:image/png;base64,{image}"}`, `{key}` for the key, `{model}` for `model`, and `{classes}`
    for the classes, one on each line with a letter. With `send = form`: the form's other fields"""
    form_field: Annotated[str, NoKey] = Field("image", min_length=1)
    """for `send = form`: the field of the form that the file is in"""
    image_format: Literal["png", "jpeg"] = "png"
    """`png`: exactly the file that is saved. `jpeg`: made of it with quality 95; the service then
    sees almost the image that is saved"""
    repeat: Annotated[str | None, NoKey] = None
    """the list in the body whose one item is written for each image; `a.b` is the `b` of `a`. If
    left out, a request has one image"""
    answers_at: str | None = None
    """with `repeat`: where the list is that has an answer for each image"""
    error_at: str | None = None
    """path to an error in the answer. If it is there, the image is refused"""
    found_at: str | None = None
    """where the list is of what was found in an image. `labels_at` and `scores_at` are then places
    in each of its items"""
    labels_at: str | None = None
    """where the labels are: without `found_at`, a list that goes with the list of scores. If left
    out, the scores are those of all `classes` in their order"""
    scores_at: str | None = None
    """where the scores are. Must be given, here or by a preset"""
    further_classes: bool = False
    """whether labels that are not in `classes` may turn up, and become classes. If not, an image
    for which one is named is refused"""
    full_score: PositiveFloat = 1.0
    """the score of certainty: 1, or 100 for per cent"""

    api_key_env: Annotated[
        str | None,
        Access.SENDS_KEY,
        texts.must(
            "the name of an environment variable, in capitals (MY_API_KEY), and not the key",
            re.compile(r"[A-Z_][A-Z0-9_]*").fullmatch,
        ),
    ] = None
    """the environment variable that holds the key"""
    api_key_file: Annotated[Path | None, Access.SENDS_KEY] = None
    """or a file that holds it, and nothing else"""
    api_key_header: Annotated[
        str,
        texts.must("a header's name, as Authorization or X-Api-Key", texts.HEADER_NAME.fullmatch),
    ] = "Authorization"
    """the header that the key is sent in, unless `{key}` in `url`, `headers` or `body` says where
    it stands"""
    api_key_scheme: Annotated[
        str | None,
        texts.must("a word that a header can hold, as Bearer or Token", texts.HEADER.fullmatch),
    ] = None
    """the word before the key. If left out, `Bearer` in `Authorization` and none in others"""

    concurrency: int = Field(4, ge=1, le=256)
    """how many requests may be under way at a time"""
    requests_per_second: PositiveFloat | None = None
    """how many requests may begin in a second, repeats included. If left out, there is no limit"""
    timeout: PositiveFloat = Field(30.0, le=3600)
    """the seconds in which a request must be answered in whole"""
    give_up_after: PositiveFloat = Field(300.0, le=86_400)
    """the seconds, from the first try of a request, after which the run pauses. Whole answers that
    are no JSON end the run sooner: such a request is sent again three times"""

    allow_private: bool = False
    """whether the service may be on this machine or in a private network"""
    proxy_from_env: bool = False
    """whether to go through the proxy (`http://` only) that the environment names. The proxy then
    looks up the host, so only addresses in `url` itself can be checked"""
    verify_tls: bool = True
    """whether the service must prove who it is. `false` is never safe, and each run says so"""
    ca_file: Path | None = None
    """certificates (PEM) to trust in place of the usual authorities'"""

    def list_key_places(self) -> list[str]:
        """List the options with a place for the key; without one, it has a header of its own."""
        places = {"url": self.url, "headers": self.headers, "body": self.body}
        return [name for name, text in places.items() if texts.has_place(text, texts.KEY_PLACE)]

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

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        headers = {name.lower(): value for name, value in self.headers.items()}
        own = texts.KEY_PLACE in headers.get(self.api_key_header.lower(), texts.KEY_PLACE)
        _refuse(not own, f"headers: {self.api_key_header} is for the key (api_key_header)")
        if not (self.api_key_env or self.api_key_file) and (places := self.list_key_places()):
            raise ValueError(
                f"{places[0]} has a place {texts.KEY_PLACE}; say where the key is, with "
                "api_key_env or api_key_file"
            )
        both = self.api_key_env and self.api_key_file
        _refuse(both, "gives both api_key_env and api_key_file; keep one of the two")
        unused = self.ca_file and not self.verify_tls
        _refuse(unused, "gives ca_file and verify_tls = false; keep one of the two")
        missing = self.ca_file and not self.ca_file.is_file()
        _refuse(missing, f"ca_file: there is no file {self.ca_file}")
        own_way = f"is not for protocol = {self.protocol}; leave it out, or change protocol"
        for name in OPEN_INFERENCE if self.protocol == "json" else JSON:
            _refuse(getattr(self, name) != Options.model_fields[name].default, f"{name} {own_way}")
        if self.protocol == "json":
            self._check_expressions()
            self._check_json()
            self._check_body()
        else:
            _refuse(self.model is None, "model is missing; give the model's name on the server")
            has_query = urlsplit(self.url).query
            _refuse(has_query, "url has a ? in it; give the server's address only")
        return self

    def _check_expressions(self) -> None:
        """See that each can be searched for, and that lists of labels and scores go together."""
        with suppress(ModuleNotFoundError):  # the target says what to install
            from .answers import check_expression

            lists = ("labels_at", "scores_at") if self.labels_at and not self.found_at else ()
            for name in ("answers_at", "error_at", "found_at", "labels_at", "scores_at"):
                text = getattr(self, name)
                if text is not None and check_expression(text) and name in lists:
                    raise ValueError(
                        f"{name} = {text}: skips what is null, and then labels and scores do not "
                        "go together; give the list as found_at, and labels_at and scores_at "
                        "within an item of it"
                    )

    def _check_json(self) -> None:
        _refuse(self.scores_at is None, "scores_at is missing; give it, or a preset")
        sized = self.height and self.width
        _refuse(not sized, "height and width are missing; give the size of images to send")
        nameless = self.labels_at is None
        unnamed = nameless and len(self.classes) < 2
        _refuse(unnamed, "neither labels_at nor classes says what scores are of; give one of them")
        alone = self.found_at is not None and nameless
        _refuse(alone, "found_at needs labels_at: where the label of each item is")
        logits = self.scores_are == "logits"
        of_labels = logits and not nameless
        _refuse(of_labels, "scores of labels are probabilities; leave scores_are out")
        scaled = logits and self.full_score != 1
        _refuse(scaled, "full_score is for probabilities; leave it out")
        twice = len({*self.classes}) < len(self.classes)
        _refuse(twice, "classes has a name twice; leave one out")
        has_model, lettered = (
            texts.has_place(self.body, e) for e in (texts.MODEL_PLACE, texts.CLASSES_PLACE)
        )
        given, place = self.model is not None, texts.MODEL_PLACE
        missing = has_model and not given
        _refuse(missing, f"model is missing; give what {place} in the body stands for")
        words = f"model has no place in the body; write {place} in it, or leave model out"
        _refuse(given and not has_model, words)
        wrong = lettered and not 2 <= len(self.classes) <= 26
        words = f"{texts.CLASSES_PLACE} in the body gives each class a letter; name 2 to 26 classes"
        _refuse(wrong, words)

    def _check_body(self) -> None:
        example = f'{{"data": "{texts.IMAGE_PLACE}"}}'
        words = f"body has no place for the image; write {texts.IMAGE_PLACE} in it, as in {example}"
        _refuse(self.send == "json" and not texts.has_place(self.body, texts.IMAGE_PLACE), words)
        whole = self.send in ("bytes", "base64") and self.body
        _refuse(whole, f"body is not for send = {self.send}; leave it out")
        typed = self.send == "form" and not self.content_type("")
        _refuse(typed, "headers: a form has a Content-Type of its own; leave it out")
        listed = self.send == "form" and isinstance(self.body, list)
        _refuse(listed, "body must be a JSON object for send = form: the form's fields")
        halves = (self.repeat is None) != (self.answers_at is None)
        _refuse(halves, "repeat and answers_at belong together; give both or none")
        if self.repeat is not None:
            _refuse(self.send != "json", "repeat is for send = json; leave it out")
            items: Any = self.body
            for key in self.repeat.split("."):
                items = items.get(key) if isinstance(items, dict) else None
            words = f"{self.repeat!r} is no list with one item in the body; name the one to repeat"
            _refuse(not isinstance(items, list) or len(items) != 1, words)
            placeless = not texts.has_place(items, texts.IMAGE_PLACE)
            _refuse(placeless, f"the item of {self.repeat!r} has no place {texts.IMAGE_PLACE}")


def _refuse(wrong: object, words: str) -> None:
    if wrong:
        raise ValueError(words)


_NAMES: Final = [*Options.model_fields]
OPEN_INFERENCE: Final = _NAMES[_NAMES.index("model_version") : _NAMES.index("preset")]
"""The options that are only for this protocol."""
JSON: Final = [*{*_NAMES[_NAMES.index("preset") : _NAMES.index("api_key_env")]} - {"headers"}]
"""Those that are only for the other one."""
