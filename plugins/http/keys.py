"""The options of the target ``http``: those of both protocols, of which an experiment uses one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, Field, PositiveFloat, PositiveInt

from neatfool import ClassNames, Reaches

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
MOST_IMAGES: Final = {"google-vision-label-detection": 16}
"""Preset -> the most images that the API takes in a request."""
MEDIA_TYPES: Final = {"azure-vision-tag": "application/octet-stream"}
"""Preset -> the media type of the body, where the API takes no ``image/png``."""


def _check_json(value: Any) -> Any:
    """Refuse what is no JSON object, without showing it: it may have a key in it."""
    if value is not None and not isinstance(value, dict | list):
        raise ValueError('must be JSON, as in {"name": "text"}')
    return value


def _check_mapping(value: Any) -> Any:
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise ValueError('must be a JSON object of texts, as in {"name": "text"}')
    return value


Headers = Annotated[dict[str, str], BeforeValidator(_check_mapping)]
Body = Annotated[dict[str, Any] | list[Any] | None, BeforeValidator(_check_json)]
Numbers = Annotated[list[float], Field(min_length=1, max_length=3)]
Deviations = Annotated[list[PositiveFloat], Field(min_length=1, max_length=3)]


class Keys(
    BaseModel,
    extra="forbid",
    protected_namespaces=(),
    hide_input_in_errors=True,
    use_attribute_docstrings=True,
):
    """The keys; those from ``model_version`` to ``std`` are for ``protocol = open-inference``.

    Those from ``preset`` to ``full_score`` are for ``json``, but for ``headers``.
    """

    url: Annotated[str, Reaches.CONTACTS]
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
    channels: int | None = None
    """1 (grey) or 3 (coloured). `open-inference`: only where the model takes any. `json`: if left
    out, 3"""
    model: str | None = Field(None, min_length=1)
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
    form_field: str = Field("image", min_length=1)
    """for `send = form`: the field of the form that the file is in"""
    image_format: Literal["png", "jpeg"] = "png"
    """`png`: exactly the file that is saved. `jpeg`: made of it with quality 95; the service then
    sees almost the image that is saved"""
    repeat: str | None = None
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

    api_key_env: Annotated[str | None, Reaches.SENDS_KEY] = None
    """the environment variable that holds the key"""
    api_key_file: Annotated[Path | None, Reaches.SENDS_KEY] = None
    """or a file that holds it, and nothing else"""
    api_key_header: str = "Authorization"
    """the header that the key is sent in, unless `{key}` in `url`, `headers` or `body` says where
    it stands"""
    api_key_scheme: str | None = None
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
