"""Inference requests of the Open Inference Protocol v2, its binary extension included."""

from __future__ import annotations

import math
import mmap
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import numpy as np
import orjson
from pydantic import BaseModel, Field, ValidationError

from neatfool import nearest

from .errors import ServiceError
from .numbers import PIECE, fill, find_lists, make_levels, read_lists
from .target import InferenceRequest, OutputTensor, ServedTarget

if TYPE_CHECKING:
    from .memory import BodyBuffer

LONGEST_SCORE: Final = len("-1.2345678901234567e-123,")
"""A score takes at most this many bytes of JSON."""
PACKED: Final = ("gzip", "deflate")
_BYTES: Final = "data: give whole numbers from 0 to 255, also in FP32; do not scale or normalise"
_NUMBERS: Final = 0
"""It stands in the JSON for lists of numbers."""


@dataclass(frozen=True)
class RequestLimits:
    """The bytes of a request's unpacked body, its images, and the seconds until it is there."""

    body: int = 64 * 2**20
    images: int = 4096
    seconds: float = 60

    @property
    def answer(self) -> int:
        """The bytes that the scores of a request may have in its answer."""
        return self.body // 8

    @property
    def memory(self) -> int:
        """The bytes that all requests may hold, one body less than they may cost."""
        return 3 * self.body

    def advised(self, served: ServedTarget) -> int:
        """Give the images that a request may have in any format of request and answer."""
        # JSON has so much besides the pixels, and some clients refuse answers of more than 4 MiB.
        sent = (self.body - 1000) // (len("[255.0, ") * math.prod(served.spec.shape))
        numbers = len(served.spec.classes) * len(served.outputs)
        answered = min(self.answer, 4 * 2**20) // (LONGEST_SCORE * numbers)
        return max(1, min(self.images, sent, answered))


class _InputTensor(BaseModel, extra="ignore", strict=True):
    name: Literal["images"]
    shape: list[int]
    datatype: Literal["UINT8", "FP32"]
    parameters: dict[str, Any] = {}
    data: Any = None


class _OutputSelection(BaseModel, extra="ignore", strict=True):
    name: str
    parameters: dict[str, Any] = {}


class _RequestBody(BaseModel, extra="ignore", strict=True):
    id: str | None = None
    parameters: dict[str, Any] = {}
    inputs: Annotated[list[_InputTensor], Field(min_length=1, max_length=1)]
    outputs: list[_OutputSelection] = []


