"""Targets made from Python objects: a torch module, or any callable."""

import hashlib
import inspect
import reprlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import update_wrapper
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from pydantic import BaseModel

from neatfool.errors import ExperimentError, NeatfoolError, TargetError, cause
from neatfool.experiment.plugin_choice import PluginChoice
from neatfool.network.devices import is_out_of_memory
from neatfool.network.network import Network
from neatfool.network.outputs import find_format
from neatfool.plugin.registration import Registration
from neatfool.run.folder import FROM_PYTHON
from neatfool.scoring.checks import find_fault
from neatfool.scoring.repeatability import probe_images
from neatfool.spec.image_spec import ImageSpec, Outputs
from neatfool.spec.scores import Scores, as_numbers
from neatfool.spec.target import Target


def target_of(model: Any, spec: ImageSpec, **how: Any) -> Target:
    """Make a target of a module, read as :class:`ModuleTarget` says, or of a function."""
    if spec.is_objective and not isinstance(model, Target):
        return FunctionObjective(model, spec, differentiable=bool(how.get("differentiable")))
    how.pop("differentiable", None)
    if isinstance(model, torch.nn.Module):
        return ModuleTarget(model, spec, **how)
    if isinstance(model, Target):
        own = model.spec
        for name, given, wanted in (
            ("image", spec.shape, own.shape),
            ("classes", spec.classes, own.classes),
        ):
            if given != wanted:
                fault = f"{reprlib.repr(given)} is not its spec's, {reprlib.repr(wanted)}"
                raise ExperimentError(f"{name}: {fault}")
        return model
    if callable(model) and not inspect.isclass(model):
        return CallableTarget(model, spec, how.get("outputs"))
    raise ExperimentError(
        f"model: {reprlib.repr(model)} is not a model; give a torch module in evaluation mode, or "
        "a function from uint8 [N, C, H, W] to probabilities. Weights have to be loaded into their "
        f"module, module.load_state_dict(weights). An estimator takes rows of numbers: {AS_ROWS}"
    )


AS_ROWS: Final = (
    "fool(lambda images: model.predict_proba(images.reshape(len(images), -1) / 255), …)"
)
AS_CHANNELS_LAST: Final = (
    "if it takes [N, H, W, C], as Keras and TensorFlow do, give neatfool.channels_last(model)"
)


