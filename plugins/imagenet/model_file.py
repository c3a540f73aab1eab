"""What is common to networks in files: how they take images, and which of their outputs answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import torch
from torch import nn

from neatfool import ExperimentError, TargetError, is_out_of_memory

from .classifier import Classifier
from .preprocessing import IMAGENET_DEVIATION, IMAGENET_MEAN, Preprocessing, in_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from .request import Request

_CROPPED: Final = 0.875
"""Most networks were trained to see this share of a photograph's shorter side."""
_SMALLEST: Final = 1e-45
"""A probability of zero counts as this, the smallest number of float32."""
_DRAWN: Final = (3, 1)
"""Channels of the images that can be drawn."""
_TRIED: Final = 4
"""Images of noise that tell what a file answers."""
_SHOWN: Final = 300
"""Characters of a library's own message."""
_SUM_OF_ONE: Final = 1e-3
"""Probabilities sum to one within this."""
_SUM_OF_ROUNDED: Final = 1.5
"""Probabilities that were rounded to 256 levels sum to less than this."""


@dataclass(frozen=True)
class Input:
    """The only input of a network in a file.

    Attributes:
        shape: Its four sizes, with None for any size.
        dtype: What it takes.
        scale: A quantised input's step; None for any other.
        zero: A quantised input's number for 0.
    """

    shape: tuple[int | None, ...]
    dtype: torch.dtype = torch.float32
    scale: float | None = None
    zero: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether it takes whole numbers."""
        return not self.dtype.is_floating_point


@dataclass(frozen=True)
class Layout:
    """The shape of one image for a network."""

    channels: int
    height: int
    width: int
    last: bool

    def noise(self, count: int, scaling: Preprocessing) -> torch.Tensor:
        """Make random images as a :class:`Network` hands them over: float32 [count, C, H, W]."""
        generator = torch.Generator().manual_seed(0)
        shape = (count, self.channels, self.height, self.width)
        pixels = torch.randint(0, 256, shape, generator=generator).float()
        mean, std = (torch.tensor(each).view(1, -1, 1, 1) for each in (scaling.mean, scaling.std))
        return (pixels - mean) / std


class FileModule(nn.Module, ABC):
    """A network in a file as a torch module: floats [N, C, H, W] in, logits [N, K] out.

    Attributes:
        path: The file.
        input: What it says of its input.
        alone: Whether each image must be computed alone.
        rounded: The outputs that hold probabilities in 256 steps.
    """

    by: str
    """What computes it, with its version."""
    traceable = False
    """Whether torch can trace it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.training = False
        self.path = path
        self.input = Input((None,) * 4)
        self.alone = False
        self.rounded: frozenset[str] = frozenset()
        self._layout: Layout | None = None
        self._as_bytes = False
        self._output = ""
        self._probabilities = False

    @abstractmethod
    def answer(self, images: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """Compute all outputs, by name, of a batch in the file's own layout and type."""

    def digest(self) -> str:
        """Hash the file."""
        return sha256(self.path.read_bytes()).hexdigest()

    def train(self, mode: bool = True) -> FileModule:
        """Stay as it is: a file holds the network as it was written."""
        del mode
        return self

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Compute logits: floats [N, C, H, W] in, float32 [N, K] out."""
        if _is_tracing() and not self.traceable:
            raise RuntimeError(f"{self.by} cannot be traced")
        parts = [self._flatten(answers[self._output]) for answers in self._answers(images)]
        outputs = torch.cat(parts).to(images.device)
        return outputs.clamp(min=_SMALLEST).log() if self._probabilities else outputs

    def settle(self, layout: Layout, scaling: Preprocessing, request: Request) -> tuple[int, str]:
        """Fix the layout, and find the output that answers.

        Returns:
            The number of classes, and a description of what was found.

        Raises:
            TargetError: It fails on such images, or is not a classifier.
            ValueError: The request must say which output it is, or what it holds.
        """
        self._layout = layout
        self._as_bytes = self.input.is_whole and request.mean is None
        tried = [dict(each) for each in self._answers(layout.noise(_TRIED, scaling))]
        shapes = {name: [*answer.shape] for name, answer in tried[0].items()}
        count = self._batch or (1 if self.alone else _TRIED)
        self._output = _choose(shapes, count, request.output, self.path)
        answers = torch.cat([self._flatten(each[self._output]) for each in tried])
        self._probabilities = self._are_probabilities(answers, request.answers)
        gives = "probabilities" if self._probabilities else "logits"
        names = "" if len(shapes) == 1 else f" (its output {self._output!r} of {len(shapes)})"
        return answers.shape[1], f"takes {self._describe_input()}; gives {gives}{names}"

    @property
    def _batch(self) -> int | None:
        return self.input.shape[0]

    def _answers(self, images: torch.Tensor) -> Iterator[Mapping[str, torch.Tensor]]:
        assert self._layout is not None, "settled"
        numbers = self._numbers(images.permute(0, 2, 3, 1) if self._layout.last else images)
        step = 1 if self.alone else self._batch or len(numbers)
        for start in range(0, len(numbers), step):
            part = numbers[start : start + step]
            missing = (self._batch or len(part)) - len(part)
            # A copy of its last image fills a batch of a fixed size up.
            full = torch.cat([part, part[-1:].expand(missing, -1, -1, -1)]) if missing else part
            answers = self._try(full.contiguous())
            yield {
                name: answer[: len(part)] if answer.ndim else answer
                for name, answer in answers.items()
            }

    def _try(self, images: torch.Tensor) -> Mapping[str, torch.Tensor]:
        try:
            return self.answer(images)
        except Exception as error:  # each library raises many kinds
            if isinstance(error, TargetError) or is_out_of_memory(error) or _is_tracing():
                raise
            text, shape = " ".join(str(error).split()), "x".join(map(str, images.shape))
            raise TargetError(
                f"{self.path}: {self.by} failed on {shape}: {text[-_SHOWN:]}"
            ) from error

    def _numbers(self, images: torch.Tensor) -> torch.Tensor:
        """Turn scaled images, or bytes, into the type that the file takes."""
        if not self.input.is_whole:
            return images.to(self.input.dtype)
        if images.requires_grad:
            raise TargetError(
                f"{self.path}: takes whole numbers, so it has no gradients; for those, use the "
                "network before it was quantised"
            )
        lowest, highest = (getattr(torch.iinfo(self.input.dtype), each) for each in ("min", "max"))
        if self._as_bytes:
            images = images + lowest  # black is the lowest number
        else:
            assert self.input.scale is not None, "refused otherwise"
            images = images / self.input.scale + self.input.zero
        return images.round().clamp(lowest, highest).to(self.input.dtype)

    @staticmethod
    def _flatten(answer: torch.Tensor) -> torch.Tensor:
        """Leave out sizes of one behind the classes, as in [N, K, 1, 1]."""
        return answer.reshape(len(answer), -1).float()

    def _are_probabilities(self, answers: torch.Tensor, told: str | None) -> bool:
        if told is not None:
            return told == "probabilities"
        sums = answers.sum(1)
        if not bool(((answers >= 0) & (answers <= 1)).all()):
            return False
        if bool(((sums - 1).abs() < _SUM_OF_ONE).all()):
            return True
        if self._output in self.rounded and float(sums.max()) < _SUM_OF_ROUNDED:
            return True
        raise ValueError(
            "its answers lie between 0 and 1, but sum to "
            f"{float(sums.min()):.3g} to {float(sums.max()):.3g}, not to 1; say what they are: "
            "[target] answers = logits, or probabilities"
        )

    def _describe_input(self) -> str:
        assert self._layout is not None, "settled"
        kind = str(self.input.dtype).removeprefix("torch.")
        order = "height, width, channels" if self._layout.last else "channels, height, width"
        batch = ", one image at a time" if self.alone or self._batch == 1 else ""
        return f"{kind} [images, {order}]{batch}"


def load_file(module: FileModule, request: Request, *, must_scale: bool = False) -> Classifier:
    """Make a classifier of a network in a file; the request says what the file does not.

    Args:
        module: The network.
        request: What the experiment says.
        must_scale: Whether the request must say how images are scaled.

    Raises:
        TargetError: The file is not a classifier of images.
        ValueError: Something is missing, or options do not fit the file.
    """
    if request.weights is not None:
        raise ValueError("the file contains its weights; leave 'weights' out")
    first: Exception | None = None
    for layout in _layouts(module, request.size):
        scaling = _scaling(layout, module.input, request, must_scale=must_scale)
        try:
            count, found = module.settle(layout, scaling, request)
        except TargetError as error:
            first = first or error
            continue
        # Only what was asked for: runs of before keep their fingerprints.
        asked = "".join(f" {each}" for each in (request.output, request.answers) if each)
        return Classifier(
            request.model,
            module,
            scaling,
            count,
            None,
            f"{module.path}, by {module.by}",
            content=module.digest() + asked,
            found=found,
        )
    assert first is not None, "there is at least one layout"
    raise first


def _layouts(module: FileModule, size: int | None) -> list[Layout]:
    """List the layouts that a file may mean, the likeliest first."""
    shape = module.input.shape
    if shape[1] in _DRAWN:
        found = [(shape[1], False)]
    elif shape[3] in _DRAWN:
        found = [(shape[3], True)]
    else:
        places = [(False, shape[1]), (True, shape[3])]
        found = [(n, last) for n in _DRAWN for last, given in places if given is None]
    if not found:
        raise TargetError(
            f"{module.path}: takes {_write_shape(shape)}; export a classifier of images with 1 or "
            "3 channels, which come first or last"
        )
    layouts = []
    for channels, last in found:
        sides = shape[1:3] if last else shape[2:]
        height, width = (side or size for side in sides)
        if height is None or width is None:
            raise ValueError("takes images of any size; choose one with [target] size = PIXELS")
        if size is not None and (height, width) != (size, size):
            raise ValueError(
                f"size = {size}: it takes images of {width}x{height}; leave 'size' out"
            )
        layouts.append(Layout(channels or 3, height, width, last))
    return layouts


def _scaling(layout: Layout, given: Input, request: Request, *, must_scale: bool) -> Preprocessing:
    """Decide how bytes are scaled."""
    if given.is_whole and request.mean is None and request.std is None:
        scales: list[tuple[float, ...]] = [(0.0,), (1.0,)]
    else:
        told = _told_scaling(layout, given, request, must_scale)
        scales = [in_bytes(each) for each in told]
    return Preprocessing(
        height=layout.height,
        width=layout.width,
        larger=round(min(layout.height, layout.width) / _CROPPED),
        mean=scales[0],
        std=scales[1],
        channels=layout.channels,
    )


def _told_scaling(
    layout: Layout, given: Input, request: Request, must_scale: bool
) -> list[tuple[float, ...]]:
    if given.is_whole and given.scale is None:
        raise ValueError(
            f"takes bytes ({given.dtype}), and scales them itself; leave 'mean' and 'std' out"
        )
    if (must_scale or given.is_whole) and None in (request.mean, request.std):
        raise ValueError(
            "the file does not say how images are scaled; give both [target] mean and std: 0.5 and "
            "0.5 for numbers from -1 to 1, 0 and 1 from 0 to 1, 0 and 0.00392157 from 0 to 255"
        )
    numbers = []
    for key, said, usual in (
        ("mean", request.mean, IMAGENET_MEAN),
        ("std", request.std, IMAGENET_DEVIATION),
    ):
        chosen = tuple(said or (usual if layout.channels == 3 else (sum(usual) / 3,)))
        if len(chosen) not in (1, layout.channels):
            raise ValueError(
                f"{key} has {len(chosen)} numbers for {layout.channels} channels; give one each"
            )
        numbers.append(chosen)
    return numbers


def _choose(shapes: Mapping[str, list[int]], count: int, wanted: str | None, path: Path) -> str:
    """Choose the output that holds classes.

    Raises:
        TargetError: None does.
        ValueError: The wanted one does not exist or does not, or several do and none is wanted.
    """
    named = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
    fit = [name for name, shape in shapes.items() if _holds_classes(shape, count)]
    if wanted is not None:
        names = list(shapes)
        name = names[int(wanted)] if wanted.isdecimal() and int(wanted) < len(names) else wanted
        if name not in fit:
            why = "is not [images, classes]" if name in shapes else "there is no such output"
            raise ValueError(f"output = {wanted}: {why}; the file has {named}")
        return name
    if not fit:
        raise TargetError(
            f"{path}: answers {named} to {count} images; a classifier answers [images, classes]"
        )
    if len(fit) > 1:
        raise ValueError(
            f"has several outputs that may be classes; choose one with [target] output = NAME: "
            f"{', '.join(f'{name} {shapes[name]}' for name in fit)}"
        )
    return fit[0]


def _holds_classes(shape: list[int], count: int) -> bool:
    if not shape or shape[0] != count:
        return False
    return [size > 1 for size in shape[1:]].count(True) == 1


def _write_shape(shape: tuple[int | None, ...]) -> str:
    return f"[{', '.join('any' if size is None else str(size) for size in shape)}]"


def _is_tracing() -> bool:
    traced: bool = torch.jit.is_tracing()  # type: ignore[attr-defined,no-untyped-call]
    return traced


def check_exists(path: Path, model: str) -> None:
    """Raise ExperimentError, which says why, if a file cannot be read."""
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise ExperimentError(f"[target] model = {model}: {error.strerror}") from error
