"""Requests for inference, as the Open Inference Protocol v2 has them, with its binary extension."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson
from pydantic import BaseModel, ValidationError

from neatfool.config.wording import reword
from neatfool.errors import nearest
from neatfool.serving.refusal import Refusal, bad_request
from neatfool.serving.tensors import DATATYPES, from_bytes, from_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from neatfool.serving.served import Output, Served

INPUT: Final = "images"
"""What the one input is called."""
MOST_FIGURES: Final = 20
"""Of the length of any JSON that can be sent."""
LONGEST_PIXEL: Final = len("[255.0, ")
BESIDE_PIXELS: Final = 1000
"""Bytes of JSON for a pixel, and for all that is no pixel, or a few less."""
LONGEST_SCORE: Final = len("-1.2345678901234567e-123,")
LONGEST_ANSWER: Final = 4 * 2**20
"""Bytes of JSON for a score, and for all of them: clients do not take answers of any length."""
PACKED: Final = ("gzip", "deflate")
"""How bodies may be packed."""


@dataclass(frozen=True)
class Limits:
    """What a request may be.

    Attributes:
        body: Bytes of its body, unpacked, and of the numbers in its answer.
        images: How many images it may have.
        seconds: How long its body may take to come.
    """

    body: int = 64 * 2**20
    images: int = 4096
    seconds: float = 60

    def advised(self, served: Served) -> int:
        """Give the images that a request may have however it and its answer are written."""
        sent = (self.body - BESIDE_PIXELS) // (LONGEST_PIXEL * math.prod(served.spec.shape))
        numbers = len(served.spec.classes) * len(served.outputs)
        answered = min(self.body, LONGEST_ANSWER) // (LONGEST_SCORE * numbers)
        return max(1, min(self.images, sent, answered))

    def answerable(self, outputs: Sequence[tuple[Output, bool]], classes: int) -> int:
        """Give the images of which a request may have some outputs; one may always be asked."""
        number = sum(
            output.dtype.itemsize if binary else LONGEST_SCORE for output, binary in outputs
        )
        return max(1, self.body // (number * classes))


class _Given(BaseModel, extra="ignore", strict=True):
    name: str
    shape: list[int]
    datatype: str
    parameters: dict[str, Any] = {}
    data: Any = None


class _Wanted(BaseModel, extra="ignore", strict=True):
    name: str
    parameters: dict[str, Any] = {}


class _Body(BaseModel, extra="ignore", strict=True):
    id: str | None = None
    parameters: dict[str, Any] = {}
    inputs: list[_Given]
    outputs: list[_Wanted] = []


@dataclass(frozen=True)
class Request:
    """What a client wants scored.

    Attributes:
        images: uint8 [N, C, H, W].
        id: What the client calls the request, if it does.
        outputs: The tensors that it wants, each with whether it wants its bytes and not JSON.
    """

    images: np.ndarray
    id: str | None
    outputs: tuple[tuple[Output, bool], ...]


def unpack(body: bytearray, most: int) -> bytearray:
    """Unpack a body that is packed by gzip or deflate.

    Args:
        body: The body.
        most: How many bytes it may have unpacked.

    Raises:
        Refusal: It is not packed so, not whole, or longer.
    """
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    try:
        plain = bytearray(unpacking.decompress(body, most + 1))
    except zlib.error as error:
        raise bad_request(f"the body cannot be unpacked: {error}") from None
    if len(plain) > most:
        raise too_long(most)
    if not unpacking.eof or unpacking.unused_data:
        raise bad_request("the packed body is not whole, or something follows it")
    return plain


def too_long(most: int) -> Refusal:
    """Make the refusal of a body that is too long."""
    return Refusal(413, f"the body has more than {most} bytes; send fewer images a request")


def read_request(body: bytearray, header: str | None, served: Served, limits: Limits) -> Request:
    """Read a request.

    Args:
        body: The HTTP body: JSON, and raw tensors after it.
        header: The HTTP header ``Inference-Header-Content-Length``: how long the JSON is; None: it
            is all there is.
        served: What is asked.
        limits: What a request may be.

    Raises:
        Refusal: It is malformed, or not for this model.
    """
    length = _length(header, len(body))
    given = _parsed(memoryview(body)[:length])
    outputs = _outputs(given, served)
    images = _images(given, memoryview(body)[length:], served, limits.images)
    most = limits.answerable(outputs, len(served.spec.classes))
    if len(images) > most:
        raise bad_request(
            f"{len(images)} images have too many scores for an answer with these outputs; at most "
            f"{most}"
        )
    return Request(images, given.id, outputs)


def _length(header: str | None, size: int) -> int:
    if header is None:
        return size
    # Python refuses to make a number of thousands of figures.
    is_number = header.isascii() and header.isdecimal() and len(header) <= MOST_FIGURES
    if not is_number or int(header) > size:
        raise bad_request(
            f"Inference-Header-Content-Length: {header[:20]!r} is no length of JSON in a body of "
            f"{size} bytes"
        )
    return int(header)


def _parsed(text: memoryview) -> _Body:
    try:
        return _Body.model_validate(orjson.loads(text))
    except orjson.JSONDecodeError as error:
        raise bad_request(
            f"the body is no JSON: {error}. (For raw bytes after it, the header "
            "Inference-Header-Content-Length says how long it is)"
        ) from None
    except ValidationError as error:
        first = error.errors()[0]
        where = "".join(f"[{at}]" if isinstance(at, int) else f".{at}" for at in first["loc"])
        raise bad_request(f"{where.lstrip('.') or 'the body'}: {reword([first])}") from None


def _images(given: _Body, raw: memoryview, served: Served, most: int) -> np.ndarray:
    if len(given.inputs) != 1:
        raise bad_request(f"there are {len(given.inputs)} inputs; give one, {INPUT!r}")
    (tensor,) = given.inputs
    if tensor.name != INPUT:
        raise bad_request(f"there is no input {tensor.name[:60]!r}; give {INPUT!r}")
    if tensor.datatype not in DATATYPES:
        known = " or ".join(DATATYPES)
        raise bad_request(f"datatype is {tensor.datatype[:60]!r}; give {known}")
    _check_shape(tensor.shape, served, most)
    size = tensor.parameters.get("binary_data_size")
    if size is None:
        if raw:
            raise bad_request(f"{len(raw)} bytes after the JSON belong to no input")
        return from_json(tensor.data, tensor.shape, tensor.datatype)
    if tensor.data is not None:
        raise bad_request("data and binary_data_size are both there; give one of them")
    if size != len(raw):
        raise bad_request(
            f"binary_data_size is {str(size)[:20]}, but {len(raw)} bytes follow the JSON, whose "
            "length the header Inference-Header-Content-Length gives"
        )
    return from_bytes(raw, tensor.shape, tensor.datatype)


def _check_shape(shape: list[int], served: Served, most: int) -> None:
    wanted = [*served.spec.shape]
    if shape[1:] != wanted or shape[0] < 1:
        raise bad_request(
            f"shape is {str(shape)[:60]}; give {['N', *wanted]}, N images, at least one, each "
            "[channels, height, width]".replace("'", "")
        )
    if shape[0] > most:
        raise bad_request(f"{shape[0]} images are too many for a request; at most {most}")


def _outputs(given: _Body, served: Served) -> tuple[tuple[Output, bool], ...]:
    binary = given.parameters.get("binary_data_output") is True
    if not given.outputs:
        return tuple((output, binary) for output in served.outputs)
    known = {output.name: output for output in served.outputs}
    for wanted in given.outputs:
        if wanted.name not in known:
            near = nearest(wanted.name[:60], known)
            raise bad_request(f"there is no output {wanted.name[:60]!r}{near}")
    if len({wanted.name for wanted in given.outputs}) < len(given.outputs):
        raise bad_request("outputs: one is named twice; name each once")
    return tuple(
        (known[wanted.name], wanted.parameters.get("binary_data", binary) is True)
        for wanted in given.outputs
    )
