"""Inference requests of the Open Inference Protocol v2, and what they hold in memory."""

import math
import mmap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Annotated, Any, Final, Literal

import numpy as np
import orjson
from pydantic import BaseModel, Field, ValidationError
from starlette.exceptions import HTTPException

from neatfool import nearest

from .target import InferenceRequest, OutputTensor, ServedTarget

LONGEST_SCORE: Final = len("-1.2345678901234567e-123,")
"""A score takes at most this many bytes of JSON."""
OBJECTS_TO_JSON: Final = 32
"""Python's objects take at most this many times as many bytes as the JSON that they are read of:
80 for each ``{},``."""


@dataclass(frozen=True)
class RequestLimits:
    """The bytes of a request's body, its images, and the seconds until it is there."""

    body: int = 64 * 2**20
    images: int = 4096
    seconds: float = 60

    @property
    def json(self) -> int:
        """The bytes of JSON in a body: its objects then take two thirds of the memory."""
        return self.body // 16

    @property
    def answer(self) -> int:
        """The bytes that the scores of a request may have in its answer."""
        return self.body // 8

    @property
    def memory(self) -> int:
        """The bytes that all requests may hold as far as they are counted: three bodies.

        What is not counted (the buffers of connections, and copies that last while one request is
        read or written) has room in a fourth body.
        """
        return 3 * self.body

    def advised(self, served: ServedTarget) -> int:
        """Give the images that a request may have as raw bytes."""
        sent = (self.body - 1000) // math.prod(served.spec.shape)
        # Some clients refuse answers of more than 4 MiB.
        numbers = len(served.spec.classes) * len(served.outputs)
        answered = min(self.answer, 4 * 2**20) // (LONGEST_SCORE * numbers)
        return max(1, min(self.images, sent, answered))