def channels_last(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Adapt a function of images [N, H, W, C], as Keras and TensorFlow have them.

    For example::

        run = neatfool.fool(neatfool.channels_last(model), image=(3, 224, 224), classes=names)

    Args:
        function: Takes uint8 [N, H, W, C] (numpy).

    Returns:
        A function that takes uint8 [N, C, H, W], for :func:`neatfool.fool`.
    """

    def transposed(images: np.ndarray) -> Any:
        images = np.ascontiguousarray(images.transpose(0, 2, 3, 1))
        with _blaming_the_model(images.shape):
            return function(images)

    return update_wrapper(transposed, function, (), ())


class CallableTarget(Target):
    """A function from uint8 [N, C, H, W] to probabilities [N, K] as a target."""

    def __init__(
        self, function: Callable[[Any], Any], spec: ImageSpec, outputs: Outputs | None
    ) -> None:
        """Wrap a function that gives :class:`neatfool.Scores`, or what ``outputs`` says."""
        self.spec = replace(spec, array="numpy", sums_to_one=outputs != "multi_label")
        self._function = function
        self._binary = self.spec.sums_to_one and len(spec.classes) == 2
        self._logits: bool | None = None if outputs == "multi_label" else outputs == "logits"

    def score(self, images: np.ndarray) -> Scores:
        """Call the function."""
        answer = self._call(images)
        if isinstance(answer, Scores):
            return answer
        if self._logits is None:
            self._logits = not self._gives_confidences(len(images))
        if self._logits:
            logits = np.asarray(answer, np.float64)
            if self.spec.sums_to_one:
                return Scores(torch.from_numpy(logits).softmax(1).numpy(), logits)
            from scipy.special import expit

            return Scores(expit(logits), logits)
        if fault := find_fault(answer[np.isfinite(answer).all(1)], self.spec):
            raise TargetError(
                f"model: gives {fault}; a function gives probabilities, whose sum is 1. If they "
                'are logits, say outputs="logits", and their softmax counts; if each class has its '
                'own confidence or logit, say outputs="multi_label"'
            )
        return Scores(answer)

    def _call(self, images: np.ndarray) -> Any:
        with _blaming_the_model(images.shape, self._function):
            answer = self._function(images)
        if isinstance(answer, Scores):
            return answer
        numbers = as_numbers(answer, "probabilities", "model")
        if self._binary and numbers.shape == (len(images), 1):
            first = np.zeros_like(numbers) if self._logits else 1 - numbers
            numbers = np.hstack([first, numbers])
        _check_shape(numbers, len(images), self.spec)
        return numbers

    def _gives_confidences(self, size: int) -> bool:
        """Find out what multi-label numbers are, from varied images, ``size`` in each call."""
        probes = probe_images(self.spec)
        probes = np.resize(probes, (-(-len(probes) // size) * size, *self.spec.shape))
        numbers = np.concatenate([*map(self._call, probes.reshape(-1, size, *self.spec.shape))])
        return find_format(torch.from_numpy(numbers), "multi_label").applied

    def fingerprint(self) -> str:
        """Hash the file that the function, or the object's class, is defined in."""
        return hashlib.sha256(source_of(self._function)).hexdigest()


class FunctionObjective(Target):
    """A function from images to any real numbers as a target."""

    def __init__(
        self, function: Callable[[Any], Any], spec: ImageSpec, *, differentiable: bool = False
    ) -> None:
        """Wrap a function of uint8 (numpy), or a differentiable one of floats (torch)."""
        if not callable(function) or inspect.isclass(function):
            fault = f"{reprlib.repr(function)} is no function"
            raise ExperimentError(f"score: {fault}; give one from images to numbers")
        self.spec = replace(spec, array="torch" if differentiable else "numpy")
        self.function = function
        self.no_gradients = "say differentiable=True if score computes with torch"
        if differentiable:
            self.logits_of = self._values_to_differentiate

    def score(self, images: Any) -> Any:
        """Call the function."""
        if self.spec.array == "numpy":
            return self._call(images)
        with torch.no_grad():
            return self._call(images.float())

    def _call(self, images: Any) -> Any:
        try:
            answer = self.function(images)
        except (Exception, SystemExit) as error:
            if isinstance(error, NeatfoolError) or is_out_of_memory(error):
                raise
            fault = f"failed on images [N, C, H, W] of shape {tuple(images.shape)}"
            raise TargetError(f"score: {fault}: {cause(error)}") from error
        if answer is None:
            raise TargetError("score: returned None; return an array of floats, one for each image")
        if isinstance(answer, tuple) and len(answer) == 2 and not self.spec.grid:
            fault = "returned a pair, which is scores and measures, but there is no grid"
            raise TargetError(f"score: {fault}; give grid=[(low, high, cells), ...]")
        return answer

    def _values_to_differentiate(self, images: torch.Tensor) -> torch.Tensor:
        answer = self.function(images)
        values: torch.Tensor = answer[0] if self.spec.grid else answer
        # One column stands for all cells of a grid.
        return values.reshape(len(images), -1).expand(-1, len(self.spec.classes))

    def fingerprint(self) -> str:
        """Hash the file that the function is defined in."""
        return hashlib.sha256(source_of(self.function)).hexdigest()


class ModuleTarget(Target):
    """A torch classifier as a target; a copy of it computes, and torch can differentiate it."""

    def __init__(
        self,
        module: torch.nn.Module,
        spec: ImageSpec,
        *,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        device: str = "auto",
        outputs: Outputs | None = None,
    ) -> None:
        """Wrap a module, and call it with a few images to find out what it gives.

        Args:
            module: The classifier, in evaluation mode. It takes (image / 255 - mean) / std, float
                [N, C, H, W], and gives [N, K].
            spec: Which images it takes, and its classes.
            mean: A number for each channel, as torchvision means it; 0 if absent.
            std: The same; 1 if absent.
            device: ``auto`` (the GPU if there is one), or torch's name of a device.
            outputs: What it gives: ``logits``, ``probabilities`` or ``multi_label``. If absent,
                that is found out.

        Raises:
            TargetError: The module is in training mode, or gives something else.
            ExperimentError: There is no such device.
        """
        shift = [255 * each for each in mean or [0.0] * spec.channels]
        scale = [255 * each for each in std or [1.0] * spec.channels]
        self._scale = {"mean": torch.tensor(shift), "std": torch.tensor(scale)}
        self._network = Network(module, mean=shift, std=scale, device=device, outputs=outputs)
        self.networks = [self._network]
        with _blaming_the_model((1, *spec.shape), module):
            self._reading = self._network.settle(spec.shape)
        alone = self._reading.outputs == "multi_label"
        self.spec = replace(spec, array="torch", sums_to_one=not alone)

    def score(self, images: torch.Tensor) -> Scores:
        """Run the module."""
        with _blaming_the_model(images.shape, self._network.module):
            scores = self._network.score(images)
        _check_shape(scores.probs, len(images), self.spec)
        return scores

    def logits_of(self, images: torch.Tensor) -> torch.Tensor:
        """Run the module for torch to differentiate, in float32."""
        return self._network.logits_of(images)

    def describe(self) -> str:
        """Say what the module gives, and how it is called."""
        return self._network.describe()

    def fingerprint(self) -> str:
        """Hash the module's class, parameters and buffers, and how its numbers are read."""
        module = self._network.module
        digest = hashlib.sha256(source_of(module))
        # A state dict lacks buffers that are not persistent, the constants of a wrapper say.
        own = {**dict(module.named_buffers()), **module.state_dict()}
        # A program of torch has code, and a frozen one has tensors in its graph.
        kept = {"code": str(getattr(module, "code", "")), **self._scale}
        kept |= {f"own {name}" if name in kept else name: own[name] for name in own}
        if isinstance(module, torch.jit.ScriptModule):
            graph: Any = module.inlined_graph
            for place, node in enumerate(graph.findAllNodes("prim::Constant")):
                kept[f"constant {place}"] = next(iter(node.outputs())).toIValue()
        for name, value in sorted(kept.items()):
            digest.update(name.encode())
            _hash(value, digest)
        digest.update(repr((self._reading.outputs, self._reading.applied)).encode())
        return digest.hexdigest()


class ModelSource(BaseModel):
    """What a run records of a target from Python: its name, and how its numbers are read."""

    model: str = "model"
    mean: list[float] | None = None
    std: list[float] | None = None
    outputs: Outputs | None = None
    differentiable: bool = False


class PythonRegistration(Registration):
    """A target that Python code handed in, in the place of a plugin's."""

    @property
    def label(self) -> str:
        """What messages call it."""
        return self.source


def choice_of(target: Target, given: ModelSource, label: str = "") -> PluginChoice:
    """Make a target from Python the choice of an experiment; messages call it ``label``."""
    label = label or f"target {given.model!r} (from Python)"
    return PluginChoice(
        PythonRegistration(FROM_PYTHON, "target", lambda _: target, ModelSource, label), given
    )


def source_of(thing: Any) -> bytes:
    """Give the qualified name of a function, a class or an object's class, and its file's bytes."""
    # A decorator's file is not the file of the function that it wraps.
    thing = inspect.unwrap(thing) if inspect.isroutine(thing) else thing
    defined = thing if inspect.isroutine(thing) or inspect.isclass(thing) else type(thing)
    name = getattr(defined, "__qualname__", repr(defined)).encode()
    try:
        path = inspect.getsourcefile(defined)
        return name + (Path(path).read_bytes() if path else b"")
    except (TypeError, OSError):
        return name


def _hash(value: Any, digest: Any) -> None:
    """Hash a tensor, or what holds tensors, as quantised layers keep their weights."""
    if isinstance(value, tuple | list):
        for each in value:
            _hash(each, digest)
    elif isinstance(value, torch.Tensor):
        plain = (value.dequantize() if value.is_quantized else value).detach().cpu()
        digest.update(str(tuple(plain.shape)).encode())
        digest.update(plain.flatten().contiguous().view(torch.uint8).numpy().tobytes())
    else:
        digest.update(repr(value).encode())


@contextmanager
def _blaming_the_model(shape: Sequence[int], model: Any = None) -> Iterator[None]:
    """Turn an exception of the model's code into a message in the words of fool's arguments."""
    try:
        yield
    except (Exception, SystemExit) as error:
        if isinstance(error, NeatfoolError) or is_out_of_memory(error):
            raise
        advice = "If it takes other images, say so with image=(channels, height, width)"
        if not isinstance(model, torch.nn.Module):
            advice = f"It gets a numpy array, uint8 [N, C, H, W]. {advice}; {AS_CHANNELS_LAST}"
            advice = f"{advice}; if rows of numbers, {AS_ROWS}"
        fault = f"failed on images of shape {tuple(shape)}: {cause(error)}"
        raise TargetError(f"model: {fault}. {advice}") from error


def _check_shape(numbers: Any, count: int, spec: ImageSpec) -> None:
    if np.shape(numbers) != (wanted := (count, len(spec.classes))):
        fault = f"gives shape {np.shape(numbers)} for {count} images; it must be [images, classes]"
        raise TargetError(f"model: {fault}, here {wanted}; give the names of all its classes")
