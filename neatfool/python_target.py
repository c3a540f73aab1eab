"""Targets made of what a Python session holds: a torch module, or any callable."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import torch

from neatfool.devices import pick_device
from neatfool.errors import TargetError
from neatfool.fingerprints import fingerprint_of_code, source_of
from neatfool.scoring import ROUNDING
from neatfool.spec import ImageSpec, Scores

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np


class CallableTarget:
    """A function from uint8 [N, C, H, W] to probabilities [N, K] as a target."""

    def __init__(self, function: Callable[[Any], Any], spec: ImageSpec) -> None:
        """Wrap a function.

        Args:
            function: Gives probabilities, or :class:`neatfool.Scores`.
            spec: The images it takes and the classes it gives.
        """
        self.spec = spec
        self._function = function

    def score(self, images: np.ndarray) -> Scores:
        """Call the function."""
        answer = self._function(images)
        return answer if isinstance(answer, Scores) else Scores(answer)

    def fingerprint(self) -> str:
        """Hash the file that the function, or the object's class, is defined in."""
        return fingerprint_of_code(self._function)


class ModuleTarget:
    """A torch classifier in evaluation mode as a target.

    The module is given float32 [N, C, H, W] in [0, 1], less ``mean`` and divided by ``std`` where
    these are given, and gives logits [N, K]. Where what it gives are probabilities already (no
    negative number, each row sums to one), they are taken as they are; the first numbers decide.
    """

    def __init__(
        self,
        module: torch.nn.Module,
        spec: ImageSpec,
        *,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        device: str = "auto",
    ) -> None:
        """Wrap a module.

        Args:
            module: The classifier; moved to the device.
            spec: The images it takes and the classes it gives; ``spec.array`` is ``"torch"``.
            mean: What to subtract from each channel of images in [0, 1].
            std: What to divide each channel by, after that.
            device: ``auto``, or a torch device.

        Raises:
            TargetError: The module is in training mode.
            ExperimentError: There is no such device.
        """
        if module.training:
            raise TargetError(
                f"{type(module).__name__} is in training mode, where its scores change from call "
                "to call; call .eval() on it first"
            )
        self.spec = spec
        self._device = pick_device(device)
        self._module = module.to(self._device)
        shape = (1, spec.channels, 1, 1)
        self._mean = torch.tensor(mean or [0.0] * spec.channels, device=self._device).view(shape)
        self._probabilities: bool | None = None
        self._std = torch.tensor(std or [1.0] * spec.channels, device=self._device).view(shape)

    @torch.inference_mode()
    def score(self, images: torch.Tensor) -> Scores:
        """Run the module."""
        inputs = (images.to(self._device).float() / 255 - self._mean) / self._std
        outputs = self._module(inputs)
        if not isinstance(outputs, torch.Tensor):
            raise TargetError(
                f"{type(self._module).__name__} gives {type(outputs).__name__}, not a tensor of "
                "logits; pass a callable that returns probabilities instead"
            )
        outputs = outputs.float()
        finite = outputs[outputs.isfinite().all(1)]
        if self._probabilities is None and len(finite):
            self._probabilities = _are_probabilities(finite)
        if self._probabilities:
            return Scores(outputs.cpu().numpy())
        return Scores(outputs.softmax(1).cpu().numpy(), logits=outputs.cpu().numpy())

    def fingerprint(self) -> str:
        """Hash the module's class, parameters and buffers, and the normalisation."""
        digest = hashlib.sha256(source_of(self._module))
        tensors = {**self._module.state_dict(), "mean": self._mean, "std": self._std}
        for name, tensor in sorted(tensors.items()):
            digest.update(f"{name} {tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().cpu().flatten().view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()


def _are_probabilities(outputs: torch.Tensor) -> bool:
    sums = outputs.sum(1)
    return bool((outputs >= 0).all()) and bool(((sums - 1).abs() < ROUNDING).all())