class ServiceError(HTTPException):
    """An answer that is an error: what went wrong and what to do, and extra headers."""

    def __init__(self, words: str, status: int = 400, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        super().__init__(status, words, named)


def too_long(most: int) -> ServiceError:
    """Refuse a body of more than so many bytes."""
    words = "send fewer images a request, or raw bytes in place of JSON"
    return ServiceError(f"the body has more than {most} bytes; {words}", 413)


class MemoryBudget:
    """Counts the bytes that all requests hold; a request that wants too many is refused."""

    def __init__(self, most: int) -> None:
        """Let requests hold ``most`` bytes in all."""
        self._free = most
        self._lock = Lock()

    @contextmanager
    def share(self) -> Iterator[Callable[[int], None]]:
        """Give a function that says how many bytes a request holds from now on."""
        held = 0

        def hold(size: int) -> None:
            nonlocal held
            with self._lock:
                if (more := size - held) > self._free:
                    words = "the requests of others fill the memory; try again"
                    raise ServiceError(
                        f"{words}, or send fewer images a request", 503, retry_after="1"
                    )
                self._free -= more
                held = size

        try:
            yield hold
        finally:
            hold(0)


class BodyBuffer:
    """A body as it comes, in pages of its own, which go back to the system at once."""

    def __init__(self, most: int, hold: Callable[[int], None]) -> None:
        """Take the most bytes that it may have."""
        self.pages = mmap.mmap(-1, most)  # those that nothing was written to take no memory
        self.size = 0
        self._hold = hold

    def add(self, chunk: bytes) -> None:
        """Take what came next."""
        end = self.size + len(chunk)
        if end > len(self.pages):
            raise too_long(len(self.pages))
        self._hold(end)
        self.pages[self.size : end] = chunk
        self.size = end


class _InputTensor(BaseModel, extra="ignore", strict=True):
    name: Literal["images"]
    shape: list[int]
    datatype: Literal["UINT8"]
    parameters: dict[str, Any] = {}
    data: Any = None


class _OutputSelection(BaseModel, extra="ignore", strict=True):
    name: str


class _RequestBody(BaseModel, extra="ignore", strict=True):
    id: str | None = None
    inputs: Annotated[list[_InputTensor], Field(min_length=1, max_length=1)]
    outputs: list[_OutputSelection] = []


def read_request(
    body: BodyBuffer,
    header: str | None,
    served: ServedTarget,
    limits: RequestLimits,
    hold: Callable[[int], None],
) -> InferenceRequest:
    """Read a body; ``header`` is the length of its JSON if raw bytes follow it."""
    length = body.size
    if header is not None:
        # Python refuses to read a number of thousands of figures.
        if not header.isascii() or not header.isdecimal() or int(header[:20]) > length:
            words = f"Inference-Header-Content-Length {header[:20]!r} is not a length of JSON"
            raise ServiceError(words)
        length = int(header)
    if length > limits.json:
        raise ServiceError(f"more than {limits.json} bytes of JSON; send raw bytes", 413)
    hold(body.size + OBJECTS_TO_JSON * length)
    given = _parse(body.pages[:length])
    outputs = _choose_outputs(given, served)
    (tensor,), wanted = given.inputs, [*served.spec.shape]
    count = tensor.shape[0] if tensor.shape else 0
    if tensor.shape[1:] != wanted or count < 1:
        raise ServiceError(
            f"shape is {str(tensor.shape)[:60]}; give {['N', *wanted]}: at least one image, each "
            "[channels, height, width]".replace("'", "")
        )
    score = LONGEST_SCORE * len(served.spec.classes) * len(outputs)
    if count > (most := min(limits.images, max(1, limits.answer // score))):
        raise ServiceError(f"{count} images are too many for a request; at most {most}")
    images = _read_images(tensor, body, length)
    # The scores themselves, and what they are written in, have at most three times as many bytes.
    hold(body.size + images.nbytes + 3 * count * score)
    return InferenceRequest(images, given.id, outputs)


def _parse(text: bytes) -> _RequestBody:
    try:
        return _RequestBody.model_validate(orjson.loads(text))
    except orjson.JSONDecodeError as error:
        raise ServiceError(
            f"the body is not JSON: {error}. (If raw bytes follow the JSON, give its length in "
            "the header Inference-Header-Content-Length)"
        ) from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the body"
        raise ServiceError(f"{place}: {first['msg']}") from None


def _read_images(tensor: _InputTensor, body: BodyBuffer, length: int) -> np.ndarray:
    raw, size = body.size - length, tensor.parameters.get("binary_data_size")
    count, shape = math.prod(tensor.shape), tensor.shape
    if size is None:
        if raw:
            raise ServiceError(f"{raw} bytes after the JSON belong to no input")
        return _read_numbers(tensor.data, count).reshape(shape)
    if tensor.data is not None:
        raise ServiceError("data and binary_data_size are both given; give one of them")
    if size != raw or size != count:
        raise ServiceError(
            f"binary_data_size is {str(size)[:20]}, {raw} bytes follow the JSON, and images of "
            f"shape {shape} have {count}"
        )
    return np.frombuffer(body.pages, np.uint8, count, length).reshape(shape)


def _read_numbers(data: Any, count: int) -> np.ndarray:
    """Read uint8 [count] of nested or flat lists of whole numbers."""
    for _ in range(4):
        if isinstance(data, list) and any(isinstance(each, list) for each in data):
            data = [one for each in data for one in (each if isinstance(each, list) else [each])]
    if not isinstance(data, list) or len(data) != count or not {*map(type, data)} <= {int, float}:
        raise ServiceError(f"data: give lists of {count} numbers, flat or nested as the shape says")
    numbers = np.array(data, np.float64)
    with np.errstate(invalid="ignore"):
        levels = numbers.astype(np.uint8)
    if not np.array_equal(levels, numbers):  # What is scored must be what was sent.
        raise ServiceError("data: give whole numbers from 0 to 255; do not scale or normalise")
    return levels


def _choose_outputs(given: _RequestBody, served: ServedTarget) -> tuple[OutputTensor, ...]:
    if not given.outputs:
        return served.outputs
    known = {output.name: output for output in served.outputs}
    names = [*dict.fromkeys(wanted.name for wanted in given.outputs)]
    for name in names:
        if name not in known:
            near = nearest(name[:60], known)
            raise ServiceError(f"there is no output {name[:60]!r}{near}")
    return tuple(known[name] for name in names)
