"""Modules as people write them, called in one way: bytes in, logits and probabilities out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from neatfool.errors import TargetError

if TYPE_CHECKING:
    from neatfool.network.outputs import Reading


class TensorModule(nn.Module):
    """A classifier that gives one tensor [N, K], whatever the module inside gives.

    Attributes:
        module: The module.
        alone: Whether it takes one image at a time.
        taken: Which part of its answer is taken, in words; empty if it gives a tensor.
        dtype: The type of numbers that it takes.
    """

    def __init__(self, module: nn.Module) -> None:
        """Take a module in evaluation mode."""
        super().__init__()
        self.training = False
        self.module = module
        # A layer that is dynamically quantised rounds by the range of a whole batch.
        self.alone = any(".quantized.dynamic." in type(m).__module__ for m in module.modules())
        self.taken = ""
        floats = (each.dtype for each in module.parameters() if each.is_floating_point())
        self.dtype = next(floats, torch.float32)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Compute numbers [N, K] of float images [N, C, H, W]."""
        images = images.to(self.dtype)
        parts = torch.split(images, 1) if self.alone else (images,)
        answers = [self._take(self.module(part), len(part)) for part in parts]
        return torch.cat(answers) if self.alone else answers[0]

    def _take(self, answer: Any, count: int) -> torch.Tensor:
        """Take the tensor [count, K] out of what the module answers.

        Raises:
            TargetError: There is none.
        """
        for part, self.taken in _parts(answer):
            if isinstance(part, torch.Tensor) and (fits := _as_rows(part, count)) is not None:
                return fits
        raise TargetError(
            f"{name_of(self)} gives {_describe(answer)} for {count} images, and no tensor of "
            "logits [images, classes]; wrap it in a module whose forward returns that: "
            "`return self.model(images)[...]`"
        )


class FromBytes(nn.Module):
    """A module that takes bytes, and gives logits and probabilities."""

    def __init__(
        self,
        module: TensorModule,
        mean: torch.Tensor,
        std: torch.Tensor,
        *,
        dtype: torch.dtype,
        layout: torch.memory_format,
        reading: Reading,
    ) -> None:
        """Take a module, and say in which precision and layout it computes."""
        super().__init__()
        self.training = False
        self.module = module
        self.dtype = dtype
        self.layout = layout
        self.reading = reading
        self.mean: torch.Tensor
        self.std: torch.Tensor
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def numbers(self, images: torch.Tensor) -> torch.Tensor:
        """Turn bytes into the module's input."""
        images = images.contiguous(memory_format=self.layout)
        return (images.float() - self.mean) / self.std

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Compute logits and probabilities, float32 [N, K], of uint8 [N, C, H, W]."""
        numbers = self.numbers(images)
        half = self.dtype is not torch.float32
        # Autocast keeps the weights, and operations that need it, in float32. Its cache of weights
        # would be wrong in a traced graph.
        with torch.autocast(images.device.type, self.dtype, enabled=half, cache_enabled=False):
            outputs = self.module(numbers)
        logits, probs = self.reading.read(outputs)
        if half and self.reading.outputs == "probabilities":
            # In half precision they do not sum to one.
            probs = probs / probs.sum(1, keepdim=True)
        return logits, probs


def name_of(module: nn.Module) -> str:
    """Give the name of a module's class, which messages call it by."""
    return type(module.module if isinstance(module, TensorModule) else module).__name__


def _parts(answer: Any) -> Iterable[tuple[Any, str]]:
    """List what may be the logits, the likeliest first, each with its name."""
    if isinstance(answer, torch.Tensor):
        return [(answer, "")]
    logits = answer.get("logits") if isinstance(answer, Mapping) else None
    if (logits := getattr(answer, "logits", logits)) is not None:
        return [(logits, "its output 'logits'")]
    if isinstance(answer, Mapping):
        return [(each, f"its output {name!r}") for name, each in answer.items()]
    if isinstance(answer, tuple | list):
        return [(each, f"its output {place}") for place, each in enumerate(answer)]
    return []


def _as_rows(part: torch.Tensor, count: int) -> torch.Tensor | None:
    """Bring a tensor to [count, K]; None if it does not hold a row for each image."""
    if part.ndim == 1 and (count == 1 or len(part) == count):
        return part.reshape(count, -1)
    if part.ndim < 2 or len(part) != count or part[0].numel() != part.shape[1]:
        return None
    return part.flatten(1) if part.ndim > 2 else part


def _describe(answer: Any) -> str:
    if isinstance(answer, torch.Tensor):
        return f"a tensor {[*answer.shape]}"
    return type(answer).__name__
