"""Any JSON API: a template for the request, and expressions that find labels and scores."""

import base64
import json
from collections.abc import Mapping
from string import ascii_uppercase
from typing import Any

import httpx2
import numpy as np

from neatfool import ImageSpec, Labels, Scores, encode_png

from . import responses
from .options import Options
from .validation import CLASSES_PLACE, IMAGE_PLACE, fill


class JsonApi:
    """A service that answers in JSON; it ``gives`` ``"labels"``, or the scores of all classes."""

    batch_size = 1

    def __init__(self, options: Options, places: Mapping[str, str] | None = None) -> None:
        """Prepare the expressions; ``places`` are those of the body that are no options."""
        assert options.height
        assert options.width
        assert options.scores_at
        self._options = options
        self._url = httpx2.URL(options.url)
        self._scores = responses.compile_expression(options.scores_at, options.classes)
        self._items, self._labels = (
            responses.compile_expression(place or "@", options.classes)
            for place in (options.found_at, options.labels_at)
        )
        letters = zip(ascii_uppercase, options.classes, strict=False)
        self._places = {
            **(places or {}),
            CLASSES_PLACE: "\n".join(map(") ".join, letters)),
        }
        names_some = options.labels_at is not None
        self.gives = "labels" if names_some else options.scores_are
        self.spec = ImageSpec(
            options.height,
            options.width,
            options.channels or 3,
            tuple(options.classes),
            sums_to_one=options.sums_to_one is not False and not names_some,
            open=names_some,
        )

    def write_request(self, images: np.ndarray) -> httpx2.Request:
        """Write the request for an image, uint8 [1, C, H, W]."""
        options, file = self._options, encode_png(images[0])
        places = {**self._places, IMAGE_PLACE: base64.b64encode(file).decode("ascii")}
        if options.send == "form":
            assert isinstance(options.body, dict)
            form, upload = {}, {}
            for name, value in options.body.items():
                if value == IMAGE_PLACE:
                    upload[name] = ("image.png", file, "image/png")
                else:
                    filled = fill(value, self._places)
                    form[name] = filled if isinstance(filled, str) else json.dumps(filled)
            return httpx2.Request("POST", self._url, data=form, files=upload)
        if options.send == "json":
            content, usual = json.dumps(fill(options.body, places)).encode(), "application/json"
        else:
            content, usual = file, "image/png"
        return httpx2.Request(
            "POST", self._url, content=content, headers=options.content_type(usual)
        )

    def read_answer(self, document: Any, count: int) -> Scores | Labels:
        """Read the answer to an image; ``count`` is one."""
        if self.gives == "labels":
            return Labels([self._read_labels(document)], [True] * count)
        table = responses.read_rows(self._scores(document), 1, len(self.spec.classes))
        kind = "logits" if self._options.scores_are == "logits" else "probs"
        return responses.make_scores(**{kind: table}, sums_to_one=self.spec.sums_to_one)

    def describe(self) -> str:
        """Say what is sent, and where in the answer the scores are."""
        options = self._options
        return (
            f"JSON API: each image goes as the PNG that is saved (send = {options.send}); scores "
            f"are read at {options.scores_at}; {len(options.classes) or 'no'} classes known"
        )

    def identity(self) -> Any:
        """Give what the scores depend on besides the service, as JSON."""
        decisive = {"send", "body", "found_at", "labels_at", "scores_at", "headers", "scores_are"}
        return [self.spec.shape, self._options.model_dump(mode="json", include=decisive)]

    def _read_labels(self, answer: Any) -> dict[str, float]:
        """Read the best score of each label that was found in an image."""
        found = self._items(answer)
        if not isinstance(found, list) or len(found) > responses.MOST_LABELS:
            raise responses.RefusedError("no list of what was found")
        labels = [self._labels(each) for each in found]
        scores = [self._scores(each) for each in found]
        numbers = responses.read_rows(scores, 1, len(scores))[0]
        if not responses.are_probabilities(numbers[None], sums_to_one=False)[0]:
            raise responses.RefusedError("scores that are no confidences")
        confidences: dict[str, float] = {}
        for label, number in zip(labels, numbers.tolist(), strict=True):
            text = str(label) if type(label) is int else label
            if not responses.is_short_text(text):
                raise responses.RefusedError("a label that is no short printable text")
            name = text.strip()
            confidences[name] = max(confidences.get(name, 0.0), min(1.0, max(0.0, number)))
        return confidences
