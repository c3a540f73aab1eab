"""The options of the target ``http``: what they must be, and what must hold between them."""

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    FilePath,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from neatfool import Access, ClassNames

from .validation import (
    CLASSES_PLACE,
    IMAGE_PLACE,
    KEY_PLACE,
    check_headers,
    check_json,
    check_url,
    has_place,
    must_be,
    refuse_keys,
)

NoKey: Final = AfterValidator(refuse_keys)
Headers = Annotated[dict[str, str], BeforeValidator(check_headers)]
Body = Annotated[dict[str, Any] | list[Any] | None, BeforeValidator(check_json), NoKey]
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

    Without ``scores_at``, the service speaks version 2 of the Open Inference Protocol. The options
    from ``metadata`` to ``std`` are for it, and those from ``send`` to ``scores_at`` for other APIs
    that answer in JSON.

    Attributes:
        metered: Asking costs something: `serve` refuses it before it connects.
    """

    metered: ClassVar[bool] = True

    url: Annotated[str, Access.CONTACTS, AfterValidator(check_url)]
    """where the service is: a server's address, without `/v2/...`, or with `scores_at` the whole
    address that is asked. `{key}` in its path or query stands for the key"""
    classes: ClassNames = []
    """all classes, or `@FILE` with one on each line. By the protocol: in the order of the outputs;
    if left out, what the model says, or else numbers. With `labels_at`: those that are known; each
    other label that turns up becomes a class, too"""
    sums_to_one: bool | None = None
    """whether classes exclude one another, so that the probabilities of an image sum to one.
    Answers that do not are then refused. If left out, what the model says, or else true"""
    scores_are: Literal["auto", "probabilities", "logits"] = "auto"
    """what the scores are. `auto`: what the model's outputs are called, or else probabilities"""
    height: PositiveInt | None = None
    """the height of images in pixels. By the protocol: only where the model takes any"""
    width: PositiveInt | None = None
    """the width of images in pixels. By the protocol: only where the model takes any"""
    channels: Annotated[int | None, must_be("1 (grey) or 3 (coloured)", (1, 3).__contains__)] = None
    """1 (grey) or 3 (coloured). By the protocol: only where the model takes any. With `scores_at`:
    if left out, 3"""
    model: Annotated[str | None, NoKey] = Field(None, min_length=1)
    """the model's name on the server, for the protocol"""

    metadata: Body = None
    """the model's metadata, as a JSON object, in place of what the server says of it: `inputs` and
    `outputs`, each a list of objects with a `name`, `datatype` and `shape`"""
    mean: Numbers | None = None
    """for an input of `FP32`: what to subtract from pixels in [0, 1], one number for all channels
    or one for each"""
    std: Deviations | None = None
    """for an input of `FP32`: what to divide by after that, as `mean`"""

    headers: Headers = {}
    """further headers, as a JSON object. `Content-Type` is sent in place of the usual one, and
    `{key}` stands for the key. The key itself must not stand here, nor in `body` or `url`: what is
    named like one (`X-Key`, `Auth`) is refused"""
    send: Literal["json", "form", "bytes"] = "json"
    """how an image goes. `json`: in the body, in base64. `form`: as a file of a multipart form.
    `bytes`: as the whole body"""
    body: Body = None
    """the body, as JSON. In its texts `{image}` stands for the image in base64, as in `{"image":
    "data:image/png;base64,{image}"}`, `{key}` for the key, and `{classes}` for the classes, one on
    each line with a letter. With `send = form`: the form's fields, of which the one that is
    `"{image}"` has the file"""
    found_at: str | None = None
    """where the list is of what was found in an image"""
    labels_at: str | None = None
    """where the label is in each item of this list"""
    scores_at: str | None = None
    """where the score is in each item; without `found_at`, where the scores of all `classes` are,
    in their order. It says that the service does not speak the protocol"""

    api_key_env: Annotated[
        str | None,
        Access.SENDS_KEY,
        must_be(
            "the name of an environment variable, in capitals (MY_API_KEY), and not the key",
            re.compile(r"[A-Z_][A-Z0-9_]*").fullmatch,
        ),
    ] = None
    """the environment variable that holds the key. Unless `{key}` in `url`, `headers` or `body`
    says where it stands, it is sent as `Authorization: Bearer KEY`"""

    concurrency: int = Field(4, ge=1, le=256)
    """how many requests may be under way at a time"""
    requests_per_second: PositiveFloat | None = None
    """how many requests may begin in a second, repeats included. If left out, there is no limit"""
    timeout: PositiveFloat = Field(30.0, le=300)
    """the seconds in which a request must be answered in whole. One that fails is sent again for
    five minutes; then the run pauses"""

    allow_private: bool = False
    """whether the service may be on this machine or in a private network"""
    ca_file: FilePath | None = None
    """certificates (PEM) to trust in place of the usual authorities'"""

    @property
    def is_json_api(self) -> bool:
        """Whether the service has a form of its own, and not the protocol's."""
        return self.scores_at is not None

    def list_key_places(self) -> list[str]:
        """List the options with a place for the key; without one, it has a header of its own."""
        places = {"url": self.url, "headers": self.headers, "body": self.body}
        return [name for name, text in places.items() if has_place(text, KEY_PLACE)]

    def content_type(self, usual: str) -> dict[str, str]:
        """Give the header that says what a body is; none where ``headers`` says so already."""
        own = any(name.lower() == "content-type" for name in self.headers)
        return {} if own else {"Content-Type": usual}

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        headers, places = {name.lower() for name in self.headers}, self.list_key_places()
        taken = self.api_key_env and "authorization" in headers and not places
        words = f"headers: Authorization is for the key; write {KEY_PLACE} where it stands"
        _refuse(taken, words)
        words = f"has a place {KEY_PLACE}; say where the key is, with api_key_env"
        _refuse(places and not self.api_key_env, f"{' and '.join(places)} {words}")
        if self.is_json_api:
            self._check_expressions()
            self._check_json()
            self._check_body()
        else:
            _refuse(self.model is None, "model is missing; give the model's name on the server")
            has_query = urlsplit(self.url).query
            _refuse(has_query, "url has a ? in it; give the server's address only")
        return self

    def _check_expressions(self) -> None:
        _refuse((self.found_at is None) != (self.labels_at is None), "give found_at and labels_at")
        with suppress(ModuleNotFoundError):  # the target says what to install
            from .responses import check_expression

            for text in (self.found_at, self.labels_at, self.scores_at):
                if text is not None:
                    check_expression(text)

    def _check_json(self) -> None:
        sized = self.height and self.width
        _refuse(not sized, "height and width are missing; give the size of images to send")
        unnamed = self.labels_at is None and len(self.classes) < 2
        _refuse(unnamed, "neither labels_at nor classes says what scores are of; give one of them")
        twice = len({*self.classes}) < len(self.classes)
        _refuse(twice, "classes has a name twice; leave one out")
        wrong = has_place(self.body, CLASSES_PLACE) and not 2 <= len(self.classes) <= 26
        words = f"{CLASSES_PLACE} in the body gives each class a letter; name 2 to 26 classes"
        _refuse(wrong, words)

    def _check_body(self) -> None:
        example = f'{{"data": "{IMAGE_PLACE}"}}'
        if self.send == "form":
            fields = self.body.values() if isinstance(self.body, dict) else ()
            words = f"body must be the form's fields, and one of them the file, as in {example}"
            _refuse([*fields].count(IMAGE_PLACE) != 1, words)
        elif self.send == "json":
            words = f"body has no place for the image; write {IMAGE_PLACE} in it, as in {example}"
            _refuse(not has_place(self.body, IMAGE_PLACE), words)
        else:
            _refuse(self.body, f"body is not for send = {self.send}; leave it out")


def _refuse(wrong: object, words: str) -> None:
    if wrong:
        raise ValueError(words)
