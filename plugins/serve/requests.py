"""Inference requests of the Open Inference Protocol v2, its binary extension included."""

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

import numpy as np
import orjson
from pydantic import BaseModel, Field, ValidationError
from starlette.exceptions import HTTPException

from neatfool import nearest

from .served import Output, Request, Served

LONGEST_SCORE: Final = len("-1.2345678901234567e-123,")
"""A score takes at most this many bytes of JSON."""
PACKED: Final = ("gzip", "deflate")
_BYTES: Final = "data: give whole numbers from 0 to 255, also in FP32; do not scale or normalise"


class Refusal(HTTPException):
    """An answer that is an error: what went wrong and what to do, and extra headers."""

    def __init__(self, words: str, status: int = 400, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        super().__init__(status, words, named)


@dataclass(frozen=True)
class Limits:
    """The bytes of a request's unpacked body and of its answer's numbers; images; seconds."""

    body: int = 64 * 2**20
    images: int = 4096
    seconds: float = 60

    def advised(self, served: Served) -> int:
        """Give the images that a request may have in any format of request and answer."""
        # JSON has so much besides the pixels, and some clients refuse answers of more than 4 MiB.
        sent = (self.body - 1000) // (len("[255.0, ") * math.prod(served.spec.shape))
        numbers = len(served.spec.classes) * len(served.outputs)
        answered = min(self.body, 4 * 2**20) // (LONGEST_SCORE * numbers)
        return max(1, min(self.images, sent, answered))


class _Given(BaseModel, extra="ignore", strict=True):
    name: Literal["images"]
    shape: list[int]
    datatype: Literal["UINT8", "FP32"]
    parameters: dict[str, Any] = {}
    data: Any = None


class _Wanted(BaseModel, extra="ignore", strict=True):
    name: str
    parameters: dict[str, Any] = {}


class _Body(BaseModel, extra="ignore", strict=True):
    id: str | None = None
    parameters: dict[str, Any] = {}
    inputs: Annotated[list[_Given], Field(min_length=1, max_length=1)]
    outputs: list[_Wanted] = []


def unpack(body: bytearray, most: int) -> bytearray:
    """Unpack a body in gzip or deflate to at most ``most`` bytes."""
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    try:
        plain = bytearray(unpacking.decompress(body, most + 1))
    except zlib.error as error:
        raise Refusal(f"the body cannot be unpacked: {error}") from None
    if len(plain) > most:
        raise too_long(most)
    if not unpacking.eof or unpacking.unused_data:
        raise Refusal("the packed body is not complete, or something follows it")
    return plain


def too_long(most: int) -> Refusal:
    """Refuse a body that is too long."""
    return Refusal(f"the body has more than {most} bytes; send fewer images a request", 413)


def read_request(body: bytearray, header: str | None, served: Served, limits: Limits) -> Request:
    """Read a body; ``header`` is the length of its JSON if raw tensors follow it."""
    length = size = len(body)
    if header is not None:
        # Python refuses to read a number of thousands of figures.
        is_number = header.isascii() and header.isdecimal() and len(header) <= 20
        if not is_number or int(header) > size:
            words = f"Inference-Header-Content-Length {header[:20]!r} is not a length of JSON"
            raise Refusal(words)
        length = int(header)
    given = _parse(memoryview(body)[:length])
    outputs = _choose_outputs(given, served)
    images = _read_images(given, memoryview(body)[length:], served, limits.images)
    score = sum(each.dtype.itemsize if binary else LONGEST_SCORE for each, binary in outputs)
    most = max(1, limits.body // (score * len(served.spec.classes)))
    if len(images) > most:
        raise Refusal(f"{len(images)} images have too many scores for an answer; at most {most}")
    return Request(images, given.id, outputs)


def _parse(text: memoryview) -> _Body:
    try:
        return _Body.model_validate(orjson.loads(text))
    except orjson.JSONDecodeError as error:
        raise Refusal(
            f"the body is not JSON: {error}. (If raw bytes follow the JSON, give its length in "
            "the header Inference-Header-Content-Length)"
        ) from None
    except ValidationError as error:
        first = error.errors()[0]
        steps = (f"[{each}]" if isinstance(each, int) else f".{each}" for each in first["loc"])
        place = "".join(steps).lstrip(".") or "the body"
        raise Refusal(f"{place}: {first['msg']}") from None


def _read_images(given: _Body, raw: memoryview, served: Served, most: int) -> np.ndarray:
    (tensor,), wanted = given.inputs, [*served.spec.shape]
    if tensor.shape[1:] != wanted or tensor.shape[0] < 1:
        raise Refusal(
            f"shape is {str(tensor.shape)[:60]}; give {['N', *wanted]}: at least one image, each "
            "[channels, height, width]".replace("'", "")
        )
    if tensor.shape[0] > most:
        raise Refusal(f"{tensor.shape[0]} images are too many for a request; at most {most}")
    size = tensor.parameters.get("binary_data_size")
    if size is None:
        if raw:
            raise Refusal(f"{len(raw)} bytes after the JSON belong to no input")
        numbers = _read_lists(tensor.data, tensor.shape)
    elif tensor.data is not None:
        raise Refusal("data and binary_data_size are both given; give one of them")
    elif size != len(raw):
        raise Refusal(
            f"binary_data_size is {str(size)[:20]}, but {len(raw)} bytes follow the JSON, whose "
            "length the header Inference-Header-Content-Length gives"
        )
    else:
        kind, dtype = tensor.datatype, np.dtype({"UINT8": "u1", "FP32": "<f4"}[tensor.datatype])
        if size != (right := math.prod(tensor.shape) * dtype.itemsize):
            raise Refusal(f"binary_data_size is {size}; {kind} of shape {tensor.shape} has {right}")
        numbers = np.frombuffer(raw, dtype)
    with np.errstate(invalid="ignore"):
        levels = numbers.astype(np.uint8, copy=False)
    # What is scored must be what was sent.
    if not np.array_equal(levels, numbers):
        raise Refusal(_BYTES)
    return levels.reshape(tensor.shape)


def _read_lists(data: Any, shape: Sequence[int]) -> np.ndarray:
    """Read numbers from lists, nested as ``shape`` says or flat, row by row."""
    wanted = f"data: give lists of numbers, flat or nested as the shape {list(shape)}"
    try:
        numbers = np.array(data)
    except (ValueError, OverflowError):
        raise Refusal(wanted) from None
    if numbers.shape not in {(math.prod(shape),), tuple(shape)}:
        raise Refusal(f"{wanted}; these have the shape {list(numbers.shape)}")
    if numbers.dtype.kind not in "iuf":
        raise Refusal(_BYTES)
    return numbers


def _choose_outputs(given: _Body, served: Served) -> tuple[tuple[Output, bool], ...]:
    binary = given.parameters.get("binary_data_output") is True
    if not given.outputs:
        return tuple((output, binary) for output in served.outputs)
    known = {output.name: output for output in served.outputs}
    for wanted in given.outputs:
        if wanted.name not in known:
            near = nearest(wanted.name[:60], known)
            raise Refusal(f"there is no output {wanted.name[:60]!r}{near}")
    if len({wanted.name for wanted in given.outputs}) < len(given.outputs):
        raise Refusal("outputs: a name occurs twice; name each once")
    return tuple(
        (known[wanted.name], wanted.parameters.get("binary_data", binary) is True)
        for wanted in given.outputs
    )
