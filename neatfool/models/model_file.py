"""Networks in files: how they take images, and which output answers."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final, Self

import torch
from torch import nn

from neatfool.errors import TargetError
from neatfool.models.formats import Classifier, Request
from neatfool.models.preprocessing import Input, Layout, Preprocessing, layouts_of, scaling_of
from neatfool.network.devices import is_out_of_memory

_TRIED: Final = 4
"""Images of noise that tell what a file answers."""


class FileModule(nn.Module, ABC):
    """A network in a file as a torch module: floats [N, C, H, W] in, logits [N, K] out.

    Attributes:
        path: The file.
        input: What it says of its input.
        beside: Other files that hold weights of it.
        alone: Whether each image must be computed alone.
        rounded: The outputs that hold probabilities in 256 steps.
        remark: What is said of its input in the end.
        layout: The shape of its images, as soon as it has settled.
        output: The name of the output that answers.
        gives_probabilities: Whether that output holds probabilities.
    """

    layout: Layout
    by: str
    """What computes it, with its version."""
    traceable = False
    """Whether torch can trace it."""

    @property
    def no_gradients(self) -> str | None:
        """Why it has no gradients, and what to do; None if it has."""
        return f"{self.by} computes none; for those, use torchscript:FILE or export:FILE"

    def __init__(self, path: Path) -> None:
        """Take a file; raise ValueError if it cannot be read."""
        super().__init__()
        try:
            with path.open("rb"):
                pass
        except OSError as error:
            raise ValueError(f"{error.strerror}; give the path of a model's file") from error
        self.training = False
        self.path = path
        self.input = Input()
        self.beside: Sequence[Path] = ()
        self.alone = False
        self.rounded: frozenset[str] = frozenset()
        self.remark = ""
        self.output = ""
        self.gives_probabilities = False
        self._as_bytes = False

    @abstractmethod
    def answer(self, images: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """Compute all outputs, by name, of a batch in the file's own layout and type."""

    def digest(self) -> str:
        """Hash the file, and those that hold weights of it."""
        digest = sha256(self.path.read_bytes())
        for each in self.beside:
            digest.update(each.read_bytes())
        return digest.hexdigest()

    def train(self, mode: bool = True) -> Self:
        """Stay as it is: a file holds the network as it was written."""
        del mode
        return self

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Compute logits: floats [N, C, H, W] in, float32 [N, K] out."""
        if _is_tracing() and not self.traceable:
            raise RuntimeError(f"{self.by} cannot be traced")
        outputs = self._rows(self._answers(images)).to(images.device)
        # The smallest number of float32 stands for zero, which has no logarithm.
        return outputs.clamp(min=1e-45).log() if self.gives_probabilities else outputs

    def settle(self, layout: Layout, scaling: Preprocessing, request: Request) -> tuple[int, str]:
        """Fix the layout, find the output that answers, and give its classes' number, in words too.

        Raises:
            TargetError: It fails on such images, or is not a classifier.
            ValueError: The request must say which output it is, or what it holds.
        """
        self.layout = layout
        self._as_bytes = self.input.is_whole and request.mean is None
        tried = [dict(each) for each in self._answers(layout.noise(_TRIED, scaling))]
        shapes = {name: [*answer.shape] for name, answer in tried[0].items()}
        count = self.input.shape[0] or (1 if self.alone else _TRIED)
        self.output = _choose(shapes, count, request.output, self.path)
        answers = self._rows(tried)
        self.gives_probabilities = request.outputs == "probabilities"
        if request.outputs is None and bool(((answers >= 0) & (answers <= 1)).all()):
            sums = answers.sum(1)
            # Those that were rounded to 256 levels sum to less than 1.5.
            rounded = self.output in self.rounded and float(sums.max()) < 1.5
            if not rounded and not bool(((sums - 1).abs() < 1e-3).all()):
                raise ValueError(
                    "its answers lie between 0 and 1, but sum to "
                    f"{float(sums.min()):.3g} to {float(sums.max()):.3g}, not to 1; say what they "
                    "are: [target] outputs = logits, probabilities or multi_label"
                )
            self.gives_probabilities = True
        gives = request.outputs or ("probabilities" if self.gives_probabilities else "logits")
        names = "" if len(shapes) == 1 else f" (its output {self.output!r} of {len(shapes)})"
        return answers.shape[1], f"takes {self._describe_input()}; gives {gives}{names}"

    def _answers(self, images: torch.Tensor) -> Iterator[Mapping[str, torch.Tensor]]:
        if images.requires_grad and self.no_gradients:
            raise TargetError(f"{self.path}: {self.no_gradients}")
        numbers = self._numbers(images.permute(0, 2, 3, 1) if self.layout.last else images)
        fixed = self.input.shape[0]
        for part in torch.split(numbers, 1 if self.alone else fixed or len(numbers)):
            missing = (fixed or len(part)) - len(part)
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
            raise TargetError(f"{self.path}: {self.by} failed on {shape}: {text[-300:]}") from error

    def _numbers(self, images: torch.Tensor) -> torch.Tensor:
        """Turn scaled images, or bytes, into the type that the file takes."""
        if not self.input.is_whole:
            return images.to(self.input.dtype)
        if images.requires_grad:
            raise TargetError(
                f"{self.path}: takes whole numbers, so it has no gradients; use it unquantised"
            )
        bounds = torch.iinfo(self.input.dtype)
        if self._as_bytes:
            images = images + bounds.min  # black is the lowest number
        else:
            assert self.input.scale is not None, "refused otherwise"
            images = images / self.input.scale + self.input.zero
        return images.round().clamp(bounds.min, bounds.max).to(self.input.dtype)

    def _rows(self, answers: Iterable[Mapping[str, torch.Tensor]]) -> torch.Tensor:
        """Concatenate the answers of :attr:`output`, without sizes of one, as in [N, K, 1, 1]."""
        given = [each[self.output] for each in answers]
        return torch.cat([each.reshape(len(each), -1).float() for each in given])

    def _describe_input(self) -> str:
        kind = str(self.input.dtype).removeprefix("torch.")
        order = "height, width, channels" if self.layout.last else "channels, height, width"
        batch = ", one image at a time" if self.alone or self.input.shape[0] == 1 else ""
        return f"{kind} [images, {order}]{batch}{self.remark}"


def load_file(module: FileModule, request: Request, *, must_scale: bool = False) -> Classifier:
    """Make a classifier of a network in a file; the request says what the file does not.

    It must say how images are scaled, if that ``must_scale``.

    Raises:
        TargetError: The file is not a classifier of images.
        ValueError: Something is missing, or options do not fit the file.
    """
    if request.weights is not None:
        raise ValueError("the file contains its weights; leave 'weights' out")
    first: Exception | None = None
    for layout in layouts_of(module.path, module.input, request.size):
        requested = {"mean": request.mean, "std": request.std}
        scaling = scaling_of(layout, module.input, requested, scale=must_scale)
        try:
            count, description = module.settle(layout, scaling, request)
        except TargetError as error:
            first = first or error
            continue
        choices = "".join(f" {each}" for each in (request.output, request.outputs) if each)
        return Classifier(
            request.model,
            module,
            scaling,
            count,
            None,
            f"{module.path}, by {module.by}",
            content=module.digest() + choices,
            found=description,
            # Whatever else it gives comes as logarithms.
            outputs="multi_label" if request.outputs == "multi_label" else "logits",
            no_gradients=module.no_gradients,
            traceable=module.traceable,
        )
    assert first is not None, "there is at least one layout"
    raise first


def _choose(shapes: Mapping[str, list[int]], count: int, wanted: str | None, path: Path) -> str:
    """Choose the output that holds classes."""
    named = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
    rows = {name: shape for name, shape in shapes.items() if shape[:1] == [count]}
    fit = [name for name, shape in rows.items() if sum(size > 1 for size in shape[1:]) == 1]
    if wanted is not None:
        names = list(shapes)
        name = names[int(wanted)] if wanted.isdecimal() and int(wanted) < len(names) else wanted
        if name not in fit:
            why = "is not [images, classes]" if name in shapes else "there is no such output"
            raise ValueError(f"output = {wanted}: {why}; the file has {named}")
        return name
    if not fit:
        raise TargetError(f"{path}: answers {named} to {count} images, not [images, classes]")
    if len(fit) > 1:
        raise ValueError(
            f"has several outputs that may be classes; choose one with [target] output = NAME: "
            f"{', '.join(f'{name} {shapes[name]}' for name in fit)}"
        )
    return fit[0]


def _is_tracing() -> bool:
    traced: bool = getattr(torch.jit, "is_tracing", bool)()
    return traced
