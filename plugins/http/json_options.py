"""The options of a JSON API: how an image is sent, and where the answer has its scores."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, PositiveFloat, field_validator, model_validator

from .service_options import Headers, ServiceOptions
from .texts import (
    CLASSES_PLACE,
    IMAGE_PLACE,
    LETTERS,
    MODEL_PLACE,
    find_repeated_item,
    has_place,
    refuse_key,
)

Preset = Literal[
    "huggingface-image-classification",
    "google-vision-label-detection",
    "azure-vision-tag",
    "openai-vision-chat",
]
PRESETS: Final[dict[str, dict[str, Any]]] = {
    "huggingface-image-classification": {
        "body": {"inputs": "{image}"},
        "found_at": "@",
        "labels_at": "label",
        "scores_at": "score",
    },
    "google-vision-label-detection": {
        "body": {
            "requests": [
                {
                    "image": {"content": "{image}"},
                    "features": [{"type": "LABEL_DETECTION", "maxResults": 50}],
                }
            ]
        },
        "repeat": "requests",
        "answers_at": "responses",
        "error_at": "error.message",
        "found_at": "labelAnnotations || `[]`",
        "labels_at": "description",
        "scores_at": "score",
        "api_key_header": "X-Goog-Api-Key",
    },
    "azure-vision-tag": {
        "send": "bytes",
        "found_at": "tags",
        "labels_at": "name",
        "scores_at": "confidence",
        "api_key_header": "Ocp-Apim-Subscription-Key",
    },
    # No temperature: some servers give the log-probabilities that it makes.
    "openai-vision-chat": {
        "body": {
            "model": "{model}",
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "text",
                            "text": "Which of these does the image show?\n{classes}\n"
                            "Answer with its letter and nothing else.",
                        },
                        {
                            "type": "image_url",
                            "image_url": {"url": "data:image/png;base64,{image}"},
                        },
                    ],
                }
            ],
            "max_completion_tokens": 1,
            "logprobs": True,
            "top_logprobs": 20,
        },
        "found_at": "choices[0].logprobs.content[0].top_logprobs[?class_of(token)]",
        "labels_at": "class_of(token)",
        "scores_at": "exp(logprob)",
    },
}
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


Body = Annotated[dict[str, Any] | list[Any] | None, BeforeValidator(_check_json)]


class JsonOptions(ServiceOptions):
    """How an image is sent, and where the answer has its scores."""

    preset: Preset | None = Field(
        None,
        description="a known API, whose keys of this table and `api_key_header` it sets. What "
        "the experiment says itself comes first",
    )
    method: Literal["POST", "PUT", "PATCH"] = Field("POST", description="the method of HTTP")
    headers: Headers  # Both protocols' (Options); experiments are written in this order.
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

    @model_validator(mode="before")
    @classmethod
    def _fill_in_preset(cls, given: Any) -> Any:
        if isinstance(given, dict) and isinstance(given.get("preset"), str):
            return PRESETS.get(given["preset"], {}) | {"protocol": "json"} | given
        return given

    _no_key_in_body = field_validator("body", "repeat", "form_field")(refuse_key)

    @field_validator("answers_at", "error_at", "found_at", "labels_at", "scores_at")
    @classmethod
    def _check_expression(cls, expression: str | None) -> str | None:
        with suppress(ModuleNotFoundError):  # the target says what to install
            from .expressions import check_expression

            if expression is not None:
                check_expression(expression)
        return expression

    def check_json(self) -> None:
        """Check that an API can be asked, and its answers read.

        Raises:
            ValueError: It cannot.
        """
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
            from .expressions import skips_null

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
