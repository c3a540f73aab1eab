"""Targets made from Python objects: a torch module, or any callable."""

from __future__ import annotations

import hashlib
import inspect
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from neatfool.errors import ExperimentError, NeatfoolError, TargetError, cause
from neatfool.evolution.fingerprints import fingerprint_of_code, source_of
from neatfool.network.memory import is_out_of_memory
from neatfool.network.network import PLAIN, Network, in_form
from neatfool.scoring.answers import ROUNDING, as_numbers
from neatfool.spec.scores import Scores
from neatfool.spec.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from neatfool.spec.image_spec import ImageSpec


def target_of(
    model: Any,
    spec: ImageSpec,
    *,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    device: str = "auto",
) -> Target:
    """Make a target of a torch module or a function; give a target back as it is.

    ``mean``, ``std`` and ``device`` are for a module; see :class:`ModuleTarget`.

    Raises:
        ExperimentError: The model is none of the three, its images or classes do not fit
            ``spec``, or the device does not exist.
        TargetError: A module is in training mode.
    """
    if isinstance(model, torch.nn.Module):
        spec = replace(spec, array="torch")
        return ModuleTarget(model, spec, mean=mean, std=std, device=device)
    if isinstance(model, Target):
        if (model.spec.shape, model.spec.classes) != (spec.shape, spec.classes):
            raise ExperimentError(
                f"image, classes: {spec.shape} and {len(spec.classes)} classes, but the target "
                f"takes {model.spec.shape} and has {len(model.spec.classes)}; give those of its "
                "spec"
            )
        return model
    if not callable(model) or inspect.isclass(model):
        raise ExperimentError(
            f"model: {model!r} is not a model; give a torch module in evaluation mode, or a "
            "function from uint8 [N, C, H, W] to probabilities"
        )
    return CallableTarget(model, replace(spec, array="numpy"))


class CallableTarget:
    """A function from uint8 [N, C, H, W] to probabilities [N, K] as a target."""

    def __init__(self, function: Callable[[Any], Any], spec: ImageSpec) -> None:
        """Wrap a function that gives probabilities or :class:`neatfool.Scores`."""
        self.spec = spec
        self._function = function

    def score(self, images: np.ndarray) -> Scores:
        """Call the function.

        Raises:
            TargetError: It failed, or gave no probabilities, or those of other classes.
        """
        with _blaming_the_model(images):
            answer = self._function(images)
        if isinstance(answer, Scores):
            return answer
        probs = as_numbers(answer, "probabilities", "model")
        _check_shape(probs.shape, len(images), self.spec)
        _check_probabilities(probs[np.isfinite(probs).all(1)])
        return Scores(probs)

    def fingerprint(self) -> str:
        """Hash the file that the function, or the object's class, is defined in."""
        return fingerprint_of_code(self._function)


class ModuleTarget:
    """A torch classifier in evaluation mode as a target.

    The module takes float32 [N, C, H, W] in [0, 1], less ``mean`` and divided by ``std`` if given.
    It returns logits [N, K], or probabilities. Its first batch decides which: probabilities are
    not negative, and each row sums to one.
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
            module: The classifier. It is moved to the device, in memory layout channels-last.
            spec: Its images and classes; ``spec.array`` is ``"torch"``.
            mean: What to subtract from each channel of images in [0, 1].
            std: What to divide each channel by, after that.
            device: ``auto``, or a torch device.

        Raises:
            TargetError: The module is in training mode.
            ExperimentError: The device does not exist.
        """
        self.spec = spec
        self._scale = (
            [255 * each for each in mean or [0.0] * spec.channels],
            [255 * each for each in std or [1.0] * spec.channels],
        )
        self._network = Network(module, mean=self._scale[0], std=self._scale[1], device=device)
        self.networks = [self._network]
        self._probabilities: bool | None = None

    def score(self, images: torch.Tensor) -> Scores:
        """Run the module.

        Raises:
            TargetError: It failed, or gave no tensor, or one for other classes.
        """
        with _blaming_the_model(images):
            scores = self._network.score(images)
        _check_shape(scores.probs.shape, len(images), self.spec)
        if self._probabilities is None:
            self._probabilities = self._gives_probabilities(images)
        if not self._probabilities:
            return scores
        assert scores.logits is not None
        probs = scores.logits
        if self._network.form.precision != "fp32":
            # In half precision probabilities do not sum to one.
            probs = probs / probs.sum(1, keepdims=True)
        return Scores(probs)

    def logits_of(self, images: torch.Tensor) -> torch.Tensor:
        """Run the module for torch to differentiate, in float32."""
        outputs = self._network.logits_of(images)
        if self._probabilities is None:
            self._probabilities = _look(outputs.detach())
        if not self._probabilities:
            return outputs
        return outputs.clamp(min=torch.finfo(outputs.dtype).tiny).log()

    def _gives_probabilities(self, images: torch.Tensor) -> bool | None:
        """Run the module in float32 and say whether it gives probabilities; None if all is NaN."""
        with in_form(self.networks, PLAIN):
            return _look(self._network(images))

    def fingerprint(self) -> str:
        """Hash the module's class, parameters and buffers, and the normalisation."""
        module = self._network.module
        digest = hashlib.sha256(source_of(module))
        mean, std = map(torch.tensor, self._scale)
        tensors = {**module.state_dict(), "mean": mean, "std": std}
        for name, tensor in sorted(tensors.items()):
            digest.update(f"{name} {tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().cpu().flatten().view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()


@contextmanager
def _blaming_the_model(images: Any) -> Iterator[None]:
    """Turn an exception of the model's code into a message in the words of fool's arguments."""
    try:
        yield
    except Exception as error:
        if isinstance(error, NeatfoolError) or is_out_of_memory(error):
            raise
        raise TargetError(
            f"model: failed on images of shape {tuple(images.shape)}: {cause(error)}. "
            f"If it takes other images, say so with image=(channels, height, width)"
        ) from error


def _check_shape(shape: tuple[int, ...], count: int, spec: ImageSpec) -> None:
    classes = len(spec.classes)
    if shape == (count, classes):
        return
    if len(shape) == 2 and shape[0] == count:
        raise TargetError(
            f"classes: there are {classes}, but the model gives {shape[1]} numbers for an image; "
            "give the names of all its classes, or their number"
        )
    raise TargetError(
        f"model: its answer for {count} images has shape {tuple(shape)}; it must give [images, "
        f"classes], here {(count, classes)}"
    )


def _check_probabilities(probs: np.ndarray) -> None:
    if not len(probs):
        return
    low, high, sums = float(probs.min()), float(probs.max()), probs.sum(1)
    worst = float(sums[np.abs(sums - 1).argmax()])
    if low < -ROUNDING or high > 1 + ROUNDING:
        found = f"numbers from {low:.4g} to {high:.4g}"
    elif abs(worst - 1) > ROUNDING:
        found = f"an image numbers that sum to {worst:.4g}"
    else:
        return
    raise TargetError(
        f"model: gives {found}, but a function must give probabilities, whose sum is 1: the "
        "softmax of a network's outputs. If its classes do not exclude one another, hand in a "
        "target whose spec says sums_to_one=False"
    )


def _look(outputs: torch.Tensor) -> bool | None:
    """Say whether outputs are probabilities; None if no row is finite."""
    finite = outputs[outputs.isfinite().all(1)]
    return _are_probabilities(finite) if len(finite) else None


def _are_probabilities(outputs: torch.Tensor) -> bool:
    sums = outputs.sum(1)
    return bool((outputs >= 0).all()) and bool(((sums - 1).abs() < ROUNDING).all())