def read_request(
    body: BodyBuffer,
    header: str | None,
    served: ServedTarget,
    limits: RequestLimits,
    hold: Callable[[int], None],
) -> InferenceRequest:
    """Read a body; ``header`` is the length of its JSON if raw tensors follow it."""
    length = body.size
    if header is not None:
        # Python refuses to read a number of thousands of figures.
        is_number = header.isascii() and header.isdecimal() and len(header) <= 20
        if not is_number or int(header) > length:
            words = f"Inference-Header-Content-Length {header[:20]!r} is not a length of JSON"
            raise ServiceError(words)
        length = int(header)
    given, lists = _parse(body.pages, length)
    outputs = _choose_outputs(given, served)
    count = _count_images(given, served, limits.images)
    score = sum(each.dtype.itemsize if binary else LONGEST_SCORE for each, binary in outputs)
    each = score * len(served.spec.classes)
    if count > (most := max(1, limits.answer // each)):
        raise ServiceError(f"{count} images have too many scores for an answer; at most {most}")
    levels = count * math.prod(served.spec.shape)
    # The scores themselves, and what they are written in, have at most three times as many bytes.
    hold(body.size + levels + 3 * count * each)
    images = _read_images(given.inputs[0], body, length, lists)
    return InferenceRequest(images, given.id, outputs)


def _parse(text: mmap.mmap, end: int) -> tuple[_RequestBody, tuple[int, int]]:
    """Read the JSON but for its numbers, and tell where those begin and end."""
    try:
        begin, last = find_lists(text, end)
        rest = text[:end] if begin == last else b"%b%d%b" % (text[:begin], _NUMBERS, text[last:end])
        return _RequestBody.model_validate(orjson.loads(rest)), (begin, last)
    except orjson.JSONDecodeError as error:
        raise ServiceError(
            f"the body is not JSON: {error}. (If raw bytes follow the JSON, give its length in "
            "the header Inference-Header-Content-Length)"
        ) from None
    except ValidationError as error:
        first = error.errors()[0]
        steps = (f"[{each}]" if isinstance(each, int) else f".{each}" for each in first["loc"])
        place = "".join(steps).lstrip(".") or "the body"
        raise ServiceError(f"{place}: {first['msg']}") from None
    except ValueError as error:
        raise ServiceError(str(error)) from None


def _count_images(given: _RequestBody, served: ServedTarget, most: int) -> int:
    (tensor,), wanted = given.inputs, [*served.spec.shape]
    if tensor.shape[1:] != wanted or tensor.shape[0] < 1:
        raise ServiceError(
            f"shape is {str(tensor.shape)[:60]}; give {['N', *wanted]}: at least one image, each "
            "[channels, height, width]".replace("'", "")
        )
    if tensor.shape[0] > most:
        raise ServiceError(f"{tensor.shape[0]} images are too many for a request; at most {most}")
    return tensor.shape[0]


def _read_images(
    tensor: _InputTensor, body: BodyBuffer, length: int, lists: tuple[int, int]
) -> np.ndarray:
    raw, size = body.size - length, tensor.parameters.get("binary_data_size")
    count, shape = math.prod(tensor.shape), tensor.shape
    if size is None:
        if raw:
            raise ServiceError(f"{raw} bytes after the JSON belong to no input")
        wanted = f"data: give lists of whole numbers from 0 to 255, flat or nested as {shape}"
        if lists[0] == lists[1] or tensor.data != _NUMBERS:
            raise ServiceError(wanted)
        numbers = read_lists(body.pages, *lists, shape)
    elif tensor.data is not None:
        raise ServiceError("data and binary_data_size are both given; give one of them")
    elif size != raw:
        raise ServiceError(
            f"binary_data_size is {str(size)[:20]}, but {raw} bytes follow the JSON, whose "
            "length the header Inference-Header-Content-Length gives"
        )
    else:
        kind, dtype = tensor.datatype, np.dtype({"UINT8": "u1", "FP32": "<f4"}[tensor.datatype])
        if size != (right := count * dtype.itemsize):
            raise ServiceError(f"binary_data_size is {size}; {kind} of shape {shape} has {right}")
        given = np.frombuffer(body.pages, dtype, count, length)
        if kind == "UINT8":
            return given.reshape(shape)
        numbers = (given[start : start + PIECE] for start in range(0, count, PIECE))
        wanted = _BYTES
    levels = make_levels(count)
    try:
        # What is scored must be what was sent.
        if not fill(levels, numbers):
            raise ServiceError(_BYTES)
    except ValueError:
        raise ServiceError(wanted) from None
    return levels.reshape(shape)


def _choose_outputs(
    given: _RequestBody, served: ServedTarget
) -> tuple[tuple[OutputTensor, bool], ...]:
    binary = given.parameters.get("binary_data_output") is True
    if not given.outputs:
        return tuple((output, binary) for output in served.outputs)
    known = {output.name: output for output in served.outputs}
    for wanted in given.outputs:
        if wanted.name not in known:
            near = nearest(wanted.name[:60], known)
            raise ServiceError(f"there is no output {wanted.name[:60]!r}{near}")
    if len({wanted.name for wanted in given.outputs}) < len(given.outputs):
        raise ServiceError("outputs: a name occurs twice; name each once")
    return tuple(
        (known[wanted.name], wanted.parameters.get("binary_data", binary) is True)
        for wanted in given.outputs
    )
