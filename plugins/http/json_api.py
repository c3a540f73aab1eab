"""Any JSON API: a template for the request, and expressions that find labels and scores."""

import base64
import io
import json
import logging
from collections.abc import Mapping
from string import ascii_uppercase
from typing import Any, Final

import httpx2
import numpy as np
from PIL import Image

from neatfool import ImageSpec, Labels, Scores, encode_png

from . import answers
from .options import JSON, Options
from .texts import CLASSES_PLACE, MODEL_PLACE, fill

_log = logging.getLogger("neatfool.target.http")

QUALITY: Final = 95
"""The quality of JPEGs, whose colours keep their full resolution."""
UNLISTED: Final = (
    "which [target] classes does not list; add it there, or say further_classes = true"
)


class JsonApi:
    """A service that answers in JSON; it ``gives`` ``"labels"``, or the scores of all classes."""

    def __init__(self, options: Options, places: Mapping[str, str] | None = None) -> None:
        """Prepare the expressions; ``places`` are those of the body that are no options."""
        assert options.height
        assert options.width
        assert options.scores_at
        self._options = options
        self._url = httpx2.URL(options.url)
        self._listed, self._warned = frozenset(options.classes), False
        self._scores = answers.searching(options.scores_at, options.classes)
        self._items, self._labels, self._answers, self._error = (
            answers.searching(place, options.classes) if place is not None else None
            for place in (options.found_at, options.labels_at, options.answers_at, options.error_at)
        )
        letters = zip(ascii_uppercase, options.classes, strict=False)
        self._places = {
            **(places or {}),
            MODEL_PLACE: options.model or "",
            CLASSES_PLACE: "\n".join(map(") ".join, letters)),
        }
        most_images = {"google-vision-label-detection": 16}
        self.batch_size = most_images.get(options.preset or "") if options.repeat else 1
        names_some = self._labels is not None
        self.gives = "labels" if names_some else options.scores_are
        self.spec = ImageSpec(
            options.height,
            options.width,
            options.channels or 3,
            tuple(options.classes),
            sums_to_one=options.sums_to_one is not False and not names_some,
            open=names_some and (options.further_classes or not options.classes),
        )

    def write_request(self, images: np.ndarray) -> httpx2.Request:
        """Write the request for some images, uint8 [N, C, H, W]."""
        options = self._options
        files = [_encode(image, options.image_format) for image in images]
        if options.send == "form":
            fields = options.body if isinstance(options.body, dict) else {}
            filled = fill(fields, files, None, self._places)
            form = {k: v if isinstance(v, str) else json.dumps(v) for k, v in filled.items()}
            media_type = f"image/{options.image_format}"
            upload = {options.form_field: (f"image.{options.image_format}", files[0], media_type)}
            return httpx2.Request(options.method, self._url, data=form, files=upload)
        if options.send == "json":
            filled = fill(options.body, files, options.repeat, self._places)
            content, usual = json.dumps(filled).encode(), "application/json"
        elif options.send == "base64":
            content, usual = base64.b64encode(files[0]), "text/plain"
        else:
            content, usual = files[0], f"image/{options.image_format}"
            if options.preset == "azure-vision-tag":  # takes no image/png
                usual = "application/octet-stream"
        headers = options.content_type(usual)
        return httpx2.Request(options.method, self._url, content=content, headers=headers)

    def read_answer(self, document: Any, count: int) -> Scores | Labels:
        """Read the answer to so many images."""
        parts = [document] if self._answers is None else self._answers(document)
        if not isinstance(parts, list) or len(parts) != count:
            raise answers.RefusedError("not an answer for each image")
        results: list[Any] = []
        for answer in parts:
            try:
                results.append(self._read(answer))
            except answers.RefusedError as refused:
                results.append(None)
                refusal = refused
        ok = [each is not None for each in results]
        if results and not any(ok):
            raise refusal
        if self._labels is not None:
            return Labels([each or {} for each in results], ok)
        nothing = np.full(len(self.spec.classes), np.nan)
        table = np.array([nothing if each is None else each for each in results])
        logits = self._options.scores_are == "logits"
        scores = {"logits" if logits else "probs": table / self._options.full_score}
        return answers.make_scores(**scores, sums_to_one=self.spec.sums_to_one)

    def describe(self) -> str:
        """Say what is sent, and where in the answer the scores are."""
        options = self._options
        jpeg = f"a JPEG of quality {QUALITY}, which is not quite the image that is saved"
        file = "the PNG that is saved" if options.image_format == "png" else jpeg
        ways = {"json": "in base64 within JSON", "bytes": "as it is", "base64": "in base64"}
        way = ways.get(options.send, f"as the file {options.form_field} of a form")
        labels = f"labels at {options.labels_at}, " if options.labels_at else ""
        if options.found_at:
            labels = f"in each item of {options.found_at} {labels}"
        return (
            f"JSON API: {options.method}, each image goes as {file}, {way}; of the answer, "
            f"{labels}scores at {options.scores_at}; {len(options.classes) or 'no'} classes known"
        )

    def identity(self) -> Any:
        """Give what the scores depend on besides the service, as JSON."""
        decisive = {*JSON, "headers", "scores_are"} - {"preset", "further_classes"}
        return [self.spec.shape, self._options.model_dump(mode="json", include=decisive)]

    def _read(self, answer: Any) -> np.ndarray | dict[str, float]:
        """Read an image's scores: of all classes, floats [K], or the best of each label."""
        if self._error is not None and self._error(answer):
            raise answers.RefusedError("the service's own error")
        if self._labels is None:
            row: np.ndarray = answers.read_rows(self._scores(answer), 1, len(self.spec.classes))[0]
            return row
        found = [answer] if self._items is None else self._items(answer)
        if not isinstance(found, list) or len(found) > answers.MOST_LABELS:
            raise answers.RefusedError("no list of what was found")
        labels = [self._labels(each) for each in found]
        scores = [self._scores(each) for each in found]
        if self._items is None:
            (labels,), (scores,) = labels, scores
        if not isinstance(labels, list) or not isinstance(scores, list):
            raise answers.RefusedError("no list of labels and scores")
        if len(labels) != len(scores) or len(labels) > answers.MOST_LABELS:
            raise answers.RefusedError(f"{len(labels)} labels with {len(scores)} scores")
        numbers = answers.read_rows(scores, 1, len(scores))[0] / self._options.full_score
        if not answers.are_probabilities(numbers[None], sums_to_one=False)[0]:
            raise answers.RefusedError("scores that are no confidences")
        confidences: dict[str, float] = {}
        for label, number in zip(labels, numbers.tolist(), strict=True):
            text = str(label) if type(label) is int else label
            if not answers.is_short_text(text):
                raise answers.RefusedError("a label that is no short printable text")
            name = text.strip()
            confidences[name] = max(confidences.get(name, 0.0), min(1.0, max(0.0, number)))
        if not self.spec.open and (unlisted := confidences.keys() - self._listed):
            if not self._warned:
                _log.warning("http: the service names %r, %s", min(unlisted), UNLISTED)
                self._warned = True
            raise answers.RefusedError(f"names a label {UNLISTED}")
        return confidences


def _encode(image: np.ndarray, image_format: str) -> bytes:
    """Write an image, uint8 [C, H, W], as a file: ``png``, the one that is saved, or ``jpeg``."""
    if image_format == "png":
        return encode_png(image)
    pixels = image[0] if len(image) == 1 else image.transpose(1, 2, 0).copy()
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=QUALITY, subsampling=0)
    return buffer.getvalue()
